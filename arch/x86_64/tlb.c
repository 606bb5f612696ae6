/* SPDX-License-Identifier: BSD-2-Clause */
/* tlb.c: which program's tables each CPU has loaded, and what it forgets when they change. */
#include "arch/x86_64/pt.h"
#include "kernel/arch.h"
#include "kernel/thread.h"

static void flush_here(const struct flush *f)
{
    if (f->end - f->start > FLUSH_MAX * PAGE_SIZE) {
        write_cr3(read_cr3());
        return;
    }
    for (vaddr_t va = f->start; va < f->end; va += PAGE_SIZE)
        tlb_flush_page(va);
}

static void flush_there(void *arg)
{
    struct flush *f = arg;

    if (this_cpu()->mm != f->mm)
        return;
    if (f->all)
        write_cr3(read_cr3());
    else
        flush_here(f);
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

static void flush_others(struct flush *f)
{
    uint64_t mask = arch_mm_cpus(f->mm) & ~cpu_bit(this_cpu()->id);

    mask &= f->cpus | atomic_load(&f->mm->arch.whole_mask);
    if (mask && !f->tables)
        mask = must_flush_now(mask);
    if (mask)
        smp_call(mask, flush_there, f);
}

void tlb_flush(struct flush *f)
{
    if (likely(this_cpu()->mm == f->mm))
        flush_here(f);
    if (unlikely(nr_cpus > 1))
        flush_others(f);
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

/* The view of mm, which this CPU has loaded, takes the place of the common tables. */
static void load_view(struct cpu *c, struct mm *mm)
{
    uint64_t *root = view_root(mm);

    write_cr3(virt_phys(root));
    if (root == mm->arch.pgd)
        return;
    c->arch.view = &mm->arch.views[c->id];
    atomic_and(&mm->arch.whole_mask, ~cpu_bit(c->id));
}

static void come_back(struct cpu *c, struct mm *mm)
{
    bool stale = __atomic_exchange_n(&c->arch.tlb_state, TLB_LIVE, __ATOMIC_SEQ_CST) == TLB_STALE;

    if (mm->arch.views && !c->arch.view)
        load_view(c, mm);
    else if (stale)
        write_cr3(read_cr3());
}

static uint64_t *root_to_load(struct cpu *c, struct mm *mm)
{
    uint64_t *root = view_root(mm);
    bool own = root != mm->arch.pgd;

    c->arch.view = own ? &mm->arch.views[c->id] : NULL;
    if (!own)
        atomic_or(&mm->arch.whole_mask, cpu_bit(c->id));
    atomic_or(&mm->arch.cpu_mask, cpu_bit(c->id));
    return root;
}

void arch_mm_load(struct mm *mm)
{
    struct cpu *c = this_cpu();
    struct mm *old = c->mm;

    if (old == mm) {
        if (unlikely(c->arch.tlb_state != TLB_LIVE))
            come_back(c, mm);
        return;
    }
    c->arch.tlb_state = TLB_LIVE;
    c->mm = mm;
    if (mm) {
        write_cr3(virt_phys(root_to_load(c, mm)));
    } else {
        c->arch.view = NULL;
        write_cr3(image_phys(kernel_pml4));
    }
    if (old) {
        atomic_and(&old->arch.cpu_mask, ~cpu_bit(c->id));
        atomic_and(&old->arch.whole_mask, ~cpu_bit(c->id));
    }
}

void mm_activate(struct mm *mm)
{
    current->mm = mm;
    arch_mm_load(mm);
}

void arch_mm_share(struct mm *mm)
{
    struct pt_view *views, *none = NULL;
    struct page *p;

    if (nr_cpus == 1 || mm->arch.views)
        return;
    p = page_alloc(PAGE_WAIT | PAGE_ZERO);
    if (!p) /* all CPUs go on with the common tables */
        return;
    views = page_virt(p);
    for (unsigned i = 0; i < MAX_CPUS; i++)
        views[i].linked = NOT_LINKED;
    if (!__atomic_compare_exchange_n(&mm->arch.views, &none, views, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        page_free(p);
    if (!this_cpu()->arch.view)
        load_view(this_cpu(), mm);
}
