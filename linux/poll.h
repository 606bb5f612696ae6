/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.h: one thread's wait for several files: what poll(2) and select(2) are made of.
 *
 * A poller lives on its thread's stack. Its entries hang on the files' wait queues until poller_end(); the first
 * few are its own, more are allocated.
 */
#ifndef LINUX_POLL_H
#define LINUX_POLL_H

#include "fs/vfs.h"

struct poller;

struct poll_entry {
    struct waiter w;
    struct waitq *wq;
    struct file *file; /* referenced: it keeps the queue */
};

#define POLLER_INLINE 5
#define POLLER_CHUNK  50

struct poll_chunk {
    struct poll_chunk *next;
    unsigned nr;
    struct poll_entry entries[POLLER_CHUNK];
};

struct poller {
    struct poll_table pt;
    bool registered; /* all files are being waited for */
    int err;         /* -ENOMEM */
    uint32_t key;    /* events that the next file is to wake for */
    unsigned nr;
    struct poll_chunk *chunks;
    struct poll_entry entries[POLLER_INLINE];
};

#define POLL_ALWAYS (EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM) /* of files without a poll operation */

void poller_begin(struct poller *p);
void poller_end(struct poller *p);
/* Ready bits of f now; until poller_block() it is registered for wake-ups by the bits of key. */
static inline unsigned poller_look(struct poller *p, struct file *f, uint32_t key)
{
    p->key = key;
    return f->ops->poll(f, p->registered ? NULL : &p->pt);
}
/* After a look at all files found nothing: sleeps until one may be ready. 0: look again; -ETIMEDOUT, -ERESTARTSYS,
 * -ENOMEM. deadline 0: does not sleep. */
int poller_block(struct poller *p, uint64_t deadline);

#endif
