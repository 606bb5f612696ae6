/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver.h: the name servers that ip=, DHCP and routers told, for /proc/net/pnp, which /etc/resolv.conf leads to. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/ip.h"

#define RESOLVER_MAX 4

void resolver_add(const struct inaddr *a); /* once each, up to RESOLVER_MAX */
void resolver_set_domain(const char *name, size_t len);
size_t resolver_show(char *buf, size_t size); /* the lines of resolv.conf; as snprintf */
/* The textual form; returns the length. At least 46 bytes. */
size_t inaddr_format(char *buf, size_t size, const struct inaddr *a);

#endif
