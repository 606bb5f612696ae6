/* SPDX-License-Identifier: BSD-2-Clause */
/* timer.c: a kernel timer's interrupt puts the net_timer on its CPU's list, the softirq works the list off. */
#include "net/timer.h"
#include "kernel/cpu.h"
#include "kernel/softirq.h"
#include "net/timer_softirq.h"

struct expired {
    struct spinlock lock;
    struct net_timer *first, **end; /* [lock] end: valid unless it is empty */
    struct net_timer *running;      /* [lock] */
};
static struct expired lists[MAX_CPUS] = { [0 ... MAX_CPUS - 1] = { .lock =
                                                                       SPINLOCK_INIT(RANK_DRIVER_QUEUE) } };

static void expire(struct timer *timer)
{
    struct net_timer *t = container_of(timer, struct net_timer, timer);
    struct expired *x = &lists[this_cpu()->id];

    spin_lock(&x->lock);
    if (!t->expired) {
        t->expired = true;
        t->next = NULL;
        *(x->first ? x->end : &x->first) = t;
        x->end = &t->next;
    }
    spin_unlock(&x->lock);
    softirq_raise(SOFTIRQ_NET_TIMER);
}

static void run_expired(void)
{
    struct expired *x = &lists[this_cpu()->id];
    struct net_timer *t;

    for (;;) {
        unsigned long flags = spin_lock_irqsave(&x->lock);

        t = x->first;
        if (t) {
            x->first = t->next;
            t->expired = false;
        }
        x->running = t;
        spin_unlock_irqrestore(&x->lock, flags);
        if (!t)
            return;
        t->fn(t);
    }
}

void net_timer_softirq_init(void)
{
    softirq_register(SOFTIRQ_NET_TIMER, run_expired);
}

void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t))
{
    timer_init(&t->timer, expire);
    t->fn = fn;
    t->expired = false;
}

/* Takes t off the list of its CPU. True: it was there. */
static bool unexpire(struct net_timer *t)
{
    struct expired *x = &lists[t->timer.cpu];
    unsigned long flags;
    bool was;

    if (!READ_ONCE(t->expired))
        return false;
    flags = spin_lock_irqsave(&x->lock);
    was = t->expired;
    if (was) {
        struct net_timer **link = &x->first;

        while (*link != t)
            link = &(*link)->next;
        *link = t->next;
        if (x->end == &t->next)
            x->end = link;
        t->expired = false;
    }
    spin_unlock_irqrestore(&x->lock, flags);
    return was;
}

void net_timer_arm(struct net_timer *t, uint64_t deadline_ns)
{
    unexpire(t);
    timer_arm(&t->timer, deadline_ns);
}

bool net_timer_cancel(struct net_timer *t)
{
    return timer_cancel(&t->timer) || unexpire(t);
}

void net_timer_stop(struct net_timer *t)
{
    do
        net_timer_cancel(t);
    while (READ_ONCE(lists[t->timer.cpu].running) == t);
    net_timer_cancel(t); /* its function may have armed it once more */
}
