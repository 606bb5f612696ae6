/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a tree by deadline on each CPU. The hardware is set only to come earlier; when the earliest timer is
 * cancelled it stays set, and the interrupt finds nothing to do.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "lib/atomic.h"

static inline struct timer *of_node(struct rb_node *n)
{
    return container_of(n, struct timer, node);
}

void timer_init(struct timer *t, void (*fn)(struct timer *))
{
    t->fn = fn;
    t->armed = 0;
    t->cpu = 0;
}

void timer_program(uint64_t deadline)
{
    struct cpu *c = this_cpu();

    if (deadline < c->timer_next_ns) {
        c->timer_next_ns = deadline;
        arch_timer_set(deadline);
    }
}

static void insert(struct cpu *c, struct timer *t)
{
    struct rb_node **link = &c->timers.node, *parent = NULL;
    bool leftmost = true;

    while (*link) {
        parent = *link;
        if (t->deadline_ns < of_node(parent)->deadline_ns) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&t->node, parent, link);
    rb_insert(&c->timers, &t->node, leftmost);
    t->armed = 1;
}

/* Takes t out of its tree if it is in one, and waits until its function ends on another CPU. */
static bool disarm(struct timer *t)
{
    for (;;) {
        struct cpu *c = cpus[READ_ONCE(t->cpu)];
        unsigned long flags = spin_lock_irqsave(&c->timer_lock);
        bool armed = t->armed && cpus[t->cpu] == c;

        if (armed) {
            rb_erase(&c->timers, &t->node);
            t->armed = 0;
        }
        bool elsewhere = c->timer_running == t && c != this_cpu();

        spin_unlock_irqrestore(&c->timer_lock, flags);
        if (!elsewhere)
            return armed;
        arch_pause();
    }
}

void timer_arm(struct timer *t, uint64_t deadline)
{
    if (t->armed)
        disarm(t);
    unsigned long flags = arch_irq_save();
    struct cpu *c = this_cpu();

    spin_lock(&c->timer_lock);
    t->cpu = c->id;
    t->deadline_ns = deadline;
    insert(c, t);
    spin_unlock(&c->timer_lock);
    timer_program(deadline);
    arch_irq_restore(flags);
}

/* Without the lock: run_due() names the timer before it counts as not armed. */
bool timer_cancel(struct timer *t)
{
    if (!atomic_load_acquire(&t->armed) && likely(atomic_load(&cpus[t->cpu]->timer_running) != t))
        return false;
    return disarm(t);
}

static void run_due(struct cpu *c, uint64_t now)
{
    struct rb_node *n;

    spin_lock(&c->timer_lock);
    while ((n = rb_first(&c->timers)) && of_node(n)->deadline_ns <= now) {
        struct timer *t = of_node(n);

        rb_erase(&c->timers, n);
        atomic_store(&c->timer_running, t);
        atomic_store_release(&t->armed, 0);
        spin_unlock(&c->timer_lock);
        t->fn(t); /* may free or rearm t */
        spin_lock(&c->timer_lock);
        c->timer_running = NULL;
    }
    spin_unlock(&c->timer_lock);
}

void timer_interrupt(void)
{
    struct cpu *c = this_cpu();
    uint64_t now = arch_clock_ns();

    c->timer_next_ns = TIME_NEVER;
    if (now >= c->sample_ns)
        cputime_sample(c, now);
    run_due(c, now);
    if (now >= c->slice_end_ns)
        sched_tick(c, now);
    struct rb_node *n = rb_first(&c->timers);

    timer_program(MIN(n ? of_node(n)->deadline_ns : TIME_NEVER, MIN(c->slice_end_ns, c->sample_ns)));
}
