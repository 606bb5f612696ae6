/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.c: sending and receiving. Each operation is one attempt that does not block; after -EAGAIN the request waits for the
 * file and tries again (UO_POLLIN, UO_POLLOUT in ops.c). What makes and connects sockets is connect.c.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/io.h"
#include "linux/io_uring/uring.h"
#include "linux/socket/socket.h"
#include <linux/stat.h>

int uring_no_socket_op(struct ureq *req)
{
    return S_ISSOCK(req->file->inode->mode) ? -EOPNOTSUPP : -ENOTSOCK;
}

static int prep(struct ureq *req, unsigned allowed)
{
    if (req->sqe.ioprio & ~allowed)
        return -EINVAL;
    if (req->sqe.msg_flags & MSG_DONTWAIT)
        req->flags |= UR_NOWAIT;
    req->rw.count = 0;
    return 0;
}

/* Of a transfer that is to be complete (MSG_WAITALL) a part: the rest is waited for. rw.count: what came before. */
static int transferred(struct ureq *req, int n, size_t want)
{
    size_t before = req->rw.count;

    if (n > 0 && (size_t)n < want && (req->sqe.msg_flags & MSG_WAITALL) &&
        !(req->flags & IOSQE_BUFFER_SELECT)) {
        req->rw.count += n;
        return -EAGAIN;
    }
    if (n == -EAGAIN || (n < 0 && !before))
        return n;
    n = MAX(n, 0);
    if ((size_t)n < want)
        ureq_fail(req);
    return before + n;
}

/* ---- SEND ---- */

int uring_send_prep(struct ureq *req)
{
    return prep(req, IORING_RECVSEND_POLL_FIRST);
}

/* To an address of the program's (sqe.addr2). */
static ssize_t send_to(struct ureq *req, struct iov *v, unsigned flags)
{
    struct msghdr h = { .name = req->sqe.addr2, .namelen = req->sqe.addr_len };

    if (h.namelen > SOCKADDR_MAX)
        return -EINVAL;
    return socket_sendmsg(req->file, &h, v, flags);
}

int uring_send(struct ureq *req)
{
    unsigned flags = req->sqe.msg_flags | MSG_DONTWAIT | MSG_NOSIGNAL;
    size_t done = req->rw.count, len = MIN(req->sqe.len, IO_MAX) - done;
    struct iov v;
    ssize_t n;

    iov_user(&v, (const char __user *)req->sqe.addr + done, len);
    n = unlikely(req->sqe.addr2) ? send_to(req, &v, flags) : socket_send(req->file, &v, flags);
    return transferred(req, n, len);
}

/* ---- RECV ---- */

int uring_receive_prep(struct ureq *req)
{
    if ((req->sqe.ioprio & IORING_RECV_MULTISHOT) &&
        (!(req->flags & IOSQE_BUFFER_SELECT) || (req->sqe.msg_flags & MSG_WAITALL) || req->sqe.len))
        return -EINVAL;
    return prep(req, IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT);
}

static int receive_once(struct ureq *req)
{
    bool select = req->flags & IOSQE_BUFFER_SELECT;
    size_t done = select ? 0 : req->rw.count, len = MIN(req->sqe.len, IO_MAX) - done;
    uint64_t addr = req->sqe.addr + done;
    int n = select ? ureq_select(req, &addr, &len) : 0;
    struct iov v;

    if (n)
        return n;
    if (select)
        req->rw.count = 0;
    iov_user(&v, (void __user *)addr, len);
    n = transferred(req, socket_receive(req->file, &v, req->sqe.msg_flags | MSG_DONTWAIT), len);
    if (!select)
        return n;
    if (n == -EAGAIN)
        ureq_unselect(req);
    else
        ureq_selection_used(req);
    return n;
}

int uring_receive(struct ureq *req)
{
    int n;

    if (likely(!(req->sqe.ioprio & IORING_RECV_MULTISHOT)))
        return receive_once(req);
    do {
        n = receive_once(req);
        if (n <= 0) /* the end, an error, no buffer: the last completion */
            return n;
        req->flags &= ~UR_FAIL;
        if (!uring_post(req->ring, req->sqe.user_data, n, req->cqe_flags | IORING_CQE_F_MORE))
            return -ENOMEM;
        req->cqe_flags = 0;
        cond_resched();
        /* As newer kernels: no buffer is asked for before there is something to put into it. */
    } while ((file_socket(req->file)->ops->poll(file_socket(req->file)) & EPOLLIN) && !signal_pending());
    return -EAGAIN; /* ready again at once */
}

/* ---- SENDMSG, RECVMSG ---- */

/* The program's header and vector, copied, for a later try. */
struct unet_msg {
    struct msghdr h;
    struct iov_seg segs[];
};

int uring_sendmsg_prep(struct ureq *req)
{
    if (req->sqe.addr2 || req->sqe.file_index)
        return -EINVAL;
    return prep(req, IORING_RECVSEND_POLL_FIRST);
}

void uring_msg_cleanup(struct ureq *req)
{
    kfree(req->rw.copy);
}

static int header_read(const struct ureq *req, struct msghdr *h)
{
    if (copy_from_user(h, (const void __user *)req->sqe.addr, sizeof(*h)))
        return -EFAULT;
    if (h->name && (int)h->namelen < 0)
        return -EINVAL;
    if (h->nr_iov > IOV_LIMIT)
        return -EMSGSIZE;
    return h->controllen > INT32_MAX ? -ENOBUFS : 0;
}

int uring_msg_stabilize(struct ureq *req)
{
    struct unet_msg *m;
    struct msghdr h;
    struct vec vec;
    struct iov v;
    int err;

    if (req->flags & UR_PREPARED)
        return 0;
    err = header_read(req, &h);
    if (!err)
        err = vec_import(&vec, &v, (const void __user *)h.iov, h.nr_iov);
    if (err)
        return err;
    m = kmalloc(sizeof(*m) + v.nr_segs * sizeof(m->segs[0]));
    if (m) {
        m->h = h;
        for (unsigned n = 0; n < v.nr_segs; n++)
            m->segs[n] = v.segs[n];
        req->rw.copy = m;
        req->flags |= UR_PREPARED;
    }
    vec_free(&vec);
    return m ? 0 : -ENOMEM;
}

/* The message of this try, behind what was transferred before. vec is to be freed in any case of success. */
static int message(struct ureq *req, struct msghdr *h, struct vec *vec, struct iov *v)
{
    int err = 0;

    vec->segs = vec->fast;
    if (req->flags & UR_PREPARED) {
        const struct unet_msg *m = req->rw.copy;

        *h = m->h;
        iov_user(v, NULL, 0);
        v->segs = m->segs;
        v->nr_segs = h->nr_iov;
        for (size_t n = 0; n < h->nr_iov; n++)
            v->count += m->segs[n].len;
    } else {
        err = header_read(req, h);
        if (!err)
            err = vec_import(vec, v, (const void __user *)h->iov, h->nr_iov);
    }
    if (!err && req->rw.count)
        iov_skip(v, req->rw.count);
    return err;
}

int uring_sendmsg(struct ureq *req)
{
    struct msghdr h;
    struct vec vec;
    struct iov v;
    size_t want;
    int n = message(req, &h, &vec, &v);

    if (n)
        return n;
    want = v.count;
    if (req->rw.count)
        h.control = 0; /* it went with the first part */
    n = socket_sendmsg(req->file, &h, &v, req->sqe.msg_flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    vec_free(&vec);
    return transferred(req, n, want);
}

/* Into a provided buffer: of the vector there is one segment at most, whose length counts. */
static int select_segment(struct ureq *req, struct msghdr *h, struct iov *v)
{
    size_t len = v->count;
    uint64_t addr;
    int err;

    if (h->nr_iov > 1)
        return -EINVAL;
    err = ureq_select(req, &addr, &len);
    if (!err)
        iov_user(v, (void __user *)addr, len);
    return err;
}

/* The program's header gets what changed. */
static int header_write(const struct ureq *req, const struct msghdr *h)
{
    struct msghdr __user *u = (struct msghdr __user *)req->sqe.addr;

    return (h->name && put_user(h->namelen, &u->namelen)) || put_user(h->controllen, &u->controllen) ||
                   put_user(h->flags, &u->flags)
               ? -EFAULT
               : 0;
}

int uring_recvmsg(struct ureq *req)
{
    bool select = req->flags & IOSQE_BUFFER_SELECT;
    struct msghdr h;
    struct vec vec;
    struct iov v;
    size_t want;
    int n = message(req, &h, &vec, &v);

    if (n)
        return n;
    n = select ? select_segment(req, &h, &v) : 0;
    want = v.count;
    if (!n) {
        n = socket_recvmsg(req->file, &h, &v, req->sqe.msg_flags | MSG_DONTWAIT);
        if (n >= 0 && header_write(req, &h))
            n = -EFAULT;
        if (n >= 0 && (h.flags & (MSG_TRUNC | MSG_CTRUNC)))
            ureq_fail(req);
        n = transferred(req, n, want);
        if (select && n == -EAGAIN)
            ureq_unselect(req);
        else if (select)
            ureq_selection_used(req);
    }
    vec_free(&vec);
    return n;
}
