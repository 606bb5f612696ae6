/* SPDX-License-Identifier: BSD-2-Clause */
/* guestfs.h: what every guest's root needs besides the program: mount points and a minimal /etc. */
#ifndef HOST_GUESTFS_H
#define HOST_GUESTFS_H

#include "host/closure.h"

/* Adds what is absent. Call it when all else is in the manifest. c may be NULL (no program of the host). */
void guestfs_complete(struct manifest *m, const struct closure *c);

#endif
