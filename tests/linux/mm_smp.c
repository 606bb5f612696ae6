/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one thread does to memory holds for all on return: protections, unmapping, zeroing and moving, of pages that threads
 * on other CPUs have just used and go on using; and threads with memory of their own, which must stay their own while they
 * wander from CPU to CPU.   mm_smp [ROUNDS]
 */
#include "threads.h"
#include <linux/futex.h>
#include <sched.h>
#include <setjmp.h>

#define P            4096ul
#define HUGE         (2ul << 20)
#define THREADS      4
#define UNUSED_PAGES 64
#define ARENA        ((char *)0x30000000000)
#define OTHER        ((char *)0x30040000000)

static int rounds = 2;
static __thread sigjmp_buf back;
static __thread volatile int guarded;
static int pipe_fd[2];

static void on_fault(int sig, siginfo_t *si, void *context)
{
    if (!guarded) {
        note("not ok: unexpected signal %d code %d", sig, si->si_code);
        _exit(2);
    }
    siglongjmp(back, sig * 100 + si->si_code);
}

/* 0 and the byte in *value, or the signal and its code. */
static int peek(const char *p, unsigned char *value)
{
    int r = sigsetjmp(back, 1);

    guarded = 1;
    if (!r)
        *value = *(const volatile unsigned char *)p;
    guarded = 0;
    return r;
}
static int poke(char *p, unsigned char value)
{
    int r = sigsetjmp(back, 1);

    guarded = 1;
    if (!r)
        *(volatile unsigned char *)p = value;
    guarded = 0;
    return r;
}

/* The word there, or 0. */
static __attribute__((noinline)) unsigned long peek_long(const char *p)
{
    volatile unsigned long v = 0;

    if (sigsetjmp(back, 1) == 0) {
        guarded = 1;
        v = *(const volatile unsigned long *)p;
    }
    guarded = 0;
    return v;
}

/* A machine may have fewer. */
static void go_to_cpu(unsigned n)
{
    long nr = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(n % nr, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static unsigned arrived;

static void meet(void)
{
    unsigned goal = (__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST) / THREADS + 1) * THREADS;

    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < goal)
        sched_yield();
}

/* ---- one changes, all look ---- */

enum { KEEP, ZERO, NONE, READ_ONLY, GONE, MOVED, KINDS };
static const char *const kinds[] = { "kept", "zeroed", "without access", "read-only", "unmapped", "moved" };
static const size_t sizes[] = { 1, 3, 40, 511, 513, 1536 };
static unsigned wrong[KINDS];

#define SEGV_AT(code) (SIGSEGV * 100 + (code))

static void fail(int kind)
{
    __atomic_fetch_add(&wrong[kind], 1, __ATOMIC_SEQ_CST);
}

static unsigned char tag(size_t page, unsigned round)
{
    return (page * 7 + round) % 251 + 1;
}

static void look(char *at, size_t page, unsigned round, int kind)
{
    unsigned char v = 0, want = kind == ZERO ? 0 : tag(page, round);
    char *p = at + page * P;
    int r;

    if (kind == MOVED) {
        if (peek(p, &v) != SEGV_AT(SEGV_MAPERR))
            fail(kind);
        p = OTHER + page * P;
    }
    r = peek(p, &v);
    if (kind == NONE ? r != SEGV_AT(SEGV_ACCERR) : kind == GONE ? r != SEGV_AT(SEGV_MAPERR) : r || v != want)
        fail(kind);
    /* as the kernel does, for the program and under its own locks */
    r = write(pipe_fd[1], p, 1);
    if (kind == NONE || kind == GONE ? r != -1 || errno != EFAULT : r != 1)
        fail(kind);
    r = syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, ~0u, NULL, NULL, 0);
    if (r != -1 || errno != (kind == NONE || kind == GONE ? EFAULT : EAGAIN))
        fail(kind);
    if (kind == READ_ONLY && poke(p, 1) != SEGV_AT(SEGV_ACCERR))
        fail(kind);
}

static void change(char *at, size_t len, int kind)
{
    int r = 0;

    switch (kind) {
    case ZERO:
        r = madvise(at, len, MADV_DONTNEED);
        break;
    case NONE:
        r = mprotect(at, len, PROT_NONE);
        break;
    case READ_ONLY:
        r = mprotect(at, len, PROT_READ);
        break;
    case GONE:
        r = munmap(at, len);
        break;
    case MOVED:
        r = mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, OTHER) == OTHER ? 0 : -1;
        break;
    }
    if (r)
        fail(kind);
}

/* An arena's part changes, its neighbours stay. */
static void one_round(unsigned me, unsigned round, int kind, size_t pages, int huge)
{
    size_t before = round * 37 % 300, len = pages * P, used = before + pages + 8,
           all = (used + UNUSED_PAGES) * P;
    int leader = round % THREADS == me;
    char *at = ARENA + before * P;

    if (leader) {
        char *m = mmap(ARENA, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

        if (m != ARENA || madvise(ARENA, all, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
            fail(kind);
    }
    meet();
    for (size_t i = me; i < used; i += THREADS) /* each touches some first, then all of them all */
        *(ARENA + i * P) = tag(i - before, round);
    meet();
    for (size_t i = 0; i < used; i++)
        if (*(volatile unsigned char *)(ARENA + i * P) != tag(i - before, round))
            fail(KEEP);
    meet();
    if (leader) {
        /* Of pages that nobody used: nothing changes but their table. */
        if (madvise(ARENA + used * P, UNUSED_PAGES * P, MADV_DONTNEED))
            fail(KEEP);
        change(at, len, kind);
    }
    meet();
    for (size_t i = 0; i < pages; i += pages / 16 + 1)
        look(at, i, round, kind);
    look(at, pages - 1, round, kind);
    if (before)
        look(at, -1ul, round, KEEP);
    look(at, pages + 1, round, KEEP);
    meet();
    if (leader && (munmap(ARENA, all) || munmap(OTHER, len)))
        fail(kind);
    meet();
}

static void *shared_main(struct worker *w)
{
    unsigned me = (uintptr_t)w->arg, round = 0;

    go_to_cpu(me);
    for (int n = 0; n < rounds; n++)
        for (int kind = 0; kind < KINDS; kind++, round++)
            one_round(me, round, kind, sizes[round % (sizeof(sizes) / sizeof(*sizes))], n % 2 == 1);
    return NULL;
}

/* ---- one changes while all look: what a reader sees is never older than what it knows to be gone ---- */

#define SLOTS 24 /* pages, each with the number of its generation */
static unsigned long gone[SLOTS], stale, ended;

static void *reader_main(struct worker *w)
{
    unsigned me = (uintptr_t)w->arg;
    unsigned long seen = 0;

    go_to_cpu(me);
    for (unsigned i = me; !__atomic_load_n(&ended, __ATOMIC_SEQ_CST); i++) {
        unsigned long known = __atomic_load_n(&gone[i % SLOTS], __ATOMIC_SEQ_CST);
        unsigned long v = peek_long(ARENA + i % SLOTS * P);

        if (v && v <= known)
            __atomic_fetch_add(&stale, 1, __ATOMIC_SEQ_CST);
        seen += v != 0;
    }
    w->result = seen;
    return NULL;
}

static void renew(unsigned slot, unsigned long generation)
{
    char *p = ARENA + slot * P;
    int r = 0;

    switch (generation % 4) {
    case 0:
        r = madvise(p, P, MADV_DONTNEED);
        break;
    case 1:
        r = munmap(p, P);
        break;
    case 2: /* to where it is read by nobody, and away */
        r = mremap(p, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, OTHER) != OTHER || munmap(OTHER, P);
        break;
    }
    if (generation % 4 &&
        mmap(p, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
        r = -1;
    if (r)
        __atomic_fetch_add(&stale, 1000000, __ATOMIC_SEQ_CST);
    __atomic_store_n(&gone[slot], generation - 1, __ATOMIC_SEQ_CST);
    *(volatile unsigned long *)p = generation;
}

static void *writer_main(struct worker *w)
{
    go_to_cpu(0);
    for (unsigned long g = 1; g <= 60ul * rounds; g++)
        for (unsigned slot = g % 3; slot < SLOTS; slot += 3)
            renew(slot, g);
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* ---- each with its own ---- */

static void *alone_main(struct worker *w)
{
    unsigned long seed = (uintptr_t)w->arg * 2654435761u + 12345, errors = 0;
    unsigned me = (uintptr_t)w->arg;
    struct {
        unsigned char *at;
        size_t pages;
        unsigned char tag;
    } mine[12] = { 0 };

    for (int n = 0; n < 200 * rounds; n++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        unsigned k = seed % 12, what = seed / 16 % 8;

        if (n % 50 == 0)
            go_to_cpu(me + n / 50);
        if (mine[k].at) {
            for (size_t i = 0; i < mine[k].pages; i++)
                errors += mine[k].at[i * P] != mine[k].tag || mine[k].at[i * P + 8];
            if (what == 0) {
                void *to = mremap(mine[k].at, mine[k].pages * P, (mine[k].pages + 1) * P, MREMAP_MAYMOVE);

                errors += to == MAP_FAILED;
                mine[k].at = to;
                errors += mine[k].at[mine[k].pages * P];
                mine[k].at[mine[k].pages++ * P] = mine[k].tag;
                continue;
            }
            if (what == 1) {
                errors += mprotect(mine[k].at, mine[k].pages * P, PROT_READ) != 0;
                errors += poke((char *)mine[k].at, 1) != SEGV_AT(SEGV_ACCERR);
                errors += mprotect(mine[k].at, mine[k].pages * P, PROT_READ | PROT_WRITE) != 0;
                continue;
            }
            errors += munmap(mine[k].at, mine[k].pages * P) != 0;
        }
        mine[k].pages = seed / 128 % 64 ? seed / 128 % 20 + 1 : 700;
        mine[k].tag = seed / 8192 % 255 + 1;
        mine[k].at =
            mmap(NULL, mine[k].pages * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mine[k].at == MAP_FAILED)
            return (void *)1;
        for (size_t i = 0; i < mine[k].pages; i++) {
            errors += mine[k].at[i * P];
            mine[k].at[i * P] = mine[k].tag;
        }
    }
    w->result = errors;
    return NULL;
}

static void *drain_main(struct worker *w)
{
    char b[4096];

    while (read(pipe_fd[0], b, sizeof(b)) > 0)
        ;
    return NULL;
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
    struct worker w[THREADS], drain;
    unsigned long errors = 0, seen = 0;

    if (argc > 1)
        rounds = atoi(argv[1]);
    sigaction(SIGSEGV, &sa, NULL);
    report(pipe(pipe_fd) == 0, "pipe");
    spawn(&drain, drain_main, NULL);

    for (uintptr_t i = 0; i < THREADS; i++)
        spawn(&w[i], shared_main, (void *)i);
    for (int i = 0; i < THREADS; i++)
        join(&w[i]);
    for (int i = 0; i < KINDS; i++)
        report(wrong[i] == 0, "memory %s is so for all threads", kinds[i]);

    report(mmap(ARENA, SLOTS * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
               ARENA,
           "map pages of generations");
    spawn(&w[0], writer_main, NULL);
    for (uintptr_t i = 1; i < THREADS; i++)
        spawn(&w[i], reader_main, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        join(&w[i]);
        seen += i ? w[i].result : 0;
    }
    report(stale == 0, "no reader saw a page after it had gone");

    for (uintptr_t i = 0; i < THREADS; i++)
        spawn(&w[i], alone_main, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        errors += join(&w[i]) ? 1000 : 0;
        errors += w[i].result;
    }
    report(errors == 0, "each thread's memory stays its own");
    close(pipe_fd[1]);
    join(&drain);
    return report_done();
}
