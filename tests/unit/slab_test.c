/* SPDX-License-Identifier: BSD-2-Clause */
/* The slab allocator itself, over the shim's pages. slab_fast_test.c runs it again without the checks. */
#include "test.h"

#include "kernel/slab.c"
#include "shim.h"

struct thing {
    uint64_t a, b, c;
    char d[16];
};
static struct slab_cache things = SLAB_CACHE(struct thing);

static uint64_t seed = 1234567;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

TEST(sizes_fit_and_are_aligned)
{
    for (size_t size = 1; size <= 9000; size += 1 + size / 50) {
        char *p = kmalloc(size);

        CHECK(p && IS_ALIGNED((uintptr_t)p, 16));
        if (size <= 4096 && !(size & (size - 1)))
            CHECK(IS_ALIGNED((uintptr_t)p, size));
        memset(p, 0xff, size);
        kfree(p);
        p = kzalloc(size);
        for (size_t i = 0; i < size; i++)
            CHECK(!p[i]);
        kfree(p);
    }
    kfree(NULL);
}

TEST(random_use_keeps_contents)
{
    static struct {
        uint8_t *p;
        size_t size;
        uint8_t fill;
    } live[500];

    for (int step = 0; step < 40000; step++) {
        unsigned i = rnd() % ARRAY_SIZE(live);

        if (live[i].p) {
            for (size_t k = 0; k < live[i].size; k++)
                CHECK(live[i].p[k] == live[i].fill);
            kfree(live[i].p);
            live[i].p = NULL;
        } else {
            live[i].size = 1 + rnd() % (rnd() % 8 ? 300 : 5000);
            live[i].fill = rnd();
            live[i].p = kmalloc(live[i].size);
            memset(live[i].p, live[i].fill, live[i].size);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(live); i++)
        kfree(live[i].p);
}

TEST(empty_slabs_go_back)
{
    static struct thing *t[5000];
    long pages = shim_live_pages;

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        t[i] = slab_alloc(&things);
    CHECK(shim_live_pages - pages == (long)(5000 + 101) / 102);
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        slab_free(&things, t[i]);
    CHECK(shim_live_pages - pages <= 2);
    CHECK(things.nr_pages <= 2);
}

TEST(allocation_survives_every_oom)
{
    static struct thing *t[300];
    unsigned n = 0, failed = 0;

    for (unsigned round = 0; round < 5; round++) {
        fail_alloc_at(round);
        for (n = 0; n < ARRAY_SIZE(t); n++)
            if (!(t[n] = slab_alloc(&things))) {
                failed++;
                t[n] = slab_alloc(&things);
                CHECK(t[n]);
            }
        fail_alloc_at(-1);
        for (n = 0; n < ARRAY_SIZE(t); n++)
            slab_free(&things, t[n]);
    }
    CHECK(failed >= 1);
    fail_alloc_at(0);
    CHECK(!kmalloc(10000));
    fail_alloc_at(-1);
}

TEST(reallocation_and_strings)
{
    char *p = kstrdup("hello"), *q;

    CHECK(!strcmp(p, "hello"));
    q = krealloc(p, 6, 3000);
    CHECK(!strcmp(q, "hello"));
    q = krealloc(q, 3000, 3);
    CHECK(!memcmp(q, "hel", 3));
    fail_alloc_at(0);
    CHECK(!krealloc(q, 3, 100000));
    fail_alloc_at(-1);
    CHECK(!memcmp(q, "hel", 3));
    kfree(q);
    CHECK(!kmalloc(SIZE_MAX) && !kmalloc(1ul << 40));
}

TEST(interrupt_handlers_use_the_slabs_directly)
{
    struct slab_cpu *s = &boot_cpu.slab[things.id];
    struct slab_cpu before = *s;

    boot_cpu.in_irq = 1;
    struct thing *t = slab_alloc(&things);

    slab_free(&things, t);
    boot_cpu.in_irq = 0;
    CHECK(before.free == s->free && before.nr == s->nr);
}

#if SLAB_CHECKS
TEST(misuse_is_noticed)
{
    struct thing *t = slab_alloc(&things), *u = slab_alloc(&things);

    slab_free(&things, t);
    CHECK_PANICS(slab_free(&things, t));
    CHECK_PANICS(slab_free(&things, (char *)u + 8));
    CHECK_PANICS(slab_free(&classes[0], u));
    t->b = 1;
    CHECK_PANICS(for (int i = 0; i < 10; i++) slab_alloc(&things));
}
#endif
