/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.h: the routing table: one for both families, the longest prefix first, then the smallest metric.
 *
 * Read under rcu_read_lock(), changed under net_lock.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/netif.h"

struct route {                          /* immutable once listed */
    struct route *next;                 /* [R] longest prefix first, then by metric */
    struct inaddr prefix, gateway, src; /* gateway any: on the link; src any: chosen */
    struct netdev *dev;                 /* NULL: of type unreachable and its like */
    uint32_t metric, mtu;               /* mtu 0: the device's */
    uint8_t plen;
    uint8_t type, scope, protocol; /* RTN_UNICAST, RTN_UNREACHABLE, ...; RT_SCOPE_*; RTPROT_* */
    uint8_t table;                 /* RT_TABLE_MAIN; _LOCAL's are made up by those who list them */
    uint8_t tos;
    uint64_t expires_ns; /* TIME_NEVER: for ever */
    struct rcu_head rcu;
};

/* Adds a copy. 0, -EEXIST (the same prefix, metric and, for IPv6, gateway; not with replace), -ENETUNREACH (the gateway
 * is not on a link), -EINVAL, -ENOMEM. */
int route_add(const struct route *r, bool replace);
/* The same, IPv4: another way to the same place is added before those there are; -EEXIST: the same way. */
int route_add_beside(const struct route *r);
/* Removes the first that matches: prefix and plen; gateway, dev, metric and protocol where set. 0 or -ESRCH. */
int route_del(const struct route *r);
/* net_lock held: all of the device, or of the device and a protocol (0: any). */
void route_flush_locked(struct netdev *d, uint8_t protocol);
int route_add_locked(const struct route *r, bool replace);
int route_del_locked(const struct route *r);
/* The best way to a; dev: only through this one, NULL: any. link: no gateways. rcu_read_lock() held; NULL: none. */
const struct route *route_lookup(const struct inaddr *a, const struct netdev *dev, bool link);
extern struct route *routes; /* [R] */
/* Routes, addresses or MTUs changed: every struct dst is looked up anew. */
void dst_invalidate(void);

bool inaddr_in_prefix(const struct inaddr *a, const struct inaddr *prefix, unsigned plen);
struct inaddr inaddr_mask(const struct inaddr *a, unsigned plen);

uint32_t pmtu_find(const struct inaddr *a); /* what pmtu_update() told; 0: nothing */

#endif
