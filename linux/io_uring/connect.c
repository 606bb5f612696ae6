/* SPDX-License-Identifier: BSD-2-Clause */
/* connect.c: operations that make, connect and end sockets: SOCKET, ACCEPT, CONNECT, SHUTDOWN. */
#include "kernel/slab.h"
#include "linux/files.h"
#include "linux/io_uring/uring.h"
#include "linux/socket/socket.h"

/* A new file to its descriptor, or to a slot of the ring: the number. */
static int install(struct ureq *req, struct file *f, int flags)
{
    int n;

    if (!req->sqe.file_index)
        return fd_install_new(f, flags & SOCK_CLOEXEC);
    n = uring_install_file(req->ring, f, req->sqe.file_index);
    if (n < 0)
        file_put(f);
    return n;
}

/* ---- SOCKET ---- */

int uring_socket_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    int flags = (int)s->off & ~SOCK_TYPE_MASK;

    if (s->addr || s->rw_flags || s->buf_index)
        return -EINVAL;
    if ((s->file_index && (flags & SOCK_CLOEXEC)) || (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)))
        return -EINVAL;
    return 0;
}

int uring_socket(struct ureq *req)
{
    struct file *f = socket_make(req->sqe.fd, req->sqe.off, req->sqe.len);

    return IS_ERR(f) ? PTR_ERR(f) : install(req, f, req->sqe.off);
}

/* ---- ACCEPT ---- */

int uring_accept_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->len || s->buf_index || (s->ioprio & ~IORING_ACCEPT_MULTISHOT))
        return -EINVAL;
    if (s->file_index && ((s->accept_flags & SOCK_CLOEXEC) || ((s->ioprio & IORING_ACCEPT_MULTISHOT) &&
                                                               s->file_index != IORING_FILE_INDEX_ALLOC)))
        return -EINVAL;
    return s->accept_flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ? -EINVAL : 0;
}

static int accept_once(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    int err = s->file_index ? 0 : fd_has_room();
    struct file *f;

    if (err)
        return err;
    f = socket_accept(req->file, s->accept_flags, true, (void __user *)s->addr, (int __user *)s->addr2);
    return IS_ERR(f) ? PTR_ERR(f) : install(req, f, s->accept_flags);
}

int uring_accept(struct ureq *req)
{
    int n;

    if (!(req->sqe.ioprio & IORING_ACCEPT_MULTISHOT))
        return accept_once(req);
    do {
        n = accept_once(req);
        if (n < 0)
            return n;
        if (!uring_post(req->ring, req->sqe.user_data, n, IORING_CQE_F_MORE))
            return -ENOMEM;
        cond_resched();
    } while (!signal_pending());
    return -EAGAIN; /* ready again at once */
}

/* ---- CONNECT ---- */

int uring_connect_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->len || s->buf_index || s->rw_flags || s->file_index)
        return -EINVAL;
    req->rw.in_progress = false;
    return 0;
}

void uring_connect_cleanup(struct ureq *req)
{
    kfree(req->rw.copy);
}

/* Keeps the program's address for a later try. */
int uring_connect_stabilize(struct ureq *req)
{
    struct sockaddr_any *a;
    int err;

    if ((req->flags & UR_PREPARED) || req->rw.in_progress)
        return 0;
    a = kmalloc(sizeof(*a));
    if (!a)
        return -ENOMEM;
    err = sockaddr_read(a, (const void __user *)req->sqe.addr, (int)req->sqe.addr2);
    if (err) {
        kfree(a);
        return err;
    }
    req->rw.copy = a;
    req->flags |= UR_PREPARED;
    return 0;
}

int uring_connect(struct ureq *req)
{
    struct sockaddr_any here, *a = &here;
    int n;

    if (req->rw.in_progress) { /* it has ended, well or not */
        struct socket *s = file_socket(req->file);

        return s->ops->poll(s) & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? socket_take_error(s) : -EAGAIN;
    }
    if (req->flags & UR_PREPARED) {
        a = req->rw.copy;
    } else {
        n = sockaddr_read(a, (const void __user *)req->sqe.addr, (int)req->sqe.addr2);
        if (n)
            return n;
    }
    n = socket_connect(req->file, a, true);
    if (n != -EINPROGRESS)
        return n;
    req->rw.in_progress = true;
    return -EAGAIN;
}

/* ---- SHUTDOWN ---- */

int uring_shutdown_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    return s->off || s->addr || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL : 0;
}

int uring_shutdown(struct ureq *req)
{
    return socket_shutdown(req->file, req->sqe.len);
}
