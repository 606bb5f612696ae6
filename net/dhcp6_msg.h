/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp6_msg.h: stateless DHCPv6's two messages (RFC 8415 §18.2.6, 3646). Pure. */
#ifndef NET_DHCP6_MSG_H
#define NET_DHCP6_MSG_H

#include "net/ip.h"

#define DHCP6_MSG_MAX 64
#define DHCP6_MAX_DNS 4

struct dhcp6_answer {
    uint32_t refresh_s;   /* when to ask again; IRT_DEFAULT when nothing was said */
    uint32_t max_retry_s; /* 0: not told */
    uint8_t nr_dns, domain_len;
    struct inaddr dns[DHCP6_MAX_DNS];
    char domain[128]; /* the first of the search list */
};

/* An INFORMATION-REQUEST; xid: 24 bits. elapsed: hundredths of a second. The length. */
unsigned dhcp6_build(uint8_t m[DHCP6_MSG_MAX], uint32_t xid, const uint8_t mac[6], uint16_t elapsed);
/* False: it is no answer to us, or malformed. */
bool dhcp6_parse(const uint8_t *m, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp6_answer *a);

#endif
