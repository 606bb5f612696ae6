/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rw.c: reading and writing. Files that can be polled are asked not to block, and waited for when they would; what
 * has no poll operation (regular files, block devices) is done at once, however long that takes.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/io.h"
#include "linux/io_uring/uring.h"
#include <linux/fs.h>

#define FIXED(op)  ((op) == IORING_OP_READ_FIXED || (op) == IORING_OP_WRITE_FIXED)
#define VECTOR(op) ((op) == IORING_OP_READV || (op) == IORING_OP_WRITEV)

#define IOPRIO_CLASS_RT   1
#define IOPRIO_CLASS_IDLE 3

/* sqe.ioprio: nothing is scheduled by it. */
static int check_ioprio(unsigned ioprio)
{
    unsigned class = ioprio >> 13, level = ioprio & 0x1fff;

    if (class > IOPRIO_CLASS_IDLE || (class && class < IOPRIO_CLASS_IDLE && level >= 8) || (!class && level))
        return -EINVAL;
    return class == IOPRIO_CLASS_RT && !fs_capable(23 /* CAP_SYS_NICE */) ? -EPERM : 0;
}

int uring_rw_prep(struct ureq *req)
{
    if (unlikely(req->sqe.ioprio))
        return check_ioprio(req->sqe.ioprio);
    return 0;
}

int uring_rw_fixed_prep(struct ureq *req)
{
    const struct unode_table *t = &req->ring->bufs;
    unsigned slot = req->sqe.buf_index;

    if (slot >= t->nr)
        return -EFAULT;
    req->buf_node = t->slots[slot];
    if (req->buf_node) {
        req->buf_node->refs++;
        req->flags |= UR_NODES;
    }
    return uring_rw_prep(req);
}

/* A part of a registered buffer. */
static int check_fixed(const struct ureq *req)
{
    const struct unode *n = req->buf_node;
    uint64_t addr = req->sqe.addr, end = addr + req->sqe.len;

    if (!n || end < addr || addr < n->addr || end > n->addr + n->len || current->mm != req->ring->bufs_mm)
        return -EFAULT;
    return 0;
}

/* ---- vectors ---- */

void uring_rw_cleanup(struct ureq *req)
{
    kfree(req->rw.segs);
}

/* Keeps the program's vector for a later try. */
int uring_rw_stabilize(struct ureq *req)
{
    struct vec vec;
    struct iov v;
    int err;

    if (!VECTOR(req->sqe.opcode) || (req->flags & (UR_PREPARED | IOSQE_BUFFER_SELECT)))
        return 0;
    err = vec_import(&vec, &v, (const void __user *)req->sqe.addr, req->sqe.len);
    if (err)
        return err;
    if (vec.segs == vec.fast) {
        vec.segs = kmalloc(sizeof(vec.fast));
        if (!vec.segs)
            return -ENOMEM;
        for (unsigned i = 0; i < v.nr_segs; i++)
            vec.segs[i] = vec.fast[i];
    }
    req->rw.segs = vec.segs;
    req->rw.nr_segs = v.nr_segs;
    req->rw.count = v.count;
    req->flags |= UR_PREPARED;
    return 0;
}

/* ---- transfer ---- */

static ssize_t at_own_position(struct file *f, struct iov *v, bool write)
{
    ssize_t n;

    mutex_lock(&f->pos_lock);
    n = write ? file_write_limited(f, v, &f->pos) : file_read(f, v, &f->pos);
    mutex_unlock(&f->pos_lock);
    return n;
}

static __noinline int apply_flags(struct ureq *req, struct iov *v, bool write)
{
    unsigned flags = req->sqe.rw_flags;
    int err = iov_apply_flags(v, flags, write);

    if (err)
        return err;
    if (flags & RWF_HIPRI)
        return -EINVAL; /* for polled devices */
    if (flags & RWF_NOWAIT)
        req->flags |= UR_NOWAIT;
    return 0;
}

static inline ssize_t transfer(struct ureq *req, struct iov *v, bool write)
{
    struct file *f = req->file;
    uint64_t pos = req->sqe.off;
    ssize_t n;

    if (unlikely(req->sqe.rw_flags)) {
        n = apply_flags(req, v, write);
        if (n)
            return n;
    }
    if (f->ops->poll)
        v->nonblock = true;
    if (f->fmode & FMODE_STREAM)
        n = write ? file_write_limited(f, v, &f->pos) : file_read(f, v, &f->pos);
    else if (pos == ~0ull)
        n = at_own_position(f, v, write);
    else if ((int64_t)pos < 0)
        n = -EINVAL;
    else
        n = write ? file_write_limited(f, v, &pos) : file_read(f, v, &pos);
    if (unlikely(write && n > 0 && (req->sqe.rw_flags & (RWF_DSYNC | RWF_SYNC)) && f->ops->fsync)) {
        int err = f->ops->fsync(f, !(req->sqe.rw_flags & RWF_SYNC));

        n = err ? err : n;
    }
    return n;
}

static int transfer_vector(struct ureq *req, size_t *want, bool write)
{
    struct vec vec;
    struct iov v;
    ssize_t n;

    if (req->flags & UR_PREPARED) {
        iov_user(&v, NULL, 0);
        v.segs = req->rw.segs;
        v.nr_segs = req->rw.nr_segs;
        *want = v.count = req->rw.count;
        return transfer(req, &v, write);
    }
    n = vec_import(&vec, &v, (const void __user *)req->sqe.addr, req->sqe.len);
    if (n)
        return n;
    *want = v.count;
    n = transfer(req, &v, write);
    vec_free(&vec);
    return n;
}

/* Into a provided buffer; for a vector its one element gives the length. */
static int transfer_selected(struct ureq *req, size_t *want)
{
    uint64_t addr, len = req->sqe.len;
    struct iov v;
    int n;

    if (VECTOR(req->sqe.opcode)) {
        if (len != 1)
            return -EINVAL;
        if (get_user(len, &((const struct iov_seg __user *)req->sqe.addr)->len))
            return -EFAULT;
    }
    n = ureq_select(req, &addr, &len);
    if (n)
        return n;
    *want = len = MIN(len, IO_MAX);
    iov_user(&v, (void __user *)addr, len);
    n = user_ok(addr, len) ? transfer(req, &v, false) : -EFAULT;
    if (n == -EAGAIN)
        ureq_unselect(req);
    else
        ureq_selection_used(req);
    return n;
}

static __noinline int transfer_rare(struct ureq *req, size_t *want, bool write)
{
    if (req->flags & IOSQE_BUFFER_SELECT)
        return transfer_selected(req, want);
    return transfer_vector(req, want, write);
}

static inline int rw(struct ureq *req, bool write)
{
    unsigned op = req->sqe.opcode;
    size_t want = MIN(req->sqe.len, IO_MAX);
    struct iov v;
    int n;

    if (unlikely(!(req->file->fmode & (write ? FMODE_WRITE : FMODE_READ))))
        return -EBADF;
    if (unlikely(VECTOR(op) || (req->flags & IOSQE_BUFFER_SELECT))) {
        n = transfer_rare(req, &want, write);
    } else {
        n = FIXED(op) ? check_fixed(req) : user_ok(req->sqe.addr, want) ? 0 : -EFAULT;
        if (unlikely(n))
            return n;
        iov_user(&v, (void __user *)req->sqe.addr, want);
        n = transfer(req, &v, write);
    }
    if (n >= 0 && (size_t)n != want)
        ureq_fail(req); /* a short transfer breaks the chain */
    return n;
}

int uring_read(struct ureq *req)
{
    return rw(req, false);
}

int uring_write(struct ureq *req)
{
    return rw(req, true);
}
