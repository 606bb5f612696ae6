/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd.c: a counter that can be waited for (eventfd(2)).
 *
 * The counter changes by single atomic operations; whoever waits looks again after joining the queue.
 */
#include "linux/eventfd.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC   O_CLOEXEC
#define EFD_NONBLOCK  O_NONBLOCK

struct eventfd {
    uint64_t count; /* [a] */
    struct waitq wait;
    bool semaphore; /* [I] */
    uint32_t id;    /* [I] */
};

static struct slab_cache cache = SLAB_CACHE(struct eventfd);

/* One 8-byte number, nearly always in one piece of user memory. */
static inline bool one_piece(const struct iov *v)
{
    return likely(!v->kernel && v->nr_segs == 1); /* v->count was looked at */
}

static __noinline bool put_pieces(struct iov *v, uint64_t n)
{
    return iov_put(v, &n, sizeof(n)) == sizeof(n);
}

static inline bool put_number(struct iov *v, uint64_t n)
{
    return one_piece(v) ? !put_user(n, (uint64_t __user *)(v->segs->base + v->off)) : put_pieces(v, n);
}

static __noinline bool get_pieces(struct iov *v, uint64_t *n)
{
    return iov_get(v, n, sizeof(*n)) == sizeof(*n);
}

/* Takes the whole count, or one of a semaphore's; 0: there is none. */
static inline uint64_t take(struct eventfd *e)
{
    uint64_t n = atomic_load(&e->count);

    if (likely(!e->semaphore))
        return n ? atomic_xchg(&e->count, 0) : 0;
    while (n)
        if (__atomic_compare_exchange_n(&e->count, &n, n - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return 1;
    return 0;
}

/* Adds n unless the count would reach 2^64 - 1. */
static inline bool give(struct eventfd *e, uint64_t n)
{
    uint64_t old = atomic_load(&e->count);

    do {
        if (UINT64_MAX - old <= n)
            return false;
    } while (
        !__atomic_compare_exchange_n(&e->count, &old, old + n, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

static inline bool must_not_block(const struct file *f, const struct iov *v)
{
    return (f->flags & O_NONBLOCK) || v->nonblock;
}

/* Waits for something to take; -errno: nothing came. */
static __noinline int take_wait(struct file *f, struct iov *v, uint64_t *n)
{
    struct eventfd *e = f->private;

    return must_not_block(f, v) ? -EAGAIN : wait_event_interruptible(&e->wait, (*n = take(e)));
}

static __noinline int give_wait(struct file *f, struct iov *v, uint64_t n)
{
    struct eventfd *e = f->private;

    return must_not_block(f, v) ? -EAGAIN : wait_event_interruptible(&e->wait, give(e, n));
}

static __noinline ssize_t read_wait(struct file *f, struct iov *v)
{
    struct eventfd *e = f->private;
    uint64_t n;
    int err = take_wait(f, v, &n);

    if (err)
        return err;
    waitq_wake_bits(&e->wait, 1, EPOLLOUT);
    return put_number(v, n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static ssize_t eventfd_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct eventfd *e = f->private;
    uint64_t n;

    if (unlikely(v->count < sizeof(n)))
        return -EINVAL;
    n = take(e);
    if (unlikely(!n))
        return read_wait(f, v);
    waitq_wake_bits(&e->wait, 1, EPOLLOUT);
    return likely(put_number(v, n)) ? (ssize_t)sizeof(n) : -EFAULT;
}

static __always_inline ssize_t write_number(struct file *f, struct iov *v, uint64_t n)
{
    struct eventfd *e = f->private;

    if (unlikely(n == UINT64_MAX))
        return -EINVAL;
    if (unlikely(!give(e, n))) {
        int err = give_wait(f, v, n);

        if (err)
            return err;
    }
    waitq_wake_bits(&e->wait, 1, EPOLLIN);
    return sizeof(n);
}

static __noinline ssize_t write_pieces(struct file *f, struct iov *v)
{
    uint64_t n;

    return get_pieces(v, &n) ? write_number(f, v, n) : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct iov *v, uint64_t *pos)
{
    uint64_t n;

    if (unlikely(v->count < sizeof(n)))
        return -EINVAL;
    if (unlikely(!one_piece(v)))
        return write_pieces(f, v);
    if (unlikely(get_user(n, (const uint64_t __user *)(v->segs->base + v->off))))
        return -EFAULT;
    return write_number(f, v, n);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *pt)
{
    struct eventfd *e = f->private;
    uint64_t n;
    unsigned ready = 0;

    poll_wait(f, &e->wait, pt);
    n = atomic_load(&e->count);
    if (n)
        ready |= EPOLLIN;
    if (n == UINT64_MAX)
        ready |= EPOLLERR;
    if (n < UINT64_MAX - 1)
        ready |= EPOLLOUT;
    return ready;
}

static void eventfd_release(struct file *f)
{
    slab_free(&cache, f->private);
}

static size_t eventfd_fdinfo(struct file *f, char *buf, size_t size)
{
    struct eventfd *e = f->private;

    return snprintf(buf, size, "eventfd-count: %16llx\neventfd-id: %u\neventfd-semaphore: %d\n",
                    (unsigned long long)atomic_load(&e->count), e->id, e->semaphore);
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
    .fdinfo = eventfd_fdinfo,
};

void eventfd_signal(struct file *f)
{
    struct eventfd *e = f->private;

    (void)give(e, 1);
    waitq_wake_bits(&e->wait, 1, EPOLLIN);
}

struct file *eventfd_get(int fd)
{
    struct file *f = fd_get(fd);

    if (!f)
        return ERR_PTR(-EBADF);
    if (f->ops == &eventfd_ops)
        return f;
    file_put(f);
    return ERR_PTR(-EINVAL);
}

static long make(unsigned count, int flags)
{
    static uint32_t next_id;
    struct eventfd *e;
    struct file *f;

    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        return -EINVAL;
    e = slab_alloc(&cache);
    if (!e)
        return -ENOMEM;
    e->count = count;
    waitq_init(&e->wait);
    e->semaphore = flags & EFD_SEMAPHORE;
    e->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
    f = file_new_anon("anon_inode:[eventfd]", &eventfd_ops, e, O_RDWR | (flags & O_NONBLOCK), 0600);
    if (!f)
        slab_free(&cache, e);
    return fd_install_new(f, flags & O_CLOEXEC);
}

SYSCALL2(eventfd2, unsigned, count, int, flags)
{
    return make(count, flags);
}

SYSCALL1(eventfd, unsigned, count)
{
    return make(count, 0);
}
