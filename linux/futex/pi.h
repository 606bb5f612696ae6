/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pi.h: futexes with priority inheritance. The word holds its owner's thread number, and FUTEX_WAITERS when others queue
 * for it in the kernel. There is no object for the lock: each waiter knows the owner, and the owner has a list of all
 * who wait for it, on whatever lock. It runs with the greatest priority and weight among them; so does who it waits for.
 *
 * All of this is guarded by one lock, taken below the bucket's: chains of owners cross buckets. Uncontended locks never
 * come here, and contended ones mostly wait.
 *
 * A lock passes straight to its first waiter: from unlock with the word written, and the waiter taken off the bucket;
 * from a dying owner with the word left to the waiter (granted, still in the bucket), because only that is sure to reach
 * it.
 */
#ifndef LINUX_FUTEX_PI_H
#define LINUX_FUTEX_PI_H

#include "linux/futex/queue.h"

struct uthread;

/* On its thread's stack. [q] its bucket's lock and the PI lock to change, either to read */
struct pi_waiter {
    struct futex_waiter w;   /* first */
    struct thread *owner;    /* who has the lock; NULL: not a waiter of kind PI (any more) [q] */
    struct list lent;        /* in owner's uthread.pi_waiters, the greatest priority first [PI lock] */
    struct futex_key target; /* FUTEX_KIND_REQUEUE: where it may be moved [I] */
    uint32_t weight;         /* the thread's in effect, like prio [PI lock] */
    uint8_t prio;
    bool granted; /* the owner died: the lock is ours, the word is to be written [q] */
};

/* A word locked for t, or who has it. The word's bucket b and the PI lock are held. */
enum { PI_OWNED, PI_ACQUIRED, PI_RETRY };
struct pi_lookup {
    struct thread *owner; /* PI_OWNED: who; stays alive while the PI lock is held */
    struct thread *ref;   /* to be put when no lock is held any more; or NULL */
};
/* PI_OWNED; PI_ACQUIRED: t's now; PI_RETRY: the word changed; or -errno. -EFAULT: see futex_fault_in(). contended: others
 * are going to wait. */
__cold int pi_try_lock(vaddr_t addr, struct futex_bucket *b, const struct futex_key *k, struct thread *t,
                       bool contended, struct pi_lookup *l);
/* After PI_RETRY, or -EFAULT at addr, with no lock held: 0 when it is worth trying again; or -EFAULT, -ERESTARTNOINTR. */
int pi_again(int got, vaddr_t addr, bool write, struct pi_lookup *l);
/* p's thread waits for owner; p is of kind PI. -EDEADLK: owner waits for it. The PI lock is held. */
__cold int pi_lend(struct pi_waiter *p, struct thread *owner);
/* Whoever owner waits for, and so on, runs with what owner was lent. The PI lock is held. */
__cold void pi_propagate(struct thread *owner);
/* Sleeps until the lock at addr is ours: 0, -ETIMEDOUT, -EFAULT (the word is gone), or when a signal came: -EAGAIN after
 * a requeue, else -ERESTARTNOINTR. */
__cold long pi_wait(struct pi_waiter *p, vaddr_t addr, const struct futex_until *until);

extern struct spinlock futex_pi_lock;

/* A thread ends: its locks go to their first waiters, and nobody waits for it from now on. */
__cold void futex_pi_exit(struct uthread *u);

#endif
