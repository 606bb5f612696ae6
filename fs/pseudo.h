/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pseudo.h: filesystems whose content is made up when asked for: procfs, sysfs, the nodes of /dev.
 *
 * A tree is tables of nodes; a node is constant. Directories list their children, and may have more that callbacks
 * find (processes, descriptors). Inodes come to be when looked up and go with their last user. Each has a key that
 * its children inherit (a process id, say), and may hold an object until it goes.
 *
 *     static const struct pseudo_node files[] = {
 *         { .name = "version", .mode = S_IFREG | 0444, .show = show_version },
 *         { .name = "sys", .mode = S_IFDIR | 0555, .children = sys_nodes },
 *         { .name = "self", .mode = S_IFLNK | 0777, .readlink = read_self },
 *         { .name = NULL }
 *     };
 */
#ifndef FS_PSEUDO_H
#define FS_PSEUDO_H

#include "fs/vfs.h"

/* Text that grows; what does not fit in memory is dropped and `failed` set. */
struct seq {
    char *buf;
    size_t len, size;
    bool failed;
};
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq *s, const char *text);
void seq_write(struct seq *s, const void *data, size_t len);
void seq_free(struct seq *s);

struct pseudo_node;
struct pseudo_emitter;

struct pseudo_inode {
    struct inode i; /* first */
    const struct pseudo_node *node;
    uint64_t key;
    void *object; /* of dynamic nodes; node->drop releases it */
};
static inline struct pseudo_inode *pseudo_i(struct inode *i)
{
    return (struct pseudo_inode *)i;
}
static inline uint64_t pseudo_key(struct inode *i)
{
    return ((struct pseudo_inode *)i)->key;
}

/* What an open directory was made from; NULL: f is none of these. */
const struct pseudo_node *pseudo_dir_node(const struct file *f);

/* What a dynamic directory has beyond its children. All may sleep; dir's rwsem is held by lookup and readdir. */
struct pseudo_dir {
    /* Makes the inode of a name with pseudo_inode_new(): 0 or -ENOENT ... */
    int (*lookup)(struct inode *dir, const char *name, unsigned len, struct inode **out);
    /* Emits its names from position pos (0 and up, its own count) on with pseudo_emit(). */
    int (*readdir)(struct inode *dir, struct pseudo_emitter *e, uint64_t pos);
    /* Is an inode that was found before still what its name means? NULL: always. */
    bool (*valid)(struct inode *dir, struct inode *i);
};

struct pseudo_node {
    const char *name; /* NULL ends a table */
    mode_t mode;      /* with type */
    dev_t rdev;
    uintptr_t arg; /* the callbacks' */
    /* Regular files: the content as of the first read at position 0; 0 or -errno. */
    int (*show)(struct seq *s, struct inode *i);
    /* One write(2) of it: text of len bytes, terminated. Returns len or -errno. */
    ssize_t (*write)(struct inode *i, const char *text, size_t len);
    const struct file_ops *fops;                                  /* instead of show and write */
    int (*open)(struct inode *i, struct file *f);                 /* asked first, with either */
    const struct pseudo_node *children;                           /* directories */
    const struct pseudo_dir *dir;                                 /* directories: what comes and goes */
    ssize_t (*readlink)(struct inode *i, char *buf, size_t size); /* links */
    const char *target;                                           /* links: constant text */
    int (*follow)(struct inode *i, struct path *out); /* magic links: as inode_ops.follow; readlink too */
    int (*permission)(struct inode *i, int mask);
    int (*setattr)(struct inode *i, const struct iattr *a); /* NULL: -EPERM but for O_TRUNC */
    void (*attr)(struct inode *i);        /* fills owner, times, nlink when it is looked up and at stat */
    void (*drop)(struct pseudo_inode *p); /* releases object */
};

/* An inode of node; key and object as said above (the object moves in, also on failure). ino 0: made from node and
 * key. NULL when out of memory. */
struct inode *pseudo_inode_new(struct super *sb, const struct pseudo_node *node, uint64_t key, void *object,
                               ino_t ino);
/* The number that pseudo_inode_new() gives such an inode, for readdir. */
ino_t pseudo_ino(const struct pseudo_node *node, uint64_t key);

struct pseudo_emitter;
/* One name at position pos; false: the buffer is full, stop. type: DT_*. */
bool pseudo_emit(struct pseudo_emitter *e, uint64_t pos, const char *name, ino_t ino, unsigned type);

/* A superblock with root (a directory); magic for statfs(2). For struct filesystem.mount. */
int pseudo_mount(const struct filesystem *fs, const struct pseudo_node *root, uint32_t magic, unsigned flags,
                 struct super **out);

#endif
