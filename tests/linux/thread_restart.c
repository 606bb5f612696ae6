/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking calls of one of several threads that a signal interrupts, with SA_RESTART and without; that the process's
 * stop and continuation interrupts; that an end of the wait ends.
 */
#include "threads.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>

static volatile int count;
static int fds[2], full[2], event_fd, epoll_fd, timer_fd, futex_word;
static sem_t sem;

static void on_count(int sig)
{
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

/* ---- the calls: each returns what it returned, and can be ended ---- */

static struct timespec long_time = { 1000, 0 };

static long call_read(void)
{
    char c;

    return read(fds[0], &c, 1);
}

static long call_write(void)
{
    return write(full[1], "x", 1);
}

static long call_poll(void)
{
    struct pollfd p = { fds[0], POLLIN, 0 };

    return poll(&p, 1, 1000000);
}

static long call_ppoll(void)
{
    struct pollfd p = { fds[0], POLLIN, 0 };

    return ppoll(&p, 1, &long_time, NULL);
}

static long call_select(void)
{
    fd_set r;

    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    return select(fds[0] + 1, &r, NULL, NULL, NULL);
}

static long call_epoll(void)
{
    struct epoll_event e;

    return epoll_wait(epoll_fd, &e, 1, -1);
}

static long call_nanosleep(void)
{
    struct timespec ts = { 0, 300000000 };

    return syscall(SYS_nanosleep, &ts, NULL);
}

static long call_sleep_until(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 300000000;
    if (ts.tv_nsec >= 1000000000)
        ts.tv_nsec -= 1000000000, ts.tv_sec++;
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* A wait that is restarted after the word has changed says so instead of being woken. */
static long woken(long n)
{
    if (n == -1 && errno == EAGAIN)
        n = errno = 0;
    return n;
}

static long call_futex(void)
{
    return woken(syscall(SYS_futex, &futex_word, 0, 0, NULL, NULL, 0));
}

static long call_futex_timed(void)
{
    return woken(syscall(SYS_futex, &futex_word, 0, 0, &long_time, NULL, 0));
}

static long call_futex_until(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += 1000;
    return woken(syscall(SYS_futex, &futex_word, 9, 0, &ts, NULL, -1));
}

static long call_sem(void)
{
    return sem_wait(&sem);
}

static long call_sigwait(void)
{
    sigset_t s = set_of(SIGUSR2, 0);
    siginfo_t si;

    return syscall(SYS_rt_sigtimedwait, &s, &si, &long_time, 8);
}

static long call_eventfd(void)
{
    uint64_t n;

    return read(event_fd, &n, sizeof(n));
}

static long call_timerfd(void)
{
    uint64_t n;

    return read(timer_fd, &n, sizeof(n));
}

static void end_read(int tid)
{
    write(fds[1], "x", 1);
}

static void end_write(int tid)
{
    static char buf[65536];

    read(full[0], buf, sizeof(buf));
}

static void end_nothing(int tid)
{
}

static void end_futex(int tid)
{
    __atomic_store_n(&futex_word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &futex_word, 1, 1, NULL, NULL, 0);
}

static void end_sem(int tid)
{
    sem_post(&sem);
}

static void end_sigwait(int tid)
{
    send_to(tid, SIGUSR2);
}

static void end_eventfd(int tid)
{
    uint64_t n = 1;

    write(event_fd, &n, sizeof(n));
}

static void end_timerfd(int tid)
{
    struct itimerspec its = { .it_value.tv_nsec = 1 };

    timerfd_settime(timer_fd, 0, &its, NULL);
}

static const struct call {
    const char *name;
    long (*fn)(void);
    void (*end)(int tid);
} calls[] = {
    { "read", call_read, end_read },
    { "write", call_write, end_write },
    { "poll", call_poll, end_read },
    { "ppoll", call_ppoll, end_read },
    { "select", call_select, end_read },
    { "epoll_wait", call_epoll, end_read },
    { "nanosleep", call_nanosleep, end_nothing },
    { "clock_nanosleep", call_sleep_until, end_nothing },
    { "futex", call_futex, end_futex },
    { "futex with a time-out", call_futex_timed, end_futex },
    { "futex until", call_futex_until, end_futex },
    { "sem_wait", call_sem, end_sem },
    { "sigtimedwait", call_sigwait, end_sigwait },
    { "eventfd", call_eventfd, end_eventfd },
    { "timerfd", call_timerfd, end_timerfd },
};

static void set_up(void)
{
    struct epoll_event e = { .events = EPOLLIN };

    MUST(pipe(fds));
    MUST(pipe(full));
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], calls, 1) == 1)
        ;
    fcntl(full[1], F_SETFL, 0);
    event_fd = MUST(eventfd(0, 0));
    timer_fd = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
    epoll_fd = MUST(epoll_create1(0));
    MUST(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[0], &e));
    sem_init(&sem, 0, 0);
    futex_word = 0;
}

static void tear_down(void)
{
    close(fds[0]), close(fds[1]), close(full[0]), close(full[1]);
    close(event_fd), close(timer_fd), close(epoll_fd);
    sem_destroy(&sem);
}

static void *do_call(struct worker *w)
{
    const struct call *c = w->arg;

    errno = 0;
    w->result = c->fn();
    w->error = w->result < 0 ? errno : 0;
    return NULL;
}

static void *idle_around(struct worker *w)
{
    block(SIGUSR1, 0);
    for (;;)
        pause();
    return NULL;
}

/* What the call says; interrupt does it while it sleeps. */
static void with_each(const char *how, void (*interrupt)(int tid))
{
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct worker w;

        set_up();
        count = 0;
        spawn(&w, do_call, (void *)&calls[i]);
        wait_asleep(w.tid);
        interrupt(w.tid);
        usleep(2000);
        wait_asleep(w.tid); /* again, or it has ended */
        calls[i].end(w.tid);
        join(&w);
        note("%s, %s: %ld, %s, handled %d", calls[i].name, how, w.result,
             w.error ? strerror(w.error) : "no error", count);
        tear_down();
    }
}

static void one_signal(int tid)
{
    send_to(tid, SIGUSR1);
    wait_for(&count, 1);
}

/* Stops everybody; a timer's signal makes them go on. */
static void stop_and_go(int tid)
{
    struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };
    struct itimerspec its = { .it_value.tv_nsec = 20000000 };
    timer_t t;

    MUST(timer_create(CLOCK_MONOTONIC, &ev, &t));
    MUST(timer_settime(t, 0, &its, NULL));
    kill(getpid(), SIGSTOP);
    timer_delete(t);
}

int main(void)
{
    static struct worker idle;

    spawn(&idle, idle_around, NULL);
    block(SIGUSR2, 0);
    handle(SIGUSR1, on_count, SA_RESTART);
    with_each("SA_RESTART", one_signal);
    handle(SIGUSR1, on_count, 0);
    with_each("interrupted", one_signal);
    with_each("stopped", stop_and_go);
    return report_done();
}
