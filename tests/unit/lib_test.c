/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/: strings and formatting against the C library's, trees against plain models. */
#include "test.h"

/* The kernel's versions under names of their own, beside the C library's. */
#define memcpy    k_memcpy
#define memmove   k_memmove
#define memset    k_memset
#define memcmp    k_memcmp
#define memchr    k_memchr
#define strlen    k_strlen
#define strnlen   k_strnlen
#define strcmp    k_strcmp
#define strncmp   k_strncmp
#define strchr    k_strchr
#define strrchr   k_strrchr
#define strstr    k_strstr
#define vsnprintf k_vsnprintf
#define snprintf  k_snprintf
#include <stdarg.h>
void *k_memcpy(void *dst, const void *src, size_t n);
void *k_memmove(void *dst, const void *src, size_t n);
void *k_memset(void *dst, int c, size_t n);
int k_memcmp(const void *a, const void *b, size_t n);
void *k_memchr(const void *s, int c, size_t n);
size_t k_strlen(const char *s);
size_t k_strnlen(const char *s, size_t max);
int k_strcmp(const char *a, const char *b);
int k_strncmp(const char *a, const char *b, size_t n);
char *k_strchr(const char *s, int c);
char *k_strrchr(const char *s, int c);
char *k_strstr(const char *s, const char *needle);
int k_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int k_snprintf(char *buf, size_t size, const char *fmt, ...);
#include "lib/printf.c"
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef vsnprintf
#undef snprintf

#include "lib/radix.h"
#include "lib/rbtree.h"
#include "shim.h"

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

TEST(copies_of_every_length_and_overlap)
{
    unsigned char a[400], b[400];

    for (size_t len = 0; len <= 140; len++)
        for (size_t shift = 0; shift <= 140; shift += 1 + shift / 20) {
            for (size_t i = 0; i < sizeof(a); i++)
                a[i] = b[i] = i * 7 + len;
            CHECK(k_memmove(a + shift, a + 70, len) == a + shift);
            memmove(b + shift, b + 70, len);
            CHECK(!memcmp(a, b, sizeof(a)));
        }
    for (size_t len = 0; len <= 200; len++) {
        char *s = malloc(len), *d = malloc(len); /* ASan watches both ends */

        memset(s, len, len);
        k_memset(d, 0x1ff, len);
        for (size_t i = 0; i < len; i++)
            CHECK((unsigned char)d[i] == 0xff);
        k_memcpy(d, s, len);
        CHECK(!memcmp(d, s, len) && !k_memcmp(d, s, len));
        if (len) {
            size_t at = rnd() % len;

            d[at]++;
            CHECK(k_memcmp(d, s, len) > 0 && k_memcmp(s, d, len) < 0);
            CHECK(k_memchr(d, (char)len + 1, len) == d + at);
        }
        free(s);
        free(d);
    }
}

TEST(strings_as_in_the_c_library)
{
    static const char *words[] = { "", "a", "ab", "b", "abc", "aab", "aaab", "\xff", "a\xff", "/usr/lib/x" };

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        CHECK(k_strlen(words[i]) == strlen(words[i]));
        CHECK(k_strnlen(words[i], 2) == strnlen(words[i], 2));
        for (unsigned j = 0; j < ARRAY_SIZE(words); j++) {
            int k = k_strcmp(words[i], words[j]), c = strcmp(words[i], words[j]);

            CHECK((k < 0) == (c < 0) && (k > 0) == (c > 0));
            CHECK(!k_strncmp(words[i], words[j], 2) == !strncmp(words[i], words[j], 2));
            CHECK(k_strstr(words[i], words[j]) == strstr(words[i], words[j]));
        }
        for (int ch = 0; ch < 256; ch += 1 + (ch == 0) * 46) {
            CHECK(k_strchr(words[i], ch) == strchr(words[i], ch));
            CHECK(k_strrchr(words[i], ch) == strrchr(words[i], ch));
        }
    }
}

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#define SAME(...)                                                                \
    do {                                                                         \
        char _a[80], _b[80];                                                     \
        int _m = k_snprintf(_a, sizeof(_a), __VA_ARGS__);                        \
        int _n = snprintf(_b, sizeof(_b), __VA_ARGS__);                          \
        if (_m != _n || strcmp(_a, _b)) {                                        \
            test_failures++;                                                     \
            printf("    line %d: \"%s\" instead of \"%s\"\n", __LINE__, _a, _b); \
        }                                                                        \
        for (size_t _s = 0; _s < 12; _s++) {                                     \
            char *_c = malloc(_s ? _s : 1);                                      \
            CHECK(k_snprintf(_c, _s, __VA_ARGS__) == _n);                        \
            CHECK(!_s || (!strncmp(_c, _b, _s - 1) && strlen(_c) <= _s - 1));    \
            free(_c);                                                            \
        }                                                                        \
    } while (0)

TEST(printf_as_in_the_c_library)
{
    static const long values[] = { 0, 1, -1, 42, -42, 255, 65536, 2147483647, -2147483648l, 1l << 40 };

    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        int v = values[i];
        long l = values[i];

        SAME("%d|%5d|%-5d|%05d|%+d|% d|%.3d|%8.3d|%-8.3d|", v, v, v, v, v, v, v, v, v);
        SAME("%u|%x|%X|%#x|%#X|%o|%#o|%08x|%#010x|", v, v, v, v, v, v, v, v, v);
        SAME("%ld %lu %lx %zd %zu %jd %td %lld %#lx", l, l, l, l, l, l, l, (long long)l, l);
        SAME("%hhd %hhu %hd %hu %hhx", v, v, v, v, v);
        SAME("%.0d|%*d|%-*d|%.*d", v, 7, v, 7, v, 4, v);
        SAME("%*d", -6, v);
    }
    SAME("%s|%10s|%-10s|%.2s|%10.2s|%.0s", "hello", "hello", "hello", "hello", "hello", "hello");
    SAME("%c%c%5c%-3c|", 'a', 'b', 'c', 'd');
    SAME("100%% %p", (void *)0x1234);
    SAME("plain");
    SAME("%.*s", -1, "all of it");
    SAME("%ld %ld", INT64_MIN, INT64_MAX);
    char buf[8];

    CHECK(k_snprintf(buf, sizeof(buf), "%s", NULL) == 6 && !strcmp(buf, "(null)"));
    CHECK(k_snprintf(buf, sizeof(buf), "x%") == 1);
    CHECK(k_snprintf(NULL, 0, "%0100d", 5) == 100);
}

TEST(numbers_are_parsed)
{
    uint64_t v;
    const char *s;

    s = "123x";
    CHECK(str_u64(&s, 0, &v) && v == 123 && *s == 'x');
    s = "0x1fg";
    CHECK(str_u64(&s, 0, &v) && v == 0x1f && *s == 'g');
    s = "0x";
    CHECK(str_u64(&s, 0, &v) && v == 0 && *s == 'x');
    s = "0755";
    CHECK(str_u64(&s, 0, &v) && v == 0755);
    s = "08";
    CHECK(str_u64(&s, 10, &v) && v == 8);
    s = "18446744073709551615";
    CHECK(str_u64(&s, 10, &v) && v == UINT64_MAX);
    s = "18446744073709551616";
    CHECK(!str_u64(&s, 10, &v));
    s = "-1";
    CHECK(!str_u64(&s, 0, &v));
    s = "";
    CHECK(!str_u64(&s, 0, &v));
    s = "64M,";
    CHECK(str_size(&s, &v) && v == 64 << 20 && *s == ',');
    s = "2t";
    CHECK(str_size(&s, &v) && v == 2ull << 40);
    s = "99999999999G";
    CHECK(!str_size(&s, &v));
    char buf[4];

    CHECK(str_copy(buf, "abcdef", sizeof(buf)) == 6 && !strcmp(buf, "abc"));
    CHECK(str_copy(buf, "ab", sizeof(buf)) == 2 && !strcmp(buf, "ab"));
    CHECK(str_copy(buf, "x", 0) == 1);
}

/* ---- red-black trees ---- */

struct item {
    struct rb_node node;
    uint64_t key;
    bool in;
};

static bool red(const struct rb_node *n)
{
    return n && !(n->parent_color & 1);
}

/* The black height, or -1 when a rule is broken below n. */
static int check_tree(const struct rb_node *n, const struct rb_node *parent)
{
    if (!n)
        return 1;
    if ((n->parent_color & ~(uintptr_t)1) != (uintptr_t)parent)
        return -1;
    if (red(n) && (red(n->left) || red(n->right)))
        return -1;
    int l = check_tree(n->left, n), r = check_tree(n->right, n);

    return l < 0 || l != r ? -1 : l + !red(n);
}

static void insert_item(struct rb_root *root, struct item *it)
{
    struct rb_node **link = &root->node, *parent = NULL;
    bool leftmost = true;

    while (*link) {
        parent = *link;
        if (it->key < container_of(parent, struct item, node)->key) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&it->node, parent, link);
    rb_insert(root, &it->node, leftmost);
    it->in = true;
}

TEST(rbtree_keeps_its_rules)
{
    static struct item items[200];
    struct rb_root root = { NULL, NULL };

    for (int step = 0; step < 6000; step++) {
        struct item *it = &items[rnd() % ARRAY_SIZE(items)];

        if (it->in) {
            rb_erase(&root, &it->node);
            it->in = false;
        } else {
            it->key = rnd() % 100;
            insert_item(&root, it);
        }
        CHECK(check_tree(root.node, NULL) > 0 && !red(root.node));
        if (step % 16)
            continue;
        unsigned want = 0, got = 0;
        uint64_t last = 0;

        for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
            want += items[i].in;
        struct rb_node *n, *prev = NULL;

        for (n = rb_first(&root); n; prev = n, n = rb_next(n), got++) {
            CHECK(container_of(n, struct item, node)->key >= last);
            CHECK(rb_prev(n) == prev);
            last = container_of(n, struct item, node)->key;
        }
        CHECK(got == want && rb_last(&root) == prev);
    }
}

/* ---- radix trees ---- */

#define MODEL 4096
static void *model[MODEL];

/* Spreads small numbers over the whole range of indices, keeping their order. */
static uint64_t spread(unsigned i, unsigned mode)
{
    return mode == 0        ? i
           : mode == 1      ? (uint64_t)i * 64 * 64 + i
           : i >= MODEL / 2 ? UINT64_MAX - (MODEL - 1 - i)
                            : i;
}

static void check_model(struct radix *r, unsigned mode)
{
    uint64_t index = 0;
    unsigned i = 0;
    void *p;

    radix_for_each(p, r, index)
    {
        while (i < MODEL && !model[i])
            i++;
        CHECK(i < MODEL && model[i] == p && spread(i, mode) == index);
        i++;
        if (index == UINT64_MAX)
            break;
    }
    while (i < MODEL && !model[i])
        i++;
    CHECK(i == MODEL);
}

TEST(radix_tree_against_an_array)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct radix r = RADIX_INIT;
        long live = shim_live_objects;

        memset(model, 0, sizeof(model));
        for (int step = 0; step < 30000; step++) {
            unsigned i = rnd() % (step < 2000 ? 70 : MODEL);
            uint64_t index = spread(i, mode);

            CHECK(radix_get(&r, index) == model[i]);
            if (rnd() % 3 == 0 || (step > 20000 && rnd() % 4)) {
                bool prune = rnd() % 2;

                CHECK((prune ? radix_remove(&r, index) : radix_clear(&r, index)) == model[i]);
                model[i] = NULL;
            } else {
                model[i] = &model[rnd() % MODEL];
                CHECK(radix_set(&r, index, model[i]) == 0);
            }
            if (step % 1500 == 0)
                check_model(&r, mode);
        }
        for (unsigned i = 0; i < MODEL; i++) {
            CHECK(radix_remove(&r, spread(i, mode)) == model[i]);
            radix_prune(&r, spread(i, mode)); /* what radix_clear() left */
        }
        CHECK(radix_empty(&r));
        rcu_quiescent(this_cpu());
        CHECK(shim_live_objects == live);
    }
}

TEST(radix_destroy_frees_all_nodes)
{
    struct radix r = RADIX_INIT;
    long live = shim_live_objects;
    uint64_t index = 5;

    for (unsigned i = 0; i < 500; i++)
        CHECK(!radix_set(&r, (uint64_t)i << (i % 50), &r));
    CHECK(radix_next(&r, &index) == &r);
    radix_destroy(&r);
    CHECK(radix_empty(&r));
    rcu_quiescent(this_cpu());
    CHECK(shim_live_objects == live);
}

TEST(radix_set_survives_every_oom)
{
    static const uint64_t indices[] = { 0, 1, 64, 1ull << 40, UINT64_MAX };

    for (unsigned first = 0; first < ARRAY_SIZE(indices); first++)
        for (unsigned i = 0; i < ARRAY_SIZE(indices); i++) {
            struct radix r = RADIX_INIT;
            long live = shim_live_objects;
            int n = 0, err;

            CHECK(!radix_set(&r, indices[first], &live));
            do {
                fail_alloc_at(n++);
                err = radix_set(&r, indices[i], &r);
                CHECK(!err || err == -12);
                if (err) {
                    CHECK(radix_get(&r, indices[first]) == &live);
                    CHECK(i == first || !radix_get(&r, indices[i]));
                }
            } while (err);
            fail_alloc_at(-1);
            CHECK(radix_get(&r, indices[i]) == &r);
            CHECK(radix_remove(&r, indices[i]) == &r);
            CHECK(radix_remove(&r, indices[first]) == (i == first ? NULL : &live));
            CHECK(radix_empty(&r));
            rcu_quiescent(this_cpu());
            CHECK(shim_live_objects == live);
        }
}

TEST(radix_finds_holes)
{
    struct radix r = RADIX_INIT;

    CHECK(radix_next_hole(&r, 7) == 7);
    for (unsigned i = 3; i < 200; i++)
        radix_set(&r, i, &r);
    CHECK(radix_next_hole(&r, 2) == 2);
    CHECK(radix_next_hole(&r, 3) == 200);
    radix_destroy(&r);
    rcu_quiescent(this_cpu());
}
