/* SPDX-License-Identifier: BSD-2-Clause */
/* redirect.c: ICMP's and Neighbour Discovery's redirects, once a socket has been found that they are about. */
#include "net/redirect.h"
#include "kernel/clock.h"
#include "net/route.h"
#include "net/timer.h"

#define ENTRIES 32
#define TTL_NS  (300 * NSEC_PER_SEC) /* Linux's net.ipv4.route.gc_timeout */

struct redirect {
    struct inaddr addr, via, hop; /* to addr not by via, as the route says, but by hop */
    const struct netdev *dev;     /* NULL: unused */
    uint64_t until_ns;
};
static struct redirect table[ENTRIES]; /* [lock] */
static struct spinlock lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct net_timer timer;
unsigned redirects_used;

/* lock held; NULL: there is none */
static struct redirect *find(const struct inaddr *addr, const struct netdev *dev)
{
    for (struct redirect *r = table; r < table + ENTRIES; r++)
        if (r->dev == dev && inaddr_eq(&r->addr, addr))
            return r;
    return NULL;
}

bool redirect_find(const struct inaddr *addr, const struct netdev *dev, const struct inaddr *via,
                   struct inaddr *hop)
{
    const struct redirect *r;
    bool found;

    spin_lock(&lock);
    r = find(addr, dev);
    found = r && inaddr_eq(&r->via, via);
    if (found)
        *hop = r->hop;
    spin_unlock(&lock);
    return found;
}

/* Those that fn says go. */
static void drop_where(bool (*fn)(const struct redirect *r, const void *arg), const void *arg)
{
    uint64_t first = TIME_NEVER;
    unsigned used = 0, dropped = 0;

    spin_lock(&lock);
    for (struct redirect *r = table; r < table + ENTRIES; r++) {
        if (!r->dev)
            continue;
        if (fn(r, arg)) {
            r->dev = NULL;
            dropped++;
            continue;
        }
        used++;
        first = MIN(first, r->until_ns);
    }
    atomic_store(&redirects_used, used);
    if (first != TIME_NEVER)
        net_timer_arm(&timer, first);
    spin_unlock(&lock);
    if (dropped)
        dst_invalidate();
}

static bool is_over(const struct redirect *r, const void *now)
{
    return r->until_ns <= *(const uint64_t *)now;
}

static void expire(struct net_timer *t)
{
    uint64_t now = clock_mono_ns();

    drop_where(is_over, &now);
}

struct hop {
    const struct netdev *dev;
    const struct inaddr *addr;
};

static bool leads_to(const struct redirect *r, const void *arg)
{
    const struct hop *h = arg;

    return r->dev == h->dev && inaddr_eq(&r->hop, h->addr);
}

void redirect_forget(const struct netdev *dev, const struct inaddr *hop)
{
    struct hop h = { dev, hop };

    if (atomic_load(&redirects_used))
        drop_where(leads_to, &h);
}

void redirect_init(void)
{
    net_timer_init(&timer, expire);
}

/* Somebody on the link who may carry our packets. IPv6: a router, or the destination itself, which is on the link then. */
static bool may_be_hop(const struct ip_error *e)
{
    const struct inaddr *h = &e->redirect;

    if (ip_kind(h, 0) != KIND_REMOTE || inaddr_eq(h, &e->offender))
        return false;
    if (inaddr_is_v4(h))
        return inaddr_is_v4(&e->dst) && route_lookup(h, e->dev, true);
    return inaddr_is_linklocal6(h) || inaddr_eq(h, &e->dst);
}

void redirect_accept(const struct ip_error *e)
{
    struct redirect n = { .addr = e->dst, .dev = e->dev, .hop = e->redirect }, *r;
    const struct route *route;
    struct inaddr now;
    bool ok;

    rcu_read_lock();
    route = route_lookup(&e->dst, NULL, false);
    ok = route && route->dev == e->dev && !inaddr_is_any(&route->gateway) && may_be_hop(e);
    if (ok)
        n.via = route->gateway;
    rcu_read_unlock();
    if (!ok)
        return;
    /* only who carries them now may say so */
    if (!inaddr_eq(redirect_find(&n.addr, n.dev, &n.via, &now) ? &now : &n.via, &e->offender))
        return;
    n.until_ns = clock_mono_ns() + TTL_NS;
    spin_lock(&lock);
    r = find(&n.addr, n.dev);
    for (unsigned i = 0; i < ENTRIES && !r; i++)
        r = table[i].dev ? NULL : &table[i];
    if (!r) { /* full: the oldest goes */
        r = table;
        for (unsigned i = 1; i < ENTRIES; i++)
            if (table[i].until_ns < r->until_ns)
                r = &table[i];
    }
    if (!r->dev)
        atomic_store(&redirects_used, redirects_used + 1);
    *r = n;
    if (!timer.timer.armed)
        net_timer_arm(&timer, n.until_ns);
    spin_unlock(&lock);
    dst_invalidate();
}
