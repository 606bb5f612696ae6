/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot.h: what every boot entry (PVH, Linux 64-bit, ...) fills in; nothing later knows how it booted.
 * Owned by the boot CPU until init ends; read-only afterwards.
 */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include "lib/types.h"

#define BOOT_MAX_RANGES 64
#define BOOT_CMDLINE    2048
#define BOOT_MAX_STEPS  48

enum boot_mem_type { BOOT_MEM_RAM = 1, BOOT_MEM_RESERVED = 2, BOOT_MEM_ACPI = 3, BOOT_MEM_NVS = 4 };

struct boot_range {
    paddr_t start, end; /* [start, end) */
    uint32_t type;      /* enum boot_mem_type */
};

struct boot_step {
    const char *name;
    uint64_t ticks; /* arch_ticks() at the end of the step */
};

struct boot_info {
    struct boot_range mem[BOOT_MAX_RANGES]; /* as the machine reported, sorted by start */
    unsigned nr_mem;
    paddr_t kernel_start, kernel_end; /* the image with its bss */
    paddr_t low_reserved; /* from 0 to here memory is the arch's; 0: nothing beyond the first page */
    paddr_t initrd_start, initrd_end; /* run-time configuration; both 0 when absent */
    paddr_t rsdp;                     /* ACPI root pointer, 0 when unknown */
    paddr_t dtb;                      /* device tree, 0 when absent */
    uint64_t entry_ticks;             /* arch_ticks() at the first instruction we can stamp */
    char cmdline[BOOT_CMDLINE];
    struct boot_step steps[BOOT_MAX_STEPS];
    unsigned nr_steps;
};

extern struct boot_info boot_info;

void kernel_main(void) __noreturn; /* init/main.c, called by arch/ once the kernel is at its final address */

/* Stamps the end of a boot step for --bootchart. A few instructions: always on. */
void boot_step(const char *name);

/* The value of "name=value" on the command line copied to buf (terminated; "" for a bare word), or false.
 * nth counts repetitions from 0 (virtio_mmio.device= may come many times). */
bool boot_arg(const char *name, unsigned nth, char *buf, size_t size);
uint64_t boot_arg_u64(const char *name, uint64_t dflt); /* size suffixes allowed */

#endif
