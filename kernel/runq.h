/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runq.h: a CPU's run queue, for kernel/sched.c: real-time threads by priority, the others by virtual runtime. Its lock is
 * held but for lock_runq().
 */
#ifndef KERNEL_RUNQ_H
#define KERNEL_RUNQ_H

#include "kernel/thread.h"

#define NICE_0_WEIGHT 1024

static inline struct thread *of_node(struct rb_node *n)
{
    return container_of(n, struct thread, rq_node);
}

static inline bool is_rt(const struct thread *t)
{
    return t->rt_prio;
}

static inline void enqueue_rt(struct runq *rq, struct thread *t, bool first)
{
    struct list *at = rq->rt.next;

    for (; at != &rq->rt; at = at->next) {
        unsigned prio = container_of((struct rb_node *)at, struct thread, rq_node)->rt_prio;

        if (prio < t->rt_prio || (first && prio == t->rt_prio))
            break;
    }
    list_link((struct list *)&t->rq_node, at->prev, at);
}

static inline void enqueue_fair(struct runq *rq, struct thread *t)
{
    struct rb_node **link = &rq->fair.node, *parent = NULL;
    bool leftmost = true;

    if (likely(!*link)) {
        rb_plant(&rq->fair, &t->rq_node);
        return;
    }
    while (*link) {
        parent = *link;
        if ((int64_t)(t->vruntime_ns - of_node(parent)->vruntime_ns) < 0) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&t->rq_node, parent, link);
    rb_insert(&rq->fair, &t->rq_node, leftmost);
}

/* first: before its equals (only real-time threads have such an order) */
static inline void enqueue(struct runq *rq, struct thread *t, bool first)
{
    if (unlikely(is_rt(t)))
        enqueue_rt(rq, t, first);
    else
        enqueue_fair(rq, t);
    t->on_rq = 1;
    rq->nr++;
}

static inline void dequeue(struct runq *rq, struct thread *t)
{
    if (unlikely(is_rt(t)))
        list_remove((struct list *)&t->rq_node);
    else
        rb_erase(&rq->fair, &t->rq_node);
    t->on_rq = 0;
    rq->nr--;
}

/* There is one. */
static inline struct thread *runq_first(const struct cpu *c)
{
    return of_node(likely(list_empty(&c->rq.rt)) ? c->rq.fair.leftmost : (struct rb_node *)c->rq.rt.next);
}

/* t is the first. */
static __always_inline void runq_take(struct cpu *c, struct thread *t)
{
    if (likely(c->rq.nr == 1 && !is_rt(t))) {
        c->rq.fair.node = c->rq.fair.leftmost = NULL;
        c->rq.nr = 0;
        t->on_rq = 0;
    } else {
        dequeue(&c->rq, t);
    }
}

static __always_inline struct thread *runq_pick(struct cpu *c)
{
    struct thread *t;

    if (!c->rq.nr)
        return c->idle;
    t = runq_first(c);
    runq_take(c, t);
    return t;
}

/* Who follows t on the queue, in its class. */
static inline struct thread *next_of(struct runq *rq, struct thread *t)
{
    struct rb_node *n;

    if (is_rt(t))
        n = (struct rb_node *)((struct list *)&t->rq_node)->next;
    else
        n = rb_next(&t->rq_node);
    return n && (struct list *)n != &rq->rt ? of_node(n) : NULL;
}

/* Charges the running thread for the time since it was charged last. */
static inline void charge(struct cpu *c, uint64_t now)
{
    struct thread *t = c->curr;
    uint64_t delta = now - t->exec_start_ns, least;

    t->exec_start_ns = now;
    if (t == c->idle) {
        c->idle_ns += delta;
        return;
    }
    t->runtime_ns += delta;
    if (unlikely(is_rt(t)))
        return;
    t->vruntime_ns += t->weight == NICE_0_WEIGHT ? delta : delta * NICE_0_WEIGHT / t->weight;
    least = t->vruntime_ns;
    if (c->rq.fair.leftmost && (int64_t)(of_node(c->rq.fair.leftmost)->vruntime_ns - least) < 0)
        least = of_node(c->rq.fair.leftmost)->vruntime_ns;
    if ((int64_t)(least - c->rq.min_vruntime_ns) > 0)
        c->rq.min_vruntime_ns = least;
}

/* Locks the run queue of t, which may move until it is locked. Interrupts are off. */
static inline struct cpu *lock_runq(struct thread *t)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);
        struct cpu *c = cpus[cpu];

        spin_lock(&c->rq.lock);
        if (likely(t->cpu == cpu))
            return c;
        spin_unlock(&c->rq.lock);
    }
}

#endif
