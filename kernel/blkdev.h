/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blkdev.h: block devices, the contract between drivers and filesystems. Units are 512-byte sectors.
 */
#ifndef KERNEL_BLKDEV_H
#define KERNEL_BLKDEV_H

#include "kernel/thread.h"
#include "lib/types.h"

#define SECTOR_SHIFT 9
#define BIO_MAX_SEGS 64

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH, BIO_DISCARD };

struct bio_seg {
    paddr_t addr;
    uint32_t len;
};

/*
 * A request in flight; owned by the submitter until done runs (interrupt context, or from submit itself when it
 * fails at once). Lengths are multiples of 512. A discard's length in bytes is segs[0].len.
 */
struct bio {
    enum bio_op op;
    uint64_t sector;
    unsigned nr_segs;
    struct bio_seg segs[BIO_MAX_SEGS];
    int status; /* 0 or -errno when done */
    void (*done)(struct bio *);
    void *private;
    struct bio *next; /* the driver's */
};

#define BIO_DONE 1

struct blkdev;
struct blkdev_ops {
    /* Queues the request and notifies the device; never sleeps. 0, BIO_DONE when there was nothing to do, -EAGAIN
     * when the queue is full (the block layer keeps the request and submits it again after a completion), or
     * another -errno (the block layer ends the request with it). */
    int (*submit)(struct blkdev *d, struct bio *b);
};

struct blkdev {
    const struct blkdev_ops *ops;
    void *driver;
    char name[16]; /* vda, ... */
    uint64_t nr_sectors;
    uint32_t block_size;
    uint32_t max_segs;
    bool readonly;
    struct blkdev *next;
    /* the block layer's, set up by blkdev_add */
    struct spinlock lock;
    struct bio *waiting, **waiting_end; /* [lock] for room in the device */
    struct waitq done;                  /* synchronous requests */
};

void blkdev_add(struct blkdev *d);            /* for good */
struct blkdev *blkdev_find(const char *name); /* NULL when there is none */
struct blkdev *blkdev_next(struct blkdev *d); /* NULL starts */
void blkdev_submit(struct blkdev *d, struct bio *b);
/* Submits and sleeps until done. 0 or -errno. */
int blkdev_io(struct blkdev *d, struct bio *b);
/* Reads whole pages through a bounce-free request: nr pages to the given page frames. */
int blkdev_read_pages(struct blkdev *d, uint64_t sector, struct page **pages, unsigned nr);
void blkdev_complete(struct blkdev *d, struct bio *b, int status); /* called by drivers, interrupt context */

#endif
