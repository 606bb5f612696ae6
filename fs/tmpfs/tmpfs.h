/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs.h: files in memory; on their own (tmpfs), or as the changes over a read-only filesystem (overlay).
 *
 * With a lower side, an inode made from a lower one keeps a pointer to it and stands for it under the same number.
 * As long as nothing about it changed it may be forgotten and made again; the first change pins it. A directory's
 * own entries say what differs from the lower directory: an entry hides the lower one of the same name, and an
 * entry without inode (a whiteout) says that the name is gone. Moving a lower directory moves its pointer: nothing
 * below is touched. File pages come from the lower file's mapping until they are written (kernel/mapping.h).
 *
 * Locks: a directory's entries, a file's size and attributes: inode.rwsem. Counters: atomic.
 */
#ifndef FS_TMPFS_H
#define FS_TMPFS_H

#include "abi/fs.h"
#include "fs/super.h"
#include "fs/vfs.h"
#include "lib/rbtree.h"

struct tmp_entry {
    struct rb_node by_name, by_cookie;
    uint64_t cookie;     /* position for readdir; never used again */
    struct inode *inode; /* referenced; NULL: whiteout */
    bool shadows;        /* the lower directory has this name */
    uint8_t len;
    char name[];
};

struct tmp_dir {
    struct rb_root names, cookies;
    uint64_t next_cookie;
    unsigned nr; /* entries with an inode */
};

struct tmp_xattr {
    struct tmp_xattr *next;
    size_t size;
    uint8_t name_len;
    char name[]; /* terminated, then the value */
};

struct tmp_inode {
    struct inode i;      /* first */
    struct inode *lower; /* referenced, or NULL */
    bool pinned;         /* differs from lower: one reference keeps it */
    bool own_xattrs;     /* xattrs say it all; else lower's hold */
    struct tmp_xattr *xattrs;
    union {
        struct mapping mapping; /* regular files */
        struct tmp_dir dir;
    };
};

struct tmp_super {
    struct super *lower;          /* referenced; NULL: tmpfs */
    uint64_t max_pages, nr_pages; /* 0: no limit; nr: [a] */
    uint64_t max_inodes, nr_inodes;
    uint64_t next_ino; /* [a] */
    uint32_t magic;    /* for statfs(2) */
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

static inline struct tmp_inode *tmp_i(struct inode *i)
{
    return (struct tmp_inode *)i;
}
static inline struct tmp_super *tmp_sb(const struct super *sb)
{
    return sb->private;
}

extern const struct super_ops tmp_super_ops;
extern const struct inode_ops tmp_dir_inode_ops, tmp_file_inode_ops, tmp_link_inode_ops, tmp_node_inode_ops;
extern const struct file_ops tmp_dir_ops, tmp_file_ops;
extern const struct mapping_ops tmp_mapping_ops;

/* A new object owned by the caller, not in any directory. ERR_PTR(-ENOSPC or -ENOMEM). */
struct inode *tmp_inode_new(struct super *sb, const struct inode *dir, mode_t mode, dev_t rdev);
/* What stands for a lower inode (whose reference moves in). */
int tmp_wrap(struct super *sb, struct inode *lower, struct inode **out);
/* Before anything about i changes. */
void tmp_pin(struct inode *i);
void tmp_unpin(struct inode *i);
/* Frees a directory's entries without regard to lower ones. */
void tmp_dir_clear(struct tmp_dir *d);

int tmp_setattr(struct inode *i, const struct iattr *a);
int tmp_fallocate(struct inode *i, int mode, uint64_t off, uint64_t len);
ssize_t tmp_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int tmp_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags);
ssize_t tmp_listxattr(struct inode *i, char *buf, size_t size);
int tmp_removexattr(struct inode *i, const char *name);
void tmp_xattr_free(struct tmp_inode *t);

/* A superblock from mount options; lower: with its reference, or NULL. */
int tmp_mount(const struct filesystem *fs, struct super *lower, unsigned flags, const char *data,
              struct super **out);
/* A file of a private tmpfs without a name in any directory (memfd). 0 or -errno; refs 1. */
int tmpfs_new_file(const char *name, int flags, struct file **out);

#endif
