/* SPDX-License-Identifier: BSD-2-Clause */
/* Local datagrams and sequenced packets: addresses, truncation, limits, who may send to whom, many messages at once. */
#include "sockets.h"

static char buf[300000];

static int from(int s)
{
    struct sockaddr_un a;
    socklen_t len = sizeof(a);
    ssize_t n = recvfrom(s, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&a, &len);

    if (n >= 0)
        show_addr("from", &a, len);
    return n;
}

static void test_addresses(void)
{
    int a = make(SOCK_DGRAM), b = make(SOCK_DGRAM), c = make(SOCK_DGRAM), d;
    struct sockaddr_un un = { 0 };

    note("addresses");
    SHOW(ready(a));
    SHOW(send(a, "x", 1, 0));
    SHOW(listen(a, 1));
    SHOW(accept(a, NULL, NULL));
    SHOW(bind_to(b, "b"));
    SHOW(send_to(a, "hello", "b"));
    SHOW(send_to(a, "", "b"));
    SHOW(ready(b));
    SHOW(from(b));
    SHOW(from(b));
    SHOW(from(b));
    SHOW(bind_to(a, "@a"));
    SHOW(send_to(a, "named", "b"));
    SHOW(from(b));
    SHOW(send_to(a, "x", "none"));
    SHOW(send_to(a, "x", "@none"));
    SHOW(send_to(a, "x", "."));
    SHOW(sendto(a, "x", 1, 0, (struct sockaddr *)&un, 2));
    SHOW(sendto(a, "x", 1, 0, (struct sockaddr *)&un, 10));
    SHOW(sendto(a, "x", 1, 0, (struct sockaddr *)&un, 0));
    SHOW(connect_to(a, "none"));
    SHOW(connect_to(a, "b"));
    show_names(a);
    SHOW(send(a, "connected", 9, 0));
    SHOW(from(b));
    SHOW(bind_to(c, "@c"));
    SHOW(send_to(a, "elsewhere", "@c"));
    SHOW(from(c));
    SHOW(send_to(c, "to a", "@a")); /* a takes from b only */
    SHOW(connect_to(c, "@a"));
    SHOW(send_to(b, "to a", "@a"));
    SHOW(from(a));
    SHOW(write(a, "left over", 9));
    SHOW(connect_to(b, "@c"));
    SHOW(send(a, "x", 1, 0)); /* b now takes from c only */
    SHOW(from(b));
    SHOW(connect(b, (struct sockaddr *)&un, 2));
    show_names(b);
    SHOW(connect(b, (struct sockaddr *)&un, 1));
    SHOW(send(b, "x", 1, 0));
    close(b);
    SHOW(send(a, "x", 1, 0));
    SHOW(send(a, "x", 1, 0));
    SHOW(connect_to(a, "b"));
    show_names(a);
    d = make(SOCK_STREAM);
    SHOW(connect_to(d, "b"));
    SHOW(connect_to(d, "@a"));
    close(d);
    SHOW(shutdown(a, SHUT_RD));
    SHOW(send_to(c, "x", "@a"));
    SHOW(ready(a));
    SHOW(recv(a, buf, 1, MSG_DONTWAIT));
    SHOW(recv(a, buf, 1, 0));
    SHOW(shutdown(a, SHUT_WR));
    SHOW(send_to(a, "x", "@c"));
    SHOW(ready(a));
    close(a), close(c);
    unlink("b");
}

static void test_pairs(int type)
{
    int s[2], n;
    struct msghdr m = { 0 };
    struct iovec v[2] = { { buf, 3 }, { buf + 100, 2 } };

    note("pairs, type %d", type);
    pair(type, s);
    show_names(s[0]);
    SHOW(send(s[0], "abcdefgh", 8, 0));
    SHOW(send(s[0], "", 0, 0));
    SHOW(send(s[0], "second", 6, MSG_EOR));
    SHOW(ioctl(s[1], FIONREAD, &n));
    SHOW(n);
    SHOW(recv(s[1], buf, 4, MSG_PEEK));
    SHOW(recv(s[1], buf, 4, MSG_PEEK | MSG_TRUNC));
    m.msg_iov = v;
    m.msg_iovlen = 2;
    SHOW(recvmsg(s[1], &m, 0));
    SHOW(m.msg_flags);
    SHOW(m.msg_namelen);
    SHOW(recv(s[1], buf, 10, 0));
    SHOW(recv(s[1], buf, 2, MSG_TRUNC));
    SHOW(recv(s[1], buf, 2, MSG_DONTWAIT));
    SHOW(send(s[0], "lost", 4, 0));
    SHOW(recv(s[1], (void *)8, 4, 0));
    SHOW(recv(s[1], buf, 4, MSG_DONTWAIT));
    SHOW(send(s[0], (void *)8, 4, 0));
    SHOW(sendto(s[0], "x", 1, 0, (struct sockaddr *)&(struct sockaddr_un){ AF_UNIX, "nobody" }, 9));
    SHOW(set_option(s[1], SO_PEEK_OFF, 2));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(send(s[0], "abcdef", 6, 0));
    SHOW(send(s[0], "xyz", 3, 0));
    SHOW(recv(s[1], buf, 3, MSG_PEEK));
    note("%.3s", buf);
    SHOW(recv(s[1], buf, 10, MSG_PEEK));
    note("%.1s", buf);
    SHOW(recv(s[1], buf, 10, MSG_PEEK));
    note("%.3s", buf);
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(recv(s[1], buf, 10, 0));
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(recv(s[1], buf, 10, 0));
    SHOW(option(s[1], SO_PEEK_OFF));
    /* sizes */
    set_option(s[0], SO_SNDBUF, 100000);
    for (int i = 0; i < 5000; i++)
        buf[i] = i * 3;
    SHOW(send(s[0], buf, 200000, 0));
    SHOW(send(s[0], buf, 200000 - 32, 0));
    SHOW(send(s[0], buf, 200000 - 31, 0));
    SHOW(recv(s[1], buf + 5000, 250000, 0));
    CHECK(!memcmp(buf, buf + 5000, 5000));
    /* full */
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    for (n = 0; send(s[0], buf, 1000, 0) == 1000; n++)
        ;
    SHOW(errno);
    CHECK(n > 10);
    SHOW(ready(s[0]) & POLLOUT);
    while (n-- > 0)
        recv(s[1], buf, 1000, 0);
    SHOW(recv(s[1], buf, 1000, MSG_DONTWAIT));
    SHOW(ready(s[0]));
    fcntl(s[0], F_SETFL, 0);
    /* ends */
    SHOW(send(s[0], "last", 4, 0));
    close(s[0]);
    SHOW(ready(s[1]));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(send(s[1], "x", 1, 0));
    SHOW(ready(s[1]));
    close(s[1]);
    pair(type, s);
    send(s[0], "unread", 6, 0);
    close(s[1]);
    SHOW(ready(s[0]));
    SHOW(option(s[0], SO_ERROR));
    SHOW(ready(s[0]));
    close(s[0]);
    pair(type, s);
    SHOW(shutdown(s[0], SHUT_WR));
    SHOW(send(s[0], "x", 1, 0));
    SHOW(ready(s[0]));
    SHOW(ready(s[1]));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(send(s[1], "x", 1, 0));
    SHOW(shutdown(s[0], SHUT_RD));
    SHOW(send(s[1], "x", 1, 0));
    SHOW(recv(s[0], buf, 10, MSG_DONTWAIT));
    SHOW(recv(s[0], buf, 10, MSG_DONTWAIT));
    close(s[0]), close(s[1]);
}

static void read_it(int fd)
{
    recv(fd, buf, 10, 0);
}

static void close_it(int fd)
{
    close(fd);
}

/* Of who is not connected to the sender only so many wait. */
static void test_queue(void)
{
    int r = make(SOCK_DGRAM), s = make(SOCK_DGRAM | SOCK_NONBLOCK), n, ep = MUST(epoll_create1(0));
    struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
    struct timeval tv = { 0, 20000 };
    struct later t;

    note("queue");
    bind_to(r, "@r");
    connect_to(s, "@r");
    set_option(s, SO_SNDBUF, 200000);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
    SHOW(epoll_wait(ep, &e, 1, 0));
    for (n = 0; n < 2000 && send(s, "x", 1, 0) == 1; n++)
        ;
    CHECK(n > 5 && n < 2000);
    SHOW(errno);
    SHOW(ready(s));
    SHOW(epoll_wait(ep, &e, 1, 0));
    SHOW(recv(r, buf, 1, 0));
    SHOW(ready(s));
    SHOW(epoll_wait(ep, &e, 1, 0));
    SHOW(send(s, "x", 1, 0));
    SHOW(send(s, "x", 1, 0));
    fcntl(s, F_SETFL, 0);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    SHOW(send(s, "x", 1, 0));
    tv.tv_usec = 0;
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    later(&t, read_it, r);
    SHOW(send(s, "x", 1, 0));
    later_end(&t);
    later(&t, close_it, r);
    SHOW(send(s, "x", 1, 0));
    later_end(&t);
    SHOW(ready(s));
    close(s), close(ep);
    /* to oneself there is no such limit */
    s = make(SOCK_DGRAM | SOCK_NONBLOCK);
    bind_to(s, "@self");
    for (n = 0; n < 20; n++)
        if (send_to(s, "x", "@self") != 1)
            break;
    CHECK_EQ(n, 20);
    close(s);
}

static void test_many(void)
{
    int s[2];
    char in[5][10];
    struct iovec out[5], iov[5];
    struct mmsghdr m[5] = { 0 };
    struct timespec ts = { 0, 30000000 };

    note("many");
    pair(SOCK_DGRAM, s);
    for (int i = 0; i < 5; i++) {
        out[i] = (struct iovec){ "abcdefghi", i + 1 };
        iov[i] = (struct iovec){ in[i], 3 };
        m[i].msg_hdr.msg_iov = &out[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    SHOW(sendmmsg(s[0], m, 3, 0));
    SHOW(m[2].msg_len);
    out[1].iov_base = (void *)8;
    SHOW(sendmmsg(s[0], m, 3, 0));
    SHOW(sendmmsg(s[0], m + 1, 1, 0));
    out[1].iov_base = "b";
    out[4].iov_len = 9;
    SHOW(sendmmsg(s[0], m + 4, 1, 0));
    for (int i = 0; i < 5; i++)
        m[i].msg_hdr.msg_iov = &iov[i];
    SHOW(recvmmsg(s[1], m, 2, 0, NULL));
    SHOW(m[0].msg_len + m[1].msg_len * 10);
    SHOW(recvmmsg(s[1], m, 5, MSG_DONTWAIT, NULL));
    SHOW(m[2].msg_len);
    SHOW(m[2].msg_hdr.msg_flags);
    SHOW(recvmmsg(s[1], m, 5, MSG_DONTWAIT, NULL));
    SHOW(send(s[0], "one", 3, 0));
    SHOW(recvmmsg(s[1], m, 5, MSG_WAITFORONE, NULL));
    SHOW(send(s[0], "one", 3, 0));
    iov[1].iov_base = (void *)8;
    SHOW(send(s[0], "two", 3, 0));
    SHOW(recvmmsg(s[1], m, 2, 0, NULL));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    SHOW(send(s[0], "one", 3, 0));
    SHOW(recvmmsg(s[1], m, 1, 0, &ts));
    CHECK(ts.tv_sec == 0 && ts.tv_nsec <= 30000000);
    close(s[0]), close(s[1]);
}

int main(void)
{
    scratch();
    signal(SIGPIPE, SIG_DFL); /* nothing here raises it */
    test_addresses();
    test_pairs(SOCK_DGRAM);
    test_pairs(SOCK_SEQPACKET);
    test_queue();
    test_many();
    return report_done();
}
