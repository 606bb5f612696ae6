/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_range.c: what applies to a range of mappings: advice, locking, msync, mincore, usage figures. */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "kernel/vma.h"
#include "lib/string.h"

/* Linux's advices (asm-generic/mman-common.h) */
enum {
    ADV_NORMAL,
    ADV_RANDOM,
    ADV_SEQUENTIAL,
    ADV_WILLNEED,
    ADV_DONTNEED,
    ADV_FREE = 8,
    ADV_REMOVE,
    ADV_DONTFORK,
    ADV_DOFORK,
    ADV_HUGEPAGE = 14,
    ADV_NOHUGEPAGE,
    ADV_DONTDUMP,
    ADV_DODUMP,
    ADV_WIPEONFORK,
    ADV_KEEPONFORK,
    ADV_COLD,
    ADV_PAGEOUT,
    ADV_POPULATE_READ,
    ADV_POPULATE_WRITE,
    ADV_DONTNEED_LOCKED,
};

#define WILLNEED_MAX 1024 /* pages that one MADV_WILLNEED reads at most */

static int change_part(struct mm *mm, struct vma **vp, vaddr_t start, vaddr_t end, uint32_t flags)
{
    struct vma *v = *vp;
    uint64_t nr = (end - start) >> PAGE_SHIFT;
    int err;

    if (flags == v->flags)
        return 0;
    if (v->start < start) {
        err = vma_split(mm, v, start);
        if (err)
            return err;
        v = vma_next(v);
    }
    if (end < v->end) {
        err = vma_split(mm, v, end);
        if (err)
            return err;
    }
    vma_account(mm, v, nr, -1);
    v->flags = flags;
    vma_account(mm, v, nr, 1);
    *vp = vma_merge(mm, v);
    return 0;
}

int mm_change_flags(struct mm *mm, vaddr_t start, vaddr_t end, uint32_t set, uint32_t clear, bool over_holes)
{
    struct vma *v = vma_find(mm, start);
    int hole = 0;

    while (start < end) {
        vaddr_t to;
        int err;

        if (!v || v->start >= end)
            return -ENOMEM;
        if (v->start > start) {
            if (!over_holes)
                return -ENOMEM;
            hole = -ENOMEM;
            start = v->start;
        }
        to = MIN(v->end, end);
        if (!v->special) {
            err = change_part(mm, &v, start, to, (v->flags & ~clear) | set);
            if (err)
                return err;
        }
        start = to;
        if (start >= v->end)
            v = vma_next(v);
    }
    return hole;
}

/* ---- madvise ---- */

/* Advices that only change a VMA's flags. false: it is another one. */
static bool flag_advice(int advice, uint32_t *set, uint32_t *clear)
{
    *set = *clear = 0;
    switch (advice) {
    case ADV_DONTFORK:
        *set = VM_DONTFORK;
        return true;
    case ADV_DOFORK:
        *clear = VM_DONTFORK;
        return true;
    case ADV_HUGEPAGE:
        *set = VM_HUGE;
        *clear = VM_NOHUGE;
        return true;
    case ADV_NOHUGEPAGE:
        *set = VM_NOHUGE;
        *clear = VM_HUGE;
        return true;
    case ADV_DONTDUMP:
        *set = VM_DONTDUMP;
        return true;
    case ADV_DODUMP:
        *clear = VM_DONTDUMP;
        return true;
    case ADV_WIPEONFORK:
        *set = VM_WIPEFORK;
        return true;
    case ADV_KEEPONFORK:
        *clear = VM_WIPEFORK;
        return true;
    }
    return false;
}

static bool known_advice(int advice)
{
    uint32_t set, clear;

    return (advice >= ADV_NORMAL && advice <= ADV_DONTNEED) || (advice >= ADV_FREE && advice <= ADV_REMOVE) ||
           (advice >= ADV_COLD && advice <= ADV_DONTNEED_LOCKED) || flag_advice(advice, &set, &clear);
}

static void will_need(struct vma *v, vaddr_t start, vaddr_t end)
{
    uint64_t size, index = vma_index(v, start), last = vma_index(v, end) - 1;
    struct page *p;

    if (!v->mapping || v->mapping->pinned)
        return;
    size = v->fops->size(v->file);
    if (!size)
        return;
    last = MIN(MIN(last, (size - 1) >> PAGE_SHIFT), index + WILLNEED_MAX);
    for (; index <= last && mapping_get(v->mapping, index, last, 0, &p) == 0; index++)
        page_put(p);
}

/* Punches the range out of the object itself: memory that has no other backing only. */
static int remove_range(struct vma *v, vaddr_t start, vaddr_t end)
{
    if ((v->flags & VM_LOCKED) || !v->mapping)
        return -EINVAL;
    if ((v->flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
        return -EACCES;
    if (!v->mapping->pinned)
        return -EOPNOTSUPP;
    mapping_truncate(v->mapping, vma_index(v, start) << PAGE_SHIFT, vma_index(v, end) << PAGE_SHIFT);
    return 0;
}

/* One VMA's part; mm.lock held for reading. */
static int advise_part(struct vma *v, vaddr_t start, vaddr_t end, int advice)
{
    switch (advice) {
    case ADV_WILLNEED:
        will_need(v, start, end);
        return 0;
    case ADV_FREE: /* "may be freed at any time from now on": now */
        if (v->mapping || v->special || (v->flags & VM_LOCKED))
            return -EINVAL;
        vma_zap(v, start, end);
        return 0;
    case ADV_DONTNEED:
    case ADV_DONTNEED_LOCKED:
        if (v->special || ((v->flags & VM_LOCKED) && advice == ADV_DONTNEED))
            return -EINVAL;
        vma_zap(v, start, end);
        return 0;
    case ADV_REMOVE:
        return remove_range(v, start, end);
    case ADV_PAGEOUT:
    case ADV_COLD:
        return v->special || (v->flags & VM_LOCKED) ? -EINVAL : 0;
    case ADV_POPULATE_READ:
        return v->special || !(v->flags & VM_READ) ? -EINVAL : vma_populate(v, start, end, false);
    case ADV_POPULATE_WRITE:
        return v->special || !(v->flags & VM_WRITE) ? -EINVAL : vma_populate(v, start, end, true);
    }
    return 0;
}

static int advise_flags(struct mm *mm, vaddr_t start, vaddr_t end, int advice, uint32_t set, uint32_t clear)
{
    int err = 0;

    rw_write_lock(&mm->lock);
    if (advice == ADV_WIPEONFORK)
        for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
            if (v->mapping || v->special)
                err = -EINVAL;
    if (!err)
        err = mm_change_flags(mm, start, end, set, clear, true);
    rw_write_unlock(&mm->lock);
    return err;
}

int mm_advise(struct mm *mm, vaddr_t addr, size_t len, int advice)
{
    vaddr_t start = addr, end = addr + ALIGN_UP(len, PAGE_SIZE);
    uint32_t set, clear;
    int err = 0, hole = 0;

    if (!known_advice(advice) || (addr & ~PAGE_MASK) || (len && end <= addr))
        return -EINVAL;
    if (!len)
        return 0;
    if (end > USER_MAX)
        return -ENOMEM;
    if (flag_advice(advice, &set, &clear))
        return advise_flags(mm, start, end, advice, set, clear);
    rw_read_lock(&mm->lock);
    for (struct vma *v = vma_find(mm, start); start < end && !err; v = vma_next(v)) {
        if (!v || v->start >= end) {
            hole = -ENOMEM;
            break;
        }
        if (v->start > start) {
            hole = -ENOMEM;
            start = v->start;
            if (advice == ADV_POPULATE_READ || advice == ADV_POPULATE_WRITE)
                break;
        }
        err = advise_part(v, start, MIN(v->end, end), advice);
        start = v->end;
    }
    rw_read_unlock(&mm->lock);
    return err ? err : hole;
}

/* ---- mlock ---- */

static uint64_t locked_in(struct mm *mm, vaddr_t start, vaddr_t end)
{
    uint64_t n = 0;

    for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
        if (v->flags & VM_LOCKED)
            n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
    return n;
}

int mm_lock_range(struct mm *mm, vaddr_t addr, size_t len, bool lock, bool on_fault)
{
    vaddr_t start = addr & PAGE_MASK, end = ALIGN_UP(addr + len, PAGE_SIZE);
    uint64_t nr = (end - start) >> PAGE_SHIFT;
    int err = 0;

    if (end < start || addr + len < addr)
        return -EINVAL;
    if (start == end)
        return 0;
    if (end > USER_MAX)
        return -ENOMEM;
    rw_write_lock(&mm->lock);
    if (lock && mm->locked_pages + nr - locked_in(mm, start, end) > mm->limit_memlock >> PAGE_SHIFT)
        err = -ENOMEM;
    if (!err)
        err = mm_change_flags(mm, start, end, lock ? VM_LOCKED : 0, lock ? 0 : VM_LOCKED, false);
    rw_write_unlock(&mm->lock);
    if (!err && lock && !on_fault)
        err = mm_populate(mm, start, end - start);
    return err == -EFAULT ? -ENOMEM : err;
}

int mm_lock_all(struct mm *mm, bool now, bool future, bool on_fault)
{
    int err = 0;

    rw_write_lock(&mm->lock);
    if (now && mm->total_pages > mm->limit_memlock >> PAGE_SHIFT) {
        err = -ENOMEM;
    } else {
        mm->default_flags = future ? VM_LOCKED : 0;
        mm->lock_on_fault = on_fault;
        if (now || !future) /* the holes between mappings are no error here */
            mm_change_flags(mm, 0, USER_MAX, now ? VM_LOCKED : 0, now ? 0 : VM_LOCKED, true);
    }
    rw_write_unlock(&mm->lock);
    if (!err && now && !on_fault)
        mm_populate(mm, 0, USER_MAX);
    return err;
}

/* ---- msync, mincore ---- */

#define SYNC_INVALIDATE 2

int mm_sync(struct mm *mm, vaddr_t addr, size_t len, int flags)
{
    vaddr_t start = addr, end = addr + ALIGN_UP(len, PAGE_SIZE);
    int err = 0;

    if ((addr & ~PAGE_MASK) || end < addr)
        return end < addr ? -ENOMEM : -EINVAL;
    rw_read_lock(&mm->lock);
    for (struct vma *v = vma_find(mm, start); start < end; v = vma_next(v)) {
        if (!v || v->start >= end) {
            err = -ENOMEM;
            break;
        }
        if (v->start > start)
            err = -ENOMEM;
        if ((flags & SYNC_INVALIDATE) && (v->flags & VM_LOCKED)) {
            err = -EBUSY;
            break;
        }
        start = v->end;
    }
    rw_read_unlock(&mm->lock);
    return err;
}

static unsigned char page_resident(struct vma *v, vaddr_t va)
{
    struct mm *mm = v->mm;
    bool there;

    spin_lock(&mm->pt_lock);
    there = pt_next(mm, va, va + PAGE_SIZE) == va;
    spin_unlock(&mm->pt_lock);
    if (!there && v->mapping) {
        rcu_read_lock();
        there = mapping_peek(v->mapping, vma_index(v, va));
        rcu_read_unlock();
    }
    return there;
}

int mm_incore(struct mm *mm, vaddr_t addr, size_t len, unsigned char __user *vec)
{
    unsigned char buf[256];
    vaddr_t end = addr + ALIGN_UP(len, PAGE_SIZE);

    if (addr & ~PAGE_MASK)
        return -EINVAL;
    if (end < addr || end > USER_MAX)
        return -ENOMEM;
    while (addr < end) {
        size_t n = 0;
        struct vma *v;

        rw_read_lock(&mm->lock); /* not while copying out: that may fault */
        v = vma_find(mm, addr);
        for (; v && v->start <= addr && addr < end && n < sizeof(buf); addr += PAGE_SIZE) {
            if (addr >= v->end) {
                v = vma_next(v);
                if (!v || v->start > addr)
                    break;
            }
            buf[n++] = page_resident(v, addr);
        }
        rw_read_unlock(&mm->lock);
        if (!n)
            return -ENOMEM;
        if (copy_to_user(vec, buf, n))
            return -EFAULT;
        vec += n;
        cond_resched();
    }
    return 0;
}

/* ---- figures ---- */

void vma_get_usage(struct vma *v, struct vma_usage *u)
{
    struct mm *mm = v->mm;
    paddr_t pa;
    unsigned prot;
    bool huge;

    memset(u, 0, sizeof(*u));
    spin_lock(&mm->pt_lock);
    for (vaddr_t va = v->start; (va = pt_next(mm, va, v->end)) < v->end;) {
        uint64_t bytes = PAGE_SIZE;
        struct page *p;
        bool dirty, shared;

        if (!pt_lookup(mm, va, &pa, &prot, &huge))
            break;
        p = pfn_page((huge ? ALIGN_DOWN(pa, HUGE_SIZE) : pa) >> PAGE_SHIFT);
        if (huge) {
            bytes = MIN(ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE, v->end) - va;
            u->huge += bytes;
        }
        va += bytes;
        if (p == zero_page() || v->special)
            continue;
        dirty = (prot & PT_DIRTY) || (p->flags & PG_DIRTY);
        shared = p->refs.n > (p->flags & PG_ANON ? 1 : 2);
        u->rss += bytes;
        u->anon += p->flags & PG_ANON ? bytes : 0;
        u->dirty += dirty ? bytes : 0;
        u->referenced += prot & PT_ACCESSED ? bytes : 0;
        *(shared  ? dirty ? &u->shared_dirty : &u->shared_clean
          : dirty ? &u->private_dirty
                  : &u->private_clean) += bytes;
    }
    spin_unlock(&mm->pt_lock);
}
