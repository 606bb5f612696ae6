/* SPDX-License-Identifier: BSD-2-Clause */
/* mcast.h: multicast groups as routers hear of them: IGMP (RFC 2236) and MLD (RFC 2710). */
#ifndef NET_MCAST_H
#define NET_MCAST_H

#include "net/netif.h"

/* igmp.c, mld.c: says that the device listens to the group, or no longer does. */
void igmp_report(struct netdev *d, const struct inaddr *group, bool leave);
void mld_report(struct netdev *d, const struct inaddr *group, bool leave);
/* A router asks: group any for all of them; the answers come within max_ms. */
void mcast_query(struct netdev *d, const struct inaddr *group, bool v4, unsigned max_ms);
/* An MLD query, data at the ICMPv6 header. p stays the caller's. */
void mcast_query6(struct pktbuf *p, const struct ip_rx *r);
void mcast_init_netif(struct netif *n);
/* The link is there, perhaps to another switch or router: all groups are reported anew. */
void mcast_link_up(struct netif *n);

#endif
