/* SPDX-License-Identifier: BSD-2-Clause */
/* Random mappings, protections, moves, advice and accesses in one region: each result, and each signal's code. */
#include "report.h"
#include <setjmp.h>

#define P     4096ul
#define PAGES 96
#define BASE  ((char *)0x20000000000)

static unsigned long seed = 88172645463325252ul;
static sigjmp_buf back;
static int file, shm_like;

static unsigned rnd(unsigned n)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 11) % n;
}

/* Not PROT_EXEC alone: with protection keys that cannot be read. */
static int any_prot(void)
{
    int prot = rnd(8);

    return prot == PROT_EXEC ? PROT_EXEC | PROT_READ : prot;
}

static void on_fault(int sig, siginfo_t *si, void *context)
{
    siglongjmp(back, sig * 100 + si->si_code);
}

/* What an access ends with: 0 and the byte, or the signal and its code. */
static int touch(char *p, int write, int *value)
{
    int r = sigsetjmp(back, 1);

    if (r)
        return r;
    if (write)
        *(volatile char *)p = *value;
    else
        *value = *(volatile char *)p;
    return 0;
}

static long errno_or(long r)
{
    return r == -1 ? -errno : r;
}

static long do_map(char *at, size_t len, int *kind, int *arg)
{
    int prot = any_prot(), flags = MAP_FIXED;
    long off = 0;
    int fd = -1;

    *kind = rnd(6);
    flags |= *kind % 2 ? MAP_SHARED : MAP_PRIVATE;
    if (*kind < 2)
        flags |= MAP_ANONYMOUS;
    else
        fd = *kind < 4 ? file : shm_like, off = rnd(12) * P;
    if (rnd(16) == 0)
        flags |= MAP_FIXED_NOREPLACE, flags &= ~MAP_FIXED;
    if (rnd(16) == 0)
        flags |= MAP_NORESERVE;
    *arg = prot << 24 | (flags & 0xff) << 8 | *kind << 4 | off / P;
    long r = errno_or((long)mmap(at, len, prot, flags, fd, off));
    return r < 0 ? r : r - (long)BASE;
}

static long do_remap(char *at, size_t len, int *arg)
{
    size_t new_len = rnd(12) * P;
    char *to = BASE + rnd(PAGES - 12) * P;
    long r, how = rnd(3) == 0 ? 0 : rnd(4) == 0 ? 4 : 3;

    *arg = how << 16 | (new_len / P) << 8 | (to - BASE) / P;
    if (how == 0)
        r = (long)mremap(at, len, new_len < len ? new_len : len, 0);
    else if (how == 4)
        r = (long)mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED | 4 /* DONTUNMAP */, to);
    else
        r = (long)mremap(at, len, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    r = errno_or(r);
    return r < 0 ? r : r - (long)BASE;
}

static void step(int n)
{
    static const int advices[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 5, 77 };
    char *at = BASE + rnd(PAGES - 12) * P;
    size_t len = (1 + rnd(11)) * P;
    unsigned char vec[16] = { 0 };
    int kind = 0, value = n & 127, op = rnd(14), r = 0, arg = 0;
    long result = 0;

    switch (op) {
    case 0:
    case 1:
        result = do_map(at, len, &kind, &arg);
        break;
    case 2:
        result = errno_or(munmap(at, len));
        break;
    case 3:
    case 4:
        arg = any_prot();
        result = errno_or(mprotect(at, len, arg));
        break;
    case 5:
        result = do_remap(at, P, &arg); /* within one mapping: Linux 6.17 began to move several at once */
        break;
    case 6:
        arg = advices[rnd(sizeof(advices) / sizeof(*advices))];
        if (arg == 9 && rnd(4))
            arg = 4;
        result = errno_or(madvise(at, len, arg));
        break;
    case 7:
        arg = 1 + rnd(6);
        result = errno_or(msync(at, len, arg));
        break;
    case 8:
        result = errno_or(mincore(at, len, vec));
        break;
    case 9:
        result = errno_or(rnd(2) ? mlock(at, len) : munlock(at, len));
        break;
    default:
        arg = rnd(2);
        r = touch(at + rnd(P), arg, &value);
        if (!r && !arg)
            result = value;
    }
    note("%d: op %d at %ld+%zu arg %#x: %ld signal %d", n, op, (at - BASE) / P, len / P, arg, result, r);
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    char page[P];

    scratch();
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    file = MUST(open("f", O_RDWR | O_CREAT, 0644));
    shm_like = MUST(open("g", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 8; i++) {
        memset(page, 'a' + i, P);
        MUST(write(file, page, i == 7 ? 100 : P));
        MUST(write(shm_like, page, P));
    }
    if (argc > 1)
        seed += atol(argv[1]) * 7919;
    for (int n = 0; n < 4000; n++)
        step(n);
    return report_done();
}
