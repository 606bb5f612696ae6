/* SPDX-License-Identifier: BSD-2-Clause */
/* udp_send.h: between udp.c and udp_send.c. */
#ifndef NET_UDP_SEND_H
#define NET_UDP_SEND_H

#include "net/udp.h"

ssize_t udp_sendmsg(struct socket *s, struct socket_msg *m);
/* [w] held. */
int udp_autobind(struct dgram *d);
int udp_push_corked(struct dgram *d);

#endif
