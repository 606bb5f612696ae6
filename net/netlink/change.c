/* SPDX-License-Identifier: BSD-2-Clause */
/* change.c: rtnetlink(7): links set up and down, addresses, routes and neighbours added and removed. */
#include "abi/netif.h"
#include "lib/string.h"
#include "net/neigh.h"
#include "net/netlink/netlink.h"
#include "net/route.h"

/* The fixed head of a request, if all of it is there. */
static const void *head(const struct nlmsghdr *n, size_t len)
{
    return n->nlmsg_len >= NLMSG_LENGTH(len) ? NLMSG_DATA(n) : NULL;
}

static bool known(unsigned family)
{
    return family == AF_INET || family == AF_INET6;
}

static struct inaddr address(const struct nlmsghdr *n, size_t hdr, unsigned type, unsigned family,
                             bool *given)
{
    const void *attr = nl_attr(n, hdr, type, rtnl_addr_len(family));

    *given = attr;
    return rtnl_addr(family, attr);
}

static unsigned prefix_len(unsigned family, unsigned n)
{
    return family == AF_INET ? PLEN_V4(n) : n;
}

/* ---- links ---- */

static struct netdev *link_named(const struct nlmsghdr *n, int index)
{
    const char *name = nl_attr(n, sizeof(struct ifinfomsg), IFLA_IFNAME, 1);
    char buf[16];
    size_t len;

    if (index > 0)
        return netdev_by_index(index);
    if (!name)
        return NULL;
    len = MIN(nl_attr_len(name), sizeof(buf) - 1);
    memcpy(buf, name, len);
    buf[len] = 0;
    return netdev_by_name(buf);
}

/* RTM_NEWLINK and RTM_SETLINK of a device that exists. */
static int set_link(const struct nlmsghdr *n)
{
    const struct ifinfomsg *i = head(n, sizeof(*i));
    const uint32_t *mtu;
    struct netdev *d;
    int err = 0;

    if (!i)
        return -EINVAL;
    d = link_named(n, i->ifi_index);
    if (!d || !d->net) /* none can be made */
        return n->nlmsg_flags & NLM_F_CREATE ? -EOPNOTSUPP : -ENODEV;
    if (n->nlmsg_flags & NLM_F_EXCL)
        return -EEXIST;
    mtu = nl_attr(n, sizeof(*i), IFLA_MTU, sizeof(*mtu));
    if (mtu)
        err = netif_set_mtu(d, *mtu);
    if (!err && (i->ifi_flags || i->ifi_change))
        err = netif_set_flags(d, i->ifi_flags, i->ifi_change ? i->ifi_change : ~0u);
    return err;
}

/* ---- addresses ---- */

static uint64_t lifetime(uint32_t seconds)
{
    return seconds == 0xffffffff ? TIME_NEVER : seconds * NSEC_PER_SEC;
}

static int change_addr(const struct nlmsghdr *n, bool add)
{
    const struct ifaddrmsg *m = head(n, sizeof(*m));
    struct addr_spec s = { .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER };
    const struct ifa_cacheinfo *c;
    const uint32_t *flags;
    const char *label;
    bool has_local, has_addr, has_bcast;
    struct netdev *d;
    int err;

    if (!m)
        return -EINVAL;
    if (!known(m->ifa_family))
        return -EOPNOTSUPP;
    d = netdev_by_index(m->ifa_index);
    if (!d || !d->net)
        return -ENODEV;
    s.addr = address(n, sizeof(*m), IFA_LOCAL, m->ifa_family, &has_local);
    s.peer = address(n, sizeof(*m), IFA_ADDRESS, m->ifa_family, &has_addr);
    s.bcast = address(n, sizeof(*m), IFA_BROADCAST, m->ifa_family, &has_bcast);
    if (!has_local && !has_addr)
        return -EINVAL;
    if (!has_local)
        s.addr = s.peer;
    if (!has_addr)
        s.peer = s.addr;
    if (m->ifa_prefixlen > rtnl_addr_len(m->ifa_family) * 8)
        return -EINVAL;
    s.plen = prefix_len(m->ifa_family, m->ifa_prefixlen);
    s.scope = m->ifa_scope;
    label = m->ifa_family == AF_INET ? nl_attr(n, sizeof(*m), IFA_LABEL, 1) : NULL;
    if (label) {
        size_t len = MIN(nl_attr_len(label), sizeof(s.label) - 1);

        memcpy(s.label, label, len);
    }
    flags = nl_attr(n, sizeof(*m), IFA_FLAGS, sizeof(*flags));
    s.flags = flags ? *flags : m->ifa_flags;
    if (!add)
        return addr_del(d, &s.addr, s.plen);
    c = nl_attr(n, sizeof(*m), IFA_CACHEINFO, sizeof(*c));
    if (c) {
        if (!c->ifa_valid || c->ifa_prefered > c->ifa_valid)
            return -EINVAL;
        s.valid_ns = lifetime(c->ifa_valid);
        s.preferred_ns = lifetime(c->ifa_prefered);
    }
    err = addr_add(d, &s);
    if (err == -EEXIST && (n->nlmsg_flags & NLM_F_REPLACE))
        err = addr_renew(d, &s.addr, s.valid_ns, s.preferred_ns);
    return err;
}

/* ---- routes ---- */

static int change_route(const struct nlmsghdr *n, bool add)
{
    const struct rtmsg *m = head(n, sizeof(*m));
    struct route r = { .expires_ns = TIME_NEVER };
    const uint32_t *oif, *metric, *table;
    bool given;

    if (!m)
        return -EINVAL;
    if (!known(m->rtm_family))
        return -EOPNOTSUPP;
    if (m->rtm_dst_len > rtnl_addr_len(m->rtm_family) * 8)
        return -EINVAL;
    oif = nl_attr(n, sizeof(*m), RTA_OIF, sizeof(*oif));
    metric = nl_attr(n, sizeof(*m), RTA_PRIORITY, sizeof(*metric));
    table = nl_attr(n, sizeof(*m), RTA_TABLE, sizeof(*table));
    if ((table ? *table : m->rtm_table) != RT_TABLE_MAIN &&
        (table ? *table : m->rtm_table) != RT_TABLE_UNSPEC)
        return -EOPNOTSUPP; /* one table there is */
    r.prefix = address(n, sizeof(*m), RTA_DST, m->rtm_family, &given);
    r.gateway = address(n, sizeof(*m), RTA_GATEWAY, m->rtm_family, &given);
    r.src = address(n, sizeof(*m), RTA_PREFSRC, m->rtm_family, &given);
    r.plen = prefix_len(m->rtm_family, m->rtm_dst_len);
    r.metric = metric ? *metric : add && m->rtm_family == AF_INET6 ? 1024 : 0;
    r.type = m->rtm_type ? m->rtm_type : RTN_UNICAST;
    r.scope = m->rtm_scope;
    r.protocol = m->rtm_protocol;
    r.table = RT_TABLE_MAIN;
    r.tos = m->rtm_tos;
    if (oif) {
        r.dev = netdev_by_index(*oif);
        if (!r.dev || !r.dev->net)
            return -ENODEV;
    }
    if (!add)
        return route_del(&r);
    if (!r.dev && r.type == RTN_UNICAST) {
        const struct route *via;

        rcu_read_lock();
        via = inaddr_is_any(&r.gateway) ? NULL : route_lookup(&r.gateway, NULL, true);
        r.dev = via ? via->dev : NULL;
        rcu_read_unlock();
        if (!r.dev)
            return inaddr_is_any(&r.gateway) ? -ENODEV : -ENETUNREACH;
    }
    return route_add(&r, n->nlmsg_flags & NLM_F_REPLACE);
}

/* ---- neighbours ---- */

static int change_neigh(const struct nlmsghdr *n, bool add)
{
    static const uint8_t none[6];
    const struct ndmsg *m = head(n, sizeof(*m));
    const uint8_t *mac;
    struct inaddr a;
    struct netdev *d;
    bool given;

    if (!m)
        return -EINVAL;
    if (!known(m->ndm_family))
        return -EOPNOTSUPP;
    a = address(n, sizeof(*m), NDA_DST, m->ndm_family, &given);
    if (!given)
        return -EINVAL;
    d = netdev_by_index(m->ndm_ifindex);
    if (!d || !d->net)
        return -ENODEV;
    mac = nl_attr(n, sizeof(*m), NDA_LLADDR, 6);
    if (!add)
        return neigh_set(d, &a, none, NUD_NONE, false);
    return mac ? neigh_set(d, &a, mac, m->ndm_state, n->nlmsg_flags & NLM_F_CREATE) : -EINVAL;
}

int rtnl_change(const struct nlmsghdr *n)
{
    switch (n->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_SETLINK:
        return set_link(n);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return change_addr(n, n->nlmsg_type == RTM_NEWADDR);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        return change_route(n, n->nlmsg_type == RTM_NEWROUTE);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        return change_neigh(n, n->nlmsg_type == RTM_NEWNEIGH);
    }
    return -EOPNOTSUPP;
}
