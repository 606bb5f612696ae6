/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.c: pipes and FIFOs: a ring of pages.
 *
 * Small writes are appended to the newest page when it is the pipe's own. A page that was read empty is kept for
 * the next write, so that a byte there and back allocates nothing. A write of up to PIPE_BUF bytes goes into one
 * page and is thereby whole.
 */
#include "abi/fs.h"
#include "fs/file.h"
#include "fs/pipe_buf.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "lib/string.h"

#define PIPE_BUF 4096
#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif
#ifndef FIONREAD
#define FIONREAD 0x541b
#endif

void (*pipe_broken)(void);

struct pipe *pipe_alloc(void)
{
    struct pipe *p = kmalloc(sizeof(*p));

    if (!p)
        return NULL;
    memset(p, 0, offsetof(struct pipe, first));
    mutex_init(&p->lock, RANK_FILE);
    waitq_init(&p->readable);
    waitq_init(&p->writable);
    p->bufs = p->first;
    p->max = PIPE_PAGES;
    return p;
}

void pipe_free(struct pipe *p)
{
    while (!pipe_empty(p))
        pipe_drop_tail(p);
    if (p->spare)
        page_put(p->spare);
    if (p->bufs != p->first)
        kfree(p->bufs);
    kfree(p);
}

/* ---- waiting ---- */

void pipe_wake_readers(struct pipe *p)
{
    waitq_wake_bits(&p->readable, 1, EPOLLIN | EPOLLRDNORM);
}

void pipe_wake_writers(struct pipe *p)
{
    waitq_wake_bits(&p->writable, 1, EPOLLOUT | EPOLLWRNORM);
}

int pipe_no_reader(void)
{
    if (pipe_broken)
        pipe_broken();
    return -EPIPE;
}

int pipe_wait_readable(struct pipe *p, bool nonblock)
{
    int err;

    if (nonblock)
        return -EAGAIN;
    mutex_unlock(&p->lock);
    err = wait_event_interruptible(&p->readable, !pipe_empty(p) || !READ_ONCE(p->writers));
    mutex_lock(&p->lock);
    return err;
}

int pipe_wait_writable(struct pipe *p, bool nonblock)
{
    int err;

    if (nonblock)
        return -EAGAIN;
    mutex_unlock(&p->lock);
    err = wait_event_interruptible(&p->writable, !pipe_full(p) || !READ_ONCE(p->readers));
    mutex_lock(&p->lock);
    return err;
}

/* ---- reading ---- */

/* Takes what is there. *err: -EFAULT at a bad address. */
static size_t read_locked(struct pipe *p, struct iov *v, int *err)
{
    size_t done = 0;

    while (v->count && !pipe_empty(p)) {
        struct pipe_buf *b = pipe_at(p, p->tail);
        size_t n = MIN((size_t)b->len, v->count), got = iov_put(v, b->data + b->off, n);
        bool packet = b->flags & PIPE_PACKET;

        b->off += got;
        b->len -= got;
        done += got;
        if (unlikely(got < n)) {
            *err = -EFAULT;
            break;
        }
        if (packet)
            b->len = 0; /* the rest of a packet is lost */
        if (!b->len)
            pipe_drop_tail(p);
        if (packet)
            break;
    }
    return done;
}

__noinline ssize_t pipe_take(struct pipe *p, struct iov *v, bool nonblock)
{
    size_t done = 0;
    int err = 0;

    mutex_lock(&p->lock);
    for (;;) {
        done = read_locked(p, v, &err);
        if (likely(done || err || !p->writers))
            break;
        err = pipe_wait_readable(p, nonblock);
        if (err)
            break;
    }
    bool more = !pipe_empty(p);

    mutex_unlock(&p->lock);
    if (done) {
        pipe_wake_writers(p);
        if (more)
            pipe_wake_readers(p); /* they are woken one by one */
    }
    return done ? (ssize_t)done : err;
}

/* Straight through when the oldest page has all that is wanted, or is all there is. */
static ssize_t pipe_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct pipe *p = f->private;
    struct pipe_buf *b;
    size_t n, got;
    bool full;

    if (unlikely(!v->count))
        return 0;
    mutex_lock(&p->lock);
    while (unlikely(pipe_empty(p)) && p->writers) {
        int err = pipe_wait_readable(p, (f->flags & O_NONBLOCK) || v->nonblock);

        if (err) {
            mutex_unlock(&p->lock);
            return err;
        }
    }
    b = pipe_at(p, p->tail);
    if (unlikely(pipe_empty(p) || b->flags != PIPE_MERGE || (b->len < v->count && p->head - p->tail != 1))) {
        mutex_unlock(&p->lock);
        return pipe_take(p, v, (f->flags & O_NONBLOCK) || v->nonblock);
    }
    full = pipe_full(p);
    n = MIN((size_t)b->len, v->count);
    got = iov_put(v, b->data + b->off, n);
    b->off += got;
    b->len -= got;
    if (!b->len)
        pipe_drop_tail(p);
    mutex_unlock(&p->lock);
    if (unlikely(full)) /* no more wake-ups than Linux gives: each is an event to who watches for edges */
        pipe_wake_writers(p);
    return likely(got) ? (ssize_t)got : -EFAULT;
}

/* ---- writing ---- */

static struct page *fresh_page(struct pipe *p)
{
    struct page *page = p->spare;

    p->spare = NULL;
    return page ? page : page_alloc(PAGE_WAIT | PAGE_USER);
}

/* Appends to the newest page; 0 when it has no room for the whole of it. */
static size_t merge(struct pipe *p, struct iov *v, size_t len, int *err)
{
    struct pipe_buf *b;
    size_t got;

    if (pipe_empty(p))
        return 0;
    b = pipe_at(p, p->head - 1);
    if (!(b->flags & PIPE_MERGE) || b->off + b->len + len > PAGE_SIZE)
        return 0;
    got = iov_get(v, b->data + b->off + b->len, len);
    if (unlikely(got < len)) { /* as Linux: a piece that ends at a bad address is dropped */
        *err = -EFAULT;
        return 0;
    }
    b->len += got;
    return got;
}

static size_t append(struct pipe *p, struct iov *v, uint32_t flags, int *err)
{
    struct page *page = fresh_page(p);
    struct pipe_buf *b = pipe_at(p, p->head);
    size_t n = MIN(v->count, PAGE_SIZE), got;

    if (unlikely(!page)) {
        *err = -ENOMEM;
        return 0;
    }
    got = iov_get(v, page_virt(page), n);
    if (unlikely(got < n)) {
        *err = -EFAULT;
        p->spare = page;
        return 0;
    }
    *b = (struct pipe_buf){ .page = page, .data = page_virt(page), .len = got, .flags = flags };
    p->head++;
    return got;
}

__noinline ssize_t pipe_give(struct pipe *p, struct iov *v, bool nonblock, uint32_t flags, int *err)
{
    size_t done = 0;

    *err = 0;
    mutex_lock(&p->lock);
    if (flags == PIPE_MERGE && v->count % PAGE_SIZE && p->readers)
        done = merge(p, v, v->count % PAGE_SIZE, err);
    while (!*err && v->count) {
        if (unlikely(!p->readers)) {
            *err = -EPIPE;
        } else if (likely(!pipe_full(p))) {
            done += append(p, v, flags, err);
        } else {
            if (done)
                pipe_wake_readers(p);
            *err = pipe_wait_writable(p, nonblock);
        }
    }
    bool room = !pipe_full(p);

    mutex_unlock(&p->lock);
    if (likely(done)) {
        pipe_wake_readers(p);
        if (room)
            pipe_wake_writers(p);
    }
    return done ? (ssize_t)done : *err;
}

static __noinline ssize_t pipe_write_slow(struct file *f, struct iov *v)
{
    int err;
    ssize_t n = pipe_give(f->private, v, (f->flags & O_NONBLOCK) || v->nonblock,
                          f->flags & O_DIRECT ? PIPE_PACKET : PIPE_MERGE, &err);

    if (unlikely(err == -EPIPE))
        pipe_no_reader();
    return n;
}

/* Straight through: up to a page into an empty pipe that has kept one. */
static ssize_t pipe_write(struct file *f, struct iov *v, uint64_t *pos)
{
    struct pipe *p = f->private;
    struct pipe_buf *b;
    size_t n = v->count;

    if (unlikely(!n))
        return 0;
    mutex_lock(&p->lock);
    if (unlikely(!pipe_empty(p) || !p->spare || !p->readers || n > PAGE_SIZE || (f->flags & O_DIRECT))) {
        mutex_unlock(&p->lock);
        return pipe_write_slow(f, v);
    }
    b = pipe_at(p, p->head);
    b->data = page_virt(p->spare);
    if (unlikely(iov_get(v, b->data, n) < n)) { /* dropped, as in merge() */
        n = 0;
    } else {
        b->page = p->spare;
        b->off = 0;
        b->len = n;
        b->flags = PIPE_MERGE;
        p->spare = NULL;
        p->head++;
    }
    mutex_unlock(&p->lock);
    if (unlikely(!n))
        return -EFAULT;
    pipe_wake_readers(p);
    sched_after_wake();
    return n;
}

/* ---- the rest ---- */

static unsigned pipe_poll(struct file *f, struct poll_table *pt)
{
    struct pipe *p = f->private;
    unsigned bits = 0;

    if (f->fmode & FMODE_READ) {
        poll_wait(f, &p->readable, pt);
        if (!pipe_empty(p))
            bits |= EPOLLIN | EPOLLRDNORM;
        /* a FIFO's reader that never had a writer sees no hang-up */
        if (!p->writers && p->writer_opens != (unsigned)f->pos)
            bits |= EPOLLHUP;
    }
    if (f->fmode & FMODE_WRITE) {
        poll_wait(f, &p->writable, pt);
        if (!pipe_full(p))
            bits |= EPOLLOUT | EPOLLWRNORM;
        if (!p->readers)
            bits |= EPOLLERR;
    }
    return bits;
}

size_t pipe_bytes(struct pipe *p)
{
    size_t n = 0;

    mutex_lock(&p->lock);
    for (unsigned at = p->tail; at != p->head; at++)
        n += pipe_at(p, at)->len;
    mutex_unlock(&p->lock);
    return n;
}

static long pipe_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    if (cmd != FIONREAD)
        return -ENOTTY;
    return put_user((int)pipe_bytes(f->private), (int __user *)arg);
}

/* Guards which pipe an inode has, and pipe.files: an opener of a FIFO finds the last user's pipe, or none. */
static struct spinlock users_lock = SPINLOCK_INIT(RANK_OBJECT);

static void pipe_drop(struct inode *i, struct pipe *p)
{
    bool last;

    spin_lock(&users_lock);
    last = !--p->files;
    if (last)
        i->pipe = NULL;
    spin_unlock(&users_lock);
    if (last)
        pipe_free(p);
}

void pipe_wake_all(struct pipe *p)
{
    waitq_wake(&p->readable, ~0u, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
    waitq_wake(&p->writable, ~0u, EPOLLOUT | EPOLLWRNORM | EPOLLERR);
}

static void pipe_release(struct file *f)
{
    struct pipe *p = f->private;
    bool alone; /* the other side is still there, and this one not */

    mutex_lock(&p->lock);
    p->readers -= !!(f->fmode & FMODE_READ);
    p->writers -= !!(f->fmode & FMODE_WRITE);
    alone = !p->readers != !p->writers;
    mutex_unlock(&p->lock);
    if (alone)
        pipe_wake_all(p);
    pipe_drop(f->inode, p);
}

const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

static void pipe_attach(struct pipe *p, struct file *f)
{
    f->ops = &pipe_ops;
    f->private = p;
    f->fmode |= FMODE_STREAM;
    if (f->fmode & FMODE_READ) {
        p->readers++;
        p->reader_opens++;
    }
    if (f->fmode & FMODE_WRITE) {
        p->writers++;
        p->writer_opens++;
    }
}

int pipe_new(struct file **reader, struct file **writer, int flags)
{
    struct pipe *p = pipe_alloc();
    struct inode *i = p ? anon_inode_new(S_IFIFO | 0600) : NULL;
    struct file *r = NULL, *w = NULL;

    if (i) {
        r = file_new_on_inode(i, NULL, &pipe_ops, NULL, O_RDONLY | (flags & (O_NONBLOCK | O_DIRECT)));
        w = r ? file_new_on_inode(i, NULL, &pipe_ops, NULL, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)))
              : NULL;
    }
    if (!w) {
        if (r)
            file_dealloc(r);
        if (i)
            inode_put(i);
        kfree(p);
        return -ENOMEM;
    }
    inode_get(i); /* each file has its own */
    i->pipe = p;
    p->files = 2;
    pipe_attach(p, r);
    pipe_attach(p, w);
    *reader = r;
    *writer = w;
    return 0;
}

/* ---- FIFOs ---- */

static int fifo_wait(struct pipe *p, struct file *f, bool for_writer)
{
    unsigned *opens = for_writer ? &p->writer_opens : &p->reader_opens, seen = *opens;
    int err;

    mutex_unlock(&p->lock);
    err = wait_event_interruptible(&p->readable, READ_ONCE(*opens) != seen);
    mutex_lock(&p->lock);
    return err;
}

/* The FIFO's pipe, with a user more. */
static struct pipe *fifo_pipe(struct inode *i)
{
    struct pipe *p, *fresh = NULL;

    if (!atomic_load(&i->pipe) && !(fresh = pipe_alloc()))
        return NULL;
    for (;;) {
        spin_lock(&users_lock);
        if (!i->pipe) {
            i->pipe = fresh;
            fresh = NULL;
        }
        p = i->pipe;
        if (p)
            p->files++;
        spin_unlock(&users_lock);
        if (p)
            break;
        fresh = pipe_alloc(); /* the last user went in between */
        if (!fresh)
            return NULL;
    }
    if (fresh)
        pipe_free(fresh);
    return p;
}

int fifo_open(struct inode *i, struct file *f)
{
    struct pipe *p = fifo_pipe(i);
    int err = 0;

    if (!p)
        return -ENOMEM;
    mutex_lock(&p->lock);
    if ((f->fmode & (FMODE_READ | FMODE_WRITE)) == FMODE_WRITE && (f->flags & O_NONBLOCK) && !p->readers) {
        mutex_unlock(&p->lock);
        pipe_drop(i, p);
        return -ENXIO;
    }
    pipe_attach(p, f);
    waitq_wake(&p->readable, ~0u, 0); /* whoever waits in open */
    if ((f->fmode & (FMODE_READ | FMODE_WRITE)) == FMODE_READ && !p->writers) {
        if (f->flags & O_NONBLOCK)
            f->pos = p->writer_opens; /* no hang-up until a writer came and went */
        else
            err = fifo_wait(p, f, true);
    } else if ((f->fmode & (FMODE_READ | FMODE_WRITE)) == FMODE_WRITE && !p->readers) {
        err = fifo_wait(p, f, false);
    }
    mutex_unlock(&p->lock);
    if (err)
        pipe_release(f);
    return err;
}

/* ---- fcntl ---- */

long pipe_set_size(struct pipe *p, unsigned long bytes)
{
    struct pipe_buf *bufs;
    unsigned max = 1, used = p->head - p->tail;

    if (bytes > 1ul << 31)
        return -EINVAL;
    while ((unsigned long)max * PAGE_SIZE < bytes)
        max *= 2;
    if (max > p->max && (unsigned long)max * PAGE_SIZE > PIPE_MAX_BYTES && !fs_capable(CAP_SYS_RESOURCE))
        return -EPERM;
    if (max < used)
        return -EBUSY;
    bufs = max <= PIPE_PAGES && p->bufs != p->first ? p->first : kmalloc(max * sizeof(*bufs));
    if (!bufs)
        return -ENOMEM;
    for (unsigned n = 0; n < used; n++)
        bufs[n] = *pipe_at(p, p->tail + n);
    if (p->bufs != p->first)
        kfree(p->bufs);
    p->bufs = bufs;
    p->max = max;
    p->tail = 0;
    p->head = used;
    pipe_wake_writers(p);
    return (long)max * PAGE_SIZE;
}

long pipe_fcntl(struct file *f, unsigned cmd, unsigned long arg)
{
    struct pipe *p = file_pipe(f);
    long n;

    if (!p)
        return -EBADF;
    mutex_lock(&p->lock);
    n = cmd == F_SETPIPE_SZ ? pipe_set_size(p, arg) : (long)p->max * (long)PAGE_SIZE;
    mutex_unlock(&p->lock);
    return n;
}
