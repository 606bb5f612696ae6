/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy allocator. A block of 2^order pages is aligned to its size; only its first page's descriptor is ever
 * looked at, so splitting initialises descriptors as it goes and a fresh 2 MiB of RAM costs one. RAM is taken into
 * use one 2 MiB block after the other, upwards, when the free lists cannot serve.
 */
#include "kernel/page.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "lib/string.h"

#define BLOCK_PAGES  (1ul << PAGE_MAX_ORDER)
#define REFILL_ORDER 4  /* single pages come to a CPU in lots of 16 */
#define CACHE_MAX    48 /* and go back in lots when it holds more */
#define TABLE_PAGES  8  /* free pages that arch_direct_map_extend() can rely on */

struct page *page_table;
char *direct_map;

struct ram { /* usable, page-aligned */
    paddr_t start, end;
};

static struct {
    struct spinlock lock;
    struct list free[PAGE_MAX_ORDER + 1]; /* [lock] */
    unsigned nonempty;                    /* bit per order [lock] */
    uint64_t nr_free;                     /* pages in the lists [lock] */
    uint64_t nr_fresh;                    /* RAM pages not taken into use yet [lock] */
    uint64_t min_free;                    /* the least of the sum of both [lock] */
    uint64_t total, reserve;
    bool extending; /* a block is being added [lock] */
    struct ram ram[BOOT_MAX_RANGES + 8];
    unsigned nr_ram, next_ram; /* next_ram: the first not used up [lock] */
    uint64_t max_pfn;
    size_t (*reclaim)(size_t);
} pa = { .lock = SPINLOCK_INIT(RANK_PAGE) };

/* ---- the free lists; pa.lock held ---- */

static inline void push_free(struct page *p, unsigned order)
{
    p->flags = PG_BUDDY;
    p->order = order;
    list_push(&pa.free[order], &p->link);
    pa.nonempty |= 1u << order;
}

static inline void unlink_free(struct page *p, unsigned order)
{
    p->link.prev->next = p->link.next;
    p->link.next->prev = p->link.prev;
    if (list_empty(&pa.free[order]))
        pa.nonempty &= ~(1u << order);
}

static void free_block(struct page *p, unsigned order)
{
    uint64_t pfn = page_pfn(p);

    pa.nr_free += 1ul << order;
    for (; order < PAGE_MAX_ORDER; order++) {
        uint64_t bit = 1ul << order;
        bool upper = pfn & bit;
        struct page *buddy = upper ? p - bit : p + bit;

        if ((!upper && pfn + bit >= pa.max_pfn) || !(buddy->flags & PG_BUDDY) || buddy->order != order)
            break;
        unlink_free(buddy, order);
        buddy->flags = 0;
        if (upper) {
            p = buddy;
            pfn -= bit;
        }
    }
    push_free(p, order);
}

/* A block from the lists, split down to order; NULL when none is large enough. */
static struct page *take_block(unsigned order)
{
    unsigned fit = pa.nonempty >> order << order;

    if (!fit)
        return NULL;
    unsigned k = __builtin_ctz(fit);
    struct page *p = list_entry(pa.free[k].next, struct page, link);

    unlink_free(p, k);
    while (k > order) {
        k--;
        push_free(p + (1ul << k), k);
    }
    p->flags = 0;
    p->order = order;
    pa.nr_free -= 1ul << order;
    return p;
}

/* ---- fresh RAM ---- */

/* Frees [start, end) of RAM to the lists in the largest aligned pieces. */
static void add_pages(uint64_t pfn, uint64_t end)
{
    while (pfn < end) {
        unsigned order = pfn ? __builtin_ctzl(pfn) : PAGE_MAX_ORDER;

        if (order > PAGE_MAX_ORDER)
            order = PAGE_MAX_ORDER;
        while (pfn + (1ul << order) > end)
            order--;
        pa.nr_free += 1ul << order;
        push_free(pfn_page(pfn), order);
        pfn += 1ul << order;
    }
}

/* Takes the usable parts of one 2 MiB block; their neighbours count as in use for ever. */
static void add_block(paddr_t base)
{
    uint64_t pfn = base >> PAGE_SHIFT, end = MIN(pfn + BLOCK_PAGES, pa.max_pfn);
    struct ram *r = &pa.ram[pa.next_ram];
    bool whole = r->start == base && r->end >= base + HUGE_SIZE;

    if (!whole)
        for (uint64_t i = pfn; i < end; i++)
            pfn_page(i)->flags = PG_RESERVED;
    for (; pa.next_ram < pa.nr_ram && r->start < base + HUGE_SIZE; r++) {
        paddr_t stop = MIN(r->end, base + HUGE_SIZE);

        pa.nr_fresh -= (stop - r->start) >> PAGE_SHIFT;
        add_pages(r->start >> PAGE_SHIFT, stop >> PAGE_SHIFT);
        r->start = stop;
        if (stop < r->end)
            break;
        pa.next_ram++;
    }
}

/* Adds the next block of RAM. false: there is none, or it cannot be reached. The lock is dropped meanwhile, since
 * extending the direct map may itself allocate. */
static bool extend(unsigned long *flags)
{
    if (pa.extending || pa.next_ram == pa.nr_ram)
        return false;
    pa.extending = true;
    paddr_t base = ALIGN_DOWN(pa.ram[pa.next_ram].start, HUGE_SIZE);
    uint64_t pfn = base >> PAGE_SHIFT, end = MIN(pfn + BLOCK_PAGES, pa.max_pfn);

    spin_unlock_irqrestore(&pa.lock, *flags);
    int err = arch_direct_map_extend(ALIGN_DOWN(virt_phys(pfn_page(pfn)), PAGE_SIZE),
                                     ALIGN_UP(virt_phys(pfn_page(end)), PAGE_SIZE));
    if (!err)
        err = arch_direct_map_extend(base, end << PAGE_SHIFT);
    *flags = spin_lock_irqsave(&pa.lock);
    if (!err)
        add_block(base);
    pa.extending = false;
    return !err;
}

/* ---- allocation ---- */

static inline void note_use(void)
{
    uint64_t left = pa.nr_free + pa.nr_fresh;

    if (left < pa.min_free)
        pa.min_free = left;
}

/* From the lists, growing them while they are short; keeps the reserve from user pages. */
static struct page *alloc_block(unsigned order, enum page_flags flags)
{
    unsigned long irq = spin_lock_irqsave(&pa.lock);
    struct page *p = NULL;

    if (!(flags & PAGE_USER) || pa.nr_free + pa.nr_fresh >= pa.reserve + (1ul << order)) {
        if (pa.nr_free < TABLE_PAGES + (1ul << order))
            extend(&irq);
        do
            p = take_block(order);
        while (!p && extend(&irq));
        if (p)
            note_use();
    }
    spin_unlock_irqrestore(&pa.lock, irq);
    return p;
}

/* Gives back single pages that this CPU holds beyond keep; pa.lock held. */
static void drain(struct cpu *c, unsigned keep)
{
    if (c->in_irq)
        return;
    while (c->page_free_nr > keep) {
        struct page *p = c->page_free;

        c->page_free = (struct page *)p->link.next;
        c->page_free_nr--;
        p->flags = 0;
        free_block(p, 0);
    }
}

static struct page *alloc_drained(unsigned order, enum page_flags flags)
{
    struct page *p = alloc_block(order, flags);

    if (likely(p) || !this_cpu()->page_free_nr)
        return p;
    unsigned long irq = spin_lock_irqsave(&pa.lock);

    drain(this_cpu(), 0);
    spin_unlock_irqrestore(&pa.lock, irq);
    return alloc_block(order, flags);
}

/* As alloc_block, but makes memory when there is none. */
static struct page *alloc_reclaim(unsigned order, enum page_flags flags)
{
    struct page *p = alloc_drained(order, flags);

    for (int tries = 0; !p && (flags & PAGE_WAIT) && pa.reclaim && tries < 8; tries++) {
        size_t got = pa.reclaim(MAX(32ul, 1ul << order));

        p = alloc_drained(order, flags);
        if (!got)
            break;
    }
    return p;
}

static struct page *ready(struct page *p, enum page_flags flags)
{
    if (!p)
        return NULL;
    ref_init(&p->refs);
    p->mapping = NULL;
    if (flags & PAGE_ZERO)
        page_zero(p);
    return p;
}

struct page *page_alloc_order(unsigned order, enum page_flags flags)
{
    if (!order)
        return page_alloc(flags);
    if (order > PAGE_MAX_ORDER)
        return NULL;
    return ready(alloc_reclaim(order, flags), flags);
}

/* Brings a lot of single pages to this CPU and returns one more. */
static struct page *refill(enum page_flags flags)
{
    struct page *p = pa.total < 8192 ? NULL : alloc_block(REFILL_ORDER, flags);
    struct cpu *c = this_cpu();

    if (!p)
        return NULL;
    for (unsigned i = (1u << REFILL_ORDER) - 1; i; i--) {
        p[i].order = 0;
        p[i].link.next = (struct list *)c->page_free;
        c->page_free = &p[i];
    }
    c->page_free_nr += (1u << REFILL_ORDER) - 1;
    p->order = 0;
    return p;
}

struct page *page_alloc_slow(enum page_flags flags)
{
    struct page *p = this_cpu()->in_irq ? NULL : refill(flags);

    return ready(p ? p : alloc_reclaim(0, flags), flags);
}

/* ---- freeing ---- */

void page_free(struct page *p)
{
    struct cpu *c = this_cpu();

    ASSERT(!(p->flags & (PG_BUDDY | PG_RESERVED)));
    if (unlikely(p->order || c->in_irq || c->page_free_nr >= CACHE_MAX)) {
        page_free_slow(p);
        return;
    }
#if DEBUG
    p->flags = PG_RESERVED; /* a second free is caught */
#endif
    p->link.next = (struct list *)c->page_free;
    c->page_free = p;
    c->page_free_nr++;
}

/* Returns p, and what this CPU holds beyond half of its share. */
void page_free_slow(struct page *p)
{
    unsigned long irq = spin_lock_irqsave(&pa.lock);

    free_block(p, p->order);
    drain(this_cpu(), CACHE_MAX / 2);
    spin_unlock_irqrestore(&pa.lock, irq);
}

void page_split(struct page *p)
{
    for (unsigned i = 1; i < 1u << p->order; i++) {
        p[i].mapping = p->mapping;
        p[i].refs = p->refs;
        p[i].flags = p->flags;
        p[i].order = 0;
    }
    p->order = 0;
}

void page_zero(struct page *p)
{
    char *va = page_virt(p);

    for (unsigned i = 0; i < 1u << p->order; i++)
        arch_zero_page(va + i * PAGE_SIZE);
}

/* ---- start ---- */

/* Cuts [start, end) out of the usable ranges. */
static void reserve(paddr_t start, paddr_t end)
{
    start = ALIGN_DOWN(start, PAGE_SIZE);
    end = ALIGN_UP(end, PAGE_SIZE);
    for (unsigned i = 0; i < pa.nr_ram; i++) {
        struct ram *r = &pa.ram[i];

        if (end <= r->start || start >= r->end)
            continue;
        if (start > r->start && end < r->end) { /* a hole: two ranges remain */
            BUG_ON(pa.nr_ram == ARRAY_SIZE(pa.ram));
            memmove(r + 1, r, (pa.nr_ram - i) * sizeof(*r));
            pa.nr_ram++;
            r[0].end = start;
            r[1].start = end;
        } else if (start > r->start) {
            r->end = start;
        } else if (end < r->end) {
            r->start = end;
        } else {
            memmove(r, r + 1, (pa.nr_ram - i - 1) * sizeof(*r));
            pa.nr_ram--;
            i--;
        }
    }
}

static void collect_ram(void)
{
    for (unsigned i = 0; i < boot_info.nr_mem; i++) {
        const struct boot_range *m = &boot_info.mem[i];
        struct ram r = { ALIGN_UP(m->start, PAGE_SIZE), ALIGN_DOWN(m->end, PAGE_SIZE) };

        if (m->type != BOOT_MEM_RAM || r.start >= r.end)
            continue;
        if (r.end >> PAGE_SHIFT > pa.max_pfn)
            pa.max_pfn = r.end >> PAGE_SHIFT;
        pa.ram[pa.nr_ram++] = r;
    }
    reserve(0, MAX(boot_info.low_reserved, (paddr_t)PAGE_SIZE));
    reserve(boot_info.kernel_start, boot_info.kernel_end);
    reserve(boot_info.initrd_start, boot_info.initrd_end);
}

/* A place for the descriptors: at the end of the highest range that has room, to leave the low blocks whole. */
static paddr_t place_table(size_t size)
{
    for (unsigned i = pa.nr_ram; i-- > 0;)
        if (pa.ram[i].end - pa.ram[i].start >= size)
            return ALIGN_DOWN(pa.ram[i].end - size, PAGE_SIZE);
    panic("no room in RAM for %zu bytes of page descriptors", size);
}

/* Pages of the image are mapped into programs (the vDSO), so that their descriptors are looked at. */
static void describe_image(void)
{
    struct page *p = pfn_page(boot_info.kernel_start >> PAGE_SHIFT);
    struct page *end = pfn_page(ALIGN_UP(boot_info.kernel_end, PAGE_SIZE) >> PAGE_SHIFT);

    arch_direct_map_extend(ALIGN_DOWN(virt_phys(p), PAGE_SIZE), ALIGN_UP(virt_phys(end), PAGE_SIZE));
    for (; p < end; p++) {
        p->flags = PG_RESERVED;
        p->mapping = NULL;
        p->refs.n = 1;
    }
}

void page_init(void)
{
    for (unsigned i = 0; i <= PAGE_MAX_ORDER; i++)
        list_init(&pa.free[i]);
    collect_ram();
    size_t size = pa.max_pfn * sizeof(struct page);
    paddr_t table = place_table(size);

    page_table = phys_virt(table);
    reserve(table, table + size);
    for (unsigned i = 0; i < pa.nr_ram; i++)
        pa.total += (pa.ram[i].end - pa.ram[i].start) >> PAGE_SHIFT;
    pa.nr_fresh = pa.min_free = pa.total;
    pa.reserve = MIN(MAX(pa.total / 64, 16ul), 1024ul);
    describe_image();
}

/* ---- figures ---- */

void page_get_stats(struct page_stats *s)
{
    uint64_t cached = 0, counts[PAGE_KINDS] = { 0 };

    for (unsigned i = 0; i < nr_cpus; i++) {
        cached += READ_ONCE(cpus[i]->page_free_nr);
        for (unsigned k = 0; k < PAGE_KINDS; k++)
            counts[k] += READ_ONCE(cpus[i]->page_counts[k]);
    }
    unsigned long irq = spin_lock_irqsave(&pa.lock);

    s->total = pa.total;
    s->free = pa.nr_free + pa.nr_fresh + cached;
    s->peak_used = pa.total - pa.min_free;
    spin_unlock_irqrestore(&pa.lock, irq);
    s->anon = counts[PAGE_KIND_ANON];
    s->cache = counts[PAGE_KIND_CACHE];
    s->slab = counts[PAGE_KIND_SLAB];
    uint64_t known = s->anon + s->cache + s->slab, used = s->total - s->free;

    s->kernel = used > known ? used - known : 0;
}

uint64_t page_nr_total(void)
{
    return pa.total;
}

uint64_t page_nr_free(void)
{
    return READ_ONCE(pa.nr_free) + READ_ONCE(pa.nr_fresh);
}

void page_set_reclaim(size_t (*reclaim)(size_t))
{
    pa.reclaim = reclaim;
}
