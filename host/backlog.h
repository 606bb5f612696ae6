/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backlog.h: how many clients may wait at the ports that lead to a guest.
 *
 * QEMU's user-mode network listens with a backlog of one. Of several clients that come at once the host's kernel then drops
 * some whose own end takes the connection for made: where the server speaks first, they wait for ever.
 */
#ifndef HOST_BACKLOG_H
#define HOST_BACKLOG_H

#include "host/ports.h"
#include <sys/types.h>

/* TCP ports among them. */
unsigned backlog_ports(const struct ports *ports);

/* Gives the VMM's sockets that listen at these ports the backlog a server has. How many there were: at its start it has none
 * yet. They are its own, taken by pidfd_getfd(2); where the host does not allow that, they stay as they are. */
unsigned backlog_widen(pid_t vmm, int pidfd, const struct ports *ports);

#endif
