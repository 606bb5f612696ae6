/* SPDX-License-Identifier: BSD-2-Clause */
/* threads.h: what programs with several threads share. */
#pragma once
#include "report.h"
#include <pthread.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static UNUSED int my_tid(void)
{
    return syscall(SYS_gettid);
}

static UNUSED int send_to(int tid, int sig)
{
    return syscall(SYS_tgkill, getpid(), tid, sig);
}

/* A thread of ours: its number is known once it runs. */
struct worker {
    pthread_t thread;
    int tid; /* 0: not yet */
    void *(*fn)(struct worker *);
    void *arg;
    long result;
    int error;
};

static UNUSED void *worker_main(void *p)
{
    struct worker *w = p;

    __atomic_store_n(&w->tid, my_tid(), __ATOMIC_SEQ_CST);
    return w->fn(w);
}

static UNUSED void spawn(struct worker *w, void *(*fn)(struct worker *), void *arg)
{
    memset(w, 0, sizeof(*w));
    w->fn = fn;
    w->arg = arg;
    int err = pthread_create(&w->thread, NULL, worker_main, w);
    if (err) {
        errno = err;
        report(0, "pthread_create");
        exit(1);
    }
    while (!__atomic_load_n(&w->tid, __ATOMIC_SEQ_CST)) /* sleeping: it may be of lower priority */
        usleep(20);
}

static UNUSED void *join(struct worker *w)
{
    void *ret = NULL;

    CHECK_QUIET(pthread_join(w->thread, &ret) == 0);
    return ret;
}

/* The letter of /proc/self/task/TID/stat; 0: no such thread */
static UNUSED char thread_state(int tid)
{
    char path[64], text[512], *end;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    end = strrchr(text, ')');
    return end ? end[2] : 0;
}

/* Until the thread sleeps in a call. */
static UNUSED void wait_asleep(int tid)
{
    char c;

    while ((c = thread_state(tid)) && c != 'S')
        usleep(200);
}

/* Until its number is free. */
static UNUSED void wait_gone(int tid)
{
    while (!send_to(tid, 0))
        usleep(200);
}

static UNUSED void wait_for(volatile int *n, int value)
{
    while (__atomic_load_n(n, __ATOMIC_SEQ_CST) < value)
        sched_yield();
}

static UNUSED sigset_t set_of(int a, int b)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, a);
    if (b)
        sigaddset(&s, b);
    return s;
}

static UNUSED void block(int a, int b)
{
    sigset_t s = set_of(a, b);

    pthread_sigmask(SIG_BLOCK, &s, NULL);
}

static UNUSED void unblock(int a, int b)
{
    sigset_t s = set_of(a, b);

    pthread_sigmask(SIG_UNBLOCK, &s, NULL);
}

static UNUSED void handle(int sig, void (*fn)(int), int flags)
{
    struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

    MUST(sigaction(sig, &sa, NULL));
}

static UNUSED void handle_info(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction sa = { .sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO };

    MUST(sigaction(sig, &sa, NULL));
}
