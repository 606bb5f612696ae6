/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp_msg.c: building requests and reading answers. */
#include "net/dhcp_msg.h"
#include "lib/string.h"

/* offsets, RFC 2131 §2 */
enum {
    M_OP = 0,
    M_HTYPE = 1,
    M_HLEN = 2,
    M_XID = 4,
    M_SECS = 8,
    M_FLAGS = 10,
    M_CIADDR = 12,
    M_YIADDR = 16,
    M_CHADDR = 28,
    M_SNAME = 44,
    M_FILE = 108,
    M_COOKIE = 236,
    M_OPTIONS = 240,
};
#define COOKIE    0x63825363
#define BROADCAST 0x8000

enum {
    O_PAD = 0,
    O_NETMASK = 1,
    O_ROUTER = 3,
    O_DNS = 6,
    O_HOST_NAME = 12,
    O_DOMAIN = 15,
    O_MTU = 26,
    O_BROADCAST = 28,
    O_REQUESTED = 50,
    O_LEASE = 51,
    O_OVERLOAD = 52,
    O_TYPE = 53,
    O_SERVER = 54,
    O_WANTED = 55,
    O_MAX_SIZE = 57,
    O_T1 = 58,
    O_T2 = 59,
    O_CLIENT_ID = 61,
    O_ROUTES = 121,
    O_END = 255,
};

static uint8_t *put_option(uint8_t *o, uint8_t code, const void *val, uint8_t len)
{
    o[0] = code;
    o[1] = len;
    memcpy(o + 2, val, len);
    return o + 2 + len;
}

bool dhcp_name_ok(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        char c = name[i] | 0x20;
        bool inner = (name[i] == '-' || name[i] == '.') && i && i + 1 < len;

        if (!(c >= 'a' && c <= 'z') && !(name[i] >= '0' && name[i] <= '9') && !inner)
            return false;
    }
    return len && len <= DHCP_NAME_MAX;
}

unsigned dhcp_build(uint8_t m[DHCP_MSG_MAX], const struct dhcp_request *q)
{
    static const uint8_t want[] = { O_NETMASK, O_ROUTES,    O_ROUTER, O_DNS, O_DOMAIN,
                                    O_MTU,     O_BROADCAST, O_LEASE,  O_T1,  O_T2 };
    uint8_t id[7] = { 1 }, size[2], *o = m + M_OPTIONS;

    memset(m, 0, DHCP_MSG_MAX);
    m[M_OP] = 1;
    m[M_HTYPE] = 1;
    m[M_HLEN] = 6;
    put_be32(m + M_XID, q->xid);
    put_be16(m + M_SECS, q->secs);
    /* without an address we hear only what is sent to all */
    put_be16(m + M_FLAGS, q->ciaddr ? 0 : BROADCAST);
    memcpy(m + M_CIADDR, &q->ciaddr, 4);
    memcpy(m + M_CHADDR, q->mac, 6);
    put_be32(m + M_COOKIE, COOKIE);
    o = put_option(o, O_TYPE, &q->type, 1);
    memcpy(id + 1, q->mac, 6);
    o = put_option(o, O_CLIENT_ID, id, sizeof(id));
    if (q->requested)
        o = put_option(o, O_REQUESTED, &q->requested, 4);
    if (q->server)
        o = put_option(o, O_SERVER, &q->server, 4);
    if (q->type != DHCP_DECLINE) { /* which says nothing else (RFC 2131, table 5) */
        put_be16(size, 1500);
        o = put_option(o, O_MAX_SIZE, size, 2);
        o = put_option(o, O_WANTED, want, sizeof(want));
        if (*q->name)
            o = put_option(o, O_HOST_NAME, q->name, strlen(q->name));
    }
    *o++ = O_END;
    return MAX((unsigned)(o - m), (unsigned)DHCP_MSG_MIN);
}

/* ---- answers ---- */

struct reading {
    struct dhcp_lease *l;
    uint32_t netmask, router;
    uint8_t overload;
    bool classless; /* routes came, which replace the router */
};

static struct inaddr get_addr(const uint8_t *p)
{
    uint32_t a;

    memcpy(&a, p, 4);
    return inaddr_v4(a);
}

/* RFC 3442: prefix length, as many bytes of the prefix as it needs, router. */
static void classless_routes(struct reading *x, const uint8_t *v, unsigned len)
{
    struct dhcp_lease *l = x->l;

    x->classless = true;
    while (len && l->nr_routes < DHCP_MAX_ROUTES) {
        unsigned plen = v[0], n = (plen + 7) / 8;
        struct dhcp_route *r = &l->routes[l->nr_routes];

        if (plen > 32 || len < 1 + n + 4)
            return;
        *r = (struct dhcp_route){ .plen = plen };
        memcpy(&r->prefix, v + 1, n);
        memcpy(&r->gateway, v + 1 + n, 4);
        l->nr_routes++;
        v += 1 + n + 4;
        len -= 1 + n + 4;
    }
}

static void option(struct reading *x, uint8_t code, const uint8_t *v, unsigned len)
{
    struct dhcp_lease *l = x->l;

    switch (code) {
    case O_TYPE:
        l->type = len == 1 ? v[0] : 0;
        return;
    case O_OVERLOAD:
        x->overload = len == 1 ? v[0] & 3 : 0;
        return;
    case O_DOMAIN:
        l->domain_len = MIN(len, (unsigned)sizeof(l->domain));
        memcpy(l->domain, v, l->domain_len);
        return;
    case O_ROUTES:
        classless_routes(x, v, len);
        return;
    case O_MTU:
        if (len == 2 && get_be16(v) >= 576)
            l->mtu = get_be16(v);
        return;
    }
    if (len < 4)
        return;
    switch (code) {
    case O_NETMASK:
        memcpy(&x->netmask, v, 4);
        break;
    case O_ROUTER:
        memcpy(&x->router, v, 4);
        break;
    case O_DNS:
        for (; len >= 4 && l->nr_dns < DHCP_MAX_DNS; len -= 4, v += 4)
            l->dns[l->nr_dns++] = get_addr(v);
        break;
    case O_BROADCAST:
        l->broadcast = get_addr(v);
        break;
    case O_SERVER:
        l->server = get_addr(v);
        break;
    case O_LEASE:
        l->lease_s = get_be32(v);
        break;
    case O_T1:
        l->t1_s = get_be32(v);
        break;
    case O_T2:
        l->t2_s = get_be32(v);
        break;
    }
}

static void options(struct reading *x, const uint8_t *o, size_t len)
{
    while (len) {
        unsigned n;

        if (*o == O_PAD) {
            o++;
            len--;
            continue;
        }
        if (*o == O_END || len < 2 || o[1] + 2u > len)
            return;
        n = o[1];
        option(x, *o, o + 2, n);
        o += 2 + n;
        len -= 2 + n;
    }
}

/* A mask is ones and then zeros; any other, and none, is that of the address's class. */
static unsigned prefix_len(uint32_t mask, uint32_t addr)
{
    uint32_t m = be32(mask), a = be32(addr);

    if (m && !(~m & (~m + 1)))
        return __builtin_popcount(m);
    return a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24;
}

static bool usable(const struct inaddr *a)
{
    return !inaddr_is_any(a) && !inaddr_is_multicast(a) && !inaddr_is_broadcast4(a) && !inaddr_is_loopback(a);
}

bool dhcp_parse(const uint8_t *m, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp_lease *l)
{
    struct reading x = { .l = l };

    memset(l, 0, sizeof(*l));
    if (len < M_OPTIONS || m[M_OP] != 2 || m[M_HTYPE] != 1 || m[M_HLEN] != 6 || get_be32(m + M_XID) != xid ||
        memcmp(m + M_CHADDR, mac, 6) || get_be32(m + M_COOKIE) != COOKIE)
        return false;
    options(&x, m + M_OPTIONS, len - M_OPTIONS);
    if (x.overload & 1)
        options(&x, m + M_FILE, M_COOKIE - M_FILE);
    if (x.overload & 2)
        options(&x, m + M_SNAME, M_FILE - M_SNAME);
    if (l->type == DHCP_NAK)
        return true;
    l->addr = get_addr(m + M_YIADDR);
    l->plen = 96 + prefix_len(x.netmask, l->addr.w[3]);
    if ((l->type != DHCP_OFFER && l->type != DHCP_ACK) || !usable(&l->addr) || !usable(&l->server) ||
        l->lease_s < 10) /* a lease that ends at once would be a loop */
        return false;
    if (inaddr_is_any(&l->broadcast) && l->plen < 96 + 31)
        l->broadcast = inaddr_v4(l->addr.w[3] | be32(0xffffffffu >> (l->plen - 96)));
    if (!x.classless && x.router)
        l->routes[l->nr_routes++] = (struct dhcp_route){ .gateway = x.router };
    return true;
}
