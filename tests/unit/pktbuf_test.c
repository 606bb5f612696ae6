/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets' memory, and the Internet checksum against a byte-by-byte one. */
#include "test.h"

#include "kernel/pktbuf.c"
#include "shim.h"

static uint16_t slow_sum(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] << 8 : p[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint8_t pattern[3 * 4096];
static void fill_pattern(void)
{
    for (unsigned i = 0; i < sizeof(pattern); i++)
        pattern[i] = i * 7 + i / 256;
}

/* The first linear bytes of the pattern, then frags of the given lengths. NULL: no memory. */
static struct pktbuf *build(unsigned linear, const unsigned *lens, unsigned nr)
{
    struct pktbuf *p = pktbuf_alloc(64, linear);
    unsigned at = linear;

    if (!p)
        return NULL;
    memcpy(pktbuf_put(p, linear), pattern, linear);
    for (unsigned i = 0; i < nr; i++) {
        struct page *page = page_alloc(PAGE_ATOMIC);

        if (!page) {
            pktbuf_free(p);
            return NULL;
        }
        memcpy((char *)page_virt(page) + 8 * i, pattern + at, lens[i]);
        pktbuf_add_frag(p, page, 8 * i, lens[i]);
        at += lens[i];
    }
    return p;
}

static bool holds(struct pktbuf *p, unsigned from, unsigned len)
{
    static uint8_t buf[sizeof(pattern)];

    return p->total == len && pktbuf_copy_out(p, 0, buf, len) && !memcmp(buf, pattern + from, len) &&
           !pktbuf_copy_out(p, 1, buf, len);
}

TEST(checksum_is_the_slow_one)
{
    fill_pattern();
    for (unsigned off = 0; off < 9; off++)
        for (unsigned len = 0; len < 200; len++) {
            uint8_t to[200];

            CHECK(checksum_add(pattern + off, len, 0) == slow_sum(pattern + off, len));
            CHECK(checksum_copy(to, pattern + off, len, 0) == slow_sum(pattern + off, len));
            CHECK(!memcmp(to, pattern + off, len));
        }
    memset(pattern, 0xff, 64);
    CHECK(checksum_add(pattern, 64, 0xffff) == 0xffff);
    fill_pattern();
}

TEST(checksum_adjusts)
{
    uint8_t h[20];
    uint16_t check, old, new = 0x1234;

    fill_pattern();
    memcpy(h, pattern + 100, 20);
    check = checksum_finish(checksum_add(h, 20, 0));
    memcpy(&old, h + 6, 2);
    memcpy(h + 6, &new, 2);
    CHECK(checksum_adjust(check, old, new) == checksum_finish(checksum_add(h, 20, 0)));
}

TEST(sizes)
{
    static const unsigned sizes[] = { 0, 1, 100, 300, 1500, 1514, 1600, 2000, 9000, 65536 };

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct pktbuf *p = pktbuf_alloc(128, sizes[i]);

        CHECK(p && p->total == 0 && pktbuf_headroom(p) == 128 && p->end - p->data >= sizes[i]);
        memset(pktbuf_put(p, sizes[i]), 1, sizes[i]);
        memset(pktbuf_push(p, 128), 2, 128);
        CHECK(p->len == sizes[i] + 128 && p->total == p->len);
        pktbuf_free(p);
    }
    CHECK(pktbuf_alloc(128, ~0u) == NULL);
    CHECK(shim_live_objects == 0);
}

TEST(frags)
{
    static const unsigned lens[] = { 1, 301, 1000, 3 };
    long pages = shim_live_pages;

    fill_pattern();
    for (unsigned n = 0; n <= 1435; n += 5) {
        struct pktbuf *p = build(130, lens, 4), *c = pktbuf_clone(p);

        CHECK(holds(p, 0, 1435) && holds(c, 0, 1435));
        for (unsigned off = 0; off < 140; off += 3)
            CHECK(n < off || pktbuf_checksum(p, off, n - off, 0) == slow_sum(pattern + off, n - off));
        pktbuf_drop_front(p, n);
        CHECK(holds(p, n, 1435 - n));
        pktbuf_trim(c, n);
        CHECK(holds(c, 0, n));
        CHECK(pktbuf_pull_linear(c, n) && holds(c, 0, n) && c->len >= n);
        CHECK(!pktbuf_pull_linear(c, n + 1));
        pktbuf_free(p);
        pktbuf_free(c);
    }
    CHECK(shim_live_pages == pages && shim_live_objects == 0);
}

TEST(pull_and_clone_survive_every_oom)
{
    static const unsigned lens[] = { 700, 2000 };
    long pages = shim_live_pages;

    fill_pattern();
    for (int n = 0;; n++) {
        fail_alloc_at(n);
        struct pktbuf *p = build(100, lens, 2), *c = p ? pktbuf_clone(p) : NULL;

        if (c && pktbuf_pull_linear(c, 2500))
            CHECK(c->len == 2500);
        if (c)
            CHECK(holds(c, 0, 2800));
        bool failed = alloc_did_fail();

        if (c)
            pktbuf_free(c);
        if (p)
            pktbuf_free(p);
        CHECK(shim_live_pages == pages && shim_live_objects == 0);
        if (!failed)
            break;
    }
    fail_alloc_at(-1);
}
