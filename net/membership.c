/* SPDX-License-Identifier: BSD-2-Clause */
/* membership.c: the multicast groups of sockets. */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/netif.h"
#include "net/route.h"

#define MAX_MEMBERSHIPS 20 /* net.ipv4.igmp_max_memberships */

/* Lists change seldom and are short: one lock for all. Softirqs read them under it, too. */
static struct spinlock groups_lock = SPINLOCK_INIT(RANK_NET_TABLE);

bool inet_in_group(const struct inet_opts *o, const struct inaddr *group, const struct netdev *dev)
{
    bool found = false;

    if (!READ_ONCE(o->groups))
        return false;
    spin_lock(&groups_lock);
    for (struct membership *m = o->groups; m && !found; m = m->next)
        found = m->dev == dev && inaddr_eq(&m->group, group);
    spin_unlock(&groups_lock);
    return found;
}

void inet_opts_release(struct inet_opts *o)
{
    struct membership *m;

    while ((m = o->groups)) {
        spin_lock(&groups_lock);
        o->groups = m->next;
        spin_unlock(&groups_lock);
        group_leave(m->dev, &m->group);
        kfree(m);
    }
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

/* What the structures of the different options say. */
static int parse(int level, int name, const void *val, unsigned len, struct inaddr *group,
                 struct inaddr *local, int *index)
{
    *local = INADDR_ANY6;
    *index = 0;
    if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP) {
        struct group_req g;
        struct sockaddr_any a = { .len = sizeof(struct sockaddr_in6) };
        uint16_t port;
        int dev;

        if (len < sizeof(g))
            return -EINVAL;
        memcpy(&g, val, sizeof(g));
        memcpy(a.bytes, &g.gr_group, a.len);
        *index = g.gr_interface;
        return inet_addr_get(&a, level ? AF_INET6 : AF_INET, group, &port, &dev) ? -EADDRNOTAVAIL : 0;
    }
    if (level) {
        struct ipv6_mreq m;

        if (len < sizeof(m))
            return -EINVAL;
        memcpy(&m, val, sizeof(m));
        memcpy(group, &m.ipv6mr_multiaddr, 16);
        *index = m.ipv6mr_ifindex;
        return 0;
    }
    struct ip_mreqn m = { 0 };

    if (len < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(&m, val, MIN(len, (unsigned)sizeof(m)));
    if (len < sizeof(m))
        m.imr_ifindex = 0;
    *group = inaddr_v4(m.imr_multiaddr.s_addr);
    *local = inaddr_v4(m.imr_address.s_addr);
    *index = m.imr_ifindex;
    return 0;
}

static int join(struct inet_opts *o, const struct inaddr *group, struct netdev *d)
{
    struct membership *m = kmalloc(sizeof(*m)), *i;
    unsigned nr = 0;
    int err;

    if (!m)
        return -ENOMEM;
    err = group_join(d, group);
    if (err)
        goto free_m;
    *m = (struct membership){ .group = *group, .dev = d };
    spin_lock(&groups_lock);
    for (i = o->groups; i; i = i->next, nr++)
        if (i->dev == d && inaddr_eq(&i->group, group))
            err = -EADDRINUSE;
    if (!err && nr >= MAX_MEMBERSHIPS)
        err = -ENOBUFS;
    if (!err) {
        m->next = o->groups;
        o->groups = m;
    }
    spin_unlock(&groups_lock);
    if (!err)
        return 0;
    group_leave(d, group);
free_m:
    kfree(m);
    return err;
}

static int leave(struct inet_opts *o, const struct inaddr *group, struct netdev *d)
{
    struct membership **link, *m;

    spin_lock(&groups_lock);
    for (link = &o->groups; (m = *link); link = &m->next)
        if ((!d || m->dev == d) && inaddr_eq(&m->group, group))
            break;
    if (m)
        *link = m->next;
    spin_unlock(&groups_lock);
    if (!m)
        return -EADDRNOTAVAIL;
    group_leave(m->dev, group);
    kfree(m);
    return 0;
}

int membership_change(struct socket *s, struct inet_opts *o, int level, int name, const void *val,
                      unsigned len)
{
    bool joining = level ? name == IPV6_ADD_MEMBERSHIP || name == MCAST_JOIN_GROUP
                         : name == IP_ADD_MEMBERSHIP || name == MCAST_JOIN_GROUP;
    struct inaddr group, local;
    struct netdev *d;
    int index, err;

    if (s->type == SOCK_STREAM)
        return -EPROTO;
    err = parse(level, name, val, len, &group, &local, &index);
    if (err)
        return err;
    if (!inaddr_is_multicast(&group) || (level && inaddr_is_v4(&group)))
        return -EINVAL;
    d = device_for(&group, &local, index);
    if (!joining)
        return leave(o, &group, index || !inaddr_is_any(&local) ? d : NULL);
    if (!d || !d->net)
        return -ENODEV;
    return join(o, &group, d);
}
