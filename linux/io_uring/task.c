/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.c: one thread's part in its rings: the requests that wait for it (task work), those it has under way, the
 * ring descriptors it registered.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/io_uring/uring.h"
#include "linux/process.h"

__noinline struct uring_task *uring_task_new(void)
{
    struct uthread *u = current_uthread();
    struct uring_task *t = kzalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->thread = current;
    spin_init(&t->lock, RANK_URING_TASK);
    list_init(&t->work);
    list_init(&t->tracked);
    u->uring = t;
    return t;
}

/* ---- task work ---- */

static struct ureq *take(struct uring_task *t)
{
    struct ureq *req;
    unsigned long flags;

    if (list_empty(&t->work))
        return NULL;
    flags = spin_lock_irqsave(&t->lock);
    req = list_first(&t->work, struct ureq, work_link);
    if (req)
        list_remove(&req->work_link);
    spin_unlock_irqrestore(&t->lock, flags);
    return req;
}

static void run(struct ureq *req)
{
    switch (req->kind) {
    case UK_START:
        ureq_start(req);
        break;
    case UK_RETRY:
        ureq_disarm(req);
        if (req->flags & UR_CANCELED)
            ureq_complete(req, -ECANCELED);
        else
            ureq_start(req);
        break;
    case UK_POLL:
        ureq_poll_run(req);
        break;
    default:
        ureq_timeout_run(req);
    }
}

static void leave(struct uring *r)
{
    if (!r)
        return;
    uring_run_ready(r);
    uring_flush(r, true);
    uring_unlock(r);
    uring_put(r);
}

bool uring_run_task_work(void)
{
    struct uring_task *t = current_uring_task();
    struct uring *r = NULL;
    struct ureq *req;
    bool any = false;

    if (READ_ONCE(current->work) & WORK_TASK)
        atomic_and(&current->work, ~WORK_TASK);
    uring_close_unmapped();
    if (!t)
        return false;
    while ((req = take(t))) {
        if (req->ring != r) {
            leave(r);
            r = req->ring;
            ref_get(&r->refs);
            mutex_lock(&r->mutex);
            if (r->flags & IORING_SETUP_TASKRUN_FLAG)
                atomic_and(&r->head->sq_flags, ~IORING_SQ_TASKRUN);
        }
        run(req);
        uring_run_ready(r);
        any = true;
    }
    leave(r);
    return any;
}

/* ---- the thread's end ---- */

/* A ring in which the thread has requests, referenced. */
static struct uring *tracked_ring(struct uring_task *t)
{
    unsigned long flags = spin_lock_irqsave(&t->lock);
    struct ureq *req = list_first(&t->tracked, struct ureq, task_link);
    struct uring *r = req ? req->ring : NULL;

    if (r)
        ref_get(&r->refs);
    spin_unlock_irqrestore(&t->lock, flags);
    return r;
}

void uring_task_exit(struct uthread *u)
{
    struct uring_task *t = u->uring;
    struct uring *r;

    uring_close_unmapped();
    if (!t)
        return;
    t->exiting = true;
    while ((r = tracked_ring(t))) {
        mutex_lock(&r->mutex);
        uring_cancel_all(r, t);
        uring_flush(r, true);
        uring_unlock(r);
        uring_put(r);
        if (!uring_run_task_work() && !list_empty(&t->tracked))
            schedule(); /* a waker on another CPU is about to queue one */
    }
    for (unsigned i = 0; i < URING_REGISTERED; i++)
        if (t->rings[i])
            file_put(t->rings[i]);
    u->uring = NULL;
    kfree(t);
}

/* ---- registered ring descriptors ---- */

static long add_ring(struct uring_task *t, struct io_uring_rsrc_update *u)
{
    unsigned from = u->offset == ~0u ? 0 : u->offset, to = u->offset == ~0u ? URING_REGISTERED : from + 1;
    struct file *f;

    if (u->resv || from >= URING_REGISTERED)
        return -EINVAL;
    f = fd_get(u->data);
    if (!f)
        return -EBADF;
    if (f->ops != &uring_file_ops) {
        file_put(f);
        return -EOPNOTSUPP;
    }
    for (unsigned i = from; i < to; i++) {
        if (t->rings[i])
            continue;
        t->rings[i] = f;
        u->offset = i;
        return 0;
    }
    file_put(f);
    return -EBUSY;
}

static long drop_ring(struct uring_task *t, const struct io_uring_rsrc_update *u)
{
    struct file *f;

    if (u->resv || u->data || u->offset >= URING_REGISTERED)
        return -EINVAL;
    f = t->rings[u->offset];
    t->rings[u->offset] = NULL;
    if (f)
        file_put(f);
    return 0;
}

/* IORING_REGISTER_RING_FDS and its opposite: how many were done, or the first one's error. */
long uring_ring_fds(void __user *arg, unsigned nr, bool add)
{
    struct io_uring_rsrc_update __user *uv = arg;
    struct uring_task *t = uring_task_get();
    long err = 0;
    unsigned i;

    if (!nr || nr > URING_REGISTERED)
        return -EINVAL;
    if (!t)
        return -ENOMEM;
    for (i = 0; i < nr && !err; i++) {
        struct io_uring_rsrc_update u;

        err = copy_from_user(&u, &uv[i], sizeof(u));
        if (err)
            break;
        err = add ? add_ring(t, &u) : drop_ring(t, &u);
        if (!err && add && copy_to_user(&uv[i], &u, sizeof(u))) {
            u.data = 0;
            drop_ring(t, &u);
            err = -EFAULT;
        }
        if (err)
            break;
    }
    return i ? (long)i : err;
}
