/* SPDX-License-Identifier: BSD-2-Clause */
/* idle.c: what a CPU does that has nothing to run: takes work from others, looks for it a little while, halts. */
#include "kernel/idle.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/smp.h"
#include "kernel/softirq.h"
#include "kernel/thread.h"

#define POLL_MAX_NS   (100 * NSEC_PER_US)
#define POLL_FIRST_NS (10 * NSEC_PER_US)
#define SHORT_IDLE_NS (200 * NSEC_PER_US) /* after which it would have paid to look a little longer */

/* A wake-up by another CPU often follows soon: leaving a halt costs more than a short look. When all the others are
 * idle too, only a device or a timer can wake one of them; an emulator's devices need the processor that would look. */
static bool poll_for_work(struct cpu *c)
{
    uint64_t end;

    if (!c->poll_ns)
        return false;
    if (arch_is_emulated && (atomic_load(&idle_cpus) | cpu_bit(c->id)) == atomic_load(&cpus_online))
        return false;
    end = arch_clock_ns() + c->poll_ns;
    do {
        if (READ_ONCE(c->rq.nr) || READ_ONCE(c->idle->work))
            return true;
        arch_pause();
    } while (arch_clock_ns() < end);
    return false;
}

static void halt(struct cpu *c)
{
    uint64_t start = arch_clock_ns();

    arch_irq_disable();
    __atomic_store_n(&c->idling, 1, __ATOMIC_SEQ_CST);
    if (!READ_ONCE(c->rq.nr) && !READ_ONCE(c->call_from) && !softirq_pending(c) && !rcu_can_run(c))
        arch_halt();
    else
        arch_irq_enable();
    /* Reading what RCU guards begins after this. */
    __atomic_store_n(&c->idling, 0, __ATOMIC_SEQ_CST);
    if (arch_is_emulated && nr_cpus == 1)
        return;
    if (arch_clock_ns() - start > SHORT_IDLE_NS)
        c->poll_ns = c->poll_ns > POLL_FIRST_NS ? c->poll_ns / 2 : 0;
    else
        c->poll_ns = MIN(MAX(c->poll_ns * 2, POLL_FIRST_NS), POLL_MAX_NS);
}

/* Nothing to run here. */
static void idle(struct cpu *c)
{
    if (unlikely(nr_cpus > 1)) {
        if (sched_steal(c))
            return;
        atomic_or(&idle_cpus, cpu_bit(c->id));
    }
    if (!poll_for_work(c)) {
        rcu_quiescent(c);
        halt(c);
    }
    if (unlikely(nr_cpus > 1))
        atomic_and(&idle_cpus, ~cpu_bit(c->id));
}

void sched_idle(void)
{
    struct cpu *c = this_cpu();

    for (;;) {
        if (!READ_ONCE(c->rq.nr))
            idle(c);
        if (c->sample_ns == TIME_NEVER && READ_ONCE(c->rq.nr))
            cputime_begin(c);
        schedule();
    }
}
