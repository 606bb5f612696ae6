/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred frees. Each CPU gathers a batch, gives it a number from a global epoch, and runs it once every CPU has
 * passed through a quiescent state (a context switch, idle) in that epoch or later. With one CPU that is at once.
 */
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/radix.h"

#define RCU_BATCH 64 /* so many waiting make a thread that never sleeps come by */

uint64_t rcu_epoch;

void rcu_defer(struct rcu_head *h, void (*fn)(struct rcu_head *))
{
    unsigned long flags = arch_irq_save();
    struct rcu_cpu *r = &this_cpu()->rcu;

    h->fn = fn;
    h->next = r->next;
    r->next = h;
    r->quiet_epoch = ~0ull;
    if (++r->nr_next == RCU_BATCH)
        atomic_or(&current->work, WORK_RESCHED);
    arch_irq_restore(flags);
}

/* Have all CPUs passed through the epoch? Those that did not are made to, once. */
static bool epoch_over(uint64_t epoch, bool ask)
{
    bool over = true;

    for (unsigned i = 0; i < nr_cpus; i++) {
        struct cpu *c = cpus[i];

        if (!c->online || READ_ONCE(c->idling) || atomic_load_acquire(&c->rcu.seen_epoch) >= epoch)
            continue;
        over = false;
        if (ask)
            sched_interrupt_cpu(c);
    }
    return over;
}

static void run(struct rcu_head *h)
{
    while (h) {
        struct rcu_head *next = h->next;

        h->fn(h);
        h = next;
    }
}

bool rcu_can_run(struct cpu *c)
{
    return c->rcu.next || (c->rcu.waiting && epoch_over(c->rcu.wait_epoch, false));
}

/* This CPU has come by in a new epoch: those that halted to wait for that look again. */
static void tell_waiting(struct cpu *me)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < nr_cpus; i++)
        if (cpus[i] != me && READ_ONCE(cpus[i]->idling) && READ_ONCE(cpus[i]->rcu.waiting))
            arch_kick_cpu(i);
}

void rcu_quiescent(struct cpu *c)
{
    struct rcu_cpu *r = &c->rcu;
    struct rcu_head *over = NULL;
    unsigned long flags = arch_irq_save();

    bool begin = !r->waiting && r->next;

    if (begin) {
        r->waiting = r->next;
        r->next = NULL;
        r->nr_next = 0;
        r->wait_epoch = __atomic_add_fetch(&rcu_epoch, 1, __ATOMIC_ACQ_REL);
    }
    uint64_t epoch = atomic_load(&rcu_epoch);

    if (r->seen_epoch != epoch) {
        atomic_store_release(&r->seen_epoch, epoch);
        if (nr_cpus > 1)
            tell_waiting(c);
    }
    if (r->waiting && epoch_over(r->wait_epoch, begin)) {
        over = r->waiting;
        r->waiting = NULL;
    }
    r->quiet_epoch = r->waiting || r->next ? ~0ull : epoch;
    arch_irq_restore(flags);
    run(over);
}

struct rcu_waiter {
    struct rcu_head head;
    struct waitq wq;
    bool done;
};

static void wait_over(struct rcu_head *h)
{
    struct rcu_waiter *w = container_of(h, struct rcu_waiter, head);

    atomic_store_release(&w->done, true);
    wake_all(&w->wq);
}

void rcu_wait(void)
{
    struct rcu_waiter w = { .done = false };

    if (nr_cpus == 1)
        return; /* no other thread can be inside: it would have to be running */
    waitq_init(&w.wq);
    rcu_defer(&w.head, wait_over);
    wait_event(&w.wq, atomic_load_acquire(&w.done));
}

/* ---- the nodes of radix trees ---- */

static struct slab_cache radix_cache = SLAB_CACHE(struct radix_node);
static_assert(sizeof(((struct radix_node *)0)->defer) >= sizeof(struct rcu_head),
              "room to defer the release");

struct radix_node *radix_node_new(void)
{
    return slab_zalloc(&radix_cache);
}

static void node_over(struct rcu_head *h)
{
    slab_free(&radix_cache, container_of((void **)h, struct radix_node, defer[0]));
}

void radix_node_free(struct radix_node *n)
{
    rcu_defer((struct rcu_head *)n->defer, node_over);
}
