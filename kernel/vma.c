/* SPDX-License-Identifier: BSD-2-Clause */
/* vma.c: the tree of VMAs: finding, linking, splitting, merging, and free ranges. */
#include "kernel/vma.h"
#include "abi/errno.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/slab.h"

static struct slab_cache vma_cache = SLAB_CACHE(struct vma);

struct vma *vma_find(struct mm *mm, vaddr_t addr)
{
    struct vma *v = READ_ONCE(mm->last), *best = NULL;

    if (v && v->start <= addr && addr < v->end)
        return v;
    for (struct rb_node *n = mm->vmas.node; n;) {
        v = vma_of(n);
        if (addr >= v->end) {
            n = n->right;
            continue;
        }
        best = v;
        if (addr >= v->start) {
            WRITE_ONCE(mm->last, v);
            break;
        }
        n = n->left;
    }
    return best;
}

struct vma *vma_below(struct mm *mm, vaddr_t addr)
{
    struct vma *best = NULL;

    for (struct rb_node *n = mm->vmas.node; n;) {
        struct vma *v = vma_of(n);

        if (v->start < addr) {
            best = v;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return best;
}

struct vma *vma_next(struct vma *v)
{
    return vma_of(rb_next(&v->node));
}

struct vma *vma_prev(struct vma *v)
{
    return vma_of(rb_prev(&v->node));
}

struct vma *vma_new(const struct vma *from)
{
    struct vma *v = slab_alloc(&vma_cache);

    if (!v)
        return NULL;
    *v = *from;
    if (v->file)
        v->fops->get(v->file);
    return v;
}

void vma_free(struct vma *v)
{
    if (v->file)
        v->fops->put(v->file);
    slab_free(&vma_cache, v);
}

/* Shared mappings that are or may become writable: what seals and "text file busy" ask for. */
static bool counts_as_writable(const struct vma *v)
{
    return (v->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

void vma_link(struct mm *mm, struct vma *v)
{
    struct rb_node **link = &mm->vmas.node, *parent = NULL;
    bool leftmost = true;

    while (*link) {
        parent = *link;
        if (v->start < vma_of(parent)->start) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    v->mm = mm;
    rb_link(&v->node, parent, link);
    rb_insert(&mm->vmas, &v->node, leftmost);
    mm->nr_vmas++;
    if (v->mapping) {
        spin_lock(&v->mapping->lock);
        list_append(&v->mapping->vmas, &v->mapping_link);
        spin_unlock(&v->mapping->lock);
        if (counts_as_writable(v))
            atomic_inc(&v->mapping->writable);
    }
}

void vma_unlink(struct mm *mm, struct vma *v)
{
    rb_erase(&mm->vmas, &v->node);
    mm->nr_vmas--;
    if (mm->last == v)
        mm->last = NULL;
    if (v->mapping) {
        spin_lock(&v->mapping->lock);
        list_remove(&v->mapping_link);
        spin_unlock(&v->mapping->lock);
        if (counts_as_writable(v))
            atomic_sub(&v->mapping->writable, 1);
    }
}

void vma_resize(struct vma *v, vaddr_t start, vaddr_t end)
{
    struct mapping *m = v->mapping;

    if (m)
        spin_lock(&m->lock);
    v->pgoff += (int64_t)(start - v->start) >> PAGE_SHIFT;
    v->start = start;
    v->end = end;
    if (m)
        spin_unlock(&m->lock);
}

int vma_split(struct mm *mm, struct vma *v, vaddr_t addr)
{
    struct vma *upper;

    ASSERT(addr > v->start && addr < v->end);
    if (mm->nr_vmas >= vm_settings.max_map_count)
        return -ENOMEM;
    upper = vma_new(v);
    if (!upper)
        return -ENOMEM;
    upper->start = addr;
    upper->pgoff = vma_index(v, addr);
    if (v->special)
        upper->special = v->special + ((addr - v->start) >> PAGE_SHIFT);
    vma_resize(v, v->start, addr);
    vma_link(mm, upper);
    return 0;
}

bool vma_same_kind(const struct vma *a, const struct vma *b)
{
    return a->flags == b->flags && a->mapping == b->mapping && a->file == b->file && a->name == b->name &&
           !a->special && !b->special && a->end == b->start &&
           (!a->mapping || vma_index(a, a->end) == b->pgoff);
}

struct vma *vma_merge(struct mm *mm, struct vma *v)
{
    struct vma *prev = vma_prev(v), *next = vma_next(v);

    if (next && vma_same_kind(v, next)) {
        vaddr_t end = next->end;

        vma_unlink(mm, next);
        vma_free(next);
        vma_resize(v, v->start, end);
    }
    if (prev && vma_same_kind(prev, v)) {
        vaddr_t end = v->end;

        vma_unlink(mm, v);
        vma_free(v);
        vma_resize(prev, prev->start, end);
        v = prev;
    }
    return v;
}

/* Where the space used by v begins: a stack keeps its guard gap below. */
static vaddr_t vma_low_edge(const struct vma *v)
{
    if (!(v->flags & VM_GROWSDOWN))
        return v->start;
    return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

/* The highest hole of len bytes within [low, high), among the first steps ones; 0 when there is none. *biggest grows to the
 * largest hole passed over. */
static vaddr_t find_downwards(struct mm *mm, size_t len, vaddr_t low, vaddr_t high, size_t *biggest,
                              unsigned steps)
{
    struct vma *v = vma_below(mm, high), *above;
    vaddr_t top = high;

    /* What begins at or above high may reach below it with its guard gap. */
    above = v ? vma_next(v) : vma_first(mm);
    if (above)
        top = MIN(top, vma_low_edge(above));
    for (; top > low && steps; steps--, v = vma_prev(v)) {
        vaddr_t floor = v ? MAX(v->end, low) : low;

        if (top > floor) {
            if (top - floor >= len)
                return top - len;
            *biggest = MAX(*biggest, top - floor);
        }
        if (!v)
            break;
        top = MIN(top, vma_low_edge(v));
    }
    return 0;
}

/*
 * Top-down placement remembers where the last search ended: above mm.gap_from there is no hole larger than
 * mm.gap_max, so that a program with many mappings does not walk them all for each new one.
 */
long vma_find_gap(struct mm *mm, size_t len, vaddr_t low, vaddr_t high)
{
    bool usual = high == mm->mmap_base;
    vaddr_t from = high, addr;
    size_t biggest = 0;

    if (usual && mm->gap_from && len > mm->gap_max) {
        from = mm->gap_from;
        biggest = mm->gap_max;
    }
    addr = find_downwards(mm, len, low, from, &biggest, ~0u);
    if (usual && addr) {
        mm->gap_from = addr + len;
        mm->gap_max = biggest;
    }
    if (!addr && usual)
        addr = find_downwards(mm, len, MAX(low, mm->mmap_base), USER_MAX, &biggest, ~0u);
    return addr ? (long)addr : -ENOMEM;
}

#define WINDOW_STEPS 32 /* mappings looked at: a window in pieces is left */

/* In the window that this CPU took for itself. */
static vaddr_t find_small(struct mm *mm, size_t len, vaddr_t low)
{
    struct mm_window *w = &mm->windows[this_cpu()->id];
    size_t biggest = 0;
    vaddr_t addr = 0;
    long gap;

    if (w->small)
        addr = find_downwards(mm, len, w->small, w->small + HUGE_SIZE, &biggest, WINDOW_STEPS);
    if (addr)
        return addr;
    gap = vma_find_gap(mm, 2 * HUGE_SIZE - PAGE_SIZE, low, mm->mmap_base);
    if (gap < 0)
        return 0;
    w->small = ALIGN_UP((vaddr_t)gap, HUGE_SIZE);
    return w->small + HUGE_SIZE - len;
}

/* From where a page table begins; where this CPU had its last one, if that is free. */
static vaddr_t find_large(struct mm *mm, size_t len, vaddr_t low)
{
    struct mm_window *w = &mm->windows[this_cpu()->id];
    size_t biggest = 0;
    long gap;

    if (len <= w->large_len && find_downwards(mm, len, w->large, w->large + len, &biggest, 1))
        return w->large;
    gap = vma_find_gap(mm, len + HUGE_SIZE - PAGE_SIZE, low, mm->mmap_base);
    if (gap < 0)
        return 0;
    w->large = ALIGN_UP((vaddr_t)gap, HUGE_SIZE);
    w->large_len = len;
    return w->large;
}

/*
 * Where threads map side by side, what one of them touches should not share a page table with what another does, nor be
 * where another's memory was: each unmapping would interrupt the other's CPU. Nothing is kept free for a CPU; what others
 * map there is only slower.
 */
vaddr_t vma_find_gap_apart(struct mm *mm, size_t len, vaddr_t low)
{
    return len <= WINDOW_MAX ? find_small(mm, len, low) : find_large(mm, len, low);
}

void vma_account(struct mm *mm, const struct vma *v, uint64_t nr_pages, int sign)
{
    uint64_t n = sign * nr_pages;

    mm->total_pages += n;
    if (mm->total_pages > mm->peak_pages)
        mm->peak_pages = mm->total_pages;
    if (vma_is_data(v->flags))
        mm->data_pages += n;
    if (v->flags & VM_GROWSDOWN)
        mm->stack_pages += n;
    if (v->flags & VM_LOCKED)
        mm->locked_pages += n;
}
