/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl_addr.c: addresses as netdevice(7) shows and sets them: one for each label, an interface's name or an alias of it. */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/ioctl.h"
#include <linux/capability.h>
#include <linux/sockios.h>

static uint32_t mask_of(unsigned plen)
{
    return plen > 96 ? be32(0xffffffffu << (128 - plen)) : 0;
}

/* The first IPv4 address of that label; one that is r's, if there is such. rcu_read_lock() held; NULL: none. */
static struct ifaddr *labelled(struct netdev *d, const struct ifreq *r, bool get)
{
    struct ifaddr *first = NULL;

    for (struct ifaddr *a = atomic_load_acquire(&netif_of(d)->addrs); a; a = atomic_load_acquire(&a->next)) {
        if (!inaddr_is_v4(&a->addr) || strcmp(a->label, r->name))
            continue;
        if (get && r->addr.family == AF_INET && a->addr.w[3] == ioctl_v4(&r->addr))
            return a;
        first = first ? first : a;
    }
    return first;
}

int ioctl_get_addr(struct netdev *d, unsigned cmd, struct ifreq *r)
{
    struct ifaddr *a;
    uint32_t v = 0;

    rcu_read_lock();
    a = labelled(d, r, true);
    if (a)
        v = cmd == SIOCGIFADDR         ? a->addr.w[3]
            : cmd == SIOCGIFDSTADDR    ? a->peer.w[3]
            : cmd == SIOCGIFNETMASK    ? mask_of(a->plen)
            : inaddr_is_any(&a->bcast) ? 0
                                       : a->bcast.w[3];
    rcu_read_unlock();
    if (!a)
        return -EADDRNOTAVAIL;
    ioctl_put_v4(&r->addr, v);
    return 0;
}

/* Bits of the network in an address of that class; -1: none can have it. */
static int class_len(uint32_t v4)
{
    uint32_t a = be32(v4);

    if (a >> 24 == 0 || a == 0xffffffff)
        return 0;
    return a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : a >> 29 == 6 ? 24 : a >> 28 == 14 ? -1 : 32;
}

static struct inaddr bcast_of(const struct netdev *d, uint32_t v4, unsigned plen)
{
    return d->features & NETDEV_LOOP || plen >= PLEN_V4(31) ? inaddr_v4(0) : inaddr_v4(v4 | ~mask_of(plen));
}

/* Another address for the label. */
static int new_addr(struct netdev *d, struct addr_spec *s, uint32_t v4)
{
    int plen = class_len(v4);

    if (plen < 0)
        return -EINVAL;
    s->addr = s->peer = inaddr_v4(v4);
    s->plen = PLEN_V4(plen);
    s->bcast = bcast_of(d, v4, s->plen);
    s->scope = inaddr_is_loopback(&s->addr) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    return 0;
}

/* Another mask; the broadcast address follows when it was the mask's. */
static int new_mask(struct netdev *d, struct addr_spec *s, uint32_t mask)
{
    struct inaddr old = bcast_of(d, s->addr.w[3], s->plen);

    if (ioctl_bad_mask(mask))
        return -EINVAL;
    s->plen = PLEN_V4(__builtin_popcount(mask));
    if (inaddr_eq(&s->bcast, &old))
        s->bcast = bcast_of(d, s->addr.w[3], s->plen);
    return 0;
}

static int changed(struct netdev *d, unsigned cmd, struct addr_spec *s, uint32_t v4)
{
    switch (cmd) {
    case SIOCSIFADDR:
        return new_addr(d, s, v4);
    case SIOCSIFNETMASK:
        return new_mask(d, s, v4);
    case SIOCSIFDSTADDR:
        s->peer = inaddr_v4(v4);
        return class_len(v4) < 0 ? -EINVAL : 0;
    default:
        s->bcast = inaddr_v4(v4);
        return 0;
    }
}

static bool same(const struct addr_spec *a, const struct addr_spec *b)
{
    return inaddr_eq(&a->addr, &b->addr) && inaddr_eq(&a->peer, &b->peer) &&
           inaddr_eq(&a->bcast, &b->bcast) && a->plen == b->plen;
}

int ioctl_set_addr(struct netdev *d, unsigned cmd, const struct ifreq *r)
{
    struct addr_spec s = { .bcast = inaddr_v4(0), .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER }, old;
    struct ifaddr *a;
    int err;

    rcu_read_lock();
    a = labelled(d, r, false);
    if (a) {
        s.addr = a->addr;
        s.peer = a->peer;
        s.bcast = a->bcast;
        s.plen = a->plen;
        s.scope = a->scope;
    }
    rcu_read_unlock();
    if (!a && cmd != SIOCSIFADDR)
        return -EADDRNOTAVAIL;
    str_copy(s.label, r->name, sizeof(s.label));
    old = s;
    if (a && cmd == SIOCSIFADDR && s.addr.w[3] == ioctl_v4(&r->addr))
        return 0;
    err = changed(d, cmd, &s, ioctl_v4(&r->addr));
    if (err || (a && same(&s, &old)))
        return err;
    if (a)
        addr_del(d, &old.addr, old.plen);
    return inaddr_is_any(&s.addr) ? 0 : addr_add(d, &s); /* 0.0.0.0 takes it away */
}

/* SIOCSIFFLAGS of an alias: down takes its address away. */
int ioctl_alias_flags(struct netdev *d, const struct ifreq *r)
{
    struct inaddr addr;
    struct ifaddr *a;
    uint8_t plen = 0;

    rcu_read_lock();
    a = labelled(d, r, false);
    if (a) {
        addr = a->addr;
        plen = a->plen;
    }
    rcu_read_unlock();
    if (!a)
        return -EADDRNOTAVAIL;
    return r->flags & IFF_UP ? 0 : addr_del(d, &addr, plen);
}

/* SIOCSIFADDR and SIOCDIFADDR of an IPv6 socket. */
long ioctl_addr6(unsigned cmd, uintptr_t arg)
{
    struct addr_spec s = { .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER };
    struct in6_ifreq r;
    struct netdev *d;

    if (!socket_host->capable(CAP_NET_ADMIN))
        return -EPERM;
    if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
        return -EFAULT;
    if (r.prefixlen > 128)
        return -EINVAL;
    d = netdev_by_index(r.ifindex);
    if (!d || !d->net)
        return -ENODEV;
    memcpy(&s.addr, r.addr, 16);
    s.plen = r.prefixlen;
    if (inaddr_is_v4(&s.addr))
        return -EINVAL;
    if (cmd == SIOCDIFADDR)
        return addr_del(d, &s.addr, s.plen);
    s.scope = inaddr_is_loopback(&s.addr) ? RT_SCOPE_HOST : inaddr_is_linklocal6(&s.addr) ? RT_SCOPE_LINK : 0;
    return addr_add(d, &s);
}
