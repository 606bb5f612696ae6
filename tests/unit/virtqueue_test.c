/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtqueues against a device that behaves, and one that lies. */
#include "test.h"

#include "drivers/virtio/virtqueue.c"
#include "fake_virtio.h"
#include "shim.h"

const struct driver *const drivers[] = { NULL };

static void no_callback(struct virtq *vq)
{
}

static struct fake *f;
static struct virtq *start(unsigned size, uint64_t features)
{
    struct virtq *vq;

    f = fake_new(VIRTIO_ID_BLOCK, features);
    vq = virtq_new(&f->vd, 0, size, no_callback);
    CHECK(vq && vq->num == size);
    return vq;
}

static void end(struct virtq *vq)
{
    virtq_release(vq);
    free(f);
}

static char data[4096];
static long token[64];

static int add(struct virtq *vq, unsigned out, unsigned in, void *tok)
{
    int err = virtq_open(vq, out + in);

    if (err)
        return err;
    for (unsigned i = 0; i < out + in; i++)
        virtq_push(vq, virt_phys(data) + i, 16, i >= out);
    virtq_close(vq, tok);
    return 0;
}

TEST(requests_come_back_in_any_order)
{
    struct virtq *vq = start(16, 0);
    int heads[4];
    uint32_t len;

    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < 4; i++)
            CHECK(!add(vq, 2, 2, &token[i]));
        CHECK(add(vq, 1, 0, &token[4]) == -ENOSPC);
        virtq_kick(vq);
        CHECK(fake_notified(f, 0));
        for (int i = 0; i < 4; i++)
            heads[i] = fake_take(f, 0);
        CHECK(fake_take(f, 0) == -1);
        for (int i = 3; i >= 0; i--)
            fake_give(f, 0, heads[i], i);
        for (int i = 3; i >= 0; i--) {
            CHECK(virtq_pending(vq));
            CHECK(virtq_get(vq, &len) == &token[i] && len == (uint32_t)i);
        }
        CHECK(!virtq_get(vq, &len) && vq->nr_free == 16 && !vq->in_flight);
    }
    end(vq);
}

TEST(chains_are_what_the_device_should_see)
{
    struct virtq *vq = start(8, 0);
    int head;

    CHECK(!add(vq, 1, 2, &token[0]));
    virtq_kick(vq);
    head = fake_take(f, 0);
    struct vring_desc *d = &vq->desc[head];

    CHECK(d->flags == VRING_DESC_F_NEXT && d->addr == virt_phys(data));
    d = &vq->desc[d->next];
    CHECK(d->flags == (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE));
    d = &vq->desc[d->next];
    CHECK(d->flags == VRING_DESC_F_WRITE && d->addr == virt_phys(data) + 2 && d->len == 16);
    CHECK(!add(vq, 1, 0, &token[1]));
    virtq_kick(vq);
    CHECK(vq->desc[fake_take(f, 0)].flags == 0);
    end(vq);
}

TEST(long_requests_get_a_table_when_descriptors_are_few)
{
    struct virtq *vq = start(8, VIRTIO_F_INDIRECT_DESC);
    char out[64], in[] = "from the device";
    uint32_t len;
    int head;

    for (int round = 0; round < 100; round++) {
        memset(data, 'a' + round % 26, sizeof(data));
        CHECK(!add(vq, 3, 1, &token[0]) && vq->nr_free == 4); /* half is free: in the ring */
        CHECK(!add(vq, 2, 3, &token[1]) && vq->nr_free == 3);
        CHECK(!add(vq, 1, 0, &token[2]) && vq->nr_free == 2); /* a table would help nobody */
        CHECK(!add(vq, 1, 1, &token[3]) && !add(vq, 8, 0, &token[4]) && !vq->nr_free);
        CHECK(add(vq, 1, 1, &token[5]) == -ENOSPC);
        virtq_kick(vq);
        CHECK(fake_take(f, 0) >= 0);
        head = fake_take(f, 0);
        CHECK(vq->desc[head].flags == VRING_DESC_F_INDIRECT &&
              vq->desc[head].len == 5 * sizeof(struct vring_desc));
        CHECK(fake_copy(f, 0, head, out, sizeof(out), false) == 32 && out[31] == 'a' + round % 26);
        CHECK(fake_copy(f, 0, head, in, sizeof(in), true) == sizeof(in));
        fake_give(f, 0, head, sizeof(in));
        CHECK(virtq_get(vq, &len) == &token[1] && len == sizeof(in) && vq->nr_free == 1);
        CHECK(!memcmp(data + 2, in, sizeof(in)));
        while ((head = fake_take(f, 0)) >= 0)
            fake_give(f, 0, head, 0);
        CHECK(virtq_get(vq, NULL) == &token[2] && virtq_get(vq, NULL) == &token[3] &&
              virtq_get(vq, NULL) == &token[4]);
        vq->broken = true;
        CHECK(virtq_detach(vq) == &token[0] && !virtq_detach(vq));
        vq->broken = false;
        CHECK(vq->nr_free == 8 && !vq->in_flight);
    }
    fail_alloc_at(0);
    CHECK(!add(vq, 3, 1, &token[0]) && !add(vq, 2, 1, &token[1]) &&
          vq->nr_free == 1); /* no memory: in the ring */
    fail_alloc_at(0);
    CHECK(add(vq, 1, 1, &token[2]) == -ENOSPC);
    end(vq);
}

TEST(the_rings_lie_where_legacy_devices_look)
{
    struct virtq *vq = start(64, 0);

    CHECK((char *)vq->avail == (char *)vq->desc + 64 * 16);
    CHECK((uintptr_t)vq->used % 64 == 0 &&
          (char *)vq->used == (char *)vq->desc + ALIGN_UP(64 * 16 + 6 + 128, 64));
    end(vq);
}

TEST(kicks_are_spared_when_the_device_does_not_ask)
{
    struct virtq *vq = start(8, 0);

    vq->used->flags = VRING_USED_F_NO_NOTIFY;
    CHECK(!add(vq, 1, 0, &token[0]));
    virtq_kick(vq);
    CHECK(!fake_notified(f, 0) && vq->avail->idx == 1);
    vq->used->flags = 0;
    virtq_kick(vq);
    CHECK(!fake_notified(f, 0)); /* nothing new */
    CHECK(!add(vq, 1, 0, &token[0]));
    virtq_kick(vq);
    CHECK(fake_notified(f, 0));
    end(vq);
    /* with event indices: one only when the index passes what the device named */
    vq = start(8, VIRTIO_F_EVENT_IDX);
    *avail_event(vq) = 1;
    CHECK(!add(vq, 1, 0, &token[0]));
    virtq_kick(vq);
    CHECK(!fake_notified(f, 0));
    CHECK(!add(vq, 1, 0, &token[1]));
    virtq_kick(vq);
    CHECK(fake_notified(f, 0));
    end(vq);
}

TEST(interrupts_come_once_for_a_batch_and_none_is_lost)
{
    for (int event = 0; event < 2; event++) {
        struct virtq *vq = start(8, event ? VIRTIO_F_EVENT_IDX : 0);

        for (int i = 0; i < 100000; i++) {
            uint16_t old = f->used[0];

            CHECK(!add(vq, 1, 1, &token[0]) && !add(vq, 1, 1, &token[1]));
            virtq_kick(vq);
            CHECK(virtq_irq_on(vq));
            fake_give(f, 0, fake_take(f, 0), 0);
            CHECK(fake_would_interrupt(f, 0, old));
            virtq_irq_off(vq);
            CHECK(virtq_get(vq, NULL) == &token[0]);
            old = f->used[0];
            fake_give(f, 0, fake_take(f, 0), 0);
            CHECK(!fake_would_interrupt(f, 0, old));
            CHECK(!virtq_irq_on(vq)); /* something came meanwhile */
            CHECK(virtq_get(vq, NULL) == &token[1]);
        }
        end(vq);
    }
}

/* Each lie disables the queue; nothing it holds is given out but by virtq_detach. */
static void lie(void (*how)(struct virtq *vq))
{
    struct virtq *vq = start(8, 0);
    unsigned back = 0;

    CHECK(!add(vq, 1, 1, &token[0]) && !add(vq, 1, 1, &token[1]));
    virtq_kick(vq);
    how(vq);
    for (int i = 0; i < 4 && virtq_get(vq, NULL); i++)
        back++;
    CHECK(vq->broken && f->vd.broken && !virtq_pending(vq));
    CHECK(add(vq, 1, 0, &token[2]) == -EIO);
    virtq_kick(vq);
    while (virtq_detach(vq))
        back++;
    CHECK(back == 2 && vq->nr_free == 8);
    end(vq);
}

static void id_too_large(struct virtq *vq)
{
    fake_give(f, 0, 8, 0);
}
static void id_not_a_head(struct virtq *vq)
{
    fake_give(f, 0, vq->desc[fake_take(f, 0)].next, 0);
}
static void twice_the_same(struct virtq *vq)
{
    int head = fake_take(f, 0);

    fake_give(f, 0, head, 0);
    fake_give(f, 0, head, 0);
}
static void more_than_there_are(struct virtq *vq)
{
    vq->used->idx = 3;
}
static void index_goes_back(struct virtq *vq)
{
    vq->used->idx = 0xffff;
}
static void longer_than_the_buffer(struct virtq *vq)
{
    fake_give(f, 0, fake_take(f, 0), 17);
}

TEST(lies_are_noticed)
{
    lie(id_too_large);
    lie(id_not_a_head);
    lie(twice_the_same);
    lie(more_than_there_are);
    lie(index_goes_back);
    lie(longer_than_the_buffer);
}

TEST(the_shared_table_is_never_believed)
{
    struct virtq *vq = start(8, 0);

    for (int i = 0; i < 100; i++) {
        CHECK(!add(vq, 2, 2, &token[0]));
        virtq_kick(vq);
        int head = fake_take(f, 0);

        memset(vq->desc, 0xff, 8 * sizeof(vq->desc[0]));
        memset(vq->avail, 0xff, 4 + 8 * 2);
        fake_give(f, 0, head, 0);
        CHECK(virtq_get(vq, NULL) == &token[0] && vq->nr_free == 8);
        f->seen[0] = vq->avail_idx;
        vq->avail->idx = vq->avail_idx;
    }
    end(vq);
}

TEST(a_queue_without_memory_is_no_queue)
{
    int err = 0;

    f = fake_new(VIRTIO_ID_BLOCK, 0);
    for (int n = 0; !err; n++) {
        fail_alloc_at(n);
        struct virtq *vq = virtq_new(&f->vd, 0, 8, no_callback);

        err = alloc_did_fail() ? 0 : 1;
        CHECK(!vq == !err);
        if (vq) {
            fail_alloc_at(-1);
            virtq_release(vq);
        }
    }
    CHECK(!virtq_new(&f->vd, FAKE_QUEUES, 8, no_callback));
    free(f);
}
