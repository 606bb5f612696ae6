/* SPDX-License-Identifier: BSD-2-Clause */
/* diag_bc.h: the programs by which the socket monitor chooses sockets (INET_DIAG_REQ_BYTECODE). */
#ifndef NET_NETLINK_DIAG_BC_H
#define NET_NETLINK_DIAG_BC_H

#include "net/tcp/tcp.h"

/* Is it one that ends, and stays inside itself? */
bool diag_bc_check(const void *code, unsigned len);
/* Is it a socket that a checked program wants? */
bool diag_bc_run(const void *code, unsigned len, const struct tcp_row *r);

#endif
