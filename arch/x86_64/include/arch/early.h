/* SPDX-License-Identifier: BSD-2-Clause */
/* early.h: what the first instructions, the early C code and the page tables share. Assembly includes it too. */
#ifndef ARCH_EARLY_H
#define ARCH_EARLY_H

#define KERNEL_PHYS 0x100000 /* where the image is linked and loaded */

#if DEBUG || UBSAN
#define KERNEL_PTS      2 /* last-level tables for the image: physical memory up to 2 MiB each */
#define BOOT_STACK_SIZE 32768
#else
#define KERNEL_PTS      1
#define BOOT_STACK_SIZE 16384
#endif

#define TRAMPOLINE_PAGES 3 /* from the second page of memory on: code and tables to start other CPUs with */

#define BOOT_PVH     0
#define BOOT_LINUX64 1

/* Page-table entries (SDM vol. 3A §4.5) */
#define PTE_P   0x001
#define PTE_W   0x002
#define PTE_U   0x004
#define PTE_PWT 0x008
#define PTE_PCD 0x010
#define PTE_A   0x020
#define PTE_D   0x040
#define PTE_PS  0x080
#define PTE_G   0x100

#define MSR_EFER_NR 0xc0000080

#ifndef __ASSEMBLER__
#include "lib/types.h"

#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

extern uint64_t kernel_pml4[512], kernel_pdpt[512], kernel_pd[512], kernel_pt[512 * KERNEL_PTS],
    direct_pdpt[512], early_pdpt[512], early_pd[512];
extern char kernel_start[], text_end[], rodata_start[], data_start[], kernel_end[], kernel_spare[],
    boot_stack[], boot_stack_end[];

/* Runs identity-mapped and unrelocated: makes the kernel's page tables and relocates the image. Returns virtual
 * minus physical address of the image. */
uint64_t early_boot(paddr_t params, unsigned protocol, uint64_t ticks);
/* The first C code at its final address: fills boot_info, then goes on in init/main.c. */
void boot_main(paddr_t params, unsigned protocol) __attribute__((noreturn));
/* boot_params or hvm_start_info: the command line's physical address, 0 when none. */
paddr_t boot_params_cmdline(const void *params, unsigned protocol);
void boot_params_read(paddr_t params, unsigned protocol);
void cpu_features_read(void);
/* The machine's first free virtual index for the dynamic area, in kernel_pdpt. */
extern unsigned dynamic_first_pdpt;
#endif

#endif
