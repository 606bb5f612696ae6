/* SPDX-License-Identifier: BSD-2-Clause */
/* wait.c: FUTEX_WAIT, FUTEX_WAKE and their kin, futex_waitv(2), and the call's dispatch. */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "linux/clock_timer.h"
#include "linux/futex/queue.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/futex.h>
#include <linux/time.h>

/* ---- waking ---- */

int futex_take(struct futex_bucket *b, const struct futex_key *k, int nr, uint32_t bits,
               struct futex_waiter ***chain)
{
    struct list *at, *next;
    int n = 0;

    for (at = b->waiters.next; at != &b->waiters; at = next) {
        struct futex_waiter *w = (struct futex_waiter *)at;

        next = at->next;
        if (!futex_key_eq(&w->key, k))
            continue;
        if (unlikely(w->kind != FUTEX_KIND_PLAIN))
            return -EINVAL;
        if (!(w->bits & bits))
            continue;
        next->prev = at->prev;
        at->prev->next = next;
        atomic_store(&w->bucket, FUTEX_WAKING);
        **chain = w;
        *chain = (struct futex_waiter **)&w->link.next;
        if (++n >= nr)
            break;
    }
    return n;
}

void futex_wake_chain(struct futex_waiter *w)
{
    while (w) {
        struct futex_waiter *next = (struct futex_waiter *)w->link.next;

        thread_wake_irqs_off(w->thread);
        atomic_store_release(&w->bucket, NULL); /* w is gone from here on */
        w = next;
        if (unlikely(w)) { /* many of them must not keep interrupts out */
            arch_irq_enable();
            arch_irq_disable();
        }
    }
}

/* b is locked, and is no more at the end. */
static __noinline long wake_several(struct futex_bucket *b, const struct futex_key *k, int nr, uint32_t bits)
{
    struct futex_waiter *first = NULL, **last = &first;
    int n = futex_take(b, k, nr, bits, &last);

    *last = NULL;
    spin_unlock(&b->lock);
    futex_wake_chain(first);
    arch_irq_enable();
    return n;
}

long futex_wake(vaddr_t addr, bool shared, int nr, uint32_t bits)
{
    struct futex_bucket *b, *table;
    struct futex_waiter *w;
    struct futex_key key;
    int err;

    if (unlikely(!bits))
        return -EINVAL;
    err = futex_key(addr, shared, false, &key);
    if (unlikely(err))
        return err;
    /* The caller changed the word. Whoever reads its old value has taken the lock before: the fence makes that, or his
     * place in the queue, visible here. */
    atomic_fence();
    table = atomic_load_acquire(&futex_table);
    if (!table)
        return 0;
    b = futex_hash(table, &key);
    if (!atomic_load_acquire(&b->lock.v) && list_empty(&b->waiters))
        return 0;
    futex_lock(b);
    w = (struct futex_waiter *)b->waiters.next;
    if (unlikely(nr > 1 || &w->link == &b->waiters || !futex_key_eq(&w->key, &key) ||
                 w->kind != FUTEX_KIND_PLAIN || !(w->bits & bits)))
        return wake_several(b, &key, nr, bits);
    /* One, and the first in the bucket: the usual case of futex_take() and futex_wake_chain(). */
    w->link.next->prev = &b->waiters;
    b->waiters.next = w->link.next;
    atomic_store(&w->bucket, FUTEX_WAKING);
    spin_unlock(&b->lock);
    thread_wake_irqs_off(w->thread);
    atomic_store_release(&w->bucket, NULL);
    arch_irq_enable();
    return 1;
}

/* ---- waiting ---- */

long futex_wait(vaddr_t addr, bool shared, uint32_t val, const struct futex_until *until, uint32_t bits)
{
    struct futex_waiter w;
    int err;

    if (unlikely(!bits))
        return -EINVAL;
    err = futex_key(addr, shared, false, &w.key);
    if (unlikely(err))
        return err;
    w.bits = bits;
    w.kind = FUTEX_KIND_PLAIN;
    err = futex_enqueue_inline(&w, addr, val);
    if (unlikely(err))
        return err;
    do {
        err = futex_block(until);
        if (likely(!atomic_load_acquire(&w.bucket)) || futex_woken(&w))
            return 0;
    } while (!err);
    return futex_unqueue(&w) ? err : 0;
}

#define RESTART_SHARED 1
#define RESTART_REAL   2

static long timed_wait(vaddr_t addr, unsigned flags, uint32_t val, uint64_t ns, uint32_t bits);

static long wait_restart(struct uthread *u)
{
    return timed_wait(u->restart_arg[0], (uint32_t)u->restart_arg[3], u->restart_arg[1], u->restart_arg[2],
                      u->restart_arg[3] >> 32);
}

/* A signal without a handler must not start a relative time anew. */
static long timed_wait(vaddr_t addr, unsigned flags, uint32_t val, uint64_t ns, uint32_t bits)
{
    struct futex_until until = { ns, flags & RESTART_REAL };
    struct uthread *u = current_uthread();
    long err = futex_wait(addr, flags & RESTART_SHARED, val, &until, bits);

    if (err != -ERESTARTSYS)
        return err;
    u->restart_arg[0] = addr;
    u->restart_arg[1] = val;
    u->restart_arg[2] = ns;
    u->restart_arg[3] = (uint64_t)bits << 32 | flags;
    u->restart_fn = wait_restart;
    return -ERESTART_RESTARTBLOCK;
}

/* ---- several at once ---- */

static_assert(sizeof(struct futex_waitv) == 24, "Linux's layout");

/* Checks all before the first is queued, as Linux does. */
static int waitv_read(struct futex_waitv *v, const struct futex_waitv __user *u, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        if (copy_from_user(&v[i], u + i, sizeof(*v)))
            return -EFAULT;
        if (v[i].flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG) || !(v[i].flags & FUTEX_32) || v[i].__reserved)
            return -EINVAL;
    }
    return 0;
}

/* Takes the first nr off: the last that somebody had woken before, or -1. */
static int unqueue_all(struct futex_waiter *w, unsigned nr)
{
    int woken = -1;

    for (unsigned i = 0; i < nr; i++)
        if (!futex_unqueue(&w[i]))
            woken = i;
    return woken;
}

static long waitv(struct futex_waiter *w, const struct futex_waitv *v, unsigned nr,
                  const struct futex_until *until)
{
    unsigned queued = 0;
    int err = 0, woken;

    for (unsigned i = 0; i < nr && !err; i++)
        err = futex_key(v[i].uaddr, !(v[i].flags & FUTEX_PRIVATE_FLAG), false, &w[i].key);
    if (err)
        return err;
    while (queued < nr && !err) {
        w[queued].bits = FUTEX_ANY;
        w[queued].kind = FUTEX_KIND_PLAIN;
        err = futex_enqueue(&w[queued], v[queued].uaddr, v[queued].val);
        queued += !err;
    }
    while (!err) {
        for (unsigned i = 0; i < nr && !err; i++)
            if (futex_woken(&w[i]))
                err = 1;
        if (!err)
            err = futex_block(until);
    }
    woken = unqueue_all(w, queued);
    return woken >= 0 ? woken : err;
}

static long waitv_alloc(const struct futex_waitv __user *u, unsigned nr, const struct futex_until *until)
{
    size_t size = nr * (sizeof(struct futex_waiter) + sizeof(struct futex_waitv));
    struct futex_waiter *w = kmalloc(size);
    long err;

    if (!w)
        return -ENOMEM;
    struct futex_waitv *v = (struct futex_waitv *)(w + nr);

    err = waitv_read(v, u, nr);
    if (!err)
        err = waitv(w, v, nr, until);
    kfree(w);
    return err;
}

SYSCALL5(futex_waitv, const struct futex_waitv __user *, u, unsigned, nr, unsigned, flags,
         const struct __kernel_timespec __user *, timeout, int, clock)
{
    struct futex_until until = { 0, clock == CLOCK_REALTIME };
    int err;

    if (flags || !nr || nr > FUTEX_WAITV_MAX || !u)
        return -EINVAL;
    if (!timeout)
        return waitv_alloc(u, nr, NULL);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return -EINVAL;
    err = time_read(timeout, &until.ns);
    return err ? err : waitv_alloc(u, nr, &until);
}

/* ---- futex(2) ---- */

/* The calls that take a time, and all others. val2: in its place, a second number. */
static long timed_call(vaddr_t addr, int op, uint32_t val, const struct futex_until *until, vaddr_t addr2,
                       uint32_t val3)
{
    bool shared = !(op & FUTEX_PRIVATE_FLAG);
    int cmd = op & FUTEX_CMD_MASK;

    if ((op & FUTEX_CLOCK_REALTIME) && (cmd == FUTEX_WAIT || cmd == FUTEX_LOCK_PI))
        return -ENOSYS;
    switch (cmd) {
    case FUTEX_WAIT:
        val3 = FUTEX_ANY;
        /* fallthrough */
    case FUTEX_WAIT_BITSET:
        if (!until)
            return futex_wait(addr, shared, val, NULL, val3);
        return timed_wait(addr, (shared ? RESTART_SHARED : 0) | (until->real ? RESTART_REAL : 0), val,
                          until->ns, val3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return futex_lock_pi(addr, shared, until, false);
    default:
        return futex_wait_requeue_pi(addr, addr2, shared, val, until);
    }
}

static long plain_call(vaddr_t addr, int op, uint32_t val, uint32_t val2, vaddr_t addr2, uint32_t val3)
{
    bool shared = !(op & FUTEX_PRIVATE_FLAG);

    if (op & FUTEX_CLOCK_REALTIME)
        return -ENOSYS;
    switch (op & FUTEX_CMD_MASK) {
    case FUTEX_WAKE:
        return futex_wake(addr, shared, val, FUTEX_ANY);
    case FUTEX_WAKE_BITSET:
        return futex_wake(addr, shared, val, val3);
    case FUTEX_REQUEUE:
        return futex_requeue(addr, addr2, shared, val, val2, NULL);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(addr, addr2, shared, val, val2, &val3);
    case FUTEX_WAKE_OP:
        return futex_wake_op(addr, addr2, shared, val, val2, val3);
    case FUTEX_UNLOCK_PI:
        return futex_unlock_pi(addr, shared);
    case FUTEX_TRYLOCK_PI:
        return futex_lock_pi(addr, shared, NULL, true);
    case FUTEX_CMP_REQUEUE_PI:
        return futex_requeue_pi(addr, addr2, shared, val, val2, val3);
    default:
        return -ENOSYS;
    }
}

/* FUTEX_WAIT's time is relative, all others are absolute. FUTEX_LOCK_PI's is always on the wall clock. */
static __noinline long timed_call_until(vaddr_t addr, int op, uint32_t val, vaddr_t timeout, vaddr_t addr2,
                                        uint32_t val3)
{
    int cmd = op & FUTEX_CMD_MASK;
    struct futex_until until = { 0, (op & FUTEX_CLOCK_REALTIME) || cmd == FUTEX_LOCK_PI };
    int err = time_read((const struct __kernel_timespec __user *)timeout, &until.ns);

    if (err)
        return err;
    if (cmd == FUTEX_WAIT)
        until.ns = time_deadline(until.ns);
    return timed_call(addr, op, val, &until, addr2, val3);
}

static bool takes_time(int cmd)
{
    return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 ||
           cmd == FUTEX_WAIT_REQUEUE_PI;
}

SYSCALL6(futex, vaddr_t, addr, int, op, uint32_t, val, uintptr_t, arg4, vaddr_t, addr2, uint32_t, val3)
{
    int cmd = op & FUTEX_CMD_MASK;

    /* what most programs do most */
    if (op == FUTEX_WAKE_PRIVATE) {
        long n = futex_wake(addr, false, val, FUTEX_ANY);

        sched_after_wake();
        return n;
    }
    if (op == FUTEX_WAIT_PRIVATE && !arg4)
        return futex_wait(addr, false, val, NULL, FUTEX_ANY);
    if (!takes_time(cmd))
        return plain_call(addr, op, val, arg4, addr2, val3);
    return arg4 ? timed_call_until(addr, op, val, arg4, addr2, val3)
                : timed_call(addr, op, val, NULL, addr2, val3);
}
