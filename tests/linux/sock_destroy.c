/* SPDX-License-Identifier: BSD-2-Clause */
/* SOCK_DESTROY (ss -K): connections and listeners that end because the administrator wants it. */
#include "own_net.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>

static int nl;

static unsigned short port_of(int fd, int peer)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    return (peer ? getpeername(fd, (void *)&a, &len) : getsockname(fd, (void *)&a, &len)) ? 0 : a.sin_port;
}

static int destroy(int protocol, unsigned short sport, unsigned short dport, unsigned cookie, int flags)
{
    struct {
        struct nlmsghdr h;
        struct inet_diag_req_v2 q;
    } r = { { sizeof(r), SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK | flags, 7, 0 },
            { .sdiag_family = AF_INET, .sdiag_protocol = protocol, .idiag_states = ~0u } };
    char buf[4096];
    struct nlmsghdr *h = (void *)buf;

    r.q.id.idiag_sport = sport;
    r.q.id.idiag_dport = dport;
    r.q.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
    r.q.id.idiag_dst[0] = dport ? htonl(INADDR_LOOPBACK) : 0;
    r.q.id.idiag_cookie[0] = r.q.id.idiag_cookie[1] = cookie;
    MUST(send(nl, &r, sizeof(r), 0));
    MUST(recv(nl, buf, sizeof(buf), 0));
    return h->nlmsg_type == NLMSG_ERROR ? *(int *)NLMSG_DATA(h) : 4711;
}

static void show(const char *what, int r)
{
    note("%s: %s", what, r == 4711 ? "strange" : r ? strerror(-r) : "ok");
}

static void state(const char *who, int fd)
{
    struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
    char c;
    int err = -1;
    socklen_t len = sizeof(err);
    ssize_t n;

    poll(&p, 1, 1000);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    n = recv(fd, &c, 1, MSG_DONTWAIT);
    note("  %s: events %x, %s; then recv %zd %s", who, (unsigned)p.revents, err ? strerror(err) : "no error",
         n, n < 0 ? strerror(errno) : "");
}

int main(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int l, c[3], s[3], u, err = 0;
    socklen_t errlen = sizeof(err);
    unsigned short port;

    own_network();
    nl = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    l = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 5));
    MUST(getsockname(l, (void *)&a, &len));
    port = a.sin_port;
    for (int i = 0; i < 3; i++) {
        c[i] = MUST(socket(AF_INET, SOCK_STREAM, 0));
        MUST(connect(c[i], (void *)&a, len));
        s[i] = MUST(accept(l, NULL, NULL));
    }
    show("not there", destroy(IPPROTO_TCP, htons(1), htons(2), ~0u, 0));
    show("another cookie", destroy(IPPROTO_TCP, port_of(c[0], 0), port, 4711, 0));
    show("a client", destroy(IPPROTO_TCP, port_of(c[0], 0), port, ~0u, 0));
    state("client", c[0]);
    state("server", s[0]);
    MUST(send(s[1], "unread", 6, 0));
    show("a server", destroy(IPPROTO_TCP, port, port_of(c[1], 0), ~0u, NLM_F_DUMP));
    state("server", s[1]);
    state("client", c[1]);
    MUST(shutdown(c[2], SHUT_WR));
    usleep(20000);
    show("half closed", destroy(IPPROTO_TCP, port_of(c[2], 0), port, ~0u, 0));
    state("client", c[2]);
    state("server", s[2]);
    show("the listener", destroy(IPPROTO_TCP, port, 0, ~0u, 0));
    CHECK(poll(&(struct pollfd){ .fd = l, .events = POLLIN }, 1, 1000) == 1);
    CHECK(getsockopt(l, SOL_SOCKET, SO_ERROR, &err, &errlen) == 0 && err == ECONNABORTED);
    CHECK_ERR(accept(l, NULL, NULL), EINVAL);
    show("once more", destroy(IPPROTO_TCP, port, 0, ~0u, 0));
    u = MUST(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_ERR(connect(u, (void *)&a, len), ECONNREFUSED);
    l = MUST(socket(AF_INET, SOCK_STREAM, 0));
    a.sin_port = 0;
    MUST(bind(l, (void *)&a, sizeof(a)));
    CHECK_EQ(listen(l, 5), 0);
    MUST(setuid(65534));
    show("without privilege", destroy(IPPROTO_TCP, port_of(l, 0), 0, ~0u, 0));
    return report_done();
}
