/* SPDX-License-Identifier: BSD-2-Clause */
/* parallel: the same work by several threads of one process, each on a CPU of its own with objects of its own, and what
 * an idle thread costs.   gcc -O2 -static -pthread -o parallel parallel.c
 *
 *   parallel scale ROUNDS        time of one thread on CPU 0, and of two at once on CPUs 0 and 1, in short turns:
 *                                SCALE name one=NS two=NS one_median=NS two_median=NS   (of one operation of a thread)
 *   parallel count N THREADS     N operations by each of THREADS threads, thread K on CPU K, once: an instruction
 *                                counter counts on each CPU between work_begin() and work_end(). Works in order:
 *                                COUNT name n=OPERATIONS
 *   parallel idle N STACK        N blocked threads with stacks of STACK bytes (0: the C library's default):
 *                                IDLE n=N stack=BYTES used=BYTES touched=BYTES   (of one thread; used includes touched)
 *
 * Runs as init: needs nothing but an inherited stdout; mounts /proc where nobody has. Reads /mb.dat.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define PAGE        4096ul
#define WINDOW      (1ul << 20)   /* of the file, for each thread */
#define REGION      (4ul << 20)   /* of memory that faults touches */
#define WORK_NS     2000000000ull /* no more turns of a work after this */
#define TURN_NS     2000000ull    /* of scale: short, so that on a busy host some are not interrupted */

/* A thread and what it alone uses; apart from the others' in the cache. */
struct worker {
    pthread_t thread;
    unsigned id;
    long n;
    uint64_t start, end;
    int fd[2];
    char *buf;
    pthread_t partner;
    atomic_int ball __attribute__((aligned(128)));
} __attribute__((aligned(256)));

struct work {
    const char *name;
    void (*begin)(struct worker *), (*run)(struct worker *, long n), (*end)(struct worker *);
    long scale; /* operations of count: N times this by 16 */
};

static struct worker workers[MAX_THREADS];
static const struct work *work;
static unsigned nr_workers;
static atomic_uint arrived;

static void say(const char *format, ...)
{
    char b[256];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(b, sizeof b, format, ap);
    va_end(ap);
    if (write(1, b, n)) {
    }
}
static void die(const char *what)
{
    say("PARALLEL FAIL %s: %s\n", what, strerror(errno));
    _exit(1);
}
#define CK(x)        \
    do {             \
        if ((x) < 0) \
            die(#x); \
    } while (0)

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static long futex(atomic_int *a, int op, int v)
{
    return syscall(SYS_futex, a, op | FUTEX_PRIVATE_FLAG, v, NULL, NULL, 0);
}
static void stay_on(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CK(sched_setaffinity(0, sizeof set, &set));
}

/* The instruction counter's marks. */
__attribute__((noinline, used)) void work_begin(void)
{
    __asm__ volatile("" ::: "memory");
}
__attribute__((noinline, used)) void work_end(void)
{
    __asm__ volatile("" ::: "memory");
}

/* --- the works: begin makes what run uses --- */
static void none(struct worker *w)
{
}
static void run_spin(struct worker *w, long n) /* op: 100 turns of a loop that stays in user mode */
{
    for (volatile long i = 0; i < n * 100; i++)
        ;
}
static void run_null(struct worker *w, long n) /* op: getppid */
{
    while (n--)
        syscall(SYS_getppid);
}
static void run_fault(struct worker *w,
                      long n) /* op: touch a page; 1,024 of them are mapped and unmapped together */
{
    while (n > 0) {
        char *m = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (m == MAP_FAILED)
            die("mmap");
        madvise(m, REGION, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < REGION && n > 0; i += PAGE, n--)
            ((volatile char *)m)[i] = 1;
        munmap(m, REGION);
    }
}
static void begin_pipe(struct worker *w)
{
    CK(pipe(w->fd));
}
static void run_pipe(struct worker *w, long n) /* op: write 1 byte + read 1 byte */
{
    char c = 'x';

    while (n--)
        if (write(w->fd[1], &c, 1) != 1 || read(w->fd[0], &c, 1) != 1)
            die("pipe");
}
static void end_pipe(struct worker *w)
{
    close(w->fd[0]);
    close(w->fd[1]);
}
static void run_futex(struct worker *w,
                      long n) /* op: a wake that finds nobody + a wait that finds the word changed */
{
    while (n--) {
        futex(&w->ball, FUTEX_WAKE, 1);
        futex(&w->ball, FUTEX_WAIT, ~w->ball);
    }
}
static void begin_read(struct worker *w)
{
    w->buf = malloc(PAGE);
    w->fd[0] = open("/mb.dat", O_RDONLY);
    CK(w->fd[0]);
    for (size_t i = 0; i < WINDOW; i += PAGE)
        if (pread(w->fd[0], w->buf, PAGE, w->id * WINDOW + i) != PAGE)
            die("pread");
}
static void run_read(struct worker *w, long n) /* op: read 4 KB of a cached file */
{
    for (size_t i = 0; n--; i += PAGE)
        if (pread(w->fd[0], w->buf, PAGE, w->id * WINDOW + i % WINDOW) != PAGE)
            die("pread");
}
static void end_read(struct worker *w)
{
    close(w->fd[0]);
    free(w->buf);
}
static void run_mmap(struct worker *w, long n) /* op: mmap 4 KB, touch, munmap */
{
    while (n--) {
        char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (m == MAP_FAILED)
            die("mmap");
        *(volatile char *)m = 1;
        munmap(m, PAGE);
    }
}
/* The ball is 1 in the partner's court, 0 in the worker's, 2 when the game is over. */
static void *partner(void *arg)
{
    struct worker *w = arg;
    int ball;

    stay_on(w->id);
    while ((ball = atomic_load(&w->ball)) != 2) {
        if (ball == 1) {
            atomic_store(&w->ball, 0);
            futex(&w->ball, FUTEX_WAKE, 1);
        } else {
            futex(&w->ball, FUTEX_WAIT, 0);
        }
    }
    return NULL;
}
static void begin_switch(struct worker *w)
{
    w->ball = 0;
    if (pthread_create(&w->partner, NULL, partner, w))
        die("pthread_create");
}
static void run_switch(struct worker *w, long n) /* op: futex round trip with a thread on the same CPU */
{
    while (n--) {
        atomic_store(&w->ball, 1);
        futex(&w->ball, FUTEX_WAKE, 1);
        while (atomic_load(&w->ball) == 1)
            futex(&w->ball, FUTEX_WAIT, 1);
    }
}
static void end_switch(struct worker *w)
{
    atomic_store(&w->ball, 2);
    futex(&w->ball, FUTEX_WAKE, 1);
    pthread_join(w->partner, NULL);
    w->ball = 0;
}

static const struct work works[] = {
    { "spin", none, run_spin, none, 16 },   { "null", none, run_null, none, 16 },
    { "fault", none, run_fault, none, 32 }, { "pipe", begin_pipe, run_pipe, end_pipe, 16 },
    { "futex", none, run_futex, none, 16 }, { "read", begin_read, run_read, end_read, 16 },
    { "mmap", none, run_mmap, none, 8 },    { "switch", begin_switch, run_switch, end_switch, 8 },
};

/* --- the threads --- */
static void meet(unsigned nr)
{
    unsigned goal = (atomic_fetch_add(&arrived, 1) / nr + 1) * nr;

    while (atomic_load(&arrived) < goal) {
        __builtin_ia32_pause(); /* an emulator with one host thread for all CPUs goes on to the next one */
        sched_yield();
    }
}
static void *worker_main(void *arg)
{
    struct worker *w = arg;

    stay_on(w->id);
    work->begin(w);
    work->run(w, w->n / 8 + 1);
    meet(nr_workers);
    w->start = now();
    work_begin();
    work->run(w, w->n);
    work_end();
    w->end = now();
    meet(nr_workers); /* nobody tidies up while others work */
    work->end(w);
    return NULL;
}
/* The slowest one's time. *together: did they work at the same time, but for a tenth? */
static uint64_t run_together(unsigned nr, long n, int *together)
{
    uint64_t first = UINT64_MAX, last = 0, slowest = 0;

    nr_workers = nr;
    atomic_store(&arrived, 0);
    for (unsigned i = 0; i < nr; i++) {
        workers[i].id = i;
        workers[i].n = n;
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]))
            die("pthread_create");
    }
    for (unsigned i = 0; i < nr; i++) {
        const struct worker *w = &workers[i];

        pthread_join(w->thread, NULL);
        first = w->start < first ? w->start : first;
        last = w->end > last ? w->end : last;
        slowest = w->end - w->start > slowest ? w->end - w->start : slowest;
    }
    *together = last - first <= slowest + slowest / 10;
    return slowest;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}
/* Operations that take one thread about TURN_NS. */
static long turn_length(void)
{
    long n = 64;

    for (;; n *= 2) {
        uint64_t took = UINT64_MAX;
        int together;

        for (int i = 0; i < 3 && took > TURN_NS / 2; i++) {
            uint64_t once = run_together(1, n, &together);

            took = once < took ? once : took;
        }
        if (took > TURN_NS / 2)
            return n * TURN_NS / took + 1;
    }
}
/* The time of a turn: one in which all were at work at once, if there is one among ten. */
static uint64_t turn(unsigned nr, long n)
{
    int together = 0;
    uint64_t took = 0;

    for (int i = 0; i < 10 && !together; i++)
        took = run_together(nr, n, &together);
    return took;
}
static void scale(int rounds)
{
    uint64_t *one = calloc(rounds, sizeof *one), *two = calloc(rounds, sizeof *two);
    long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);

    for (work = works; work < works + sizeof works / sizeof *works; work++) {
        long n = turn_length();
        uint64_t start = now();
        int i = 0;

        while (i < rounds && (i < 3 || now() - start < WORK_NS)) {
            one[i] = turn(1, n);
            two[i++] = nr_cpus > 1 ? turn(2, n) : 0;
        }
        qsort(one, i, sizeof *one, by_value);
        qsort(two, i, sizeof *two, by_value);
        say("SCALE %s one=%.1f two=%.1f one_median=%.1f two_median=%.1f\n", work->name, (double)one[0] / n,
            (double)two[0] / n, (double)one[i / 2] / n, (double)two[i / 2] / n);
    }
}
static void count(long n, unsigned threads)
{
    int together;

    for (work = works; work < works + sizeof works / sizeof *works; work++) {
        run_together(threads, n * work->scale / 16, &together);
        say("COUNT %s n=%ld\n", work->name, n * work->scale / 16);
    }
}

/* --- idle threads --- */
static atomic_int never;
static atomic_uint asleep;

static void *sleeper(void *arg)
{
    atomic_fetch_add(&asleep, 1);
    for (;;)
        futex(&never, FUTEX_WAIT, 0);
    return arg;
}
static long free_kb(void)
{
    char b[4096], *at;
    int fd = open("/proc/meminfo", O_RDONLY);
    ssize_t n;

    if (fd < 0)
        die("/proc/meminfo");
    n = read(fd, b, sizeof b - 1);
    close(fd);
    b[n > 0 ? n : 0] = 0;
    at = strstr(b, "MemFree:");
    if (!at)
        die("MemFree");
    return atol(at + 8);
}
static void make_sleepers(pthread_t *t, long n, const pthread_attr_t *attr)
{
    atomic_store(&asleep, 0);
    for (long i = 0; i < n; i++)
        if (pthread_create(&t[i], attr, sleeper, NULL))
            die("pthread_create");
    while (atomic_load(&asleep) < n)
        sched_yield();
    sleep(3); /* into the futex, and for long: a kernel may give up what only running threads need */
}
static long touched_pages(pthread_t t)
{
    static unsigned char seen[(64ul << 20) / PAGE];
    pthread_attr_t attr;
    void *at;
    size_t size;
    long n = 0;

    if (pthread_getattr_np(t, &attr) || pthread_attr_getstack(&attr, &at, &size))
        die("pthread_getattr_np");
    pthread_attr_destroy(&attr);
    if (size > sizeof seen * PAGE)
        die("stack size");
    CK(mincore(at, size, seen));
    for (size_t i = 0; i < size / PAGE; i++)
        n += seen[i] & 1;
    return n;
}
static void idle(long n, size_t stack)
{
    long first = n / 8, before, after, pages = 0;
    pthread_t *t = calloc(n + first, sizeof *t);
    pthread_attr_t attr;

    memset(t, 1, (n + first) * sizeof *t);
    mkdir("/proc", 0555);
    if (access("/proc/meminfo", R_OK) && mount("proc", "/proc", "proc", 0, NULL))
        die("mount /proc");
    pthread_attr_init(&attr);
    if (stack && pthread_attr_setstacksize(&attr, stack))
        die("stack size");
    make_sleepers(t, first, &attr); /* tables and caches grow to their size */
    touched_pages(t[0]);
    free_kb();
    before = free_kb();
    make_sleepers(t + first, n, &attr);
    after = free_kb();
    for (long i = first; i < first + n; i++)
        pages += touched_pages(t[i]);
    say("IDLE n=%ld stack=%zu used=%.0f touched=%.0f\n", n, stack, (before - after) * 1024.0 / n,
        pages * (double)PAGE / n);
}

int main(int c, char **v)
{
    if (c == 3 && !strcmp(v[1], "scale"))
        scale(atoi(v[2]));
    else if (c == 4 && !strcmp(v[1], "count"))
        count(atol(v[2]), atoi(v[3]));
    else if (c == 4 && !strcmp(v[1], "idle"))
        idle(atol(v[2]), atol(v[3]));
    else
        return 2;
    say("PARALLEL done\n");
    tcdrain(1); /* Linux's serial port is still at it */
    _exit(0);
}
