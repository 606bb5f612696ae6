/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio_mmio.c: virtio devices as memory-mapped registers (virtio 1.2 §4.2), version 2 and the legacy version 1
 * that QEMU's machines still use unless told otherwise.
 *
 * Each register access is an exit to the VMM, so nothing is read that is not needed: high halves of addresses are
 * zero after a reset, and the interrupt status is acknowledged without a look: virtio_interrupt() does without.
 */
#include "abi/errno.h"
#include "arch/io.h"
#include "drivers/virtio/mmio_arg.h"
#include "drivers/virtio/virtio.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

enum {
    R_MAGIC = 0x00,
    R_VERSION = 0x04,
    R_DEVICE_ID = 0x08,
    R_DEV_FEATURES = 0x10,
    R_DEV_FEATURES_SEL = 0x14,
    R_DRV_FEATURES = 0x20,
    R_DRV_FEATURES_SEL = 0x24,
    R_GUEST_PAGE_SIZE = 0x28, /* legacy */
    R_QUEUE_SEL = 0x30,
    R_QUEUE_NUM_MAX = 0x34,
    R_QUEUE_NUM = 0x38,
    R_QUEUE_ALIGN = 0x3c, /* legacy */
    R_QUEUE_PFN = 0x40,   /* legacy */
    R_QUEUE_READY = 0x44,
    R_QUEUE_NOTIFY = 0x50,
    R_INT_ACK = 0x64,
    R_STATUS = 0x70,
    R_QUEUE_DESC = 0x80,
    R_QUEUE_DRIVER = 0x90,
    R_QUEUE_DEVICE = 0xa0,
    R_CONFIG = 0x100,
};
#define MAGIC      0x74726976 /* "virt" */
#define MMIO_SIZE  0x200
#define INT_ALL    3
#define USED_ALIGN 64 /* as virtqueue.c lays rings out */

static uint32_t rd(struct virtio_device *vd, unsigned reg)
{
    return mmio_read32((volatile char *)vd->regs + reg);
}

static void wr(struct virtio_device *vd, unsigned reg, uint32_t v)
{
    mmio_write32((volatile char *)vd->regs + reg, v);
}

static uint64_t mmio_features(struct virtio_device *vd)
{
    uint64_t f;

    wr(vd, R_DEV_FEATURES_SEL, 0);
    f = rd(vd, R_DEV_FEATURES);
    if (vd->legacy)
        return f;
    wr(vd, R_DEV_FEATURES_SEL, 1);
    return f | (uint64_t)rd(vd, R_DEV_FEATURES) << 32;
}

static void mmio_accept(struct virtio_device *vd, uint64_t features)
{
    wr(vd, R_DRV_FEATURES_SEL, 0);
    wr(vd, R_DRV_FEATURES, features);
    if (vd->legacy) {
        wr(vd, R_GUEST_PAGE_SIZE, PAGE_SIZE);
        return;
    }
    wr(vd, R_DRV_FEATURES_SEL, 1);
    wr(vd, R_DRV_FEATURES, features >> 32);
}

static uint8_t mmio_status(struct virtio_device *vd)
{
    return rd(vd, R_STATUS);
}

static void mmio_set_status(struct virtio_device *vd, uint8_t status)
{
    wr(vd, R_STATUS, status);
}

static unsigned mmio_select_queue(struct virtio_device *vd, unsigned index)
{
    wr(vd, R_QUEUE_SEL, index);
    return rd(vd, R_QUEUE_NUM_MAX);
}

static void wr_addr(struct virtio_device *vd, unsigned reg, const void *ring)
{
    uint64_t pa = virt_phys(ring);

    wr(vd, reg, pa);
    if (pa >> 32)
        wr(vd, reg + 4, pa >> 32);
}

static int mmio_enable_queue(struct virtio_device *vd, struct virtq *vq)
{
    vq->notify = (volatile char *)vd->regs + R_QUEUE_NOTIFY;
    vq->cpu = -1; /* one line for all */
    wr(vd, R_QUEUE_NUM, vq->num);
    if (vd->legacy) {
        uint64_t pfn = virt_phys(vq->desc) >> PAGE_SHIFT;

        if (pfn >> 32)
            return -ENOMEM;
        wr(vd, R_QUEUE_ALIGN, USED_ALIGN);
        wr(vd, R_QUEUE_PFN, pfn);
        return 0;
    }
    wr_addr(vd, R_QUEUE_DESC, vq->desc);
    wr_addr(vd, R_QUEUE_DRIVER, vq->avail);
    wr_addr(vd, R_QUEUE_DEVICE, vq->used);
    wr(vd, R_QUEUE_READY, 1);
    return 0;
}

static uint32_t mmio_config(struct virtio_device *vd, unsigned offset, unsigned size)
{
    volatile char *p = (volatile char *)vd->config_regs + offset;

    switch (size) {
    case 1:
        return mmio_read8(p);
    case 2:
        return mmio_read16(p);
    default:
        return mmio_read32(p);
    }
}

static void mmio_interrupt(void *arg)
{
    struct virtio_device *vd = arg;

    /* Before the queues are looked at: what comes after raises the line anew. */
    wr(vd, R_INT_ACK, INT_ALL);
    virtio_interrupt(vd);
}

static int mmio_enable_irq(struct virtio_device *vd)
{
    /* Edge: VMMs that signal through an eventfd have no level to hold. */
    return vd->queues ? irq_request_line(vd->gsi, false, mmio_interrupt, vd) : 0;
}

static const struct virtio_transport mmio_transport = {
    .features = mmio_features,
    .accept = mmio_accept,
    .status = mmio_status,
    .set_status = mmio_set_status,
    .select_queue = mmio_select_queue,
    .enable_queue = mmio_enable_queue,
    .config = mmio_config,
    .enable_irq = mmio_enable_irq,
};

int virtio_mmio_add(paddr_t base, size_t len, unsigned gsi)
{
    struct virtio_device *vd = kzalloc(sizeof(*vd));
    uint32_t version;
    int err = -ENODEV;

    if (!vd)
        return -ENOMEM;
    vd->ops = &mmio_transport;
    vd->regs = arch_ioremap(base, MMIO_SIZE);
    if (!vd->regs) {
        err = -ENOMEM;
        goto free_vd;
    }
    if (rd(vd, R_MAGIC) != MAGIC)
        goto free_vd;
    version = rd(vd, R_VERSION);
    vd->id = rd(vd, R_DEVICE_ID);
    if (!vd->id || version < 1 || version > 2) /* §4.2.2: id 0 is an empty slot */
        goto free_vd;
    vd->legacy = version == 1;
    vd->config_regs = (volatile char *)vd->regs + R_CONFIG;
    vd->gsi = gsi;
    err = virtio_probe(vd);
    if (!err)
        return 0;
    vd->ops->set_status(vd, 0);
    if (vd->queues)
        return err; /* the interrupt may know it */
free_vd:
    kfree(vd);
    return err;
}

static void add_from_acpi(void *unused, paddr_t base, size_t len, unsigned gsi)
{
    virtio_mmio_add(base, len, gsi);
}

void virtio_mmio_init(void)
{
    char arg[64];
    unsigned n;

    for (n = 0; boot_arg("virtio_mmio.device", n, arg, sizeof(arg)); n++) {
        struct mmio_arg a;

        if (mmio_arg_parse(arg, &a))
            virtio_mmio_add(a.base, a.size, a.irq);
        else
            log_err("virtio_mmio.device=%s: not SIZE@ADDRESS:IRQ", arg);
    }
    if (!n) /* a VMM that tells both ways tells the same */
        acpi_each_virtio_mmio(add_from_acpi, NULL);
}
