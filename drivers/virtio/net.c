/* SPDX-License-Identifier: BSD-2-Clause */
/* net.c: virtio network device (virtio 1.2 §5.1): bring-up, features, link status, pairs of queues. */
#include "drivers/virtio/net.h"
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/smp.h"
#include "lib/string.h"

#define RING_SIZE    256
#define TX_MIN       32 /* a packet of 64 KiB in pages, and one more */
#define RX_MIN       16
#define CTRL_WAIT_NS (500 * NSEC_PER_MS)
#define MTU_DEFAULT  1500
#define MTU_MIN      68
#define VLAN_HLEN    4
#define ARPHRD_ETHER 1
#define GSO_MAX      65535

#define WANTED                                                                                             \
    (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC |                   \
     VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 | \
     VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS |       \
     VIRTIO_F_ANY_LAYOUT | VIRTIO_NET_F_HOST_USO)

/* ---- configuration ---- */

static unsigned config16(struct virtio_device *vd, unsigned offset)
{
    return vd->ops->config(vd, offset, 2);
}

static void read_mac(struct vnet *v)
{
    uint32_t a = 0, b = 0;

    if (virtio_has(v->vd, VIRTIO_NET_F_MAC)) {
        a = v->vd->ops->config(v->vd, VIRTIO_NET_CFG_MAC, 4);
        b = v->vd->ops->config(v->vd, VIRTIO_NET_CFG_MAC + 4, 2);
        memcpy(v->dev.mac, &a, 4);
        memcpy(v->dev.mac + 4, &b, 2);
    }
    if ((!a && !b) ||
        v->dev.mac[0] & 1) { /* none, or one that no device can have: locally administered, by chance */
        random_bytes(v->dev.mac, 6);
        v->dev.mac[0] = (v->dev.mac[0] & 0xfc) | 2;
    }
}

static void read_mtu(struct vnet *v)
{
    unsigned mtu = virtio_has(v->vd, VIRTIO_NET_F_MTU) ? config16(v->vd, VIRTIO_NET_CFG_MTU) : MTU_DEFAULT;

    /* Without buffers that can be merged a frame must fit one page. */
    if (mtu > PAGE_SIZE - VNET_HDR_MAX - ETH_HLEN - VLAN_HLEN && !v->mergeable)
        mtu = MTU_DEFAULT;
    v->dev.mtu = v->dev.max_mtu = mtu < MTU_MIN ? MTU_DEFAULT : mtu;
}

static bool link_is_up(struct vnet *v)
{
    return !virtio_has(v->vd, VIRTIO_NET_F_STATUS) ||
           config16(v->vd, VIRTIO_NET_CFG_STATUS) & VIRTIO_NET_S_LINK_UP;
}

static void config_changed(struct virtio_device *vd)
{
    struct vnet *v = vd->driver;
    bool up = !v->failed && link_is_up(v);

    if (up == v->dev.link_up)
        return;
    v->dev.link_up = up;
    netdev_link_changed(&v->dev);
}

static void set_features(struct vnet *v)
{
    static const struct {
        uint64_t virtio;
        uint32_t netdev;
    } map[] = { { VIRTIO_NET_F_CSUM, NETDEV_TX_CSUM },     { VIRTIO_NET_F_GUEST_CSUM, NETDEV_RX_CSUM },
                { VIRTIO_NET_F_HOST_TSO4, NETDEV_TSO4 },   { VIRTIO_NET_F_HOST_TSO6, NETDEV_TSO6 },
                { VIRTIO_NET_F_HOST_ECN, NETDEV_TSO_ECN }, { VIRTIO_NET_F_HOST_USO, NETDEV_USO },
                { VIRTIO_NET_F_GUEST_TSO4, NETDEV_LRO },   { VIRTIO_NET_F_GUEST_TSO6, NETDEV_LRO } };

    for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
        if (virtio_has(v->vd, map[i].virtio))
            v->dev.features |= map[i].netdev;
    v->mergeable = virtio_has(v->vd, VIRTIO_NET_F_MRG_RXBUF);
    v->any_layout = !v->vd->legacy || virtio_has(v->vd, VIRTIO_F_ANY_LAYOUT);
    v->hdr_len = sizeof(struct virtio_net_hdr) - (v->vd->legacy && !v->mergeable ? 2 : 0);
}

/* What the device offers, less what makes no sense without the rest: large packets need buffers that merge. */
static uint64_t wanted(struct virtio_device *vd)
{
    uint64_t w = WANTED;

    vd->ops->set_status(vd, 0);
    if (!(vd->ops->features(vd) & VIRTIO_NET_F_MRG_RXBUF))
        w &= ~(VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN);
    if (nr_cpus > 1 && vd->bus)
        w |= VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ;
    return w;
}

/* ---- queues ---- */

/* The device is told how many pairs it may use. It answers at once, or is not asked to use more than one. */
static int set_pairs(struct virtio_device *vd, unsigned max_pairs, uint16_t nr)
{
    struct {
        uint8_t class, command;
        uint16_t nr;
        uint8_t ack;
    } *c = kmalloc(sizeof(*c));
    struct virtq *vq = c ? virtq_new(vd, 2 * max_pairs, 4, NULL) : NULL;
    uint64_t end = clock_mono_ns() + CTRL_WAIT_NS;
    int err = -EIO;

    if (!vq || virtq_open(vq, 3)) {
        kfree(c);
        return -ENOMEM;
    }
    *c = (typeof(*c)){ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, nr, 0xff };
    virtq_push(vq, virt_phys(&c->class), 2, false);
    virtq_push(vq, virt_phys(&c->nr), 2, false);
    virtq_push(vq, virt_phys(&c->ack), 1, true);
    virtq_close(vq, c);
    virtq_kick(vq);
    while (!virtq_pending(vq) && clock_mono_ns() < end)
        arch_pause();
    if (virtq_get(vq, NULL)) {
        err = READ_ONCE(c->ack) == VIRTIO_NET_OK ? 0 : -EIO;
        kfree(c); /* otherwise the device may still write there */
    }
    return err;
}

static int new_pair(struct vnet *v, unsigned i, int cpu)
{
    struct vnet_pair *p = &v->pairs[i];
    struct netdev_queue *q = &v->dev.queues[i];
    uint64_t pages = page_nr_total();

    p->net = v;
    p->queue = q;
    q->dev = &v->dev;
    q->index = i;
    q->driver = p;
    p->rx = virtq_new_on(v->vd, 2 * i, RING_SIZE, vnet_rx_interrupt, cpu);
    p->tx = p->rx ? virtq_new_on(v->vd, 2 * i + 1, RING_SIZE, vnet_tx_interrupt, cpu) : NULL;
    if (!p->tx)
        return -ENOMEM;
    if (p->tx->num < TX_MIN || p->rx->num < 2)
        return -EINVAL;
    virtq_irq_off(p->tx);
    q->cpu = p->rx->cpu < 0 ? 0 : p->rx->cpu;
    /* A small machine has few buffers; a 256th of memory in all at most. */
    p->rx_target =
        MIN(MAX(pages / 256 / v->nr_pairs, (uint64_t)RX_MIN), p->rx->num / (v->any_layout ? 1u : 2u));
    vnet_rx_init(p);
    vnet_tx_init(p);
    return 0;
}

void vnet_fail(struct vnet *v)
{
    if (v->failed)
        return;
    v->failed = true;
    virtio_fail(v->vd);
    for (unsigned i = 0; i < v->nr_pairs; i++) {
        struct vnet_pair *p = &v->pairs[i];
        struct pktbuf *b;

        p->rx->broken = true;
        spin_lock(&p->queue->lock);
        p->tx->broken = true;
        while ((b = virtq_detach(p->tx)))
            pktbuf_free(b);
        spin_unlock(&p->queue->lock);
    }
    v->dev.link_up = false;
    netdev_link_changed(&v->dev);
}

static void raise_there(void *arg)
{
    netdev_raise(arg);
}

/* Only now does the device get buffers: many a program has a network card and never uses it. Polling fills a ring, on the CPU
 * that it belongs to; one that is not up yet polls nothing. */
static void vnet_open(struct netdev *d)
{
    for (unsigned i = 0; i < d->nr_queues; i++) {
        struct netdev_queue *q = &d->queues[i];

        if (q->cpu == this_cpu()->id)
            netdev_raise(q);
        else if (atomic_load(&cpus_online) & cpu_bit(q->cpu))
            smp_call(cpu_bit(q->cpu), raise_there, q);
        else
            vnet_rx_fill(vnet_pair(q));
    }
}

static const struct netdev_ops vnet_ops = { .open = vnet_open, .transmit = vnet_transmit, .poll = vnet_poll };

static unsigned max_pairs(struct virtio_device *vd)
{
    unsigned n = virtio_has(vd, VIRTIO_NET_F_MQ) && virtio_has(vd, VIRTIO_NET_F_CTRL_VQ)
                     ? config16(vd, VIRTIO_NET_CFG_MAX_PAIRS)
                     : 1;

    return n >= 1 && n <= 0x8000 ? n : 1;
}

static int vnet_probe(void *dev)
{
    struct virtio_device *vd = dev;
    unsigned max, nr;
    struct vnet *v;
    int err = virtio_begin(vd, wanted(vd));

    if (err)
        return err;
    max = max_pairs(vd);
    nr = MIN(MIN(max, nr_cpus), (unsigned)NETDEV_MAX_QUEUES);
    v = kzalloc(sizeof(*v) + nr * sizeof(v->pairs[0]));
    if (!v)
        return -ENOMEM;
    v->vd = vd;
    v->nr_pairs = nr;
    vd->driver = v;
    if (virtio_has(vd, VIRTIO_NET_F_STATUS))
        vd->config_changed = config_changed;
    set_features(v);
    read_mac(v);
    read_mtu(v);
    v->rx_pages = v->dev.features & NETDEV_LRO || v->dev.mtu > MTU_DEFAULT;
    v->rx_pkt_bytes = v->hdr_len + ETH_HLEN + VLAN_HLEN + MTU_DEFAULT;
    for (unsigned i = 0; i < nr && !err; i++)
        err = new_pair(v, i, nr > 1 ? (int)i : -1);
    if (err)
        goto fail;
    v->dev.link_up = link_is_up(v);
    err = virtio_ready(vd);
    if (!err && nr > 1 && set_pairs(vd, max, nr))
        nr = 1; /* the device keeps to the first pair */
    if (err)
        goto fail;
    v->dev.ops = &vnet_ops;
    v->dev.driver = v;
    v->dev.hw_type = ARPHRD_ETHER;
    v->dev.gso_max = GSO_MAX;
    v->dev.nr_queues = nr;
    err = netdev_add(&v->dev); /* live from here */
    if (!err)
        return 0;
fail: /* the queues may be known to the device and the interrupts: they stay, dead */
    v->failed = true;
    virtio_fail(vd);
    return err;
}

const struct driver virtio_net_driver = { "virtio-net", BUS_VIRTIO, VIRTIO_ID_NET, vnet_probe };
