/* SPDX-License-Identifier: BSD-2-Clause */
/* MSG_ZEROCOPY over a wire of our own: what packets hold of a program's pages, and when it is told that they are free. */
#include "test.h"

#include "net_wire.h"
#include <linux/tcp.h>
#include <sys/mman.h>

/* The program's memory: pages at a made-up address. */
#define BASE     0x40000000ul
#define NR_PAGES 20
static struct page *pages[NR_PAGES];

unsigned test_pin(vaddr_t addr, size_t len, struct page **out, unsigned max);
#define mm_pin test_pin
#include "net/zerocopy.c"

unsigned test_pin(vaddr_t addr, size_t len, struct page **out, unsigned max)
{
    unsigned n = 0;

    for (vaddr_t va = ALIGN_DOWN(addr, PAGE_SIZE); va < addr + len && n < max; va += PAGE_SIZE, n++) {
        if (va < BASE || va >= BASE + NR_PAGES * PAGE_SIZE)
            break;
        out[n] = pages[(va - BASE) / PAGE_SIZE];
        page_get(out[n]);
    }
    return n;
}

static uint64_t memlock = UINT64_MAX;
static uint64_t limit_memlock(void)
{
    return memlock;
}
static const struct socket_host host = { .cred = wire_cred,
                                         .capable = wire_capable,
                                         .limit_memlock = limit_memlock };

static uint8_t in[70000], out[70000];

static uint8_t *memory(uint32_t off)
{
    return (uint8_t *)page_virt(pages[off / PAGE_SIZE]) + off % PAGE_SIZE;
}

static void start(void)
{
    wire_start();
    socket_host = &host;
    if (!pages[0]) /* what is copied after all is read here */
        CHECK(mmap((void *)BASE, NR_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)BASE);
    for (unsigned i = 0; i < NR_PAGES; i++) {
        if (!pages[i])
            pages[i] = page_alloc(PAGE_WAIT);
        for (unsigned k = 0; k < PAGE_SIZE; k++)
            memory(i * PAGE_SIZE)[k] = i * 31 + k * 7 + k / 256;
    }
}

static bool same(const uint8_t *got, uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (got[i] != *memory(off + i))
            return false;
    return true;
}

static ssize_t send_zc(struct socket *s, const struct sockaddr_any *to, uint32_t off, uint32_t len)
{
    struct sockaddr_any copy;
    struct socket_msg m;
    struct iov v;

    iov_user(&v, (void *)(BASE + off), len);
    socket_msg_init(&m, &v, MSG_ZEROCOPY | MSG_DONTWAIT, TIME_NEVER);
    if (to) {
        copy = *to;
        m.name = &copy;
    }
    return s->ops->sendmsg(s, &m);
}

/* The next notice: its first and last number, and its code; -1: none */
static int notice(struct socket *s, unsigned *first, unsigned *last)
{
    uint64_t control[20];
    struct sock_extended_err ee;
    struct socket_msg m;
    struct iov v;
    int err;

    iov_kernel(&v, NULL, 0);
    socket_msg_init(&m, &v, MSG_ERRQUEUE, TIME_NEVER);
    m.control = control;
    m.control_room = sizeof(control);
    CHECK(!!(s->ops->poll(s) & EPOLLERR) == !!zerocopy_pending(s));
    err = s->ops->recvmsg(s, &m);
    if (err == -EAGAIN)
        return -1;
    CHECK(err == 0 && m.control_len >= sizeof(struct cmsghdr) + sizeof(ee));
    memcpy(&ee, (char *)control + sizeof(struct cmsghdr), sizeof(ee));
    CHECK(ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY && !ee.ee_errno);
    *first = ee.ee_info;
    *last = ee.ee_data;
    return ee.ee_code;
}

TEST(a_datagram_leaves_from_the_programs_pages)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 4000);
    unsigned a, b, refs;
    struct pktbuf *p;
    struct socket *s;

    start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    wire_know_peer();
    wire_drain();
    refs = pages[0]->refs.n;
    s->zerocopy = true;
    CHECK(send_zc(s, &to, 3, 100) == 100 && send_zc(s, &to, 4000, 200) == 200);
    CHECK(pages[0]->refs.n == refs + 2 && notice(s, &a, &b) == -1);
    *memory(3) ^= 0xff; /* as Linux: it is sent as it is when it leaves */
    CHECK(wire_out(out) == 42 + 100 && same(out + 42, 3, 100));
    CHECK(notice(s, &a, &b) == 0 && a == 0 && b == 0 && notice(s, &a, &b) == -1);
    p = pktqueue_take(&wire_sent);
    CHECK(p && p->nr_frags == 2 && notice(s, &a, &b) == -1);
    CHECK(send_zc(s, &to, 0, 10) == 10 && wire_out(out) == 52);
    pktbuf_free(p);
    /* two notices: the second was done first */
    CHECK(notice(s, &a, &b) == 0 && a == 2 && b == 2);
    CHECK(notice(s, &a, &b) == 0 && a == 1 && b == 1);
    CHECK(pages[0]->refs.n == refs);
    for (int i = 0; i < 3; i++)
        CHECK(send_zc(s, &to, 0, 10) == 10);
    wire_drain();
    CHECK(notice(s, &a, &b) == 0 && a == 3 && b == 5 && notice(s, &a, &b) == -1);
    /* larger than a frame: fragments are copies */
    CHECK(send_zc(s, &to, 100, 5000) == 5000);
    CHECK(pages[0]->refs.n == refs && notice(s, &a, &b) == 0 && a == 6);
    wire_drain();
    /* the socket goes before its packets */
    CHECK(send_zc(s, &to, 0, 1000) == 1000);
    s->ops->release(s);
    CHECK(wire_out(out) == 1042 && same(out + 42, 0, 1000));
    CHECK(pages[0]->refs.n == refs);
}

TEST(too_much_under_way)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 4000);
    struct socket *s;
    unsigned a, b, n = 0;

    start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    s->zerocopy = true;
    wire_know_peer();
    while (n < 1000 && send_zc(s, &to, 0, 10) == 10) {
        struct pktbuf *p = pktqueue_take(&wire_sent);

        if (!p) {
            softirq_run();
            p = pktqueue_take(&wire_sent);
        }
        if (n % 2 && p) /* every other one is done, and tells of itself apart */
            pktbuf_free(p);
        else if (p)
            pktqueue_append(&wire_sent, p);
        n++;
    }
    CHECK(n > 20 && n < 1000 && send_zc(s, &to, 0, 10) == -ENOBUFS);
    wire_drain();
    while (notice(s, &a, &b) == 0)
        ;
    CHECK(send_zc(s, &to, 0, 10) == 10);
    wire_drain();
    memlock = 4 * PAGE_SIZE;
    CHECK(send_zc(s, &to, 0, 3 * PAGE_SIZE) == -ENOBUFS);
    CHECK(send_zc(s, &to, 0, 10) == 10 && send_zc(s, &to, 0, 10) == 10 && send_zc(s, &to, 0, 10) == -ENOBUFS);
    wire_drain();
    CHECK(send_zc(s, &to, 0, 10) == 10);
    wire_drain();
    memlock = UINT64_MAX;
    CHECK(pinned == 0);
    s->ops->release(s);
}

/* ---- TCP ---- */

static uint32_t snd, rcv; /* the peer's numbers */
static uint16_t port;

static void tcp_in(uint8_t flags)
{
    struct inaddr s = inaddr_v4(v4(10, 0, 0, 1)), d = inaddr_v4(v4(10, 0, 0, 2));
    unsigned n = put_eth(in, wire_mac, 0x0800);
    uint8_t *h;

    n += put_ip4(in + n, IPPROTO_TCP, s.w[3], d.w[3], 20, 0, 1);
    h = in + n;
    memset(h, 0, 20);
    put_be16(h, 80);
    put_be16(h + 2, port);
    put_be32(h + 4, snd);
    put_be32(h + 8, rcv);
    h[12] = 5 << 4;
    h[13] = flags;
    put_be16(h + 14, 65000);
    put_sum(h, 20, 16, &s, &d, IPPROTO_TCP);
    wire_in(in, n + 20);
}

static struct socket *connected(void)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 80);
    struct socket *s = wire_socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    unsigned n;

    CHECK(s->ops->setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0);
    CHECK(s->ops->connect(s, &to, true) == -EINPROGRESS);
    do
        n = wire_out(out);
    while (n && (out[23] != IPPROTO_TCP || get_be16(out + 36) != 80));
    CHECK(n && out[47] == 2);
    port = get_be16(out + 34);
    rcv = get_be32(out + 38) + 1;
    snd = 1000;
    tcp_in(0x12);
    snd++;
    wire_drain();
    s->zerocopy = true;
    return s;
}

TEST(a_stream_keeps_pages_until_they_are_acknowledged_and_sent)
{
    unsigned a, b, refs, len = 0, n;
    struct pktqueue held;
    struct socket *s;
    struct pktbuf *p;

    start();
    wire_know_peer();
    wire_drain();
    s = connected();
    refs = pages[1]->refs.n;
    CHECK(send_zc(s, NULL, 5000, 4000) == 4000 && send_zc(s, NULL, 9000, 1000) == 1000);
    CHECK(pages[1]->refs.n > refs);
    while ((n = wire_out(out))) {
        unsigned hlen = 34 + (out[46] >> 4) * 4;

        CHECK(get_be32(out + 38) == rcv + len && same(out + hlen, 5000 + len, n - hlen));
        len += n - hlen;
    }
    CHECK(len == 5000 && notice(s, &a, &b) == -1); /* sent, not acknowledged */
    rcv += 1500;
    tcp_in(0x10);
    CHECK(notice(s, &a, &b) == -1);
    /* the rest is sent again, and acknowledged while that waits in the card */
    shim_advance(3 * NSEC_PER_SEC);
    softirq_run();
    pktqueue_init(&held);
    while ((p = pktqueue_take(&wire_sent)))
        pktqueue_append(&held, p);
    CHECK(held.nr > 0);
    rcv += 3500;
    tcp_in(0x10);
    CHECK(notice(s, &a, &b) == 0 && a == 1 && b == 1 && notice(s, &a, &b) == -1);
    while ((p = pktqueue_take(&held)))
        pktbuf_free(p);
    CHECK(notice(s, &a, &b) == 0 && a == 0 && b == 0);
    CHECK(pages[1]->refs.n == refs);
    /* a connection that ends lets go of what it never sent */
    for (n = 0; send_zc(s, NULL, 0, 8000) > 0; n++)
        ;
    CHECK(n > 1);
    wire_drain();
    tcp_in(0x04);
    wire_drain();
    CHECK(pages[1]->refs.n == refs && notice(s, &a, &b) == 0 && a == 2 && b == 1 + n);
    s->ops->release(s);
}

TEST(every_oom_of_a_send)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 4000);
    unsigned refs, sent = 0;
    struct socket *s, *u;

    start();
    wire_know_peer();
    wire_drain();
    s = connected();
    u = wire_socket(AF_INET, SOCK_DGRAM, 0);
    u->zerocopy = true;
    refs = pages[2]->refs.n;
    for (int n = 0; n < 12; n++) {
        fail_alloc_at(n);
        if (send_zc(s, NULL, 2 * PAGE_SIZE, 3000) > 0)
            sent++;
        fail_alloc_at(n);
        send_zc(u, &to, 2 * PAGE_SIZE, 1000);
        fail_alloc_at(-1);
    }
    CHECK(sent > 0);
    s->ops->release(s);
    u->ops->release(u);
    tcp_in(0x04);
    wire_drain();
    CHECK(pages[2]->refs.n == refs);
}
