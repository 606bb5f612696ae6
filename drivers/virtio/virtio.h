/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio.h: virtio devices and their queues, for drivers; what a transport (mmio, pci) provides.
 *
 * Devices are not trusted: whatever one returns is checked against private copies. A device that lies is marked
 * broken and reset; its queues then return nothing, and adding gives -EIO.
 * Locking: none here. The driver serialises calls on one queue; callbacks come in interrupt context.
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include "abi/virtio.h"
#include "kernel/clock.h"
#include "lib/types.h"

struct virtio_device;
struct virtq;

struct virtio_transport {
    uint64_t (*features)(struct virtio_device *vd);
    void (*accept)(struct virtio_device *vd, uint64_t features);
    uint8_t (*status)(struct virtio_device *vd);
    void (*set_status)(struct virtio_device *vd, uint8_t status); /* 0 resets */
    /* Largest size of queue index; 0: there is none. Selects the queue for enable_queue. */
    unsigned (*select_queue)(struct virtio_device *vd, unsigned index);
    int (*enable_queue)(struct virtio_device *vd, struct virtq *vq);
    uint32_t (*config)(struct virtio_device *vd, unsigned offset, unsigned size); /* size 1, 2 or 4 */
    int (*enable_irq)(struct virtio_device *vd);
};

struct virtio_device {
    const struct virtio_transport *ops;
    uint32_t id;       /* VIRTIO_ID_* */
    uint64_t features; /* negotiated */
    bool legacy;       /* no VERSION_1: rings on whole pages */
    bool broken;
    volatile void *regs;        /* the transport's: device, ... */
    volatile void *config_regs; /* ... and device-specific registers */
    void *bus;                  /* struct pci_device; NULL for mmio */
    unsigned gsi;
    struct virtq *queues; /* that have a callback */
    void (*config_changed)(
        struct virtio_device *vd); /* in interrupts, perhaps for nothing; NULL: not wanted */
    struct timer config_timer;
    void *driver;
};

/* One descriptor of a queue, the driver's private view: the shared table is written and never read back. */
struct virtq_slot {
    void *token;     /* of the chain this descriptor heads; NULL when it heads none */
    uint32_t in_len; /* bytes the device may write to the chain */
    uint16_t next;   /* free list, or next of the chain */
    uint16_t nr;     /* descriptors of the chain, or VIRTQ_INDIRECT */
};
#define VIRTQ_INDIRECT 0 /* its pieces are in a table of their own, which is the token */
struct virtq_table;

struct virtq {
    struct virtio_device *dev;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    volatile void *notify;              /* register that takes index */
    void (*callback)(struct virtq *vq); /* NULL: polled, never interrupts */
    struct virtq *next;
    uint16_t index, num;
    uint16_t free, nr_free;
    uint16_t fresh;      /* descriptors from here on were never used */
    uint16_t avail_idx;  /* next to publish */
    uint16_t kicked_idx; /* avail_idx at the last kick */
    uint16_t used_idx;   /* next to take */
    uint16_t in_flight;  /* chains */
    bool event_idx, indirect, broken;
    bool notify16; /* width of the notify register */
    int16_t cpu;   /* an interrupt of its own there; -1: the device's, on the boot CPU */
    uint32_t nr_kicks, nr_irqs;
    /* the chain being built */
    uint16_t head, tail, chain_nr;
    uint32_t chain_in;
    struct virtq_table *table; /* NULL: its pieces are in the ring */
    struct virtq_slot slots[];
};

/*
 * Bring-up: virtio_begin resets the device and negotiates (wanted: what the driver understands besides the ring
 * features), then virtq_new for each queue, then virtio_ready. 0 or -errno; virtio_fail gives the device up.
 */
int virtio_begin(struct virtio_device *vd, uint64_t wanted);
int virtio_ready(struct virtio_device *vd);
void virtio_fail(struct virtio_device *vd);
static inline bool virtio_has(const struct virtio_device *vd, uint64_t feature)
{
    return vd->features & feature;
}
uint64_t virtio_config64(struct virtio_device *vd, unsigned offset);
static inline uint32_t virtio_config32(struct virtio_device *vd, unsigned offset)
{
    return vd->ops->config(vd, offset, 4);
}
/* Interrupt: runs the callbacks of queues with news. For transports. */
void virtio_interrupt(struct virtio_device *vd);
/* Offers a device that a transport found to the drivers. */
int virtio_probe(struct virtio_device *vd);

/* Size is the largest power of two up to want and what the device allows. NULL: no such queue or no memory. */
struct virtq *virtq_new(struct virtio_device *vd, unsigned index, unsigned want,
                        void (*callback)(struct virtq *));

/* The same with an interrupt of its own on that CPU, where the transport has such (vq->cpu says so), else the device's. */
struct virtq *virtq_new_on(struct virtio_device *vd, unsigned index, unsigned want,
                           void (*callback)(struct virtq *), int cpu);

/*
 * A request: virtq_open, one virtq_push per piece (those the device reads first, then those it writes),
 * virtq_close; virtq_kick tells the device about all closed since the last kick. None sleeps. A request of several
 * pieces that comes when half of the descriptors are in use gets a table of its own (§2.7.5.3), if the device knows such and
 * there is memory, and then takes one.
 */
int virtq_open(struct virtq *vq, unsigned nr); /* -ENOSPC: too few descriptors are free; -EIO */
void virtq_push(struct virtq *vq, paddr_t addr, uint32_t len, bool device_writes);
unsigned virtq_close(struct virtq *vq, void *token); /* token not NULL; returns the head's number */
void virtq_kick(struct virtq *vq);
/* The next finished request's token, or NULL. len: bytes written, at most what was pushed for writing. */
void *virtq_get(struct virtq *vq, uint32_t *len);
/* Takes back what the device holds, after virtio_fail; NULL when none is left. */
void *virtq_detach(struct virtq *vq);
bool virtq_pending(struct virtq *vq);
/* Asks for an interrupt at the next completion; false when there is one already (nothing was asked for then). */
bool virtq_irq_on(struct virtq *vq);
void virtq_irq_off(struct virtq *vq);

/* buses */
void virtio_mmio_init(void);                                 /* command line and ACPI */
int virtio_mmio_add(paddr_t base, size_t len, unsigned gsi); /* one device */

#endif
