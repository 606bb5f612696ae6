/* SPDX-License-Identifier: BSD-2-Clause */
/* pi_requeue.c: FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI: condition variables whose mutex has priority inheritance. */
#include "linux/futex/pi.h"
#include "linux/process.h"
#include <linux/futex.h>

long futex_wait_requeue_pi(vaddr_t addr, vaddr_t addr2, bool shared, uint32_t val,
                           const struct futex_until *until)
{
    struct pi_waiter p = { .w = { .kind = FUTEX_KIND_REQUEUE, .bits = FUTEX_ANY } };
    int err;

    if (addr == addr2)
        return -EINVAL;
    err = futex_key(addr2, shared, true, &p.target);
    if (!err)
        err = futex_key(addr, shared, false, &p.w.key);
    if (!err && futex_key_eq(&p.w.key, &p.target))
        err = -EINVAL;
    if (!err)
        err = futex_enqueue(&p.w, addr, val);
    return err ? err : pi_wait(&p, addr2, until);
}

/* ---- CMP_REQUEUE_PI ---- */

/* Both buckets and the PI lock are held. */
struct move {
    struct futex_bucket *from, *to;
    struct futex_key key_from, key_to;
    long max, done;       /* how many may leave `from`, and have */
    struct thread *owner; /* of the lock they go to */
    struct pi_lookup lookup;
    vaddr_t touched; /* of two words the one that was read or written last */
};

/* From `at` on, the next that waits where they all do; NULL: none. */
static struct futex_waiter *next_waiter(const struct move *m, struct list *at)
{
    for (; at != &m->from->waiters; at = at->next)
        if (futex_key_eq(&((struct futex_waiter *)at)->key, &m->key_from))
            return (struct futex_waiter *)at;
    return NULL;
}

static bool may_move(const struct move *m, const struct futex_waiter *w)
{
    return w->kind == FUTEX_KIND_REQUEUE && futex_key_eq(&((const struct pi_waiter *)w)->target, &m->key_to);
}

/* The first waiter gets the lock if nobody has it; else its owner is known from here on. As pi_try_lock(). The thread
 * that is woken here cannot end before we are done: it would have to pass its locks on, which takes the PI lock. */
static int lock_for_first(struct move *m, struct futex_waiter *w, vaddr_t to)
{
    int got;

    if (!may_move(m, w))
        return -EINVAL;
    m->touched = to;
    got = pi_try_lock(to, m->to, &m->key_to, w->thread, m->max > 1, &m->lookup);
    m->owner = m->lookup.owner;
    if (got != PI_ACQUIRED)
        return got;
    m->owner = w->thread;
    m->done = 1;
    list_remove(&w->link);
    thread_wake_irqs_off(w->thread);
    atomic_store_release(&w->bucket, NULL); /* w is gone from here on */
    return got;
}

static int move_rest(struct move *m)
{
    struct list *next = m->from->waiters.next;
    struct futex_waiter *w;

    while (m->done < m->max && (w = next_waiter(m, next))) {
        int err = may_move(m, w) ? pi_lend((struct pi_waiter *)w, m->owner) : -EINVAL;

        if (err)
            return err;
        next = w->link.next;
        list_remove(&w->link);
        w->kind = FUTEX_KIND_PI;
        w->key = m->key_to;
        futex_insert(m->to, w);
        m->done++;
    }
    return 0;
}

static int move(struct move *m, vaddr_t from, vaddr_t to, uint32_t expect)
{
    struct futex_waiter *first;
    uint32_t now;
    int err;

    m->lookup.ref = NULL;
    m->touched = from;
    if (get_user(now, (uint32_t __user *)from))
        return -EFAULT;
    if (now != expect)
        return -EAGAIN;
    first = next_waiter(m, m->from->waiters.next);
    if (!first)
        return 0;
    err = lock_for_first(m, first, to);
    if (err != PI_OWNED && err != PI_ACQUIRED)
        return err;
    err = move_rest(m);
    pi_propagate(m->owner);
    return err;
}

long futex_requeue_pi(vaddr_t from, vaddr_t to, bool shared, int nr_wake, int nr_move, uint32_t expect)
{
    struct move m = { .max = nr_move + 1l };
    int err;

    if (nr_move < 0 || nr_wake != 1 || from == to)
        return -EINVAL;
    err = futex_key(from, shared, false, &m.key_from);
    if (!err)
        err = futex_key(to, shared, true, &m.key_to);
    if (!err && futex_key_eq(&m.key_from, &m.key_to))
        err = -EINVAL;
    if (err)
        return err;
    m.from = futex_bucket(&m.key_from);
    m.to = futex_bucket(&m.key_to);
    for (;;) {
        futex_lock_two(m.from, m.to);
        spin_lock(&futex_pi_lock);
        err = move(&m, from, to, expect);
        spin_unlock(&futex_pi_lock);
        futex_unlock_two(m.from, m.to);
        if (err != PI_RETRY && err != -EFAULT)
            break;
        err = pi_again(err, m.touched, m.touched == to, &m.lookup);
        if (err)
            return err;
    }
    if (m.lookup.ref)
        thread_put(m.lookup.ref);
    return err ? err : m.done;
}
