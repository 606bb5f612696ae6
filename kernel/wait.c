/* SPDX-License-Identifier: BSD-2-Clause */
/* Wait queues. */
#include "kernel/thread.h"

static inline void enqueue(struct waitq *wq, struct waiter *w)
{
    if (!w->key)
        w->key = ~0u;
    wq->keys = w->key | (list_empty(&wq->waiters) ? 0 : wq->keys);
    if (w->exclusive)
        list_append(&wq->waiters, &w->link);
    else
        list_push(&wq->waiters, &w->link);
}

void waitq_add(struct waitq *wq, struct waiter *w)
{
    unsigned long flags = spin_lock_irqsave(&wq->lock);

    enqueue(wq, w);
    spin_unlock_irqrestore(&wq->lock, flags);
    /* Whoever waits looks at the condition next: not before wakers can see the queue. */
    atomic_fence();
}

void waitq_remove(struct waitq *wq, struct waiter *w)
{
    unsigned long flags = spin_lock_irqsave(&wq->lock);

    list_remove(&w->link);
    spin_unlock_irqrestore(&wq->lock, flags);
}

void waitq_set_key(struct waitq *wq, struct waiter *w, uint32_t key)
{
    unsigned long flags = spin_lock_irqsave(&wq->lock);

    w->key = key;
    wq->keys |= key;
    spin_unlock_irqrestore(&wq->lock, flags);
}

static __noinline void wake_several(struct waitq *wq, unsigned nr, uint32_t poll_flags, uint32_t keys)
{
    struct waiter *w, *next;

    /* Exclusive ones stand behind all others. */
    list_for_each_safe (w, next, &wq->waiters, link) {
        bool exclusive = w->exclusive; /* w may be gone after func */

        if (!(keys & w->key))
            continue;
        bool took = w->func(w, poll_flags);

        if (exclusive && took && !--nr)
            break;
    }
}

void waitq_wake(struct waitq *wq, unsigned nr, uint32_t poll_flags)
{
    unsigned long flags = spin_lock_irqsave(&wq->lock);
    uint32_t keys = poll_flags ? poll_flags : ~0u;
    struct waiter *w = (struct waiter *)wq->waiters.next;

    if (unlikely(&w->link != wq->waiters.prev))
        wake_several(wq, nr, poll_flags, keys);
    else if (likely(&w->link != &wq->waiters && (keys & w->key)))
        w->func(w, poll_flags);
    spin_unlock_irqrestore(&wq->lock, flags);
}

bool waiter_wake(struct waiter *w, uint32_t flags)
{
    struct thread *t = w->thread;

    if (!thread_wake_irqs_off(t)) /* the queue's lock keeps them off */
        return false;
    list_remove(&w->link); /* saves the woken thread the queue's lock */
    return true;
}

void wait_prepare(struct waitq *wq, struct waiter *w, enum thread_state s)
{
    unsigned long flags;

    /* What woke the thread before is seen by the coming test. */
    current->woken = 0;
    flags = spin_lock_irqsave(&wq->lock);
    /* With the lock: who woke us on another CPU may be about to take it off the queue. */
    if (list_empty(&w->link))
        enqueue(wq, w);
    spin_unlock_irqrestore(&wq->lock, flags);
    atomic_fence(); /* as in waitq_add() */
}

void wait_finish(struct waitq *wq, struct waiter *w)
{
    /* Both links, since the waker on another CPU writes them one after the other. */
    if (atomic_load(&w->link.next) != &w->link || atomic_load_acquire(&w->link.prev) != &w->link)
        waitq_remove(wq, w);
    /* A wait around this one, whose condition slept here, may have lost its wake-up to us: let it look again. */
    current->woken = 1;
}
