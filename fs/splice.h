/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice.h: moving data between open files inside the kernel, by reference to pages where both sides can.
 *
 * Positions: a pointer to the caller's, or NULL for the file's own. All may sleep. The result is the number of
 * bytes, 0 at the end of input, or -errno; flags are SPLICE_F_*.
 */
#ifndef FS_SPLICE_H
#define FS_SPLICE_H

#include "fs/vfs.h"

#define SPLICE_MOVE     1
#define SPLICE_NONBLOCK 2
#define SPLICE_MORE     4
#define SPLICE_GIFT     8

/* splice(2): one side at least is a pipe (whose position must be NULL: -ESPIPE). */
ssize_t file_splice(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t len,
                    unsigned flags);
ssize_t file_tee(struct file *in, struct file *out, size_t len, unsigned flags);
/* vmsplice(2): by the pipe's end, copies memory in or out. */
ssize_t file_vmsplice(struct file *f, struct iov *v, unsigned flags);
ssize_t file_sendfile(struct file *out, struct file *in, uint64_t *in_pos, size_t len);
ssize_t file_copy_range(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t len);

#endif
