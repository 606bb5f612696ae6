/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devfs.c: /dev: the registered devices' nodes and some links, made up when looked up, under a layer in memory
 * (fs/tmpfs) that takes whatever programs change.
 */
#include "abi/fs.h"
#include "fs/chrdev.h"
#include "fs/filesystems.h"
#include "fs/pseudo.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/string.h"

static const struct pseudo_node chr_node = { .name = "", .mode = S_IFCHR };

static dev_t number(const struct chrdev *c)
{
    return PROA_MKDEV(c->major, c->minor);
}

static int dev_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    for (struct chrdev *c = chrdev_next(NULL); c; c = chrdev_next(c)) {
        if (!c->name || strlen(c->name) != len || memcmp(c->name, name, len))
            continue;
        *out = pseudo_inode_new(dir->sb, &chr_node, number(c), NULL, 0);
        if (!*out)
            return -ENOMEM;
        (*out)->mode = S_IFCHR | c->mode;
        (*out)->rdev = number(c);
        return 0;
    }
    return -ENOENT;
}

static int dev_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    uint64_t n = 0;

    for (struct chrdev *c = chrdev_next(NULL); c; c = chrdev_next(c), n++)
        if (n >= pos && c->name && !pseudo_emit(e, n, c->name, pseudo_ino(&chr_node, number(c)), DT_CHR))
            break;
    return 0;
}

static const struct pseudo_dir dev_dir = { .lookup = dev_lookup, .readdir = dev_readdir };
static const struct pseudo_node no_children[] = { { .name = NULL } };

static const struct pseudo_node dev_nodes[] = {
    { .name = "fd", .mode = S_IFLNK | 0777, .target = "/proc/self/fd" },
    { .name = "stdin", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/0" },
    { .name = "stdout", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/1" },
    { .name = "stderr", .mode = S_IFLNK | 0777, .target = "/proc/self/fd/2" },
    { .name = "pts", .mode = S_IFDIR | 0755, .children = no_children },
    { .name = "shm", .mode = S_IFDIR | 01777, .children = no_children },
    { .name = NULL },
};

static const struct pseudo_node root = {
    .name = "/", .mode = S_IFDIR | 0755, .children = dev_nodes, .dir = &dev_dir
};

static int devfs_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                       struct super **out)
{
    struct super *lower;
    int err = pseudo_mount(fs, &root, TMPFS_MAGIC, flags, &lower);

    if (err)
        return err;
    err = tmp_mount(fs, lower, flags, data, out);
    if (err)
        super_put(lower);
    else
        tmp_sb(*out)->magic = TMPFS_MAGIC;
    return err;
}

const struct filesystem devfs_filesystem = { .name = "devtmpfs", .nodev = true, .mount = devfs_mount };
