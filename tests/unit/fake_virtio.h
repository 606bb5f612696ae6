/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_virtio.h: a virtio device on the build host: a transport without registers, and the device's side of the
 * rings. Include after test.h.
 */
#pragma once
#include "abi/errno.h"
#include "drivers/virtio/virtio.h"
#include "kernel/driver.h"
#include "kernel/page.h"

/* Devices and what they were told of stay for ever, as in the kernel. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define FAKE_QUEUES 24

struct fake {
    struct virtio_device vd;
    uint64_t offers;
    uint8_t status;
    unsigned queue_max, nr_resets;
    struct virtq *vq[FAKE_QUEUES];
    uint16_t seen[FAKE_QUEUES];   /* avail entries taken */
    uint16_t used[FAKE_QUEUES];   /* used entries given */
    uint32_t notify[FAKE_QUEUES]; /* registers */
    unsigned selected;
    uint8_t config[64];
};

static struct fake *fake_of(struct virtio_device *vd)
{
    return container_of(vd, struct fake, vd);
}
static uint64_t fake_features(struct virtio_device *vd)
{
    return fake_of(vd)->offers;
}
static void fake_accept(struct virtio_device *vd, uint64_t features)
{
}
static uint8_t fake_status(struct virtio_device *vd)
{
    return fake_of(vd)->status;
}
static void fake_set_status(struct virtio_device *vd, uint8_t status)
{
    fake_of(vd)->status = status;
    if (!status)
        fake_of(vd)->nr_resets++;
}
static unsigned fake_select(struct virtio_device *vd, unsigned index)
{
    fake_of(vd)->selected = index;
    return index < FAKE_QUEUES ? fake_of(vd)->queue_max : 0;
}
static int fake_enable(struct virtio_device *vd, struct virtq *vq)
{
    vq->notify = &fake_of(vd)->notify[vq->index];
    fake_of(vd)->notify[vq->index] = 0xdead;
    fake_of(vd)->vq[vq->index] = vq;
    return 0;
}
static uint32_t fake_config(struct virtio_device *vd, unsigned offset, unsigned size)
{
    uint32_t v = 0;

    memcpy(&v, fake_of(vd)->config + offset, size);
    return v;
}
static int fake_irq(struct virtio_device *vd)
{
    return 0;
}
static const struct virtio_transport fake_transport = { fake_features,   fake_accept, fake_status,
                                                        fake_set_status, fake_select, fake_enable,
                                                        fake_config,     fake_irq };

static struct fake *fake_new(uint32_t id, uint64_t offers)
{
    struct fake *f = calloc(1, sizeof(*f));

    f->vd.ops = &fake_transport;
    f->vd.id = id;
    f->offers = offers | VIRTIO_F_VERSION_1;
    f->vd.features = f->offers;
    f->queue_max = 256;
    return f;
}

/* ---- the device's side of a ring ---- */

/* Has the driver told it? Clears what it wrote. */
static bool fake_notified(struct fake *f, unsigned q)
{
    bool yes = f->notify[q] != 0xdead;

    f->notify[q] = 0xdead;
    return yes;
}

/* The head of the next chain the driver made available; -1: none. */
static int fake_take(struct fake *f, unsigned q)
{
    struct virtq *vq = f->vq[q];

    if (f->seen[q] == vq->avail->idx)
        return -1;
    return vq->avail->ring[f->seen[q]++ % vq->num];
}

static void fake_give(struct fake *f, unsigned q, uint32_t id, uint32_t len)
{
    struct virtq *vq = f->vq[q];

    vq->used->ring[f->used[q]++ % vq->num] = (struct vring_used_elem){ id, len };
    vq->used->idx = f->used[q];
}

/* Copies to (write) or from the pieces of the chain that the device may write (or read); returns bytes copied. */
static size_t fake_copy(struct fake *f, unsigned q, unsigned head, void *buf, size_t len, bool write)
{
    struct virtq *vq = f->vq[q];
    struct vring_desc *table = vq->desc;
    size_t n = 0;

    if (table[head].flags & VRING_DESC_F_INDIRECT) {
        table = phys_virt(table[head].addr);
        head = 0;
    }
    for (unsigned i = head, hops = 0; hops < vq->num; hops++, i = table[i].next) {
        struct vring_desc *d = &table[i];
        size_t part = MIN(len - n, (size_t)d->len);

        if (!!(d->flags & VRING_DESC_F_WRITE) == write) {
            if (write)
                memcpy(phys_virt(d->addr), (char *)buf + n, part);
            else
                memcpy((char *)buf + n, phys_virt(d->addr), part);
            n += part;
        }
        if (!(d->flags & VRING_DESC_F_NEXT))
            break;
    }
    return n;
}

/* Would a device that obeys the driver's wish interrupt now, the used index having come from old? */
static bool fake_would_interrupt(struct fake *f, unsigned q, uint16_t old)
{
    struct virtq *vq = f->vq[q];

    if (vq->event_idx)
        return (uint16_t)(f->used[q] - vq->avail->ring[vq->num] - 1) < (uint16_t)(f->used[q] - old);
    return !(vq->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
}
