/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl_route.c: SIOCADDRT and SIOCDELRT of both families, and the ARP table's ioctls, arp(7). */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/ioctl.h"
#include "net/neigh.h"
#include "net/route.h"
#include <linux/capability.h>
#include <linux/sockios.h>

#define METRIC6 1024 /* where the program names none */

/* ---- IPv4 routes ---- */

static int prefix_of(const struct rtentry *e, struct route *r)
{
    uint32_t mask = e->flags & RTF_HOST ? 0xffffffff : ioctl_v4(&e->genmask), addr = ioctl_v4(&e->dst);

    if (e->dst.family != AF_INET)
        return -EAFNOSUPPORT;
    if (!(e->flags & RTF_HOST)) {
        if (e->genmask.family != AF_INET && (mask || e->genmask.family))
            return -EAFNOSUPPORT;
        if (addr & ~mask || ioctl_bad_mask(mask))
            return -EINVAL;
    }
    r->prefix = inaddr_v4(addr);
    r->plen = PLEN_V4(__builtin_popcount(mask));
    return 0;
}

/* The device that the program names, or an alias of it, whose address is then the source. */
static int device_of(const struct rtentry *e, struct route *r)
{
    char name[IFNAMSIZ] = "", *alias;

    if (!e->dev)
        return 0;
    if (copy_from_user(name, (void __user *)e->dev, sizeof(name) - 1))
        return -EFAULT;
    alias = strchr(name, ':');
    if (alias)
        *alias = 0;
    r->dev = netdev_by_name(name);
    if (!r->dev || !r->dev->net)
        return -ENODEV;
    if (!alias)
        return 0;
    *alias = ':';
    rcu_read_lock();
    for (struct ifaddr *a = atomic_load_acquire(&netif_of(r->dev)->addrs); a && inaddr_is_any(&r->src);
         a = atomic_load_acquire(&a->next))
        if (inaddr_is_v4(&a->addr) && !strcmp(a->label, name))
            r->src = a->addr;
    rcu_read_unlock();
    return inaddr_is_any(&r->src) ? -ENODEV : 0;
}

static int gateway_of(const struct rtentry *e, struct route *r, bool add)
{
    uint32_t v4 = e->gateway.family == AF_INET ? ioctl_v4(&e->gateway) : 0;
    const struct route *via;

    r->gateway = inaddr_v4(v4);
    if (!add)
        return 0;
    if (e->flags & RTF_GATEWAY && !v4)
        return -EINVAL;
    if (!v4) {
        r->scope = RT_SCOPE_LINK;
        return !r->dev ? -ENODEV : netif_is_up(netif_of(r->dev)) ? 0 : -ENETDOWN;
    }
    if (!(e->flags & RTF_GATEWAY)) /* a scope that no gateway can have */
        return -ENETUNREACH;
    rcu_read_lock();
    via = ip_kind(&r->gateway, 0) == KIND_REMOTE ? route_lookup(&r->gateway, r->dev, true) : NULL;
    if (via)
        r->dev = via->dev;
    rcu_read_unlock();
    return via ? 0 : -ENETUNREACH;
}

long ioctl_route4(unsigned cmd, uintptr_t arg)
{
    struct route r = { .src = inaddr_v4(0),
                       .gateway = inaddr_v4(0),
                       .type = RTN_UNICAST,
                       .scope = RT_SCOPE_UNIVERSE,
                       .table = RT_TABLE_MAIN,
                       .expires_ns = TIME_NEVER };
    bool add = cmd == SIOCADDRT;
    struct rtentry e;
    int err;

    if (copy_from_user(&e, (void __user *)arg, sizeof(e)))
        return -EFAULT;
    if (!socket_host->capable(CAP_NET_ADMIN))
        return -EPERM;
    err = prefix_of(&e, &r);
    if (err)
        return err;
    if (e.metric)
        r.metric = e.metric - 1;
    r.protocol = add ? RTPROT_BOOT : RTPROT_UNSPEC;
    if (e.flags & RTF_REJECT) {
        r.type = RTN_UNREACHABLE;
        r.scope = RT_SCOPE_HOST;
    } else {
        err = device_of(&e, &r);
        if (!err)
            err = gateway_of(&e, &r, add);
        if (err)
            return err;
    }
    if (e.flags & RTF_MTU)
        r.mtu = MIN(e.mtu, 0xffffull);
    return add ? route_add_beside(&r) : route_del(&r);
}

/* ---- IPv6 routes ---- */

long ioctl_route6(unsigned cmd, uintptr_t arg)
{
    struct route r = { .type = RTN_UNICAST,
                       .table = RT_TABLE_MAIN,
                       .protocol = cmd == SIOCADDRT ? RTPROT_BOOT : RTPROT_UNSPEC,
                       .expires_ns = TIME_NEVER };
    const struct route *via;
    struct in6_rtmsg m;
    int err;

    if (copy_from_user(&m, (void __user *)arg, sizeof(m)))
        return -EFAULT;
    if (!socket_host->capable(CAP_NET_ADMIN))
        return -EPERM;
    if (m.dst_len > 128 || m.src_len)
        return -EINVAL;
    memcpy(&r.prefix, m.dst, 16);
    memcpy(&r.gateway, m.gateway, 16);
    r.prefix = inaddr_mask(&r.prefix, m.dst_len);
    r.plen = m.dst_len;
    if (inaddr_is_v4(&r.prefix))
        return -EINVAL;
    r.metric = m.metric || cmd == SIOCDELRT ? m.metric : METRIC6;
    if (m.ifindex) {
        r.dev = netdev_by_index(m.ifindex);
        if (!r.dev || !r.dev->net)
            return -ENODEV;
    }
    if (cmd == SIOCDELRT)
        return route_del(&r);
    if (m.flags & RTF_REJECT) {
        r.type = RTN_UNREACHABLE;
        r.dev = NULL;
    } else if (!r.dev) {
        if (inaddr_is_any(&r.gateway) || inaddr_is_linklocal6(&r.gateway))
            return -ENODEV;
        rcu_read_lock();
        via = route_lookup(&r.gateway, NULL, true);
        r.dev = via ? via->dev : NULL;
        rcu_read_unlock();
        if (!r.dev)
            return -EHOSTUNREACH;
    }
    if (m.flags & RTF_EXPIRES)
        r.expires_ns = clock_mono_ns() + m.info / 100 * NSEC_PER_SEC;
    err = route_add(&r, false);
    return err == -ENETUNREACH ? -EHOSTUNREACH : err;
}

/* ---- ARP ---- */

static struct netdev *arp_device(const struct inaddr *a)
{
    const struct route *r;
    struct netdev *d;

    rcu_read_lock();
    r = route_lookup(a, NULL, true);
    d = r ? r->dev : NULL;
    rcu_read_unlock();
    return d;
}

static long arp_get(struct netdev *d, const struct inaddr *a, struct arpreq *r, uintptr_t arg)
{
    struct neigh *n = neigh_find(d, a);
    uint64_t mac;
    uint8_t state;

    if (!n)
        return -ENXIO;
    mac = atomic_load(&n->mac);
    state = n->state;
    neigh_put(n);
    if (state & (NUD_NOARP | NUD_NONE) || !state)
        return -ENXIO;
    r->ha = (struct sockaddr16){ .family = d->hw_type };
    r->flags = state & NUD_PERMANENT                   ? ATF_PERM | ATF_COM
               : state & (NUD_INCOMPLETE | NUD_FAILED) ? 0
                                                       : ATF_COM;
    if (r->flags)
        memcpy(r->ha.data, &mac, 6);
    return copy_to_user((void __user *)arg, r, sizeof(*r)) ? -EFAULT : 0;
}

long ioctl_arp(unsigned cmd, uintptr_t arg)
{
    static const uint8_t none[6];
    struct netdev *d = NULL;
    struct inaddr a;
    struct arpreq r;
    int err;

    if (cmd != SIOCGARP && !socket_host->capable(CAP_NET_ADMIN))
        return -EPERM;
    if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
        return -EFAULT;
    if (r.pa.family != AF_INET)
        return -EPFNOSUPPORT;
    if (!(r.flags & ATF_PUBL) && r.flags & (ATF_NETMASK | ATF_DONTPUB))
        return -EINVAL;
    if (r.flags & ATF_PUBL) /* answering for others is a router's */
        return -EOPNOTSUPP;
    r.dev[IFNAMSIZ - 1] = 0;
    a = inaddr_v4(ioctl_v4(&r.pa));
    if (r.dev[0]) {
        d = netdev_by_name(r.dev);
        if (!d || !d->net)
            return -ENODEV;
        if (r.flags & ATF_COM && r.ha.family && r.ha.family != d->hw_type)
            return -EINVAL;
    } else if (cmd == SIOCGARP) {
        return -ENODEV;
    } else {
        d = arp_device(&a);
        if (!d)
            return cmd == SIOCDARP ? -EINVAL : -ENETUNREACH;
    }
    if (cmd == SIOCGARP)
        return arp_get(d, &a, &r, arg);
    if (cmd == SIOCDARP) {
        err = neigh_set(d, &a, none, NUD_NONE, false);
        return err == -ENOENT ? -ENXIO : err;
    }
    if (d->features & NETDEV_LOOP || !(r.flags & ATF_COM))
        return -EINVAL;
    return neigh_set(d, &a, r.ha.data, r.flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE, true);
}
