/* SPDX-License-Identifier: BSD-2-Clause */
/* nd_msg.h: the messages of Neighbour Discovery, between nd.c and slaac.c. */
#ifndef NET_ND_MSG_H
#define NET_ND_MSG_H

#include "net/nd.h"

enum { ND_RS = 133, ND_RA = 134, ND_NS = 135, ND_NA = 136, ND_REDIRECT = 137 };
enum {
    ND_OPT_SLLA = 1,
    ND_OPT_TLLA = 2,
    ND_OPT_PREFIX = 3,
    ND_OPT_REDIRECTED = 4,
    ND_OPT_MTU = 5,
    ND_OPT_RDNSS = 25
};
#define ND_NA_ROUTER    0x80000000u
#define ND_NA_SOLICITED 0x40000000u
#define ND_NA_OVERRIDE  0x20000000u

extern const struct inaddr nd_all_nodes, nd_all_routers;

/* The first option of the type; NULL: none. False: the options are malformed. */
bool nd_option(const uint8_t *o, unsigned len, uint8_t type, const uint8_t **found);
/* mac 0: dst is multicast. The checksum is put in. */
void nd_send(struct netdev *d, const struct inaddr *src, const struct inaddr *dst, uint64_t mac,
             const void *msg, unsigned len);
void nd_router_advertisement(struct pktbuf *p, const struct ip_rx *r);

#endif
