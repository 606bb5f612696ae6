/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netif.h: what IP knows of a network device: its addresses, groups and settings; the configuration that netlink, ioctls,
 * DHCP and the kernel's command line change.
 *
 * Read under rcu_read_lock(), changed under net_lock. Devices and their netifs stay for ever; addresses go through RCU.
 */
#ifndef NET_NETIF_H
#define NET_NETIF_H

#include "net/ip.h"
#include "net/timer.h"
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#define PLEN_V4(n) (96 + (n)) /* prefix lengths are of 128 bits, too */

struct ifaddr {               /* [net_lock], immutable but for what is marked */
    struct ifaddr *next;      /* of its netif [R] */
    struct ifaddr *hash_next; /* of local_addrs [R] */
    struct netif *netif;
    struct inaddr addr;
    struct inaddr peer;  /* the prefix's address when it is another's (point to point), else addr */
    struct inaddr bcast; /* any: none */
    uint8_t plen;
    uint8_t scope;                               /* RT_SCOPE_* */
    uint32_t flags;                              /* IFA_F_* [a] */
    uint64_t valid_until_ns, preferred_until_ns; /* TIME_NEVER: for ever [net_lock] */
    uint64_t created_ns;
    char label[16];         /* the device's name, or an alias of it: eth0:1 */
    uint8_t dad_left;       /* probes to be sent [net_lock] */
    struct net_timer timer; /* duplicate detection, then lifetimes */
    bool dead;              /* no longer listed [net_lock] */
    struct rcu_head rcu;
};

/* Sources that a user of a group wants (include), or all but these. */
struct mc_filter {
    struct rcu_head rcu;
    bool exclude;
    uint16_t nr;
    struct inaddr src[];
};

/* What the users of a group say of one source. */
struct mc_source {
    struct inaddr addr;
    uint16_t in, ex; /* users that include, that exclude it [net_lock to change, a] */
    uint8_t left;    /* reports of its last change still to send [net_lock] */
    bool asked;      /* a router asked about it [net_lock] */
    bool was;        /* let through before a change under way [net_lock] */
};
struct mc_sources {
    struct rcu_head rcu;
    unsigned nr;
    struct mc_source s[];
};

/* A multicast group that the device listens to, or whose last user left and whose end is still to be reported. */
struct mc_group {
    struct mc_group *next; /* [R] */
    struct inaddr addr;
    uint32_t users; /* [net_lock to change, a] */
    uint32_t ex;    /* of these exclude: one that does makes it the group's mode [net_lock to change, a] */
    struct mc_sources *sources; /* NULL: nobody names any [R] */
    uint8_t left;               /* reports of its last change of mode still to send [net_lock] */
    bool asked;                 /* a router asked, not about sources only [net_lock] */
    uint64_t report_ns;         /* when to answer it; TIME_NEVER: nothing due [net_lock] */
    uint64_t change_ns;         /* when to report changes [net_lock] */
    struct rcu_head rcu;
};

/* What is known of a link's multicast routers, by family [net_lock]. */
struct mc_routers {
    uint64_t v1_until, v2_until; /* an older one was heard (MLD's first version: v1_until) */
    uint64_t answer_ns;          /* to be told of all groups; TIME_NEVER: no */
    uint8_t robustness;          /* how often each change is reported */
};

struct netif { /* struct netdev.net */
    struct netdev *dev;
    struct ifaddr *addrs;    /* [R] in the order they were added */
    struct mc_group *groups; /* [R] */
    uint32_t flags;          /* IFF_UP and what else can be set [a] */
    uint32_t promiscuity,
        allmulti; /* [net_lock] how many packet sockets want frames for others, all multicasts */
    bool opened;  /* [net_lock] the driver was told that packets are wanted */
    bool carrier; /* the link as it was last told of [net_lock] */
    uint32_t link_ups, link_downs; /* [net_lock] */
    struct net_timer group_timer;
    struct mc_routers routers[2]; /* of IPv4, IPv6 [net_lock] */
    /* IPv6 */
    bool v6, accept_ra, autoconf;
    uint8_t hop_limit; /* of packets sent; a router may say */
    uint32_t mtu6;     /* routers' limit for IPv6, else dev->mtu */
    uint32_t reachable_ms, retrans_ms;
    uint8_t rs_left; /* router solicitations to be sent [net_lock] */
    struct net_timer rs_timer;
};

extern struct spinlock net_lock; /* RANK_NET_CONFIG */
extern struct netdev *loopback_dev;

static inline struct netif *netif_of(const struct netdev *d)
{
    return d->net;
}
static inline bool netif_is_up(const struct netif *n)
{
    return READ_ONCE(n->flags) & 1; /* IFF_UP */
}
/* The flags that SIOCGIFFLAGS and netlink show: IFF_*. */
uint32_t netif_flags(const struct netdev *d);
/* Up or down: IFF_UP; others of change are IFF_PROMISC, IFF_ALLMULTI. Threads. 0 or -errno. */
int netif_set_flags(struct netdev *d, uint32_t flags, uint32_t change);
int netif_set_mtu(struct netdev *d, uint32_t mtu);

/* ---- addresses ---- */

struct addr_spec {
    struct inaddr addr, peer, bcast; /* peer any: addr; bcast any: none */
    uint8_t plen, scope;
    uint32_t flags;
    uint64_t valid_ns, preferred_ns; /* lifetimes from now; TIME_NEVER */
    char label[16];                  /* "": the device's name */
};
/* Adds an address and the route to its prefix, unless IFA_F_NOPREFIXROUTE. 0, -EEXIST, -ENOMEM, -EINVAL. An IPv6 address
 * is tentative until nobody claimed it, unless IFA_F_NODAD. */
int addr_add(struct netdev *d, const struct addr_spec *s);
int addr_del(struct netdev *d, const struct inaddr *a, uint8_t plen); /* 0 or -EADDRNOTAVAIL */
/* Lifetimes of an address there is, again. */
int addr_renew(struct netdev *d, const struct inaddr *a, uint64_t valid_ns, uint64_t preferred_ns);
/* The address when it is this machine's; rcu_read_lock() held. */
struct ifaddr *addr_find(const struct inaddr *a, int dev);
/* The device's first usable address of the family; for IPv6 the best source for dst. rcu_read_lock() held; NULL: none. */
struct ifaddr *addr_source(struct netdev *d, const struct inaddr *dst);
static inline bool addr_usable(const struct ifaddr *a)
{
    uint32_t f = READ_ONCE(a->flags);

    return !(f & IFA_F_DADFAILED) && (!(f & IFA_F_TENTATIVE) || f & IFA_F_OPTIMISTIC);
}
/* An IPv6 address for the stable interface identifier: EUI-64 of the device's MAC under fe80::. */
struct inaddr addr_eui64(const struct netdev *d, const struct inaddr *prefix);

/* ---- groups ---- */

int group_join(struct netdev *d, const struct inaddr *a); /* from all sources, counted. 0 or -ENOMEM */
void group_leave(struct netdev *d, const struct inaddr *a);
void group_leave_locked(struct netdev *d, const struct inaddr *a); /* net_lock held */
/* A user's filter changes; NULL: it was none, or is none any more. Without new sources that always works. 0 or -ENOMEM. */
int group_change(struct netdev *d, const struct inaddr *a, const struct mc_filter *from,
                 const struct mc_filter *to);
extern const struct mc_filter mc_any; /* all sources */
/* Does the device listen to the group; to what comes to it from src, too? rcu_read_lock() held. */
bool group_member(const struct netdev *d, const struct inaddr *a);
bool group_accepts(const struct netdev *d, const struct inaddr *a, const struct inaddr *src);
void ethernet_multicast(const struct inaddr *a, uint8_t mac[6]);

/* Tells those who watch (netlink) that something changed. */
enum net_event {
    NET_EVENT_LINK,
    NET_EVENT_ADDR_NEW,
    NET_EVENT_ADDR_DEL,
    NET_EVENT_ROUTE_NEW,
    NET_EVENT_ROUTE_DEL
};
extern void (*net_notify)(enum net_event e, struct netdev *d,
                          const void *what); /* NULL: nobody. net_lock is held */

#endif
