/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll: level, edge, one-shot, exclusive, nesting, errors, what cannot be watched. */
#include "report.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int ep;
static struct epoll_event ev[8];

static int ctl(int op, int fd, unsigned events)
{
    struct epoll_event e = { .events = events, .data.u64 = 0x1234567800000000ull + fd };

    return epoll_ctl(ep, op, fd, &e);
}

static int wait_now(void)
{
    memset(ev, 0, sizeof(ev));
    return epoll_wait(ep, ev, 8, 0);
}

static void put(int fd, const char *s)
{
    MUST(write(fd, s, strlen(s)));
}

static void test_level(int *p)
{
    char buf[8];

    CHECK_EQ(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN), 0);
    CHECK_ERR(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN), EEXIST);
    CHECK_EQ(wait_now(), 0);
    put(p[1], "ab");
    CHECK_EQ(wait_now(), 1);
    CHECK(ev[0].events == EPOLLIN && ev[0].data.u64 == 0x1234567800000000ull + p[0]);
    CHECK_EQ(wait_now(), 1);
    MUST(read(p[0], buf, 1));
    CHECK_EQ(wait_now(), 1);
    MUST(read(p[0], buf, 1));
    CHECK_EQ(wait_now(), 0);
    CHECK_EQ(ctl(EPOLL_CTL_MOD, p[0], 0), 0);
    put(p[1], "c");
    CHECK_EQ(wait_now(), 0);
    CHECK_EQ(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN), 0);
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(ctl(EPOLL_CTL_DEL, p[0], 0), 0);
    CHECK_ERR(ctl(EPOLL_CTL_DEL, p[0], 0), ENOENT);
    CHECK_ERR(ctl(EPOLL_CTL_MOD, p[0], 0), ENOENT);
    MUST(read(p[0], buf, 1));
}

static void test_edge(int *p)
{
    char buf[8];

    CHECK_EQ(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET), 0);
    put(p[1], "ab");
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(wait_now(), 0);
    MUST(read(p[0], buf, 1));
    CHECK_EQ(wait_now(), 0);
    put(p[1], "c"); /* new data is a new edge, even before the old is drained */
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(wait_now(), 0);
    CHECK_EQ(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET), 0); /* arms again */
    CHECK_EQ(wait_now(), 1);
    MUST(read(p[0], buf, 8));
    CHECK_EQ(ctl(EPOLL_CTL_DEL, p[0], 0), 0);
}

static void test_oneshot(int *p)
{
    char buf[8];

    CHECK_EQ(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLONESHOT), 0);
    put(p[1], "a");
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(wait_now(), 0);
    put(p[1], "b");
    CHECK_EQ(wait_now(), 0);
    CHECK_EQ(ctl(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT), 0);
    CHECK_EQ(wait_now(), 1);
    MUST(read(p[0], buf, 8));
    CHECK_EQ(ctl(EPOLL_CTL_DEL, p[0], 0), 0);
}

static void test_errors(int *p)
{
    int file = MUST(open("/proc/self/exe", O_RDONLY)), other;
    struct epoll_event e = { .events = EPOLLIN };

    CHECK_ERR(ctl(EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
    CHECK_ERR(ctl(EPOLL_CTL_ADD, -1, EPOLLIN), EBADF);
    CHECK_ERR(ctl(EPOLL_CTL_ADD, 999, EPOLLIN), EBADF);
    CHECK_ERR(ctl(99, p[0], EPOLLIN), EINVAL);
    CHECK_ERR(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &e), EINVAL);
    CHECK_ERR(epoll_ctl(-1, EPOLL_CTL_ADD, p[1], &e), EBADF);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
    CHECK_ERR(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], (void *)8), EFAULT);
    CHECK_ERR(epoll_wait(ep, ev, 0, 0), EINVAL);
    CHECK_ERR(epoll_wait(ep, ev, -1, 0), EINVAL);
    CHECK_ERR(epoll_wait(p[0], ev, 8, 0), EINVAL);
    CHECK_ERR(epoll_wait(-1, ev, 8, 0), EBADF);
    CHECK_ERR(epoll_create1(64), EINVAL);
    CHECK_ERR(epoll_create(0), EINVAL);
    other = MUST(epoll_create1(EPOLL_CLOEXEC));
    CHECK_EQ(fcntl(other, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(read(other, ev, 8), EINVAL);
    /* a loop of epolls is refused */
    CHECK_EQ(ctl(EPOLL_CTL_ADD, other, EPOLLIN), 0);
    CHECK_ERR(epoll_ctl(other, EPOLL_CTL_ADD, ep, &e), ELOOP);
    close(other), close(file);
    put(p[1], "x");
    CHECK_EQ(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN), 0);
    CHECK_ERR(epoll_wait(ep, (void *)8, 8, 0), EFAULT);
    CHECK_EQ(wait_now(), 1); /* not lost */
    CHECK_EQ(ctl(EPOLL_CTL_DEL, p[0], 0), 0);
    char c;
    MUST(read(p[0], &c, 1));
}

static void test_many(void)
{
    int fds[20], n = 0, got, again = 0;
    uint64_t one = 1;

    for (int i = 0; i < 20; i++) {
        fds[i] = MUST(eventfd(0, EFD_NONBLOCK));
        MUST(ctl(EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET));
        MUST(write(fds[i], &one, 8));
    }
    while ((got = epoll_wait(ep, ev, 8, 0)) > 0)
        n += got, again++;
    CHECK_EQ(n, 20);
    CHECK_EQ(again, 3);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    CHECK_EQ(wait_now(), 0); /* closing removes */
}

static void test_nested(int *p)
{
    int outer = MUST(epoll_create1(0));
    struct epoll_event e = { .events = EPOLLIN };
    struct pollfd pf = { .fd = ep, .events = POLLIN };
    char c;

    MUST(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN));
    CHECK_EQ(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e), 0);
    CHECK_EQ(epoll_wait(outer, ev, 8, 0), 0);
    CHECK_EQ(poll(&pf, 1, 0), 0);
    put(p[1], "x");
    CHECK_EQ(poll(&pf, 1, 0), 1);
    CHECK_EQ(epoll_wait(outer, ev, 8, 0), 1);
    CHECK_EQ(wait_now(), 1);
    MUST(read(p[0], &c, 1));
    CHECK_EQ(epoll_wait(outer, ev, 8, 0), 0);
    MUST(ctl(EPOLL_CTL_DEL, p[0], 0));
    close(outer);
}

static void test_ends(void)
{
    int p[2], dupfd;

    MUST(pipe(p));
    MUST(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN));
    MUST(ctl(EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET));
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(ev[0].events, EPOLLOUT);
    close(p[1]);
    CHECK_EQ(wait_now(), 1);
    CHECK_EQ(ev[0].events, EPOLLHUP);
    /* a duplicate keeps the watched file open: events go on under the closed number */
    dupfd = MUST(dup(p[0]));
    close(p[0]);
    CHECK_EQ(wait_now(), 1);
    close(dupfd);
    CHECK_EQ(wait_now(), 0);
}

static void on_alarm(int sig)
{
}

static void test_waiting(int *p)
{
    long long start = now_ns(CLOCK_MONOTONIC);
    struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct itimerval it = { .it_value = { 0, 20000 } };
    struct timespec ts = { 0, 10000000 };
    sigset_t none;

    MUST(ctl(EPOLL_CTL_ADD, p[0], EPOLLIN));
    CHECK_EQ(epoll_wait(ep, ev, 8, 30), 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 29000000);
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    CHECK_ERR(epoll_wait(ep, ev, 8, -1), EINTR); /* never restarted */
    sigset_t alrm;
    sigemptyset(&alrm), sigaddset(&alrm, SIGALRM), sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &alrm, NULL);
    raise(SIGALRM);
    CHECK_EQ(epoll_wait(ep, ev, 8, 10), 0);
    CHECK_ERR(epoll_pwait(ep, ev, 8, -1, &none), EINTR);
    CHECK_EQ(syscall(441, ep, ev, 8, &ts, NULL, 8), 0); /* epoll_pwait2 */
    put(p[1], "x");
    CHECK_EQ(syscall(441, ep, ev, 8, NULL, NULL, 8), 1);
}

int main(void)
{
    int p[2];

    ep = MUST(epoll_create1(0));
    MUST(pipe(p));
    test_level(p);
    test_edge(p);
    test_oneshot(p);
    test_errors(p);
    test_many();
    test_nested(p);
    test_ends();
    test_waiting(p);
    return report_done();
}
