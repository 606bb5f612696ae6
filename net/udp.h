/* SPDX-License-Identifier: BSD-2-Clause */
/* udp.h: UDP: its line in protocols.c, and what lists its sockets. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "net/dgram.h"

extern const struct ip_protocol udp_protocol;

struct udp_stats {
    uint64_t in_datagrams, no_ports, in_errors, out_datagrams, rcvbuf_errors, sndbuf_errors, csum_errors;
};
extern struct udp_stats udp_stats[2]; /* IPv4, IPv6; counted without a lock: about right */

/* ---- udp_table.c: sockets by local port ---- */

/* Gives d the port (0: a free one) and lists it. 0, -EADDRINUSE. d->lport and the address are set. */
int udp_bind_port(struct dgram *d, const struct inaddr *addr, uint16_t port);
void udp_unbind(struct dgram *d);
/* The one socket that a packet is for; rcu_read_lock() held. hash: of the flow, for sockets that share a port. */
struct dgram *udp_find(const struct inaddr *src, uint16_t sport, const struct inaddr *dst, uint16_t dport,
                       int dev, uint32_t hash);
/* Each socket that a multicast or broadcast is for; rcu_read_lock() held. prev NULL starts. */
struct dgram *udp_next_of_many(struct dgram *prev, const struct ip_rx *r, uint16_t sport, uint16_t dport);
/* All sockets, for /proc/net/udp; rcu_read_lock() held. */
void udp_each(void (*fn)(struct dgram *d, unsigned bucket, void *arg), void *arg);

#endif
