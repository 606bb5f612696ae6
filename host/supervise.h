/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * supervise.h: the process beside each detached VM. It holds the VM's lock, relays its output to the log, starts it again
 * by its policy, and notes how it ended. There is no daemon: when the last VM has ended, nothing of ours runs.
 */
#ifndef HOST_SUPERVISE_H
#define HOST_SUPERVISE_H

#include "host/statedir.h"

/*
 * Starts the VM of a folder (whose lock is held by `lock`, closed here) and returns once it runs: 0, or an exit status
 * after showing what was said. The network must be open; it is closed here.
 */
int supervise_start(struct service *v, const char *dir, int lock);

#endif
