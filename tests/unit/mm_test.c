/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_test.c: address spaces against a model: one entry per page says what is mapped and what it holds. */
#include "shim_mm.h"

#include "kernel/fault.c"
#include "kernel/mapping.c"
#include "kernel/mm.c"
#include "kernel/mm_range.c"
#include "kernel/mm_remap.c"
#include "kernel/mm_shared.c"
#include "kernel/reclaim.c"
#include "kernel/vma.c"
#include "lib/radix.c"
#include "lib/rbtree.c"
#include "lib/str.c"

#define BASE  0x40000000ul
#define PAGES 2048
#define RW    (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

static struct model {
    bool mapped;
    uint8_t prot;
    uint32_t value;
} model[PAGES];
static struct mm *mm;
static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static struct model *page_of(vaddr_t va)
{
    size_t i = (va - BASE) >> PAGE_SHIFT;

    return va >= BASE && i < PAGES ? &model[i] : NULL;
}

/* As the CPU: the word at va is read or written, faulting as often as needed. The signal, or 0. */
static int touch(vaddr_t va, uint32_t *value, bool write)
{
    for (int tries = 0; tries < 5; tries++) {
        struct pt_entry *e = pt_at(va);
        int code = 0, r;

        if (e->there && (!write || (e->prot & VM_WRITE))) {
            uint32_t *word = phys_virt(e->pa);

            if (write)
                *word = *value;
            else
                *value = *word;
            return 0;
        }
        r = vm_fault(mm, va, (write ? FAULT_WRITE : 0) | FAULT_USER | (e->there ? FAULT_PRESENT : 0), &code);
        if (r)
            return r;
    }
    return -1;
}

static void check_tree(void)
{
    struct vma *prev = NULL;
    uint64_t pages = 0, vmas = 0, data = 0;

    for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
        CHECK(v->start < v->end);
        CHECK(!prev || prev->end <= v->start);
        CHECK(!prev || !vma_same_kind(prev, v));
        for (vaddr_t va = v->start; va < v->end; va += PAGE_SIZE) {
            struct model *m = page_of(va);

            CHECK(m && m->mapped && m->prot == (v->flags & VM_PROT));
        }
        pages += vma_pages(v);
        data += vma_is_data(v->flags) ? vma_pages(v) : 0;
        vmas++;
        prev = v;
    }
    CHECK(pages == mm->total_pages && vmas == mm->nr_vmas && data == mm->data_pages);
    for (size_t i = 0; i < PAGES; i++)
        pages -= model[i].mapped;
    CHECK(pages == 0);
}

static void start_mm(void)
{
    shim_start();
    memset(model, 0, sizeof(model));
    vm_settings.mmap_min_addr = BASE;
    mm = mm_new();
    if (mm)
        mm->mmap_base = BASE + PAGES * PAGE_SIZE;
}

static vaddr_t any_page(void)
{
    return BASE + rnd() % PAGES * PAGE_SIZE;
}

static size_t any_len(vaddr_t at)
{
    size_t room = (BASE + PAGES * PAGE_SIZE - at) >> PAGE_SHIFT;

    return (1 + rnd() % MIN(room, (size_t)(rnd() % 8 ? 24 : 700))) * PAGE_SIZE;
}

static void model_set(vaddr_t at, size_t len, bool mapped, uint8_t prot)
{
    for (vaddr_t va = at; va < at + len; va += PAGE_SIZE)
        *page_of(va) = (struct model){ mapped, prot, 0 };
}

static bool model_any(vaddr_t at, size_t len, bool mapped)
{
    for (vaddr_t va = at; va < at + len; va += PAGE_SIZE)
        if (!page_of(va) || page_of(va)->mapped == mapped)
            return true;
    return false;
}

static void op_map(void)
{
    struct mmap_args a = { .vm_flags = RW, .fixed = rnd() % 2 };
    long at;

    if (rnd() % 4 == 0)
        a.vm_flags &= ~VM_WRITE;
    if (rnd() % 4 == 0)
        a.vm_flags |= VM_HUGE;
    a.addr = any_page();
    a.len = any_len(a.addr);
    if (!a.fixed && rnd() % 2)
        a.addr = 0;
    at = mm_map(mm, &a);
    if (at < 0) {
        CHECK(at == -ENOMEM);
        return;
    }
    if (!page_of(at) || !page_of(at + a.len - PAGE_SIZE)) { /* no room left below: it went above */
        CHECK(mm_unmap(mm, at, a.len) == 0);
        return;
    }
    CHECK(a.fixed ? (vaddr_t)at == a.addr : !model_any(at, a.len, true));
    model_set(at, a.len, true, a.vm_flags & VM_PROT);
}

static void op_unmap(void)
{
    vaddr_t at = any_page();
    size_t len = any_len(at);

    CHECK(mm_unmap(mm, at, len) == 0);
    model_set(at, len, false, 0);
}

static void op_protect(void)
{
    vaddr_t at = any_page();
    size_t len = any_len(at);
    unsigned prot = rnd() % 3 ? VM_READ | VM_WRITE : rnd() % 2 ? VM_READ : 0;
    int err = mm_protect(mm, at, len, prot, 0);

    CHECK(err == (model_any(at, len, false) ? -ENOMEM : 0));
    for (vaddr_t va = at; va < at + len && page_of(va)->mapped; va += PAGE_SIZE)
        page_of(va)->prot = prot;
}

static void op_dontneed(void)
{
    vaddr_t at = any_page();
    size_t len = any_len(at);
    int err = mm_advise(mm, at, len, ADV_DONTNEED);

    CHECK(err == (model_any(at, len, false) ? -ENOMEM : 0));
    for (vaddr_t va = at; va < at + len; va += PAGE_SIZE)
        page_of(va)->value = 0;
}

static void op_remap(void)
{
    struct model saved[PAGES];
    vaddr_t old = any_page();
    size_t old_len = any_len(old), new_len = any_len(BASE);
    struct vma *v = vma_find(mm, old);
    long at = mm_remap(mm, old, old_len, new_len, MREMAP_MAYMOVE, 0);
    size_t keep = MIN(old_len, new_len), i;

    (void)v;
    if (at < 0) { /* an error after the shrinking part may have cut the tail off, and nothing else */
        CHECK(at == -EFAULT || at == -ENOMEM);
        return;
    }
    for (i = 0; i < keep / PAGE_SIZE; i++)
        saved[i] = *page_of(old + i * PAGE_SIZE);
    model_set(old, old_len, false, 0);
    if (!page_of(at) || !page_of(at + new_len - PAGE_SIZE)) {
        CHECK(mm_unmap(mm, at, new_len) == 0);
        return;
    }
    CHECK(!model_any(at, new_len, true));
    model_set(at, new_len, true, saved[0].prot);
    for (i = 0; i < keep / PAGE_SIZE; i++)
        *page_of(at + i * PAGE_SIZE) = saved[i];
}

static void op_touch(void)
{
    vaddr_t at = any_page();

    for (size_t n = 1 + rnd() % 40; n-- && page_of(at); at += PAGE_SIZE) {
        struct model *m = page_of(at);
        bool write = rnd() % 2;
        uint32_t value = rnd();
        int r = touch(at, &value, write);

        if (!m->mapped || !m->prot || (write && !(m->prot & VM_WRITE))) {
            CHECK(r == SIGNAL_SEGV || (!write && pt_at(at)->there));
            continue;
        }
        CHECK(r == 0);
        if (write)
            m->value = value;
        else
            CHECK(m->value == value);
    }
}

static void end_mm(void)
{
    mm_put(mm);
    if (zero_page_) {
        zero_page_->flags = 0;
        page_free(zero_page_);
        zero_page_ = NULL;
    }
    CHECK(pt_count == 0 && shim_objects == 0 && shim_free_pages == ARENA_PAGES - 1);
}

static void random_ops(unsigned n)
{
    static void (*const ops[])(void) = { op_map,   op_map,   op_unmap, op_protect, op_dontneed,
                                         op_touch, op_touch, op_touch, op_remap };

    for (unsigned i = 0; i < n; i++) {
        ops[rnd() % ARRAY_SIZE(ops)]();
        if (i % 64 == 0)
            check_tree();
    }
    check_tree();
}

TEST(mm_random_operations_match_the_model)
{
    start_mm();
    random_ops(30000);
    for (size_t i = 0; i < PAGES; i++) {
        uint32_t value;

        if (!model[i].mapped || !model[i].prot)
            continue;
        CHECK(touch(BASE + i * PAGE_SIZE, &value, false) == 0 && value == model[i].value);
    }
    end_mm();
}

TEST(mm_huge_pages_split_at_the_edges)
{
    struct mmap_args a = { .len = HUGE_SIZE, .vm_flags = RW | VM_HUGE, .fixed = true, .addr = BASE };
    uint32_t value = 7;

    start_mm();
    CHECK(mm_map(mm, &a) == (long)BASE);
    CHECK(touch(BASE + 5 * PAGE_SIZE, &value, true) == 0);
    CHECK(pt_at(BASE)->huge && mm->rss_anon == 512);
    CHECK(mm_unmap(mm, BASE, PAGE_SIZE) == 0);
    CHECK(mm->rss_anon == 511 && !pt_at(BASE + PAGE_SIZE)->huge);
    value = 0;
    CHECK(touch(BASE + 5 * PAGE_SIZE, &value, false) == 0 && value == 7);
    CHECK(mm_protect(mm, BASE + 16 * PAGE_SIZE, PAGE_SIZE, VM_READ, 0) == 0);
    CHECK(touch(BASE + 16 * PAGE_SIZE, &value, true) == SIGNAL_SEGV);
    end_mm();
}

TEST(mm_stack_grows_to_its_limit)
{
    struct mmap_args a = {
        .len = 4 * PAGE_SIZE, .vm_flags = RW | VM_GROWSDOWN, .fixed = true, .addr = BASE + 1024 * PAGE_SIZE
    };
    struct mmap_args below = {
        .len = PAGE_SIZE, .vm_flags = RW, .fixed = true, .addr = BASE + 300 * PAGE_SIZE
    };
    uint32_t value = 1;

    start_mm();
    mm->limit_stack = 600 * PAGE_SIZE;
    CHECK(mm_map(mm, &a) > 0 && mm_map(mm, &below) > 0);
    CHECK(touch(BASE + 900 * PAGE_SIZE, &value, true) == 0 && mm->stack_pages == 128);
    CHECK(touch(BASE + 400 * PAGE_SIZE, &value, true) == SIGNAL_SEGV); /* over the limit */
    mm->limit_stack = UINT64_MAX;
    CHECK(touch(BASE + 400 * PAGE_SIZE, &value, true) == SIGNAL_SEGV); /* within the guard gap */
    CHECK(touch(BASE + 557 * PAGE_SIZE, &value, true) == 0);
    end_mm();
}

TEST(mm_limits)
{
    struct mmap_args a = { .len = 8 * PAGE_SIZE, .vm_flags = RW };

    start_mm();
    mm->limit_as = 12 * PAGE_SIZE;
    CHECK(mm_map(mm, &a) > 0);
    CHECK(mm_map(mm, &a) == -ENOMEM);
    mm->limit_as = UINT64_MAX;
    mm->limit_memlock = 4 * PAGE_SIZE;
    a.vm_flags |= VM_LOCKED;
    CHECK(mm_map(mm, &a) == -EAGAIN);
    a.vm_flags &= ~VM_LOCKED;
    a.len = (ARENA_PAGES + 1) * PAGE_SIZE;
    CHECK(mm_map(mm, &a) == -ENOMEM); /* obvious overcommit */
    a.len = SIZE_MAX;
    CHECK(mm_map(mm, &a) == -ENOMEM);
    a.len = 0;
    CHECK(mm_map(mm, &a) == -EINVAL);
    end_mm();
}

/* Every allocation of a scenario fails in turn: errors, never leaks or corruption. */
TEST(mm_survives_every_oom)
{
    for (int n = 0, failed = 1; failed; n++) {
        struct mmap_args a = { .len = 64 * PAGE_SIZE, .vm_flags = RW }, s = a;
        uint32_t value = 3;
        long at;

        fail_alloc_at(n);
        start_mm();
        if (mm) {
            s.vm_flags |= VM_SHARED;
            at = mm_map(mm, &a);
            if (at > 0) {
                for (int i = 0; i < 20; i++)
                    touch(at + i * PAGE_SIZE, &value, true);
                mm_protect(mm, at + 8 * PAGE_SIZE, PAGE_SIZE, VM_READ, 0);
                mm_unmap(mm, at + 4 * PAGE_SIZE, PAGE_SIZE);
                mm_remap(mm, at + 10 * PAGE_SIZE, 8 * PAGE_SIZE, 80 * PAGE_SIZE, MREMAP_MAYMOVE, 0);
            }
            at = mm_map(mm, &s);
            if (at > 0)
                touch(at, &value, true);
            end_mm();
        }
        failed = alloc_did_fail();
        CHECK(shim_objects == 0);
    }
    fail_alloc_at(-1);
}
