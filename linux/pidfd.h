/* SPDX-License-Identifier: BSD-2-Clause */
/* pidfd.h: descriptors of processes: pidfd_open(2). */
#ifndef LINUX_PIDFD_H
#define LINUX_PIDFD_H

#include "linux/process.h"

/* A descriptor of p; flags: O_CLOEXEC, O_NONBLOCK. The descriptor, or -errno. */
int pidfd_new(struct process *p, int flags);
/* The number of the process that fd stands for, or -EBADF. *nonblock: it was opened so. */
int pidfd_pid(int fd, bool *nonblock);

#endif
