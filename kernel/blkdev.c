/* SPDX-License-Identifier: BSD-2-Clause */
/* blkdev.c: the list of block devices, requests that wait for room in a device, and synchronous I/O. */
#include "kernel/blkdev.h"
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/atomic.h"
#include "lib/string.h"

static struct blkdev *devices; /* devices are added at boot and never go away */

void blkdev_add(struct blkdev *d)
{
    struct blkdev **p = &devices;

    spin_init(&d->lock, RANK_DRIVER_QUEUE);
    waitq_init(&d->done);
    d->waiting = NULL;
    d->waiting_end = &d->waiting;
    d->next = NULL;
    while (*p)
        p = &(*p)->next;
    atomic_store_release(p, d);
}

struct blkdev *blkdev_next(struct blkdev *d)
{
    return d ? d->next : devices;
}

struct blkdev *blkdev_find(const char *name)
{
    for (struct blkdev *d = devices; d; d = d->next)
        if (!strcmp(d->name, name))
            return d;
    return NULL;
}

/* false: the device has no room. */
static bool submit(struct blkdev *d, struct bio *b)
{
    int err = d->ops->submit(d, b);

    if (!err)
        return true;
    if (err == -EAGAIN)
        return false;
    b->status = err == BIO_DONE ? 0 : err;
    b->done(b);
    return true;
}

/* Submits waiting requests until there is none or the device is full again. */
static void blkdev_run_queue(struct blkdev *d)
{
    while (atomic_load(&d->waiting)) {
        unsigned long flags = spin_lock_irqsave(&d->lock);
        struct bio *b = d->waiting;

        if (b) {
            d->waiting = b->next;
            if (!b->next)
                d->waiting_end = &d->waiting;
        }
        spin_unlock_irqrestore(&d->lock, flags);
        if (!b)
            return;
        if (submit(d, b))
            continue;
        flags = spin_lock_irqsave(&d->lock);
        b->next = d->waiting;
        d->waiting = b;
        if (!b->next)
            d->waiting_end = &b->next;
        spin_unlock_irqrestore(&d->lock, flags);
        return;
    }
}

void blkdev_submit(struct blkdev *d, struct bio *b)
{
    unsigned long flags;

    /* Requests that wait go first, else a stream of new ones starves them. */
    if (!atomic_load(&d->waiting) && submit(d, b))
        return;
    flags = spin_lock_irqsave(&d->lock);
    b->next = NULL;
    *d->waiting_end = b;
    d->waiting_end = &b->next;
    spin_unlock_irqrestore(&d->lock, flags);
    blkdev_run_queue(d); /* the device may have become idle meanwhile: nobody else would look */
}

void blkdev_complete(struct blkdev *d, struct bio *b, int status)
{
    b->status = status;
    b->done(b);
    blkdev_run_queue(d);
}

struct sync_io {
    struct blkdev *dev;
    uint32_t done;
};

static void sync_done(struct bio *b)
{
    struct sync_io *s = b->private;
    struct blkdev *d = s->dev; /* s is gone once done is seen; the device and its queue stay */

    atomic_store_release(&s->done, 1);
    wake_all(&d->done);
}

/* While nobody else wants the CPU a quick device's answer is waited for awake: going to sleep and coming back costs
 * more, most of all under an emulator that has yet to translate both. */
static void poll_done(const struct sync_io *s)
{
    const struct cpu *c = this_cpu();
    uint64_t end = arch_clock_ns() + (arch_is_emulated ? 200 : 20) * NSEC_PER_US;

    while (!atomic_load_acquire(&s->done) && !READ_ONCE(c->rq.nr) && arch_clock_ns() < end)
        arch_pause();
}

int blkdev_io(struct blkdev *d, struct bio *b)
{
    struct sync_io s = { .dev = d };

    b->done = sync_done;
    b->private = &s;
    blkdev_submit(d, b);
    poll_done(&s);
    wait_event(&d->done, atomic_load_acquire(&s.done));
    return b->status;
}

/* Adds a page to the bio, to the last segment when they touch. false: it needs a segment more than there are. */
static bool bio_add_page(struct blkdev *d, struct bio *b, struct page *p)
{
    paddr_t pa = page_paddr(p);
    struct bio_seg *last = b->nr_segs ? &b->segs[b->nr_segs - 1] : NULL;

    if (last && last->addr + last->len == pa) {
        last->len += PAGE_SIZE;
        return true;
    }
    if (b->nr_segs == MIN(d->max_segs, (uint32_t)BIO_MAX_SEGS))
        return false;
    b->segs[b->nr_segs++] = (struct bio_seg){ pa, PAGE_SIZE };
    return true;
}

int blkdev_read_pages(struct blkdev *d, uint64_t sector, struct page **pages, unsigned nr)
{
    struct bio *b = kmalloc(sizeof(*b));
    int err = 0;

    if (!b)
        return -ENOMEM;
    while (nr && !err) {
        unsigned n = 0;

        b->op = BIO_READ;
        b->sector = sector;
        b->nr_segs = 0;
        while (n < nr && bio_add_page(d, b, pages[n]))
            n++;
        err = blkdev_io(d, b);
        sector += n * (PAGE_SIZE >> SECTOR_SHIFT);
        pages += n;
        nr -= n;
    }
    kfree(b);
    return err;
}
