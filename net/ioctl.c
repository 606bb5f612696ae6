/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl.c: interfaces as netdevice(7) shows them: SIOCGIF* and the few that change one. */
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/netif.h"
#include <linux/capability.h>
#include <linux/sockios.h>

static void put_addr(struct ifreq *r, uint32_t v4)
{
    memset(&r->addr, 0, sizeof(r->addr));
    r->addr.family = AF_INET;
    memcpy(r->addr.data + 2, &v4, 4);
}

static uint32_t netmask(const struct ifaddr *a)
{
    unsigned plen = a->plen - 96;

    return plen ? be32(0xffffffffu << (32 - plen)) : 0;
}

/* The first IPv4 address; NULL: none. rcu_read_lock() held. */
static struct ifaddr *first_v4(struct netdev *d)
{
    for (struct ifaddr *a = netif_of(d)->addrs; a; a = a->next)
        if (inaddr_is_v4(&a->addr))
            return a;
    return NULL;
}

static int get_addr(struct netdev *d, unsigned cmd, struct ifreq *r)
{
    struct ifaddr *a;
    int err = 0;

    rcu_read_lock();
    a = first_v4(d);
    if (!a)
        err = -EADDRNOTAVAIL;
    else if (cmd == SIOCGIFADDR)
        put_addr(r, a->addr.w[3]);
    else if (cmd == SIOCGIFDSTADDR)
        put_addr(r, a->peer.w[3]);
    else if (cmd == SIOCGIFNETMASK)
        put_addr(r, netmask(a));
    else
        put_addr(r, inaddr_is_any(&a->bcast) ? 0 : a->bcast.w[3]);
    rcu_read_unlock();
    return err;
}

static int get_one(struct netdev *d, unsigned cmd, struct ifreq *r)
{
    switch (cmd) {
    case SIOCGIFFLAGS:
        r->flags = netif_flags(d);
        return 0;
    case SIOCGIFINDEX:
        r->value = d->index;
        return 0;
    case SIOCGIFMTU:
        r->value = d->mtu;
        return 0;
    case SIOCGIFMETRIC:
        r->value = 0;
        return 0;
    case SIOCGIFTXQLEN:
        r->value = 1000;
        return 0;
    case SIOCGIFHWADDR:
        memset(&r->addr, 0, sizeof(r->addr));
        r->addr.family = d->hw_type;
        memcpy(r->addr.data, d->mac, 6);
        return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
        return get_addr(d, cmd, r);
    case SIOCSIFFLAGS:
        return netif_set_flags(d, (uint16_t)r->flags, IFF_UP | IFF_PROMISC | IFF_ALLMULTI);
    case SIOCETHTOOL: /* nothing that a driver would tell: no time stamps of the card's */
        return -EOPNOTSUPP;
    case SIOCSIFMTU:
        return r->value < 0 ? -EINVAL : netif_set_mtu(d, r->value);
    }
    return -ENOTTY;
}

/* A list of the interfaces that have an IPv4 address, one entry an address. */
static long get_conf(uintptr_t arg)
{
    struct ifconf c;
    int32_t at = 0;

    if (copy_from_user(&c, (void __user *)arg, sizeof(c)))
        return -EFAULT;
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        struct ifreq r[8];
        unsigned nr = 0;

        if (!d->net)
            continue;
        rcu_read_lock();
        for (struct ifaddr *a = netif_of(d)->addrs; a && nr < ARRAY_SIZE(r); a = a->next)
            if (inaddr_is_v4(&a->addr)) {
                memset(&r[nr], 0, sizeof(r[nr]));
                memcpy(r[nr].name, d->name, IFNAMSIZ);
                put_addr(&r[nr++], a->addr.w[3]);
            }
        rcu_read_unlock();
        for (unsigned i = 0; i < nr; i++) {
            if (c.req && c.len - at < (int32_t)sizeof(r[i]))
                break;
            if (c.req && copy_to_user((void __user *)(c.req + at), &r[i], sizeof(r[i])))
                return -EFAULT;
            at += sizeof(r[i]);
        }
    }
    c.len = at;
    return copy_to_user((void __user *)arg, &c, sizeof(c)) ? -EFAULT : 0;
}

long inet_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    struct netdev *d;
    struct ifreq r;
    int err;

    if ((cmd < SIOCGIFNAME || cmd > SIOCGIFTXQLEN + 1) && cmd != SIOCETHTOOL)
        return -ENOTTY;
    if (cmd == SIOCGIFCONF)
        return get_conf(arg);
    if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
        return -EFAULT;
    if (cmd == SIOCGIFNAME) {
        d = netdev_by_index(r.value);
        if (!d)
            return -ENODEV;
        memcpy(r.name, d->name, IFNAMSIZ);
    } else {
        char *alias;

        r.name[IFNAMSIZ - 1] = 0;
        alias = strchr(r.name, ':');
        if (alias)
            *alias = 0;
        d = netdev_by_name(r.name);
        if (!d || !d->net)
            return -ENODEV;
        if (alias)
            *alias = ':';
        if ((cmd == SIOCSIFFLAGS || cmd == SIOCSIFMTU) && !socket_host->capable(CAP_NET_ADMIN))
            return -EPERM;
        err = get_one(d, cmd, &r);
        if (err)
            return err;
    }
    return copy_to_user((void __user *)arg, &r, sizeof(r)) ? -EFAULT : 0;
}
