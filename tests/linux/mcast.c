/* SPDX-License-Identifier: BSD-2-Clause */
/* Multicast groups and their sources (RFC 3678) over loopback: options, what is delivered, what /proc/net shows. */
#include "own_net.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#define SHOW(call) show(#call, call)

static void show(const char *what, int r)
{
    note("%s: %s", what, r ? strerror(errno) : "ok");
}

static int lo;
static const char *const group = "239.1.2.3", *const group6 = "ff05::1:3";

static struct in_addr ip4(const char *s)
{
    struct in_addr a;

    inet_pton(AF_INET, s, &a);
    return a;
}

static struct sockaddr_in sa4(const char *s, int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = ip4(s), .sin_port = port };
}

static struct sockaddr_in6 sa6(const char *s, int port)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = port };

    inet_pton(AF_INET6, s, &a.sin6_addr);
    return a;
}

/* ---- options ---- */

static int by_source(int fd, int name, const char *g, const char *from, int len)
{
    struct ip_mreq_source m = { .imr_multiaddr = ip4(g),
                                .imr_interface = ip4("127.0.0.1"),
                                .imr_sourceaddr = ip4(from) };

    return setsockopt(fd, IPPROTO_IP, name, &m, len);
}
#define SRC(name, from) SHOW(by_source(fd, name, group, from, sizeof(struct ip_mreq_source)))

static int any(int fd, int name)
{
    struct ip_mreq m = { .imr_multiaddr = ip4(group), .imr_interface = ip4("127.0.0.1") };

    return setsockopt(fd, IPPROTO_IP, name, &m, sizeof(m));
}

static int wide(int fd, int v6, int name, const char *from, int family)
{
    struct group_source_req r = { .gsr_interface = lo };

    if (v6) {
        *(struct sockaddr_in6 *)&r.gsr_group = sa6(group6, 0);
        *(struct sockaddr_in6 *)&r.gsr_source = sa6(from, 0);
    } else {
        *(struct sockaddr_in *)&r.gsr_group = sa4(group, 0);
        *(struct sockaddr_in *)&r.gsr_source = sa4(from, 0);
    }
    if (family)
        r.gsr_source.ss_family = family;
    return setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, name, &r, sizeof(r));
}
#define WIDE(name, from)  SHOW(wide(fd, 0, name, from, 0))
#define WIDE6(name, from) SHOW(wide(fd, 1, name, from, 0))

static int group_req(int fd, int v6, int name)
{
    struct group_req r = { .gr_interface = lo };

    if (v6)
        *(struct sockaddr_in6 *)&r.gr_group = sa6(group6, 0);
    else
        *(struct sockaddr_in *)&r.gr_group = sa4(group, 0);
    return setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, name, &r, sizeof(r));
}

static void get_filter(int fd, int v6, int room)
{
    static char buf[20000];
    struct group_filter *f = (void *)buf;
    socklen_t len = GROUP_FILTER_SIZE(room);
    char text[INET6_ADDRSTRLEN];

    memset(buf, 0, sizeof(buf));
    f->gf_interface = lo;
    f->gf_numsrc = room;
    if (v6)
        *(struct sockaddr_in6 *)&f->gf_group = sa6(group6, 0);
    else
        *(struct sockaddr_in *)&f->gf_group = sa4(group, 0);
    if (getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_MSFILTER, f, &len)) {
        note("  no filter: %s", strerror(errno));
        return;
    }
    note("  filter %s, %u sources, %u bytes", f->gf_fmode == MCAST_INCLUDE ? "include" : "exclude",
         f->gf_numsrc, len);
    for (unsigned i = 0; i < f->gf_numsrc && i < (unsigned)room; i++)
        if (v6)
            note("    %s", inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&f->gf_slist[i])->sin6_addr, text,
                                     sizeof(text)));
        else
            note("    %s",
                 inet_ntop(AF_INET, &((struct sockaddr_in *)&f->gf_slist[i])->sin_addr, text, sizeof(text)));
}

static void get_filter4(int fd, unsigned room)
{
    char buf[400];
    struct ip_msfilter *f = (void *)buf;
    socklen_t len = IP_MSFILTER_SIZE(room);

    memset(buf, 0, sizeof(buf));
    f->imsf_multiaddr = ip4(group);
    f->imsf_interface = ip4("127.0.0.1");
    f->imsf_numsrc = room;
    if (getsockopt(fd, IPPROTO_IP, IP_MSFILTER, f, &len)) {
        note("  no filter: %s", strerror(errno));
        return;
    }
    note("  filter %s, %u sources, %u bytes", f->imsf_fmode == MCAST_INCLUDE ? "include" : "exclude",
         f->imsf_numsrc, len);
    for (unsigned i = 0; i < f->imsf_numsrc && i < room; i++)
        note("    %s", inet_ntoa(((struct in_addr *)&f->imsf_slist)[i]));
}

static int set_filter4(int fd, unsigned mode, unsigned nr, int cut)
{
    char buf[4000];
    struct ip_msfilter *f = (void *)buf;

    f->imsf_multiaddr = ip4(group);
    f->imsf_interface = ip4("127.0.0.1");
    f->imsf_fmode = mode;
    f->imsf_numsrc = nr;
    for (unsigned i = 0; i < nr; i++)
        ((struct in_addr *)&f->imsf_slist)[i].s_addr = htonl(0x7f000001 + i);
    return setsockopt(fd, IPPROTO_IP, IP_MSFILTER, f, IP_MSFILTER_SIZE(nr) - cut);
}

static int set_filter6(int fd, unsigned mode, unsigned nr)
{
    static char buf[20000];
    struct group_filter *f = (void *)buf;

    memset(buf, 0, sizeof(buf));
    f->gf_interface = lo;
    *(struct sockaddr_in6 *)&f->gf_group = sa6(group6, 0);
    f->gf_fmode = mode;
    f->gf_numsrc = nr;
    for (unsigned i = 0; i < nr; i++) {
        struct sockaddr_in6 s = sa6("fd00::", 0);

        s.sin6_addr.s6_addr[15] = i + 1;
        *(struct sockaddr_in6 *)&f->gf_slist[i] = s;
    }
    return setsockopt(fd, IPPROTO_IPV6, MCAST_MSFILTER, f, GROUP_FILTER_SIZE(nr));
}

static void proc(const char *name)
{
    char path[64], *line, *text;

    snprintf(path, sizeof(path), "/proc/net/%s", name);
    text = get_file(path);
    note("%s:", name);
    while ((line = strsep(&text, "\n")) && *line)
        note("  %s", line);
}

static void sources(void)
{
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0)), t = MUST(socket(AF_INET, SOCK_STREAM, 0));

    note("sources, IPv4");
    SRC(IP_BLOCK_SOURCE, "10.0.0.1"); /* not joined */
    SRC(IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.1");
    SHOW(by_source(fd, IP_ADD_SOURCE_MEMBERSHIP, group, "10.0.0.1", 11));
    SHOW(by_source(fd, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.9", "10.0.0.1", 12));
    SHOW(by_source(t, IP_ADD_SOURCE_MEMBERSHIP, group, "10.0.0.1", 12));
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.1");
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.1");
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.2");
    SRC(IP_BLOCK_SOURCE, "10.0.0.3"); /* another mode */
    SHOW(any(fd, IP_ADD_MEMBERSHIP));
    get_filter(fd, 0, 5);
    get_filter4(fd, 5);
    get_filter4(fd, 1);
    get_filter4(fd, 0);
    { /* a length that has no room for what is asked for */
        struct {
            struct group_filter f;
            char rest[8000];
        } big = { .f = { .gf_interface = lo, .gf_numsrc = 50 } };
        socklen_t len = GROUP_FILTER_SIZE(0);

        *(struct sockaddr_in *)&big.f.gf_group = sa4(group, 0);
        SHOW(getsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &big, &len));
        note("  %u sources", big.f.gf_numsrc);
    }
    proc("mcfilter");
    SRC(IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.9");
    SRC(IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.1");
    get_filter4(fd, 5);
    SRC(IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.2"); /* the last: left */
    get_filter4(fd, 5);
    SHOW(any(fd, IP_DROP_MEMBERSHIP));
    SHOW(any(fd, IP_ADD_MEMBERSHIP));
    SRC(IP_UNBLOCK_SOURCE, "10.0.0.1");
    SRC(IP_BLOCK_SOURCE, "10.0.0.1");
    SRC(IP_BLOCK_SOURCE, "10.0.0.1");
    SRC(IP_BLOCK_SOURCE, "10.0.0.2");
    get_filter4(fd, 5);
    proc("mcfilter");
    SRC(IP_UNBLOCK_SOURCE, "10.0.0.1");
    SRC(IP_UNBLOCK_SOURCE, "10.0.0.2");
    get_filter4(fd, 5);
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.1"); /* the mode may change while no source is named */
    get_filter4(fd, 5);
    WIDE(MCAST_JOIN_SOURCE_GROUP, "10.0.0.7");
    WIDE(MCAST_BLOCK_SOURCE, "10.0.0.7");
    WIDE(MCAST_LEAVE_SOURCE_GROUP, "10.0.0.7");
    SHOW(wide(fd, 0, MCAST_JOIN_SOURCE_GROUP, "10.0.0.8", AF_INET6));
    SHOW(group_req(fd, 0, MCAST_JOIN_GROUP));
    SHOW(group_req(fd, 0, MCAST_LEAVE_GROUP));
    for (int i = 1; i <= 11; i++) {
        char from[20];

        snprintf(from, sizeof(from), "10.0.1.%d", i);
        int r = by_source(fd, IP_ADD_SOURCE_MEMBERSHIP, group, from, 12);

        if (i > 9)
            show("one more", r);
    }
    get_filter4(fd, 12);
    close(t);
    close(fd);
    proc("mcfilter");
}

static void filters(void)
{
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));

    note("whole filters, IPv4");
    SHOW(set_filter4(fd, MCAST_INCLUDE, 2, 0));
    SHOW(set_filter4(fd, MCAST_INCLUDE, 0, 0));
    SHOW(any(fd, IP_ADD_MEMBERSHIP));
    SHOW(set_filter4(fd, MCAST_INCLUDE, 2, 0));
    get_filter4(fd, 5);
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 3, 0));
    get_filter4(fd, 5);
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 3, 1));
    SHOW(set_filter4(fd, 7, 3, 0));
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 10, 0));
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 11, 0));
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 0, 4));
    SHOW(set_filter4(fd, MCAST_EXCLUDE, 0, 0));
    get_filter4(fd, 5);
    SHOW(set_filter4(fd, MCAST_INCLUDE, 0, 0));
    get_filter4(fd, 5);
    close(fd);
}

static void sources6(void)
{
    int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0));

    note("IPv6");
    WIDE6(MCAST_BLOCK_SOURCE, "fd00::1");
    WIDE6(MCAST_JOIN_SOURCE_GROUP, "fd00::1");
    WIDE6(MCAST_JOIN_SOURCE_GROUP, "fd00::1");
    WIDE6(MCAST_JOIN_SOURCE_GROUP, "fd00::2");
    WIDE6(MCAST_BLOCK_SOURCE, "fd00::2");
    get_filter(fd, 1, 5);
    proc("mcfilter6");
    WIDE6(MCAST_LEAVE_SOURCE_GROUP, "fd00::9");
    WIDE6(MCAST_LEAVE_SOURCE_GROUP, "fd00::1");
    WIDE6(MCAST_LEAVE_SOURCE_GROUP, "fd00::2");
    get_filter(fd, 1, 5);
    SHOW(group_req(fd, 1, MCAST_JOIN_GROUP));
    WIDE6(MCAST_BLOCK_SOURCE, "fd00::5");
    WIDE6(MCAST_UNBLOCK_SOURCE, "fd00::6");
    get_filter(fd, 1, 1);
    SHOW(set_filter6(fd, MCAST_INCLUDE, 3));
    get_filter(fd, 1, 5);
    get_filter(fd, 1, 1);
    SHOW(set_filter6(fd, MCAST_EXCLUDE, 64));
    SHOW(set_filter6(fd, MCAST_EXCLUDE, 65));
    SHOW(set_filter6(fd, 2, 1));
    SHOW(set_filter6(fd, MCAST_INCLUDE, 0));
    get_filter(fd, 1, 5);
    close(fd);
    proc("mcfilter6");
}

/* ---- delivery ---- */

static int got(int fd)
{
    char buf[16];
    int n = 0;

    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        n++;
    return n;
}

static void deliver(void)
{
    struct sockaddr_in a = sa4("0.0.0.0", 0), to;
    socklen_t len = sizeof(a);
    int one = 1, zero = 0, fd = MUST(socket(AF_INET, SOCK_DGRAM, 0)),
        other = MUST(socket(AF_INET, SOCK_DGRAM, 0)), s[2];

    note("what arrives");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    MUST(bind(fd, (void *)&a, sizeof(a)));
    MUST(getsockname(fd, (void *)&a, &len));
    MUST(bind(other, (void *)&a, sizeof(a)));
    to = sa4(group, a.sin_port);
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in from = sa4(i ? "127.0.0.2" : "127.0.0.1", 0);
        struct ip_mreqn m = { .imr_ifindex = lo };

        s[i] = MUST(socket(AF_INET, SOCK_DGRAM, 0));
        MUST(setsockopt(s[i], IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)));
        MUST(bind(s[i], (void *)&from, sizeof(from)));
    }
#define ROUND(what)                                                              \
    do {                                                                         \
        int n[4];                                                                \
                                                                                 \
        for (int i = 0; i < 2; i++) {                                            \
            MUST(sendto(s[i], "x", 1, 0, (void *)&to, sizeof(to)));              \
            usleep(20000);                                                       \
            n[i] = got(fd);                                                      \
            n[2 + i] = got(other);                                               \
        }                                                                        \
        note("  %s: %d %d, another socket %d %d", what, n[0], n[1], n[2], n[3]); \
    } while (0)
    SHOW(any(fd, IP_ADD_MEMBERSHIP));
    ROUND("all");
    SRC(IP_BLOCK_SOURCE, "127.0.0.1");
    ROUND("but the first");
    SRC(IP_BLOCK_SOURCE, "127.0.0.2");
    ROUND("neither");
    SRC(IP_UNBLOCK_SOURCE, "127.0.0.1");
    ROUND("but the second");
    SHOW(any(fd, IP_DROP_MEMBERSHIP));
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.2");
    ROUND("the second");
    SRC(IP_ADD_SOURCE_MEMBERSHIP, "127.0.0.1");
    ROUND("both");
    MUST(setsockopt(other, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero)));
    ROUND("both, the other not");
    MUST(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero)));
    SRC(IP_DROP_SOURCE_MEMBERSHIP, "127.0.0.1");
    ROUND("the second, not all groups");
    for (int i = 0; i < 2; i++)
        close(s[i]);
    close(fd);
    close(other);
}

int main(void)
{
    own_network();
    lo = if_nametoindex("lo");
    sources();
    filters();
    sources6();
    deliver();
    return report_done();
}
