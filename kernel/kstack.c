/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kstack.c: kernel stacks: making and keeping them, parking threads that sleep for long.
 *
 * Parking: the thread sleeps interruptibly and becomes T_PARKING; from here on a waker only says that it is to run, and its
 * stack below the saved pointer is ours. The pages are unmapped, for many threads at once, then all CPUs drop their TLB entries.
 * Who was woken meanwhile gets its own pages back; the others become T_PARKED, and their pages are free. A waker that finds no
 * memory leaves the thread to the keeper, which allocates with patience, parks others if need be, and so always gets on: what a
 * thread that runs takes, it gives back when it sleeps next.
 */
#include "kernel/kstack.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/thread.h"

#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

/* A stack that waits for the next thread: mapping another one costs more than keeping it. At its lowest address. */
struct free_stack {
    struct free_stack *next;
    struct page *pages;
};
#define FREE_STACKS_MAX 4 /* of each CPU */

#define MANY           64 /* threads: with fewer nobody is parked */
#define LONG_NS        NSEC_PER_SEC
#define INTERVAL_MAX   (16 * NSEC_PER_SEC)
#define BATCH          32  /* threads parked with one flush */
#define LOOK_MAX       256 /* threads looked at with the lock held */
#define NO_MEMORY_WAIT (5 * NSEC_PER_MS)

static struct {
    struct spinlock lock;
    struct list whole;     /* threads that are not parked [lock] */
    unsigned nr_whole;     /* [lock] */
    struct list wanted;    /* woken, and without memory for their stacks [lock] */
    struct thread *keeper; /* [a] */
    bool kept;             /* there is a keeper, or soon [a] */
    bool resting;          /* it found little to do and looks rarely [a] */
} ks = { .lock = SPINLOCK_INIT(RANK_KSTACK), .whole = LIST_INIT(ks.whole), .wanted = LIST_INIT(ks.wanted) };

static void keeper_main(void *unused);

static unsigned free_pages(struct page *p)
{
    unsigned n = 0;

    for (struct page *next; p; p = next, n++) {
        next = (struct page *)p->link.next;
        page_free(p);
    }
    return n;
}

/* ---- making, end ---- */

static bool take_free_stack(struct thread *t)
{
    struct cpu *c = this_cpu();
    struct free_stack *s = c->free_stacks;

    if (!s)
        return false;
    c->free_stacks = s->next;
    c->nr_free_stacks--;
    t->kstack = s;
    t->stack_pages = s->pages;
    return true;
}

static bool keep_free_stack(struct thread *t)
{
    struct cpu *c = this_cpu();
    struct free_stack *s = t->kstack;

    if (c->nr_free_stacks == FREE_STACKS_MAX || c->in_irq)
        return false;
    s->pages = t->stack_pages;
    s->next = c->free_stacks;
    c->free_stacks = s;
    c->nr_free_stacks++;
    return true;
}

/* STACK_PAGES of them, the last first in the list. */
static bool map_stack(struct thread *t)
{
    struct page *pages[STACK_PAGES];

    for (unsigned i = 0; i < STACK_PAGES; i++) {
        pages[i] = page_alloc(PAGE_WAIT);
        if (!pages[i])
            goto free;
        pages[i]->link.next = (struct list *)t->stack_pages;
        t->stack_pages = pages[i];
    }
    t->kstack = kernel_map_pages(pages, STACK_PAGES, 1);
    if (t->kstack)
        return true;
free:
    free_pages(t->stack_pages);
    return false;
}

static unsigned add_whole(struct thread *t)
{
    unsigned long flags = spin_lock_irqsave(&ks.lock);
    unsigned n = ++ks.nr_whole;

    list_append(&ks.whole, &t->stack_link);
    spin_unlock_irqrestore(&ks.lock, flags);
    return n;
}

static void __noinline start_keeper(void)
{
    if (atomic_xchg(&ks.kept, true))
        return;
    if (!kthread_new("kstack", keeper_main, NULL))
        atomic_store(&ks.kept, false); /* the next thread tries again */
}

bool kstack_alloc(struct thread *t)
{
    if (!take_free_stack(t) && !map_stack(t))
        return false;
    if (unlikely(add_whole(t) >= MANY)) {
        if (!atomic_load(&ks.kept))
            start_keeper();
        else if (atomic_load(&ks.resting) && atomic_xchg(&ks.resting, false))
            thread_wake(ks.keeper);
    }
    return true;
}

void kstack_free(struct thread *t)
{
    unsigned long flags = spin_lock_irqsave(&ks.lock);

    list_remove(&t->stack_link);
    ks.nr_whole--;
    spin_unlock_irqrestore(&ks.lock, flags);
    if (keep_free_stack(t))
        return;
    kernel_unmap_pages(t->kstack, STACK_PAGES);
    free_pages(t->stack_pages);
}

/* ---- parking ---- */

struct parked {
    struct thread *t; /* referenced */
    struct page *pages;
};

/* Takes up to BATCH likely threads off the list; *left of it are still to be looked at. */
static unsigned gather(struct parked *batch, unsigned *left, uint64_t asleep_before)
{
    unsigned n = 0;
    unsigned long flags = spin_lock_irqsave(&ks.lock);

    for (unsigned i = 0; i < LOOK_MAX && n < BATCH && *left && !list_empty(&ks.whole); i++, --*left) {
        struct thread *t = list_first(&ks.whole, struct thread, stack_link);

        list_remove(&t->stack_link);
        if (t->mm && READ_ONCE(t->state) == T_SLEEPING && READ_ONCE(t->exec_start_ns) <= asleep_before &&
            ref_get_unless_zero(&t->refs)) {
            ks.nr_whole--;
            batch[n++].t = t;
        } else {
            list_append(&ks.whole, &t->stack_link);
        }
    }
    spin_unlock_irqrestore(&ks.lock, flags);
    return n;
}

/* Unmaps what t, which is T_PARKING, does not use, and takes it from t's list. */
static struct page *cut_stack(struct thread *t)
{
    unsigned unused = (arch_kernel_sp(t) - (vaddr_t)t->kstack) >> PAGE_SHIFT;
    struct page *last = t->stack_pages, *cut;

    ASSERT(unused < STACK_PAGES);
    for (unsigned i = STACK_PAGES - 1; i > unused; i--)
        last = (struct page *)last->link.next;
    cut = (struct page *)last->link.next;
    last->link.next = NULL;
    kernel_clear_pages(t->kstack, unused);
    return cut;
}

static struct page *more_pages(unsigned nr)
{
    struct page *pages = NULL;

    for (; nr; nr--) {
        struct page *p = page_alloc(PAGE_ATOMIC);

        if (!p) {
            free_pages(pages);
            return NULL;
        }
        p->link.next = (struct list *)pages;
        pages = p;
    }
    return pages;
}

bool kstack_fill(struct thread *t, struct page *pages)
{
    struct page *last = t->stack_pages;
    unsigned missing = STACK_PAGES - 1;

    for (; last->link.next; last = (struct page *)last->link.next)
        missing--;
    if (missing && !pages)
        pages = more_pages(missing);
    if (missing && !pages)
        return false;
    last->link.next = (struct list *)pages;
    for (; missing; missing--, pages = (struct page *)pages->link.next)
        kernel_set_page((char *)t->kstack + (missing - 1) * PAGE_SIZE, pages);
    add_whole(t);
    return true;
}

/* The stacks of n gathered threads. The number of pages given back. */
static unsigned park(struct parked *batch, unsigned n, uint64_t asleep_before)
{
    unsigned nr = 0, freed = 0;

    for (unsigned i = 0; i < n; i++) {
        struct thread *t = batch[i].t;

        if (sched_park(t, asleep_before)) {
            batch[nr].t = t;
            batch[nr++].pages = cut_stack(t);
        } else {
            add_whole(t);
            thread_put(t);
        }
    }
    if (nr)
        arch_flush_kernel_tlb();
    for (unsigned i = 0; i < nr; i++) {
        struct thread *t = batch[i].t;

        if (sched_parked(t)) {
            freed += free_pages(batch[i].pages);
        } else {
            kstack_fill(t, batch[i].pages);
            sched_unpark(t);
        }
        thread_put(t);
    }
    return freed;
}

/* Parks all that have slept since before then. */
static size_t park_sleepers(uint64_t asleep_before)
{
    struct parked batch[BATCH];
    unsigned left = READ_ONCE(ks.nr_whole);
    size_t freed = 0;

    while (left && !list_empty(&ks.whole)) {
        unsigned n = gather(batch, &left, asleep_before);

        freed += park(batch, n, asleep_before);
        cond_resched();
    }
    return freed;
}

size_t kstack_reclaim(void)
{
    return atomic_load(&ks.keeper) ? park_sleepers(arch_clock_ns()) : 0;
}

/* ---- the keeper ---- */

void kstack_want(struct thread *t)
{
    spin_lock(&ks.lock);
    list_append(&ks.wanted, &t->stack_link);
    spin_unlock(&ks.lock);
    thread_wake_irqs_off(ks.keeper);
}

static struct thread *take_wanted(void)
{
    unsigned long flags = spin_lock_irqsave(&ks.lock);
    struct thread *t = list_first(&ks.wanted, struct thread, stack_link);

    if (t)
        list_remove(&t->stack_link);
    spin_unlock_irqrestore(&ks.lock, flags);
    return t;
}

static void serve_wanted(void)
{
    struct thread *t;

    while ((t = take_wanted())) {
        while (!kstack_fill(t, NULL)) {
            struct page *p = page_alloc(PAGE_WAIT); /* reclaims; it parks others, too */

            if (p)
                page_free(p);
            else
                thread_sleep_until(clock_mono_ns() + NO_MEMORY_WAIT, false);
        }
        sched_unpark(t);
    }
}

static void keeper_main(void *unused)
{
    uint64_t interval = LONG_NS, next = clock_mono_ns() + interval;

    atomic_store(&ks.keeper, current);
    for (;;) {
        while (clock_mono_ns() < next && list_empty(&ks.wanted) &&
               (interval == LONG_NS || atomic_load(&ks.resting)))
            wait_block(T_BLOCKED, next);
        serve_wanted();
        if (interval > LONG_NS && !atomic_load(&ks.resting)) {
            interval = LONG_NS; /* there are new threads */
            next = clock_mono_ns() + interval;
        }
        if (clock_mono_ns() < next)
            continue;
        interval = park_sleepers(arch_clock_ns() - LONG_NS) ? LONG_NS : MIN(interval * 2, INTERVAL_MAX);
        atomic_store(&ks.resting, interval > LONG_NS);
        next = clock_mono_ns() + interval;
    }
}
