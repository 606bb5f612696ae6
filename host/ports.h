/* SPDX-License-Identifier: BSD-2-Clause */
/* ports.h: ports of the host that lead to ports of the guest (-p), as docker writes them. */
#ifndef HOST_PORTS_H
#define HOST_PORTS_H

#include "host/mem.h"
#include <netinet/in.h>
#include <stdbool.h>

struct port {
    struct in_addr addr;
    uint16_t host, last; /* host 0: any free one; last > host: any free one of the range */
    uint16_t guest;
    bool udp;
    int held; /* a socket that keeps the port ours until the VMM has it, or -1 */
};

struct ports {
    struct port *v;
    size_t n;
};

/* "[ADDR:][HOST[-LAST]:]GUEST[-LAST][/tcp|/udp]". 0, or -1 after a message. */
int ports_parse(struct ports *p, const char *spec);

/* Chooses the free ones and checks that all can be had. 0, or -1 after a message that names the port. */
int ports_reserve(struct ports *p);
void ports_release(struct ports *p);
void ports_free(struct ports *p);

/* "127.0.0.1:8080" into buf of at least 24 bytes; returns it. */
const char *port_host_text(const struct port *p, char *buf);

#endif
