/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softirq.h: what interrupt handlers leave for later, on the same CPU.
 *
 * A softirq runs where a thread stands between two things: on the way back to user mode, when it is about to give up
 * the CPU, in cond_resched(), and in the idle loop; with interrupts on, on that thread's stack. The kernel is not
 * preempted, so a softirq never comes upon a half-done change of what only threads touch: plain spin_lock() and the
 * per-CPU lists of slabs and pages are good in it. It must not sleep.
 */
#ifndef KERNEL_SOFTIRQ_H
#define KERNEL_SOFTIRQ_H

#include "kernel/cpu.h"

enum softirq { SOFTIRQ_NET_RX, SOFTIRQ_NET_TX, SOFTIRQ_NET_TIMER, SOFTIRQ_VSOCK, SOFTIRQS };

/* Names the function, once, at start-up, before the softirq is first raised. */
void softirq_register(enum softirq nr, void (*fn)(void));
/* Makes the function run on this CPU soon. Any context. */
void softirq_raise(enum softirq nr);
/* Runs what was raised, in enum order. Threads that hold no spin lock. */
void softirq_run(void);

static inline bool softirq_pending(const struct cpu *c)
{
    return READ_ONCE(c->softirqs) != 0;
}

#endif
