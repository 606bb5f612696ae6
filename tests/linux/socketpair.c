/* SPDX-License-Identifier: BSD-2-Clause */
/* Connected local stream sockets: both directions, ends, shutdown, flags, readiness, names and options. */
#include "report.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static int got_sigpipe;
static char buf[1 << 17];

static void on_sigpipe(int sig)
{
    got_sigpipe++;
}

static int revents(int fd, int events)
{
    struct pollfd p = { .fd = fd, .events = events };

    poll(&p, 1, 0);
    return p.revents;
}

static void pair(int s[2], int flags)
{
    MUST(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, s));
}

static void test_make(void)
{
    int s[2];
    struct stat st;

    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM | 0x40, 0, s), EINVAL);
    CHECK_ERR(socketpair(99, SOCK_STREAM, 0, s), EAFNOSUPPORT);
    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 77, s), EPROTONOSUPPORT);
    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    pair(s, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHECK_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(s[1], F_GETFL), O_RDWR | O_NONBLOCK);
    CHECK_EQ(fstat(s[0], &st), 0);
    CHECK_EQ(st.st_mode, S_IFSOCK | 0777);
    CHECK_ERR(lseek(s[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERR(pread(s[0], buf, 1, 0), ESPIPE);
    CHECK_ERR(read(s[0], buf, 1), EAGAIN);
    CHECK_ERR(recv(s[0], buf, 1, 0), EAGAIN);
    close(s[0]), close(s[1]);
    pair(s, 0);
    CHECK_EQ(fcntl(s[0], F_GETFD), 0);
    CHECK_EQ(fcntl(s[1], F_GETFL), O_RDWR);
    close(s[0]), close(s[1]);
}

static void test_data(void)
{
    int s[2], n;
    struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } }, in[2] = { { buf, 2 }, { buf + 10, 20 } };
    struct msghdr m = { .msg_iov = out, .msg_iovlen = 2 };

    pair(s, 0);
    CHECK_EQ(write(s[0], "hello", 5), 5);
    CHECK_EQ(send(s[1], "other way", 9, 0), 9);
    CHECK_EQ(ioctl(s[1], FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
    CHECK_EQ(recv(s[1], buf, 3, MSG_PEEK), 3);
    CHECK(!memcmp(buf, "hel", 3));
    CHECK_EQ(recv(s[1], buf, 100, MSG_PEEK), 5);
    CHECK_EQ(recv(s[1], buf, 4, 0), 4);
    CHECK_EQ(read(s[1], buf, 4), 1);
    CHECK_EQ(recv(s[0], buf, 100, MSG_DONTWAIT), 9);
    CHECK(!memcmp(buf, "other way", 9));
    CHECK_ERR(recv(s[0], buf, 100, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(recv(s[0], buf, 100, MSG_DONTWAIT | MSG_PEEK), EAGAIN);
    CHECK_EQ(sendmsg(s[0], &m, 0), 5);
    m.msg_iov = in;
    CHECK_EQ(recvmsg(s[1], &m, 0), 5);
    CHECK(!memcmp(buf, "ab", 2) && !memcmp(buf + 10, "cde", 3));
    CHECK_EQ(m.msg_flags, 0);
    CHECK_EQ(writev(s[1], out, 2), 5);
    CHECK_EQ(readv(s[0], in, 2), 5);
    CHECK_EQ(write(s[0], "", 0), 0);
    CHECK_EQ(read(s[0], buf, 0), 0);
    CHECK_ERR(write(s[0], (void *)8, 1), EFAULT);
    CHECK_ERR(sendto(s[0], "x", 1, 0, &(struct sockaddr_un){ AF_UNIX, "x" }, 4), EISCONN);
    close(s[0]), close(s[1]);
    n = open("/dev/null", O_RDWR);
    CHECK_ERR(send(n, "x", 1, 0), ENOTSOCK);
    CHECK_ERR(recv(n, buf, 1, 0), ENOTSOCK);
    CHECK_ERR(shutdown(n, 0), ENOTSOCK);
    CHECK_ERR(send(99, "x", 1, 0), EBADF);
    close(n);
}

static void test_ends(void)
{
    int s[2];

    signal(SIGPIPE, on_sigpipe);
    pair(s, 0);
    CHECK_EQ(write(s[0], "last", 4), 4);
    close(s[0]);
    CHECK_EQ(revents(s[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    CHECK_EQ(read(s[1], buf, 10), 4);
    CHECK_EQ(read(s[1], buf, 10), 0);
    CHECK_EQ(got_sigpipe, 0);
    CHECK_ERR(write(s[1], "x", 1), EPIPE);
    CHECK_EQ(got_sigpipe, 1);
    CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(got_sigpipe, 1);
    CHECK_ERR(send(s[1], "x", 1, 0), EPIPE);
    CHECK_EQ(got_sigpipe, 2);
    close(s[1]);

    pair(s, 0); /* what was not read is lost: the sender hears of it, once */
    CHECK_EQ(write(s[0], "lost", 4), 4);
    close(s[1]);
    CHECK_EQ(revents(s[0], POLLIN), POLLIN | POLLHUP | POLLERR);
    CHECK_ERR(read(s[0], buf, 10), ECONNRESET);
    CHECK_EQ(read(s[0], buf, 10), 0);
    CHECK_EQ(revents(s[0], POLLIN), POLLIN | POLLHUP);
    close(s[0]);
}

static void test_shutdown(void)
{
    int s[2];

    pair(s, 0);
    CHECK_ERR(shutdown(s[0], 3), EINVAL);
    CHECK_EQ(write(s[0], "abc", 3), 3);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(revents(s[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(revents(s[0], POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
    CHECK_EQ(read(s[1], buf, 10), 3);
    CHECK_EQ(read(s[1], buf, 10), 0);
    CHECK_EQ(write(s[1], "back", 4), 4);
    CHECK_EQ(read(s[0], buf, 10), 4);
    CHECK_EQ(shutdown(s[0], SHUT_RD), 0);
    CHECK_EQ(read(s[0], buf, 10), 0);
    CHECK_ERR(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(revents(s[0], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    close(s[0]), close(s[1]);
}

static void test_names(void)
{
    int s[2], n;
    socklen_t len = sizeof(n);
    struct sockaddr_un a;
    struct ucred who;

    pair(s, 0);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_TYPE, &n, &len) && n == SOCK_STREAM && len == 4);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &n, &len) && n == AF_UNIX);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_PROTOCOL, &n, &len) && n == 0);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_ERROR, &n, &len) && n == 0);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_ACCEPTCONN, &n, &len) && n == 0);
    CHECK_ERR(getsockopt(s[0], SOL_SOCKET, 9999, &n, &len), ENOPROTOOPT);
    n = 1;
    CHECK_EQ(setsockopt(s[0], SOL_SOCKET, SO_KEEPALIVE, &n, sizeof(n)), 0);
    CHECK_ERR(setsockopt(s[0], SOL_SOCKET, SO_TYPE, &n, sizeof(n)), ENOPROTOOPT);
    CHECK_ERR(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &n, 1), EINVAL);
    len = sizeof(who);
    CHECK(!getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &who, &len) && who.pid == getpid() &&
          who.uid == geteuid());
    len = sizeof(a);
    CHECK(!getsockname(s[0], (void *)&a, &len) && len == 2 && a.sun_family == AF_UNIX);
    len = sizeof(a);
    CHECK(!getpeername(s[1], (void *)&a, &len) && len == 2 && a.sun_family == AF_UNIX);
    close(s[0]);
    CHECK_EQ(getpeername(s[1], (void *)&a, &len), 0);
    close(s[1]);
}

static void *echo(void *arg)
{
    int fd = *(int *)arg;
    static char mine[5000];
    ssize_t n;

    while ((n = read(fd, mine, sizeof(mine))) > 0)
        for (ssize_t off = 0, put; off < n; off += put)
            if ((put = write(fd, mine + off, n - off)) <= 0)
                return NULL;
    shutdown(fd, SHUT_WR);
    return NULL;
}

static void test_blocking(void)
{
    int s[2], ep = MUST(epoll_create1(0));
    struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
    size_t back = 0;
    pthread_t t;
    ssize_t n;

    pair(s, 0);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &e));
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    pthread_create(&t, NULL, echo, &s[1]);
    for (int i = 0; i < 100; i++) {
        memset(buf, i, 3000);
        if (write(s[0], buf, 3000) != 3000)
            break;
        if (!i)
            CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
        n = recv(s[0], buf, 3000, MSG_WAITALL);
        back += n;
        if (n != 3000 || buf[0] != i || buf[2999] != i)
            break;
    }
    CHECK_EQ(back, 300000);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_EQ(read(s[0], buf, 1), 0);
    pthread_join(t, NULL);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 1);
    CHECK_EQ(e.events, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
    close(s[0]), close(s[1]), close(ep);

    pair(s, SOCK_NONBLOCK); /* how much goes in differs; that all of it comes out does not */
    for (back = 0; (n = write(s[0], buf, 1000)) > 0;)
        back += n;
    CHECK(n == -1 && errno == EAGAIN && back >= 65536);
    CHECK_EQ(revents(s[0], POLLOUT), 0);
    while ((n = read(s[1], buf, sizeof(buf))) > 0)
        back -= n;
    CHECK_EQ(back, 0);
    CHECK_EQ(revents(s[0], POLLOUT), POLLOUT);
    close(s[0]), close(s[1]);
}

int main(void)
{
    test_make();
    test_data();
    test_ends();
    test_shutdown();
    test_names();
    test_blocking();
    return report_done();
}
