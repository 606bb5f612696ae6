/* SPDX-License-Identifier: BSD-2-Clause */
/* splice.c: moving data between descriptors: sendfile(2), splice(2), tee(2), vmsplice(2), copy_file_range(2). */
#include "fs/splice.h"
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/syscall.h"

#define IO_MAX     0x7ffff000ul
#define SPLICE_ALL (SPLICE_MOVE | SPLICE_NONBLOCK | SPLICE_MORE | SPLICE_GIFT)

/* Two descriptors, and the positions that the program keeps for them. */
struct pair {
    struct file *in, *out;
    uint64_t in_pos, out_pos;
    uint64_t *in_p, *out_p; /* to the above, or NULL: the file's own */
};

static long pos_get(const int64_t __user *u, uint64_t *pos, uint64_t **p)
{
    int64_t v;

    *p = NULL;
    if (!u)
        return 0;
    if (get_user(v, u))
        return -EFAULT;
    if (v < 0)
        return -EINVAL;
    *pos = v;
    *p = pos;
    return 0;
}

static void pair_put(struct pair *p)
{
    if (p->in)
        file_put(p->in);
    if (p->out)
        file_put(p->out);
}

static long pair_get(struct pair *p, int in, const int64_t __user *in_pos, int out,
                     const int64_t __user *out_pos)
{
    long err;

    p->in = fd_get(in);
    p->out = p->in ? fd_get(out) : NULL;
    err = p->out ? pos_get(in_pos, &p->in_pos, &p->in_p) : -EBADF;
    if (!err)
        err = pos_get(out_pos, &p->out_pos, &p->out_p);
    if (err)
        pair_put(p);
    return err;
}

/* The positions go back to the program, however it ended. */
static long pair_end(struct pair *p, int64_t __user *in_pos, int64_t __user *out_pos, long n)
{
    if (n > 0 && p->in_p && put_user((int64_t)p->in_pos, in_pos))
        n = -EFAULT;
    if (n > 0 && p->out_p && put_user((int64_t)p->out_pos, out_pos))
        n = -EFAULT;
    pair_put(p);
    return n;
}

SYSCALL4(sendfile, int, out, int, in, int64_t __user *, pos, size_t, len)
{
    struct pair p;
    long n = pair_get(&p, in, pos, out, NULL);

    if (n)
        return n;
    n = file_sendfile(p.out, p.in, p.in_p, MIN(len, IO_MAX));
    return pair_end(&p, pos, NULL, n);
}

SYSCALL6(splice, int, in, int64_t __user *, in_pos, int, out, int64_t __user *, out_pos, size_t, len,
         unsigned, flags)
{
    struct pair p;
    long n;

    if (flags & ~SPLICE_ALL)
        return -EINVAL;
    if (!len)
        return 0;
    n = pair_get(&p, in, in_pos, out, out_pos);
    if (n)
        return n;
    n = file_splice(p.in, p.in_p, p.out, p.out_p, MIN(len, IO_MAX), flags);
    return pair_end(&p, in_pos, out_pos, n);
}

SYSCALL4(tee, int, in, int, out, size_t, len, unsigned, flags)
{
    struct pair p;
    long n;

    if (flags & ~SPLICE_ALL)
        return -EINVAL;
    if (!len)
        return 0;
    n = pair_get(&p, in, NULL, out, NULL);
    if (n)
        return n;
    n = file_tee(p.in, p.out, MIN(len, IO_MAX), flags);
    return pair_end(&p, NULL, NULL, n);
}

SYSCALL4(vmsplice, int, fd, const struct iov_seg __user *, uvec, unsigned long, nr, unsigned, flags)
{
    struct file *f;
    long done = 0, n = 0;

    if (flags & ~SPLICE_ALL)
        return -EINVAL;
    if (nr > 1024)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    for (unsigned long i = 0; i < nr; i++) {
        struct iov_seg seg;
        struct iov v;

        n = copy_from_user(&seg, uvec + i, sizeof(seg));
        if (n)
            break;
        iov_user(&v, (const void __user *)seg.base, MIN(seg.len, IO_MAX - done));
        n = file_vmsplice(f, &v, done ? flags | SPLICE_NONBLOCK : flags);
        if (n <= 0)
            break;
        done += n;
        if ((size_t)n < seg.len)
            break;
    }
    file_put(f);
    return done ? done : n;
}

SYSCALL6(copy_file_range, int, in, int64_t __user *, in_pos, int, out, int64_t __user *, out_pos, size_t, len,
         unsigned, flags)
{
    struct pair p;
    long n = pair_get(&p, in, in_pos, out, out_pos);

    if (n)
        return n;
    n = flags ? -EINVAL : file_copy_range(p.in, p.in_p, p.out, p.out_p, MIN(len, IO_MAX));
    return pair_end(&p, in_pos, out_pos, n);
}
