/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smp.c: one address space used by many CPUs at once: mapping, protecting, faulting and unmapping, copy-on-write and
 * files beside each other, threads that change CPUs. What one thread maps another never sees in its own memory.
 */
#include "report.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 6
#define PAGE    4096ul

static long failures; /* counted by all, said once */

#define EXPECT(c)                                               \
    do {                                                        \
        if (!(c))                                               \
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED); \
    } while (0)

static void run(const char *what, void *(*fn)(void *))
{
    pthread_t t[THREADS];

    failures = 0;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, fn, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    report(failures == 0, "%s", what);
}

static int all_equal(const char *p, size_t n, char c)
{
    for (size_t i = 0; i < n; i += 512)
        if (p[i] != c)
            return 0;
    return 1;
}

/* Pages come and go all the time: a stale translation would show another thread's bytes. */
static void *maps(void *arg)
{
    unsigned seed = (long)arg;

    for (int i = 0; i < 150; i++) {
        size_t n = (rand_r(&seed) % 40 + 1) * PAGE;
        char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        EXPECT(p != MAP_FAILED && all_equal(p, n, 0));
        memset(p, (long)arg, n);
        if (i % 3 == 0)
            EXPECT(!mprotect(p, n, PROT_READ));
        if (i % 5 == 0)
            EXPECT(!madvise(p, PAGE, MADV_DONTNEED) && p[0] == 0);
        EXPECT(all_equal(p + PAGE, n - PAGE, (long)arg));
        EXPECT(!munmap(p, n));
    }
    return NULL;
}

/* The first write to a page of a private file mapping copies it. */
static void *copies(void *arg)
{
    char name[64];
    int fd;

    snprintf(name, sizeof(name), "%s/smp-%ld", getenv("TEST_TMP") ? getenv("TEST_TMP") : "/tmp", (long)arg);
    fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    EXPECT(fd >= 0 && !ftruncate(fd, 16 * PAGE));
    for (int i = 0; i < 40; i++) {
        char *priv = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        char *shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        char c = i, back = 0;

        EXPECT(priv != MAP_FAILED && shared != MAP_FAILED);
        memset(shared, c, 16 * PAGE);
        EXPECT(all_equal(priv, 16 * PAGE, c));
        memset(priv + 8 * PAGE, ~c, 8 * PAGE);
        EXPECT(all_equal(shared, 16 * PAGE, c) && all_equal(priv + 8 * PAGE, 8 * PAGE, ~c));
        EXPECT(pread(fd, &back, 1, 9 * PAGE) == 1 && back == c);
        munmap(priv, 16 * PAGE);
        munmap(shared, 16 * PAGE);
    }
    close(fd);
    unlink(name);
    return NULL;
}

/* One page that all look at is made unreadable and readable again: who looks either reads it or gets the signal. */
static char *page;
static volatile int stop;
static __thread sigjmp_buf back;

static void segv(int sig)
{
    siglongjmp(back, 1);
}

static void *looks(void *arg)
{
    if ((long)arg == 1) {
        for (int i = 0; i < 300; i++) {
            EXPECT(!mprotect(page, PAGE, PROT_NONE));
            EXPECT(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
            page[0] = 7;
        }
        stop = 1;
        return NULL;
    }
    while (!stop)
        if (!sigsetjmp(back, 1))
            EXPECT(*(volatile char *)page == 7);
    return NULL;
}

/* Registers, floating point and thread-local data go with a thread from CPU to CPU. */
static void *wanders(void *arg)
{
    static __thread long mine;
    cpu_set_t all, one;
    double x = (long)arg;

    mine = (long)arg;
    EXPECT(!sched_getaffinity(0, sizeof(all), &all));
    for (int i = 0; i < 200; i++) {
        int cpu = i % CPU_COUNT(&all);

        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (CPU_ISSET(cpu, &all)) {
            EXPECT(!sched_setaffinity(0, sizeof(one), &one));
            EXPECT(sched_getcpu() == cpu);
        }
        x = x * 1.5 / 1.5;
        EXPECT(mine == (long)arg && x > mine - 0.001 && x < mine + 0.001);
    }
    EXPECT(!sched_setaffinity(0, sizeof(all), &all));
    return NULL;
}

/* A bell that all ring and wait for: nobody is forgotten. */
static int turn;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;

static void *takes_turns(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock);
        while (turn % THREADS != (long)arg - 1)
            pthread_cond_wait(&bell, &lock);
        turn++;
        pthread_cond_broadcast(&bell);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *starts_others(void *arg);
static void *ends(void *arg)
{
    return arg;
}
static void *starts_others(void *arg)
{
    for (long i = 0; i < 60; i++) {
        pthread_t t;
        void *got = NULL;

        EXPECT(!pthread_create(&t, NULL, ends, (void *)i));
        EXPECT(!pthread_join(t, &got) && got == (void *)i);
    }
    return NULL;
}

int main(void)
{
    signal(SIGSEGV, segv);
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 7;
    run("mapping and unmapping", maps);
    run("copy-on-write beside shared mappings", copies);
    run("protection that changes under readers", looks);
    run("threads that change CPUs", wanders);
    run("turns", takes_turns);
    report(turn == THREADS * 200, "all turns were taken");
    run("threads that start threads", starts_others);
    return report_done();
}
