/* SPDX-License-Identifier: BSD-2-Clause */
#include "linux/clock_timer.h"

static struct spinlock lock = SPINLOCK_INIT(RANK_CLOCK);
static struct list timers = LIST_INIT(timers);   /* [lock] on the wall clock */
static struct list watches = LIST_INIT(watches); /* [lock] */

static void start(struct clock_timer *t)
{
    uint64_t offset = t->real ? clock_real_offset_ns() : 0;

    timer_arm(&t->timer, t->expires > offset ? MIN(t->expires - offset, TIME_NEVER - 1) : 0);
}

/* On the wall clock: it may have been set back since the timer was started, or the timer cancelled. */
static bool expired_real(struct clock_timer *t)
{
    bool due = false;

    spin_lock(&lock);
    if (!list_empty(&t->link)) {
        due = clock_real_ns() >= t->expires;
        if (due)
            list_remove(&t->link);
        else
            start(t);
    }
    spin_unlock(&lock);
    return due;
}

static void fired(struct timer *timer)
{
    struct clock_timer *t = container_of(timer, struct clock_timer, timer);

    if (!t->real || expired_real(t))
        t->fn(t);
}

void clock_timer_init(struct clock_timer *t, void (*fn)(struct clock_timer *))
{
    timer_init(&t->timer, fired);
    t->fn = fn;
    t->real = false;
    t->expires = 0;
    list_init(&t->link);
}

void clock_timer_arm(struct clock_timer *t, bool real, uint64_t expires)
{
    unsigned long flags;

    t->real = real;
    t->expires = expires;
    if (!real) {
        start(t);
        return;
    }
    flags = spin_lock_irqsave(&lock);
    list_remove(&t->link);
    list_append(&timers, &t->link);
    start(t);
    spin_unlock_irqrestore(&lock, flags);
}

void clock_timer_cancel(struct clock_timer *t)
{
    if (t->real) {
        unsigned long flags = spin_lock_irqsave(&lock);

        list_remove(&t->link);
        spin_unlock_irqrestore(&lock, flags);
    }
    timer_cancel(&t->timer);
}

void clock_watch_add(struct clock_watch *w)
{
    unsigned long flags = spin_lock_irqsave(&lock);

    list_remove(&w->link);
    list_append(&watches, &w->link);
    spin_unlock_irqrestore(&lock, flags);
}

void clock_watch_remove(struct clock_watch *w)
{
    unsigned long flags = spin_lock_irqsave(&lock);

    list_remove(&w->link);
    spin_unlock_irqrestore(&lock, flags);
}

void clock_was_set(void)
{
    unsigned long flags = spin_lock_irqsave(&lock);
    struct clock_timer *t;
    struct clock_watch *w;

    list_for_each (t, &timers, link)
        if (t->timer.armed) /* else it fires now and waits for the lock */
            start(t);
    list_for_each (w, &watches, link)
        w->fn(w);
    spin_unlock_irqrestore(&lock, flags);
}
