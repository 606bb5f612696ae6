/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page.h: physical pages. A buddy allocator (orders 0..PAGE_MAX_ORDER) with per-CPU caches of single pages.
 *
 * Memory is taken from the machine in blocks when first needed: until then its descriptors are untouched, so
 * that boot cost and host memory do not grow with RAM. All RAM is reachable through the direct map.
 * Any context may allocate; PAGE_WAIT may sleep (reclaim), so only threads without spin locks may pass it.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "kernel/cpu.h"
#include "lib/atomic.h"
#include "lib/list.h"

#define PAGE_MAX_ORDER 9 /* 2 MiB */

struct mapping;
struct slab_cache;

struct page {
    struct list link; /* buddy list, per-CPU cache, page-cache LRU, or the owner's use */
    union {
        struct mapping *mapping; /* page cache: whose; NULL for anonymous */
        struct slab_cache *slab; /* slab pages */
        void *owner;
        uint64_t cpus; /* page tables: which CPUs lead there */
    };
    uint64_t index;  /* page cache: page number in the file; else the owner's use */
    refcount_t refs; /* one per user: page cache, each page-table entry, each temporary holder */
    uint16_t flags;  /* PG_* [a] */
    uint8_t order;   /* of the block this page heads */
    uint8_t told;    /* page tables: changes that other CPUs were told of, since the table left their views */
    uint64_t private; /* the owner's use */
};

#define PG_BUDDY    (1 << 0) /* free, heads a block of page.order */
#define PG_SLAB     (1 << 1)
#define PG_UPTODATE (1 << 2) /* content valid */
#define PG_DIRTY    (1 << 3)
#define PG_LOCKED   (1 << 4)  /* I/O under way: wait with page_wait() */
#define PG_ACTIVE   (1 << 5)  /* referenced since the last scan */
#define PG_ERROR    (1 << 6)  /* the read failed */
#define PG_ANON     (1 << 7)  /* anonymous user page */
#define PG_RESERVED (1 << 8)  /* never freed: zero page, kernel image */
#define PG_MAPPED   (1 << 9)  /* has been mapped into user space */
#define PG_SHMEM    (1 << 10) /* cached, without backing: tmpfs, shared memory */

enum page_flags {
    PAGE_ATOMIC = 0,    /* fail rather than sleep */
    PAGE_WAIT = 1 << 0, /* may reclaim */
    PAGE_ZERO = 1 << 1,
    PAGE_USER = 1 << 2, /* for user space: leaves the kernel its reserve */
};

/* Starts from boot_info.mem; reserves the image, the initrd and the low 4 KiB. Needs arch_direct_map_extend(). */
void page_init(void);
/* 2^order contiguous pages with refs = 1 on the head, or NULL. Only the head's descriptor is initialised. */
struct page *page_alloc_order(unsigned order, enum page_flags flags);
struct page *page_alloc_slow(enum page_flags flags);
void page_free_slow(struct page *p);
void page_free(struct page *p); /* refs are ignored: the owner is the only one; order from the descriptor */
/* Makes 2^order single pages of one block, each with the head's refs, flags and owner. */
void page_split(struct page *p);
void page_zero(struct page *p); /* all of the block */

/* One page. refs = 1; flags and order are 0, mapping NULL; the other fields are undefined. */
static inline struct page *page_alloc(enum page_flags flags)
{
    struct cpu *c = this_cpu();
    struct page *p = c->page_free;

    if (unlikely(!p || c->in_irq))
        return page_alloc_slow(flags);
    c->page_free = (struct page *)p->link.next;
    c->page_free_nr--;
    p->refs.n = 1;
    p->flags = 0;
    p->mapping = NULL;
    if (flags & PAGE_ZERO)
        page_zero(p);
    return p;
}

/* The owners of user and cache pages keep these counts. */
static inline void page_account(enum page_kind kind, long nr_pages)
{
    this_cpu()->page_counts[kind] += nr_pages;
}

/* Drops a reference. True: it was the last, and the page is to be freed; an anonymous one is counted out, whoever held
 * it: fork shares them. */
static inline bool page_drop(struct page *p)
{
    if (!ref_put(&p->refs))
        return false;
    if (p->flags & PG_ANON)
        page_account(PAGE_KIND_ANON, -(1l << p->order));
    return true;
}
/* Drops a reference; the last one's frees. */
static inline void page_put(struct page *p)
{
    if (page_drop(p))
        page_free(p);
}
static inline void page_get(struct page *p)
{
    ref_get(&p->refs);
}

extern struct page
    *page_table;         /* descriptor of pfn 0, in the direct map; only [used blocks] are initialised */
extern char *direct_map; /* where physical address 0 is mapped */

static inline uint64_t page_pfn(const struct page *p)
{
    return p - page_table;
}
static inline struct page *pfn_page(uint64_t pfn)
{
    return page_table + pfn;
}
static inline paddr_t page_paddr(const struct page *p)
{
    return page_pfn(p) << PAGE_SHIFT;
}
static inline void *phys_virt(paddr_t pa)
{
    return direct_map + pa;
}
/* Only for direct-map addresses. */
static inline paddr_t virt_phys(const void *va)
{
    return (const char *)va - direct_map;
}
static inline void *page_virt(const struct page *p)
{
    return phys_virt(page_paddr(p));
}
static inline struct page *virt_page(const void *va)
{
    return pfn_page(virt_phys(va) >> PAGE_SHIFT);
}

struct page_stats {
    uint64_t total, free, cache, anon, slab, kernel; /* pages; kernel: what is in use otherwise */
    uint64_t peak_used;                              /* pages, the most ever in use at once */
};
void page_get_stats(struct page_stats *s);
uint64_t page_nr_total(void);
uint64_t page_nr_free(void); /* about: without what CPUs keep for themselves */
/* Called when memory runs short, by threads that may sleep; returns pages freed. The page cache registers itself. */
void page_set_reclaim(size_t (*reclaim)(size_t nr_pages));

#endif
