/* SPDX-License-Identifier: BSD-2-Clause */
/* dst.c: from a flow to where its packets go, and the path MTUs that ICMP told. */
#include "abi/errno.h"
#include "kernel/clock.h"
#include "net/neigh.h"
#include "net/redirect.h"
#include "net/route.h"

/* ---- path MTUs ---- */

#define PMTU_ENTRIES 64
#define PMTU_TTL_NS  (600 * NSEC_PER_SEC) /* RFC 1191 §6.3 */
#define PMTU_MIN_V4  552                  /* Linux's floor: less comes from those who mean harm */
#define PMTU_MIN_V6  1280

struct pmtu {
    struct inaddr addr;
    uint64_t until_ns;
    uint32_t mtu; /* 0: unused */
};
static struct pmtu pmtus[PMTU_ENTRIES]; /* [pmtu_lock] */
static struct spinlock pmtu_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static unsigned nr_pmtus; /* entries ever used, at most PMTU_ENTRIES [a] */

void pmtu_update(const struct inaddr *a, uint32_t mtu)
{
    struct pmtu *best = &pmtus[0];
    bool v4 = inaddr_is_v4(a);

    mtu = MAX(mtu, v4 ? (uint32_t)PMTU_MIN_V4 : (uint32_t)PMTU_MIN_V6);
    spin_lock(&pmtu_lock);
    for (struct pmtu *p = pmtus; p < pmtus + PMTU_ENTRIES; p++) {
        if (!p->mtu || inaddr_eq(&p->addr, a)) {
            best = p;
            break;
        }
        if (p->until_ns < best->until_ns)
            best = p;
    }
    *best = (struct pmtu){ *a, clock_mono_ns() + PMTU_TTL_NS, mtu };
    nr_pmtus = MAX(nr_pmtus, (unsigned)(best - pmtus) + 1);
    spin_unlock(&pmtu_lock);
    dst_invalidate();
}

uint32_t pmtu_find(const struct inaddr *a)
{
    uint32_t mtu = 0;

    if (likely(!READ_ONCE(nr_pmtus)))
        return 0;
    spin_lock(&pmtu_lock);
    for (unsigned i = 0; i < nr_pmtus; i++)
        if (inaddr_eq(&pmtus[i].addr, a) && pmtus[i].until_ns > clock_mono_ns())
            mtu = pmtus[i].mtu;
    spin_unlock(&pmtu_lock);
    return mtu;
}

/* ---- lookups ---- */

void dst_release(struct dst *d)
{
    if (d->neigh)
        neigh_put(d->neigh);
    *d = (struct dst){ 0 };
}

static uint32_t mtu_of(const struct netdev *dev, const struct flow *f)
{
    uint32_t mtu = dev->mtu, path = f->flags & FLOW_PROBE ? 0 : pmtu_find(&f->dst);

    if (!inaddr_is_v4(&f->dst) && netif_of(dev)->mtu6)
        mtu = MIN(mtu, netif_of(dev)->mtu6);
    return path ? MIN(mtu, path) : mtu;
}

static bool dev_usable(const struct netdev *dev)
{
    return dev->net && netif_is_up(netif_of(dev));
}

/* For destinations that no route need name: multicast and the broadcast address. */
static struct netdev *device_for_many(const struct flow *f)
{
    const struct route *r;
    struct inaddr any = inaddr_is_v4(&f->dst) ? inaddr_v4(0) : INADDR_ANY6;
    struct ifaddr *src = inaddr_is_any(&f->src) ? NULL : addr_find(&f->src, 0);

    if (src && src->netif->dev != loopback_dev)
        return src->netif->dev;
    r = route_lookup(&f->dst, NULL, false);
    if (!r)
        r = route_lookup(&any, NULL, false);
    if (r && r->dev)
        return r->dev;
    if (!inaddr_is_v4(&f->dst)) /* a link is enough */
        for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d))
            if (d != loopback_dev && dev_usable(d) && addr_source(d, &f->dst))
                return d;
    return NULL;
}

static int lookup_local(struct dst *d, const struct flow *f)
{
    if (f->dev && f->dev != 1 && !addr_find(&f->dst, f->dev))
        return -ENETUNREACH; /* bound to a device that has no such address */
    d->dev = loopback_dev;
    d->loop = true;
    d->src = inaddr_is_any(&f->src) ? f->dst : f->src;
    d->mtu = loopback_dev->mtu;
    return 0;
}

static int lookup_many(struct dst *d, const struct flow *f, struct netdev *dev)
{
    struct ifaddr *src;

    if (d->kind == KIND_BROADCAST && !(f->flags & FLOW_BCAST))
        return -EACCES;
    if (!dev)
        dev = device_for_many(f);
    if (!dev || !dev_usable(dev))
        return -ENETUNREACH;
    src = addr_source(dev, &f->dst);
    d->dev = dev;
    d->loop = dev == loopback_dev;
    d->src = !inaddr_is_any(&f->src) ? f->src : src ? src->addr : f->src;
    if (inaddr_is_any(&d->src) && inaddr_is_v4(&f->dst))
        d->src = inaddr_v4(0);
    d->mtu = mtu_of(dev, f);
    return 0;
}

static int lookup_remote(struct dst *d, const struct flow *f, struct netdev *dev)
{
    const struct route *r = route_lookup(&f->dst, dev, f->flags & FLOW_LOCAL);
    struct ifaddr *src;

    /* Bound to a device: without a route, everything is on its link. */
    if (!r && !dev)
        return -ENETUNREACH;
    if (r && !r->dev)
        return r->type == RTN_PROHIBIT ? -EACCES : r->type == RTN_BLACKHOLE ? -EINVAL : -EHOSTUNREACH;
    if (r)
        dev = r->dev;
    if (!dev_usable(dev))
        return -ENETUNREACH;
    d->dev = dev;
    d->loop = dev == loopback_dev;
    d->next_hop = r && !inaddr_is_any(&r->gateway) ? r->gateway : f->dst;
    if (unlikely(atomic_load(&redirects_used)))
        redirect_find(&f->dst, dev, &d->next_hop, &d->next_hop);
    d->src = f->src;
    if (inaddr_is_any(&f->src)) {
        src = addr_source(dev,
                          r && !inaddr_is_any(&r->gateway) && inaddr_is_v4(&f->dst) ? &r->gateway : &f->dst);
        if (r && !inaddr_is_any(&r->src))
            d->src = r->src;
        else if (src)
            d->src = src->addr;
        else if (inaddr_is_v4(&f->dst))
            d->src = inaddr_v4(0);
        else
            return -EADDRNOTAVAIL;
    }
    d->mtu = mtu_of(dev, f);
    if (r && r->mtu)
        d->mtu = MIN(d->mtu, r->mtu);
    if (d->loop)
        return 0;
    d->neigh = neigh_get(dev, &d->next_hop);
    return d->neigh ? 0 : -ENOBUFS;
}

int dst_lookup(struct dst *d, const struct flow *f)
{
    struct netdev *dev = f->dev ? netdev_by_index(f->dev) : NULL;
    int err;

    dst_release(d);
    if (f->dev && (!dev || !dev->net))
        return -ENODEV;
    rcu_read_lock();
    d->generation = __atomic_load_n(&dst_generation, __ATOMIC_ACQUIRE);
    d->kind = ip_kind(&f->dst, 0);
    d->next_hop = f->dst;
    switch (d->kind) {
    case KIND_LOCAL:
        err = lookup_local(d, f);
        break;
    case KIND_BROADCAST:
    case KIND_MULTICAST:
        err = lookup_many(d, f, dev);
        break;
    case KIND_ANY:
        err = -EINVAL; /* sockets say loopback when they mean it */
        break;
    default:
        err = lookup_remote(d, f, dev);
    }
    rcu_read_unlock();
    if (err)
        dst_release(d);
    return err;
}

void dst_confirm(struct dst *d)
{
    if (d->neigh && !READ_ONCE(d->neigh->confirmed))
        WRITE_ONCE(d->neigh->confirmed, true);
}
