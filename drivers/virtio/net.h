/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.h: virtio network device: between net.c (bring-up, configuration), net_rx.c and net_tx.c.
 *
 * Receive rings belong to the softirq of their CPU; transmit rings are used under netdev_queue.lock.
 */
#ifndef DRIVERS_VIRTIO_NET_H
#define DRIVERS_VIRTIO_NET_H

#include "drivers/virtio/virtio.h"
#include "kernel/netdev.h"

#define VNET_HDR_MAX sizeof(struct virtio_net_hdr)
#define ETH_HLEN     14u

struct vnet_pair { /* netdev_queue.driver */
    struct vnet *net;
    struct netdev_queue *queue;
    struct virtq *rx, *tx;
    unsigned rx_target;    /* buffers that the device should hold */
    struct timer rx_retry; /* no memory for any buffer: tries again */
    struct timer tx_idle;  /* armed while something was sent: looks for what can be freed */
};

struct vnet {
    struct netdev dev;
    struct virtio_device *vd;
    uint8_t hdr_len;       /* of struct virtio_net_hdr on this device */
    bool any_layout;       /* header and packet may share a descriptor */
    bool mergeable;        /* a packet may take several buffers */
    bool rx_pages;         /* buffers are pages, else packet buffers that hold a whole frame */
    bool failed;           /* the device lied: given up */
    uint32_t rx_pkt_bytes; /* of a packet buffer: header and frame */
    unsigned nr_pairs;
    struct vnet_pair pairs[];
};

static inline struct vnet_pair *vnet_pair(struct netdev_queue *q)
{
    return q->driver;
}

void vnet_rx_init(struct vnet_pair *p);
/* Gives the device buffers up to the target, and tells it. */
void vnet_rx_fill(struct vnet_pair *p);
unsigned vnet_poll(struct netdev_queue *q, unsigned budget);
void vnet_rx_interrupt(struct virtq *vq);

int vnet_transmit(struct netdev_queue *q, struct pktbuf *p, bool more);
/* Frees what was sent; there is room again for those who waited. */
void vnet_tx_reclaim(struct netdev_queue *q);
void vnet_tx_interrupt(struct virtq *vq);
void vnet_tx_init(struct vnet_pair *p);

/* The device lied: it is reset, and what it held freed. */
void vnet_fail(struct vnet *v);

#endif
