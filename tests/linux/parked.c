/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads that sleep for long in calls of different kinds and are woken all at once, again and again: what each call
 * returns then. A kernel may give up parts of such threads meanwhile.   parked THREADS WAVES
 */
#include "threads.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#define GROUP 50 /* threads that share a pipe */

enum kind { FUTEX, PIPE, EPOLL, SIGWAIT, NANOSLEEP, TIMED_POLL, MASKED_POLL, ABSOLUTE, KINDS };
static const char *const names[KINDS] = { "futex",     "pipe",       "epoll",       "sigtimedwait",
                                          "nanosleep", "timed poll", "masked poll", "absolute sleep" };

struct sleeper {
    pthread_t thread;
    int nr, pipe[2][2]; /* waves take turns: who is quick must not take what is another's */
    enum kind kind;
    volatile int waves; /* it was woken in so many */
} __attribute__((aligned(64)));

static struct sleeper *sleepers;
static int nr_sleepers, nr_waves, epoll_fd[2], event_fd[2];
static volatile int wave;        /* under way; a futex */
static volatile int64_t wave_at; /* when the next one is due, CLOCK_MONOTONIC ns */
static volatile int woken[KINDS];

static void on_signal(int sig)
{
}

static struct timespec ns_spec(int64_t ns)
{
    return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

/* Until wave w has begun; true when the call ended as it should. */
static int sleep_once(struct sleeper *s, int w)
{
    struct timespec t, rest;
    struct epoll_event ev;
    sigset_t set;
    siginfo_t info;
    uint64_t one;
    char c = 0;

    switch (s->kind) {
    case FUTEX:
        while (wave < w)
            syscall(SYS_futex, &wave, 128, w - 1, NULL, NULL, 0);
        return 1;
    case PIPE:
        return read(s->pipe[w & 1][0], &c, 1) == 1 && c == (char)w;
    case EPOLL:
        do
            if (epoll_wait(epoll_fd[w & 1], &ev, 1, -1) != 1 || ev.data.u64 != 42)
                return 0;
        while (read(event_fd[w & 1], &one, 8) != 8);
        return one == 1;
    case SIGWAIT:
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        return sigwaitinfo(&set, &info) == SIGUSR1 && info.si_value.sival_int == s->nr * 1000 + w;
    case NANOSLEEP:
        t = ns_spec(100000000000000);
        return nanosleep(&t, &rest) == -1 && errno == EINTR && rest.tv_sec > 90000;
    case TIMED_POLL:
        t = ns_spec(wave_at > now_ns(CLOCK_MONOTONIC) ? wave_at - now_ns(CLOCK_MONOTONIC) : 0);
        return ppoll(NULL, 0, &t, NULL) == 0;
    case MASKED_POLL:
        sigemptyset(&set);
        return ppoll(NULL, 0, NULL, &set) == -1 && errno == EINTR;
    default:
        t = ns_spec(wave_at);
        return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0;
    }
}

static void *sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (s->kind == MASKED_POLL)
        sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int w = 1; w <= nr_waves; w++) {
        if (sleep_once(s, w))
            __atomic_fetch_add(&woken[s->kind], 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&s->waves, w, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void wake_all(void)
{
    union sigval value;
    uint64_t nr = 0;
    char c = wave + 1;

    wave++;
    syscall(SYS_futex, &wave, 129, INT32_MAX, NULL, NULL, 0);
    for (int i = 0; i < nr_sleepers; i++)
        switch (sleepers[i].kind) {
        case PIPE:
            write(sleepers[i].pipe[wave & 1][1], &c, 1);
            break;
        case EPOLL:
            nr++;
            break;
        case SIGWAIT:
            value.sival_int = sleepers[i].nr * 1000 + wave;
            pthread_sigqueue(sleepers[i].thread, SIGUSR1, value);
            break;
        case MASKED_POLL:
            pthread_kill(sleepers[i].thread, SIGUSR2);
            break;
        default:
            break;
        }
    write(event_fd[wave & 1], &nr, 8);
}

/* Signals that came before nanosleep(2) began are sent again. */
static void await_all(void)
{
    for (int i = 0; i < nr_sleepers; i++)
        while (sleepers[i].waves < wave) {
            if (sleepers[i].kind == NANOSLEEP)
                pthread_kill(sleepers[i].thread, SIGUSR2);
            usleep(1000);
        }
}

int main(int argc, char **argv)
{
    struct sigaction sa = { .sa_handler = on_signal };
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 42 };
    struct rlimit files;
    pthread_attr_t attr;
    int failed = 0;

    nr_sleepers = atoi(argv[1]);
    nr_waves = atoi(argv[2]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sleepers = calloc(nr_sleepers, sizeof(*sleepers));
    sigaction(SIGUSR2, &sa, NULL);
    for (int i = 0; i < 2; i++) {
        epoll_fd[i] = epoll_create1(0);
        event_fd[i] = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
        epoll_ctl(epoll_fd[i], EPOLL_CTL_ADD, event_fd[i], &ev);
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 16384);
    wave_at = now_ns(CLOCK_MONOTONIC) + 2500000000;
    for (int i = 0; i < nr_sleepers; i++) {
        struct sleeper *s = &sleepers[i];

        s->nr = i;
        s->kind = i % KINDS;
        if (s->kind == PIPE && i / KINDS % GROUP)
            memcpy(s->pipe, sleepers[i - KINDS].pipe, sizeof(s->pipe));
        else if (s->kind == PIPE)
            pipe(s->pipe[0]), pipe(s->pipe[1]);
        if (pthread_create(&s->thread, &attr, sleeper_main, s))
            failed++;
    }
    printf("%d threads, %d failed\n", nr_sleepers, failed);
    if (failed)
        return 1;
    while (wave < nr_waves) {
        int64_t left = wave_at - now_ns(CLOCK_MONOTONIC);
        struct timespec t = ns_spec(left > 0 ? left : 0);

        nanosleep(&t, NULL);
        wave_at =
            now_ns(CLOCK_MONOTONIC) + (wave % 2 ? 2500000000 : 300000000); /* before anyone looks for it */
        wake_all();
        await_all();
    }
    for (int i = 0; i < nr_sleepers; i++)
        pthread_join(sleepers[i].thread, NULL);
    for (int k = 0; k < KINDS; k++)
        printf("%s: %d\n", names[k], woken[k]);
    return 0;
}
