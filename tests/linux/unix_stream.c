/* SPDX-License-Identifier: BSD-2-Clause */
/* Local streams and sequenced packets: names, connecting, backlog, readiness, ends, looking ahead, time limits. */
#include "sockets.h"

static char buf[300000];

static void test_names(int type)
{
    int l = make(type), c = make(type), s;
    struct stat st;
    struct sockaddr_un a;
    socklen_t len;

    note("names, type %d", type);
    show_names(l);
    SHOW(listen(l, 1));
    SHOW(bind_to(l, "missing/x"));
    SHOW(bind_to(l, "name"));
    SHOW(bind_to(l, "name2"));
    SHOW(bind_to(l, "@name2"));
    CHECK(!stat("name", &st) && st.st_mode == (S_IFSOCK | 0755));
    SHOW(open("name", O_RDWR));
    SHOW(bind_to(c, "name"));
    SHOW(connect_to(c, "name"));
    SHOW(accept(l, NULL, NULL));
    SHOW(option(l, SO_ACCEPTCONN));
    SHOW(listen(l, 5));
    SHOW(option(l, SO_ACCEPTCONN));
    SHOW(connect_to(l, "name"));
    SHOW(connect_to(c, "none"));
    SHOW(connect_to(c, "."));
    put_file("file", "text");
    SHOW(connect_to(c, "file"));
    SHOW(connect_to(c, "file/x"));
    symlink("name", "link");
    show_names(c);
    SHOW(ready(c));
    SHOW(ready(l));
    SHOW(connect_to(c, "link"));
    SHOW(ready(l));
    SHOW(ready(c));
    SHOW(connect_to(c, "name"));
    SHOW(listen(c, 1));
    show_names(c);
    len = sizeof(a);
    s = accept4(l, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SHOW(s >= 0);
    show_addr("accepted", &a, len);
    SHOW(fcntl(s, F_GETFL));
    SHOW(fcntl(s, F_GETFD));
    show_names(s);
    SHOW(ready(l));
    SHOW(read(l, buf, 1));
    SHOW(write(l, buf, 1));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(ready(s));
    close(s), close(c);
    /* a client with a name */
    c = make(type);
    SHOW(bind_to(c, "@client"));
    SHOW(connect_to(c, "name"));
    len = sizeof(a);
    s = accept(l, (struct sockaddr *)&a, &len);
    show_addr("accepted", &a, len);
    close(c), c = make(type);
    SHOW(connect_to(c, "name"));
    SHOW(accept(l, (void *)8, &len));
    SHOW(read(c, buf, 1));
    close(s);
    close(l);
    CHECK_EQ(access("name", F_OK), 0);
    close(c), c = make(type);
    SHOW(connect_to(c, "name"));
    SHOW(connect_to(c, "@name2"));
    l = make(type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM);
    unlink("name");
    SHOW(bind_to(l, "name"));
    SHOW(connect_to(c, "name"));
    SHOW(bind_to(l, "@a"));
    close(l), close(c);
    unlink("name"), unlink("link"), unlink("file"), unlink("name2");
    /* abstract ones */
    l = make(type), c = make(type), s = make(SOCK_DGRAM);
    SHOW(bind_to(l, "@abstract"));
    SHOW(bind_to(c, "@abstract"));
    SHOW(bind_to(s, "@abstract")); /* another type: another name */
    SHOW(connect_to(c, "@abstract"));
    SHOW(listen(l, 0));
    SHOW(connect_to(c, "@abstrac"));
    SHOW(connect_to(c, "@abstract"));
    close(l), close(s);
    l = make(type);
    SHOW(bind_to(l, "@abstract"));
    close(l), close(c);
    /* one of the kernel's choice */
    l = make(type);
    a.sun_family = AF_UNIX;
    SHOW(bind(l, (struct sockaddr *)&a, 2));
    len = sizeof(a);
    SHOW(getsockname(l, (struct sockaddr *)&a, &len));
    CHECK_EQ(len, 8);
    CHECK(!a.sun_path[0] && strspn(a.sun_path + 1, "0123456789abcdef") >= 5);
    SHOW(bind(l, (struct sockaddr *)&a, 2));
    close(l);
    /* the longest */
    memset(a.sun_path, 'n', sizeof(a.sun_path));
    l = make(type);
    SHOW(bind(l, (struct sockaddr *)&a, sizeof(a)));
    len = sizeof(a);
    SHOW(getsockname(l, (struct sockaddr *)&a, &len));
    CHECK_EQ(len, 111);
    close(l);
}

static void close_it(int fd)
{
    close(fd);
}

static void accept_it(int fd)
{
    close(accept(fd, NULL, NULL));
}

static void connect_it(int fd)
{
    connect_to(fd, "@listener");
}

static void test_backlog(int type)
{
    int l = listener(type, "@listener", 1), c[4], s;
    struct timeval tv = { 0, 30000 };
    struct later t;

    note("backlog, type %d", type);
    for (int i = 0; i < 4; i++)
        c[i] = make(type | SOCK_NONBLOCK);
    SHOW(connect_to(c[0], "@listener"));
    SHOW(connect_to(c[1], "@listener"));
    SHOW(connect_to(c[2], "@listener"));
    SHOW(ready(c[2]));
    SHOW(listen(l, 2));
    SHOW(connect_to(c[2], "@listener"));
    fcntl(c[3], F_SETFL, 0);
    setsockopt(c[3], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    SHOW(connect_to(c[3], "@listener"));
    tv.tv_usec = 0;
    setsockopt(c[3], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    later(&t, accept_it, l);
    SHOW(connect_to(c[3], "@listener"));
    later_end(&t);
    SHOW(read(c[0], buf, 1));
    SHOW(send(c[1], "early", 5, MSG_NOSIGNAL));
    s = accept(l, NULL, NULL);
    SHOW(recv(s, buf, 10, 0));
    close(s);
    SHOW(send(c[2], "lost", 4, MSG_NOSIGNAL));
    close(l);
    SHOW(ready(c[2]));
    SHOW(ready(c[3]));
    SHOW(option(c[2], SO_ERROR));
    SHOW(read(c[2], buf, 1));
    SHOW(read(c[3], buf, 1));
    SHOW(send(c[3], "x", 1, MSG_NOSIGNAL));
    for (int i = 0; i < 4; i++)
        close(c[i]);
    /* waiting for a connection */
    l = listener(type, "@listener", 1);
    c[0] = make(type);
    later(&t, connect_it, c[0]);
    s = SHOW(accept(l, NULL, NULL) >= 0);
    later_end(&t);
    tv.tv_usec = 30000;
    setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    SHOW(accept(l, NULL, NULL));
    fcntl(l, F_SETFL, O_NONBLOCK);
    SHOW(accept(l, NULL, NULL));
    SHOW(shutdown(l, SHUT_RD));
    SHOW(accept(l, NULL, NULL));
    SHOW(ready(l));
    c[1] = make(type);
    SHOW(connect_to(c[1], "@listener"));
    close(l), close(c[0]), close(c[1]), close(l + 2);
}

static void test_unconnected(int type)
{
    int s = make(type);

    note("unconnected, type %d", type);
    SHOW(ready(s));
    SHOW(recv(s, buf, 10, MSG_DONTWAIT));
    SHOW(send(s, "x", 1, MSG_NOSIGNAL));
    SHOW(send_to(s, "x", "@nobody"));
    SHOW(shutdown(s, SHUT_WR));
    SHOW(ready(s));
    SHOW(shutdown(s, SHUT_RDWR));
    SHOW(ready(s));
    SHOW(send(s, "x", 1, MSG_NOSIGNAL));
    SHOW(accept(s, NULL, NULL));
    close(s);
}

static void write_it(int fd)
{
    write(fd, "later", 5);
}

static void read_it(int fd)
{
    static char mine[300000];

    read(fd, mine, sizeof(mine));
}

static void test_peek(void)
{
    int s[2], n;
    struct later t;

    note("looking ahead");
    pair(SOCK_STREAM | SOCK_NONBLOCK, s);
    SHOW(recv(s[1], buf, 10, MSG_PEEK));
    write(s[0], "one", 3), write(s[0], "two", 3), write(s[0], "three", 5);
    SHOW(recv(s[1], buf, 100, MSG_PEEK));
    SHOW(recv(s[1], buf, 4, MSG_PEEK));
    SHOW(recv(s[1], buf, 100, MSG_PEEK | MSG_WAITALL));
    SHOW(recv(s[1], buf, 100, MSG_TRUNC | MSG_DONTWAIT | MSG_PEEK));
    SHOW(set_option(s[1], SO_PEEK_OFF, 2));
    SHOW(recv(s[1], buf, 3, MSG_PEEK));
    note("%.3s", buf);
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(recv(s[1], buf, 100, MSG_PEEK));
    note("%.6s", buf);
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(recv(s[1], buf, 100, MSG_PEEK | MSG_DONTWAIT));
    SHOW(recv(s[1], buf, 4, 0));
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(write(s[0], "more", 4));
    SHOW(recv(s[1], buf, 100, MSG_PEEK));
    note("%.4s", buf);
    SHOW(recv(s[1], buf, 100, 0));
    SHOW(option(s[1], SO_PEEK_OFF));
    SHOW(set_option(s[1], SO_PEEK_OFF, -1));
    SHOW(ioctl(s[1], FIONREAD, &n));
    SHOW(n);
    fcntl(s[1], F_SETFL, 0);
    later(&t, write_it, s[0]);
    SHOW(recv(s[1], buf, 100, MSG_PEEK));
    later_end(&t);
    later(&t, write_it, s[0]);
    SHOW(recv(s[1], buf, 10, MSG_WAITALL));
    later_end(&t);
    SHOW(send(s[0], "abc", 3, 0));
    later(&t, close_it, s[0]);
    SHOW(recv(s[1], buf, 10, MSG_WAITALL));
    later_end(&t);
    SHOW(recv(s[1], buf, 10, MSG_WAITALL));
    close(s[1]);
}

static void test_lowat(void)
{
    int s[2];
    struct later t;
    struct timeval tv = { 0, 20000 };

    note("low-water mark and time limits");
    pair(SOCK_STREAM, s);
    setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    SHOW(recv(s[1], buf, 10, 0));
    SHOW(recv(s[1], buf, 10, MSG_WAITALL));
    write(s[0], "abc", 3);
    SHOW(recv(s[1], buf, 10, MSG_WAITALL));
    set_option(s[1], SO_RCVLOWAT, 5);
    write(s[0], "abc", 3);
    SHOW(ready(s[1]));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    write(s[0], "abc", 3);
    later(&t, write_it, s[0]);
    tv.tv_usec = 0;
    setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    SHOW(recv(s[1], buf, 10, 0));
    later_end(&t);
    /* a writer that waits */
    tv.tv_usec = 20000;
    setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    CHECK(write(s[0], buf, 250000) > 60000);
    SHOW(write(s[0], buf, 1000) < 1000);
    SHOW(ready(s[0]) & POLLOUT);
    tv.tv_usec = 0;
    setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    later(&t, read_it, s[1]);
    SHOW(write(s[0], buf, 10000));
    later_end(&t);
    SHOW(ready(s[0]) & POLLOUT);
    close(s[0]), close(s[1]);
}

static int broken;

static void on_broken(int sig)
{
    broken++;
}

static void test_ends(int type)
{
    int s[2], ep = MUST(epoll_create1(0));
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

    note("ends, type %d", type);
    signal(SIGPIPE, on_broken);
    broken = 0;
    pair(type | SOCK_NONBLOCK, s);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &e));
    SHOW(epoll_wait(ep, &e, 1, 0));
    note("events %x", e.events);
    SHOW(epoll_wait(ep, &e, 1, 0));
    write(s[1], "x", 1);
    SHOW(epoll_wait(ep, &e, 1, 0));
    note("events %x", e.events);
    SHOW(epoll_wait(ep, &e, 1, 0));
    write(s[1], "x", 1);
    SHOW(epoll_wait(ep, &e, 1, 0));
    SHOW(read(s[0], buf, 1));
    SHOW(shutdown(s[1], SHUT_WR));
    SHOW(epoll_wait(ep, &e, 1, 0));
    note("events %x", e.events);
    SHOW(ready(s[0]));
    SHOW(ready(s[1]));
    SHOW(write(s[1], "x", 1));
    SHOW(broken);
    SHOW(read(s[0], buf, 10));
    SHOW(read(s[0], buf, 10));
    SHOW(write(s[0], "y", 1));
    SHOW(shutdown(s[0], SHUT_RD));
    SHOW(shutdown(s[1], SHUT_RD));
    SHOW(read(s[1], buf, 10));
    SHOW(read(s[1], buf, 10));
    SHOW(write(s[0], "y", 1));
    SHOW(broken);
    SHOW(epoll_wait(ep, &e, 1, 0));
    note("events %x", e.events);
    SHOW(ready(s[0]));
    SHOW(ready(s[1]));
    close(s[0]), close(s[1]);
    pair(type, s);
    write(s[0], "unread", 6);
    close(s[1]);
    SHOW(ready(s[0]));
    SHOW(write(s[0], "x", 1));
    SHOW(broken);
    SHOW(write(s[0], "x", 1));
    SHOW(broken);
    SHOW(read(s[0], buf, 1));
    show_names(s[0]);
    SHOW(shutdown(s[0], SHUT_RDWR));
    close(s[0]);
    /* who waits learns of it */
    struct later t;
    pair(type, s);
    later(&t, close_it, s[1]);
    SHOW(read(s[0], buf, 1));
    later_end(&t);
    close(s[0]);
    pair(type, s);
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    while (write(s[0], buf, 4000) > 0)
        ;
    SHOW(errno);
    fcntl(s[0], F_SETFL, 0);
    later(&t, close_it, s[1]);
    SHOW(send(s[0], buf, 4000, MSG_NOSIGNAL));
    later_end(&t);
    close(s[0]), close(ep);
    signal(SIGPIPE, SIG_IGN);
}

static void test_sizes(void)
{
    int s[2];
    static char in[300000];
    size_t sizes[] = { 1, 100, 176, 177, 1000, 1968, 1969, 4096, 5000, 32768, 40000, 100000 };

    note("sizes");
    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = i * 7 + i / 251;
    pair(SOCK_STREAM, s);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t n = sizes[i], got = 0;

        CHECK_EQ(write(s[0], buf, n), n);
        memset(in, 0, n);
        while (got < n) {
            ssize_t r = read(s[1], in + got, got ? n - got : (n + 2) / 3);

            if (r <= 0)
                break;
            got += r;
        }
        CHECK_EQ(got, n);
        CHECK(!memcmp(in, buf, n));
    }
    CHECK_EQ(writev(s[0], (struct iovec[]){ { "a", 1 }, { buf, 5000 }, { "", 0 }, { "b", 1 } }, 4), 5002);
    CHECK_EQ(readv(s[1], (struct iovec[]){ { in, 10 }, { in + 10, 100 }, { in + 110, 10000 } }, 3), 5002);
    CHECK(in[0] == 'a' && in[5001] == 'b' && !memcmp(in + 1, buf, 5000));
    write(s[0], "abc", 3);
    SHOW(readv(s[1], (struct iovec[]){ { in, 1 }, { (void *)8, 10 } }, 2));
    SHOW(read(s[1], in, 10));
    SHOW(writev(s[0], (struct iovec[]){ { "xyz", 3 }, { (void *)8, 10 } }, 2));
    SHOW(recv(s[1], in, 10, MSG_DONTWAIT));
    close(s[0]), close(s[1]);
}

int main(void)
{
    scratch();
    signal(SIGPIPE, SIG_IGN);
    test_names(SOCK_STREAM);
    unlink("name");
    for (char *n = buf, i = 0; i < 108; i++)
        n[(int)i] = 'n', n[i + 1] = 0;
    unlink(buf);
    test_names(SOCK_SEQPACKET);
    test_backlog(SOCK_STREAM);
    test_backlog(SOCK_SEQPACKET);
    test_unconnected(SOCK_STREAM);
    test_unconnected(SOCK_SEQPACKET);
    test_peek();
    test_lowat();
    test_ends(SOCK_STREAM);
    test_ends(SOCK_SEQPACKET);
    test_sizes();
    return report_done();
}
