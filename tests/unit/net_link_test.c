/* SPDX-License-Identifier: BSD-2-Clause */
/* A cable pulled out and put in again: what is told, what stays, what is asked anew. */
#include "test.h"

#include "net/nd_msg.h"
#include "net_wire.h"
#include <linux/netlink.h>

static uint8_t out[70000];

static struct socket *listener(void)
{
    struct socket *s = wire_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct sockaddr_nl *nl;
    struct sockaddr_any a = { .len = sizeof(*nl) };

    nl = (void *)&a.family;
    nl->nl_family = AF_NETLINK;
    nl->nl_groups = RTMGRP_LINK;
    CHECK(s->ops->bind(s, &a) == 0);
    return s;
}

/* The next notification about the link: its flags; 0: none. */
static uint32_t told(struct socket *s, uint8_t *operstate, uint32_t *changes)
{
    static char buf[4096];
    ssize_t n = wire_recv(s, buf, sizeof(buf), NULL);
    struct nlmsghdr *h = (void *)buf;
    struct ifinfomsg *i = NLMSG_DATA(h);
    int left;

    if (n < 0)
        return 0;
    CHECK(h->nlmsg_type == RTM_NEWLINK && i->ifi_index == wire.index);
    left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*i));
    for (struct rtattr *a = (void *)(i + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_OPERSTATE)
            *operstate = *(uint8_t *)RTA_DATA(a);
        else if (a->rta_type == IFLA_CARRIER_CHANGES)
            memcpy(changes, RTA_DATA(a), 4);
    }
    return i->ifi_flags;
}

static void pull(bool up)
{
    wire.link_up = up;
    netdev_link_changed(&wire);
    for (unsigned i = 0; i < 2; i++) { /* the look at the link, and what that sets going */
        shim_advance(1);
        softirq_run();
    }
}

TEST(link_down_and_up)
{
    uint8_t frame[200], oper = 0;
    uint32_t changes = 0, flags;
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 99), far = sa4(v4(8, 8, 8, 8), 99);
    struct inaddr peer = inaddr_v4(v4(10, 0, 0, 1));
    struct socket *s, *nl;

    wire_start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    nl = listener();
    CHECK(wire_send(s, &to, "a", 1) == 1);
    CHECK(wire_out(out) == 42 && out[21] == 1);
    wire_in(frame, put_arp(frame, 2, v4(10, 0, 0, 1), wire_mac, v4(10, 0, 0, 2)));
    CHECK(wire_out(out) && wire_out(out) == 0);

    pull(false);
    flags = told(nl, &oper, &changes);
    CHECK(flags & IFF_UP && !(flags & (IFF_RUNNING | IFF_LOWER_UP)) && oper == 2 && changes == 1);
    CHECK(!neigh_find(&wire, &peer));
    /* the address and the routes are still there; what is sent is lost */
    CHECK(wire_send(s, &to, "b", 1) == 1 && wire_send(s, &far, "c", 1) == 1);
    CHECK(wire_out(out) == 0 && wire.queues[0].stats.tx_dropped >= 1);
    netdev_link_changed(&wire); /* nothing new: nothing told */
    shim_advance(1);
    softirq_run();
    CHECK(told(nl, &oper, &changes) == 0);

    pull(true);
    flags = told(nl, &oper, &changes);
    CHECK((flags & (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)) == (IFF_UP | IFF_RUNNING | IFF_LOWER_UP));
    CHECK(oper == 6 && changes == 2);
    CHECK(wire_out(out) == 42 && out[13] == 6 && !memcmp(out + 28, out + 38, 4)); /* we are here */
    wire_in(frame, put_arp(frame, 2, v4(10, 0, 0, 1), wire_mac, v4(10, 0, 0, 2)));
    wire_drain(); /* what waited for the neighbour all the while */
    CHECK(wire_send(s, &to, "d", 1) == 1 && wire_out(out) && !memcmp(out + 42, "d", 1));
    s->ops->release(s);
    nl->ops->release(nl);
}

static unsigned solicitations(void)
{
    unsigned n = 0, len;

    while ((len = wire_out(out)))
        n += len >= 62 && out[12] == 0x86 && out[20] == 58 && out[54] == ND_RS;
    return n;
}

/* The second link comes before the solicitations of the first are all sent. */
TEST(routers_are_asked_anew)
{
    unsigned n = 0;

    wire_start();
    netif_of(&wire)->v6 = true;
    nd_start(&wire);
    shim_advance(NSEC_PER_SEC);
    CHECK(solicitations() == 1);
    for (unsigned i = 0; i < 3; i++) {
        pull(false);
        pull(true);
        CHECK(solicitations() == 1);
    }
    for (unsigned i = 0; i < 20; i++) {
        shim_advance(NSEC_PER_SEC);
        n += solicitations();
    }
    CHECK(n == 2);
}

static unsigned reports(uint32_t group)
{
    unsigned n = 0, len;

    while ((len = wire_out(out)))
        n += len >= 54 && out[12] == 8 && out[23] == IPPROTO_IGMP && out[38] == 0x22 &&
             !memcmp(out + 50, &group, 4);
    return n;
}

TEST(groups_are_reported_anew)
{
    struct inaddr g = inaddr_v4(v4(239, 1, 2, 3));
    unsigned n;

    wire_start();
    CHECK(group_join(&wire, &g) == 0);
    shim_advance(3 * NSEC_PER_SEC);
    CHECK(reports(g.w[3]) >= 1);
    shim_advance(3 * NSEC_PER_SEC);
    reports(g.w[3]);
    pull(false);
    shim_advance(3 * NSEC_PER_SEC);
    CHECK(reports(g.w[3]) == 0);
    pull(true);
    n = reports(g.w[3]);
    shim_advance(3 * NSEC_PER_SEC);
    CHECK(n + reports(g.w[3]) == 2);
    group_leave(&wire, &g);
    wire_drain();
}
