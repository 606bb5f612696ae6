/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contended mutexes. Bit 0 of owner is set exactly while waiters is not empty, changed under wlock; then the owner's
 * unlocking comes here, and hands the mutex to the first waiter.
 */
#include "kernel/thread.h"

#define CONTENDED ((uintptr_t)1)

struct mutex_waiter {
    struct list link;
    struct thread *thread;
    bool granted;
};

void mutex_init(struct mutex *m, enum lock_rank rank)
{
    m->owner = 0;
    spin_init(&m->wlock, RANK_WAITQ);
    list_init(&m->waiters);
#if DEBUG
    m->rank = rank;
#endif
}

/* Takes the mutex if it has become free, else marks it contended. wlock held. */
static bool take_or_mark(struct mutex *m)
{
    uintptr_t o = atomic_load(&m->owner);

    for (;;) {
        uintptr_t want = o ? o | CONTENDED : (uintptr_t)current;

        if (__atomic_compare_exchange_n(&m->owner, &o, want, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return !o;
    }
}

/* Gives up waiting; false when the mutex was granted meanwhile. */
static bool abandon(struct mutex *m, struct mutex_waiter *w)
{
    bool granted;

    spin_lock(&m->wlock);
    granted = w->granted;
    if (!granted) {
        list_remove(&w->link);
        if (list_empty(&m->waiters))
            atomic_and(&m->owner, ~CONTENDED);
    }
    spin_unlock(&m->wlock);
    return !granted;
}

static int wait_for(struct mutex *m, enum thread_state s)
{
    struct mutex_waiter w = { .thread = current };
    int err = 0;

    spin_lock(&m->wlock);
    if (take_or_mark(m)) {
        spin_unlock(&m->wlock);
        return 0;
    }
    list_append(&m->waiters, &w.link);
    spin_unlock(&m->wlock);
    while (!atomic_load_acquire(&w.granted) && !err) {
        err = wait_block(s, TIME_NEVER);
        if (err && !abandon(m, &w))
            err = 0;
    }
    /* Until the granter is done with w. */
    spin_lock(&m->wlock);
    spin_unlock(&m->wlock);
    current->woken = 1; /* see wait_finish() */
    return err;
}

void mutex_lock_slow(struct mutex *m)
{
    wait_for(m, T_BLOCKED);
}

int mutex_lock_interruptible(struct mutex *m)
{
    check_may_sleep();
    if (!atomic_cmpxchg(&m->owner, 0, (uintptr_t)current) && wait_for(m, T_SLEEPING))
        return -EINTR;
    sleep_lock_taken(m, m->rank);
    return 0;
}

void mutex_unlock_slow(struct mutex *m)
{
    struct mutex_waiter *w;

    spin_lock(&m->wlock);
    w = list_first(&m->waiters, struct mutex_waiter, link);
    if (w) {
        list_remove(&w->link);
        atomic_store_release(&m->owner, (uintptr_t)w->thread | (list_empty(&m->waiters) ? 0 : CONTENDED));
        atomic_store_release(&w->granted, true);
        thread_wake(w->thread);
    } else {
        atomic_store_release(&m->owner, 0); /* the last waiter gave up */
    }
    spin_unlock(&m->wlock);
}
