/* SPDX-License-Identifier: BSD-2-Clause */
/* mapping_test.c: the page cache over a backing that fails, with allocations that fail, truncation and reclaim. */
#include "shim_mm.h"

#include "kernel/fault.c"
#include "kernel/mapping.c"
#include "kernel/mm.c"
#include "kernel/reclaim.c"
#include "kernel/vma.c"
#include "lib/radix.c"
#include "lib/rbtree.c"

const struct vma_file_ops anon_vma_ops;
struct mapping *mapping_new_anon(uint64_t size)
{
    return NULL;
}

static unsigned reads, pages_read;
static uint64_t bad_index = UINT64_MAX;

static int read_pages(struct mapping *m, uint64_t index, unsigned nr, struct page **pages)
{
    int err = 0;

    reads++;
    pages_read += nr;
    for (unsigned i = 0; i < nr; i++) {
        CHECK(pages[i]->flags & PG_LOCKED && pages[i]->index == index + i && pages[i]->mapping == m);
        if (index + i == bad_index) {
            pages[i]->flags |= PG_ERROR;
            err = -EIO;
            continue;
        }
        *(uint64_t *)page_virt(pages[i]) = index + i;
        pages[i]->flags |= PG_UPTODATE;
    }
    return err;
}
static const struct mapping_ops disk_ops = { .read = read_pages };

static void start(struct mapping *m, const struct mapping_ops *ops)
{
    shim_start();
    mm_init();
    mapping_init(m, ops, NULL);
    reads = pages_read = 0;
}

static void end(struct mapping *m)
{
    mapping_destroy(m);
    CHECK(shim_objects == 0 && shim_free_pages == ARENA_PAGES - 1 && list_empty(&lru) && lru_nr == 0);
}

static int get(struct mapping *m, uint64_t index, uint64_t max)
{
    struct page *p;
    int err = mapping_get(m, index, max, 0, &p);

    if (!err) {
        CHECK(*(uint64_t *)page_virt(p) == index);
        page_put(p);
    }
    return err;
}

TEST(mapping_reads_ahead_in_growing_windows)
{
    struct mapping m;

    start(&m, &disk_ops);
    for (uint64_t i = 0; i < 200; i++)
        CHECK(get(&m, i, 199) == 0);
    CHECK(pages_read == 200 && reads < 14);
    CHECK(get(&m, 1000, 5000) == 0 && pages_read <= 204); /* a jump reads little */
    end(&m);
}

TEST(mapping_reads_never_pass_the_end)
{
    struct mapping m;

    start(&m, &disk_ops);
    CHECK(get(&m, 0, 0) == 0 && pages_read == 1);
    CHECK(get(&m, 1, 2) == 0 && pages_read == 3);
    end(&m);
}

TEST(mapping_failed_pages_are_tried_again)
{
    struct mapping m;

    start(&m, &disk_ops);
    bad_index = 2;
    CHECK(get(&m, 0, 100) == 0);
    CHECK(get(&m, 1, 100) == 0);
    CHECK(get(&m, 2, 100) == -EIO);
    CHECK(!mapping_peek(&m, 2));
    bad_index = UINT64_MAX;
    CHECK(get(&m, 2, 100) == 0);
    end(&m);
}

TEST(mapping_survives_every_oom)
{
    struct mapping m;

    for (int n = 0, failed = 1; failed; n++) {
        start(&m, &disk_ops);
        fail_alloc_at(n);
        for (uint64_t i = 0; i < 12; i++) {
            int err = get(&m, i * 5, 100);

            CHECK(err == 0 || err == -ENOMEM);
        }
        failed = alloc_did_fail();
        fail_alloc_at(-1);
        end(&m);
    }
}

TEST(mapping_truncate_zeroes_edges_and_drops_pages)
{
    struct mapping m;
    struct page *p;

    start(&m, NULL);
    m.pinned = true;
    for (uint64_t i = 0; i < 70; i++) {
        CHECK(mapping_get(&m, i, 0, MAP_GET_WRITE, &p) == 0);
        memset(page_virt(p), 0xff, PAGE_SIZE);
        page_put(p);
    }
    CHECK(m.nr_pages == 70 && nr_shmem_pages == 70);
    mapping_truncate(&m, 10 * PAGE_SIZE + 100, 12 * PAGE_SIZE + 50);
    CHECK(m.nr_pages == 69 && !mapping_peek(&m, 11));
    p = mapping_peek(&m, 10);
    CHECK(((uint8_t *)page_virt(p))[99] == 0xff && ((uint8_t *)page_virt(p))[100] == 0);
    p = mapping_peek(&m, 12);
    CHECK(((uint8_t *)page_virt(p))[49] == 0 && ((uint8_t *)page_virt(p))[50] == 0xff);
    mapping_truncate(&m, 20 * PAGE_SIZE + 8, 20 * PAGE_SIZE + 16);
    p = mapping_peek(&m, 20);
    CHECK(((uint8_t *)page_virt(p))[7] == 0xff && ((uint8_t *)page_virt(p))[8] == 0 &&
          ((uint8_t *)page_virt(p))[16] == 0xff);
    CHECK(mapping_next(&m, 11, true) == 12 && mapping_next(&m, 0, false) == 11);
    mapping_truncate(&m, 5, UINT64_MAX);
    CHECK(m.nr_pages == 1 && mapping_next(&m, 1, true) == UINT64_MAX);
    end(&m);
}

TEST(mapping_reclaim_takes_unused_clean_pages)
{
    struct mapping m, tmp;
    struct page *held, *dirty, *kept;

    start(&m, &disk_ops);
    mapping_init(&tmp, NULL, NULL);
    tmp.pinned = true;
    for (uint64_t i = 0; i < 64; i++)
        CHECK(get(&m, i, 63) == 0);
    CHECK(mapping_get(&m, 5, 63, 0, &held) == 0);
    CHECK(mapping_get(&m, 6, 63, MAP_GET_WRITE, &dirty) == 0);
    page_put(dirty);
    CHECK(mapping_get(&tmp, 0, 0, MAP_GET_WRITE, &kept) == 0);
    page_put(kept);
    for (int i = 0; i < 8; i++)
        mapping_reclaim(32);
    CHECK(m.nr_pages == 2 && mapping_peek(&m, 5) == held && mapping_peek(&m, 6) == dirty);
    CHECK(tmp.nr_pages == 1);
    page_put(held);
    mapping_destroy(&tmp);
    end(&m);
}

/* Caching a file larger than memory goes on by reclaim. */
TEST(mapping_larger_than_memory)
{
    struct mapping m;

    start(&m, &disk_ops);
    for (uint64_t i = 0; i < ARENA_PAGES * 2; i++)
        if (get(&m, i, UINT64_MAX)) {
            CHECK(!"a read failed though memory could be reclaimed");
            break;
        }
    end(&m);
}
