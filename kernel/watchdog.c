/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c: in DEBUG builds, who does not get on any more: a CPU that has not switched threads although others wait for
 * it, a program's thread that waits uninterruptibly. After watchdog=SECONDS (30; 0: never) of that the kernel panics with
 * the backtraces of all CPUs and threads.
 */
#include "kernel/watchdog.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/smp.h"
#include "kernel/thread.h"

#if DEBUG

static struct spinlock lock = SPINLOCK_INIT(RANK_WATCHDOG);
static struct list threads = LIST_INIT(threads); /* [lock] */
static struct timer timer;
static uint64_t limit_ns;
static struct {
    uint64_t switches, since_ns;
} seen[MAX_CPUS];

void watchdog_add(struct thread *t)
{
    unsigned long flags = spin_lock_irqsave(&lock);

    list_append(&threads, &t->all_link);
    spin_unlock_irqrestore(&lock, flags);
}

void watchdog_remove(struct thread *t)
{
    unsigned long flags = spin_lock_irqsave(&lock);

    list_remove(&t->all_link);
    spin_unlock_irqrestore(&lock, flags);
}

/* The other CPUs have stopped: nothing changes any more. */
void watchdog_dump(void)
{
    static const char *const states[] = { "runnable", "sleeping", "blocked", "stopped",
                                          "dead",     "parking",  "parked" };
    struct thread *t;

    list_for_each (t, &threads, all_link) {
        if (cpus[t->cpu]->curr == t)
            continue;
        log_line(LOG_EMERG, "thread %d (%s), cpu %u, %s", t->tid, t->name, t->cpu, states[t->state]);
        arch_dump_thread(t);
    }
}

static bool cpu_stuck(struct cpu *c, uint64_t now)
{
    if (READ_ONCE(c->nr_switches) != seen[c->id].switches || !READ_ONCE(c->rq.nr)) {
        seen[c->id].switches = c->nr_switches;
        seen[c->id].since_ns = now;
    }
    return now - seen[c->id].since_ns > limit_ns;
}

/* On other CPUs threads go on: one may have begun to wait after now. */
static struct thread *find_blocked(uint64_t now)
{
    struct thread *t;

    list_for_each (t, &threads, all_link)
        if (t->mm && READ_ONCE(t->state) == T_BLOCKED && t->waits_since_ns && now > t->waits_since_ns &&
            now - t->waits_since_ns > limit_ns)
            return t;
    return NULL;
}

static void look(struct timer *t)
{
    uint64_t now = clock_mono_ns();

    for (unsigned i = 0; i < nr_cpus; i++)
        if (cpus[i]->online && cpu_stuck(cpus[i], now))
            panic_all("watchdog: CPU %u does not let others run", i);
    unsigned long flags = spin_lock_irqsave(&lock);
    struct thread *blocked = find_blocked(now);

    spin_unlock_irqrestore(&lock, flags);
    if (blocked)
        panic_all("watchdog: thread %d (%s) waits and nobody wakes it", blocked->tid, blocked->name);
    timer_arm(t, now + limit_ns / 4);
}

void watchdog_init(void)
{
    limit_ns = boot_arg_u64("watchdog", 30) * NSEC_PER_SEC;
    timer_init(&timer, look);
    if (limit_ns)
        timer_arm(&timer, clock_mono_ns() + limit_ns / 4);
}

#endif
