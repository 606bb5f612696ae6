/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vma.h: the tree of VMAs, below mm.h. All of it under mm.lock: read for looking, written for changing.
 *
 * Invariants: VMAs do not overlap, are page-aligned, not empty, and sorted; those that map a file are on their
 * mapping's list. Bounds and offsets of such a VMA change under mapping.lock, since truncation walks them.
 */
#ifndef KERNEL_VMA_H
#define KERNEL_VMA_H

#include "kernel/mm.h"

/* Below a stack that may grow, this much stays free (Linux's stack_guard_gap). */
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

static inline struct vma *vma_of(struct rb_node *n)
{
    return n ? container_of(n, struct vma, node) : NULL;
}
static inline size_t vma_pages(const struct vma *v)
{
    return (v->end - v->start) >> PAGE_SHIFT;
}
static inline uint64_t vma_index(const struct vma *v, vaddr_t va)
{
    return v->pgoff + ((va - v->start) >> PAGE_SHIFT);
}
struct vma *vma_prev(struct vma *v);
/* The last VMA that starts below addr, or NULL. */
struct vma *vma_below(struct mm *mm, vaddr_t addr);

/* A copy of *from with its own reference to the file, not yet in the tree; NULL when out of memory. */
struct vma *vma_new(const struct vma *from);
void vma_free(struct vma *v);
void vma_link(struct mm *mm, struct vma *v);
void vma_unlink(struct mm *mm, struct vma *v);
/* Moves the edges of a linked VMA; pgoff follows start. The new range must be free. */
void vma_resize(struct vma *v, vaddr_t start, vaddr_t end);
/* Splits at addr inside v: v keeps the lower part. -ENOMEM also when the process has too many. */
int vma_split(struct mm *mm, struct vma *v, vaddr_t addr);
/* Joins v with the neighbours it continues; returns what holds v's range now. */
struct vma *vma_merge(struct mm *mm, struct vma *v);
/* Would [start, end) with these properties continue v upwards (v ends at start)? */
bool vma_same_kind(const struct vma *a, const struct vma *b);

/* The highest free range of len bytes below mm.mmap_base, above it when there is none; or -ENOMEM. */
long vma_find_gap(struct mm *mm, size_t len, vaddr_t low, vaddr_t high);
/* A free range for a program with threads, apart from what other CPUs use; 0 when there is none. */
vaddr_t vma_find_gap_apart(struct mm *mm, size_t len, vaddr_t low);
#define WINDOW_MAX (HUGE_SIZE / 4) /* larger mappings get page tables of their own */
/* Counts pages of v in (sign 1) or out (-1) of the totals. */
void vma_account(struct mm *mm, const struct vma *v, uint64_t nr_pages, int sign);
static inline bool vma_is_data(uint32_t flags)
{
    return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* Drops every page of [start, end) of v from the page tables. mm.lock held for writing, or for reading when the
 * VMA stays (madvise). */
void vma_zap(struct vma *v, vaddr_t start, vaddr_t end);
/* What pt_unmap() calls for each page of a VMA (arg): accounts and drops the reference. pt_lock held. */
void vma_drop_page(void *vma, vaddr_t va, paddr_t pa, unsigned prot, bool huge);
/* Before a table operation whose edge is va: makes a 2 MiB page that straddles it a row of single pages.
 * pt_lock held. */
void vma_split_huge(struct mm *mm, vaddr_t va);
/* vm_fault for a VMA already found; mm.lock held for reading. */
int fault_in(struct vma *v, vaddr_t va, unsigned access, int *code);
/* mm_populate with the lock held. 0, -EFAULT or -ENOMEM. */
int vma_populate(struct vma *v, vaddr_t start, vaddr_t end, bool write);
/* The one page of zeroes; never counted, never freed. */
struct page *zero_page(void);

/* Checks the limits for nr_pages more with these flags: 0, -ENOMEM, -EAGAIN (locked memory). */
int mm_may_expand(struct mm *mm, uint32_t flags, uint64_t nr_pages);
/* Sets and clears flags of [start, end), splitting and joining VMAs. A hole ends it, or is passed over: -ENOMEM. */
int mm_change_flags(struct mm *mm, vaddr_t start, vaddr_t end, uint32_t set, uint32_t clear, bool over_holes);
/* mm_unmap() with mm.lock held for writing. */
int mm_unmap_locked(struct mm *mm, vaddr_t addr, size_t len);

#endif
