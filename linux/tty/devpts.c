/* SPDX-License-Identifier: BSD-2-Clause */
/* devpts.c: the filesystem of pseudo-terminals' names, /dev/pts. All mounts of it show the same ones. */
#include "abi/fs.h"
#include "fs/pseudo.h"
#include "lib/string.h"
#include "linux/filesystems.h"
#include "linux/tty/tty.h"

#define PTS_MAJOR 136

/* A node's key: the number below, the serial number above. */
static struct pty_info named_by(const struct inode *i)
{
    uint64_t key = pseudo_key((struct inode *)i);

    return (struct pty_info){ .number = (uint32_t)key, .serial = key >> 32 };
}

/* false: the terminal is gone. */
static bool look_up(const struct inode *i, struct pty_info *info)
{
    struct pty_info want = named_by(i);

    return pty_find(want.number, info) && info->serial == want.serial;
}

static void pts_attr(struct inode *i)
{
    struct pty_info info;

    if (!look_up(i, &info))
        return;
    i->mode = S_IFCHR | info.mode;
    i->uid = info.uid;
    i->gid = info.gid;
    i->rdev = PROA_MKDEV(PTS_MAJOR, info.number);
}

/* Owner and mode last as long as the terminal, not as its inode. */
static int pts_setattr(struct inode *i, const struct iattr *a)
{
    struct pty_info info = named_by(i);

    inode_apply_attr(i, a);
    info.mode = i->mode & 07777;
    info.uid = i->uid;
    info.gid = i->gid;
    pty_set_owner(&info);
    return 0;
}

static const struct pseudo_node pts_node = {
    .name = "", .mode = S_IFCHR | 0600, .attr = pts_attr, .setattr = pts_setattr
};

static uint64_t key_of(const struct pty_info *info)
{
    return (uint64_t)info->serial << 32 | info->number;
}

static int pts_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    struct pty_info info;
    char text[12];
    const char *s = text;
    uint64_t n;

    if (len >= sizeof(text))
        return -ENOENT;
    memcpy(text, name, len);
    text[len] = 0;
    if ((text[0] == '0' && len > 1) || !str_u64(&s, 10, &n) || *s || !pty_find(n, &info))
        return -ENOENT;
    *out = pseudo_inode_new(dir->sb, &pts_node, key_of(&info), NULL, info.number + 3);
    return *out ? 0 : -ENOMEM;
}

static int pts_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    struct pty_info info;

    for (; pty_next(pos, &info); pos = info.number + 1) {
        char name[12];

        snprintf(name, sizeof(name), "%u", info.number);
        if (!pseudo_emit(e, info.number, name, info.number + 3, DT_CHR))
            break;
    }
    return 0;
}

static bool pts_valid(struct inode *dir, struct inode *i)
{
    struct pty_info info;

    return pseudo_i(i)->node != &pts_node || look_up(i, &info);
}

static const struct pseudo_dir pts_dir = { .lookup = pts_lookup, .readdir = pts_readdir, .valid = pts_valid };
static const struct pseudo_node pts_nodes[] = {
    { .name = "ptmx", .mode = S_IFCHR, .rdev = PROA_MKDEV(5, 2) },
    { .name = NULL },
};
static const struct pseudo_node root = {
    .name = "/", .mode = S_IFDIR | 0755, .children = pts_nodes, .dir = &pts_dir
};

static int devpts_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                        struct super **out)
{
    return pseudo_mount(fs, &root, DEVPTS_SUPER_MAGIC, flags, out);
}

const struct filesystem devpts_filesystem = { .name = "devpts", .nodev = true, .mount = devpts_mount };
