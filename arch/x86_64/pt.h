/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pt.h: what pt.c (a program's page tables), pt_view.c (each CPU's way to them) and tlb.c share. All of it under pt_lock.
 */
#ifndef ARCH_X86_64_PT_H
#define ARCH_X86_64_PT_H

#include "arch/paging.h"
#include "kernel/cpu.h"
#include "kernel/mm.h"
#include "kernel/smp.h"

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
/* A top-level table with the kernel's half, or NULL. */
uint64_t *pt_root_new(void);
/* The table that entry i of parent points to, made when absent; NULL when it cannot be. */
uint64_t *pt_table_get(uint64_t *parent, unsigned i);
/* The entry for va's 2 MiB, or NULL when its table is absent. *next: end of what the answer holds for. */
uint64_t *pt_pd_entry(struct mm *mm, vaddr_t va, vaddr_t *next);
/* Frees table and those below it, down to level levels, that its first nr entries lead to. */
void pt_free_tables(uint64_t *table, unsigned level, unsigned nr);

/* One CPU's tables above the last level, of a program with several threads: see pt_view.c. */
struct pt_view {
    uint64_t *pgd; /* NULL: none yet. Written by its CPU alone */
    uint64_t
        linked; /* what was linked last, va >> HUGE_SHIFT: need not be looked up again. Read without lock */
    vaddr_t empty_va; /* where this CPU left a table although empty, | 1; 0 nowhere */
} __aligned(64);
#define NOT_LINKED (~0ull)

/* A change of tables, and what must forget what they said before. */
struct flush {
    struct mm *mm;
    vaddr_t start, end;
    uint64_t cpus; /* whose views lead there; those without a view are flushed in any case */
    bool all;      /* they drop everything, as some no longer lead there */
    bool tables;   /* tables are about to be freed, which a CPU may walk that runs nothing of the program */
};
void tlb_flush(struct flush *f);

/* The CPUs whose views lead to a last-level table; of a table one level up, to any 2 MiB page of its. */
static inline uint64_t *table_cpus(uint64_t *table)
{
    return &virt_page(table)->cpus;
}

/* pt, the last-level table for va, changes: its CPUs are to be told. much: they will have to drop so much that they need
 * not lead there any longer. */
void views_reach(struct flush *f, uint64_t *pt, vaddr_t va, bool much);
/* No view leads to what *pde, the entry for va's 2 MiB, says: it is about to change. */
void views_unlink(struct flush *f, uint64_t *pde, vaddr_t va);
/* The table for va that all views share one level above 2 MiB (level 1) or two (2) is no more, nor are theirs: the next
 * of each, or NULL. They are to be freed after the flush. */
struct page *view_take_table(struct flush *f, vaddr_t va, unsigned level, unsigned *cpu);
void views_free(struct mm *mm);
uint64_t *view_root(struct mm *mm);

#endif
