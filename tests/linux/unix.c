/* SPDX-License-Identifier: BSD-2-Clause */
/* socketpair of local stream, datagram and packet sockets within one process. */
#include "report.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[300000];

int main(void)
{
    int s[2], p[2], n;
    struct pollfd pf;
    socklen_t len;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    CHECK_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(s[0], "stream", 6), 6);
    CHECK_EQ(send(s[0], "more", 4, 0), 4);
    CHECK_EQ(ioctl(s[1], FIONREAD, &n), 0);
    CHECK_EQ(n, 10);
    CHECK_EQ(recv(s[1], buf, 3, MSG_PEEK), 3);
    CHECK_EQ(recv(s[1], buf, 100, 0), 10);
    CHECK_ERR(recv(s[1], buf, 100, MSG_DONTWAIT), EAGAIN);
    len = sizeof(n);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &n, &len), 0);
    CHECK_EQ(n, SOCK_STREAM);
    struct stat st;
    CHECK_EQ(fstat(s[0], &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    /* a descriptor travels */
    MUST(pipe(p));
    char ctl[CMSG_SPACE(sizeof(int))] = "";
    struct iovec iov = { "d", 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &p[1], sizeof(int));
    CHECK_EQ(sendmsg(s[0], &msg, 0), 1);
    close(p[1]);
    iov.iov_base = buf;
    memset(ctl, 0, sizeof(ctl));
    CHECK_EQ(recvmsg(s[1], &msg, 0), 1);
    memcpy(&n, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
    CHECK_EQ(write(n, "through", 7), 7);
    CHECK_EQ(read(p[0], buf, 10), 7);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_EQ(read(s[1], buf, 1), 0);
    pf = (struct pollfd){ s[1], POLLIN | POLLRDHUP, 0 };
    CHECK_EQ(poll(&pf, 1, 0), 1);
    CHECK_EQ(pf.revents, POLLIN | POLLRDHUP);
    close(s[1]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(s[0], "x", 1), EPIPE);
    close(s[0]);

    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
    CHECK_EQ(send(s[0], "one", 3, 0), 3);
    CHECK_EQ(send(s[0], "three", 5, 0), 5);
    CHECK_EQ(recv(s[1], buf, 100, 0), 3);
    CHECK_EQ(recv(s[1], buf, 2, MSG_TRUNC), 5);
    close(s[0]), close(s[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s), 0);
    CHECK_EQ(send(s[0], "one", 3, 0), 3);
    CHECK_EQ(recv(s[1], buf, 100, 0), 3);
    CHECK_ERR(recv(s[1], buf, 100, 0), EAGAIN);
    CHECK_ERR(socketpair(AF_UNIX, 77, 0, s), EINVAL);
    CHECK_ERR(socketpair(AF_UNIX, SOCK_STREAM, 5, s), EPROTONOSUPPORT);
    return report_done();
}
