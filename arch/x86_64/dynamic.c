/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dynamic.c: the kernel's dynamic area: addresses for stacks with guard pages and for device memory. 64 GiB below the
 * top of the address space, cut off upwards; what is given back waits in a list for a request of the same size.
 *
 * A free run's first entry, not present, holds the address of the next free run; the entry below a mapping the number
 * of its guard pages.
 */
#include "arch/cpu.h"
#include "arch/paging.h"
#include "kernel/arch.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "lib/string.h"

#define AREA_PDPTS  64
#define MAX_RUN     64 /* pages: longer runs are not reused */
#define TABLE_FLAGS (PTE_P | PTE_W | PTE_A)
#define GUARD_SHIFT 12
#define STALE_MAX   64 /* runs */
#define LEAF        (PTE_P | PTE_W | PTE_A | PTE_D | PTE_G)

unsigned dynamic_first_pdpt;

static struct {
    struct spinlock lock;
    vaddr_t next;               /* first address never used; 0: not begun [lock] */
    vaddr_t free[MAX_RUN + 1];  /* by pages with guard [lock] */
    vaddr_t stale[MAX_RUN + 1]; /* likewise, but other CPUs may still know what was there [lock] */
    unsigned nr_stale;
    bool pd_used, pt_used; /* the tables left from booting [lock] */
} area = { .lock = SPINLOCK_INIT(RANK_PT) };

static vaddr_t area_start(void)
{
    return 0xffffff8000000000ul + ((vaddr_t)dynamic_first_pdpt << 30);
}

static uint64_t *table_at(uint64_t entry)
{
    paddr_t pa = entry & PTE_ADDR;

    if (pa - image_phys(kernel_start) < (uint64_t)(kernel_end - kernel_start))
        return (uint64_t *)(pa + kernel_offset);
    return phys_virt(pa);
}

/* The first directory and the first table are the identity mapping's. */
static uint64_t new_table(bool *early_used, uint64_t *early)
{
    if (!*early_used) {
        *early_used = true;
        return image_phys(early) | TABLE_FLAGS;
    }
    struct page *p = page_alloc(PAGE_ATOMIC | PAGE_ZERO);
    return p ? page_paddr(p) | TABLE_FLAGS : 0;
}

static uint64_t *pd_entry(vaddr_t va)
{
    uint64_t *e = &kernel_pdpt[va >> 30 & 511];

    if (!*e)
        *e = new_table(&area.pd_used, early_pdpt);
    return *e ? &table_at(*e)[va >> HUGE_SHIFT & 511] : NULL;
}

static uint64_t *pt_entry(vaddr_t va)
{
    uint64_t *e = pd_entry(va);

    if (!e)
        return NULL;
    if (!*e)
        *e = new_table(&area.pt_used, early_pd);
    return *e ? &table_at(*e)[va >> PAGE_SHIFT & 511] : NULL;
}

/* Fresh addresses, misaligned by as much as offset is; with the tables for 4 KiB entries. */
static vaddr_t cut(size_t len, size_t align, size_t offset)
{
    if (!area.next)
        area.next = area_start();
    vaddr_t va = ALIGN_UP(area.next, align) + offset;

    if (va + len > area_start() + ((vaddr_t)AREA_PDPTS << 30))
        return 0;
    area.next = va + len;
    return va;
}

static vaddr_t cut_run(unsigned nr)
{
    vaddr_t va = nr <= MAX_RUN ? area.free[nr] : 0;

    if (va) {
        area.free[nr] = *pt_entry(va) & ~1ul;
        return va;
    }
    va = cut(nr * PAGE_SIZE, PAGE_SIZE, 0);
    for (unsigned i = 0; va && i < nr; i++)
        if (!pt_entry(va + i * PAGE_SIZE))
            return 0; /* the addresses are lost; there are many */
    return va;
}

/* Stale runs become free ones. */
static void __noinline flush_stale(void)
{
    vaddr_t stale[MAX_RUN + 1];
    unsigned long flags = spin_lock_irqsave(&area.lock);

    memcpy(stale, area.stale, sizeof(stale));
    memset(area.stale, 0, sizeof(area.stale));
    area.nr_stale = 0;
    spin_unlock_irqrestore(&area.lock, flags);
    arch_flush_kernel_tlb(); /* others may wait for the lock with interrupts off, and would not answer */
    flags = spin_lock_irqsave(&area.lock);
    for (unsigned nr = 0; nr <= MAX_RUN; nr++)
        for (vaddr_t va = stale[nr], next; va; va = next) {
            next = *pt_entry(va) & ~1ul;
            *pt_entry(va) = area.free[nr];
            area.free[nr] = va;
        }
    spin_unlock_irqrestore(&area.lock, flags);
}

void *kernel_map_pages(struct page **pages, unsigned nr, unsigned guard_pages)
{
    if (unlikely(nr_cpus > 1) && READ_ONCE(area.nr_stale) >= STALE_MAX)
        flush_stale();
    unsigned long flags = spin_lock_irqsave(&area.lock);
    vaddr_t va = cut_run(nr + guard_pages);

    if (va) {
        for (unsigned i = 0; i < guard_pages; i++, va += PAGE_SIZE)
            *pt_entry(va) = (uint64_t)guard_pages << GUARD_SHIFT;
        for (unsigned i = 0; i < nr; i++)
            *pt_entry(va + i * PAGE_SIZE) = page_paddr(pages[i]) | LEAF | pte_nx;
    }
    spin_unlock_irqrestore(&area.lock, flags);
    return (void *)va;
}

/* With several CPUs the addresses are not used again before all of them have dropped their entries, for many at once. */
void kernel_unmap_pages(void *p, unsigned nr)
{
    unsigned long flags = spin_lock_irqsave(&area.lock);
    vaddr_t va = (vaddr_t)p;
    uint64_t below = va > area_start() ? *pt_entry(va - PAGE_SIZE) : PTE_P;
    unsigned guard = below & PTE_P ? 0 : below >> GUARD_SHIFT;

    for (unsigned i = 0; i < nr; i++) {
        *pt_entry(va + i * PAGE_SIZE) = 0;
        tlb_flush_page(va + i * PAGE_SIZE);
    }
    va -= guard * PAGE_SIZE;
    nr += guard;
    if (nr <= MAX_RUN) {
        vaddr_t *list = nr_cpus > 1 ? area.stale : area.free;

        *pt_entry(va) = list[nr];
        list[nr] = va;
        area.nr_stale++;
    }
    spin_unlock_irqrestore(&area.lock, flags);
}

/* Without the lock: the table exists, and the caller alone has to do with these entries. */
void kernel_clear_pages(void *va, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        *pt_entry((vaddr_t)va + i * PAGE_SIZE) = 0;
}

void kernel_set_page(void *va, struct page *p)
{
    uint64_t *e = pt_entry((vaddr_t)va);

    ASSERT(!*e);
    *e = page_paddr(p) | LEAF | pte_nx;
}

static bool map_device(vaddr_t va, paddr_t pa, size_t len)
{
    uint64_t leaf = LEAF | PTE_PCD | PTE_PWT | pte_nx, step;

    for (; len; va += step, pa += step, len -= MIN(len, step)) {
        bool huge = IS_ALIGNED(pa, HUGE_SIZE) && len >= HUGE_SIZE;
        uint64_t *e = huge ? pd_entry(va) : pt_entry(va);

        if (!e)
            return false;
        step = huge ? HUGE_SIZE : PAGE_SIZE;
        *e = pa | leaf | (huge ? PTE_PS : 0);
    }
    return true;
}

void *arch_ioremap(paddr_t pa, size_t len)
{
    paddr_t start = ALIGN_DOWN(pa, PAGE_SIZE);
    bool huge = len >= HUGE_SIZE;

    len = ALIGN_UP(pa + len, PAGE_SIZE) - start;
    unsigned long flags = spin_lock_irqsave(&area.lock);
    vaddr_t va = cut(len, huge ? HUGE_SIZE : PAGE_SIZE, huge ? start & (HUGE_SIZE - 1) : 0);

    if (va && !map_device(va, start, len))
        va = 0;
    spin_unlock_irqrestore(&area.lock, flags);
    return va ? (void *)(va + (pa - start)) : NULL;
}
