/* SPDX-License-Identifier: BSD-2-Clause */
/* mm.c: address spaces: creation and end, mmap, munmap, mprotect, brk. */
#include "kernel/mm.h"
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "kernel/vma.h"

struct vm_settings vm_settings = {
    .max_map_count = 65530,
    .overcommit_ratio = 50,
    .mmap_min_addr = 65536,
    .randomize_va_space = 2,
    .huge_pages = THP_MADVISE,
};

#define TEARDOWN_STEP (64ul << 20)

static struct slab_cache mm_cache = SLAB_CACHE(struct mm);

void mm_init(void)
{
    page_set_reclaim(mapping_reclaim);
}

struct mm *mm_new(void)
{
    struct mm *mm = slab_zalloc(&mm_cache);

    if (!mm)
        return NULL;
    rw_init(&mm->lock, RANK_MM);
    spin_init(&mm->pt_lock, RANK_PT);
    ref_init(&mm->users);
    mm->limit_as = mm->limit_data = mm->limit_memlock = mm->limit_stack = UINT64_MAX;
    mm->mmap_base = USER_MAX;
    if (arch_mm_init(mm)) {
        slab_free(&mm_cache, mm);
        return NULL;
    }
    return mm;
}

void mm_get(struct mm *mm)
{
    ref_get(&mm->users);
}

void mm_put(struct mm *mm)
{
    struct vma *v;

    if (!mm || !ref_put(&mm->users))
        return;
    while ((v = vma_first(mm))) {
        for (vaddr_t va = v->start, end; va < v->end; va = end) { /* others may run in between */
            spin_lock(&mm->pt_lock);
            va = pt_next(mm, va, v->end);
            spin_unlock(&mm->pt_lock);
            end = MIN(ALIGN_DOWN(va, TEARDOWN_STEP) + TEARDOWN_STEP, v->end);
            vma_zap(v, va, end);
            cond_resched();
        }
        vma_unlink(mm, v);
        vma_free(v);
    }
    arch_mm_free(mm);
    kfree(mm->windows);
    if (mm->exe_file)
        mm->exe_ops->put(mm->exe_file);
    slab_free(&mm_cache, mm);
}

void mm_share(struct mm *mm)
{
    struct mm_window *windows, *none = NULL;

    if (nr_cpus == 1 || mm->windows)
        return;
    arch_mm_share(mm);
    windows = kzalloc(nr_cpus * sizeof(*windows));
    if (!__atomic_compare_exchange_n(&mm->windows, &none, windows, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        kfree(windows);
}

int mm_may_expand(struct mm *mm, uint32_t flags, uint64_t nr_pages)
{
    if (nr_pages > (mm->limit_as >> PAGE_SHIFT) || mm->total_pages > (mm->limit_as >> PAGE_SHIFT) - nr_pages)
        return -ENOMEM;
    if (vma_is_data(flags) && mm->data_pages + nr_pages > mm->limit_data >> PAGE_SHIFT)
        return -ENOMEM;
    if ((flags & VM_LOCKED) && mm->locked_pages + nr_pages > mm->limit_memlock >> PAGE_SHIFT)
        return -EAGAIN;
    return 0;
}

/* Linux's default heuristic: only what could never be had is refused, and only where it would be written. */
static bool obvious_overcommit(uint32_t flags, uint64_t nr_pages, bool file)
{
    struct page_stats st;

    if (vm_settings.overcommit_memory == 1 || (flags & VM_NORESERVE) || nr_pages < HUGE_SIZE / PAGE_SIZE)
        return false;
    if (!(flags & (VM_WRITE | VM_SHARED)) || ((flags & VM_SHARED) && file))
        return false;
    page_get_stats(&st);
    return nr_pages > st.total;
}

/* Where to map: the fixed place, the hint when it is free, or a gap. */
static long choose_address(struct mm *mm, const struct mmap_args *a, size_t len)
{
    vaddr_t low = MAX((vaddr_t)vm_settings.mmap_min_addr, PAGE_SIZE);
    vaddr_t high = a->below ? a->below : mm->mmap_base;
    vaddr_t addr = a->addr;

    if (len > USER_MAX)
        return -ENOMEM;
    if (a->fixed) {
        if (addr & ~PAGE_MASK)
            return -EINVAL;
        if (addr > USER_MAX - len)
            return -ENOMEM;
        return addr < vm_settings.mmap_min_addr ? -EPERM : (long)addr;
    }
    addr = ALIGN_UP(addr, PAGE_SIZE);
    if (addr >= low && addr <= USER_MAX - len) {
        struct vma *v = vma_find(mm, addr);

        if (!v || addr + len <= v->start - ((v->flags & VM_GROWSDOWN) ? MIN(v->start, STACK_GUARD_GAP) : 0))
            return addr;
    }
    /* Large anonymous areas begin on a 2 MiB boundary, so that huge pages can serve them. */
    if (!a->mapping && len >= HUGE_SIZE && vm_settings.huge_pages == THP_ALWAYS) {
        long gap = vma_find_gap(mm, len + HUGE_SIZE - PAGE_SIZE, low, high);

        if (gap > 0)
            return ALIGN_UP((vaddr_t)gap, HUGE_SIZE);
    }
    /* Without access it is a reservation, as for a thread's stack: the stacks of many threads are best side by side. */
    if (unlikely(mm->windows != NULL) && (a->vm_flags & VM_PROT) && !a->below) {
        vaddr_t gap = vma_find_gap_apart(mm, len, low);

        if (gap)
            return gap;
    }
    return vma_find_gap(mm, len, low, high);
}

/* The neighbours that a new anonymous or file range would simply prolong take it in: no VMA is made. */
static bool extend_neighbour(struct mm *mm, const struct vma *n)
{
    struct vma *prev = vma_below(mm, n->start), *next = prev ? vma_next(prev) : vma_first(mm);

    if (prev && vma_same_kind(prev, n)) {
        vma_resize(prev, prev->start, n->end);
        if (next && vma_same_kind(prev, next))
            vma_merge(mm, prev);
        return true;
    }
    if (next && vma_same_kind(n, next)) {
        vma_resize(next, n->start, next->end);
        return true;
    }
    return false;
}

static int insert_range(struct mm *mm, const struct vma *n)
{
    struct vma *v;

    if (!n->special && extend_neighbour(mm, n))
        return 0;
    if (mm->nr_vmas >= vm_settings.max_map_count)
        return -ENOMEM;
    v = vma_new(n);
    if (!v)
        return -ENOMEM;
    vma_link(mm, v);
    return 0;
}

static uint64_t pages_in_use(struct mm *mm, vaddr_t start, vaddr_t end)
{
    uint64_t n = 0;

    for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
        n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
    return n;
}

static long map_locked(struct mm *mm, const struct mmap_args *a, size_t len, uint32_t flags)
{
    struct vma n; /* its links are nobody's: vma_link() sets them */
    uint64_t nr = len >> PAGE_SHIFT;
    long addr = choose_address(mm, a, len);
    uint64_t replaced;
    int err;

    if (addr < 0)
        return addr;
    n.start = addr;
    n.end = addr + len;
    n.flags = flags;
    n.mm = mm;
    n.mapping = a->mapping;
    n.pgoff = a->pgoff;
    n.file = a->file;
    n.fops = a->fops;
    n.name = a->name;
    n.special = a->special;
    replaced = a->fixed ? pages_in_use(mm, n.start, n.end) : 0;
    if (replaced && a->noreplace)
        return -EEXIST;
    err = mm_may_expand(mm, flags & ~VM_LOCKED, nr - replaced);
    if (!err && (flags & VM_LOCKED))
        err = mm_may_expand(mm, VM_LOCKED, nr);
    if (err)
        return err;
    if (replaced) {
        err = mm_unmap_locked(mm, n.start, len);
        if (err)
            return err;
    }
    err = insert_range(mm, &n);
    if (err)
        return err;
    vma_account(mm, &n, nr, 1);
    return addr;
}

/* Shared memory without a file gets an object of its own, which then counts as the file. */
static __noinline long map_shared_anon(struct mm *mm, const struct mmap_args *a)
{
    struct mmap_args own = *a;
    long addr;

    own.mapping = mapping_new_anon(ALIGN_UP(a->len, PAGE_SIZE));
    if (!own.mapping)
        return -ENOMEM;
    own.file = own.mapping;
    own.fops = &anon_vma_ops;
    own.pgoff = 0;
    addr = mm_map(mm, &own);
    anon_vma_ops.put(own.file); /* the VMA has its own reference */
    return addr;
}

long mm_map(struct mm *mm, const struct mmap_args *a)
{
    size_t len = ALIGN_UP(a->len, PAGE_SIZE);
    uint32_t flags = a->vm_flags;
    bool populate;
    long addr;

    if (!a->len)
        return -EINVAL;
    if (len < a->len || obvious_overcommit(flags, len >> PAGE_SHIFT, a->mapping))
        return -ENOMEM;
    if ((flags & VM_SHARED) && !a->mapping && !a->special)
        return map_shared_anon(mm, a);
    rw_write_lock(&mm->lock);
    flags |= mm->default_flags;
    addr = map_locked(mm, a, len, flags);
    populate = a->populate || ((flags & VM_LOCKED) && !mm->lock_on_fault);
    rw_write_unlock(&mm->lock);
    if (unlikely(populate) && addr > 0 && !a->special)
        mm_populate(mm, addr, len); /* as on Linux a failure here shows at the access, not now */
    return addr;
}

long mm_find_gap(struct mm *mm, size_t len, size_t align)
{
    long gap;

    rw_write_lock(&mm->lock);
    gap = vma_find_gap(mm, len + align - PAGE_SIZE, vm_settings.mmap_min_addr, mm->mmap_base);
    rw_write_unlock(&mm->lock);
    return gap < 0 ? gap : (long)ALIGN_UP((vaddr_t)gap, align);
}

/* The search for gaps must look again from the top of the hole that [.., end) has become part of. */
static void gap_opened(struct mm *mm, vaddr_t end)
{
    struct vma *next;
    vaddr_t top;

    if (!mm->gap_from || end <= mm->gap_from)
        return;
    next = vma_find(mm, end);
    top = next ? next->start : mm->mmap_base;
    mm->gap_from = MIN(top, mm->mmap_base);
}

/* What leaves the tree: whole VMAs, and a part of the first and of the last one, which stay. */
struct detached {
    struct vma *whole; /* linked through node.left */
    unsigned nr_parts;
    struct {
        struct vma *vma;
        vaddr_t start, end;
    } part[2];
};

static void detach_vmas(struct mm *mm, struct vma *v, vaddr_t addr, vaddr_t end, struct detached *r)
{
    struct vma *next;

    for (; v && v->start < end; v = next) {
        vaddr_t from = MAX(v->start, addr), to = MIN(v->end, end);

        next = vma_next(v);
        vma_account(mm, v, (to - from) >> PAGE_SHIFT, -1);
        if (from == v->start && to == v->end) {
            vma_unlink(mm, v);
            v->node.left = r->whole ? &r->whole->node : NULL;
            r->whole = v;
            continue;
        }
        r->part[r->nr_parts].vma = v;
        r->part[r->nr_parts].start = from;
        r->part[r->nr_parts++].end = to;
        if (v->flags & VM_SPECIAL)
            v->special += from > v->start ? 0 : (to - from) >> PAGE_SHIFT;
        vma_resize(v, from > v->start ? v->start : to, from > v->start ? from : v->end);
    }
    gap_opened(mm, end);
}

static void zap_detached(struct detached *r)
{
    for (unsigned i = 0; i < r->nr_parts; i++)
        vma_zap(r->part[i].vma, r->part[i].start, r->part[i].end);
    while (r->whole) {
        struct vma *v = r->whole;

        r->whole = vma_of(v->node.left);
        vma_zap(v, v->start, v->end);
        vma_free(v);
    }
}

/* mm.lock is held for writing; downgrade: for reading when it returns 0. */
static int unmap_vmas(struct mm *mm, vaddr_t addr, vaddr_t end, bool downgrade)
{
    struct vma *v = vma_find(mm, addr);
    struct detached r;

    /* A hole in the middle: the only case that needs one more VMA. */
    if (v && v->start < addr && end < v->end) {
        int err = vma_split(mm, v, end);

        if (err)
            return err;
    }
    r.whole = NULL;
    r.nr_parts = 0;
    if (v && v->start < end)
        detach_vmas(mm, v, addr, end, &r);
    /* Others may fault while pages are freed, but not map: the range is not to be used again before. */
    if (downgrade)
        rw_downgrade(&mm->lock);
    zap_detached(&r);
    return 0;
}

int mm_unmap_locked(struct mm *mm, vaddr_t addr, size_t len)
{
    return unmap_vmas(mm, addr, addr + len, false);
}

int mm_unmap(struct mm *mm, vaddr_t addr, size_t len)
{
    int err;

    if ((addr & ~PAGE_MASK) || !len || addr > USER_MAX || len > USER_MAX - addr)
        return -EINVAL;
    len = ALIGN_UP(len, PAGE_SIZE);
    rw_write_lock(&mm->lock);
    err = unmap_vmas(mm, addr, addr + len, true);
    if (unlikely(err))
        rw_write_unlock(&mm->lock);
    else
        rw_read_unlock(&mm->lock);
    return err;
}

/* Gives [start, end) of v, which holds it, the new protection. Returns the VMA that holds it now, or an error. */
static struct vma *protect_part(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end, unsigned prot)
{
    uint32_t flags = (v->flags & ~VM_PROT) | prot;
    uint64_t nr = (end - start) >> PAGE_SHIFT;
    int err;

    if (flags == v->flags)
        return v;
    /* VM_MAYREAD and so on are the protection bits shifted: what the open mode of the file allows. */
    if (prot & ~((v->flags & (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)) / VM_MAYREAD))
        return ERR_PTR(-EACCES);
    if (vma_is_data(flags) && !vma_is_data(v->flags)) {
        if (obvious_overcommit(flags, nr, v->mapping) || mm->data_pages + nr > mm->limit_data >> PAGE_SHIFT)
            return ERR_PTR(-ENOMEM);
    }
    if (v->start < start) {
        err = vma_split(mm, v, start);
        if (err)
            return ERR_PTR(err);
        v = vma_next(v);
    }
    if (end < v->end) {
        err = vma_split(mm, v, end);
        if (err)
            return ERR_PTR(err);
    }
    vma_account(mm, v, nr, -1);
    v->flags = flags;
    vma_account(mm, v, nr, 1);
    spin_lock(&mm->pt_lock);
    vma_split_huge(mm, start);
    vma_split_huge(mm, end);
    /* Write access comes page by page with the first write: copy-on-write and zero pages stay protected. */
    pt_protect(mm, start, end, prot ? prot | VM_READ : 0, false);
    spin_unlock(&mm->pt_lock);
    return vma_merge(mm, v);
}

static int protect_locked(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, unsigned grow)
{
    struct vma *v = vma_find(mm, start);

    if (!v)
        return -ENOMEM;
    if (grow) {
        if (v->start >= end)
            return -ENOMEM;
        if (!(v->flags & VM_GROWSDOWN))
            return -EINVAL;
        start = v->start;
    } else if (v->start > start) {
        return -ENOMEM;
    }
    while (start < end) {
        vaddr_t to = MIN(v->end, end);

        v = protect_part(mm, v, start, to, prot);
        if (IS_ERR(v))
            return PTR_ERR(v);
        start = to;
        if (start >= end)
            break;
        v = vma_find(mm, start);
        if (!v || v->start > start)
            return -ENOMEM;
    }
    return 0;
}

int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot, unsigned grow)
{
    vaddr_t end = addr + ALIGN_UP(len, PAGE_SIZE);
    int err;

    if (addr & ~PAGE_MASK)
        return -EINVAL;
    if (!len)
        return 0;
    if (end <= addr || end > USER_MAX)
        return -ENOMEM;
    rw_write_lock(&mm->lock);
    err = protect_locked(mm, addr, end, prot, grow);
    rw_write_unlock(&mm->lock);
    return err;
}

#define HEAP_FLAGS (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

static bool grow_heap(struct mm *mm, vaddr_t old_end, vaddr_t new_end)
{
    struct mmap_args a = {
        .addr = old_end, .len = new_end - old_end, .fixed = true, .noreplace = true, .name = "[heap]"
    };
    struct vma *next = vma_find(mm, old_end);
    uint32_t flags = HEAP_FLAGS | mm->default_flags;

    /* brk(2): the break plus data may not pass RLIMIT_DATA, nor run into a mapping or a stack's guard. */
    if (next && new_end + PAGE_SIZE >
                    next->start - MIN(next->start, (next->flags & VM_GROWSDOWN) ? STACK_GUARD_GAP : 0))
        return false;
    if (obvious_overcommit(flags, a.len >> PAGE_SHIFT, false))
        return false;
    return map_locked(mm, &a, a.len, flags) > 0;
}

long mm_brk(struct mm *mm, vaddr_t brk)
{
    vaddr_t old_end, new_end = ALIGN_UP(brk, PAGE_SIZE);
    bool populate = false;

    rw_write_lock(&mm->lock);
    old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
    if (brk < mm->brk_start || brk > USER_MAX - PAGE_SIZE)
        goto out;
    if (mm->limit_data != UINT64_MAX &&
        brk - mm->brk_start + (mm->data_end - mm->data_start) > mm->limit_data)
        goto out;
    if (new_end < old_end) {
        if (mm_unmap_locked(mm, new_end, old_end - new_end))
            goto out;
    } else if (new_end > old_end) {
        if (!grow_heap(mm, old_end, new_end))
            goto out;
        populate = mm->default_flags & VM_LOCKED && !mm->lock_on_fault;
    }
    mm->brk = brk;
out:
    brk = mm->brk;
    rw_write_unlock(&mm->lock);
    if (populate)
        mm_populate(mm, old_end, new_end - old_end);
    return brk;
}
