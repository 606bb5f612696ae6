/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pt_view.c: each CPU's own way to the tables of a program with several threads.
 *
 * What only one CPU has touched need not be flushed on others; but a CPU that has a table may use any entry of it on its own
 * accord. Therefore each CPU has tables of its own above the last level, and a last-level table enters them when a thread
 * faults there on that CPU; the table's descriptor says which CPUs have it (page.cpus). A 2 MiB page enters as a copy of its
 * entry. (After RadixVM, Clements, Kaashoek, Zeldovich, EuroSys 2013; there the last level is each CPU's own as well, and
 * memory that threads share costs a fault for each page and CPU instead of one for each 2 MiB.)
 *
 * A CPU whose view could not be made, for want of memory, loads the common tables (arch_mm.whole_mask), as all do while the
 * program has one thread: it is told of every change.
 */
#include "arch/x86_64/pt.h"
#include "kernel/arch.h"
#include "kernel/thread.h"

#define TELL_MAX 8 /* times that a CPU is told of changes in a table before it has to fault for it again */

uint64_t *view_root(struct mm *mm)
{
    struct pt_view *v = atomic_load_acquire(&mm->arch.views);
    uint64_t *pgd;

    if (!v)
        return mm->arch.pgd;
    v += this_cpu()->id;
    if (!v->pgd) {
        pgd = pt_root_new();
        if (!pgd)
            return mm->arch.pgd;
        v->pgd = pgd;
    }
    return v->pgd;
}

/* The entry in v for va's 2 MiB, or NULL when its table is absent. */
static uint64_t *slot(const struct pt_view *v, vaddr_t va)
{
    uint64_t e = v->pgd[INDEX(va, 39)];

    if (e)
        e = table_of(e)[INDEX(va, 30)];
    return e ? &table_of(e)[INDEX(va, 21)] : NULL;
}

static uint64_t *slot_get(struct pt_view *v, vaddr_t va)
{
    uint64_t *t = pt_table_get(v->pgd, INDEX(va, 39));

    if (t)
        t = pt_table_get(t, INDEX(va, 30));
    return t ? &t[INDEX(va, 21)] : NULL;
}

/* This CPU goes on with the common tables. pt_lock held. */
static void give_up_view(struct cpu *c, struct mm *mm)
{
    atomic_or(&mm->arch.whole_mask, cpu_bit(c->id));
    c->arch.view = NULL;
    write_cr3(virt_phys(mm->arch.pgd));
}

/* Leads this CPU to what maps va. True: that is something, and it was not led there before. */
static bool link(struct mm *mm, vaddr_t va)
{
    struct cpu *c = this_cpu();
    struct pt_view *v = c->arch.view;
    uint64_t *pde, *s, e = 0;
    vaddr_t next;
    bool there = false;

    if (!v)
        return false;
    spin_lock(&mm->pt_lock);
    pde = pt_pd_entry(mm, va, &next);
    if (pde)
        e = *pde;
    if (!(e & PTE_P))
        goto out;
    there = !is_table(e) || table_of(e)[INDEX(va, 12)] & PTE_P;
    s = slot_get(v, va);
    if (unlikely(!s)) {
        give_up_view(c, mm);
        goto out;
    }
    there &= *s != e;
    *table_cpus(is_table(e) ? table_of(e) : pde) |= cpu_bit(c->id);
    *s = e;
    v->linked = va >> HUGE_SHIFT;
out:
    spin_unlock(&mm->pt_lock);
    return there;
}

int view_fault(struct mm *mm, vaddr_t addr, unsigned access, int *code)
{
    const struct pt_view *v = this_cpu()->arch.view;
    bool absent = v && !(access & FAULT_PRESENT) && addr < USER_MAX && v->linked != addr >> HUGE_SHIFT;
    int r;

    if (absent && link(mm, addr))
        return 0;
    r = vm_fault(mm, addr, access, code);
    if (absent && !r) /* perhaps on another CPU by now */
        link(mm, addr);
    return r;
}

/* ---- changes; pt_lock held ---- */

static void unlink(struct mm *mm, vaddr_t va, uint64_t mask)
{
    for (; mask; mask &= mask - 1) {
        struct pt_view *v = &mm->arch.views[__builtin_ctzll(mask)];
        uint64_t *s = slot(v, va);

        if (s)
            *s = 0;
        if (v->linked == va >> HUGE_SHIFT)
            WRITE_ONCE(v->linked, NOT_LINKED);
    }
}

void views_reach(struct flush *f, uint64_t *pt, vaddr_t va, bool much)
{
    uint64_t *cpus = table_cpus(pt), mine = cpu_bit(this_cpu()->id), others = *cpus & ~mine;
    struct page *p = virt_page(pt);

    f->cpus |= *cpus;
    if (likely(!others))
        return;
    if (!much && ++p->told < TELL_MAX)
        return;
    p->told = 0;
    f->all = true;
    unlink(f->mm, va, others);
    *cpus &= mine;
}

void views_unlink(struct flush *f, uint64_t *pde, vaddr_t va)
{
    uint64_t *cpus;

    if (likely(!f->mm->arch.views) || !*pde)
        return;
    cpus = table_cpus(is_table(*pde) ? table_of(*pde) : pde);
    f->cpus |= *cpus;
    unlink(f->mm, va, *cpus);
    if (is_table(*pde))
        *cpus = 0;
}

struct page *view_take_table(struct flush *f, vaddr_t va, unsigned level, unsigned *cpu)
{
    while (f->mm->arch.views && *cpu < nr_cpus) {
        struct pt_view *v = &f->mm->arch.views[(*cpu)++];
        uint64_t *parent = v->pgd, *e;

        if (level == 1 && parent)
            parent = parent[INDEX(va, 39)] ? table_of(parent[INDEX(va, 39)]) : NULL;
        if (!parent)
            continue;
        e = &parent[INDEX(va, level == 1 ? 30 : 39)];
        if (!*e)
            continue;
        struct page *p = virt_page(table_of(*e));
        *e = 0;
        virt_page(parent)->private --;
        f->cpus |= cpu_bit(*cpu - 1);
        return p;
    }
    return NULL;
}

void views_free(struct mm *mm)
{
    struct pt_view *v = mm->arch.views;

    if (!v)
        return;
    for (unsigned i = 0; i < nr_cpus; i++)
        if (v[i].pgd)
            pt_free_tables(v[i].pgd, 2, 256);
    page_free(virt_page(v));
}
