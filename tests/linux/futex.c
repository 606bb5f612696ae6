/* SPDX-License-Identifier: BSD-2-Clause */
/* futex.c: futex(2) and futex_waitv(2) without priority inheritance: values, errors, keys, times, signals. */
#include "futex.h"
#include <sys/wait.h>

static _Alignas(64) atomic_uint word, other;

/* ---- waiters: threads whose result main() looks at ---- */

struct wait {
    pthread_t thread;
    volatile void *addr;
    int op;
    uint32_t val, bits;
    struct timespec *time;
    long result;
    int err, tid, order;
};
static atomic_int woken_order;

static void *wait_main(void *arg)
{
    struct wait *w = arg;

    w->tid = my_tid();
    w->result = futex(w->addr, w->op, w->val, w->time, NULL, w->bits);
    w->err = w->result < 0 ? errno : 0;
    w->order = atomic_fetch_add(&woken_order, 1);
    return NULL;
}

static void start(struct wait *w, volatile void *addr, int op, uint32_t bits)
{
    *w = (struct wait){ .addr = addr, .op = op, .bits = bits };
    if (pthread_create(&w->thread, NULL, wait_main, w))
        exit(98);
}

static void start_many(struct wait *w, int n, volatile void *addr, int op, uint32_t bits)
{
    for (int i = 0; i < n; i++) {
        start(&w[i], addr, op, bits);
        await_waiters(addr, op & PRIV, i + 1);
    }
}

static long join(struct wait *w)
{
    pthread_join(w->thread, NULL);
    return w->result < 0 ? -w->err : w->result;
}

/* ---- */

static void errors(void)
{
    struct timespec bad = { 0, 1000000000 }, neg = { -1, 0 }, zero = { 0, 0 };
    char *odd = (char *)&word + 1;
    uint32_t *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(gone, 4096);
    CHECK_ERR(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    CHECK_ERR(futex(&word, FUTEX_WAIT | PRIV, 1, NULL, NULL, 0), EAGAIN);
    CHECK_ERR(futex(odd, FUTEX_WAIT | PRIV, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(odd, FUTEX_WAKE | PRIV, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(NULL, FUTEX_WAIT | PRIV, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(NULL, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_EQ(futex(NULL, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 0);
    CHECK_EQ(futex(gone, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 0);
    CHECK_ERR(futex(gone, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_EQ(futex(none, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 0);
    CHECK_ERR(futex(none, FUTEX_WAIT | PRIV, 0, &zero, NULL, 0), EFAULT);
    CHECK_ERR(futex(none, FUTEX_WAIT, 0, &zero, NULL, 0), EFAULT);
    CHECK_ERR(futex((void *)-4096l, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex((void *)0x800000000000, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex((void *)0xdead000000000000, FUTEX_WAIT | PRIV, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(&word, FUTEX_WAIT | PRIV, 0, &bad, NULL, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_WAIT | PRIV, 0, &neg, NULL, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_WAIT | PRIV, 0, (void *)8, NULL, 0), EFAULT);
    CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET | PRIV, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_WAKE_BITSET | PRIV, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_WAIT | PRIV | REAL, 0, &zero, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, FUTEX_WAKE | REAL, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, FUTEX_LOCK_PI | REAL, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, FUTEX_FD, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, 14, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, 0x7f, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, 0x10000, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&word, FUTEX_REQUEUE | PRIV, -1, NULL, &other, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_REQUEUE | PRIV, 1, (void *)-1l, &other, 0), EINVAL);
    CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE | PRIV, 1, (void *)1, &other, 5), EAGAIN);
    CHECK_ERR(futex(none, FUTEX_CMP_REQUEUE | PRIV, 1, (void *)1, &other, 5), EFAULT);
    CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE | PRIV, 1, (void *)1, odd, 0), EINVAL);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE | PRIV, 1, (void *)1, none, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE | PRIV, INT_MAX, (void *)INT_MAX, &other, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, -1, NULL, NULL, 0), 0);
    munmap(none, 4096);
}

/* What a call without FUTEX_PRIVATE_FLAG makes of memory that is not shared, or not there */
static void shared_errors(void)
{
    struct timespec zero = { 0, 0 };
    uint32_t *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = memfd_create("f", 0);
    uint32_t *file, *file_ro, *beyond;

    MUST(ftruncate(fd, 4096));
    file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    file_ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    beyond = (uint32_t *)((char *)file + 4096);
    CHECK_ERR(futex(ro, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(ro, FUTEX_WAIT, 0, &zero, NULL, 0), EFAULT);
    CHECK_ERR(futex(ro, FUTEX_WAIT | PRIV, 0, &zero, NULL, 0), ETIMEDOUT);
    CHECK_EQ(futex(ro, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 0);
    CHECK_ERR(futex(file, FUTEX_WAIT, 0, &zero, NULL, 0), ETIMEDOUT);
    CHECK_ERR(futex(file_ro, FUTEX_WAIT, 0, &zero, NULL, 0), ETIMEDOUT);
    CHECK_EQ(futex(file_ro, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_ERR(futex(beyond, FUTEX_WAIT, 0, &zero, NULL, 0), EFAULT);
    CHECK_ERR(futex(beyond, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP, 1, NULL, file_ro, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)),
              EFAULT);
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP | PRIV, 1, NULL, ro, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)),
              EFAULT);
    CHECK_ERR(futex(file_ro, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    munmap(ro, 4096), munmap(file, 8192), munmap(file_ro, 4096), close(fd);
}

static void wakes(int flags, const char *what)
{
    struct wait w[5];

    word = 0;
    note("- wakes, %s", what);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, 1, NULL, NULL, 0), 0);
    start_many(w, 5, &word, FUTEX_WAIT | flags, 0);
    woken_order = 0;
    CHECK_EQ(futex(&other, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, 1, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w[0]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, 0, NULL, NULL, 0), 1); /* as many as one, always */
    CHECK_EQ(join(&w[1]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, -5, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w[2]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0), 2);
    CHECK_EQ(join(&w[3]), 0);
    CHECK_EQ(join(&w[4]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | flags, INT_MAX, NULL, NULL, 0), 0);
}

static void bitsets(void)
{
    struct wait w[3];

    note("- bit sets");
    start(&w[0], &word, FUTEX_WAIT_BITSET | PRIV, 1), await_waiters(&word, PRIV, 1);
    start(&w[1], &word, FUTEX_WAIT_BITSET | PRIV, 2), await_waiters(&word, PRIV, 2);
    start(&w[2], &word, FUTEX_WAIT_BITSET | PRIV, 6), await_waiters(&word, PRIV, 3);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET | PRIV, INT_MAX, NULL, NULL, 8), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET | PRIV, INT_MAX, NULL, NULL, 4), 1);
    CHECK_EQ(join(&w[2]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET | PRIV, 1, NULL, NULL, 2), 1);
    CHECK_EQ(join(&w[1]), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, INT_MAX, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w[0]), 0);
}

static void requeues(void)
{
    struct wait w[6];

    note("- requeue");
    start_many(w, 6, &word, FUTEX_WAIT | PRIV, 0);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE | PRIV, 1, (void *)2, &other, 0), 3);
    CHECK_EQ(join(&w[0]), 0);
    CHECK_EQ(nr_waiters(&word, PRIV), 3);
    CHECK_EQ(nr_waiters(&other, PRIV), 2);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE | PRIV, 0, (void *)1, &other, 0), 1);
    CHECK_EQ(nr_waiters(&other, PRIV), 3);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE | PRIV, INT_MAX, (void *)INT_MAX, &other, 0), 2);
    CHECK_EQ(futex(&other, FUTEX_REQUEUE | PRIV, 0, (void *)2, &other, 0), 2); /* to itself */
    CHECK_EQ(nr_waiters(&other, PRIV), 3);
    CHECK_EQ(futex(&other, FUTEX_WAKE | PRIV, INT_MAX, NULL, NULL, 0), 3);
    for (int i = 1; i < 6; i++)
        CHECK_EQ(join(&w[i]), 0);
}

static void wake_op(uint32_t before, uint32_t code, uint32_t after, bool second, const char *what)
{
    struct wait w[2];

    other = before;
    word = 0;
    start(&w[0], &word, FUTEX_WAIT | PRIV, 0), await_waiters(&word, PRIV, 1);
    w[1] = (struct wait){ .addr = &other, .op = FUTEX_WAIT | PRIV, .val = before };
    pthread_create(&w[1].thread, NULL, wait_main, &w[1]);
    await_waiters(&other, PRIV, 1);
    report(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, &other, code) == 1 + second, "%s: wakes", what);
    report(other == after, "%s: the word is %#x", what, other);
    if (!second)
        CHECK_EQ(futex(&other, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w[0]), 0);
    CHECK_EQ(join(&w[1]), 0);
    other = 0;
}

static void wake_ops(void)
{
    note("- wake op");
    wake_op(5, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 5), 9, true, "set, equal");
    wake_op(5, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_NE, 5), 8, false, "add, not equal");
    wake_op(5, FUTEX_OP(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_LT, 6), 4, true, "add -1, less");
    wake_op(5, FUTEX_OP(FUTEX_OP_OR, 8, FUTEX_OP_CMP_LE, 5), 13, true, "or, at most");
    wake_op(5, FUTEX_OP(FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_GT, 5), 1, false, "and not, greater");
    wake_op(5, FUTEX_OP(FUTEX_OP_XOR, 0xfff, FUTEX_OP_CMP_GE, 5), ~5u, true, "xor, at least");
    wake_op(-1, FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_LT, 0), 1, true, "signed comparison");
    wake_op(0, FUTEX_OP(FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 31, FUTEX_OP_CMP_EQ, 0), 1u << 31, true,
            "shift");
    other = 7;
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, &other, FUTEX_OP(5, 1, 0, 0)), ENOSYS);
    CHECK_EQ(other, 7);
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_SET, 1, 6, 0)),
              ENOSYS);
    CHECK_EQ(other, 1);
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, NULL, 0), EFAULT);
    CHECK_ERR(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, (char *)&other + 2, 0), EINVAL);
    other = 0;
    CHECK_EQ(futex(&word, FUTEX_WAKE_OP | PRIV, 1, (void *)1, &word, FUTEX_OP(FUTEX_OP_SET, 3, 0, 0)), 0);
    CHECK_EQ(word, 3);
    word = 0;
}

/* ---- which words are the same ---- */

static void *map_file(int fd, int prot, int flags)
{
    void *p = mmap(NULL, 4096, prot, flags, fd, 0);

    if (p == MAP_FAILED)
        exit(97);
    return p;
}

static void same(volatile void *wait_at, int wait_flags, volatile void *wake_at, int wake_flags, long want,
                 const char *what)
{
    struct wait w;

    start(&w, wait_at, FUTEX_WAIT | wait_flags, 0);
    await_waiters(wait_at, wait_flags, 1);
    report(futex(wake_at, FUTEX_WAKE | wake_flags, 9, NULL, NULL, 0) == want, "%s: wakes %ld", what, want);
    if (!want)
        futex(wait_at, FUTEX_WAKE | wait_flags, 9, NULL, NULL, 0);
    join(&w);
}

static void keys(void)
{
    int rw = PROT_READ | PROT_WRITE, fd, mem = memfd_create("f", 0);
    char *a, *b, *anon = mmap(NULL, 8192, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *again;

    note("- keys");
    scratch();
    fd = MUST(open("file", O_CREAT | O_RDWR, 0600));
    MUST(ftruncate(fd, 8192));
    MUST(ftruncate(mem, 4096));
    a = map_file(fd, rw, MAP_SHARED), b = map_file(fd, rw, MAP_SHARED);
    same(a, 0, b, 0, 1, "two shared mappings of a file");
    same(a, PRIV, b, PRIV, 0, "the same with FUTEX_PRIVATE_FLAG");
    same(a, PRIV, a, 0, 0, "private against shared");
    same(a, 0, a, PRIV, 0, "shared against private");
    same(a, 0, a + 4, 0, 0, "the next word");
    b = map_file(fd, rw, MAP_PRIVATE);
    b[8] = 1;
    same(a, 0, b, 0, 0, "a private copy");
    b = map_file(fd, PROT_READ, MAP_SHARED);
    same(b, 0, a, 0, 1, "waiting through a read-only mapping");
    a = map_file(mem, rw, MAP_SHARED), b = map_file(mem, rw, MAP_SHARED);
    same(a, 0, b, 0, 1, "two mappings of a memfd");
    again = mremap(anon, 0, 8192, MREMAP_MAYMOVE);
    same(anon + 4096, 0, again + 4096, 0, 1, "shared anonymous memory, twice");
    same(anon + 4096, 0, again, 0, 0, "another page of it");
    same(&word, 0, &word, PRIV, 0, "one's own memory, shared against private");
    same(&word, PRIV, &word, PRIV, 1, "one's own memory, private");
    same(&word, 0, &word, 0, 1, "one's own memory, shared");
    close(fd), close(mem);
}

/* ---- time ---- */

static void check_time(clockid_t clock, int op, bool absolute, long ms, const char *what)
{
    struct timespec ts = absolute ? after_ms(clock, ms) : (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
    long long t0 = now_ns(CLOCK_MONOTONIC), want = ms > 0 ? ms * 1000000ll : 0;
    long r = futex(&word, op, 0, &ts, NULL, ~0u);
    int err = errno;
    long long took = now_ns(CLOCK_MONOTONIC) - t0;

    report(r == -1 && err == ETIMEDOUT && took >= want && took < want + 5000000000ll, "%s times out", what);
}

static void times(void)
{
    struct timespec far = { INT64_MAX, 999999999 };
    struct wait w;

    note("- time");
    check_time(CLOCK_MONOTONIC, FUTEX_WAIT | PRIV, false, 0, "0 ms");
    check_time(CLOCK_MONOTONIC, FUTEX_WAIT | PRIV, false, 20, "20 ms");
    check_time(CLOCK_MONOTONIC, FUTEX_WAIT, false, 20, "20 ms, shared");
    check_time(CLOCK_MONOTONIC, FUTEX_WAIT_BITSET | PRIV, true, 20, "until, monotonic");
    check_time(CLOCK_MONOTONIC, FUTEX_WAIT_BITSET | PRIV, true, -20, "until past, monotonic");
    check_time(CLOCK_REALTIME, FUTEX_WAIT_BITSET | PRIV | REAL, true, 20, "until, wall clock");
    check_time(CLOCK_REALTIME, FUTEX_WAIT_BITSET | PRIV | REAL, true, -20, "until past, wall clock");
    w = (struct wait){ .addr = &word, .op = FUTEX_WAIT | PRIV, .time = &far };
    pthread_create(&w.thread, NULL, wait_main, &w);
    await_waiters(&word, PRIV, 1);
    CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w), 0);
    w = (struct wait){ .addr = &word, .op = FUTEX_WAIT_BITSET | PRIV | REAL, .time = &far, .bits = 1 };
    pthread_create(&w.thread, NULL, wait_main, &w);
    await_waiters(&word, PRIV, 1);
    CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w), 0);
}

/* ---- signals ---- */

static atomic_int handled;
static void handler(int sig)
{
    handled++;
}

static void signal_one(struct wait *w, int sig)
{
    int before = handled;

    await_waiters(w->addr, PRIV, 1);
    syscall(SYS_tgkill, getpid(), w->tid, sig);
    while (handled == before)
        usleep(1000);
}

static void interrupted(int op, struct timespec *ts, int flags, long want, const char *what)
{
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };
    struct wait w = { .addr = &word, .op = op, .bits = ~0u, .time = ts };
    long r;

    sigaction(SIGUSR1, &sa, NULL);
    pthread_create(&w.thread, NULL, wait_main, &w);
    signal_one(&w, SIGUSR1);
    if (want == 0) {
        await_waiters(&word, PRIV, 1);
        futex(&word, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0);
    }
    r = join(&w);
    report(r == want, "%s: %s", what, r == 0 ? "goes on" : strerror(-r));
}

static void signals(void)
{
    struct timespec rel = { 100, 0 }, abs = after_ms(CLOCK_MONOTONIC, 100000),
                    real = after_ms(CLOCK_REALTIME, 100000);

    note("- signals");
    interrupted(FUTEX_WAIT | PRIV, NULL, 0, -EINTR, "wait");
    interrupted(FUTEX_WAIT | PRIV, NULL, SA_RESTART, 0, "wait, SA_RESTART");
    interrupted(FUTEX_WAIT | PRIV, &rel, 0, -EINTR, "wait with a time");
    interrupted(FUTEX_WAIT | PRIV, &rel, SA_RESTART, -EINTR, "wait with a time, SA_RESTART");
    interrupted(FUTEX_WAIT_BITSET | PRIV, &abs, SA_RESTART, -EINTR, "wait until, SA_RESTART");
    interrupted(FUTEX_WAIT_BITSET | PRIV | REAL, &real, SA_RESTART, -EINTR,
                "wait until, wall clock, SA_RESTART");
    interrupted(FUTEX_WAIT_BITSET | PRIV, NULL, SA_RESTART, 0, "wait for bits, SA_RESTART");
}

/* A signal that nobody handles must not lengthen the time. */
static void restart_block(void)
{
    struct timespec ts = { 0, 60000000 };
    struct wait w = { .addr = &word, .op = FUTEX_WAIT | PRIV, .time = &ts };
    long long t0 = now_ns(CLOCK_MONOTONIC);

    pthread_create(&w.thread, NULL, wait_main, &w);
    for (int i = 0; i < 20; i++) {
        usleep(2000);
        kill(getpid(), SIGCONT);
    }
    CHECK_EQ(join(&w), -ETIMEDOUT);
    report(now_ns(CLOCK_MONOTONIC) - t0 < 5000000000ll, "SIGCONT does not lengthen the time");
}

/* ---- futex_waitv ---- */

static long waitv(struct futex_waitv *v, unsigned n, unsigned flags, void *ts, int clock)
{
    return syscall(SYS_futex_waitv, v, n, flags, ts, clock);
}

static struct futex_waitv vec[FUTEX_WAITV_MAX + 1];
static atomic_uint words[FUTEX_WAITV_MAX + 1];
static int vec_n;

static void *waitv_main(void *arg)
{
    struct wait *w = arg;

    w->tid = my_tid();
    w->result = waitv(vec, vec_n, 0, w->time, w->op);
    w->err = w->result < 0 ? errno : 0;
    return NULL;
}

static void vec_init(int n, int flags)
{
    vec_n = n;
    for (int i = 0; i < n; i++)
        vec[i] = (struct futex_waitv){ .uaddr = (uintptr_t)&words[i], .flags = FUTEX_32 | flags };
}

static long waitv_wake(int n, int flags, int which)
{
    struct wait w = { 0 };

    vec_init(n, flags);
    pthread_create(&w.thread, NULL, waitv_main, &w);
    await_waiters(&words[n - 1], flags, 1);
    CHECK_EQ(futex(&words[which], FUTEX_WAKE | flags, 9, NULL, NULL, 0), 1);
    return join(&w);
}

static void waitvs(void)
{
    struct timespec zero = { 0, 0 }, bad = { 0, -1 }, soon;
    struct wait w = { 0 };

    note("- futex_waitv");
    vec_init(3, PRIV);
    CHECK_ERR(waitv(vec, 0, 0, NULL, 0), EINVAL);
    CHECK_ERR(waitv(vec, FUTEX_WAITV_MAX + 1, 0, NULL, 0), EINVAL);
    CHECK_ERR(waitv(NULL, 1, 0, NULL, 0), EINVAL);
    CHECK_ERR(waitv((void *)8, 1, 0, NULL, 0), EFAULT);
    CHECK_ERR(waitv(vec, 3, 1, NULL, 0), EINVAL);
    CHECK_ERR(waitv(vec, 3, 0, &zero, CLOCK_BOOTTIME), EINVAL);
    CHECK_ERR(waitv(vec, 3, 0, &bad, CLOCK_MONOTONIC), EINVAL);
    CHECK_ERR(waitv(vec, 3, 0, (void *)8, CLOCK_MONOTONIC), EFAULT);
    CHECK_ERR(waitv(vec, 3, 0, &zero, CLOCK_MONOTONIC), ETIMEDOUT);
    CHECK_ERR(waitv(vec, 3, 0, &zero, CLOCK_REALTIME), ETIMEDOUT);
    soon = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERR(waitv(vec, 3, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    soon = after_ms(CLOCK_REALTIME, 20);
    CHECK_ERR(waitv(vec, 3, 0, &soon, CLOCK_REALTIME), ETIMEDOUT);
    vec[1].val = 1;
    CHECK_ERR(waitv(vec, 3, 0, NULL, 0), EAGAIN);
    vec_init(3, PRIV), vec[2].uaddr = 8;
    CHECK_ERR(waitv(vec, 3, 0, NULL, 0), EFAULT);
    vec_init(3, PRIV), vec[2].uaddr += 1;
    CHECK_ERR(waitv(vec, 3, 0, NULL, 0), EINVAL);
    vec_init(3, PRIV), vec[2].flags = 0;
    CHECK_ERR(waitv(vec, 3, 0, NULL, 0), EINVAL);
    vec_init(3, PRIV), vec[2].flags |= 0x100;
    CHECK_ERR(waitv(vec, 3, 0, NULL, 0), EINVAL);
    CHECK_EQ(waitv_wake(3, PRIV, 1), 1);
    CHECK_EQ(waitv_wake(3, 0, 2), 2);
    CHECK_EQ(waitv_wake(FUTEX_WAITV_MAX, PRIV, 100), 100);
    CHECK_EQ(waitv_wake(1, PRIV, 0), 0);
    vec_init(2, PRIV);
    pthread_create(&w.thread, NULL, waitv_main, &w);
    signal_one(&(struct wait){ .addr = (await_waiters(&words[1], PRIV, 1), &words[1]), .tid = w.tid },
               SIGUSR1);
    await_waiters(&words[1], PRIV, 1); /* SA_RESTART is still set */
    CHECK_EQ(nr_waiters(&words[0], PRIV), 1);
    CHECK_EQ(futex(&words[0], FUTEX_WAKE | PRIV, 9, NULL, NULL, 0), 1);
    CHECK_EQ(join(&w), 0);
    CHECK_EQ(nr_waiters(&words[1], PRIV), 0);
}

/* ---- order ---- */

static void *rt_main(void *arg)
{
    struct wait *w = arg;
    struct sched_param p = { .sched_priority = w->val };

    if (w->val)
        syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p); /* musl has none */
    w->val = 0;
    return wait_main(w);
}

/* Real-time threads are woken first, by priority; others as they came. */
static void order(void)
{
    static const int prio[5] = { 0, 3, 0, 7, 3 }, want[5] = { 3, 1, 4, 0, 2 };
    struct wait w[5];

    note("- order");
    for (int i = 0; i < 5; i++) {
        w[i] = (struct wait){ .addr = &word, .op = FUTEX_WAIT | PRIV, .val = prio[i] };
        pthread_create(&w[i].thread, NULL, rt_main, &w[i]);
        await_waiters(&word, PRIV, i + 1);
    }
    woken_order = 0;
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(futex(&word, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 1);
        while (woken_order <= i)
            usleep(1000);
        report(w[want[i]].order == i, "thread %d is woken as number %d", want[i], i);
    }
    for (int i = 0; i < 5; i++)
        join(&w[i]);
}

static void *wait_forever(void *arg)
{
    futex(&word, FUTEX_WAIT | PRIV, 0, NULL, NULL, 0);
    return arg;
}

int main(void)
{
    pthread_t t;

    setvbuf(stdout, NULL, _IONBF, 0);
    errors();
    shared_errors();
    wakes(PRIV, "private");
    wakes(0, "shared");
    bitsets();
    requeues();
    wake_ops();
    keys();
    times();
    signals();
    restart_block();
    waitvs();
    order();
    /* exits while others wait */
    pthread_create(&t, NULL, wait_forever, NULL);
    await_waiters(&word, PRIV, 1);
    return report_done();
}
