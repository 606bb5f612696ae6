/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locks.h: advisory file locks: flock(2), POSIX record locks (owned by a table of descriptors), OFD locks (owned by a file).
 */
#ifndef FS_LOCKS_H
#define FS_LOCKS_H

#include "fs/vfs.h"

/* linux/ installs how the current process's number is found, which F_GETLK reports. */
extern int (*locks_pid)(void);
/* F_GETLK, F_SETLK, F_SETLKW and their OFD forms; arg points to the program's struct flock. May sleep. */
long locks_fcntl(struct file *f, unsigned cmd, void __user *arg, const void *owner);
/* flock(2): LOCK_SH, LOCK_EX, LOCK_UN, LOCK_NB. May sleep. */
long locks_flock(struct file *f, unsigned op);
/* close(2) drops all of the owner's POSIX locks on the file. */
void locks_release_ranges(struct inode *i, const void *owner);
static inline void locks_release_posix(struct file *f, const void *owner)
{
    if (unlikely(f->inode->locks))
        locks_release_ranges(f->inode, owner);
}
/* The last reference to an open file drops its flock and OFD locks. */
void locks_release_file(struct file *f);

#endif
