/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.c: operations on names. The names are copied when the request is submitted, so that the program may reuse
 * them at once, also for one that starts later.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/io_uring/uring.h"
#include <linux/fcntl.h>
#include <linux/xattr.h>

void uring_names_cleanup(struct ureq *req)
{
    for (int i = 0; i < 2; i++)
        if (req->fs.name[i])
            putname(req->fs.name[i]);
    kfree(req->fs.value);
}

/* Copies the names at a and, unless it is 0, b. */
static int get_names(struct ureq *req, uint64_t a, uint64_t b)
{
    uint64_t addr[2] = { a, b };

    if (req->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    req->fs.name[0] = req->fs.name[1] = NULL;
    req->fs.value = NULL;
    req->flags |= UR_PREPARED;
    for (int i = 0; i < 2; i++) {
        char *name = i && !b ? NULL : getname((const char __user *)addr[i]);

        if (IS_ERR(name))
            return PTR_ERR(name);
        req->fs.name[i] = name;
    }
    return 0;
}

/* Two names, neither of which may be absent. */
static int get_two(struct ureq *req, uint64_t a, uint64_t b)
{
    int err = get_names(req, a, b);

    return err || b ? err : -EFAULT;
}

/* ---- opening and closing ---- */

static int open_prep(struct ureq *req)
{
    if (req->sqe.buf_index)
        return -EINVAL;
    if (req->sqe.file_index && (req->fs.how.flags & O_CLOEXEC)) /* a slot is never inherited */
        return -EINVAL;
    return get_names(req, req->sqe.addr, 0);
}

int uring_openat_prep(struct ureq *req)
{
    req->fs.how = open_how_legacy(req->sqe.open_flags, req->sqe.len);
    return open_prep(req);
}

int uring_openat2_prep(struct ureq *req)
{
    int err = open_how_read((const void __user *)req->sqe.addr2, req->sqe.len, &req->fs.how);

    return err ? err : open_prep(req);
}

/* A FIFO without a peer must not hold up the ring: as on Linux it is opened without waiting. */
int uring_openat(struct ureq *req)
{
    struct open_how_k how = req->fs.how;
    struct file *f;
    int n;

    how.flags |= how.flags & O_PATH ? 0 : O_NONBLOCK;
    f = name_open(req->sqe.fd, req->fs.name[0], &how);
    if (IS_ERR(f))
        return PTR_ERR(f);
    if (!(req->fs.how.flags & (O_NONBLOCK | O_PATH)))
        f->flags &= ~O_NONBLOCK;
    if (!req->sqe.file_index)
        return fd_install_new(f, how.flags & O_CLOEXEC);
    n = uring_install_file(req->ring, f, req->sqe.file_index);
    if (n < 0)
        file_put(f);
    return n;
}

int uring_close_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->off || s->addr || s->len || s->rw_flags || s->buf_index)
        return -EINVAL;
    if (req->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    return s->file_index && s->fd ? -EINVAL : 0;
}

int uring_close(struct ureq *req)
{
    struct file *f;
    bool ring;

    if (req->sqe.file_index)
        return uring_remove_file(req->ring, req->sqe.file_index - 1);
    f = fd_get_path(req->sqe.fd);
    if (!f)
        return -EBADF;
    ring = f->ops == &uring_file_ops;
    file_put(f);
    return ring ? -EBADF : fd_close(req->sqe.fd);
}

/* ---- making, removing, looking ---- */

int uring_statx_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.splice_fd_in ? -EINVAL : get_names(req, req->sqe.addr, 0);
}

int uring_statx(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    struct kstat k;
    int err = statx_check(s->statx_flags, s->len);

    if (!err)
        err = name_stat(s->fd, req->fs.name[0], s->statx_flags, &k);
    return err ? err : statx_write((struct statx __user *)s->addr2, &k);
}

int uring_rename_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.splice_fd_in ? -EINVAL
                                                       : get_two(req, req->sqe.addr, req->sqe.addr2);
}

int uring_rename(struct ureq *req)
{
    return name_rename(req->sqe.fd, req->fs.name[0], req->sqe.len, req->fs.name[1], req->sqe.rename_flags);
}

int uring_unlink_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->off || s->len || s->buf_index || s->splice_fd_in)
        return -EINVAL;
    if (req->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    return s->unlink_flags & ~AT_REMOVEDIR ? -EINVAL : get_names(req, s->addr, 0);
}

int uring_unlink(struct ureq *req)
{
    return name_unlink(req->sqe.fd, req->fs.name[0], req->sqe.unlink_flags & AT_REMOVEDIR);
}

int uring_mkdir_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    return s->off || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL : get_names(req, s->addr, 0);
}

int uring_mkdir(struct ureq *req)
{
    return name_mkdir(req->sqe.fd, req->fs.name[0], req->sqe.len);
}

int uring_symlink_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    return s->len || s->rw_flags || s->buf_index || s->splice_fd_in ? -EINVAL
                                                                    : get_two(req, s->addr, s->addr2);
}

int uring_symlink(struct ureq *req)
{
    return name_symlink(req->fs.name[0], req->sqe.fd, req->fs.name[1]);
}

int uring_link_prep(struct ureq *req)
{
    return req->sqe.buf_index || req->sqe.splice_fd_in ? -EINVAL
                                                       : get_two(req, req->sqe.addr, req->sqe.addr2);
}

int uring_link(struct ureq *req)
{
    return name_link(req->sqe.fd, req->fs.name[0], req->sqe.len, req->fs.name[1], req->sqe.hardlink_flags);
}

/* ---- extended attributes: sqe.addr is the attribute's name, addr3 the file's ---- */

static_assert(XATTR_NAME_MAX + 1 == XATTR_NAME_BUF, "an attribute's name fits");

static int xattr_prep(struct ureq *req, uint64_t path, bool set)
{
    const struct io_uring_sqe *s = &req->sqe;
    size_t size = s->len;
    int err;

    if (s->xattr_flags & ~(set ? XATTR_CREATE | XATTR_REPLACE : 0))
        return -EINVAL;
    req->fs.name[0] = req->fs.name[1] = NULL;
    req->fs.value = kmalloc(XATTR_NAME_BUF + (set ? MIN(size, (size_t)XATTR_SIZE_MAX) : 0));
    req->flags |= UR_PREPARED;
    if (!req->fs.value)
        return -ENOMEM;
    err = xattr_name(req->fs.value, (const char __user *)s->addr);
    if (!err && set && size > XATTR_SIZE_MAX)
        err = -E2BIG;
    if (!err && set && size)
        err = copy_from_user((char *)req->fs.value + XATTR_NAME_BUF, (const void __user *)s->addr2, size);
    if (err || !path)
        return err;
    char *name = getname((const char __user *)path);

    if (IS_ERR(name))
        return PTR_ERR(name);
    req->fs.name[0] = name;
    return 0;
}

static int xattr_named_prep(struct ureq *req, bool set)
{
    if (req->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    return req->sqe.addr3 ? xattr_prep(req, req->sqe.addr3, set) : -EFAULT;
}

int uring_fsetxattr_prep(struct ureq *req)
{
    return xattr_prep(req, 0, true);
}

int uring_setxattr_prep(struct ureq *req)
{
    return xattr_named_prep(req, true);
}

int uring_fgetxattr_prep(struct ureq *req)
{
    return xattr_prep(req, 0, false);
}

int uring_getxattr_prep(struct ureq *req)
{
    return xattr_named_prep(req, false);
}

static int set(struct ureq *req, struct inode *i)
{
    return vfs_setxattr(i, req->fs.value, (char *)req->fs.value + XATTR_NAME_BUF, req->sqe.len,
                        req->sqe.xattr_flags);
}

static int get(struct ureq *req, struct inode *i)
{
    return xattr_read(i, req->fs.value, (void __user *)req->sqe.addr2, req->sqe.len);
}

static int on_path(struct ureq *req, int (*fn)(struct ureq *, struct inode *))
{
    struct path p;
    int n = at_lookup_name(AT_FDCWD, req->fs.name[0], 0, &p);

    if (n)
        return n;
    n = fn(req, path_inode(&p));
    path_put(&p);
    return n;
}

int uring_fsetxattr(struct ureq *req)
{
    return set(req, req->file->inode);
}

int uring_setxattr(struct ureq *req)
{
    return on_path(req, set);
}

int uring_fgetxattr(struct ureq *req)
{
    return get(req, req->file->inode);
}

int uring_getxattr(struct ureq *req)
{
    return on_path(req, get);
}
