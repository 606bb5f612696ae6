/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory under work: a random walk of mappings checked against a model, large touches, many mappings. */
#include "report.h"

#define P     4096ul
#define PAGES 512
#define RW    (PROT_READ | PROT_WRITE)

static uint32_t seed = 12345;

static unsigned rnd(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

/* What each page of the arena must hold: 0 unmapped, else 1 + its first word; prot of it */
static uint32_t model[PAGES];
static char writable[PAGES];

static int check_all(char *base)
{
    for (int i = 0; i < PAGES; i++) {
        unsigned char v;
        int is_mapped = mincore(base + i * P, P, &v) == 0;

        if (is_mapped != (model[i] != 0))
            return 0;
        if (is_mapped && *(uint32_t *)(base + i * P) + 1 != model[i])
            return 0;
    }
    return 1;
}

static void walk(int steps)
{
    char *base = mmap(NULL, PAGES * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int ok = 1;

    munmap(base, PAGES * P);
    for (int n = 0; n < steps && ok; n++) {
        int at = rnd(PAGES), len = 1 + rnd(PAGES - at < 40 ? PAGES - at : 40);

        switch (rnd(6)) {
        case 0:
        case 1:
            if (mmap(base + at * P, len * P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                MAP_FAILED)
                ok = 0;
            for (int i = at; i < at + len; i++)
                model[i] = 1, writable[i] = 1;
            break;
        case 2:
            ok &= munmap(base + at * P, len * P) == 0;
            for (int i = at; i < at + len; i++)
                model[i] = 0;
            break;
        case 3:
            for (int i = at; i < at + len; i++)
                if (model[i] && writable[i]) {
                    *(uint32_t *)(base + i * P) = seed;
                    model[i] = seed + 1 ? seed + 1 : 1;
                    if (!(seed + 1))
                        *(uint32_t *)(base + i * P) = 0;
                }
            break;
        case 4: {
            int prot = rnd(2) ? RW : PROT_READ;
            int whole = 1;
            for (int i = at; i < at + len; i++)
                whole &= model[i] != 0;
            int r = mprotect(base + at * P, len * P, prot);
            ok &= (r == 0) == whole;
            for (int i = at; i < at + len && model[i]; i++)
                writable[i] = prot == RW;
            break;
        }
        case 5:
            madvise(base + at * P, len * P, MADV_DONTNEED);
            for (int i = at; i < at + len; i++)
                if (model[i])
                    model[i] = 1;
            break;
        }
        if (n % 64 == 0)
            ok &= check_all(base);
    }
    report(ok && check_all(base), "a random walk of %d steps agrees with the model", steps);
    munmap(base, PAGES * P);
}

static void test_large(void)
{
    size_t size = 24 << 20;
    char *m = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;

    for (size_t i = 0; i < size; i += P)
        *(uint64_t *)(m + i) = i * 31;
    for (size_t i = 0; i < size; i += P)
        sum += *(uint64_t *)(m + i);
    note("sum %lx", sum);
    munmap(m, size);
    /* again and again: what is freed comes back */
    for (int round = 0; round < 20; round++) {
        m = mmap(NULL, size / 2, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(m, round, size / 2);
        munmap(m, size / 2);
    }
    report(1, "240 MB touched in pieces of 12");
}

static void test_many(void)
{
    int n = 0;
    static char *at[3000];

    for (; n < 3000; n++) {
        at[n] = mmap(NULL, P, n & 1 ? PROT_READ : RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at[n] == MAP_FAILED)
            break;
    }
    CHECK_EQ(n, 3000);
    for (int i = 0; i < n; i += 2)
        *at[i] = i;
    int ok = 1;
    for (int i = 0; i < n; i++)
        ok &= *at[i] == (i & 1 ? 0 : (char)i);
    report(ok, "3000 mappings keep their contents");
    for (int i = 0; i < n; i++)
        munmap(at[i], P);
}

static void test_malloc(void)
{
    static unsigned char *p[500];
    static size_t len[500];
    int ok = 1;

    for (int n = 0; n < 20000; n++) {
        int i = rnd(500);
        if (p[i]) {
            ok &= p[i][0] == (unsigned char)i && p[i][len[i] - 1] == (unsigned char)i;
            free(p[i]);
        }
        len[i] = 1 + rnd(rnd(8) ? 2000 : 200000);
        p[i] = malloc(len[i]);
        p[i][0] = i, p[i][len[i] - 1] = i;
    }
    report(ok, "malloc's blocks keep their contents");
}

int main(void)
{
    walk(5000);
    test_large();
    test_many();
    test_malloc();
    return report_done();
}
