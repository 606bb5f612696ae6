/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock.c: virtio socket device (virtio 1.2 §5.10): packets in and out, and the event that all connections are lost.
 * What packets mean is net/vsock's business.
 *
 * A receive buffer is a packet of a page, which goes up as it is. Packets that find no room in the transmit ring wait in
 * a list; while it is long nothing is received, so that a flood of packets that want answers is the device's to hold.
 */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "drivers/virtio/virtio.h"
#include "kernel/driver.h"
#include "kernel/lock.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/vsockdev.h"

#define RING_SIZE   128
#define NR_EVENTS   8
#define RX_MIN      16
#define RX_ROOM     (PAGE_SIZE - VSOCK_PKT_HEAD)
#define RX_LEN      (PAGE_SIZE - offsetof(struct vsock_pkt, hdr))
#define BUDGET      64 /* packets before others than vsock run */
#define MAX_WAITING 256
#define RETRY_NS    (20 * NSEC_PER_MS)

struct vvsock { /* [s] the softirq's, [I] immutable */
    struct vsockdev dev;
    struct virtio_device *vd; /* [I] */
    struct virtq *rx, *ev;    /* [s] */
    unsigned rx_target;       /* [I] buffers that the device should hold */
    struct timer rx_retry;    /* no memory for any buffer: tries again */
    struct spinlock lock;     /* RANK_DRIVER */
    struct virtq *tx;         /* [lock] */
    struct list waiting;      /* [lock] for room in tx */
    unsigned nr_waiting;      /* [lock] */
    bool failed;              /* [lock] the device lied: given up */
    bool opened;              /* [s] the device has buffers */
    struct virtio_vsock_event events[NR_EVENTS];
};

static struct vvsock *of(struct vsockdev *d)
{
    return container_of(d, struct vvsock, dev);
}

/* ---- sending ---- */

/* Header and data are two descriptors: devices from before 2023 want them so. lock held. */
static bool put_on_ring(struct vvsock *v, struct vsock_pkt *p)
{
    if (virtq_open(v->tx, p->hdr.len ? 2 : 1))
        return false;
    virtq_push(v->tx, virt_phys(&p->hdr), sizeof(p->hdr), false);
    if (p->hdr.len)
        virtq_push(v->tx, virt_phys(p->data), p->hdr.len, false);
    virtq_close(v->tx, p);
    return true;
}

/* Takes what was sent off the ring, and puts on it what waits. lock held. */
static void reclaim(struct vvsock *v, struct list *sent)
{
    struct vsock_pkt *p;

    while ((p = virtq_get(v->tx, NULL)))
        list_append(sent, &p->link);
    while ((p = list_first(&v->waiting, struct vsock_pkt, link)) && put_on_ring(v, p)) {
        list_remove(&p->link);
        v->nr_waiting--;
    }
    virtq_kick(v->tx);
}

static void tell_sent(struct list *sent)
{
    struct vsock_pkt *p, *next;

    list_for_each_safe (p, next, sent, link)
        vsock_client->sent(p);
}

static void vvsock_send(struct vsockdev *d, struct vsock_pkt *p)
{
    struct vvsock *v = of(d);
    struct list sent;

    list_init(&sent);
    spin_lock(&v->lock);
    if (unlikely(v->failed)) {
        list_append(&sent, &p->link);
    } else {
        list_append(&v->waiting, &p->link);
        v->nr_waiting++;
        reclaim(v, &sent);
    }
    spin_unlock(&v->lock);
    tell_sent(&sent);
}

/* ---- receiving ---- */

static void fill(struct vvsock *v)
{
    while (v->rx->in_flight < v->rx_target && !virtq_open(v->rx, 1)) {
        struct vsock_pkt *p = vsock_pkt_new(RX_ROOM);

        if (!p)
            break;
        virtq_push(v->rx, virt_phys(&p->hdr), RX_LEN, true);
        virtq_close(v->rx, p);
    }
    virtq_kick(v->rx);
    /* Without any buffer nothing comes that would fill the ring again. */
    if (!v->rx->in_flight && !v->rx->broken)
        timer_arm(&v->rx_retry, clock_mono_ns() + RETRY_NS);
}

static void retry(struct timer *t)
{
    vsockdev_raise();
}

/* The device's word for how long it is against the header's. */
static void take(struct vvsock *v, struct vsock_pkt *p, uint32_t len)
{
    p->len = READ_ONCE(p->hdr.len);
    if (unlikely(len < sizeof(p->hdr) || p->len > len - sizeof(p->hdr))) {
        kfree(p);
        return;
    }
    vsock_client->receive(p);
}

static void post_event(struct vvsock *v, struct virtio_vsock_event *e)
{
    if (virtq_open(v->ev, 1))
        return;
    virtq_push(v->ev, virt_phys(e), sizeof(*e), true);
    virtq_close(v->ev, e);
}

static void take_events(struct vvsock *v)
{
    struct virtio_vsock_event *e;
    bool reset = false;
    uint32_t len;

    while ((e = virtq_get(v->ev, &len))) {
        reset |= len >= sizeof(*e) && READ_ONCE(e->id) == VIRTIO_VSOCK_EVENT_TRANSPORT_RESET;
        post_event(v, e);
    }
    virtq_kick(v->ev);
    if (reset) { /* §5.10.6.7: the address may have changed as well */
        WRITE_ONCE(v->dev.cid, virtio_config32(v->vd, VIRTIO_VSOCK_CFG_GUEST_CID));
        vsock_client->reset();
    }
}

static void __cold fail(struct vvsock *v)
{
    struct vsock_pkt *p;
    struct list sent;

    if (v->failed)
        return;
    list_init(&sent);
    virtio_fail(v->vd);
    spin_lock(&v->lock);
    v->failed = true;
    v->tx->broken = v->rx->broken = v->ev->broken = true;
    while ((p = virtq_detach(v->tx)))
        list_append(&sent, &p->link);
    list_splice(&sent, &v->waiting);
    v->nr_waiting = 0;
    spin_unlock(&v->lock);
    while ((p = virtq_detach(v->rx)))
        kfree(p);
    tell_sent(&sent);
    vsock_client->reset();
}

static bool crowded(struct vvsock *v)
{
    return READ_ONCE(v->nr_waiting) > MAX_WAITING;
}

static bool vvsock_poll(struct vsockdev *d)
{
    struct vvsock *v = of(d);
    struct vsock_pkt *p;
    unsigned n = 0;
    struct list sent;
    uint32_t len;
    bool more;

    if (unlikely(v->failed))
        return false;
    if (!v->opened) {
        v->opened = true;
        for (unsigned i = 0; i < NR_EVENTS; i++)
            post_event(v, &v->events[i]);
    }
    list_init(&sent);
    spin_lock(&v->lock);
    do
        reclaim(v, &sent);
    while (!v->tx->broken && !virtq_irq_on(v->tx));
    spin_unlock(&v->lock);
    tell_sent(&sent);
    take_events(v);
    while (n < BUDGET && !crowded(v) && (p = virtq_get(v->rx, &len))) {
        take(v, p, len);
        n++;
    }
    fill(v);
    if (unlikely(v->rx->broken || v->tx->broken || v->ev->broken)) {
        fail(v);
        return false;
    }
    more = !virtq_irq_on(v->ev);
    /* What is not received for the answers' sake is when there is room for those: the transmit ring interrupts. */
    if (!crowded(v))
        more |= n == BUDGET || !virtq_irq_on(v->rx);
    return more;
}

/* ---- bring-up ---- */

static void interrupt(struct virtq *vq)
{
    virtq_irq_off(vq);
    vsockdev_raise();
}

static void vvsock_open(struct vsockdev *d)
{
    vsockdev_raise();
}

static const struct vsockdev_ops ops = { .open = vvsock_open, .send = vvsock_send, .poll = vvsock_poll };

static int vvsock_probe(void *dev)
{
    struct virtio_device *vd = dev;
    struct vvsock *v;
    int err = virtio_begin(vd, VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET);

    if (err)
        return err;
    v = kzalloc(sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->vd = vd;
    spin_init(&v->lock, RANK_DRIVER);
    list_init(&v->waiting);
    timer_init(&v->rx_retry, retry);
    v->dev.ops = &ops;
    v->dev.cid = virtio_config32(vd, VIRTIO_VSOCK_CFG_GUEST_CID);
    v->dev.seqpacket = virtio_has(vd, VIRTIO_VSOCK_F_SEQPACKET);
    v->rx = virtq_new(vd, 0, RING_SIZE, interrupt);
    v->tx = virtq_new(vd, 1, RING_SIZE, interrupt);
    v->ev = virtq_new(vd, 2, NR_EVENTS, interrupt);
    err = v->rx && v->tx && v->ev ? 0 : -ENOMEM;
    if (!err && v->tx->num < 2)
        err = -EINVAL;
    if (!err)
        err = virtio_ready(vd);
    if (!err)
        err = vsockdev_add(&v->dev);
    if (err) { /* the queues may be known to the device and the interrupts: they stay, dead */
        virtio_fail(vd);
        return err;
    }
    v->rx_target = MIN(MAX(page_nr_total() / 256, (uint64_t)RX_MIN), v->rx->num);
    return 0;
}

const struct driver virtio_vsock_driver = { "virtio-vsock", BUS_VIRTIO, VIRTIO_ID_VSOCK, vvsock_probe };
