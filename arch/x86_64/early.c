/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * early.c: before the kernel is where it was linked to be. Runs at physical addresses, so nothing here may follow a
 * pointer that relocation has yet to fix: no tables of strings or functions.
 */
#include "arch/early.h"
#include "arch/cpu.h"
#include "arch/paging.h"
#include "kernel/page.h"

extern const uint64_t relr_start[], relr_end[];
extern const int32_t smap_sites_start[], smap_sites_end[];

/* Physical addresses beyond the 4 MiB that head.S mapped: boot parameters of unusual loaders. */
static bool early_reach(paddr_t pa)
{
    if (pa >= 1ull << 30)
        return false;
    early_pd[pa >> HUGE_SHIFT] = (pa & ~(HUGE_SIZE - 1)) | PTE_P | PTE_W | PTE_PS;
    return true;
}

static bool kaslr_wanted(paddr_t params, unsigned protocol)
{
    static const char word[] = "nokaslr";

    if (!early_reach(params))
        return true;
    paddr_t pa = boot_params_cmdline((const void *)params, protocol);
    if (!pa || !early_reach(pa) || !early_reach(pa + 4096))
        return true;
    for (const char *s = (const char *)pa; *s; s++) {
        unsigned i = 0;

        while (i < sizeof(word) - 1 && s[i] == word[i])
            i++;
        if (i == sizeof(word) - 1 && (s[i] == 0 || s[i] == ' '))
            return false;
    }
    return true;
}

static uint64_t early_random(uint64_t ticks)
{
    uint64_t r = 0;

    if (cpu_features.l1_ecx & CPU_L1C_RDRAND)
        __asm__ volatile("rdrand %0" : "=r"(r)::"cc");
    /* Multiplication spreads the counter's low bits, the unpredictable ones (Knuth's golden-ratio hashing). */
    return (r ^ arch_ticks() ^ ticks << 20) * 0x9e3779b97f4a7c15ull;
}

#define RELR_WORDS 63
#define RELR_ALL   ((1ull << RELR_WORDS) - 1)

static void relocate_all(uint64_t *w, uint64_t delta)
{
    for (uint64_t *end = w + RELR_WORDS; w < end; w += 9) {
        w[0] += delta, w[1] += delta, w[2] += delta, w[3] += delta, w[4] += delta;
        w[5] += delta, w[6] += delta, w[7] += delta, w[8] += delta;
    }
}

/* Absolute words hold link-time addresses; the table is DT_RELR's: an address, or a bitmap for the 63 words after. */
static void relocate(uint64_t delta)
{
    uint64_t *where = NULL;

    for (const uint64_t *p = relr_start; p < relr_end; p++) {
        uint64_t bits = *p >> 1;

        if (!(*p & 1)) {
            where = (uint64_t *)*p;
            *where++ += delta;
            continue;
        }
        if (bits == RELR_ALL)
            relocate_all(where, delta);
        else
            for (; bits; bits &= bits - 1)
                where[__builtin_ctzll(bits)] += delta;
        where += RELR_WORDS;
    }
}

/* Where the CPU has no SMAP, STAC and CLAC are undefined: each becomes a three-byte NOP. */
static void patch_smap_sites(void)
{
    for (const int32_t *p = smap_sites_start; p < smap_sites_end; p++) {
        uint8_t *insn = (uint8_t *)p + *p;

        insn[0] = 0x0f;
        insn[1] = 0x1f;
        insn[2] = 0x00;
    }
}

static void map_image(const char *from, const char *to, uint64_t flags)
{
    for (uint64_t pa = (uint64_t)from; pa < (uint64_t)to; pa += PAGE_SIZE)
        kernel_pt[pa >> PAGE_SHIFT] = pa | flags;
}

uint64_t early_boot(paddr_t params, unsigned protocol, uint64_t ticks)
{
    uint64_t r = 0;

    cpu_features_read();
    if (kaslr_wanted(params, protocol))
        r = early_random(ticks);
    unsigned gib = (r >> 32) & 255, mib2 = (r >> 40) % (512 - KERNEL_PTS), slot = (r >> 50) & 127;
    unsigned direct_gib = (r >> 57) % (512 - DIRECT_MAP_MAX_GIB);

    uint64_t nx = cpu_features.x1_edx & CPU_X1D_NX ? PTE_NX : 0;
    map_image(kernel_start, rodata_start, PTE_P | PTE_G | PTE_A);
    map_image(rodata_start, data_start, PTE_P | PTE_G | PTE_A | nx);
    map_image(data_start, kernel_end, PTE_P | PTE_W | PTE_G | PTE_A | PTE_D | nx);
    for (unsigned i = 0; i < KERNEL_PTS; i++)
        kernel_pd[mib2 + i] = (uint64_t)&kernel_pt[512 * i] | PTE_P | PTE_W | PTE_A;
    kernel_pdpt[gib] = (uint64_t)kernel_pd | PTE_P | PTE_W | PTE_A;
    kernel_pml4[511] = (uint64_t)kernel_pdpt | PTE_P | PTE_W | PTE_A;
    kernel_pml4[256 + slot] = (uint64_t)direct_pdpt | PTE_P | PTE_W | PTE_A;

    direct_map = (char *)(0xffff800000000000ull + ((uint64_t)slot << 39) + ((uint64_t)direct_gib << 30));
    dynamic_first_pdpt = 256 + ((r >> 20) & 127);
    pte_nx = nx;
    if (!(cpu_features.l7_ebx & CPU_L7B_SMAP))
        patch_smap_sites();
    uint64_t delta = 0xffffff8000000000ull + ((uint64_t)gib << 30) + ((uint64_t)mib2 << HUGE_SHIFT);
    relocate(delta);
    boot_entry_ticks = ticks;
    kernel_offset = delta;
    return delta;
}
