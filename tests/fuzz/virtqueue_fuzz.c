/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtqueue_fuzz.c: a queue whose device writes anything anywhere in the rings at any time. Whatever it does, each
 * token comes back at most once and was handed in before; lengths stay within what was pushed; the free list stays
 * whole. ASan watches the memory.
 */
#include "../unit/test.h"

#include "../unit/fake_virtio.h"
#include "../unit/shim.h"
#include "drivers/virtio/virtqueue.c"

const struct driver *const drivers[] = { NULL };

#define DEVICES 6000
#define STEPS   300
#define TOKENS  64

static uint64_t seed = 0x2545f4914f6cdd1dull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint32_t out[TOKENS]; /* bytes for writing pushed with the token + 1; 0: not in flight */
static char buffer[64];

static void add(struct virtq *vq)
{
    unsigned t = rnd() % TOKENS, nr = 1 + rnd() % 5, reads = rnd() % (nr + 1), writes = nr - reads;

    if (out[t] || virtq_open(vq, nr))
        return;
    for (unsigned i = 0; i < nr; i++)
        virtq_push(vq, virt_phys(buffer), 8, i >= reads);
    virtq_close(vq, &out[t]);
    out[t] = 1 + writes * 8;
    if (rnd() & 1)
        virtq_kick(vq);
}

static void get(struct virtq *vq)
{
    uint32_t len = 0, *t = virtq_get(vq, &len);

    if (!t)
        return;
    CHECK(t >= out && t < out + TOKENS && *t && len < *t);
    *t = 0;
}

/* Mostly what a good device does, so that lies come at every depth. */
static void device(struct fake *f, struct virtq *vq)
{
    int head;

    if (rnd() % 16) {
        head = fake_take(f, 0);
        if (head >= 0 && head < vq->num)
            fake_give(f, 0, head, rnd() % 32 ? 0 : rnd() % 64);
        return;
    }
    switch (rnd() % 8) {
    case 0:
        vq->used->idx += rnd() % 3;
        break;
    case 1:
        vq->used->ring[rnd() % vq->num].id = rnd() & 1 ? rnd() % vq->num : rnd();
        break;
    case 2:
        vq->used->ring[rnd() % vq->num].len = rnd();
        break;
    case 3:
        vq->desc[rnd() % vq->num] = (struct vring_desc){ rnd(), rnd(), rnd(), rnd() };
        break;
    case 4:
        vq->avail->ring[rnd() % (vq->num + 1)] = rnd();
        break;
    case 5:
        vq->used->flags = rnd();
        break;
    case 6:
        *avail_event(vq) = rnd();
        break;
    default:
        vq->avail->flags = rnd();
        break;
    }
}

static void no_callback(struct virtq *vq)
{
}

static unsigned run_device(void)
{
    struct fake *f = fake_new(VIRTIO_ID_BLOCK, (rnd() & 1 ? VIRTIO_F_EVENT_IDX : 0) |
                                                   (rnd() & 1 ? VIRTIO_F_INDIRECT_DESC : 0));
    struct virtq *vq = virtq_new(&f->vd, 0, 1u << rnd() % 6, no_callback);
    unsigned broken;
    void *t;

    memset(out, 0, sizeof(out));
    for (unsigned i = 0; i < STEPS; i++) {
        switch (rnd() % 6) {
        case 0:
        case 1:
            add(vq);
            break;
        case 2:
            get(vq);
            break;
        case 3:
            rnd() & 1 ? (void)virtq_irq_on(vq) : virtq_irq_off(vq);
            break;
        default:
            device(f, vq);
        }
    }
    broken = vq->broken;
    vq->broken = true;
    while ((t = virtq_detach(vq))) {
        CHECK(*(uint32_t *)t);
        *(uint32_t *)t = 0;
    }
    for (unsigned i = 0; i < TOKENS; i++)
        CHECK(!out[i]);
    CHECK(vq->nr_free == vq->num && !vq->in_flight);
    unsigned n = 0;

    for (unsigned i = vq->free; i < vq->num && n <= vq->num; i = next_free(vq, i))
        n++;
    CHECK(n == vq->num);
    virtq_release(vq);
    free(f);
    return broken;
}

TEST(a_lying_device_corrupts_nothing)
{
    unsigned broken = 0;

    for (unsigned i = 0; i < DEVICES && !test_failures; i++)
        broken += run_device();
    CHECK(broken > DEVICES / 20 && broken < DEVICES); /* both kinds were tried */
}
