/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu.h: everything that belongs to one CPU, in one structure; reached through this_cpu() without a lock.
 *
 * A thread in the kernel is not preempted, so what only threads touch needs no more than this_cpu(). What
 * interrupt handlers touch too needs interrupts off, or another path for handlers: in_irq tells them apart
 * (arch/ counts it on the way in and out of every interrupt, not of faults).
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include "arch/cpu.h" /* struct arch_cpu, MAX_CPUS */
#include "kernel/clock.h"
#include "kernel/lock.h"
#include "kernel/random.h"
#include "lib/list.h"
#include "lib/rbtree.h"

struct thread;
struct mm;
struct page;
struct timer;

#define SLAB_MAX_CACHES 64 /* further ones work without per-CPU lists */

enum page_kind { PAGE_KIND_ANON, PAGE_KIND_CACHE, PAGE_KIND_SLAB, PAGE_KINDS };

struct slab_cpu { /* free objects of one cache, linked through their first word [threads only] */
    void *free;
    uint32_t nr, limit;
};

struct runq {
    struct spinlock lock;
    struct rb_root fair; /* runnable threads by vruntime */
    struct list rt;      /* FIFO and RR, by priority, greatest first */
    uint64_t min_vruntime_ns;
    unsigned nr; /* runnable, without the running one */
};

struct rcu_cpu {              /* [interrupts off] */
    struct rcu_head *next;    /* gathered since the last batch */
    struct rcu_head *waiting; /* a batch for which every CPU must pass through wait_epoch */
    uint64_t wait_epoch, seen_epoch;
    uint64_t quiet_epoch; /* while this is the epoch there is nothing to do; ~0: there is */
    unsigned nr_next;
};

struct smp_call { /* what this CPU asks of others: kernel/smp.h */
    void (*fn)(void *arg);
    void *arg;
    uint64_t pending; /* who has not answered yet [a] */
};

struct cpu {
    struct arch_cpu arch; /* first: assembly knows its layout (self pointer, current, kernel stack, ...) */
    uint16_t id;
    uint8_t online;
    uint8_t in_irq; /* depth of interrupt handlers */
    uint8_t idling; /* nothing to run: halted or about to */
    uint8_t in_softirq;
    uint8_t irq_from_user; /* what the last interrupt interrupted */
    uint32_t softirqs;     /* raised and not yet run: kernel/softirq.h [interrupts off] */
    struct thread *idle;
    struct thread *curr;    /* as arch's current, for other CPUs to see [rq.lock] */
    uint64_t curr_since_ns; /* when it was given the CPU [rq.lock] */
    struct mm *mm;          /* whose page tables are loaded */
    struct runq rq;
    struct rb_root timers; /* [timer_lock] by deadline */
    struct spinlock timer_lock;
    struct timer *timer_running; /* [timer_lock] whose function is being called */
    uint64_t timer_next_ns;      /* what the hardware is set to, TIME_NEVER when off */
    uint64_t
        slice_end_ns;   /* end of the running thread's time slice, TIME_NEVER when nobody waits [rq.lock] */
    uint64_t sample_ns; /* when cputime.c looks next at what runs, TIME_NEVER while idle [own CPU] */
    struct page *page_free; /* free single pages, linked through link.next [threads only] */
    unsigned page_free_nr;
    int64_t page_counts[PAGE_KINDS]; /* added over all CPUs: pages in use by kind */
    struct slab_cpu slab[SLAB_MAX_CACHES];
    struct rcu_cpu rcu;
    struct random_cpu random;
    struct free_stack *free_stacks; /* kernel stacks of threads that ended [threads only] */
    unsigned nr_free_stacks;
    struct thread
        *left; /* the next thread that runs frees it, if it ended, or puts it on another CPU's queue */
    struct smp_call call;
    uint64_t call_from;     /* CPUs whose call waits for this one [a] */
    uint64_t given_away_ns; /* when a thread last left for a less loaded CPU [rq.lock] */
    uint64_t poll_ns;       /* how long idling looks for work before it halts */
    uint64_t nr_switches, nr_irqs;
    uint64_t idle_ns;
#if DEBUG
    unsigned locks_held;
    struct spinlock *held[16];
    uint8_t held_depth[16]; /* in_irq when it was taken */
#endif
};

extern struct cpu boot_cpu; /* arch_early_init() makes it this_cpu() */
extern struct cpu *cpus[MAX_CPUS];
extern unsigned nr_cpus; /* entries of cpus[] in use; each is online or coming up */

static inline struct cpu *this_cpu(void)
{
    return arch_this_cpu();
}

#endif
