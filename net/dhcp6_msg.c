/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp6_msg.c: building the request and reading the answer. */
#include "net/dhcp6_msg.h"
#include "lib/string.h"

enum { INFORMATION_REQUEST = 11, REPLY = 7 };
enum {
    O_CLIENT_ID = 1,
    O_SERVER_ID = 2,
    O_WANTED = 6,
    O_ELAPSED = 8,
    O_STATUS = 13,
    O_DNS = 23,
    O_DOMAINS = 24,
    O_REFRESH = 32,
    O_INF_MAX_RT = 83,
};
#define DUID_LL     3 /* §11.4: of the link address alone, which outlives no reboot less than we do */
#define DUID_LEN    10
#define IRT_DEFAULT 86400 /* §21.23 */
#define IRT_MINIMUM 600

static uint8_t *put_option(uint8_t *o, uint16_t code, const void *val, uint16_t len)
{
    put_be16(o, code);
    put_be16(o + 2, len);
    memcpy(o + 4, val, len);
    return o + 4 + len;
}

static void duid(uint8_t d[DUID_LEN], const uint8_t mac[6])
{
    put_be16(d, DUID_LL);
    put_be16(d + 2, 1);
    memcpy(d + 4, mac, 6);
}

unsigned dhcp6_build(uint8_t m[DHCP6_MSG_MAX], uint32_t xid, const uint8_t mac[6], uint16_t elapsed)
{
    static const uint8_t want[] = { 0, O_DNS, 0, O_DOMAINS, 0, O_REFRESH, 0, O_INF_MAX_RT };
    uint8_t id[DUID_LEN], time[2], *o = m + 4;

    put_be32(m, (uint32_t)INFORMATION_REQUEST << 24 | (xid & 0xffffff));
    duid(id, mac);
    put_be16(time, elapsed);
    o = put_option(o, O_CLIENT_ID, id, sizeof(id));
    o = put_option(o, O_WANTED, want, sizeof(want));
    o = put_option(o, O_ELAPSED, time, sizeof(time));
    return o - m;
}

/* The first name of a search list (RFC 1035 §3.1: labels with their lengths), with dots. Compression is not allowed. */
static void first_domain(struct dhcp6_answer *a, const uint8_t *v, unsigned len)
{
    unsigned n = 0;

    while (len && *v) {
        unsigned label = *v;

        if (label > 63 || label + 1 > len || n + label + 1 > sizeof(a->domain))
            return;
        if (n)
            a->domain[n++] = '.';
        memcpy(a->domain + n, v + 1, label);
        n += label;
        v += label + 1;
        len -= label + 1;
    }
    if (len) /* it ended as it should */
        a->domain_len = n;
}

struct reading {
    struct dhcp6_answer *a;
    const uint8_t *id; /* ours */
    bool ours, server, failed;
};

static void option(struct reading *x, uint16_t code, const uint8_t *v, unsigned len)
{
    struct dhcp6_answer *a = x->a;

    switch (code) {
    case O_CLIENT_ID:
        x->ours = len == DUID_LEN && !memcmp(v, x->id, DUID_LEN);
        break;
    case O_SERVER_ID:
        x->server = len >= 2;
        break;
    case O_STATUS:
        x->failed |= len < 2 || get_be16(v);
        break;
    case O_DNS:
        for (; len >= 16 && a->nr_dns < DHCP6_MAX_DNS; len -= 16, v += 16)
            memcpy(&a->dns[a->nr_dns++], v, 16);
        break;
    case O_DOMAINS:
        first_domain(a, v, len);
        break;
    case O_REFRESH:
        if (len == 4)
            a->refresh_s = MAX(get_be32(v), (uint32_t)IRT_MINIMUM);
        break;
    case O_INF_MAX_RT:
        if (len == 4 && get_be32(v) >= 60 && get_be32(v) <= 86400)
            a->max_retry_s = get_be32(v);
        break;
    }
}

bool dhcp6_parse(const uint8_t *m, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp6_answer *a)
{
    uint8_t id[DUID_LEN];
    struct reading x = { .a = a, .id = id };

    memset(a, 0, sizeof(*a));
    a->refresh_s = IRT_DEFAULT;
    duid(id, mac);
    if (len < 4 || get_be32(m) != ((uint32_t)REPLY << 24 | (xid & 0xffffff)))
        return false;
    for (m += 4, len -= 4; len;) {
        unsigned n;

        if (len < 4 || get_be16(m + 2) + 4u > len)
            return false;
        n = get_be16(m + 2);
        option(&x, get_be16(m), m + 4, n);
        m += 4 + n;
        len -= 4 + n;
    }
    return x.ours && x.server && !x.failed; /* §16.10 */
}
