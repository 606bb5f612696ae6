/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfd, timerfd, signalfd: values, blocking, readiness. */
#include "report.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int revents(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

    poll(&p, 1, 0);
    return p.revents;
}

static void test_eventfd(void)
{
    int fd = MUST(eventfd(3, EFD_NONBLOCK));
    uint64_t v = 0;

    CHECK_EQ(revents(fd), POLLIN | POLLOUT);
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_EQ(v, 3);
    CHECK_ERR(read(fd, &v, 8), EAGAIN);
    CHECK_EQ(revents(fd), POLLOUT);
    CHECK_ERR(read(fd, &v, 7), EINVAL);
    CHECK_ERR(write(fd, &v, 7), EINVAL);
    v = 5;
    CHECK_EQ(write(fd, &v, 8), 8);
    CHECK_EQ(write(fd, &v, 8), 8);
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_EQ(v, 10);
    v = ~0ull;
    CHECK_ERR(write(fd, &v, 8), EINVAL);
    v = ~0ull - 1;
    CHECK_EQ(write(fd, &v, 8), 8);
    CHECK_EQ(revents(fd), POLLIN);
    v = 1;
    CHECK_ERR(write(fd, &v, 8), EAGAIN);
    CHECK_EQ(read(fd, &v, 8), 8);
    CHECK_EQ(v, ~0ull - 1);
    close(fd);
    fd = MUST(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK(read(fd, &v, 8) == 8 && v == 1);
    CHECK(read(fd, &v, 8) == 8 && v == 1);
    CHECK_ERR(read(fd, &v, 8), EAGAIN);
    close(fd);
    CHECK_ERR(eventfd(0, 64), EINVAL);
    char path[64], link[64] = "";
    fd = MUST(eventfd(7, 0));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK(readlink(path, link, 63) > 0 && !strcmp(link, "anon_inode:[eventfd]"));
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    CHECK(strstr(get_file(path), "eventfd-count:                7\n"));
    close(fd);
}

static void test_timerfd(void)
{
    int fd = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec t = { .it_value = { 0, 20000000 } }, old;
    uint64_t n;
    long long start = now_ns(CLOCK_MONOTONIC);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    CHECK_ERR(read(fd, &n, 8), EAGAIN);
    CHECK_EQ(timerfd_gettime(fd, &old), 0);
    CHECK(!old.it_value.tv_sec && !old.it_value.tv_nsec);
    CHECK_EQ(timerfd_settime(fd, 0, &t, NULL), 0);
    CHECK_EQ(revents(fd), 0);
    timerfd_gettime(fd, &old);
    CHECK(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 20000000 && !old.it_interval.tv_nsec);
    CHECK_EQ(poll(&p, 1, 5000), 1);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20000000);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 1);
    CHECK_ERR(read(fd, &n, 8), EAGAIN);
    timerfd_gettime(fd, &old);
    CHECK(!old.it_value.tv_sec && !old.it_value.tv_nsec);
    /* periodic: expirations add up */
    t = (struct itimerspec){ .it_interval = { 0, 5000000 }, .it_value = { 0, 5000000 } };
    CHECK_EQ(timerfd_settime(fd, 0, &t, NULL), 0);
    struct timespec nap = { 0, 42000000 };
    nanosleep(&nap, NULL);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK(n >= 8);
    t = (struct itimerspec){ 0 };
    CHECK_EQ(timerfd_settime(fd, 0, &t, &old), 0);
    CHECK_EQ(old.it_interval.tv_nsec, 5000000);
    CHECK_ERR(read(fd, &n, 8), EAGAIN);
    /* absolute, in the past: at once */
    t.it_value.tv_nsec = 1;
    CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL), 0);
    CHECK_EQ(poll(&p, 1, 1000), 1);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 1);
    CHECK_ERR(read(fd, &n, 4), EINVAL);
    CHECK_ERR(write(fd, &n, 8), EINVAL);
    t.it_value.tv_nsec = 1000000000;
    CHECK_ERR(timerfd_settime(fd, 0, &t, NULL), EINVAL);
    t.it_value.tv_nsec = 1;
    CHECK_ERR(timerfd_settime(fd, 64, &t, NULL), EINVAL);
    CHECK_ERR(timerfd_settime(0, 0, &t, NULL), EINVAL);
    CHECK_ERR(timerfd_create(99, 0), EINVAL);
    CHECK_ERR(timerfd_create(CLOCK_REALTIME, 64), EINVAL);
    close(fd);
    fd = MUST(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC));
    t.it_value = (struct timespec){ 0, 1000000 };
    CHECK_EQ(timerfd_settime(fd, 0, &t, NULL), 0);
    CHECK_EQ(read(fd, &n, 8), 8); /* blocks until it fires */
    CHECK_EQ(n, 1);
    close(fd);
    CHECK_EQ(close(timerfd_create(CLOCK_BOOTTIME, 0)), 0);
}

static void test_signalfd(void)
{
    sigset_t set;
    int fd;
    struct signalfd_siginfo si[2];

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = MUST(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
    CHECK_EQ(revents(fd), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 42 });
    CHECK_EQ(revents(fd), POLLIN);
    CHECK_EQ(read(fd, si, sizeof(si)), 256);
    CHECK_EQ(si[0].ssi_signo, SIGUSR1);
    CHECK_EQ(si[0].ssi_code, SI_TKILL);
    CHECK(si[0].ssi_pid == (unsigned)getpid() && si[0].ssi_uid == getuid());
    CHECK_EQ(si[1].ssi_signo, SIGRTMIN);
    CHECK_EQ(si[1].ssi_code, SI_QUEUE);
    CHECK_EQ(si[1].ssi_int, 42);
    CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
    CHECK_ERR(read(fd, si, 100), EINVAL);
    sigdelset(&set, SIGUSR1);
    CHECK_EQ(signalfd(fd, &set, 0), fd);
    raise(SIGUSR1);
    CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
    signal(SIGUSR1, SIG_IGN);
    CHECK_ERR(signalfd(0, &set, 0), EINVAL);
    CHECK_ERR(signalfd(-1, &set, 64), EINVAL);
    CHECK_ERR(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
    close(fd);
}

int main(void)
{
    test_eventfd();
    test_timerfd();
    test_signalfd();
    return report_done();
}
