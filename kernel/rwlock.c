/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contended reader/writer locks. RW_WAITERS is set exactly while waiters is not empty, changed under wlock; it keeps
 * newcomers from taking the lock, and makes the last holder come here.
 */
#include "kernel/thread.h"

struct rw_waiter {
    struct list link;
    struct thread *thread;
    bool write;
    bool granted; /* [a] */
    bool asleep;  /* must be woken [a] */
};

void rw_init(struct rwlock *l, enum lock_rank rank)
{
    l->state = 0;
    spin_init(&l->wlock, RANK_WAITQ);
    list_init(&l->waiters);
#if DEBUG
    l->rank = rank;
#endif
}

/* Takes the lock if it may be had, else marks it. wlock held. */
static bool take_or_mark(struct rwlock *l, bool write)
{
    uint32_t s = atomic_load(&l->state);

    for (;;) {
        bool free = !(s & RW_WAITERS) && (write ? !s : !(s & RW_WRITER));
        uint32_t want = !free ? s | RW_WAITERS : write ? RW_WRITER : s + 1;

        if (__atomic_compare_exchange_n(&l->state, &s, want, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return free;
    }
}

/* Most holders are about to let go: to sleep and to be woken takes longer than this, twice. */
#define SPINS 256

/* Nothing that this CPU has to do waits for the spinning to end. */
static bool may_spin(void)
{
    return !(READ_ONCE(current->work) & (WORK_RESCHED | WORK_SOFTIRQ));
}

/* Before one queues, while nobody does. */
static bool spin_for(struct rwlock *l, bool write)
{
    for (unsigned n = SPINS; n && may_spin() && !(atomic_load(&l->state) & RW_WAITERS); n--) {
        if (write ? rw_try_write_lock(l) : rw_try_read_lock(l))
            return true;
        arch_pause();
    }
    return false;
}

/* In the queue: nobody overtakes, and the lock is handed to a running thread, which need not be woken. */
static void wait_granted(struct rw_waiter *w)
{
    for (unsigned n = nr_cpus > 1 ? SPINS : 0; n && may_spin() && !atomic_load_acquire(&w->granted); n--)
        arch_pause();
    __atomic_store_n(&w->asleep, true, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&w->granted, __ATOMIC_SEQ_CST))
        wait_block(T_BLOCKED, TIME_NEVER);
}

/* wlock held: w stays until it is given back. */
static void grant(struct rw_waiter *w)
{
    __atomic_store_n(&w->granted, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&w->asleep, __ATOMIC_SEQ_CST))
        thread_wake(w->thread);
}

void rw_lock_slow(struct rwlock *l, bool write)
{
    struct rw_waiter w = { .thread = current, .write = write };

    if (nr_cpus > 1 && spin_for(l, write))
        return;
    spin_lock(&l->wlock);
    if (take_or_mark(l, write)) {
        spin_unlock(&l->wlock);
        sleep_lock_taken(l, l->rank);
        return;
    }
    list_append(&l->waiters, &w.link);
    spin_unlock(&l->wlock);
    wait_granted(&w);
    /* Until the granter is done with w. */
    spin_lock(&l->wlock);
    spin_unlock(&l->wlock);
    current->woken = 1; /* see wait_finish() */
    sleep_lock_taken(l, l->rank);
}

/* The first nr waiters get the lock, which is held as state says from now on. wlock held. */
static void grant_first(struct rwlock *l, unsigned nr, uint32_t state)
{
    struct list *at = l->waiters.next;

    for (unsigned n = nr; n; n--)
        at = at->next;
    atomic_store_release(&l->state, state | (at == &l->waiters ? 0 : RW_WAITERS));
    for (; nr; nr--) {
        struct rw_waiter *w = list_first(&l->waiters, struct rw_waiter, link);

        list_remove(&w->link);
        grant(w);
    }
}

/* Readers that wait before the first writer. wlock held. */
static unsigned readers_first(struct rwlock *l)
{
    struct rw_waiter *w;
    unsigned n = 0;

    list_for_each (w, &l->waiters, link) {
        if (w->write)
            break;
        n++;
    }
    return n;
}

/* The lock has no holder, and waiters: it goes to the first, and with a reader to the readers right behind it. */
void rw_unlock_slow(struct rwlock *l)
{
    unsigned readers;

    spin_lock(&l->wlock);
    if (atomic_load(&l->state) == RW_WAITERS) {
        readers = readers_first(l);
        grant_first(l, readers ? readers : 1, readers ? readers : RW_WRITER);
    }
    spin_unlock(&l->wlock);
}

void rw_downgrade_slow(struct rwlock *l)
{
    unsigned readers;

    spin_lock(&l->wlock);
    readers = readers_first(l);
    grant_first(l, readers, 1 + readers);
    spin_unlock(&l->wlock);
}
