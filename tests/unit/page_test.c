/* SPDX-License-Identifier: BSD-2-Clause */
/* The page allocator against a bitmap, on an arena that is deliberately not zero. */
#include "test.h"

#include "kernel/page.c"
#include "shim.h"
#include <sys/mman.h>

#define MIB (1ul << 20)

static char *arena;
static size_t arena_size;

/* A machine with the given RAM: everything starts anew. */
static void machine(const struct ram *ram, unsigned n)
{
    size_t end = 0;

    memset(&boot_info, 0, sizeof(boot_info));
    for (unsigned i = 0; i < n; i++) {
        boot_info.mem[i] = (struct boot_range){ ram[i].start, ram[i].end, BOOT_MEM_RAM };
        end = ram[i].end > end ? ram[i].end : end;
    }
    boot_info.nr_mem = n;
    if (arena)
        munmap(arena, arena_size);
    arena_size = end;
    arena = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (size_t i = 0; i < end && end <= 64 * MIB; i += PAGE_SIZE)
        memset(arena + i, 0xee, PAGE_SIZE);
    direct_map = arena;
    memset(&pa, 0, sizeof(pa));
    spin_init(&pa.lock, RANK_PAGE);
    boot_cpu.page_free = NULL;
    boot_cpu.page_free_nr = 0;
}

static uint64_t nr_free(void)
{
    struct page_stats s;

    page_get_stats(&s);
    return s.free;
}

/* The free lists hold what they say, and no two free blocks that could be one. */
static void check_lists(void)
{
    uint64_t sum = 0;

    for (unsigned k = 0; k <= PAGE_MAX_ORDER; k++) {
        struct page *p;

        CHECK(list_empty(&pa.free[k]) == !(pa.nonempty >> k & 1));
        list_for_each (p, &pa.free[k], link) {
            uint64_t pfn = page_pfn(p), buddy = pfn ^ (1ul << k);

            CHECK((p->flags & PG_BUDDY) && p->order == k && IS_ALIGNED(pfn, 1ul << k));
            if (k < PAGE_MAX_ORDER && buddy < pa.max_pfn)
                CHECK(!((pfn_page(buddy)->flags & PG_BUDDY) && pfn_page(buddy)->order == k));
            sum += 1ul << k;
        }
    }
    CHECK(sum == pa.nr_free);
}

static uint64_t seed = 0x9e3779b97f4a7c15ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

struct held {
    struct page *p;
    unsigned order;
};
static struct held held[4096];
static unsigned nr_held;
static uint8_t owner[64 * MIB / PAGE_SIZE];

static void claim(struct page *p, unsigned order)
{
    uint64_t pfn = page_pfn(p);

    CHECK(IS_ALIGNED(pfn, 1ul << order) && p->refs.n == 1 && p->order == order && !p->flags && !p->mapping);
    for (uint64_t i = 0; i < 1ul << order; i++) {
        bool usable = false;

        for (unsigned r = 0; r < boot_info.nr_mem; r++)
            usable |= (pfn + i) * PAGE_SIZE >= boot_info.mem[r].start &&
                      (pfn + i + 1) * PAGE_SIZE <= boot_info.mem[r].end;
        CHECK(usable && pfn + i > 0);
        CHECK(!((pfn + i) * PAGE_SIZE >= boot_info.kernel_start &&
                (pfn + i) * PAGE_SIZE < boot_info.kernel_end));
        CHECK(!owner[pfn + i]++);
    }
    memset(page_virt(p), nr_held, PAGE_SIZE << order);
    held[nr_held++] = (struct held){ p, order };
}

static void drop(unsigned i)
{
    uint64_t pfn = page_pfn(held[i].p);

    for (uint64_t k = 0; k < 1ul << held[i].order; k++)
        owner[pfn + k]--;
    page_free(held[i].p);
    held[i] = held[--nr_held];
}

TEST(random_allocation_against_a_bitmap)
{
    static const struct ram ram[] = { { 0, 0x9fc00 },
                                      { MIB, 17 * MIB + 0x5000 },
                                      { 24 * MIB + 0x3000, 41 * MIB } };

    machine(ram, 3);
    boot_info.kernel_start = 2 * MIB;
    boot_info.kernel_end = 2 * MIB + 300 * 1024;
    boot_info.initrd_start = 7 * MIB + 100;
    boot_info.initrd_end = 7 * MIB + 9000;
    page_init();
    uint64_t total = nr_free();

    CHECK(total > 8000 && total < 8500);
    memset(owner, 0, sizeof(owner));
    nr_held = 0;
    for (int step = 0; step < 20000; step++) {
        if (nr_held < 4000 && rnd() % 100 < (step / 4000 % 2 ? 40 : 60)) {
            unsigned order = rnd() % 8 ? 0 : rnd() % (PAGE_MAX_ORDER + 1);
            struct page *p = page_alloc_order(order, PAGE_ATOMIC);

            if (p)
                claim(p, order);
        } else if (nr_held) {
            drop(rnd() % nr_held);
        }
        if (step % 500 == 0)
            check_lists();
    }
    while (nr_held)
        drop(0);
    CHECK(nr_free() == total);
    check_lists();
}

TEST(everything_can_be_taken_and_given_back)
{
    static const struct ram ram[] = { { 0, 4 * MIB } };
    struct page_stats s;
    struct page *p;

    machine(ram, 1);
    page_init();
    uint64_t total = nr_free();

    CHECK(total == 4 * MIB / PAGE_SIZE - 1 - 12);
    nr_held = 0;
    memset(owner, 0, sizeof(owner));
    while ((p = page_alloc(PAGE_ATOMIC)))
        claim(p, 0);
    CHECK(nr_held == total && nr_free() == 0);
    page_get_stats(&s);
    CHECK(s.peak_used == s.total && s.total == total && s.kernel == total);
    while (nr_held)
        drop(nr_held - 1);
    CHECK(nr_free() == total);
    check_lists();
}

TEST(user_pages_leave_the_kernel_its_reserve)
{
    static const struct ram ram[] = { { 0, 8 * MIB } };
    struct page *p;
    unsigned more = 0;

    machine(ram, 1);
    page_init();
    nr_held = 0;
    memset(owner, 0, sizeof(owner));
    while ((p = page_alloc(PAGE_USER)))
        claim(p, 0);
    CHECK(nr_free() <= pa.reserve);
    while (page_alloc(PAGE_ATOMIC))
        more++;
    CHECK(more >= 16 && more <= pa.reserve);
}

static struct page *reclaimable;
static unsigned reclaims;
static size_t give_one(size_t nr)
{
    struct page *p = reclaimable;

    reclaims++;
    if (!p)
        return 0;
    reclaimable = NULL;
    page_free(p);
    return 1;
}

TEST(memory_is_reclaimed_when_it_runs_short)
{
    static const struct ram ram[] = { { 0, 4 * MIB } };

    machine(ram, 1);
    page_init();
    page_set_reclaim(give_one);
    reclaimable = page_alloc(PAGE_ATOMIC);
    while (page_alloc(PAGE_ATOMIC))
        ;
    CHECK(reclaims == 0);
    CHECK(page_alloc(PAGE_WAIT) && reclaims == 1);
    CHECK(!page_alloc(PAGE_WAIT) && reclaims == 2);
    page_set_reclaim(NULL);
}

TEST(start_up_touches_as_much_of_64_gb_as_of_64_mb)
{
    static const struct ram ram[] = { { 0, 0x9fc00 }, { MIB, 3072 * MIB }, { 4096 * MIB, 66560 * MIB } };

    machine(ram, 3);
    page_init();
    CHECK(pa.nr_ram == 3);
    for (int i = 0; i < 300; i++)
        CHECK(page_alloc(PAGE_ATOMIC));
    CHECK(pa.ram[pa.next_ram].start <= 6 * MIB);
    struct page *p = page_alloc_order(PAGE_MAX_ORDER, PAGE_ATOMIC | PAGE_USER);

    CHECK(p && IS_ALIGNED(page_paddr(p), HUGE_SIZE));
    unsigned char vec[4096];
    uint64_t resident = 0;

    for (size_t off = 0; off < arena_size; off += sizeof(vec) * PAGE_SIZE) {
        mincore(arena + off, MIN(arena_size - off, sizeof(vec) * PAGE_SIZE), vec);
        for (unsigned i = 0; i < sizeof(vec) && off + i * PAGE_SIZE < arena_size; i++)
            resident += vec[i] & 1;
    }
    CHECK(resident < 40);
}

TEST(pages_are_zeroed_on_request_and_split)
{
    static const struct ram ram[] = { { 0, 16 * MIB } };

    machine(ram, 1);
    page_init();
    struct page *p = page_alloc(PAGE_ZERO), *b = page_alloc_order(3, PAGE_ZERO);
    char *va = page_virt(p);

    for (unsigned i = 0; i < PAGE_SIZE; i++)
        CHECK(!va[i]);
    va = page_virt(b);
    for (unsigned i = 0; i < 8 * PAGE_SIZE; i++)
        CHECK(!va[i]);
    CHECK(virt_page(va + 5000) == b + 1 && phys_virt(page_paddr(b)) == va);
    uint64_t before = nr_free();

    page_split(b);
    for (unsigned i = 0; i < 8; i++) {
        CHECK(b[i].refs.n == 1 && !b[i].order);
        page_get(b + i);
        page_put(b + i);
        page_put(b + i);
    }
    CHECK(nr_free() == before + 8);
}

TEST(interrupt_handlers_leave_the_lists_of_threads_alone)
{
    static const struct ram ram[] = { { 0, 64 * MIB } };

    machine(ram, 1);
    page_init();
    page_free(page_alloc(PAGE_ATOMIC));
    struct page *first = boot_cpu.page_free;
    unsigned nr = boot_cpu.page_free_nr;

    CHECK(nr > 1);
    boot_cpu.in_irq = 1;
    struct page *p = page_alloc(PAGE_ATOMIC);

    CHECK(p && boot_cpu.page_free == first && boot_cpu.page_free_nr == nr);
    page_free(p);
    CHECK(boot_cpu.page_free == first && boot_cpu.page_free_nr == nr);
    boot_cpu.in_irq = 0;
}

TEST(a_double_free_is_noticed)
{
    static const struct ram ram[] = { { 0, 16 * MIB } };

    machine(ram, 1);
    page_init();
    struct page *p = page_alloc(PAGE_ATOMIC);

    page_free(p);
    CHECK_PANICS(page_free(p));
}
