/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time.h: time arguments of system calls, in nanoseconds.
 */
#ifndef LINUX_TIME_H
#define LINUX_TIME_H

#include "lib/types.h"
#include <linux/time_types.h>

struct process;

/* Two times as timer_settime(2) and setitimer(2) take them, in nanoseconds. */
struct timer_value {
    uint64_t interval, value;
};
/* A struct itimerspec. 0, -EFAULT, -EINVAL. */
int timer_value_read(const struct __kernel_itimerspec __user *u, struct timer_value *v);
int timer_value_write(struct __kernel_itimerspec __user *u, const struct timer_value *v);

/* A struct timespec from user space; saturates far in the future. 0, -EFAULT, -EINVAL. */
int time_read(const struct __kernel_timespec __user *u, uint64_t *ns);
int time_write(struct __kernel_timespec __user *u, uint64_t ns);
/* now + ns on the monotonic clock, below TIME_NEVER. */
uint64_t time_deadline(uint64_t ns);
/* Reads clock id (CLOCK_*, CPU-time clocks included). 0 or -EINVAL. */
int time_clock_read(int id, uint64_t *ns);
/* The same with the sighand lock held. */
void process_cpu_times_locked(struct process *p, uint64_t *user_ns, uint64_t *sys_ns);
/* CPU time of all the process's threads, the ended ones included. */
void process_cpu_times(struct process *p, uint64_t *user_ns, uint64_t *sys_ns);

#endif
