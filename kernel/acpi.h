/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acpi.h: what the machine's ACPI tables say, as far as it can be known without an AML interpreter.
 *
 * Tables come from outside and are not trusted: lengths are checked, nothing outside a table is read. Boot only.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include "lib/types.h"

struct acpi_header { /* ACPI 6.5 §5.2.6 */
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision, creator_id, creator_revision;
} __packed;

/* The first table with the signature, its whole length readable; NULL when there is none. */
const struct acpi_header *acpi_find(const char *signature);

/* Calls fn for each IO-APIC of the MADT; returns how many. */
unsigned acpi_each_ioapic(void (*fn)(void *arg, paddr_t base, unsigned first_gsi), void *arg);
/* Calls fn for each usable CPU of the MADT with its APIC id; returns how many (0 without a MADT). */
unsigned acpi_each_cpu(void (*fn)(void *arg, uint32_t apic_id), void *arg);
/* Where the ISA interrupt goes, after the MADT's overrides. */
void acpi_isa_irq(unsigned irq, unsigned *gsi, bool *level);

/* Where PCI configuration space (ECAM) of segment 0 begins, with bus 0; 0: unknown. */
paddr_t acpi_ecam(unsigned *last_bus);

/* A virtio-mmio device that the DSDT describes (_HID LNRO0005, fixed memory and an interrupt). */
void acpi_each_virtio_mmio(void (*fn)(void *arg, paddr_t base, size_t len, unsigned gsi), void *arg);

/* How to switch the machine off. All zero: unknown. */
struct acpi_power {
    uint16_t pm1a_port, pm1b_port; /* PM1 control registers: write slp_typ << 10 | 1 << 13 */
    uint8_t slp_typa, slp_typb;
    bool s5_known;
    uint64_t sleep_reg; /* hardware-reduced: sleep control register, write slp_typa << 2 | 1 << 5 */
    bool sleep_is_port;
    uint64_t reset_reg; /* write reset_value */
    bool reset_is_port;
    uint8_t reset_value;
    bool reset_known;
};
void acpi_power(struct acpi_power *p);
uint32_t acpi_pm_timer_port(void); /* 0: none */
bool acpi_no_cmos_rtc(void);       /* the FADT says that there is none */

#endif
