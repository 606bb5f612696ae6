/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP over loopback: addresses, connecting, messages, options, errors, multicast; both families. */
#include "report.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static struct sockaddr_in in4(const char *addr, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

    inet_pton(AF_INET, addr, &a.sin_addr);
    return a;
}

static struct sockaddr_in6 in6(const char *addr, int port)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    inet_pton(AF_INET6, addr, &a.sin6_addr);
    return a;
}

static int udp(int family)
{
    return socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

/* A socket bound to a free port of the address, which *a becomes. */
static int bound4(struct sockaddr_in *a, const char *addr)
{
    int fd = udp(AF_INET);
    socklen_t len = sizeof(*a);

    *a = in4(addr, 0);
    if (bind(fd, (void *)a, sizeof(*a)) || getsockname(fd, (void *)a, &len))
        note("cannot bind: %s", strerror(errno));
    return fd;
}

static int bound6(struct sockaddr_in6 *a, const char *addr)
{
    int fd = udp(AF_INET6);
    socklen_t len = sizeof(*a);

    *a = in6(addr, 0);
    if (bind(fd, (void *)a, sizeof(*a)) || getsockname(fd, (void *)a, &len))
        note("cannot bind: %s", strerror(errno));
    return fd;
}

static int readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 1000) == 1 && p.revents & POLLIN;
}

static const char *text4(struct sockaddr_in *a)
{
    static char buf[64];

    inet_ntop(AF_INET, &a->sin_addr, buf, sizeof(buf));
    return buf;
}

static const char *text6(struct sockaddr_in6 *a)
{
    static char buf[64];

    inet_ntop(AF_INET6, &a->sin6_addr, buf, sizeof(buf));
    return buf;
}

static void making(void)
{
    static const int tries[][3] = { { AF_INET, SOCK_DGRAM, 0 },     { AF_INET, SOCK_DGRAM, IPPROTO_UDP },
                                    { AF_INET6, SOCK_DGRAM, 0 },    { AF_INET, SOCK_DGRAM, IPPROTO_TCP },
                                    { AF_INET, SOCK_SEQPACKET, 0 }, { AF_INET, SOCK_RAW, 0 },
                                    { AF_INET, SOCK_DGRAM, -1 },    { AF_INET, 77, 0 } };

    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        int fd = socket(tries[i][0], tries[i][1], tries[i][2]);

        note("socket(%d, %d, %d): %s", tries[i][0], tries[i][1], tries[i][2],
             fd < 0 ? strerror(errno) : "made");
        close(fd);
    }
}

static void binding(void)
{
    struct sockaddr_in a, b;
    struct sockaddr_in6 c;
    socklen_t len = sizeof(b);
    int fd = bound4(&a, "127.0.0.1"), fd2 = udp(AF_INET), fd6 = udp(AF_INET6), one = 1;

    report(a.sin_port && a.sin_addr.s_addr == htonl(INADDR_LOOPBACK), "a free port");
    note("again: %d %s", bind(fd, (void *)&a, sizeof(a)), strerror(errno));
    note("taken: %d %s", bind(fd2, (void *)&a, sizeof(a)), strerror(errno));
    b = in4("127.0.0.2", ntohs(a.sin_port));
    note("the same port of another address: %d", bind(fd2, (void *)&b, sizeof(b)));
    close(fd2);
    fd2 = udp(AF_INET);
    b = in4("0.0.0.0", ntohs(a.sin_port));
    note("of any address: %d %s", bind(fd2, (void *)&b, sizeof(b)), strerror(errno));
    c = in6("::", ntohs(a.sin_port));
    note("of any address of either family: %d %s", bind(fd6, (void *)&c, sizeof(c)), strerror(errno));
    setsockopt(fd6, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    note("of IPv6 only: %d", bind(fd6, (void *)&c, sizeof(c)));
    setsockopt(fd2, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    note("one of them reusing: %d %s", bind(fd2, (void *)&b, sizeof(b)), strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    note("both: %d", bind(fd2, (void *)&b, sizeof(b)));
    close(fd2);
    fd2 = udp(AF_INET);
    b = in4("192.0.2.1", 0);
    note("an address that is another's: %d %s", bind(fd2, (void *)&b, sizeof(b)), strerror(errno));
    note("too short: %d %s", bind(fd2, (void *)&b, 8), strerror(errno));
    b.sin_family = AF_INET6;
    note("of another family: %d %s", bind(fd2, (void *)&b, sizeof(b)), strerror(errno));
    b = in4("224.0.0.5", 0);
    note("multicast: %d", bind(fd2, (void *)&b, sizeof(b)));
    len = sizeof(c);
    getsockname(fd6, (void *)&c, &len);
    note("name: %s:%d", text6(&c), c.sin6_port != 0);
    close(fd);
    close(fd2);
    close(fd6);
    fd = udp(AF_INET);
    len = sizeof(a);
    memset(&a, 9, sizeof(a));
    getsockname(fd, (void *)&a, &len);
    note("unbound: %d %s:%d", (int)len, text4(&a), ntohs(a.sin_port));
    note("no peer: %d %s", getpeername(fd, (void *)&a, &len), strerror(errno));
    close(fd);
}

static void connecting(void)
{
    struct sockaddr_in a, b, c;
    socklen_t len = sizeof(c);
    int s = bound4(&a, "127.0.0.1"), t = udp(AF_INET), u = bound4(&b, "127.0.0.1");
    char buf[64];
    ssize_t n;

    note("send without a peer: %zd %s", send(t, "x", 1, 0), strerror(errno));
    note("connect: %d", connect(t, (void *)&a, sizeof(a)));
    getsockname(t, (void *)&c, &len);
    report(!strcmp(text4(&c), "127.0.0.1") && c.sin_port, "the local name is set");
    len = sizeof(c);
    report(!getpeername(t, (void *)&c, &len) && c.sin_port == a.sin_port, "the peer's name");
    note("send: %zd", send(t, "hello", 5, 0));
    readable(s);
    len = sizeof(c);
    n = recvfrom(s, buf, sizeof(buf), 0, (void *)&c, &len);
    note("received %zd, address of %d bytes", n, (int)len);
    sendto(u, "stranger", 8, 0, (void *)&c, sizeof(c));
    sendto(s, "friend", 6, 0, (void *)&c, sizeof(c));
    readable(t);
    n = recv(t, buf, sizeof(buf), 0);
    note("only the peer is heard: %zd %.6s; then %zd", n, buf, recv(t, buf, sizeof(buf), 0));
    note("to another one while connected: %zd", sendto(t, "x", 1, 0, (void *)&b, sizeof(b)));
    readable(u);
    note("it came: %zd", recv(u, buf, sizeof(buf), 0));
    memset(&c, 0, sizeof(c));
    c.sin_family = AF_UNSPEC;
    note("disconnect: %d", connect(t, (void *)&c, sizeof(c)));
    note("send: %zd %s", send(t, "x", 1, 0), strerror(errno));
    len = sizeof(c);
    getsockname(t, (void *)&c, &len);
    note("the local name is %s:%d", text4(&c), c.sin_port != 0);
    c = in4("127.0.0.1", 0);
    note("to port 0: %zd %s", sendto(t, "x", 1, 0, (void *)&c, sizeof(c)), strerror(errno));
    c = in4("255.255.255.255", 9);
    note("broadcast without leave: %d %s", connect(t, (void *)&c, sizeof(c)), strerror(errno));
    close(s);
    close(t);
    close(u);
}

static void errors(void)
{
    struct sockaddr_in a, c;
    int s = bound4(&a, "127.0.0.1"), t = udp(AF_INET), err, one = 1;
    socklen_t len = sizeof(err);
    char buf[64], control[512];
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr m = { .msg_name = &c,
                        .msg_namelen = sizeof(c),
                        .msg_iov = &v,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control) };
    struct pollfd p = { .fd = t, .events = POLLIN | POLLOUT };

    close(s);
    connect(t, (void *)&a, sizeof(a));
    send(t, "x", 1, 0);
    usleep(20000);
    poll(&p, 1, 0);
    note("events %#x", p.revents);
    note("refused: %zd %s", recv(t, buf, sizeof(buf), 0), strerror(errno));
    note("once: %zd %s", recv(t, buf, sizeof(buf), 0), strerror(errno));
    send(t, "x", 1, 0);
    usleep(20000);
    getsockopt(t, SOL_SOCKET, SO_ERROR, &err, &len);
    note("SO_ERROR: %s", strerror(err));
    setsockopt(t, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
    note("empty queue: %zd %s", recvmsg(t, &m, MSG_ERRQUEUE), strerror(errno));
    send(t, "lost", 4, 0);
    usleep(20000);
    m.msg_controllen = sizeof(control);
    ssize_t n = recvmsg(t, &m, MSG_ERRQUEUE);
    note("queue: %zd %.4s flags %#x", n, buf, m.msg_flags);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        struct sock_extended_err *e = (void *)CMSG_DATA(h);
        struct sockaddr_in *o = (void *)(e + 1);

        note("level %d type %d: errno %u origin %u type %u code %u info %u from %s", h->cmsg_level,
             h->cmsg_type, e->ee_errno, e->ee_origin, e->ee_type, e->ee_code, e->ee_info, text4(o));
    }
    report(c.sin_port == a.sin_port, "the name is where it was sent to");
    note("then no error: %zd %s", recv(t, buf, sizeof(buf), 0), strerror(errno));
    close(t);
}

static void messages(void)
{
    struct sockaddr_in a;
    int s = bound4(&a, "127.0.0.1"), t = udp(AF_INET), n = 0;
    char buf[70000] = { 0 }, x[3], y[10];
    struct iovec v[2] = { { x, 3 }, { y, 10 } };
    struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

    connect(t, (void *)&a, sizeof(a));
    note("empty: %zd", send(t, buf, 0, 0));
    readable(s);
    note("received: %zd", recv(s, buf, sizeof(buf), 0));
    send(t, "0123456789", 10, 0);
    readable(s);
    ioctl(s, FIONREAD, &n);
    note("FIONREAD %d", n);
    note("peek %zd, cut short %zd", recv(s, buf, 100, MSG_PEEK), recv(s, buf, 4, MSG_PEEK));
    note("with MSG_TRUNC %zd", recv(s, buf, 4, MSG_PEEK | MSG_TRUNC));
    note("taken %zd, gone %zd", recv(s, buf, 4, 0), recv(s, buf, 4, 0));
    send(t, "0123456789abcdef", 16, 0);
    readable(s);
    note("scattered %zd flags %#x: %.3s %.10s", recvmsg(s, &m, 0), m.msg_flags, x, y);
    v[0] = (struct iovec){ (char *)"gath", 4 };
    v[1] = (struct iovec){ (char *)"ered", 4 };
    note("gathered %zd", sendmsg(t, &m, 0));
    readable(s);
    n = recv(s, buf, sizeof(buf), 0);
    note("%d %.8s", n, buf);
    note("too large: %zd %s", send(t, buf, 65508, 0), strerror(errno));
    memset(buf, 'a', sizeof(buf));
    note("largest: %zd", send(t, buf, 65507, 0));
    readable(s);
    note("received: %zd", recv(s, buf, sizeof(buf), 0));
    note("bad address: %zd %s", send(t, (void *)1, 5, 0), strerror(errno));
    note("out of band: %zd %s", send(t, "x", 1, MSG_OOB), strerror(errno));
    note("more: %zd %zd", send(t, "one", 3, MSG_MORE), send(t, "two", 3, 0));
    readable(s);
    n = recv(s, buf, sizeof(buf), 0);
    note("together: %d %.6s", n, buf);
    n = 1;
    setsockopt(t, IPPROTO_UDP, UDP_CORK, &n, sizeof(n));
    send(t, "a", 1, 0);
    send(t, "b", 1, 0);
    note("corked: %zd %s", recv(s, buf, sizeof(buf), 0), strerror(errno));
    n = 0;
    setsockopt(t, IPPROTO_UDP, UDP_CORK, &n, sizeof(n));
    readable(s);
    note("uncorked: %zd", recv(s, buf, sizeof(buf), 0));
    note("shut: %d", shutdown(t, SHUT_WR));
    signal(SIGPIPE, SIG_IGN);
    note("send: %zd %s", send(t, "x", 1, 0), strerror(errno));
    note("shut unconnected: %d %s", shutdown(s, SHUT_RD), strerror(errno));
    note("then: %zd", recv(s, buf, sizeof(buf), 0));
    n = listen(s, 1);
    note("listen: %d %s", n, strerror(errno));
    n = accept(s, NULL, NULL);
    note("accept: %d %s", n, strerror(errno));
    close(s);
    close(t);
}

static void many(void)
{
    struct sockaddr_in a;
    int s = bound4(&a, "127.0.0.1"), t = udp(AF_INET);
    char in[4][16], *out[4] = { "a", "bb", "ccc", "dddd" };
    struct iovec vi[4], vo[4];
    struct mmsghdr mi[4] = { 0 }, mo[4] = { 0 };

    connect(t, (void *)&a, sizeof(a));
    for (int i = 0; i < 4; i++) {
        vi[i] = (struct iovec){ in[i], 16 };
        vo[i] = (struct iovec){ out[i], i + 1 };
        mi[i].msg_hdr = (struct msghdr){ .msg_iov = &vi[i], .msg_iovlen = 1 };
        mo[i].msg_hdr = (struct msghdr){ .msg_iov = &vo[i], .msg_iovlen = 1 };
    }
    note("sendmmsg %d", sendmmsg(t, mo, 4, 0));
    readable(s);
    note("recvmmsg %d: %u %u %u %u", recvmmsg(s, mi, 4, MSG_WAITFORONE, NULL), mi[0].msg_len, mi[1].msg_len,
         mi[2].msg_len, mi[3].msg_len);
    close(s);
    close(t);
}

static void show_control(struct msghdr *m)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *i = (void *)CMSG_DATA(h);

            note("  pktinfo: %d, %s", i->ipi_ifindex, inet_ntoa(i->ipi_addr));
        } else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *i = (void *)CMSG_DATA(h);
            struct sockaddr_in6 a = { .sin6_addr = i->ipi6_addr };

            note("  pktinfo: %d, %s", i->ipi6_ifindex, text6(&a));
        } else if (h->cmsg_type == IP_TOS && h->cmsg_level == IPPROTO_IP) {
            note("  tos %d, %d bytes", *(uint8_t *)CMSG_DATA(h), (int)h->cmsg_len);
        } else {
            note("  level %d type %d: %d", h->cmsg_level, h->cmsg_type, *(int *)CMSG_DATA(h));
        }
    }
}

static void control(void)
{
    struct sockaddr_in a;
    struct sockaddr_in6 b;
    int s = bound4(&a, "0.0.0.0"), t = udp(AF_INET), s6 = bound6(&b, "::"), t6 = udp(AF_INET6), one = 1, n;
    char buf[64], c[256];
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c };

    setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
    setsockopt(s, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
    setsockopt(s, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one));
    n = 33;
    setsockopt(t, IPPROTO_IP, IP_TTL, &n, sizeof(n));
    n = 0x20;
    setsockopt(t, IPPROTO_IP, IP_TOS, &n, sizeof(n));
    inet_pton(AF_INET, "127.0.0.7", &a.sin_addr);
    sendto(t, "x", 1, 0, (void *)&a, sizeof(a));
    readable(s);
    m.msg_controllen = sizeof(c);
    note("received %zd flags %#x", recvmsg(s, &m, 0), m.msg_flags);
    show_control(&m);
    sendto(t, "x", 1, 0, (void *)&a, sizeof(a));
    readable(s);
    m.msg_controllen = 20;
    note("little room: %zd flags %#x, %zu", recvmsg(s, &m, 0), m.msg_flags, (size_t)m.msg_controllen);
    setsockopt(s6, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
    setsockopt(s6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof(one));
    setsockopt(s6, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof(one));
    n = 7;
    setsockopt(t6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &n, sizeof(n));
    inet_pton(AF_INET6, "::1", &b.sin6_addr);
    sendto(t6, "x", 1, 0, (void *)&b, sizeof(b));
    readable(s6);
    m.msg_controllen = sizeof(c);
    note("received %zd", recvmsg(s6, &m, 0));
    show_control(&m);
    /* from an address that a control message names */
    struct {
        struct cmsghdr h;
        struct in_pktinfo i;
    } p = { { CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO }, { 0 } };
    struct sockaddr_in from;
    socklen_t len = sizeof(from);

    inet_pton(AF_INET, "127.0.0.9", &p.i.ipi_spec_dst);
    v.iov_len = 1;
    m = (struct msghdr){ .msg_name = &a,
                         .msg_namelen = sizeof(a),
                         .msg_iov = &v,
                         .msg_iovlen = 1,
                         .msg_control = &p,
                         .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo)) };
    note("send %zd", sendmsg(t, &m, 0));
    readable(s);
    recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &len);
    note("from %s", text4(&from));
    p.h.cmsg_type = 99;
    note("unknown: %zd %s", sendmsg(t, &m, 0), strerror(errno));
    close(s);
    close(t);
    close(s6);
    close(t6);
}

static void options(void)
{
    static const struct {
        int level, name;
        const char *word;
    } all[] = { { IPPROTO_IP, IP_TTL, "IP_TTL" },
                { IPPROTO_IP, IP_TOS, "IP_TOS" },
                { IPPROTO_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER" },
                { IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL" },
                { IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP" },
                { IPPROTO_IP, IP_RECVERR, "IP_RECVERR" },
                { IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO" },
                { IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND" },
                { IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY" },
                { IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS" },
                { IPPROTO_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS" },
                { IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS" },
                { IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO" },
                { IPPROTO_UDP, UDP_CORK, "UDP_CORK" },
                { IPPROTO_UDP, UDP_SEGMENT, "UDP_SEGMENT" },
                { IPPROTO_UDP, 77, "77" } };
    static const int values[] = { -1, 0, 1, 2, 300 };

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int fd = udp(all[i].level == IPPROTO_IPV6 ? AF_INET6 : AF_INET), n = -77, err;
        socklen_t len = sizeof(n);

        err = getsockopt(fd, all[i].level, all[i].name, &n, &len);
        note("%s: %d %d %s", all[i].word, err, n, err ? strerror(errno) : "");
        for (unsigned k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            err = setsockopt(fd, all[i].level, all[i].name, &values[k], sizeof(int));
            len = sizeof(n);
            if (err)
                note("  %d: %s", values[k], strerror(errno));
            else if (!getsockopt(fd, all[i].level, all[i].name, &n, &len))
                note("  %d: %d", values[k], n);
        }
        close(fd);
    }
}

static void both_families(void)
{
    struct sockaddr_in6 a, from;
    struct sockaddr_in b, c;
    int s = bound6(&a, "::"), t = udp(AF_INET), t6 = udp(AF_INET6);
    socklen_t len = sizeof(from);
    char buf[64];
    ssize_t n;

    b = in4("127.0.0.1", ntohs(a.sin6_port));
    note("IPv4 to either: %zd", sendto(t, "four", 4, 0, (void *)&b, sizeof(b)));
    readable(s);
    n = recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &len);
    note("%zd from %s", n, text6(&from));
    note("answer: %zd", sendto(s, "back", 4, 0, (void *)&from, sizeof(from)));
    readable(t);
    len = sizeof(c);
    n = recvfrom(t, buf, sizeof(buf), 0, (void *)&c, &len);
    note("%zd from %s", n, text4(&c));
    a = in6("::1", ntohs(a.sin6_port));
    note("IPv6: %zd", sendto(t6, "six", 3, 0, (void *)&a, sizeof(a)));
    readable(s);
    len = sizeof(from);
    n = recvfrom(s, buf, sizeof(buf), 0, (void *)&from, &len);
    note("%zd from %s", n, text6(&from));
    a = in6("::ffff:127.0.0.1", ntohs(a.sin6_port));
    note("mapped: %d", connect(t6, (void *)&a, sizeof(a)));
    len = sizeof(from);
    getsockname(t6, (void *)&from, &len);
    note("local %s", text6(&from));
    a = in6("::", ntohs(a.sin6_port));
    note("to any: %d", connect(t6, (void *)&a, sizeof(a)));
    len = sizeof(from);
    getpeername(t6, (void *)&from, &len);
    note("peer %s", text6(&from));
    close(s);
    close(t);
    close(t6);
}

static void segments(void)
{
    struct sockaddr_in a;
    int s = bound4(&a, "127.0.0.1"), t = udp(AF_INET), n = 1000;
    char buf[8000];

    connect(t, (void *)&a, sizeof(a));
    memset(buf, 'x', sizeof(buf));
    note("UDP_SEGMENT %d", setsockopt(t, IPPROTO_UDP, UDP_SEGMENT, &n, sizeof(n)));
    note("send %zd", send(t, buf, 3500, 0));
    for (int i = 0; i < 4; i++) {
        readable(s);
        note("  %zd", recv(s, buf, sizeof(buf), 0));
    }
    note("no more: %zd %s", recv(s, buf, sizeof(buf), 0), strerror(errno));
    n = 1;
    setsockopt(s, IPPROTO_UDP, UDP_GRO, &n, sizeof(n));
    send(t, buf, 3500, 0);
    readable(s);
    char c[64];
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };

    note("as one: %zd", recvmsg(s, &m, 0));
    show_control(&m);
    close(s);
    close(t);
}

static void sharing(void)
{
    struct sockaddr_in a;
    int s[3], one = 1, got[3] = { 0 }, total = 0;
    char buf[8];

    for (int i = 0; i < 3; i++) {
        s[i] = udp(AF_INET);
        setsockopt(s[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        if (!i) {
            socklen_t len = sizeof(a);

            a = in4("127.0.0.1", 0);
            bind(s[i], (void *)&a, sizeof(a));
            getsockname(s[i], (void *)&a, &len);
        } else {
            note("bind %d", bind(s[i], (void *)&a, sizeof(a)));
        }
    }
    for (int i = 0; i < 300; i++) {
        int t = udp(AF_INET);

        sendto(t, "x", 1, 0, (void *)&a, sizeof(a));
        close(t);
    }
    usleep(20000);
    for (int i = 0; i < 3; i++) {
        while (recv(s[i], buf, sizeof(buf), 0) == 1)
            got[i]++;
        total += got[i];
        close(s[i]);
    }
    report(total == 300 && got[0] > 30 && got[1] > 30 && got[2] > 30,
           "sockets that share a port share its packets");
}

static void multicast(void)
{
    struct sockaddr_in a = in4("0.0.0.0", 0), to;
    struct ip_mreq m;
    socklen_t len = sizeof(a);
    int s = udp(AF_INET), t = udp(AF_INET);
    struct in_addr lo = { htonl(INADDR_LOOPBACK) };
    char buf[64];

    bind(s, (void *)&a, sizeof(a));
    getsockname(s, (void *)&a, &len);
    inet_pton(AF_INET, "239.1.2.3", &m.imr_multiaddr);
    m.imr_interface = lo;
    note("join %d", setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
    note("again %d %s", setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), strerror(errno));
    note("interface %d", setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
    to = in4("239.1.2.3", ntohs(a.sin_port));
    note("send %zd", sendto(t, "many", 4, 0, (void *)&to, sizeof(to)));
    readable(s);
    note("received %zd", recv(s, buf, sizeof(buf), 0));
    note("leave %d", setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)));
    note("again %d %s", setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), strerror(errno));
    inet_pton(AF_INET, "10.1.2.3", &m.imr_multiaddr);
    note("no group %d %s", setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), strerror(errno));
    close(s);
    close(t);
}

int main(void)
{
    making();
    binding();
    connecting();
    errors();
    messages();
    many();
    control();
    options();
    both_families();
    segments();
    sharing();
    multicast();
    return report_done();
}
