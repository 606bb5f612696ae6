/* SPDX-License-Identifier: BSD-2-Clause */
/* slaac.c: addresses and routes from routers (RFC 4861 §6.3, RFC 4862), their name servers (RFC 8106). */
#include "lib/string.h"
#include "net/config.h"
#include "net/nd_msg.h"
#include "net/neigh.h"
#include "net/resolver.h"
#include "net/route.h"

#define RS_COUNT       3
#define RS_INTERVAL_NS (4 * NSEC_PER_SEC)
#define METRIC_RA      1024 /* as Linux */
#define METRIC_PREFIX  256
#define TWO_HOURS      7200
#define RA_MANAGED     0x80 /* flags */
#define RA_OTHER       0x40

static const struct inaddr linklocal_prefix = { .b = { 0xfe, 0x80 } };

static uint64_t seconds_ns(uint32_t s)
{
    return s == 0xffffffff ? TIME_NEVER : s * NSEC_PER_SEC;
}

static void solicit_routers(struct net_timer *t)
{
    struct netif *n = container_of(t, struct netif, rs_timer);
    struct inaddr src = INADDR_ANY6;
    struct ifaddr *a;
    uint8_t m[16] = { ND_RS };
    unsigned len = 8;

    spin_lock(&net_lock);
    if (!n->rs_left) {
        spin_unlock(&net_lock);
        return;
    }
    if (--n->rs_left)
        net_timer_arm(t, clock_mono_ns() + RS_INTERVAL_NS);
    spin_unlock(&net_lock);
    rcu_read_lock();
    a = addr_source(n->dev, &linklocal_prefix);
    if (a && inaddr_is_linklocal6(&a->addr)) {
        src = a->addr;
        m[8] = ND_OPT_SLLA;
        m[9] = 1;
        memcpy(m + 10, n->dev->mac, 6);
        len = 16;
    }
    rcu_read_unlock();
    nd_send(n->dev, &src, &nd_all_routers, 0, m, len);
}

void nd_init_netif(struct netif *n)
{
    net_timer_init(&n->rs_timer, solicit_routers);
}

void nd_start(struct netdev *d)
{
    struct netif *n = netif_of(d);
    struct addr_spec s = { .addr = addr_eui64(d, &linklocal_prefix),
                           .plen = 64,
                           .scope = RT_SCOPE_LINK,
                           .valid_ns = TIME_NEVER,
                           .preferred_ns = TIME_NEVER };
    bool there;

    if (!n->v6 || d->features & NETDEV_LOOP)
        return;
    rcu_read_lock();
    there = addr_find(&s.addr, d->index); /* when the link comes up again */
    rcu_read_unlock();
    if (!there)
        addr_add(d, &s);
    if (!n->accept_ra)
        return;
    spin_lock(&net_lock);
    n->rs_left = RS_COUNT;
    net_timer_arm(&n->rs_timer, clock_mono_ns());
    spin_unlock(&net_lock);
}

/* The address that a prefix gives: a new one, or its lifetimes anew (RFC 4862 §5.5.3). */
static void autoconfigure(struct netdev *d, const struct inaddr *prefix, uint32_t valid, uint32_t preferred)
{
    struct addr_spec s = { .addr = addr_eui64(d, prefix),
                           .plen = 64,
                           .scope = RT_SCOPE_UNIVERSE,
                           .flags = IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE,
                           .valid_ns = seconds_ns(valid),
                           .preferred_ns = seconds_ns(preferred) };
    struct ifaddr *a;
    uint64_t left = 0, now = clock_mono_ns();

    s.flags &= ~IFA_F_MANAGETEMPADDR;
    rcu_read_lock();
    a = addr_find(&s.addr, d->index);
    if (a)
        left = a->valid_until_ns == TIME_NEVER ? TIME_NEVER
               : a->valid_until_ns > now       ? a->valid_until_ns - now
                                               : 0;
    rcu_read_unlock();
    if (!a) {
        if (valid)
            addr_add(d, &s);
        return;
    }
    /* e): a forged advertisement does not end an address at once */
    if (valid <= TWO_HOURS && s.valid_ns <= left)
        s.valid_ns = left <= seconds_ns(TWO_HOURS) ? left : seconds_ns(TWO_HOURS);
    addr_renew(d, &s.addr, s.valid_ns, s.preferred_ns);
}

static void prefix_option(struct netdev *d, const uint8_t *o)
{
    uint32_t valid = get_be32(o + 4), preferred = get_be32(o + 8);
    struct inaddr prefix;

    memcpy(&prefix, o + 16, 16);
    if (o[2] > 128 || inaddr_is_linklocal6(&prefix) || inaddr_is_multicast(&prefix) ||
        inaddr_is_v4(&prefix) || preferred > valid)
        return;
    if (o[3] & 0x80) { /* on this link */
        struct route r = { .prefix = inaddr_mask(&prefix, o[2]),
                           .plen = o[2],
                           .dev = d,
                           .metric = METRIC_PREFIX,
                           .type = RTN_UNICAST,
                           .protocol = RTPROT_KERNEL,
                           .table = RT_TABLE_MAIN,
                           .expires_ns =
                               valid == 0xffffffff ? TIME_NEVER : clock_mono_ns() + seconds_ns(valid) };

        if (valid)
            route_add(&r, true);
        else
            route_del(&r);
    }
    if (o[3] & 0x40 && o[2] == 64 && netif_of(d)->autoconf)
        autoconfigure(d, &prefix, valid, preferred);
}

static void rdnss_option(const uint8_t *o)
{
    struct inaddr a;

    if (!get_be32(o + 4))
        return;
    for (unsigned i = 0; i < (o[1] - 1u) / 2; i++) {
        memcpy(&a, o + 8 + 16 * i, 16);
        resolver_add(&a);
    }
}

static void default_router(struct netdev *d, const struct inaddr *router, uint16_t lifetime)
{
    struct route r = { .prefix = INADDR_ANY6,
                       .gateway = *router,
                       .dev = d,
                       .metric = METRIC_RA,
                       .type = RTN_UNICAST,
                       .protocol = RTPROT_RA,
                       .table = RT_TABLE_MAIN,
                       .expires_ns = clock_mono_ns() + lifetime * NSEC_PER_SEC };

    if (lifetime)
        route_add(&r, true);
    else
        route_del(&r);
}

static void settings(struct netif *n, const uint8_t *m)
{
    uint32_t reachable = get_be32(m + 8), retrans = get_be32(m + 12);

    if (m[4])
        n->hop_limit = m[4];
    if (reachable && reachable <= 3600000)
        n->reachable_ms = reachable;
    if (retrans >= 100 && retrans <= 60000) /* less would be a flood */
        n->retrans_ms = retrans;
}

void nd_router_advertisement(struct pktbuf *p, const struct ip_rx *r)
{
    struct netif *n = netif_of(r->dev);
    const uint8_t *o;
    unsigned left;

    if (!n->accept_ra || p->len < 16 || !inaddr_is_linklocal6(&r->src) ||
        !nd_option(p->data + 16, p->len - 16, ND_OPT_SLLA, &o))
        return;
    spin_lock(&net_lock);
    n->rs_left = 0;
    spin_unlock(&net_lock);
    if (o)
        neigh_heard(r->dev, &r->src, o + 2, NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_ROUTER);
    settings(n, p->data);
    if (p->data[5] & (RA_MANAGED | RA_OTHER))
        dhcp6_start(r->dev);
    default_router(r->dev, &r->src, get_be16(p->data + 6));
    o = p->data + 16;
    for (left = p->len - 16; left; left -= o[1] * 8, o += o[1] * 8) {
        if (*o == ND_OPT_PREFIX && o[1] == 4)
            prefix_option(r->dev, o);
        else if (*o == ND_OPT_MTU && o[1] == 1 && get_be32(o + 4) >= 1280 && get_be32(o + 4) <= r->dev->mtu) {
            n->mtu6 = get_be32(o + 4);
            dst_invalidate();
        } else if (*o == ND_OPT_RDNSS && o[1] >= 3 && o[1] % 2)
            rdnss_option(o);
    }
}
