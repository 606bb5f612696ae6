/* SPDX-License-Identifier: BSD-2-Clause */
/* paging.h: what the files of arch/x86_64 share about page tables. */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include "arch/early.h"
#include "kernel/page.h"

#define DIRECT_MAP_MAX_GIB 480 /* one table's worth, less room to choose its start at random */

extern uint64_t pte_nx;        /* PTE_NX, or 0 on a CPU without it */
extern uint64_t kernel_offset; /* virtual minus physical (and link-time) address of the image */
extern uint64_t boot_entry_ticks;

static inline paddr_t image_phys(const void *va)
{
    return (uint64_t)va - kernel_offset;
}
/* This CPU goes on without a program; its page tables stay loaded. */
void arch_mm_leave(void);
/* vm_fault() for a fault of this CPU: what is mapped after all is led to by its view. */
int view_fault(struct mm *mm, vaddr_t addr, unsigned access, int *code);
/* Drops the identity mapping that booting needed. */
void paging_init(void);

#endif
