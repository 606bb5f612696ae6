/* SPDX-License-Identifier: BSD-2-Clause */
/* diag.h: what the parts of the socket monitor share. A socket's cookie is its inode's number. */
#ifndef NET_NETLINK_DIAG_H
#define NET_NETLINK_DIAG_H

#include "abi/errno.h"
#include "net/netlink/netlink.h"
#include <linux/sock_diag.h>

/* The answers of a family; to NULL: only whether the request is one. 0 or -errno. */
int diag_inet(struct nl_answer *a, const struct nlmsghdr *n);
int diag_unix(struct nl_answer *a, const struct nlmsghdr *n);

void diag_cookie(uint32_t cookie[2], uint64_t ino);
bool diag_cookie_ok(const uint32_t cookie[2], uint64_t ino); /* the one asked for, or any */

#endif
