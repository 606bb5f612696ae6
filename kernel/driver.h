/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.h: devices the machine told us about, and the drivers for them.
 *
 * A bus (virtio-mmio from the command line or ACPI, PCI when present) finds devices and offers each to the table
 * in init/drivers.c; probe returns 0 when it took the device.
 */
#ifndef KERNEL_DRIVER_H
#define KERNEL_DRIVER_H

#include "lib/types.h"

enum bus_type { BUS_VIRTIO, BUS_PCI };

struct driver {
    const char *name;
    enum bus_type bus;
    uint32_t id;             /* virtio device id, or PCI vendor << 16 | device */
    int (*probe)(void *dev); /* struct virtio_device * or struct pci_device * */
};

extern const struct driver *const drivers[]; /* init/drivers.c; NULL ends it */
/* Finds the devices of every bus and lets drivers probe them. Boot, once; needs interrupts and memory, may not sleep. */
void drivers_init(void);
const struct driver *driver_find(enum bus_type bus, uint32_t id);

#endif
