/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h: spin locks, sleeping mutexes and reader/writer locks; their ranks.
 *
 * Spin locks: short, never sleep while holding one; the _irq forms also keep this CPU's interrupts out and are
 * required for whatever an interrupt handler takes. Ranks: acquire only a greater rank than all you hold
 * (equal ranks only where the enum says so); DEBUG builds check order, owner and sleeping in atomic context.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "arch/cpu.h"
#include "lib/atomic.h"
#include "lib/list.h"
#include "lib/types.h"

enum lock_rank {
    /* sleeping locks, outermost first */
    RANK_URING = 1, /* a ring's requests: they are system calls */
    RANK_PROCESS,   /* process tables, credentials */
    RANK_EPOLL,     /* nested epolls: outer before inner; files' poll operations run under it */
    RANK_FILE_POS,  /* file.pos_lock; two files: lower address first */
    RANK_FILE,      /* per-object mutexes (pipes, ttys, readers and writers of a socket) */
    RANK_FS_MOUNT,  /* mounting what a name first leads to */
    RANK_FS_RENAME, /* one rename at a time per superblock */
    RANK_INODE,     /* inode.rwsem; parent directory before child, else by address */
    RANK_INODE_CHILD,
    RANK_MM, /* mm.lock: copying to and from the program faults under all of the above */
    RANK_FS, /* a filesystem's own */
    RANK_BLK,
    /* spin locks */
    RANK_FDTAB,
    RANK_DCACHE,
    RANK_MAPPING, /* a mapping's page tree and its VMA list */
    RANK_TASKS,   /* which processes there are, and who is whose child */
    RANK_SIGNAL,
    RANK_FUTEX, /* two buckets: lower address first */
    RANK_FUTEX_PI,
    RANK_TID,           /* the numbers of threads */
    RANK_OBJECT,        /* leaf objects: pipe rings, eventfd counters, ttys' buffers */
    RANK_UNIX,          /* local sockets; two: lower address first */
    RANK_SOCKET_LISTEN, /* a listening socket; its children after it */
    RANK_SOCKET,        /* one socket's protocol state */
    RANK_NET_CONFIG,    /* addresses and routes: net_lock */
    RANK_NET_TABLE,     /* buckets of connections, ports, neighbours, routes, fragments */
    RANK_PACKET,        /* a packet socket: it sees what is sent under any of the above */
    RANK_NETDEV,        /* a transmit queue */
    RANK_ZEROCOPY,      /* what a socket is told of its pages, by who frees packets */
    RANK_CLOCK,         /* timers that follow the wall clock */
    RANK_WAITQ,
    RANK_WAITQ_OUTER, /* woken by a waiter of another queue: those who poll an epoll, inner before outer */
    RANK_READY,       /* an epoll's ready list, and who waits for it */
    RANK_URING_TASK,  /* requests woken by any of the above */
    RANK_TIMER,
    RANK_RUNQ,         /* wakeups happen under anything above */
    RANK_KSTACK,       /* the lists of kernel stacks: some are made whole during a wake-up */
    RANK_DRIVER_QUEUE, /* requests before they reach a driver */
    RANK_DRIVER,
    RANK_PT, /* page tables */
    RANK_SLAB,
    RANK_PAGE, /* buddy allocator */
    RANK_RANDOM,
    RANK_LOG,
    RANK_WATCHDOG,
    RANK_CONSOLE, /* the device that log lines go to */
};

struct spinlock {
    uint32_t v;
#if DEBUG
    uint16_t rank;
    uint16_t cpu; /* owner + 1 */
    const char *name;
#endif
};

#if DEBUG
#define SPINLOCK_INIT(r) \
    {                    \
        0, r, 0, #r      \
    }
#else
#define SPINLOCK_INIT(r) \
    {                    \
        0                \
    }
#endif

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(rank);
}

#if DEBUG
void spin_lock(struct spinlock *l);
bool spin_trylock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
bool spin_held(struct spinlock *l); /* by this CPU; always true without DEBUG: for ASSERT only */
/* Panics when the current thread must not sleep here: it holds a spin lock, interrupts are off, or it is in one. */
void check_may_sleep(void);
#else
void spin_lock_slow(struct spinlock *l);
static inline void spin_lock(struct spinlock *l)
{
    if (unlikely(atomic_xchg(&l->v, 1)))
        spin_lock_slow(l);
}
static inline bool spin_trylock(struct spinlock *l)
{
    return !atomic_xchg(&l->v, 1);
}
static inline void spin_unlock(struct spinlock *l)
{
    atomic_store_release(&l->v, 0);
}
static inline bool spin_held(struct spinlock *l)
{
    return true;
}
static inline void check_may_sleep(void)
{
}
#endif

/* Also disables this CPU's interrupts; flags remember the state to return to. */
static inline unsigned long spin_lock_irqsave(struct spinlock *l)
{
    unsigned long flags = arch_irq_save();

    spin_lock(l);
    return flags;
}
static inline void spin_unlock_irqrestore(struct spinlock *l, unsigned long flags)
{
    spin_unlock(l);
    arch_irq_restore(flags);
}

struct thread;

/* Checks of the order and owner of sleeping locks; nothing without DEBUG. */
#if DEBUG
void sleep_lock_taken(void *lock, enum lock_rank rank);
void sleep_lock_released(void *lock);
bool sleep_lock_held(void *lock);
#else
#define sleep_lock_taken(lock, rank) ((void)0)
#define sleep_lock_released(lock)    ((void)0)
#define sleep_lock_held(lock)        true
#endif

/* Sleeping mutex, not recursive. May not be taken in interrupt context. Uncontended: one atomic each way. Contended:
 * handed to the longest waiter. */
struct mutex {
    uintptr_t owner; /* struct thread *, bit 0: others wait [a] */
    struct spinlock wlock;
    struct list waiters; /* [wlock] */
#if DEBUG
    uint16_t rank;
#endif
};
#if DEBUG
#define MUTEX_INIT(m, r)                                        \
    {                                                           \
        0, SPINLOCK_INIT(RANK_WAITQ), LIST_INIT((m).waiters), r \
    }
#else
#define MUTEX_INIT(m, r)                                     \
    {                                                        \
        0, SPINLOCK_INIT(RANK_WAITQ), LIST_INIT((m).waiters) \
    }
#endif
void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);
int mutex_lock_interruptible(struct mutex *m); /* 0 or -EINTR */

static inline bool mutex_trylock(struct mutex *m)
{
    if (!atomic_cmpxchg(&m->owner, 0, (uintptr_t)arch_current()))
        return false;
    sleep_lock_taken(m, m->rank);
    return true;
}
static inline void mutex_lock(struct mutex *m)
{
    check_may_sleep();
    if (unlikely(!atomic_cmpxchg(&m->owner, 0, (uintptr_t)arch_current())))
        mutex_lock_slow(m);
    sleep_lock_taken(m, m->rank);
}
static inline void mutex_unlock(struct mutex *m)
{
    sleep_lock_released(m);
    if (unlikely(!atomic_cmpxchg(&m->owner, (uintptr_t)arch_current(), 0)))
        mutex_unlock_slow(m);
}
/* By the current thread. */
static inline bool mutex_held(struct mutex *m)
{
    return (atomic_load(&m->owner) & ~(uintptr_t)1) == (uintptr_t)arch_current();
}

/* Sleeping reader/writer lock; whoever waits is served in order, so that writers are not starved. */
struct rwlock {
    uint32_t state; /* RW_WRITER, RW_WAITERS, else the number of readers [a] */
    struct spinlock wlock;
    struct list waiters; /* [wlock] */
#if DEBUG
    uint16_t rank;
#endif
};
#define RW_WRITER  (1u << 31)
#define RW_WAITERS (1u << 30) /* others wait: newcomers queue behind them */

void rw_init(struct rwlock *l, enum lock_rank rank);
void rw_lock_slow(struct rwlock *l, bool write);
void rw_unlock_slow(struct rwlock *l);
void rw_downgrade_slow(struct rwlock *l);

static inline bool rw_try_read_lock(struct rwlock *l)
{
    uint32_t s = atomic_load(&l->state);

    while (!(s & (RW_WRITER | RW_WAITERS)))
        if (__atomic_compare_exchange_n(&l->state, &s, s + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            sleep_lock_taken(l, l->rank);
            return true;
        }
    return false;
}
static inline void rw_read_lock(struct rwlock *l)
{
    check_may_sleep();
    if (unlikely(!rw_try_read_lock(l)))
        rw_lock_slow(l, false);
}
static inline void rw_read_unlock(struct rwlock *l)
{
    sleep_lock_released(l);
    if (unlikely(__atomic_sub_fetch(&l->state, 1, __ATOMIC_RELEASE) == RW_WAITERS))
        rw_unlock_slow(l);
}
static inline bool rw_try_write_lock(struct rwlock *l)
{
    if (!atomic_cmpxchg(&l->state, 0, RW_WRITER))
        return false;
    sleep_lock_taken(l, l->rank);
    return true;
}
static inline void rw_write_lock(struct rwlock *l)
{
    check_may_sleep();
    if (unlikely(!rw_try_write_lock(l)))
        rw_lock_slow(l, true);
}
static inline void rw_write_unlock(struct rwlock *l)
{
    sleep_lock_released(l);
    if (unlikely(__atomic_and_fetch(&l->state, ~RW_WRITER, __ATOMIC_RELEASE)))
        rw_unlock_slow(l);
}
/* Whoever holds it for writing goes on holding it for reading: no writer comes in between. */
static inline void rw_downgrade(struct rwlock *l)
{
    uint32_t s = RW_WRITER;

    if (unlikely(!__atomic_compare_exchange_n(&l->state, &s, 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
        rw_downgrade_slow(l);
}
/* By anyone; with DEBUG, by the current thread. For ASSERT only. */
static inline bool rw_held(struct rwlock *l)
{
    return atomic_load(&l->state) & ~RW_WAITERS && sleep_lock_held(l);
}

/*
 * Read-side critical sections without locks: between rcu_read_lock and _unlock the thread must not sleep (the
 * kernel is not preemptible, so they cost nothing). rcu_defer runs fn(head) once every CPU has passed through
 * user mode, idle or a context switch.
 */
struct rcu_head {
    struct rcu_head *next;
    void (*fn)(struct rcu_head *);
};
static inline void rcu_read_lock(void)
{
    barrier();
}
static inline void rcu_read_unlock(void)
{
    barrier();
}
void rcu_defer(struct rcu_head *h, void (*fn)(struct rcu_head *));
struct cpu;
/* This CPU is outside every read-side section: runs what was deferred long enough ago. Threads only. */
void rcu_quiescent(struct cpu *c);
/* There is something deferred that rcu_quiescent() would run now. While it is not so an idle CPU may halt: the last CPU to
 * come by kicks it. */
bool rcu_can_run(struct cpu *c);
extern uint64_t rcu_epoch; /* [a] see rcu.c */
/* Returns once every read-side section that was running has ended. Sleeps; costs nothing on one CPU. */
void rcu_wait(void);

#endif
