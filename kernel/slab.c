/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs of one page without any header in it: the page's descriptor says which cache it belongs to, how many
 * objects are out and how far it was carved. Objects travel between slabs and per-CPU lists in lots.
 */
#include "kernel/slab.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "lib/string.h"

/* What page.index holds of a slab; page.private is its list of free objects. */
union slab_info {
    uint64_t word;
    struct {
        uint16_t in_use;
        uint16_t carved; /* bytes from the start that have been objects */
        uint32_t listed; /* on the cache's partial list */
    };
};
static_assert(sizeof(union slab_info) == sizeof(uint64_t), "fits page.index");

static struct spinlock ids_lock = SPINLOCK_INIT(RANK_SLAB);
static struct slab_cache *by_id[SLAB_MAX_CACHES]; /* [ids_lock to change] */
static unsigned next_id = 1;                      /* [ids_lock] */

#if SLAB_CHECKS
/* depends on the place, so that no content is like it by chance */
static uint64_t poison_of(const uint64_t *w)
{
    return 0x6b6b6b6b6b6b6b6bull ^ (uintptr_t)w;
}

/* All of a free object but its first word. */
static void poison(struct slab_cache *c, void *p)
{
    for (uint64_t *w = (uint64_t *)p + 1; w < (uint64_t *)((char *)p + c->stride); w++)
        *w = poison_of(w);
}

static bool poisoned(struct slab_cache *c, void *p)
{
    for (uint64_t *w = (uint64_t *)p + 1; w < (uint64_t *)((char *)p + c->stride); w++)
        if (*w != poison_of(w))
            return false;
    return true;
}

static void check_alloc(struct slab_cache *c, void *p)
{
    if (!poisoned(c, p))
        panic("%s at %p was written to after it was freed", c->name, p);
    memset(p, 0xa5, c->stride);
}

static void check_free(struct slab_cache *c, void *p)
{
    struct page *page = virt_page(p);

    if (!(page->flags & PG_SLAB) || page->slab != c)
        panic("%p freed to %s, which it is not from", p, c->name);
    if (((uintptr_t)p & (PAGE_SIZE - 1)) % c->stride)
        panic("%p freed to %s is not an object's start", p, c->name);
    if (poisoned(c, p))
        panic("%s at %p freed twice", c->name, p);
    poison(c, p);
}
#else
#define poison(c, p)      ((void)0)
#define check_alloc(c, p) ((void)0)
#define check_free(c, p)  ((void)0)
#endif

/* First use: the stride, and a place in the per-CPU lists. */
static void prepare(struct slab_cache *c)
{
    size_t align = MAX(c->align, 8u), stride = ALIGN_UP(MAX(c->size, SLAB_CHECKS ? 16u : 8u), align);

    BUG_ON(stride > PAGE_SIZE);
    spin_lock(&ids_lock);
    if (!c->stride) {
        if (next_id < SLAB_MAX_CACHES) {
            by_id[next_id] = c;
            c->id = next_id++;
        }
        c->stride = stride;
    }
    spin_unlock(&ids_lock);
}

/* Objects that one CPU may keep: few of the large, but as many as some requests at a time need. */
static uint32_t cpu_limit(struct slab_cache *c)
{
    return c->keep ? c->keep : MIN(MAX(2048u / c->stride, 8u), 32u);
}

static void list_partial(struct slab_cache *c, struct page *page, union slab_info *info)
{
    page->link.prev = NULL;
    page->link.next = (struct list *)c->partial;
    if (c->partial)
        c->partial->link.prev = (struct list *)page;
    c->partial = page;
    info->listed = 1;
}

static void unlist_partial(struct slab_cache *c, struct page *page, union slab_info *info)
{
    struct page *next = (struct page *)page->link.next, *prev = (struct page *)page->link.prev;

    if (prev)
        prev->link.next = (struct list *)next;
    else
        c->partial = next;
    if (next)
        next->link.prev = (struct list *)prev;
    info->listed = 0;
}

static struct page *new_slab(struct slab_cache *c)
{
    struct page *page = page_alloc(PAGE_ATOMIC);

    if (!page)
        return NULL;
    page->flags = PG_SLAB;
    page->slab = c;
    page->index = 0;
    page->private = 0;
    page_account(PAGE_KIND_SLAB, 1);
    return page;
}

/* One object out of page, which has some; c->lock held. */
static void *take(struct slab_cache *c, struct page *page)
{
    union slab_info info = { .word = page->index };
    void *p = (void *)page->private;

    if (p) {
        page->private = *(uint64_t *)p;
    } else {
        p = (char *)page_virt(page) + info.carved;
        info.carved += c->stride;
        poison(c, p);
    }
    info.in_use++;
    if (!page->private && info.carved + c->stride > PAGE_SIZE)
        unlist_partial(c, page, &info);
    page->index = info.word;
    return p;
}

/* One object back to its slab; c->lock held. Returns the page when it is to be freed: the last object came home
 * and the cache has others to go on with. */
static struct page *give(struct slab_cache *c, void *p)
{
    struct page *page = virt_page(p);
    union slab_info info = { .word = page->index };

    *(uint64_t *)p = page->private;
    page->private = (uintptr_t)p;
    if (!info.listed)
        list_partial(c, page, &info);
    info.in_use--;
    page->index = info.word;
    if (info.in_use || (c->partial == page && !page->link.next))
        return NULL;
    unlist_partial(c, page, &info);
    page->index = info.word;
    c->nr_pages--;
    return page;
}

static void free_slab(struct page *page)
{
    page->flags = 0;
    page_account(PAGE_KIND_SLAB, -1);
    page_free(page);
}

/* Fills this CPU's list by half, in thread context; c->lock held. */
static void refill(struct slab_cache *c)
{
    struct slab_cpu *s = &this_cpu()->slab[c->id];

    s->limit = cpu_limit(c);
    while (c->partial && s->nr < s->limit / 2) {
        void *p = take(c, c->partial);

        *(void **)p = s->free;
        s->free = p;
        s->nr++;
    }
}

void *slab_alloc_slow(struct slab_cache *c)
{
    void *p = NULL;

    if (unlikely(!c->stride))
        prepare(c);
    unsigned long flags = spin_lock_irqsave(&c->lock);

    if (!c->partial) {
        spin_unlock_irqrestore(&c->lock, flags);
        struct page *page = new_slab(c);

        flags = spin_lock_irqsave(&c->lock);
        if (page) {
            union slab_info info = { .word = 0 };

            list_partial(c, page, &info);
            page->index = info.word;
            c->nr_pages++;
        }
    }
    if (c->partial) {
        p = take(c, c->partial);
        if (!SLAB_CHECKS && c->id && !this_cpu()->in_irq)
            refill(c);
    }
    spin_unlock_irqrestore(&c->lock, flags);
    if (p)
        check_alloc(c, p);
    return p;
}

void slab_free_slow(struct slab_cache *c, void *p)
{
    struct cpu *cpu = this_cpu();
    struct slab_cpu *s = &cpu->slab[c->id];

    check_free(c, p);
    for (;;) {
        unsigned long flags = spin_lock_irqsave(&c->lock);
        struct page *page = give(c, p);

        spin_unlock_irqrestore(&c->lock, flags);
        if (page)
            free_slab(page);
        if (!c->id || cpu->in_irq || s->nr <= s->limit / 2)
            break;
        p = s->free;
        s->free = *(void **)p;
        s->nr--;
    }
}

void *slab_zalloc(struct slab_cache *c)
{
    void *p = slab_alloc(c);

    return p ? memset(p, 0, c->size) : NULL;
}

/* ---- sizes ---- */

#define CLASS(n) SLAB_CACHE_SIZED("kmalloc-" #n, n, ((n) & ((n)-1)) ? 16 : n)
static struct slab_cache classes[] = {
    CLASS(16),  CLASS(32),  CLASS(48),  CLASS(64),  CLASS(96),   CLASS(128),
    CLASS(192), CLASS(256), CLASS(384), CLASS(512), CLASS(1024), CLASS(2048),
};

static inline struct slab_cache *class_of(size_t size)
{
    /* by 16 bytes up to 512 */
    static const uint8_t small[] = { 0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7,
                                     8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9 };

    return &classes[size <= 512 ? small[(size + 15) / 16] : size <= 1024 ? 10 : 11];
}

static unsigned order_of(size_t size)
{
    return size <= PAGE_SIZE ? 0 : 64 - __builtin_clzl((size - 1) >> PAGE_SHIFT);
}

void *kmalloc(size_t size)
{
    if (likely(size <= 2048))
        return slab_alloc(class_of(size));
    struct page *page = page_alloc_order(order_of(size), PAGE_ATOMIC);

    return page ? page_virt(page) : NULL;
}

void *kzalloc(size_t size)
{
    if (likely(size <= 2048)) {
        void *p = slab_alloc(class_of(size));

        return p ? memset(p, 0, size) : NULL;
    }
    struct page *page = page_alloc_order(order_of(size), PAGE_ATOMIC | PAGE_ZERO);

    return page ? page_virt(page) : NULL;
}

void kfree(void *p)
{
    if (!p)
        return;
    struct page *page = virt_page(p);

    if (likely(page->flags & PG_SLAB))
        slab_free(page->slab, p);
    else
        page_free(page);
}

void *krealloc(void *p, size_t old_size, size_t new_size)
{
    void *n = kmalloc(new_size);

    if (!n)
        return NULL;
    if (p)
        memcpy(n, p, MIN(old_size, new_size));
    kfree(p);
    return n;
}

char *kstrdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *d = kmalloc(size);

    return d ? memcpy(d, s, size) : NULL;
}

size_t slab_show(char *buf, size_t size)
{
    size_t len = 0;

    for (unsigned i = 1; i < READ_ONCE(next_id); i++) {
        struct slab_cache *c = by_id[i];

        len += snprintf(buf + MIN(len, size), size - MIN(len, size), "%-20s %5u bytes %6u pages\n", c->name,
                        c->stride, c->nr_pages);
    }
    return MIN(len, size);
}
