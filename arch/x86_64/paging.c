/* SPDX-License-Identifier: BSD-2-Clause */
/* paging.c: the kernel's half of the address space: direct map, dynamic area. */
#include "arch/paging.h"
#include "abi/errno.h"
#include "arch/cpu.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "lib/string.h"

uint64_t pte_nx, kernel_offset;

/* Tables that exist before the first page can be allocated: for the boot parameters, the first piece of RAM taken
 * into use and the descriptors of its pages. */
static uint64_t early_tables[3][512] __attribute__((section(".bss..spare"), aligned(4096)));
static unsigned early_tables_used;

#define TABLE_FLAGS (PTE_P | PTE_W | PTE_A)

/* The identity mapping served to get here. */
void paging_init(void)
{
    kernel_pml4[0] = 0;
    write_cr3(image_phys(kernel_pml4));
    early_pdpt[0] = 0;
    arch_zero_page(early_pd);
}

static bool new_table(uint64_t *entry)
{
    if (early_tables_used < ARRAY_SIZE(early_tables)) {
        *entry = image_phys(early_tables[early_tables_used++]) | TABLE_FLAGS;
        return true;
    }
    struct page *p = page_alloc(PAGE_ATOMIC | PAGE_ZERO);
    if (!p)
        return false;
    *entry = page_paddr(p) | TABLE_FLAGS;
    return true;
}

static uint64_t *table_at(uint64_t entry)
{
    paddr_t pa = entry & PTE_ADDR;

    if (pa - image_phys(kernel_start) < (uint64_t)(kernel_end - kernel_start))
        return (uint64_t *)(pa + kernel_offset);
    return phys_virt(pa);
}

/* ---- the direct map: 1 GiB pages where the CPU has them, else 2 MiB ---- */

static int direct_map_gib(paddr_t gib, paddr_t start, paddr_t end)
{
    vaddr_t index = ((vaddr_t)direct_map >> 30 & 511) + (gib >> 30);
    uint64_t *entry = &direct_pdpt[index];
    uint64_t leaf = PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS | PTE_G | pte_nx;

    if (index >= 512)
        return -ENOMEM;
    if (*entry & PTE_PS)
        return 0;
    if (cpu_features.x1_edx & CPU_X1D_1G) {
        *entry = gib | leaf;
        return 0;
    }
    if (!*entry && !new_table(entry))
        return -ENOMEM;
    uint64_t *pd = table_at(*entry);
    for (paddr_t pa = ALIGN_DOWN(start, HUGE_SIZE); pa < end; pa += HUGE_SIZE)
        pd[pa >> HUGE_SHIFT & 511] = pa | leaf;
    return 0;
}

int arch_direct_map_extend(paddr_t start, paddr_t end)
{
    while (start < end) {
        paddr_t gib = ALIGN_DOWN(start, 1ull << 30), stop = MIN(end, gib + (1ull << 30));
        int err = direct_map_gib(gib, start, stop);

        if (err)
            return err;
        start = stop;
    }
    return 0;
}
