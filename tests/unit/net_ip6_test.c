/* SPDX-License-Identifier: BSD-2-Clause */
/* Neighbour Discovery, addresses from routers, duplicates, ICMPv6, IPv6 with extension headers; MLD. */
#include "test.h"

#include "net_wire.h"

static uint8_t in[4000], out[70000];
static struct inaddr own, peer;

static struct inaddr ip6(const char *words)
{
    struct inaddr a;

    CHECK(parse_v6(words, &a));
    return a;
}

static void start(void)
{
    wire_start();
    own = ip6("fe80::5054:ff:fe00:1");
    peer = ip6("fe80::1");
    if (netif_of(&wire)->v6)
        return;
    netif_of(&wire)->v6 = true;
    nd_start(&wire);
}

/* An ICMPv6 message from src to dst comes in. */
static void icmp_in(const struct inaddr *src, const struct inaddr *dst, const void *msg, unsigned len,
                    uint8_t hops)
{
    uint8_t mac[6];
    unsigned n;

    if (inaddr_is_multicast(dst))
        ethernet_multicast(dst, mac);
    n = put_eth(in, inaddr_is_multicast(dst) ? mac : wire_mac, 0x86dd);
    n += put_ip6(in + n, IPPROTO_ICMPV6, src, dst, len, hops);
    memcpy(in + n, msg, len);
    put_sum(in + n, len, 2, src, dst, IPPROTO_ICMPV6);
    wire_in(in, n + len);
}

/* The next frame that is ICMPv6 of the type; 0: none. */
static unsigned icmp_out(uint8_t type)
{
    unsigned len;

    while ((len = wire_out(out)))
        if (get_be16(out + 12) == 0x86dd && out[20] == IPPROTO_ICMPV6 && out[54] == type) {
            struct inaddr s, d;

            memcpy(&s, out + 22, 16);
            memcpy(&d, out + 38, 16);
            CHECK(checksum_add(out + 54, len - 54, ip_pseudo_sum(&s, &d, IPPROTO_ICMPV6, len - 54)) ==
                  0xffff);
            return len;
        }
    return 0;
}

static void neighbour_msg(uint8_t m[32], uint8_t type, uint32_t flags, const struct inaddr *target,
                          uint8_t option)
{
    memset(m, 0, 32);
    m[0] = type;
    put_be32(m + 4, flags);
    memcpy(m + 8, target, 16);
    m[24] = option;
    m[25] = 1;
    memcpy(m + 26, peer_mac, 6);
}

TEST(link_local_address_after_nobody_objected)
{
    struct inaddr all_routers = ip6("ff02::2");

    start();
    CHECK(ip_kind(&own, 0) == KIND_REMOTE);
    shim_advance(1);
    wire_drain();
    shim_advance(1100 * NSEC_PER_MS);
    wire_drain();
    CHECK(ip_kind(&own, 0) == KIND_LOCAL);
    shim_advance(4 * NSEC_PER_SEC);
    CHECK(icmp_out(133) == 14 + 40 + 16 && !memcmp(out + 38, &all_routers, 16) &&
          !memcmp(out + 22, &own, 16));
}

TEST(duplicate_address_is_not_used)
{
    struct addr_spec s = {
        .addr = ip6("fd00::9"), .plen = 64, .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER
    };
    struct inaddr all = ip6("ff02::1");
    uint8_t m[32];

    start();
    wire_drain();
    CHECK(addr_add(&wire, &s) == 0);
    shim_advance(1);
    CHECK(icmp_out(135) && out[21] == 255 && !memcmp(out + 62, &s.addr, 16) && out[37] == 0);
    neighbour_msg(m, 136, 0x20000000, &s.addr, 2);
    icmp_in(&s.addr, &all, m, 32, 255);
    shim_advance(2 * NSEC_PER_SEC);
    wire_drain();
    CHECK(ip_kind(&s.addr, 0) == KIND_REMOTE);
    CHECK(addr_del(&wire, &s.addr, 64) == 0);
}

TEST(neighbour_asks_and_is_answered)
{
    struct inaddr group = ip6("ff02::1:ff00:1");
    uint8_t m[32];

    start();
    wire_drain();
    neighbour_msg(m, 135, 0, &own, 1);
    icmp_in(&peer, &group, m, 32, 255);
    CHECK(icmp_out(136) == 14 + 40 + 32 && !memcmp(out, peer_mac, 6) && out[58] == 0x60);
    icmp_in(&peer, &group, m, 32, 254); /* a router passed it on */
    CHECK(icmp_out(136) == 0);
    m[25] = 0; /* an option of no length */
    icmp_in(&peer, &group, m, 32, 255);
    CHECK(icmp_out(136) == 0);
}

TEST(router_gives_address_route_and_name_server)
{
    struct inaddr all = ip6("ff02::1"), a = ip6("2001:db8:1::5054:ff:fe00:1"), far = ip6("2001:db8:9::9"),
                  dns;
    uint8_t m[16 + 32 + 8 + 24] = { 134, 0, 0, 0, 60, 0, 7, 8 };
    char text[200];
    const struct route *r;

    start();
    wire_drain();
    uint8_t *o = m + 16;

    o[0] = 3;
    o[1] = 4;
    o[2] = 64;
    o[3] = 0xc0;
    put_be32(o + 4, 3600);
    put_be32(o + 8, 1800);
    struct inaddr prefix = ip6("2001:db8:1::");

    memcpy(o + 16, &prefix, 16);
    o += 32;
    o[0] = 5;
    o[1] = 1;
    put_be32(o + 4, 1400);
    o += 8;
    o[0] = 25;
    o[1] = 3;
    put_be32(o + 4, 600);
    dns = ip6("2001:db8::53");
    memcpy(o + 8, &dns, 16);
    icmp_in(&peer, &all, m, sizeof(m), 255);
    shim_advance(1);
    wire_drain();
    shim_advance(1100 * NSEC_PER_MS);
    wire_drain();
    CHECK(ip_kind(&a, 0) == KIND_LOCAL);
    r = route_lookup(&far, NULL, false);
    CHECK(r && inaddr_eq(&r->gateway, &peer));
    r = route_lookup(&a, NULL, false);
    CHECK(r && r->plen == 64 && inaddr_is_any(&r->gateway));
    resolver_show(text, sizeof(text));
    CHECK(strstr(text, "nameserver 2001:db8::53\n"));
    CHECK(netif_of(&wire)->hop_limit == 60 && netif_of(&wire)->mtu6 == 1400);
    /* its address is the source for what is far, the link-local one for the link */
    struct flow f = { .dst = far, .protocol = IPPROTO_UDP };
    struct dst d = { 0 };

    CHECK(dst_lookup(&d, &f) == 0 && inaddr_eq(&d.src, &a) && d.mtu == 1400);
    f.dst = ip6("fe80::77");
    f.dev = wire.index;
    CHECK(dst_lookup(&d, &f) == 0 && inaddr_eq(&d.src, &own));
    dst_release(&d);
    /* the route ends, the address is deprecated and then goes */
    shim_advance(1801 * NSEC_PER_SEC);
    wire_drain();
    CHECK(!route_lookup(&far, NULL, false));
    CHECK(addr_find(&a, 0) && addr_find(&a, 0)->flags & IFA_F_DEPRECATED);
    shim_advance(1800 * NSEC_PER_SEC);
    wire_drain();
    CHECK(!addr_find(&a, 0));
}

TEST(echo_and_extension_headers)
{
    uint8_t msg[64] = { 128, 0, 0, 0, 0, 1, 0, 2 };
    unsigned n;

    start();
    wire_drain();
    CHECK(neigh_set(&wire, &peer, peer_mac, NUD_PERMANENT, true) == 0);
    icmp_in(&peer, &own, msg, sizeof(msg), 64);
    CHECK(icmp_out(129) == 14 + 40 + 64);
    /* behind hop-by-hop and destination options with padding */
    n = put_eth(in, wire_mac, 0x86dd);
    n += put_ip6(in + n, 0, &peer, &own, 16 + 64, 64);
    memcpy(in + n, "\x3c\0\1\4\0\0\0\0\x3a\0\1\4\0\0\0\0", 16);
    n += 16;
    memcpy(in + n, msg, 64);
    put_sum(in + n, 64, 2, &peer, &own, IPPROTO_ICMPV6);
    wire_in(in, n + 64);
    CHECK(icmp_out(129) == 14 + 40 + 64);
    /* an option that nobody knows and that says so: parameter problem */
    in[14 + 40 + 2] = 0x80;
    shim_advance(NSEC_PER_SEC);
    wire_in(in, n + 64);
    CHECK(icmp_out(4) && out[55] == 2 && get_be32(out + 58) == 42);
    /* a routing header with segments left */
    in[14 + 6] = 43;
    in[14 + 40 + 2] = 0;
    in[14 + 40 + 3] = 1;
    wire_in(in, n + 64);
    CHECK(icmp_out(4) && out[55] == 0);
}

TEST(fragments)
{
    uint8_t msg[2000] = { 128, 0, 0, 0, 0, 1, 0, 2 };
    uint16_t sum;
    unsigned n;

    start();
    wire_drain();
    netif_of(&wire)->mtu6 = 0;
    for (unsigned i = 8; i < sizeof(msg); i++)
        msg[i] = i;
    put_sum(msg, sizeof(msg), 2, &peer, &own, IPPROTO_ICMPV6);
    memcpy(&sum, msg + 2, 2);
    for (unsigned off = 0; off < sizeof(msg); off += 1000) {
        n = put_eth(in, wire_mac, 0x86dd);
        n += put_ip6(in + n, 44, &peer, &own, 8 + 1000, 64);
        memset(in + n, 0, 8);
        in[n] = 58;
        put_be16(in + n + 2, off | (off == 0));
        put_be32(in + n + 4, 77);
        memcpy(in + n + 8, msg + off, 1000);
        wire_in(in, n + 1008);
    }
    /* the answer is too large for one packet as well */
    CHECK(wire_out(out) == 14 + 1496 && out[20] == 44 && get_be16(out + 56) == 1);
    CHECK(wire_out(out) == 14 + 40 + 8 + 2000 - 1448 && get_be16(out + 56) == 1448);
}

/* The next report of MLDv2; its first record. NULL: none. */
static const uint8_t *next_report(void)
{
    shim_advance(1);
    while (wire_out(out))
        if (out[20] == 0 && out[62] == 143)
            return out + 70;
    return NULL;
}

static bool is_record(const uint8_t *r, uint8_t type, unsigned sources, const struct inaddr *group)
{
    return r && get_be16(out + 68) == 1 && r[0] == type && get_be16(r + 2) == sources &&
           !memcmp(r + 4, group, 16);
}

/* Lets what is due in the next seconds be sent, and forgets it. */
static void quiet(void)
{
    for (int i = 0; i < 5; i++) {
        shim_advance(2 * NSEC_PER_SEC);
        softirq_run();
    }
    wire_drain();
}

TEST(groups_are_reported)
{
    struct inaddr group = ip6("ff05::1234"), all = ip6("ff02::1");
    uint8_t query[28] = { 130 };
    const uint8_t *r;

    start();
    quiet();
    CHECK(group_join(&wire, &group) == 0);
    CHECK(is_record(next_report(), 4, 0, &group)); /* TO_EX({}) */
    shim_advance(1001 * NSEC_PER_MS);
    CHECK(is_record(next_report(), 4, 0, &group)); /* once more */
    quiet();
    put_be16(query + 4, 1000);
    icmp_in(&peer, &all, query, 28, 1);
    shim_advance(1001 * NSEC_PER_MS);
    bool seen = false;

    while ((r = next_report())) /* the groups of our addresses are in it, too */
        for (unsigned i = 0; i < get_be16(out + 68); i++, r += 20)
            seen |= r[0] == 2 && !memcmp(r + 4, &group, 16); /* IS_EX */
    CHECK(seen);
    group_leave(&wire, &group);
    CHECK(!group_member(&wire, &group));
    CHECK(is_record(next_report(), 3, 0, &group)); /* TO_IN({}) */
    shim_advance(1001 * NSEC_PER_MS);
    CHECK(is_record(next_report(), 3, 0, &group) && !next_report());
    for (struct mc_group *g = netif_of(&wire)->groups; g; g = g->next)
        CHECK(!inaddr_eq(&g->addr, &group));
}

TEST(sources_are_reported)
{
    struct inaddr group = ip6("ff05::77"), a = ip6("fd00::1"), b = ip6("fd00::2"), c = ip6("fd00::3");
    struct mc_filter *one = calloc(1, sizeof(*one) + 16), *two = calloc(1, sizeof(*two) + 32),
                     *except = calloc(1, sizeof(*except) + 16);
    uint8_t query[28 + 48] = { 130 };
    const uint8_t *r;

    start();
    quiet();
    *one = (struct mc_filter){ .nr = 1 };
    one->src[0] = a;
    *two = (struct mc_filter){ .nr = 2 };
    two->src[0] = a, two->src[1] = b;
    *except = (struct mc_filter){ .exclude = true, .nr = 1 };
    except->src[0] = b;
    CHECK(group_change(&wire, &group, NULL, one) == 0);
    r = next_report();
    CHECK(is_record(r, 5, 1, &group) && !memcmp(r + 20, &a, 16)); /* ALLOW */
    CHECK(group_accepts(&wire, &group, &a) && !group_accepts(&wire, &group, &b));
    quiet();
    CHECK(group_change(&wire, &group, one, two) == 0);
    r = next_report();
    CHECK(is_record(r, 5, 1, &group) && !memcmp(r + 20, &b, 16));
    /* taken back before it was said twice: the second time is of how things are */
    CHECK(group_change(&wire, &group, two, one) == 0);
    r = next_report();
    CHECK(is_record(r, 6, 1, &group) && !memcmp(r + 20, &b, 16)); /* BLOCK */
    quiet();
    /* another user excludes: the mode changes; what any of them wants is let through */
    CHECK(group_change(&wire, &group, NULL, except) == 0);
    r = next_report();
    CHECK(is_record(r, 4, 1, &group) && !memcmp(r + 20, &b, 16)); /* TO_EX(b) */
    CHECK(group_accepts(&wire, &group, &c) && !group_accepts(&wire, &group, &b));
    quiet();
    /* a query about sources: those that are wanted are named */
    put_be16(query + 4, 100);
    memcpy(query + 8, &group, 16);
    put_be16(query + 26, 3);
    memcpy(query + 28, &a, 16), memcpy(query + 44, &b, 16), memcpy(query + 60, &c, 16);
    icmp_in(&peer, &group, query, 76, 1);
    shim_advance(101 * NSEC_PER_MS);
    r = next_report();
    CHECK(is_record(r, 1, 2, &group) && !memcmp(r + 20, &a, 16) && !memcmp(r + 36, &c, 16)); /* IS_IN(a, c) */
    put_be16(query + 26, 4); /* more than there are: no query */
    icmp_in(&peer, &group, query, 76, 1);
    shim_advance(101 * NSEC_PER_MS);
    CHECK(!next_report());
    CHECK(group_change(&wire, &group, except, NULL) == 0);
    r = next_report();
    CHECK(is_record(r, 3, 1, &group) && !memcmp(r + 20, &a, 16)); /* TO_IN(a) */
    quiet();
    CHECK(group_change(&wire, &group, one, NULL) == 0);
    r = next_report();
    CHECK(is_record(r, 6, 1, &group)); /* BLOCK(a) */
    quiet();
    free(one), free(two), free(except);
}

TEST(an_older_router_is_answered_in_its_words)
{
    struct inaddr group = ip6("ff05::99"), all = ip6("ff02::1");
    uint8_t query[24] = { 130 };
    bool seen = false;
    unsigned len;

    start();
    quiet();
    CHECK(group_join(&wire, &group) == 0);
    quiet();
    put_be16(query + 4, 1000);
    icmp_in(&peer, &all, query, 24, 1);
    shim_advance(1001 * NSEC_PER_MS);
    while ((len = wire_out(out))) {
        CHECK(out[20] != 0 || out[62] != 143);
        seen |= out[20] == 0 && out[62] == 131 && !memcmp(out + 70, &group, 16);
    }
    CHECK(seen);
    group_leave(&wire, &group);
    shim_advance(1);
    CHECK(wire_out(out) && out[62] == 132 && !memcmp(out + 70, &group, 16));
    shim_advance(261 * NSEC_PER_SEC); /* it was not heard again */
    quiet();
    CHECK(group_join(&wire, &group) == 0);
    CHECK(is_record(next_report(), 4, 0, &group));
    group_leave(&wire, &group);
    quiet();
}

TEST(the_group_of_an_address_goes_with_it)
{
    struct addr_spec s = { .addr = ip6("fd00::abcd:1234"),
                           .plen = 64,
                           .flags = IFA_F_NODAD,
                           .valid_ns = TIME_NEVER,
                           .preferred_ns = TIME_NEVER };
    struct inaddr group = ip6("ff02::1:ffcd:1234");

    start();
    CHECK(addr_add(&wire, &s) == 0 && group_member(&wire, &group));
    CHECK(addr_del(&wire, &s.addr, 64) == 0 && !group_member(&wire, &group));
    quiet();
}

TEST(words)
{
    static const char *const good[] = { "::",     "::1",    "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4",
                                        "1:2::8", "fe80::1" };
    static const char *const bad[] = { "",
                                       ":",
                                       ":::",
                                       "1",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1::2::3",
                                       "12345::",
                                       "::g",
                                       "1:2:3:4:5:6:7:8::",
                                       "::1.2.3",
                                       ":1::",
                                       "1:2:3:4:5:6:7:" };
    char text[64];
    struct inaddr a, b;
    uint32_t x;

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        CHECK(parse_v6(good[i], &a));
        inaddr_format(text, sizeof(text), &a);
        if (!inaddr_is_v4(&a))
            CHECK(parse_v6(text, &b) && inaddr_eq(&a, &b) && !strcmp(text, good[i]));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK(!parse_v6(bad[i], &a));
    CHECK(parse_v4("1.2.3.4", &x) && x == v4(1, 2, 3, 4) && !parse_v4("1.2.3", &x) &&
          !parse_v4("1.2.3.256", &x) && !parse_v4("1.2.3.4 ", &x));
}
