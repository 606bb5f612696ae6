/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp_msg.h: DHCP's messages (RFC 2131, 2132, 3442). Pure. */
#ifndef NET_DHCP_MSG_H
#define NET_DHCP_MSG_H

#include "net/ip.h"

#define DHCP_NAME_MAX   63
#define DHCP_MSG_MIN    300 /* BOOTP's least: some servers insist */
#define DHCP_MSG_MAX    384
#define DHCP_MAX_ROUTES 8
#define DHCP_MAX_DNS    3

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER,
    DHCP_REQUEST,
    DHCP_DECLINE,
    DHCP_ACK,
    DHCP_NAK,
    DHCP_RELEASE
};

struct dhcp_request { /* addresses: network order, 0 none */
    uint8_t type;
    uint32_t xid, ciaddr, requested, server;
    uint16_t secs;
    const uint8_t *mac;
    const char *name; /* this machine's, at most DHCP_NAME_MAX; "" none */
};

struct dhcp_route {
    uint32_t prefix, gateway; /* network order; gateway 0: on the link */
    uint8_t plen;
};

struct dhcp_lease { /* of an answer */
    uint8_t type;   /* DHCP_OFFER, _ACK, _NAK */
    uint8_t plen;   /* of 128 */
    struct inaddr addr, server, broadcast;
    uint32_t lease_s, t1_s, t2_s; /* t1, t2 0: not told */
    uint16_t mtu;
    uint8_t nr_dns, nr_routes, domain_len;
    struct inaddr dns[DHCP_MAX_DNS];
    struct dhcp_route routes[DHCP_MAX_ROUTES];
    char domain[128];
};

/* The message's length. */
unsigned dhcp_build(uint8_t msg[DHCP_MSG_MAX], const struct dhcp_request *q);
/* Whether it may be sent as a host name: letters, digits, '-' and '.' as RFC 1123 has them, DHCP_NAME_MAX at most. */
bool dhcp_name_ok(const char *name);
/* False: it is no answer to us, or is malformed. */
bool dhcp_parse(const uint8_t *msg, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp_lease *l);

#endif
