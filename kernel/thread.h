/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h: threads, scheduling and waiting.
 *
 * A thread runs until it blocks, returns to user mode with WORK_RESCHED set, or calls cond_resched().
 *
 * No wake-up is lost: waking a thread that does not sleep makes its next wait_block() return at once. So whoever
 * waits tests its condition in a loop, and whoever wakes changes the condition first:
 *     err = wait_event(&wq, cond);               uninterruptible
 *     err = wait_event_interruptible(&wq, cond); 0 or -ERESTARTSYS when a signal is pending
 *     err = wait_event_until(&wq, cond, deadline_ns); ... or -ETIMEDOUT
 *     while (!cond) wait_block(T_SLEEPING, TIME_NEVER);   without a queue, when the waker knows the thread
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "abi/errno.h"
#include "arch/thread.h" /* struct arch_thread, KSTACK_SIZE */
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/lock.h"
#include "kernel/softirq.h"
#include "lib/list.h"
#include "lib/rbtree.h"

struct mm;
struct process; /* linux/process.h */

enum thread_state {
    T_RUNNING,
    T_SLEEPING, /* interruptible */
    T_BLOCKED,  /* not interruptible */
    T_STOPPED,
    T_DEAD,
    T_PARKING, /* sleeping for long: its kernel stack is being given back (kernel/kstack.h), who wakes it must wait */
    T_PARKED, /* likewise; who wakes it makes the stack whole */
};

/* Why the way back to user mode must take its slow path (thread.work) [a] */
#define WORK_RESCHED (1u << 0)
#define WORK_SIGNAL  (1u << 1) /* a signal may be deliverable */
#define WORK_NOTIFY  (1u << 2) /* linux/ has something else to do: restart block, rseq, tracing */
#define WORK_KILL    (1u << 3) /* the thread must end */
#define WORK_RSEQ    (1u << 4) /* it lost its CPU other than by a call that sleeps, or got another: rseq(2) */
#define WORK_SOFTIRQ (1u << 6) /* softirqs wait on this CPU: kernel/softirq.h */
#define WORK_TASK \
    (1u << 5) /* linux/ has something to run in its context: it leaves interruptible sleeps for it */

struct thread {
    struct arch_thread arch;          /* first: assembly knows its layout */
    uint32_t work;                    /* WORK_* [a] */
    uint32_t state;                   /* enum thread_state [runq] */
    struct mm *mm;                    /* address space, NULL for kernel threads */
    struct process *proc;             /* NULL for kernel threads */
    void *ulinux;                     /* linux/'s part of the thread (signal mask and so on) */
    void (*release)(struct thread *); /* called before the last reference's memory goes; may be NULL */
    void *kstack;                     /* lowest address */
    struct page *stack_pages; /* mapped there, from the top, linked through link.next: kernel/kstack.c */
    struct list stack_link;   /* kernel/kstack.c's */
    /* scheduling [runq] */
    struct rb_node rq_node;
    uint64_t vruntime_ns, exec_start_ns, runtime_ns; /* runtime: CPU time used in all */
    uint64_t stime_ns,
        divided_ns;  /* of runtime_ns: in the kernel; divided into user and system so far: cputime.c */
    uint32_t weight; /* 1024 = nice 0; in effect, like rt_prio: the greater of its own and what it was lent */
    uint32_t lent_weight;
    int8_t nice;
    uint8_t policy; /* SCHED_* */
    uint8_t rt_prio, own_rt_prio, lent_rt_prio;
    uint8_t reset_on_fork; /* the threads it makes are scheduled normally (SCHED_RESET_ON_FORK) */
    uint8_t on_rq;
    uint8_t in_system; /* it was in the kernel when last sampled */
    uint16_t cpu;
    uint64_t affinity; /* CPUs it may run on */
    uint64_t nvcsw, nivcsw, min_flt, maj_flt;
    struct {
        uintptr_t next; /* where a sequential run of faults would go on */
        unsigned batch; /* pages that its last fault brought in */
    } fault_run[2];     /* a loop may fill two areas at once. Own thread */
    unsigned fault_run_used;
    uint8_t woken;      /* the next wait_block() returns at once [runq, own thread] */
    void (*fn)(void *); /* kernel threads: what they run */
    void *arg;
    refcount_t refs;
    int tid;
    char name[16];
#if DEBUG
    struct list all_link;    /* watchdog.c's */
    uint64_t waits_since_ns; /* when it last gave up its CPU to wait [runq] */
    unsigned nr_sleep_locks; /* held mutexes and reader/writer locks */
    struct {
        void *lock;
        uint16_t rank;
    } sleep_locks[16];
#endif
};

static inline struct thread *current_thread(void)
{
    return arch_current();
}
#define current current_thread()

#define SCHED_POLICY_OTHER 0 /* Linux's SCHED_* numbers */
#define SCHED_POLICY_FIFO  1
#define SCHED_POLICY_RR    2
#define SCHED_POLICY_BATCH 3
#define SCHED_POLICY_IDLE  5
#define SCHED_SLICE_NS     (3 * NSEC_PER_MS) /* of SCHED_OTHER among equals, and of SCHED_RR */

void sched_init(void); /* the boot CPU's idle thread becomes current */
/* The end of start-up on each CPU: its idle thread runs others for ever. */
void sched_idle(void) __noreturn;
/* A kernel thread, runnable at once; fn's return ends it. Sleeps. NULL when out of memory. */
struct thread *kthread_new(const char *name, void (*fn)(void *), void *arg);
/* A thread with a kernel stack, not yet runnable: the caller sets up its user registers, then thread_wake(). tid,
 * mm, proc and ulinux are the caller's to set; release, if set, drops them. NULL when out of memory. */
struct thread *thread_new(const char *name);
void thread_get(struct thread *t);
void thread_put(struct thread *t);
void thread_exit(void) __noreturn; /* the current thread; its stack is freed by whoever runs next */

void schedule(void);                         /* lets others run; the current thread stays runnable */
bool thread_wake(struct thread *t);          /* any context; true if it was asleep (in whatever way) or new */
bool thread_wake_irqs_off(struct thread *t); /* the same, interrupts being off already */
void thread_kick(struct thread *t,
                 uint32_t work); /* sets WORK_* bits and makes t notice: wakes if T_SLEEPING */
void sched_catch_up(void);
/* A system call has woken others or raised softirqs, and has nothing locked: what goes first runs now rather than on the
 * way back to user mode, which would be a longer way. */
static inline void sched_after_wake(void)
{
    if (unlikely(READ_ONCE(current->work) & (WORK_RESCHED | WORK_SOFTIRQ)))
        sched_catch_up();
}
void sched_yield_current(void);
/* Changes how t is scheduled; for policies other than FIFO and RR rt_prio is 0. Any context. */
void sched_set(struct thread *t, unsigned policy, int nice, unsigned rt_prio);
/* t runs with at least this priority and weight until further notice (0: none): others wait for it. True when that
 * changed what it runs with. Any context. */
bool sched_boost(struct thread *t, unsigned rt_prio, uint32_t weight);
/* t, not yet runnable, is scheduled as the current thread is. */
void sched_inherit(struct thread *t);
/* CPU time up to now, also of a running thread. The sum is exact, the parts are sampled (kernel/cputime.c); none shrinks. */
void thread_times(struct thread *t, uint64_t *utime_ns, uint64_t *stime_ns);
/* Runnable and running threads of all CPUs, for /proc/loadavg. */
unsigned sched_nr_running(void);
/* Another CPU's part: makes it pass through the scheduler soon. Any context. */
void sched_interrupt_cpu(struct cpu *c);
/* Another CPU kicked this one: it looks at what it got to run. Interrupts off. */
void sched_kicked(struct cpu *c);
/* The structures of a CPU, this one's or one that will come up, whose idle thread is t. */
void sched_init_cpu(struct cpu *c, struct thread *t);
/* Restricts t to the CPUs of mask, at least one of which is online, and moves it if need be. Threads only. */
void sched_set_affinity(struct thread *t, uint64_t mask);
/* This CPU, which does not sample (c->sample_ns is TIME_NEVER), has something to run. */
void cputime_begin(struct cpu *c);
/* Called by timer_interrupt() when c->sample_ns is over. */
void cputime_sample(struct cpu *c, uint64_t now_ns);
/* Called by timer_interrupt() at the end of a time slice. */
void sched_tick(struct cpu *c, uint64_t now_ns);
/* kernel/kstack.c's: t, if it sleeps interruptibly and has since before then, is parked: who wakes it takes no further step
 * than to make it runnable. Threads. */
bool sched_park(struct thread *t, uint64_t asleep_before_ns);
/* From now on it is the waker's to make its stack whole; false: it was woken, and is the caller's to unpark. */
bool sched_parked(struct thread *t);
/* Its stack is whole, and it is runnable: to a run queue. */
void sched_unpark(struct thread *t);
/* What arch's first-run path calls before the thread's function. */
void sched_first_run(void);
static inline void cond_resched(void)
{
    uint32_t work = READ_ONCE(current->work);

    if (unlikely(work & WORK_SOFTIRQ))
        softirq_run();
    if (unlikely(work & WORK_RESCHED))
        schedule();
}
/* Sleeps at least until the deadline; 0, or -ERESTARTSYS early when interruptible and a signal is pending. */
int thread_sleep_until(uint64_t deadline_ns, bool interruptible);
/* true when a signal (or kill, or task work) wants the current thread out of its interruptible sleep */
static inline bool signal_pending(void)
{
    return READ_ONCE(current->work) & (WORK_SIGNAL | WORK_KILL | WORK_TASK);
}

/* ---- wait queues ---- */

struct waitq {
    struct spinlock lock;
    uint32_t keys; /* of its waiters, and perhaps of former ones [lock to change] */
    struct list waiters;
};

/* func runs under the queue's lock, any context. flags: what happened (poll bits) or 0. true: it consumed an
 * exclusive wake-up. */
struct waiter {
    struct list link;
    struct thread *thread;
    bool (*func)(struct waiter *, uint32_t flags);
    uint32_t key; /* poll bits it wants to be woken for; 0: all, and all wake it that have none */
    bool exclusive;
};

#define WAITQ_INIT(wq)                                        \
    {                                                         \
        SPINLOCK_INIT(RANK_WAITQ), 0, LIST_INIT((wq).waiters) \
    }
static inline void waitq_init_rank(struct waitq *wq, enum lock_rank rank)
{
    spin_init(&wq->lock, rank);
    wq->keys = 0;
    list_init(&wq->waiters);
}
static inline void waitq_init(struct waitq *wq)
{
    waitq_init_rank(wq, RANK_WAITQ);
}
void waitq_add(struct waitq *wq, struct waiter *w);
void waitq_remove(struct waitq *wq, struct waiter *w);
/* Wakes all non-exclusive waiters and up to nr exclusive ones. An empty queue costs a load. */
void waitq_wake(struct waitq *wq, unsigned nr, uint32_t flags);
/* The same, at a barrier's and two loads' cost when nobody waits for any of flags. The barrier: what makes the condition
 * true is seen by whoever queues too late to be seen here (waitq_add() has its counterpart). */
static inline void waitq_wake_bits(struct waitq *wq, unsigned nr, uint32_t flags)
{
    atomic_fence();
    if ((READ_ONCE(wq->keys) & flags) && !list_empty(&wq->waiters))
        waitq_wake(wq, nr, flags);
}
/* Changes what a waiter on the queue wants; key is not 0. */
void waitq_set_key(struct waitq *wq, struct waiter *w, uint32_t key);
static inline void wake_all(struct waitq *wq)
{
    atomic_fence();
    if (!list_empty(&wq->waiters))
        waitq_wake(wq, ~0u, 0);
}

/* The usual func: wakes the thread and leaves the queue. */
bool waiter_wake(struct waiter *w, uint32_t flags);
static inline void waiter_init(struct waiter *w) /* wakes the current thread */
{
    list_init(&w->link);
    w->thread = current;
    w->func = waiter_wake;
    w->key = 0;
    w->exclusive = false;
}
/* Queues w unless it still is; the condition must be tested after. */
void wait_prepare(struct waitq *wq, struct waiter *w, enum thread_state s);
void wait_finish(struct waitq *wq, struct waiter *w);
/* Sleeps until woken (spuriously at times): 0, -ETIMEDOUT, or with T_SLEEPING -ERESTARTSYS when a signal is pending. */
int wait_block(enum thread_state s, uint64_t deadline_ns);

/* After a sleep the condition is tested before queueing again: mostly that is the end of it. */
#define wait_event_state(wq, cond, s, deadline) \
    ({                                          \
        int _err = 0;                           \
        if (!(cond)) {                          \
            struct waiter _w;                   \
            waiter_init(&_w);                   \
            do {                                \
                wait_prepare(wq, &_w, s);       \
                if (cond)                       \
                    break;                      \
                _err = wait_block(s, deadline); \
                if (cond) {                     \
                    _err = 0;                   \
                    break;                      \
                }                               \
            } while (!_err);                    \
            wait_finish(wq, &_w);               \
        }                                       \
        _err;                                   \
    })
#define wait_event(wq, cond)                    wait_event_state(wq, cond, T_BLOCKED, TIME_NEVER)
#define wait_event_interruptible(wq, cond)      wait_event_state(wq, cond, T_SLEEPING, TIME_NEVER)
#define wait_event_until(wq, cond, deadline_ns) wait_event_state(wq, cond, T_SLEEPING, deadline_ns)

#endif
