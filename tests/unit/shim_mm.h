/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim_mm.h: what the memory code stands on, on the build host: pages from an arena, page tables as a direct-mapped
 * array, locks that only count. Every allocation can be made to fail (fail_alloc_at).
 */
#pragma once
#include "kernel/arch.h"
#include "kernel/kstack.h"
#include "kernel/log.h"
#include "kernel/mapping.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "kernel/vma.h"
#include "test.h"

#define ARENA_PAGES 16384
#define PT_SLOTS    (1u << 18)

static struct cpu the_cpu;
static struct thread the_thread = { .name = "test" };
struct cpu *shim_cpu = &the_cpu, *cpus[MAX_CPUS] = { &the_cpu };
unsigned nr_cpus = 1;
bool shim_irqs_off;
uintptr_t shim_user_limit = UINTPTR_MAX;
struct page *page_table;
char *direct_map;

static long shim_objects;    /* slab objects alive */
static long shim_free_pages; /* of the arena */
static bool shim_used[ARENA_PAGES];

static void shim_start(void)
{
    arch_set_current(&the_thread);
    if (!page_table) {
        page_table = calloc(ARENA_PAGES, sizeof(struct page));
        direct_map = aligned_alloc(HUGE_SIZE, ARENA_PAGES * PAGE_SIZE);
        shim_free_pages = ARENA_PAGES - 1; /* page 0 is never given out */
        shim_used[0] = true;
    }
}

/* ---- locks: the tests are single-threaded, so a lock that is taken twice is a bug ---- */
void spin_lock(struct spinlock *l)
{
    if (l->v++)
        abort();
}
bool spin_trylock(struct spinlock *l)
{
    return l->v ? false : (l->v = 1);
}
void spin_unlock(struct spinlock *l)
{
    if (l->v-- != 1)
        abort();
}
bool spin_held(struct spinlock *l)
{
    return l->v;
}
void check_may_sleep(void)
{
}
void sleep_lock_taken(void *lock, enum lock_rank rank)
{
}
void sleep_lock_released(void *lock)
{
}
bool sleep_lock_held(void *lock)
{
    return true;
}
void rw_init(struct rwlock *l, enum lock_rank rank)
{
    memset(l, 0, sizeof(*l));
}
void rw_lock_slow(struct rwlock *l, bool write)
{
    abort();
}
void rw_downgrade_slow(struct rwlock *l)
{
    abort();
}
void rw_unlock_slow(struct rwlock *l)
{
    abort();
}
void waitq_wake(struct waitq *wq, unsigned nr, uint32_t flags)
{
}
bool waiter_wake(struct waiter *w, uint32_t flags)
{
    return false;
}
void wait_prepare(struct waitq *wq, struct waiter *w, enum thread_state s)
{
}
void wait_finish(struct waitq *wq, struct waiter *w)
{
}
int wait_block(enum thread_state s, uint64_t deadline_ns)
{
    abort(); /* nobody would wake us */
}
void softirq_run(void)
{
}
void thread_kick(struct thread *t, uint32_t work)
{
}
void schedule(void)
{
}
void rcu_defer(struct rcu_head *h, void (*fn)(struct rcu_head *))
{
    fn(h);
}
void rcu_wait(void)
{
}
void log_line(enum log_level level, const char *fmt, ...)
{
}
void panic(const char *fmt, ...)
{
    abort();
}

/* ---- objects ---- */
void *kmalloc(size_t size)
{
    void *p = test_alloc(size, 0);

    shim_objects += !!p;
    return p;
}
void *kzalloc(size_t size)
{
    void *p = test_alloc(size, 1);

    shim_objects += !!p;
    return p;
}
void kfree(void *p)
{
    shim_objects -= !!p;
    free(p);
}
void *slab_alloc_slow(struct slab_cache *c)
{
    return kmalloc(c->size);
}
void *slab_zalloc(struct slab_cache *c)
{
    return kzalloc(c->size);
}
void slab_free_slow(struct slab_cache *c, void *p)
{
    kfree(p);
}
struct radix_node *radix_node_new(void)
{
    return kzalloc(sizeof(struct radix_node));
}
void radix_node_free(struct radix_node *n)
{
    kfree(n);
}

/* ---- pages ---- */
static size_t (*shim_reclaim)(size_t);
static size_t shim_last;

static struct page *shim_take(unsigned order)
{
    size_t nr = 1ul << order;

    for (size_t tries = 0, at = ALIGN_UP(shim_last, nr); tries < ARENA_PAGES; tries += nr, at += nr) {
        size_t i = at % ARENA_PAGES, n = 0;

        while (n < nr && !shim_used[i + n])
            n++;
        if (n < nr)
            continue;
        memset(&shim_used[i], 1, nr);
        memset(&page_table[i], 0, nr * sizeof(struct page));
        shim_free_pages -= nr;
        shim_last = i + nr;
        page_table[i].refs.n = 1;
        page_table[i].order = order;
        return &page_table[i];
    }
    return NULL;
}
struct page *page_alloc_order(unsigned order, enum page_flags flags)
{
    void *turn = test_alloc(1, 0);
    struct page *p;

    if (!turn)
        return NULL;
    free(turn);
    p = shim_take(order);
    if (!p && (flags & PAGE_WAIT) && shim_reclaim && shim_reclaim(32))
        p = shim_take(order);
    if (p)
        memset(page_virt(p), flags & PAGE_ZERO ? 0 : 0xa5, PAGE_SIZE << order);
    return p;
}
void page_zero(struct page *p)
{
    memset(page_virt(p), 0, PAGE_SIZE << p->order);
}
struct page *page_alloc_slow(enum page_flags flags)
{
    return page_alloc_order(0, flags);
}
void page_free(struct page *p)
{
    size_t i = page_pfn(p), nr = 1ul << p->order;

    for (size_t k = i; k < i + nr; k++) {
        if (!shim_used[k])
            abort(); /* freed twice */
        shim_used[k] = false;
    }
    shim_free_pages += nr;
}
void page_split(struct page *p)
{
    for (unsigned i = 1; i < 1u << p->order; i++) {
        p[i] = *p;
        p[i].order = 0;
    }
    p->order = 0;
}
void page_get_stats(struct page_stats *s)
{
    *s = (struct page_stats){ .total = ARENA_PAGES, .free = shim_free_pages };
}
uint64_t page_nr_total(void)
{
    return ARENA_PAGES;
}
uint64_t page_nr_free(void)
{
    return shim_free_pages;
}
void page_set_reclaim(size_t (*reclaim)(size_t))
{
    shim_reclaim = reclaim;
}

/* ---- page tables: single pages only; a 2 MiB mapping is 512 entries marked huge ---- */
static struct pt_entry {
    vaddr_t va;
    paddr_t pa;
    uint8_t prot;
    bool there, huge;
} pt[PT_SLOTS];
static long pt_count;

static struct pt_entry *pt_at(vaddr_t va)
{
    struct pt_entry *e = &pt[va >> PAGE_SHIFT & (PT_SLOTS - 1)];

    if (e->there && e->va != (va & PAGE_MASK))
        abort(); /* the test's addresses are too far apart for this model */
    return e;
}
void arch_copy_page(void *dst, const void *src)
{
    memcpy(dst, src, PAGE_SIZE);
}
int arch_mm_init(struct mm *mm)
{
    void *turn = test_alloc(1, 0);

    free(turn);
    return turn ? 0 : -ENOMEM;
}
void arch_mm_share(struct mm *mm)
{
}
size_t kstack_reclaim(void)
{
    return 0;
}
void arch_mm_free(struct mm *mm)
{
}
bool pt_lookup(struct mm *mm, vaddr_t va, paddr_t *pa, unsigned *prot, bool *huge)
{
    struct pt_entry *e = pt_at(va);

    if (!spin_held(&mm->pt_lock))
        abort();
    if (!e->there)
        return false;
    *pa = e->pa;
    *prot = e->prot;
    *huge = e->huge;
    return true;
}
int pt_map(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
    void *turn = test_alloc(1, 0);

    if (!spin_held(&mm->pt_lock))
        abort();
    free(turn);
    if (!turn)
        return -ENOMEM;
    for (size_t i = 0; i < (huge ? HUGE_SIZE / PAGE_SIZE : 1); i++) {
        struct pt_entry *e = pt_at(va + i * PAGE_SIZE);

        pt_count += !e->there;
        *e = (struct pt_entry){ va + i * PAGE_SIZE, pa + i * PAGE_SIZE, prot, true, huge };
    }
    return 0;
}
int pt_map_new(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot)
{
    return pt_at(va)->there ? -EEXIST : pt_map(mm, va, pa, prot, false);
}
vaddr_t pt_next(struct mm *mm, vaddr_t va, vaddr_t end)
{
    while (va < end && !pt_at(va)->there)
        va += PAGE_SIZE;
    return MIN(va, end);
}
static void pt_split(vaddr_t va)
{
    vaddr_t base = ALIGN_DOWN(va, HUGE_SIZE);

    if (va & (HUGE_SIZE - 1) && pt_at(va)->there && pt_at(va)->huge)
        for (size_t i = 0; i < HUGE_SIZE / PAGE_SIZE; i++)
            pt_at(base + i * PAGE_SIZE)->huge = false;
}
vaddr_t pt_unmap(struct mm *mm, vaddr_t start, vaddr_t end,
                 void (*put)(void *, vaddr_t, paddr_t, unsigned, bool), void *arg)
{
    pt_split(start);
    pt_split(end);
    while (start < end) {
        struct pt_entry e = *pt_at(start);
        size_t nr = e.there && e.huge ? HUGE_SIZE / PAGE_SIZE : 1;

        for (size_t i = 0; i < nr && e.there; i++) {
            pt_at(start + i * PAGE_SIZE)->there = false;
            pt_count--;
        }
        if (e.there)
            put(arg, start, e.pa, e.prot, e.huge);
        start += nr * PAGE_SIZE;
    }
    return end;
}
void pt_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, bool allow_write)
{
    pt_split(start);
    pt_split(end);
    for (; start < end; start += PAGE_SIZE) {
        struct pt_entry *e = pt_at(start);

        if (e->there)
            e->prot = allow_write ? prot : prot & (e->prot | ~VM_WRITE);
    }
}
int pt_move(struct mm *mm, vaddr_t from, vaddr_t to, size_t len)
{
    void *turn = test_alloc(1, 0);

    free(turn);
    if (!turn)
        return -ENOMEM;
    pt_split(from);
    pt_split(from + len);
    for (size_t off = 0; off < len; off += PAGE_SIZE) {
        struct pt_entry *e = pt_at(from + off), old = *e;

        if (!old.there)
            continue;
        if (old.huge && (from ^ to) & (HUGE_SIZE - 1))
            abort(); /* mm_remap.c splits these first */
        e->there = false;
        if (pt_at(to + off)->there)
            abort();
        old.va = to + off;
        *pt_at(to + off) = old;
    }
    return 0;
}
