/* SPDX-License-Identifier: BSD-2-Clause */
/* sockopt.h: Linux's own <linux/tcp.h> (struct tcp_info, TCP_* options) beside our names. */
#ifndef NET_TCP_SOCKOPT_H
#define NET_TCP_SOCKOPT_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>

struct tcp_sock;
void tcp_get_info(struct tcp_sock *t, struct tcp_info *i);

#endif
