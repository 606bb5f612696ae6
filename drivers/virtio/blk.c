/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blk.c: virtio block device (virtio 1.2 §5.2) as a blkdev.
 *
 * One queue. A request is a header, the bio's segments and a status byte; header and status live in an array
 * indexed by the request's first descriptor, so that submitting allocates nothing.
 */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "drivers/virtio/virtio.h"
#include "kernel/blkdev.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define QUEUE_SIZE 128 /* a full bio needs BIO_MAX_SEGS + 2 */

struct blk_req {
    struct virtio_blk_hdr hdr;
    struct virtio_blk_discard discard;
    uint8_t status; /* the device's word */
};

struct vblk { /* [I] immutable after probe  [l] lock */
    struct blkdev dev;
    struct spinlock lock;
    struct virtio_device *vd; /* [I] */
    struct virtq *vq;         /* [l] */
    uint32_t max_discard;     /* [I] sectors in one request; 0: cannot */
    bool flush;               /* [I] */
    struct blk_req *reqs;     /* [l] by head descriptor */
};

static int blk_error(uint8_t status)
{
    switch (status) {
    case VIRTIO_BLK_S_OK:
        return 0;
    case VIRTIO_BLK_S_UNSUPP:
        return -EOPNOTSUPP;
    default:
        return -EIO;
    }
}

/* 1: the device is needed; 0: it is not; -errno: bad. */
static int blk_check(struct vblk *v, struct bio *b)
{
    uint64_t len = 0;

    for (unsigned i = 0; i < b->nr_segs; i++)
        len += b->segs[i].len;
    if (b->op == BIO_FLUSH)
        return v->flush ? 1 : 0; /* §5.2.5.2: without the feature writes are durable when done */
    if (b->op == BIO_DISCARD) {  /* advice: a device that cannot is no error */
        if (!v->max_discard)
            return 0;
        len = b->nr_segs ? b->segs[0].len : 0;
    }
    if (b->op != BIO_READ && v->dev.readonly)
        return -EROFS;
    if (!len || len & 511 || b->nr_segs > v->dev.max_segs)
        return -EINVAL;
    if (b->sector > v->dev.nr_sectors || len >> SECTOR_SHIFT > v->dev.nr_sectors - b->sector)
        return -EIO;
    if (b->op == BIO_DISCARD && len >> SECTOR_SHIFT > v->max_discard)
        return -EINVAL;
    return 1;
}

static const uint8_t blk_type[] = {
    [BIO_READ] = VIRTIO_BLK_T_IN,
    [BIO_WRITE] = VIRTIO_BLK_T_OUT,
    [BIO_FLUSH] = VIRTIO_BLK_T_FLUSH,
    [BIO_DISCARD] = VIRTIO_BLK_T_DISCARD,
};

/* Puts the request on the ring; the descriptors are there. */
static void blk_push(struct vblk *v, struct bio *b)
{
    struct blk_req *r = &v->reqs[v->vq->head];

    r->hdr = (struct virtio_blk_hdr){ .type = blk_type[b->op] };
    if (b->op == BIO_READ || b->op == BIO_WRITE) /* §5.2.6: 0 for the others */
        r->hdr.sector = b->sector;
    r->status = 0xff;
    virtq_push(v->vq, virt_phys(&r->hdr), sizeof(r->hdr), false);
    if (b->op == BIO_DISCARD) {
        r->discard = (struct virtio_blk_discard){ b->sector, b->segs[0].len >> SECTOR_SHIFT, 0 };
        virtq_push(v->vq, virt_phys(&r->discard), sizeof(r->discard), false);
    } else if (b->op != BIO_FLUSH) {
        for (unsigned i = 0; i < b->nr_segs; i++)
            virtq_push(v->vq, b->segs[i].addr, b->segs[i].len, b->op == BIO_READ);
    }
    virtq_push(v->vq, virt_phys(&r->status), sizeof(r->status), true);
    virtq_close(v->vq, b);
}

static int blk_submit(struct blkdev *d, struct bio *b)
{
    struct vblk *v = d->driver;
    int err = blk_check(v, b);

    if (err <= 0)
        return err ? err : BIO_DONE;
    unsigned long flags = spin_lock_irqsave(&v->lock);

    err = virtq_open(v->vq, b->nr_segs + 2);
    if (!err) {
        blk_push(v, b);
        virtq_kick(v->vq);
    }
    spin_unlock_irqrestore(&v->lock, flags);
    return err == -ENOSPC ? -EAGAIN : err;
}

/* Interrupt: takes all that is done, with interrupts of the queue off meanwhile: one for a batch. */
static void blk_done(struct virtq *vq)
{
    struct vblk *v = vq->dev->driver;
    struct bio *first = NULL, **last = &first, *b;

    spin_lock(&v->lock);
    virtq_irq_off(vq);
    do {
        while ((b = virtq_get(vq, NULL))) {
            b->status = blk_error(v->reqs[vq->free].status); /* the head just freed is the next to be used */
            *last = b;
            last = &b->next;
        }
    } while (!vq->broken && !virtq_irq_on(vq));
    if (vq->broken) {
        virtio_fail(v->vd);
        while ((b = virtq_detach(vq))) {
            b->status = -EIO;
            *last = b;
            last = &b->next;
        }
    }
    *last = NULL;
    spin_unlock(&v->lock);
    while ((b = first)) {
        first = b->next;
        blkdev_complete(&v->dev, b, b->status);
    }
}

static const struct blkdev_ops blk_ops = { .submit = blk_submit };

static void blk_config(struct vblk *v)
{
    struct virtio_device *vd = v->vd;

    v->dev.nr_sectors = virtio_config64(vd, VIRTIO_BLK_CFG_CAPACITY);
    if (v->dev.nr_sectors > 1ull << 54)
        v->dev.nr_sectors = 1ull << 54;
    v->dev.block_size = 512;
    if (virtio_has(vd, VIRTIO_BLK_F_BLK_SIZE)) {
        uint32_t size = virtio_config32(vd, VIRTIO_BLK_CFG_BLK_SIZE);

        if (size >= 512 && size <= PAGE_SIZE && !(size & (size - 1)))
            v->dev.block_size = size;
    }
    v->dev.max_segs = MIN(v->vq->num - 2u, (unsigned)BIO_MAX_SEGS);
    if (virtio_has(vd, VIRTIO_BLK_F_SEG_MAX)) {
        uint32_t max = virtio_config32(vd, VIRTIO_BLK_CFG_SEG_MAX);

        if (max && max < v->dev.max_segs)
            v->dev.max_segs = max;
    }
    if (virtio_has(vd, VIRTIO_BLK_F_DISCARD))
        v->max_discard = virtio_config32(vd, VIRTIO_BLK_CFG_MAX_DISCARD_SECTORS);
    v->flush = virtio_has(vd, VIRTIO_BLK_F_FLUSH);
    v->dev.readonly = virtio_has(vd, VIRTIO_BLK_F_RO);
}

static int blk_probe(void *dev)
{
    static char letter = 'a';
    struct virtio_device *vd = dev;
    struct vblk *v;
    int err = virtio_begin(vd, VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE |
                                   VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD);

    if (err)
        return err;
    if (letter > 'z')
        return -ENOSPC;
    v = kzalloc(sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->vd = vd;
    vd->driver = v;
    spin_init(&v->lock, RANK_DRIVER);
    err = -ENOMEM;
    v->vq = virtq_new(vd, 0, QUEUE_SIZE, blk_done);
    if (!v->vq)
        goto free_v;
    err = -EINVAL;
    if (v->vq->num < 4)
        goto fail;
    err = -ENOMEM;
    v->reqs = kmalloc(v->vq->num * sizeof(v->reqs[0]));
    if (!v->reqs)
        goto fail;
    blk_config(v);
    v->dev.ops = &blk_ops;
    v->dev.driver = v;
    memcpy(v->dev.name, "vd", 2);
    v->dev.name[2] = letter;
    err = virtio_ready(vd);
    if (err)
        goto free_reqs;
    letter++;
    blkdev_add(&v->dev); /* live from here */
    return 0;
free_reqs:
    kfree(v->reqs);
fail: /* the queue may be known to the device and the interrupt: it stays, dead */
    virtio_fail(vd);
    return err;
free_v:
    kfree(v);
    return err;
}

const struct driver virtio_blk_driver = { "virtio-blk", BUS_VIRTIO, VIRTIO_ID_BLOCK, blk_probe };
