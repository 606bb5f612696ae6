/* SPDX-License-Identifier: BSD-2-Clause */
/* icmp.h: ICMP and ICMPv6: errors in and out, echo, and the inputs that the families' demultiplexers call. */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include "net/ip.h"

/* The numbers of <linux/icmp.h> and <linux/icmpv6.h>, which want a C library's headers. */
enum {
    ICMP_ECHOREPLY = 0,
    ICMP_DEST_UNREACH = 3,
    ICMP_REDIRECT = 5,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETERPROB = 12,
    ICMP_TIMESTAMP = 13,
    ICMP_TIMESTAMPREPLY = 14,
};
enum { ICMP_HOST_UNREACH = 1, ICMP_PROT_UNREACH = 2, ICMP_PORT_UNREACH = 3, ICMP_FRAG_NEEDED = 4 };
enum { ICMP_EXC_FRAGTIME = 1 };
enum {
    ICMPV6_DEST_UNREACH = 1,
    ICMPV6_PKT_TOOBIG = 2,
    ICMPV6_TIME_EXCEED = 3,
    ICMPV6_PARAMPROB = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_MGM_QUERY = 130,
    ICMPV6_MGM_REPORT = 131,
    ICMPV6_MGM_REDUCTION = 132,
};
enum { ICMPV6_ADDR_UNREACH = 3, ICMPV6_PORT_UNREACH = 4 };
enum { ICMPV6_EXC_FRAGTIME = 1 };
enum { ICMPV6_HDR_FIELD = 0, ICMPV6_UNK_NEXTHDR = 1, ICMPV6_UNK_OPTION = 2 };

extern const struct ip_protocol icmp_protocol, icmp6_protocol;

/* Tells the sender of p, its data at the network header, what became of it: type and code are ICMP's or ICMPv6's, by p's
 * family; info: the MTU or the pointer, host order. Not for broadcasts, errors and the like (RFC 1122 §3.2.2). Rates are
 * limited. p stays the caller's. */
void icmp_send(struct pktbuf *p, uint8_t type, uint8_t code, uint32_t info);

/* A packet of ours, data at its network header, that never left: its socket hears of it as if ICMP had told. Takes p. */
void ip_local_error(struct pktbuf *p, int err);
/* The packet within an error: finds its header and its protocol. Fields of e besides src, dst, protocol, transport and len are
 * the caller's; inner has len linear bytes. */
void ip_error_deliver(struct ip_error *e, const uint8_t *inner, uint32_t len, bool v6);

/* Ping sockets take the answers to echo requests: NULL while there are none. p stays the caller's. */
extern void (*icmp_ping_input)(struct pktbuf *p, const struct ip_rx *r);
extern void (*icmp_ping_error)(const struct ip_error *e);

#endif
