/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classic ioctls of interfaces, routes and ARP, on lo alone: on Linux in a network namespace of its own, so that nothing of
 * the machine changes.
 */
#include "report.h"
#include <arpa/inet.h>
#include <grp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct in6_req {
    struct in6_addr addr;
    uint32_t plen;
    int index;
};

static int s4, s6, un;

static struct sockaddr_in in4(const char *a)
{
    struct sockaddr_in s = { .sin_family = AF_INET };

    inet_pton(AF_INET, a, &s.sin_addr);
    return s;
}

static const char *name_of(int err)
{
    return err ? strerrorname_np(err) : "0";
}

static void said(int n, const char *what)
{
    note("%s: %s", what, name_of(n < 0 ? errno : 0));
}

static struct ifreq named(const char *name)
{
    struct ifreq r;

    memset(&r, 0, sizeof(r));
    strncpy(r.ifr_name, name, IFNAMSIZ);
    return r;
}

static int set_addr(int fd, unsigned long cmd, const char *name, const char *a)
{
    struct ifreq r = named(name);
    struct sockaddr_in sin = in4(a);

    memcpy(&r.ifr_addr, &sin, sizeof(sin));
    return ioctl(fd, cmd, &r);
}

static void show(const char *name)
{
    static const unsigned long cmds[] = { SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFDSTADDR };
    char text[200] = "", one[32];

    for (unsigned i = 0; i < 4; i++) {
        struct ifreq r = named(name);
        int n = ioctl(s4, cmds[i], &r);

        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
                 n ? name_of(errno)
                   : inet_ntop(AF_INET, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr, one, 32));
    }
    note("%s:%s", name, text);
}

static void addresses(void)
{
    show("lo");
    show("lo:1");
    said(set_addr(s4, SIOCSIFADDR, "lo:1", "10.1.2.3"), "lo:1 10.1.2.3");
    show("lo:1");
    said(set_addr(s4, SIOCSIFNETMASK, "lo:1", "255.255.255.0"), "a mask");
    show("lo:1");
    said(set_addr(s4, SIOCSIFNETMASK, "lo:1", "255.0.255.0"), "no mask");
    said(set_addr(s4, SIOCSIFBRDADDR, "lo:1", "10.1.2.127"), "a broadcast address");
    said(set_addr(s4, SIOCSIFDSTADDR, "lo:1", "10.1.2.4"), "a peer");
    show("lo:1");
    said(set_addr(s4, SIOCSIFDSTADDR, "lo:1", "240.0.0.1"), "a peer of class E");
    said(set_addr(s4, SIOCSIFADDR, "lo:1", "172.16.1.1"), "another address");
    show("lo:1");
    said(set_addr(s4, SIOCSIFADDR, "lo:1", "192.168.9.1"), "one of class C");
    show("lo:1");
    said(set_addr(s4, SIOCSIFADDR, "lo:1", "224.0.0.5"), "a group");
    said(set_addr(s4, SIOCSIFADDR, "lo:1", "240.0.0.5"), "class E");
    said(set_addr(s4, SIOCSIFADDR, "lo:2", "10.5.0.1"), "a second alias");
    show("lo:2");
    show("lo");
    said(set_addr(s4, SIOCSIFADDR, "lo:2", "0.0.0.0"), "none");
    show("lo:2");
    struct ifreq r = named("lo:1");

    said(ioctl(s4, SIOCSIFFLAGS, &r), "an alias down");
    show("lo:1");
    said(ioctl(s4, SIOCSIFFLAGS, &r), "an alias down that is not there");
    said(set_addr(s4, SIOCSIFNETMASK, "lo:1", "255.0.0.0"), "a mask of nothing");
    said(set_addr(s4, SIOCSIFADDR, "nodev0", "10.1.2.3"), "no device");
    said(set_addr(s6, SIOCSIFADDR, "lo", "10.1.2.3"), "an IPv6 socket");
    said(set_addr(un, SIOCSIFADDR, "lo", "10.1.2.3"), "a local socket");
    r = named("lo");
    said(ioctl(s4, SIOCSIFADDR, &r), "no family");
    said(ioctl(s4, SIOCSIFADDR, (void *)8), "a bad pointer");
}

static void addresses6(void)
{
    struct in6_req r = { .plen = 64, .index = 1 };

    inet_pton(AF_INET6, "fd00::9", &r.addr);
    said(ioctl(s6, SIOCSIFADDR, &r), "fd00::9/64");
    said(ioctl(s6, SIOCSIFADDR, &r), "again");
    said(ioctl(s6, SIOCDIFADDR, &r), "away");
    said(ioctl(s6, SIOCDIFADDR, &r), "away again");
    r.plen = 129;
    said(ioctl(s6, SIOCSIFADDR, &r), "a prefix of 129 bits");
    r.plen = 64;
    r.index = 999;
    said(ioctl(s6, SIOCSIFADDR, &r), "no device");
    said(ioctl(s6, SIOCSIFADDR, (void *)8), "a bad pointer");
}

static void links(void)
{
    struct ifreq r = named("lo");
    int mtu;

    ioctl(s4, SIOCGIFMTU, &r);
    mtu = r.ifr_mtu;
    r.ifr_mtu = 1400;
    said(ioctl(s4, SIOCSIFMTU, &r), "MTU 1400");
    r.ifr_mtu = 0;
    ioctl(un, SIOCGIFMTU, &r);
    note("%d", r.ifr_mtu);
    r.ifr_mtu = -1;
    said(ioctl(s4, SIOCSIFMTU, &r), "MTU -1");
    r.ifr_mtu = mtu;
    said(ioctl(un, SIOCSIFMTU, &r), "the old one, by a local socket");
    said(ioctl(s4, SIOCSIFMETRIC, &r), "a metric");
    ioctl(s4, SIOCGIFFLAGS, &r);
    r.ifr_flags |= IFF_UP;
    said(ioctl(s6, SIOCSIFFLAGS, &r), "up");
    r = named("nodev0");
    said(ioctl(s4, SIOCSIFFLAGS, &r), "no device");
    said(ioctl(s4, SIOCSIFMTU, (void *)8), "a bad pointer");
}

static int route(unsigned long cmd, const char *dst, const char *mask, const char *gw, unsigned flags,
                 const char *dev, int metric)
{
    struct rtentry e;
    struct sockaddr_in d = in4(dst), m = in4(mask), g = in4(gw);

    memset(&e, 0, sizeof(e));
    memcpy(&e.rt_dst, &d, sizeof(d));
    memcpy(&e.rt_genmask, &m, sizeof(m));
    memcpy(&e.rt_gateway, &g, sizeof(g));
    e.rt_flags = RTF_UP | flags;
    e.rt_dev = (char *)dev;
    e.rt_metric = metric;
    return ioctl(s4, cmd, &e);
}

static void routes(void)
{
    struct rtentry e;

    said(route(SIOCADDRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, "lo", 0), "10.9.0.0/16 dev lo");
    said(route(SIOCADDRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, "lo", 0), "again");
    said(route(SIOCADDRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, "lo", 5), "with a metric");
    said(route(SIOCADDRT, "10.9.7.1", "0.0.0.0", "10.9.1.1", RTF_GATEWAY | RTF_HOST, NULL, 0),
         "a host by a gateway");
    said(route(SIOCADDRT, "10.9.7.1", "0.0.0.0", "10.9.1.2", RTF_GATEWAY | RTF_HOST, NULL, 0),
         "by another beside it");
    said(route(SIOCADDRT, "10.9.7.1", "0.0.0.0", "10.9.1.1", RTF_GATEWAY | RTF_HOST, NULL, 0),
         "by the first again");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "10.77.1.1", RTF_GATEWAY, NULL, 0),
         "a gateway on no link");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", RTF_GATEWAY, "lo", 0),
         "a gateway without address");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", 0, NULL, 0), "nothing to go by");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", RTF_REJECT, NULL, 0), "reject");
    said(route(SIOCDELRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", RTF_REJECT, NULL, 0), "reject, away");
    said(route(SIOCADDRT, "10.10.0.1", "255.255.0.0", "0.0.0.0", 0, "lo", 0), "more than the mask has");
    said(route(SIOCADDRT, "10.10.0.0", "255.0.255.0", "0.0.0.0", 0, "lo", 0), "no mask");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", 0, "nodev0", 0), "no device");
    said(route(SIOCADDRT, "10.10.0.0", "255.255.0.0", "0.0.0.0", 0, (char *)8, 0),
         "a bad pointer to its name");
    said(route(SIOCDELRT, "10.9.7.1", "0.0.0.0", "10.9.1.2", RTF_GATEWAY | RTF_HOST, NULL, 0),
         "the one beside, away");
    said(route(SIOCDELRT, "10.9.7.1", "0.0.0.0", "0.0.0.0", RTF_HOST, NULL, 0), "the other, away");
    said(route(SIOCDELRT, "10.9.7.1", "0.0.0.0", "0.0.0.0", RTF_HOST, NULL, 0), "away again");
    said(route(SIOCDELRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, "lo", 5), "by its metric");
    said(route(SIOCDELRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, NULL, 0), "by its name alone");
    said(route(SIOCDELRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, NULL, 0), "nothing left");
    memset(&e, 0, sizeof(e));
    said(ioctl(s4, SIOCADDRT, &e), "no family");
    said(ioctl(s4, SIOCADDRT, (void *)8), "a bad pointer");
    said(ioctl(un, SIOCADDRT, &e), "a local socket");
}

struct in6_route { /* struct in6_rtmsg */
    struct in6_addr dst, src, gateway;
    uint32_t type;
    uint16_t dst_len, src_len;
    uint32_t metric;
    unsigned long info;
    uint32_t flags;
    int index;
};

static void routes6(void)
{
    struct in6_route r = { .dst_len = 48, .flags = RTF_UP, .index = 1 };

    inet_pton(AF_INET6, "fd77:1:2::", &r.dst);
    said(ioctl(s6, SIOCADDRT, &r), "fd77:1:2::/48 dev lo");
    said(ioctl(s6, SIOCADDRT, &r), "again");
    said(ioctl(s6, SIOCDELRT, &r), "away");
    said(ioctl(s6, SIOCDELRT, &r), "away again");
    r.index = 0;
    said(ioctl(s6, SIOCADDRT, &r), "nothing to go by");
    r.index = 999;
    said(ioctl(s6, SIOCADDRT, &r), "no device");
    r.index = 1;
    r.dst_len = 129;
    said(ioctl(s6, SIOCADDRT, &r), "a prefix of 129 bits");
    said(ioctl(s6, SIOCADDRT, (void *)8), "a bad pointer");
}

static int arp(unsigned long cmd, const char *a, const char *dev, int flags)
{
    struct arpreq r;
    struct sockaddr_in sin = in4(a);

    memset(&r, 0, sizeof(r));
    memcpy(&r.arp_pa, &sin, sizeof(sin));
    r.arp_flags = flags;
    strncpy(r.arp_dev, dev, sizeof(r.arp_dev));
    return ioctl(s4, cmd, &r);
}

static void arps(void)
{
    struct arpreq r;

    said(arp(SIOCGARP, "10.9.1.1", "", 0), "ARP of no device");
    said(arp(SIOCGARP, "10.9.1.1", "nodev0", 0), "ARP of no device there is");
    said(arp(SIOCGARP, "10.9.1.1", "lo", 0), "ARP of nobody");
    said(arp(SIOCDARP, "10.9.1.1", "lo", 0), "nobody, away");
    said(arp(SIOCSARP, "10.9.1.1", "lo", ATF_NETMASK), "a mask without publishing");
    memset(&r, 0, sizeof(r));
    said(ioctl(s4, SIOCGARP, &r), "ARP of no family");
    said(ioctl(s4, SIOCGARP, (void *)8), "ARP of a bad pointer");
    said(ioctl(s6, SIOCGARP, &r), "ARP by an IPv6 socket");
}

static void unprivileged(void)
{
    struct ifreq r = named("nodev0");
    struct in6_req a6 = { .plen = 64, .index = 1 };
    struct in6_route r6 = { .dst_len = 48, .index = 1 };

    setgroups(0, NULL);
    if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        note("cannot drop privilege");
    said(set_addr(s4, SIOCSIFADDR, "nodev0", "10.1.2.3"), "unprivileged: an address");
    said(set_addr(s4, SIOCSIFNETMASK, "lo", "255.0.0.0"), "a mask");
    said(ioctl(s4, SIOCSIFFLAGS, &r), "flags");
    said(ioctl(un, SIOCSIFMTU, &r), "an MTU");
    said(ioctl(s6, SIOCSIFADDR, &a6), "an IPv6 address");
    said(route(SIOCADDRT, "10.9.0.0", "255.255.0.0", "0.0.0.0", 0, "lo", 0), "a route");
    said(ioctl(s4, SIOCADDRT, (void *)8), "a route from nowhere");
    said(ioctl(s6, SIOCADDRT, &r6), "an IPv6 route");
    said(arp(SIOCSARP, "10.9.1.1", "lo", 0), "ARP");
    said(arp(SIOCDARP, "10.9.1.1", "lo", 0), "ARP, away");
    said(arp(SIOCGARP, "10.9.1.1", "lo", 0), "ARP, asked");
    show("lo");
}

int main(void)
{
    struct ifreq r = named("lo");

    unshare(CLONE_NEWNET); /* Proa has one network, and it is this program's */
    s4 = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    s6 = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
    un = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    r.ifr_flags = IFF_UP;
    said(ioctl(s4, SIOCSIFFLAGS, &r), "lo up");
    addresses();
    addresses6();
    links();
    routes();
    routes6();
    arps();
    unprivileged();
    return report_done();
}
