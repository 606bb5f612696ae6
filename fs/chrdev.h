/* SPDX-License-Identifier: BSD-2-Clause */
/* chrdev.h: character devices by number: what opening a device node reaches. */
#ifndef FS_CHRDEV_H
#define FS_CHRDEV_H

#include "fs/vfs.h"

struct chrdev {
    const char *name; /* of the node in /dev; NULL: no node by itself */
    unsigned major, minor;
    unsigned nr_minors; /* 0 means 1 */
    mode_t mode;        /* permissions of the node */
    const struct file_ops *ops;
    /* NULL: ops serve as they are. May replace f->ops and set f->private. */
    int (*open)(struct inode *i, struct file *f);
    struct chrdev *next;
};

/* Registers for good, before or after /dev is mounted: the node appears there. */
void chrdev_add(struct chrdev *c);
struct chrdev *chrdev_next(struct chrdev *c); /* NULL starts; for /proc/devices and /dev */

#endif
