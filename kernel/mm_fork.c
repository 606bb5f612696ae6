/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm_fork.c: a copy of an address space: what fork(2) gives the child.
 *
 * Only anonymous pages are entered into the child's tables, read-only in both, and each page's count says who copies at
 * the next write (fault.c). Pages of files and shared memory are found again by the child's faults.
 */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "kernel/vma.h"
#include "lib/string.h"

/* A 2 MiB page at va becomes single pages, which parent and child then share one by one. pt_lock held. */
static void split_huge(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot)
{
    page_split(pfn_page(ALIGN_DOWN(pa, HUGE_SIZE) >> PAGE_SHIFT));
    pt_protect(mm, va, va + PAGE_SIZE, prot & VM_PROT, false); /* in part: the entry is cut */
}

/* Shares the anonymous pages of v within [*at, end) with the child, as far as memory for tables goes; *at: where it
 * ended. The parent's pt_lock is held; nobody else knows the child's tables yet. */
static int share_pages(struct vma *v, struct mm *child, vaddr_t *at, vaddr_t end)
{
    struct mm *mm = v->mm;
    struct page *zero = zero_page();
    int err = 0;

    for (vaddr_t va = pt_next(mm, *at, end); va < end; va = pt_next(mm, va + PAGE_SIZE, end)) {
        unsigned prot;
        struct page *p;
        paddr_t pa;
        bool huge;

        *at = va;
        if (!pt_lookup(mm, va, &pa, &prot, &huge))
            continue;
        if (huge)
            split_huge(mm, va, pa, prot);
        p = pfn_page(pa >> PAGE_SHIFT);
        if (p == zero || !(p->flags & PG_ANON))
            continue;
        err = pt_map_new(child, va, pa, prot & VM_PROT & ~VM_WRITE);
        if (err == -EEXIST) {
            err = 0;
            continue;
        }
        if (err)
            return err;
        page_get(p);
        child->rss_anon++;
    }
    *at = end;
    return 0;
}

/* A step holds the parent's tables for 2 MiB at most. */
static int copy_pages(struct vma *v, struct mm *child)
{
    struct mm *mm = v->mm;
    vaddr_t va = v->start;

    while (va < v->end) {
        vaddr_t end = MIN(ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE, v->end);
        int err;

        spin_lock(&mm->pt_lock);
        va = pt_next(mm, va, v->end);
        if (va >= end)
            end = MIN(ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE, v->end);
        if (va < end) {
            vma_split_huge(mm, va);
            vma_split_huge(mm, end);
        }
        if (va < end && (v->flags & VM_WRITE))
            pt_protect(mm, va, end, (v->flags & VM_EXEC) | VM_READ, false);
        err = va < end ? share_pages(v, child, &va, end) : 0;
        spin_unlock(&mm->pt_lock);
        if (err && !mapping_reclaim(32))
            return err;
        cond_resched();
    }
    return 0;
}

/* The child's copy of v, with its pages, linked. */
static int copy_vma(struct vma *v, struct mm *child)
{
    struct vma *n = vma_new(v);

    if (!n)
        return -ENOMEM;
    n->flags &= ~(uint32_t)VM_LOCKED;
    vma_link(child, n);
    vma_account(child, n, vma_pages(n), 1);
    /* Private memory alone: and none that the child is to find empty. */
    if ((v->flags & (VM_SHARED | VM_WIPEFORK)) || v->special)
        return 0;
    return copy_pages(v, child);
}

static void copy_settings(const struct mm *mm, struct mm *child)
{
    child->no_huge = mm->no_huge;
    child->membarrier = mm->membarrier;
    child->mmap_base = mm->mmap_base;
    child->brk_start = mm->brk_start;
    child->brk = mm->brk;
    child->stack_top = mm->stack_top;
    child->stack_start = mm->stack_start;
    child->arg_start = mm->arg_start;
    child->arg_end = mm->arg_end;
    child->env_start = mm->env_start;
    child->env_end = mm->env_end;
    child->code_start = mm->code_start;
    child->code_end = mm->code_end;
    child->data_start = mm->data_start;
    child->data_end = mm->data_end;
    child->limit_as = mm->limit_as;
    child->limit_data = mm->limit_data;
    child->limit_stack = mm->limit_stack;
    child->limit_memlock = mm->limit_memlock;
    child->nr_auxv = mm->nr_auxv;
    memcpy(child->auxv, mm->auxv, sizeof(child->auxv));
    child->vdso_base = mm->vdso_base;
    child->exe_ops = mm->exe_ops;
    child->exe_file = mm->exe_file;
    if (child->exe_file)
        child->exe_ops->get(child->exe_file);
}

struct mm *mm_fork(struct mm *mm)
{
    struct mm *child = mm_new();
    int err = 0;

    if (!child)
        return NULL;
    rw_write_lock(&mm->lock);
    copy_settings(mm, child);
    for (struct vma *v = vma_first(mm); v && !err; v = vma_next(v))
        if (!(v->flags & VM_DONTFORK))
            err = copy_vma(v, child);
    rw_write_unlock(&mm->lock);
    child->peak_rss = child->rss_anon;
    if (!err)
        return child;
    mm_put(child);
    return NULL;
}
