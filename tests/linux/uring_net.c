/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring's operations on sockets, by local ones. */
#include "sockets.h"
#include "uring.h"

static struct ring r;
static char buf[100000];

static void test_make(void)
{
    struct io_uring_sqe *s;
    int fd;

    note("make");
    sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM | SOCK_CLOEXEC, 1);
    fd = one(&r);
    CHECK(fd >= 0);
    SHOW(fcntl(fd, F_GETFD));
    close(fd);
    sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, 99, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_SOCKET, 9999, 0, 0, SOCK_STREAM, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 77, SOCK_STREAM, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM | 0x100, 1), SHOW(one(&r));
    s = sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM, 1), s->rw_flags = 1, SHOW(one(&r));
    s = sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM | SOCK_CLOEXEC, 1), s->file_index = 1,
    SHOW(one(&r));
}

static void test_accept(void)
{
    int l = listener(SOCK_STREAM, "@uring", 10), c = make(SOCK_STREAM), fds[1] = { -1 };
    struct name a = name("@uring"), none = name("@none");
    struct sockaddr_un from;
    socklen_t len = sizeof(from);
    struct io_uring_sqe *s;
    struct done d;

    note("accept");
    sqe(&r, IORING_OP_CONNECT, c, &none.a, 0, none.len, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_CONNECT, c, (void *)8, 0, 10, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_CONNECT, c, &a.a, 1, a.len, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_CONNECT, 0, &a.a, 0, a.len, 1), SHOW(one(&r));
    sqe(&r, IORING_OP_CONNECT, 99, &a.a, 0, a.len, 1), SHOW(one(&r));
    bind_to(c, "@client");
    s = sqe(&r, IORING_OP_ACCEPT, l, &from, 0, (uintptr_t)&len, 2);
    s->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    SHOW(submit_wait(&r, 0));
    CHECK_EQ(cq_ready(&r), 0);
    sqe(&r, IORING_OP_CONNECT, c, &a.a, 0, a.len, 1);
    SHOW(submit_wait(&r, 2));
    for (int i = 0; i < 2; i++) {
        d = cqe(&r);
        if (d.user_data == 1)
            CHECK_EQ(d.res, 0);
        else
            fds[0] = d.res;
    }
    CHECK(fds[0] > 2);
    SHOW(fcntl(fds[0], F_GETFL));
    SHOW(fcntl(fds[0], F_GETFD));
    show_addr("from", &from, len);
    close(fds[0]), close(c);
    s = sqe(&r, IORING_OP_ACCEPT, l, 0, 0, 0, 2), s->accept_flags = 1, SHOW(one(&r));
    s = sqe(&r, IORING_OP_ACCEPT, l, 0, 1, 0, 2), SHOW(one(&r));
    s = sqe(&r, IORING_OP_ACCEPT, 0, 0, 0, 0, 2), SHOW(one(&r));
    s = sqe(&r, IORING_OP_ACCEPT, l, 0, 0, 0, 2), s->ioprio = 1 << 7, SHOW(one(&r));

    note("many from one");
    s = sqe(&r, IORING_OP_ACCEPT, l, 0, 0, 0, 3), s->ioprio = IORING_ACCEPT_MULTISHOT;
    SHOW(submit_wait(&r, 0));
    for (int i = 0; i < 3; i++) {
        c = make(SOCK_STREAM);
        SHOW(connect_to(c, "@uring"));
        SHOW(submit_wait(&r, 1));
        d = cqe(&r);
        CHECK(d.user_data == 3 && d.res > 2 && d.flags == IORING_CQE_F_MORE);
        close(d.res), close(c);
    }
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)3, 0, 0, 4);
    go(&r, 2, "cancelled");
    close(l);

    note("into slots");
    int slots[4] = { -1, -1, -1, -1 };
    SHOW(sys_register(r.fd, IORING_REGISTER_FILES, slots, 4));
    l = listener(SOCK_STREAM, "@uring2", 10), c = make(SOCK_STREAM);
    connect_to(c, "@uring2");
    s = sqe(&r, IORING_OP_ACCEPT, l, 0, 0, 0, 6), s->file_index = 2;
    SHOW(one(&r));
    s = sqe(&r, IORING_OP_SEND, 1, "hello", 5, 0, 7), s->flags = IOSQE_FIXED_FILE;
    SHOW(one(&r));
    SHOW(recv(c, buf, 10, 0));
    s = sqe(&r, IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM, 1), s->file_index = IORING_FILE_INDEX_ALLOC;
    SHOW(one(&r));
    close(c), close(l);
    SHOW(sys_register(r.fd, IORING_UNREGISTER_FILES, NULL, 0));
}

static void test_messages(void)
{
    int s[2], p[2], fd;
    union {
        struct cmsghdr h;
        char bytes[CMSG_SPACE(4)];
    } c = { 0 };
    struct iovec out[2] = { { "hello ", 6 }, { "world", 5 } }, in[2] = { { buf, 4 }, { buf + 10, 20 } };
    struct msghdr m = { .msg_iov = out, .msg_iovlen = 2, .msg_control = &c, .msg_controllen = sizeof(c) }, m2;
    struct io_uring_sqe *q;

    note("messages");
    pair(SOCK_STREAM, s);
    MUST(pipe(p));
    c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&c.h), &p[1], 4);
    sqe(&r, IORING_OP_SENDMSG, s[0], &m, 1, 0, 1), SHOW(one(&r));
    m.msg_iov = in;
    memset(&c, 0, sizeof(c));
    sqe(&r, IORING_OP_RECVMSG, s[1], &m, 1, 0, 1), SHOW(one(&r));
    SHOW(m.msg_controllen), SHOW(m.msg_flags);
    memcpy(&fd, CMSG_DATA(&c.h), 4);
    SHOW(write(fd, "x", 1));
    SHOW(read(p[0], buf, 1));
    close(fd), close(p[0]), close(p[1]);
    /* one that waits; what the program changes meanwhile does not matter */
    m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2 };
    m2 = m;
    sqe(&r, IORING_OP_RECVMSG, s[1], &m2, 1, 0, 2);
    SHOW(submit_wait(&r, 0));
    in[0].iov_len = in[1].iov_len = 0;
    SHOW(write(s[0], "waited for", 10));
    go(&r, 1, "waited");
    note("%.4s %.6s", buf, buf + 10);
    in[0].iov_len = 4, in[1].iov_len = 6;
    q = sqe(&r, IORING_OP_RECVMSG, s[1], &m, 1, 0, 3), q->msg_flags = MSG_WAITALL;
    SHOW(submit_wait(&r, 0));
    write(s[0], "first", 5);
    SHOW(submit_wait(&r, 0));
    CHECK_EQ(cq_ready(&r), 0);
    write(s[0], "then", 4);
    write(s[0], "!", 1);
    go(&r, 1, "all");
    note("%.4s %.6s", buf, buf + 10);
    sqe(&r, IORING_OP_RECVMSG, s[1], (void *)8, 1, 0, 3), SHOW(one(&r));
    sqe(&r, IORING_OP_SENDMSG, s[1], (void *)8, 1, 0, 3), SHOW(one(&r));
    sqe(&r, IORING_OP_SENDMSG, s[1], &m, 1, 99, 3), SHOW(one(&r));
    sqe(&r, IORING_OP_SENDMSG, 0, &m, 1, 0, 3), SHOW(one(&r));
    sqe(&r, IORING_OP_RECVMSG, 99, &m, 1, 0, 3), SHOW(one(&r));
    m.msg_iovlen = 5000;
    sqe(&r, IORING_OP_SENDMSG, s[1], &m, 1, 0, 3), SHOW(one(&r));
    q = sqe(&r, IORING_OP_SHUTDOWN, s[0], 0, SHUT_WR, 0, 4), SHOW(one(&r));
    sqe(&r, IORING_OP_RECV, s[1], buf, 10, 0, 4), SHOW(one(&r));
    close(s[0]), close(s[1]);
    /* to an address */
    int a = make(SOCK_DGRAM), b = make(SOCK_DGRAM);
    struct name to = name("@to");
    bind_to(b, "@to");
    q = sqe(&r, IORING_OP_SEND, a, "addressed", 9, (uintptr_t)&to.a, 5), q->addr_len = to.len, SHOW(one(&r));
    SHOW(recv(b, buf, 20, MSG_DONTWAIT));
    q = sqe(&r, IORING_OP_SEND, a, "addressed", 9, 8, 5), q->addr_len = to.len, SHOW(one(&r));
    q = sqe(&r, IORING_OP_SEND, a, "addressed", 9, (uintptr_t)&to.a, 5), q->addr_len = 1, SHOW(one(&r));
    sqe(&r, IORING_OP_SEND, a, "addressed", 9, 0, 5), SHOW(one(&r));
    close(a), close(b);
}

static void test_multishot(void)
{
    int s[2];
    struct io_uring_sqe *q;

    note("many from one");
    pair(SOCK_STREAM, s);
    sqe(&r, IORING_OP_PROVIDE_BUFFERS, 4, buf, 100, 10, 1), SHOW(one(&r));
    q = sqe(&r, IORING_OP_RECV, s[1], 0, 0, 0, 2);
    q->ioprio = IORING_RECV_MULTISHOT, SHOW(one(&r));
    q = sqe(&r, IORING_OP_RECV, s[1], 0, 10, 0, 2);
    q->flags = IOSQE_BUFFER_SELECT, q->ioprio = IORING_RECV_MULTISHOT;
    q->msg_flags = MSG_WAITALL, SHOW(one(&r));
    q = sqe(&r, IORING_OP_RECV, s[1], 0, 0, 0, 2);
    q->flags = IOSQE_BUFFER_SELECT, q->ioprio = IORING_RECV_MULTISHOT;
    SHOW(submit_wait(&r, 0));
    write(s[0], "one", 3);
    go(&r, 1, "first");
    write(s[0], "three", 5);
    go(&r, 1, "second");
    memset(buf + 50000, 'z', 150);
    write(s[0], buf + 50000, 150);
    go(&r, 2, "two buffers");
    write(s[0], "more", 4);
    go(&r, 1, "none left");
    sqe(&r, IORING_OP_PROVIDE_BUFFERS, 1, buf, 100, 20, 1), SHOW(one(&r));
    q = sqe(&r, IORING_OP_RECV, s[1], 0, 0, 0, 3);
    q->flags = IOSQE_BUFFER_SELECT, q->ioprio = IORING_RECV_MULTISHOT;
    go(&r, 1, "again");
    close(s[0]);
    sqe(&r, IORING_OP_PROVIDE_BUFFERS, 1, buf, 100, 20, 1);
    go(&r, 2, "the end");
    close(s[1]);
}

static void test_poll(void)
{
    int s[2], l = listener(SOCK_STREAM, "@poll", 5), c = make(SOCK_STREAM);
    struct io_uring_sqe *q;

    note("poll");
    pair(SOCK_STREAM, s);
    q = sqe(&r, IORING_OP_POLL_ADD, s[0], 0, 0, 0, 1), q->poll32_events = POLLIN | POLLRDHUP;
    q = sqe(&r, IORING_OP_POLL_ADD, l, 0, 0, 0, 2), q->poll32_events = POLLIN;
    SHOW(submit_wait(&r, 0));
    connect_to(c, "@poll");
    go(&r, 1, "connection");
    shutdown(s[1], SHUT_WR);
    go(&r, 1, "half closed");
    close(l), close(c), close(s[0]), close(s[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    ring_open(&r, 16, 0);
    test_make();
    test_accept();
    test_messages();
    test_multishot();
    test_poll();
    return report_done();
}
