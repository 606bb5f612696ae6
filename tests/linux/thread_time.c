/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks and timers with several threads: CPU time, sleeping on every clock, timers' threads, overruns. */
#include "threads.h"
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/times.h>

#define MS 1000000ll

static volatile int go, count, taker;
static volatile siginfo_t got;

static void on_info(int sig, siginfo_t *si, void *ctx)
{
    got = *si;
    taker = my_tid();
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static void burn(long long ns)
{
    long long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

static void *burn_on(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        for (volatile int i = 0; i < 10000; i++)
            ;
    return NULL;
}

static void *loiter(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        usleep(500);
    return NULL;
}

#define THREAD_CLOCK(tid, kind)  ((clockid_t)(~(unsigned)(tid) << 3 | 4 | (kind)))
#define PROCESS_CLOCK(pid, kind) ((clockid_t)(~(unsigned)(pid) << 3 | (kind)))

static int raw_gettime(clockid_t id)
{
    struct timespec ts;

    return syscall(SYS_clock_gettime, id, &ts);
}

static long res_ns(clockid_t id)
{
    struct timespec ts = { -1, -1 };

    return syscall(SYS_clock_getres, id, &ts) ? -errno : ts.tv_sec * 1000000000l + ts.tv_nsec;
}

/* ---- clocks ---- */

static void test_cpu_clocks(void)
{
    struct worker w;
    clockid_t c;
    struct timespec ts = { 1, 0 };

    go = 0;
    long long mine = now_ns(CLOCK_THREAD_CPUTIME_ID), all = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    spawn(&w, burn_on, NULL);
    CHECK_EQ(pthread_getcpuclockid(w.thread, &c), 0);
    CHECK(c == THREAD_CLOCK(w.tid, 2));
    while (now_ns(c) < 30 * MS)
        usleep(2000);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - all >= 30 * MS);
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) >= mine);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) >= now_ns(CLOCK_THREAD_CPUTIME_ID) + 30 * MS);
    go = 1;
    join(&w);
    wait_gone(w.tid);
    CHECK_ERR(raw_gettime(c), EINVAL);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - all >= 30 * MS); /* what it used stays the process's */
    CHECK_EQ(clock_getcpuclockid(0, &c), 0);
    CHECK(now_ns(c) - all >= 30 * MS);
    CHECK_EQ(raw_gettime(PROCESS_CLOCK(getpid(), 2)), 0);
    CHECK_EQ(raw_gettime(PROCESS_CLOCK(getpid(), 1)), 0);
    CHECK_EQ(raw_gettime(PROCESS_CLOCK(getpid(), 0)), 0);
    CHECK_EQ(raw_gettime(THREAD_CLOCK(0, 2)), 0);
    CHECK_ERR(raw_gettime(PROCESS_CLOCK(4194303, 2)), EINVAL);
    CHECK_ERR(raw_gettime(THREAD_CLOCK(4194303, 2)), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &ts), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_THREAD_CPUTIME_ID, &ts), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, THREAD_CLOCK(0, 2), &ts), EPERM);
    CHECK_ERR(syscall(SYS_clock_settime, PROCESS_CLOCK(4194303, 2), &ts), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_BOOTTIME, &ts), EINVAL);
    CHECK_ERR(syscall(SYS_clock_settime, CLOCK_TAI, &ts), EINVAL);
}

static void *read_process_clock(struct worker *w)
{
    w->result = raw_gettime(PROCESS_CLOCK(my_tid(), 2)) == 0; /* its own number will do */
    return NULL;
}

static void test_resolution(void)
{
    struct worker w;

    CHECK_EQ(res_ns(CLOCK_REALTIME), 1);
    CHECK_EQ(res_ns(CLOCK_MONOTONIC), 1);
    CHECK_EQ(res_ns(CLOCK_MONOTONIC_RAW), 1);
    CHECK_EQ(res_ns(CLOCK_BOOTTIME), 1);
    CHECK_EQ(res_ns(CLOCK_TAI), 1);
    CHECK_EQ(res_ns(CLOCK_PROCESS_CPUTIME_ID), 1);
    CHECK_EQ(res_ns(CLOCK_THREAD_CPUTIME_ID), 1);
    CHECK(res_ns(CLOCK_MONOTONIC_COARSE) > 1 &&
          res_ns(CLOCK_REALTIME_COARSE) == res_ns(CLOCK_MONOTONIC_COARSE));
    CHECK(res_ns(PROCESS_CLOCK(0, 0)) == res_ns(CLOCK_MONOTONIC_COARSE));
    CHECK_EQ(res_ns(PROCESS_CLOCK(0, 2)), 1);
    CHECK_EQ(res_ns(PROCESS_CLOCK(4194303, 2)), -EINVAL);
    CHECK_EQ(res_ns(12), -EINVAL);
    spawn(&w, read_process_clock, NULL);
    join(&w);
    CHECK_EQ(w.result, 1);
    long long coarse = now_ns(CLOCK_MONOTONIC_COARSE), fine = now_ns(CLOCK_MONOTONIC),
              raw = now_ns(CLOCK_MONOTONIC_RAW);
    CHECK(coarse <= fine && raw > 0);
    long long real = now_ns(CLOCK_REALTIME), tai = now_ns(CLOCK_TAI), boot = now_ns(CLOCK_BOOTTIME);
    CHECK(tai >= real && boot >= fine);
}

/* ---- sleeping ---- */

static int sleep_until(clockid_t id, int flags, long long ns, struct timespec *rem)
{
    struct timespec ts = { ns / 1000000000, ns % 1000000000 };

    return syscall(SYS_clock_nanosleep, id, flags, &ts, rem) ? errno : 0;
}

static void test_sleep(void)
{
    static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
    struct worker w;
    struct timespec bad = { 0, 1000000000 };
    clockid_t c;

    for (int i = 0; i < 4; i++) {
        long long end = now_ns(clocks[i]) + 5 * MS;

        CHECK_QUIET(sleep_until(clocks[i], TIMER_ABSTIME, end, NULL) == 0);
        report(now_ns(clocks[i]) >= end, "absolute sleep on clock %d", clocks[i]);
        end = now_ns(clocks[i]) + 5 * MS;
        CHECK_QUIET(sleep_until(clocks[i], 0, 5 * MS, NULL) == 0);
        report(now_ns(clocks[i]) >= end, "relative sleep on clock %d", clocks[i]);
        CHECK_EQ(sleep_until(clocks[i], TIMER_ABSTIME, 1, NULL), 0);
    }
    CHECK_EQ(sleep_until(CLOCK_THREAD_CPUTIME_ID, 0, 1, NULL), EOPNOTSUPP);
    CHECK_EQ(sleep_until(CLOCK_MONOTONIC_RAW, 0, 1, NULL), EOPNOTSUPP);
    CHECK_EQ(sleep_until(CLOCK_MONOTONIC_COARSE, 0, 1, NULL), EOPNOTSUPP);
    CHECK_EQ(sleep_until(THREAD_CLOCK(0, 2), 0, 1, NULL), EINVAL);
    CHECK_EQ(sleep_until(THREAD_CLOCK(my_tid(), 2), 0, 1, NULL), EINVAL);
    CHECK_EQ(sleep_until(THREAD_CLOCK(4194303, 2), 0, 1, NULL), EINVAL);
    CHECK_EQ(sleep_until(12, 0, 1, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, NULL, NULL), EFAULT);
    go = 0;
    spawn(&w, burn_on, NULL);
    pthread_getcpuclockid(w.thread, &c);
    long long end = now_ns(c) + 20 * MS;
    CHECK_EQ(sleep_until(c, TIMER_ABSTIME, end, NULL), 0);
    CHECK(now_ns(c) >= end);
    end = now_ns(c) + 20 * MS;
    CHECK_EQ(sleep_until(c, 0, 20 * MS, NULL), 0);
    CHECK(now_ns(c) >= end);
    end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + 20 * MS;
    CHECK_EQ(sleep_until(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, end, NULL), 0);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) >= end);
    CHECK_EQ(sleep_until(CLOCK_PROCESS_CPUTIME_ID, 0, 20 * MS, NULL), 0);
    go = 1;
    join(&w);
}

/* ---- timers ---- */

static timer_t make_timer(clockid_t clock, int notify, int sig, int tid, int value)
{
    struct sigevent ev = { .sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_int = value };
    timer_t t = 0;

    ((int *)&ev)[4] = tid; /* sigev_notify_thread_id */
    MUST(timer_create(clock, &ev, &t));
    return t;
}

static void set_timer(timer_t t, long long first, long long then)
{
    struct itimerspec its = { { then / 1000000000, then % 1000000000 },
                              { first / 1000000000, first % 1000000000 } };

    MUST(timer_settime(t, 0, &its, NULL));
}

static void test_thread_timers(void)
{
    struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
    struct worker w;
    timer_t t;

    handle_info(SIGUSR1, on_info, SA_RESTART);
    go = count = 0;
    spawn(&w, loiter, NULL);
    t = make_timer(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, w.tid, 77);
    set_timer(t, 3 * MS, 0);
    wait_for(&count, 1);
    CHECK(taker == w.tid && got.si_code == SI_TIMER && got.si_value.sival_int == 77);
    set_timer(t, 1 * MS, 1 * MS);
    wait_for(&count, 11);
    CHECK(taker == w.tid);
    timer_delete(t);
    t = make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0, 1);
    count = 0;
    set_timer(t, 1 * MS, 0);
    wait_for(&count, 1);
    timer_delete(t);
    ((int *)&ev)[4] = 4194303;
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, &ev, &t), EINVAL);
    ((int *)&ev)[4] = w.tid;
    ev.sigev_signo = 65;
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, &ev, &t), EINVAL);
    t = make_timer(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, w.tid, 77);
    go = 1;
    join(&w);
    wait_gone(w.tid);
    count = 0;
    set_timer(t, 1 * MS, 1 * MS); /* nobody is there to get it */
    usleep(5000);
    CHECK_EQ(count, 0);
    CHECK_EQ(timer_delete(t), 0);
}

static volatile int notified, notified_value;

static void on_notify(union sigval v)
{
    notified_value = v.sival_int;
    __atomic_add_fetch(&notified, 1, __ATOMIC_SEQ_CST);
}

static void test_sigev_thread(void)
{
    struct sigevent ev = { .sigev_notify = SIGEV_THREAD,
                           .sigev_notify_function = on_notify,
                           .sigev_value.sival_int = 5 };
    timer_t t;

    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
    set_timer(t, 1 * MS, 1 * MS);
    wait_for(&notified, 3);
    CHECK_EQ(notified_value, 5);
    CHECK_EQ(timer_delete(t), 0);
}

static void test_cpu_timers(void)
{
    struct worker w;
    timer_t t;
    clockid_t c;

    go = count = 0;
    spawn(&w, burn_on, NULL);
    pthread_getcpuclockid(w.thread, &c);
    t = make_timer(c, SIGEV_THREAD_ID, SIGUSR1, my_tid(), 3); /* one thread's time, another's signal */
    long long end = now_ns(c) + 10 * MS;
    set_timer(t, 10 * MS, 0);
    while (!count)
        usleep(1000);
    CHECK(now_ns(c) >= end && taker == my_tid());
    timer_delete(t);
    count = 0;
    t = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0, 4);
    set_timer(t, 5 * MS, 5 * MS);
    while (count < 3)
        usleep(1000);
    CHECK(got.si_value.sival_int == 4);
    timer_delete(t);
    block(SIGPROF, 0); /* here: the one that computes gets it */
    count = 0;
    handle_info(SIGPROF, on_info, SA_RESTART);
    go = 1;
    join(&w);
    unblock(SIGPROF, 0);
    go = 0;
    spawn(&w, burn_on, NULL);
    block(SIGPROF, 0);
    struct itimerval itv = { { 0, 5000 }, { 0, 5000 } };
    CHECK_EQ(setitimer(ITIMER_PROF, &itv, NULL), 0);
    while (count < 3)
        usleep(1000);
    CHECK(taker == w.tid && got.si_code == SI_KERNEL);
    memset(&itv, 0, sizeof(itv));
    setitimer(ITIMER_PROF, &itv, NULL);
    go = 1;
    join(&w);
    unblock(SIGPROF, 0);
}

static void test_overrun(void)
{
    sigset_t s = set_of(SIGRTMIN, 0);
    struct timespec zero = { 0 };
    siginfo_t si;
    timer_t t;

    block(SIGRTMIN, 0);
    t = make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0, 9);
    set_timer(t, 1 * MS, 1 * MS);
    usleep(20000);
    CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN);
    CHECK(si.si_overrun >= 5 && si.si_overrun == timer_getoverrun(t));
    set_timer(t, 0, 0);
    while (sigtimedwait(&s, &si, &zero) > 0)
        ;
    CHECK_EQ(timer_delete(t), 0);
    CHECK_ERR(timer_getoverrun((timer_t)12345), EINVAL);
    unblock(SIGRTMIN, 0);
}

static void *read_timer(struct worker *w)
{
    uint64_t n = 0;

    if (read(*(int *)w->arg, &n, sizeof(n)) == sizeof(n))
        w->result = n;
    return NULL;
}

static void test_timerfd(void)
{
    struct worker a, b;
    int fd = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec its = { { 0, 2 * MS }, { 0, 2 * MS } };

    spawn(&a, read_timer, &fd);
    spawn(&b, read_timer, &fd);
    wait_asleep(a.tid), wait_asleep(b.tid);
    CHECK_EQ(timerfd_settime(fd, 0, &its, NULL), 0);
    join(&a), join(&b);
    CHECK(a.result >= 1 && b.result >= 1);
    close(fd);
}

static void *sleep_real(struct worker *w)
{
    w->result =
        sleep_until(CLOCK_REALTIME, TIMER_ABSTIME, now_ns(CLOCK_REALTIME) + 1000000000000ll, NULL) + 1;
    return NULL;
}

/* Only where the clock may be set: a thread that sleeps until some time wakes when the clock is set past it. */
static int clock_set(void)
{
    struct worker w;
    long long ns = now_ns(CLOCK_REALTIME) + 2000000000000ll;
    struct timespec ts = { ns / 1000000000, ns % 1000000000 };

    spawn(&w, sleep_real, NULL);
    wait_asleep(w.tid);
    CHECK_EQ(clock_settime(CLOCK_REALTIME, &ts), 0);
    join(&w);
    CHECK_EQ(w.result, 1);
    return report_done();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return clock_set();
    test_cpu_clocks();
    test_resolution();
    test_sleep();
    test_thread_timers();
    test_sigev_thread();
    test_cpu_timers();
    test_overrun();
    test_timerfd();
    return report_done();
}
