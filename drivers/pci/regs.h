/* SPDX-License-Identifier: BSD-2-Clause */
/* regs.h: PCI configuration space (PCI 3.0 §6.1, §6.2, §6.8). */
#ifndef DRIVERS_PCI_REGS_H
#define DRIVERS_PCI_REGS_H

#define PCI_ID             0x00
#define PCI_COMMAND        0x04
#define PCI_COMMAND_IO     0x1
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_STATUS         0x06
#define PCI_STATUS_CAPS    0x10
#define PCI_HEADER_TYPE    0x0e
#define PCI_HEADER_MULTI   0x80
#define PCI_HEADER_MASK    0x7f
#define PCI_HEADER_BRIDGE  1
#define PCI_BAR0           0x10
#define PCI_BAR_IO         0x1
#define PCI_BAR_TYPE       0x7
#define PCI_BAR_64         0x4
#define PCI_BAR_MEM_MASK   0xfffffff0u
#define PCI_SECONDARY_BUS  0x19
#define PCI_SUBSYSTEM_ID   0x2e
#define PCI_CAPS           0x34
#define PCI_CAPS_FIRST     0x40
#define PCI_MAX_CAPS       48

#define PCI_CAP_VENDOR    0x09
#define PCI_CAP_MSIX      0x11
#define PCI_MSIX_CONTROL  2
#define PCI_MSIX_SIZE     0x7ff
#define PCI_MSIX_MASK_ALL 0x4000
#define PCI_MSIX_ENABLE   0x8000
#define PCI_MSIX_TABLE    4
#define PCI_MSIX_ENTRY    16

#endif
