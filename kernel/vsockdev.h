/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsockdev.h: the device that carries AF_VSOCK's packets, the contract between its driver and net/vsock/. There is one
 * at most.
 *
 * A packet is one object from kmalloc(): what the device sees begins at hdr and goes on in data. Interrupt handlers call
 * vsockdev_raise(); the softirq of the client then calls ops->poll, on one CPU at a time.
 */
#ifndef KERNEL_VSOCKDEV_H
#define KERNEL_VSOCKDEV_H

#include "abi/virtio.h"
#include "kernel/softirq.h"
#include "lib/list.h"
#include "lib/types.h"

struct vsock_pkt {
    struct list link;
    void *owner;   /* for the client, who is told when it was sent; NULL: need not be */
    uint32_t room; /* bytes that data has room for */
    /* The device may write to hdr and data, of which nothing is looked at twice. */
    uint32_t len, off; /* bytes of data, and those that were read */
    uint32_t flags;    /* of what was received: hdr.flags */
    struct virtio_vsock_hdr hdr;
    uint8_t data[]; /* to be sent: hdr.len of it */
};
/* Bytes before data; sizeof has padding, which is data already. */
#define VSOCK_PKT_HEAD offsetof(struct vsock_pkt, data)
_Static_assert(VSOCK_PKT_HEAD == offsetof(struct vsock_pkt, hdr) + sizeof(struct virtio_vsock_hdr),
               "one piece for the device");

/* room: bytes of data; NULL: no memory. */
struct vsock_pkt *vsock_pkt_new(uint32_t room);

struct vsockdev;

struct vsockdev_ops {
    void (*open)(struct vsockdev *d); /* it is first used: packets are wanted from now on */
    /* Takes the packet: client->sent gets it back when the device has taken it over, or never will. Threads and softirqs,
     * under any lock before RANK_DRIVER. */
    void (*send)(struct vsockdev *d, struct vsock_pkt *p);
    bool (*poll)(struct vsockdev *d); /* hands up what came in; true: there is more */
};

struct vsockdev {
    const struct vsockdev_ops *ops;
    uint64_t cid; /* this machine's [a] */
    bool seqpacket;
};

struct vsock_client {
    void (*softirq)(void);               /* SOFTIRQ_VSOCK: calls ops->poll */
    void (*receive)(struct vsock_pkt *); /* takes it; len is set */
    void (*sent)(struct vsock_pkt *);    /* takes it */
    void (*reset)(void);                 /* all connections are lost; cid may be another */
};

extern struct vsockdev *vsockdev; /* NULL: none */
extern const struct vsock_client *vsock_client;

int vsockdev_add(struct vsockdev *d);                   /* from a driver's probe: 0, -EBUSY: there is one */
void vsockdev_set_client(const struct vsock_client *c); /* once */
/* There is something for poll. Any context. */
static inline void vsockdev_raise(void)
{
    if (vsock_client)
        softirq_raise(SOFTIRQ_VSOCK);
}

#endif
