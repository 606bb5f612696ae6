/* SPDX-License-Identifier: BSD-2-Clause */
/* inet_opts.c: socket options of the levels SOL_IP and SOL_IPV6, ip(7) and ipv6(7). */
#include "abi/errno.h"
#include "abi/netif.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/netif.h"
#include <asm/socket.h>
#include <linux/capability.h>

#define SOL_IP   0
#define SOL_IPV6 41

void inet_opts_init(struct inet_opts *o)
{
    *o = (struct inet_opts){ .hops = -1,
                             .mc_ttl = 1,
                             .mc_hops = 1,
                             .mc_loop = true,
                             .mc_loop6 = true,
                             .mc_all = true,
                             .mc_all6 = true,
                             .pmtudisc = IP_PMTUDISC_WANT,
                             .pmtudisc6 = IPV6_PMTUDISC_WANT,
                             .autoflowlabel = true };
}

/* Options that are a flag: where it is, or NULL. */
static bool *flag_of(struct inet_opts *o, int level, int name)
{
    if (level == SOL_IP) {
        switch (name) {
        case IP_RECVERR:
            return &o->recverr;
        case IP_MULTICAST_LOOP:
            return &o->mc_loop;
        case IP_MULTICAST_ALL:
            return &o->mc_all;
        case IP_FREEBIND:
            return &o->freebind;
        case IP_BIND_ADDRESS_NO_PORT:
            return &o->bind_no_port;
        }
        return NULL;
    }
    switch (name) {
    case IPV6_RECVERR:
        return &o->recverr6;
    case IPV6_MULTICAST_LOOP:
        return &o->mc_loop6;
    case IPV6_MULTICAST_ALL:
        return &o->mc_all6;
    case IPV6_FREEBIND:
        return &o->freebind;
    case IPV6_AUTOFLOWLABEL:
        return &o->autoflowlabel;
    case IPV6_DONTFRAG:
        return &o->dontfrag;
    }
    return NULL;
}

static uint32_t recv_bit(int level, int name)
{
    if (level == SOL_IP) {
        switch (name) {
        case IP_PKTINFO:
            return RECV_PKTINFO;
        case IP_RECVTTL:
            return RECV_TTL;
        case IP_RECVTOS:
            return RECV_TOS;
        case IP_RECVORIGDSTADDR:
            return RECV_ORIGDST;
        case IP_RECVOPTS:
            return RECV_OPTS;
        }
        return 0;
    }
    switch (name) {
    case IPV6_RECVPKTINFO:
        return RECV_PKTINFO6;
    case IPV6_RECVHOPLIMIT:
        return RECV_HOPLIMIT6;
    case IPV6_RECVTCLASS:
        return RECV_TCLASS6;
    case IPV6_RECVORIGDSTADDR:
        return RECV_ORIGDST6;
    case IPV6_FLOWINFO:
        return RECV_FLOWINFO6;
    }
    return 0;
}

static int set_byte(uint8_t *field, int n, int min, int max, int dflt)
{
    if (n == -1 && dflt >= 0)
        n = dflt;
    if (n < min || n > max)
        return -EINVAL;
    *field = n;
    return 0;
}

static int set_mc_if(struct inet_opts *o, const void *val, unsigned len)
{
    struct ip_mreqn m = { 0 };
    struct inaddr a;
    struct ifaddr *i;

    if (len >= sizeof(m))
        memcpy(&m, val, sizeof(m));
    else if (len >= sizeof(struct ip_mreq))
        memcpy(&m, val, sizeof(struct ip_mreq));
    else if (len >= sizeof(struct in_addr))
        memcpy(&m.imr_address, val, sizeof(struct in_addr));
    else
        return -EINVAL;
    a = inaddr_v4(m.imr_address.s_addr);
    if (m.imr_ifindex) {
        if (!netdev_by_index(m.imr_ifindex))
            return -EADDRNOTAVAIL;
        o->mc_dev = m.imr_ifindex;
        o->mc_addr = a;
        return 0;
    }
    if (inaddr_is_any(&a)) {
        o->mc_dev = 0;
        o->mc_addr = a;
        return 0;
    }
    rcu_read_lock();
    i = addr_find(&a, 0);
    if (i)
        o->mc_dev = i->netif->dev->index;
    rcu_read_unlock();
    if (!i)
        return -EADDRNOTAVAIL;
    o->mc_addr = a;
    return 0;
}

static int set_ip_options(struct inet_opts *o, const uint8_t *val, unsigned len)
{
    if (len > sizeof(o->options))
        return -EINVAL;
    for (unsigned i = 0; i < len;) { /* source routes are refused where they arrive; none are made here */
        if (val[i] == 0)
            break;
        if (val[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= len || val[i + 1] < 2 || i + val[i + 1] > len || val[i] == 131 || val[i] == 137)
            return -EINVAL;
        i += val[i + 1];
    }
    memset(o->options, 0, sizeof(o->options));
    memcpy(o->options, val, len);
    o->options_len = ALIGN_UP(len, 4u);
    return 0;
}

static int set_ip(struct socket *s, struct inet_opts *o, int name, int n, const void *val, unsigned len)
{
    switch (name) {
    case IP_TOS:
        o->tos = n; /* the bits of ECN are TCP's to keep out */
        return 0;
    case IP_TTL:
        return set_byte(&o->ttl, n, 0 + (n != -1), 255, 0);
    case IP_MINTTL:
        return set_byte(&o->min_ttl, n, 0, 255, -1);
    case IP_MULTICAST_TTL:
        if (s->type == SOCK_STREAM)
            return -EINVAL;
        return set_byte(&o->mc_ttl, n, 0, 255, 1);
    case IP_MTU_DISCOVER:
        return set_byte(&o->pmtudisc, n, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT, -1);
    case IP_MULTICAST_IF:
        return s->type == SOCK_STREAM ? -EINVAL : set_mc_if(o, val, len);
    case IP_OPTIONS:
        return set_ip_options(o, val, len);
    case IP_TRANSPARENT:
        if (n && !socket_host->capable(CAP_NET_ADMIN) && !socket_host->capable(CAP_NET_RAW))
            return -EPERM;
        o->transparent = n;
        return 0;
    case IP_HDRINCL:
        if (s->type != SOCK_RAW)
            return -ENOPROTOOPT;
        o->hdrincl = n;
        return 0;
    }
    return membership_set(s, o, SOL_IP, name, val, len);
}

static int set_ipv6(struct socket *s, struct inet_opts *o, int name, int n, const void *val, unsigned len)
{
    if (s->family != AF_INET6)
        return -ENOPROTOOPT;
    switch (name) {
    case IPV6_V6ONLY:
        if (len < sizeof(int))
            return -EINVAL;
        o->v6only = n;
        return 0;
    case IPV6_UNICAST_HOPS:
        if (n < -1 || n > 255)
            return -EINVAL;
        o->hops = n;
        return 0;
    case IPV6_MULTICAST_HOPS:
        return s->type == SOCK_STREAM ? -ENOPROTOOPT : set_byte(&o->mc_hops, n, 0, 255, 1);
    case IPV6_TCLASS:
        return set_byte(&o->tclass, n, 0, 255, 0);
    case IPV6_MINHOPCOUNT:
        return set_byte(&o->min_hops, n, 0, 255, -1);
    case IPV6_MTU_DISCOVER:
        return set_byte(&o->pmtudisc6, n, IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT, -1);
    case IPV6_MULTICAST_IF:
        if (s->type == SOCK_STREAM)
            return -ENOPROTOOPT;
        if (n && !netdev_by_index(n))
            return -ENODEV;
        o->mc_dev6 = n;
        return 0;
    case IPV6_TRANSPARENT:
        return set_ip(s, o, IP_TRANSPARENT, n, val, len);
    }
    return membership_set(s, o, SOL_IPV6, name, val, len);
}

static int bind_to_device(struct socket *s, const char *val, unsigned len)
{
    char name[IFNAMSIZ];
    struct netdev *d;

    len = MIN(len, (unsigned)IFNAMSIZ - 1);
    memcpy(name, val, len);
    name[len] = 0;
    if (!name[0]) {
        s->bound_dev = 0;
        return 0;
    }
    d = netdev_by_name(name);
    if (!d)
        return -ENODEV;
    if (s->bound_dev && !socket_host->capable(CAP_NET_RAW)) /* once only, without privilege */
        return -EPERM;
    s->bound_dev = d->index;
    return 0;
}

int inet_setsockopt(struct socket *s, struct inet_opts *o, int level, int name, const void *val, unsigned len)
{
    uint32_t bit;
    bool *flag;
    int n = 0;

    if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
        return bind_to_device(s, val, len);
    if (level == SOL_SOCKET && name == SO_BINDTOIFINDEX) {
        if (len < sizeof(n))
            return -EINVAL;
        memcpy(&n, val, sizeof(n));
        if (n < 0)
            return -EINVAL;
        if (n && !netdev_by_index(n))
            return -ENODEV;
        s->bound_dev = n;
        return 0;
    }
    if (level != SOL_IP && level != SOL_IPV6)
        return -ENOPROTOOPT;
    if (len >= sizeof(n)) {
        memcpy(&n, val, sizeof(n));
    } else if (level == SOL_IP && len >= 1) { /* ip(7): a byte will do */
        n = *(const uint8_t *)val;
    }
    flag = flag_of(o, level, name);
    bit = recv_bit(level, name);
    if ((flag || bit) && (!len || (level == SOL_IPV6 && len < sizeof(n))))
        return -EINVAL;
    if (level == SOL_IPV6 && (flag || bit) && s->family != AF_INET6)
        return -ENOPROTOOPT;
    if (flag) {
        *flag = n;
        return 0;
    }
    if (bit) {
        o->recv = n ? o->recv | bit : o->recv & ~bit;
        return 0;
    }
    return level == SOL_IP ? set_ip(s, o, name, n, val, len) : set_ipv6(s, o, name, n, val, len);
}

static int get_ip(struct socket *s, struct inet_opts *o, int name, int *n)
{
    switch (name) {
    case IP_TOS:
        *n = o->tos;
        return 0;
    case IP_TTL:
        *n = o->ttl ? o->ttl : 64;
        return 0;
    case IP_MINTTL:
        *n = o->min_ttl;
        return 0;
    case IP_MULTICAST_TTL:
        *n = o->mc_ttl;
        return 0;
    case IP_MTU_DISCOVER:
        *n = o->pmtudisc;
        return 0;
    case IP_TRANSPARENT:
        *n = o->transparent;
        return 0;
    case IP_HDRINCL:
        *n = o->hdrincl;
        return s->type == SOCK_RAW ? 0 : -ENOPROTOOPT;
    case IP_MULTICAST_IF:
        *n = inaddr_is_any(&o->mc_addr) ? 0 : (int)o->mc_addr.w[3];
        return 0;
    }
    return -ENOPROTOOPT;
}

static int get_ipv6(struct socket *s, struct inet_opts *o, int name, int *n)
{
    if (s->family != AF_INET6)
        return -ENOPROTOOPT;
    switch (name) {
    case IPV6_V6ONLY:
        *n = o->v6only;
        return 0;
    case IPV6_UNICAST_HOPS:
        *n = o->hops >= 0 ? o->hops : 64;
        return 0;
    case IPV6_MULTICAST_HOPS:
        *n = o->mc_hops;
        return 0;
    case IPV6_TCLASS:
        *n = o->tclass;
        return 0;
    case IPV6_MINHOPCOUNT:
        *n = o->min_hops;
        return 0;
    case IPV6_MTU_DISCOVER:
        *n = o->pmtudisc6;
        return 0;
    case IPV6_MULTICAST_IF:
        *n = o->mc_dev6;
        return 0;
    case IPV6_TRANSPARENT:
        *n = o->transparent;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int get_device(struct socket *s, void *val, unsigned *len)
{
    struct netdev *d = s->bound_dev ? netdev_by_index(s->bound_dev) : NULL;

    if (!d) {
        *len = 0;
        return 0;
    }
    if (*len < IFNAMSIZ)
        return -EINVAL;
    *len = strlen(d->name) + 1;
    memcpy(val, d->name, *len);
    return 0;
}

int inet_getsockopt(struct socket *s, struct inet_opts *o, int level, int name, void *val, unsigned *len)
{
    uint32_t bit;
    bool *flag;
    int n, err = 0;

    if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
        return get_device(s, val, len);
    if (level == SOL_SOCKET && name == SO_BINDTOIFINDEX) {
        n = s->bound_dev;
    } else if (level == SOL_IP || level == SOL_IPV6) {
        if ((level == SOL_IP && name == IP_MSFILTER) || name == MCAST_MSFILTER)
            return membership_get(s, o, level, name, val, len);
        if (level == SOL_IP && name == IP_OPTIONS) {
            *len = MIN(*len, (unsigned)o->options_len);
            memcpy(val, o->options, *len);
            return 0;
        }
        flag = flag_of(o, level, name);
        bit = recv_bit(level, name);
        if (level == SOL_IPV6 && s->family != AF_INET6)
            return -ENOPROTOOPT;
        if (flag)
            n = *flag;
        else if (bit)
            n = !!(o->recv & bit);
        else
            err = level == SOL_IP ? get_ip(s, o, name, &n) : get_ipv6(s, o, name, &n);
    } else {
        return -ENOPROTOOPT;
    }
    if (err)
        return err;
    if (level == SOL_IP && *len > 0 && *len < sizeof(n) && n >= 0 && n <= 255) {
        *(uint8_t *)val = n;
        *len = 1;
        return 0;
    }
    *len = MIN(*len, (unsigned)sizeof(n));
    memcpy(val, &n, *len);
    return 0;
}

/* ---- flows ---- */

static bool dont_fragment(uint8_t disc)
{
    return disc == IP_PMTUDISC_DO || disc == IP_PMTUDISC_PROBE;
}

void inet_flow_opts(struct flow *f, const struct socket *s, const struct inet_opts *o)
{
    bool v4 = inaddr_is_v4(&f->dst), many = inaddr_is_multicast(&f->dst);
    uint8_t disc = v4 ? o->pmtudisc : o->pmtudisc6;

    f->tos = v4 ? o->tos : o->tclass;
    f->ttl = many ? (v4 ? o->mc_ttl : o->mc_hops) : v4 ? o->ttl : MAX(o->hops, 0);
    f->flags = 0;
    f->options = NULL;
    f->options_len = 0;
    if (!f->ttl && (many || (!v4 && !o->hops)))
        f->flags |= FLOW_TTL0;
    if (v4 && disc >= IP_PMTUDISC_WANT && disc <= IP_PMTUDISC_PROBE)
        f->flags |= FLOW_DF;
    if (dont_fragment(disc) || (!v4 && o->dontfrag))
        f->flags |= FLOW_NOFRAG;
    if (disc == IP_PMTUDISC_PROBE || disc == IP_PMTUDISC_INTERFACE || disc == IP_PMTUDISC_OMIT)
        f->flags |= FLOW_PROBE;
    if (s->dontroute)
        f->flags |= FLOW_LOCAL;
    if (s->broadcast)
        f->flags |= FLOW_BCAST;
    if (v4 && o->options_len) {
        f->options = o->options;
        f->options_len = o->options_len;
    }
    if (!f->dev)
        f->dev = s->bound_dev;
    if (!many)
        return;
    if (!(v4 ? o->mc_loop : o->mc_loop6))
        f->flags |= FLOW_NOLOOP;
    if (!f->dev)
        f->dev = v4 ? o->mc_dev : o->mc_dev6;
    if (v4 && inaddr_is_any(&f->src) && !inaddr_is_any(&o->mc_addr))
        f->src = o->mc_addr;
}
