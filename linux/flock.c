/* SPDX-License-Identifier: BSD-2-Clause */
/* flock.c: flock(2). The locks are fs/locks.h's. */
#include "fs/locks.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>

SYSCALL2(flock, int, fd, unsigned, op)
{
    struct file *f;
    long err;

    if (op & LOCK_MAND) /* accepted and without effect, as on Linux since 5.17 */
        return 0;
    /* checked before the descriptor, as on Linux */
    switch (op & ~LOCK_NB) {
    case LOCK_SH:
    case LOCK_EX:
    case LOCK_UN:
        break;
    default:
        return -EINVAL;
    }
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    err = locks_flock(f, op);
    file_put(f);
    return err;
}
