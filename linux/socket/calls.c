/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c: making sockets and connecting them: socket(2), socketpair(2), bind(2), connect(2), listen(2), accept(2),
 * shutdown(2), and their names.
 */
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/socket/socket.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>

#define SOMAXCONN 4096

/* The socket behind a descriptor, with a reference to its file. 0, -EBADF or -ENOTSOCK. */
static int socket_get(int fd, struct file **f, struct socket **s)
{
    *f = fd_get(fd);
    if (!*f)
        return -EBADF;
    *s = file_socket(*f);
    if (*s)
        return 0;
    file_put(*f);
    return -ENOTSOCK;
}

static int check_family(int family, int type, const struct socket_family **found)
{
    if (family < 0 || family >= AF_MAX)
        return -EAFNOSUPPORT;
    if (type > SOCK_PACKET)
        return -EINVAL;
    *found = socket_family_find(family);
    return *found ? 0 : -EAFNOSUPPORT;
}

struct file *socket_make(int family, int type, int protocol)
{
    int flags = type & ~SOCK_TYPE_MASK, err;
    const struct socket_family *fam;
    struct socket *s;
    struct file *f;

    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return ERR_PTR(-EINVAL);
    err = check_family(family, type & SOCK_TYPE_MASK, &fam);
    if (!err)
        err = fam->create(type & SOCK_TYPE_MASK, protocol, &s);
    if (err)
        return ERR_PTR(err);
    f = socket_file_new(s, flags);
    return f ? f : ERR_PTR(-ENOMEM);
}

SYSCALL3(socket, int, family, int, type, int, protocol)
{
    struct file *f = socket_make(family, type, protocol);

    return IS_ERR(f) ? PTR_ERR(f) : fd_install_new(f, type & SOCK_CLOEXEC);
}

/* Two descriptors for two files, whose references move in. */
static long install_pair(struct file *f[2], int flags, int __user *ufds)
{
    int fds[2];

    fds[0] = fd_install_new(f[0], flags);
    if (fds[0] < 0) {
        file_put(f[1]);
        return fds[0];
    }
    fds[1] = fd_install_new(f[1], flags);
    if (fds[1] < 0) {
        fd_close(fds[0]);
        return fds[1];
    }
    if (copy_to_user(ufds, fds, sizeof(fds))) {
        fd_close(fds[0]);
        fd_close(fds[1]);
        return -EFAULT;
    }
    return 0;
}

SYSCALL4(socketpair, int, family, int, type, int, protocol, int __user *, ufds)
{
    int flags = type & ~SOCK_TYPE_MASK, err;
    const struct socket_family *fam;
    struct socket *s[2];
    struct file *f[2];

    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
        return -EINVAL;
    err = check_family(family, type & SOCK_TYPE_MASK, &fam);
    if (!err && !fam->pair) { /* as Linux, which makes two sockets first */
        err = fam->create(type & SOCK_TYPE_MASK, protocol, &s[0]);
        if (!err) {
            s[0]->ops->release(s[0]);
            err = -EOPNOTSUPP;
        }
    }
    if (!err)
        err = fam->pair(type & SOCK_TYPE_MASK, protocol, s);
    if (err)
        return err;
    f[0] = socket_file_new(s[0], flags);
    f[1] = socket_file_new(s[1], flags);
    if (f[0] && f[1])
        return install_pair(f, flags & SOCK_CLOEXEC, ufds);
    for (unsigned n = 0; n < 2; n++)
        if (f[n])
            file_put(f[n]);
    return -ENOMEM;
}

SYSCALL3(bind, int, fd, const void __user *, addr, int, len)
{
    struct sockaddr_any a;
    struct socket *s;
    struct file *f;
    int err = socket_get(fd, &f, &s);

    if (err)
        return err;
    err = sockaddr_read(&a, addr, len);
    if (!err)
        err = s->ops->bind ? s->ops->bind(s, &a) : -EOPNOTSUPP;
    file_put(f);
    return err;
}

int socket_connect(struct file *f, const struct sockaddr_any *a, bool nonblock)
{
    struct socket *s = file_socket(f);

    if (!s)
        return -ENOTSOCK;
    return s->ops->connect ? s->ops->connect(s, a, nonblock) : -EOPNOTSUPP;
}

SYSCALL3(connect, int, fd, const void __user *, addr, int, len)
{
    struct sockaddr_any a;
    struct socket *s;
    struct file *f;
    int err = socket_get(fd, &f, &s);

    if (err)
        return err;
    err = sockaddr_read(&a, addr, len);
    if (!err)
        err = socket_connect(f, &a, f->flags & O_NONBLOCK);
    file_put(f);
    return err;
}

SYSCALL2(listen, int, fd, int, backlog)
{
    struct socket *s;
    struct file *f;
    int err = socket_get(fd, &f, &s);

    if (err)
        return err;
    if ((unsigned)backlog > SOMAXCONN)
        backlog = SOMAXCONN;
    err = s->ops->listen ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
    file_put(f);
    return err;
}

struct file *socket_accept(struct file *f, int flags, bool nonblock, void __user *addr, int __user *len)
{
    struct socket *s = file_socket(f), *peer;
    struct sockaddr_any a;
    struct file *newf;
    int err;

    if (!s)
        return ERR_PTR(-ENOTSOCK);
    err = s->ops->accept ? s->ops->accept(s, &peer, nonblock) : -EOPNOTSUPP;
    if (err)
        return ERR_PTR(err);
    newf = socket_file_new(peer, flags);
    if (!newf)
        return ERR_PTR(-ENOMEM);
    if (addr) {
        a.len = 0;
        err = peer->ops->getname(peer, &a, true) ? -ECONNABORTED : sockaddr_write(&a, addr, len);
        if (err) {
            file_put(newf);
            return ERR_PTR(err);
        }
    }
    return newf;
}

static long do_accept(int fd, void __user *addr, int __user *len, int flags)
{
    struct file *f, *newf;
    long n;

    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
        n = -EINVAL;
    else
        n = file_socket(f) ? fd_has_room() : -ENOTSOCK; /* no connection is lost for want of a number */
    if (!n) {
        newf = socket_accept(f, flags, f->flags & O_NONBLOCK, addr, len);
        n = IS_ERR(newf) ? PTR_ERR(newf) : fd_install_new(newf, flags & SOCK_CLOEXEC);
    }
    file_put(f);
    return n;
}

SYSCALL3(accept, int, fd, void __user *, addr, int __user *, len)
{
    return do_accept(fd, addr, len, 0);
}

SYSCALL4(accept4, int, fd, void __user *, addr, int __user *, len, int, flags)
{
    return do_accept(fd, addr, len, flags);
}

long socket_shutdown(struct file *f, int how)
{
    struct socket *s = file_socket(f);

    if (!s)
        return -ENOTSOCK;
    if ((unsigned)how > SHUT_RDWR)
        return -EINVAL;
    return s->ops->shutdown ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
}

SYSCALL2(shutdown, int, fd, int, how)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = socket_shutdown(f, how);
    file_put(f);
    return err;
}

static long put_name(int fd, void __user *addr, int __user *len, bool peer)
{
    struct sockaddr_any a;
    struct socket *s;
    struct file *f;
    int err = socket_get(fd, &f, &s);

    if (err)
        return err;
    a.len = 0;
    err = s->ops->getname ? s->ops->getname(s, &a, peer) : -EOPNOTSUPP;
    if (!err)
        err = sockaddr_write(&a, addr, len);
    file_put(f);
    return err;
}

SYSCALL3(getsockname, int, fd, void __user *, addr, int __user *, len)
{
    return put_name(fd, addr, len, false);
}

SYSCALL3(getpeername, int, fd, void __user *, addr, int __user *, len)
{
    return put_name(fd, addr, len, true);
}
