/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pci.c: finding PCI functions (PCI 3.0 §6, PCIe 5.0 §7): through ECAM when ACPI tells where, else
 * through the ports of configuration mechanism 1; one probe of each tells when the machine has neither.
 */
#include "drivers/pci/pci.h"
#include "abi/errno.h"
#include "arch/io.h"
#include "drivers/pci/regs.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/slab.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u
#define MAX_DEPTH      4 /* bridges below each other */

static struct {
    paddr_t base;
    unsigned last_bus;
} ecam;
static paddr_t bar_next, bar_end; /* where BARs go that firmware left unassigned */

static uint32_t port_address(const struct pci_device *d, unsigned offset)
{
    return CONFIG_ENABLE | (uint32_t)d->bus << 16 | (uint32_t)d->devfn << 8 | (offset & 0xfc);
}

uint32_t pci_read(const struct pci_device *d, unsigned offset, unsigned size)
{
    volatile char *p = d->config + offset;
    uint16_t port = CONFIG_DATA + (offset & 3);

    if (!d->config)
        outl(CONFIG_ADDRESS, port_address(d, offset));
    switch (size) {
    case 1:
        return d->config ? mmio_read8(p) : inb(port);
    case 2:
        return d->config ? mmio_read16(p) : inw(port);
    default:
        return d->config ? mmio_read32(p) : inl(port);
    }
}

void pci_write(const struct pci_device *d, unsigned offset, uint32_t v, unsigned size)
{
    volatile char *p = d->config + offset;
    uint16_t port = CONFIG_DATA + (offset & 3);

    if (!d->config)
        outl(CONFIG_ADDRESS, port_address(d, offset));
    switch (size) {
    case 1:
        d->config ? mmio_write8(p, v) : outb(port, v);
        break;
    case 2:
        d->config ? mmio_write16(p, v) : outw(port, v);
        break;
    default:
        d->config ? mmio_write32(p, v) : outl(port, v);
    }
}

unsigned pci_find_cap(const struct pci_device *d, unsigned id, unsigned after)
{
    unsigned at;

    if (after)
        at = pci_read(d, after + 1, 1);
    else if (pci_read(d, PCI_STATUS, 2) & PCI_STATUS_CAPS)
        at = pci_read(d, PCI_CAPS, 1);
    else
        return 0;
    for (unsigned n = 0; n < PCI_MAX_CAPS; n++) { /* a list that loops ends too */
        uint16_t head;

        at &= 0xfc;
        if (at < PCI_CAPS_FIRST)
            return 0;
        head = pci_read(d, at, 2);
        if ((head & 0xff) == id)
            return at;
        at = head >> 8;
    }
    return 0;
}

/* ---- BARs ---- */

/* Size of the BAR at offset reg; low: its value. Memory decoding is off meanwhile. */
static uint64_t bar_size(struct pci_device *d, unsigned reg, uint32_t low, bool wide)
{
    uint16_t command = pci_read(d, PCI_COMMAND, 2);
    uint64_t mask = 0xffffffff00000000ull;
    uint32_t high = 0;

    pci_write(d, PCI_COMMAND, command & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO), 2);
    pci_write(d, reg, 0xffffffff, 4);
    mask |= pci_read(d, reg, 4) & PCI_BAR_MEM_MASK;
    pci_write(d, reg, low, 4);
    if (wide) {
        high = pci_read(d, reg + 4, 4);
        pci_write(d, reg + 4, 0xffffffff, 4);
        mask = (mask & 0xffffffff) | (uint64_t)pci_read(d, reg + 4, 4) << 32;
        pci_write(d, reg + 4, high, 4);
    }
    pci_write(d, PCI_COMMAND, command, 2);
    return ~mask + 1;
}

/* The window: from the end of RAM below 4 GiB, at least 3 GiB, to ECAM or the interrupt controllers. */
static void find_window(void)
{
    bar_next = 0xc0000000;
    bar_end = 0xfe000000;
    for (unsigned i = 0; i < boot_info.nr_mem; i++)
        if (boot_info.mem[i].end <= 0xfe000000 && boot_info.mem[i].end > bar_next &&
            boot_info.mem[i].type == BOOT_MEM_RAM)
            bar_next = ALIGN_UP(boot_info.mem[i].end, 0x100000);
    if (ecam.base > bar_next && ecam.base < bar_end)
        bar_end = ecam.base;
}

static uint64_t bar_assign(struct pci_device *d, unsigned reg, uint64_t size, bool wide)
{
    paddr_t pa;

    if (!bar_end)
        find_window();
    if (!size || size > bar_end - bar_next)
        return 0;
    pa = ALIGN_UP(bar_next, MAX(size, PAGE_SIZE));
    if (pa + size > bar_end)
        return 0;
    bar_next = pa + size;
    pci_write(d, reg, pa, 4);
    if (wide)
        pci_write(d, reg + 4, 0, 4);
    return pa;
}

volatile void *pci_map_bar(struct pci_device *d, unsigned bar, uint64_t offset, size_t len)
{
    unsigned reg = PCI_BAR0 + 4 * bar;
    uint32_t low;
    uint64_t base, size;
    bool wide;

    if (bar > 5)
        return NULL;
    low = pci_read(d, reg, 4);
    wide = (low & PCI_BAR_TYPE) == PCI_BAR_64;
    if ((low & PCI_BAR_IO) || (wide && bar == 5))
        return NULL;
    base = low & PCI_BAR_MEM_MASK;
    if (wide)
        base |= (uint64_t)pci_read(d, reg + 4, 4) << 32;
    /* Firmware's assignment is taken as it is: sizing makes VMMs rebuild their memory maps, which takes milliseconds. */
    if (!base) {
        size = bar_size(d, reg, low, wide);
        if (offset > size || len > size - offset)
            return NULL;
        base = bar_assign(d, reg, size, wide);
    }
    return base && base + offset + len > base ? arch_ioremap(base + offset, len) : NULL;
}

void pci_enable(struct pci_device *d)
{
    uint16_t command = pci_read(d, PCI_COMMAND, 2), want = command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

    if (command != want)
        pci_write(d, PCI_COMMAND, want, 2);
}

/* ---- MSI-X, PCI 3.0 §6.8.2 ---- */

int pci_msix_init(struct pci_device *d)
{
    unsigned cap = pci_find_cap(d, PCI_CAP_MSIX, 0);
    uint16_t control;
    uint32_t table;

    if (!cap)
        return -ENODEV;
    control = pci_read(d, cap + PCI_MSIX_CONTROL, 2);
    table = pci_read(d, cap + PCI_MSIX_TABLE, 4);
    d->nr_msix = (control & PCI_MSIX_SIZE) + 1;
    d->msix = pci_map_bar(d, table & 7, table & ~7u, d->nr_msix * PCI_MSIX_ENTRY);
    if (!d->msix)
        return -ENODEV;
    d->msix_cap = cap;
    pci_write(d, cap + PCI_MSIX_CONTROL, (control | PCI_MSIX_ENABLE) & ~PCI_MSIX_MASK_ALL, 2);
    return 0;
}

int pci_msix_request(struct pci_device *d, unsigned vector, unsigned cpu, irq_handler fn, void *arg)
{
    volatile uint32_t *e = d->msix + vector * (PCI_MSIX_ENTRY / 4);
    struct msi_msg msg;
    int err;

    if (!d->msix || vector >= d->nr_msix)
        return -EINVAL;
    err = irq_request_msi(cpu, fn, arg, &msg);
    if (err)
        return err;
    mmio_write32(e, msg.addr);
    mmio_write32(e + 1, msg.addr >> 32);
    mmio_write32(e + 2, msg.data);
    mmio_write32(e + 3, 0); /* not masked */
    return 0;
}

/* ---- finding functions ---- */

static void scan_bus(unsigned bus, unsigned depth);

static void probe(const struct pci_device *found)
{
    const struct driver *drv = driver_find(BUS_PCI, (uint32_t)found->vendor << 16 | found->device);
    struct pci_device *d;
    int err;

    if (!drv)
        drv = driver_find(BUS_PCI, (uint32_t)found->vendor << 16 | PCI_ANY);
    if (!drv)
        return;
    d = kmalloc(sizeof(*d));
    if (!d)
        return;
    *d = *found;
    err = drv->probe(d); /* keeps d even when it fails: an interrupt may know it */
    if (err && err != -ENODEV)
        log_err("%s: device %04x:%04x not usable (error %d)", drv->name, d->vendor, d->device, -err);
}

/* false: nobody there. */
static bool scan_function(unsigned bus, unsigned devfn, unsigned depth, bool *multi)
{
    struct pci_device d = { .bus = bus, .devfn = devfn };
    uint32_t id;
    uint8_t type;

    if (ecam.base) {
        if (bus > ecam.last_bus)
            return false;
        d.config = arch_ioremap(ecam.base + (((uint64_t)bus << 8 | devfn) << 12), PAGE_SIZE);
        if (!d.config)
            return false;
    }
    id = pci_read(&d, PCI_ID, 4);
    if ((id & 0xffff) == 0xffff || !(id & 0xffff))
        return false;
    d.vendor = id;
    d.device = id >> 16;
    type = pci_read(&d, PCI_HEADER_TYPE, 1);
    *multi = type & PCI_HEADER_MULTI;
    if ((type & PCI_HEADER_MASK) == PCI_HEADER_BRIDGE) {
        unsigned below = pci_read(&d, PCI_SECONDARY_BUS, 1);

        if (below > bus && depth < MAX_DEPTH)
            scan_bus(below, depth + 1);
    } else {
        probe(&d);
    }
    return true;
}

static void scan_bus(unsigned bus, unsigned depth)
{
    for (unsigned slot = 0; slot < 32; slot++) {
        bool multi, unused;

        if (!scan_function(bus, slot << 3, depth, &multi) || !multi)
            continue;
        for (unsigned fn = 1; fn < 8; fn++)
            scan_function(bus, slot << 3 | fn, depth, &unused);
    }
}

void pci_init(void)
{
    bool have_ports = false;

    ecam.base = acpi_ecam(&ecam.last_bus);
    if (!ecam.base) {
        outl(CONFIG_ADDRESS, CONFIG_ENABLE);
        have_ports = inl(CONFIG_ADDRESS) == CONFIG_ENABLE;
    }
    if (ecam.base || have_ports)
        scan_bus(0, 0);
}
