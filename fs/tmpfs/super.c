/* SPDX-License-Identifier: BSD-2-Clause */
/* super.c: tmpfs: inodes, limits, mounting. */
#include "fs/dcache.h"
#include "fs/file.h"
#include "fs/filesystems.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

static struct slab_cache tmp_cache = SLAB_CACHE(struct tmp_inode);

/* New objects over a lower filesystem are numbered above its numbers. */
#define FIRST_INO_OVER_LOWER (1ull << 32)

/* ---- inodes ---- */

static void set_ops(struct inode *i)
{
    i->ops = &tmp_node_inode_ops;
    if (S_ISREG(i->mode)) {
        struct mapping *m = &tmp_i(i)->mapping;

        i->ops = &tmp_file_inode_ops;
        i->fops = &tmp_file_ops;
        mapping_init(m, &tmp_mapping_ops, i);
        m->pinned = true;
        i->mapping = m;
    } else if (S_ISDIR(i->mode)) {
        i->ops = &tmp_dir_inode_ops;
        i->fops = &tmp_dir_ops;
        tmp_i(i)->dir.next_cookie = 2;
    } else if (S_ISLNK(i->mode)) {
        i->ops = &tmp_link_inode_ops;
    }
}

struct inode *tmp_inode_new(struct super *sb, const struct inode *dir, mode_t mode, dev_t rdev)
{
    struct tmp_super *s = tmp_sb(sb);
    struct inode *i;

    if (__atomic_add_fetch(&s->nr_inodes, 1, __ATOMIC_RELAXED) > s->max_inodes && s->max_inodes) {
        atomic_sub(&s->nr_inodes, 1);
        return ERR_PTR(-ENOSPC);
    }
    i = inode_new(sb, mode);
    if (!i) {
        atomic_sub(&s->nr_inodes, 1);
        return ERR_PTR(-ENOMEM);
    }
    inode_init_owner(i, dir, mode);
    i->ino = __atomic_fetch_add(&s->next_ino, 1, __ATOMIC_RELAXED);
    i->rdev = rdev;
    if (S_ISDIR(mode)) {
        i->nlink = 2;
        i->size = 40;
    }
    set_ops(i);
    return i;
}

static int copy_link(struct inode *i, struct inode *lower)
{
    char *buf = kmalloc(lower->size + 1);
    ssize_t n;

    if (!buf)
        return -ENOMEM;
    n = lower->ops->readlink(lower, buf, lower->size);
    if (n < 0) {
        kfree(buf);
        return n;
    }
    buf[n] = 0;
    i->link = buf;
    return 0;
}

int tmp_wrap(struct super *sb, struct inode *lower, struct inode **out)
{
    struct inode *i = inode_find(sb, lower->ino);
    int err = 0;

    if (i) {
        inode_put(lower);
        *out = i;
        return 0;
    }
    i = inode_new(sb, lower->mode);
    if (!i) {
        inode_put(lower);
        return -ENOMEM;
    }
    atomic_inc(&tmp_sb(sb)->nr_inodes);
    i->uid = lower->uid;
    i->gid = lower->gid;
    i->nlink = lower->nlink;
    i->ino = lower->ino;
    i->size = lower->size;
    i->blocks = lower->blocks;
    i->atime = lower->atime;
    i->mtime = lower->mtime;
    i->ctime = lower->ctime;
    i->btime = lower->btime;
    tmp_i(i)->lower = lower;
    set_ops(i);
    if (S_ISREG(i->mode)) {
        struct mapping *m = i->mapping;

        m->lower = lower->mapping;
        m->lower_pages = (lower->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
    } else if (S_ISLNK(i->mode)) {
        err = copy_link(i, lower);
    } else if (!S_ISDIR(i->mode)) {
        i->rdev = lower->rdev;
    }
    if (err) {
        inode_put(i);
        return err;
    }
    *out = i = inode_hash(i);
    if (S_ISREG(i->mode))
        lower->mapping->upper = i->mapping;
    return 0;
}

void tmp_pin(struct inode *i)
{
    struct tmp_inode *t = tmp_i(i);

    if (!t->lower || t->pinned || !i->nlink)
        return;
    t->pinned = true;
    inode_get(i);
}

void tmp_unpin(struct inode *i)
{
    if (!tmp_i(i)->pinned)
        return;
    tmp_i(i)->pinned = false;
    inode_put(i);
}

static void tmp_evict(struct inode *i)
{
    struct tmp_inode *t = tmp_i(i);

    if (S_ISREG(i->mode)) {
        if (t->lower && t->lower->mapping->upper == &t->mapping)
            t->lower->mapping->upper = NULL;
        mapping_destroy(&t->mapping);
    } else if (S_ISDIR(i->mode)) {
        tmp_dir_clear(&t->dir);
    }
    tmp_xattr_free(t);
    atomic_sub(&tmp_sb(i->sb)->nr_inodes, 1);
    if (t->lower)
        inode_put(t->lower);
}

/* ---- pages ---- */

static int tmp_charge(struct mapping *m, unsigned nr)
{
    struct inode *i = m->host;
    struct tmp_super *s = tmp_sb(i->sb);

    if (__atomic_add_fetch(&s->nr_pages, nr, __ATOMIC_RELAXED) > s->max_pages && s->max_pages) {
        atomic_sub(&s->nr_pages, nr);
        return -ENOSPC;
    }
    tmp_pin(i);
    return 0;
}

static void tmp_uncharge(struct mapping *m, unsigned nr)
{
    atomic_sub(&tmp_sb(((struct inode *)m->host)->sb)->nr_pages, nr);
}

const struct mapping_ops tmp_mapping_ops = { .charge = tmp_charge, .uncharge = tmp_uncharge };

/* ---- superblocks ---- */

static int tmp_statfs(struct super *sb, struct kstatfs *st)
{
    const struct tmp_super *s = tmp_sb(sb);

    st->type = s->magic;
    st->bsize = PAGE_SIZE;
    st->blocks = s->max_pages;
    st->bfree = st->bavail = s->max_pages > s->nr_pages ? s->max_pages - s->nr_pages : 0;
    st->files = s->max_inodes;
    st->ffree = s->max_inodes > s->nr_inodes ? s->max_inodes - s->nr_inodes : 0;
    if (s->lower && s->lower->ops->statfs) { /* what the image holds is in use */
        struct kstatfs lower = { 0 };
        int err = s->lower->ops->statfs(s->lower, &lower);

        if (err)
            return err;
        st->blocks += lower.blocks * lower.bsize / PAGE_SIZE;
        st->files += lower.files;
    }
    return 0;
}

static size_t tmp_show_options(struct super *sb, char *buf, size_t size)
{
    const struct tmp_super *s = tmp_sb(sb);
    size_t n = 0;

    if (s->lower)
        return 0;
    if (s->max_pages)
        n += snprintf(buf + n, size - n, ",size=%lluk", (unsigned long long)s->max_pages * 4);
    if (s->max_inodes && n < size)
        n += snprintf(buf + n, size - n, ",nr_inodes=%llu", (unsigned long long)s->max_inodes);
    if (s->mode != 01777 && n < size)
        n += snprintf(buf + n, size - n, ",mode=%o", s->mode);
    return n;
}

static struct inode *pinned_list; /* during unmounting: chained by private */

static void gather_pinned(struct inode *i)
{
    if (!tmp_i(i)->pinned)
        return;
    i->private = pinned_list;
    pinned_list = i;
}

/* The tree below goes entry by entry, without recursion: tmp_dir_clear() empties directories before their inodes
 * are dropped. */
static void tmp_unmount(struct super *sb)
{
    struct tmp_super *s = tmp_sb(sb);

    if (sb->root)
        tmp_dir_clear(&tmp_i(sb->root->inode)->dir);
    pinned_list = NULL;
    inode_hash_each(sb, gather_pinned);
    while (pinned_list) {
        struct inode *i = pinned_list;

        pinned_list = i->private;
        tmp_unpin(i);
    }
    if (s->lower) {
        struct tmp_inode *root = sb->root ? tmp_i(sb->root->inode) : NULL;

        if (root) { /* it goes last, and the lower superblock with its inodes before */
            inode_put(root->lower);
            root->lower = NULL;
        }
        super_put(s->lower);
    }
}

const struct super_ops tmp_super_ops = {
    .inode_cache = &tmp_cache,
    .evict = tmp_evict,
    .statfs = tmp_statfs,
    .unmount = tmp_unmount,
    .show_options = tmp_show_options,
};

/* size= and nr_blocks=: bytes with suffix, or a percentage of memory. */
static bool parse_size(const char *v, uint64_t *bytes, uint64_t total)
{
    if (!str_size(&v, bytes))
        return false;
    if (*v == '%') {
        *bytes = total / 100 * *bytes;
        v++;
    }
    return !*v;
}

static bool parse_one(struct tmp_super *s, const char *name, const char *value, uint64_t total_pages)
{
    uint64_t n;

    if (!strcmp(name, "size")) {
        if (!parse_size(value, &n, total_pages << PAGE_SHIFT))
            return false;
        s->max_pages = ALIGN_UP(n, PAGE_SIZE) >> PAGE_SHIFT;
    } else if (!strcmp(name, "nr_blocks")) {
        if (!parse_size(value, &n, total_pages))
            return false;
        s->max_pages = n;
    } else if (!strcmp(name, "nr_inodes")) {
        if (!parse_size(value, &n, total_pages))
            return false;
        s->max_inodes = n;
    } else if (!strcmp(name, "mode")) {
        if (!str_u64(&value, 8, &n) || *value)
            return false;
        s->mode = n & 07777;
    } else if (!strcmp(name, "uid")) {
        if (!str_u64(&value, 10, &n) || *value)
            return false;
        s->uid = n;
    } else if (!strcmp(name, "gid")) {
        if (!str_u64(&value, 10, &n) || *value)
            return false;
        s->gid = n;
    } else {
        return !strcmp(name, "huge") || !strcmp(name, "mpol");
    }
    return true;
}

static int parse_options(struct tmp_super *s, const char *data, uint64_t total_pages)
{
    char *copy, *rest, *name, *value;
    int err = 0;

    if (!*data)
        return 0;
    copy = rest = kstrdup(data);
    if (!copy)
        return -ENOMEM;
    while (!err && mount_option(&rest, &name, &value))
        if (!parse_one(s, name, value, total_pages))
            err = -EINVAL;
    kfree(copy);
    return err;
}

static int make_root(struct super *sb)
{
    struct tmp_super *s = tmp_sb(sb);
    struct inode *root;
    int err;

    if (s->lower) {
        inode_get(s->lower->root->inode);
        err = tmp_wrap(sb, s->lower->root->inode, &root);
        return err ? err : super_set_root(sb, root);
    }
    root = tmp_inode_new(sb, NULL, S_IFDIR | s->mode, 0);
    if (IS_ERR(root))
        return PTR_ERR(root);
    root->uid = s->uid;
    root->gid = s->gid;
    return super_set_root(sb, root);
}

int tmp_mount(const struct filesystem *fs, struct super *lower, unsigned flags, const char *data,
              struct super **out)
{
    struct super *sb = super_new(fs, &tmp_super_ops, flags);
    struct tmp_super *s = kzalloc(sizeof(*s));
    uint64_t total = page_nr_total();
    int err = -ENOMEM;

    if (!sb || !s) {
        kfree(sb);
        kfree(s);
        return -ENOMEM;
    }
    sb->private = s;
    s->magic = lower ? OVERLAYFS_SUPER_MAGIC : TMPFS_MAGIC;
    s->mode = 01777;
    s->uid = fs_cred()->fsuid;
    s->gid = fs_cred()->fsgid;
    s->max_pages = lower ? total / 4 * 3 : total / 2;
    s->max_inodes = lower ? 0 : total / 2;
    s->next_ino = lower ? FIRST_INO_OVER_LOWER : 1;
    err = parse_options(s, data, total);
    if (!err) {
        s->lower = lower;
        err = make_root(sb);
    }
    if (err) {
        s->lower = NULL; /* stays the caller's */
        super_put(sb);
        return err;
    }
    *out = sb;
    return 0;
}

static int tmpfs_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                       struct super **out)
{
    return tmp_mount(fs, NULL, flags, data, out);
}

const struct filesystem tmpfs_filesystem = { .name = "tmpfs", .nodev = true, .mount = tmpfs_mount };

/* ---- files without a directory ---- */

static struct super *memfd_super(void)
{
    static struct super *sb;
    struct super *new;

    if (!sb && !tmp_mount(&tmpfs_filesystem, NULL, 0, "", &new)) {
        tmp_sb(new)->max_pages = tmp_sb(new)->max_inodes = 0;
        if (!atomic_cmpxchg(&sb, NULL, new))
            super_put(new);
    }
    return sb;
}

int tmpfs_new_file(const char *name, int flags, struct file **out)
{
    struct super *sb = memfd_super();
    struct inode *i = sb ? tmp_inode_new(sb, NULL, S_IFREG | 0777, 0) : ERR_PTR(-ENOMEM);
    struct file *f;

    if (IS_ERR(i))
        return PTR_ERR(i);
    i->nlink = 0;
    f = file_new_on_inode(i, name, &tmp_file_ops, NULL, flags);
    if (!f) {
        inode_put(i);
        return -ENOMEM;
    }
    *out = f;
    return 0;
}
