/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c: page faults: anonymous memory, private and shared file pages, copy-on-write, stack growth.
 *
 * mm.lock is held for reading, so that faults on different pages go on side by side; what is slow (allocating,
 * clearing, reading a file) happens before pt_lock is taken, and under it the entry is looked at again.
 */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "kernel/vma.h"
#include "lib/string.h"

/* Linux's numbers (asm/signal.h, asm-generic/siginfo.h), which is what vm_fault() speaks. */
enum { SIGNAL_KILL = 9, SIGNAL_BUS = 7, SIGNAL_SEGV = 11 };
enum { CODE_MAPERR = 1, CODE_ACCERR = 2, CODE_BUS_ADRERR = 2 };

#define ANON_BATCH_MAX 16 /* pages brought in at once in a sequential run */
#define FAULT_AROUND   16 /* cached file pages mapped at once, aligned */
#define HUGE_PAGES     (HUGE_SIZE / PAGE_SIZE)

static struct page *zero_page_;

struct page *zero_page(void)
{
    if (unlikely(!zero_page_)) {
        struct page *p = page_alloc(PAGE_ZERO), *none = NULL;

        if (!p)
            return NULL;
        p->flags |= PG_RESERVED;
        if (!__atomic_compare_exchange_n(&zero_page_, &none, p, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            page_free(p);
    }
    return zero_page_;
}

static int sig(int *code, int c, int signo)
{
    *code = c;
    return signo;
}

static enum oom_choice (*oom_kill)(struct mm *mm);

void mm_set_oom(enum oom_choice (*kill)(struct mm *mm))
{
    oom_kill = kill;
}

/* Memory has ended and nothing is left to reclaim: somebody is killed, loudly. 0: another process: try again. */
static int out_of_memory(struct mm *mm)
{
    struct page_stats st;

    if (mm->oom_killed || (READ_ONCE(current->work) & WORK_KILL))
        return SIGNAL_KILL;
    if (oom_kill && oom_kill(mm) == OOM_OTHER)
        return 0;
    mm->oom_killed = true;
    page_get_stats(&st);
    log_err(
        "out of memory: %s killed; it holds %lu KiB anonymous and %lu KiB file memory, %lu of %lu KiB are free. "
        "Give the machine more memory (-m)",
        current->name, (unsigned long)(mm->rss_anon * 4), (unsigned long)((mm->rss_file + mm->rss_shmem) * 4),
        (unsigned long)(st.free * 4), (unsigned long)(st.total * 4));
    return SIGNAL_KILL;
}

/* The table entry of a page that must not be written yet. A mapping that may only be written is readable too. */
static inline unsigned prot_unwritten(const struct vma *v)
{
    return (v->flags & VM_EXEC) | VM_READ;
}

/* ---- accounting; pt_lock held ---- */

static void rss_add(struct vma *v, const struct page *p, int64_t nr)
{
    struct mm *mm = v->mm;
    uint64_t rss;

    if (p->flags & PG_ANON) {
        mm->rss_anon += nr;
        if (nr > 0) /* new; shared ones are entered by mm_fork() alone. page_put() counts out */
            page_account(PAGE_KIND_ANON, nr);
    } else if (p->flags & PG_SHMEM) {
        mm->rss_shmem += nr;
    } else {
        mm->rss_file += nr;
    }
    rss = mm->rss_anon + mm->rss_file + mm->rss_shmem;
    if (rss > mm->peak_rss)
        mm->peak_rss = rss;
}

/* True: the page is to be freed. */
static bool drop_page(struct vma *v, paddr_t pa, bool huge)
{
    struct page *p = pfn_page(pa >> PAGE_SHIFT);

    if (p == zero_page_ || v->special)
        return false;
    rss_add(v, p, huge ? -(int64_t)HUGE_PAGES : -1);
    return page_drop(p);
}

void vma_drop_page(void *v, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
    if (drop_page(v, pa, huge))
        page_free(pfn_page(pa >> PAGE_SHIFT));
}

/* Pages are freed when others can have pt_lock again. */
struct zap {
    struct vma *vma;
    struct page *dead; /* linked through owner */
};

static void zap_page(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
    struct zap *z = arg;
    struct page *p = pfn_page(pa >> PAGE_SHIFT);

    if (!drop_page(z->vma, pa, huge))
        return;
    p->owner = z->dead;
    z->dead = p;
}

static void free_dead(struct zap *z)
{
    while (z->dead) {
        struct page *p = z->dead;

        z->dead = p->owner;
        page_free(p);
    }
}

void vma_split_huge(struct mm *mm, vaddr_t va)
{
    paddr_t pa;
    unsigned prot;
    bool huge;

    if (unlikely(mm->has_huge) && (va & (HUGE_SIZE - 1)) && pt_lookup(mm, va, &pa, &prot, &huge) && huge)
        page_split(pfn_page(ALIGN_DOWN(pa, HUGE_SIZE) >> PAGE_SHIFT));
}

void vma_zap(struct vma *v, vaddr_t start, vaddr_t end)
{
    struct mm *mm = v->mm;
    struct zap z = { .vma = v };

    do {
        spin_lock(&mm->pt_lock);
        if (unlikely(mm->has_huge) && !v->mapping) {
            vma_split_huge(mm, start);
            vma_split_huge(mm, end);
        }
        if (nr_cpus == 1) /* nobody waits: nothing need be set aside */
            start = pt_unmap(mm, start, end, vma_drop_page, v);
        else
            start = pt_unmap(mm, start, end, zap_page, &z);
        spin_unlock(&mm->pt_lock);
        free_dead(&z);
    } while (start < end);
}

/* ---- anonymous memory ---- */

/* Enters a page whose reference moves into the table, over what is there. 0, or -ENOMEM. pt_lock held. */
static int enter_page(struct vma *v, vaddr_t va, struct page *p, unsigned prot)
{
    int err = pt_map(v->mm, va, page_paddr(p), prot, false);

    if (!err)
        rss_add(v, p, 1);
    return err;
}

/* The same where nothing is yet: else -EEXIST. */
static inline int enter_new(struct vma *v, vaddr_t va, struct page *p, unsigned prot)
{
    int err = pt_map_new(v->mm, va, page_paddr(p), prot);

    if (likely(!err))
        rss_add(v, p, 1);
    return err;
}

/* A page-table page could not be had: frees cache and says whether to try again. */
static int retry_or_die(struct vma *v)
{
    return mapping_reclaim(ANON_BATCH_MAX) ? 0 : out_of_memory(v->mm);
}

static int fault_zero(struct vma *v, vaddr_t va)
{
    struct mm *mm = v->mm;
    struct page *z = zero_page();
    int err = -ENOMEM;

    if (z) {
        spin_lock(&mm->pt_lock);
        err = pt_map_new(mm, va, page_paddr(z), prot_unwritten(v));
        spin_unlock(&mm->pt_lock);
    }
    return err == -ENOMEM ? retry_or_die(v) : 0;
}

static bool huge_wanted(const struct vma *v, vaddr_t base)
{
    if (base < v->start || base + HUGE_SIZE > v->end || (v->flags & VM_NOHUGE) || v->mm->no_huge)
        return false;
    return vm_settings.huge_pages == THP_ALWAYS ||
           (vm_settings.huge_pages == THP_MADVISE && (v->flags & VM_HUGE));
}

/* Tries to map 2 MiB at once; false: single pages will do. */
static bool fault_huge(struct vma *v, vaddr_t va)
{
    vaddr_t base = ALIGN_DOWN(va, HUGE_SIZE);
    struct mm *mm = v->mm;
    struct page *p;
    bool done = false;

    if (!huge_wanted(v, base))
        return false;
    p = page_alloc_order(HUGE_SHIFT - PAGE_SHIFT, PAGE_USER | PAGE_ZERO);
    if (!p)
        return false;
    p->flags = PG_ANON;
    spin_lock(&mm->pt_lock);
    if (pt_next(mm, base, base + HUGE_SIZE) == base + HUGE_SIZE &&
        pt_map(mm, base, page_paddr(p), v->flags & VM_PROT, true) == 0) {
        rss_add(v, p, HUGE_PAGES);
        mm->has_huge = done = true;
    }
    spin_unlock(&mm->pt_lock);
    if (!done)
        page_free(p);
    return done;
}

/* How many pages to bring in at va: one, then twice as many each time while a thread's faults run upwards in sequence. The
 * thread's and not the VMA's: areas of several threads are often one VMA. */
static unsigned anon_batch(struct vma *v, vaddr_t va)
{
    struct thread *t = current;
    unsigned i = t->fault_run_used, n = 1;

    if (va != t->fault_run[i].next)
        i ^= 1;
    if (va == t->fault_run[i].next)
        n = MIN(t->fault_run[i].batch * 2, (unsigned)ANON_BATCH_MAX);
    n = MIN((vaddr_t)n, (v->end - va) >> PAGE_SHIFT);
    t->fault_run_used = i;
    t->fault_run[i].batch = n;
    t->fault_run[i].next = va + n * PAGE_SIZE;
    return n;
}

static int fault_anon_write(struct vma *v, vaddr_t va)
{
    struct page *pages[ANON_BATCH_MAX];
    struct mm *mm = v->mm;
    unsigned n, want, i;
    int err = 0;

    if (fault_huge(v, va))
        return 0;
    want = anon_batch(v, va);
    for (n = 0; n < want; n++) {
        pages[n] = page_alloc(PAGE_ZERO | PAGE_USER | (n ? 0 : PAGE_WAIT));
        if (!pages[n])
            break;
        pages[n]->flags = PG_ANON;
    }
    if (!n)
        return out_of_memory(mm);
    spin_lock(&mm->pt_lock);
    for (i = 0; i < n; i++) {
        err = enter_new(v, va + i * PAGE_SIZE, pages[i], v->flags & VM_PROT);
        if (unlikely(err))
            break;
    }
    spin_unlock(&mm->pt_lock);
    for (unsigned k = i; k < n; k++)
        page_free(pages[k]);
    return err == -ENOMEM && !i ? retry_or_die(v) : 0;
}

/* ---- copy-on-write: the entry is present but not writable, or a private file page is to be written ---- */

/* A private copy of old (or of zeroes) at va; old is referenced. The entry must still map old, or nothing. */
static int enter_copy(struct vma *v, vaddr_t va, struct page *old)
{
    struct mm *mm = v->mm;
    struct page *p = page_alloc(PAGE_WAIT | PAGE_USER | (old == zero_page_ ? PAGE_ZERO : 0));
    paddr_t pa;
    unsigned prot;
    bool huge, was;
    int err = 0;

    if (!p)
        return out_of_memory(mm);
    if (old != zero_page_)
        arch_copy_page(page_virt(p), page_virt(old));
    p->flags = PG_ANON;
    spin_lock(&mm->pt_lock);
    was = pt_lookup(mm, va, &pa, &prot, &huge);
    if (was && (huge || pa != page_paddr(old))) { /* somebody else has been here: look again */
        spin_unlock(&mm->pt_lock);
        page_free(p);
        return 0;
    }
    err = enter_page(v, va, p, v->flags & VM_PROT);
    if (!err && was && old != zero_page_) {
        rss_add(v, old, -1);
        page_put(old);
    }
    spin_unlock(&mm->pt_lock);
    if (err) {
        page_free(p);
        return retry_or_die(v);
    }
    return 0;
}

/* A write to a present page. 1: nothing is present after all. */
static int fault_protected(struct vma *v, vaddr_t va)
{
    struct mm *mm = v->mm;
    struct page *p;
    paddr_t pa;
    unsigned prot;
    bool huge;
    int err;

    spin_lock(&mm->pt_lock);
    if (!pt_lookup(mm, va, &pa, &prot, &huge)) {
        spin_unlock(&mm->pt_lock);
        return 1;
    }
    p = pfn_page((huge ? ALIGN_DOWN(pa, HUGE_SIZE) : pa) >> PAGE_SHIFT);
    if ((p->flags & PG_ANON) && atomic_load(&p->refs.n) == 1) { /* its last user: no copy */
        pt_map(mm, huge ? ALIGN_DOWN(va, HUGE_SIZE) : va, page_paddr(p), v->flags & VM_PROT, huge);
        spin_unlock(&mm->pt_lock);
        return 0;
    }
    page_get(p);
    spin_unlock(&mm->pt_lock);
    err = enter_copy(v, va, p);
    page_put(p);
    return err;
}

static int fault_anon(struct vma *v, vaddr_t va, unsigned access)
{
    if (!(access & FAULT_WRITE))
        return fault_zero(v, va);
    if (access & FAULT_PRESENT) {
        int r = fault_protected(v, va);

        if (r <= 0 || r > 1)
            return r;
    }
    return fault_anon_write(v, va);
}

/* ---- file pages ---- */

/* Maps the pages around va that the cache already holds: program start-up touches most of them soon. */
static void map_around(struct vma *v, vaddr_t va, uint64_t last, unsigned prot)
{
    vaddr_t from = MAX(ALIGN_DOWN(va, FAULT_AROUND * PAGE_SIZE), v->start);
    vaddr_t to = MIN(ALIGN_DOWN(va, FAULT_AROUND * PAGE_SIZE) + FAULT_AROUND * PAGE_SIZE, v->end);

    rcu_read_lock();
    for (vaddr_t a = from; a < to && vma_index(v, a) <= last; a += PAGE_SIZE) {
        struct page *p;

        if (a == va)
            continue;
        p = mapping_peek(v->mapping, vma_index(v, a));
        if (!p || !ref_get_unless_zero(&p->refs))
            continue;
        if (!p->mapping || enter_new(v, a, p, prot))
            page_put(p);
    }
    rcu_read_unlock();
}

/* Maps the cache's page itself. The page's reference is consumed. */
static int enter_cached(struct vma *v, vaddr_t va, struct page *p, unsigned prot, uint64_t last)
{
    struct mm *mm = v->mm;
    struct page *old;
    paddr_t pa;
    unsigned had;
    bool huge;
    int err = 0;

    spin_lock(&mm->pt_lock);
    if (mapping_peek(v->mapping, vma_index(v, va)) != p)
        goto out; /* truncated or copied meanwhile: the next fault finds out */
    if (pt_lookup(mm, va, &pa, &had, &huge)) {
        old = pfn_page(pa >> PAGE_SHIFT);
        if (old == p) { /* only the protection changes */
            err = pt_map(mm, va, pa, prot, false);
            goto out;
        }
        if (!(v->flags & VM_SHARED)) /* a private copy is already there */
            goto out;
        err = enter_page(v, va, p, prot);
        if (err)
            goto out;
        rss_add(v, old, -1);
        spin_unlock(&mm->pt_lock);
        page_put(old);
        return 0;
    }
    err = enter_page(v, va, p, prot);
    if (err)
        goto out;
    p->flags |= PG_MAPPED;
    map_around(v, va, last, prot_unwritten(v));
    spin_unlock(&mm->pt_lock);
    return 0;
out:
    spin_unlock(&mm->pt_lock);
    page_put(p);
    return err ? retry_or_die(v) : 0;
}

static int fault_file(struct vma *v, vaddr_t va, unsigned access, int *code)
{
    uint64_t index = vma_index(v, va), size = v->fops->size(v->file), last;
    bool write = access & FAULT_WRITE, shared = v->flags & VM_SHARED;
    struct page *p;
    int err;

    if (index >= (size + PAGE_SIZE - 1) >> PAGE_SHIFT)
        return sig(code, CODE_BUS_ADRERR, SIGNAL_BUS);
    last = (size - 1) >> PAGE_SHIFT;
    if (write && !shared && (access & FAULT_PRESENT)) {
        int r = fault_protected(v, va);

        if (r != 1)
            return r;
    }
    err = mapping_get(v->mapping, index, last, MAP_GET_AROUND | (write && shared ? MAP_GET_WRITE : 0), &p);
    if (err == -ENOMEM)
        return out_of_memory(v->mm);
    if (err)
        return sig(code, CODE_BUS_ADRERR, SIGNAL_BUS);
    if (write && !shared) {
        err = enter_copy(v, va, p);
        page_put(p);
        return err;
    }
    return enter_cached(v, va, p, write ? v->flags & VM_PROT : prot_unwritten(v), last);
}

static int fault_special(struct vma *v, vaddr_t va)
{
    struct page *p = v->special[(va - v->start) >> PAGE_SHIFT];
    int err;

    spin_lock(&v->mm->pt_lock);
    err = pt_map(v->mm, va, page_paddr(p), v->flags & VM_PROT, false);
    spin_unlock(&v->mm->pt_lock);
    return err ? retry_or_die(v) : 0;
}

int fault_in(struct vma *v, vaddr_t va, unsigned access, int *code)
{
    va &= PAGE_MASK;
    if (likely(!v->mapping))
        return unlikely(v->special) ? fault_special(v, va) : fault_anon(v, va, access);
    return fault_file(v, va, access, code);
}

/* ---- the entry ---- */

/* The stack reaches down to addr, if its limit and the gap to the mapping below allow. mm.lock held for writing. */
static int grow_stack(struct mm *mm, vaddr_t addr)
{
    struct vma *v = vma_find(mm, addr), *prev;
    uint64_t nr;

    addr &= PAGE_MASK;
    if (!v)
        return -EFAULT;
    if (v->start <= addr)
        return 0;
    if (!(v->flags & VM_GROWSDOWN) || addr < vm_settings.mmap_min_addr || v->end - addr > mm->limit_stack)
        return -EFAULT;
    prev = vma_prev(v);
    if (prev && !(prev->flags & VM_GROWSDOWN) && (prev->flags & VM_PROT) &&
        addr - prev->end < STACK_GUARD_GAP)
        return -EFAULT;
    nr = (v->start - addr) >> PAGE_SHIFT;
    if (mm_may_expand(mm, v->flags, nr))
        return -EFAULT;
    vma_account(mm, v, nr, 1);
    vma_resize(v, addr, v->end);
    return 0;
}

static bool access_allowed(const struct vma *v, unsigned access)
{
    if (access & FAULT_WRITE)
        return v->flags & VM_WRITE;
    if (access & FAULT_EXEC)
        return v->flags & VM_EXEC;
    return v->flags & VM_PROT;
}

int vm_fault(struct mm *mm, vaddr_t addr, unsigned access, int *code)
{
    struct vma *v;
    int r;

    current->min_flt++;
    rw_read_lock(&mm->lock);
    v = vma_find(mm, addr);
    if (unlikely(!v || addr < v->start)) {
        bool stack = v && (v->flags & VM_GROWSDOWN);

        rw_read_unlock(&mm->lock);
        if (!stack)
            return sig(code, CODE_MAPERR, SIGNAL_SEGV);
        rw_write_lock(&mm->lock);
        r = grow_stack(mm, addr);
        rw_write_unlock(&mm->lock);
        /* once grown, the access faults again and finds the page absent */
        return r ? sig(code, CODE_MAPERR, SIGNAL_SEGV) : 0;
    }
    if (unlikely(!access_allowed(v, access)))
        r = sig(code, CODE_ACCERR, SIGNAL_SEGV);
    else
        r = fault_in(v, addr, access, code);
    rw_read_unlock(&mm->lock);
    /* Within a system call, which fails with EFAULT first: the end comes on the way back to user mode. */
    if (unlikely(r == SIGNAL_KILL && !(access & FAULT_USER)))
        thread_kick(current, WORK_KILL);
    return r;
}

/* ---- bringing ranges in ---- */

int vma_populate(struct vma *v, vaddr_t start, vaddr_t end, bool write)
{
    struct mm *mm = v->mm;
    unsigned access = write ? FAULT_WRITE : 0;
    int code;

    if (!(v->flags & VM_PROT) || (write && !(v->flags & VM_WRITE)))
        return -EFAULT;
    for (vaddr_t va = start; va < end;) {
        paddr_t pa;
        unsigned prot;
        bool huge, there;
        int r;

        spin_lock(&mm->pt_lock);
        there = pt_lookup(mm, va, &pa, &prot, &huge);
        spin_unlock(&mm->pt_lock);
        if (there && (!write || (prot & VM_WRITE))) {
            va = huge ? ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE : va + PAGE_SIZE;
            continue;
        }
        r = fault_in(v, va, access | (there ? FAULT_PRESENT : 0), &code);
        if (r == SIGNAL_KILL)
            return -ENOMEM;
        if (r)
            return -EFAULT;
        if (unlikely(READ_ONCE(current->work) & WORK_KILL))
            return -EINTR;
    }
    return 0;
}

int mm_populate(struct mm *mm, vaddr_t addr, size_t len)
{
    vaddr_t end = addr + len;
    int err = 0;

    rw_read_lock(&mm->lock);
    for (struct vma *v = vma_find(mm, addr); v && v->start < end; v = vma_next(v)) {
        bool write = (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
        int e = v->special ? 0 : vma_populate(v, MAX(v->start, addr), MIN(v->end, end), write);

        if (e && !err)
            err = e;
        if (e == -ENOMEM || e == -EINTR)
            break;
    }
    rw_read_unlock(&mm->lock);
    return err;
}
