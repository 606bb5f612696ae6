/* SPDX-License-Identifier: BSD-2-Clause */
/* The DHCP client: its messages, and its life from the first question to the end of a lease. */
#include "test.h"

#include "net/dhcp_msg.h"
#include "net_wire.h"

static uint8_t in[2000], out[70000];
static uint32_t xid;

/* An answer of that type to what was last asked. Returns the frame's length. */
static unsigned answer(uint8_t type, uint32_t addr, uint32_t lease)
{
    uint8_t m[400] = { 2, 1, 6 }, *o = m + 240;
    uint32_t server = v4(10, 0, 0, 1), mask = v4(255, 255, 255, 0), dns = v4(10, 0, 0, 53);
    unsigned n;

    put_be32(m + 4, xid);
    memcpy(m + 16, &addr, 4);
    memcpy(m + 28, wire_mac, 6);
    put_be32(m + 236, 0x63825363);
    memcpy(o, (uint8_t[]){ 53, 1, type, 54, 4 }, 5);
    memcpy(o + 5, &server, 4);
    memcpy(o + 9, "\1\4", 2);
    memcpy(o + 11, &mask, 4);
    memcpy(o + 15, "\6\4", 2);
    memcpy(o + 17, &dns, 4);
    memcpy(o + 21, "\x33\4", 2);
    put_be32(o + 23, lease);
    memcpy(o + 27, "\3\4", 2);
    memcpy(o + 29, &server, 4);
    memcpy(o + 33,
           "\x0f\x07"
           "net.org",
           9);
    o[42] = 255;
    n = put_udp4(in, server, 67, 0xffffffff, 68, m, sizeof(m));
    memset(in, 0xff, 6);
    return n;
}

/* The next DHCP message sent; its type, 0: none. */
static uint8_t sent(void)
{
    unsigned len;

    while ((len = wire_out(out)))
        if (len >= 42 + DHCP_MSG_MIN && get_be16(out + 36) == 67) {
            struct inaddr src, dst;
            uint32_t a;

            memcpy(&a, out + 26, 4);
            src = inaddr_v4(a);
            memcpy(&a, out + 30, 4);
            dst = inaddr_v4(a);
            CHECK(checksum_add(out + 34, len - 34, ip_pseudo_sum(&src, &dst, 17, len - 34)) == 0xffff);
            xid = get_be32(out + 42 + 4);
            CHECK(out[42 + 240] == 53);
            return out[42 + 242];
        }
    return 0;
}

/* Is the option in the message last sent, and of that content? */
static bool has_option(uint8_t code, const char *text)
{
    for (const uint8_t *o = out + 42 + 240; *o != 255; o += *o ? 2 + o[1] : 1)
        if (*o == code)
            return o[1] == strlen(text) && !memcmp(o + 2, text, o[1]);
    return false;
}

static bool have(uint32_t a)
{
    struct inaddr i = inaddr_v4(a);

    return ip_kind(&i, 0) == KIND_LOCAL;
}

/* Was the next frame a question who has the address, from nobody? */
static bool probed(uint32_t a)
{
    return wire_out(out) == 42 && get_be16(out + 12) == 0x806 && out[21] == 1 && !get_be32(out + 28) &&
           !memcmp(out + 38, &a, 4);
}

TEST(life_of_a_lease)
{
    uint32_t a = v4(10, 0, 0, 77);
    struct inaddr far = inaddr_v4(v4(8, 8, 8, 8)), own = inaddr_v4(v4(10, 0, 0, 2));
    char text[200];

    wire_start();
    wire_know_peer();
    CHECK(addr_del(&wire, &own, PLEN_V4(24)) == 0);
    struct route old = { .prefix = inaddr_v4(0), .plen = PLEN_V4(0) };

    route_del(&old);
    dhcp_start(&wire, "box-1");
    CHECK(sent() == DHCP_DISCOVER && out[0] == 0xff && get_be32(out + 26) == 0 &&
          get_be32(out + 30) == 0xffffffff);
    CHECK(has_option(12, "box-1"));
    shim_advance(1300 * NSEC_PER_MS); /* again, when nobody answers */
    CHECK(sent() == DHCP_DISCOVER && !dhcp_settled());
    xid ^= 1;
    wire_in(in, answer(DHCP_OFFER, a, 1000)); /* to another question */
    CHECK(sent() == 0);
    xid ^= 1;
    wire_in(in, answer(DHCP_OFFER, a, 1000));
    CHECK(sent() == DHCP_REQUEST && !have(a) && has_option(12, "box-1"));
    wire_in(in, answer(DHCP_ACK, a, 1000));
    CHECK(probed(a) && !have(a) && !dhcp_settled());
    shim_advance(110 * NSEC_PER_MS);
    CHECK(probed(a) && !have(a));
    shim_advance(110 * NSEC_PER_MS);
    softirq_run();
    CHECK(have(a) && dhcp_settled());
    CHECK(route_lookup(&far, NULL, false));
    resolver_show(text, sizeof(text));
    CHECK(!strcmp(text, "domain net.org\nnameserver 10.0.0.53\n"));
    wire_drain();
    /* half of it gone: renewed with the server alone */
    shim_advance(501 * NSEC_PER_SEC);
    CHECK(sent() == DHCP_REQUEST && get_be32(out + 30) == 0x0a000001 && get_be32(out + 26) == 0x0a00004d);
    unsigned n = answer(DHCP_ACK, a, 1000);

    memcpy(in, wire_mac, 6);
    wire_in(in, n);
    CHECK(have(a));
    shim_advance(400 * NSEC_PER_SEC);
    CHECK(sent() == 0);
    /* no answer at half, none at seven eighths, where everybody is asked */
    shim_advance(101 * NSEC_PER_SEC);
    CHECK(sent() == DHCP_REQUEST);
    for (int i = 0; i < 30 && get_be32(out + 30) != 0xffffffff; i++) {
        shim_advance(15 * NSEC_PER_SEC);
        sent();
    }
    CHECK(get_be32(out + 30) == 0xffffffff && have(a));
    wire_in(in, answer(DHCP_ACK, a, 1000));
    CHECK(have(a));
    /* and then nobody at all */
    for (int i = 0; i < 20; i++) {
        shim_advance(60 * NSEC_PER_SEC);
        softirq_run();
    }
    CHECK(!have(a) && !route_lookup(&far, NULL, false));
    wire_drain();
    shim_advance(80 * NSEC_PER_SEC);
    CHECK(sent() == DHCP_DISCOVER);
    wire_in(in, answer(DHCP_OFFER, a, 1000));
    CHECK(sent() == DHCP_REQUEST);
    wire_in(in, answer(DHCP_NAK, 0, 0));
    CHECK(sent() == DHCP_DISCOVER);
    /* somebody has the address that is given; the second time somebody else is about to take it */
    for (unsigned i = 0; i < 2; i++) {
        wire_in(in, answer(DHCP_OFFER, a, 1000));
        CHECK(sent() == DHCP_REQUEST);
        wire_in(in, answer(DHCP_ACK, a, 1000));
        CHECK(probed(a));
        wire_in(in, put_arp(in, 1, v4(10, 0, 0, 1), wire_mac, v4(10, 0, 0, 9))); /* others' affairs */
        CHECK(sent() == 0);
        wire_in(in, i ? put_arp(in, 1, 0, wire_mac, a) : put_arp(in, 2, a, wire_mac, 0));
        CHECK(sent() == DHCP_DECLINE &&
              !memcmp(out + 42 + 252, "\x32\4\x0a\0\0\x4d\x36\4\x0a\0\0\1\xff", 13));
        CHECK(!have(a) && get_be32(out + 30) == 0xffffffff && !has_option(12, "box-1"));
        shim_advance(9 * NSEC_PER_SEC);
        CHECK(sent() == 0);
        shim_advance(2 * NSEC_PER_SEC);
        CHECK(sent() == DHCP_DISCOVER);
    }
    wire_in(in, answer(DHCP_OFFER, a, 1000));
    CHECK(sent() == DHCP_REQUEST);
    wire_in(in, answer(DHCP_ACK, a, 1000));
    for (unsigned i = 0; i < 3; i++) {
        wire_drain();
        shim_advance(110 * NSEC_PER_MS);
    }
    softirq_run();
    CHECK(have(a));
    wire_drain();
    /* once it is ours, it is defended, but not for ever */
    wire_in(in, put_arp(in, 1, a, wire_mac, v4(10, 0, 0, 1)));
    CHECK(wire_out(out) == 42 && !memcmp(out + 28, &a, 4) && !memcmp(out + 38, &a, 4) && have(a));
    wire_in(in, put_arp(in, 1, a, wire_mac, v4(10, 0, 0, 1)));
    CHECK(wire_out(out) == 0);
}

TEST(host_names)
{
    char longest[DHCP_NAME_MAX + 2] = "";
    uint8_t m[DHCP_MSG_MAX];
    struct dhcp_request q = {
        .type = DHCP_REQUEST, .requested = 1, .server = 2, .mac = wire_mac, .name = longest
    };

    CHECK(dhcp_name_ok("a") && dhcp_name_ok("Box-1.example.org") && dhcp_name_ok("9"));
    CHECK(!dhcp_name_ok("") && !dhcp_name_ok("a_b") && !dhcp_name_ok("a b") && !dhcp_name_ok("-a") &&
          !dhcp_name_ok("a.") && !dhcp_name_ok("a\n") && !dhcp_name_ok("\xc3\xa4"));
    memset(longest, 'x', DHCP_NAME_MAX);
    CHECK(dhcp_name_ok(longest));
    unsigned len = dhcp_build(m, &q);

    CHECK(len > DHCP_MSG_MIN && len <= DHCP_MSG_MAX && m[len - 1] == 255);
    longest[DHCP_NAME_MAX] = 'x';
    CHECK(!dhcp_name_ok(longest));
    q.name = "";
    CHECK(dhcp_build(m, &q) == DHCP_MSG_MIN);
}

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

TEST(answers_with_anything_in_them)
{
    struct dhcp_lease l;

    wire_start();
    for (unsigned i = 0; i < 200000; i++) {
        unsigned n = answer(DHCP_ACK, v4(10, 0, 0, 3), 1000) - 42, len = rnd() % 8 ? n : rnd() % n;
        uint8_t *m = malloc(len);

        memcpy(m, in + 42, len);
        for (unsigned k = rnd() % 16; k && len > 240; k--)
            m[240 + rnd() % (len - 240)] =
                rnd() & 1 ? rnd() : (uint8_t[]){ 121, 52, 53, 6, 15, 255, 0, 4 }[rnd() % 8];
        if (dhcp_parse(m, len, xid, wire_mac, &l))
            CHECK(l.nr_dns <= DHCP_MAX_DNS && l.nr_routes <= DHCP_MAX_ROUTES &&
                  l.domain_len <= sizeof(l.domain));
        free(m);
    }
}

TEST(classless_routes)
{
    uint8_t m[300] = { 2, 1, 6 };
    struct dhcp_lease l;

    put_be32(m + 4, 5);
    memcpy(m + 16, "\x0a\0\0\x09", 4);
    memcpy(m + 28, wire_mac, 6);
    put_be32(m + 236, 0x63825363);
    memcpy(
        m + 240,
        "\x35\1\5\x36\4\x0a\0\0\1\x33\4\0\0\1\0\x03\4\x0a\0\0\1\x79\x0d\x10\xc0\xa8\x0a\0\0\2\0\x0a\0\0\3\x08\xff",
        37);
    CHECK(dhcp_parse(m, sizeof(m), 5, wire_mac, &l));
    CHECK(l.plen == PLEN_V4(8) && l.nr_routes == 2 && l.routes[0].plen == 16 &&
          l.routes[0].gateway == v4(10, 0, 0, 2));
    CHECK(l.routes[1].plen == 0 && l.routes[1].gateway == v4(10, 0, 0, 3));
}
