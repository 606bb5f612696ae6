/* SPDX-License-Identifier: BSD-2-Clause */
/* requeue.c: the calls on two words: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP. */
#include "linux/futex/queue.h"
#include <linux/futex.h>

/* As futex_take(), but those beyond the first nr_wake, up to nr_move, wait on kt in bt from now on. Both are locked. */
static int take_or_move(struct futex_bucket *bf, const struct futex_key *kf, struct futex_bucket *bt,
                        const struct futex_key *kt, int nr_wake, int nr_move, struct futex_waiter ***chain)
{
    struct futex_waiter *w, *next;
    int n = nr_wake ? futex_take(bf, kf, nr_wake, FUTEX_ANY, chain) : 0, moved = 0;

    if (n < 0 || (futex_key_eq(kf, kt) && n < nr_wake)) /* nobody is left */
        return n;
    list_for_each_safe (w, next, &bf->waiters, link) {
        if (moved >= nr_move)
            break;
        if (!futex_key_eq(&w->key, kf))
            continue;
        if (w->kind != FUTEX_KIND_PLAIN)
            return -EINVAL;
        moved++;
        if (futex_key_eq(kf, kt))
            continue;
        list_remove(&w->link);
        w->key = *kt;
        futex_insert(bt, w);
    }
    return n + moved;
}

long futex_requeue(vaddr_t from, vaddr_t to, bool shared, int nr_wake, int nr_move, const uint32_t *expect)
{
    struct futex_waiter *first = NULL, **last = &first;
    struct futex_bucket *bf, *bt;
    struct futex_key kf, kt;
    uint32_t now;
    int err;

    if (nr_wake < 0 || nr_move < 0)
        return -EINVAL;
    err = futex_key(from, shared, false, &kf);
    if (!err)
        err = futex_key(to, shared, false, &kt);
    if (err)
        return err;
    bf = futex_bucket(&kf);
    bt = futex_bucket(&kt);
    for (;;) {
        futex_lock_two(bf, bt);
        if (!expect || !get_user(now, (uint32_t __user *)from))
            break;
        futex_unlock_two(bf, bt);
        if (futex_fault_in(from, false))
            return -EFAULT;
    }
    err = expect && now != *expect ? -EAGAIN : take_or_move(bf, &kf, bt, &kt, nr_wake, nr_move, &last);
    *last = NULL;
    if (bf != bt)
        spin_unlock(&bt->lock);
    spin_unlock(&bf->lock);
    futex_wake_chain(first);
    arch_irq_enable();
    return err;
}

/* ---- FUTEX_WAKE_OP ---- */

/* code: see FUTEX_OP() in linux/futex.h. */
static int32_t op_arg(uint32_t code)
{
    int32_t arg = (int32_t)(code << 8) >> 20;

    return code >> 28 & FUTEX_OP_OPARG_SHIFT ? 1 << (arg & 31) : arg;
}

static int op_result(uint32_t code, uint32_t cur, uint32_t *want)
{
    int32_t arg = op_arg(code);

    switch (code >> 28 & 7) {
    case FUTEX_OP_SET:
        *want = arg;
        return 0;
    case FUTEX_OP_ADD:
        *want = cur + arg;
        return 0;
    case FUTEX_OP_OR:
        *want = cur | arg;
        return 0;
    case FUTEX_OP_ANDN:
        *want = cur & ~arg;
        return 0;
    case FUTEX_OP_XOR:
        *want = cur ^ arg;
        return 0;
    default:
        return -ENOSYS;
    }
}

/* 0, 1, or -ENOSYS */
static int op_compare(uint32_t code, int32_t old)
{
    int32_t arg = (int32_t)(code << 20) >> 20;

    switch (code >> 24 & 15) {
    case FUTEX_OP_CMP_EQ:
        return old == arg;
    case FUTEX_OP_CMP_NE:
        return old != arg;
    case FUTEX_OP_CMP_LT:
        return old < arg;
    case FUTEX_OP_CMP_GE:
        return old >= arg;
    case FUTEX_OP_CMP_LE:
        return old <= arg;
    case FUTEX_OP_CMP_GT:
        return old > arg;
    default:
        return -ENOSYS;
    }
}

/* The operation, atomically; under the locks. Whether what was there compares; or -ENOSYS, -EFAULT. */
static int op_do(vaddr_t addr, uint32_t code)
{
    uint32_t cur, want, seen;
    int err;

    if (get_user(cur, (uint32_t __user *)addr))
        return -EFAULT;
    for (;;) {
        err = op_result(code, cur, &want);
        if (!err)
            err = user_cmpxchg_u32((uint32_t __user *)addr, cur, want, &seen);
        if (err)
            return err;
        if (seen == cur)
            return op_compare(code, cur);
        cur = seen;
    }
}

long futex_wake_op(vaddr_t addr, vaddr_t addr2, bool shared, int nr, int nr2, uint32_t code)
{
    struct futex_waiter *first = NULL, **last = &first;
    struct futex_bucket *b, *b2;
    struct futex_key key, key2;
    int err, n = 0;

    err = futex_key(addr, shared, false, &key);
    if (!err)
        err = futex_key(addr2, shared, true, &key2);
    if (err)
        return err;
    b = futex_bucket(&key);
    b2 = futex_bucket(&key2);
    for (;;) {
        futex_lock_two(b, b2);
        err = op_do(addr2, code);
        if (err != -EFAULT)
            break;
        futex_unlock_two(b, b2);
        if (futex_fault_in(addr2, true))
            return -EFAULT;
    }
    if (err >= 0)
        n = futex_take(b, &key, nr, FUTEX_ANY, &last);
    if (err > 0 && n >= 0) {
        int m = futex_take(b2, &key2, nr2, FUTEX_ANY, &last);

        n = m < 0 ? m : n + m;
    }
    *last = NULL;
    if (b != b2)
        spin_unlock(&b2->lock);
    spin_unlock(&b->lock);
    futex_wake_chain(first);
    arch_irq_enable();
    return err < 0 ? err : n;
}
