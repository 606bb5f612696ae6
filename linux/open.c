/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.c: making and closing descriptors: open(2) and its forms, close, dup, fcntl, ioctl.
 */
#include "fs/locks.h"
#include "fs/pipe.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/memfd.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/resource.h>
#include <linux/stat.h>

struct file *name_open(int dirfd, const char *name, const struct open_how_k *how)
{
    const struct path *base;
    struct path p;
    struct file *f;
    long err = at_base(dirfd, name, &p, &base);

    if (err)
        return ERR_PTR(err);
    err = vfs_open(base, name, how, &f);
    at_put(base);
    return err ? ERR_PTR(err) : f;
}

static long do_open(int dirfd, const char __user *uname, const struct open_how_k *how)
{
    char *name = getname(uname);
    struct file *f;

    if (IS_ERR(name))
        return PTR_ERR(name);
    f = name_open(dirfd, name, how);
    putname(name);
    return IS_ERR(f) ? PTR_ERR(f) : fd_install_new(f, how->flags);
}

#define OPEN_FLAGS                                                                                  \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | FASYNC | \
     O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH |  \
     O_TMPFILE)

/* open(2) ignores bits it does not know; openat2(2) refuses them. */
struct open_how_k open_how_legacy(int flags, mode_t mode)
{
    struct open_how_k how = { .flags = (flags & OPEN_FLAGS) | O_LARGEFILE, .mode = mode & 07777 };

    if (flags & O_PATH)
        how.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    return how;
}

static long open_legacy(int dirfd, const char __user *name, int flags, mode_t mode)
{
    struct open_how_k how = open_how_legacy(flags, mode);

    return do_open(dirfd, name, &how);
}

SYSCALL3(open, const char __user *, name, int, flags, mode_t, mode)
{
    return open_legacy(AT_FDCWD, name, flags, mode);
}

SYSCALL4(openat, int, dirfd, const char __user *, name, int, flags, mode_t, mode)
{
    return open_legacy(dirfd, name, flags, mode);
}

SYSCALL2(creat, const char __user *, name, mode_t, mode)
{
    return open_legacy(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

#define RESOLVE_ALL                                                                                      \
    (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | \
     RESOLVE_CACHED)

long open_how_read(const void __user *uhow, size_t size, struct open_how_k *how)
{
    struct open_how h;
    char rest[64];

    if (size < sizeof(h))
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (copy_from_user(&h, uhow, sizeof(h)))
        return -EFAULT;
    for (size_t at = sizeof(h); at < size; at += sizeof(rest)) { /* newer fields must be zero */
        size_t n = MIN(sizeof(rest), size - at);

        if (copy_from_user(rest, (const char __user *)uhow + at, n))
            return -EFAULT;
        while (n--)
            if (rest[n])
                return -E2BIG;
    }
    if ((h.flags & ~(uint64_t)OPEN_FLAGS) || (h.resolve & ~(uint64_t)RESOLVE_ALL) || (h.mode & ~07777ull) ||
        (h.mode && !(h.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))) ||
        ((h.resolve & RESOLVE_BENEATH) && (h.resolve & RESOLVE_IN_ROOT)))
        return -EINVAL;
    if ((h.flags & O_PATH) && (h.flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
        return -EINVAL;
    how->flags = (int)h.flags | ((h.flags & O_PATH) ? 0 : O_LARGEFILE);
    how->mode = h.mode;
    how->resolve = h.resolve;
    return 0;
}

SYSCALL4(openat2, int, dirfd, const char __user *, name, const void __user *, uhow, size_t, size)
{
    struct open_how_k how;
    long err = open_how_read(uhow, size, &how);

    return err ? err : do_open(dirfd, name, &how);
}

SYSCALL1(close, int, fd)
{
    return fd_close(fd);
}

SYSCALL3(close_range, unsigned, first, unsigned, last, unsigned, flags)
{
    struct process *p = current_process();

    if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    if (first > INT32_MAX)
        return 0;
    for (int fd = fd_next(p->files, first); fd >= 0 && (unsigned)fd <= last; fd = fd_next(p->files, fd + 1)) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            fd_set_cloexec(fd, true);
        else
            fd_close(fd);
    }
    return 0;
}

/* ---- duplicates ---- */

static long dup_from(int fd, int min, int flags)
{
    struct file *f = fd_get_path(fd);
    long n;

    if (!f)
        return -EBADF;
    n = fd_install(f, min, flags);
    if (n < 0)
        file_put(f);
    return n;
}

SYSCALL1(dup, int, fd)
{
    return dup_from(fd, 0, 0);
}

static long dup_to(int from, int to, int flags)
{
    struct file *f = fd_get_path(from);
    long n;

    if (!f)
        return -EBADF;
    n = fd_install_at(f, to, flags);
    if (n < 0)
        file_put(f);
    return n;
}

SYSCALL2(dup2, int, from, int, to)
{
    if (from == to)
        return fd_get_cloexec(from) < 0 ? -EBADF : to;
    return dup_to(from, to, 0);
}

SYSCALL3(dup3, int, from, int, to, int, flags)
{
    if ((flags & ~O_CLOEXEC) || from == to)
        return -EINVAL;
    return dup_to(from, to, flags);
}

/* ---- fcntl ---- */

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long set_status_flags(struct file *f, unsigned flags)
{
    if ((flags & O_NOATIME) && !(f->flags & O_NOATIME) && f->inode->uid != fs_cred()->fsuid &&
        !fs_capable(CAP_FOWNER))
        return -EPERM;
    if (((f->flags ^ flags) & FASYNC) && f->ops->fasync)
        f->ops->fasync(f, flags & FASYNC);
    f->flags = (f->flags & ~SETFL_MASK) | (flags & SETFL_MASK);
    return 0;
}

long file_set_owner(struct file *f, int who)
{
    struct process *p;
    struct thread *t = NULL;

    if (who == INT32_MIN)
        return -EINVAL;
    if (who < 0 && process_signal_group(-who, 0, NULL) == -ESRCH)
        return -ESRCH;
    if (who > 0) {
        p = process_find(who);
        if (p)
            process_put(p);
        else if ((t = thread_find(0, who)))
            thread_put(t);
        if (!p && !t)
            return -ESRCH;
    }
    f->owner_pid = who;
    return 0;
}

static long fcntl_owner(struct file *f, unsigned cmd, unsigned long arg)
{
    struct f_owner_ex ex;

    switch (cmd) {
    case F_SETOWN:
        return file_set_owner(f, arg);
    case F_GETOWN:
        return f->owner_pid;
    case F_SETOWN_EX:
        if (copy_from_user(&ex, (void __user *)arg, sizeof(ex)))
            return -EFAULT;
        if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID && ex.type != F_OWNER_PGRP)
            return -EINVAL;
        return file_set_owner(f, ex.type == F_OWNER_PGRP ? -ex.pid : ex.pid);
    default: /* F_GETOWN_EX */
        ex.type = f->owner_pid < 0 ? F_OWNER_PGRP : F_OWNER_PID;
        ex.pid = f->owner_pid < 0 ? -f->owner_pid : f->owner_pid;
        return copy_to_user((void __user *)arg, &ex, sizeof(ex));
    }
}

static long do_fcntl(int fd, struct file *f, unsigned cmd, unsigned long arg)
{
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (arg >= rlimit_cur(RLIMIT_NOFILE))
            return -EINVAL;
        return dup_from(fd, arg, cmd == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
    case F_GETFD:
        return fd_get_cloexec(fd);
    case F_SETFD:
        return fd_set_cloexec(fd, arg & FD_CLOEXEC);
    case F_GETFL:
        return f->flags & ~(unsigned)(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
    }
    if (f->fmode & FMODE_PATH)
        return -EBADF;
    switch (cmd) {
    case F_SETFL:
        return set_status_flags(f, arg);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return locks_fcntl(f, cmd, (void __user *)arg, current_process()->files);
    case F_SETOWN:
    case F_GETOWN:
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return fcntl_owner(f, cmd, arg);
    case F_SETSIG:
        if (arg > 64)
            return -EINVAL;
        f->owner_sig = arg;
        return 0;
    case F_GETSIG:
        return f->owner_sig;
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        return pipe_fcntl(f, cmd, arg);
    case F_ADD_SEALS:
    case F_GET_SEALS:
        return memfd_fcntl(f, cmd, arg);
    default:
        return -EINVAL;
    }
}

SYSCALL3(fcntl, int, fd, unsigned, cmd, unsigned long, arg)
{
    struct file *f = fd_get_path(fd);
    long n;

    if (!f)
        return -EBADF;
    n = do_fcntl(fd, f, cmd, arg);
    file_put(f);
    return n;
}

SYSCALL3(ioctl, int, fd, unsigned, cmd, unsigned long, arg)
{
    struct file *f = fd_get(fd);
    int on;
    long n;

    if (!f)
        return -EBADF;
    switch (cmd) {
    case FIOCLEX:
    case FIONCLEX:
        n = fd_set_cloexec(fd, cmd == FIOCLEX);
        break;
    case FIONBIO:
        n = get_user(on, (int __user *)arg);
        if (!n)
            f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
        break;
    case FIOASYNC:
        n = get_user(on, (int __user *)arg);
        if (!n)
            n = set_status_flags(f, on ? f->flags | FASYNC : f->flags & ~FASYNC);
        break;
    default:
        n = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
        if (n == -ENOTTY && cmd == FIONREAD && S_ISREG(f->inode->mode))
            n = put_user((int)(f->inode->size - f->pos), (int __user *)arg);
    }
    file_put(f);
    return n;
}
