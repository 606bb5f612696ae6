/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring(7): polling files, the ring as a file that is polled, eventfds, messages, splicing, sleeping elsewhere. */
#include "uring.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static struct io_uring_sqe *poll_add(struct ring *r, int fd, unsigned events, unsigned flags, uint64_t data)
{
    struct io_uring_sqe *s = sqe(r, IORING_OP_POLL_ADD, fd, 0, flags, 0, data);

    s->poll32_events = events;
    return s;
}

static void single(void)
{
    struct ring r;
    int p[2];
    char c;

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    poll_add(&r, p[1], POLLOUT, 0, 1);
    go(&r, 1, "writable");
    poll_add(&r, p[0], POLLIN, 0, 2);
    go(&r, 0, "not readable");
    poll_add(&r, p[0], POLLIN, 0, 3);
    go(&r, 0, "nor for another");
    MUST(write(p[1], "x", 1));
    go(&r, 2, "both");
    go(&r, 0, "no more");
    MUST(read(p[0], &c, 1));
    poll_add(&r, p[0], 0, 0, 4);
    go(&r, 0, "for no event");
    close(p[1]);
    go(&r, 1, "hung up all the same");
    poll_add(&r, p[0], POLLIN | 0x4000, 0, 5);
    go(&r, 1, "hung up already");
    poll_add(&r, -1, POLLIN, 0, 1), CHECK_EQ(one(&r), -EBADF);
    poll_add(&r, p[0], POLLIN, 1 << 10, 1), CHECK_EQ(one(&r), -EINVAL);
    poll_add(&r, p[0], POLLIN, 0, 1)->off = 1, CHECK_EQ(one(&r), -EINVAL);
    poll_add(&r, p[0], POLLIN, 0, 1)->addr = 1, CHECK_EQ(one(&r), -EINVAL);
    poll_add(&r, p[0], POLLIN, 0, 1)->buf_index = 1, CHECK_EQ(one(&r), -EINVAL);
    close(p[0]);
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0644));
    poll_add(&r, fd, POLLIN | POLLOUT, 0, 6);
    go(&r, 1, "a regular file");
    close(fd);
    ring_close(&r);
}

static void multishot(void)
{
    struct ring r;
    int p[2];
    char buf[8];

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    poll_add(&r, p[0], POLLIN, IORING_POLL_ADD_MULTI, 1);
    go(&r, 0, "multishot");
    for (int i = 0; i < 3; i++) {
        MUST(write(p[1], "x", 1));
        go(&r, 1, "an event");
    }
    MUST(read(p[0], buf, 8));
    go(&r, 0, "reading is none");
    MUST(write(p[1], "x", 1));
    go(&r, 1, "another event");
    poll_add(&r, p[0], POLLIN, IORING_POLL_ADD_MULTI, 2);
    go(&r, 1, "ready at the start");
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)2, 0, 0, 3);
    go(&r, 2, "removed");
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)2, 0, 0, 3), CHECK_EQ(one(&r), -ENOENT);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
    go(&r, 2, "cancelled");
    poll_add(&r, p[0], POLLIN, IORING_POLL_ADD_MULTI, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
    CHECK_EQ(one(&r), -EINVAL);
    poll_add(&r, p[0], POLLIN, IORING_POLL_ADD_MULTI, 1);
    go(&r, 1, "again");
    close(p[1]);
    go(&r, 1, "hung up");
    ring_close(&r);
    close(p[0]);
}

static void updating(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    int p[2];

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    poll_add(&r, p[0], POLLIN, 0, 1);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_UPDATE_USER_DATA, 9, 2);
    go(&r, 1, "another name");
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_UPDATE_USER_DATA, 9, 2),
        CHECK_EQ(one(&r), -ENOENT);
    MUST(write(p[1], "x", 1));
    go(&r, 1, "by its new name");
    poll_add(&r, p[0], POLLPRI, 0, 1);
    submit_wait(&r, 0);
    s = sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_UPDATE_EVENTS, 0, 2),
    s->poll32_events = POLLIN;
    go(&r, 2, "other events, ready");
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, IORING_POLL_ADD_MULTI, 0, 2), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 5, 2), CHECK_EQ(one(&r), -EINVAL);
    s = sqe(&r, IORING_OP_POLL_REMOVE, -1, (void *)1, 0, 0, 2), s->poll32_events = 1,
    CHECK_EQ(one(&r), -EINVAL);
    ring_close(&r);
    close(p[0]), close(p[1]);
}

static int poll_now(int fd, int events)
{
    struct pollfd pf = { fd, events, 0 };

    return poll(&pf, 1, 0) < 0 ? -1 : pf.revents;
}

static void polled(void)
{
    struct ring r;
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 1 };
    int ep = MUST(epoll_create1(0)), p[2];
    char buf[4];

    ring_open(&r, 4, 0);
    MUST(pipe(p));
    CHECK_EQ(poll_now(r.fd, POLLIN | POLLOUT), POLLOUT);
    for (int i = 0; i < 4; i++)
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, i);
    CHECK_EQ(poll_now(r.fd, POLLIN | POLLOUT), 0);
    submit_wait(&r, 0);
    CHECK_EQ(poll_now(r.fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
    say(&r, "four");
    CHECK_EQ(poll_now(r.fd, POLLIN | POLLOUT), POLLOUT);
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, &ev));
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    submit_wait(&r, 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
    say(&r, "one");
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    /* a completion comes while the thread sleeps elsewhere */
    struct __kernel_timespec ts = { 0, 5000000 };
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 7);
    submit_wait(&r, 0);
    struct pollfd pf = { r.fd, POLLIN, 0 };
    CHECK_EQ(poll(&pf, 1, 5000), 1);
    say(&r, "while it slept in poll");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 8);
    submit_wait(&r, 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(r.fd, &set);
    CHECK_EQ(select(r.fd + 1, &set, NULL, NULL, NULL), 1);
    say(&r, "in select");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 9);
    submit_wait(&r, 0);
    struct timespec sleep = { 0, 50000000 };
    long long t0 = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(nanosleep(&sleep, NULL), 0);
    report(now_ns(CLOCK_MONOTONIC) - t0 >= 50000000, "the sleep was not cut short");
    say(&r, "in nanosleep");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 10);
    submit_wait(&r, 0);
    while (!cq_ready(&r)) /* not even a system call */
        ;
    say(&r, "while it ran");
    sqe(&r, IORING_OP_READ, p[0], buf, 4, 0, 11);
    submit_wait(&r, 0);
    int t = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec its = { { 0, 0 }, { 0, 10000000 } };
    uint64_t n;
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 12);
    submit_wait(&r, 0);
    timerfd_settime(t, 0, &its, NULL);
    CHECK_EQ(read(t, &n, 8), 8);
    say(&r, "in read");
    close(t);
    ring_close(&r);
    close(ep), close(p[0]), close(p[1]);
}

static void eventfds(void)
{
    struct ring r;
    int e = MUST(eventfd(0, EFD_NONBLOCK)), other = MUST(eventfd(0, EFD_NONBLOCK)), p[2];
    uint64_t n;
    char c;

    ring_open(&r, 8, 0);
    MUST(pipe(p));
    CHECK_ERR(sys_register(r.fd, IORING_UNREGISTER_EVENTFD, NULL, 0), ENXIO);
    CHECK_ERR(sys_register(r.fd, IORING_REGISTER_EVENTFD, &e, 2), EINVAL);
    CHECK_ERR(sys_register(r.fd, IORING_REGISTER_EVENTFD, NULL, 1), EFAULT);
    CHECK_ERR(sys_register(r.fd, IORING_REGISTER_EVENTFD, &p[0], 1), EINVAL);
    CHECK_EQ(sys_register(r.fd, IORING_REGISTER_EVENTFD, &e, 1), 0);
    CHECK_ERR(sys_register(r.fd, IORING_REGISTER_EVENTFD, &other, 1), EBUSY);
    CHECK_ERR(read(e, &n, 8), EAGAIN);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    submit_wait(&r, 0);
    CHECK_EQ(read(e, &n, 8), 8);
    CHECK_EQ(n, 1);
    *r.cq_flags = IORING_CQ_EVENTFD_DISABLED;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    submit_wait(&r, 0);
    CHECK_ERR(read(e, &n, 8), EAGAIN);
    *r.cq_flags = 0;
    CHECK_EQ(sys_register(r.fd, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
    CHECK_EQ(sys_register(r.fd, IORING_REGISTER_EVENTFD_ASYNC, &e, 1), 0);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    submit_wait(&r, 0);
    CHECK_ERR(read(e, &n, 8), EAGAIN);
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 2);
    submit_wait(&r, 0);
    MUST(write(p[1], "x", 1));
    submit_wait(&r, 4);
    read(e, &n, 8); /* Linux signals only what a worker thread completed */
    say(&r, "four");
    /* A ring that would wake itself for ever */
    MUST(sys_register(r.fd, IORING_UNREGISTER_EVENTFD, NULL, 0));
    MUST(sys_register(r.fd, IORING_REGISTER_EVENTFD, &e, 1));
    poll_add(&r, e, POLLIN, IORING_POLL_ADD_MULTI, 3);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 4);
    submit_wait(&r, 1);
    report(cq_ready(&r) <= 4, "it ends");
    ring_close(&r);
    close(e), close(other), close(p[0]), close(p[1]);
}

static void itself(void)
{
    struct ring r;

    ring_open(&r, 8, 0);
    poll_add(&r, r.fd, POLLIN, IORING_POLL_ADD_MULTI, 1);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2);
    submit_wait(&r, 1);
    report(cq_ready(&r) < 5, "polling itself ends");
    sqe(&r, IORING_OP_READ, r.fd, &r, 1, 0, 3);
    submit_wait(&r, 1);
    poll_add(&r, r.fd, 0, 0, 4);
    submit_wait(&r, 0);
    ring_close(&r); /* it still polls itself: the end of the thread ends that */
    report(1, "closed");
}

static void messages(void)
{
    struct ring a, b;
    struct io_uring_sqe *s;
    int p[2];

    ring_open(&a, 8, 0), ring_open(&b, 8, 0);
    MUST(pipe(p));
    sqe(&a, IORING_OP_MSG_RING, b.fd, 0, 55, 777, 1);
    go(&a, 1, "sent");
    go(&b, 1, "received");
    sqe(&a, IORING_OP_MSG_RING, a.fd, 0, 55, 777, 1);
    go(&a, 2, "to itself");
    sqe(&a, IORING_OP_MSG_RING, p[0], 0, 55, 777, 1), CHECK_EQ(one(&a), -EBADFD);
    sqe(&a, IORING_OP_MSG_RING, b.fd, (void *)99, 55, 777, 1), CHECK_EQ(one(&a), -EINVAL);
    sqe(&a, IORING_OP_MSG_RING, b.fd, 0, 55, 777, 1)->msg_ring_flags = 1 << 20, CHECK_EQ(one(&a), -EINVAL);
    int none[2] = { -1, -1 };
    MUST(sys_register(a.fd, IORING_REGISTER_FILES, p, 2));
    MUST(sys_register(b.fd, IORING_REGISTER_FILES, none, 2));
    s = sqe(&a, IORING_OP_MSG_RING, b.fd, (void *)1, 0, 888, 2), s->addr3 = 1, s->file_index = 2;
    go(&a, 1, "a file is sent");
    go(&b, 1, "and announced");
    sqe(&b, IORING_OP_WRITE, 1, "hello", 5, 0, 3)->flags = IOSQE_FIXED_FILE;
    go(&b, 1, "and used");
    s = sqe(&a, IORING_OP_MSG_RING, b.fd, (void *)1, 0, 888, 2), s->addr3 = 7, s->file_index = 2;
    CHECK_EQ(one(&a), -EBADF);
    s = sqe(&a, IORING_OP_MSG_RING, b.fd, (void *)1, 0, 888, 2), s->addr3 = 0, s->file_index = 9;
    CHECK_EQ(one(&a), -EINVAL);
    s = sqe(&a, IORING_OP_MSG_RING, a.fd, (void *)1, 0, 888, 2), s->addr3 = 0, s->file_index = 1;
    CHECK_EQ(one(&a), -EINVAL);
    ring_close(&a), ring_close(&b);
    close(p[0]), close(p[1]);
}

static void splicing(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    int p[2], q[2], fd = MUST(open("spliced", O_RDWR | O_CREAT | O_TRUNC, 0644));
    char buf[16] = "";

    ring_open(&r, 8, 0);
    MUST(pipe(p)), MUST(pipe(q));
    MUST(write(fd, "0123456789", 10));
    s = sqe(&r, IORING_OP_SPLICE, p[1], 0, 4, -1, 1), s->splice_fd_in = fd, s->splice_off_in = 3;
    CHECK_EQ(one(&r), 4);
    s = sqe(&r, IORING_OP_TEE, q[1], 0, 4, 0, 1), s->splice_fd_in = p[0];
    CHECK_EQ(one(&r), 4);
    MUST(read(q[0], buf, 16));
    report(!strcmp(buf, "3456"), "tee");
    s = sqe(&r, IORING_OP_SPLICE, fd, 0, 4, 8, 1), s->splice_fd_in = p[0], s->splice_off_in = -1;
    CHECK_EQ(one(&r), 4);
    report(!strcmp(get_file("spliced"), "012345673456"), "splice");
    s = sqe(&r, IORING_OP_SPLICE, fd, 0, 4, 0, 2), s->splice_fd_in = p[0], s->splice_off_in = -1;
    submit_wait(&r, 0);
    say(&r, "an empty pipe");
    MUST(write(p[1], "late", 4));
    go(&r, 1, "filled");
    report(!strncmp(get_file("spliced"), "late", 4), "it arrived");
    s = sqe(&r, IORING_OP_SPLICE, fd, 0, 4, 0, 2), s->splice_fd_in = -1, s->splice_off_in = -1;
    CHECK_EQ(one(&r), -EBADF);
    s = sqe(&r, IORING_OP_SPLICE, fd, 0, 4, 0, 2), s->splice_fd_in = fd, s->splice_off_in = 0;
    CHECK_EQ(one(&r), -EINVAL);
    s = sqe(&r, IORING_OP_SPLICE, fd, 0, 4, 0, 2), s->splice_flags = 1 << 20;
    CHECK_EQ(one(&r), -EINVAL);
    s = sqe(&r, IORING_OP_TEE, q[1], 0, 4, 1, 1), s->splice_fd_in = p[0];
    CHECK_EQ(one(&r), -EINVAL);
    ring_close(&r);
    close(fd), close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void sockets(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    int p[2];
    static char buf[16], pool[16], big[1 << 20];

    ring_open(&r, 8, IORING_SETUP_SUBMIT_ALL);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    sqe(&r, IORING_OP_RECV, p[0], buf, 16, 0, 1);
    go(&r, 0, "nothing to receive");
    sqe(&r, IORING_OP_SEND, p[1], "hello", 5, 0, 2);
    go(&r, 2, "sent");
    report(!strcmp(buf, "hello"), "received");
    s = sqe(&r, IORING_OP_RECV, p[0], buf, 16, 0, 1), s->msg_flags = MSG_DONTWAIT, CHECK_EQ(one(&r), -EAGAIN);
    s = sqe(&r, IORING_OP_RECV, p[0], buf, 8, 0, 3), s->msg_flags = MSG_WAITALL;
    submit_wait(&r, 0);
    MUST(send(p[1], "1234", 4, 0));
    go(&r, 0, "a part");
    MUST(send(p[1], "5678", 4, 0));
    go(&r, 1, "all");
    report(!memcmp(buf, "12345678", 8), "in order");
    sqe(&r, IORING_OP_PROVIDE_BUFFERS, 1, pool, 16, 9, 1), CHECK_EQ(one(&r), 0);
    s = sqe(&r, IORING_OP_RECV, p[0], 0, 0, 0, 4), s->flags = IOSQE_BUFFER_SELECT;
    submit_wait(&r, 0);
    MUST(send(p[1], "chosen", 6, 0));
    go(&r, 1, "into a chosen buffer");
    s = sqe(&r, IORING_OP_SEND, p[1], big, sizeof(big), 0, 5), s->msg_flags = MSG_WAITALL;
    submit_wait(&r, 0);
    size_t got = 0;
    while (got < sizeof(big))
        got += MUST(recv(p[0], big, sizeof(big), 0));
    go(&r, 1, "more than fits");
    sqe(&r, IORING_OP_SHUTDOWN, p[1], 0, SHUT_WR, 0, 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_SHUTDOWN, p[1], 0, 9, 0, 1), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_RECV, p[0], buf, 16, 0, 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_SEND, p[1], "x", 1, 0, 1), CHECK_EQ(one(&r), -EPIPE);
    sqe(&r, IORING_OP_RECV, p[0], (void *)8, 16, 0, 1);
    one(&r);
    ring_close(&r);
    close(p[0]), close(p[1]);
}

static void epolls(void)
{
    struct ring r;
    int ep = MUST(epoll_create1(0)), p[2];
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 42 };

    ring_open(&r, 8, 0);
    MUST(pipe(p));
    sqe(&r, IORING_OP_EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, p[0], 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, p[0], 1), CHECK_EQ(one(&r), -EEXIST);
    MUST(write(p[1], "x", 1));
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
    CHECK_EQ(ev.data.u64, 42);
    sqe(&r, IORING_OP_EPOLL_CTL, ep, NULL, EPOLL_CTL_DEL, p[0], 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_EPOLL_CTL, ep, (void *)8, EPOLL_CTL_ADD, p[0], 1), CHECK_EQ(one(&r), -EFAULT);
    sqe(&r, IORING_OP_EPOLL_CTL, p[0], &ev, EPOLL_CTL_ADD, p[1], 1), CHECK_EQ(one(&r), -EINVAL);
    poll_add(&r, ep, POLLIN, 0, 5);
    go(&r, 0, "an epoll is polled");
    sqe(&r, IORING_OP_EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, p[0], 1);
    go(&r, 2, "it becomes ready");
    ring_close(&r);
    close(ep), close(p[0]), close(p[1]);
}

int main(void)
{
    scratch();
    single();
    multishot();
    updating();
    polled();
    eventfds();
    itself();
    messages();
    splicing();
    epolls();
    sockets();
    return report_done();
}
