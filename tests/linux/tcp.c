/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP over loopback: connecting and refusing, both kinds of address, data, the ways to close, errors, polling, urgent data. */
#include "report.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int family = AF_INET;

static socklen_t loop_addr(struct sockaddr_storage *ss, int port)
{
    memset(ss, 0, sizeof(*ss));
    if (family == AF_INET) {
        struct sockaddr_in *in = (void *)ss;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (void *)ss;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    in6->sin6_addr = in6addr_loopback;
    return sizeof(*in6);
}

static int port_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    MUST(getsockname(fd, (void *)&ss, &len));
    return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
                                         : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

static int listener(int backlog)
{
    struct sockaddr_storage ss;
    int fd = MUST(socket(family, SOCK_STREAM, 0));

    MUST(bind(fd, (void *)&ss, loop_addr(&ss, 0)));
    MUST(listen(fd, backlog));
    return fd;
}

static int connect_to(int fd, int port)
{
    struct sockaddr_storage ss;

    return connect(fd, (void *)&ss, loop_addr(&ss, port));
}

static void pair(int p[2])
{
    int l = listener(5);

    p[0] = MUST(socket(family, SOCK_STREAM, 0));
    MUST(connect_to(p[0], port_of(l)));
    p[1] = MUST(accept(l, NULL, NULL));
    close(l);
}

static void close_pair(int p[2])
{
    close(p[0]);
    close(p[1]);
}

static int events(int fd, int want, int ms)
{
    struct pollfd p = { fd, want, 0 };
    int n = poll(&p, 1, ms);

    return n < 0 ? n : n ? p.revents : 0;
}

static int so_error(int fd)
{
    int e = -1;
    socklen_t len = sizeof(e);

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
    return e;
}

static void nonblock(int fd)
{
    MUST(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static void test_connect(void)
{
    int l = listener(5), port = port_of(l), c, s;
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    char buf[64];

    c = MUST(socket(family, SOCK_STREAM, 0));
    CHECK_EQ(events(c, POLLIN | POLLOUT, 0), POLLOUT | POLLHUP);
    CHECK_ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(recv(c, buf, 1, 0), ENOTCONN);
    CHECK_ERR(getpeername(c, (void *)&ss, &len), ENOTCONN);

    CHECK_ERR(accept(c, NULL, NULL), EINVAL);
    CHECK_EQ(events(l, POLLIN, 0), 0);
    CHECK_EQ(connect_to(c, port), 0);
    CHECK_ERR(connect_to(c, port), EISCONN);
    CHECK_EQ(events(l, POLLIN, 1000), POLLIN);
    s = accept(l, (void *)&ss, &len);
    CHECK(s >= 0);
    CHECK_EQ(len, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    CHECK_EQ(port_of(s), port);
    len = sizeof(ss);
    CHECK_EQ(getpeername(c, (void *)&ss, &len), 0);
    CHECK_EQ(ntohs(((struct sockaddr_in *)&ss)->sin_port), port);
    CHECK_EQ(send(c, "hello", 5, 0), 5);
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 5);
    CHECK(!memcmp(buf, "hello", 5));
    CHECK_EQ(send(s, "there, friend", 13, 0), 13);
    CHECK_EQ(events(c, POLLIN, 1000), POLLIN);
    CHECK_EQ(recv(c, buf, 5, MSG_PEEK), 5);
    CHECK_EQ(recv(c, buf, 6, 0), 6);
    CHECK(!memcmp(buf, "there,", 6));
    CHECK_EQ(recv(c, buf, sizeof(buf), 0), 7);
    CHECK(!memcmp(buf, " friend", 7));
    CHECK_ERR(recv(c, buf, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(listen(c, 5), EINVAL);
    CHECK_ERR(recv(l, buf, 1, 0), ENOTCONN);
    CHECK_ERR(send(l, buf, 1, MSG_NOSIGNAL), EPIPE);
    close(c);
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 0);
    close(s);
    close(l);
    c = MUST(socket(family, SOCK_STREAM, 0));
    CHECK_ERR(connect_to(c, port), ECONNREFUSED);
    CHECK_EQ(so_error(c), 0);
    CHECK_ERR(connect_to(c, port), ECONNREFUSED);
    close(c);
}

static void test_nonblocking(void)
{
    int l = listener(5), port = port_of(l), c = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0)), s, r;

    nonblock(l);
    CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
    r = connect_to(c, port);
    CHECK(r == 0 || errno == EINPROGRESS);
    CHECK_EQ(events(c, POLLOUT, 1000), POLLOUT);
    CHECK_EQ(so_error(c), 0);
    CHECK(connect_to(c, port) == 0 || errno == EISCONN);
    CHECK_ERR(connect_to(c, port), EISCONN);
    CHECK_EQ(events(l, POLLIN, 1000), POLLIN);
    s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(s >= 0);
    CHECK_EQ(fcntl(s, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    close(s);
    close(c);
    close(l);
    c = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
    r = connect_to(c, port);
    CHECK(r == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    if (errno == EINPROGRESS) {
        CHECK_QUIET(events(c, POLLOUT, 1000) == (POLLOUT | POLLERR | POLLHUP));
        CHECK_QUIET(so_error(c) == ECONNREFUSED);
    }
    CHECK_EQ(so_error(c), 0);
    close(c);
}

static void test_bulk(void)
{
    static char out[1 << 20], in[1 << 20];
    size_t sent = 0, got = 0;
    int p[2], full = 0, n;

    pair(p);
    nonblock(p[0]);
    nonblock(p[1]);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = i * 7 + i / 1000;
    while (got < sizeof(in)) {
        ssize_t r = sent < sizeof(out) ? send(p[0], out + sent, sizeof(out) - sent, 0) : -1;

        if (r > 0)
            sent += r;
        else if (sent < sizeof(out))
            full++;
        r = recv(p[1], in + got, sizeof(in) - got, 0);
        if (r > 0)
            got += r;
        else if (r == 0 || errno != EAGAIN)
            break;
        else
            events(p[1], POLLIN, 100);
    }
    CHECK_EQ(got, sizeof(in));
    CHECK(!memcmp(in, out, sizeof(in)));
    /* until it is full, and then writeable again */
    while (send(p[0], out, sizeof(out), 0) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(events(p[0], POLLOUT, 0), 0);
    n = 0;
    while ((n = recv(p[1], in, sizeof(in), 0)) > 0 || events(p[1], POLLIN, 50) > 0)
        ;
    CHECK_EQ(events(p[0], POLLOUT, 1000), POLLOUT);
    close_pair(p);
}

static void test_close(void)
{
    struct linger now = { 1, 0 };
    char buf[64];
    int p[2];

    pair(p);
    CHECK_EQ(send(p[0], "last", 4, 0), 4);
    CHECK_EQ(shutdown(p[0], SHUT_WR), 0);
    CHECK_ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(events(p[1], POLLIN | POLLRDHUP, 1000), POLLIN | POLLRDHUP);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 4);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    CHECK_EQ(events(p[1], POLLIN | POLLOUT | POLLRDHUP, 0), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(send(p[1], "answer", 6, 0), 6);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), MSG_WAITALL), 6 * 0 + (close(p[1]), 6));
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    CHECK_EQ(events(p[0], POLLIN | POLLOUT, 0), POLLIN | POLLOUT | POLLHUP);
    close(p[0]);

    /* closing with something unread resets */
    pair(p);
    CHECK_EQ(send(p[0], "unread", 6, 0), 6);
    CHECK_EQ(events(p[1], POLLIN, 1000), POLLIN);
    close(p[1]);
    CHECK_EQ(events(p[0], POLLIN, 1000), POLLIN | POLLERR | POLLHUP);
    CHECK_ERR(recv(p[0], buf, sizeof(buf), 0), ECONNRESET);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    CHECK_ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(p[0]);

    /* so does lingering for no time; what came before is still there */
    pair(p);
    CHECK_EQ(send(p[0], "before", 6, 0), 6);
    CHECK_EQ(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    CHECK_EQ(events(p[1], POLLIN, 1000), POLLIN);
    close(p[0]);
    usleep(10000);
    CHECK_EQ(so_error(p[1]), ECONNRESET);
    CHECK_EQ(so_error(p[1]), 0);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 6);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    close(p[1]);

    /* writing to who has closed */
    pair(p);
    close(p[1]);
    usleep(10000);
    CHECK_EQ(send(p[0], "x", 1, MSG_NOSIGNAL), 1);
    usleep(10000);
    CHECK_ERR(send(p[0], "y", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    close(p[0]);

    /* SHUT_RD stops nobody else */
    pair(p);
    CHECK_EQ(shutdown(p[0], SHUT_RD), 0);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 0);
    CHECK_EQ(send(p[1], "still", 5, 0), 5);
    usleep(10000);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 5);
    close_pair(p);

    /* a blocked reader wakes at the other's end; both ends shut down */
    pair(p);
    CHECK_EQ(shutdown(p[0], SHUT_RDWR), 0);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 0);
    CHECK_EQ(shutdown(p[1], SHUT_RDWR), 0);
    usleep(10000);
    CHECK_EQ(events(p[0], POLLIN | POLLOUT | POLLRDHUP, 0), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_ERR(shutdown(p[0], SHUT_WR), ENOTCONN);
    close_pair(p);
}

static void test_epoll(void)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET }, got;
    int p[2], ep = MUST(epoll_create1(0));
    char buf[64];

    pair(p);
    nonblock(p[0]);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLOUT);
    CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
    CHECK_EQ(send(p[1], "one", 3, 0), 3);
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLIN | EPOLLOUT);
    CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
    CHECK_EQ(send(p[1], "two", 3, 0), 3); /* more of it: an edge again, though nothing was read */
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLIN | EPOLLOUT);
    CHECK_EQ(recv(p[0], buf, 2, 0), 2); /* reading a part is none */
    CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
    CHECK_EQ(recv(p[0], buf, sizeof(buf), 0), 4);
    CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
    CHECK_EQ(shutdown(p[1], SHUT_WR), 0);
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
    CHECK_EQ(shutdown(p[0], SHUT_WR), 0);
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    close_pair(p);

    /* after EAGAIN there is an edge when there is room again */
    static char bulk[1 << 16];
    ssize_t n, all = 0, got_bytes = 0;

    pair(p);
    nonblock(p[0]);
    nonblock(p[1]);
    e.events = EPOLLOUT | EPOLLET;
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    while ((n = send(p[0], bulk, sizeof(bulk), 0)) > 0 ||
           (usleep(20000), n = send(p[0], bulk, sizeof(bulk), 0)) > 0)
        all += n;
    CHECK_EQ(errno, EAGAIN);
    while (epoll_wait(ep, &got, 1, 0) > 0)
        ;
    while (got_bytes < all && (n = recv(p[1], bulk, sizeof(bulk), 0)) != 0)
        if (n > 0)
            got_bytes += n;
        else if (events(p[1], POLLIN, 1000) <= 0)
            break;
    CHECK_EQ(got_bytes, all);
    CHECK_EQ(epoll_wait(ep, &got, 1, 1000), 1);
    CHECK_EQ(got.events, EPOLLOUT);
    close_pair(p);
    close(ep);
}

static void test_urgent(void)
{
    int p[2], n, on = 1;
    char buf[64];

    pair(p);
    CHECK_ERR(recv(p[1], buf, 1, MSG_OOB), EINVAL);
    CHECK_EQ(send(p[0], "ab", 2, 0), 2);
    CHECK_EQ(send(p[0], "cU", 2, MSG_OOB), 2);
    CHECK_EQ(send(p[0], "de", 2, 0), 2);
    CHECK_EQ(events(p[1], POLLIN | POLLPRI, 1000) & POLLPRI, POLLPRI);
    usleep(10000);
    CHECK_EQ(ioctl(p[1], SIOCATMARK, &n), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(ioctl(p[1], FIONREAD, &n), 0);
    CHECK_EQ(n, 3);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 3); /* up to the mark */
    CHECK(!memcmp(buf, "abc", 3));
    CHECK_EQ(ioctl(p[1], SIOCATMARK, &n), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(recv(p[1], buf, 1, MSG_OOB), 1);
    CHECK_EQ(buf[0], 'U');
    CHECK_ERR(recv(p[1], buf, 1, MSG_OOB), EINVAL);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 2);
    CHECK(!memcmp(buf, "de", 2));
    CHECK_EQ(ioctl(p[1], SIOCATMARK, &n), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(setsockopt(p[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
    CHECK_EQ(send(p[0], "fV", 2, MSG_OOB), 2);
    CHECK_EQ(events(p[1], POLLPRI, 1000), POLLPRI);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 1);
    CHECK_EQ(recv(p[1], buf, sizeof(buf), 0), 1);
    CHECK_EQ(buf[0], 'V');
    close_pair(p);
}

static void test_backlog(void)
{
    int l = listener(1), port = port_of(l), c[3], made = 0, n = 0;

    for (int i = 0; i < 3; i++) {
        c[i] = MUST(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
        if (connect_to(c[i], port) && errno != EINPROGRESS)
            report(0, "connect %d", i);
        made += events(c[i], POLLOUT, 50) == POLLOUT;
    }
    CHECK_EQ(made, 2); /* one more than the backlog, as Linux counts */
    nonblock(l);
    for (int fd; (fd = accept(l, NULL, NULL)) >= 0; n++)
        close(fd);
    CHECK_EQ(n, 2);
    CHECK_EQ(events(c[2], POLLOUT, 5000), POLLOUT); /* its SYN is sent again */
    for (int i = 0; i < 3; i++)
        close(c[i]);
    /* who was not accepted is reset */
    c[0] = MUST(socket(family, SOCK_STREAM, 0));
    MUST(connect_to(c[0], port));
    close(l);
    CHECK_EQ(events(c[0], POLLIN, 1000) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
    CHECK_EQ(so_error(c[0]), ECONNRESET);
    close(c[0]);
}

static void test_bind(void)
{
    struct sockaddr_storage ss;
    int a = MUST(socket(family, SOCK_STREAM, 0)), b = MUST(socket(family, SOCK_STREAM, 0)), port, on = 1, c,
        s;
    socklen_t len = loop_addr(&ss, 0);

    CHECK_EQ(bind(a, (void *)&ss, len), 0);
    port = port_of(a);
    CHECK_ERR(bind(a, (void *)&ss, len), EINVAL);
    len = loop_addr(&ss, port);
    CHECK_ERR(bind(b, (void *)&ss, len), EADDRINUSE);
    CHECK_ERR(bind(b, (void *)&ss, 3), EINVAL);
    ss.ss_family = AF_UNIX;
    CHECK_ERR(bind(b, (void *)&ss, len), EAFNOSUPPORT);
    len = loop_addr(&ss, port);
    setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    CHECK_EQ(bind(b, (void *)&ss, len), 0);
    CHECK_EQ(listen(a, 5), 0);
    CHECK_ERR(listen(b, 5), EADDRINUSE);
    CHECK_EQ(listen(a, 7), 0);
    close(b);
    /* an address that is being left: only with SO_REUSEADDR */
    c = MUST(socket(family, SOCK_STREAM, 0));
    MUST(connect_to(c, port));
    s = MUST(accept(a, NULL, NULL));
    close(s);
    usleep(10000);
    close(c);
    close(a);
    usleep(10000);
    b = MUST(socket(family, SOCK_STREAM, 0));
    CHECK_ERR(bind(b, (void *)&ss, len), EADDRINUSE);
    setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    CHECK_EQ(bind(b, (void *)&ss, len), 0);
    CHECK_EQ(listen(b, 5), 0);
    close(b);
    /* sharing */
    a = MUST(socket(family, SOCK_STREAM, 0));
    b = MUST(socket(family, SOCK_STREAM, 0));
    setsockopt(a, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    len = loop_addr(&ss, 0);
    MUST(bind(a, (void *)&ss, len));
    len = loop_addr(&ss, port_of(a));
    CHECK_ERR(bind(b, (void *)&ss, len), EADDRINUSE);
    setsockopt(b, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    CHECK_EQ(bind(b, (void *)&ss, len), 0);
    CHECK_EQ(listen(a, 50), 0);
    CHECK_EQ(listen(b, 50), 0);
    nonblock(a);
    nonblock(b);
    int fds[40], to_a = 0, to_b = 0, fd;

    for (int i = 0; i < 40; i++) {
        fds[i] = MUST(socket(family, SOCK_STREAM, 0));
        MUST(connect_to(fds[i], port_of(a)));
    }
    while ((fd = accept(a, NULL, NULL)) >= 0)
        close(fd), to_a++;
    while ((fd = accept(b, NULL, NULL)) >= 0)
        close(fd), to_b++;
    CHECK_EQ(to_a + to_b, 40);
    CHECK(to_a > 5 && to_b > 5);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    close(a);
    close(b);
}

static void test_messages(void)
{
    char a[4] = "abc", b[6], c[6];
    struct iovec out[2] = { { a, 3 }, { "defgh", 5 } }, in[2] = { { b, 5 }, { c, 6 } };
    struct sockaddr_storage ss;
    struct msghdr m = { .msg_iov = out, .msg_iovlen = 2 },
                  r = { .msg_iov = in, .msg_iovlen = 2, .msg_name = &ss, .msg_namelen = sizeof(ss) };
    int p[2], on = 1;

    pair(p);
    CHECK_EQ(sendmsg(p[0], &m, 0), 8);
    CHECK_EQ(recvmsg(p[1], &r, 0), 8);
    CHECK_EQ(r.msg_namelen, 0);
    CHECK_EQ(r.msg_flags, 0);
    CHECK(!memcmp(b, "abcde", 5) && !memcmp(c, "fgh", 3));
    CHECK_EQ(setsockopt(p[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
    CHECK_EQ(send(p[0], "held", 4, 0), 4);
    CHECK_EQ(events(p[1], POLLIN, 20), 0);
    on = 0;
    CHECK_EQ(setsockopt(p[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
    CHECK_EQ(events(p[1], POLLIN, 1000), POLLIN);
    CHECK_EQ(recv(p[1], b, 6, 0), 4);
    CHECK_EQ(send(p[0], "more", 4, MSG_MORE), 4);
    CHECK_EQ(events(p[1], POLLIN, 20), 0);
    CHECK_EQ(send(p[0], "!", 1, 0), 1);
    CHECK_EQ(recv(p[1], b, 5, MSG_WAITALL), 5);
    CHECK_EQ(recv(p[1], NULL, 0, MSG_DONTWAIT), 0 * 0 + recv(p[1], NULL, 0, MSG_DONTWAIT));
    CHECK_EQ(send(p[0], "discard", 7, 0), 7);
    CHECK_EQ(recv(p[1], NULL, 7, MSG_TRUNC | MSG_WAITALL), 7);
    CHECK_EQ(write(p[0], "", 0), 0);
    close_pair(p);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && !strcmp(argv[1], "6"))
        family = AF_INET6;
    test_connect();
    test_nonblocking();
    test_bulk();
    test_close();
    test_epoll();
    test_urgent();
    test_backlog();
    test_bind();
    test_messages();
    return report_done();
}
