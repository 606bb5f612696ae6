/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapping.c: the page cache: finding pages, reading them in with readahead, truncation, unmapping.
 *
 * The cache's reference on a page is dropped only after a grace period, so that a page found in the tree inside
 * rcu_read_lock() stays what it is until the section ends. Reclaim freezes the count at zero first; a reader that
 * meets a frozen page looks again.
 */
#include "kernel/mapping.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/lru.h"
#include "kernel/thread.h"
#include "kernel/vma.h"
#include "lib/string.h"

#define RA_MAX     32 /* pages: 128 KiB at a time at most */
#define RA_START   4
#define DROP_BATCH 32

uint64_t nr_shmem_pages;

/* ---- page locks ---- */

static struct waitq page_waitqs[4] = {
    WAITQ_INIT(page_waitqs[0]),
    WAITQ_INIT(page_waitqs[1]),
    WAITQ_INIT(page_waitqs[2]),
    WAITQ_INIT(page_waitqs[3]),
};

static struct waitq *page_waitq(struct page *p)
{
    return &page_waitqs[page_pfn(p) % ARRAY_SIZE(page_waitqs)];
}

void page_wait(struct page *p)
{
    wait_event(page_waitq(p), !(READ_ONCE(p->flags) & PG_LOCKED));
}

void page_lock(struct page *p)
{
    while (!page_trylock(p))
        page_wait(p);
}

void page_unlock(struct page *p)
{
    __atomic_fetch_and(&p->flags, (uint16_t)~PG_LOCKED, __ATOMIC_SEQ_CST);
    wake_all(page_waitq(p));
}

static void page_set(struct page *p, uint16_t flags)
{
    if ((READ_ONCE(p->flags) & flags) != flags)
        __atomic_fetch_or(&p->flags, flags, __ATOMIC_RELAXED);
}

/* ---- the tree ---- */

void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *host)
{
    *m = (struct mapping){ .ops = ops, .host = host };
    spin_init(&m->lock, RANK_MAPPING);
    radix_init(&m->pages);
    list_init(&m->vmas);
}

struct page *mapping_peek(struct mapping *m, uint64_t index)
{
    struct page *p = radix_get(&m->pages, index);

    if (!p && index < m->lower_pages)
        p = radix_get(&m->lower->pages, index);
    if (!p || !(READ_ONCE(p->flags) & PG_UPTODATE))
        return NULL;
    page_set(p, PG_ACTIVE);
    return p;
}

static struct page *find_page(struct mapping *m, uint64_t index)
{
    struct page *p;

    rcu_read_lock();
    do {
        p = radix_get(&m->pages, index);
    } while (p && unlikely(!ref_get_unless_zero(&p->refs)));
    rcu_read_unlock();
    return p;
}

/* Puts a new page, whose reference moves in, at index. -EEXIST when somebody was faster; -ENOMEM. */
static int insert_page(struct mapping *m, uint64_t index, struct page *p)
{
    int err = -EEXIST;

    p->mapping = m;
    p->index = index;
    list_init(&p->link);
    spin_lock(&m->lock);
    if (!radix_get(&m->pages, index)) {
        err = radix_set(&m->pages, index, p);
        if (!err)
            m->nr_pages++;
    }
    spin_unlock(&m->lock);
    if (err)
        return err;
    page_account(PAGE_KIND_CACHE, 1);
    if (m->pinned)
        atomic_inc(&nr_shmem_pages);
    return 0;
}

void mapping_detach(struct mapping *m, struct page *p)
{
    radix_remove(&m->pages, p->index);
    WRITE_ONCE(p->mapping, NULL);
    m->nr_pages--;
    page_account(PAGE_KIND_CACHE, -1);
    if (m->pinned)
        atomic_sub(&nr_shmem_pages, 1);
}

static void put_after_grace(struct rcu_head *h)
{
    page_put(container_of((struct list *)h, struct page, link));
}

/* Drops the cache's reference of a detached page once no reader can still come upon it. */
static void drop_cached(struct page *p)
{
    _Static_assert(sizeof(struct rcu_head) <= sizeof(struct list), "a page's link serves as its rcu_head");
    rcu_defer((struct rcu_head *)&p->link, put_after_grace);
}

/* ---- filling ---- */

/* A page without backing: born zero. */
static int fill_zero(struct mapping *m, uint64_t index)
{
    const struct mapping_ops *ops = m->ops;
    struct page *p;
    int err;

    if (ops && ops->charge) {
        err = ops->charge(m, 1);
        if (err)
            return err;
    }
    err = -ENOMEM;
    p = page_alloc(PAGE_WAIT | PAGE_ZERO | PAGE_USER);
    if (!p)
        goto uncharge;
    p->flags = m->pinned ? PG_UPTODATE | PG_SHMEM : PG_UPTODATE;
    err = insert_page(m, index, p);
    if (err)
        goto free;
    if (!m->pinned)
        lru_add(p);
    return 0;
free:
    page_free(p);
uncharge:
    if (ops && ops->uncharge)
        ops->uncharge(m, 1);
    return err == -EEXIST ? 0 : err;
}

/* How far to read at index: doubling while reads follow each other, and never more than memory bears. */
static unsigned readahead_window(struct mapping *m, uint64_t index, unsigned flags)
{
    uint64_t bearable = page_nr_free() / 8;
    unsigned window = RA_START;

    if (index == m->ra_next && index)
        window = MIN(m->ra_window * 2, (unsigned)RA_MAX);
    else if (flags & MAP_GET_AROUND)
        window = RA_MAX / 2;
    while (window > 1 && window > bearable)
        window /= 2;
    return MAX(window, 1u);
}

/* Adds up to nr locked pages that are absent from index on, each with a second reference for the caller. */
static unsigned add_locked_pages(struct mapping *m, uint64_t index, unsigned nr, struct page **pages,
                                 int *err)
{
    unsigned n = 0;

    *err = 0;
    for (; n < nr; n++) {
        struct page *p = page_alloc(PAGE_USER | (n ? PAGE_ATOMIC : PAGE_WAIT));

        if (!p) {
            *err = -ENOMEM;
            break;
        }
        p->flags = PG_LOCKED;
        p->refs.n = 2;
        *err = insert_page(m, index + n, p);
        if (*err) {
            page_free(p);
            break;
        }
        pages[n] = p;
    }
    return n;
}

/* The read is over: pages that hold data join the list, the others leave the cache. */
static void finish_pages(struct mapping *m, struct page **pages, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        struct page *p = pages[i];

        if (p->flags & PG_UPTODATE) {
            lru_add(p);
            page_unlock(p);
        } else {
            spin_lock(&m->lock);
            mapping_detach(m, p);
            spin_unlock(&m->lock);
            page_unlock(p);
            drop_cached(p);
        }
        page_put(p);
    }
}

/* Reads index and what readahead adds to it. 0: look again; -EIO, -ENOMEM. */
static int fill_read(struct mapping *m, uint64_t index, uint64_t max_index, unsigned flags)
{
    struct page *pages[RA_MAX];
    unsigned window = readahead_window(m, index, flags), nr;
    uint64_t start = index, end;
    bool good;
    int err;

    /* A fault reads the aligned block around it, as far as that is absent. */
    if ((flags & MAP_GET_AROUND) && index != m->ra_next)
        for (uint64_t low = ALIGN_DOWN(index, window); start > low && !radix_get(&m->pages, start - 1);)
            start--;
    end = MIN(start + window - 1, MAX(max_index, index));
    nr = add_locked_pages(m, start, end - start + 1, pages, &err);
    if (!nr)
        return err == -EEXIST ? 0 : err;
    if (start + nr <= index) { /* memory or a neighbour cut us short of the page itself */
        finish_pages(m, pages, nr);
        nr = add_locked_pages(m, index, 1, pages, &err);
        if (!nr)
            return err == -EEXIST ? 0 : err;
        start = index;
    }
    m->ra_window = window;
    m->ra_next = start + nr;
    err = m->ops->read(m, start, nr, pages);
    good = pages[index - start]->flags & PG_UPTODATE;
    finish_pages(m, pages, nr);
    if (good)
        return 0;
    return err ? err : -EIO;
}

/* The page is to be changed but lives in a lower layer: a copy becomes this mapping's own. */
static int fill_copy(struct mapping *m, uint64_t index, struct page *low)
{
    struct page *p = page_alloc(PAGE_WAIT | PAGE_USER);
    int err;

    if (!p)
        return -ENOMEM;
    if (m->ops->charge) {
        err = m->ops->charge(m, 1);
        if (err) {
            page_free(p);
            return err;
        }
    }
    arch_copy_page(page_virt(p), page_virt(low));
    p->flags = m->pinned ? PG_UPTODATE | PG_SHMEM : PG_UPTODATE;
    err = insert_page(m, index, p);
    if (err) {
        page_free(p);
        if (m->ops->uncharge)
            m->ops->uncharge(m, 1);
        return err == -EEXIST ? 0 : err;
    }
    if (!m->pinned)
        lru_add(p);
    mapping_unmap(m, index, 1);
    return 0;
}

/* The page at index is absent. 0 with *out set, or with *out NULL: look again. */
static int fill(struct mapping *m, uint64_t index, uint64_t max_index, unsigned flags, struct page **out)
{
    const struct mapping_ops *ops = m->ops;
    struct page *low;
    int err;

    *out = NULL;
    if (index < m->lower_pages) {
        err = mapping_get(m->lower, index, MIN(max_index, m->lower_pages - 1), flags & MAP_GET_AROUND, &low);
        if (err)
            return err;
        if (!(flags & MAP_GET_WRITE)) {
            *out = low;
            return 0;
        }
        err = fill_copy(m, index, low);
        page_put(low);
        return err;
    }
    if (!ops || !ops->read || (flags & MAP_GET_NOFILL))
        return fill_zero(m, index);
    return fill_read(m, index, max_index, flags);
}

/* As mapping_get(), when the page is not simply there. */
static __noinline int get_slow(struct mapping *m, uint64_t index, uint64_t max_index, unsigned flags,
                               struct page **out)
{
    for (;;) {
        struct page *p = find_page(m, index);
        int err;

        if (p && (READ_ONCE(p->flags) & PG_UPTODATE)) {
            page_set(p, flags & MAP_GET_WRITE ? PG_ACTIVE | PG_DIRTY : PG_ACTIVE);
            *out = p;
            return 0;
        }
        if (flags & MAP_GET_CACHED) {
            if (p)
                page_put(p);
            if (!p && index < m->lower_pages && !(flags & MAP_GET_WRITE))
                return mapping_get(m->lower, index, max_index, flags, out);
            return -ENOENT;
        }
        if (p) { /* being read in */
            page_wait(p);
            page_put(p);
            continue;
        }
        err = fill(m, index, max_index, flags, out);
        if (err || *out)
            return err;
    }
}

int mapping_get(struct mapping *m, uint64_t index, uint64_t max_index, unsigned flags, struct page **out)
{
    unsigned want = flags & MAP_GET_WRITE ? PG_UPTODATE | PG_ACTIVE | PG_DIRTY : PG_UPTODATE | PG_ACTIVE;
    struct page *p;

    rcu_read_lock();
    p = radix_get(&m->pages, index);
    if (likely(p && (READ_ONCE(p->flags) & want) == want && ref_get_unless_zero(&p->refs))) {
        rcu_read_unlock();
        *out = p;
        return 0;
    }
    rcu_read_unlock();
    return get_slow(m, index, max_index, flags, out);
}

unsigned mapping_get_run(struct mapping *m, uint64_t index, unsigned nr, struct page **pages)
{
    const unsigned want = PG_UPTODATE | PG_ACTIVE;
    unsigned n = 0, there;
    void *const *slot;

    rcu_read_lock();
    slot = radix_run(&m->pages, index, &there);
    if (slot) {
        nr = MIN(nr, there);
        for (; n < nr; n++) {
            struct page *p = atomic_load_acquire(&slot[n]);

            if (!p || (READ_ONCE(p->flags) & want) != want || !ref_get_unless_zero(&p->refs))
                break;
            pages[n] = p;
        }
    }
    rcu_read_unlock();
    /* A page above hides the lower one: only the single look-up tells. */
    if (!n && !m->nr_pages && index < m->lower_pages)
        return mapping_get_run(m->lower, index, MIN((uint64_t)nr, m->lower_pages - index), pages);
    return n;
}

uint64_t mapping_next(struct mapping *m, uint64_t from, bool data)
{
    uint64_t index = from;

    rcu_read_lock();
    if (data) {
        if (!radix_next(&m->pages, &index))
            index = UINT64_MAX;
    } else {
        index = radix_next_hole(&m->pages, index);
    }
    rcu_read_unlock();
    return index;
}

/* ---- programs that map it ---- */

/* Unmaps [start, end) of v; keep_private: but for its copied pages. m->lock held. */
static void unmap_vma(struct vma *v, vaddr_t start, vaddr_t end, bool keep_private)
{
    struct mm *mm = v->mm;
    paddr_t pa;
    unsigned prot;
    bool huge;

    spin_lock(&mm->pt_lock);
    if (!keep_private || (v->flags & VM_SHARED)) {
        while ((start = pt_unmap(mm, start, end, vma_drop_page, v)) < end)
            ;
    } else {
        for (vaddr_t va = start; (va = pt_next(mm, va, end)) < end; va += PAGE_SIZE)
            if (pt_lookup(mm, va, &pa, &prot, &huge) && !(pfn_page(pa >> PAGE_SHIFT)->flags & PG_ANON))
                pt_unmap(mm, va, va + PAGE_SIZE, vma_drop_page, v);
    }
    spin_unlock(&mm->pt_lock);
}

static void unmap_range(struct mapping *m, uint64_t index, uint64_t nr, bool keep_private)
{
    uint64_t last = index + nr - 1; /* inclusive: nr may reach to the end of the index space */
    struct vma *v;

    if (list_empty(&m->vmas))
        return;
    spin_lock(&m->lock);
    list_for_each (v, &m->vmas, mapping_link) {
        uint64_t v_last = v->pgoff + vma_pages(v) - 1;

        if (index > v_last || last < v->pgoff)
            continue;
        unmap_vma(v, v->start + ((MAX(index, v->pgoff) - v->pgoff) << PAGE_SHIFT),
                  v->start + ((MIN(last, v_last) - v->pgoff + 1) << PAGE_SHIFT), keep_private);
    }
    spin_unlock(&m->lock);
}

void mapping_unmap(struct mapping *m, uint64_t index, uint64_t nr)
{
    struct mapping *upper;

    unmap_range(m, index, nr, true);
    rcu_read_lock();
    upper = READ_ONCE(m->upper);
    if (upper)
        unmap_range(upper, index, nr, true);
    rcu_read_unlock();
}

/* ---- truncation ---- */

static void zero_part(struct mapping *m, uint64_t from, uint64_t to)
{
    struct page *p;

    if (from >= to || mapping_get(m, from >> PAGE_SHIFT, 0, MAP_GET_CACHED | MAP_GET_WRITE, &p))
        return;
    memset((char *)page_virt(p) + (from & ~PAGE_MASK), 0, to - from);
    page_put(p);
}

/* Takes up to DROP_BATCH pages of [first, last] out; a page under I/O is waited for. Returns how many. */
static unsigned detach_batch(struct mapping *m, uint64_t *first, uint64_t last, struct page **pages)
{
    struct page *p, *busy = NULL;
    unsigned n = 0;

    spin_lock(&m->lock);
    while (n < DROP_BATCH && *first <= last && (p = radix_next(&m->pages, first)) && *first <= last) {
        if (!page_trylock(p)) {
            busy = p;
            page_get(p);
            break;
        }
        mapping_detach(m, p);
        pages[n++] = p;
        if ((*first)++ == UINT64_MAX)
            break;
    }
    spin_unlock(&m->lock);
    if (busy) {
        page_wait(busy);
        page_put(busy);
    }
    for (unsigned i = 0; i < n; i++) {
        lru_remove(pages[i]);
        page_unlock(pages[i]);
    }
    return n || busy ? n + !!busy : 0;
}

/* Drops the pages of [first, last]. dying: nobody can be looking any more. */
static void drop_pages(struct mapping *m, uint64_t first, uint64_t last, bool dying)
{
    struct page *pages[DROP_BATCH];
    unsigned more;

    while (m->nr_pages) {
        uint64_t before = m->nr_pages, dropped;

        memset(pages, 0, sizeof(pages));
        more = detach_batch(m, &first, last, pages);
        dropped = before - m->nr_pages;
        for (unsigned i = 0; i < DROP_BATCH && pages[i]; i++) {
            if (dying)
                page_put(pages[i]);
            else
                drop_cached(pages[i]);
        }
        if (dropped && m->ops && m->ops->uncharge)
            m->ops->uncharge(m, dropped);
        if (!more || first > last || !first)
            break;
        cond_resched();
    }
}

void mapping_truncate(struct mapping *m, uint64_t start, uint64_t end)
{
    uint64_t first = start / PAGE_SIZE + !!(start % PAGE_SIZE), last = end / PAGE_SIZE; /* [first, last) */

    if (start >= end)
        return;
    if (start % PAGE_SIZE)
        zero_part(m, start, MIN(end, ALIGN_UP(start, PAGE_SIZE)));
    if (end != UINT64_MAX && end % PAGE_SIZE &&
        (end / PAGE_SIZE != start / PAGE_SIZE || !(start % PAGE_SIZE)))
        zero_part(m, ALIGN_DOWN(end, PAGE_SIZE), end);
    if (first >= last)
        return;
    drop_pages(m, first, last - 1, false);
    /* Pages out of the tree cannot be mapped anew; what is mapped goes now. Cutting the file short takes private
     * copies with it, punching a hole does not. */
    unmap_range(m, first, last - first, end != UINT64_MAX);
}

void mapping_destroy(struct mapping *m)
{
    drop_pages(m, 0, UINT64_MAX, true);
    spin_lock(&m->lock); /* a reclaimer that was just here has left */
    spin_unlock(&m->lock);
    radix_destroy(&m->pages);
}
