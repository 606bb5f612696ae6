/* SPDX-License-Identifier: BSD-2-Clause */
/* route.c: rtnetlink(7): links, addresses, routes and neighbours listed, and told of when they change. */
#include "net/route.h"
#include "abi/netif.h"
#include "lib/string.h"
#include "net/neigh.h"
#include "net/netlink/netlink.h"
#include <linux/capability.h>
#include <linux/if_link.h>

#define OPER_UNKNOWN 0
#define OPER_DOWN    2
#define OPER_UP      6
#define TXQLEN       1000
#define HZ           100 /* of times in answers */
#define FOREVER      0xffffffffu

static const void *addr_bytes(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? &a->b[12] : &a->b[0];
}

static void put_addr(struct nl_answer *a, unsigned type, const struct inaddr *addr)
{
    nl_put(a, type, addr_bytes(addr), inaddr_is_v4(addr) ? 4 : 16);
}

static unsigned family_of(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? AF_INET : AF_INET6;
}

struct inaddr rtnl_addr(unsigned family, const void *attr)
{
    struct inaddr a = INADDR_ANY6;
    uint32_t v4;

    if (family == AF_INET) {
        v4 = 0;
        if (attr)
            memcpy(&v4, attr, sizeof(v4));
        return inaddr_v4(v4);
    }
    if (attr)
        memcpy(&a, attr, sizeof(a));
    return a;
}

static uint32_t seconds_until(uint64_t when)
{
    uint64_t now = clock_mono_ns();

    return when == TIME_NEVER ? FOREVER : when > now ? (when - now) / NSEC_PER_SEC : 0;
}

/* ---- links ---- */

static void put_stats(struct nl_answer *a, const struct netdev *d)
{
    struct rtnl_link_stats64 s64 = { 0 };
    struct rtnl_link_stats s32 = { 0 };
    struct netdev_stats s;

    netdev_get_stats(d, &s);
#define STAT(to, from) (s64.to = s.from, s32.to = s.from)
    STAT(rx_packets, rx_packets), STAT(tx_packets, tx_packets), STAT(rx_bytes, rx_bytes),
        STAT(tx_bytes, tx_bytes);
    STAT(rx_errors, rx_errors), STAT(tx_errors, tx_errors), STAT(rx_dropped, rx_dropped);
    STAT(tx_dropped, tx_dropped), STAT(multicast, multicast);
#undef STAT
    nl_put(a, IFLA_STATS64, &s64, sizeof(s64));
    nl_put(a, IFLA_STATS, &s32, sizeof(s32));
}

static void put_link(struct nl_answer *a, const struct netdev *d, unsigned type)
{
    static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 }, none[6];
    bool loop = d->features & NETDEV_LOOP;
    struct ifinfomsg *i = nl_begin(a, type, sizeof(*i));

    if (!i)
        return;
    i->ifi_type = d->hw_type;
    i->ifi_index = d->index;
    i->ifi_flags = netif_flags(d);
    nl_put_str(a, IFLA_IFNAME, d->name);
    nl_put_u32(a, IFLA_TXQLEN, TXQLEN);
    nl_put_u8(a, IFLA_OPERSTATE, loop ? OPER_UNKNOWN : (i->ifi_flags & IFF_RUNNING) ? OPER_UP : OPER_DOWN);
    nl_put_u8(a, IFLA_LINKMODE, 0);
    nl_put_u32(a, IFLA_MTU, d->mtu);
    nl_put_u32(a, IFLA_MIN_MTU, loop ? 0 : 68);
    nl_put_u32(a, IFLA_MAX_MTU, loop ? 0 : d->max_mtu);
    nl_put_u32(a, IFLA_GROUP, 0);
    nl_put_u32(a, IFLA_PROMISCUITY, netif_of(d)->promiscuity + !!(i->ifi_flags & IFF_PROMISC));
    nl_put_u32(a, IFLA_NUM_TX_QUEUES, MAX(d->nr_queues, 1));
    nl_put_u32(a, IFLA_NUM_RX_QUEUES, MAX(d->nr_queues, 1));
    nl_put_u8(a, IFLA_CARRIER, d->link_up);
    nl_put_str(a, IFLA_QDISC, loop ? "noqueue" : "fq_codel");
    nl_put_u32(a, IFLA_CARRIER_CHANGES, netif_of(d)->link_ups + netif_of(d)->link_downs);
    nl_put_u32(a, IFLA_CARRIER_UP_COUNT, netif_of(d)->link_ups);
    nl_put_u32(a, IFLA_CARRIER_DOWN_COUNT, netif_of(d)->link_downs);
    nl_put_u8(a, IFLA_PROTO_DOWN, 0);
    nl_put(a, IFLA_ADDRESS, loop ? none : d->mac, 6);
    nl_put(a, IFLA_BROADCAST, loop ? none : broadcast, 6);
    put_stats(a, d);
    nl_end(a);
}

static void dump_links(struct nl_answer *a, unsigned family, const struct nlmsghdr *n)
{
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d))
        if (d->net)
            put_link(a, d, RTM_NEWLINK);
}

static struct netdev *wanted_link(const struct nlmsghdr *n)
{
    const struct ifinfomsg *i = NLMSG_DATA(n);
    const char *name = nl_attr(n, sizeof(*i), IFLA_IFNAME, 1);
    char buf[16];
    size_t len;

    if (i->ifi_index > 0)
        return netdev_by_index(i->ifi_index);
    if (!name)
        name = nl_attr(n, sizeof(*i), IFLA_ALT_IFNAME, 1);
    if (!name)
        return NULL;
    len = MIN(nl_attr_len(name), sizeof(buf) - 1);
    memcpy(buf, name, len);
    buf[len] = 0;
    return netdev_by_name(buf);
}

static int get_link(struct nl_answer *a, const struct nlmsghdr *n)
{
    const struct ifinfomsg *i = NLMSG_DATA(n);
    struct netdev *d;

    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
        return -EINVAL;
    if (i->ifi_index <= 0 && !nl_attr(n, sizeof(*i), IFLA_IFNAME, 1) &&
        !nl_attr(n, sizeof(*i), IFLA_ALT_IFNAME, 1))
        return -EINVAL;
    d = wanted_link(n);
    if (!d || !d->net)
        return -ENODEV;
    put_link(a, d, RTM_NEWLINK);
    return 0;
}

/* ---- addresses ---- */

static void put_ifaddr(struct nl_answer *a, const struct ifaddr *ia, unsigned type)
{
    bool v4 = inaddr_is_v4(&ia->addr), pair = !inaddr_eq(&ia->peer, &ia->addr) && !inaddr_is_any(&ia->peer);
    struct ifa_cacheinfo c = { 0 };
    struct ifaddrmsg *m = nl_begin(a, type, sizeof(*m));

    if (!m)
        return;
    m->ifa_family = family_of(&ia->addr);
    m->ifa_prefixlen = v4 ? ia->plen - 96 : ia->plen;
    m->ifa_flags = ia->flags;
    m->ifa_scope = ia->scope;
    m->ifa_index = ia->netif->dev->index;
    put_addr(a, IFA_ADDRESS, pair ? &ia->peer : &ia->addr);
    if (v4 || pair)
        put_addr(a, IFA_LOCAL, &ia->addr);
    if (v4 && !inaddr_is_any(&ia->bcast))
        put_addr(a, IFA_BROADCAST, &ia->bcast);
    if (v4)
        nl_put_str(a, IFA_LABEL, ia->label);
    nl_put_u32(a, IFA_FLAGS, ia->flags);
    c.ifa_valid = seconds_until(ia->valid_until_ns);
    c.ifa_prefered = seconds_until(ia->preferred_until_ns);
    c.cstamp = c.tstamp = ia->created_ns / (NSEC_PER_SEC / HZ);
    nl_put(a, IFA_CACHEINFO, &c, sizeof(c));
    nl_end(a);
}

static void dump_addrs_of(struct nl_answer *a, unsigned family, int index)
{
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        if (!d->net || (index && d->index != index))
            continue;
        for (struct ifaddr *ia = atomic_load_acquire(&netif_of(d)->addrs); ia;
             ia = atomic_load_acquire(&ia->next))
            if (family_of(&ia->addr) == family)
                put_ifaddr(a, ia, RTM_NEWADDR);
    }
}

static void dump_addrs(struct nl_answer *a, unsigned family, const struct nlmsghdr *n)
{
    const struct ifaddrmsg *m = NLMSG_DATA(n);
    int index = a->to->strict && n->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) ? (int)m->ifa_index : 0;

    if (family != AF_INET6)
        dump_addrs_of(a, AF_INET, index);
    if (family != AF_INET)
        dump_addrs_of(a, AF_INET6, index);
}

/* ---- routes ---- */

static void put_route(struct nl_answer *a, const struct route *r, unsigned type)
{
    bool v4 = inaddr_is_v4(&r->prefix) && r->plen >= 96;
    struct rtmsg *m = nl_begin(a, type, sizeof(*m));

    if (!m)
        return;
    m->rtm_family = v4 ? AF_INET : AF_INET6;
    m->rtm_dst_len = v4 ? r->plen - 96 : r->plen;
    m->rtm_tos = r->tos;
    m->rtm_table = r->table ? r->table : RT_TABLE_MAIN;
    m->rtm_protocol = r->protocol;
    m->rtm_scope = v4 ? r->scope : RT_SCOPE_UNIVERSE;
    m->rtm_type = r->type;
    nl_put_u32(a, RTA_TABLE, m->rtm_table);
    if (m->rtm_dst_len)
        put_addr(a, RTA_DST, &r->prefix);
    if (r->metric || !v4)
        nl_put_u32(a, RTA_PRIORITY, r->metric);
    if (!inaddr_is_any(&r->src))
        put_addr(a, RTA_PREFSRC, &r->src);
    if (!inaddr_is_any(&r->gateway))
        put_addr(a, RTA_GATEWAY, &r->gateway);
    if (r->dev)
        nl_put_u32(a, RTA_OIF, r->dev->index);
    if (!v4) {
        struct rta_cacheinfo c = { 0 };

        if (r->expires_ns != TIME_NEVER)
            c.rta_expires = seconds_until(r->expires_ns) * HZ;
        nl_put(a, RTA_CACHEINFO, &c, sizeof(c));
        nl_put_u8(a, RTA_PREF, 0);
    }
    nl_end(a);
}

static void dump_routes_of(struct nl_answer *a, unsigned family)
{
    for (struct route *r = atomic_load_acquire(&routes); r; r = atomic_load_acquire(&r->next))
        if ((inaddr_is_v4(&r->prefix) && r->plen >= 96 ? AF_INET : AF_INET6) == family)
            put_route(a, r, RTM_NEWROUTE);
}

static void dump_routes(struct nl_answer *a, unsigned family, const struct nlmsghdr *n)
{
    if (family != AF_INET6)
        dump_routes_of(a, AF_INET);
    if (family != AF_INET)
        dump_routes_of(a, AF_INET6);
}

/* The way to one address, as `ip route get` asks. */
static int get_route(struct nl_answer *a, const struct nlmsghdr *n)
{
    const struct rtmsg *m = NLMSG_DATA(n);
    const uint32_t *oif;
    const struct route *r;
    const void *attr;
    struct inaddr dst;
    struct route one;

    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
        return -EINVAL;
    if (m->rtm_family != AF_INET && m->rtm_family != AF_INET6)
        return -EOPNOTSUPP;
    attr = nl_attr(n, sizeof(*m), RTA_DST, rtnl_addr_len(m->rtm_family));
    dst = rtnl_addr(m->rtm_family, attr);
    oif = nl_attr(n, sizeof(*m), RTA_OIF, sizeof(*oif));
    rcu_read_lock();
    r = route_lookup(&dst, oif ? netdev_by_index(*oif) : NULL, false);
    if (r && r->type == RTN_UNICAST) {
        one = *r;
        if (inaddr_is_any(&one.src) && r->dev) {
            struct ifaddr *ia = addr_source(r->dev, &dst);

            if (ia)
                one.src = ia->addr;
        }
    }
    rcu_read_unlock();
    if (!r || r->type != RTN_UNICAST)
        return -ENETUNREACH;
    one.prefix = dst;
    one.plen = 128;
    one.metric = 0;
    one.scope = RT_SCOPE_UNIVERSE;
    put_route(a, &one, RTM_NEWROUTE);
    return 0;
}

/* ---- neighbours ---- */

struct neigh_dump {
    struct nl_answer *a;
    unsigned family;
};

static void put_neigh(struct neigh *n, void *arg)
{
    struct neigh_dump *dump = arg;
    struct nda_cacheinfo c = { 0 };
    uint64_t mac = atomic_load(&n->mac), now = clock_mono_ns();
    unsigned state = READ_ONCE(n->state);
    struct ndmsg *m;

    if (dump->family != AF_UNSPEC && dump->family != family_of(&n->addr))
        return;
    m = nl_begin(dump->a, RTM_NEWNEIGH, sizeof(*m));
    if (!m)
        return;
    m->ndm_family = family_of(&n->addr);
    m->ndm_ifindex = n->dev->index;
    m->ndm_state = state;
    m->ndm_flags = n->router ? NTF_ROUTER : 0;
    m->ndm_type = RTN_UNICAST;
    put_addr(dump->a, NDA_DST, &n->addr);
    if (state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP))
        nl_put(dump->a, NDA_LLADDR, &mac, 6);
    nl_put_u32(dump->a, NDA_PROBES, n->probes);
    c.ndm_used = (now - MIN(now, n->used_ns)) / (NSEC_PER_SEC / HZ);
    c.ndm_confirmed = c.ndm_updated = (now - MIN(now, n->updated_ns)) / (NSEC_PER_SEC / HZ);
    nl_put(dump->a, NDA_CACHEINFO, &c, sizeof(c));
    nl_end(dump->a);
}

static void dump_neighs(struct nl_answer *a, unsigned family, const struct nlmsghdr *n)
{
    struct neigh_dump dump = { a, family };

    neigh_each(put_neigh, &dump);
}

/* ---- requests ---- */

static void (*dump_of(unsigned type))(struct nl_answer *, unsigned, const struct nlmsghdr *)
{
    switch (type) {
    case RTM_GETLINK:
        return dump_links;
    case RTM_GETADDR:
        return dump_addrs;
    case RTM_GETROUTE:
        return dump_routes;
    case RTM_GETNEIGH:
        return dump_neighs;
    }
    return NULL;
}

static int dump(struct nl_answer *a, const struct nlmsghdr *n)
{
    void (*fn)(struct nl_answer *, unsigned, const struct nlmsghdr *) = dump_of(n->nlmsg_type);
    const struct rtgenmsg *g = NLMSG_DATA(n);

    if (!fn)
        return -EOPNOTSUPP;
    a->flags = NLM_F_MULTI;
    rcu_read_lock();
    fn(a, g->rtgen_family, n);
    rcu_read_unlock();
    nl_begin(a, NLMSG_DONE, sizeof(int));
    nl_end(a);
    nl_flush(a);
    if (a->failed)
        atomic_store(&a->to->s.err, -ENOBUFS);
    return -EINTR;
}

int rtnl_request(struct nl_sock *s, const struct nlmsghdr *n)
{
    struct nl_answer a = { .to = s, .seq = n->nlmsg_seq };
    unsigned kind = n->nlmsg_type & 3;
    int err;

    if (n->nlmsg_type < RTM_BASE || n->nlmsg_type > RTM_MAX)
        return -EOPNOTSUPP;
    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
        return 0;
    if (kind != 2 && !socket_host->capable(CAP_NET_ADMIN)) /* 2: those that get */
        return -EPERM;
    if (kind == 2 && (n->nlmsg_flags & NLM_F_DUMP))
        return dump(&a, n);
    switch (n->nlmsg_type) {
    case RTM_GETLINK:
        err = get_link(&a, n);
        break;
    case RTM_GETROUTE:
        err = get_route(&a, n);
        break;
    default:
        return kind == 2 ? -EOPNOTSUPP : rtnl_change(n);
    }
    nl_flush(&a);
    return err ? err : a.failed ? -ENOBUFS : 0;
}

/* ---- notifications: net_lock is held ---- */

static void notify(enum net_event e, struct netdev *d, const void *what)
{
    const struct ifaddr *ia = what;
    const struct route *r = what;
    struct nl_answer a = { 0 };
    unsigned group = RTNLGRP_LINK;

    if (e == NET_EVENT_ADDR_NEW || e == NET_EVENT_ADDR_DEL)
        group = inaddr_is_v4(&ia->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
    else if (e == NET_EVENT_ROUTE_NEW || e == NET_EVENT_ROUTE_DEL)
        group = inaddr_is_v4(&r->prefix) && r->plen >= 96 ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
    if (!nl_has_listeners(group))
        return;
    switch (e) {
    case NET_EVENT_LINK:
        put_link(&a, d, RTM_NEWLINK);
        break;
    case NET_EVENT_ADDR_NEW:
    case NET_EVENT_ADDR_DEL:
        put_ifaddr(&a, ia, e == NET_EVENT_ADDR_NEW ? RTM_NEWADDR : RTM_DELADDR);
        break;
    case NET_EVENT_ROUTE_NEW:
    case NET_EVENT_ROUTE_DEL:
        put_route(&a, r, e == NET_EVENT_ROUTE_NEW ? RTM_NEWROUTE : RTM_DELROUTE);
        break;
    }
    if (a.cur)
        nl_multicast(a.cur, group);
}

void rtnl_init(void)
{
    atomic_store_release(&net_notify, notify);
}
