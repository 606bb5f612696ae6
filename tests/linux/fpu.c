/* SPDX-License-Identifier: BSD-2-Clause */
/* The vector registers survive whatever the kernel does in between: first touch of pages, large copies, sleeping. */
#include "report.h"

#define ALL(X)   X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD(n)  "vmovdqu " #n "*32(%0), %%ymm" #n "\n"
#define STORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%0)\n"

static unsigned char in[16][32], out[16][32];

/* Without the C library in between, which uses the registers itself. */
static long raw(long nr, long a, long b, long c)
{
    long r;
    asm volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}

__attribute__((target("avx"))) static void load(void)
{
    asm volatile(ALL(LOAD)::"r"(in) : "memory");
}

__attribute__((target("avx"))) static int same(void)
{
    asm volatile(ALL(STORE) "vzeroupper" ::"r"(out) : "memory");
    return !memcmp(in, out, sizeof(in));
}

int main(void)
{
    struct timespec ms = { 0, 1000000 };
    char *m = mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int p[2], fd = open("big", O_RDWR | O_CREAT, 0600);

    if (!__builtin_cpu_supports("avx")) {
        note("this processor has no AVX");
        return report_done();
    }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++)
            in[i][j] = i * 31 + j * 7 + 1;
    CHECK(pipe(p) == 0);
    load();
    for (int i = 0; i < 1024; i++)
        ((volatile char *)m)[i * 4096] = 1;
    CHECK(same());
    load();
    long n = raw(SYS_write, fd, (long)m + 1, 300000);
    CHECK(same());
    CHECK(n == 300000);
    lseek(fd, 0, SEEK_SET);
    char *fresh = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    load();
    n = raw(SYS_read, fd, (long)fresh + 3, 300000);
    CHECK(same());
    CHECK(n == 300000 && !memcmp(m + 1, fresh + 3, 300000));
    load();
    raw(SYS_write, p[1], (long)m, 60000);
    n = raw(SYS_read, p[0], (long)fresh + 5000, 60000);
    CHECK(same());
    CHECK(n == 60000);
    load();
    raw(SYS_nanosleep, (long)&ms, 0, 0);
    CHECK(same());
    load();
    n = raw(SYS_read, fd, 1, 300000); /* a bad address stops the copy in the middle of its work */
    CHECK(same());
    return report_done();
}
