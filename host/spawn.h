/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn.h: running another program to its end. */
#ifndef HOST_SPAWN_H
#define HOST_SPAWN_H

#include "host/mem.h"

/*
 * Runs args[0] (looked up in PATH, and in the folders of system programs) with no input, waits, and returns its
 * exit status: 127 if there is no such program, 128+signal if it was killed. *err receives what it printed.
 */
int spawn_wait(char *const args[], struct buf *err);

#endif
