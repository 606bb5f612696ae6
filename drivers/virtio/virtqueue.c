/* SPDX-License-Identifier: BSD-2-Clause */
/* virtqueue.c: split virtqueues (virtio 1.2 §2.7), driver side, facing a device that may lie. */
#include "abi/errno.h"
#include "arch/cpu.h"
#include "drivers/virtio/virtio.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/atomic.h"

#define USED_ALIGN 64 /* §2.7 asks for 4; a cache line of its own for what the device writes */

/* The pieces of a request that has one descriptor. */
struct virtq_table {
    void *token;
    struct vring_desc desc[] __aligned(16);
};

static uint16_t *used_event(struct virtq *vq)
{
    return &vq->avail->ring[vq->num];
}

static uint16_t *avail_event(struct virtq *vq)
{
    return (uint16_t *)&vq->used->ring[vq->num];
}

/* What the index, length or id said cannot be: nothing this queue says counts any more. */
static void __cold virtq_lied(struct virtq *vq, const char *what, unsigned value)
{
    vq->broken = vq->dev->broken = true;
    log_err("virtio: device type %u, queue %u: bad %s %u; device disabled", vq->dev->id, vq->index, what,
            value);
}

static size_t used_offset(unsigned num)
{
    return ALIGN_UP(sizeof(struct vring_desc) * num + 6 + 2 * (size_t)num, USED_ALIGN);
}

static size_t ring_size(unsigned num)
{
    return used_offset(num) + 6 + sizeof(struct vring_used_elem) * num;
}

/* The ring and the queue behind it in one piece; legacy devices take page numbers, so the ring is on pages there. */
static struct virtq *virtq_alloc(struct virtio_device *vd, unsigned num)
{
    size_t ring = ALIGN_UP(ring_size(num), USED_ALIGN);
    size_t size = sizeof(struct virtq) + num * sizeof(struct virtq_slot);
    struct virtq *vq;
    char *p;

    if (vd->legacy) {
        struct page *page =
            page_alloc_order(ring > PAGE_SIZE ? 64 - PAGE_SHIFT - __builtin_clzl(ring - 1) : 0, PAGE_ATOMIC);

        vq = page ? kmalloc(size) : NULL;
        if (!vq) {
            if (page)
                page_free(page);
            return NULL;
        }
        p = page_virt(page);
    } else {
        p = kmalloc(ring + size);
        if (!p)
            return NULL;
        vq = (struct virtq *)(p + ring);
    }
    *vq = (struct virtq){
        .dev = vd,
        .num = num,
        .nr_free = num,
        .desc = (void *)p,
        .avail = (void *)(p + sizeof(struct vring_desc) * num),
        .used = (void *)(p + used_offset(num)),
    };
    /* Only what a device looks at before the first request must be zero. */
    *vq->avail = (struct vring_avail){ 0 };
    *vq->used = (struct vring_used){ 0 };
    *used_event(vq) = *avail_event(vq) = 0;
    return vq;
}

static void virtq_release(struct virtq *vq)
{
    if (vq->dev->legacy) {
        page_free(virt_page(vq->desc));
        kfree(vq);
    } else {
        kfree(vq->desc);
    }
}

struct virtq *virtq_new(struct virtio_device *vd, unsigned index, unsigned want,
                        void (*callback)(struct virtq *))
{
    return virtq_new_on(vd, index, want, callback, -1);
}

struct virtq *virtq_new_on(struct virtio_device *vd, unsigned index, unsigned want,
                           void (*callback)(struct virtq *), int cpu)
{
    unsigned max = vd->ops->select_queue(vd, index), num = 1;
    struct virtq *vq;

    if (!max || vd->broken)
        return NULL;
    while (num * 2 <= MIN(want, max))
        num *= 2;
    vq = virtq_alloc(vd, num);
    if (!vq)
        return NULL;
    vq->index = index;
    vq->callback = callback;
    vq->cpu = cpu;
    vq->event_idx = virtio_has(vd, VIRTIO_F_EVENT_IDX);
    vq->indirect = virtio_has(vd, VIRTIO_F_INDIRECT_DESC);
    if (!callback)
        virtq_irq_off(vq);
    if (vd->ops->enable_queue(vd, vq)) {
        virtq_release(vq);
        return NULL;
    }
    if (callback && vq->cpu < 0) {
        vq->next = vd->queues;
        vd->queues = vq;
    }
    return vq;
}

/* Descriptors that were never used are taken in order: nothing is set up before it is needed. */
static unsigned next_free(struct virtq *vq, unsigned i)
{
    return i < vq->fresh ? vq->slots[i].next : i + 1u;
}

/* Takes the first free descriptor; the free list is the order of use. */
static struct vring_desc *take_free(struct virtq *vq)
{
    unsigned i = vq->free, next = next_free(vq, i);

    ASSERT(vq->nr_free > 0);
    vq->desc[i].next = next;
    if (i == vq->fresh) {
        vq->slots[i] = (struct virtq_slot){ .next = next };
        vq->fresh++;
    }
    vq->tail = i;
    vq->free = next;
    vq->nr_free--;
    return &vq->desc[i];
}

int virtq_open(struct virtq *vq, unsigned nr)
{
    if (unlikely(vq->broken))
        return -EIO;
    vq->table = NULL;
    if (vq->indirect && nr > 1 && vq->nr_free && vq->nr_free <= vq->num / 2)
        vq->table = kmalloc(sizeof(*vq->table) + nr * sizeof(vq->table->desc[0]));
    if (!vq->table && nr > vq->nr_free)
        return -ENOSPC;
    vq->head = vq->free;
    vq->chain_nr = 0;
    vq->chain_in = 0;
    return 0;
}

void virtq_push(struct virtq *vq, paddr_t addr, uint32_t len, bool device_writes)
{
    struct vring_desc *d;

    if (unlikely(vq->table)) {
        d = &vq->table->desc[vq->chain_nr];
        d->next = vq->chain_nr + 1;
    } else {
        d = take_free(vq);
    }
    vq->chain_nr++;
    d->addr = addr;
    d->len = len;
    d->flags = device_writes ? VRING_DESC_F_WRITE | VRING_DESC_F_NEXT : VRING_DESC_F_NEXT;
    if (device_writes)
        vq->chain_in += len;
}

/* The table's one descriptor in the ring. */
static void close_table(struct virtq *vq, void *token)
{
    struct virtq_table *t = vq->table;
    struct vring_desc *d = take_free(vq);

    t->token = token;
    t->desc[vq->chain_nr - 1].flags &= ~VRING_DESC_F_NEXT;
    d->addr = virt_phys(t->desc);
    d->len = vq->chain_nr * sizeof(t->desc[0]);
    d->flags = VRING_DESC_F_INDIRECT;
}

unsigned virtq_close(struct virtq *vq, void *token)
{
    struct virtq_slot *s = &vq->slots[vq->head];

    ASSERT(token && vq->chain_nr);
    if (unlikely(vq->table)) {
        close_table(vq, token);
        s->token = vq->table;
        s->nr = VIRTQ_INDIRECT;
    } else {
        /* what the device writes comes last */
        vq->desc[vq->tail].flags = vq->chain_in ? VRING_DESC_F_WRITE : 0;
        s->token = token;
        s->nr = vq->chain_nr;
    }
    s->in_len = vq->chain_in;
    vq->in_flight++;
    vq->avail->ring[vq->avail_idx & (vq->num - 1)] = vq->head;
    vq->avail_idx++;
    return vq->head;
}

void virtq_kick(struct virtq *vq)
{
    uint16_t old = vq->kicked_idx, new = vq->avail_idx;

    if (old == new || vq->broken)
        return;
    atomic_store_release(&vq->avail->idx, new);
    vq->kicked_idx = new;
    /* §2.7.13.4.1: the index is visible before the device's wish is read, else a kick is lost */
    arch_device_fence();
    if (vq->event_idx) {
        uint16_t event = atomic_load(avail_event(vq));

        if ((uint16_t)(new - event - 1) >= (uint16_t)(new - old)) /* §2.7.10: not crossed */
            return;
    } else if (atomic_load(&vq->used->flags) & VRING_USED_F_NO_NOTIFY) {
        return;
    }
    vq->nr_kicks++;
    if (vq->notify16)
        *(volatile uint16_t *)vq->notify = vq->index;
    else
        *(volatile uint32_t *)vq->notify = vq->index;
}

bool virtq_pending(struct virtq *vq)
{
    return !vq->broken && atomic_load_acquire(&vq->used->idx) != vq->used_idx;
}

static void *chain_free(struct virtq *vq, unsigned head)
{
    struct virtq_slot *s = &vq->slots[head];
    void *token = s->token;
    unsigned last = head, nr = s->nr;

    if (unlikely(nr == VIRTQ_INDIRECT)) {
        struct virtq_table *t = token;

        token = t->token;
        kfree(t);
        nr = 1;
    }
    for (unsigned n = nr; n > 1; n--)
        last = vq->slots[last].next;
    vq->slots[last].next = vq->free;
    vq->free = head;
    vq->nr_free += nr;
    vq->in_flight--;
    s->token = NULL;
    return token;
}

void *virtq_get(struct virtq *vq, uint32_t *len)
{
    uint16_t idx;

    if (unlikely(vq->broken))
        return NULL;
    idx = atomic_load_acquire(&vq->used->idx);
    if (idx == vq->used_idx)
        return NULL;
    if (unlikely((uint16_t)(idx - vq->used_idx) > vq->in_flight)) {
        virtq_lied(vq, "used index", idx);
        return NULL;
    }
    /* Each word is read once: the device may change it under our hands. */
    const struct vring_used_elem *e = &vq->used->ring[vq->used_idx & (vq->num - 1)];
    uint32_t id = READ_ONCE(e->id), n = READ_ONCE(e->len);

    if (unlikely(id >= vq->fresh || !vq->slots[id].token)) {
        virtq_lied(vq, "descriptor", id);
        return NULL;
    }
    if (unlikely(n > vq->slots[id].in_len)) {
        virtq_lied(vq, "length", n);
        return NULL;
    }
    vq->used_idx++;
    if (len)
        *len = n;
    return chain_free(vq, id);
}

void *virtq_detach(struct virtq *vq)
{
    ASSERT(vq->broken);
    for (unsigned i = 0; i < vq->fresh && vq->in_flight; i++)
        if (vq->slots[i].token)
            return chain_free(vq, i);
    return NULL;
}

bool virtq_irq_on(struct virtq *vq)
{
    if (vq->event_idx)
        WRITE_ONCE(*used_event(vq), vq->used_idx);
    else
        WRITE_ONCE(vq->avail->flags, 0);
    /* §2.7.7: recheck after enabling, else a completion in between goes unnoticed */
    arch_device_fence();
    if (!virtq_pending(vq))
        return true;
    virtq_irq_off(vq);
    return false;
}

void virtq_irq_off(struct virtq *vq)
{
    /* With event indices there is no switch, only a place the used index comes by again in 64 K completions. */
    if (vq->event_idx)
        WRITE_ONCE(*used_event(vq), (uint16_t)(vq->used_idx - 1));
    else
        WRITE_ONCE(vq->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}
