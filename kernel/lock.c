/* SPDX-License-Identifier: BSD-2-Clause */
/* Spin locks' slow path, and the checks of DEBUG builds. */
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/thread.h"

#if !DEBUG
void spin_lock_slow(struct spinlock *l)
{
    do {
        while (atomic_load(&l->v))
            arch_pause();
    } while (atomic_xchg(&l->v, 1));
}
#else

/* Locks of one rank that may be held together, the lower address first (or as the enum says). */
static bool rank_repeats(unsigned rank, const void *held, const void *taken)
{
    switch (rank) {
    case RANK_FUTEX:
    case RANK_RUNQ:
    case RANK_FILE_POS:
    case RANK_FILE:
    case RANK_UNIX:
        return held < taken;
    case RANK_URING: /* the last reference to another goes: nobody else has that one */
    case RANK_INODE:
    case RANK_INODE_CHILD:
    case RANK_EPOLL:
    case RANK_WAITQ_OUTER:
        return true;
    }
    return false;
}

static void check_order(const void *held, unsigned held_rank, const void *taken, unsigned rank,
                        const char *name)
{
    if (held == taken)
        panic("lock %p (%s, rank %u) taken twice", taken, name, rank);
    if (held_rank > rank || (held_rank == rank && !rank_repeats(rank, held, taken)))
        panic("lock %p (%s, rank %u) taken while holding %p of rank %u", taken, name, rank, held, held_rank);
}

/* What the interrupted code holds is no matter of a handler's order: handlers take none of it, or would hang. */
static void note_held(struct spinlock *l)
{
    struct cpu *c = this_cpu();

    for (unsigned i = 0; i < c->locks_held; i++)
        if (c->held_depth[i] == c->in_irq)
            check_order(c->held[i], c->held[i]->rank, l, l->rank, l->name ? l->name : "?");
    BUG_ON(c->locks_held == ARRAY_SIZE(c->held));
    c->held_depth[c->locks_held] = c->in_irq;
    c->held[c->locks_held++] = l;
    l->cpu = c->id + 1;
}

#define STUCK_NS (30 * NSEC_PER_SEC)

/* Nobody holds a spin lock that long. */
static void wait_for_holder(const struct spinlock *l)
{
    uint64_t since = arch_clock_ns();

    while (atomic_load(&l->v)) {
        if (arch_clock_ns() - since > STUCK_NS)
            panic_all("lock %p (%s) is held by CPU %u for ever", l, l->name ? l->name : "?", l->cpu - 1);
        arch_pause();
    }
}

/* An interrupt between an acquisition and its note may take locks itself, but gives them back before it ends. None is
 * kept out while waiting, unless by the caller: who has the lock may wait for this CPU to answer a call. */
void spin_lock(struct spinlock *l)
{
    unsigned long flags = arch_irq_save();

    if (l->v && l->cpu == this_cpu()->id + 1)
        panic("lock %p (%s) taken twice", l, l->name ? l->name : "?");
    while (atomic_xchg(&l->v, 1)) {
        arch_irq_restore(flags);
        wait_for_holder(l);
        arch_irq_disable();
    }
    note_held(l);
    arch_irq_restore(flags);
}

bool spin_trylock(struct spinlock *l)
{
    unsigned long flags = arch_irq_save();
    bool got = !atomic_xchg(&l->v, 1);

    if (got)
        note_held(l);
    arch_irq_restore(flags);
    return got;
}

void spin_unlock(struct spinlock *l)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = this_cpu();
    unsigned i = c->locks_held;

    while (i && c->held[i - 1] != l)
        i--;
    if (!i)
        panic("lock %p (%s) released by who does not hold it", l, l->name ? l->name : "?");
    for (c->locks_held--; i <= c->locks_held; i++) {
        c->held[i - 1] = c->held[i];
        c->held_depth[i - 1] = c->held_depth[i];
    }
    l->cpu = 0;
    atomic_store_release(&l->v, 0);
    arch_irq_restore(flags);
}

bool spin_held(struct spinlock *l)
{
    return l->v && l->cpu == this_cpu()->id + 1;
}

void check_may_sleep(void)
{
    struct cpu *c = this_cpu();

    if (c->locks_held)
        panic("sleeping while holding %s", c->held[c->locks_held - 1]->name);
    if (c->in_irq)
        panic("sleeping in an interrupt handler");
    if (c->in_softirq)
        panic("sleeping in a softirq");
}

void sleep_lock_taken(void *lock, enum lock_rank rank)
{
    struct thread *t = current;

    for (unsigned i = 0; i < t->nr_sleep_locks; i++)
        check_order(t->sleep_locks[i].lock, t->sleep_locks[i].rank, lock, rank, "sleeping lock");
    BUG_ON(t->nr_sleep_locks == ARRAY_SIZE(t->sleep_locks));
    t->sleep_locks[t->nr_sleep_locks].lock = lock;
    t->sleep_locks[t->nr_sleep_locks++].rank = rank;
}

void sleep_lock_released(void *lock)
{
    struct thread *t = current;
    unsigned i = t->nr_sleep_locks;

    while (i && t->sleep_locks[i - 1].lock != lock)
        i--;
    if (!i)
        panic("sleeping lock %p released by who does not hold it", lock);
    for (t->nr_sleep_locks--; i <= t->nr_sleep_locks; i++)
        t->sleep_locks[i - 1] = t->sleep_locks[i];
}

bool sleep_lock_held(void *lock)
{
    struct thread *t = current;

    for (unsigned i = 0; i < t->nr_sleep_locks; i++)
        if (t->sleep_locks[i].lock == lock)
            return true;
    return false;
}
#endif
