/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_fuzz.c: hostile segments, their options too, against listening, connecting and connected sockets, while the program does
 * this and that. Numbers and ports are mostly near what is expected, so that states of every depth are reached. The memory
 * is ASan's to watch; counters must stay sound, and everything must be free in the end.
 */
#include "../unit/test.h"

#include "../unit/tcp_wire.h"
#include "net/tcp/fastopen.h"
#include "net/tcp/sockopt.h"
#include <asm/socket.h>

#define ROUNDS   400
#define SEGMENTS 400
#define PEERS    3

static uint64_t seed = 0x2545f4914f6cdd1dull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint32_t seen_seq, seen_ack, seen_ts; /* of the last segment that we sent */
static uint16_t seen_port = 80;

static void wire_out(struct pktbuf *p, const struct flow *f)
{
    const struct tcp_header *h = (void *)p->data;

    seen_seq = be32(h->seq) + p->total - (h->doff >> 4) * 4 + (h->flags & TH_SYN ? 1 : 0);
    if (h->flags & TH_ACK)
        seen_ack = be32(h->ack);
    seen_port = be16(h->sport);
    if (h->doff >> 4 >= 8 && get_be32(p->data + 20) == 0x0101080a)
        seen_ts = get_be32(p->data + 24);
    pktbuf_free(p);
}

static uint32_t near(uint32_t n)
{
    switch (rnd() % 8) {
    case 0:
        return n + rnd() % 3000;
    case 1:
        return n - rnd() % 3000;
    case 2:
        return rnd();
    case 3:
        return n + rnd() % 100000;
    default:
        return n;
    }
}

static unsigned options(uint8_t *o)
{
    unsigned n = 0;

    if (rnd() % 4) { /* good ones first */
        if (rnd() % 2) {
            memcpy(o, (uint8_t[]){ 1, 1, 8, 10 }, 4);
            put_be32(o + 4, rnd() % 2 ? 1000 + rnd() % 100 : rnd());
            put_be32(o + 8, near(seen_ts));
            n = 12;
        }
        if (rnd() % 3 == 0) {
            unsigned nr = 1 + rnd() % 3;

            o[n] = o[n + 1] = 1;
            o[n + 2] = 5;
            o[n + 3] = 2 + 8 * nr;
            for (unsigned i = 0; i < nr; i++) {
                uint32_t a = near(seen_seq);

                put_be32(o + n + 4 + 8 * i, a);
                put_be32(o + n + 8 + 8 * i, a + rnd() % 5000);
            }
            n += 4 + 8 * nr;
        } else if (rnd() % 2 && n <= 28) {
            memcpy(o + n, (uint8_t[]){ 2, 4, rnd(), rnd(), 1, 3, 3, rnd() % 16, 4, 2, 1, 1 }, 12);
            n += 12;
        }
        if (rnd() % 4 == 0 && n <= 28) { /* fast open: a request, or some cookie */
            unsigned len = rnd() % 2 ? 8 : 0;

            o[n] = 34;
            o[n + 1] = 2 + len;
            memset(o + n + 2, rnd(), 8);
            n += 2 + len;
            o[n] = o[n + 1] = 1;
            n += 2;
        }
    }
    if (rnd() % 4 == 0)
        while (n < 40 && rnd() % 6)
            o[n++] = rnd() % 3 ? rnd() % 10 : rnd();
    while (n % 4)
        o[n++] = rnd() % 2;
    return MIN(n, 40u);
}

static void segment(void)
{
    static const uint8_t common[] = { TH_ACK,          TH_ACK,          TH_ACK | TH_PSH,
                                      TH_SYN,          TH_SYN | TH_ACK, TH_ACK | TH_FIN,
                                      TH_RST,          TH_RST | TH_ACK, TH_ACK | TH_URG,
                                      TH_ACK | TH_ECE, TH_ACK | TH_CWR, TH_SYN | TH_ECE | TH_CWR };
    uint8_t o[64];
    unsigned opts = options(o), len = rnd() % 3 ? 0 : rnd() % 3000;
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, 60 + len);
    struct inaddr src = wire_addr(10 + rnd() % PEERS), dst = wire_addr(1);
    struct tcp_header h = { .sport = be16(rnd() % 2 ? 4000 : 4001),
                            .dport = be16(rnd() % 3 ? seen_port : 80) };

    h.seq = be32(near(seen_ack));
    h.ack = be32(near(seen_seq));
    h.flags = rnd() % 8 ? common[rnd() % sizeof(common)] : rnd();
    h.doff = rnd() % 30 ? (sizeof(h) + opts) << 2 : rnd();
    h.window = rnd() % 4 ? 0xffff : rnd() % 4 ? be16(rnd() % 10) : 0;
    h.urgent = rnd() % 100;
    memcpy(pktbuf_put(p, sizeof(h)), &h, sizeof(h));
    memcpy(pktbuf_put(p, opts), o, opts);
    memset(pktbuf_put(p, len), rnd(), len);
    if (rnd() % 50 == 0)
        pktbuf_trim(p, rnd() % (p->total + 1));
    if (rnd() % 100)
        p->csum = CSUM_VALID;
    if (rnd() % 20 == 0 && len) {
        p->gso = GSO_TCPV4;
        p->gso_size = 1 + rnd() % 1460;
        p->gso_segs = len / p->gso_size + 1;
    }
    wire_deliver(p, &src, &dst, rnd() % 4);
    cond_resched();
}

#define SOCKETS 8
static struct socket *socks[SOCKETS], *listening;

static void check(struct socket *s)
{
    struct tcp_sock *t = tcp_of(s);
    uint32_t wmem = 0, sacked = 0, lost = 0, retrans = 0, seq = t->snd_una;

    if (t->state == TCP_LISTEN || t->state == TCP_CLOSE || t->state == TCP_SYN_SENT ||
        t->state == TCP_SYN_RECV)
        return;
    for (struct tcp_seg *x = t->first; x; x = x->next) {
        uint32_t n = seg_end(x) - x->seq;

        CHECK(x->seq == seq);
        seq = seg_end(x);
        wmem += x->truesize;
        sacked += x->flags & SEG_SACKED ? n : 0;
        lost += x->flags & SEG_LOST ? n : 0;
        retrans += x->flags & SEG_RETRANS ? n : 0;
    }
    CHECK(seq == t->write_seq);
    CHECK(wmem == t->wmem);
    CHECK(lost == t->lost && retrans == t->retrans);
    CHECK(sacked == t->sacked || !t->sack_on);
    CHECK(t->cwnd >= t->mss);
    CHECK((t->unsent ? t->unsent->seq : t->write_seq) == t->snd_nxt);
}

static void program(void)
{
    static uint8_t buf[70000];
    unsigned i = rnd() % SOCKETS;
    struct sockaddr_any name = wire_name(10 + rnd() % PEERS, 4000 + rnd() % 2);

    if (!socks[i]) {
        if (rnd() % 4 == 0) {
            socks[i] = wire_socket();
            if (socks[i] && rnd() % 4) {
                if (rnd() % 2)
                    wire_set(socks[i], IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
                socks[i]->ops->connect(socks[i], &name, true);
            } else if (socks[i]) {
                struct iov v;
                struct socket_msg m = {
                    .iov = &v, .name = &name, .flags = MSG_DONTWAIT | MSG_FASTOPEN, .deadline_ns = TIME_NEVER
                };

                iov_kernel(&v, buf, rnd() % 3000);
                socks[i]->ops->sendmsg(socks[i], &m);
            }
        } else {
            listening->ops->accept(listening, &socks[i], true);
        }
        return;
    }
    check(socks[i]);
    switch (rnd() % 10) {
    case 0:
        if (rnd() % 4 == 0) {
            socks[i]->ops->release(socks[i]);
            socks[i] = NULL;
        }
        break;
    case 1:
        if (rnd() % 4 == 0)
            socks[i]->ops->shutdown(socks[i], rnd() % 3);
        break;
    case 2:
    case 3:
    case 4:
        wire_receive(socks[i], buf, 1 + rnd() % 5000,
                     MSG_DONTWAIT | (rnd() % 8 ? 0 : MSG_PEEK) | (rnd() % 8 ? 0 : MSG_OOB));
        break;
    case 5:
        wire_set(socks[i], IPPROTO_TCP, 1 + rnd() % 30, rnd() % 10);
        if (rnd() % 8 == 0) {
            socks[i]->max_pacing = rnd() % 2 ? ~0ull : rnd() % 1000000;
            wire_set(socks[i], SOL_SOCKET, SO_MAX_PACING_RATE, 0);
        }
        break;
    default:
        wire_send(socks[i], buf, 1 + rnd() % (rnd() % 4 ? 2000 : sizeof(buf)),
                  MSG_DONTWAIT | (rnd() % 8 ? 0 : MSG_MORE) | (rnd() % 20 ? 0 : MSG_OOB));
    }
}

TEST(tcp_survives_any_segment)
{
    struct sockaddr_any name = wire_name(1, 80);
    char *rounds = getenv("FUZZ_ROUNDS");
    long pages = shim_live_pages;

    wire_start();
    for (int r = 0; r < (rounds ? atoi(rounds) : ROUNDS); r++) {
        wire_tso = rnd() % 2;
        listening = wire_socket();
        listening->reuseaddr = true;
        CHECK(!listening->ops->bind(listening, &name));
        CHECK(!listening->ops->listen(listening, rnd() % 4));
        tcp_fastopen = rnd() % 2 ? FO_CLIENT : 0x207; /* with and without cookies */
        wire_set(listening, IPPROTO_TCP, TCP_FASTOPEN, rnd() % 4);
        for (int i = 0; i < SEGMENTS; i++) {
            if (rnd() % 3)
                segment();
            else
                program();
            if (rnd() % 8 == 0)
                thread_sleep_until(
                    clock_mono_ns() + (rnd() % 10 ? rnd() % 1000000 : rnd() % (2 * NSEC_PER_SEC)), false);
        }
        for (int i = 0; i < SOCKETS; i++)
            if (socks[i]) {
                socks[i]->ops->release(socks[i]);
                socks[i] = NULL;
            }
        listening->ops->release(listening);
        thread_sleep_until(clock_mono_ns() + 3000 * NSEC_PER_SEC, false);
    }
    CHECK(tcp_mem_used == 0);
    CHECK(tcp_totals.established == 0 && tcp_totals.timewaits == 0 && tcp_totals.sockets == 0);
    CHECK(shim_live_pages - pages <= 32);
}
