/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h: making struct file; inside fs/ only. */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "fs/vfs.h"

/* refs 1; flags gives the mode. No path, inode or operations yet. NULL when out of memory. */
struct file *file_alloc(int flags);
void file_dealloc(struct file *f); /* one that was never open */
struct inode *anon_inode_new(mode_t mode);
/* An open file on an anonymous inode, whose reference moves in on success. */
struct file *file_new_on_inode(struct inode *i, const char *name, const struct file_ops *ops, void *private,
                               int flags);
/* Opens an inode's object through p (whose reference moves into the file on success). created: permissions were
 * settled when it was made. */
int open_inode(const struct path *p, int flags, bool created, struct file **out);
/* What open_inode() calls for nodes; provided by fs/chrdev.c and fs/pipe.c. */
int chrdev_open(struct inode *i, struct file *f);
int fifo_open(struct inode *i, struct file *f);
/* A write of this file's content: drops set-user-ID bits, sets times. rwsem held for writing. */
void inode_written(struct inode *i);
mode_t mode_without_suid(const struct inode *i);

#endif
