/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io.c: reading and writing open files: read(2), write(2), their vector and positioned forms, lseek(2).
 */
#include "linux/io.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/fd_table.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/stat.h>

typedef ssize_t (*io_fn)(struct file *f, struct iov *v, uint64_t *pos);

ssize_t file_write_limited(struct file *f, struct iov *v, uint64_t *pos)
{
    uint64_t limit = rlimit_cur(RLIMIT_FSIZE), at;

    if (likely(limit == UINT64_MAX) || !S_ISREG(f->inode->mode) || !v->count)
        return file_write(f, v, pos);
    at = (f->flags & O_APPEND) || v->append ? f->inode->size : *pos;
    if (at >= limit) {
        signal_send_thread(current, SIGXFSZ, NULL);
        return -EFBIG;
    }
    v->count = MIN(v->count, limit - at);
    return file_write(f, v, pos);
}

/* Reads or writes at the file's own position, which others may share. */
static __always_inline ssize_t io_here(struct file *f, struct iov *v, io_fn fn)
{
    ssize_t n;

    if (f->fmode & FMODE_STREAM)
        return fn(f, v, &f->pos);
    /* one reference is the table's, one ours: more means that another thread or process may be at it too */
    if (atomic_load(&f->refs.n) <= 2)
        return fn(f, v, &f->pos);
    mutex_lock(&f->pos_lock);
    n = fn(f, v, &f->pos);
    mutex_unlock(&f->pos_lock);
    return n;
}

/* Open for what is asked, no position to keep, no name whose watchers want to know. */
static inline bool is_plain_stream(const struct file *f, unsigned mode)
{
    return (f->fmode & (FMODE_STREAM | mode)) == (FMODE_STREAM | mode) && !f->path.dentry;
}

static ssize_t io_at(struct file *f, struct iov *v, int64_t pos, io_fn fn)
{
    uint64_t where = pos;

    if (pos < 0)
        return -EINVAL;
    if ((f->fmode & FMODE_STREAM) || !f->ops->seek)
        return -ESPIPE;
    return fn(f, v, &where);
}

SYSCALL3(read, int, fd, char __user *, buf, size_t, len)
{
    struct fd_ref r = fd_borrow(fd);
    struct file *f = r.file;
    struct iov v;
    ssize_t n;

    if (unlikely(!f))
        return -EBADF;
    iov_user(&v, buf, MIN(len, IO_MAX));
    if (unlikely((ssize_t)len < 0)) /* no buffer is so large */
        n = f->fmode & FMODE_PATH ? -EBADF : -EFAULT;
    else if (is_plain_stream(f, FMODE_READ) && f->ops->read)
        n = f->ops->read(f, &v, &f->pos);
    else
        n = f->fmode & FMODE_PATH ? -EBADF : io_here(f, &v, file_read);
    fd_return(r);
    return n;
}

SYSCALL3(write, int, fd, const char __user *, buf, size_t, len)
{
    struct fd_ref r = fd_borrow(fd);
    struct file *f = r.file;
    struct iov v;
    ssize_t n;

    if (unlikely(!f))
        return -EBADF;
    iov_user(&v, buf, MIN(len, IO_MAX));
    if (unlikely((ssize_t)len < 0)) /* no buffer is so large */
        n = f->fmode & FMODE_PATH ? -EBADF : -EFAULT;
    else if (is_plain_stream(f, FMODE_WRITE) && f->ops->write)
        n = f->ops->write(f, &v, &f->pos);
    else
        n = f->fmode & FMODE_PATH ? -EBADF : io_here(f, &v, file_write_limited);
    fd_return(r);
    return n;
}

SYSCALL4(pread64, int, fd, char __user *, buf, size_t, len, int64_t, pos)
{
    struct file *f = fd_get(fd);
    struct iov v;
    ssize_t n;

    if (pos < 0)
        n = -EINVAL;
    else
        n = f ? 0 : -EBADF;
    if (!n) {
        iov_user(&v, buf, MIN(len, IO_MAX));
        n = (ssize_t)len < 0 ? -EFAULT : io_at(f, &v, pos, file_read);
    }
    if (f)
        file_put(f);
    return n;
}

SYSCALL4(pwrite64, int, fd, const char __user *, buf, size_t, len, int64_t, pos)
{
    struct file *f = fd_get(fd);
    struct iov v;
    ssize_t n;

    if (pos < 0)
        n = -EINVAL;
    else
        n = f ? 0 : -EBADF;
    if (!n) {
        iov_user(&v, buf, MIN(len, IO_MAX));
        n = (ssize_t)len < 0 ? -EFAULT : io_at(f, &v, pos, file_write_limited);
    }
    if (f)
        file_put(f);
    return n;
}

/* ---- vectors ---- */

/* Copies the program's struct iovec array in; sums are limited as readv(2) says. */
int vec_import(struct vec *vec, struct iov *v, const void __user *uvec, unsigned long n)
{
    size_t total = 0;

    if (n > IOV_LIMIT)
        return -EINVAL;
    vec->segs = vec->fast;
    if (n > IOV_FAST) {
        vec->segs = kmalloc(n * sizeof(struct iov_seg));
        if (!vec->segs)
            return -ENOMEM;
    }
    if (copy_from_user(vec->segs, uvec, n * sizeof(struct iov_seg))) {
        if (vec->segs != vec->fast)
            kfree(vec->segs);
        return -EFAULT;
    }
    for (unsigned long i = 0; i < n; i++) {
        if ((ssize_t)vec->segs[i].len < 0) {
            if (vec->segs != vec->fast)
                kfree(vec->segs);
            return -EINVAL;
        }
        vec->segs[i].len = MIN(vec->segs[i].len, IO_MAX - total);
        total += vec->segs[i].len;
    }
    iov_user(v, NULL, 0);
    v->segs = vec->segs;
    v->nr_segs = n;
    v->count = total;
    return 0;
}

void vec_free(struct vec *vec)
{
    if (vec->segs != vec->fast)
        kfree(vec->segs);
}

#define POS_CURRENT INT64_MIN

int iov_apply_flags(struct iov *v, int flags, bool write)
{
    if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
        return -EOPNOTSUPP;
    if (flags & RWF_NOWAIT)
        v->nonblock = true;
    if ((flags & RWF_APPEND) && write)
        v->append = true;
    return 0;
}

static long vec_io(int fd, const void __user *uvec, unsigned long nr, int64_t pos, int flags, bool write)
{
    struct file *f = fd_get(fd);
    io_fn fn = write ? file_write_limited : file_read;
    struct vec vec;
    struct iov v;
    long n;

    if (!f)
        return -EBADF;
    n = -EBADF; /* the mode is looked at before the vector, as on Linux */
    if (!(f->fmode & (write ? FMODE_WRITE : FMODE_READ)))
        goto out;
    n = vec_import(&vec, &v, uvec, nr);
    if (n)
        goto out;
    n = iov_apply_flags(&v, flags, write);
    if (!n)
        n = pos == POS_CURRENT ? io_here(f, &v, fn) : io_at(f, &v, pos, fn);
    if (n > 0 && write && (flags & (RWF_DSYNC | RWF_SYNC)) && f->ops->fsync) {
        int err = f->ops->fsync(f, !(flags & RWF_SYNC));
        n = err ? err : n;
    }
    vec_free(&vec);
out:
    file_put(f);
    return n;
}

SYSCALL3(readv, int, fd, const void __user *, vec, unsigned long, nr)
{
    return vec_io(fd, vec, nr, POS_CURRENT, 0, false);
}

SYSCALL3(writev, int, fd, const void __user *, vec, unsigned long, nr)
{
    return vec_io(fd, vec, nr, POS_CURRENT, 0, true);
}

SYSCALL4(preadv, int, fd, const void __user *, vec, unsigned long, nr, int64_t, pos)
{
    return pos < 0 ? -EINVAL : vec_io(fd, vec, nr, pos, 0, false);
}

SYSCALL4(pwritev, int, fd, const void __user *, vec, unsigned long, nr, int64_t, pos)
{
    return pos < 0 ? -EINVAL : vec_io(fd, vec, nr, pos, 0, true);
}

/* The offset's high half is for 32-bit machines. */
SYSCALL6(preadv2, int, fd, const void __user *, vec, unsigned long, nr, int64_t, pos, long, high, int, flags)
{
    if (pos < -1)
        return -EINVAL;
    return vec_io(fd, vec, nr, pos == -1 ? POS_CURRENT : pos, flags, false);
}

SYSCALL6(pwritev2, int, fd, const void __user *, vec, unsigned long, nr, int64_t, pos, long, high, int, flags)
{
    if (pos < -1)
        return -EINVAL;
    return vec_io(fd, vec, nr, pos == -1 ? POS_CURRENT : pos, flags, true);
}

SYSCALL3(lseek, int, fd, int64_t, off, unsigned, whence)
{
    struct file *f = fd_get(fd);
    int64_t n;

    if (!f)
        return -EBADF;
    if (whence > SEEK_HOLE) {
        n = -EINVAL;
    } else if (!f->ops->seek) {
        n = -ESPIPE;
    } else {
        mutex_lock(&f->pos_lock);
        n = f->ops->seek(f, off, whence);
        mutex_unlock(&f->pos_lock);
    }
    file_put(f);
    return n;
}
