/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redirect.h: what routers tell of better ways (RFC 792, 1122 §3.2.2.2; RFC 4861 §8): a small table by destination, beside the
 * routes, which it never changes. An entry counts only as long as the route still leads to the router that told.
 */
#ifndef NET_REDIRECT_H
#define NET_REDIRECT_H

#include "net/ip.h"

extern unsigned redirects_used; /* [a] 0: the table is empty, nobody need look */

/* A transport found that the packet in e, whose redirect is set, is one of its own. Any lock before RANK_NET_TABLE held. */
void redirect_accept(const struct ip_error *e);
/* The next hop to addr instead of via; rcu_read_lock() not needed. False: as the route says. */
bool redirect_find(const struct inaddr *addr, const struct netdev *dev, const struct inaddr *via,
                   struct inaddr *hop);
/* The neighbour does not answer. */
void redirect_forget(const struct netdev *dev, const struct inaddr *hop);
void redirect_init(void);

#endif
