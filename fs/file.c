/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c: open files: their life, the common part of read and write, seeking, what a VMA needs of them. */
#include "fs/file.h"
#include "abi/fs.h"
#include "fs/dcache.h"
#include "fs/locks.h"
#include "kernel/cpu.h"
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "lib/string.h"

static struct slab_cache file_cache = SLAB_CACHE(struct file);
void (*file_unwatch)(struct file *f);

struct file *file_alloc(int flags)
{
    struct file *f = slab_alloc(&file_cache);

    if (unlikely(!f))
        return NULL;
    ref_init(&f->refs);
    f->flags = flags;
    f->fmode = (flags + 1) & O_ACCMODE; /* O_RDONLY, O_WRONLY, O_RDWR to FMODE_* */
    f->pos = 0;
    mutex_init(&f->pos_lock, RANK_FILE_POS);
    f->path = (struct path){ NULL, NULL };
    f->private = NULL;
    list_init(&f->epitems);
    f->owner_pid = f->owner_sig = 0;
    f->anon_name = NULL;
    return f;
}

static void file_rcu(struct rcu_head *h)
{
    slab_free(&file_cache, container_of(h, struct file, rcu));
}

void file_dealloc(struct file *f)
{
    /* Descriptor lookups on other CPUs may be looking at the count. */
    if (likely(nr_cpus == 1))
        slab_free(&file_cache, f);
    else
        rcu_defer(&f->rcu, file_rcu);
}

void file_free(struct file *f)
{
    struct inode *i = f->inode;

    if (unlikely(!list_empty(&f->epitems)))
        file_unwatch(f);
    if (unlikely(i->locks))
        locks_release_file(f);
    if (f->path.dentry) {
        if (unlikely(fs_watched) && !(f->fmode & FMODE_PATH))
            file_notify(f, f->fmode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
        if ((f->fmode & FMODE_WRITE) && S_ISREG(i->mode))
            inode_put_write(i);
        if (f->ops->release)
            f->ops->release(f);
        path_put(&f->path);
    } else {
        if (f->ops->release)
            f->ops->release(f);
        inode_put(i);
        kfree(f->anon_name);
    }
    file_dealloc(f);
}

/* ---- files without a name ---- */

static const struct super_ops anon_super_ops;
static struct super anon_super = { .ops = &anon_super_ops, .dev = PROA_MKDEV(0, 1023), .refs = { 1 } };
static const struct inode_ops anon_inode_ops;

struct inode *anon_inode_new(mode_t mode)
{
    static ino_t next = 1024;
    struct inode *i = inode_new(&anon_super, mode);

    if (!i)
        return NULL;
    i->ops = &anon_inode_ops;
    i->ino = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    i->uid = fs_cred()->fsuid;
    i->gid = fs_cred()->fsgid;
    i->flags = INODE_NOATIME;
    return i;
}

struct file *file_new_on_inode(struct inode *i, const char *name, const struct file_ops *ops, void *private,
                               int flags)
{
    struct file *f = file_alloc(flags);

    if (!f)
        return NULL;
    if (name && !(f->anon_name = kstrdup(name))) {
        file_dealloc(f);
        return NULL;
    }
    f->ops = ops;
    f->private = private;
    f->inode = i;
    if (!ops->seek)
        f->fmode |= FMODE_STREAM;
    return f;
}

struct file *file_new_anon(const char *name, const struct file_ops *ops, void *private, int flags,
                           mode_t mode)
{
    struct inode *i = anon_inode_new(mode);
    struct file *f = i ? file_new_on_inode(i, name, ops, private, flags) : NULL;

    if (i && !f)
        inode_put(i);
    return f;
}

static struct mount anon_mount = { .sb = &anon_super, .refs = { 1 } };

int file_path(struct file *f, struct path *out)
{
    if (f->path.dentry) {
        *out = f->path;
        path_get(out);
        return 0;
    }
    inode_get(f->inode);
    out->dentry = dentry_new_root(f->inode);
    if (!out->dentry)
        return -ENOMEM;
    out->mnt = &anon_mount;
    mount_get(out->mnt);
    return 0;
}

char *file_name(struct file *f, char *buf, size_t size)
{
    if (f->path.dentry && f->path.mnt != &anon_mount)
        return path_name(&f->path, buf, size);
    if (f->anon_name)
        str_copy(buf, f->anon_name, size);
    else
        snprintf(buf, size, "%s:[%llu]", S_ISSOCK(f->inode->mode) ? "socket" : "pipe",
                 (unsigned long long)f->inode->ino);
    return buf;
}

/* ---- reading and writing ---- */

static inline bool later(struct timespec64 a, struct timespec64 b)
{
    return a.sec > b.sec || (a.sec == b.sec && a.nsec > b.nsec);
}

void file_accessed(struct file *f)
{
    struct inode *i = f->inode;
    struct timespec64 now;

    if ((f->flags & O_NOATIME) || (i->flags & INODE_NOATIME))
        return;
    /* relatime: only when the content changed since, or a day went by; the clock is asked about that only where
     * reading begins. */
    if (later(i->atime, i->mtime) && later(i->atime, i->ctime)) {
        if (likely(f->pos))
            return;
        now = fs_now();
        if (now.sec - i->atime.sec < 24 * 3600)
            return;
    }
    if (f->path.dentry) {
        const struct mount *m = f->path.mnt;

        if ((m->flags & MS_NOATIME) || (m->sb->flags & MS_RDONLY) ||
            (S_ISDIR(i->mode) && (m->flags & MS_NODIRATIME)))
            return;
    }
    now = fs_now();
    i->atime = now;
}

ssize_t file_no_read(struct file *f)
{
    if (!(f->fmode & FMODE_READ))
        return -EBADF;
    return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
}

ssize_t file_no_write(struct file *f)
{
    return f->fmode & FMODE_WRITE ? -EINVAL : -EBADF;
}

int file_readdir(struct file *f, struct dir_context *ctx)
{
    int err;

    if (!f->ops->readdir)
        return -ENOTDIR;
    if (f->inode->flags & INODE_DEAD)
        return -ENOENT;
    err = f->ops->readdir(f, ctx);
    if (!err)
        file_notify(f, IN_ACCESS);
    return err;
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t len, uint64_t pos)
{
    size_t done = 0;

    while (done < len) {
        struct iov v;
        ssize_t n;

        iov_kernel(&v, (char *)buf + done, len - done);
        n = f->ops->read ? f->ops->read(f, &v, &pos) : -EINVAL;
        if (n < 0)
            return n;
        if (!n)
            break;
        done += n;
    }
    return done;
}

ssize_t file_write_kernel(struct file *f, const void *buf, size_t len, uint64_t pos)
{
    struct iov v;

    iov_kernel(&v, buf, len);
    return f->ops->write ? f->ops->write(f, &v, &pos) : -EINVAL;
}

/* ---- positions ---- */

off_t generic_seek(struct file *f, off_t off, int whence)
{
    off_t size = f->inode->size;

    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        if (__builtin_add_overflow(off, (off_t)f->pos, &off))
            return -EOVERFLOW;
        break;
    case SEEK_END:
        if (__builtin_add_overflow(off, size, &off))
            return -EOVERFLOW;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (off < 0 || off >= size)
            return -ENXIO;
        if (whence == SEEK_HOLE)
            off = size;
        break;
    default:
        return -EINVAL;
    }
    if (off < 0)
        return -EINVAL;
    f->pos = off;
    return off;
}

off_t mapping_seek(struct file *f, off_t off, int whence)
{
    uint64_t size = f->inode->size, index;

    if (whence != SEEK_DATA && whence != SEEK_HOLE)
        return generic_seek(f, off, whence);
    if (off < 0 || (uint64_t)off >= size)
        return -ENXIO;
    index = mapping_next(f->inode->mapping, off >> PAGE_SHIFT, whence == SEEK_DATA);
    if (index > size >> PAGE_SHIFT || index << PAGE_SHIFT >= size) {
        if (whence == SEEK_DATA)
            return -ENXIO;
        off = size;
    } else if (index > (uint64_t)off >> PAGE_SHIFT) {
        off = index << PAGE_SHIFT;
    }
    f->pos = off;
    return off;
}

bool dir_emit_dots(struct file *f, struct dir_context *ctx)
{
    struct dentry *d = f->path.dentry;

    if (ctx->pos == 0) {
        if (!ctx->actor(ctx, ".", 1, 1, f->inode->ino, DT_DIR))
            return false;
        ctx->pos = 1;
    }
    if (ctx->pos == 1) {
        if (!ctx->actor(ctx, "..", 2, 2, d ? d->parent->inode->ino : f->inode->ino, DT_DIR))
            return false;
        ctx->pos = 2;
    }
    return true;
}

int fsync_nothing(struct file *f, bool data_only)
{
    return 0;
}

/* ---- as a mapping of a program ---- */

static void vma_file_get(void *f)
{
    file_get(f);
}

static void vma_file_put(void *f)
{
    file_put(f);
}

static uint64_t vma_file_size(void *f)
{
    return ((struct file *)f)->inode->size;
}

static size_t vma_file_name(void *f, char *buf, size_t size)
{
    char *name = file_name(f, buf, size);
    size_t len;

    if (IS_ERR(name) || !size)
        return 0;
    len = strlen(name);
    memmove(buf, name, len + 1);
    return len;
}

static void vma_file_ident(void *file, dev_t *dev, ino_t *ino)
{
    struct file *f = file;

    *dev = f->inode->sb ? f->inode->sb->dev : 0;
    *ino = f->inode->ino;
}

static void vma_file_accessed(void *f)
{
    file_accessed(f);
}

const struct vma_file_ops file_vma_ops = {
    .get = vma_file_get,
    .put = vma_file_put,
    .size = vma_file_size,
    .name = vma_file_name,
    .ident = vma_file_ident,
    .accessed = vma_file_accessed,
};
