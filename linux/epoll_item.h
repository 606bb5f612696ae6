/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll_item.h: an epoll and its watches; shared by epoll.c and epoll_ctl.c only.
 *
 * Guards: [I] immutable [m] epoll.mutex [l] epoll.lock [w] the watched file's lock in epoll_ctl.c [a] atomic
 */
#ifndef LINUX_EPOLL_ITEM_H
#define LINUX_EPOLL_ITEM_H

#include "fs/vfs.h"
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

struct epoll {
    struct mutex mutex;   /* items; one scan at a time */
    struct spinlock lock; /* the ready list */
    struct list ready;    /* [l] of epitem.ready_link */
    struct waitq wait;    /* epoll_wait(2) */
    struct waitq outer;   /* who polls this epoll: poll(2), another epoll */
    struct rb_root items; /* [m] by file and number */
    struct file *file;    /* [I] its own; no reference */
    refcount_t refs;      /* the file's, and one per item */
};

struct epitem;

/* One wait queue that an item hangs on; most files have one. */
struct epwait {
    struct waiter w;
    struct waitq *wq; /* NULL: not in use */
    struct epitem *item;
    struct epwait *next;
};

struct epitem {
    struct rb_node node;    /* [m] */
    struct list ready_link; /* [l] */
    struct list file_link;  /* [w] in file.epitems */
    struct epoll *ep;       /* [I] referenced */
    struct file *file;      /* [I] no reference: closing the file removes the item */
    int fd;                 /* [I] */
    uint32_t queued;        /* [a] on the ready list, or about to be */
    uint32_t events;        /* EPOLL* [m to change] */
    uint64_t data;          /* [m] */
    bool dying;             /* [w] the file's last reference is gone */
    bool failed;            /* [m] out of memory for a wait queue */
    bool again;             /* [m] it is on the ready list because it was reported before */
    struct epwait first;
};

#define EP_PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

extern const struct file_ops epoll_ops;

void epitem_enqueue(struct epitem *it);
bool epitem_woken(struct waiter *w, uint32_t flags);
void epoll_wake(struct epoll *ep, uint32_t flags);
void epoll_put(struct epoll *ep);
void epoll_drop_items(struct epoll *ep); /* at the release of the epoll's file */
void epoll_file_gone(struct file *f);    /* vfs.h: file_unwatch */

#endif
