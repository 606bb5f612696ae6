/* SPDX-License-Identifier: BSD-2-Clause */
/* Stateless DHCPv6: asked for by a router's flag, repeated, answered, refreshed; and answers of all kinds. */
#include "test.h"

#include "net/dhcp6_msg.h"
#include "net/icmp.h"
#include "net/nd_msg.h"
#include "net_wire.h"

static uint8_t in[2000], out[70000];
static uint32_t xid;
static struct inaddr own6, peer6;

static void advertise(uint8_t flags)
{
    unsigned n = put_eth(in, (const uint8_t *)"\x33\x33\0\0\0\1", 0x86dd);
    uint8_t *m = in + n + 40;

    put_ip6(in + n, IPPROTO_ICMPV6, &peer6, &nd_all_nodes, 16, 255);
    memset(m, 0, 16);
    m[0] = ND_RA;
    m[5] = flags;
    put_sum(m, 16, 2, &peer6, &nd_all_nodes, IPPROTO_ICMPV6);
    wire_in(in, n + 56);
}

/* How many questions were sent; the last is in out. */
static unsigned asked(void)
{
    static uint8_t frame[70000];
    unsigned len, nr = 0;

    while ((len = wire_out(frame)))
        if (frame[12] == 0x86 && frame[20] == IPPROTO_UDP && get_be16(frame + 56) == 547) {
            struct inaddr src, dst;

            memcpy(out, frame, len);
            memcpy(&src, out + 22, 16);
            memcpy(&dst, out + 38, 16);
            CHECK(checksum_add(out + 54, len - 54, ip_pseudo_sum(&src, &dst, 17, len - 54)) == 0xffff);
            xid = get_be32(out + 62) & 0xffffff;
            nr++;
        }
    return nr;
}

static unsigned put(uint8_t *m, unsigned at, uint16_t code, const void *val, unsigned len)
{
    put_be16(m + at, code);
    put_be16(m + at + 2, len);
    memcpy(m + at + 4, val, len);
    return at + 4 + len;
}

static const uint8_t duid[10] = { 0, 3, 0, 1, 0x52, 0x54, 0, 0, 0, 1 };

/* An answer's message. Returns its length. */
static unsigned message(uint8_t *m, const char *dns, uint32_t refresh)
{
    struct inaddr a;
    uint8_t s[4];
    unsigned n = 4;

    put_be32(m, 7u << 24 | xid);
    n = put(m, n, 1, duid, sizeof(duid));
    n = put(m, n, 2, "\0\1serverid", 10);
    CHECK(parse_v6(dns, &a));
    n = put(m, n, 23, &a, 16);
    n = put(m, n, 24, "\3net\3org\0\5other\0", 16);
    put_be32(s, refresh);
    return put(m, n, 32, s, 4);
}

static void answer(const uint8_t *m, unsigned len)
{
    unsigned n = put_eth(in, wire_mac, 0x86dd);

    put_ip6(in + n, IPPROTO_UDP, &peer6, &own6, 8 + len, 64);
    n += 40;
    put_be16(in + n, 547);
    put_be16(in + n + 2, 546);
    put_be16(in + n + 4, 8 + len);
    memcpy(in + n + 8, m, len);
    put_sum(in + n, 8 + len, 6, &peer6, &own6, IPPROTO_UDP);
    wire_in(in, n + 8 + len);
}

static bool resolves(const char *with)
{
    char text[300];

    resolver_show(text, sizeof(text));
    return strstr(text, with);
}

TEST(name_servers)
{
    uint8_t m[500];
    unsigned n, len;

    wire_start();
    CHECK(parse_v6("fe80::5054:ff:fe00:1", &own6) && parse_v6("fe80::1", &peer6));
    netif_of(&wire)->v6 = true;
    nd_start(&wire);
    for (unsigned i = 0; i < 15; i++) {
        shim_advance(NSEC_PER_SEC);
        CHECK(asked() == 0);
    }
    advertise(0); /* there is no such server */
    shim_advance(2 * NSEC_PER_SEC);
    CHECK(asked() == 0);
    advertise(0x40);
    advertise(0x40);
    shim_advance(NSEC_PER_SEC);
    CHECK(asked() == 1 && get_be16(out + 54) == 546 && out[62] == 11);
    CHECK(!memcmp(out + 38, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\1\0\2", 16) && !memcmp(out + 66, "\0\1\0\x0a", 4) &&
          !memcmp(out + 70, duid, 10));
    for (n = 0; n < 5; n++) { /* less and less often */
        uint32_t was = xid;
        unsigned s = 0;

        while (!asked() && s < 100) {
            shim_advance(NSEC_PER_SEC / 2);
            s++;
        }
        CHECK(xid == was && s >= (1u << n) && s <= 4u << n);
    }
    len = message(m, "fd00::53", 1000);
    m[3] ^= 1; /* to another question */
    answer(m, len);
    CHECK(!resolves("fd00::53"));
    m[3] ^= 1;
    m[10] ^= 1; /* to another machine */
    answer(m, len);
    CHECK(!resolves("fd00::53"));
    m[10] ^= 1;
    m[0] = 2; /* an ADVERTISE */
    answer(m, len);
    CHECK(!resolves("fd00::53"));
    m[0] = 7;
    answer(m, put(m, len, 13, "\0\1", 2)); /* it failed */
    CHECK(!resolves("fd00::53"));
    answer(m, len - 1);
    CHECK(!resolves("fd00::53"));
    while (wire_out(out)) /* none was refused by ICMP */
        CHECK(out[20] != IPPROTO_ICMPV6 || out[54] != ICMPV6_DEST_UNREACH);
    answer(m, len);
    CHECK(resolves("nameserver fd00::53\n") && resolves("domain net.org\n"));
    shim_advance(990 * NSEC_PER_SEC);
    CHECK(asked() == 0);
    shim_advance(11 * NSEC_PER_SEC); /* it has aged */
    CHECK(asked() >= 1);
    len = message(m, "fd00::54", UINT32_MAX);
    answer(m, len);
    CHECK(resolves("nameserver fd00::54\n"));
    for (unsigned i = 0; i < 10; i++) {
        shim_advance(100000 * NSEC_PER_SEC);
        CHECK(asked() == 0);
    }
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
    struct dhcp6_answer a;
    unsigned good = 0;

    for (unsigned i = 0; i < 200000; i++) {
        uint8_t whole[500], *m;
        unsigned n = message(whole, "fd00::1", rnd()), len = rnd() % 8 ? n : rnd() % n;

        m = malloc(len ? len : 1);
        memcpy(m, whole, len);
        for (unsigned k = rnd() % 4; k && len > 32; k--)
            m[32 + rnd() % (len - 32)] =
                rnd() & 1 ? rnd() : (uint8_t[]){ 23, 24, 32, 13, 0, 63, 64, 255 }[rnd() % 8];
        if (dhcp6_parse(m, len, xid, wire_mac, &a)) {
            good++;
            CHECK(a.nr_dns <= DHCP6_MAX_DNS && a.domain_len <= sizeof(a.domain) && a.refresh_s >= 600);
        }
        free(m);
    }
    CHECK(good > 1000);
}
