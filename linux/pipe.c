/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.c: pipe(2), pipe2(2). What a pipe does is fs/pipe.c.
 */
#include "fs/pipe.h"
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>

static long make(int __user *ufds, int flags)
{
    struct file *r, *w;
    int fds[2], err;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    err = pipe_new(&r, &w, flags & (O_NONBLOCK | O_DIRECT));
    if (err)
        return err;
    fds[0] = fd_install_new(r, flags & O_CLOEXEC);
    if (fds[0] < 0) {
        file_put(w);
        return fds[0];
    }
    fds[1] = fd_install_new(w, flags & O_CLOEXEC);
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

SYSCALL2(pipe2, int __user *, fds, int, flags)
{
    return make(fds, flags);
}

SYSCALL1(pipe, int __user *, fds)
{
    return make(fds, 0);
}
