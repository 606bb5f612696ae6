/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdog.h: DEBUG builds find out who does not get on any more (watchdog.c); otherwise nothing. */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

#include "lib/types.h"

struct thread;

#if DEBUG
void watchdog_init(void); /* boot, with timers working */
/* Every thread that exists, from thread_new() to its last reference. Any context. */
void watchdog_add(struct thread *t);
void watchdog_remove(struct thread *t);
/* Backtraces of all threads that are not running, to the log; once the other CPUs have stopped. */
void watchdog_dump(void);
#else
static inline void watchdog_init(void)
{
}
static inline void watchdog_add(struct thread *t)
{
}
static inline void watchdog_remove(struct thread *t)
{
}
static inline void watchdog_dump(void)
{
}
#endif

#endif
