/* SPDX-License-Identifier: BSD-2-Clause */
/* MSG_ZEROCOPY over loopback: what arrives, what the error queue tells, and what is refused. */
#include "report.h"
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

#define SIZE 200000
static int family;

static socklen_t loopback(struct sockaddr_storage *s)
{
    memset(s, 0, sizeof(*s));
    if (family == AF_INET) {
        struct sockaddr_in *a = (void *)s;

        a->sin_family = AF_INET;
        a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(*a);
    }
    struct sockaddr_in6 *a = (void *)s;

    a->sin6_family = AF_INET6;
    a->sin6_addr = in6addr_loopback;
    return sizeof(*a);
}

static void tcp_pair(int fd[2])
{
    struct sockaddr_storage a;
    socklen_t len = loopback(&a);
    int l = MUST(socket(family, SOCK_STREAM, 0));

    MUST(bind(l, (void *)&a, len));
    MUST(listen(l, 1));
    MUST(getsockname(l, (void *)&a, &len));
    fd[0] = MUST(socket(family, SOCK_STREAM, 0));
    MUST(connect(fd[0], (void *)&a, len));
    fd[1] = MUST(accept(l, NULL, NULL));
    close(l);
}

static void udp_pair(int fd[2])
{
    struct sockaddr_storage a;
    socklen_t len = loopback(&a);

    fd[1] = MUST(socket(family, SOCK_DGRAM, 0));
    MUST(bind(fd[1], (void *)&a, len));
    MUST(getsockname(fd[1], (void *)&a, &len));
    fd[0] = MUST(socket(family, SOCK_DGRAM, 0));
    MUST(connect(fd[0], (void *)&a, len));
}

static void both(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static int set(int fd, int val)
{
    return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &val, sizeof(val));
}

static int get(int fd)
{
    int val = -1;
    socklen_t len = sizeof(val);

    return getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &val, &len) ? -errno : val;
}

/* The next notice: 1 and its range; 0: none within the time. */
static int notice(int fd, int wait_ms, unsigned *lo, unsigned *hi, int quiet)
{
    char control[200], data[8];
    struct sockaddr_storage name;
    struct iovec v = { data, sizeof(data) };
    struct msghdr m = { &name, sizeof(name), &v, 1, control, sizeof(control), 0 };
    struct pollfd p = { fd, 0, 0 };
    struct sock_extended_err *e;
    struct cmsghdr *c;
    ssize_t n;

    if (poll(&p, 1, wait_ms) != 1)
        return 0;
    n = recvmsg(fd, &m, MSG_ERRQUEUE);
    c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (!c) {
        note("no notice: %zd %s", n, n < 0 ? strerror(errno) : "");
        return 0;
    }
    e = (void *)CMSG_DATA(c);
    *lo = e->ee_info;
    *hi = e->ee_data;
    if (!quiet)
        note(
            "  events %x, %zd bytes, flags %x, name of %u, level %d type %d length %zu; errno %u origin %u type "
            "%u code %u: %u to %u",
            (unsigned)p.revents & POLLERR, n, (unsigned)m.msg_flags, m.msg_namelen, c->cmsg_level,
            c->cmsg_type, (size_t)c->cmsg_len, e->ee_errno, e->ee_origin, e->ee_type, e->ee_code, e->ee_info,
            e->ee_data);
    return 1;
}

/* All of [from, to] is told of, in order, and nothing else. */
static int told(int fd, unsigned from, unsigned to)
{
    unsigned lo, hi;

    while (from <= to) {
        if (!notice(fd, 5000, &lo, &hi, 1) || lo != from || hi > to)
            return 0;
        from = hi + 1;
    }
    return notice(fd, 0, &lo, &hi, 1) == 0;
}

static void options(void)
{
    int fd[2], s;

    note("the option");
    tcp_pair(fd);
    CHECK_EQ(get(fd[0]), 0);
    CHECK_EQ(set(fd[0], 1), 0);
    CHECK_EQ(get(fd[0]), 1);
    CHECK_ERR(set(fd[0], 2), EINVAL);
    CHECK_ERR(set(fd[0], -1), EINVAL);
    CHECK_EQ(get(fd[0]), 1);
    CHECK_EQ(set(fd[0], 0), 0);
    CHECK_EQ(get(fd[0]), 0);
    both(fd);
    s = MUST(socket(family, SOCK_DGRAM, 0));
    CHECK_EQ(set(s, 1), 0);
    close(s);
    s = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_ERR(set(s, 1), EOPNOTSUPP);
    CHECK_EQ(get(s), 0);
    close(s);
}

static void inherited(void)
{
    struct sockaddr_storage a;
    socklen_t len = loopback(&a);
    int l = MUST(socket(family, SOCK_STREAM, 0)), c, s;
    unsigned lo, hi;

    note("accepted sockets");
    MUST(bind(l, (void *)&a, len));
    CHECK_EQ(set(l, 1), 0);
    MUST(listen(l, 1));
    MUST(getsockname(l, (void *)&a, &len));
    c = MUST(socket(family, SOCK_STREAM, 0));
    MUST(connect(c, (void *)&a, len));
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(get(s), 1);
    CHECK_EQ(send(s, "abc", 3, MSG_ZEROCOPY), 3);
    CHECK_EQ(notice(s, 5000, &lo, &hi, 0), 1);
    close(s);
    close(c);
    close(l);
}

static void stream(void)
{
    static char out[SIZE], in[SIZE];
    int fd[2];
    unsigned lo, hi;
    size_t n = 0;
    ssize_t r;

    note("a stream");
    tcp_pair(fd);
    for (size_t i = 0; i < SIZE; i++)
        out[i] = i * 7 + i / 251;
    CHECK_EQ(send(fd[0], out, 1000, MSG_ZEROCOPY), 1000); /* without the option: as if it were not there */
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    CHECK_ERR(recv(fd[0], in, 1, MSG_ERRQUEUE), EAGAIN);
    CHECK_EQ(recv(fd[1], in, SIZE, MSG_WAITALL | MSG_DONTWAIT), 1000);
    CHECK_EQ(set(fd[0], 1), 0);
    CHECK_EQ(send(fd[0], out, 1000, 0), 1000);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    CHECK_EQ(send(fd[0], out, 0, MSG_ZEROCOPY), 0);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    CHECK_EQ(send(fd[0], out, 1000, MSG_ZEROCOPY), 1000);
    CHECK_EQ(notice(fd[0], 5000, &lo, &hi, 0), 1);
    CHECK_EQ(recv(fd[1], in, 2000, MSG_WAITALL), 2000);
    CHECK(!memcmp(in, out, 1000) && !memcmp(in + 1000, out, 1000));
    for (int i = 0; i < 5; i++)
        CHECK_EQ(send(fd[0], out + i * 8000, 8000, MSG_ZEROCOPY), 8000);
    CHECK(told(fd[0], 1, 5));
    CHECK_EQ(recv(fd[1], in, 40000, MSG_WAITALL), 40000);
    CHECK(!memcmp(in, out, 40000));
    CHECK_ERR(send(fd[0], (char *)8, 5000, MSG_ZEROCOPY), EFAULT);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    /* more than a buffer holds */
    while (n < SIZE) {
        r = send(fd[0], out + n, SIZE - n, MSG_ZEROCOPY | MSG_DONTWAIT);
        if (r < 0)
            r = 0;
        n += r;
        for (size_t got = 0; got < (size_t)r; got += MUST(recv(fd[1], in + n - r + got, r - got, 0)))
            ;
        while (notice(fd[0], 0, &lo, &hi, 1))
            ;
    }
    CHECK(!memcmp(in, out, SIZE));
    MUST(shutdown(fd[0], SHUT_WR));
    while (notice(fd[0], 0, &lo, &hi, 1))
        ;
    CHECK_ERR(send(fd[0], out, 100, MSG_ZEROCOPY | MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    both(fd);
}

/* What the program's pages hold later is not what arrives. */
static void pages(void)
{
    int fd[2];
    unsigned lo, hi;
    char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), in[4096];

    note("pages that change");
    tcp_pair(fd);
    CHECK_EQ(set(fd[0], 1), 0);
    memset(p, 'a', 1 << 16);
    CHECK_EQ(send(fd[0], p + 100, 30000, MSG_ZEROCOPY), 30000);
    CHECK_EQ(notice(fd[0], 5000, &lo, &hi, 0), 1);
    memset(p, 'b', 1 << 16);
    munmap(p, 1 << 16);
    for (int i = 0; i < 30000; i += 3000) {
        CHECK_QUIET(recv(fd[1], in, 3000, MSG_WAITALL) == 3000);
        for (int k = 0; k < 3000; k++)
            CHECK_QUIET(in[k] == 'a');
    }
    both(fd);
}

static void datagrams(void)
{
    static char out[70000], in[70000];
    struct iovec v[40];
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 40 };
    int fd[2];
    unsigned lo, hi;

    note("datagrams");
    udp_pair(fd);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = i * 3 + i / 127;
    CHECK_EQ(send(fd[0], out, 100, MSG_ZEROCOPY), 100);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 0);
    CHECK_EQ(recv(fd[1], in, sizeof(in), 0), 100);
    CHECK_EQ(set(fd[0], 1), 0);
    CHECK_EQ(send(fd[0], out, 1, MSG_ZEROCOPY), 1);
    CHECK_EQ(notice(fd[0], 5000, &lo, &hi, 0), 1);
    CHECK_EQ(recv(fd[1], in, sizeof(in), 0), 1);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(send(fd[0], out + i, 5000, MSG_ZEROCOPY), 5000);
    CHECK(told(fd[0], 1, 4));
    for (int i = 0; i < 4; i++)
        CHECK(recv(fd[1], in, sizeof(in), 0) == 5000 && !memcmp(in, out + i, 5000));
    CHECK_ERR(send(fd[0], out, 66000, MSG_ZEROCOPY), EMSGSIZE);
    CHECK_ERR(send(fd[0], (char *)8, 100, MSG_ZEROCOPY), EFAULT);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 1), 0);
    CHECK_EQ(send(fd[0], out, 60000, MSG_ZEROCOPY), 60000);
    CHECK_EQ(recv(fd[1], in, sizeof(in), 0), 60000);
    CHECK(!memcmp(in, out, 60000));
    CHECK(notice(fd[0], 5000, &lo, &hi, 1) == 1);
    for (int i = 0; i < 40; i++)
        v[i] = (struct iovec){ out + i * 100, 100 };
    CHECK_EQ(sendmsg(fd[0], &m, MSG_ZEROCOPY), 4000);
    CHECK_EQ(recv(fd[1], in, sizeof(in), 0), 4000);
    CHECK(!memcmp(in, out, 4000));
    CHECK(notice(fd[0], 5000, &lo, &hi, 1) == 1);
    CHECK_ERR(recv(fd[0], in, 1, MSG_ERRQUEUE), EAGAIN);
    both(fd);
}

static void events(void)
{
    struct epoll_event e = { .events = EPOLLET };
    int fd[2], ep = MUST(epoll_create1(0));
    unsigned lo, hi;

    note("epoll");
    udp_pair(fd);
    CHECK_EQ(set(fd[0], 1), 0);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e));
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    CHECK_EQ(send(fd[0], "x", 1, MSG_ZEROCOPY), 1);
    CHECK_EQ(epoll_wait(ep, &e, 1, 5000), 1);
    CHECK_EQ(e.events, EPOLLERR);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    CHECK_EQ(send(fd[0], "y", 1, MSG_ZEROCOPY), 1);
    CHECK_EQ(epoll_wait(ep, &e, 1, 5000), 1);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 0), 1);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    close(ep);
    both(fd);
}

static void limits(void)
{
    struct rlimit r = { 4 * 4096, 4 * 4096 };
    static char out[SIZE];
    unsigned lo, hi;
    int fd[2];

    note("limits");
    udp_pair(fd);
    CHECK_EQ(set(fd[0], 1), 0);
    MUST(setrlimit(RLIMIT_MEMLOCK, &r));
    if (!getuid()) { /* the privileged have none */
        CHECK_EQ(send(fd[0], out, 50000, MSG_ZEROCOPY), 50000);
        CHECK(notice(fd[0], 5000, &lo, &hi, 1));
        MUST(setgid(65534));
        MUST(setuid(65534));
    }
    CHECK_ERR(send(fd[0], out, 50000, MSG_ZEROCOPY), ENOBUFS);
    CHECK_EQ(notice(fd[0], 0, &lo, &hi, 1), 0);
    CHECK_EQ(send(fd[0], out, 5000, MSG_ZEROCOPY), 5000);
    CHECK(notice(fd[0], 5000, &lo, &hi, 1));
    both(fd);
}

int main(int argc, char **argv)
{
    family = argc > 1 && !strcmp(argv[1], "6") ? AF_INET6 : AF_INET;
    options();
    inherited();
    stream();
    pages();
    datagrams();
    events();
    limits();
    return report_done();
}
