/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bootinfo.c: struct boot_info from PVH's hvm_start_info (Xen, include/public/arch-x86/hvm/start_info.h) and from
 * Linux's boot_params (Documentation/arch/x86/boot.rst and zero-page.rst).
 */
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/paging.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "lib/string.h"
#include <asm/bootparam.h>

#define PVH_MAGIC 0x336ec578

struct pvh_start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modules, cmdline, rsdp;
    uint64_t memmap; /* from version 1 on */
    uint32_t nr_memmap, reserved;
};
struct pvh_module {
    uint64_t start, size, cmdline, reserved;
};
struct pvh_memmap {
    uint64_t start, size;
    uint32_t type, reserved;
};

uint64_t boot_entry_ticks;

/* Called before relocation too. */
paddr_t boot_params_cmdline(const void *params, unsigned protocol)
{
    if (protocol == BOOT_PVH)
        return ((const struct pvh_start_info *)params)->cmdline;
    const struct boot_params *bp = params;
    return bp->hdr.cmd_line_ptr | (uint64_t)bp->ext_cmd_line_ptr << 32;
}

static const void *reach(paddr_t pa, size_t len)
{
    arch_direct_map_extend(pa, pa + len);
    return phys_virt(pa);
}

/* Kept sorted by start; machines report them nearly so. */
static void add_range(paddr_t start, uint64_t size, uint32_t type)
{
    struct boot_info *b = &boot_info;
    unsigned i = b->nr_mem;
    paddr_t limit = (paddr_t)DIRECT_MAP_MAX_GIB << 30;

    if (type == BOOT_MEM_RAM && (start >= limit || size > limit - start)) {
        log_warn("memory above %u GiB is not used", DIRECT_MAP_MAX_GIB);
        size = start < limit ? limit - start : 0;
    }
    if (!size || start + size < start || b->nr_mem == BOOT_MAX_RANGES)
        return;
    for (; i && b->mem[i - 1].start > start; i--)
        b->mem[i] = b->mem[i - 1];
    b->mem[i] = (struct boot_range){ start, start + size, type };
    b->nr_mem++;
}

static void read_pvh(const struct pvh_start_info *si)
{
    boot_info.rsdp = si->rsdp;
    if (si->nr_modules) {
        const struct pvh_module *m = reach(si->modules, sizeof(*m));
        boot_info.initrd_start = m->start;
        boot_info.initrd_end = m->start + m->size;
    }
    if (si->version < 1)
        return;
    const struct pvh_memmap *e = reach(si->memmap, si->nr_memmap * sizeof(*e));
    for (unsigned i = 0; i < si->nr_memmap; i++)
        add_range(e[i].start, e[i].size, e[i].type);
}

static void read_linux64(const struct boot_params *bp)
{
    boot_info.rsdp = bp->acpi_rsdp_addr;
    boot_info.initrd_start = bp->hdr.ramdisk_image | (uint64_t)bp->ext_ramdisk_image << 32;
    boot_info.initrd_end =
        boot_info.initrd_start + (bp->hdr.ramdisk_size | (uint64_t)bp->ext_ramdisk_size << 32);
    for (unsigned i = 0; i < bp->e820_entries && i < E820_MAX_ENTRIES_ZEROPAGE; i++)
        add_range(bp->e820_table[i].addr, bp->e820_table[i].size, bp->e820_table[i].type);
}

void boot_params_read(paddr_t params, unsigned protocol)
{
    const void *p =
        reach(params, protocol == BOOT_PVH ? sizeof(struct pvh_start_info) : sizeof(struct boot_params));

    boot_info.entry_ticks = boot_entry_ticks;
    boot_info.kernel_start = image_phys(kernel_start);
    boot_info.kernel_end = image_phys(cpu_features.x1_edx & CPU_X1D_1G ? kernel_spare : kernel_end);
    if (protocol == BOOT_PVH)
        read_pvh(p);
    else
        read_linux64(p);
    /* Where other CPUs can begin, if there may be any: what firmware left there has been read. */
    bool many = (cpu_features.l1_ebx >> 16 & 0xff) > 1 || boot_info.rsdp;
    if (many && boot_info.nr_mem && boot_info.mem[0].type == BOOT_MEM_RAM && !boot_info.mem[0].start &&
        boot_info.mem[0].end >= (1 + TRAMPOLINE_PAGES) * PAGE_SIZE)
        boot_info.low_reserved = (1 + TRAMPOLINE_PAGES) * PAGE_SIZE;
    paddr_t cmdline = boot_params_cmdline(p, protocol);
    if (cmdline)
        str_copy(boot_info.cmdline, reach(cmdline, BOOT_CMDLINE), BOOT_CMDLINE);
}
