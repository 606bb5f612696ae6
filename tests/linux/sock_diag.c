/* SPDX-License-Identifier: BSD-2-Clause */
/* The netlink socket monitor: TCP's, UDP's and local sockets, compared with what the sockets' own calls say. */
#include "report.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SHOW(x) show((long long)(x), #x)
static long long show(long long v, const char *what)
{
    if (v == -1)
        note("%s: -1, %s", what, strerror(errno));
    else
        note("%s: %lld", what, v);
    return v;
}

static char buf[65536];
static int nl;

static unsigned inode(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? 0 : st.st_ino;
}

/* ---- requests and answers ---- */

struct request {
    struct nlmsghdr n;
    char body[400];
};

static void ask(int type, int flags, const void *body, unsigned len)
{
    struct request q = { .n = { NLMSG_LENGTH(len), type, NLM_F_REQUEST | flags, 9, 0 } };

    memcpy(q.body, body, len);
    MUST(send(nl, &q, q.n.nlmsg_len, 0));
}

/* Calls fn for each answer; how it ended. */
static void answers(const char *what, int type, void (*fn)(struct nlmsghdr *h))
{
    int strange = 0;

    for (;;) {
        int n = recv(nl, buf, sizeof(buf), MSG_DONTWAIT);

        if (n < 0) {
            note("%s: no end, strange %d, %s", what, strange, strerror(errno));
            return;
        }
        for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                note("%s: %s %d, strange %d", what, h->nlmsg_type == NLMSG_DONE ? "done" : "error",
                     *(int *)NLMSG_DATA(h), strange);
                return;
            }
            strange += h->nlmsg_type != type || h->nlmsg_seq != 9;
            fn(h);
            if (!(h->nlmsg_flags & NLM_F_MULTI))
                return;
        }
    }
}

static const void *attr(const struct nlmsghdr *h, unsigned head, int type, unsigned *len)
{
    int left = h->nlmsg_len - NLMSG_SPACE(head);

    for (struct rtattr *r = (void *)((char *)h + NLMSG_SPACE(head)); RTA_OK(r, left); r = RTA_NEXT(r, left))
        if (r->rta_type == type) {
            *len = RTA_PAYLOAD(r);
            return RTA_DATA(r);
        }
    *len = 0;
    return NULL;
}

/* ---- inet ---- */

static unsigned watched[16], nr_watched; /* inodes */
static char lines[16][400]; /* of each, in the order of the sockets, as the tables' order says nothing */
static int others, udp_rows;

static void show_inet(struct nlmsghdr *h)
{
    struct inet_diag_msg *m = NLMSG_DATA(h);
    unsigned len, n, i, mem, cong;
    const unsigned char *shut;
    const unsigned *sk;
    const struct tcp_info *info;
    char src[64], dst[64];

    for (n = 0; n < nr_watched && watched[n] != m->idiag_inode; n++)
        ;
    if (n == nr_watched) {
        others++;
        return;
    }
    inet_ntop(m->idiag_family, m->id.idiag_src, src, sizeof(src));
    inet_ntop(m->idiag_family, m->id.idiag_dst, dst, sizeof(dst));
    i = sprintf(
        lines[n],
        "family %d state %d timer %d retrans %d %s:%d %s:%d if %u rqueue %u wqueue %u uid %u cookie %s",
        m->idiag_family, m->idiag_state, m->idiag_timer, m->idiag_retrans, src,
        ntohs(m->id.idiag_sport) / 10 == 801 ? ntohs(m->id.idiag_sport) : 1, dst,
        ntohs(m->id.idiag_dport) == 8010 ? 8010
        : m->id.idiag_dport              ? 1
                                         : 0,
        m->id.idiag_if,
        udp_rows              ? !!m->idiag_rqueue
        : m->idiag_state == 8 ? 0
                              : m->idiag_rqueue, /* bytes of memory; a FIN may count */
        m->idiag_wqueue, m->idiag_uid, m->id.idiag_cookie[0] | m->id.idiag_cookie[1] ? "some" : "none");
    attr(h, sizeof(*m), INET_DIAG_MEMINFO, &mem);
    sk = attr(h, sizeof(*m), INET_DIAG_SKMEMINFO, &len);
    i += sprintf(lines[n] + i, " meminfo %u skmeminfo %s", mem,
                 !sk                                              ? "none"
                 : sk[SK_MEMINFO_RCVBUF] && sk[SK_MEMINFO_SNDBUF] ? "some"
                                                                  : "zero");
    info = attr(h, sizeof(*m), INET_DIAG_INFO, &len);
    attr(h, sizeof(*m), INET_DIAG_CONG, &cong);
    i += sprintf(lines[n] + i, " info %d cong %d", info ? info->tcpi_state : -1, cong > 0);
    shut = attr(h, sizeof(*m), INET_DIAG_SHUTDOWN, &len);
    i += sprintf(lines[n] + i, " shutdown %d", shut ? *shut : -1);
    attr(h, sizeof(*m), INET_DIAG_SKV6ONLY, &len);
    sprintf(lines[n] + i, " v6only %u", len);
}

static void dump_inet(const char *what, int family, int proto, unsigned states, int ext, int port)
{
    struct inet_diag_req_v2 q = {
        .sdiag_family = family, .sdiag_protocol = proto, .idiag_states = states, .idiag_ext = ext
    };

    q.id.idiag_sport = htons(port);
    memset(lines, 0, sizeof(lines));
    ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
    answers(what, SOCK_DIAG_BY_FAMILY, show_inet);
    for (unsigned n = 0; n < nr_watched; n++)
        if (lines[n][0])
            note("  %u: %s", n, lines[n]);
}

static int tcp_at(int family, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(0x7f000001) };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    int s = MUST(socket(family, SOCK_STREAM, 0));

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (family == AF_INET)
        MUST(bind(s, (struct sockaddr *)&a, sizeof(a)));
    else
        MUST(bind(s, (struct sockaddr *)&a6, sizeof(a6)));
    return s;
}

static void watch(int fd)
{
    watched[nr_watched++] = inode(fd);
}

/* sport = 8010 or dport = 8010 */
static const struct inet_diag_bc_op code[] = { { INET_DIAG_BC_S_EQ, 8, 12 },
                                               { 0, 0, 8010 },
                                               { INET_DIAG_BC_JMP, 4, 12 },
                                               { INET_DIAG_BC_D_EQ, 8, 12 },
                                               { 0, 0, 8010 } };

static void filtered(const char *what, const void *prog, unsigned len)
{
    struct {
        struct inet_diag_req_v2 q;
        struct rtattr r;
        char prog[64];
    } q = { .q = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u },
            .r = { RTA_LENGTH(len), INET_DIAG_REQ_BYTECODE } };

    memcpy(q.prog, prog, len);
    memset(lines, 0, sizeof(lines));
    others = 0;
    ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q.q) + RTA_LENGTH(len));
    answers(what, SOCK_DIAG_BY_FAMILY, show_inet);
    for (unsigned n = 0; n < nr_watched; n++)
        if (lines[n][0])
            note("  %u: there", n);
    SHOW(others);
}

static void exact(const char *what, int family, int proto, int sport, int dport, unsigned src, unsigned dst,
                  unsigned cookie)
{
    struct inet_diag_req_v2 q = { .sdiag_family = family, .sdiag_protocol = proto, .idiag_states = ~0u };

    q.id = (struct inet_diag_sockid){ htons(sport),      htons(dport), { htonl(src) }, { htonl(dst) }, 0,
                                      { cookie, cookie } };
    memset(lines, 0, sizeof(lines));
    ask(SOCK_DIAG_BY_FAMILY, 0, &q, sizeof(q));
    answers(what, SOCK_DIAG_BY_FAMILY, show_inet);
    for (unsigned n = 0; n < nr_watched; n++)
        if (lines[n][0])
            note("  %u: %s", n, lines[n]);
}

static void test_inet(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(8010),
                             .sin_addr.s_addr = htonl(0x7f000001) };
    struct inet_diag_req old = { .idiag_family = AF_INET, .idiag_states = 1 << 10 };
    int l = tcp_at(AF_INET, 8010), l6 = tcp_at(AF_INET6, 8011), c, s, u, u2;

    MUST(listen(l, 7)), MUST(listen(l6, 9));
    c = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(c, (struct sockaddr *)&a, sizeof(a)));
    watch(l), watch(l6), watch(c);
    dump_inet("before accept", AF_INET, IPPROTO_TCP, ~0u, 0, 0);
    s = MUST(accept(l, NULL, NULL));
    watch(s);
    dump_inet("after it", AF_INET, IPPROTO_TCP, ~0u, 0, 0);
    MUST(write(c, "hello", 5));
    for (int n = 0; n < 5; ioctl(s, 0x541b /* FIONREAD */, &n))
        ;
    dump_inet("all that can be asked for", AF_INET, IPPROTO_TCP, ~0u, 0xff, 0);
    dump_inet("listening ones", AF_INET, IPPROTO_TCP, 1 << 10, 0, 0);
    dump_inet("established ones", AF_INET, IPPROTO_TCP, 1 << 1, 0, 0);
    dump_inet("of a port", AF_INET, IPPROTO_TCP, ~0u, 0, 8010);
    dump_inet("IPv6", AF_INET6, IPPROTO_TCP, ~0u, 0xff, 0);
    filtered("by a program", code, sizeof(code));
    filtered("by a bad one", code, sizeof(code) - 4);
    exact("the listener", AF_INET, IPPROTO_TCP, 8010, 0, 0x7f000001, 0, INET_DIAG_NOCOOKIE);
    exact("nobody", AF_INET, IPPROTO_TCP, 8012, 0, 0x7f000001, 0, INET_DIAG_NOCOOKIE);
    exact("another's cookie", AF_INET, IPPROTO_TCP, 8010, 0, 0x7f000001, 0, 0x12345);
    memset(lines, 0, sizeof(lines));
    ask(TCPDIAG_GETSOCK, NLM_F_DUMP, &old, sizeof(old));
    answers("the old request", TCPDIAG_GETSOCK, show_inet);
    for (unsigned n = 0; n < nr_watched; n++)
        if (lines[n][0])
            note("  %u: there", n);
    shutdown(s, SHUT_WR);
    for (struct tcp_info i = { 0 }; i.tcpi_state != 8;
         getsockopt(c, IPPROTO_TCP, TCP_INFO, &i, &(socklen_t){ sizeof(i) }))
        ;
    dump_inet("one way shut", AF_INET, IPPROTO_TCP, 1 << 8, 0, 0);

    u = MUST(socket(AF_INET, SOCK_DGRAM, 0)), u2 = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind(u, (struct sockaddr *)&a, sizeof(a)));
    MUST(connect(u2, (struct sockaddr *)&a, sizeof(a)));
    MUST(write(u2, "hello", 5));
    nr_watched = 0, watch(u), watch(u2), udp_rows = 1;
    dump_inet("udp, unconnected", AF_INET, IPPROTO_UDP, 1 << 7, 0x80, 8010);
    dump_inet("udp, connected", AF_INET, IPPROTO_UDP, 1 << 1, 0, 0);
    exact("udp, the other way round", AF_INET, IPPROTO_UDP, 8010, 0, 0x7f000001, 0, INET_DIAG_NOCOOKIE);
    exact("udp, one", AF_INET, IPPROTO_UDP, 0, 8010, 0, 0x7f000001, INET_DIAG_NOCOOKIE);
    exact("udp, another's cookie", AF_INET, IPPROTO_UDP, 0, 8010, 0, 0x7f000001, 0x12345);
    close(u), close(u2), close(l), close(l6), close(c), close(s);
}

/* ---- local sockets ---- */

static unsigned inos[8];

static int index_of(unsigned ino)
{
    for (int n = 0; n < 8; n++)
        if (ino && inos[n] == ino)
            return n;
    return ino ? -1 : -2;
}

static void show_unix(struct nlmsghdr *h)
{
    struct unix_diag_msg *m = NLMSG_DATA(h);
    unsigned len, mem, icons;
    const char *name = attr(h, sizeof(*m), UNIX_DIAG_NAME, &len);
    const unsigned *peer, *icon, *uid;
    const struct unix_diag_rqlen *q;
    const unsigned char *shut;
    char text[120] = "none";
    int n = index_of(m->udiag_ino);

    if (n < 0)
        return;
    if (name)
        sprintf(text, "%u bytes %.*s", len, (int)strnlen(name + !name[0], len - !name[0]), name + !name[0]);
    peer = attr(h, sizeof(*m), UNIX_DIAG_PEER, &len);
    q = attr(h, sizeof(*m), UNIX_DIAG_RQLEN, &len);
    shut = attr(h, sizeof(*m), UNIX_DIAG_SHUTDOWN, &len);
    attr(h, sizeof(*m), UNIX_DIAG_MEMINFO, &mem);
    uid = attr(h, sizeof(*m), UNIX_DIAG_UID, &len);
    icon = attr(h, sizeof(*m), UNIX_DIAG_ICONS, &icons);
    sprintf(
        lines[n],
        "family %d type %d state %d name %s peer %d queues %d %d shutdown %d meminfo %u uid %d icons %u first %d",
        m->udiag_family, m->udiag_type, m->udiag_state, text, peer ? index_of(*peer) : -3,
        q ? (int)q->udiag_rqueue : -1, q ? !!q->udiag_wqueue : -1, shut ? *shut : -1, mem,
        uid ? (int)*uid : -1, icons, icons ? index_of(*icon) : -3);
}

static void dump_unix(const char *what, unsigned states, unsigned show_what, unsigned ino, unsigned cookie,
                      int flags)
{
    struct unix_diag_req q = { .sdiag_family = AF_UNIX,
                               .udiag_states = states,
                               .udiag_show = show_what,
                               .udiag_ino = ino,
                               .udiag_cookie = { cookie, cookie } };

    memset(lines, 0, sizeof(lines));
    ask(SOCK_DIAG_BY_FAMILY, flags, &q, sizeof(q));
    answers(what, SOCK_DIAG_BY_FAMILY, show_unix);
    for (unsigned n = 0; n < 8; n++)
        if (lines[n][0])
            note("  %u: %s", n, lines[n]);
}

static void test_unix(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "named" };
    int l = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0)),
        d = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), p[2], q[2];

    scratch();
    MUST(bind(l, (struct sockaddr *)&a, sizeof(a.sun_family) + 6)), MUST(listen(l, 5));
    MUST(connect(c, (struct sockaddr *)&a, sizeof(a)));
    a = (struct sockaddr_un){ .sun_family = AF_UNIX, .sun_path = "\0an abstract name" };
    MUST(bind(d, (struct sockaddr *)&a, sizeof(a.sun_family) + 17));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, p)), MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, q));
    MUST(write(p[0], "hello", 5)), MUST(write(p[0], "you", 3)), MUST(write(q[0], "hello", 5)),
        MUST(write(q[0], "you", 3));
    shutdown(p[1], SHUT_WR);
    for (int n = 0; n < 7; n++)
        inos[n] = inode((int[]){ l, c, d, p[0], p[1], q[0], q[1] }[n]);
    dump_unix("nothing but them", ~0u, 0, 0, 0, NLM_F_DUMP);
    dump_unix("names and peers", ~0u, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER, 0, 0, NLM_F_DUMP);
    dump_unix("all", ~0u,
              UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO |
                  UDIAG_SHOW_UID,
              0, 0, NLM_F_DUMP);
    dump_unix("listening ones", 1 << 10, UDIAG_SHOW_RQLEN, 0, 0, NLM_F_DUMP);
    dump_unix("closed ones", 1 << 7, 0, 0, 0, NLM_F_DUMP);
    dump_unix("one", 0, UDIAG_SHOW_NAME, inos[2], ~0u, 0);
    dump_unix("one with another's cookie", 0, UDIAG_SHOW_NAME, inos[2], 77777, 0);
    dump_unix("none", 0, 0, 0, ~0u, 0);
    dump_unix("nobody", 0, 0, 4000000000u, ~0u, 0);
    for (int n = 0; n < 7; n++)
        close((int[]){ l, c, d, p[0], p[1], q[0], q[1] }[n]);
}

static void nothing(struct nlmsghdr *h)
{
}

static void bad(const char *what, int type, int flags, int family, int proto, unsigned len)
{
    struct inet_diag_req_v2 q = { .sdiag_family = family, .sdiag_protocol = proto, .idiag_states = ~0u };

    ask(type, flags, &q, len);
    answers(what, type, nothing);
}

int main(void)
{
    struct sockaddr_nl a;
    socklen_t len = sizeof(a);

    if (unshare(CLONE_NEWNET) == 0) { /* nobody else's sockets */
        struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));

        MUST(ioctl(s, SIOCSIFFLAGS, &r));
        close(s);
    }
    nl = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    MUST(getsockname(nl, (struct sockaddr *)&a, &len));
    CHECK_EQ(a.nl_pid, 0);
    bad("too short", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, AF_INET, 6, 1);
    bad("no whole request", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, AF_INET, 6, 10);
    bad("no such family", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 200, 6, 56);
    bad("no such type", 30, NLM_F_DUMP, AF_INET, 6, 56);
    bad("local, too short", SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, AF_UNIX, 0, 10);
    test_inet();
    test_unix();
    return report_done();
}
