/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_fuzz.c: frames of every kind with random changes, into the whole receive path: Ethernet, ARP, IPv4 and its fragments,
 * ICMP, IPv6 with extension headers, Neighbour Discovery, UDP, DHCP, redirects. Nothing is looked at but that the stack survives, and
 * that memory returns to where it was. ROUNDS=N in the environment: longer; SEED=N: other frames.
 */
#include "../unit/test.h"

#include "../unit/net_wire.h"
#include "net/ip_input.h"
#include "net/udp.h"
#include <linux/if_ether.h>

static uint64_t seed = 0x9e3779b97f4a7c15ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static struct inaddr own6, peer6, all6, group6;
static uint8_t frame[4096];

static const uint32_t addrs4[] = { 0x0a000001, 0x0a000002, 0x0a0000ff, 0xffffffff,
                                   0xe0000001, 0x7f000001, 0,          0x08080808 };

static uint32_t addr4(void)
{
    return be32(rnd() % 4 ? addrs4[rnd() % 2] : addrs4[rnd() % ARRAY_SIZE(addrs4)]);
}

static const struct inaddr *addr6(bool dst)
{
    if (rnd() % 4)
        return dst ? &own6 : &peer6;
    return (const struct inaddr *[]){ &own6, &peer6, &all6, &group6 }[rnd() % 4];
}

static void fill(uint8_t *b, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        b[i] = rnd();
}

/* A redirect's target, destination and, often, the packet that it is about. */
static void put_redirect6(uint8_t *b, unsigned len)
{
    static const struct inaddr far = { .b = { 0x20, 1, [15] = 9 } };

    if (len < 40 + 8 + 56)
        return;
    memcpy(b + 8, rnd() % 4 ? &peer6 : &far, 16);
    memcpy(b + 24, &far, 16);
    b[40] = 4;
    b[41] = rnd() % 8 ? 8 : rnd();
    put_ip6(b + 48, rnd() % 2 ? IPPROTO_UDP : IPPROTO_TCP, rnd() % 8 ? &own6 : &peer6, &far, 16, 64);
    put_be16(b + 88, 777);
}

/* UDP or ICMP of len bytes for src and dst, which v6 says the family of. Returns the protocol. */
static uint8_t put_transport(uint8_t *b, unsigned len, const struct inaddr *src, const struct inaddr *dst,
                             bool v6)
{
    fill(b, len);
    if (rnd() % 2) {
        put_be16(b, rnd() % 2 ? 67 : rnd());
        put_be16(b + 2, (uint16_t[]){ 777, 68, 9999, 546 }[rnd() % 4]);
        put_be16(b + 4, len);
        put_sum(b, len, 6, src, dst, IPPROTO_UDP);
        return IPPROTO_UDP;
    }
    if (v6) {
        b[0] = (uint8_t[]){ 1, 2, 3, 4, 128, 129, 130, 131, 133, 134, 135, 136, 137 }[rnd() % 13];
        b[1] = rnd() % 4 ? 0 : rnd();
        if (len > 24 && rnd() % 2)
            memcpy(b + 8, rnd() % 2 ? &own6 : &peer6, 16);
        for (unsigned at = b[0] == 134   ? 16
                           : b[0] == 137 ? 40
                                         : 24;
             at + 8 <= len && rnd() % 8; at += 8 * (b[at + 1] ? b[at + 1] : 1)) {
            b[at] = (uint8_t[]){ 1, 2, 3, 5, 25 }[rnd() % 5];
            b[at + 1] = (uint8_t[]){ 1, 1, 4, 3, 0 }[rnd() % 5];
        }
        if (b[0] == 137 && rnd() % 4)
            put_redirect6(b, len);
        put_sum(b, len, 2, src, dst, IPPROTO_ICMPV6);
        return IPPROTO_ICMPV6;
    }
    b[0] = (uint8_t[]){ 0, 3, 3, 5, 8, 11, 12, 13 }[rnd() % 8];
    b[1] = rnd() % 5;
    if (len > 36 && rnd() % 4) /* about a packet of ours */
        put_ip4(b + 8, rnd() % 2 ? IPPROTO_UDP : IPPROTO_ICMP, v4(10, 0, 0, 2), v4(10, 0, 0, 1), 8, 0, 1);
    if (b[0] == 5 && len > 36) { /* about what our socket may have sent far away */
        uint32_t gateway = addr4();

        memcpy(b + 4, &gateway, 4);
        put_ip4(b + 8, IPPROTO_UDP, v4(10, 0, 0, 2), v4(8, 8, 8, rnd() % 64), 8, 0, 1);
        put_be16(b + 28, 777);
    }
    put_sum(b, len, 2, NULL, NULL, 0);
    return IPPROTO_ICMP;
}

static unsigned make4(void)
{
    unsigned n = put_eth(frame, wire_mac, 0x0800), len = 8 + rnd() % 1400;
    uint32_t a = addr4(), b = addr4();
    struct inaddr src = inaddr_v4(a), dst = inaddr_v4(b);
    uint8_t proto = put_transport(frame + n + 20, len, &src, &dst, false);
    uint16_t frag = rnd() % 4 ? 0 : (rnd() % 2 ? 0x2000 : 0) | (rnd() % 16 ? rnd() % 64 : rnd() & 0x1fff);

    if (frag & 0x2000)
        len &= ~7u;
    put_ip4(frame + n, proto, a, b, len, frag, rnd() % 4);
    return n + 20 + len;
}

static unsigned make6(void)
{
    unsigned n = put_eth(frame, wire_mac, 0x86dd), len = 8 + rnd() % 1200, ext = 0, at = n + 40;
    const struct inaddr *src = addr6(false), *dst = addr6(true);
    uint8_t *next = frame + n + 6;
    unsigned kinds = rnd() % 3 ? 0 : rnd() % 5;

    put_ip6(frame + n, 0, src, dst, 0, rnd() % 2 ? 255 : 64);
    for (unsigned i = 0; i < kinds; i++) {
        uint8_t kind = (uint8_t[]){ 0, 43, 44, 60 }[i ? 1 + rnd() % 3 : rnd() % 4];

        *next = kind;
        next = frame + at;
        fill(frame + at, 8);
        frame[at + 1] = 0;
        if (kind == 44)
            put_be16(frame + at + 2, rnd() % 2 ? (rnd() % 64) << 3 | (rnd() & 1) : rnd());
        else if (rnd() % 2)
            memcpy(frame + at + 2, "\1\4\0\0\0\0", 6);
        at += 8;
        ext += 8;
    }
    *next = put_transport(frame + at, len, src, dst, true);
    put_be16(frame + n + 4, ext + len);
    return at + len;
}

static unsigned make(void)
{
    switch (rnd() % 8) {
    case 0:
        return put_arp(frame, 1 + rnd() % 2, addr4(), wire_mac, addr4());
    case 1:
    case 2:
    case 3:
        return make4();
    default:
        return make6();
    }
}

/* The frame, of every few one damaged. */
static void send_one(unsigned len, unsigned every)
{
    if (!(rnd() % every))
        for (unsigned k = 1 + rnd() % 4; k; k--)
            frame[rnd() % MIN(len, 100u)] ^= 1 << rnd() % 8;
    if (!(rnd() % (3 * every)))
        len = rnd() % (len + 1);
    if (!(rnd() % (5 * every)))
        fail_alloc_at(rnd() % 4);
    wire_in(frame, len);
    fail_alloc_at(-1);
}

/* A fragment's headers, for part bytes from at on. Returns their length. */
static unsigned put_fragment(bool v6, uint8_t proto, unsigned at, unsigned part, bool more, unsigned id)
{
    unsigned n = put_eth(frame, wire_mac, v6 ? 0x86dd : 0x0800);

    if (!v6) {
        put_ip4(frame + n, proto, be32(addrs4[0]), be32(addrs4[1]), part, (more ? 0x2000 : 0) | at / 8, id);
        return n + 20;
    }
    put_ip6(frame + n, 44, &peer6, &own6, 8 + part, 64);
    frame[n + 40] = proto;
    frame[n + 41] = 0;
    put_be16(frame + n + 42, at | more);
    put_be16(frame + n + 44, 0);
    put_be16(frame + n + 46, id);
    return n + 48;
}

/* A datagram in pieces that mostly fit together, from any one on; some are lost, come twice or overlap. */
static void pieces(void)
{
    static uint8_t whole[3000];
    bool v6 = rnd() % 2;
    struct inaddr src = v6 ? peer6 : inaddr_v4(be32(addrs4[0])), dst = v6 ? own6 : inaddr_v4(be32(addrs4[1]));
    unsigned len = 64 + rnd() % (sizeof(whole) - 64), step = ALIGN_UP(len / (2 + rnd() % 5) + 1, 8),
             id = rnd();
    unsigned nr = (len + step - 1) / step, first = rnd() % nr;
    uint8_t proto = put_transport(whole, len, &src, &dst, v6);

    for (unsigned i = 0; i < nr; i++) {
        unsigned k = (first + i) % nr, at = k * step, part = MIN(step, len - at), n;
        bool more = at + part < len;

        if (!(rnd() % 32))
            continue;
        if (at && !(rnd() % 32))
            at -= 8;
        n = put_fragment(v6, proto, at, part, more, id);
        memcpy(frame + n, whole + at, part);
        send_one(n + part, 16);
        if (!(rnd() % 32))
            send_one(n + part, 16);
    }
}

static void one(void)
{
    if (rnd() % 8)
        send_one(make(), 3);
    else
        pieces();
}

TEST(frames_of_every_kind)
{
    unsigned long rounds = getenv("ROUNDS") ? strtoul(getenv("ROUNDS"), NULL, 0) : 150000;
    struct sockaddr_any a = sa4(0, 777);
    struct socket *s, *ping, *raw, *seen, *cooked;
    static char buf[70000];
    int one_ = 1;

    if (getenv("SEED"))
        seed += strtoul(getenv("SEED"), NULL, 0);
    wire_start();
    CHECK(parse_v6("fe80::5054:ff:fe00:1", &own6) && parse_v6("fe80::1", &peer6) &&
          parse_v6("ff02::1", &all6) && parse_v6("ff02::1:ff00:1", &group6));
    netif_of(&wire)->v6 = true;
    nd_start(&wire);
    shim_advance(1);
    wire_drain();
    shim_advance(2 * NSEC_PER_SEC);
    wire_drain();
    s = wire_socket(AF_INET6, SOCK_DGRAM, 0);
    a.family = AF_INET6;
    a.len = sizeof(struct sockaddr_in6);
    memset(a.bytes + 4, 0, 24);
    CHECK(s->ops->bind(s, &a) == 0);
    s->ops->setsockopt(s, 0, IP_RECVERR, &one_, sizeof(one_));
    ping = wire_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    raw = wire_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    seen = wire_socket(AF_PACKET, SOCK_RAW, be16(ETH_P_ALL)); /* they see it all */
    cooked = wire_socket(AF_PACKET, SOCK_DGRAM, be16(ETH_P_ALL));
    dhcp_start(&wire, "fuzz");
    dhcp6_start(&wire);
    for (unsigned long i = 0; i < rounds; i++) {
        one();
        if (i % 64 == 0) {
            wire_drain();
            shim_advance(rnd() % (2 * NSEC_PER_SEC));
            while (wire_recv(s, buf, sizeof(buf), NULL) != -EAGAIN)
                ;
            while (wire_recv(raw, buf, sizeof(buf), NULL) != -EAGAIN)
                ;
            while (wire_recv(seen, buf, sizeof(buf), NULL) != -EAGAIN)
                ;
            while (wire_recv(cooked, buf, sizeof(buf), NULL) != -EAGAIN)
                ;
        }
    }
    s->ops->release(s);
    ping->ops->release(ping);
    raw->ops->release(raw);
    seen->ops->release(seen);
    cooked->ops->release(cooked);
    for (unsigned i = 0; i < 50; i++) {
        rcu_quiescent(this_cpu()); /* sockets go when nobody can be reading them */
        wire_drain();
        shim_advance(2 * NSEC_PER_SEC);
    }
    for (unsigned v6 = 0; v6 < 2; v6++) { /* most of it must get far */
        printf("    IPv%u: %lu delivered of %lu, %lu reassembled; UDP %lu\n", v6 ? 6 : 4,
               (unsigned long)ip_stats[v6].in_delivers, (unsigned long)ip_stats[v6].in_receives,
               (unsigned long)ip_stats[v6].reasm_oks, (unsigned long)udp_stats[v6].in_datagrams);
        CHECK(ip_stats[v6].in_delivers > rounds / 20 && ip_stats[v6].reasm_oks > rounds / 100 &&
              udp_stats[v6].in_datagrams > rounds / 200);
    }
    printf("    left: %ld objects, %ld pages\n", (long)shim_live_objects, (long)shim_live_pages);
    CHECK(shim_live_objects < 3000 && shim_live_pages == 0);
}
