/* SPDX-License-Identifier: BSD-2-Clause */
/* membership.c: the multicast groups of sockets, and the sources they want to hear there. */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/mc_request.h"
#include "net/netif.h"
#include "net/route.h"

uint32_t igmp_max_memberships = 20, igmp_max_msf = 10, mld_max_msf = 64;

/* One change of any socket's groups at a time; who looks at them does so under RCU. */
static struct mutex change_mutex = MUTEX_INIT(change_mutex, RANK_FS);

static struct membership *find(const struct inet_opts *o, const struct inaddr *group,
                               const struct netdev *dev)
{
    struct membership *m = atomic_load_acquire(&o->groups);

    while (m && ((dev && m->dev != dev) || !inaddr_eq(&m->group, group)))
        m = atomic_load_acquire(&m->next);
    return m;
}

static int source_at(const struct mc_filter *f, const struct inaddr *src)
{
    for (unsigned i = 0; i < f->nr; i++)
        if (inaddr_eq(&f->src[i], src))
            return i;
    return -1;
}

bool inet_group_wants(const struct inet_opts *o, const struct ip_rx *r)
{
    const struct membership *m = find(o, &r->dst, r->dev);
    const struct mc_filter *f;

    if (!m)
        return inaddr_is_v4(&r->dst) ? o->mc_all : o->mc_all6;
    f = atomic_load_acquire(&m->filter);
    return !f || (source_at(f, &r->src) >= 0) != f->exclude;
}

static void filter_free(struct rcu_head *h)
{
    kfree(container_of(h, struct mc_filter, rcu));
}

static void membership_free(struct rcu_head *h)
{
    struct membership *m = container_of(h, struct membership, rcu);

    kfree(m->filter);
    kfree(m);
}

static const struct mc_filter *filter_of(const struct membership *m)
{
    return m->filter ? m->filter : &mc_any;
}

static void unlink_membership(struct inet_opts *o, struct membership *m)
{
    struct membership **link = &o->groups;

    while (*link != m)
        link = &(*link)->next;
    atomic_store_release(link, m->next);
    group_change(m->dev, &m->group, filter_of(m), NULL);
    rcu_defer(&m->rcu, membership_free);
}

void inet_opts_release(struct inet_opts *o)
{
    if (likely(!o->groups))
        return;
    mutex_lock(&change_mutex);
    while (o->groups)
        unlink_membership(o, o->groups);
    mutex_unlock(&change_mutex);
}

static struct netdev *device_for(const struct inaddr *group, const struct inaddr *local, int index)
{
    struct inaddr any = inaddr_is_v4(group) ? inaddr_v4(0) : INADDR_ANY6;
    struct netdev *d = NULL;
    const struct route *r;
    struct ifaddr *a;

    if (index)
        return netdev_by_index(index);
    rcu_read_lock();
    if (!inaddr_is_any(local)) {
        a = addr_find(local, 0);
        d = a ? a->netif->dev : inaddr_is_loopback(local) ? loopback_dev : NULL;
    } else {
        r = route_lookup(group, NULL, false);
        if (!r)
            r = route_lookup(&any, NULL, false);
        d = r ? r->dev : NULL;
        if (!d && !inaddr_is_v4(group))
            for (d = netdev_next(NULL); d && (d == loopback_dev || !d->net); d = netdev_next(d))
                ;
    }
    rcu_read_unlock();
    return d;
}

/* ---- changes; change_mutex is held ---- */

static struct mc_filter *filter_new(bool exclude, unsigned nr)
{
    struct mc_filter *f = kmalloc(sizeof(*f) + nr * sizeof(f->src[0]));

    if (f) {
        f->exclude = exclude;
        f->nr = nr;
    }
    return f;
}

/* include: from no source yet. */
static int join(struct inet_opts *o, const struct inaddr *group, struct netdev *d, bool include)
{
    struct membership *m;
    unsigned nr = 0;
    int err;

    for (m = o->groups; m; m = m->next, nr++)
        if (m->dev == d && inaddr_eq(&m->group, group))
            return -EADDRINUSE;
    if (inaddr_is_v4(group) && nr >= READ_ONCE(igmp_max_memberships))
        return -ENOBUFS;
    m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->group = *group;
    m->dev = d;
    if (include)
        m->filter = filter_new(false, 0);
    err = include && !m->filter ? -ENOMEM : group_change(d, group, NULL, filter_of(m));
    if (err) {
        kfree(m->filter);
        kfree(m);
        return err;
    }
    m->next = o->groups;
    atomic_store_release(&o->groups, m);
    return 0;
}

static int leave(struct inet_opts *o, const struct inaddr *group, struct netdev *d)
{
    struct membership *m = find(o, group, d);

    if (!m)
        return -EADDRNOTAVAIL;
    unlink_membership(o, m);
    return 0;
}

/* The membership's filter becomes f, which moves in; NULL: all sources. 0 or -ENOMEM. */
static int set_filter(struct membership *m, struct mc_filter *f)
{
    struct mc_filter *old = m->filter;
    int err = group_change(m->dev, &m->group, filter_of(m), f ? f : &mc_any);

    if (err) {
        kfree(f);
        return err;
    }
    atomic_store_release(&m->filter, f);
    if (old)
        rcu_defer(&old->rcu, filter_free);
    return 0;
}

/* One source more or less in a filter of the mode. */
static int change_source(struct inet_opts *o, const struct mc_request *r, bool exclude, bool add)
{
    struct membership *m = find(o, &r->group, r->dev);
    const struct mc_filter *had;
    struct mc_filter *f;
    unsigned keep;
    int at;

    if (!m)
        return -EINVAL;
    had = filter_of(m);
    if (m->filter && (had->exclude || had->nr) &&
        had->exclude != exclude) /* as Linux: once it is chosen, it stays */
        return -EINVAL;
    at = source_at(had, &r->source);
    if (add ? at >= 0 : at < 0)
        return -EADDRNOTAVAIL;
    if (!add && !exclude && had->nr == 1) /* nothing from nobody */
        return leave(o, &r->group, r->dev);
    if (add && had->nr >= r->max_sources)
        return -ENOBUFS;
    keep = add ? had->nr : (unsigned)at;
    f = filter_new(exclude, had->nr + (add ? 1 : -1));
    if (!f)
        return -ENOBUFS;
    memcpy(f->src, had->src, keep * sizeof(f->src[0]));
    if (add)
        f->src[keep] = r->source;
    else
        memcpy(f->src + keep, had->src + keep + 1, (had->nr - keep - 1) * sizeof(f->src[0]));
    return set_filter(m, f);
}

/* ---- options ---- */

static int set_whole_filter(struct inet_opts *o, const struct mc_request *r)
{
    struct membership *m = find(o, &r->group, r->dev);
    struct mc_filter *f;

    if (r->mode == MCAST_INCLUDE && !r->nr)
        return leave(o, &r->group, r->dev);
    if (!m)
        return -EINVAL;
    if (r->mode == MCAST_EXCLUDE && !r->nr)
        return set_filter(m, NULL);
    f = filter_new(r->mode == MCAST_EXCLUDE, r->nr);
    if (!f)
        return -ENOBUFS;
    for (unsigned i = 0; i < r->nr; i++)
        mc_request_source(r, i, &f->src[i]);
    return set_filter(m, f);
}

static int carry_out(struct inet_opts *o, const struct mc_request *r)
{
    int err;

    switch (r->what) {
    case MC_JOIN:
        return join(o, &r->group, r->dev, false);
    case MC_LEAVE:
        return leave(o, &r->group, r->dev);
    case MC_JOIN_SOURCE:
        err = join(o, &r->group, r->dev, true);
        if (err && err != -EADDRINUSE)
            return err;
        return change_source(o, r, false, true);
    case MC_LEAVE_SOURCE:
        return change_source(o, r, false, false);
    case MC_BLOCK_SOURCE:
        return change_source(o, r, true, true);
    case MC_UNBLOCK_SOURCE:
        return change_source(o, r, true, false);
    case MC_FILTER:
        return set_whole_filter(o, r);
    }
    return -ENOPROTOOPT;
}

int membership_set(struct socket *s, struct inet_opts *o, int level, int name, const void *val, unsigned len)
{
    struct mc_request r;
    int err = mc_request_parse(&r, level, name, val, len);

    if (err)
        return err;
    if (s->type == SOCK_STREAM && (r.what == MC_JOIN || r.what == MC_LEAVE))
        return -EPROTO;
    if (!inaddr_is_multicast(&r.group) || (level && inaddr_is_v4(&r.group)))
        return -EINVAL;
    r.dev = device_for(&r.group, &r.local, r.index);
    if (r.what == MC_LEAVE && !r.index && inaddr_is_any(&r.local))
        r.dev = NULL; /* on whichever device it is */
    else if (r.what != MC_LEAVE && (!r.dev || !r.dev->net))
        return -ENODEV;
    mutex_lock(&change_mutex);
    err = carry_out(o, &r);
    mutex_unlock(&change_mutex);
    return err;
}

int membership_get(struct socket *s, struct inet_opts *o, int level, int name, void *val, unsigned *len)
{
    struct membership *m;
    struct mc_request r;
    int err;

    if (level && s->family != AF_INET6)
        return -ENOPROTOOPT;
    err = mc_filter_parse(&r, level, name, val, *len);

    if (err)
        return err;
    if (!inaddr_is_multicast(&r.group))
        return -EINVAL;
    r.dev = device_for(&r.group, &r.local, r.index);
    if (!r.dev)
        return -ENODEV;
    mutex_lock(&change_mutex);
    m = find(o, &r.group, r.dev);
    if (m)
        *len = mc_filter_put(&r, level, name, val, filter_of(m));
    mutex_unlock(&change_mutex);
    return m ? 0 : -EADDRNOTAVAIL;
}
