/* SPDX-License-Identifier: BSD-2-Clause */
/* super.h: what filesystems build a superblock with. Inside fs/ only. */
#ifndef FS_SUPER_H
#define FS_SUPER_H

#include "fs/vfs.h"

/* A new superblock with one reference and a device number of its own; NULL when out of memory. sb->private is
 * freed with it. */
struct super *super_new(const struct filesystem *fs, const struct super_ops *ops, unsigned flags);
/* The root inode's reference moves in, even on failure (-ENOMEM). */
int super_set_root(struct super *sb, struct inode *i);
void super_put(struct super *sb);

/* Options of mount(2), "a=1,b,c=2": the next one is cut off *opts into name and value ("" when none); false at
 * the end. Writes into the string. */
bool mount_option(char **opts, char **name, char **value);

#endif
