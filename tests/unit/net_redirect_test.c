/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP's redirects, of both families: those that are followed, and all those that are not; and what TCP is told of its path. */
#include "test.h"

#include "abi/errno.h"
#include "net/nd_msg.h"
#include "net_wire.h"

static uint8_t in[2000], out[70000], quote[1500];
static unsigned quote_len;
static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 7 };

/* ---- IPv4 ---- */

static struct socket *far_socket;

/* A datagram to 8.8.8.8 goes to that MAC; NULL: somebody is asked for, whose address is returned. It is kept for quoting. */
static uint32_t goes_to(const uint8_t *mac)
{
    uint32_t asked = 0;
    unsigned len;

    CHECK(wire_send(far_socket, NULL, "hello", 5) == 5);
    len = wire_out(out);
    if (!mac) {
        CHECK(len == 42 && out[21] == 1);
        memcpy(&asked, out + 38, 4);
        return asked;
    }
    CHECK(len == 47 && !memcmp(out, mac, 6));
    quote_len = len - 14;
    memcpy(quote, out + 14, quote_len);
    CHECK(wire_out(out) == 0);
    return 0;
}

/* An ICMP message about the packet in quote; word: the second of its header, network order. */
static void tell4(uint32_t from, uint8_t type, uint8_t code, uint32_t word)
{
    unsigned n = put_eth(in, wire_mac, 0x0800);

    n += put_ip4(in + n, IPPROTO_ICMP, from, v4(10, 0, 0, 2), 8 + 28, 0, 1);
    in[n] = type;
    in[n + 1] = code;
    memcpy(in + n + 4, &word, 4);
    memcpy(in + n + 8, quote, 28);
    put_sum(in + n, 8 + 28, 2, NULL, NULL, 0);
    wire_in(in, n + 36);
    wire_drain();
}

static void redirect4(uint32_t from, uint32_t gateway, uint8_t code)
{
    tell4(from, 5, code, gateway);
}

static void start4(void)
{
    struct sockaddr_any to = sa4(v4(8, 8, 8, 8), 99);
    struct inaddr other = inaddr_v4(v4(10, 0, 0, 7));

    wire_start();
    wire_know_peer();
    CHECK(neigh_set(&wire, &other, other_mac, NUD_PERMANENT, true) == 0);
    far_socket = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(far_socket->ops->connect(far_socket, &to, false) == 0);
}

TEST(ipv4)
{
    uint32_t router = v4(10, 0, 0, 1), other = v4(10, 0, 0, 7);
    uint8_t kept[28];

    start4();
    goes_to(peer_mac);
    redirect4(v4(10, 0, 0, 5), other, 1); /* of one who carries nothing */
    goes_to(peer_mac);
    redirect4(router, v4(10, 9, 0, 7), 1); /* to one on no link of ours */
    goes_to(peer_mac);
    redirect4(router, v4(10, 0, 0, 2), 1); /* to ourselves */
    goes_to(peer_mac);
    redirect4(router, v4(10, 0, 0, 255), 1);
    goes_to(peer_mac);
    redirect4(router, v4(224, 0, 0, 1), 1);
    goes_to(peer_mac);
    redirect4(router, 0, 1);
    goes_to(peer_mac);
    redirect4(router, router, 1);
    goes_to(peer_mac);
    redirect4(router, other, 4); /* no such code */
    goes_to(peer_mac);
    memcpy(kept, quote, 28);
    put_be16(quote + 20, 1); /* of a port where no socket is */
    redirect4(router, other, 1);
    goes_to(peer_mac);
    memcpy(quote + 12, "\x0a\0\0\x09", 4); /* of another machine */
    redirect4(router, other, 1);
    goes_to(peer_mac);
    memcpy(quote, kept, 28);
    redirect4(router, other, 1); /* at last */
    goes_to(other_mac);
    redirect4(router, v4(10, 0, 0, 8), 1); /* he carries them no more */
    goes_to(other_mac);
    redirect4(other, v4(10, 0, 0, 8), 1); /* he does; and 10.0.0.8 is not there */
    CHECK(goes_to(NULL) == v4(10, 0, 0, 8));
    for (unsigned i = 0; i < 5; i++) {
        shim_advance(NSEC_PER_SEC);
        wire_drain();
    }
    CHECK(wire_send(far_socket, NULL, "hello", 5) == -EHOSTUNREACH);
    goes_to(peer_mac);
    redirect4(router, other, 0);
    goes_to(other_mac);
    shim_advance(301 * NSEC_PER_SEC); /* it does not hold for ever */
    wire_drain();
    goes_to(peer_mac);
}

/* A connection's own packets: with a sequence number that is under way. */
TEST(tcp)
{
    struct sockaddr_any to = sa4(v4(8, 8, 8, 8), 80);
    struct inaddr far = inaddr_v4(v4(8, 8, 8, 8));
    struct socket *s;

    start4();
    s = wire_socket(AF_INET, SOCK_STREAM, 0);
    CHECK(s->ops->connect(s, &to, true) == -EINPROGRESS);
    CHECK(wire_out(out) >= 54 && !memcmp(out, peer_mac, 6) && out[23] == IPPROTO_TCP);
    memcpy(quote, out + 14, 28);
    quote[27] ^= 0x80; /* no sequence number of ours */
    redirect4(v4(10, 0, 0, 1), v4(10, 0, 0, 7), 1);
    shim_advance(1100 * NSEC_PER_MS);
    CHECK(wire_out(out) >= 54 && !memcmp(out, peer_mac, 6) && !s->err);
    quote[27] ^= 0x80;
    redirect4(v4(10, 0, 0, 1), v4(10, 0, 0, 7), 1);
    shim_advance(2100 * NSEC_PER_MS);
    CHECK(wire_out(out) >= 54 && !memcmp(out, other_mac, 6) && !s->err);
    /* a router that cannot pass on so much: noted, when it is about the connection */
    quote[27] ^= 0x80;
    tell4(v4(10, 9, 9, 9), 3, 4, be32(1200));
    CHECK(pmtu_find(&far) == 0);
    quote[27] ^= 0x80;
    tell4(v4(10, 9, 9, 9), 3, 4, be32(1200));
    CHECK(pmtu_find(&far) == 1200 && !s->err);
    s->ops->release(s);
    shim_advance(301 * NSEC_PER_SEC);
    wire_drain();
}

/* The route is another's now: what the old router told holds no more. */
TEST(another_route)
{
    struct inaddr third = inaddr_v4(v4(10, 0, 0, 3));
    static const uint8_t third_mac[6] = { 2, 0, 0, 0, 0, 3 };
    struct route r = { .prefix = inaddr_v4(v4(8, 0, 0, 0)),
                       .plen = PLEN_V4(8),
                       .gateway = third,
                       .dev = &wire,
                       .type = RTN_UNICAST,
                       .expires_ns = TIME_NEVER };

    start4();
    CHECK(neigh_set(&wire, &third, third_mac, NUD_PERMANENT, true) == 0);
    goes_to(peer_mac);
    redirect4(v4(10, 0, 0, 1), v4(10, 0, 0, 7), 1);
    goes_to(other_mac);
    CHECK(route_add(&r, false) == 0);
    goes_to(third_mac);
    CHECK(route_del(&r) == 0);
    goes_to(other_mac);
    for (unsigned i = 0; i < 100; i++) { /* more destinations than the table has room for */
        struct sockaddr_any to = sa4(v4(9, 0, 0, i), 99);

        CHECK(far_socket->ops->connect(far_socket, &to, false) == 0);
        goes_to(peer_mac);
        redirect4(v4(10, 0, 0, 1), v4(10, 0, 0, 7), 1);
        goes_to(other_mac);
    }
}

/* ---- IPv6 ---- */

static struct inaddr own6, router6, far6;

static unsigned send6(struct socket *s)
{
    unsigned len;

    CHECK(wire_send(s, NULL, "hello", 5) == 5);
    while ((len = wire_out(out)) && out[20] != IPPROTO_UDP)
        ;
    if (len) {
        quote_len = len - 14;
        memcpy(quote, out + 14, quote_len);
    }
    return len;
}

static void redirect6(const struct inaddr *from, const struct inaddr *target, const struct inaddr *dst,
                      uint8_t hops, const uint8_t *mac)
{
    unsigned n = put_eth(in, wire_mac, 0x86dd), opt = 8 + (quote_len + 7) / 8 * 8,
             len = 40 + opt + (mac ? 8 : 0);
    uint8_t *m = in + n + 40;

    put_ip6(in + n, IPPROTO_ICMPV6, from, &own6, len, hops);
    memset(m, 0, len);
    m[0] = ND_REDIRECT;
    memcpy(m + 8, target, 16);
    memcpy(m + 24, dst, 16);
    m[40] = ND_OPT_REDIRECTED;
    m[41] = opt / 8;
    memcpy(m + 48, quote, quote_len);
    if (mac) {
        m[40 + opt] = ND_OPT_TLLA;
        m[40 + opt + 1] = 1;
        memcpy(m + 40 + opt + 2, mac, 6);
    }
    put_sum(m, len, 2, from, &own6, IPPROTO_ICMPV6);
    wire_in(in, n + 40 + len);
    wire_drain();
}

TEST(ipv6)
{
    struct addr_spec a = {
        .plen = 64, .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER, .flags = IFA_F_NODAD
    };
    struct route r = { .dev = &wire, .type = RTN_UNICAST, .metric = 1024, .expires_ns = TIME_NEVER };
    struct inaddr hop6, global6, group6;
    struct sockaddr_any to = { .len = sizeof(struct sockaddr_in6) };
    struct socket *s;

    wire_start();
    netif_of(&wire)->v6 = true;
    nd_start(&wire);
    CHECK(parse_v6("fd00::2", &own6) && parse_v6("fe80::1", &router6) && parse_v6("2001:db8::8", &far6) &&
          parse_v6("fe80::7", &hop6) && parse_v6("fd00::7", &global6) && parse_v6("ff02::1", &group6));
    for (unsigned i = 0; i < 4; i++) {
        shim_advance(NSEC_PER_SEC);
        wire_drain();
    }
    a.addr = own6;
    CHECK(addr_add(&wire, &a) == 0);
    r.gateway = router6;
    CHECK(route_add(&r, false) == 0);
    CHECK(neigh_set(&wire, &router6, peer_mac, NUD_PERMANENT, true) == 0);
    s = wire_socket(AF_INET6, SOCK_DGRAM, 0);
    inet_addr_put(&to, AF_INET6, &far6, be16(99), 0);
    CHECK(s->ops->connect(s, &to, false) == 0);
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&hop6, &hop6, &far6, 255, other_mac); /* who carries nothing */
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&router6, &hop6, &far6, 64, other_mac); /* from afar */
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&router6, &global6, &far6, 255, other_mac); /* neither a router's address nor the destination */
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&router6, &hop6, &group6, 255, other_mac);
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    put_be16(quote + 40, 7); /* no socket's */
    redirect6(&router6, &hop6, &far6, 255, other_mac);
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&router6, &hop6, &far6, 255, other_mac);
    CHECK(send6(s) && !memcmp(out, other_mac, 6));
    shim_advance(301 * NSEC_PER_SEC);
    wire_drain();
    CHECK(send6(s) && !memcmp(out, peer_mac, 6));
    redirect6(&router6, &far6, &far6, 255, other_mac); /* on this link */
    CHECK(send6(s) && !memcmp(out, other_mac, 6));
    for (unsigned cut = 0; cut < 40 + 48 + 8; cut++) { /* shorter than it should be */
        uint8_t *m = in + 54;

        memset(m, 0, cut);
        m[0] = ND_REDIRECT;
        put_ip6(in + 14, IPPROTO_ICMPV6, &router6, &own6, cut, 255);
        put_sum(m, MAX(cut, 4u), 2, &router6, &own6, IPPROTO_ICMPV6);
        wire_in(in, 54 + cut);
    }
    wire_drain();
    s->ops->release(s);
}
