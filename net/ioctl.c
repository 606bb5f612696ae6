/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl.c: interfaces as netdevice(7) shows and changes them. */
#include "net/ioctl.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/inet.h"
#include <linux/capability.h>
#include <linux/sockios.h>

static int get_link(struct netdev *d, unsigned cmd, struct ifreq *r)
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
    case SIOCETHTOOL: /* nothing that a driver would tell: no time stamps of the card's */
        return -EOPNOTSUPP;
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
                memcpy(r[nr].name, a->label, IFNAMSIZ);
                ioctl_put_v4(&r[nr++].addr, a->addr.w[3]);
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

static int set_link(struct netdev *d, unsigned cmd, struct ifreq *r)
{
    switch (cmd) {
    case SIOCSIFFLAGS:
        return strchr(r->name, ':') ? ioctl_alias_flags(d, r) : netif_set_flags(d, (uint16_t)r->flags, ~0u);
    case SIOCSIFMTU:
        return r->value < 0 ? -EINVAL : (uint32_t)r->value == d->mtu ? 0 : netif_set_mtu(d, r->value);
    case SIOCSIFHWADDR:
        if (r->addr.family != d->hw_type)
            return -EINVAL;
        /* fall through */
    default: /* metric, name, queue length, map */
        return -EOPNOTSUPP;
    }
}

enum kind { OTHER, GET_ADDR, SET_ADDR, GET_LINK, SET_LINK };

static enum kind kind_of(unsigned cmd)
{
    switch (cmd) {
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
        return GET_ADDR;
    case SIOCSIFADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFBRDADDR:
        return SET_ADDR;
    case SIOCGIFFLAGS:
    case SIOCGIFINDEX:
    case SIOCGIFMTU:
    case SIOCGIFMETRIC:
    case SIOCGIFTXQLEN:
    case SIOCGIFHWADDR:
    case SIOCETHTOOL:
        return GET_LINK;
    case SIOCSIFFLAGS:
    case SIOCSIFMTU:
    case SIOCSIFMETRIC:
    case SIOCSIFTXQLEN:
    case SIOCSIFHWADDR:
    case SIOCSIFHWBROADCAST:
    case SIOCSIFMAP:
    case SIOCSIFNAME:
        return SET_LINK;
    }
    return OTHER;
}

/* r->name: a device's, or an alias of it, which is for addresses alone. */
static struct netdev *device_of(struct ifreq *r)
{
    struct netdev *d;
    char *alias;

    r->name[IFNAMSIZ - 1] = 0;
    alias = strchr(r->name, ':');
    if (alias)
        *alias = 0;
    d = netdev_by_name(r->name);
    if (alias)
        *alias = ':';
    return d && d->net ? d : NULL;
}

static long of_device(int family, unsigned cmd, uintptr_t arg)
{
    enum kind k = kind_of(cmd);
    struct netdev *d;
    struct ifreq r;
    int err;

    if (k == OTHER || (k == SET_ADDR && family != AF_INET))
        return -ENOTTY;
    if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
        return -EFAULT;
    if ((k == SET_ADDR || k == SET_LINK) && !socket_host->capable(CAP_NET_ADMIN))
        return -EPERM;
    if (k == SET_ADDR && r.addr.family != AF_INET)
        return -EINVAL;
    d = device_of(&r);
    if (!d)
        return -ENODEV;
    if (k == SET_ADDR)
        return ioctl_set_addr(d, cmd, &r);
    if (k == SET_LINK)
        return set_link(d, cmd, &r);
    err = k == GET_ADDR ? ioctl_get_addr(d, cmd, &r) : get_link(d, cmd, &r);
    if (err)
        return err;
    return copy_to_user((void __user *)arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long get_name(uintptr_t arg)
{
    struct netdev *d;
    struct ifreq r;

    if (copy_from_user(&r, (void __user *)arg, sizeof(r)))
        return -EFAULT;
    d = netdev_by_index(r.value);
    if (!d)
        return -ENODEV;
    memcpy(r.name, d->name, IFNAMSIZ);
    return copy_to_user((void __user *)arg, &r, sizeof(r)) ? -EFAULT : 0;
}

long inet_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    switch (cmd) {
    case SIOCADDRT:
    case SIOCDELRT:
        return s->family == AF_INET6 ? ioctl_route6(cmd, arg) : ioctl_route4(cmd, arg);
    case SIOCSARP:
    case SIOCDARP:
    case SIOCGARP:
        return s->family == AF_INET ? ioctl_arp(cmd, arg) : -ENOTTY;
    case SIOCDIFADDR:
    case SIOCSIFADDR:
        if (s->family == AF_INET6)
            return ioctl_addr6(cmd, arg);
        break;
    case SIOCGIFNAME:
        return get_name(arg);
    case SIOCGIFCONF:
        return get_conf(arg);
    }
    return of_device(s->family, cmd, arg);
}
