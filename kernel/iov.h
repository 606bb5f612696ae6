/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iov.h: where the bytes of one read or write go: one or more segments of user or kernel memory.
 * Lives on the caller's stack; consumed from the front.
 */
#ifndef KERNEL_IOV_H
#define KERNEL_IOV_H

#include "kernel/uaccess.h"
#include "lib/types.h"

struct iov_seg { /* Linux's struct iovec */
    uintptr_t base;
    size_t len;
};

struct iov {
    const struct iov_seg *segs; /* the current one onward; kernel copies */
    unsigned nr_segs;
    bool kernel;   /* segments are kernel memory */
    bool nonblock; /* this call must not block (RWF_NOWAIT, O_NONBLOCK is the file's) */
    bool append;   /* RWF_APPEND */
    size_t off;    /* into the current segment */
    size_t count;  /* bytes left in all */
    struct iov_seg one;
};

static inline void iov_user(struct iov *v, const void __user *base, size_t len)
{
    v->one.base = (uintptr_t)base;
    v->one.len = len;
    v->segs = &v->one;
    v->nr_segs = 1;
    v->kernel = false;
    v->nonblock = false;
    v->append = false;
    v->off = 0;
    v->count = len;
}
static inline void iov_kernel(struct iov *v, const void *base, size_t len)
{
    iov_user(v, (const void __user *)base, len);
    v->kernel = true;
}

/* Copy up to len bytes and advance; return the bytes copied, less than len only at a bad address (or the end). */
size_t iov_put_segments(struct iov *v, const void *src, size_t len);
size_t iov_get_segments(struct iov *v, void *dst, size_t len);
/* kernel -> iov (a read). One segment of user memory is by far the most common. */
static inline size_t iov_put(struct iov *v, const void *src, size_t len)
{
    len = MIN(len, v->count);
    if (unlikely(v->nr_segs != 1 || v->kernel))
        return iov_put_segments(v, src, len);
    len -= copy_to_user_partial((char __user *)v->segs->base + v->off, src, len);
    v->off += len;
    v->count -= len;
    return len;
}
/* iov -> kernel (a write) */
static inline size_t iov_get(struct iov *v, void *dst, size_t len)
{
    len = MIN(len, v->count);
    if (unlikely(v->nr_segs != 1 || v->kernel))
        return iov_get_segments(v, dst, len);
    len -= copy_from_user_partial(dst, (const char __user *)v->segs->base + v->off, len);
    v->off += len;
    v->count -= len;
    return len;
}
size_t iov_zero(struct iov *v, size_t len);
void iov_skip(struct iov *v, size_t len);

#endif
