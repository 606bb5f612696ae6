/* SPDX-License-Identifier: BSD-2-Clause */
/* poll, ppoll, select, pselect. */
#include "report.h"
#include <poll.h>
#include <sys/select.h>

static int alarms;

static void on_alarm(int sig)
{
    alarms++;
}

static void test_poll(int *p)
{
    struct pollfd f[4] = {
        { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 }, { -1, POLLIN, 99 }, { 900, POLLIN, 0 }
    };
    char c;
    long long start;

    CHECK_EQ(poll(f, 3, 0), 1);
    CHECK(f[0].revents == 0 && f[1].revents == POLLOUT && f[2].revents == 0);
    CHECK_EQ(poll(f, 4, -1), 2);
    CHECK_EQ(f[3].revents, POLLNVAL);
    MUST(write(p[1], "x", 1));
    CHECK_EQ(poll(f, 1, -1), 1);
    CHECK_EQ(f[0].revents, POLLIN);
    f[0].events = POLLIN | POLLRDNORM | POLLOUT | POLLPRI;
    CHECK_EQ(poll(f, 1, 0), 1);
    CHECK_EQ(f[0].revents, POLLIN | POLLRDNORM);
    MUST(read(p[0], &c, 1));
    start = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(poll(f, 1, 20), 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 19000000);
    CHECK_EQ(poll(NULL, 0, 1), 0);
    CHECK_ERR(poll((void *)16, 1, 0), EFAULT);
    CHECK_ERR(poll(f, 100000000, 0), EINVAL);
    int file = MUST(open("/proc/self/exe", O_RDONLY));
    f[0] = (struct pollfd){ file, POLLIN | POLLOUT, 0 };
    CHECK_EQ(poll(f, 1, 0), 1);
    CHECK_EQ(f[0].revents, POLLIN | POLLOUT); /* a file is always ready */
    close(file);
}

static void test_ppoll(int *p)
{
    struct pollfd f = { p[0], POLLIN, 0 };
    struct timespec ts = { 0, 10000000 };
    struct sigaction sa = { .sa_handler = on_alarm };
    sigset_t block, none;

    sigaction(SIGALRM, &sa, NULL);
    sigemptyset(&none), sigemptyset(&block), sigaddset(&block, SIGALRM);
    CHECK_EQ(ppoll(&f, 1, &ts, NULL), 0);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGALRM);
    CHECK_EQ(ppoll(&f, 1, &ts, &block), 0);
    CHECK_EQ(alarms, 0);
    CHECK_ERR(ppoll(&f, 1, NULL, &none), EINTR);
    CHECK_EQ(alarms, 1);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGALRM));
    ts.tv_nsec = -1;
    CHECK_ERR(ppoll(&f, 1, &ts, NULL), EINVAL);
    ts = (struct timespec){ 0, 5000000 };
    CHECK_ERR(syscall(SYS_ppoll, &f, 1, &ts, &none, 4), EINVAL);
    CHECK_EQ(syscall(SYS_ppoll, &f, 1, &ts, NULL, 8), 0);
    CHECK(ts.tv_sec == 0 && ts.tv_nsec == 0); /* the kernel writes what is left */
    sigprocmask(SIG_UNBLOCK, &block, NULL);
}

static void test_select(int *p)
{
    fd_set r, w, e;
    struct timeval tv = { 0, 10000 };
    char c;

    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    FD_SET(p[0], &r);
    FD_SET(p[1], &w);
    FD_SET(p[0], &e);
    CHECK_EQ(select(p[1] + 1, &r, &w, &e, NULL), 1);
    CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w) && !FD_ISSET(p[0], &e));
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    CHECK_EQ(select(p[0] + 1, &r, NULL, NULL, &tv), 0);
    CHECK(!FD_ISSET(p[0], &r) && tv.tv_sec == 0 && tv.tv_usec == 0);
    MUST(write(p[1], "x", 1));
    FD_SET(p[0], &r);
    FD_SET(p[1], &w);
    tv.tv_sec = 5;
    CHECK_EQ(select(p[1] + 1, &r, &w, NULL, &tv), 2);
    CHECK(tv.tv_sec >= 4);
    FD_SET(p[0], &r);
    tv = (struct timeval){ 0, 0 };
    CHECK_EQ(select(p[0], &r, NULL, NULL, &tv), 0); /* below nfds only */
    MUST(read(p[0], &c, 1));
    FD_ZERO(&r);
    FD_SET(50, &r);
    tv = (struct timeval){ 0, 0 };
    CHECK_ERR(select(51, &r, NULL, NULL, &tv), EBADF);
    CHECK_ERR(select(-1, NULL, NULL, NULL, &tv), EINVAL);
    tv.tv_sec = -1;
    CHECK_ERR(select(0, NULL, NULL, NULL, &tv), EINVAL);
    long long start = now_ns(CLOCK_MONOTONIC);
    tv = (struct timeval){ 0, 2000 };
    CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 2000000);
    close(p[1]);
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    CHECK_EQ(select(p[0] + 1, &r, NULL, NULL, NULL), 1); /* end of file is readable */
    CHECK_ERR(select(5, (void *)16, NULL, NULL, NULL), EFAULT);
}

static void test_pselect(void)
{
    sigset_t block, none;
    struct timespec ts = { 0, 1000000 };

    sigemptyset(&none), sigemptyset(&block), sigaddset(&block, SIGALRM);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGALRM);
    CHECK_EQ(pselect(0, NULL, NULL, NULL, &ts, NULL), 0);
    alarms = 0;
    CHECK_ERR(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    CHECK_EQ(alarms, 1);
    ts.tv_nsec = 1000000000;
    CHECK_ERR(pselect(0, NULL, NULL, NULL, &ts, NULL), EINVAL);
}

int main(void)
{
    int p[2];

    MUST(pipe(p));
    test_poll(p);
    test_ppoll(p);
    test_select(p);
    test_pselect();
    return report_done();
}
