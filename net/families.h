/* SPDX-License-Identifier: BSD-2-Clause */
/* families.h: what families.c lists. */
#ifndef NET_FAMILIES_H
#define NET_FAMILIES_H

#include "net/socket.h"

extern const struct socket_family netlink_family;            /* net/netlink/ */
extern const struct socket_family packet_family;             /* net/packet/ */
extern const struct socket_family unix_family;               /* net/unix/ */
extern const struct socket_family vsock_family;              /* net/vsock/ */
extern const struct socket_family inet_family, inet6_family; /* net/inet.c */

#endif
