/* SPDX-License-Identifier: BSD-2-Clause */
/* nd.h: Neighbour Discovery (RFC 4861, 4862) and ARP (RFC 826), as the rest of the stack uses them. */
#ifndef NET_ND_H
#define NET_ND_H

#include "net/netif.h"

/* An address of ours comes and goes: its solicited-node group. From any state of locks before RANK_NETDEV. */
int nd_address_new(struct netdev *d, const struct inaddr *a);
/* net_lock held */
void nd_address_gone(struct netdev *d, const struct inaddr *a);
/* Asks whether somebody else has it (duplicate address detection). */
void nd_probe_address(struct netdev *d, const struct inaddr *a);
/* Somebody else has it: addr.c. */
void addr_duplicate(struct netdev *d, const struct inaddr *a);
void nd_init_netif(struct netif *n);
/* The device came up, perhaps again: link-local address, router solicitations. */
void nd_start(struct netdev *d);
/* ICMPv6 messages 133 to 137; data is at the ICMPv6 header and linear, the checksum is right. p stays the caller's. */
void nd_receive(struct pktbuf *p, const struct ip_rx *r);

/* A frame of ETH_P_ARP, data behind the link header. Takes p. */
void arp_receive(struct pktbuf *p);
/* Asks whether somebody has the address, which is not ours yet (RFC 5227 §2.1.1). */
void arp_probe(struct netdev *d, const struct inaddr *a);
/* DHCP looks for such: spa any: somebody else probes for tpa. NULL: nobody looks. */
extern void (*arp_watch)(struct netdev *d, const struct inaddr *spa, const struct inaddr *tpa);
/* Tells the link who has the address now. */
void arp_announce(struct netdev *d, const struct inaddr *a);

#endif
