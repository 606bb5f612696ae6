/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netdev.h: network devices, the contract between drivers and net/.
 *
 * A driver's interrupt handler calls netdev_raise(queue); the receive softirq of that CPU then calls ops->poll until it
 * returns less than its budget, and poll hands each packet to netdev_receive(). Packets to send come in batches: transmit
 * for each, with more set on all but the last. Nothing here sleeps.
 */
#ifndef KERNEL_NETDEV_H
#define KERNEL_NETDEV_H

#include "kernel/pktbuf.h"
#include "kernel/softirq.h"

#define NETDEV_MAX_QUEUES 16

/* What the device does itself (netdev.features). */
#define NETDEV_TX_CSUM (1u << 0) /* ends CSUM_PARTIAL */
#define NETDEV_TSO4    (1u << 1)
#define NETDEV_TSO6    (1u << 2)
#define NETDEV_TSO_ECN (1u << 3)
#define NETDEV_USO     (1u << 4)
#define NETDEV_RX_CSUM (1u << 5)
#define NETDEV_LRO     (1u << 6) /* may hand up several segments as one, with gso_size set */
#define NETDEV_LOOP    (1u << 7)

struct netdev;

struct netdev_stats { /* per queue and summed by netdev_get_stats() */
    uint64_t rx_packets, rx_bytes, rx_dropped, rx_errors, tx_packets, tx_bytes, tx_dropped, tx_errors,
        multicast;
};

/* A pair of receive and transmit rings; belongs to one CPU. rx stats: its CPU's softirq counts, tx: [lock]. */
struct netdev_queue {
    struct netdev *dev;
    uint16_t index, cpu;
    uint8_t scheduled;         /* to be polled [interrupts off, its CPU] */
    struct netdev_queue *next; /* of that CPU's to be polled */
    void *driver;
    struct netdev_stats stats;
    struct spinlock lock;    /* RANK_NETDEV: transmit is called under it */
    struct pktqueue pending; /* [lock] to be sent when the softirq comes, or when there is room again */
    uint8_t flushing, full;  /* [lock] on a CPU's list to be flushed; transmit said -EBUSY */
    struct netdev_queue *flush_next; /* [that CPU's softirqs and threads] */
};

struct netdev_ops {
    /* The device is first used: from now on packets are wanted. NULL: nothing to do. */
    void (*open)(struct netdev *d);
    /* Takes the packet: 0; -EBUSY: the ring is full, the packet stays the caller's, the device was told of those before,
     * and netdev_tx_ready() follows. Any other error: the caller frees it, the device was told as well. more: another
     * follows at once, the device need not be told yet. Called under the queue's lock. */
    int (*transmit)(struct netdev_queue *q, struct pktbuf *p, bool more);
    /* Receives at most budget packets, gives back what was sent; how many were received. Less than budget: interrupts
     * are on again. */
    unsigned (*poll)(struct netdev_queue *q, unsigned budget);
};

struct netdev {
    const struct netdev_ops *ops;
    void *driver;
    char name[16]; /* lo, eth0, ... [set by netdev_add when empty] */
    int index;     /* ifindex: lo 1, others from 2 */
    uint8_t mac[6];
    uint16_t hw_type; /* ARPHRD_* */
    uint32_t mtu, max_mtu;
    uint32_t features; /* NETDEV_* */
    uint32_t gso_max;  /* bytes of a packet with GSO */
    bool link_up;
    uint16_t nr_queues;
    struct netdev_queue queues[NETDEV_MAX_QUEUES];
    struct netdev *next;
    void *net; /* net/'s part */
};

/* From a driver's probe: the device is complete and may be used at once. Each queue's cpu and driver are set. 0 or -errno. */
int netdev_add(struct netdev *d);
void netdev_link_changed(struct netdev *d); /* any context; link_up says which */
struct netdev *netdev_by_index(int index);  /* NULL: none */
struct netdev *netdev_by_name(const char *name);
struct netdev *netdev_next(struct netdev *d); /* NULL starts; NULL ends */

/* The queue has something: its CPU polls it soon. Interrupt handlers, on the queue's CPU. */
void netdev_raise(struct netdev_queue *q);
/* Sends, soon: what a softirq or a system call sends goes out in one batch. Takes the packet: 0, also when the link
 * is down, which loses it; or -ENOBUFS. */
int netdev_transmit(struct netdev *d, struct pktbuf *p);
void netdev_get_stats(const struct netdev *d, struct netdev_stats *s);
/* There is room again after -EBUSY. From poll. */
void netdev_tx_ready(struct netdev_queue *q);
/* A packet that came in: data is at its link header, so that the network header's address is a multiple of four; dev, queue,
 * csum and gso fields are set. From poll. Takes it. */
void netdev_receive(struct pktbuf *p);

/* net/ installs what becomes of packets and of devices: of those there are already, too. */
struct netdev_client {
    void (*receive)(struct pktbuf *p);
    void (*added)(struct netdev *d);
    void (*link_changed)(struct netdev *d);
};
void netdev_set_client(const struct netdev_client *c);

#endif
