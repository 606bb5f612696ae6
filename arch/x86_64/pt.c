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
#include "abi/errno.h"
#include "arch/paging.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/page.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define PTE_NONE      PTE_G /* with PTE_P clear: mapped, no access */
#define TABLE_FLAGS   (PTE_P | PTE_W | PTE_U | PTE_A)
#define FLUSH_MAX     32 /* pages: beyond, dropping the whole TLB costs less than INVLPG for each */
#define GIB           (1ul << 30)
#define PGD_SPAN      (1ul << 39)
#define INDEX(va, sh) ((va) >> (sh)&511)

static inline uint64_t *table_of(uint64_t entry)
{
    return phys_virt(entry & PTE_ADDR);
}
static inline bool is_table(uint64_t pd_entry)
{
    return pd_entry && !(pd_entry & PTE_PS);
}

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

/* ---- the TLB ---- */

struct flush {
    struct mm *mm;
    vaddr_t start, end;
};

static void flush_here(void *arg)
{
    struct flush *f = arg;

    if (this_cpu()->mm != f->mm)
        return;
    if (f->end - f->start > FLUSH_MAX * PAGE_SIZE) {
        write_cr3(read_cr3());
        return;
    }
    for (vaddr_t va = f->start; va < f->end; va += PAGE_SIZE)
        tlb_flush_page(va);
}

/* A CPU that has left the program for a kernel thread uses no entries of its, and drops all of them before it comes back
 * if it was told so. Only tables that go away must not stay loaded there: the CPU may walk them on its own accord. */
enum { TLB_LIVE, TLB_LAZY, TLB_STALE };

static uint64_t must_flush_now(uint64_t mask)
{
    uint64_t now = mask;

    for (; mask; mask &= mask - 1) {
        unsigned cpu = __builtin_ctzll(mask);
        uint32_t *state = &cpus[cpu]->arch.tlb_state, lazy = TLB_LAZY;

        if (atomic_load(state) != TLB_LIVE &&
            (__atomic_compare_exchange_n(state, &lazy, TLB_STALE, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST) ||
             lazy == TLB_STALE))
            now &= ~cpu_bit(cpu);
    }
    return now;
}

uint64_t arch_mm_cpus(struct mm *mm)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return atomic_load(&mm->arch.cpu_mask);
}

/* The tables have changed; freed: some of them are about to be freed. */
static void flush_others(struct flush *f, bool freed)
{
    uint64_t mask = arch_mm_cpus(f->mm) & ~cpu_bit(this_cpu()->id);

    if (mask && !freed)
        mask = must_flush_now(mask);
    if (mask)
        smp_call(mask, flush_here, f);
}

static inline void flush_range(struct mm *mm, vaddr_t start, vaddr_t end, bool freed)
{
    struct flush f = { mm, start, end };

    flush_here(&f);
    if (unlikely(nr_cpus > 1))
        flush_others(&f, freed);
}

static void flush(struct mm *mm, vaddr_t start, vaddr_t end)
{
    flush_range(mm, start, end, false);
}

static void flush_kernel_here(void *unused)
{
    uint64_t cr4 = read_cr4();

    write_cr4(cr4 & ~CR4_PGE); /* SDM vol. 3A §4.10.4.1: also drops global entries */
    write_cr4(cr4);
}

void arch_flush_kernel_tlb(void)
{
    flush_kernel_here(NULL);
    smp_call(cpus_all(), flush_kernel_here, NULL);
}

/* The program's tables stay loaded while the CPU runs kernel threads. */
void arch_mm_leave(void)
{
    struct cpu *c = this_cpu();

    if (c->mm && c->arch.tlb_state == TLB_LIVE)
        __atomic_store_n(&c->arch.tlb_state, TLB_LAZY, __ATOMIC_SEQ_CST);
}

void arch_mm_load(struct mm *mm)
{
    struct cpu *c = this_cpu();

    if (c->mm == mm) {
        if (unlikely(c->arch.tlb_state != TLB_LIVE) &&
            __atomic_exchange_n(&c->arch.tlb_state, TLB_LIVE, __ATOMIC_SEQ_CST) == TLB_STALE)
            write_cr3(read_cr3());
        return;
    }
    c->arch.tlb_state = TLB_LIVE;
    if (c->mm)
        atomic_and(&c->mm->arch.cpu_mask, ~(1ull << c->id));
    if (mm)
        atomic_or(&mm->arch.cpu_mask, 1ull << c->id);
    c->mm = mm;
    write_cr3(mm ? virt_phys(mm->arch.pgd) : image_phys(kernel_pml4));
}

void mm_activate(struct mm *mm)
{
    current->mm = mm;
    arch_mm_load(mm);
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
static uint64_t *table_get(uint64_t *parent, unsigned i)
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
    uint64_t *pdpt = table_get(mm->arch.pgd, INDEX(va, 39));

    return pdpt ? table_get(pdpt, INDEX(va, 30)) : NULL;
}

/* The entry for va's 2 MiB, or NULL when its table is absent. *next: end of what the answer holds for. */
static uint64_t *pd_entry(struct mm *mm, vaddr_t va, vaddr_t *next)
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
    return p;
}

/* One 2 MiB entry becomes a table of 512. The translation stays the same, so nothing needs flushing for it. */
static uint64_t *split(struct mm *mm, vaddr_t va, uint64_t *pde)
{
    struct page *p = withdraw(mm);
    uint64_t *pt = page_virt(p), e = *pde & ~(uint64_t)PTE_PS;

    for (unsigned i = 0; i < 512; i++)
        pt[i] = e + i * PAGE_SIZE;
    p->private = 512;
    p->index = ~0ull;
    *pde = page_paddr(p) | TABLE_FLAGS;
    if (e & PTE_P)
        flush(mm, va & ~(HUGE_SIZE - 1), (va & ~(HUGE_SIZE - 1)) + PAGE_SIZE);
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
    struct mm *mm;
    void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge);
    void *arg;
    unsigned n, nr_tables;
    vaddr_t start; /* of what needs flushing */
    vaddr_t end;
    unsigned max;
    struct leaf *leaf; /* few, or a page */
    struct leaf few[BATCH];
    struct page *tables[4];
};

static void batch_init(struct batch *b, struct mm *mm,
                       void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge), void *arg)
{
    b->mm = mm;
    b->put = put;
    b->arg = arg;
    b->n = b->nr_tables = 0;
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
    if (b->n || b->nr_tables)
        flush_range(b->mm, b->start, b->end, b->nr_tables);
    for (unsigned i = 0; i < b->n; i++) {
        uint64_t e = b->leaf[i].e;
        bool huge = e & PTE_PS;

        if (b->put)
            b->put(b->arg, b->leaf[i].va, e & PTE_ADDR & (huge ? ~(HUGE_SIZE - 1) : ~0ul), leaf_prot(e),
                   huge);
    }
    for (unsigned i = 0; i < b->nr_tables; i++)
        page_free(b->tables[i]);
    b->n = b->nr_tables = 0;
}

static inline void batch_range(struct batch *b, vaddr_t va, size_t len)
{
    if (!b->n && !b->nr_tables)
        b->start = va;
    b->end = va + len;
}

static inline void batch_leaf(struct batch *b, vaddr_t va, uint64_t e)
{
    if (b->n == b->max && !batch_grow(b))
        batch_end(b);
    batch_range(b, va, e & PTE_PS ? HUGE_SIZE : PAGE_SIZE);
    b->leaf[b->n].va = va;
    b->leaf[b->n++].e = e;
}

static void batch_table(struct batch *b, vaddr_t va, struct page *table)
{
    if (b->nr_tables == ARRAY_SIZE(b->tables))
        batch_end(b);
    if (!b->n && !b->nr_tables)
        batch_range(b, va, PAGE_SIZE);
    b->tables[b->nr_tables++] = table;
}

/* The tables around va that have become empty leave the tree. */
static void drop_tables(struct batch *b, vaddr_t va)
{
    uint64_t *pgd = b->mm->arch.pgd, *pdpt = table_of(pgd[INDEX(va, 39)]);
    uint64_t *pd = table_of(pdpt[INDEX(va, 30)]);
    uint64_t e = pd[INDEX(va, 21)];

    if (e) {
        if (!is_table(e) || virt_page(table_of(e))->private)
            return;
        pd[INDEX(va, 21)] = 0;
        forget(b->mm, va);
        batch_table(b, va, virt_page(table_of(e)));
        if (--virt_page(pd)->private)
            return;
    } else if (virt_page(pd)->private) {
        return;
    }
    pdpt[INDEX(va, 30)] = 0;
    batch_table(b, va, virt_page(pd));
    if (--virt_page(pdpt)->private)
        return;
    pgd[INDEX(va, 39)] = 0;
    virt_page(pgd)->private --;
    batch_table(b, va, virt_page(pdpt));
}

/* The last table emptied stays, for a program that maps and unmaps in the same place; the one before goes. */
static void keep_empty(struct batch *b, vaddr_t va)
{
    vaddr_t old = b->mm->arch.empty_va, next;

    va &= ~(HUGE_SIZE - 1);
    b->mm->arch.empty_va = va | 1;
    if (!old || old == (va | 1))
        return;
    uint64_t *pde = pd_entry(b->mm, old, &next);
    if (pde && is_table(*pde))
        drop_tables(b, old);
}

static void unmap_table(struct batch *b, uint64_t *pt, vaddr_t va, vaddr_t end)
{
    unsigned first = INDEX(va, 12), after = first + ((end - va) >> PAGE_SHIFT);
    struct page *tp = virt_page(pt);
    unsigned left = tp->private;

    for (unsigned i = next_entry(pt, first); i < after && left; i = entry_after(pt, i)) {
        uint64_t was = pt[i];

        if (!was)
            continue;
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

    batch_leaf(b, va, *pde);
    *pde = 0;
    virt_page(pd)->private --;
    batch_table(b, va, withdraw(b->mm));
    if (!virt_page(pd)->private)
        drop_tables(b, va);
}

void pt_unmap(struct mm *mm, vaddr_t start, vaddr_t end,
              void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge), void *arg)
{
    struct batch b;
    vaddr_t next;

    batch_init(&b, mm, put, arg);
    for (vaddr_t va = start; va < end; va = next) {
        uint64_t *pde = pd_entry(mm, va, &next);

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
}

/* ---- mapping ---- */

static void unmapped_table(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
}

static int map_huge(struct mm *mm, vaddr_t va, uint64_t e)
{
    uint64_t *pd = pd_get(mm, va);

    if (!pd)
        return -ENOMEM;
    if (is_table(pd[INDEX(va, 21)])) /* what the table held is the caller's */
        pt_unmap(mm, va, va + HUGE_SIZE, unmapped_table, NULL);
    pd = pd_get(mm, va);
    if (!pd)
        return -ENOMEM;
    uint64_t *pde = &pd[INDEX(va, 21)];
    if (is_table(*pde)) { /* kept although empty */
        page_free(virt_page(table_of(*pde)));
        *pde = 0;
        virt_page(pd)->private --;
        forget(mm, va);
    }
    if (!*pde) {
        if (!deposit(mm))
            return -ENOMEM;
        virt_page(pd)->private ++;
    }
    *pde = e | PTE_PS;
    flush(mm, va, va + PAGE_SIZE);
    return 0;
}

/* The last-level table for va, splitting a 2 MiB page there. */
static __noinline uint64_t *pt_get(struct mm *mm, vaddr_t va)
{
    uint64_t *pd = pd_get(mm, va), *pt;

    if (!pd)
        return NULL;
    uint64_t *pde = &pd[INDEX(va, 21)];
    pt = *pde & PTE_PS ? split(mm, va, pde) : table_get(pd, INDEX(va, 21));
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
        flush(mm, va, va + PAGE_SIZE);
    return 0;
}

int pt_map_new(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot)
{
    uint64_t *pt = recall(mm, va), *pte;
    vaddr_t next;

    if (unlikely(!pt)) {
        uint64_t *pde = pd_entry(mm, va, &next);

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
        uint64_t *pde = pd_entry(mm, va, &next);

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
        uint64_t *pde = pd_entry(mm, va, &next);

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

void pt_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, bool allow_write)
{
    vaddr_t next, first = 0, last = 0;

    for (vaddr_t va = start; va < end; va = next) {
        uint64_t *pde = pd_entry(mm, va, &next), *pt;

        next = MIN(next, end);
        if (!pde || !*pde)
            continue;
        if (!first)
            first = va;
        last = next;
        if ((*pde & PTE_PS) && next - va == HUGE_SIZE) {
            *pde = protected_entry(*pde, prot, allow_write);
            continue;
        }
        pt = *pde & PTE_PS ? split(mm, va, pde) : table_of(*pde);
        unsigned first = INDEX(va, 12), after = first + ((next - va) >> PAGE_SHIFT);

        for (unsigned i = next_entry(pt, first); i < after; i = entry_after(pt, i))
            if (pt[i])
                pt[i] = protected_entry(pt[i], prot, allow_write);
    }
    if (last)
        flush(mm, first, last);
}

static int move_huge(struct mm *mm, uint64_t *pde, vaddr_t from, vaddr_t to)
{
    uint64_t *pd = pd_get(mm, to);

    if (!pd)
        return -ENOMEM;
    if (is_table(pd[INDEX(to, 21)])) { /* kept although empty */
        page_free(virt_page(table_of(pd[INDEX(to, 21)])));
        virt_page(pd)->private --;
        forget(mm, to);
    }
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
    vaddr_t next, end = from + len;
    intptr_t by = to - from;
    int err = 0;

    for (vaddr_t va = from; va < end && !err; va = next) {
        uint64_t *pde = pd_entry(mm, va, &next);

        next = MIN(next, end);
        if (!pde || !*pde)
            continue;
        if ((*pde & PTE_PS) && next - va == HUGE_SIZE && IS_ALIGNED(va + by, HUGE_SIZE)) {
            err = move_huge(mm, pde, va, va + by);
            continue;
        }
        uint64_t *pt = *pde & PTE_PS ? split(mm, va, pde) : table_of(*pde);
        for (; va < next && !err; va += PAGE_SIZE)
            err = move_small(mm, pt, va, va + by);
    }
    flush(mm, from, end);
    return err;
}

/* ---- whole address spaces ---- */

int arch_mm_init(struct mm *mm)
{
    uint64_t *pgd = table_new();

    if (!pgd)
        return -ENOMEM;
    unsigned direct = INDEX((vaddr_t)direct_map, 39);

    pgd[direct] = kernel_pml4[direct];
    pgd[511] = kernel_pml4[511];
    mm->arch = (struct arch_mm){ .pgd = pgd };
    return 0;
}

static void free_tables(uint64_t *table, unsigned level, unsigned nr)
{
    unsigned left = level ? virt_page(table)->private : 0;

    for (unsigned i = 0; left && i < nr; i++) {
        if (!table[i])
            continue;
        left--;
        free_tables(table_of(table[i]), level - 1, 512);
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
    free_tables(mm->arch.pgd, 3, 256);
}
