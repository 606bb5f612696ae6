/* SPDX-License-Identifier: BSD-2-Clause */
/* Netlink sockets and what libraries ask of rtnetlink; of the devices lo is the one that both systems have. */
#include "sockets.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

static char buf[65536];

static int nl_socket(int type)
{
    return MUST(socket(AF_NETLINK, type, NETLINK_ROUTE));
}

static int ask(int s, int type, int flags, const void *body, unsigned len)
{
    struct {
        struct nlmsghdr n;
        char body[1000];
    } q = { .n = { NLMSG_LENGTH(len), type, NLM_F_REQUEST | flags, 77, 0 } };

    memcpy(q.body, body, len);
    return send(s, &q, q.n.nlmsg_len, 0);
}

/* The answer to one request: how many messages of a type, and how it ended. */
static void answer(int s, const char *what, int type)
{
    int n, found = 0, strange = 0, self;
    struct sockaddr_nl a;
    socklen_t len = sizeof(a);

    getsockname(s, (struct sockaddr *)&a, &len);
    self = a.nl_pid;
    for (;;) {
        len = sizeof(a);
        n = recvfrom(s, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&a, &len);
        if (n < 0) {
            note("%s: found %s, strange %d, no end, errno %d", what, found ? "some" : "none", strange, errno);
            return;
        }
        strange += len != sizeof(a) || a.nl_pid || a.nl_groups;
        for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
            strange += h->nlmsg_seq != 77 || (int)h->nlmsg_pid != self;
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                int e = *(int *)NLMSG_DATA(h);

                note("%s: found %s, strange %d, %s %d", what, found ? "some" : "none", strange,
                     h->nlmsg_type == NLMSG_DONE ? "done" : "error", e);
                return;
            }
            strange += h->nlmsg_type != type;
            found++;
        }
    }
}

static void test_sockets(void)
{
    struct sockaddr_nl a = { .nl_family = AF_NETLINK }, b;
    int s, t;
    socklen_t len = sizeof(a);

    SHOW(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
    SHOW(socket(AF_NETLINK, SOCK_RAW, 99));
    SHOW(socket(AF_NETLINK, SOCK_RAW, -1));
    s = nl_socket(SOCK_RAW);
    t = nl_socket(SOCK_DGRAM | SOCK_CLOEXEC);
    SHOW(option(s, SO_TYPE)), SHOW(option(s, SO_DOMAIN)), SHOW(option(s, SO_PROTOCOL));
    SHOW(getsockname(s, (struct sockaddr *)&a, &len));
    SHOW(len), SHOW(a.nl_pid), SHOW(a.nl_groups);
    SHOW(bind(s, (struct sockaddr *)&a, 11));
    SHOW(bind(s, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_INET }, 12));
    SHOW(bind(s, (struct sockaddr *)&a, 12));
    SHOW(getsockname(s, (struct sockaddr *)&a, &len));
    CHECK(a.nl_pid == getpid());
    SHOW(bind(s, (struct sockaddr *)&a, 12));
    a.nl_pid = 12345;
    SHOW(bind(s, (struct sockaddr *)&a, 12));
    a.nl_pid = getpid();
    SHOW(bind(t, (struct sockaddr *)&a, 12));
    a.nl_pid = 0;
    SHOW(bind(t, (struct sockaddr *)&a, 12));
    SHOW(getsockname(t, (struct sockaddr *)&b, &len));
    CHECK(b.nl_pid != getpid() && b.nl_pid);
    SHOW(getpeername(t, (struct sockaddr *)&b, &len));
    SHOW(b.nl_pid);
    SHOW(ready(t));
    SHOW(recv(t, buf, 10, MSG_DONTWAIT));
    SHOW(listen(t, 1));
    SHOW(accept(t, NULL, NULL));
    SHOW(shutdown(t, SHUT_RDWR));
    SHOW(send(t, "x", 1, MSG_OOB));
    SHOW(send(t, (void *)8, 20, 0));
    close(s), close(t);
}

static void test_requests(void)
{
    int s = nl_socket(SOCK_RAW), n;
    struct rtgenmsg g = { AF_UNSPEC };
    struct ifinfomsg i = { .ifi_index = 1 };
    struct rtmsg r = { .rtm_family = AF_UNSPEC };

    SHOW(ask(s, RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i)));
    SHOW(ready(s));
    SHOW(recv(s, buf, 0, MSG_PEEK));
    SHOW(recv(s, buf, 0, MSG_PEEK | MSG_TRUNC) > 500);
    answer(s, "links", RTM_NEWLINK);
    ask(s, RTM_GETADDR, NLM_F_DUMP, &g, sizeof(g));
    answer(s, "addresses", RTM_NEWADDR);
    g.rtgen_family = AF_INET;
    ask(s, RTM_GETADDR, NLM_F_DUMP, &g, sizeof(g));
    answer(s, "IPv4 addresses", RTM_NEWADDR);
    ask(s, RTM_GETNEIGH, NLM_F_DUMP, &g, sizeof(g));
    while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
    ask(s, RTM_GETROUTE, NLM_F_DUMP, &r, sizeof(r));
    while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
    SHOW(ask(s, RTM_GETLINK, 0, &i, sizeof(i)));
    n = recv(s, buf, sizeof(buf), 0);
    CHECK(n > 100 && ((struct nlmsghdr *)buf)->nlmsg_type == RTM_NEWLINK);
    CHECK_EQ(((struct nlmsghdr *)buf)->nlmsg_flags, 0);
    CHECK_EQ(((struct ifinfomsg *)NLMSG_DATA(buf))->ifi_index, 1);
    i.ifi_index = 9999;
    ask(s, RTM_GETLINK, 0, &i, sizeof(i));
    answer(s, "no such link", RTM_NEWLINK);
    i.ifi_index = 1;
    ask(s, RTM_GETLINK, NLM_F_ACK, &i, sizeof(i));
    answer(s, "acknowledged", RTM_NEWLINK);
    ask(s, 9999, 0, &g, sizeof(g));
    answer(s, "unknown", 0);
    ask(s, NLMSG_NOOP, NLM_F_ACK, &g, sizeof(g));
    answer(s, "nothing", 0);
    ask(s, RTM_GETLINK, NLM_F_DUMP, &i, 0);
    answer(s, "no body", RTM_NEWLINK);
    i.ifi_index = 9999;
    ask(s, RTM_SETLINK, 0, &i, sizeof(i));
    answer(s, "set no such link", 0);
    SHOW(send(s, "short", 5, 0));
    SHOW(recv(s, buf, 10, MSG_DONTWAIT));
    close(s);
}

static void test_library(void)
{
    struct ifaddrs *all, *i;
    struct if_nameindex *names, *x;
    char text[64];

    SHOW(if_nametoindex("lo"));
    SHOW(if_nametoindex("none"));
    if (if_indextoname(1, text))
        note("%s", text);
    SHOW(getifaddrs(&all));
    for (i = all; i; i = i->ifa_next) {
        if (strcmp(i->ifa_name, "lo"))
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            note("IPv4 %s flags %x",
                 inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, 64), i->ifa_flags);
        else if (i->ifa_addr->sa_family == AF_PACKET)
            note("link, flags %x, %s", i->ifa_flags, i->ifa_data ? "statistics" : "none");
    }
    freeifaddrs(all);
    names = if_nameindex();
    for (x = names; x->if_index; x++)
        if (!strcmp(x->if_name, "lo"))
            note("%d %s", x->if_index, x->if_name);
    if_freenameindex(names);
}

int main(void)
{
    test_sockets();
    test_requests();
    test_library();
    return report_done();
}
