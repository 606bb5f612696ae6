/* SPDX-License-Identifier: BSD-2-Clause */
/* vsockdev.c: who carries AF_VSOCK's packets, and for whom. */
#include "kernel/vsockdev.h"
#include "abi/errno.h"
#include "kernel/slab.h"
#include "lib/atomic.h"

struct vsockdev *vsockdev;
const struct vsock_client *vsock_client;

struct vsock_pkt *vsock_pkt_new(uint32_t room)
{
    struct vsock_pkt *p = kmalloc(VSOCK_PKT_HEAD + room);

    if (p) {
        p->owner = NULL;
        p->room = room;
        p->off = 0;
    }
    return p;
}

int vsockdev_add(struct vsockdev *d)
{
    if (vsockdev)
        return -EBUSY;
    vsockdev = d;
    return 0;
}

void vsockdev_set_client(const struct vsock_client *c)
{
    softirq_register(SOFTIRQ_VSOCK, c->softirq);
    atomic_store_release(&vsock_client, c);
    if (vsockdev)
        vsockdev->ops->open(vsockdev);
}
