/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.h: tap interfaces, opened here rather than by the VMM, so that what is wrong is said clearly and the VMM needs no
 * rights.
 */
#ifndef HOST_TAP_H
#define HOST_TAP_H

#include "host/net.h"

/* Opens the queues of a NIC_TAP or NIC_BRIDGE; nr_queues becomes what could be had. 0, or -1 after a message. */
int tap_open(struct nic *nic, bool vhost);
void tap_close(struct nic *nic);

#endif
