/* SPDX-License-Identifier: BSD-2-Clause */
/* tid.c: a radix tree from numbers to threads. A number is not used again before all others have been. */
#include "linux/tid.h"
#include "abi/errno.h"
#include "kernel/thread.h"
#include "lib/radix.h"

#define FIRST_AGAIN 300 /* where counting goes on after PID_MAX, as on Linux */

static struct spinlock lock = SPINLOCK_INIT(RANK_TID);
static struct radix threads = RADIX_INIT; /* [lock] */
static int next = 1;                      /* [lock] */

/* The numbers of one node of the tree. That of those given out next stays: threads come and go. */
static int block_of(int tid)
{
    return tid / (int)RADIX_SLOTS;
}

int tid_assign(struct thread *t)
{
    int err = -EAGAIN;

    spin_lock(&lock);
    uint64_t tid = radix_next_hole(&threads, next);

    if (tid >= PID_MAX)
        tid = radix_next_hole(&threads, FIRST_AGAIN);
    if (tid < PID_MAX)
        err = radix_set(&threads, tid, t);
    if (!err) {
        t->tid = tid;
        if (block_of(tid + 1) != block_of(next))
            radix_prune(&threads, next);
        next = tid + 1;
    }
    spin_unlock(&lock);
    return err;
}

void tid_release(struct thread *t)
{
    spin_lock(&lock);
    radix_clear(&threads, t->tid);
    if (block_of(t->tid) != block_of(next))
        radix_prune(&threads, t->tid);
    spin_unlock(&lock);
}

void tid_swap(struct thread *a, struct thread *b)
{
    int tid = a->tid;

    spin_lock(&lock);
    a->tid = b->tid;
    b->tid = tid;
    /* Both are in the tree: entries are replaced, which takes no memory. */
    radix_set(&threads, a->tid, a);
    radix_set(&threads, b->tid, b);
    spin_unlock(&lock);
}

struct thread *tid_find(int tid)
{
    struct thread *t;

    if (tid <= 0 || tid >= PID_MAX)
        return NULL;
    if (tid == current->tid) {
        thread_get(current);
        return current;
    }
    spin_lock(&lock);
    t = radix_get(&threads, tid);
    if (t && !ref_get_unless_zero(&t->refs))
        t = NULL;
    spin_unlock(&lock);
    return t;
}
