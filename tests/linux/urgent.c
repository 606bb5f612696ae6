/* SPDX-License-Identifier: BSD-2-Clause */
/* Urgent data: on local streams (MSG_OOB, SIOCATMARK, SO_OOBINLINE, EPOLLPRI), and SIGURG on these and on TCP. */
#include "report.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static volatile sig_atomic_t signals;
static void on_urgent(int sig)
{
    signals++;
}

/* What recv(2) gives, in words. */
static void show(const char *what, int fd, size_t len, int flags)
{
    char buf[64] = "";
    ssize_t n = recv(fd, buf, len, flags | MSG_DONTWAIT);
    int e = errno;

    if (n < 0)
        note("ok %s: errno %d", what, e);
    else
        note("ok %s: %d '%.*s'", what, (int)n, (int)n, buf);
}

static void state(const char *what, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };
    int mark = -1, n = poll(&p, 1, 0);

    MUST(ioctl(fd, SIOCATMARK, &mark));
    note("ok %s: poll %d bits %x, at the mark %d", what, n, p.revents, mark);
}

static void pair(int fd[2])
{
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
}

static void both(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static void inline_(int fd)
{
    int on = 1;

    MUST(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)));
}

static void test_simple(void)
{
    int fd[2];

    pair(fd);
    state("nothing", fd[1]);
    show("urgent, nothing there", fd[1], 1, MSG_OOB);
    CHECK_ERR(send(fd[0], "", 0, MSG_OOB), EOPNOTSUPP);
    CHECK_EQ(send(fd[0], "abc", 3, MSG_OOB), 3);
    state("ab, then urgent c", fd[1]);
    show("peek urgent", fd[1], 1, MSG_OOB | MSG_PEEK);
    show("peek", fd[1], 10, MSG_PEEK);
    show("read", fd[1], 10, 0);
    state("at it", fd[1]);
    show("urgent", fd[1], 1, MSG_OOB);
    show("urgent again", fd[1], 1, MSG_OOB);
    state("after it", fd[1]);
    show("read", fd[1], 10, 0);
    state("the mark is gone", fd[1]);
    both(fd);

    pair(fd);
    CHECK_EQ(send(fd[0], "x", 1, MSG_OOB), 1);
    CHECK_EQ(send(fd[0], "yz", 2, 0), 2);
    state("urgent x, then yz", fd[1]);
    show("peek passes over it", fd[1], 10, MSG_PEEK);
    show("reading throws it away", fd[1], 10, 0);
    show("urgent", fd[1], 1, MSG_OOB);
    state("empty", fd[1]);
    both(fd);
}

static void test_between(void)
{
    int fd[2];

    pair(fd);
    CHECK_EQ(send(fd[0], "hello", 5, 0), 5);
    CHECK_EQ(send(fd[0], "!", 1, MSG_OOB), 1);
    CHECK_EQ(send(fd[0], "world", 5, 0), 5);
    show("up to it", fd[1], 20, 0);
    state("at it", fd[1]);
    show("urgent", fd[1], 1, MSG_OOB);
    state("received", fd[1]);
    show("behind it", fd[1], 3, 0);
    state("in world", fd[1]);
    show("rest", fd[1], 20, 0);
    both(fd);

    /* received before reading gets there: reading stops all the same */
    pair(fd);
    CHECK_EQ(send(fd[0], "hello", 5, 0), 5);
    CHECK_EQ(send(fd[0], "!", 1, MSG_OOB), 1);
    CHECK_EQ(send(fd[0], "world", 5, 0), 5);
    show("urgent", fd[1], 1, MSG_OOB);
    show("peek", fd[1], 20, MSG_PEEK);
    show("up to it", fd[1], 20, 0);
    state("at it", fd[1]);
    show("behind it", fd[1], 20, 0);
    state("empty", fd[1]);
    both(fd);
}

/* Only the last one is urgent. */
static void test_two(void)
{
    int fd[2];

    pair(fd);
    CHECK_EQ(send(fd[0], "a1", 2, MSG_OOB), 2);
    CHECK_EQ(send(fd[0], "b2", 2, MSG_OOB), 2);
    CHECK_EQ(send(fd[0], "c", 1, 0), 1);
    state("a1b, urgent 2, c", fd[1]);
    show("up to the second", fd[1], 20, 0);
    state("at it", fd[1]);
    show("urgent", fd[1], 1, MSG_OOB);
    show("rest", fd[1], 20, 0);
    both(fd);

    pair(fd);
    CHECK_EQ(send(fd[0], "a1", 2, MSG_OOB), 2);
    show("urgent", fd[1], 1, MSG_OOB);
    CHECK_EQ(send(fd[0], "2", 1, MSG_OOB), 1);
    show("the next, directly behind", fd[1], 1, MSG_OOB);
    show("read", fd[1], 20, 0);
    state("at both", fd[1]);
    CHECK_EQ(send(fd[0], "3", 1, MSG_OOB), 1);
    state("and a third", fd[1]);
    show("read", fd[1], 20, 0);
    state("empty", fd[1]);
    both(fd);
}

static void test_inline(void)
{
    int fd[2];

    pair(fd);
    inline_(fd[1]);
    CHECK_EQ(send(fd[0], "ab1", 3, MSG_OOB), 3);
    CHECK_EQ(send(fd[0], "cd", 2, 0), 2);
    show("urgent", fd[1], 1, MSG_OOB);
    state("before", fd[1]);
    show("peek", fd[1], 20, MSG_PEEK);
    show("up to it", fd[1], 20, 0);
    state("at it", fd[1]);
    show("peek", fd[1], 20, MSG_PEEK);
    show("with it", fd[1], 20, 0);
    state("empty", fd[1]);
    both(fd);
}

static void test_plain_read(void)
{
    char buf[16] = "";
    int fd[2];

    pair(fd);
    for (int i = 0; i < 3; i++) { /* so that there is a message to use again */
        MUST(write(fd[0], "q", 1));
        MUST(read(fd[1], buf, 1));
    }
    CHECK_EQ(write(fd[0], "ab", 2), 2);
    CHECK_EQ(send(fd[0], "U", 1, MSG_OOB), 1);
    CHECK_EQ(write(fd[0], "cd", 2), 2);
    CHECK_EQ(read(fd[1], buf, 2), 2);
    CHECK_EQ(read(fd[1], buf, sizeof(buf)), 2);
    CHECK(!memcmp(buf, "cd", 2));
    CHECK_EQ(send(fd[0], "V", 1, MSG_OOB), 1);
    CHECK_EQ(recv(fd[1], buf, 1, MSG_OOB), 1);
    CHECK_EQ(write(fd[0], "ef", 2), 2);
    CHECK_EQ(read(fd[1], buf, sizeof(buf)), 2);
    CHECK(!memcmp(buf, "ef", 2));
    close(fd[0]);
    CHECK_EQ(read(fd[1], buf, sizeof(buf)), 0);
    close(fd[1]);
}

/* A peer that is closed says ECONNRESET for what was not read; a received urgent byte was. */
static void test_close(void)
{
    char c;
    int fd[2];

    pair(fd);
    CHECK_EQ(send(fd[0], "1", 1, MSG_OOB), 1);
    show("urgent", fd[1], 1, MSG_OOB);
    close(fd[1]);
    CHECK_EQ(recv(fd[0], &c, 1, MSG_DONTWAIT), 0);
    CHECK_ERR(send(fd[0], "1", 1, MSG_OOB | MSG_NOSIGNAL), EPIPE);
    close(fd[0]);
    pair(fd);
    CHECK_EQ(send(fd[0], "1", 1, MSG_OOB), 1);
    close(fd[1]);
    CHECK_ERR(recv(fd[0], &c, 1, MSG_DONTWAIT), ECONNRESET);
    close(fd[0]);
}

static void test_message(void)
{
    char buf[8];
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    int fd[2];

    pair(fd);
    CHECK_EQ(send(fd[0], "k", 1, MSG_OOB), 1);
    CHECK_EQ(recvmsg(fd[1], &m, MSG_OOB), 1);
    CHECK_EQ(m.msg_flags, MSG_OOB);
    both(fd);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd));
    CHECK_ERR(send(fd[0], "k", 1, MSG_OOB), EOPNOTSUPP);
    CHECK_ERR(recv(fd[0], buf, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
    both(fd);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd));
    CHECK_ERR(send(fd[0], "k", 1, MSG_OOB), EOPNOTSUPP);
    CHECK_ERR(recv(fd[0], buf, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
    both(fd);
}

static bool signalled(int want)
{
    for (int i = 0; i < 500 && signals < want; i++)
        usleep(2000);
    return signals == want;
}

static void test_signal(const char *who, int from, int to)
{
    struct f_owner_ex ex = { F_OWNER_TID, syscall(SYS_gettid) };
    int pid = 0;

    note("ok %s", who);
    signals = 0;
    CHECK_EQ(send(from, "a", 1, MSG_OOB), 1);
    usleep(10000);
    CHECK(signalled(0)); /* nobody asked for it */
    CHECK_EQ(fcntl(to, F_SETOWN, getpid()), 0);
    CHECK_EQ(send(from, "b", 1, MSG_OOB), 1);
    CHECK(signalled(1));
    CHECK_EQ(send(from, "c", 1, 0), 1);
    CHECK_EQ(send(from, "d", 1, MSG_OOB), 1);
    CHECK(signalled(2));
    CHECK_EQ(fcntl(to, F_SETOWN_EX, &ex), 0);
    CHECK_EQ(send(from, "e", 1, MSG_OOB), 1);
    CHECK(signalled(3));
    CHECK_EQ(fcntl(to, F_SETOWN, 0), 0);
    CHECK_EQ(send(from, "f", 1, MSG_OOB), 1);
    usleep(10000);
    CHECK(signalled(3));
    pid = getpid();
    CHECK_EQ(ioctl(to, FIOSETOWN, &pid), 0);
    pid = 0;
    CHECK_EQ(ioctl(to, SIOCGPGRP, &pid), 0);
    CHECK(pid == getpid());
    CHECK_EQ(send(from, "g", 1, MSG_OOB), 1);
    CHECK(signalled(4));
    close(from);
    close(to);
}

static void test_signals(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd[2], l;

    signal(SIGURG, on_urgent);
    pair(fd);
    test_signal("local stream", fd[0], fd[1]);
    l = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 1));
    MUST(getsockname(l, (void *)&a, &len));
    fd[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(fd[0], (void *)&a, sizeof(a)));
    fd[1] = MUST(accept(l, NULL, NULL));
    test_signal("TCP", fd[0], fd[1]);
    close(l);
}

int main(void)
{
    test_simple();
    test_between();
    test_two();
    test_inline();
    test_plain_read();
    test_close();
    test_message();
    test_signals();
    return report_done();
}
