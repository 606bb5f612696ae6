/* SPDX-License-Identifier: BSD-2-Clause */
/* netargs.h: a network plan (net.h) as arguments of QEMU and of the guest's kernel. */
#ifndef HOST_NETARGS_H
#define HOST_NETARGS_H

#include "host/net.h"

/*
 * pci: the machine's kind of device. standalone: a command line for a terminal (--dry-run): taps by name instead of by
 * descriptor.
 */
void netargs_vmm(const struct net *net, bool pci, bool standalone, struct strv *args);
void netargs_kernel(const struct net *net, struct strv *args);

#endif
