/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages for tests of what uses them: an arena whose free ones ASan knows as such. */
#include "kernel/page.h"
#include "lib/string.h"
#include "shim.h"
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ARENA_PAGES 16384ul

struct page *page_table;
char *direct_map;
long shim_live_pages;

static uint8_t used[ARENA_PAGES];
static uint64_t next_pfn = HUGE_SIZE / PAGE_SIZE;
static size_t (*reclaim_fn)(size_t);

__attribute__((constructor(102))) static void page_start(void)
{
    size_t size = ARENA_PAGES * PAGE_SIZE;
    char *p = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    direct_map = (char *)ALIGN_UP((uintptr_t)p, HUGE_SIZE);
    page_table = calloc(ARENA_PAGES, sizeof(struct page));
    ASAN_POISON_MEMORY_REGION(direct_map, size);
}

/* A run of free pages, aligned to its size, found by going round. */
static uint64_t find_run(uint64_t nr)
{
    for (int pass = 0; pass < 2; pass++) {
        uint64_t pfn = pass ? nr : ALIGN_UP(next_pfn, nr), i;

        for (; pfn + nr <= ARENA_PAGES; pfn += nr) {
            for (i = 0; i < nr && !used[pfn + i]; i++)
                ;
            if (i == nr)
                return pfn;
        }
    }
    return 0;
}

struct page *page_alloc_order(unsigned order, enum page_flags flags)
{
    uint64_t nr = 1ul << order, pfn;

    if (order > PAGE_MAX_ORDER || shim_alloc_fails() || !(pfn = find_run(nr)))
        return NULL;
    struct page *p = pfn_page(pfn);

    next_pfn = pfn + nr;
    memset(used + pfn, 1, nr);
    memset(p, 0x5a, nr * sizeof(*p));
    p->flags = 0;
    p->order = order;
    p->mapping = NULL;
    ref_init(&p->refs);
    ASAN_UNPOISON_MEMORY_REGION(page_virt(p), nr * PAGE_SIZE);
    memset(page_virt(p), flags & PAGE_ZERO ? 0 : 0xa5, nr * PAGE_SIZE);
    shim_live_pages += nr;
    return p;
}

struct page *page_alloc_slow(enum page_flags flags)
{
    return page_alloc_order(0, flags);
}

void page_free(struct page *p)
{
    uint64_t pfn = page_pfn(p), nr = 1ul << p->order;

    if (!used[pfn])
        abort(); /* freed twice */
    memset(used + pfn, 0, nr);
    ASAN_POISON_MEMORY_REGION(page_virt(p), nr * PAGE_SIZE);
    shim_live_pages -= nr;
}

void page_free_slow(struct page *p)
{
    page_free(p);
}

void page_split(struct page *p)
{
    for (unsigned i = 1; i < 1u << p->order; i++) {
        p[i] = *p;
        p[i].order = 0;
    }
    p->order = 0;
}

void page_zero(struct page *p)
{
    memset(page_virt(p), 0, PAGE_SIZE << p->order);
}

void page_init(void)
{
}

void page_get_stats(struct page_stats *s)
{
    memset(s, 0, sizeof(*s));
    s->total = ARENA_PAGES;
    s->free = ARENA_PAGES - shim_live_pages;
}

uint64_t page_nr_total(void)
{
    return ARENA_PAGES;
}

uint64_t page_nr_free(void)
{
    return ARENA_PAGES - shim_live_pages;
}

void page_set_reclaim(size_t (*reclaim)(size_t))
{
    reclaim_fn = reclaim;
}
