/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smp.c: calls between CPUs. A CPU that asks puts its request into its own structure and a bit into that of each CPU
 * asked; only the first bit needs an interrupt. Whoever waits answers others meanwhile, so that two CPUs that ask each
 * other with interrupts off both get on.
 */
#include "kernel/smp.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/mm.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/string.h"

uint64_t cpus_online = 1;

void smp_call_answer(struct cpu *c)
{
    uint64_t from = __atomic_exchange_n(&c->call_from, 0, __ATOMIC_SEQ_CST);

    for (; from; from &= from - 1) {
        struct smp_call *q = &cpus[__builtin_ctzll(from)]->call;

        q->fn(q->arg);
        __atomic_and_fetch(&q->pending, ~cpu_bit(c->id), __ATOMIC_RELEASE);
    }
}

void smp_call(uint64_t mask, void (*fn)(void *), void *arg)
{
    struct cpu *me = this_cpu();
    struct smp_call *q = &me->call;

    mask &= atomic_load(&cpus_online) & ~cpu_bit(me->id);
    if (!mask)
        return;
    ASSERT(!me->in_irq && !q->pending);
    q->fn = fn;
    q->arg = arg;
    atomic_store_release(&q->pending, mask);
    for (uint64_t left = mask; left; left &= left - 1) {
        unsigned cpu = __builtin_ctzll(left);

        if (!__atomic_fetch_or(&cpus[cpu]->call_from, cpu_bit(me->id), __ATOMIC_SEQ_CST))
            arch_kick_cpu(cpu);
    }
    while (atomic_load_acquire(&q->pending)) {
        unsigned long flags = arch_irq_save();

        smp_call_poll(me);
        arch_irq_restore(flags);
        arch_pause();
    }
}

static void barrier_here(void *unused)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A CPU that takes up a thread of mm later passes a barrier by the locks on its way. */
void smp_barrier_mm(struct mm *mm)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (nr_cpus > 1)
        smp_call(arch_mm_cpus(mm), barrier_here, NULL);
}

/* ---- start ---- */

static struct cpu *cpu_new(unsigned id)
{
    struct cpu *c = kzalloc(sizeof(*c));
    struct thread *t = c ? thread_new("idle") : NULL;

    if (!t || arch_cpu_prepare(c, t)) {
        if (t)
            thread_put(t);
        kfree(c);
        return NULL;
    }
    c->id = t->cpu = id;
    sched_init_cpu(c, t);
    return c;
}

#define START_AGAIN_NS (10 * NSEC_PER_MS)
#define START_LAST_NS  (1000 * NSEC_PER_MS)

static struct timer start_timer;

/* Some hardware wants the second start-up message of SDM vol. 3A §9.4.4. */
static void start_over(struct timer *t)
{
    static bool again;
    uint64_t missing = cpus_all() & ~atomic_load(&cpus_online);

    if (!missing)
        return;
    if (!again) {
        again = true;
        arch_cpus_start_again();
        timer_arm(t, clock_mono_ns() + START_LAST_NS);
        return;
    }
    log_warn("%u of %u CPUs did not start", __builtin_popcountll(missing), nr_cpus);
    arch_cpus_settle();
}

void smp_init(void)
{
    unsigned nr = MIN(arch_cpus_find(), (unsigned)MAX_CPUS);

    while (nr_cpus < nr) {
        struct cpu *c = cpu_new(nr_cpus);

        if (!c) {
            log_warn("out of memory for CPU %u", nr_cpus);
            break;
        }
        cpus[nr_cpus] = c;
        atomic_store_release(&nr_cpus, nr_cpus + 1);
    }
    if (nr_cpus == 1)
        return;
    arch_cpus_start();
    timer_init(&start_timer, start_over);
    timer_arm(&start_timer, clock_mono_ns() + START_AGAIN_NS);
}

void smp_cpu_main(void)
{
    struct cpu *c = this_cpu();

    c->online = 1;
    if ((atomic_or(&cpus_online, cpu_bit(c->id)) | cpu_bit(c->id)) == cpus_all())
        arch_cpus_settle();
    arch_irq_enable();
    sched_idle();
}
