/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio_pci.c: virtio devices on PCI (virtio 1.2 §4.1), by their capabilities; transitional devices have those too.
 * MSI-X vector 0 serves the device and its queues, no register telling what an interrupt was about, but the rings;
 * queues that are to be handled by a CPU have vectors of their own.
 */
#include "abi/errno.h"
#include "arch/io.h"
#include "drivers/drivers.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"
#include "drivers/virtio/virtio.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"

#define VENDOR       0x1af4
#define FIRST_LEGACY 0x1000 /* transitional: the type is the subsystem id */
#define FIRST_MODERN 0x1040 /* type = device id - this */
#define LAST         0x107f
#define NO_VECTOR    0xffff
#define RESET_TRIES  1000000

/* capability, §4.1.4 */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_MULT = 16 };
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_DEVICE = 4 };

/* common configuration, §4.1.4.3 */
enum {
    C_DEV_FEATURES_SEL = 0x00,
    C_DEV_FEATURES = 0x04,
    C_DRV_FEATURES_SEL = 0x08,
    C_DRV_FEATURES = 0x0c,
    C_CONFIG_VECTOR = 0x10,
    C_STATUS = 0x14,
    C_QUEUE_SELECT = 0x16,
    C_QUEUE_SIZE = 0x18,
    C_QUEUE_VECTOR = 0x1a,
    C_QUEUE_ENABLE = 0x1c,
    C_QUEUE_NOTIFY_OFF = 0x1e,
    C_QUEUE_DESC = 0x20,
    C_QUEUE_DRIVER = 0x28,
    C_QUEUE_DEVICE = 0x30,
    COMMON_SIZE = 0x38,
};

struct vpci {
    struct virtio_device vd;
    struct pci_device *pci;
    volatile char *common, *notify;
    uint32_t notify_mult, notify_len, config_len;
    bool irq_ready;
    uint16_t nr_vectors; /* in use */
};

static struct vpci *of(struct virtio_device *vd)
{
    return container_of(vd, struct vpci, vd);
}

static uint64_t vpci_features(struct virtio_device *vd)
{
    volatile char *c = of(vd)->common;
    uint64_t f;

    mmio_write32(c + C_DEV_FEATURES_SEL, 0);
    f = mmio_read32(c + C_DEV_FEATURES);
    mmio_write32(c + C_DEV_FEATURES_SEL, 1);
    return f | (uint64_t)mmio_read32(c + C_DEV_FEATURES) << 32;
}

static void vpci_accept(struct virtio_device *vd, uint64_t features)
{
    volatile char *c = of(vd)->common;

    mmio_write32(c + C_DRV_FEATURES_SEL, 0);
    mmio_write32(c + C_DRV_FEATURES, features);
    mmio_write32(c + C_DRV_FEATURES_SEL, 1);
    mmio_write32(c + C_DRV_FEATURES, features >> 32);
}

static uint8_t vpci_status(struct virtio_device *vd)
{
    return mmio_read8(of(vd)->common + C_STATUS);
}

static void vpci_set_status(struct virtio_device *vd, uint8_t status)
{
    mmio_write8(of(vd)->common + C_STATUS, status);
    for (unsigned i = 0; !status && i < RESET_TRIES && vpci_status(vd);
         i++) /* §4.1.4.3.2: done when it reads 0 */
        arch_pause();
}

static unsigned vpci_select_queue(struct virtio_device *vd, unsigned index)
{
    mmio_write16(of(vd)->common + C_QUEUE_SELECT, index);
    return mmio_read16(of(vd)->common + C_QUEUE_SIZE);
}

static void vpci_interrupt(void *arg)
{
    virtio_interrupt(arg);
}

static int vpci_vector(struct vpci *v)
{
    int err = 0;

    if (!v->irq_ready)
        err = pci_msix_request(v->pci, 0, 0, vpci_interrupt, &v->vd);
    v->irq_ready = !err;
    if (!v->nr_vectors)
        v->nr_vectors = 1;
    return err;
}

static void queue_interrupt(void *arg)
{
    struct virtq *vq = arg;

    vq->nr_irqs++;
    vq->callback(vq);
}

/* The vector that the queue is to use; -errno. Without one of its own it shares the device's. */
static int queue_vector(struct vpci *v, struct virtq *vq)
{
    int err = vpci_vector(v);

    if (err)
        return err;
    if (vq->cpu < 0)
        return 0;
    if (pci_msix_request(v->pci, v->nr_vectors, vq->cpu, queue_interrupt, vq)) {
        vq->cpu = -1;
        return 0;
    }
    return v->nr_vectors++;
}

/* §4.1.3.1: a 64-bit field is written by halves */
static void write_addr(volatile char *reg, const void *ring)
{
    mmio_write32(reg, virt_phys(ring));
    mmio_write32(reg + 4, virt_phys(ring) >> 32);
}

static int vpci_enable_queue(struct virtio_device *vd, struct virtq *vq)
{
    struct vpci *v = of(vd);
    volatile char *c = v->common;
    uint64_t off = (uint64_t)mmio_read16(c + C_QUEUE_NOTIFY_OFF) * v->notify_mult;
    int n = vq->callback ? queue_vector(v, vq) : NO_VECTOR;
    uint16_t vector = n;

    if (n < 0)
        return n;
    if (off + 2 > v->notify_len)
        return -EIO;
    vq->notify = v->notify + off;
    vq->notify16 = true;
    mmio_write16(c + C_QUEUE_SIZE, vq->num);
    mmio_write16(c + C_QUEUE_VECTOR, vector);
    if (vector != NO_VECTOR && mmio_read16(c + C_QUEUE_VECTOR) != vector)
        return -EIO; /* §4.1.5.1.2.1: the device has no room for it */
    write_addr(c + C_QUEUE_DESC, vq->desc);
    write_addr(c + C_QUEUE_DRIVER, vq->avail);
    write_addr(c + C_QUEUE_DEVICE, vq->used);
    mmio_write16(c + C_QUEUE_ENABLE, 1);
    return 0;
}

static uint32_t vpci_config(struct virtio_device *vd, unsigned offset, unsigned size)
{
    volatile char *p = (volatile char *)vd->config_regs + offset;

    if (offset + size > of(vd)->config_len)
        return 0;
    return size == 1 ? mmio_read8(p) : size == 2 ? mmio_read16(p) : mmio_read32(p);
}

static int vpci_enable_irq(struct virtio_device *vd)
{
    int err = 0;

    /* each queue did */
    if (vd->config_changed) {
        err = vpci_vector(of(vd));
        if (!err)
            mmio_write16(of(vd)->common + C_CONFIG_VECTOR, 0);
    }
    return err;
}

static const struct virtio_transport vpci_transport = {
    .features = vpci_features,
    .accept = vpci_accept,
    .status = vpci_status,
    .set_status = vpci_set_status,
    .select_queue = vpci_select_queue,
    .enable_queue = vpci_enable_queue,
    .config = vpci_config,
    .enable_irq = vpci_enable_irq,
};

/* Maps the structure of that type; len gets its length. NULL: missing or shorter than min. */
static volatile char *map_cap(struct pci_device *d, unsigned type, uint32_t min, uint32_t *len, unsigned *at)
{
    unsigned cap = 0;

    for (unsigned n = 0; n < PCI_MAX_CAPS && (cap = pci_find_cap(d, PCI_CAP_VENDOR, cap)); n++) {
        if (pci_read(d, cap + CAP_TYPE, 1) != type)
            continue;
        uint32_t length = pci_read(d, cap + CAP_LENGTH, 4);

        /* §4.1.4: several of a type stand in order of preference; the first that can be used */
        if (length < min)
            continue;
        volatile char *p =
            pci_map_bar(d, pci_read(d, cap + CAP_BAR, 1), pci_read(d, cap + CAP_OFFSET, 4), length);

        if (p) {
            *len = length;
            *at = cap;
            return p;
        }
    }
    return NULL;
}

static int vpci_map(struct vpci *v)
{
    uint32_t len;
    unsigned at;

    v->common = map_cap(v->pci, CFG_COMMON, COMMON_SIZE, &len, &at);
    if (!v->common)
        return -ENODEV;
    v->notify = map_cap(v->pci, CFG_NOTIFY, 2, &v->notify_len, &at);
    if (!v->notify)
        return -ENODEV;
    v->notify_mult = pci_read(v->pci, at + CAP_NOTIFY_MULT, 4);
    v->vd.config_regs = map_cap(v->pci, CFG_DEVICE, 4, &v->config_len, &at);
    return 0;
}

static int vpci_probe(void *dev)
{
    struct pci_device *d = dev;
    unsigned type;
    int err;

    if (d->device < FIRST_LEGACY || d->device > LAST)
        return -ENODEV;
    type = d->device >= FIRST_MODERN ? d->device - (unsigned)FIRST_MODERN : pci_read(d, PCI_SUBSYSTEM_ID, 2);
    struct vpci *v = kzalloc(sizeof(*v));

    if (!v)
        return -ENOMEM;
    v->pci = d;
    v->vd.ops = &vpci_transport;
    v->vd.id = type;
    v->vd.bus = d;
    err = vpci_map(v);
    if (!err)
        err = pci_msix_init(d);
    if (err) {
        log_warn("virtio device type %u on PCI: needs the modern interface and MSI-X", type);
        kfree(v);
        return err;
    }
    pci_enable(d);
    err = virtio_probe(&v->vd);
    if (err)
        vpci_set_status(&v->vd, 0);
    return err == -ENODEV ? err : 0; /* the driver said what was wrong */
}

const struct driver virtio_pci_driver = { "virtio-pci", BUS_PCI, VENDOR << 16 | PCI_ANY, vpci_probe };
