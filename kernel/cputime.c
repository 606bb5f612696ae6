/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cputime.c: how much of a thread's CPU time was user mode's. The sum is exact, measured at each switch; the division is
 * sampled, so that neither system calls nor switches pay for it: every SAMPLE_NS while a CPU runs threads, what the thread there
 * has used since it was sampled last becomes user or system time by what the interrupt interrupted. Whoever asks
 * divides the rest by the last sample, so that neither part ever shrinks. A thread that was never sampled counts as user time.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/idle.h"
#include "kernel/runq.h"

#define SAMPLE_NS (10 * NSEC_PER_MS)
#define FIRST_NS  (100 * NSEC_PER_MS) /* after the start of the machine: not what only boots and ends */

/* Its run queue is locked, and it has been charged. */
static void divide(struct thread *t)
{
    if (t->in_system)
        t->stime_ns += t->runtime_ns - t->divided_ns;
    t->divided_ns = t->runtime_ns;
}

void cputime_begin(struct cpu *c)
{
    unsigned long flags = arch_irq_save();

    c->sample_ns = MAX(arch_clock_ns() + SAMPLE_NS, FIRST_NS);
    timer_program(c->sample_ns);
    arch_irq_restore(flags);
}

void cputime_sample(struct cpu *c, uint64_t now)
{
    struct thread *t;

    spin_lock(&c->rq.lock);
    t = c->curr;
    c->sample_ns = t == c->idle ? TIME_NEVER : now + SAMPLE_NS;
    charge(c, now);
    t->in_system = !c->irq_from_user;
    divide(t);
    spin_unlock(&c->rq.lock);
}

void thread_times(struct thread *t, uint64_t *utime, uint64_t *stime)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);

    if (c->curr == t)
        charge(c, arch_clock_ns());
    divide(t);
    *stime = t->stime_ns;
    *utime = t->runtime_ns - t->stime_ns;
    spin_unlock_irqrestore(&c->rq.lock, flags);
}
