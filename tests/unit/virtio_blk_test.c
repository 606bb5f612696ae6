/* SPDX-License-Identifier: BSD-2-Clause */
/* The block driver and the block layer over a device of our own. */
#include "test.h"

#include "drivers/virtio/blk.c"
#include "drivers/virtio/virtio.c"
#include "drivers/virtio/virtqueue.c"
#include "fake_virtio.h"
#include "shim.h"

const struct driver *const drivers[] = { &virtio_blk_driver, NULL };

#define SECTORS 64
static uint8_t disk[SECTORS * 512];
static struct fake *f;
static struct blkdev *dev;
static uint8_t answer; /* status the device gives */
static unsigned nr_flushes, nr_discards;

static void setup(uint64_t features, unsigned queue_max)
{
    uint64_t capacity = SECTORS;
    uint32_t seg_max = 4, discard_max = 8;

    f = fake_new(VIRTIO_ID_BLOCK, features);
    f->queue_max = queue_max;
    memcpy(f->config + VIRTIO_BLK_CFG_CAPACITY, &capacity, 8);
    memcpy(f->config + VIRTIO_BLK_CFG_SEG_MAX, &seg_max, 4);
    memcpy(f->config + VIRTIO_BLK_CFG_MAX_DISCARD_SECTORS, &discard_max, 4);
    for (unsigned i = 0; i < sizeof(disk); i++)
        disk[i] = i / 512 + i;
    answer = VIRTIO_BLK_S_OK;
    CHECK(virtio_probe(&f->vd) == 0);
    CHECK(f->status & VIRTIO_S_DRIVER_OK);
    dev = &((struct vblk *)f->vd.driver)->dev;
    CHECK(blkdev_find(dev->name) == dev);
}

/* The device works off one request; false: there is none. */
static bool serve(void)
{
    struct virtio_blk_hdr h;
    struct {
        struct virtio_blk_hdr h;
        uint8_t data[sizeof(disk)];
    } in;
    static uint8_t out[sizeof(disk) + 1];
    int head = fake_take(f, 0);
    size_t n, len = 1;

    if (head < 0)
        return false;
    n = fake_copy(f, 0, head, &in, sizeof(in), false);
    memcpy(&h, &in, sizeof(h));
    if (h.type == VIRTIO_BLK_T_IN) {
        unsigned bytes = 0;

        for (unsigned i = head, hops = 0; hops < 66; hops++, i = f->vq[0]->desc[i].next) {
            if (f->vq[0]->desc[i].flags & VRING_DESC_F_WRITE)
                bytes += f->vq[0]->desc[i].len;
            if (!(f->vq[0]->desc[i].flags & VRING_DESC_F_NEXT))
                break;
        }
        memcpy(out, disk + h.sector * 512, bytes - 1);
        out[bytes - 1] = answer;
        len = fake_copy(f, 0, head, out, bytes, true);
    } else {
        if (h.type == VIRTIO_BLK_T_OUT)
            memcpy(disk + h.sector * 512, in.data, n - sizeof(h));
        nr_flushes += h.type == VIRTIO_BLK_T_FLUSH;
        nr_discards += h.type == VIRTIO_BLK_T_DISCARD;
        fake_copy(f, 0, head, &answer, 1, true);
    }
    fake_give(f, 0, head, len);
    return true;
}

static unsigned nr_done;
static void done(struct bio *b)
{
    nr_done++;
}

static struct bio bios[8];
static uint8_t bufs[8][4 * 512];
static struct bio *submit_bio(unsigned i, enum bio_op op, uint64_t sector, unsigned nr_segs)
{
    struct bio *b = &bios[i];

    memset(b, 0, sizeof(*b));
    b->op = op;
    b->sector = sector;
    b->nr_segs = nr_segs;
    for (unsigned s = 0; s < nr_segs && s < 4; s++)
        b->segs[s] = (struct bio_seg){ virt_phys(bufs[i] + s * 512), 512 };
    b->done = done;
    b->status = 1;
    blkdev_submit(dev, b);
    return b;
}

TEST(reads_and_writes_reach_the_disk)
{
    setup(VIRTIO_BLK_F_SEG_MAX | VIRTIO_F_EVENT_IDX, 128);
    CHECK(dev->nr_sectors == SECTORS && dev->max_segs == 4 && !dev->readonly && dev->block_size == 512);
    struct bio *b = submit_bio(0, BIO_READ, 3, 4);

    CHECK(fake_notified(f, 0) && b->status == 1);
    CHECK(serve());
    virtio_interrupt(&f->vd);
    CHECK(b->status == 0 && !memcmp(bufs[0], disk + 3 * 512, 2048));
    memset(bufs[1], 0x77, 2048);
    b = submit_bio(1, BIO_WRITE, 60, 4);
    CHECK(serve());
    virtio_interrupt(&f->vd);
    CHECK(b->status == 0 && disk[60 * 512] == 0x77 && disk[sizeof(disk) - 1] == 0x77);
}

TEST(what_cannot_be_never_reaches_the_device)
{
    setup(VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO, 128);
    nr_done = 0;
    CHECK(submit_bio(0, BIO_READ, SECTORS - 3, 4)->status == -EIO);
    CHECK(submit_bio(0, BIO_READ, UINT64_MAX, 1)->status == -EIO);
    CHECK(submit_bio(0, BIO_READ, 0, 5)->status == -EINVAL);
    CHECK(submit_bio(0, BIO_READ, 0, 0)->status == -EINVAL);
    CHECK(submit_bio(0, BIO_WRITE, 0, 1)->status == -EROFS);
    CHECK(submit_bio(0, BIO_FLUSH, 0, 0)->status == 0);   /* nothing is cached */
    CHECK(submit_bio(0, BIO_DISCARD, 0, 1)->status == 0); /* advice */
    CHECK(nr_done == 7 && !serve());
}

TEST(flush_discard_and_the_devices_errors)
{
    setup(VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD, 128);
    nr_flushes = nr_discards = 0;
    struct bio *a = submit_bio(0, BIO_FLUSH, 0, 0), *b = submit_bio(1, BIO_DISCARD, 8, 1);

    CHECK(serve() && serve() && !serve());
    virtio_interrupt(&f->vd);
    CHECK(!a->status && !b->status && nr_flushes == 1 && nr_discards == 1);
    for (answer = 1; answer < 5; answer++) {
        a = submit_bio(0, BIO_READ, 0, 1);
        serve();
        virtio_interrupt(&f->vd);
        CHECK(a->status == (answer == VIRTIO_BLK_S_UNSUPP ? -EOPNOTSUPP : -EIO));
    }
}

TEST(requests_wait_for_room_in_their_order)
{
    setup(VIRTIO_BLK_F_SEG_MAX, 8); /* room for two of three descriptors */
    nr_done = 0;
    for (unsigned i = 0; i < 8; i++)
        submit_bio(i, BIO_READ, i, 1);
    for (unsigned i = 0; i < 8; i++) {
        CHECK(serve());
        virtio_interrupt(&f->vd);
        CHECK(nr_done == i + 1 && bios[i].status == 0 && !memcmp(bufs[i], disk + i * 512, 512));
    }
    CHECK(!serve());
}

TEST(a_liar_fails_all_its_requests)
{
    setup(VIRTIO_BLK_F_SEG_MAX, 8);
    nr_done = 0;
    for (unsigned i = 0; i < 5; i++)
        submit_bio(i, BIO_READ, i, 1);
    fake_give(f, 0, 77, 0);
    virtio_interrupt(&f->vd);
    CHECK(nr_done == 5 && f->nr_resets == 2);
    for (unsigned i = 0; i < 5; i++)
        CHECK(bios[i].status == -EIO);
    CHECK(submit_bio(0, BIO_READ, 0, 1)->status == -EIO);
}

TEST(probing_survives_every_lack_of_memory)
{
    int err;

    for (int n = 0;; n++) {
        struct fake *g = fake_new(VIRTIO_ID_BLOCK, 0);

        fail_alloc_at(n);
        err = virtio_probe(&g->vd);
        if (!alloc_did_fail())
            break;
        CHECK(err == -ENOMEM);
    }
    fail_alloc_at(-1);
    CHECK(!err);
}
