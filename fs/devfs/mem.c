/* SPDX-License-Identifier: BSD-2-Clause */
/* mem.c: /dev/null, zero, full, random and urandom. */
#include "fs/devfs/mem.h"
#include "abi/fs.h"
#include "fs/chrdev.h"
#include "kernel/mm.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

#define RNDGETENTCNT   0x80045200u
#define RNDADDTOENTCNT 0x40045201u
#define RNDRESEEDCRNG  0x5207u

static ssize_t null_read(struct file *f, struct iov *v, uint64_t *pos)
{
    return 0;
}

static ssize_t null_write(struct file *f, struct iov *v, uint64_t *pos)
{
    size_t n = v->count;

    iov_skip(v, n);
    return n;
}

static ssize_t zero_read(struct file *f, struct iov *v, uint64_t *pos)
{
    size_t done = 0;

    while (v->count) {
        size_t want = MIN(v->count, (size_t)65536), n = iov_zero(v, want);

        done += n;
        if (n < want)
            return done ? (ssize_t)done : -EFAULT;
        if (signal_pending())
            break;
        cond_resched();
    }
    return done;
}

static ssize_t full_write(struct file *f, struct iov *v, uint64_t *pos)
{
    return -ENOSPC;
}

/* Positions mean nothing here, but seeking succeeds. */
static off_t null_seek(struct file *f, off_t off, int whence)
{
    return f->pos = 0;
}

/* A mapping of /dev/zero is anonymous memory: it has no mapping of its own. */
static int zero_mmap(struct file *f, struct mmap_args *a)
{
    a->mapping = NULL;
    return 0;
}

static ssize_t random_read(struct file *f, struct iov *v, uint64_t *pos)
{
    uint8_t buf[256];
    size_t done = 0;

    while (v->count) {
        size_t want = MIN(v->count, sizeof(buf)), n;

        random_bytes(buf, want);
        n = iov_put(v, buf, want);
        done += n;
        if (n < want)
            return done ? (ssize_t)done : -EFAULT;
        if (done % 4096 == 0 && signal_pending())
            break;
        cond_resched();
    }
    __builtin_memset(buf, 0, sizeof(buf));
    barrier();
    return done;
}

static ssize_t random_write(struct file *f, struct iov *v, uint64_t *pos)
{
    uint8_t buf[256];
    size_t done = 0;

    while (v->count) {
        size_t want = MIN(v->count, sizeof(buf)), n = iov_get(v, buf, want);

        random_add(buf, n, 0);
        done += n;
        if (n < want)
            return done ? (ssize_t)done : -EFAULT;
        cond_resched();
    }
    return done;
}

static long random_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    switch (cmd) {
    case RNDGETENTCNT:
        return put_user(256, (int __user *)arg);
    case RNDADDTOENTCNT:
    case RNDRESEEDCRNG:
        return fs_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
    default:
        return -ENOTTY;
    }
}

static unsigned always_ready(struct file *f, struct poll_table *pt)
{
    return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
}

static const struct file_ops null_ops = {
    .read = null_read,
    .write = null_write,
    .seek = null_seek,
    .poll = always_ready,
};
static const struct file_ops zero_ops = {
    .read = zero_read,
    .write = null_write,
    .seek = null_seek,
    .mmap = zero_mmap,
    .poll = always_ready,
};
static const struct file_ops full_ops = {
    .read = zero_read,
    .write = full_write,
    .seek = null_seek,
    .poll = always_ready,
};
static const struct file_ops random_ops = {
    .read = random_read,
    .write = random_write,
    .seek = null_seek,
    .ioctl = random_ioctl,
    .poll = always_ready,
};

#define NEXT(i) .next = &mem_devices[i]
struct chrdev mem_devices[] = {
    { .name = "null", .major = 1, .minor = 3, .mode = 0666, .ops = &null_ops, NEXT(1) },
    { .name = "zero", .major = 1, .minor = 5, .mode = 0666, .ops = &zero_ops, NEXT(2) },
    { .name = "full", .major = 1, .minor = 7, .mode = 0666, .ops = &full_ops, NEXT(3) },
    { .name = "random", .major = 1, .minor = 8, .mode = 0666, .ops = &random_ops, NEXT(4) },
    { .name = "urandom", .major = 1, .minor = 9, .mode = 0666, .ops = &random_ops },
};
