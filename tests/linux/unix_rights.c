/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors and credentials in messages of local sockets. */
#include "sockets.h"

static char buf[1000];
static int nr_open;

static int count_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

union control {
    struct cmsghdr align;
    char bytes[2000];
};

/* One message with descriptors. */
static int send_fds(int s, const char *data, const int *fds, int nr, int flags)
{
    union control c = { 0 };
    struct iovec v = { (void *)data, strlen(data) };
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(nr * 4)
    };

    c.align.cmsg_level = SOL_SOCKET;
    c.align.cmsg_type = SCM_RIGHTS;
    c.align.cmsg_len = CMSG_LEN(nr * 4);
    memcpy(CMSG_DATA(&c.align), fds, nr * 4);
    return sendmsg(s, &m, flags);
}

static int got[300];

/* Receives into room bytes of control data, and tells what came; descriptors are left open in got. */
static int receive(int s, size_t len, size_t room, int flags)
{
    union control c = { 0 };
    struct iovec v = { buf, len };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = room };
    int n = recvmsg(s, &m, flags), nr = 0;

    if (n < 0) {
        note("received: errno %d", errno);
        return 0;
    }
    note("received %d, flags %x, control %d", n, m.msg_flags, (int)m.msg_controllen);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        note("control level %d type %d length %d", h->cmsg_level, h->cmsg_type, (int)h->cmsg_len);
        if (h->cmsg_type == SCM_RIGHTS) {
            nr = (h->cmsg_len - CMSG_LEN(0)) / 4;
            memcpy(got, CMSG_DATA(h), nr * 4);
        } else if (h->cmsg_type == SCM_CREDENTIALS && h->cmsg_len == CMSG_LEN(12)) {
            struct ucred u;

            memcpy(&u, CMSG_DATA(h), 12);
            note("credentials: pid %s uid %d gid %d",
                 u.pid == getpid() ? "own"
                 : u.pid           ? "other"
                                   : "0",
                 u.uid, u.gid);
        }
    }
    return nr;
}

static void close_got(int nr)
{
    for (int i = 0; i < nr; i++)
        close(got[i]);
}

static void test_rights(int type)
{
    int s[2], p[2], fds[260], n;

    note("descriptors, type %d", type);
    pair(type, s);
    MUST(pipe(p));
    SHOW(send_fds(s[0], "a", p, 2, 0));
    n = receive(s[1], 10, 100, 0);
    SHOW(n);
    CHECK(got[0] != p[0] && got[1] != p[1]);
    SHOW(write(got[1], "through", 7));
    SHOW(read(p[0], buf, 10));
    SHOW(fcntl(got[0], F_GETFD));
    close_got(n);
    /* closed by the sender, they live on */
    SHOW(send_fds(s[0], "b", p + 1, 1, 0));
    close(p[1]);
    SHOW(ready(p[0]));
    n = receive(s[1], 10, 100, MSG_CMSG_CLOEXEC);
    SHOW(fcntl(got[0], F_GETFD));
    SHOW(write(got[0], "x", 1));
    close_got(n);
    SHOW(ready(p[0]) & POLLHUP);
    /* without room */
    fds[0] = fds[1] = fds[2] = p[0];
    for (size_t room = 0; room <= 40; room += 4) {
        note("room %d", (int)room);
        send_fds(s[0], "c", fds, 3, 0);
        close_got(receive(s[1], 10, room, 0));
    }
    send_fds(s[0], "d", fds, 3, 0);
    SHOW(recv(s[1], buf, 10, 0));
    send_fds(s[0], "e", fds, 3, 0);
    SHOW(read(s[1], buf, 10));
    /* looked at twice */
    send_fds(s[0], "peek", fds, 1, 0);
    close_got(receive(s[1], 2, 100, MSG_PEEK));
    close_got(receive(s[1], 10, 100, MSG_PEEK));
    close_got(receive(s[1], 10, 100, 0));
    /* they end what is read at once */
    send(s[0], "1", 1, 0);
    send_fds(s[0], "234", fds, 1, 0);
    send(s[0], "5", 1, 0);
    send_fds(s[0], "6", fds, 2, 0);
    send(s[0], "7", 1, 0);
    for (int i = 0; i < 6; i++)
        close_got(receive(s[1], i == 1 ? 2 : 10, 100, MSG_DONTWAIT));
    send(s[0], "1", 1, 0);
    send_fds(s[0], "234", fds, 1, 0);
    send(s[0], "5", 1, 0);
    close_got(receive(s[1], 10, 100, MSG_PEEK | MSG_DONTWAIT));
    while (recv(s[1], buf, 10, MSG_DONTWAIT) >= 0)
        ;
    /* errors */
    fds[1] = 999;
    SHOW(send_fds(s[0], "f", fds, 2, 0));
    fds[1] = -1;
    SHOW(send_fds(s[0], "f", fds, 2, 0));
    SHOW(send_fds(s[0], "f", fds, 0, 0));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    for (int i = 0; i < 260; i++)
        fds[i] = p[0];
    SHOW(send_fds(s[0], "g", fds, 254, 0));
    SHOW(send_fds(s[0], "g", fds, 253, 0));
    n = receive(s[1], 10, 1100, 0);
    SHOW(n);
    close_got(n);
    SHOW(send_fds(s[0], "", fds, 1, 0));
    SHOW(recv(s[1], buf, 10, MSG_DONTWAIT));
    /* no number left */
    struct rlimit {
        unsigned long cur, max;
    } old, few;
    send_fds(s[0], "h", fds, 5, 0);
    syscall(SYS_prlimit64, 0, 7, NULL, &old);
    few = old;
    few.cur = p[0] + 4;
    while ((n = dup(0)) >= 0 && (unsigned)n < few.cur - 3)
        ;
    close(n);
    syscall(SYS_prlimit64, 0, 7, &few, NULL);
    n = receive(s[1], 10, 100, 0);
    CHECK(n < 5);
    close_got(n);
    syscall(SYS_prlimit64, 0, 7, &old, NULL);
    for (int i = p[0] + 1; i < 1000; i++)
        if (i != s[0] && i != s[1])
            close(i);
    /* lost with the socket */
    MUST(pipe(p));
    send_fds(s[0], "i", p + 1, 1, 0);
    close(p[1]);
    SHOW(ready(p[0]));
    close(s[1]);
    SHOW(ready(p[0]));
    SHOW(send_fds(s[0], "j", p, 1, MSG_NOSIGNAL));
    close(s[0]), close(p[0]);
    for (int i = nr_open; i < 1000; i++)
        close(i);
}

static void raw_control(int s, const void *bytes, size_t len)
{
    union control c = { 0 };
    struct iovec v = { "r", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = len };

    memcpy(&c, bytes, len);
    SHOW(sendmsg(s, &m, 0));
    recv(s + 1, buf, 10, MSG_DONTWAIT);
}

static void test_malformed(void)
{
    int s[2];
    struct {
        struct cmsghdr h;
        int fds[4];
    } c = { { 0, SOL_SOCKET, SCM_RIGHTS }, { 0, 0, 0, 0 } };

    note("malformed");
    pair(SOCK_STREAM, s);
    if (s[1] != s[0] + 1)
        note("numbers");
    for (unsigned long len = 0; len <= 33; len++) {
        note("length %d", (int)len);
        c.h.cmsg_len = len;
        raw_control(s[0], &c, sizeof(c));
    }
    c.h.cmsg_len = -1;
    raw_control(s[0], &c, sizeof(c));
    c.h.cmsg_len = 20;
    raw_control(s[0], &c, 16);
    raw_control(s[0], &c, 15);
    raw_control(s[0], &c, 20);
    c.h.cmsg_type = 99;
    raw_control(s[0], &c, sizeof(c));
    c.h.cmsg_level = 99;
    raw_control(s[0], &c, sizeof(c));
    c.h.cmsg_level = SOL_SOCKET;
    c.h.cmsg_type = SCM_CREDENTIALS;
    raw_control(s[0], &c, sizeof(c));
    close(s[0]), close(s[1]);
}

static int send_cred(int s, int pid, int uid, int gid)
{
    union control c = { 0 };
    struct iovec v = { "c", 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(12) };
    struct ucred u = { pid, uid, gid };

    c.align.cmsg_level = SOL_SOCKET;
    c.align.cmsg_type = SCM_CREDENTIALS;
    c.align.cmsg_len = CMSG_LEN(12);
    memcpy(CMSG_DATA(&c.align), &u, 12);
    return sendmsg(s, &m, 0);
}

static void test_cred(int type)
{
    int s[2], fd;
    struct ucred u;
    socklen_t len = sizeof(u);

    note("credentials, type %d", type);
    pair(type, s);
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
    CHECK(u.pid == getpid() && u.uid == geteuid() && u.gid == getegid());
    SHOW(send(s[0], "before", 6, 0));
    SHOW(set_option(s[1], SO_PASSCRED, 1));
    SHOW(option(s[1], SO_PASSCRED));
    SHOW(send(s[0], "after", 5, 0));
    receive(s[1], 100, 100, 0);
    receive(s[1], 100, 100, MSG_DONTWAIT);
    SHOW(send(s[0], "1", 1, 0));
    SHOW(send_cred(s[0], getpid(), getuid(), getgid()));
    receive(s[1], 100, 100, MSG_DONTWAIT);
    receive(s[1], 100, 100, MSG_DONTWAIT);
    SHOW(send_cred(s[0], 1 << 22, getuid(), getgid()));
    SHOW(send_cred(s[0], getpid(), -1, 0));
    SHOW(send_cred(s[0], getpid(), 5, 6));
    SHOW(send(s[0], "2", 1, 0));
    receive(s[1], 100, 100, MSG_DONTWAIT);
    receive(s[1], 100, 100, MSG_DONTWAIT);
    /* little room */
    for (int room = 0; room < 36; room += 7) {
        send(s[0], "3", 1, 0);
        receive(s[1], 100, room, 0);
    }
    /* with descriptors, and peeked at */
    fd = open("/dev/null", O_RDONLY);
    send_fds(s[0], "4", &fd, 1, 0);
    close_got(receive(s[1], 100, 100, MSG_PEEK));
    close_got(receive(s[1], 100, 100, 0));
    SHOW(set_option(s[1], SO_PASSCRED, 0));
    SHOW(set_option(s[0], SO_PASSCRED, 1)); /* the sender's counts for the message only */
    send(s[0], "5", 1, 0);
    receive(s[1], 100, 100, 0);
    SHOW(write(s[0], "6", 1));
    SHOW(read(s[1], buf, 10));
    close(fd), close(s[0]), close(s[1]);
}

static void test_peercred(void)
{
    int l = listener(SOCK_STREAM, "@cred", 1), c = make(SOCK_STREAM), s;
    struct ucred u;
    socklen_t len = sizeof(u);

    note("credentials of who connected");
    SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len));
    SHOW(u.pid), SHOW(u.uid), SHOW(u.gid);
    set_option(l, SO_PASSCRED, 1);
    SHOW(connect_to(c, "@cred"));
    SHOW(write(c, "early", 5));
    s = accept(l, NULL, NULL);
    SHOW(option(s, SO_PASSCRED));
    receive(s, 100, 100, 0);
    SHOW(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len));
    CHECK(u.pid == getpid() && u.uid == geteuid());
    SHOW(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &len));
    CHECK(u.pid == getpid() && u.uid == geteuid());
    len = 5;
    SHOW(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &len));
    CHECK_EQ(len, 5);
    close(c), close(s);
    c = make(SOCK_STREAM);
    set_option(c, SO_PASSCRED, 1); /* which gives it a name */
    SHOW(connect_to(c, "@cred"));
    struct sockaddr_un a;
    len = sizeof(a);
    SHOW(getsockname(c, (struct sockaddr *)&a, &len));
    CHECK_EQ(len, 8);
    close(c), close(l);
}

/* Linux collects a little later. */
static int gone(int fd)
{
    struct pollfd p = { .fd = fd };

    poll(&p, 1, 3000);
    return p.revents;
}

/* A pipe's end travels in messages that nobody can receive any more: the pipe learns that it is gone. */
static void test_cycles(void)
{
    int s[2], t[2], p[2], l, c;

    note("cycles");
    MUST(pipe(p)), pair(SOCK_STREAM, s);
    send_fds(s[0], "x", p + 1, 1, 0);
    send_fds(s[0], "x", s + 1, 1, 0); /* into its own queue */
    close(p[1]), close(s[1]);
    SHOW(ready(p[0]));
    close(s[0]);
    SHOW(gone(p[0]));
    close(p[0]);

    MUST(pipe(p)), pair(SOCK_DGRAM, s), pair(SOCK_STREAM, t);
    send_fds(s[0], "x", p + 1, 1, 0);
    send_fds(s[0], "x", t, 1, 0);
    send_fds(t[0], "x", s, 2, 0);
    send_fds(t[1], "x", s, 2, 0);
    close(p[1]), close(s[0]), close(s[1]), close(t[0]);
    SHOW(ready(p[0]));
    SHOW(ready(t[1]));
    close(t[1]);
    SHOW(gone(p[0]));
    close(p[0]);

    /* reachable from outside: nothing is lost */
    MUST(pipe(p)), pair(SOCK_STREAM, s), pair(SOCK_STREAM, t);
    send_fds(s[0], "1", p + 1, 1, 0);
    send_fds(s[0], "2", s + 1, 1, 0);
    send_fds(t[0], "3", s + 1, 1, 0);
    close(p[1]), close(s[0]), close(s[1]);
    pair(SOCK_STREAM, s), close(s[0]), close(s[1]); /* a reason to collect */
    usleep(20000);
    SHOW(ready(p[0]));
    CHECK_EQ(receive(t[1], 10, 100, 0), 1);
    c = got[0];
    CHECK_EQ(receive(c, 10, 100, 0), 1);
    SHOW(write(got[0], "y", 1));
    close(got[0]);
    SHOW(read(p[0], buf, 10));
    close(c), close(t[0]), close(t[1]);
    SHOW(gone(p[0]));
    close(p[0]);

    /* a listener in the queue of a connection that it has not accepted */
    MUST(pipe(p));
    l = listener(SOCK_STREAM, "@cycle", 1), c = make(SOCK_STREAM);
    SHOW(connect_to(c, "@cycle"));
    send_fds(c, "x", &l, 1, 0);
    send_fds(c, "x", p + 1, 1, 0);
    close(p[1]), close(l);
    SHOW(ready(p[0]));
    close(c);
    SHOW(gone(p[0]));
    close(p[0]);
    /* many times: nothing is left behind */
    for (int i = 0; i < 2000; i++) {
        pair(SOCK_STREAM, s);
        send_fds(s[0], "x", s, 2, 0);
        send_fds(s[1], "x", s, 2, 0);
        close(s[0]), close(s[1]);
    }
    CHECK_EQ(count_open(), nr_open);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    nr_open = count_open();
    CHECK_EQ(nr_open, 3);
    test_rights(SOCK_STREAM);
    test_rights(SOCK_DGRAM);
    test_rights(SOCK_SEQPACKET);
    test_malformed();
    test_cred(SOCK_STREAM);
    test_cred(SOCK_DGRAM);
    test_peercred();
    test_cycles();
    return report_done();
}
