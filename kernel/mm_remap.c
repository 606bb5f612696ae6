/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_remap.c: mremap(2): growing, shrinking and moving mappings. */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/vma.h"

/* Linux's flags (linux/mman.h) */
#define MREMAP_MAYMOVE   1
#define MREMAP_FIXED     2
#define MREMAP_DONTUNMAP 4

struct remap {
    vaddr_t old, new_addr;
    size_t old_len, new_len;
    unsigned flags;
};

/* May [r.old, r.old + r.old_len) of v become r.new_len long? */
static int check_resize(struct mm *mm, const struct vma *v, const struct remap *r)
{
    if (!r->old_len && !(v->flags & VM_SHARED)) /* duplicating pages: only shared ones can be in two places */
        return -EINVAL;
    if (r->old_len > v->end - r->old)
        return -EFAULT;
    if (r->new_len <= r->old_len)
        return 0;
    if (v->special)
        return -EFAULT;
    return mm_may_expand(mm, v->flags, (r->new_len - r->old_len) >> PAGE_SHIFT);
}

/* 2 MiB entries cannot move to where they would be misaligned: they become rows of pages first. pt_lock held. */
static void split_huge_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    paddr_t pa;
    unsigned prot;
    bool huge;

    for (vaddr_t va = start; (va = pt_next(mm, va, end)) < end;) {
        if (pt_lookup(mm, va, &pa, &prot, &huge) && huge) {
            vaddr_t base = ALIGN_DOWN(va, HUGE_SIZE);

            vma_split_huge(mm, base + PAGE_SIZE);
            pt_protect(mm, base, base + PAGE_SIZE, prot & VM_PROT, true); /* a part of it: the table splits */
        }
        va = ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE;
    }
}

static int move_pages(struct vma *from, vaddr_t old, vaddr_t new_addr, size_t len)
{
    struct mm *mm = from->mm;
    struct mapping *m = from->mapping;
    int err;

    if (m) /* truncation sees each page at the one place or the other */
        spin_lock(&m->lock);
    spin_lock(&mm->pt_lock);
    if (!m) {
        vma_split_huge(mm, old);
        vma_split_huge(mm, old + len);
        if (mm->has_huge && ((old ^ new_addr) & (HUGE_SIZE - 1)))
            split_huge_range(mm, old, old + len);
    }
    err = pt_move(mm, old, new_addr, len);
    if (err)
        pt_move(mm, new_addr, old, len); /* back: the tables there exist */
    spin_unlock(&mm->pt_lock);
    if (m)
        spin_unlock(&m->lock);
    return err;
}

static long pick_address(struct mm *mm, const struct vma *v, const struct remap *r)
{
    vaddr_t low = MAX((vaddr_t)vm_settings.mmap_min_addr, PAGE_SIZE);

    /* Memory that may hold 2 MiB pages keeps its alignment, so that they move whole. */
    if (!v->mapping && r->old_len >= HUGE_SIZE) {
        long gap = vma_find_gap(mm, r->new_len + HUGE_SIZE, low, mm->mmap_base);

        if (gap > 0)
            return gap + (((r->old & (HUGE_SIZE - 1)) - gap) & (HUGE_SIZE - 1));
    }
    return vma_find_gap(mm, r->new_len, low, mm->mmap_base);
}

static long move_vma(struct mm *mm, struct vma *v, const struct remap *r)
{
    struct vma tmpl = *v, old = *v, *n;
    size_t move_len = MIN(r->old_len, r->new_len);
    long to = r->flags & MREMAP_FIXED ? (long)r->new_addr : pick_address(mm, v, r);
    int err;

    if (to < 0)
        return to;
    if (mm->nr_vmas + 2 >= vm_settings.max_map_count)
        return -ENOMEM;
    tmpl.start = to;
    tmpl.end = to + r->new_len;
    tmpl.pgoff = vma_index(v, r->old);
    if (v->special)
        tmpl.special = v->special + ((r->old - v->start) >> PAGE_SHIFT);
    else
        tmpl.name = NULL;
    n = vma_new(&tmpl);
    if (!n)
        return -ENOMEM;
    vma_link(mm, n);
    err = move_len ? move_pages(v, r->old, to, move_len) : 0;
    if (err) {
        vma_zap(n, n->start, n->end);
        vma_unlink(mm, n);
        vma_free(n);
        return err;
    }
    vma_account(mm, n, vma_pages(n), 1);
    if (!n->special)
        vma_merge(mm, n);               /* n and v may be gone from here on */
    if (!(r->flags & MREMAP_DONTUNMAP)) /* -ENOMEM when the hole cannot be made: the old range stays, empty */
        err = r->old_len ? mm_unmap_locked(mm, r->old, r->old_len) : 0;
    else if (old.flags & VM_LOCKED) /* as on Linux the whole mapping left behind is unlocked */
        err = mm_change_flags(mm, old.start, old.end, 0, VM_LOCKED, true);
    return err ? err : to;
}

/* Room to grow right behind v? */
static bool grow_in_place(struct mm *mm, struct vma *v, const struct remap *r)
{
    size_t more = r->new_len - r->old_len;
    struct vma *next = vma_next(v);
    vaddr_t limit = USER_MAX;

    if (r->old + r->old_len != v->end || !r->old_len)
        return false;
    if (next)
        limit = next->start - MIN(next->start, (next->flags & VM_GROWSDOWN) ? STACK_GUARD_GAP : 0);
    if (v->end > limit || more > limit - v->end)
        return false;
    vma_account(mm, v, more >> PAGE_SHIFT, 1);
    vma_resize(v, v->start, v->end + more);
    vma_merge(mm, v);
    return true;
}

static int check_fixed(const struct remap *r)
{
    if ((r->new_addr & ~PAGE_MASK) || r->new_len > USER_MAX || r->new_addr > USER_MAX - r->new_len)
        return -EINVAL;
    if (r->new_addr < vm_settings.mmap_min_addr)
        return -EPERM;
    if (r->old < r->new_addr + r->new_len && r->new_addr < r->old + r->old_len)
        return -EINVAL;
    return 0;
}

static long remap_locked(struct mm *mm, struct remap *r)
{
    struct vma *v;
    int err = r->flags & MREMAP_FIXED ? check_fixed(r) : 0;

    if (err)
        return err;
    v = vma_find(mm, r->old);
    if (!v || v->start > r->old)
        return -EFAULT;
    if (r->flags & MREMAP_FIXED) {
        err = mm_unmap_locked(mm, r->new_addr, r->new_len);
        if (err)
            return err;
        v = vma_find(mm, r->old);
    }
    if (r->old_len >= r->new_len && !(r->flags & MREMAP_DONTUNMAP)) {
        if (r->old_len > r->new_len) {
            err = mm_unmap_locked(mm, r->old + r->new_len, r->old_len - r->new_len);
            if (err)
                return err;
            r->old_len = r->new_len;
            v = vma_find(mm, r->old);
            if (!v || v->start > r->old)
                return -EFAULT;
        }
        if (!(r->flags & MREMAP_FIXED))
            return r->old;
    }
    err = check_resize(mm, v, r);
    if (err)
        return err;
    if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && grow_in_place(mm, v, r))
        return r->old;
    if (!(r->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    return move_vma(mm, v, r);
}

long mm_remap(struct mm *mm, vaddr_t old, size_t old_len, size_t new_len, unsigned flags, vaddr_t new_addr)
{
    struct remap r = { old, new_addr, ALIGN_UP(old_len, PAGE_SIZE), ALIGN_UP(new_len, PAGE_SIZE), flags };
    size_t grown = r.new_len > r.old_len ? r.new_len - r.old_len : 0;
    bool locked;
    long at;

    if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (old & ~PAGE_MASK) || !r.new_len)
        return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) && r.old_len != r.new_len)
        return -EINVAL;
    if (old > USER_MAX || r.old_len > USER_MAX - old)
        return -EFAULT;
    if (r.new_len > USER_MAX)
        return -ENOMEM;
    rw_write_lock(&mm->lock);
    at = remap_locked(mm, &r);
    locked = mm->locked_pages && grown;
    rw_write_unlock(&mm->lock);
    if (at > 0 && locked) {
        struct vma *v;

        rw_read_lock(&mm->lock);
        v = vma_find(mm, at);
        locked = v && (v->flags & VM_LOCKED);
        rw_read_unlock(&mm->lock);
        if (locked)
            mm_populate(mm, at + r.new_len - grown, grown);
    }
    return at;
}
