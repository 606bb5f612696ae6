/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat.c: what a file is: stat(2), statx(2), access(2), readlink(2), statfs(2), getdents64(2).
 */
#include "fs/vfs.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/kdev_t.h>
#include <linux/stat.h>

static long put_stat(struct stat __user *u, const struct kstat *k)
{
    struct stat s;

    s.st_dev = k->dev;
    s.st_ino = k->ino;
    s.st_nlink = k->nlink;
    s.st_mode = k->mode;
    s.st_uid = k->uid;
    s.st_gid = k->gid;
    s.__pad0 = 0;
    s.st_rdev = k->rdev;
    s.st_size = k->size;
    s.st_blksize = k->blksize;
    s.st_blocks = k->blocks;
    s.st_atime = k->atime.sec;
    s.st_atime_nsec = k->atime.nsec;
    s.st_mtime = k->mtime.sec;
    s.st_mtime_nsec = k->mtime.nsec;
    s.st_ctime = k->ctime.sec;
    s.st_ctime_nsec = k->ctime.nsec;
    s.__unused[0] = s.__unused[1] = s.__unused[2] = 0;
    return copy_to_user(u, &s, sizeof(s));
}

/* An open file's status: anonymous files have an inode and no path. */
static long file_kstat(int fd, struct kstat *k)
{
    struct file *f = fd_get_path(fd);
    long err = 0;

    if (!f)
        return -EBADF;
    if (f->path.dentry)
        err = vfs_stat(&f->path, k);
    else
        inode_fill_stat(f->inode, k);
    file_put(f);
    return err;
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)

static long at_kstat(int dirfd, const char __user *uname, int flags, struct kstat *k)
{
    struct path found;
    char first;
    long err;

    if (flags & ~STAT_FLAGS)
        return -EINVAL;
    if ((flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD) { /* what the C library's fstat() is */
        if (get_user(first, uname))
            return -EFAULT;
        if (!first)
            return file_kstat(dirfd, k);
    }
    err = at_lookup(dirfd, uname, flags, &found);
    if (err)
        return err;
    err = vfs_stat(&found, k);
    path_put(&found);
    return err;
}

long name_stat(int dirfd, const char *name, unsigned flags, struct kstat *k)
{
    struct path found;
    long err;

    if (flags & ~STAT_FLAGS)
        return -EINVAL;
    if ((flags & AT_EMPTY_PATH) && dirfd != AT_FDCWD && !name[0])
        return file_kstat(dirfd, k);
    err = at_lookup_name(dirfd, name, flags, &found);
    if (err)
        return err;
    err = vfs_stat(&found, k);
    path_put(&found);
    return err;
}

SYSCALL2(stat, const char __user *, name, struct stat __user *, u)
{
    struct kstat k;
    long err = at_kstat(AT_FDCWD, name, 0, &k);

    return err ? err : put_stat(u, &k);
}

SYSCALL2(lstat, const char __user *, name, struct stat __user *, u)
{
    struct kstat k;
    long err = at_kstat(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &k);

    return err ? err : put_stat(u, &k);
}

SYSCALL2(fstat, int, fd, struct stat __user *, u)
{
    struct kstat k;
    long err = file_kstat(fd, &k);

    return err ? err : put_stat(u, &k);
}

SYSCALL4(newfstatat, int, dirfd, const char __user *, name, struct stat __user *, u, int, flags)
{
    struct kstat k;
    long err = at_kstat(dirfd, name, flags, &k);

    return err ? err : put_stat(u, &k);
}

static struct statx_timestamp statx_time(struct timespec64 t)
{
    return (struct statx_timestamp){ .tv_sec = t.sec, .tv_nsec = t.nsec };
}

long statx_check(unsigned flags, unsigned mask)
{
    return (mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ? -EINVAL : 0;
}

long statx_write(struct statx __user *u, const struct kstat *k)
{
    struct statx s;

    memset(&s, 0, sizeof(s));
    s.stx_mask = STATX_BASIC_STATS | (k->has_btime ? STATX_BTIME : 0);
    s.stx_blksize = k->blksize;
    s.stx_attributes = k->attributes;
    s.stx_nlink = k->nlink;
    s.stx_uid = k->uid;
    s.stx_gid = k->gid;
    s.stx_mode = k->mode;
    s.stx_ino = k->ino;
    s.stx_size = k->size;
    s.stx_blocks = k->blocks;
    s.stx_atime = statx_time(k->atime);
    s.stx_mtime = statx_time(k->mtime);
    s.stx_ctime = statx_time(k->ctime);
    if (k->has_btime)
        s.stx_btime = statx_time(k->btime);
    s.stx_dev_major = k->dev >> 8 & 0xfff;
    s.stx_dev_minor = (k->dev & 0xff) | (k->dev >> 12 & 0xfff00);
    s.stx_rdev_major = k->rdev >> 8 & 0xfff;
    s.stx_rdev_minor = (k->rdev & 0xff) | (k->rdev >> 12 & 0xfff00);
    return copy_to_user(u, &s, sizeof(s));
}

SYSCALL5(statx, int, dirfd, const char __user *, name, unsigned, flags, unsigned, mask, struct statx __user *,
         u)
{
    struct kstat k;
    long err = statx_check(flags, mask);

    if (!err)
        err = at_kstat(dirfd, name, flags, &k);
    return err ? err : statx_write(u, &k);
}

/* ---- access ---- */

static long do_access(int dirfd, const char __user *uname, int mode, int flags)
{
    struct path found;
    struct cred real;
    const struct cred *c = fs_cred();
    long err;

    if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    err = at_lookup(dirfd, uname, flags, &found);
    if (err)
        return err;
    if (!(flags & AT_EACCESS) && (c->uid != c->fsuid || c->gid != c->fsgid)) {
        real = *c; /* access(2) asks for the real user */
        real.fsuid = c->uid;
        real.fsgid = c->gid;
        if (c->uid)
            real.cap_effective = 0;
        else
            real.cap_effective = c->cap_permitted;
        c = &real;
    }
    err = mode ? vfs_access(&found, mode, c) : 0;
    path_put(&found);
    return err;
}

SYSCALL2(access, const char __user *, name, int, mode)
{
    return do_access(AT_FDCWD, name, mode, 0);
}

SYSCALL3(faccessat, int, dirfd, const char __user *, name, int, mode)
{
    return do_access(dirfd, name, mode, 0);
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, name, int, mode, int, flags)
{
    return do_access(dirfd, name, mode, flags);
}

/* ---- links and directories ---- */

static long do_readlink(int dirfd, const char __user *uname, char __user *buf, int size)
{
    const struct path *base;
    struct path p, found;
    char *name, *target;
    long n;

    if (size <= 0)
        return -EINVAL;
    name = getname(uname);
    if (IS_ERR(name))
        return PTR_ERR(name);
    n = at_base(dirfd, name, &p, &base);
    if (!n) {
        n = path_lookup(base, name, LOOKUP_EMPTY, &found);
        at_put(base);
    }
    if (n) {
        putname(name);
        return n;
    }
    target = kmalloc(PATH_MAX);
    n = target ? vfs_readlink(&found, target, PATH_MAX) : -ENOMEM;
    if (n == -EINVAL && !name[0])
        n = -ENOENT;
    if (n > 0) {
        n = MIN(n, (long)size);
        if (copy_to_user(buf, target, n))
            n = -EFAULT;
    }
    kfree(target);
    path_put(&found);
    putname(name);
    return n;
}

SYSCALL3(readlink, const char __user *, name, char __user *, buf, int, size)
{
    return do_readlink(AT_FDCWD, name, buf, size);
}

SYSCALL4(readlinkat, int, dirfd, const char __user *, name, char __user *, buf, int, size)
{
    return do_readlink(dirfd, name, buf, size);
}

/* Fills the caller's buffer with struct linux_dirent64 records. */
struct dents {
    struct dir_context ctx; /* first */
    char __user
    *buf;
    size_t left,
        last; /* last: offset of the last record's d_off, to be completed by the next one's position */
    size_t done;
    bool old; /* getdents(2): the type is the record's last byte */
    int err;
};

struct dirent_head {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
} __packed;

static bool dents_actor(struct dir_context *ctx, const char *name, unsigned len, uint64_t off, ino_t ino,
                        unsigned type)
{
    struct dents *d = (struct dents *)ctx;
    char rec[sizeof(struct dirent_head) + NAME_MAX + 16];
    size_t head = sizeof(struct dirent_head), need = ALIGN_UP(head + len + 2, 8);
    struct dirent_head h = { .ino = ino, .off = off, .reclen = need };

    if (need > d->left) {
        d->err = d->done ? 0 : -EINVAL;
        return false;
    }
    memset(rec, 0, need);
    memcpy(rec, &h, head);
    if (d->old) {
        memcpy(rec + head, name, len);
        rec[need - 1] = type;
    } else {
        rec[head] = type;
        memcpy(rec + head + 1, name, len);
    }
    if (copy_to_user(d->buf + d->done, rec, need)) {
        d->err = d->done ? 0 : -EFAULT;
        return false;
    }
    d->done += need;
    d->left -= need;
    return true;
}

static long do_getdents(int fd, char __user *buf, unsigned size, bool old)
{
    struct file *f = fd_get(fd);
    struct dents d = { .ctx.actor = dents_actor, .buf = buf, .left = size, .old = old };
    long err;

    if (!f)
        return -EBADF;
    mutex_lock(&f->pos_lock);
    d.ctx.pos = f->pos;
    err = file_readdir(f, &d.ctx);
    f->pos = d.ctx.pos;
    mutex_unlock(&f->pos_lock);
    file_put(f);
    if (d.done)
        return d.done;
    return err < 0 ? err : d.err;
}

SYSCALL3(getdents64, int, fd, char __user *, buf, unsigned, size)
{
    return do_getdents(fd, buf, size, false);
}

SYSCALL3(getdents, int, fd, char __user *, buf, unsigned, size)
{
    return do_getdents(fd, buf, size, true);
}

/* ---- filesystems ---- */

static long put_statfs(struct statfs __user *u, const struct kstatfs *k)
{
    struct statfs s;

    memset(&s, 0, sizeof(s));
    s.f_type = k->type;
    s.f_bsize = k->bsize;
    s.f_blocks = k->blocks;
    s.f_bfree = k->bfree;
    s.f_bavail = k->bavail;
    s.f_files = k->files;
    s.f_ffree = k->ffree;
    s.f_fsid.val[0] = k->fsid;
    s.f_fsid.val[1] = k->fsid >> 32;
    s.f_namelen = k->namelen;
    s.f_frsize = k->frsize;
    s.f_flags = k->flags;
    return copy_to_user(u, &s, sizeof(s));
}

SYSCALL2(statfs, const char __user *, uname, struct statfs __user *, u)
{
    char *name = getname(uname);
    struct kstatfs k;
    struct path p;
    long err;

    if (IS_ERR(name))
        return PTR_ERR(name);
    err = path_lookup(NULL, name, LOOKUP_FOLLOW, &p);
    putname(name);
    if (err)
        return err;
    err = vfs_statfs(&p, &k);
    path_put(&p);
    return err ? err : put_statfs(u, &k);
}

SYSCALL2(fstatfs, int, fd, struct statfs __user *, u)
{
    struct file *f = fd_get_path(fd);
    struct kstatfs k;
    long err;

    if (!f)
        return -EBADF;
    err = file_statfs(f, &k);
    file_put(f);
    return err ? err : put_statfs(u, &k);
}
