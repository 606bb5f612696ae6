/* SPDX-License-Identifier: BSD-2-Clause */
/* fileops.c: operations on open files and memory that are one system call each; splicing; messages between rings. */
#include "fs/splice.h"
#include "kernel/mm.h"
#include "kernel/uaccess.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/io.h"
#include "linux/io_uring/uring.h"

int uring_fsync_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    return s->addr || s->buf_index || s->splice_fd_in || (s->fsync_flags & ~IORING_FSYNC_DATASYNC) ? -EINVAL
                                                                                                   : 0;
}

int uring_fsync(struct ureq *req)
{
    if ((int64_t)req->sqe.off < 0)
        return -EINVAL;
    return file_sync(req->file, req->sqe.fsync_flags & IORING_FSYNC_DATASYNC);
}

int uring_sync_range_prep(struct ureq *req)
{
    return req->sqe.addr || req->sqe.buf_index || req->sqe.splice_fd_in ? -EINVAL : 0;
}

int uring_sync_range(struct ureq *req)
{
    return file_sync_range(req->file, req->sqe.off, req->sqe.len, req->sqe.sync_range_flags);
}

int uring_fallocate_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.rw_flags || req->sqe.splice_fd_in ? -EINVAL : 0;
}

int uring_fallocate(struct ureq *req)
{
    return file_fallocate(req->file, req->sqe.len, req->sqe.off, req->sqe.addr);
}

int uring_fadvise_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.splice_fd_in ? -EINVAL : 0;
}

int uring_fadvise(struct ureq *req)
{
    return file_advise(req->file, req->sqe.len, req->sqe.fadvise_advice);
}

int uring_madvise_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.off || req->sqe.splice_fd_in ? -EINVAL : 0;
}

int uring_madvise(struct ureq *req)
{
    return mm_advise(current->mm, req->sqe.addr, req->sqe.len, req->sqe.fadvise_advice);
}

int uring_epoll_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->buf_index || s->splice_fd_in)
        return -EINVAL;
    if (s->len == EPOLL_CTL_DEL)
        return 0;
    return copy_from_user(&req->event, (const void __user *)s->addr, sizeof(req->event));
}

int uring_epoll(struct ureq *req)
{
    return epoll_change(req->sqe.fd, req->sqe.len, req->sqe.off, &req->event);
}

/* ---- splice and tee: sqe.fd is the output ---- */

#define SPLICE_ALL (SPLICE_MOVE | SPLICE_NONBLOCK | SPLICE_MORE | SPLICE_GIFT)

int uring_splice_prep(struct ureq *req)
{
    return req->sqe.splice_flags & ~(SPLICE_ALL | SPLICE_F_FD_IN_FIXED) ? -EINVAL : 0;
}

int uring_tee_prep(struct ureq *req)
{
    return req->sqe.splice_off_in || req->sqe.off ? -EINVAL : uring_splice_prep(req);
}

void uring_splice_cleanup(struct ureq *req)
{
    file_put(req->splice_in);
}

/* The input stays the same file when it is waited for. */
static int get_input(struct ureq *req)
{
    if (req->flags & UR_PREPARED)
        return 0;
    req->splice_in =
        uring_file(req->ring, req->sqe.splice_fd_in, req->sqe.splice_flags & SPLICE_F_FD_IN_FIXED);
    if (!req->splice_in)
        return -EBADF;
    req->flags |= UR_PREPARED;
    return 0;
}

/* The side that is not ready. 0: the caller wants no waiting. */
uint32_t uring_splice_waits(struct ureq *req)
{
    struct file *in = req->splice_in;

    if (req->sqe.splice_flags & SPLICE_NONBLOCK)
        return 0;
    if (in->ops->poll && !(in->ops->poll(in, NULL) & (EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR))) {
        req->waits_on = in;
        return in->flags & O_NONBLOCK ? 0 : EPOLLIN | EPOLLRDNORM;
    }
    return req->file->flags & O_NONBLOCK ? 0 : EPOLLOUT | EPOLLWRNORM;
}

static int spliced(struct ureq *req, ssize_t n)
{
    if (n >= 0 && n != req->sqe.len)
        ureq_fail(req);
    return n;
}

int uring_splice(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    uint64_t in_pos = s->splice_off_in, out_pos = s->off;
    int err = get_input(req);

    if (err)
        return err;
    if (!s->len)
        return 0;
    if ((in_pos != ~0ull && (int64_t)in_pos < 0) || (out_pos != ~0ull && (int64_t)out_pos < 0))
        return -EINVAL;
    return spliced(req, file_splice(req->splice_in, in_pos == ~0ull ? NULL : &in_pos, req->file,
                                    out_pos == ~0ull ? NULL : &out_pos, MIN(s->len, IO_MAX),
                                    (s->splice_flags & SPLICE_ALL) | SPLICE_NONBLOCK));
}

int uring_tee(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    int err = get_input(req);

    if (err)
        return err;
    if (!s->len)
        return 0;
    return spliced(req, file_tee(req->splice_in, req->file, MIN(s->len, IO_MAX),
                                 (s->splice_flags & SPLICE_ALL) | SPLICE_NONBLOCK));
}

/* ---- messages ---- */

int uring_msg_prep(struct ureq *req)
{
    return req->sqe.buf_index || (req->sqe.msg_ring_flags & ~IORING_MSG_RING_CQE_SKIP) ? -EINVAL : 0;
}

/* Only its completion queue is touched: no other ring's mutex is needed. */
static int message(struct uring *to, uint64_t user_data, int res)
{
    if (READ_ONCE(to->flags) & IORING_SETUP_R_DISABLED)
        return -EBADFD;
    if (!uring_post(to, user_data, res, 0))
        return -EOVERFLOW;
    uring_notify(to, true);
    return 0;
}

static int send_file(struct ureq *req, struct uring *to)
{
    const struct io_uring_sqe *s = &req->sqe;
    struct file *f;
    int n;

    if (to == req->ring)
        return -EINVAL;
    if (READ_ONCE(to->flags) & IORING_SETUP_R_DISABLED)
        return -EBADFD;
    f = uring_file(req->ring, s->addr3, true);
    if (!f)
        return -EBADF;
    /* Two rings may send to each other: neither waits for the other's mutex. */
    if (!mutex_trylock(&to->mutex)) {
        file_put(f);
        return -EAGAIN;
    }
    n = uring_install_file(to, f, s->file_index);
    uring_flush(to, true); /* the tag of what was there */
    mutex_unlock(&to->mutex);
    if (n < 0) {
        file_put(f);
        return n;
    }
    if (!(s->msg_ring_flags & IORING_MSG_RING_CQE_SKIP)) {
        int err = message(to, s->off, n ? n : (int)s->len);

        n = err ? err : n;
    }
    return n;
}

int uring_msg(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (req->file->ops != &uring_file_ops)
        return -EBADFD;
    switch (s->addr) {
    case IORING_MSG_DATA:
        if (s->addr3 || s->file_index || s->msg_ring_flags)
            return -EINVAL;
        return message(req->file->private, s->off, s->len);
    case IORING_MSG_SEND_FD:
        return send_file(req, req->file->private);
    default:
        return -EINVAL;
    }
}
