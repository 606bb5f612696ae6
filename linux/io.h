/* SPDX-License-Identifier: BSD-2-Clause */
/* io.h: the parts of read(2) and write(2) that io_uring shares. */
#ifndef LINUX_IO_H
#define LINUX_IO_H

#include "fs/vfs.h"

#define IO_MAX    0x7ffff000ul /* what one call transfers at the most (read(2)) */
#define IOV_FAST  8
#define IOV_LIMIT 1024 /* segments: UIO_MAXIOV */

/* A program's vector, copied; the first few segments need no allocation. */
struct vec {
    struct iov_seg fast[IOV_FAST];
    struct iov_seg *segs;
};
/* 0, -EINVAL, -EFAULT, -ENOMEM: then nothing is to be freed. v reads from vec. */
int vec_import(struct vec *vec, struct iov *v, const void __user *uvec, unsigned long n);
void vec_free(struct vec *vec);

/* file_write() within RLIMIT_FSIZE: what crosses the limit is cut, what begins beyond it raises SIGXFSZ. */
ssize_t file_write_limited(struct file *f, struct iov *v, uint64_t *pos);
/* The flags of preadv2(2) that v carries: 0 or -EOPNOTSUPP. */
int iov_apply_flags(struct iov *v, int flags, bool write);

#endif
