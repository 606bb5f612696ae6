/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h: who waits on which futex. Waiters queue in hash buckets by key: (address space, address) for private words,
 * (mapping, offset) for words in shared memory.
 *
 * Bucket locks are held with interrupts off, which makes get_user() and user_cmpxchg_u32() fail instead of faulting
 * pages in: whoever gets -EFAULT under the lock lets go of it, faults the page in and starts again.
 *
 * A plain waiter belongs to the bucket that `bucket` names, then for a moment to its waker (FUTEX_WAKING: off the queue,
 * and not to go away), then to itself again (NULL). So wakers need no reference to the thread and wake after they have
 * released the bucket. The kernel is not preemptible: who finds FUTEX_WAKING is on another CPU and need only spin.
 */
#ifndef LINUX_FUTEX_QUEUE_H
#define LINUX_FUTEX_QUEUE_H

#include "kernel/arch.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

struct futex_key {
    void *space;  /* struct mm or struct mapping */
    uint64_t off; /* address or offset; bit 0: private memory reached by a call without FUTEX_PRIVATE_FLAG */
};

struct futex_bucket {
    struct spinlock lock;
    struct list waiters; /* [lock] by priority, then in order of arrival */
} __aligned(64);

enum futex_kind {
    FUTEX_KIND_PLAIN,
    FUTEX_KIND_REQUEUE, /* FUTEX_WAIT_REQUEUE_PI, not moved yet: a struct pi_waiter */
    FUTEX_KIND_PI,      /* of a lock with priority inheritance: a struct pi_waiter */
};

struct futex_waiter {
    struct list link;            /* first. [bucket lock]; while FUTEX_WAKING, next is the waker's list */
    struct futex_key key;        /* [bucket lock]; requeueing changes it */
    struct futex_bucket *bucket; /* [bucket lock]; NULL once woken */
    struct thread *thread;
    uint32_t bits;
    uint8_t kind; /* [bucket lock] */
    uint8_t prio; /* real-time priority */
};

#define FUTEX_WAKING  ((struct futex_bucket *)1)
#define FUTEX_ANY     0xffffffffu /* FUTEX_BITSET_MATCH_ANY */
#define FUTEX_PER_CPU 256         /* buckets */

/* When a wait ends; on the wall clock it follows whoever sets that. */
struct futex_until {
    uint64_t ns;
    bool real;
};

extern struct futex_bucket *futex_table; /* NULL until somebody waits */
extern unsigned futex_shift;             /* of the hash's 64 bits */
struct futex_bucket *futex_table_make(void);

static inline struct futex_bucket *futex_hash(struct futex_bucket *table, const struct futex_key *k)
{
    uint64_t h = ((uintptr_t)k->space >> 4 ^ k->off >> 2) * 0x9e3779b97f4a7c15ull;

    return &table[h >> futex_shift];
}

/* Makes the table when it is missing: may sleep. */
static inline struct futex_bucket *futex_bucket(const struct futex_key *k)
{
    struct futex_bucket *t = atomic_load_acquire(&futex_table);

    return futex_hash(likely(t) ? t : futex_table_make(), k);
}

static inline bool futex_key_eq(const struct futex_key *a, const struct futex_key *b)
{
    return a->off == b->off && a->space == b->space;
}

/* The key of a word for a call without FUTEX_PRIVATE_FLAG. write: the call changes the word. 0 or -EFAULT. */
int futex_key_shared(vaddr_t addr, bool write, struct futex_key *k);

/* 0, -EINVAL (not aligned), -EFAULT. A private word need not exist. */
static inline int futex_key(vaddr_t addr, bool shared, bool write, struct futex_key *k)
{
    if (unlikely(addr & 3))
        return -EINVAL;
    if (unlikely(!user_ok(addr, 4)))
        return -EFAULT;
    if (shared)
        return futex_key_shared(addr, write, k);
    k->space = current->mm;
    k->off = addr;
    return 0;
}

static inline void futex_lock(struct futex_bucket *b)
{
    arch_irq_disable();
    spin_lock(&b->lock);
}
static inline void futex_unlock(struct futex_bucket *b)
{
    spin_unlock(&b->lock);
    arch_irq_enable();
}
/* Both, in the order of their addresses; they may be the same. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);

static inline void futex_insert(struct futex_bucket *b, struct futex_waiter *w)
{
    struct list *at = &b->waiters;

    if (unlikely(w->prio))
        for (at = at->next; at != &b->waiters && ((struct futex_waiter *)at)->prio >= w->prio; at = at->next)
            ;
    w->bucket = b;
    list_link(&w->link, at->prev, at);
}

/* Locks the bucket that w is in; NULL: it is in none any more. */
struct futex_bucket *futex_lock_waiter(struct futex_waiter *w);
/* Somebody has taken w off, and is done with it. */
bool futex_woken(struct futex_waiter *w);
/* Leaves the queue; false when somebody had already taken us off: woken. */
bool futex_unqueue(struct futex_waiter *w);
/* After -EFAULT under a bucket's lock, with none held: makes the word readable, or writable. 0: try again; or -EFAULT. */
int futex_fault_in(vaddr_t addr, bool write);
/* Queues w (key, bits, kind set; the rest is set here) if the word at addr is val. 0, -EAGAIN, -EFAULT. */
int futex_enqueue(struct futex_waiter *w, vaddr_t addr, uint32_t val);
/* The lock's exchange orders the read of the word after what futex_wake() looks at without the lock. */
static __always_inline int futex_enqueue_inline(struct futex_waiter *w, vaddr_t addr, uint32_t val)
{
    struct futex_bucket *b = futex_bucket(&w->key);
    uint32_t now;

    w->thread = current;
    w->prio = current->rt_prio;
    for (;;) {
        futex_lock(b);
        if (likely(!get_user(now, (uint32_t __user *)addr)))
            break;
        futex_unlock(b);
        if (futex_fault_in(addr, false))
            return -EFAULT;
    }
    if (likely(now == val))
        futex_insert(b, w);
    futex_unlock(b);
    return likely(now == val) ? 0 : -EAGAIN;
}

/* Sleeps until woken (spuriously at times); until NULL: without limit. 0, -ERESTARTSYS, -ETIMEDOUT. */
int futex_block(const struct futex_until *until);

/* Takes up to nr waiters (at least one) whose bits match off b onto *chain, in order: how many, or -EINVAL at one of
 * another kind. b is locked. */
int futex_take(struct futex_bucket *b, const struct futex_key *k, int nr, uint32_t bits,
               struct futex_waiter ***chain);
/* Wakes a chain that futex_take() made. No bucket is locked, interrupts are off (briefly on in between). */
void futex_wake_chain(struct futex_waiter *first);

/* ---- the calls: values and errors of futex(2) ---- */
long futex_wait(vaddr_t addr, bool shared, uint32_t val, const struct futex_until *until, uint32_t bits);
long futex_wake(vaddr_t addr, bool shared, int nr, uint32_t bits);
__cold long futex_wake_op(vaddr_t addr, vaddr_t addr2, bool shared, int nr, int nr2, uint32_t code);
/* expect: NULL, or what the word at from must be. */
long futex_requeue(vaddr_t from, vaddr_t to, bool shared, int nr_wake, int nr_move, const uint32_t *expect);
__cold long futex_lock_pi(vaddr_t addr, bool shared, const struct futex_until *until, bool try);
__cold long futex_unlock_pi(vaddr_t addr, bool shared);
__cold long futex_wait_requeue_pi(vaddr_t addr, vaddr_t addr2, bool shared, uint32_t val,
                                  const struct futex_until *until);
__cold long futex_requeue_pi(vaddr_t from, vaddr_t to, bool shared, int nr_wake, int nr_move,
                             uint32_t expect);

#endif
