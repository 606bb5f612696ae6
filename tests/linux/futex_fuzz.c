/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex_fuzz.c [SEED [ROUNDS]]: random futex calls on good and bad words by several threads, some of which die, while
 * the memory under them comes and goes and signals arrive. All that is asked is that the kernel, and every thread, live on.
 */
#include "futex.h"

#define THREADS 4
#define WORDS   6

static unsigned seed = 1;
static int rounds = 10000;
static _Thread_local unsigned rnd_state;
static uint32_t *
    pages[8]; /* private, shared, file, its read-only side, no access, not there, comes and goes, read-only */
static atomic_int tids[THREADS], done;

static unsigned rnd(unsigned n)
{
    rnd_state = rnd_state * 1664525 + 1013904223;
    return (rnd_state >> 8) % n;
}

static void *word(void)
{
    uintptr_t p = (uintptr_t)(pages[rnd(3) ? rnd(3) : rnd(8)] + rnd(WORDS));

    switch (rnd(60)) {
    case 0:
        return (void *)(p + rnd(4));
    case 1:
        return NULL;
    case 2:
        return (void *)(0xffffff8000000000 + rnd(1 << 20) * 4);
    case 3:
        return (void *)(0x7ffffffff000 - rnd(3) * 4);
    case 4:
        return (void *)0xdead000000000000;
    }
    return (void *)p;
}

static uint32_t value(void)
{
    switch (rnd(6)) {
    case 0:
        return tids[rnd(THREADS)] | (rnd(2) ? FUTEX_WAITERS : 0) | (rnd(4) ? 0 : FUTEX_OWNER_DIED);
    case 1:
        return rnd(2) ? FUTEX_OWNER_DIED : FUTEX_WAITERS;
    case 2:
        return rnd_state;
    }
    return rnd(4) ? 0 : rnd(4);
}

static uint32_t number(void)
{
    return rnd(4) ? rnd(5) : rnd(2) ? INT_MAX - rnd(2) : -rnd(3);
}

/* Writes a word that surely is there. */
static void scribble(void)
{
    atomic_uint *w = (atomic_uint *)(pages[rnd(3)] + rnd(WORDS));

    *w = value();
}

static void call_waitv(const struct timespec *ts)
{
    struct futex_waitv v[4];
    int n = 1 + rnd(4);

    for (int i = 0; i < n; i++)
        v[i] = (struct futex_waitv){ value(), (uintptr_t)word(), FUTEX_32 | (rnd(2) ? PRIV : 0), 0 };
    syscall(SYS_futex_waitv, rnd(50) ? v : word(), n, 0, ts, CLOCK_MONOTONIC);
}

static void call(void)
{
    int op = rnd(15);
    struct timespec ts = after_ms(op == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC, rnd(2));
    const void *arg = &ts;

    if (op == FUTEX_WAIT)
        ts = (struct timespec){ 0, rnd(500000) };
    if (op == 14) {
        call_waitv(&ts);
        return;
    }
    if (op == FUTEX_REQUEUE || op == FUTEX_CMP_REQUEUE || op == FUTEX_WAKE_OP || op == FUTEX_CMP_REQUEUE_PI)
        arg = (void *)(uintptr_t)number();
    futex(word(), op | (rnd(3) ? PRIV : 0), rnd(2) ? number() : value(), arg, word(),
          rnd(3) ? value() : rnd_state);
}

static void *lives(void *arg)
{
    long id = (long)arg / 1000, n = (long)arg % 1000;

    rnd_state = seed * 31337 + (long)arg;
    tids[id] = my_tid();
    for (int i = 0; i < rounds / 20; i++) {
        if (!rnd(4))
            scribble();
        call();
    }
    return (void *)n;
}

/* Threads one after the other: each leaves its locks behind. */
static void *generations(void *arg)
{
    pthread_t t;

    for (long i = 0; i < 20; i++) {
        if (pthread_create(&t, NULL, lives, (void *)((long)arg * 1000 + i)))
            exit(98);
        pthread_join(t, NULL);
    }
    done++;
    return NULL;
}

static void handler(int sig)
{
}

static void *page(int prot, int flags, int fd)
{
    void *p = mmap(NULL, 4096, prot, flags, fd, 0);

    if (p == MAP_FAILED)
        exit(97);
    return p;
}

static void map_pages(void)
{
    int rw = PROT_READ | PROT_WRITE, fd = memfd_create("fuzz", 0);

    MUST(ftruncate(fd, 4096));
    pages[0] = page(rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    pages[1] = page(rw, MAP_SHARED | MAP_ANONYMOUS, -1);
    pages[2] = page(rw, MAP_SHARED, fd);
    pages[3] = page(PROT_READ, MAP_SHARED, fd);
    pages[4] = page(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    pages[5] = page(rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    munmap(pages[5], 4096);
    pages[6] = page(rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    pages[7] = page(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* The page that comes and goes (between others, so that nothing larger settles there): absent, fresh, read-only, not accessible, another's. */
static void disturb(void)
{
    int prot[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };

    switch (rnd(4)) {
    case 0:
        mmap(pages[6], 4096, prot[rnd(3)], MAP_FIXED | MAP_ANONYMOUS | (rnd(2) ? MAP_PRIVATE : MAP_SHARED),
             -1, 0);
        break;
    case 1:
        mprotect(pages[6], 4096, prot[rnd(3)]);
        break;
    case 2:
        madvise(pages[6], 4096, MADV_DONTNEED);
        break;
    default:
        munmap(pages[6], 4096);
    }
    usleep(rnd(300));
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_handler = handler };
    struct itimerval it = { { 0, 3000 }, { 0, 3000 } };
    pthread_t t[THREADS];

    if (argc > 1)
        seed = atoi(argv[1]);
    if (argc > 2)
        rounds = atoi(argv[2]);
    rnd_state = seed;
    map_pages();
    sigaction(SIGALRM, &sa, NULL);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, generations, (void *)i))
            return 98;
    setitimer(ITIMER_REAL, &it, NULL);
    while (done < THREADS)
        disturb();
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    return report_done();
}
