/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attr.c: changing what a file is: mode, owner, times, size, extended attributes; writing it back.
 */
#include "fs/vfs.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/resource.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/inotify.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/xattr.h>

/* utimensat(2); the UAPI headers leave them to the C library */
#define UTIME_NOW  ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)

static long at_setattr(int dirfd, const char __user *name, int at_flags, const struct iattr *a)
{
    struct path p;
    long err;

    if (at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    err = at_lookup(dirfd, name, at_flags, &p);
    if (err)
        return err;
    err = vfs_setattr(&p, a);
    path_put(&p);
    return err;
}

static long fd_setattr(int fd, const struct iattr *a)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = f->path.dentry ? vfs_setattr(&f->path, a) : inode_setattr(f->inode, a);
    file_put(f);
    return err;
}

/* ---- mode and owner ---- */

static struct iattr mode_attr(mode_t mode)
{
    return (struct iattr){ .valid = ATTR_MODE, .mode = mode & 07777 };
}

SYSCALL2(chmod, const char __user *, name, mode_t, mode)
{
    struct iattr a = mode_attr(mode);

    return at_setattr(AT_FDCWD, name, 0, &a);
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, name, mode_t, mode)
{
    struct iattr a = mode_attr(mode);

    return at_setattr(dirfd, name, 0, &a);
}

SYSCALL2(fchmod, int, fd, mode_t, mode)
{
    struct iattr a = mode_attr(mode);

    return fd_setattr(fd, &a);
}

static struct iattr owner_attr(uid_t uid, gid_t gid)
{
    return (struct iattr){ .valid = (uid != (uid_t)-1 ? ATTR_UID : 0) | (gid != (gid_t)-1 ? ATTR_GID : 0),
                           .uid = uid,
                           .gid = gid };
}

SYSCALL3(chown, const char __user *, name, uid_t, uid, gid_t, gid)
{
    struct iattr a = owner_attr(uid, gid);

    return at_setattr(AT_FDCWD, name, 0, &a);
}

SYSCALL3(lchown, const char __user *, name, uid_t, uid, gid_t, gid)
{
    struct iattr a = owner_attr(uid, gid);

    return at_setattr(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &a);
}

SYSCALL5(fchownat, int, dirfd, const char __user *, name, uid_t, uid, gid_t, gid, int, flags)
{
    struct iattr a = owner_attr(uid, gid);

    return at_setattr(dirfd, name, flags, &a);
}

SYSCALL3(fchown, int, fd, uid_t, uid, gid_t, gid)
{
    struct iattr a = owner_attr(uid, gid);

    return fd_setattr(fd, &a);
}

/* ---- times ---- */

/* sec/nsec pairs of atime and mtime; UTIME_NOW and UTIME_OMIT as in utimensat(2). */
static long times_attr(struct iattr *a, const struct __kernel_timespec *t)
{
    struct timespec64 now = fs_now();

    memset(a, 0, sizeof(*a));
    if (!t) {
        a->valid = ATTR_ATIME | ATTR_MTIME | ATTR_TOUCH;
        a->atime = a->mtime = now;
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        struct timespec64 *to = i ? &a->mtime : &a->atime;

        if (t[i].tv_nsec == UTIME_OMIT)
            continue;
        if (t[i].tv_nsec != UTIME_NOW && (unsigned long long)t[i].tv_nsec >= 1000000000)
            return -EINVAL;
        *to =
            t[i].tv_nsec == UTIME_NOW ? now : (struct timespec64){ .sec = t[i].tv_sec, .nsec = t[i].tv_nsec };
        a->valid |= i ? ATTR_MTIME : ATTR_ATIME;
    }
    if (t[0].tv_nsec == UTIME_NOW && t[1].tv_nsec == UTIME_NOW)
        a->valid |= ATTR_TOUCH;
    return 0;
}

static long do_utimes(int dirfd, const char __user *name, const struct __kernel_timespec *t, int flags)
{
    struct iattr a;
    long err = times_attr(&a, t);

    if (err)
        return err;
    if (t && !a.valid) /* both omitted: nothing is looked at */
        return 0;
    if (!name && dirfd != AT_FDCWD)
        return flags ? -EINVAL : fd_setattr(dirfd, &a);
    return at_setattr(dirfd, name, flags, &a);
}

SYSCALL4(utimensat, int, dirfd, const char __user *, name, const struct __kernel_timespec __user *, u, int,
         flags)
{
    struct __kernel_timespec t[2];

    if (u && copy_from_user(t, u, sizeof(t)))
        return -EFAULT;
    return do_utimes(dirfd, name, u ? t : NULL, flags);
}

static long utimes_usec(int dirfd, const char __user *name, const struct __kernel_old_timeval __user *u)
{
    struct __kernel_old_timeval v[2];
    struct __kernel_timespec t[2];

    if (!u)
        return do_utimes(dirfd, name, NULL, 0);
    if (copy_from_user(v, u, sizeof(v)))
        return -EFAULT;
    for (int i = 0; i < 2; i++) {
        if (v[i].tv_usec < 0 || v[i].tv_usec >= 1000000)
            return -EINVAL;
        t[i].tv_sec = v[i].tv_sec;
        t[i].tv_nsec = v[i].tv_usec * 1000;
    }
    return do_utimes(dirfd, name, t, 0);
}

SYSCALL2(utimes, const char __user *, name, const struct __kernel_old_timeval __user *, u)
{
    return utimes_usec(AT_FDCWD, name, u);
}

SYSCALL3(futimesat, int, dirfd, const char __user *, name, const struct __kernel_old_timeval __user *, u)
{
    return utimes_usec(dirfd, name, u);
}

SYSCALL2(utime, const char __user *, name, const int64_t __user *, u)
{
    struct __kernel_timespec t[2] = { 0 };
    int64_t v[2];

    if (!u)
        return do_utimes(AT_FDCWD, name, NULL, 0);
    if (copy_from_user(v, u, sizeof(v)))
        return -EFAULT;
    t[0].tv_sec = v[0];
    t[1].tv_sec = v[1];
    return do_utimes(AT_FDCWD, name, t, 0);
}

/* ---- size ---- */

static long size_ok(int64_t size)
{
    if (size < 0)
        return -EINVAL;
    if ((uint64_t)size > rlimit_cur(RLIMIT_FSIZE)) {
        signal_send_thread(current, SIGXFSZ, NULL);
        return -EFBIG;
    }
    return 0;
}

SYSCALL2(truncate, const char __user *, name, int64_t, size)
{
    struct path p;
    struct inode *i;
    long err;

    if (size < 0)
        return -EINVAL;
    err = at_lookup(AT_FDCWD, name, 0, &p);
    if (err)
        return err;
    i = path_inode(&p);
    if (S_ISDIR(i->mode))
        err = -EISDIR;
    else if (!S_ISREG(i->mode))
        err = -EINVAL;
    else
        err = vfs_access(&p, 2 /* MAY_WRITE */, fs_cred());
    if (!err)
        err = size_ok(size);
    if (!err)
        err = vfs_truncate(i, size);
    if (!err)
        path_notify(&p, IN_MODIFY);
    path_put(&p);
    return err;
}

SYSCALL2(ftruncate, int, fd, int64_t, size)
{
    struct file *f;
    long err;

    if (size < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (!S_ISREG(f->inode->mode) || !(f->fmode & FMODE_WRITE))
        err = -EINVAL;
    else
        err = size_ok(size);
    if (!err)
        err = vfs_truncate(f->inode, size);
    if (!err)
        file_notify(f, IN_MODIFY);
    file_put(f);
    return err;
}

long file_fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
    long err;

    if (off < 0 || len <= 0)
        err = -EINVAL;
    else if (!(f->fmode & FMODE_WRITE))
        err = -EBADF;
    else if ((f->flags & O_APPEND) && (mode & ~1 /* FALLOC_FL_KEEP_SIZE */))
        err = -EPERM;
    else if (S_ISFIFO(f->inode->mode))
        err = -ESPIPE;
    else if (S_ISDIR(f->inode->mode))
        err = -EISDIR;
    else if (!S_ISREG(f->inode->mode))
        err = -ENODEV;
    else if (off > INT64_MAX - len)
        err = -EFBIG;
    else
        err = f->inode->ops->fallocate ? size_ok(mode & 1 ? 0 : off + len) : -EOPNOTSUPP;
    if (!err)
        err = f->inode->ops->fallocate(f->inode, mode, off, len);
    return err;
}

SYSCALL4(fallocate, int, fd, int, mode, int64_t, off, int64_t, len)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = file_fallocate(f, mode, off, len);
    file_put(f);
    return err;
}

/* ---- writing back ---- */

long file_sync(struct file *f, bool data_only)
{
    return f->ops->fsync ? f->ops->fsync(f, data_only) : -EINVAL;
}

static long do_fsync(int fd, bool data_only)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = file_sync(f, data_only);
    file_put(f);
    return err;
}

SYSCALL1(fsync, int, fd)
{
    return do_fsync(fd, false);
}

SYSCALL1(fdatasync, int, fd)
{
    return do_fsync(fd, true);
}

SYSCALL0(sync)
{
    vfs_sync_all();
    return 0;
}

SYSCALL1(syncfs, int, fd)
{
    struct file *f = fd_get(fd);
    struct super *sb;
    long err;

    if (!f)
        return -EBADF;
    sb = f->inode->sb;
    err = sb && sb->ops->sync ? sb->ops->sync(sb) : 0;
    file_put(f);
    return err;
}

long file_sync_range(struct file *f, int64_t off, int64_t len, unsigned flags)
{
    if ((flags & ~7u) || off < 0 || len < 0 || off > INT64_MAX - len)
        return -EINVAL;
    if (!S_ISREG(f->inode->mode) && !S_ISBLK(f->inode->mode) && !S_ISDIR(f->inode->mode))
        return -ESPIPE;
    return f->ops->fsync ? f->ops->fsync(f, true) : 0;
}

SYSCALL4(sync_file_range, int, fd, int64_t, off, int64_t, len, unsigned, flags)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = file_sync_range(f, off, len, flags);
    file_put(f);
    return err;
}

/* Advice: readahead adapts by itself, so a valid call has nothing more to do. */
long file_advise(struct file *f, int64_t len, int advice)
{
    if (S_ISFIFO(f->inode->mode))
        return -ESPIPE;
    return len < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

SYSCALL4(fadvise64, int, fd, int64_t, off, int64_t, len, int, advice)
{
    struct file *f = fd_get(fd);
    long err;

    if (!f)
        return -EBADF;
    err = file_advise(f, len, advice);
    file_put(f);
    return err;
}

SYSCALL3(readahead, int, fd, int64_t, off, size_t, len)
{
    struct file *f = fd_get(fd);
    long err = 0;

    if (!f)
        return -EBADF;
    if (!(f->fmode & FMODE_READ))
        err = S_ISFIFO(f->inode->mode) ? -EINVAL : -EBADF;
    else if (S_ISFIFO(f->inode->mode) || !f->inode->mapping)
        err = -EINVAL;
    file_put(f);
    return err;
}

/* ---- extended attributes ---- */

struct xattr_at {
    struct path path;
    struct inode *inode;
    struct file *file;
};

/* name NULL: the open file fd. */
static long xattr_begin(struct xattr_at *x, const char __user *name, bool follow, int fd)
{
    long err;

    x->file = NULL;
    if (!name) {
        x->file = fd_get(fd);
        if (!x->file)
            return -EBADF;
        x->inode = x->file->inode;
        return 0;
    }
    err = at_lookup(AT_FDCWD, name, follow ? 0 : AT_SYMLINK_NOFOLLOW, &x->path);
    if (!err)
        x->inode = path_inode(&x->path);
    return err;
}

static void xattr_end(struct xattr_at *x)
{
    if (x->file)
        file_put(x->file);
    else
        path_put(&x->path);
}

long xattr_name(char *buf, const char __user *uname)
{
    ssize_t n = strncpy_from_user(buf, uname, XATTR_NAME_MAX + 1);

    if (n == -ENAMETOOLONG || n == 0)
        return -ERANGE;
    return n < 0 ? n : 0;
}

long xattr_read(struct inode *i, const char *name, void __user *value, size_t size)
{
    void *buf = NULL;
    long n;

    size = MIN(size, (size_t)XATTR_SIZE_MAX);
    if (size && !(buf = kmalloc(size)))
        return -ENOMEM;
    n = vfs_getxattr(i, name, buf, size);
    if (n > 0 && size && copy_to_user(value, buf, n))
        n = -EFAULT;
    kfree(buf);
    return n;
}

static long xattr_get(struct xattr_at *x, const char __user *uname, void __user *value, size_t size)
{
    char name[XATTR_NAME_MAX + 1];
    long n = xattr_name(name, uname);

    return n ? n : xattr_read(x->inode, name, value, size);
}

static long xattr_set(struct xattr_at *x, const char __user *uname, const void __user *value, size_t size,
                      int flags)
{
    char name[XATTR_NAME_MAX + 1];
    void *buf = NULL;
    long err;

    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    err = xattr_name(name, uname);
    if (err)
        return err;
    if (size > XATTR_SIZE_MAX)
        return -E2BIG;
    if (size && !(buf = kmalloc(size)))
        return -ENOMEM;
    err = size && copy_from_user(buf, value, size) ? -EFAULT : vfs_setxattr(x->inode, name, buf, size, flags);
    kfree(buf);
    return err;
}

static long xattr_list(struct xattr_at *x, char __user *list, size_t size)
{
    char *buf = NULL;
    long n;

    size = MIN(size, (size_t)XATTR_LIST_MAX);
    if (size && !(buf = kmalloc(size)))
        return -ENOMEM;
    n = vfs_listxattr(x->inode, buf, size);
    if (n > 0 && size && copy_to_user(list, buf, n))
        n = -EFAULT;
    kfree(buf);
    return n;
}

static long xattr_remove(struct xattr_at *x, const char __user *uname)
{
    char name[XATTR_NAME_MAX + 1];
    long err = xattr_name(name, uname);

    return err ? err : vfs_removexattr(x->inode, name);
}

/* Three forms of each call: following links, not following, and on an open file. */
#define XATTR_BODY(path, follow, fd, call)      \
    struct xattr_at x;                          \
    long n = xattr_begin(&x, path, follow, fd); \
    if (n)                                      \
        return n;                               \
    n = call;                                   \
    xattr_end(&x);                              \
    return n

SYSCALL4(getxattr, const char __user *, p, const char __user *, name, void __user *, v, size_t, size)
{
    XATTR_BODY(p, true, -1, xattr_get(&x, name, v, size));
}
SYSCALL4(lgetxattr, const char __user *, p, const char __user *, name, void __user *, v, size_t, size)
{
    XATTR_BODY(p, false, -1, xattr_get(&x, name, v, size));
}
SYSCALL4(fgetxattr, int, fd, const char __user *, name, void __user *, v, size_t, size)
{
    XATTR_BODY(NULL, true, fd, xattr_get(&x, name, v, size));
}
SYSCALL5(setxattr, const char __user *, p, const char __user *, name, const void __user *, v, size_t, size,
         int, flags)
{
    XATTR_BODY(p, true, -1, xattr_set(&x, name, v, size, flags));
}
SYSCALL5(lsetxattr, const char __user *, p, const char __user *, name, const void __user *, v, size_t, size,
         int, flags)
{
    XATTR_BODY(p, false, -1, xattr_set(&x, name, v, size, flags));
}
SYSCALL5(fsetxattr, int, fd, const char __user *, name, const void __user *, v, size_t, size, int, flags)
{
    XATTR_BODY(NULL, true, fd, xattr_set(&x, name, v, size, flags));
}
SYSCALL3(listxattr, const char __user *, p, char __user *, list, size_t, size)
{
    XATTR_BODY(p, true, -1, xattr_list(&x, list, size));
}
SYSCALL3(llistxattr, const char __user *, p, char __user *, list, size_t, size)
{
    XATTR_BODY(p, false, -1, xattr_list(&x, list, size));
}
SYSCALL3(flistxattr, int, fd, char __user *, list, size_t, size)
{
    XATTR_BODY(NULL, true, fd, xattr_list(&x, list, size));
}
SYSCALL2(removexattr, const char __user *, p, const char __user *, name)
{
    XATTR_BODY(p, true, -1, xattr_remove(&x, name));
}
SYSCALL2(lremovexattr, const char __user *, p, const char __user *, name)
{
    XATTR_BODY(p, false, -1, xattr_remove(&x, name));
}
SYSCALL2(fremovexattr, int, fd, const char __user *, name)
{
    XATTR_BODY(NULL, true, fd, xattr_remove(&x, name));
}
