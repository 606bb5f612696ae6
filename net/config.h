/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h: the configuration that the kernel's command line names: ip= as Linux documents it (nfsroot.rst), ip6=.
 *
 * Fixed addresses are set up when the network starts, which is when a program first wants it. DHCP begins at boot and runs
 * beside it; the first socket waits for it, for a while.
 */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include "net/netif.h"

/* At boot, threads may run: begins DHCP where it is asked for. Costs nothing without. */
void net_boot(void);
/* net_start() without waiting. Never sleeps. */
void net_begin(void);
/* net_begin(): sets up what the command line says. */
void net_config_apply(void);
/* Waits until DHCP has an answer, or long enough. Sleeps. */
void net_config_wait(void);

/* dhcp.c: obtains an address for the device and keeps it. name: this machine's, for the server; what is no host name is not
 * sent. */
void dhcp_start(struct netdev *d, const char *name);
/* The first answer came, or the device has been given up for now. */
bool dhcp_settled(void);
extern struct waitq dhcp_wait; /* woken when dhcp_settled() may have become true */
/* A datagram to port 68 that no socket took; data is at the UDP header, linear, the checksum is right. p stays the caller's.
 * NULL: nobody asked for an address. */
extern void (*dhcp_input)(struct pktbuf *p, const struct ip_rx *r);

/* dhcp6.c: asks for name servers on the device, from now on; does nothing when it does so already. The same for port 546. */
void dhcp6_start(struct netdev *d);
extern void (*dhcp6_input)(struct pktbuf *p, const struct ip_rx *r);

#endif
