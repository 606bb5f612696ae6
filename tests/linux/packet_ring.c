/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings of packet sockets, in their three versions, on lo. */
#include "own_net.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SHOW(x) show((long long)(x), #x)
static long long show(long long v, const char *what)
{
    if (v == -1)
        note("%s: -1, %s", what, strerror(errno));
    else
        note("%s: %lld", what, v);
    return v;
}

static int lo;
static struct sockaddr_in to;

static int set(int s, int name, int v)
{
    return setsockopt(s, SOL_PACKET, name, &v, sizeof(v));
}

static int get(int s, int name, int v)
{
    socklen_t len = sizeof(v);

    return getsockopt(s, SOL_PACKET, name, &v, &len) ? -1 : v;
}

static int packet(int type, int version)
{
    int s = MUST(socket(AF_PACKET, type, 0));

    MUST(set(s, PACKET_VERSION, version));
    MUST(set(s, PACKET_IGNORE_OUTGOING, 1));
    return s;
}

static void bind_lo(int s, int proto)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons(proto) };

    MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
}

static int ring(int s, int name, unsigned block, unsigned blocks, unsigned frame, unsigned frames,
                unsigned tov, unsigned priv)
{
    struct tpacket_req3 q = { block, blocks, frame, frames, tov, priv, 0 };

    return setsockopt(s, SOL_PACKET, name, &q, sizeof(q));
}

static int udp(void)
{
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));

    to = (struct sockaddr_in){ .sin_family = AF_INET,
                               .sin_port = htons(7002),
                               .sin_addr.s_addr = htonl(0x7f000001) };
    MUST(bind(s, (struct sockaddr *)&to, sizeof(to)));
    return s;
}

static void say(int u, unsigned len)
{
    static char text[9000];

    memset(text, 'a' + len % 26, sizeof(text));
    MUST(sendto(u, text, len, 0, (struct sockaddr *)&to, sizeof(to)));
    MUST(recv(u, text, sizeof(text), 0));
}

static int readable(int s, int timeout)
{
    struct pollfd p = { s, POLLIN, 0 };

    poll(&p, 1, timeout);
    return p.revents;
}

static void stats(int s)
{
    struct tpacket_stats_v3 st = { 0, 0, 99 };
    socklen_t len = sizeof(st);

    MUST(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &len));
    note("statistics of %u: packets %u drops %u freezes %u", len, st.tp_packets, st.tp_drops,
         st.tp_freeze_q_cnt);
}

/* ---- making them ---- */

static void test_making(void)
{
    int s, u;
    char *m;

    s = MUST(socket(AF_PACKET, SOCK_RAW, 0));
    SHOW(get(s, PACKET_VERSION, 0)), SHOW(set(s, PACKET_VERSION, 3)), SHOW(set(s, PACKET_VERSION, -1));
    SHOW(setsockopt(s, SOL_PACKET, PACKET_VERSION, "\1\0\0\0\0\0\0", 8)),
        SHOW(setsockopt(s, SOL_PACKET, PACKET_VERSION, "\1", 1));
    for (int v = -1; v <= 3; v++)
        SHOW(get(s, PACKET_HDRLEN, v));
    SHOW(getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &(int){ 0 }, &(socklen_t){ 3 }));
    SHOW(set(s, PACKET_RESERVE, -1)), SHOW(set(s, PACKET_RESERVE, 16)), SHOW(get(s, PACKET_RESERVE, 0)),
        SHOW(set(s, PACKET_RESERVE, 0));
    SHOW(set(s, PACKET_LOSS, 1)), SHOW(get(s, PACKET_LOSS, 0)), SHOW(get(s, PACKET_TX_HAS_OFF, 0));
    for (int version = 0; version < 3; version++) {
        note("version %d", version);
        SHOW(set(s, PACKET_VERSION, version)), SHOW(get(s, PACKET_VERSION, 0));
        SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED), SHOW(errno);
        SHOW(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &(struct tpacket_req){ 0 }, 15));
        SHOW(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &(struct tpacket_req){ 4096, 1, 2048, 2 }, 16));
        if (version < 2)
            SHOW(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &(struct tpacket_req){ 0 }, 16));
        SHOW(ring(s, PACKET_RX_RING, 0, 1, 2048, 2, 0, 0)),
            SHOW(ring(s, PACKET_RX_RING, 4095, 1, 2048, 2, 0, 0));
        SHOW(ring(s, PACKET_RX_RING, 0x80000000u, 1, 2048, 2, 0, 0)),
            SHOW(ring(s, PACKET_RX_RING, 4096, 1, 16, 256, 0, 0));
        SHOW(ring(s, PACKET_RX_RING, 4096, 1, 2040, 2, 0, 0)),
            SHOW(ring(s, PACKET_RX_RING, 4096, 1, 8192, 0, 0, 0));
        SHOW(ring(s, PACKET_RX_RING, 4096, 2, 2048, 3, 0, 0)),
            SHOW(ring(s, PACKET_RX_RING, 4096, 0, 2048, 3, 0, 0));
        SHOW(ring(s, PACKET_RX_RING, 4096, 0x7fffffff, 2048, 0xfffffffe, 0, 0) != 0);
        SHOW(ring(s, PACKET_RX_RING, 4096, 1, 2048, 2, 0, 4096));
        SHOW(ring(s, PACKET_RX_RING, 0, 0, 0, 0, 0, 0));
        SHOW(ring(s, PACKET_TX_RING, 4096, 1, 2048, 2, 5, 0)),
            SHOW(ring(s, PACKET_TX_RING, 0, 0, 0, 0, 0, 0));
        SHOW(ring(s, PACKET_TX_RING, 8192, 2, 2048, 8, 0, 0)),
            SHOW(ring(s, PACKET_TX_RING, 8192, 2, 2048, 8, 0, 0));
        SHOW(ring(s, PACKET_RX_RING, 4096, 3, 2048, 6, 0, 0));
        SHOW(set(s, PACKET_VERSION, 0)), SHOW(set(s, PACKET_RESERVE, 4)), SHOW(set(s, PACKET_LOSS, 0));
        SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED), SHOW(errno);
        SHOW(mmap(NULL, 28672, PROT_READ, MAP_SHARED, s, 4096) == MAP_FAILED), SHOW(errno);
        m = mmap(NULL, 28672, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
        CHECK(m != MAP_FAILED);
        SHOW(ring(s, PACKET_RX_RING, 0, 0, 0, 0, 0, 0));
        SHOW(m[12288 + 100]);
        m[12288 + 100] = 7;
        SHOW(munmap(m, 28672));
        m = mmap(NULL, 28000, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
        SHOW(m[12288 + 100]);
        munmap(m, 28672);
        SHOW(ring(s, PACKET_RX_RING, 0, 0, 0, 0, 0, 0)), SHOW(ring(s, PACKET_TX_RING, 0, 0, 0, 0, 0, 0));
    }
    u = udp();
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, u, 0) == MAP_FAILED), SHOW(errno);
    close(u);
    close(s);
}

/* ---- receiving ---- */

static void name(const void *at)
{
    struct sockaddr_ll a;

    memcpy(&a, at, sizeof(a));
    note("  protocol %04x %s hatype %d pkttype %d halen %d", ntohs(a.sll_protocol),
         a.sll_ifindex == lo ? "lo" : "other", a.sll_hatype, a.sll_pkttype, a.sll_halen);
}

static void bytes(const unsigned char *b, int n)
{
    char hex[64] = "";

    for (int i = 0; i < n && i < 16; i++) /* IP's number and sum differ */
        sprintf(hex + 2 * i, "%02x", b[0] == 0x45 && (i / 2 == 2 || i / 2 == 5) ? 0 : b[i]);
    note("  %s, the last %02x", hex, n > 0 ? b[n - 1] : 0);
}

#define TS (1u << 29 | 1u << 30 | 1u << 31) /* where the time is from */

static void show_frame(char *f, int version)
{
    if (version == 0) {
        struct tpacket_hdr *h = (void *)f;

        note("  status %lx len %u snaplen %u mac %u net %u %s", h->tp_status & ~(unsigned long)TS, h->tp_len,
             h->tp_snaplen, h->tp_mac, h->tp_net,
             h->tp_usec < 1000000 && h->tp_sec > 1000000000 ? "" : "strange time");
        name(f + TPACKET_ALIGN(sizeof(*h)));
        bytes((void *)f + h->tp_mac, 15);
        bytes((void *)f + h->tp_mac + h->tp_snaplen - 3, 3);
        h->tp_status = 0;
    } else {
        struct tpacket2_hdr *h = (void *)f;

        note("  status %x len %u snaplen %u mac %u net %u vlan %u %u %s", h->tp_status & ~TS, h->tp_len,
             h->tp_snaplen, h->tp_mac, h->tp_net, h->tp_vlan_tci, h->tp_vlan_tpid,
             h->tp_nsec < 1000000000 && h->tp_sec > 1000000000 ? "" : "strange time");
        name(f + TPACKET_ALIGN(sizeof(*h)));
        bytes((void *)f + h->tp_mac, 15);
        bytes((void *)f + h->tp_mac + h->tp_snaplen - 3, 3);
        h->tp_status = 0;
    }
}

static unsigned status_of(const char *f, int version)
{
    return version ? *(volatile unsigned *)f : *(volatile unsigned long *)f;
}

static void test_frames(int type, int version, int reserve)
{
    int u = udp(), s = packet(type, version), n = 0;
    char *m;

    note("frames: type %d version %d reserve %d", type, version, reserve);
    MUST(set(s, PACKET_RESERVE, reserve));
    /* frames that straddle pages: three in 8192 bytes */
    MUST(ring(s, PACKET_RX_RING, 8192, 2, 2720, 6, 0, 0));
    m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
    CHECK(m != MAP_FAILED);
    bind_lo(s, ETH_P_IP);
    SHOW(readable(s, 0));
    for (int i = 0; i < 4; i++)
        say(u, (unsigned[]){ 5, 1000, 2700, 1500 }[i]);
    SHOW(readable(s, 0));
    for (int i = 0; i < 4; i++)
        show_frame(m + i / 3 * 8192 + i % 3 * 2720, version);
    SHOW(readable(s, 0));
    stats(s);
    /* more than it holds: the oldest are kept, and the loss is told until it was asked for */
    for (int i = 0; i < 9; i++)
        say(u, 100 + i);
    stats(s);
    for (int i = 4; i < 10; i++)
        show_frame(m + i % 6 / 3 * 8192 + i % 3 * 2720, version);
    say(u, 7);
    for (int i = 0; i < 6; i++)
        n += status_of(m + i / 3 * 8192 + i % 3 * 2720, version) != 0;
    SHOW(n);
    SHOW(recv(s, (char[10]){ 0 }, 10, MSG_DONTWAIT)); /* it all goes into the ring */
    close(s), close(u);
    m[5] = 1; /* memory stays until it is unmapped */
    SHOW(munmap(m, 16384));
}

static void show_block(char *b, int packets)
{
    struct tpacket_block_desc *d = (void *)b;
    struct tpacket_hdr_v1 *h = &d->hdr.bh1;
    struct tpacket3_hdr *p = (void *)(b + h->offset_to_first_pkt);

    note("block: version %u private at %u status %x packets %u first at %u length %u sequence %llu",
         d->version, d->offset_to_priv, h->block_status & ~TS, h->num_pkts, h->offset_to_first_pkt,
         h->blk_len, (unsigned long long)h->seq_num);
    CHECK_QUIET(h->ts_first_pkt.ts_sec > 1000000000 && h->ts_last_pkt.ts_sec >= h->ts_first_pkt.ts_sec);
    for (unsigned i = 0; i < h->num_pkts; i++) {
        note("  next %u status %x len %u snaplen %u mac %u net %u vlan %u", p->tp_next_offset,
             p->tp_status & ~TS, p->tp_len, p->tp_snaplen, p->tp_mac, p->tp_net, p->hv1.tp_vlan_tci);
        name((char *)p + TPACKET_ALIGN(sizeof(*p)));
        bytes((void *)p + p->tp_mac, 15);
        bytes((void *)p + p->tp_mac + p->tp_snaplen - 3, 3);
        p = (void *)p + p->tp_next_offset;
    }
    h->block_status = 0;
}

static void test_blocks(int type, int priv)
{
    int u = udp(), s = packet(type, 2);
    char *m;

    note("blocks: type %d private %d", type, priv);
    MUST(ring(s, PACKET_RX_RING, 4096, 3, 2048, 6, 60000, priv)); /* full or never */
    m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
    CHECK(m != MAP_FAILED);
    bind_lo(s, ETH_P_IP);
    for (int i = 0; i < 3; i++)
        say(u, 1000 + i);
    SHOW(readable(s, 0));
    say(u, 5000); /* closes the first, and is cut to fit the next */
    SHOW(readable(s, 0));
    show_block(m, 3);
    say(u, 50);
    show_block(m + 4096, 1);
    /* all blocks become the program's, and then no packet has room */
    for (int i = 0; i < 12; i++)
        say(u, 1200 + i);
    stats(s);
    for (int i = 2; i < 5; i++)
        show_block(m + i % 3 * 4096, 0);
    say(u, 60);
    for (int i = 0; i < 3; i++)
        say(u, 1300);
    show_block(m + 2 * 4096, 0);
    stats(s);
    munmap(m, 3 * 4096), close(s);

    /* what is old is handed over, too */
    s = packet(type, 2);
    MUST(ring(s, PACKET_RX_RING, 4096, 2, 2048, 4, 20, priv));
    m = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
    bind_lo(s, ETH_P_IP);
    say(u, 33);
    SHOW(readable(s, 10000));
    show_block(m, 1);
    munmap(m, 2 * 4096), close(s), close(u);
}

/* ---- sending ---- */

static char *tx_frame(char *m, int version, int i, const void *data, unsigned len)
{
    char *f = m + i * 2048, *at = f +
                                  (version == 0   ? TPACKET_HDRLEN
                                   : version == 1 ? TPACKET2_HDRLEN
                                                  : TPACKET3_HDRLEN) -
                                  sizeof(struct sockaddr_ll);

    memcpy(at, data, len > 1500 ? 1500 : len);
    if (version == 0)
        ((struct tpacket_hdr *)f)->tp_len = len,
                             ((struct tpacket_hdr *)f)->tp_status = TP_STATUS_SEND_REQUEST;
    else if (version == 1)
        ((struct tpacket2_hdr *)f)->tp_len = len,
                              ((struct tpacket2_hdr *)f)->tp_status = TP_STATUS_SEND_REQUEST;
    else
        ((struct tpacket3_hdr *)f)->tp_next_offset = 0, ((struct tpacket3_hdr *)f)->tp_len = len,
                              ((struct tpacket3_hdr *)f)->tp_status = TP_STATUS_SEND_REQUEST;
    return f;
}

static unsigned tx_status(const char *f, int version)
{
    return version == 0   ? ((struct tpacket_hdr *)f)->tp_status
           : version == 1 ? ((struct tpacket2_hdr *)f)->tp_status
                          : ((struct tpacket3_hdr *)f)->tp_status;
}

static void seen(int see)
{
    unsigned char b[4000];
    int n = recv(see, b, sizeof(b), MSG_DONTWAIT);

    note("  seen: %d", n);
    if (n > 0)
        bytes(b, n);
}

static void test_send(int type, int version, int loss)
{
    unsigned char frame[1600] = { 0 };
    int s = packet(type, version), see = packet(SOCK_RAW, 0);
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons(0x88b5), .sll_halen = 6
    };
    char *m, *f;

    note("sending: type %d version %d loss %d", type, version, loss);
    bind_lo(see, 0x88b5);
    MUST(set(s, PACKET_LOSS, loss));
    MUST(ring(s, PACKET_TX_RING, 4096, 2, 2048, 4, 0, 0));
    m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
    CHECK(m != MAP_FAILED);
    frame[12] = 0x88, frame[13] = 0xb5;
    SHOW(send(s, NULL, 0, 0));
    a.sll_protocol = 0;
    bind_lo(s, 0);
    SHOW(send(s, NULL, 0, 0));
    a.sll_protocol = htons(0x88b5);
    f = tx_frame(m, version, 0, frame, 100);
    frame[20] = 9;
    tx_frame(m, version, 1, frame, 1000);
    SHOW(sendto(s, NULL, 0, 0, (struct sockaddr *)&a, sizeof(a)));
    SHOW(tx_status(f, version) & ~TS);
    seen(see), seen(see), seen(see);
    SHOW(sendto(s, NULL, 0, 0, (struct sockaddr *)&a, 10));
    /* one that is too long, then one that is well */
    tx_frame(m, version, 2, frame, 2030);
    f = tx_frame(m, version, 3, frame, 64);
    SHOW(sendto(s, NULL, 0, 0, (struct sockaddr *)&a, sizeof(a)));
    SHOW(tx_status(m + 4096, version) & ~TS), SHOW(tx_status(f, version) & ~TS);
    seen(see);
    if (!loss) {
        tx_frame(m, version, 2, frame, 10); /* too short for a raw frame */
        SHOW(sendto(s, NULL, 0, 0, (struct sockaddr *)&a, sizeof(a)));
        SHOW(tx_status(m + 4096, version) & ~TS);
        seen(see);
    }
    munmap(m, 8192), close(s), close(see);
}

int main(void)
{
    own_network();
    lo = MUST(if_nametoindex("lo"));
    test_making();
    for (int version = 0; version < 2; version++) {
        test_frames(SOCK_RAW, version, 0);
        test_frames(SOCK_DGRAM, version, 20);
    }
    test_blocks(SOCK_RAW, 0);
    test_blocks(SOCK_DGRAM, 13);
    for (int version = 0; version < 3; version++) {
        test_send(SOCK_RAW, version, 0);
        test_send(SOCK_DGRAM, version, 1);
    }
    return report_done();
}
