/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * select.h: the timeouts of select(2) and ppoll(2), which give back what is left.
 */
#ifndef LINUX_SELECT_H
#define LINUX_SELECT_H

#include "lib/types.h"
#include <linux/time_types.h>

/* The deadline for a relative time: TIME_NEVER without one, 0 for no waiting. 0, -EFAULT, -EINVAL. */
int timeout_read(const struct __kernel_timespec __user *u, uint64_t *deadline);
/* Writes the time left and returns n; a call that cannot be told what is left is not restarted: -EINTR. */
long timeout_write(struct __kernel_timespec __user *u, uint64_t deadline, long n);

#endif
