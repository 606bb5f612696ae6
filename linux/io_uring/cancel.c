/* SPDX-License-Identifier: BSD-2-Clause */
/* cancel.c: finding requests that wait and ending them: ASYNC_CANCEL, closing a ring, the end of a thread. */
#include "kernel/uaccess.h"
#include "linux/io_uring/uring.h"
#include "linux/time.h"

#define CANCEL_FLAGS                                                              \
    (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY | \
     IORING_ASYNC_CANCEL_FD_FIXED)
#define CANCEL_MANY (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)

struct ureq *uring_find(struct uring *r, uint64_t user_data, unsigned kinds)
{
    struct ureq *req;

    list_for_each (req, uring_bucket(r, user_data), hash_link)
        if (req->sqe.user_data == user_data && (kinds >> req->kind & 1) && !(req->flags & UR_CANCELED))
            return req;
    return NULL;
}

int ureq_cancel(struct ureq *req)
{
    bool timeout = req->kind == UK_TIMEOUT || req->kind == UK_LINK_TIMEOUT;

    if (atomic_xchg(&req->claimed, 1)) { /* woken: its thread will see to it */
        if (timeout || req->kind == UK_START)
            return -ENOENT;
        req->flags |= UR_CANCELED;
        return 0;
    }
    if (timeout) {
        clock_timer_cancel(&req->timeout.timer);
        list_remove(&req->timeout.link);
        if (req->linked)
            req->linked = req->linked->linked = NULL;
    } else {
        ureq_disarm(req);
    }
    ureq_complete(req, -ECANCELED);
    return 0;
}

static bool matches(const struct ureq *req, const struct ucancel *c)
{
    if (req->kind == UK_START || req->kind == UK_LINK_TIMEOUT || (req->flags & UR_CANCELED))
        return false;
    if (req->kind == UK_TIMEOUT && atomic_load(&req->claimed)) /* gone off */
        return false;
    if (c->flags & IORING_ASYNC_CANCEL_ANY)
        return true;
    if (c->flags & IORING_ASYNC_CANCEL_FD)
        return req->file == c->file && req->kind != UK_TIMEOUT;
    return req->sqe.user_data == c->user_data;
}

static struct ureq *find(struct uring *r, const struct ucancel *c)
{
    bool one = !(c->flags & (IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD));
    struct list *bucket = one ? uring_bucket(r, c->user_data) : r->armed;
    struct list *end = one ? bucket + 1 : r->armed + r->armed_mask + 1;
    struct ureq *req;

    for (; bucket < end; bucket++)
        list_for_each (req, bucket, hash_link)
            if (matches(req, c))
                return req;
    return NULL;
}

int uring_cancel(struct uring *r, const struct ucancel *c)
{
    struct ureq *req;
    int n = 0, err;

    while ((req = find(r, c))) {
        err = ureq_cancel(req);
        if (!(c->flags & CANCEL_MANY))
            return err;
        n += !err;
    }
    return c->flags & CANCEL_MANY ? n : -ENOENT;
}

/* ---- at the end of a ring or thread ---- */

static void cancel_deferred(struct uring *r, struct uring_task *only)
{
    struct ureq *req, *next;
    struct list out = LIST_INIT(out);

    list_for_each_safe (req, next, &r->deferred, work_link) {
        if (only && req->task != only)
            continue;
        list_remove(&req->work_link);
        list_append(&out, &req->work_link);
        for (struct ureq *q = req; q; q = q->next)
            r->nr_deferred--;
    }
    list_splice(&r->ready, &out);
    uring_run_ready(r);
}

/* The first that nobody has claimed. */
static struct ureq *first_idle(struct list *bucket, const struct uring_task *only)
{
    struct ureq *req;

    list_for_each (req, bucket, hash_link)
        if (!(only && req->task != only) && !atomic_load(&req->claimed))
            return req;
    return NULL;
}

void uring_cancel_all(struct uring *r, struct uring_task *only)
{
    struct ureq *req;

    for (struct list *b = r->armed; b <= r->armed + r->armed_mask; b++) {
        while ((req = first_idle(b, only)))
            ureq_cancel(req); /* or a waker claims it meanwhile: its thread will see that it is over */
        list_for_each (req, b, hash_link)
            if (!only || req->task == only)
                req->flags |= UR_CANCELED;
    }
    cancel_deferred(r, only);
}

/* ---- ASYNC_CANCEL ---- */

int uring_async_cancel_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if ((req->flags & IOSQE_BUFFER_SELECT) || s->off || s->len || s->splice_fd_in ||
        (s->cancel_flags & ~CANCEL_FLAGS))
        return -EINVAL;
    return (s->cancel_flags & IORING_ASYNC_CANCEL_FD) && (s->cancel_flags & IORING_ASYNC_CANCEL_ANY) ? -EINVAL
                                                                                                     : 0;
}

/* c->file from a descriptor or slot. */
static int cancel_file(struct uring *r, struct ucancel *c, int fd)
{
    struct file *f;
    int n;

    if (!(c->flags & IORING_ASYNC_CANCEL_FD))
        return uring_cancel(r, c);
    f = uring_file(r, fd, c->flags & IORING_ASYNC_CANCEL_FD_FIXED);
    if (!f)
        return -EBADF;
    c->file = f;
    n = uring_cancel(r, c);
    file_put(f);
    return n;
}

int uring_async_cancel(struct ureq *req)
{
    struct ucancel c = { .user_data = req->sqe.addr, .flags = req->sqe.cancel_flags };

    if (req->flags & IOSQE_FIXED_FILE)
        c.flags |= IORING_ASYNC_CANCEL_FD_FIXED;
    return cancel_file(req->ring, &c, req->sqe.fd);
}

/* IORING_REGISTER_SYNC_CANCEL: nothing here goes on after its cancellation, so there is nothing to wait for. */
long uring_sync_cancel(struct uring *r, void __user *arg)
{
    struct io_uring_sync_cancel_reg s;
    struct ucancel c;
    uint64_t ns;
    int n;

    if (copy_from_user(&s, arg, sizeof(s)))
        return -EFAULT;
    if ((s.flags & ~CANCEL_FLAGS) || s.pad[0] || s.pad[1] || s.pad[2] || s.pad[3])
        return -EINVAL;
    if ((s.timeout.tv_sec != -1 || s.timeout.tv_nsec != -1) &&
        time_read(&((struct io_uring_sync_cancel_reg __user *)arg)->timeout, &ns))
        return -EINVAL;
    c = (struct ucancel){ .user_data = s.addr, .flags = s.flags };
    n = cancel_file(r, &c, s.fd);
    uring_run_ready(r);
    return n > 0 ? 0 : n;
}
