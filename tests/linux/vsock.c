/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_VSOCK within one machine. What needs no other end is checked on a Linux, too, that has the family; the rest needs
 * its loopback (VMADDR_CID_LOCAL), which many kernels are built without.
 */
#include "report.h"
#include <linux/sockios.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct sockaddr_vm addr(unsigned cid, unsigned port)
{
    return (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
}

static int xbind(int fd, unsigned cid, unsigned port)
{
    struct sockaddr_vm a = addr(cid, port);

    return bind(fd, (void *)&a, sizeof(a)) ? -errno : 0;
}

static int xconnect(int fd, unsigned cid, unsigned port)
{
    struct sockaddr_vm a = addr(cid, port);

    return connect(fd, (void *)&a, sizeof(a)) ? -errno : 0;
}

static struct sockaddr_vm name_of(int fd, int peer)
{
    struct sockaddr_vm a = { 0 };
    socklen_t len = sizeof(a);

    if (peer ? getpeername(fd, (void *)&a, &len) : getsockname(fd, (void *)&a, &len))
        a.svm_family = 0;
    return a;
}

static int xsocket(int type)
{
    int fd = socket(AF_VSOCK, type, 0);

    return fd < 0 ? -errno : fd;
}

static short polled(int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };

    poll(&p, 1, 0);
    return p.revents;
}

static short await(int fd, short events)
{
    struct pollfd p = { fd, events, 0 };

    poll(&p, 1, 5000);
    return p.revents;
}

static void test_family(void)
{
    int fd, v[2];

    report(socket(AF_VSOCK, SOCK_DGRAM, 0) < 0 && errno == ENODEV, "datagrams: ENODEV");
    report(socket(AF_VSOCK, SOCK_RAW, 0) < 0 && errno == ESOCKTNOSUPPORT, "raw: ESOCKTNOSUPPORT");
    report(socket(AF_VSOCK, SOCK_STREAM, 1) < 0 && errno == EPROTONOSUPPORT, "protocol 1: EPROTONOSUPPORT");
    report((fd = socket(AF_VSOCK, SOCK_STREAM, AF_VSOCK)) >= 0, "protocol AF_VSOCK");
    close(fd);
    report(socketpair(AF_VSOCK, SOCK_STREAM, 0, v) < 0 && errno == EOPNOTSUPP, "socketpair: EOPNOTSUPP");
    fd = xsocket(SOCK_SEQPACKET);
    report(fd >= 0, "sequenced packets");
    close(fd);
}

static void test_bind(void)
{
    int a = xsocket(SOCK_STREAM), b = xsocket(SOCK_STREAM), c = xsocket(SOCK_SEQPACKET);
    struct sockaddr_vm n = name_of(a, 0), bad = addr(VMADDR_CID_ANY, 5000);
    char text[100];

    report(n.svm_family == AF_VSOCK && n.svm_cid == VMADDR_CID_ANY && n.svm_port == VMADDR_PORT_ANY,
           "new: no name");
    report(listen(a, 1) < 0 && errno == EINVAL, "listen without a name: EINVAL");
    report(accept(a, NULL, NULL) < 0 && errno == EINVAL, "accept without listen: EINVAL");
    bad.svm_family = AF_INET;
    report(bind(a, (void *)&bad, sizeof(bad)) < 0 && errno == EINVAL, "bind, another family: EINVAL");
    bad = addr(VMADDR_CID_ANY, 5000);
    report(bind(a, (void *)&bad, 12) < 0 && errno == EINVAL, "bind, short: EINVAL");
    bad.svm_flags = 0x80;
    report(bind(a, (void *)&bad, sizeof(bad)) < 0 && errno == EINVAL, "bind, unknown flag: EINVAL");
    report(xbind(a, 77777, 5000) == -EADDRNOTAVAIL, "bind, foreign address: EADDRNOTAVAIL");
    report(xbind(a, VMADDR_CID_ANY, 5000) == 0, "bind");
    report(xbind(a, VMADDR_CID_ANY, 5001) == -EINVAL, "bind again: EINVAL");
    report(xbind(b, VMADDR_CID_ANY, 5000) == -EADDRINUSE, "bind, taken: EADDRINUSE");
    report(xbind(c, VMADDR_CID_ANY, 5000) == -EADDRINUSE, "bind, taken by another type: EADDRINUSE");
    report(xbind(b, VMADDR_CID_ANY, VMADDR_PORT_ANY) == 0, "bind, any port");
    n = name_of(b, 0);
    report(n.svm_cid == VMADDR_CID_ANY && n.svm_port > 1023 && n.svm_port != VMADDR_PORT_ANY,
           "a port was chosen");
    report(xbind(c, VMADDR_CID_ANY, 80) == 0, "bind, privileged port");
    report(getpeername(a, (void *)&n, &(socklen_t){ sizeof(n) }) < 0 && errno == ENOTCONN,
           "getpeername: ENOTCONN");
    report(listen(a, 1) == 0 && listen(a, 2) == 0, "listen, twice");
    report(shutdown(a, SHUT_RDWR) < 0 && errno == ENOTCONN, "shutdown of a listener: ENOTCONN");
    report(send(b, "x", 1, MSG_NOSIGNAL) < 0 && errno == ENOTCONN, "send: ENOTCONN");
    report(recv(b, text, 1, 0) < 0 && errno == ENOTCONN, "recv: ENOTCONN");
    report(send(b, "x", 1, MSG_OOB) < 0 && errno == EOPNOTSUPP, "send, urgent: EOPNOTSUPP");
    n = addr(2, 9);
    report(sendto(b, "x", 1, 0, (void *)&n, sizeof(n)) < 0 && errno == EOPNOTSUPP, "sendto: EOPNOTSUPP");
    report(connect(a, (void *)&n, sizeof(n)) < 0 && errno == EINVAL, "connect of a listener: EINVAL");
    report(connect(b, (void *)&n, 8) < 0 && errno == EINVAL, "connect, short address: EINVAL");
    report(polled(a) == 0, "poll of a listener");
    report(polled(b) == POLLOUT, "poll without connection");
    close(a);
    close(b);
    close(c);
    a = xsocket(SOCK_STREAM);
    report(xbind(a, VMADDR_CID_ANY, 5000) == 0, "bind after close");
    close(a);
}

static uint64_t option64(int fd, int name)
{
    uint64_t v = 0;

    return getsockopt(fd, AF_VSOCK, name, &v, &(socklen_t){ sizeof(v) }) ? ~0ull : v;
}

static int set64(int fd, int name, uint64_t v)
{
    return setsockopt(fd, AF_VSOCK, name, &v, sizeof(v)) ? -errno : 0;
}

static void test_options(void)
{
    int fd = xsocket(SOCK_STREAM), n = 0;
    struct timeval tv = { 9, 9 };
    socklen_t len = sizeof(tv);
    uint64_t v = 1;

    note("buffer %llu, least %llu, most %llu", (long long)option64(fd, SO_VM_SOCKETS_BUFFER_SIZE),
         (long long)option64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE),
         (long long)option64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE));
    report(set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 20) == 0, "a larger buffer");
    note("buffer %llu", (long long)option64(fd, SO_VM_SOCKETS_BUFFER_SIZE));
    report(set64(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE, 1 << 21) == 0 &&
               set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1 << 20) == 0,
           "a larger limit, a larger buffer");
    note("buffer %llu", (long long)option64(fd, SO_VM_SOCKETS_BUFFER_SIZE));
    report(set64(fd, SO_VM_SOCKETS_BUFFER_MIN_SIZE, 4096) == 0 &&
               set64(fd, SO_VM_SOCKETS_BUFFER_SIZE, 1) == 0,
           "a small one");
    note("buffer %llu", (long long)option64(fd, SO_VM_SOCKETS_BUFFER_SIZE));
    report(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &n, 4) < 0 && errno == EINVAL,
           "32 bits: EINVAL");
    report(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &n, &(socklen_t){ 4 }) < 0 && errno == EINVAL,
           "reading 32 bits: EINVAL");
    report(setsockopt(fd, AF_VSOCK, 99, &v, 8) < 0 && errno == ENOPROTOOPT, "unknown: ENOPROTOOPT");
    report(setsockopt(fd, SOL_SOCKET + 1, 0, &v, 8) < 0 && errno == ENOPROTOOPT,
           "unknown level: ENOPROTOOPT");
    report(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, &len) == 0 && len == sizeof(tv) &&
               tv.tv_sec == 2 && tv.tv_usec == 0,
           "connect() ends after 2 s");
    tv = (struct timeval){ 0, 500000 };
    report(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, sizeof(tv)) == 0, "after 0.5 s");
    report(getsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, &len) == 0 && tv.tv_sec == 0 &&
               tv.tv_usec == 500000,
           "it is 0.5 s");
    tv = (struct timeval){ -1, 0 };
    report(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &tv, sizeof(tv)) < 0 && errno == ERANGE,
           "a negative time: ERANGE");
    len = sizeof(n);
    report(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &n, &len) == 0 && n == AF_VSOCK, "SO_DOMAIN");
    report(getsockopt(fd, SOL_SOCKET, SO_TYPE, &n, &len) == 0 && n == SOCK_STREAM, "SO_TYPE");
    report(ioctl(fd, SIOCOUTQ, &n) < 0 && errno == EOPNOTSUPP, "SIOCOUTQ without connection: EOPNOTSUPP");
    close(fd);
}

/* ---- with loopback ---- */

static unsigned next_port = 6000;

static int listener(int type, unsigned *port, int backlog)
{
    int fd = xsocket(type);

    *port = next_port++;
    if (xbind(fd, VMADDR_CID_ANY, *port) || listen(fd, backlog))
        note("no listener: %s", strerror(errno));
    return fd;
}

static void pair(int type, int *a, int *b)
{
    unsigned port;
    int l = listener(type, &port, 4);

    *a = xsocket(type);
    if (xconnect(*a, VMADDR_CID_LOCAL, port))
        note("no connection");
    *b = accept(l, NULL, NULL);
    close(l);
}

static void test_connect(void)
{
    unsigned port;
    int l = listener(SOCK_STREAM, &port, 1), a = xsocket(SOCK_STREAM), b, err;
    struct sockaddr_vm n;
    char buf[16];

    report(xconnect(a, VMADDR_CID_LOCAL, 9) == -ECONNRESET, "connect, refused: ECONNRESET");
    report(xconnect(a, 4711, 9) == -ENODEV, "connect, no way there: ENODEV");
    report(xconnect(a, VMADDR_CID_LOCAL, port) == 0, "connect");
    report(xconnect(a, VMADDR_CID_LOCAL, port) == -EISCONN, "connect again: EISCONN");
    n = name_of(a, 1);
    report(n.svm_cid == VMADDR_CID_LOCAL && n.svm_port == port, "getpeername");
    report(name_of(a, 0).svm_port != VMADDR_PORT_ANY, "the port was chosen");
    report(polled(l) == POLLIN, "poll of the listener");
    b = accept(l, (void *)&n, &(socklen_t){ sizeof(n) });
    report(b >= 0 && n.svm_cid == VMADDR_CID_LOCAL && n.svm_port == name_of(a, 0).svm_port, "accept");
    report(name_of(b, 0).svm_port == port, "getsockname of the accepted");
    report(polled(a) == POLLOUT && polled(b) == POLLOUT, "poll of both");
    report(listen(b, 1) < 0 && errno == EINVAL, "listen when connected: EINVAL");
    report(send(a, "hello", 5, 0) == 5 && recv(b, buf, 16, 0) == 5 && !memcmp(buf, "hello", 5), "there");
    report(send(b, "world!", 6, 0) == 6 && recv(a, buf, 16, 0) == 6 && !memcmp(buf, "world!", 6), "and back");
    report(recv(a, buf, 16, MSG_DONTWAIT) < 0 && errno == EAGAIN, "nothing more: EAGAIN");
    n = addr(1, 1);
    report(sendto(a, "x", 1, 0, (void *)&n, sizeof(n)) < 0 && errno == EISCONN, "sendto: EISCONN");
    close(a);
    report(recv(b, buf, 16, 0) == 0, "closed: end of input");
    report(send(b, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "send: EPIPE");
    report((polled(b) & (POLLIN | POLLRDHUP)) == (POLLIN | POLLRDHUP), "poll says the end");
    close(b);
    close(l);
    /* without waiting */
    l = listener(SOCK_STREAM, &port, 0);
    a = xsocket(SOCK_STREAM | SOCK_NONBLOCK);
    err = xconnect(a, VMADDR_CID_LOCAL, port);
    report(err == -EINPROGRESS, "connect without waiting: EINPROGRESS");
    report(await(a, POLLOUT) == POLLOUT, "poll says when");
    err = 1;
    getsockopt(a, SOL_SOCKET, SO_ERROR, &err, &(socklen_t){ sizeof(err) });
    report(err == 0, "SO_ERROR 0");
    b = xsocket(SOCK_STREAM | SOCK_NONBLOCK);
    report(xconnect(b, VMADDR_CID_LOCAL, 9) == -EINPROGRESS, "to nobody: EINPROGRESS");
    report(await(b, POLLOUT) & POLLERR, "poll says POLLERR");
    getsockopt(b, SOL_SOCKET, SO_ERROR, &err, &(socklen_t){ sizeof(err) });
    report(err == ECONNRESET, "SO_ERROR ECONNRESET");
    close(b);
    b = xsocket(SOCK_STREAM); /* the backlog of 0 takes one */
    report(xconnect(b, VMADDR_CID_LOCAL, port) == -ECONNRESET, "backlog: ECONNRESET");
    close(b);
    b = accept(l, NULL, NULL);
    fcntl(l, F_SETFL, O_NONBLOCK);
    report(accept(l, NULL, NULL) < 0 && errno == EAGAIN, "accept without waiting: EAGAIN");
    close(l);
    close(a);
    close(b);
    /* a listener that goes: those it has not accepted are closed */
    l = listener(SOCK_STREAM, &port, 4);
    a = xsocket(SOCK_STREAM);
    xconnect(a, VMADDR_CID_LOCAL, port);
    close(l);
    report(recv(a, buf, 1, 0) == 0, "listener closed: end of input");
    close(a);
    l = xsocket(SOCK_SEQPACKET);
    xbind(l, VMADDR_CID_LOCAL, next_port);
    listen(l, 1);
    a = xsocket(SOCK_STREAM);
    report(xconnect(a, VMADDR_CID_LOCAL, next_port++) == -ECONNRESET, "another type: ECONNRESET");
    close(a);
    close(l);
}

static void test_stream(void)
{
    struct iovec v[2] = { { "ab", 2 }, { "cdef", 4 } };
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
    int a, b, n;
    char buf[64];

    pair(SOCK_STREAM, &a, &b);
    report(sendmsg(a, &m, 0) == 6, "sendmsg of two pieces");
    report(await(b, POLLIN) == POLLIN, "poll");
    report(ioctl(b, SIOCINQ, &n) == 0 && n == 6, "SIOCINQ");
    report(ioctl(a, SIOCOUTQ, &n) == 0 && n == 0, "SIOCOUTQ");
    report(recv(b, buf, 4, MSG_PEEK) == 4 && !memcmp(buf, "abcd", 4), "a look");
    report(recv(b, buf, 2, 0) == 2 && recv(b, buf + 2, 60, MSG_PEEK) == 4 && !memcmp(buf, "abcdef", 6),
           "a part, a look");
    report(recv(b, buf, 0, 0) == 0, "recv of nothing");
    report(recv(b, buf, 64, 0) == 4, "the rest");
    report(recv(b, buf, 1, MSG_OOB) < 0 && errno == EOPNOTSUPP, "urgent: EOPNOTSUPP");
    for (int i = 0; i < 3; i++)
        report(write(a, "xyz", 3) == 3, "three bytes");
    report(recv(b, buf, 9, MSG_WAITALL) == 9 && !memcmp(buf, "xyzxyzxyz", 9), "MSG_WAITALL");
    report(send(a, (void *)8, 10, 0) < 0 && errno == EFAULT, "send from nowhere: EFAULT");
    write(a, "q", 1);
    report(recv(b, (void *)8, 10, 0) < 0 && errno == EFAULT, "recv to nowhere: EFAULT");
    report(recv(b, buf, 10, 0) == 1 && buf[0] == 'q', "it is still there");
    struct timeval tv = { 0, 20000 };
    setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    report(recv(b, buf, 1, 0) < 0 && errno == EAGAIN, "SO_RCVTIMEO: EAGAIN");
    n = 4;
    setsockopt(b, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n));
    write(a, "12", 2);
    report(recv(b, buf, 1, MSG_PEEK) == 1 && polled(b) == POLLOUT, "SO_RCVLOWAT: not yet");
    write(a, "34", 2);
    report(await(b, POLLIN) == POLLIN, "SO_RCVLOWAT: now");
    /* half closed */
    report(shutdown(a, SHUT_WR) == 0, "shutdown(SHUT_WR)");
    report(recv(b, buf, 64, 0) == 4 && recv(b, buf, 64, 0) == 0, "what was sent, and the end");
    report(send(a, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "send: EPIPE");
    report(send(b, "back", 4, 0) == 4 && recv(a, buf, 64, 0) == 4, "the other way goes on");
    report((polled(b) & (POLLIN | POLLRDHUP | POLLOUT | POLLHUP)) == (POLLIN | POLLRDHUP | POLLOUT),
           "poll: half closed");
    report(shutdown(b, SHUT_RDWR) == 0, "shutdown(SHUT_RDWR)");
    report(recv(a, buf, 64, 0) == 0, "the end here, too");
    report(polled(b) & POLLHUP, "poll: POLLHUP");
    report(recv(b, buf, 64, 0) == 0, "recv after shutdown");
    close(a);
    close(b);
    pair(SOCK_STREAM, &a, &b);
    write(a, "left", 4);
    close(a);
    report(recv(b, buf, 64, 0) == 4 && recv(b, buf, 64, 0) == 0, "what was sent before close()");
    close(b);
}

static void test_messages(void)
{
    static char big[100000];
    struct iovec v = { big, sizeof(big) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    int a, b, n = 0;
    char buf[64];

    pair(SOCK_SEQPACKET, &a, &b);
    report(send(a, "one", 3, 0) == 3 && send(a, "three", 5, MSG_EOR) == 5, "two messages");
    report(recv(b, buf, 64, MSG_PEEK) == 3, "a look at the first");
    report(recv(b, buf, 64, 0) == 3 && !memcmp(buf, "one", 3), "the first");
    v = (struct iovec){ buf, 2 };
    report(recvmsg(b, &m, 0) == 2 && m.msg_flags == (MSG_TRUNC | MSG_EOR),
           "the second, cut: MSG_TRUNC, MSG_EOR");
    report(recv(b, buf, 64, MSG_DONTWAIT) < 0 && errno == EAGAIN, "its rest is lost");
    send(a, "12345", 5, 0);
    report(recv(b, buf, 2, MSG_TRUNC) == 5, "MSG_TRUNC asks how long it was");
    memset(big, 'b', sizeof(big));
    report(send(a, big, sizeof(big), 0) == sizeof(big), "a long message");
    memset(big, 0, sizeof(big));
    report(recv(b, big, sizeof(big), 0) == sizeof(big) && big[0] == 'b' && big[sizeof(big) - 1] == 'b',
           "whole");
    report(send(a, malloc(400000), 400000, 0) < 0 && errno == EMSGSIZE, "too long: EMSGSIZE");
    fcntl(a, F_SETFL, O_NONBLOCK);
    while (n < 100 && send(a, big, sizeof(big), 0) == sizeof(big))
        n++;
    report(n == 2 && errno == EAGAIN, "no room for a third: EAGAIN");
    report(recv(b, big, sizeof(big), 0) == sizeof(big) && await(a, POLLOUT) == POLLOUT, "one is read");
    close(a);
    report(recv(b, big, sizeof(big), 0) == sizeof(big) && recv(b, buf, 64, 0) == 0, "the last, and the end");
    close(b);
}

#define TOTAL (8 << 20)
static void *sender(void *arg)
{
    static unsigned char out[70001];
    int fd = *(int *)arg;
    unsigned x = 1, left = TOTAL;

    while (left) {
        unsigned n = x % sizeof(out) + 1;

        n = n < left ? n : left;
        for (unsigned i = 0; i < n; i++)
            out[i] = (TOTAL - left + i) * 7 >> 3;
        for (unsigned done = 0; done < n;) {
            ssize_t k = write(fd, out + done, n - done);

            if (k <= 0)
                return NULL;
            done += k;
        }
        left -= n;
        x = x * 1103515245 + 12345;
    }
    shutdown(fd, SHUT_WR);
    return NULL;
}

static void test_flow(int slow)
{
    static unsigned char in[50000];
    unsigned at = 0, bad = 0;
    pthread_t t;
    int a, b;
    ssize_t n;

    pair(SOCK_STREAM, &a, &b);
    if (slow)
        set64(b, SO_VM_SOCKETS_BUFFER_SIZE, 5000);
    pthread_create(&t, NULL, sender, &a);
    while ((n = read(b, in, slow ? 999 : sizeof(in))) > 0)
        for (ssize_t i = 0; i < n; i++, at++)
            bad += in[i] != (unsigned char)(at * 7 >> 3);
    pthread_join(t, NULL);
    report(n == 0 && at == TOTAL && !bad, "8 MiB%s", slow ? ", a small buffer" : "");
    close(a);
    close(b);
}

static void test_full(void)
{
    static char big[65536];
    struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP };
    int a, b, e = epoll_create1(0);
    long sent = 0, got = 0;
    ssize_t n;

    pair(SOCK_STREAM, &a, &b);
    fcntl(a, F_SETFL, O_NONBLOCK);
    epoll_ctl(e, EPOLL_CTL_ADD, a, &ev);
    report(epoll_wait(e, &ev, 1, 0) == 1 && ev.events == EPOLLOUT, "epoll: room");
    report(epoll_wait(e, &ev, 1, 0) == 0, "no news");
    while ((n = write(a, big, sizeof(big))) > 0)
        sent += n;
    report(n < 0 && errno == EAGAIN && sent == 262144, "the buffer takes 256 KiB");
    report(!(polled(a) & POLLOUT), "no room");
    while (epoll_wait(e, &ev, 1, 0) == 1)
        ;
    while (got < sent && (n = read(b, big, sizeof(big))) > 0)
        got += n;
    report(got == sent, "all of it is read");
    report(epoll_wait(e, &ev, 1, 5000) == 1 && ev.events == EPOLLOUT, "epoll: room again");
    write(b, "x", 1);
    report(epoll_wait(e, &ev, 1, 5000) == 1 && ev.events == (EPOLLIN | EPOLLOUT), "epoll: data");
    close(b);
    epoll_wait(e, &ev, 1, 5000);
    report(ev.events & EPOLLRDHUP, "epoll: the end");
    close(a);
    close(e);
}

#define MANY 200
static void *echo(void *arg)
{
    int l = *(int *)arg;

    for (int i = 0; i < MANY; i++) {
        int fd = accept(l, NULL, NULL);
        char buf[64];
        ssize_t n;

        while ((n = read(fd, buf, sizeof(buf))) > 0)
            write(fd, buf, n);
        close(fd);
    }
    return NULL;
}

static void test_many(void)
{
    unsigned port, good = 0;
    int l = listener(SOCK_STREAM, &port, 10);
    pthread_t t;

    pthread_create(&t, NULL, echo, &l);
    for (unsigned i = 0; i < MANY; i++) {
        int fd = xsocket(SOCK_STREAM);
        unsigned v = i, w = 0;

        if (!xconnect(fd, VMADDR_CID_LOCAL, port) && write(fd, &v, 4) == 4 && read(fd, &w, 4) == 4 && v == w)
            good++;
        close(fd);
    }
    pthread_join(t, NULL);
    report(good == MANY, "200 connections");
    close(l);
}

static void got_signal(int sig)
{
}

static void *interrupter(void *arg)
{
    usleep(50000);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

static void test_signals(void)
{
    struct sigaction sa = { .sa_handler = got_signal };
    pthread_t self = pthread_self(), t;
    int a, b;
    char c;

    sigaction(SIGUSR1, &sa, NULL);
    pair(SOCK_STREAM, &a, &b);
    pthread_create(&t, NULL, interrupter, &self);
    report(read(a, &c, 1) < 0 && errno == EINTR, "a signal ends read()");
    pthread_join(t, NULL);
    close(a);
    close(b);
}

int main(void)
{
    int fd = xsocket(SOCK_STREAM);

    if (fd == -EAFNOSUPPORT) {
        note("no AF_VSOCK here");
        return 0;
    }
    close(fd);
    test_family();
    test_bind();
    test_options();
    fd = xsocket(SOCK_STREAM);
    if (xbind(fd, VMADDR_CID_LOCAL, VMADDR_PORT_ANY)) {
        note("no loopback here");
        return report_failures != 0;
    }
    report(name_of(fd, 0).svm_cid == VMADDR_CID_LOCAL, "bind to VMADDR_CID_LOCAL");
    close(fd);
    test_connect();
    test_stream();
    test_messages();
    test_flow(0);
    test_flow(1);
    test_full();
    test_many();
    test_signals();
    return report_failures != 0;
}
