/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pci.h: PCI functions: configuration space, BARs, capabilities, MSI-X. Found once, at boot; no hot-plug.
 * Drivers match vendor << 16 | device, or vendor << 16 | PCI_ANY.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "kernel/irq.h"
#include "lib/types.h"

#define PCI_ANY 0xffff

struct pci_device {
    volatile char *config; /* ECAM page; NULL: through ports */
    uint16_t vendor, device, subsystem;
    uint8_t bus, devfn;
    uint8_t msix_cap;        /* offset; 0: not on */
    volatile uint32_t *msix; /* table */
    uint16_t nr_msix;
};

uint32_t pci_read(const struct pci_device *d, unsigned offset,
                  unsigned size); /* size 1, 2, 4; offset aligned */
void pci_write(const struct pci_device *d, unsigned offset, uint32_t v, unsigned size);
/* The first capability with that id after the one at offset after (0 starts); 0 when there is none. */
unsigned pci_find_cap(const struct pci_device *d, unsigned id, unsigned after);
/* Maps len bytes at offset of a memory BAR; NULL when it is none, or too short. */
volatile void *pci_map_bar(struct pci_device *d, unsigned bar, uint64_t offset, size_t len);
void pci_enable(struct pci_device *d); /* memory and bus mastering */
/* Turns MSI-X on with all vectors masked. 0, -ENODEV. */
int pci_msix_init(struct pci_device *d);
int pci_msix_request(struct pci_device *d, unsigned vector, unsigned cpu, irq_handler fn,
                     void *arg); /* unmasks */

void pci_init(void); /* looks for a host bridge, its devices, and lets drivers probe them */

#endif
