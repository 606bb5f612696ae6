/* SPDX-License-Identifier: BSD-2-Clause */
/* ip_frag.h: between ip_output.c and ip_frag.c. */
#ifndef NET_IP_FRAG_H
#define NET_IP_FRAG_H

#include "net/ip.h"

/* Sends p, its data at the transport header, in pieces that fit the path. Takes p. */
int ip_fragment(struct pktbuf *p, const struct flow *f, struct dst *d, uint32_t id);
/* The network header is there, data at it. Takes p. */
int ip_send_packet(struct pktbuf *p, struct dst *d, const struct flow *f);

#endif
