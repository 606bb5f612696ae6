/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kstack.h: the kernel stacks of threads: at addresses of their own with an unmapped page below, so that an overflow faults
 * instead of corrupting.
 *
 * Where there are many threads most sleep, and for long. A thread that does is parked: the pages of its stack that lie wholly
 * below its stack pointer are given back, and its next wake-up brings others. Nobody else has anything below that.
 */
#ifndef KERNEL_KSTACK_H
#define KERNEL_KSTACK_H

#include "lib/types.h"

struct thread;
struct page;

/* A new thread's stack. False: no memory. Sleeps. */
bool kstack_alloc(struct thread *t);
/* With the last reference to a thread that has ended or never ran. Threads. */
void kstack_free(struct thread *t);
/* Makes a parked thread's stack whole, from pages (linked through link.next; enough) or, NULL, newly allocated ones. False:
 * there are none. Any context; the thread's run queue may be locked. */
bool kstack_fill(struct thread *t, struct page *pages);
/* t was woken and kstack_fill() failed: it is made to run once there is memory. Interrupts off. */
void kstack_want(struct thread *t);
/* Memory is short: parks what sleeps, however briefly it has. The number of pages given back. Threads without spin locks. */
size_t kstack_reclaim(void);

#endif
