/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP Fast Open over loopback: options, cookies, data in the SYN, connect(2) that waits for data. */
#include "own_net.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>

#define SOL_TCP 6

static const char sysctl_path[] = "/proc/sys/net/ipv4/tcp_fastopen";

static struct sockaddr_in listener_name;
static int listener(int qlen)
{
    static const char key[16] = "0123456789abcdef";
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0));

    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 10));
    MUST(setsockopt(l, SOL_TCP, TCP_FASTOPEN_KEY, key, sizeof(key)));
    MUST(setsockopt(l, SOL_TCP, TCP_FASTOPEN, &qlen, sizeof(qlen)));
    MUST(getsockname(l, (void *)&listener_name, &len));
    return l;
}

static void info(const char *who, int fd)
{
    struct tcp_info i;
    socklen_t len = sizeof(i);

    MUST(getsockopt(fd, SOL_TCP, TCP_INFO, &i, &len));
    note("ok %s: state %d, data in SYN %d, reason %d, acked %d, received %d", who, i.tcpi_state,
         !!(i.tcpi_options & 32), i.tcpi_fastopen_client_fail, (int)i.tcpi_bytes_acked,
         (int)i.tcpi_bytes_received);
}

static ssize_t fast(int fd, const char *text, int flags)
{
    return sendto(fd, text, strlen(text), MSG_FASTOPEN | flags, (void *)&listener_name,
                  sizeof(listener_name));
}

static int tcp(void)
{
    return MUST(socket(AF_INET, SOCK_STREAM, 0));
}

static void test_options(void)
{
    static const int values[] = { -1, 0, 1, 2, 5000 };
    static const int options[] = { TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE };
    char key[40] = "0123456789abcdefghijklmnopqrstuv";
    socklen_t len;
    int fd = tcp();

    for (unsigned o = 0; o < 3; o++)
        for (unsigned i = 0; i < 5; i++) {
            int v = -7, r = setsockopt(fd, SOL_TCP, options[o], &values[i], 4), e = r ? errno : 0;

            len = 4;
            getsockopt(fd, SOL_TCP, options[o], &v, &len);
            note("ok option %u = %d: %d, errno %d, then %d", o, values[i], r, e, v);
        }
    CHECK_ERR(setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, 15), EINVAL);
    CHECK_ERR(setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, 17), EINVAL);
    CHECK_ERR(setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, 0), EINVAL);
    CHECK_EQ(setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, 32), 0);
    memset(key, 0, sizeof(key));
    len = sizeof(key);
    CHECK_EQ(getsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, &len), 0);
    CHECK_EQ(len, 32);
    CHECK(!strcmp(key, "0123456789abcdefghijklmnopqrstuv"));
    CHECK_EQ(setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key + 1, 16), 0);
    len = 8;
    CHECK_EQ(getsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, key, &len), 0);
    CHECK_EQ(len, 8);
    CHECK(!memcmp(key, "12345678", 8));
    close(fd);
}

/* The first connection fetches a cookie, the second uses it. */
static void test_send(void)
{
    char buf[100];
    int l = listener(5), c = tcp(), s;

    CHECK_EQ(fast(c, "first", 0), 5);
    info("client without a cookie", c);
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 5);
    info("server", s);
    close(c);
    close(s);

    c = tcp();
    CHECK_EQ(fast(c, "second", 0), 6);
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 6);
    CHECK_EQ(send(s, "answer", 6, 0), 6);
    CHECK_EQ(recv(c, buf, sizeof(buf), 0), 6);
    info("client with a cookie", c);
    info("server", s);
    CHECK_ERR(fast(c, "again", 0), EISCONN);
    CHECK_EQ(send(c, "more", 4, 0), 4);
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 4);
    close(c);
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 0);
    close(s);

    /* a server that answers and closes before it knows its client */
    c = tcp();
    CHECK_EQ(fast(c, "question", MSG_DONTWAIT), 8);
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(recv(s, buf, sizeof(buf), 0), 8);
    CHECK_EQ(send(s, "bye", 3, 0), 3);
    close(s);
    CHECK_EQ(recv(c, buf, sizeof(buf), MSG_WAITALL), 3);
    CHECK_EQ(recv(c, buf, sizeof(buf), 0), 0);
    close(c);
    close(l);
}

static char out[300000], in[300000];

static void *take_all(void *arg)
{
    int s = MUST(accept(*(int *)arg, NULL, NULL));
    size_t got = 0;
    ssize_t n;

    while (got < sizeof(in) && (n = recv(s, in + got, sizeof(in) - got, 0)) > 0)
        got += n;
    close(s);
    return NULL;
}

static void test_large(void)
{
    struct iovec v = { out, sizeof(out) };
    struct msghdr m = {
        .msg_name = &listener_name, .msg_namelen = sizeof(listener_name), .msg_iov = &v, .msg_iovlen = 1
    };
    int l = listener(5), c = tcp();
    pthread_t t;

    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = i * 7 + i / 256;
    CHECK_EQ(pthread_create(&t, NULL, take_all, &l), 0);
    CHECK_EQ(sendmsg(c, &m, MSG_FASTOPEN), 300000);
    pthread_join(t, NULL);
    CHECK(!memcmp(in, out, sizeof(in)));
    close(c);
    close(l);
}

static void test_errors(void)
{
    struct sockaddr_in none = { .sin_family = AF_INET };
    int l = listener(5), c = tcp(), closed;

    CHECK_ERR(send(c, "x", 1, MSG_FASTOPEN), EINVAL);
    CHECK_ERR(sendto(c, "x", 1, MSG_FASTOPEN, (void *)&listener_name, 1), EINVAL);
    CHECK_ERR(sendto(c, "x", 1, MSG_FASTOPEN, (void *)&listener_name, 6), EINVAL);
    none.sin_family = AF_UNSPEC;
    CHECK_ERR(sendto(c, "x", 1, MSG_FASTOPEN, (void *)&none, sizeof(none)), EOPNOTSUPP);
    CHECK_ERR(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERR(send(l, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL), EISCONN);
    close(c);
    closed = listener(0);
    close(closed);
    c = tcp();
    CHECK_ERR(fast(c, "nobody", 0), ECONNREFUSED);
    close(c);
    close(l);
}

static void test_connect(void)
{
    char buf[100];
    int l = listener(5), c = tcp(), s, on = 1;
    struct pollfd p = { .events = POLLIN | POLLOUT };
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    MUST(setsockopt(c, SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
    CHECK_EQ(connect(c, (void *)&listener_name, sizeof(listener_name)), 0);
    p.fd = l;
    CHECK_EQ(poll(&p, 1, 0), 0); /* no SYN yet */
    p.fd = c;
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT);
    info("before the SYN", c);
    CHECK_EQ(getsockname(c, (void *)&a, &len), 0);
    CHECK(a.sin_port);
    CHECK_ERR(getpeername(c, (void *)&a, &len), ENOTCONN);
    MUST(fcntl(c, F_SETFL, O_NONBLOCK));
    CHECK_ERR(connect(c, (void *)&listener_name, sizeof(listener_name)), EISCONN);
    CHECK_ERR(recv(c, buf, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERR(setsockopt(c, SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)), EINVAL);
    CHECK_EQ(write(c, "hello", 5), 5);
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(read(s, buf, sizeof(buf)), 5);
    info("client", c);
    info("server", s);
    CHECK_EQ(write(c, "world", 5), 5);
    CHECK_EQ(read(s, buf, sizeof(buf)), 5);
    close(c);
    close(s);
    /* closed before anything was sent */
    c = tcp();
    MUST(setsockopt(c, SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
    CHECK_EQ(connect(c, (void *)&listener_name, sizeof(listener_name)), 0);
    close(c);
    p.fd = l;
    p.events = POLLIN;
    CHECK_EQ(poll(&p, 1, 20), 0);
    close(l);
}

int main(void)
{
    char buf[8] = "";
    int fd, l, c;

    own_network();
    fd = MUST(open(sysctl_path, O_RDONLY));
    CHECK_EQ(read(fd, buf, sizeof(buf)), 2);
    CHECK(!strcmp(buf, "1\n"));
    close(fd);
    test_options();
    /* a server that may not: the client asks in vain */
    l = listener(5);
    c = tcp();
    CHECK_EQ(fast(c, "plain", 0), 5);
    info("client", c);
    close(c);
    close(l);
    sysctl_write(sysctl_path, "3\n");
    test_send();
    test_large();
    test_connect();
    test_errors();
    sysctl_write(sysctl_path, "0x3\n");
    sysctl_write(sysctl_path, " 02\n");
    l = listener(5);
    c = tcp();
    int on = 1;
    CHECK_ERR(fast(c, "off", 0), EOPNOTSUPP);
    CHECK_ERR(setsockopt(c, SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)), EOPNOTSUPP);
    close(c);
    close(l);
    return report_done();
}
