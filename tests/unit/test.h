/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test.h: what a unit test needs. A test file includes this header and the source under test, and becomes
 * one program, built for the host under ASan and UBSan by tests/tests.mk.
 *
 *     TEST(ring_wraps) { ... CHECK(ring_used(&r) == 3); }
 *
 * CHECK reports and goes on. A test that sweeps allocation failure builds its allocator shim on
 * test_alloc(), which fails the n-th allocation from now after fail_alloc_at(n); fail_alloc_at(-1) ends that. So do kmalloc and its like, see shim.h.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

static struct test *tests_first, **tests_last = &tests_first;
static int test_failures;
long test_alloc_countdown = -1; /* the shim's allocators count it down too */

static inline void test_add(struct test *t)
{
    *tests_last = t;
    tests_last = &t->next;
}

#define TEST(fn)                                                 \
    static void fn(void);                                        \
    static struct test fn##_test = { #fn, fn, NULL };            \
    __attribute__((constructor)) static void fn##_register(void) \
    {                                                            \
        test_add(&fn##_test);                                    \
    }                                                            \
    static void fn(void)

#define CHECK(cond)                                               \
    do {                                                          \
        if (!(cond)) {                                            \
            test_failures++;                                      \
            printf("    %s:%d: %s\n", __FILE__, __LINE__, #cond); \
        }                                                         \
    } while (0)

static inline void fail_alloc_at(long n)
{
    test_alloc_countdown = n;
}

/* Did the allocation chosen by fail_alloc_at() come to pass? A sweep ends when it did not. */
static inline int alloc_did_fail(void)
{
    return test_alloc_countdown < 0;
}

/* malloc, zeroed on demand, that fails when its turn has come */
static inline void *test_alloc(size_t size, int zero)
{
    if (test_alloc_countdown == 0) {
        test_alloc_countdown = -1;
        return NULL;
    }
    if (test_alloc_countdown > 0)
        test_alloc_countdown--;
    return zero ? calloc(1, size) : malloc(size);
}

/* With arguments: only the tests whose names contain the first one. */
int main(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0;

    for (struct test *t = tests_first; t; t = t->next) {
        if (argc > 1 && !strstr(t->name, argv[1])) {
            skipped++;
            continue;
        }
        int before = test_failures;

        test_alloc_countdown = -1;
        t->run();
        printf("%s %s\n", test_failures == before ? "ok    " : "not ok", t->name);
        fflush(stdout);
        test_failures == before ? passed++ : failed++;
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}
