/* SPDX-License-Identifier: BSD-2-Clause */
/* mmap, munmap, mprotect, mremap, madvise, mincore, msync, mlock, brk: what they map and what they refuse. */
#include "report.h"
#include <sys/resource.h>

#define P    4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(void *at, size_t pages, int prot, int flags)
{
    return mmap(at, pages * P, prot, flags, -1, 0);
}

#define MAP_FAILS(call, err) CHECK_EQ((call) == MAP_FAILED ? errno : 0, err)

static int mapped(void *p)
{
    unsigned char v;

    return mincore(p, P, &v) == 0;
}

static void test_anonymous(void)
{
    char *m = map(NULL, 4, RW, ANON);
    int zero = 1;

    CHECK(m != MAP_FAILED && (unsigned long)m % P == 0);
    for (size_t i = 0; i < 4 * P; i++)
        zero &= m[i] == 0;
    report(zero, "anonymous memory is zero");
    m[0] = 1, m[3 * P] = 4;
    CHECK_EQ(munmap(m + P, P), 0); /* a hole in the middle */
    CHECK(m[0] == 1 && m[3 * P] == 4 && !mapped(m + P) && mapped(m + 2 * P));
    CHECK_EQ(munmap(m, 4 * P), 0); /* over the hole */
    CHECK_EQ(munmap(m, 4 * P), 0); /* nothing there: no error */
    CHECK_ERR(munmap(m + 1, P), EINVAL);
    CHECK_ERR(munmap(m, 0), EINVAL);
    CHECK_ERR(munmap(m, ~0ul - P), EINVAL);
    CHECK_EQ(munmap(m, 1), 0); /* rounds up */
    MAP_FAILS(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
    MAP_FAILS(mmap(NULL, P, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    MAP_FAILS(mmap(NULL, P, RW, MAP_PRIVATE, -1, 0), EBADF);
    MAP_FAILS(mmap(NULL, ~0ul, RW, ANON, -1, 0), ENOMEM);
    MAP_FAILS(mmap(NULL, 1ul << 47, RW, ANON, -1, 0), ENOMEM);
    MAP_FAILS(mmap(NULL, P, RW, MAP_PRIVATE, 0, 1), EINVAL);   /* offset not a page's */
    CHECK((m = mmap(NULL, P, RW, ANON, 99, 0)) != MAP_FAILED); /* the descriptor is ignored */
    munmap(m, P);
    CHECK((m = map(NULL, 1, PROT_NONE, ANON)) != MAP_FAILED);
    munmap(m, P);
    CHECK((m = map((void *)12345, 1, RW, ANON)) != MAP_FAILED); /* a hint */
    munmap(m, P);
    m = mmap(NULL, 1ul << 40, RW, ANON | MAP_NORESERVE, -1, 0); /* a terabyte, nothing touched */
    CHECK(m != MAP_FAILED);
    m[1ul << 39] = 7;
    CHECK_EQ(m[1ul << 39], 7);
    CHECK_EQ(munmap(m, 1ul << 40), 0);
    m = map(NULL, 16, RW, ANON | MAP_POPULATE);
    unsigned char v[16];
    CHECK_EQ(mincore(m, 16 * P, v), 0);
    CHECK(v[0] & v[15] & 1);
    munmap(m, 16 * P);
}

static void test_fixed(void)
{
    char *m = map(NULL, 8, RW, ANON), *n;

    memset(m, 'a', 8 * P);
    n = map(m + 2 * P, 2, RW, ANON | MAP_FIXED);
    CHECK(n == m + 2 * P && n[0] == 0 && m[2 * P - 1] == 'a' && m[4 * P] == 'a');
    MAP_FAILS(map(m + 2 * P, 1, RW, ANON | MAP_FIXED_NOREPLACE), EEXIST);
    MAP_FAILS(map(m + 1, 1, RW, ANON | MAP_FIXED), EINVAL);
    MAP_FAILS(mmap((void *)0x7ffffffff000, 2 * P, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
    munmap(m + 2 * P, P);
    CHECK(map(m + 2 * P, 1, RW, ANON | MAP_FIXED_NOREPLACE) == m + 2 * P);
    n = map(m + 2 * P, 1, RW, ANON); /* the hint is taken: another place */
    CHECK(n != MAP_FAILED && (n < m || n >= m + 8 * P));
    munmap(n, P);
    munmap(m, 8 * P);
    CHECK(map(m, 1, RW, ANON) == m); /* a free hint is honoured */
    munmap(m, P);
    MAP_FAILS(mmap(NULL, P, RW, ANON | MAP_GROWSDOWN | MAP_SHARED, -1, 0), EINVAL);
    CHECK((m = map(NULL, 1, RW, ANON | MAP_32BIT)) != MAP_FAILED && (unsigned long)m < 1ul << 31);
    munmap(m, P);
    n = map((void *)0x10000, 1, RW, ANON | MAP_FIXED);
    CHECK(n == (char *)0x10000);
    n[5] = 1;
    munmap(n, P);
}

static void test_mprotect(void)
{
    char *m = map(NULL, 4, RW, ANON);

    m[0] = 'x';
    CHECK_EQ(mprotect(m, P, PROT_READ), 0);
    CHECK_EQ(m[0], 'x');
    CHECK_EQ(mprotect(m, 4 * P, RW), 0);
    CHECK_EQ(mprotect(m + P, P, PROT_NONE), 0);
    CHECK_EQ(mprotect(m, 0, RW), 0);
    CHECK_ERR(syscall(SYS_mprotect, m + 1, P, RW), EINVAL);
    CHECK_ERR(mprotect(m, P, 0x100), EINVAL);
    munmap(m + 2 * P, P);
    CHECK_ERR(mprotect(m, 4 * P, PROT_READ), ENOMEM);
    CHECK_EQ(mprotect(m, P, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    memcpy(m, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov $42, %eax; ret */
    CHECK_EQ(((int (*)(void))m)(), 42);
    munmap(m, 4 * P);
    int ro = MUST(open("/proc/self/exe", O_RDONLY));
    m = mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 0);
    CHECK_ERR(mprotect(m, P, RW), EACCES);
    munmap(m, P);
    MAP_FAILS(mmap(NULL, P, RW, MAP_SHARED, ro, 0), EACCES);
    close(ro);
}

static void test_mremap(void)
{
    char *m = map(NULL, 4, RW, ANON), *n, *o;

    for (int i = 0; i < 4; i++)
        m[i * P] = 'a' + i;
    CHECK(mremap(m, 4 * P, 2 * P, 0) == m);
    CHECK(mapped(m + P) && !mapped(m + 2 * P));
    CHECK(mremap(m, 2 * P, 3 * P, 0) == m); /* the room behind is free again */
    CHECK_EQ(m[2 * P], 0);
    o = map(m + 3 * P, 1, RW, ANON | MAP_FIXED); /* blocks it; of other protection, so as not to merge */
    mprotect(o, P, PROT_READ);
    MAP_FAILS(mremap(m, 3 * P, 10 * P, 0), ENOMEM);
    n = mremap(m, 3 * P, 10 * P, MREMAP_MAYMOVE);
    CHECK(n != MAP_FAILED && n != m && n[0] == 'a' && n[P] == 'b' && n[2 * P] == 0);
    CHECK(!mapped(m));
    o = map(NULL, 20, RW, ANON);
    memset(o, 'o', 20 * P);
    CHECK(mremap(n, 10 * P, 5 * P, MREMAP_MAYMOVE | MREMAP_FIXED, o + 4 * P) == o + 4 * P);
    CHECK(o[4 * P - 1] == 'o' && o[4 * P] == 'a' && o[5 * P] == 'b' && o[9 * P] == 'o');
    MAP_FAILS(mremap(o, 4 * P, P, MREMAP_FIXED, o), EINVAL);                          /* needs MAYMOVE */
    MAP_FAILS(mremap(o, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, o + P), EINVAL); /* overlap */
    MAP_FAILS(mremap(o + 1, P, P, 0), EINVAL);
    MAP_FAILS(mremap(o, P, 0, 0), EINVAL);
    MAP_FAILS(mremap(o, P, P, 8), EINVAL);
    munmap(o, 20 * P);
    MAP_FAILS(mremap(o, P, 2 * P, MREMAP_MAYMOVE), EFAULT);
    /* old size 0 duplicates a shared mapping */
    m = map(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS);
    n = mremap(m, 0, P, MREMAP_MAYMOVE);
    CHECK(n != MAP_FAILED && n != m);
    m[5] = 's';
    CHECK_EQ(n[5], 's');
    munmap(m, P), munmap(n, P);
    m = map(NULL, 2, RW, ANON);
    m[0] = 'k';
    n = mremap(m, P, P, MREMAP_MAYMOVE | 4, NULL); /* MREMAP_DONTUNMAP */
    CHECK(n != MAP_FAILED && n != m && n[0] == 'k' && m[0] == 0);
    munmap(m, 2 * P), munmap(n, P);
}

static void test_madvise(void)
{
    char *m = map(NULL, 4, RW, ANON);
    unsigned char v[4];

    memset(m, 'x', 4 * P);
    CHECK_EQ(madvise(m + P, 2 * P, MADV_DONTNEED), 0);
    CHECK(m[0] == 'x' && m[P] == 0 && m[3 * P - 1] == 0 && m[3 * P] == 'x');
    CHECK_EQ(madvise(m, 4 * P, MADV_WILLNEED), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_NORMAL), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_SEQUENTIAL), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_RANDOM), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_HUGEPAGE), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_NOHUGEPAGE), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_DONTFORK), 0);
    CHECK_EQ(madvise(m, 4 * P, MADV_DONTDUMP), 0);
    memset(m, 'y', 4 * P);
    CHECK_EQ(madvise(m, 4 * P, MADV_FREE), 0);
    CHECK(m[0] == 'y' || m[0] == 0);
    m[0] = 'z'; /* a write keeps it */
    CHECK_EQ(m[0], 'z');
    CHECK_ERR(madvise(m, 4 * P, 999), EINVAL);
    CHECK_ERR(madvise(m + 1, P, MADV_DONTNEED), EINVAL);
    CHECK_EQ(madvise(m, 0, MADV_DONTNEED), 0);
    munmap(m + P, P);
    CHECK_ERR(madvise(m, 4 * P, MADV_DONTNEED), ENOMEM); /* does the rest all the same */
    CHECK_EQ(m[3 * P], 0);
    CHECK_ERR(mincore(m, 4 * P, v), ENOMEM);
    CHECK_EQ(mincore(m + 2 * P, 2 * P, v), 0);
    CHECK_ERR(mincore(m + 1, P, v), EINVAL);
    CHECK_ERR(mincore(m, P, (void *)8), EFAULT);
    munmap(m, 4 * P);
    m = map(NULL, 2, RW, ANON);
    m[0] = 1;
    CHECK_EQ(mincore(m, 2 * P, v), 0);
    CHECK((v[0] & 1) == 1 && (v[1] & 1) == 0);
    munmap(m, 2 * P);
}

static void test_msync_mlock(void)
{
    char *m = map(NULL, 4, RW, ANON);
    struct rlimit r = { 2 * P, 2 * P };

    CHECK_EQ(msync(m, 4 * P, MS_SYNC), 0);
    CHECK_EQ(msync(m, 4 * P, MS_ASYNC | MS_INVALIDATE), 0);
    CHECK_ERR(msync(m, 4 * P, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERR(msync(m, 4 * P, 64), EINVAL);
    CHECK_ERR(msync(m + 1, P, MS_SYNC), EINVAL);
    CHECK_EQ(mlock(m, 2 * P), 0);
    unsigned char v[2];
    CHECK_EQ(mincore(m, 2 * P, v), 0);
    CHECK((v[0] & v[1] & 1) == 1);
    CHECK_EQ(munlock(m, 4 * P), 0);
    CHECK_EQ(syscall(SYS_mlock2, m, P, 1), 0);
    CHECK_ERR(syscall(SYS_mlock2, m, P, 8), EINVAL);
    CHECK_EQ(mlockall(MCL_CURRENT), 0);
    CHECK_EQ(munlockall(), 0);
    CHECK_ERR(mlockall(0), EINVAL);
    munmap(m, 4 * P);
    CHECK_ERR(mlock(m, P), ENOMEM);
    CHECK_ERR(msync(m, P, MS_SYNC), ENOMEM);
    (void)r;
}

static void test_brk(void)
{
    char *start = (char *)syscall(SYS_brk, 0), *now;

    CHECK(start != NULL);
    now = (char *)syscall(SYS_brk, start + 10 * P);
    CHECK(now == start + 10 * P);
    CHECK_EQ(start[9 * P], 0);
    start[9 * P] = 1;
    CHECK((char *)syscall(SYS_brk, start + 5 * P) == start + 5 * P);
    CHECK((char *)syscall(SYS_brk, start + 10 * P) == start + 10 * P);
    CHECK_EQ(start[9 * P], 0);
    CHECK((char *)syscall(SYS_brk, 4096) == start + 10 * P); /* refused: unchanged */
    CHECK((char *)syscall(SYS_brk, 0x7ffffffff000) == start + 10 * P);
    CHECK((char *)syscall(SYS_brk, start + 1) == start + 1); /* need not be a page's multiple */
    CHECK((char *)syscall(SYS_brk, start) == start);
}

static void test_limit(void)
{
    struct rlimit old, r;

    getrlimit(RLIMIT_AS, &old);
    r = old;
    r.rlim_cur = 64 << 20;
    MUST(setrlimit(RLIMIT_AS, &r));
    MAP_FAILS(mmap(NULL, 128 << 20, RW, ANON, -1, 0), ENOMEM);
    char *m = mmap(NULL, 1 << 20, RW, ANON, -1, 0);
    CHECK(m != MAP_FAILED);
    MAP_FAILS(mremap(m, 1 << 20, 128 << 20, MREMAP_MAYMOVE), ENOMEM);
    munmap(m, 1 << 20);
    MUST(setrlimit(RLIMIT_AS, &old));
}

/* Neighbours of equal kind are one mapping: the map count stays bounded. */
static void test_merging(void)
{
    char *m = map(NULL, 64, PROT_NONE, ANON);
    int before = 0, after = 0;
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof(line), f))
        before++;
    fclose(f);
    for (int i = 0; i < 64; i += 2)
        mprotect(m + i * P, P, RW);
    for (int i = 1; i < 64; i += 2)
        mprotect(m + i * P, P, RW);
    f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), f))
        after++;
    fclose(f);
    CHECK(after <= before + 1);
    munmap(m, 64 * P);
}

int main(void)
{
    test_anonymous();
    test_fixed();
    test_mprotect();
    test_mremap();
    test_madvise();
    test_msync_mlock();
    test_brk();
    test_limit();
    test_merging();
    return report_done();
}
