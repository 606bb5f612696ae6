/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smp.h: several CPUs: their start, and what one asks of others.
 *
 * Sets of CPUs are bit masks, bit n for cpus[n].
 */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include "kernel/cpu.h"
#include "lib/atomic.h"

struct mm;

extern uint64_t cpus_online; /* those that run threads [a] */

static inline uint64_t cpu_bit(unsigned cpu)
{
    return 1ull << cpu;
}
/* Of the machine, also when some are still coming up. */
static inline uint64_t cpus_all(void)
{
    return nr_cpus >= 64 ? ~0ull : (1ull << nr_cpus) - 1;
}

/* The boot CPU, with memory, interrupts and the clock working: makes what the other CPUs need and lets them come up
 * beside it. One that lacks memory stays off. */
void smp_init(void);
/* A CPU's first call in C, with its own structure reachable and interrupts off. */
void smp_cpu_main(void) __noreturn;

/* Calls fn(arg) on each CPU of mask but the calling one, in interrupt context, and returns when all have done so.
 * From threads only (which are not preempted, so that each CPU has one request at a time); interrupts may be off. */
void smp_call(uint64_t mask, void (*fn)(void *), void *arg);
/* Answers what other CPUs asked for. Interrupts off. */
void smp_call_answer(struct cpu *c);
static inline void smp_call_poll(struct cpu *c)
{
    if (unlikely(atomic_load(&c->call_from)))
        smp_call_answer(c);
}
/* A full memory barrier on every CPU that runs a thread of mm, membarrier(2)'s. */
void smp_barrier_mm(struct mm *mm);

#endif
