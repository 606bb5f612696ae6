/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls on sockets: arguments, errors, options; what is the same for all families. */
#include "sockets.h"
#include <netinet/in.h>

static char buf[1000];

static void test_make(void)
{
    int s[2];

    SHOW(socket(AF_UNIX, 0, 0));
    SHOW(socket(AF_UNIX, 11, 0));
    SHOW(socket(AF_UNIX, SOCK_RDM, 0));
    SHOW(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 2));
    SHOW(socket(AF_UNIX, SOCK_STREAM, -1));
    SHOW(socket(-1, SOCK_STREAM, 0));
    SHOW(socket(46, SOCK_STREAM, 0));
    SHOW(socket(9999, SOCK_STREAM, 0));
    SHOW(socketpair(9999, SOCK_STREAM, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_RDM, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, NULL));
    s[0] = SHOW(socket(AF_UNIX, SOCK_RAW, 0));
    SHOW(option(s[0], SO_TYPE));
    close(s[0]);
    s[0] = SHOW(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, AF_UNIX));
    SHOW(fcntl(s[0], F_GETFL));
    SHOW(fcntl(s[0], F_GETFD));
    SHOW(option(s[0], SO_PROTOCOL));
    close(s[0]);
}

/* Every call on no descriptor, and on one that is no socket. */
static void test_no_socket(int fd)
{
    struct sockaddr_un a = { AF_UNIX, "x" };
    socklen_t len = sizeof(a);
    struct msghdr m = { 0 };
    struct mmsghdr mm = { 0 };
    int n = 1;

    SHOW(bind(fd, (struct sockaddr *)&a, len));
    SHOW(connect(fd, (struct sockaddr *)&a, len));
    SHOW(listen(fd, 1));
    SHOW(accept(fd, NULL, NULL));
    SHOW(accept4(fd, NULL, NULL, 0));
    SHOW(accept4(fd, NULL, NULL, 1));
    SHOW(getsockname(fd, (struct sockaddr *)&a, &len));
    SHOW(getpeername(fd, (struct sockaddr *)&a, &len));
    SHOW(shutdown(fd, 0));
    SHOW(shutdown(fd, 9));
    SHOW(send(fd, "x", 1, 0));
    SHOW(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, len));
    SHOW(recv(fd, buf, 1, 0));
    SHOW(recvfrom(fd, buf, 1, 0, (struct sockaddr *)&a, &len));
    SHOW(sendmsg(fd, &m, 0));
    SHOW(recvmsg(fd, &m, 0));
    SHOW(sendmmsg(fd, &mm, 1, 0));
    SHOW(recvmmsg(fd, &mm, 1, 0, NULL));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &n, sizeof(n)));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &n, &len));
}

static void test_addresses(void)
{
    int s = make(SOCK_STREAM);
    struct sockaddr_un a = { AF_UNIX, "x" };
    char big[200] = { AF_UNIX };
    socklen_t len;

    SHOW(bind(s, (struct sockaddr *)&a, 0));
    SHOW(bind(s, (struct sockaddr *)&a, 1));
    SHOW(bind(s, (struct sockaddr *)&a, -1));
    SHOW(bind(s, (struct sockaddr *)&a, 111));
    SHOW(bind(s, (struct sockaddr *)big, 129));
    SHOW(bind(s, (void *)8, 10));
    SHOW(connect(s, (void *)8, 10));
    SHOW(connect(s, (struct sockaddr *)&a, 2));
    SHOW(connect(s, (struct sockaddr *)&a, 1));
    SHOW(connect(s, (struct sockaddr *)big, 129));
    a.sun_family = AF_INET;
    SHOW(bind(s, (struct sockaddr *)&a, 10));
    SHOW(connect(s, (struct sockaddr *)&a, 10));
    SHOW(bind_to(s, "@sockets-addresses"));
    len = -1;
    SHOW(getsockname(s, (struct sockaddr *)&a, &len));
    SHOW(getsockname(s, (struct sockaddr *)&a, (void *)8));
    len = 5;
    memset(&a, 'z', sizeof(a));
    SHOW(getsockname(s, (struct sockaddr *)&a, &len));
    CHECK_EQ(len, 28);
    CHECK(a.sun_path[2] == 'o' && a.sun_path[3] == 'z');
    len = 0;
    SHOW(getsockname(s, NULL, &len));
    CHECK_EQ(len, 28);
    len = 10;
    SHOW(getsockname(s, (void *)8, &len));
    close(s);
}

static void show_option(int s, int name, const char *what)
{
    char val[64];
    socklen_t len = sizeof(val);

    memset(val, 0x55, sizeof(val));
    if (getsockopt(s, SOL_SOCKET, name, val, &len))
        note("get %s: errno %d", what, errno);
    else
        note("get %s: length %d, value %d", what, len, *(int *)val);
}

#define OPTION(o)                                                    \
    do {                                                             \
        show_option(s, o, #o);                                       \
        note("set " #o " 1: %d", set_option(s, o, 1) ? errno : 0);   \
        show_option(s, o, #o);                                       \
        note("set " #o " -1: %d", set_option(s, o, -1) ? errno : 0); \
        show_option(s, o, #o);                                       \
        note("set " #o " 0: %d", set_option(s, o, 0) ? errno : 0);   \
        show_option(s, o, #o);                                       \
    } while (0)

static void test_options(int type)
{
    int s = make(type), n;
    struct timeval tv = { 3, 500000 };
    struct linger l = { 1, 5 };
    socklen_t len;

    OPTION(SO_TYPE);
    OPTION(SO_DOMAIN);
    OPTION(SO_PROTOCOL);
    OPTION(SO_ERROR);
    OPTION(SO_ACCEPTCONN);
    OPTION(SO_REUSEADDR);
    OPTION(SO_KEEPALIVE);
    OPTION(SO_BROADCAST);
    OPTION(SO_OOBINLINE);
    OPTION(SO_DONTROUTE);
    OPTION(SO_RCVLOWAT);
    OPTION(SO_SNDLOWAT);
    OPTION(SO_PASSCRED);
    OPTION(SO_TIMESTAMP);
    OPTION(SO_TIMESTAMPNS);
    OPTION(SO_MARK);
    OPTION(SO_BUSY_POLL);
    OPTION(SO_ZEROCOPY);
    OPTION(SO_PEEK_OFF);
    show_option(s, SO_PEERCRED, "SO_PEERCRED");
    show_option(s, SO_PEERSEC, "SO_PEERSEC");
    show_option(s, SO_PEERNAME, "SO_PEERNAME");
    show_option(s, 9999, "unknown");
    SHOW(set_option(s, SO_PEERCRED, 1));
    SHOW(set_option(s, 9999, 1));
    show_option(s, SO_SNDBUF, "SO_SNDBUF");
    show_option(s, SO_RCVBUF, "SO_RCVBUF");
    for (int i = 0; i < 3; i++) {
        static const int sizes[] = { 1, 10000, 100000 };

        note("size %d", sizes[i]);
        SHOW(set_option(s, SO_SNDBUF, sizes[i]));
        SHOW(set_option(s, SO_RCVBUF, sizes[i]));
        show_option(s, SO_SNDBUF, "SO_SNDBUF");
        show_option(s, SO_RCVBUF, "SO_RCVBUF");
    }
    SHOW(set_option(s, SO_SNDBUFFORCE, 1 << 20));
    show_option(s, SO_SNDBUF, "SO_SNDBUF");
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, 8));
    tv.tv_usec = 1000000;
    SHOW(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
    len = sizeof(tv);
    SHOW(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
    CHECK(tv.tv_sec == 3 && tv.tv_usec == 500000 && len == sizeof(tv));
    SHOW(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
    CHECK(tv.tv_sec == 0 && tv.tv_usec == 0);
    SHOW(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
    SHOW(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 4));
    len = sizeof(l);
    memset(&l, 0, sizeof(l));
    SHOW(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len));
    CHECK(l.l_onoff == 1 && l.l_linger == 5);
    /* lengths and places */
    n = 1;
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &n, 3));
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &n, 0));
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &n, -1));
    SHOW(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4));
    SHOW(setsockopt(s, 12345, 1, &n, 4));
    SHOW(getsockopt(s, 12345, 1, &n, &len));
    SHOW(setsockopt(s, IPPROTO_TCP, 1, &n, 4));
    len = -1;
    SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &n, &len));
    len = 2;
    n = -1;
    SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &n, &len));
    CHECK_EQ(len, 2);
    CHECK_EQ(n >> 16, -1);
    len = 100;
    SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &n, &len));
    CHECK_EQ(len, 4);
    SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, (void *)8, &len));
    SHOW(getsockopt(s, SOL_SOCKET, SO_TYPE, &n, (void *)8));
    close(s);
}

static void test_file(void)
{
    int s = make(SOCK_STREAM), n = 1;
    struct stat st;
    char link[100] = "", path[64];

    SHOW(fstat(s, &st));
    CHECK_EQ(st.st_mode, S_IFSOCK | 0777);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", s);
    SHOW(readlink(path, link, 8));
    note("%.8s", link);
    SHOW(open(path, O_RDONLY));
    SHOW(lseek(s, 0, SEEK_CUR));
    SHOW(pread(s, buf, 1, 0));
    SHOW(ftruncate(s, 0));
    SHOW(fsync(s));
    SHOW(ioctl(s, FIONBIO, &n));
    SHOW(fcntl(s, F_GETFL));
    SHOW(ioctl(s, 0x12345678, &n));
    SHOW(ioctl(s, FIONREAD, (void *)8));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED);
    SHOW(read(s, buf, 1));
    SHOW(write(s, buf, 1));
    SHOW(read(s, buf, 0));
    SHOW(write(s, buf, 0));
    close(s);
}

static void test_messages(void)
{
    int s[2];
    struct iovec v = { buf, 10 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    static struct iovec many[1025];

    pair(SOCK_STREAM | SOCK_NONBLOCK, s);
    m.msg_iovlen = 1025;
    m.msg_iov = many;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(recvmsg(s[0], &m, 0));
    SHOW(writev(s[0], many, 1025));
    m.msg_iovlen = 1024;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_iov = (void *)8;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(recvmsg(s[0], &m, 0));
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    SHOW(sendmsg(s[0], (void *)8, 0));
    SHOW(recvmsg(s[0], (void *)8, 0));
    v.iov_len = -1;
    SHOW(sendmsg(s[0], &m, 0));
    v.iov_len = 10;
    v.iov_base = (void *)8;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(send(s[0], "abcdef", 6, 0));
    SHOW(recvmsg(s[1], &m, 0));
    v.iov_base = buf;
    m.msg_control = (void *)8;
    m.msg_controllen = 20;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = 1 << 20;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = (size_t)1 << 40;
    SHOW(sendmsg(s[0], &m, 0));
    m.msg_controllen = 0;
    m.msg_name = (void *)8;
    m.msg_namelen = -1;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(recvmsg(s[1], &m, 0));
    m.msg_namelen = 0;
    SHOW(sendmsg(s[0], &m, 0));
    SHOW(recv(s[1], buf, 1000, 0));
    SHOW(send(s[0], (void *)-4096, 1, 0));
    SHOW(send(s[0], buf, -1, 0));
    SHOW(recv(s[1], buf, 0, 0));
    SHOW(send(s[0], "abc", 3, 0));
    SHOW(recv(s[1], buf, 0, 0));
    SHOW(recv(s[1], (void *)8, 3, 0));
    SHOW(recv(s[1], buf, 10, 0));
    SHOW(recvmmsg(s[1], NULL, 0, 0, NULL));
    SHOW(sendmmsg(s[1], NULL, 0, 0));
    SHOW(recvmmsg(s[1], (void *)8, 1, 0, NULL));
    SHOW(sendmmsg(s[1], (void *)8, 1, 0));
    SHOW(recvmmsg(s[1], NULL, 1, 0, &(struct timespec){ -1, 0 }));
    close(s[0]), close(s[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_make();
    test_no_socket(99);
    int fd = open("/dev/null", O_RDWR);
    test_no_socket(fd);
    close(fd);
    fd = open("/tmp", O_PATH);
    SHOW(send(fd, "x", 1, 0));
    SHOW(listen(fd, 1));
    close(fd);
    test_addresses();
    note("streams");
    test_options(SOCK_STREAM);
    note("datagrams");
    test_options(SOCK_DGRAM);
    test_file();
    test_messages();
    return report_done();
}
