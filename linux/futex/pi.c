/* SPDX-License-Identifier: BSD-2-Clause */
/* pi.c: FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, and what becomes of a dying owner's locks. */
#include "linux/futex/pi.h"
#include "linux/futex.h"
#include "linux/process.h"
#include "linux/tid.h"
#include <linux/futex.h>

struct spinlock futex_pi_lock = SPINLOCK_INIT(RANK_FUTEX_PI);

static struct uthread *uthread_of(const struct thread *t)
{
    return t->ulinux;
}

static void lock(struct futex_bucket *b)
{
    futex_lock(b);
    spin_lock(&futex_pi_lock);
}

static void unlock(struct futex_bucket *b)
{
    spin_unlock(&futex_pi_lock);
    futex_unlock(b);
}

/* ---- inheritance ---- */

static void lend(struct pi_waiter *p, struct thread *owner)
{
    struct list *head = &uthread_of(owner)->pi_waiters, *at = head->next;

    p->owner = owner;
    p->prio = p->w.thread->rt_prio;
    p->weight = p->w.thread->weight;
    while (at != head && container_of(at, struct pi_waiter, lent)->prio >= p->prio)
        at = at->next;
    list_link(&p->lent, at->prev, at);
}

/* What t's waiters lend it; true when that changed what it runs with. */
static bool boost(struct thread *t)
{
    unsigned prio = 0;
    uint32_t weight = 0;
    struct pi_waiter *p;

    list_for_each (p, &uthread_of(t)->pi_waiters, lent) {
        prio = MAX(prio, (unsigned)p->prio);
        weight = MAX(weight, p->weight);
    }
    return sched_boost(t, prio, weight);
}

/* No circle: pi_lend() refuses to close one, and who gets a lock waits for none. */
void pi_propagate(struct thread *owner)
{
    struct pi_waiter *p;

    while (boost(owner) && (p = uthread_of(owner)->pi_blocked)) {
        owner = p->owner;
        list_remove(&p->lent);
        lend(p, owner);
    }
}

void futex_pi_adjust(struct thread *t)
{
    unsigned long flags;
    struct pi_waiter *p;

    if (!t->ulinux)
        return;
    flags = spin_lock_irqsave(&futex_pi_lock);
    p = uthread_of(t)->pi_blocked;
    if (p) {
        list_remove(&p->lent);
        lend(p, p->owner);
        pi_propagate(p->owner);
    }
    spin_unlock_irqrestore(&futex_pi_lock, flags);
}

int pi_lend(struct pi_waiter *p, struct thread *owner)
{
    struct thread *t = owner;

    for (const struct pi_waiter *next; t != p->w.thread; t = next->owner) {
        next = uthread_of(t)->pi_blocked;
        if (!next)
            break;
    }
    if (t == p->w.thread)
        return -EDEADLK;
    lend(p, owner);
    uthread_of(p->w.thread)->pi_blocked = p;
    return 0;
}

static void unlend(struct pi_waiter *p)
{
    list_remove(&p->lent);
    p->owner = NULL;
    uthread_of(p->w.thread)->pi_blocked = NULL;
}

/* The lock passes from its owner to p's thread; those who wait for it wait for that from now on. */
static void hand_over(struct thread *from, struct pi_waiter *p)
{
    struct thread *to = p->w.thread;
    struct pi_waiter *q, *next;

    unlend(p);
    list_for_each_safe (q, next, &uthread_of(from)->pi_waiters, lent) {
        if (!futex_key_eq(&q->w.key, &p->w.key))
            continue;
        list_remove(&q->lent);
        lend(q, to);
    }
    pi_propagate(to);
    pi_propagate(from);
}

/* The first of those who wait for owner on that lock, or NULL. */
static struct pi_waiter *first_waiter(struct thread *owner, const struct futex_key *k)
{
    struct pi_waiter *p;

    list_for_each (p, &uthread_of(owner)->pi_waiters, lent)
        if (futex_key_eq(&p->w.key, k))
            return p;
    return NULL;
}

/* The lock's owner died without unlocking. p's bucket is locked. */
static void grant_of_dead(struct thread *from, struct pi_waiter *p)
{
    p->granted = true;
    hand_over(from, p);
    thread_wake_irqs_off(p->w.thread);
}

/* ---- the word ---- */

static struct futex_waiter *find(struct futex_bucket *b, const struct futex_key *k)
{
    struct futex_waiter *w;

    list_for_each (w, &b->waiters, link)
        if (futex_key_eq(&w->key, k))
            return w;
    return NULL;
}

/* 0, PI_RETRY when it was not cur any more, or -EFAULT */
static int change(vaddr_t addr, uint32_t cur, uint32_t new)
{
    uint32_t seen;

    if (user_cmpxchg_u32((uint32_t __user *)addr, cur, new, &seen))
        return -EFAULT;
    return seen == cur ? 0 : PI_RETRY;
}

/* There are waiters: the word must agree with what they know. After an owner's death its number may be gone. */
static int join_waiters(const struct futex_waiter *w, uint32_t word, struct pi_lookup *l)
{
    const struct pi_waiter *p = (const struct pi_waiter *)w;
    uint32_t tid = word & FUTEX_TID_MASK;

    if (w->kind != FUTEX_KIND_PI)
        return -EINVAL;
    l->owner = p->owner ? p->owner : w->thread;
    if ((word & FUTEX_OWNER_DIED) && !tid)
        return PI_OWNED;
    return p->owner && tid == (uint32_t)l->owner->tid ? PI_OWNED : -EINVAL;
}

/* The first to wait. The word says FUTEX_WAITERS already, so that its owner cannot unlock it unnoticed. */
static int find_owner(vaddr_t addr, uint32_t word, struct pi_lookup *l)
{
    struct thread *t = l->ref = tid_find(word & FUTEX_TID_MASK);
    uint32_t now;

    if (t && !t->ulinux)
        return -EPERM;
    if (t && !uthread_of(t)->pi_dead) {
        l->owner = t;
        return PI_OWNED;
    }
    if (get_user(now, (uint32_t __user *)addr))
        return -EFAULT;
    return now == word ? -ESRCH : PI_RETRY;
}

int pi_try_lock(vaddr_t addr, struct futex_bucket *b, const struct futex_key *k, struct thread *t,
                bool contended, struct pi_lookup *l)
{
    struct futex_waiter *w;
    uint32_t word;
    int err;

    l->ref = l->owner = NULL;
    if (get_user(word, (uint32_t __user *)addr))
        return -EFAULT;
    if ((word & FUTEX_TID_MASK) == (uint32_t)t->tid)
        return -EDEADLK;
    w = find(b, k);
    if (w)
        return join_waiters(w, word, l);
    if (!(word & FUTEX_TID_MASK)) {
        err = change(addr, word, (word & FUTEX_OWNER_DIED) | t->tid | (contended ? FUTEX_WAITERS : 0));
        return err ? err : PI_ACQUIRED;
    }
    err = change(addr, word, word | FUTEX_WAITERS);
    return err ? err : find_owner(addr, word | FUTEX_WAITERS, l);
}

/* ---- waiting ---- */

/* The owner died, and the lock is ours: says so in the word. Where there is none any more the next waiter may try. */
static long take_over(struct pi_waiter *p, vaddr_t addr)
{
    struct futex_bucket *b = futex_bucket(&p->w.key);
    struct pi_waiter *next = NULL;
    bool gone = false;
    uint32_t word;
    int err;

    for (;;) {
        lock(b);
        if (gone)
            break;
        err = get_user(word, (uint32_t __user *)addr);
        if (!err)
            err = change(addr, word, current->tid | FUTEX_WAITERS | FUTEX_OWNER_DIED);
        if (!err)
            break;
        unlock(b);
        if (err == -EFAULT)
            gone = futex_fault_in(addr, true);
    }
    list_remove(&p->w.link);
    if (gone)
        next = first_waiter(current, &p->w.key);
    if (next)
        grant_of_dead(current, next);
    unlock(b);
    return gone ? -EFAULT : 0;
}

/* Gives up; p's bucket is locked. */
static void leave(struct pi_waiter *p)
{
    struct thread *owner = p->owner;

    list_remove(&p->w.link);
    if (!owner)
        return;
    spin_lock(&futex_pi_lock);
    unlend(p);
    pi_propagate(owner);
    spin_unlock(&futex_pi_lock);
}

long pi_wait(struct pi_waiter *p, vaddr_t addr, const struct futex_until *until)
{
    bool moved = p->w.kind == FUTEX_KIND_REQUEUE;
    struct futex_bucket *b;
    int err;

    for (;;) {
        err = futex_block(until);
        b = futex_lock_waiter(&p->w);
        if (!b)
            return 0;
        if (p->granted) {
            futex_unlock(b);
            return take_over(p, addr);
        }
        if (err)
            break;
        futex_unlock(b);
    }
    moved = moved && p->owner;
    leave(p);
    futex_unlock(b);
    return err != -ERESTARTSYS ? err : moved ? -EAGAIN : -ERESTARTNOINTR;
}

/* ---- the calls ---- */

static int queue(struct pi_waiter *p, struct futex_bucket *b, struct thread *owner)
{
    int err = pi_lend(p, owner);

    if (err)
        return err;
    futex_insert(b, &p->w);
    pi_propagate(owner);
    return 0;
}

int pi_again(int got, vaddr_t addr, bool write, struct pi_lookup *l)
{
    if (l->ref)
        thread_put(l->ref);
    if (got == -EFAULT)
        return futex_fault_in(addr, write);
    cond_resched();
    return signal_pending() ? -ERESTARTNOINTR : 0;
}

long futex_lock_pi(vaddr_t addr, bool shared, const struct futex_until *until, bool try)
{
    struct pi_waiter p = { .w = { .thread = current, .kind = FUTEX_KIND_PI } };
    int err = futex_key(addr, shared, true, &p.w.key), got;
    struct futex_bucket *b;
    struct pi_lookup l;

    if (err)
        return err;
    b = futex_bucket(&p.w.key);
    for (;;) {
        lock(b);
        got = pi_try_lock(addr, b, &p.w.key, current, false, &l);
        if (got == PI_OWNED)
            err = try ? -EAGAIN : queue(&p, b, l.owner);
        unlock(b);
        if (got != PI_RETRY && got != -EFAULT)
            break;
        err = pi_again(got, addr, true, &l);
        if (err)
            return err;
    }
    if (l.ref)
        thread_put(l.ref);
    if (got != PI_OWNED)
        return MIN(got, 0);
    return err ? err : pi_wait(&p, addr, until);
}

static int read_owned(vaddr_t addr, uint32_t *word)
{
    if (get_user(*word, (uint32_t __user *)addr))
        return -EFAULT;
    return (*word & FUTEX_TID_MASK) == (uint32_t)current->tid ? 0 : -EPERM;
}

/* To the first waiter, or nobody. */
static int pass_on(vaddr_t addr, struct futex_bucket *b, const struct futex_key *k, uint32_t word)
{
    struct futex_waiter *w = find(b, k);
    struct pi_waiter *p;
    int err;

    if (!w) {
        err = change(addr, word, 0);
        return err == PI_RETRY ? -EAGAIN : err;
    }
    p = first_waiter(current, k);
    if (w->kind != FUTEX_KIND_PI || !p)
        return -EINVAL;
    err = change(addr, word, p->w.thread->tid | FUTEX_WAITERS);
    if (err)
        return err;
    list_remove(&p->w.link);
    hand_over(current, p);
    thread_wake_irqs_off(p->w.thread);
    atomic_store_release(&p->w.bucket, NULL); /* p is gone from here on */
    return 0;
}

long futex_unlock_pi(vaddr_t addr, bool shared)
{
    struct futex_bucket *b;
    struct futex_key key;
    uint32_t word;
    int err = read_owned(addr, &word);

    if (!err)
        err = futex_key(addr, shared, true, &key);
    if (err)
        return err;
    b = futex_bucket(&key);
    for (;;) {
        lock(b);
        err = pass_on(addr, b, &key, word);
        unlock(b);
        if (err == -EFAULT)
            err = futex_fault_in(addr, true);
        else if (err != PI_RETRY)
            return err;
        if (err != -EFAULT)
            err = read_owned(addr, &word);
        if (err)
            return err;
    }
}

/* ---- the end of a thread ---- */

/* The first of those who wait for u's thread, if it still is when the locks are held. False: there was none. */
static bool pass_on_first(struct uthread *u)
{
    struct pi_waiter *p;
    struct futex_bucket *b;

    spin_lock(&futex_pi_lock);
    u->pi_dead = true; /* nobody comes to wait for u any more, but by joining those who do */
    p = list_first(&u->pi_waiters, struct pi_waiter, lent);
    b = p ? p->w.bucket : NULL;
    spin_unlock(&futex_pi_lock);
    if (!p)
        return false;
    lock(b);
    if (p == list_first(&u->pi_waiters, struct pi_waiter, lent) && p->w.bucket == b)
        grant_of_dead(u->thread, p);
    unlock(b);
    return true;
}

void futex_pi_exit(struct uthread *u)
{
    for (;;) {
        arch_irq_disable();
        bool more = pass_on_first(u);

        arch_irq_enable();
        if (!more)
            break;
    }
}
