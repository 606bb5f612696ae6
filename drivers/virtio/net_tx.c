/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_tx.c: packets to a virtio network device. What was sent is freed when others are sent or received, or a while after
 * the last: its ring interrupts only while somebody waits for room.
 */
#include "abi/errno.h"
#include "drivers/virtio/net.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/page.h"
#include "lib/string.h"

#define IDLE_NS (100 * NSEC_PER_MS)

/* lock held */
static void reclaim(struct vnet_pair *p)
{
    struct pktbuf *b;

    while ((b = virtq_get(p->tx, NULL)))
        pktbuf_free(b);
}

static void put_header(struct vnet *v, struct pktbuf *b)
{
    uint32_t start = b->data - b->head;
    struct virtio_net_hdr h = { .num_buffers = 0 };

    if (b->csum == CSUM_PARTIAL) {
        h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h.csum_start = b->csum_start - start;
        h.csum_offset = b->csum_offset;
    }
    if (b->gso != GSO_NONE) {
        const uint8_t *transport = b->head + b->transport;

        h.gso_size = b->gso_size;
        h.hdr_len = b->transport - start + (b->gso == GSO_UDP ? 8 : (transport[12] >> 4) * 4);
        h.gso_type = b->gso == GSO_TCPV4   ? VIRTIO_NET_HDR_GSO_TCPV4
                     : b->gso == GSO_TCPV6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                           : VIRTIO_NET_HDR_GSO_UDP_L4;
        if (b->flags & PKTBUF_ECN_CE && v->dev.features & NETDEV_TSO_ECN)
            h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    }
    if (likely(v->hdr_len == sizeof(h)))
        __builtin_memcpy(pktbuf_push(b, sizeof(h)), &h, sizeof(h));
    else
        memcpy(pktbuf_push(b, v->hdr_len), &h, v->hdr_len);
}

/* Begins a request of nr pieces. 0; -ENOSPC: the device interrupts when there is room; -EIO. */
static int begin(struct vnet_pair *p, unsigned nr)
{
    int err;

    if (unlikely(p->tx->nr_free < MAX(nr, p->tx->num / 2u)))
        reclaim(p);
    err = virtq_open(p->tx, nr);
    if (likely(err != -ENOSPC))
        return err;
    virtq_kick(p->tx);
    if (virtq_irq_on(p->tx))
        return -ENOSPC;
    reclaim(p); /* some came back just now */
    return virtq_open(p->tx, nr);
}

/* The timer is of the queue's CPU, whose softirq frees. */
static void arm_idle(struct vnet_pair *p)
{
    if (!READ_ONCE(p->tx_idle.armed))
        timer_arm(&p->tx_idle, clock_mono_ns() + IDLE_NS);
}

static void idle(struct timer *t)
{
    struct vnet_pair *p = container_of(t, struct vnet_pair, tx_idle);

    netdev_raise(p->queue);
}

void vnet_tx_init(struct vnet_pair *p)
{
    timer_init(&p->tx_idle, idle);
}

/* The device is told of a batch, and somebody will look whether it is done. */
static void kick(struct vnet_pair *p)
{
    virtq_kick(p->tx);
    if (likely(READ_ONCE(p->tx_idle.armed)))
        return;
    if (this_cpu()->id == p->queue->cpu)
        arm_idle(p);
    else if (!virtq_irq_on(p->tx)) /* the interrupt comes there, and arms it */
        reclaim(p);
}

int vnet_transmit(struct netdev_queue *q, struct pktbuf *b, bool more)
{
    struct vnet_pair *p = vnet_pair(q);
    struct vnet *v = p->net;
    unsigned nr = 1 + !v->any_layout + b->nr_frags;
    int err;

    if (unlikely(v->failed))
        return -EIO;
    if (unlikely(nr > p->tx->num || pktbuf_headroom(b) < v->hdr_len)) {
        virtq_kick(p->tx);
        return -EINVAL;
    }
    err = begin(p, nr);
    if (unlikely(err))
        return err == -ENOSPC ? -EBUSY : err;
    put_header(v, b);
    if (likely(v->any_layout)) {
        virtq_push(p->tx, virt_phys(b->data), b->len, false);
    } else {
        virtq_push(p->tx, virt_phys(b->data), v->hdr_len, false);
        virtq_push(p->tx, virt_phys(b->data) + v->hdr_len, b->len - v->hdr_len, false);
    }
    for (unsigned i = 0; i < b->nr_frags; i++)
        virtq_push(p->tx, page_paddr(b->frags[i].page) + b->frags[i].off, b->frags[i].len, false);
    virtq_close(p->tx, b);
    if (!more)
        kick(p);
    return 0;
}

void vnet_tx_reclaim(struct netdev_queue *q)
{
    struct vnet_pair *p = vnet_pair(q);
    bool mine = virtq_pending(p->tx) && spin_trylock(&q->lock); /* who has the lock is sending, and frees */
    bool ready;

    if (mine)
        reclaim(p);
    if (p->tx->in_flight)
        arm_idle(p);
    if (!mine)
        return;
    ready = q->full && p->tx->nr_free >= p->tx->num / 4;
    if (q->full && !ready)
        ready = !virtq_irq_on(p->tx) || !p->tx->in_flight;
    else
        virtq_irq_off(p->tx);
    spin_unlock(&q->lock);
    if (unlikely(ready))
        netdev_tx_ready(q);
}

void vnet_tx_interrupt(struct virtq *vq)
{
    struct vnet *v = vq->dev->driver;
    struct vnet_pair *p = &v->pairs[vq->index / 2];

    virtq_irq_off(vq);
    arm_idle(p);
    netdev_raise(p->queue);
}
