/* SPDX-License-Identifier: BSD-2-Clause */
/* route.c: the routing table, a list: a guest has a handful of routes, and flows remember theirs. */
#include "net/route.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/atomic.h"

#define MAX_ROUTES 4096 /* router advertisements must not fill memory */

struct route *routes;
static unsigned nr_routes; /* [net_lock] */
uint32_t dst_generation = 1;

void dst_invalidate(void)
{
    if (!__atomic_add_fetch(&dst_generation, 1, __ATOMIC_RELEASE))
        __atomic_add_fetch(&dst_generation, 1, __ATOMIC_RELEASE);
}

struct inaddr inaddr_mask(const struct inaddr *a, unsigned plen)
{
    struct inaddr m = *a;

    for (unsigned i = 0; i < 4; i++) {
        unsigned bits = plen > i * 32 ? MIN(plen - i * 32, 32u) : 0;

        m.w[i] &= bits ? be32(0xffffffffu << (32 - bits)) : 0;
    }
    return m;
}

bool inaddr_in_prefix(const struct inaddr *a, const struct inaddr *prefix, unsigned plen)
{
    struct inaddr x = { .q = { a->q[0] ^ prefix->q[0], a->q[1] ^ prefix->q[1] } };

    x = inaddr_mask(&x, plen);
    return !(x.q[0] | x.q[1]);
}

const struct route *route_lookup(const struct inaddr *a, const struct netdev *dev, bool link)
{
    for (struct route *r = atomic_load_acquire(&routes); r; r = atomic_load_acquire(&r->next)) {
        if ((dev && r->dev != dev) || (link && !inaddr_is_any(&r->gateway)) ||
            !inaddr_in_prefix(a, &r->prefix, r->plen))
            continue;
        if (r->plen < 96 && inaddr_is_v4(a)) /* IPv6's default route holds no mapped addresses */
            continue;
        if (r->expires_ns != TIME_NEVER && r->expires_ns <= clock_mono_ns())
            continue;
        if (r->dev && !netif_is_up(netif_of(r->dev)))
            continue;
        return r;
    }
    return NULL;
}

static void route_free(struct rcu_head *h)
{
    kfree(container_of(h, struct route, rcu));
}

static void unlink_route(struct route **link)
{
    struct route *r = *link;

    atomic_store_release(link, r->next);
    nr_routes--;
    dst_invalidate();
    if (net_notify)
        net_notify(NET_EVENT_ROUTE_DEL, r->dev, r);
    rcu_defer(&r->rcu, route_free);
}

static void drop_expired(void)
{
    uint64_t now = clock_mono_ns();

    for (struct route **link = &routes; *link;) {
        if ((*link)->expires_ns != TIME_NEVER && (*link)->expires_ns <= now)
            unlink_route(link);
        else
            link = &(*link)->next;
    }
}

static bool same_place(const struct route *a, const struct route *b)
{
    return a->plen == b->plen && a->metric == b->metric && a->tos == b->tos &&
           inaddr_eq(&a->prefix, &b->prefix);
}

enum mode { NEW, REPLACE, BESIDE };

static bool same_way(const struct route *a, const struct route *b)
{
    return a->dev == b->dev && a->type == b->type && a->scope == b->scope &&
           inaddr_eq(&a->gateway, &b->gateway);
}

static int add_locked(const struct route *spec, enum mode mode)
{
    bool v4 = spec->plen >= 96 && inaddr_is_v4(&spec->prefix), gateway = !inaddr_is_any(&spec->gateway);
    struct route **link = &routes, **first = NULL, *r;

    ASSERT(spin_held(&net_lock));
    drop_expired();
    if (spec->plen > 128 || !inaddr_in_prefix(&spec->prefix, &spec->prefix, 128))
        return -EINVAL;
    if (gateway && spec->dev && !inaddr_is_linklocal6(&spec->gateway) &&
        !route_lookup(&spec->gateway, spec->dev, true))
        return -ENETUNREACH;
    for (; *link && (*link)->plen >= spec->plen; link = &(*link)->next) {
        struct route *o = *link;

        if (o->plen == spec->plen && o->metric > spec->metric)
            break;
        if (!same_place(o, spec))
            continue;
        /* IPv6: several ways with the same metric stand beside each other */
        if (!v4 && (o->dev != spec->dev || !inaddr_eq(&o->gateway, &spec->gateway)))
            continue;
        if (mode == BESIDE && !same_way(o, spec)) {
            first = first ? first : link;
            continue;
        }
        if (mode != REPLACE)
            return -EEXIST;
        unlink_route(link);
        break;
    }
    link = first ? first : link;
    if (nr_routes >= MAX_ROUTES)
        return -ENOMEM;
    r = kmalloc(sizeof(*r));
    if (!r)
        return -ENOMEM;
    *r = *spec;
    r->prefix = inaddr_mask(&spec->prefix, spec->plen);
    r->next = *link;
    atomic_store_release(link, r);
    nr_routes++;
    dst_invalidate();
    if (net_notify)
        net_notify(NET_EVENT_ROUTE_NEW, r->dev, r);
    return 0;
}

int route_add_locked(const struct route *r, bool replace)
{
    return add_locked(r, replace ? REPLACE : NEW);
}

int route_add_beside(const struct route *r)
{
    int err;

    spin_lock(&net_lock);
    err = add_locked(r, BESIDE);
    spin_unlock(&net_lock);
    return err;
}

int route_add(const struct route *r, bool replace)
{
    int err;

    spin_lock(&net_lock);
    err = route_add_locked(r, replace);
    spin_unlock(&net_lock);
    return err;
}

static bool matches(const struct route *r, const struct route *spec)
{
    return r->plen == spec->plen && inaddr_eq(&r->prefix, &spec->prefix) &&
           (!spec->dev || r->dev == spec->dev) &&
           (inaddr_is_any(&spec->gateway) || inaddr_eq(&r->gateway, &spec->gateway)) &&
           (!spec->metric || r->metric == spec->metric) && (!spec->protocol || r->protocol == spec->protocol);
}

int route_del_locked(const struct route *spec)
{
    for (struct route **link = &routes; *link; link = &(*link)->next)
        if (matches(*link, spec)) {
            unlink_route(link);
            return 0;
        }
    return -ESRCH;
}

int route_del(const struct route *r)
{
    int err;

    spin_lock(&net_lock);
    err = route_del_locked(r);
    spin_unlock(&net_lock);
    return err;
}

void route_flush_locked(struct netdev *d, uint8_t protocol)
{
    for (struct route **link = &routes; *link;) {
        if ((*link)->dev == d && (!protocol || (*link)->protocol == protocol))
            unlink_route(link);
        else
            link = &(*link)->next;
    }
}
