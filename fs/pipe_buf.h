/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe_buf.h: the inside of pipes, shared with splice.c. */
#ifndef FS_PIPE_BUF_H
#define FS_PIPE_BUF_H

#include "fs/pipe.h"
#include "kernel/page.h"

#define PIPE_PAGES     16
#define PIPE_MAX_BYTES (1u << 20) /* without privilege */

#define PIPE_MERGE  1 /* the page is the pipe's own: later writes may fill it up */
#define PIPE_PACKET 2 /* one read takes it whole */

struct pipe_buf {
    struct page *page; /* referenced */
    char *data;        /* its start */
    uint32_t off, len;
    uint32_t flags;
};

struct pipe {
    struct mutex lock;
    struct waitq readable, writable;
    struct pipe_buf *bufs; /* a ring of max (a power of two); first is used before anything is allocated */
    unsigned head, tail;   /* [lock] tail .. head are in use */
    unsigned max;
    unsigned readers, writers;           /* [lock] open ends */
    unsigned reader_opens, writer_opens; /* [lock] ever, for blocking opens of FIFOs */
    unsigned files;     /* open files, and who is opening one; the last frees it [users_lock] */
    struct page *spare; /* the page last emptied */
    struct pipe_buf first[PIPE_PAGES];
};

static inline bool pipe_empty(const struct pipe *p)
{
    return p->head == p->tail;
}
static inline bool pipe_full(const struct pipe *p)
{
    return p->head - p->tail >= p->max;
}
static inline struct pipe_buf *pipe_at(struct pipe *p, unsigned n)
{
    return &p->bufs[n & (p->max - 1)];
}

extern const struct file_ops pipe_ops;
static inline struct pipe *file_pipe(struct file *f)
{
    return f->ops == &pipe_ops ? f->private : NULL;
}
/* The oldest buffer is empty: its page goes. */
static inline void pipe_drop_tail(struct pipe *p)
{
    struct pipe_buf *b = pipe_at(p, p->tail++);

    if (likely(!p->spare && (b->flags & PIPE_MERGE) && atomic_load(&b->page->refs.n) == 1))
        p->spare = b->page;
    else
        page_put(b->page);
}
/* Wait until there is data (or no writer), or room (or no reader); lock held, dropped meanwhile. 0: look again. */
int pipe_wait_readable(struct pipe *p, bool nonblock);
int pipe_wait_writable(struct pipe *p, bool nonblock);
void pipe_wake_readers(struct pipe *p);
void pipe_wake_writers(struct pipe *p);
void pipe_wake_all(struct pipe *p); /* the other side is gone */
int pipe_no_reader(void);           /* SIGPIPE and -EPIPE */

/* For who has pipes without files: an empty one without open ends, its end, and transfers with any flags. */
struct pipe *pipe_alloc(void);
void pipe_free(struct pipe *p);
ssize_t pipe_take(struct pipe *p, struct iov *v, bool nonblock);
/* *err: also what ended a transfer that is not whole. No signal is sent. */
ssize_t pipe_give(struct pipe *p, struct iov *v, bool nonblock, uint32_t flags, int *err);
size_t pipe_bytes(struct pipe *p);                       /* to be read */
long pipe_set_size(struct pipe *p, unsigned long bytes); /* [lock held]; the new size */

#endif
