/* SPDX-License-Identifier: BSD-2-Clause */
/* super.c: mounting an EROFS image; its metadata; its inodes. */
#include "abi/fs.h"
#include "fs/erofs/erofs.h"
#include "fs/filesystems.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

static struct slab_cache erofs_cache = SLAB_CACHE(struct erofs_inode);

int erofs_corrupt(struct super *sb, uint64_t nid, const char *what)
{
    struct erofs_super *s = erofs_sb(sb);

    if (!s->complained)
        log_err("erofs: %s: inode %llu: %s: the image is corrupt", s->dev->name, (unsigned long long)nid,
                what);
    s->complained = true;
    return -EUCLEAN;
}

/* ---- metadata ---- */

static int meta_read(struct mapping *m, uint64_t index, unsigned nr, struct page **pages)
{
    struct erofs_super *s = m->host;
    int err = blkdev_read_pages(s->dev, index << (PAGE_SHIFT - SECTOR_SHIFT), pages, nr);

    for (unsigned n = 0; n < nr; n++)
        pages[n]->flags |= err ? PG_ERROR : PG_UPTODATE;
    return err;
}

static const struct mapping_ops meta_ops = { .read = meta_read };

int erofs_meta_page(struct super *sb, uint64_t pos, struct page **out)
{
    struct erofs_super *s = erofs_sb(sb);

    if (pos >= s->size)
        return -EUCLEAN;
    return mapping_get(&s->meta, pos >> PAGE_SHIFT, (s->size - 1) >> PAGE_SHIFT, MAP_GET_AROUND, out);
}

int erofs_meta_read(struct super *sb, uint64_t pos, void *buf, size_t len)
{
    if (pos > erofs_sb(sb)->size || len > erofs_sb(sb)->size - pos)
        return -EUCLEAN;
    while (len) {
        size_t off = pos & ~PAGE_MASK, n = MIN(len, PAGE_SIZE - off);
        struct page *p;
        int err = erofs_meta_page(sb, pos, &p);

        if (err)
            return err;
        memcpy(buf, (char *)page_virt(p) + off, n);
        page_put(p);
        buf = (char *)buf + n;
        pos += n;
        len -= n;
    }
    return 0;
}

/* ---- inodes ---- */

union disk_inode {
    struct erofs_inode_compact c;
    struct erofs_inode_extended x;
};

static ssize_t erofs_readlink(struct inode *i, char *buf, size_t size)
{
    uint64_t pos, want = MIN(i->size, size);
    bool inlined;
    int err = erofs_map_block(i, 0, &pos, &inlined);

    if (!err)
        err = pos ? erofs_meta_read(i->sb, pos, buf, want) : -EUCLEAN;
    return err ? err : (ssize_t)want;
}

static const struct inode_ops erofs_link_ops = {
    .readlink = erofs_readlink,
    .getxattr = erofs_getxattr,
    .listxattr = erofs_listxattr,
};

static const struct inode_ops erofs_file_inode_ops = {
    .getxattr = erofs_getxattr,
    .listxattr = erofs_listxattr,
};

static const struct file_ops erofs_file_ops = {
    .read = mapping_file_read,
    .seek = generic_seek,
    .mmap = mapping_file_mmap,
    .fsync = fsync_nothing,
};

static void fill_compact(struct erofs_inode *e, const struct erofs_inode_compact *d)
{
    struct inode *i = &e->i;

    i->nlink = d->nlink;
    i->size = d->size;
    i->uid = d->uid;
    i->gid = d->gid;
    e->blkaddr = d->u;
    i->mtime = erofs_sb(i->sb)->build_time;
}

static void fill_extended(struct erofs_inode *e, const struct erofs_inode_extended *d)
{
    struct inode *i = &e->i;

    i->nlink = d->nlink;
    i->size = d->size;
    i->uid = d->uid;
    i->gid = d->gid;
    e->blkaddr = d->u;
    i->mtime = (struct timespec64){ .sec = d->mtime, .nsec = d->mtime_nsec % 1000000000 };
}

static bool compressed(const struct erofs_inode *e)
{
    return e->layout == EROFS_FULL_INDEX || e->layout == EROFS_COMPACT_INDEX;
}

/* Types, sizes and layouts that fit together. */
static int check(struct erofs_inode *e)
{
    struct inode *i = &e->i;

    if (e->layout >= EROFS_LAYOUTS)
        return erofs_corrupt(i->sb, i->ino, "unknown layout");
    if (i->size > INT64_MAX)
        return erofs_corrupt(i->sb, i->ino, "impossible size");
    if (!i->nlink)
        return erofs_corrupt(i->sb, i->ino, "no links");
    switch (i->mode & S_IFMT) {
    case S_IFREG:
        return 0;
    case S_IFLNK:
        if (!i->size || i->size >= PATH_MAX)
            return erofs_corrupt(i->sb, i->ino, "impossible link");
        break;
    case S_IFDIR:
        if (i->size > UINT32_MAX)
            return erofs_corrupt(i->sb, i->ino, "impossible directory");
        break;
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return 0;
    default:
        return erofs_corrupt(i->sb, i->ino, "unknown type");
    }
    if (e->layout != EROFS_FLAT_PLAIN && e->layout != EROFS_FLAT_INLINE)
        return erofs_corrupt(i->sb, i->ino, "layout of a directory or link");
    return 0;
}

static void set_ops(struct erofs_inode *e)
{
    struct inode *i = &e->i;

    i->blocks = ALIGN_UP(i->size, EROFS_BLOCK) / 512;
    i->ops = &erofs_file_inode_ops;
    if (S_ISREG(i->mode)) {
        i->fops = &erofs_file_ops;
        i->mapping = &e->mapping;
        mapping_init(&e->mapping, &erofs_mapping_ops, i);
        if (compressed(e))
            i->blocks = (uint64_t)e->blkaddr * (EROFS_BLOCK / 512);
        else if (e->layout == EROFS_CHUNK_BASED)
            e->chunk_format = e->blkaddr;
    } else if (S_ISDIR(i->mode)) {
        i->ops = &erofs_dir_inode_ops;
        i->fops = &erofs_dir_ops;
    } else if (S_ISLNK(i->mode)) {
        i->ops = &erofs_link_ops;
    } else {
        i->rdev = S_ISCHR(i->mode) || S_ISBLK(i->mode) ? e->blkaddr : 0;
        i->blocks = 0;
    }
}

static int read_inode(struct erofs_inode *e)
{
    struct inode *i = &e->i;
    union disk_inode d;
    int err = erofs_meta_read(i->sb, e->pos, &d.c, sizeof(d.c));

    if (err)
        return err == -EUCLEAN ? erofs_corrupt(i->sb, i->ino, "outside the image") : err;
    e->layout = d.c.format >> 1 & 7;
    e->isize = d.c.format & 1 ? sizeof(d.x) : sizeof(d.c);
    e->xattr_bytes = d.c.xattr_icount ? sizeof(struct erofs_xattr_header) + 4 * (d.c.xattr_icount - 1u) : 0;
    i->mode = d.c.mode;
    if (d.c.format & 1) {
        err = erofs_meta_read(i->sb, e->pos, &d.x, sizeof(d.x));
        if (err)
            return err == -EUCLEAN ? erofs_corrupt(i->sb, i->ino, "outside the image") : err;
        fill_extended(e, &d.x);
    } else {
        fill_compact(e, &d.c);
    }
    i->atime = i->ctime = i->btime = i->mtime;
    err = check(e);
    if (!err)
        set_ops(e);
    return err;
}

int erofs_iget(struct super *sb, uint64_t nid, struct inode **out)
{
    struct inode *i = inode_find(sb, nid);
    int err;

    if (i) {
        *out = i;
        return 0;
    }
    if (nid > erofs_sb(sb)->size >> EROFS_SLOT_BITS)
        return erofs_corrupt(sb, nid, "outside the image");
    i = inode_new(sb, 0);
    if (!i)
        return -ENOMEM;
    i->ino = nid;
    erofs_i(i)->pos = erofs_sb(sb)->meta_pos + (nid << EROFS_SLOT_BITS);
    err = read_inode(erofs_i(i));
    if (err) {
        i->mode = 0; /* it never became what it says */
        inode_put(i);
        return err;
    }
    *out = inode_hash(i);
    return 0;
}

static void erofs_evict(struct inode *i)
{
    if (S_ISREG(i->mode))
        mapping_destroy(&erofs_i(i)->mapping);
}

/* ---- superblock ---- */

static int erofs_statfs(struct super *sb, struct kstatfs *st)
{
    st->type = EROFS_SUPER_MAGIC_V1;
    st->bsize = EROFS_BLOCK;
    st->blocks = erofs_sb(sb)->blocks;
    st->files = erofs_sb(sb)->inos;
    return 0;
}

/* Inodes may outlive this by a moment, but read nothing any more. */
static void erofs_unmount(struct super *sb)
{
    mapping_destroy(&erofs_sb(sb)->meta);
}

static const struct super_ops erofs_super_ops = {
    .inode_cache = &erofs_cache,
    .evict = erofs_evict,
    .statfs = erofs_statfs,
    .unmount = erofs_unmount,
};

static int refuse(struct erofs_super *s, const char *why)
{
    log_err("erofs: %s: %s", s->dev->name, why);
    return -EINVAL;
}

static int read_super(struct super *sb)
{
    struct erofs_super *s = erofs_sb(sb);
    struct erofs_super_disk d;
    uint64_t device = s->dev->nr_sectors << SECTOR_SHIFT;
    int err;

    s->size = ALIGN_DOWN(device, PAGE_SIZE);
    err = erofs_meta_read(sb, EROFS_SUPER_OFFSET, &d, sizeof(d));
    if (err)
        return err == -EUCLEAN ? refuse(s, "too small for a file system") : err;
    if (d.magic != EROFS_MAGIC)
        return refuse(s, "not an EROFS image");
    if (d.blkszbits != EROFS_BLOCK_BITS)
        return refuse(s, "blocks are not 4096 bytes");
    if (d.feature_incompat & ~EROFS_INCOMPAT_KNOWN)
        return refuse(s, "uses features of a newer EROFS");
    if (d.extra_devices)
        return refuse(s, "keeps data on further devices");
    if ((uint64_t)d.blocks << EROFS_BLOCK_BITS > device)
        return refuse(s, "the device is smaller than the image: truncated?");
    if ((uint64_t)d.meta_blkaddr << EROFS_BLOCK_BITS >= s->size)
        return refuse(s, "metadata outside the image: corrupt");
    if (d.blocks)
        s->size = (uint64_t)d.blocks << EROFS_BLOCK_BITS;
    s->incompat = d.feature_incompat;
    s->meta_pos = (uint64_t)d.meta_blkaddr << EROFS_BLOCK_BITS;
    s->xattr_pos = (uint64_t)d.xattr_blkaddr << EROFS_BLOCK_BITS;
    s->root_nid = d.root_nid;
    s->blocks = d.blocks;
    s->inos = d.inos;
    s->build_time = (struct timespec64){ .sec = d.build_time, .nsec = d.build_time_nsec % 1000000000 };
    return 0;
}

static int erofs_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                       struct super **out)
{
    const char *name = source && !strncmp(source, "/dev/", 5) ? source + 5 : source;
    struct blkdev *dev = name ? blkdev_find(name) : NULL;
    struct erofs_super *s;
    struct super *sb;
    struct inode *root;
    int err = -ENOMEM;

    if (!dev)
        return -ENODEV;
    sb = super_new(fs, &erofs_super_ops, flags | MS_RDONLY);
    s = kzalloc(sizeof(*s));
    if (!sb || !s) {
        kfree(sb);
        kfree(s);
        return -ENOMEM;
    }
    sb->private = s;
    s->dev = dev;
    mapping_init(&s->meta, &meta_ops, s);
    err = read_super(sb);
    if (!err)
        err = erofs_iget(sb, s->root_nid, &root);
    if (!err && !S_ISDIR(root->mode)) {
        err = erofs_corrupt(sb, s->root_nid, "the root is no directory");
        inode_put(root);
    }
    if (!err)
        err = super_set_root(sb, root);
    if (err) {
        super_put(sb);
        return err;
    }
    *out = sb;
    return 0;
}

const struct filesystem erofs_filesystem = { .name = "erofs", .nodev = false, .mount = erofs_mount };
