/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * itimer.h: a process's interval timers and POSIX timers.
 *
 * What expires is guarded by the sighand lock, since signals are sent and taken under it: a timer with an interval
 * starts again when its signal is taken, so that a blocked one costs nothing.
 */
#ifndef LINUX_ITIMER_H
#define LINUX_ITIMER_H

#include "linux/signal.h"

struct process;

/* Disarms and frees the process's interval and POSIX timers. Sleeps. */
void itimer_exit_process(struct process *p);
void itimer_exec(struct process *p); /* POSIX timers do not survive exec; interval timers do */
void posix_timers_drop(struct process *p);
/* SIGALRM was taken from the process's queue; sighand lock held. */
void itimer_alarm_taken(struct process *p);
/* The signal of a timer leaves the queue: fills in how often the timer expired meanwhile. sighand lock held. */
void posix_timer_taken(struct process *p, siginfo_t *info);
/* RLIMIT_CPU changed; p->lock held. Sleeps. 0 or -ENOMEM. */
int itimer_cpu_limit(struct process *p);

#endif
