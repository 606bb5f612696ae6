/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.c: sending and receiving: sendto(2), recvfrom(2), sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2).
 */
#include "fs/pipe.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/fd_table.h"
#include "linux/io.h"
#include "linux/socket/socket.h"
#include "linux/syscall.h"
#include "linux/time.h"

#define CONTROL_FAST 256
#define MMSG_MAX     1024

static inline bool has_local_control(const struct socket *s)
{
    return s->family == AF_UNIX || s->family == AF_NETLINK;
}

static inline int not_a_socket(const struct file *f)
{
    return f->fmode & FMODE_PATH ? -EBADF : -ENOTSOCK;
}

/* ---- one buffer ---- */

ssize_t socket_send(struct file *f, struct iov *v, unsigned flags)
{
    struct socket *s = file_socket(f);
    struct socket_msg m;
    ssize_t n;

    if (!s)
        return -ENOTSOCK;
    flags = socket_flags(f, flags);
    if (likely(s->ops->send && !(flags & ~PLAIN_SEND))) {
        n = s->ops->send(s, v, flags);
        if (unlikely(n == -EPIPE) && !(flags & MSG_NOSIGNAL))
            pipe_broken();
        return n;
    }
    socket_msg_init(&m, v, flags, s->sndtimeo_ns);
    return socket_send_msg(s, &m);
}

ssize_t socket_receive(struct file *f, struct iov *v, unsigned flags)
{
    struct socket *s = file_socket(f);
    struct socket_msg m;
    ssize_t n;

    if (!s)
        return -ENOTSOCK;
    flags = socket_flags(f, flags);
    if (likely(s->ops->receive && !(flags & ~PLAIN_RECEIVE)))
        return s->ops->receive(s, v, flags);
    socket_msg_init(&m, v, flags, s->rcvtimeo_ns);
    n = s->ops->recvmsg(s, &m);
    if (unlikely(m.rights))
        socket_rights_put(m.rights);
    return n;
}

static __noinline ssize_t send_to(struct file *f, struct iov *v, unsigned flags, const void __user *addr,
                                  int len)
{
    struct socket *s = file_socket(f);
    struct sockaddr_any to;
    struct socket_msg m;
    int err = sockaddr_read(&to, addr, len);

    if (err)
        return err;
    socket_msg_init(&m, v, socket_flags(f, flags), s->sndtimeo_ns);
    m.name = &to;
    return socket_send_msg(s, &m);
}

SYSCALL6(sendto, int, fd, const void __user *, buf, size_t, len, unsigned, flags, const void __user *, addr,
         int, addrlen)
{
    struct fd_ref r = fd_borrow(fd);
    struct file *f = r.file;
    struct iov v;
    ssize_t n;

    if (unlikely(!f))
        return -EBADF;
    len = MIN(len, IO_MAX);
    iov_user(&v, buf, len);
    if (unlikely(!user_ok(buf, len)))
        n = -EFAULT;
    else if (unlikely(!file_socket(f)))
        n = not_a_socket(f);
    else if (unlikely(addr))
        n = send_to(f, &v, flags, addr, addrlen);
    else
        n = socket_send(f, &v, flags);
    sched_after_wake();
    fd_return(r);
    return n;
}

static __noinline ssize_t receive_from(struct file *f, struct iov *v, unsigned flags, void __user *addr,
                                       int __user *len)
{
    struct socket *s = file_socket(f);
    struct sockaddr_any from;
    struct socket_msg m;
    ssize_t n;

    from.len = 0;
    socket_msg_init(&m, v, socket_flags(f, flags), s->rcvtimeo_ns);
    m.name = &from;
    n = s->ops->recvmsg(s, &m);
    socket_rights_put(m.rights);
    if (n >= 0) {
        int err = sockaddr_write(&from, addr, len);

        n = err ? err : n;
    }
    return n;
}

SYSCALL6(recvfrom, int, fd, void __user *, buf, size_t, len, unsigned, flags, void __user *, addr,
         int __user *, addrlen)
{
    struct fd_ref r = fd_borrow(fd);
    struct file *f = r.file;
    struct iov v;
    ssize_t n;

    if (unlikely(!f))
        return -EBADF;
    len = MIN(len, IO_MAX);
    iov_user(&v, buf, len);
    if (unlikely(!user_ok(buf, len)))
        n = -EFAULT;
    else if (unlikely(!file_socket(f)))
        n = not_a_socket(f);
    else if (unlikely(addr))
        n = receive_from(f, &v, flags, addr, addrlen);
    else
        n = socket_receive(f, &v, flags);
    fd_return(r);
    return n;
}

/* ---- messages ---- */

/* Control messages on their way down: in the kernel, parsed for those families whose are common. */
struct control {
    uint64_t fast[CONTROL_FAST / 8];
    void *buf;
};

static int control_read(struct control *c, struct socket *s, const struct msghdr *h, struct socket_msg *m)
{
    int err = 0;

    c->buf = c->fast;
    if (h->controllen > SOCKET_OPTMEM_MAX)
        return -ENOBUFS;
    if (h->controllen > sizeof(c->fast)) {
        c->buf = kmalloc(h->controllen);
        if (!c->buf)
            return -ENOBUFS;
    }
    if (copy_from_user(c->buf, (const void __user *)h->control, h->controllen))
        err = -EFAULT;
    else if (has_local_control(s))
        err = control_parse(c->buf, h->controllen, m, s->family == AF_UNIX);
    m->control = c->buf;
    m->control_len = h->controllen;
    return err;
}

ssize_t socket_sendmsg(struct file *f, const struct msghdr *h, struct iov *v, unsigned flags)
{
    struct socket *s = file_socket(f);
    struct sockaddr_any to;
    struct socket_msg m;
    struct control c;
    ssize_t n = 0;

    if (!s)
        return -ENOTSOCK;
    socket_msg_init(&m, v, socket_flags(f, flags), s->sndtimeo_ns);
    if (h->name && h->namelen) {
        n = sockaddr_read(&to, (const void __user *)h->name, MIN(h->namelen, (uint32_t)SOCKADDR_MAX));
        if (n)
            return n;
        m.name = &to;
    }
    c.buf = c.fast;
    if (h->control && h->controllen)
        n = control_read(&c, s, h, &m);
    if (!n)
        n = socket_send_msg(s, &m);
    socket_rights_put(m.rights);
    if (c.buf != c.fast)
        kfree(c.buf);
    return n;
}

ssize_t socket_recvmsg(struct file *f, struct msghdr *h, struct iov *v, unsigned flags)
{
    struct socket *s = file_socket(f);
    uint64_t control[CONTROL_FAST / 8];
    struct sockaddr_any from;
    struct socket_msg m;
    ssize_t n;

    if (!s)
        return -ENOTSOCK;
    from.len = 0;
    socket_msg_init(&m, v, socket_flags(f, flags), s->rcvtimeo_ns);
    if (h->name)
        m.name = &from;
    if (h->control) {
        m.control = control;
        m.control_room = MIN(h->controllen, sizeof(control));
    }
    n = s->ops->recvmsg(s, &m);
    if (n < 0)
        return n;
    if (has_local_control(s)) {
        control_put_local(s, &m, h, flags & MSG_CMSG_CLOEXEC);
    } else {
        h->controllen = m.control_len;
        if (m.control_len && copy_to_user((void __user *)h->control, control, m.control_len))
            n = -EFAULT;
    }
    if (h->name) {
        size_t len = MIN(from.len, h->namelen);

        if (copy_to_user((void __user *)h->name, from.bytes, len))
            n = -EFAULT;
        h->namelen = from.len;
    }
    h->flags =
        (m.flags & (MSG_OOB | MSG_TRUNC | MSG_CTRUNC | MSG_EOR | MSG_ERRQUEUE)) | (flags & MSG_CMSG_CLOEXEC);
    return n;
}

/* The header and its vector. 0: vec is to be freed. */
static int header_read(struct msghdr *h, const struct msghdr __user *u, struct vec *vec, struct iov *v)
{
    if (copy_from_user(h, u, sizeof(*h)))
        return -EFAULT;
    if (h->name && (int)h->namelen < 0)
        return -EINVAL;
    if (h->nr_iov > IOV_LIMIT)
        return -EMSGSIZE;
    if (h->controllen > INT32_MAX)
        return -ENOBUFS;
    return vec_import(vec, v, (const void __user *)h->iov, h->nr_iov);
}

static ssize_t send_one(struct file *f, const struct msghdr __user *u, unsigned flags)
{
    struct msghdr h;
    struct vec vec;
    struct iov v;
    ssize_t n = header_read(&h, u, &vec, &v);

    if (n)
        return n;
    n = socket_sendmsg(f, &h, &v, flags);
    vec_free(&vec);
    return n;
}

static ssize_t receive_one(struct file *f, struct msghdr __user *u, unsigned flags)
{
    struct msghdr h;
    struct vec vec;
    struct iov v;
    ssize_t n = header_read(&h, u, &vec, &v);

    if (n)
        return n;
    n = socket_recvmsg(f, &h, &v, flags);
    vec_free(&vec);
    if (n >= 0 && ((h.name && put_user(h.namelen, &u->namelen)) || put_user(h.flags, &u->flags) ||
                   put_user(h.controllen, &u->controllen)))
        n = -EFAULT;
    return n;
}

SYSCALL3(sendmsg, int, fd, const struct msghdr __user *, m, unsigned, flags)
{
    struct fd_ref r = fd_borrow(fd);
    ssize_t n;

    if (unlikely(!r.file))
        return -EBADF;
    n = likely(file_socket(r.file)) ? send_one(r.file, m, flags) : not_a_socket(r.file);
    sched_after_wake();
    fd_return(r);
    return n;
}

SYSCALL3(recvmsg, int, fd, struct msghdr __user *, m, unsigned, flags)
{
    struct fd_ref r = fd_borrow(fd);
    ssize_t n;

    if (unlikely(!r.file))
        return -EBADF;
    n = likely(file_socket(r.file)) ? receive_one(r.file, m, flags) : not_a_socket(r.file);
    fd_return(r);
    return n;
}

/* ---- many messages ---- */

SYSCALL4(sendmmsg, int, fd, struct mmsghdr __user *, vec, unsigned, nr, unsigned, flags)
{
    struct fd_ref r = fd_borrow(fd);
    ssize_t n;
    unsigned done = 0;

    if (!r.file)
        return -EBADF;
    n = file_socket(r.file) ? 0 : not_a_socket(r.file);
    for (nr = MIN(nr, (unsigned)MMSG_MAX); n >= 0 && done < nr; done++) {
        n = send_one(r.file, &vec[done].hdr, flags);
        if (n < 0)
            break;
        if (put_user((uint32_t)n, &vec[done].len)) {
            n = -EFAULT;
            break;
        }
        if (signal_pending()) {
            done++;
            break;
        }
        cond_resched();
    }
    fd_return(r);
    return done ? (ssize_t)done : MIN(n, 0);
}

/* An error after the first message is for the next call to tell. */
static void leave_error(struct socket *s, int err)
{
    if (err != -EAGAIN && err != -ERESTARTSYS && err != -EINTR)
        atomic_store(&s->err, err);
}

static ssize_t receive_many(struct file *f, struct mmsghdr __user *vec, unsigned nr, unsigned flags,
                            uint64_t deadline)
{
    struct socket *s = file_socket(f);
    unsigned done;
    ssize_t n = socket_take_error(s);

    if (n)
        return n;
    for (done = 0; done < nr; done++) {
        n = receive_one(f, &vec[done].hdr, flags & ~MSG_WAITFORONE);
        if (n < 0)
            break;
        if (put_user((uint32_t)n, &vec[done].len)) {
            n = -EFAULT;
            break;
        }
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (deadline != TIME_NEVER && clock_mono_ns() >= deadline) {
            done++;
            break;
        }
        cond_resched();
    }
    if (done && n < 0)
        leave_error(s, n);
    return done ? (ssize_t)done : n;
}

SYSCALL5(recvmmsg, int, fd, struct mmsghdr __user *, vec, unsigned, nr, unsigned, flags,
         struct __kernel_timespec __user *, timeout)
{
    uint64_t ns, deadline = TIME_NEVER;
    struct fd_ref r;
    ssize_t n = 0;

    if (timeout) {
        n = time_read(timeout, &ns);
        if (n)
            return n;
        deadline = time_deadline(ns);
    }
    r = fd_borrow(fd);
    if (!r.file)
        return -EBADF;
    if (!file_socket(r.file))
        n = not_a_socket(r.file);
    else
        n = receive_many(r.file, vec, MIN(nr, (unsigned)MMSG_MAX), flags, deadline);
    fd_return(r);
    if (n > 0 && timeout) {
        uint64_t now = clock_mono_ns();

        if (time_write(timeout, deadline > now ? deadline - now : 0))
            n = -EFAULT;
    }
    return n;
}
