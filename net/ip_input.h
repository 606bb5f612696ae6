/* SPDX-License-Identifier: BSD-2-Clause */
/* ip_input.h: the way up, between the files of IP. */
#ifndef NET_IP_INPUT_H
#define NET_IP_INPUT_H

#include "net/ip.h"

/* data is at the network header. Take p. */
void ipv4_receive(struct pktbuf *p);
void ipv6_receive(struct pktbuf *p);
/* data is at the header that r->protocol names, p->transport too. Takes p. */
void ip_deliver(struct pktbuf *p, const struct ip_rx *r);
void ip_deliver_init(void);
extern const struct ip_protocol *ip_by_number[256];
static inline const struct ip_protocol *ip_protocol_find(uint8_t number)
{
    return ip_by_number[number];
}

/* Raw sockets see what arrives for their protocol: NULL while there are none. p stays the caller's, its data at the
 * transport header. True: somebody took a copy. */
extern bool (*raw_input)(struct pktbuf *p, const struct ip_rx *r);

/*
 * A fragment, its data at the bytes it carries; off and more as in its header. id: IPv4's 16 bits, IPv6's 32. NULL: it waits
 * for others, or was dropped; else the whole datagram, its network header the first fragment's (lengths not yet changed).
 * max_len: what the reassembled payload may be at most. Takes p.
 */
struct pktbuf *reass_add(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst, uint32_t id,
                         uint8_t protocol, uint32_t off, bool more);
void reass_init(void);
/* How many datagrams of the family wait for fragments, and what they use of memory. */
void reass_usage(bool v6, unsigned *nr, uint32_t *bytes);

/* snmp counters, /proc/net/snmp */
struct ip_stats {
    uint64_t in_receives, in_hdr_errors, in_addr_errors, in_unknown_protos, in_discards, in_delivers,
        out_requests, out_discards, out_no_routes, reasm_timeout, reasm_reqds, reasm_oks, reasm_fails,
        frag_oks, frag_fails, frag_creates, in_mcasts, out_mcasts, in_bcasts, out_bcasts;
};
extern struct ip_stats ip_stats[2]; /* IPv4, IPv6; counted without a lock: about right */
struct icmp_stats {
    uint64_t in_msgs, in_errors, in_csum_errors, out_msgs, in_types[256], out_types[256];
};
extern struct icmp_stats icmp_stats[2];
static inline void icmp_count_out(bool v6, uint8_t type)
{
    icmp_stats[v6].out_msgs++;
    icmp_stats[v6].out_types[type]++;
}

#endif
