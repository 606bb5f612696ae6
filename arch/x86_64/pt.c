/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pt.c: the page tables of a program.
 *
 * A table's descriptor counts its entries in page.private, so that an emptied table is found without looking. A last-level
 * table's page.index has a bit for each eight entries that were in use since it was empty: most tables of stacks hold few
 * among 512, which are found without looking at the others. An entry
 * of a page without any access (PROT_NONE) is not present for the CPU yet not zero for us. With each 2 MiB page a table
 * is set aside: splitting it can then not fail.
 */
#include "arch/x86_64/pt.h"
#include "abi/errno.h"
#include "kernel/arch.h"
#include "lib/string.h"

#define PTE_NONE PTE_G /* with PTE_P clear: mapped, no access */
static inline uint64_t leaf_flags(unsigned prot)
{
    if (unlikely(!(prot & VM_PROT)))
        return PTE_NONE | PTE_A;
    uint64_t f = PTE_P | PTE_U | PTE_A;
    if (prot & 2)
        f |= PTE_W | PTE_D;
    return prot & 4 ? f : f | pte_nx;
}

static inline unsigned leaf_prot(uint64_t e)
{
    unsigned prot = 0;

    if (e & PTE_P)
        prot = 1 | (e & PTE_W ? 2 : 0) | (e & PTE_NX ? 0 : 4);
    return prot | (e & PTE_D ? PT_DIRTY : 0) | (e & PTE_A ? PT_ACCESSED : 0);
}

static inline void flush(struct mm *mm, vaddr_t start, vaddr_t end, uint64_t cpus)
{
    struct flush f = { mm, start, end, cpus, false, false };

    tlb_flush(&f);
}

/* ---- tables ---- */

static uint64_t *table_new(void)
{
    struct page *p = page_alloc(PAGE_ATOMIC | PAGE_ZERO);

    if (!p)
        return NULL;
    p->private = 0;
    p->index = 0;
    return page_virt(p);
}

/* The table that *entry of parent points to, made when absent. */
uint64_t *pt_table_get(uint64_t *parent, unsigned i)
{
    if (likely(parent[i]))
        return table_of(parent[i]);
    uint64_t *t = table_new();
    if (!t)
        return NULL;
    parent[i] = virt_phys(t) | TABLE_FLAGS;
    virt_page(parent)->private ++;
    return t;
}

static uint64_t *pd_get(struct mm *mm, vaddr_t va)
{
    uint64_t *pdpt = pt_table_get(mm->arch.pgd, INDEX(va, 39));

    return pdpt ? pt_table_get(pdpt, INDEX(va, 30)) : NULL;
}

/* The entry for va's 2 MiB, or NULL when its table is absent. *next: end of what the answer holds for. */
uint64_t *pt_pd_entry(struct mm *mm, vaddr_t va, vaddr_t *next)
{
    uint64_t e = mm->arch.pgd[INDEX(va, 39)];

    if (!e) {
        *next = (va | (PGD_SPAN - 1)) + 1;
        return NULL;
    }
    e = table_of(e)[INDEX(va, 30)];
    if (!e) {
        *next = (va | (GIB - 1)) + 1;
        return NULL;
    }
    *next = (va | (HUGE_SIZE - 1)) + 1;
    return &table_of(e)[INDEX(va, 21)];
}

static inline void remember(struct mm *mm, vaddr_t va, uint64_t *pt)
{
    mm->arch.last_pt = pt;
    mm->arch.last_va = va >> HUGE_SHIFT;
}
static inline uint64_t *recall(struct mm *mm, vaddr_t va)
{
    return va >> HUGE_SHIFT == mm->arch.last_va ? mm->arch.last_pt : NULL;
}
static inline void forget(struct mm *mm, vaddr_t va)
{
    if (va >> HUGE_SHIFT == mm->arch.last_va)
        mm->arch.last_pt = NULL;
}

/* A last-level table gets its entry i. */
static inline void entry_added(uint64_t *pt, unsigned i)
{
    struct page *tp = virt_page(pt);

    tp->private ++;
    tp->index |= 1ull << (i / 8);
}

/* The first of a last-level table's entries from i on (up to 512) that may be in use; 512: there is none. */
static inline unsigned next_entry(const uint64_t *pt, unsigned i)
{
    uint64_t eights = i < 512 ? virt_page(pt)->index >> (i / 8) : 0;

    if (eights & 1)
        return i;
    return eights ? (i / 8 + __builtin_ctzll(eights)) * 8 : 512;
}

/* What follows i, of which the same holds. */
static inline unsigned entry_after(const uint64_t *pt, unsigned i)
{
    i++;
    return i % 8 ? i : next_entry(pt, i);
}

/* ---- tables set aside for splitting ---- */

static bool deposit(struct mm *mm)
{
    struct page *p = page_alloc(PAGE_ATOMIC);

    if (!p)
        return false;
    p->owner = mm->arch.deposit;
    mm->arch.deposit = p;
    return true;
}
static struct page *withdraw(struct mm *mm)
{
    struct page *p = mm->arch.deposit;

    mm->arch.deposit = p->owner;
    p->cpus = 0;
    return p;
}

/* One 2 MiB entry becomes a table of 512. The translation stays the same, so nothing needs flushing for it. */
static uint64_t *split(struct mm *mm, vaddr_t va, uint64_t *pde)
{
    struct flush f = { .mm = mm, .start = va & ~(HUGE_SIZE - 1), .end = (va & ~(HUGE_SIZE - 1)) + PAGE_SIZE };
    struct page *p = withdraw(mm);
    uint64_t *pt = page_virt(p), e = *pde & ~(uint64_t)PTE_PS;

    views_unlink(&f, pde, va);
    for (unsigned i = 0; i < 512; i++)
        pt[i] = e + i * PAGE_SIZE;
    p->private = 512;
    p->index = ~0ull;
    *pde = page_paddr(p) | TABLE_FLAGS;
    if (e & PTE_P)
        tlb_flush(&f);
    return pt;
}

/* ---- removal in batches: entries are cleared, then the TLB flushed, then the pages given back ---- */

#define BATCH       32
#define LARGE_BATCH (PAGE_SIZE / sizeof(struct leaf)) /* where other CPUs must be interrupted to flush */
struct leaf {
    vaddr_t va;
    uint64_t e;
};

struct batch {
    struct flush f; /* cpus and all stay set from one flush to the next */
    void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge);
    void *arg;
    unsigned n, max;
    vaddr_t stop;        /* where it was full; 0: it was not */
    struct leaf *leaf;   /* few, or a page */
    struct page *tables; /* linked through owner */
    struct leaf few[BATCH];
};

static void batch_init(struct batch *b, struct mm *mm,
                       void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge), void *arg)
{
    b->f = (struct flush){ .mm = mm };
    b->put = put;
    b->arg = arg;
    b->tables = NULL;
    b->n = 0;
    b->stop = 0;
    b->leaf = b->few;
    b->max = BATCH;
}

/* True: there is room for more before the next flush. */
static bool batch_grow(struct batch *b)
{
    struct page *p;

    if (nr_cpus == 1 || b->leaf != b->few)
        return false;
    p = page_alloc(PAGE_ATOMIC);
    if (!p)
        return false;
    b->leaf = memcpy(page_virt(p), b->few, sizeof(b->few));
    b->max = LARGE_BATCH;
    return true;
}

static void batch_done(struct batch *b)
{
    if (b->leaf != b->few)
        page_free(virt_page(b->leaf));
}

static void batch_end(struct batch *b)
{
    if (b->n || b->tables)
        tlb_flush(&b->f);
    for (unsigned i = 0; i < b->n; i++) {
        uint64_t e = b->leaf[i].e;
        bool huge = e & PTE_PS;

        if (b->put)
            b->put(b->arg, b->leaf[i].va, e & PTE_ADDR & (huge ? ~(HUGE_SIZE - 1) : ~0ul), leaf_prot(e),
                   huge);
    }
    while (b->tables) {
        struct page *p = b->tables;

        b->tables = p->owner;
        page_free(p);
    }
    b->f.tables = false;
    b->n = 0;
}

static inline void batch_range(struct batch *b, vaddr_t va, size_t len)
{
    if (!b->n && !b->tables)
        b->f.start = va;
    b->f.end = va + len;
}

/* No more fits in. With one CPU nobody waits for pt_lock meanwhile, and it is emptied at once. */
static inline bool batch_full(struct batch *b)
{
    if (likely(b->n < b->max) || batch_grow(b))
        return false;
    if (nr_cpus > 1)
        return true;
    batch_end(b);
    return false;
}

static inline void batch_leaf(struct batch *b, vaddr_t va, uint64_t e)
{
    batch_range(b, va, e & PTE_PS ? HUGE_SIZE : PAGE_SIZE);
    b->leaf[b->n].va = va;
    b->leaf[b->n++].e = e;
}

static void batch_table(struct batch *b, vaddr_t va, struct page *table)
{
    if (!b->n && !b->tables)
        batch_range(b, va, PAGE_SIZE);
    table->owner = b->tables;
    b->tables = table;
    b->f.tables = true;
}

/* A table above the last level leaves the tree, and each view's with it. */
static void batch_upper(struct batch *b, vaddr_t va, uint64_t *table, unsigned level)
{
    struct page *p = virt_page(table);

    for (unsigned cpu = 0; p; p = view_take_table(&b->f, va, level, &cpu))
        batch_table(b, va, p);
}

/* The tables around va that have become empty leave the tree. */
static void drop_tables(struct batch *b, vaddr_t va)
{
    uint64_t *pgd = b->f.mm->arch.pgd, *pdpt = table_of(pgd[INDEX(va, 39)]);
    uint64_t *pd = table_of(pdpt[INDEX(va, 30)]);
    uint64_t e = pd[INDEX(va, 21)];

    if (e) {
        if (!is_table(e) || virt_page(table_of(e))->private)
            return;
        views_unlink(&b->f, &pd[INDEX(va, 21)], va);
        pd[INDEX(va, 21)] = 0;
        forget(b->f.mm, va);
        batch_table(b, va, virt_page(table_of(e)));
        if (--virt_page(pd)->private)
            return;
    } else if (virt_page(pd)->private) {
        return;
    }
    pdpt[INDEX(va, 30)] = 0;
    batch_upper(b, va, pd, 1);
    if (--virt_page(pdpt)->private)
        return;
    pgd[INDEX(va, 39)] = 0;
    virt_page(pgd)->private --;
    batch_upper(b, va, pdpt, 2);
}

/* The last table emptied stays, for a program that maps and unmaps in the same place; the one before goes. */
static void keep_empty(struct batch *b, vaddr_t va)
{
    struct arch_mm *m = &b->f.mm->arch;
    vaddr_t *empty = unlikely(m->views != NULL) ? &m->views[this_cpu()->id].empty_va : &m->empty_va;
    vaddr_t old = *empty, next;

    va &= ~(HUGE_SIZE - 1);
    *empty = va | 1;
    if (!old || old == (va | 1))
        return;
    uint64_t *pde = pt_pd_entry(b->f.mm, old, &next);
    if (pde && is_table(*pde))
        drop_tables(b, old);
}

static void unmap_table(struct batch *b, uint64_t *pt, vaddr_t va, vaddr_t end)
{
    unsigned first = INDEX(va, 12), after = first + ((end - va) >> PAGE_SHIFT);
    struct page *tp = virt_page(pt);
    unsigned left = tp->private, i = next_entry(pt, first);

    while (i < after && !pt[i])
        i = entry_after(pt, i);
    if (i < after && tp->cpus)
        views_reach(&b->f, pt, va, after - first > FLUSH_MAX);
    for (; i < after && left; i = entry_after(pt, i)) {
        uint64_t was = pt[i];

        if (!was)
            continue;
        if (unlikely(batch_full(b))) {
            b->stop = va + (i - first) * PAGE_SIZE;
            break;
        }
        pt[i] = 0;
        tp->private = --left;
        batch_leaf(b, va + (i - first) * PAGE_SIZE, was);
    }
    if (!left) {
        tp->index = 0;
        keep_empty(b, va);
    }
}

static void unmap_huge(struct batch *b, uint64_t *pde, vaddr_t va)
{
    uint64_t *pd = (uint64_t *)((vaddr_t)pde & PAGE_MASK);

    if (unlikely(batch_full(b))) {
        b->stop = va;
        return;
    }
    views_unlink(&b->f, pde, va);
    batch_leaf(b, va, *pde);
    *pde = 0;
    virt_page(pd)->private --;
    batch_table(b, va, withdraw(b->f.mm));
    if (!virt_page(pd)->private)
        drop_tables(b, va);
}

vaddr_t pt_unmap(struct mm *mm, vaddr_t start, vaddr_t end,
                 void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge), void *arg)
{
    struct batch b;
    vaddr_t next;

    batch_init(&b, mm, put, arg);
    for (vaddr_t va = start; va < end && !b.stop; va = next) {
        uint64_t *pde = pt_pd_entry(mm, va, &next);

        next = MIN(next, end);
        if (!pde || !*pde)
            continue;
        if (is_table(*pde))
            unmap_table(&b, table_of(*pde), va, next);
        else if (next - va == HUGE_SIZE)
            unmap_huge(&b, pde, va);
        else
            unmap_table(&b, split(mm, va, pde), va, next);
    }
    batch_end(&b);
    batch_done(&b);
    return b.stop ? b.stop : end;
}

/* ---- mapping ---- */

static void unmapped_table(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
}

/* An empty last-level table was kept where a 2 MiB page is to be: it goes. */
static void drop_kept(struct mm *mm, vaddr_t va, uint64_t *pde)
{
    struct flush f = { .mm = mm, .start = va, .end = va + PAGE_SIZE, .tables = true };
    struct page *table = virt_page(table_of(*pde));

    views_unlink(&f, pde, va);
    *pde = 0;
    virt_page(pde)->private --;
    forget(mm, va);
    tlb_flush(&f);
    page_free(table);
}

static int map_huge(struct mm *mm, vaddr_t va, uint64_t e)
{
    struct flush f = { .mm = mm, .start = va, .end = va + PAGE_SIZE };
    uint64_t *pd = pd_get(mm, va);

    if (!pd)
        return -ENOMEM;
    if (is_table(pd[INDEX(va, 21)])) { /* what the table held is the caller's */
        vaddr_t at = va;

        while ((at = pt_unmap(mm, at, va + HUGE_SIZE, unmapped_table, NULL)) < va + HUGE_SIZE)
            ;
    }
    pd = pd_get(mm, va);
    if (!pd)
        return -ENOMEM;
    uint64_t *pde = &pd[INDEX(va, 21)];
    if (is_table(*pde))
        drop_kept(mm, va, pde);
    views_unlink(&f, pde, va);
    if (!*pde) {
        if (!deposit(mm))
            return -ENOMEM;
        virt_page(pd)->private ++;
    }
    *pde = e | PTE_PS;
    tlb_flush(&f);
    return 0;
}

/* The last-level table for va, splitting a 2 MiB page there. */
static __noinline uint64_t *pt_get(struct mm *mm, vaddr_t va)
{
    uint64_t *pd = pd_get(mm, va), *pt;

    if (!pd)
        return NULL;
    uint64_t *pde = &pd[INDEX(va, 21)];
    pt = *pde & PTE_PS ? split(mm, va, pde) : pt_table_get(pd, INDEX(va, 21));
    if (pt)
        remember(mm, va, pt);
    return pt;
}

int pt_map(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
    uint64_t e = pa | leaf_flags(prot);

    if (unlikely(huge))
        return map_huge(mm, va, e);
    uint64_t *pt = recall(mm, va);
    if (!pt)
        pt = pt_get(mm, va);
    if (unlikely(!pt))
        return -ENOMEM;
    uint64_t *pte = &pt[INDEX(va, 12)], old = *pte;

    *pte = e;
    if (likely(!old))
        entry_added(pt, INDEX(va, 12));
    else if (old & PTE_P)
        flush(mm, va, va + PAGE_SIZE, *table_cpus(pt));
    return 0;
}

int pt_map_new(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot)
{
    uint64_t *pt = recall(mm, va), *pte;
    vaddr_t next;

    if (unlikely(!pt)) {
        uint64_t *pde = pt_pd_entry(mm, va, &next);

        if (pde && (*pde & PTE_PS))
            return -EEXIST;
        pt = pt_get(mm, va);
        if (!pt)
            return -ENOMEM;
    }
    pte = &pt[INDEX(va, 12)];
    if (*pte)
        return -EEXIST;
    *pte = pa | leaf_flags(prot);
    entry_added(pt, INDEX(va, 12));
    return 0;
}

/* ---- looking ---- */

bool pt_lookup(struct mm *mm, vaddr_t va, paddr_t *pa, unsigned *prot, bool *huge)
{
    uint64_t *pt = recall(mm, va), e;
    vaddr_t next;

    *huge = false;
    if (pt) {
        e = pt[INDEX(va, 12)];
    } else {
        uint64_t *pde = pt_pd_entry(mm, va, &next);

        if (!pde || !*pde)
            return false;
        e = *pde;
        if (e & PTE_PS)
            *huge = true;
        else
            e = table_of(e)[INDEX(va, 12)];
    }
    if (!e)
        return false;
    *pa = *huge ? (e & PTE_ADDR & ~(HUGE_SIZE - 1)) | (va & (HUGE_SIZE - 1) & PAGE_MASK) : e & PTE_ADDR;
    *prot = leaf_prot(e);
    return true;
}

vaddr_t pt_next(struct mm *mm, vaddr_t va, vaddr_t end)
{
    vaddr_t next;

    for (; va < end; va = next) {
        uint64_t *pde = pt_pd_entry(mm, va, &next);

        if (!pde || !*pde)
            continue;
        if (*pde & PTE_PS)
            return va;
        uint64_t *pt = table_of(*pde);
        if (!virt_page(pt)->private)
            continue;
        unsigned first = INDEX(va, 12), after = first + ((MIN(next, end) - va) >> PAGE_SHIFT);

        for (unsigned i = next_entry(pt, first); i < after; i = entry_after(pt, i))
            if (pt[i])
                return va + (i - first) * PAGE_SIZE;
    }
    return end;
}

/* ---- changing ---- */

static uint64_t protected_entry(uint64_t e, unsigned prot, bool allow_write)
{
    uint64_t f = leaf_flags(prot);

    if (!allow_write && !(e & PTE_W))
        f &= ~(uint64_t)PTE_W;
    return (e & PTE_ADDR) | (e & (PTE_PS | PTE_D)) | f;
}

/* True: what the CPU may know of the entries has changed. */
static bool protect_table(uint64_t *pt, unsigned first, unsigned after, unsigned prot, bool allow_write)
{
    bool known = false;

    for (unsigned i = next_entry(pt, first); i < after; i = entry_after(pt, i)) {
        uint64_t was = pt[i];

        if (!was)
            continue;
        known |= was & PTE_P;
        pt[i] = protected_entry(was, prot, allow_write);
    }
    return known;
}

void pt_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, bool allow_write)
{
    struct flush f = { .mm = mm };
    vaddr_t next;

    for (vaddr_t va = start; va < end; va = next) {
        uint64_t *pde = pt_pd_entry(mm, va, &next), *pt;
        bool known = true;

        next = MIN(next, end);
        if (!pde || !*pde)
            continue;
        if ((*pde & PTE_PS) && next - va == HUGE_SIZE) {
            views_unlink(&f, pde, va);
            *pde = protected_entry(*pde, prot, allow_write);
        } else {
            unsigned first = INDEX(va, 12), after = first + ((next - va) >> PAGE_SHIFT);

            pt = *pde & PTE_PS ? split(mm, va, pde) : table_of(*pde);
            known = protect_table(pt, first, after, prot, allow_write);
            if (known && *table_cpus(pt))
                views_reach(&f, pt, va, after - first > FLUSH_MAX);
        }
        if (!known)
            continue;
        if (!f.end)
            f.start = va;
        f.end = next;
    }
    if (f.end)
        tlb_flush(&f);
}

static int move_huge(struct flush *f, uint64_t *pde, vaddr_t from, vaddr_t to)
{
    uint64_t *pd = pd_get(f->mm, to);

    if (!pd)
        return -ENOMEM;
    if (is_table(pd[INDEX(to, 21)]))
        drop_kept(f->mm, to, &pd[INDEX(to, 21)]);
    views_unlink(f, pde, from);
    pd[INDEX(to, 21)] = *pde;
    virt_page(pd)->private ++;
    *pde = 0;
    virt_page((void *)((vaddr_t)pde & PAGE_MASK))->private --;
    return 0;
}

static int move_small(struct mm *mm, uint64_t *pt, vaddr_t from, vaddr_t to)
{
    uint64_t *e = &pt[INDEX(from, 12)], *dst = recall(mm, to);

    if (!*e)
        return 0;
    if (!dst)
        dst = pt_get(mm, to);
    if (!dst)
        return -ENOMEM;
    dst[INDEX(to, 12)] = *e;
    entry_added(dst, INDEX(to, 12));
    *e = 0;
    virt_page(pt)->private --;
    return 0;
}

int pt_move(struct mm *mm, vaddr_t from, vaddr_t to, size_t len)
{
    struct flush f = { .mm = mm, .start = from, .end = from + len };
    vaddr_t next, end = from + len;
    intptr_t by = to - from;
    int err = 0;

    for (vaddr_t va = from; va < end && !err; va = next) {
        uint64_t *pde = pt_pd_entry(mm, va, &next);

        next = MIN(next, end);
        if (!pde || !*pde)
            continue;
        if ((*pde & PTE_PS) && next - va == HUGE_SIZE && IS_ALIGNED(va + by, HUGE_SIZE)) {
            err = move_huge(&f, pde, va, va + by);
            continue;
        }
        uint64_t *pt = *pde & PTE_PS ? split(mm, va, pde) : table_of(*pde);
        if (*table_cpus(pt))
            views_reach(&f, pt, va, next - va > FLUSH_MAX * PAGE_SIZE);
        for (; va < next && !err; va += PAGE_SIZE)
            err = move_small(mm, pt, va, va + by);
    }
    tlb_flush(&f);
    return err;
}

/* ---- whole address spaces ---- */

uint64_t *pt_root_new(void)
{
    unsigned direct = INDEX((vaddr_t)direct_map, 39);
    uint64_t *pgd = table_new();

    if (pgd) {
        pgd[direct] = kernel_pml4[direct];
        pgd[511] = kernel_pml4[511];
    }
    return pgd;
}

int arch_mm_init(struct mm *mm)
{
    mm->arch = (struct arch_mm){ .pgd = pt_root_new() };
    return mm->arch.pgd ? 0 : -ENOMEM;
}

void pt_free_tables(uint64_t *table, unsigned level, unsigned nr)
{
    unsigned left = level ? virt_page(table)->private : 0;

    for (unsigned i = 0; left && i < nr; i++) {
        if (!table[i])
            continue;
        left--;
        pt_free_tables(table_of(table[i]), level - 1, 512);
    }
    page_free(virt_page(table));
}

static void unload_here(void *mm)
{
    if (this_cpu()->mm == mm)
        arch_mm_load(NULL);
}

/* Everything is unmapped; what is left are tables kept empty. */
void arch_mm_free(struct mm *mm)
{
    unload_here(mm);
    if (nr_cpus > 1)
        smp_call(arch_mm_cpus(mm), unload_here, mm);
    while (mm->arch.deposit)
        page_free(withdraw(mm));
    views_free(mm);
    pt_free_tables(mm->arch.pgd, 3, 256);
}
