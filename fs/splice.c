/* SPDX-License-Identifier: BSD-2-Clause */
/* splice.c: splice, tee, vmsplice, sendfile, copy_file_range (see splice.h). */
#include "fs/splice.h"
#include "abi/fs.h"
#include "fs/pipe_buf.h"
#include "kernel/pktbuf.h"
#include "kernel/thread.h"
#include "lib/string.h"

/* One piece of a file: a page of its cache, or one of ours that was read into. */
struct piece {
    struct page *page; /* referenced */
    unsigned off, len;
};

static bool has_pages(const struct file *f)
{
    return S_ISREG(f->inode->mode) && f->inode->mapping && f->ops->read == mapping_file_read;
}

/* The next piece of at most len bytes at *pos; 0 bytes: the end. */
static int get_piece(struct file *in, uint64_t *pos, size_t len, bool nonblock, struct piece *p)
{
    struct inode *i = in->inode;
    uint64_t size = i->size;
    struct iov v;
    ssize_t n;
    int err;

    p->len = 0;
    p->off = 0;
    if (has_pages(in)) {
        if (*pos >= size)
            return 0;
        err = mapping_get(i->mapping, *pos >> PAGE_SHIFT, (size - 1) >> PAGE_SHIFT, 0, &p->page);
        if (err)
            return err;
        p->off = *pos & ~PAGE_MASK;
        p->len = MIN(MIN(PAGE_SIZE - p->off, len), size - *pos);
        *pos += p->len;
        return 0;
    }
    if (!in->ops->read)
        return -EINVAL;
    p->page = page_alloc(PAGE_WAIT | PAGE_USER);
    if (!p->page)
        return -ENOMEM;
    iov_kernel(&v, page_virt(p->page), MIN(len, PAGE_SIZE));
    v.nonblock = nonblock;
    n = in->ops->read(in, &v, pos);
    if (n <= 0) {
        page_put(p->page);
        return n;
    }
    p->len = n;
    return 0;
}

static ssize_t put_piece(struct file *out, uint64_t *pos, const struct piece *p)
{
    struct iov v;
    ssize_t n, done = 0;

    while ((unsigned)done < p->len) {
        iov_kernel(&v, (char *)page_virt(p->page) + p->off + done, p->len - done);
        n = out->ops->write(out, &v, pos);
        if (n <= 0)
            return done ? done : n;
        done += n;
    }
    return done;
}

/* ---- by reference ---- */

#define BATCH 16 /* pages handed on at once */

/* Pages of the file's cache go to out as they are. What out did not take stays before *pos. */
static ssize_t send_pages(struct file *in, uint64_t *pos, struct file *out, size_t len)
{
    size_t done = 0;
    ssize_t n = 0;

    while (done < len) {
        struct pktfrag pages[BATCH];
        uint64_t before = *pos;
        size_t total = 0;
        unsigned nr = 0;
        struct piece p;
        int err = 0;

        while (nr < BATCH && done + total < len) {
            err = get_piece(in, pos, len - done - total, false, &p);
            if (err || !p.len)
                break;
            pages[nr++] = (struct pktfrag){ p.page, p.off, p.len };
            total += p.len;
        }
        n = nr ? out->ops->write_pages(out, pages, nr, done + total < len && *pos < in->inode->size) : err;
        while (nr)
            page_put(pages[--nr].page);
        done += MAX(n, 0);
        if (n < (ssize_t)total || !total) {
            *pos = before + MAX(n, 0);
            break;
        }
        if (signal_pending())
            break;
        cond_resched();
    }
    return done ? (ssize_t)done : n;
}

/* The same from a pipe, whose lock is held, of at most len bytes. */
static ssize_t send_buffers(struct pipe *p, struct file *out, size_t len, bool more)
{
    struct pktfrag pages[BATCH];
    size_t total = 0;
    unsigned nr = 0;
    ssize_t n;

    for (unsigned at = p->tail; at != p->head && nr < BATCH && total < len; at++) {
        struct pipe_buf *b = pipe_at(p, at);

        pages[nr++] = (struct pktfrag){ b->page, b->off, MIN((size_t)b->len, len - total) };
        total += pages[nr - 1].len;
    }
    n = out->ops->write_pages(out, pages, nr, more || (total < len && p->head - p->tail > nr));
    for (ssize_t left = n; left > 0;) {
        struct pipe_buf *b = pipe_at(p, p->tail);
        uint32_t part = MIN((ssize_t)b->len, left);

        b->off += part;
        b->len -= part;
        left -= part;
        if (!b->len)
            pipe_drop_tail(p);
    }
    return n;
}

/* ---- file to file ---- */

static ssize_t copy(struct file *in, uint64_t *ipos, struct file *out, uint64_t *opos, size_t len)
{
    size_t done = 0;
    int err = 0;

    if (!out->ops->write)
        return -EINVAL;
    if (out->ops->write_pages && has_pages(in)) {
        ssize_t n = send_pages(in, ipos, out, len);

        if (n != -EOPNOTSUPP)
            return n;
    }
    while (done < len && !err) {
        struct piece p;
        uint64_t before = *ipos;
        ssize_t n;

        err = get_piece(in, ipos, len - done, false, &p);
        if (err || !p.len)
            break;
        n = put_piece(out, opos, &p);
        page_put(p.page);
        if (n < 0) {
            err = n;
            n = 0;
        }
        done += n;
        if ((size_t)n < p.len) {
            *ipos = before + n;
            break;
        }
        if (signal_pending())
            break;
        cond_resched();
    }
    return done ? (ssize_t)done : err;
}

/* Positions of one's own are guarded while others may share the file. */
static uint64_t *pos_begin(struct file *f, uint64_t *pos)
{
    if (pos)
        return pos;
    if (!(f->fmode & FMODE_STREAM))
        mutex_lock(&f->pos_lock);
    return &f->pos;
}

static void pos_end(struct file *f, uint64_t *pos)
{
    if (!pos && !(f->fmode & FMODE_STREAM))
        mutex_unlock(&f->pos_lock);
}

/* The files whose own positions are used, each once, the lower address first. */
static void lock_positions(struct file *a, struct file *b, bool lock)
{
    struct file *f[2] = { a < b ? a : b, a < b ? b : a };

    for (unsigned n = 0; n < 2; n++) {
        if (!f[n] || (f[n]->fmode & FMODE_STREAM) || (n && f[1] == f[0]))
            continue;
        if (lock)
            mutex_lock(&f[n]->pos_lock);
        else
            mutex_unlock(&f[n]->pos_lock);
    }
}

static ssize_t copy_both(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t len)
{
    struct file *a = in_pos ? NULL : in, *b = out_pos ? NULL : out;
    ssize_t n;

    lock_positions(a, b, true);
    n = copy(in, in_pos ? in_pos : &in->pos, out, out_pos ? out_pos : &out->pos, len);
    lock_positions(a, b, false);
    if (n > 0)
        file_notify(out, IN_MODIFY);
    return n;
}

static int check_modes(const struct file *in, const struct file *out)
{
    return (in->fmode & FMODE_READ) && (out->fmode & FMODE_WRITE) ? 0 : -EBADF;
}

ssize_t file_copy_range(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t len)
{
    uint64_t ipos = in_pos ? *in_pos : in->pos, opos = out_pos ? *out_pos : out->pos;
    int err = check_modes(in, out);

    if (err)
        return err;
    if (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))
        return -EISDIR;
    if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
        return -EINVAL;
    if (out->flags & O_APPEND)
        return -EBADF;
    if (ipos > INT64_MAX - len || opos > INT64_MAX - len)
        return -EOVERFLOW;
    if (ipos >= in->inode->size)
        return 0;
    len = MIN(len, in->inode->size - ipos);
    if (in->inode == out->inode && opos + len > ipos && opos < ipos + len)
        return -EINVAL;
    return copy_both(in, in_pos, out, out_pos, len);
}

/* ---- pipes ---- */

/* Waits for room; lock held. */
static int wait_room(struct pipe *p, bool nonblock)
{
    for (;;) {
        int err;

        if (!p->readers)
            return pipe_no_reader();
        if (!pipe_full(p))
            return 0;
        err = pipe_wait_writable(p, nonblock);
        if (err)
            return err;
    }
}

/* Waits for data. 1: there is some; 0: there will never be. */
static int wait_data(struct pipe *p, bool nonblock)
{
    for (;;) {
        int err;

        if (!pipe_empty(p))
            return 1;
        if (!p->writers)
            return 0;
        err = pipe_wait_readable(p, nonblock);
        if (err)
            return err;
    }
}

static ssize_t to_pipe(struct file *in, uint64_t *pos, struct file *out, size_t len, bool nonblock)
{
    struct pipe *p = file_pipe(out);
    size_t done = 0;
    int err = 0;

    while (done < len) {
        struct piece piece;

        mutex_lock(&p->lock);
        err = wait_room(p, nonblock || done);
        mutex_unlock(&p->lock);
        if (err)
            break;
        err = get_piece(in, pos, len - done, nonblock, &piece); /* may sleep long: without the pipe's lock */
        if (err || !piece.len)
            break;
        mutex_lock(&p->lock);
        err = wait_room(p, false);
        if (!err)
            *pipe_at(p, p->head++) =
                (struct pipe_buf){ piece.page, page_virt(piece.page), piece.off, piece.len, 0 };
        mutex_unlock(&p->lock);
        if (err) {
            page_put(piece.page);
            break;
        }
        done += piece.len;
        pipe_wake_readers(p);
        if (!has_pages(in))
            break; /* what was there; asking again might wait */
    }
    return done ? (ssize_t)done : err;
}

static ssize_t from_pipe(struct file *in, struct file *out, uint64_t *pos, size_t len, bool nonblock,
                         bool more)
{
    struct pipe *p = file_pipe(in);
    bool by_page = out->ops->write_pages;
    ssize_t done = 0, n = 0;

    if (!out->ops->write)
        return -EINVAL;
    mutex_lock(&p->lock);
    while ((size_t)done < len) {
        n = wait_data(p, nonblock || done);
        if (n <= 0)
            break;
        if (by_page) {
            n = send_buffers(p, out, len - done, more);
            if (n != -EOPNOTSUPP) {
                if (n <= 0)
                    break;
                done += n;
                continue;
            }
            by_page = false;
        }
        struct pipe_buf *b = pipe_at(p, p->tail);
        struct piece piece = { b->page, b->off, MIN((size_t)b->len, len - done) };

        n = put_piece(out, pos, &piece);
        if (n <= 0)
            break;
        done += n;
        b->off += n;
        b->len -= n;
        if (!b->len)
            pipe_drop_tail(p);
        if ((unsigned)n < piece.len)
            break;
    }
    mutex_unlock(&p->lock);
    if (done)
        pipe_wake_writers(p);
    return done ? done : n;
}

static void lock_both(struct pipe *a, struct pipe *b)
{
    mutex_lock(a < b ? &a->lock : &b->lock);
    mutex_lock(a < b ? &b->lock : &a->lock);
}

/* Moves (or copies) references of what is in `in` now; neither blocks. */
static size_t pipe_to_pipe(struct pipe *in, struct pipe *out, size_t len, bool keep)
{
    unsigned at = in->tail;
    size_t done = 0;

    while (done < len && at != in->head && !pipe_full(out)) {
        struct pipe_buf *b = pipe_at(in, at);
        unsigned n = MIN((size_t)b->len, len - done);

        page_get(b->page);
        b->flags &= ~PIPE_MERGE; /* shared now: nobody may fill it up */
        *pipe_at(out, out->head++) = (struct pipe_buf){ b->page, b->data, b->off, n, b->flags };
        done += n;
        at++;
        if (keep)
            continue;
        b->off += n;
        b->len -= n;
        if (!b->len)
            pipe_drop_tail(in);
    }
    return done;
}

static ssize_t between_pipes(struct file *in, struct file *out, size_t len, bool nonblock, bool keep)
{
    struct pipe *a = file_pipe(in), *b = file_pipe(out);

    if (a == b)
        return -EINVAL;
    for (;;) {
        size_t n;
        int err;

        mutex_lock(&a->lock);
        err = wait_data(a, nonblock);
        mutex_unlock(&a->lock);
        if (err <= 0)
            return err;
        mutex_lock(&b->lock);
        err = wait_room(b, nonblock);
        mutex_unlock(&b->lock);
        if (err)
            return err;
        lock_both(a, b);
        n = pipe_to_pipe(a, b, len, keep);
        mutex_unlock(&a->lock);
        mutex_unlock(&b->lock);
        if (!n)
            continue; /* somebody was faster */
        if (!keep)
            pipe_wake_writers(a);
        pipe_wake_readers(b);
        return n;
    }
}

ssize_t file_splice(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t len,
                    unsigned flags)
{
    bool from = file_pipe(in), to = file_pipe(out);
    bool nonblock = (flags & SPLICE_NONBLOCK) || ((from ? in : out)->flags & O_NONBLOCK);
    uint64_t *pos;
    ssize_t n;
    int err = check_modes(in, out);

    if (err)
        return err;
    if ((from && in_pos) || (to && out_pos))
        return -ESPIPE;
    if (!len)
        return 0;
    if (from && to)
        return between_pipes(in, out, len, nonblock, false);
    if (!from && !to)
        return -EINVAL;
    if ((from ? out_pos : in_pos) && ((from ? out : in)->fmode & FMODE_STREAM))
        return -EINVAL; /* as Linux; of pipes it is -ESPIPE */
    if (from && (out->flags & O_APPEND))
        return -EINVAL;
    pos = from ? pos_begin(out, out_pos) : pos_begin(in, in_pos);
    n = from ? from_pipe(in, out, pos, len, nonblock, flags & SPLICE_MORE)
             : to_pipe(in, pos, out, len, nonblock);
    if (from)
        pos_end(out, out_pos);
    else
        pos_end(in, in_pos);
    return n;
}

ssize_t file_tee(struct file *in, struct file *out, size_t len, unsigned flags)
{
    int err = check_modes(in, out);

    if (err)
        return err;
    if (!file_pipe(in) || !file_pipe(out))
        return -EINVAL;
    if (!len)
        return 0;
    return between_pipes(in, out, len, (flags & SPLICE_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK),
                         true);
}

ssize_t file_vmsplice(struct file *f, struct iov *v, unsigned flags)
{
    v->nonblock = flags & SPLICE_NONBLOCK;
    if (!file_pipe(f))
        return -EBADF;
    return f->fmode & FMODE_WRITE ? file_write(f, v, &f->pos) : file_read(f, v, &f->pos);
}

ssize_t file_sendfile(struct file *out, struct file *in, uint64_t *in_pos, size_t len)
{
    int err = check_modes(in, out);

    if (err)
        return err;
    if (in_pos && (in->fmode & FMODE_STREAM))
        return -ESPIPE;
    if (file_pipe(in) || S_ISDIR(in->inode->mode) || (out->flags & O_APPEND))
        return -EINVAL;
    if (file_pipe(out)) {
        uint64_t *pos = pos_begin(in, in_pos);
        ssize_t n = to_pipe(in, pos, out, len, out->flags & O_NONBLOCK);

        pos_end(in, in_pos);
        return n;
    }
    if (in->fmode & FMODE_STREAM) /* only a pipe can hold what was read and cannot be written */
        return -EINVAL;
    return copy_both(in, in_pos, out, NULL, len);
}
