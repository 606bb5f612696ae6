/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet sockets on lo, and the filters of sockets. */
#include "own_net.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SHOW(x) show((long long)(x), #x)
static long long show(long long v, const char *what)
{
    if (v == -1)
        note("%s: -1, %s", what, strerror(errno));
    else
        note("%s: %lld", what, v);
    return v;
}

static unsigned char buf[70000];
static int lo;

static struct sockaddr_ll ll(int ifindex, int proto)
{
    return (
        struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_protocol = htons(proto) };
}

static int bind_ll(int s, int ifindex, int proto)
{
    struct sockaddr_ll a = ll(ifindex, proto);

    return bind(s, (struct sockaddr *)&a, sizeof(a));
}

static int packet(int type, int proto)
{
    int s = MUST(socket(AF_PACKET, type, 0));

    if (proto)
        MUST(bind_ll(s, lo, proto));
    return s;
}

static void show_name(int s)
{
    struct sockaddr_ll a;
    socklen_t len = sizeof(a);

    memset(&a, 0xee, sizeof(a));
    if (SHOW(getsockname(s, (struct sockaddr *)&a, &len)) == 0)
        note("family %d protocol %04x %s hatype %d pkttype %d halen %d, %u bytes", a.sll_family,
             ntohs(a.sll_protocol),
             a.sll_ifindex == lo ? "lo"
             : a.sll_ifindex     ? "other"
                                 : "any",
             a.sll_hatype, a.sll_pkttype, a.sll_halen, len);
}

static int option(int s, int level, int name)
{
    int v = -7;
    socklen_t len = sizeof(v);

    return getsockopt(s, level, name, &v, &len) ? -1 : v;
}

static int set(int s, int level, int name, int v)
{
    return setsockopt(s, level, name, &v, sizeof(v));
}

/* ---- making and binding ---- */

static void test_sockets(void)
{
    struct sockaddr_ll a = ll(lo, ETH_P_ALL);
    int s, t;

    SHOW(socket(AF_PACKET, SOCK_STREAM, 0));
    SHOW(socket(AF_PACKET, SOCK_SEQPACKET, 0));
    SHOW(socketpair(AF_PACKET, SOCK_RAW, 0, (int[2]){ 0 }));
    s = MUST(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP)));
    show_name(s);
    SHOW(option(s, SOL_SOCKET, SO_TYPE)), SHOW(option(s, SOL_SOCKET, SO_DOMAIN)),
        SHOW(option(s, SOL_SOCKET, SO_PROTOCOL));
    SHOW(bind(s, (struct sockaddr *)&a, sizeof(a) - 1));
    a.sll_family = AF_INET;
    SHOW(bind(s, (struct sockaddr *)&a, sizeof(a)));
    SHOW(bind_ll(s, 4711, ETH_P_ALL));
    SHOW(bind_ll(s, -1, ETH_P_ALL));
    show_name(s);
    SHOW(bind_ll(s, lo, 0)); /* the protocol stays */
    show_name(s);
    SHOW(bind_ll(s, lo, ETH_P_ALL));
    show_name(s);
    SHOW(bind_ll(s, 0, ETH_P_ARP));
    show_name(s);
    a.sll_family = AF_PACKET;
    SHOW(connect(s, (struct sockaddr *)&a, sizeof(a)));
    SHOW(listen(s, 1)), SHOW(accept(s, NULL, NULL)), SHOW(shutdown(s, SHUT_RDWR));
    SHOW(getpeername(s, (struct sockaddr *)&a, &(socklen_t){ sizeof(a) }));
    t = MUST(socket(AF_PACKET, SOCK_DGRAM, 0));
    show_name(t);
    SHOW(recv(t, buf, 10, MSG_DONTWAIT)), SHOW(recv(t, buf, 10, MSG_DONTWAIT | MSG_OOB));
    SHOW(recv(t, buf, 10, MSG_ERRQUEUE)), SHOW(recv(t, buf, 10, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    close(s), close(t);
}

/* ---- receiving ---- */

/* The next frame: who, what, its first bytes. */
static int next(int s, const char *what)
{
    char control[200];
    struct sockaddr_ll a;
    struct iovec v = { buf, sizeof(buf) };
    struct msghdr m = { .msg_name = &a,
                        .msg_namelen = sizeof(a),
                        .msg_iov = &v,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control) };
    int n = recvmsg(s, &m, MSG_DONTWAIT);
    char hex[100] = "";

    if (n < 0) {
        note("%s: %s", what, strerror(errno));
        return n;
    }
    if (buf[0] == 0x45) /* numbers that differ, and their sums */
        memset(buf + 4, 0, 2), memset(buf + 10, 0, 2);
    if (buf[12] == 0x86)
        buf[15] = 0;
    for (int i = 0; i < n && i < 16; i++)
        sprintf(hex + 2 * i, "%02x", buf[i]);
    note(
        "%s: %d bytes, name of %u: protocol %04x %s hatype %d pkttype %d halen %d %02x%02x..%02x, flags %x, %s",
        what, n, m.msg_namelen, ntohs(a.sll_protocol), a.sll_ifindex == lo ? "lo" : "other", a.sll_hatype,
        a.sll_pkttype, a.sll_halen, a.sll_addr[0], a.sll_addr[1], a.sll_addr[5], m.msg_flags, hex);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct tpacket_auxdata x;

        if (c->cmsg_level != SOL_PACKET) {
            note("  control %d %d of %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
            continue;
        }
        memcpy(&x, CMSG_DATA(c), sizeof(x));
        note("  auxdata of %zu: status %x len %u snaplen %u mac %u net %u vlan %u %u", c->cmsg_len,
             x.tp_status, x.tp_len, x.tp_snaplen, x.tp_mac, x.tp_net, x.tp_vlan_tci, x.tp_vlan_tpid);
    }
    return n;
}

static int udp(struct sockaddr_in *a)
{
    int s = MUST(socket(AF_INET, SOCK_DGRAM, 0));

    *a = (struct sockaddr_in){ .sin_family = AF_INET,
                               .sin_port = htons(7001),
                               .sin_addr.s_addr = htonl(0x7f000001) };
    set(s, SOL_SOCKET, SO_REUSEADDR, 1);
    MUST(bind(s, (struct sockaddr *)a, sizeof(*a)));
    return s;
}

static void drain(int s)
{
    while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
        ;
}

static void test_receive(void)
{
    struct sockaddr_in to;
    int u = udp(&to), all = packet(SOCK_RAW, ETH_P_ALL), ip = packet(SOCK_DGRAM, ETH_P_IP),
        cooked = packet(SOCK_DGRAM, ETH_P_ALL), arp = packet(SOCK_RAW, ETH_P_ARP), none = packet(SOCK_RAW, 0),
        n;

    SHOW(set(all, SOL_PACKET, PACKET_AUXDATA, 1)), SHOW(set(ip, SOL_PACKET, PACKET_AUXDATA, 1));
    SHOW(option(all, SOL_PACKET, PACKET_AUXDATA));
    MUST(sendto(u, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)));
    SHOW(recv(u, buf, 100, 0));
    for (int i = 0; i < 3; i++)
        next(all, "raw, all");
    for (int i = 0; i < 2; i++)
        next(ip, "cooked, ip");
    for (int i = 0; i < 3; i++)
        next(cooked, "cooked, all");
    next(arp, "arp"), next(none, "no protocol");

    MUST(sendto(u, buf, 1000, 0, (struct sockaddr *)&to, sizeof(to)));
    drain(u);
    struct pollfd p = { ip, POLLIN | POLLOUT, 0 };
    SHOW(poll(&p, 1, 0)), SHOW(p.revents);
    SHOW(ioctl(ip, SIOCINQ, &n)), SHOW(n);
    SHOW(recv(ip, buf, 10, MSG_PEEK)), SHOW(recv(ip, buf, 10, MSG_PEEK | MSG_TRUNC)),
        SHOW(recv(ip, buf, 10, 0));
    SHOW(recv(ip, buf, 10, MSG_DONTWAIT)), SHOW(poll(&p, 1, 0)), SHOW(p.revents);
    drain(all);

    SHOW(set(all, SOL_SOCKET, SO_TIMESTAMP, 1));
    SHOW(set(all, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)),
        SHOW(set(all, SOL_PACKET, PACKET_IGNORE_OUTGOING, 2));
    MUST(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
    next(all, "no outgoing"), next(all, "no outgoing");

    SHOW(bind_ll(all, lo, ETH_P_IPV6));
    MUST(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)));
    next(all, "ipv6 only");
    int u6 = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(7),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    SHOW(sendto(u6, "abc", 3, 0, (struct sockaddr *)&to6, sizeof(to6)));
    next(all, "ipv6 only"), next(all, "the answer");
    close(u), close(all), close(ip), close(cooked), close(arp), close(none), close(u6);
}

static void show_stats(int s)
{
    struct tpacket_stats st = { 0 };
    socklen_t len = sizeof(st);

    if (SHOW(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &len)) == 0)
        note("packets %u drops %u, %u bytes", st.tp_packets, st.tp_drops, len);
}

static void test_statistics(void)
{
    struct sockaddr_in to;
    int u = udp(&to), s = packet(SOCK_RAW, ETH_P_IP), got = 0;
    struct tpacket_stats st;

    for (int i = 0; i < 3; i++)
        MUST(sendto(u, "x", 1, 0, (struct sockaddr *)&to, sizeof(to))), drain(u);
    show_stats(s), show_stats(s);
    SHOW(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &(socklen_t){ 4 }));
    drain(s);
    SHOW(set(s, SOL_SOCKET, SO_RCVBUF, 1));
    for (int i = 0; i < 100; i++)
        MUST(sendto(u, buf, 1000, 0, (struct sockaddr *)&to, sizeof(to))), drain(u);
    while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
        got++;
    MUST(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &st, &(socklen_t){ sizeof(st) }));
    CHECK(got > 0 && got < 100 && st.tp_packets == 100 && (int)st.tp_drops == 100 - got);
    close(u), close(s);
}

/* ---- sending ---- */

static unsigned short ip_sum(const void *p, int len)
{
    const unsigned short *w = p;
    unsigned sum = 0;

    for (; len > 0; len -= 2)
        sum += *w++;
    sum = (sum >> 16) + (sum & 0xffff);
    return ~(sum + (sum >> 16));
}

/* A UDP datagram to port 7001, without its link header. */
static int datagram(unsigned char *b, const char *text)
{
    int len = strlen(text);
    struct iphdr ip = { .version = 4,
                        .ihl = 5,
                        .ttl = 9,
                        .protocol = 17,
                        .saddr = htonl(0x7f000001),
                        .daddr = htonl(0x7f000001),
                        .tot_len = htons(28 + len) };
    struct udphdr u = { .source = htons(99), .dest = htons(7001), .len = htons(8 + len) };

    ip.check = ip_sum(&ip, sizeof(ip));
    memcpy(b, &ip, 20), memcpy(b + 20, &u, 8), memcpy(b + 28, text, len);
    return 28 + len;
}

static int send_ll(int s, const void *b, size_t n, struct sockaddr_ll a, socklen_t len)
{
    return sendto(s, b, n, 0, (struct sockaddr *)&a, len);
}

static void got(int u)
{
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    int n = recvfrom(u, buf, 100, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

    note("udp got %.*s, port %d", n < 0 ? 7 : n, n < 0 ? "nothing" : (char *)buf,
         n < 0 ? 0 : ntohs(from.sin_port));
}

static void test_send(void)
{
    static const unsigned char other[6] = { 2, 0, 0, 0, 0, 1 }, all[6] = { 255, 255, 255, 255, 255, 255 };
    struct sockaddr_in to;
    struct sockaddr_ll a = ll(lo, ETH_P_IP);
    int u = udp(&to), d = packet(SOCK_DGRAM, 0), r = packet(SOCK_RAW, 0), see = packet(SOCK_RAW, ETH_P_ALL),
        n;
    unsigned char f[70000] = { 0 };

    a.sll_halen = 6;
    n = datagram(f, "cooked");
    SHOW(send(d, f, n, 0));
    SHOW(send_ll(d, f, n, a, sizeof(a))), got(u); /* from an address of its own: none takes it */
    next(see, "seen"), next(see, "seen"), next(see, "seen");
    SHOW(send_ll(d, f, n, a, sizeof(a) - 1));
    SHOW(send_ll(d, f, n, ll(4711, ETH_P_IP), sizeof(a)));
    SHOW(send_ll(d, f, n, ll(0, ETH_P_IP), sizeof(a)));
    a.sll_halen = 9;
    SHOW(send_ll(d, f, n, a, sizeof(a)));
    a.sll_halen = 6, a.sll_family = AF_INET;
    SHOW(send_ll(r, f, 30, a, sizeof(a)));
    a.sll_family = AF_PACKET;
    MUST(bind_ll(d, lo, ETH_P_IP));
    n = datagram(f, "bound");
    SHOW(send(d, f, n, 0)), got(u);
    next(d, "its own"), next(d, "its own");
    drain(see);

    memset(f, 0, 14);
    n = datagram(f + 14, "raw") + 14;
    f[12] = 8;
    SHOW(send_ll(r, f, n, a, sizeof(a))), got(u);
    next(see, "seen"), next(see, "seen");
    SHOW(send_ll(r, f, n, ll(lo, 0), sizeof(a))), got(u); /* the protocol is the frame's */
    next(see, "seen"), next(see, "seen");
    SHOW(send_ll(r, f, n, ll(lo, 0x88b5), sizeof(a))), got(u);
    next(see, "seen"), next(see, "seen");
    memcpy(f, other, 6);
    SHOW(send_ll(r, f, n, a, sizeof(a))), got(u);
    next(see, "for another"), next(see, "for another");
    memcpy(f, all, 6);
    f[12] = 0x88, f[13] = 0xb5;
    SHOW(send_ll(r, f, n, a, sizeof(a)));
    next(see, "for all"), next(see, "for all");
    f[12] = 0, f[13] = 30;
    SHOW(send_ll(r, f, n, ll(lo, 0), sizeof(a)));
    next(see, "802.2"), next(see, "802.2");

    SHOW(send_ll(r, f, 13, a, sizeof(a))), SHOW(send_ll(r, f, 0, a, sizeof(a)));
    SHOW(send_ll(r, f, 14, a, sizeof(a))), next(see, "14"), next(see, "14");
    SHOW(send_ll(r, f, 65536 + 15, a, sizeof(a))), SHOW(send_ll(r, f, 65536 + 19, a, sizeof(a)));
    SHOW(send_ll(d, f, 65537, a, sizeof(a)));
    drain(see);
    MUST(bind_ll(see, lo, ETH_P_ALL));
    SHOW(send(see, f, n, 0));
    next(see, "not its own on the way out"), next(see, "none");
    close(u), close(d), close(r), close(see);
}

/* ---- /proc/net/packet ---- */

static void test_proc(void)
{
    int s = packet(SOCK_RAW, ETH_P_IP), none = packet(SOCK_DGRAM, 0), type, dev, running;
    unsigned proto, inode;
    struct stat st, st2;
    char *line = get_file("/proc/net/packet");

    fstat(s, &st), fstat(none, &st2);
    for (; *line; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "%*s %*d %d %x %d %d %*u %*u %u", &type, &proto, &dev, &running, &inode) != 5)
            note("packet: %.*s", (int)strcspn(line, "\n"), line);
        else if (inode == st.st_ino || inode == st2.st_ino)
            note("packet: type %d protocol %04x %s running %d", type, proto,
                 dev == lo ? "lo"
                 : dev     ? "other"
                           : "any",
                 running);
    }
    close(s), close(none);
}

/* ---- memberships and options ---- */

static int member(int s, int name, int ifindex, int type, int alen, int len)
{
    struct packet_mreq r = { ifindex, type, alen, { 1, 0, 0x5e, 1, 2, 3 } };

    return setsockopt(s, SOL_PACKET, name, &r, len);
}

static void test_options(void)
{
    int s = packet(SOCK_RAW, ETH_P_ALL);

#define ADD(type, alen)  SHOW(member(s, PACKET_ADD_MEMBERSHIP, lo, type, alen, 16))
#define DROP(type, alen) SHOW(member(s, PACKET_DROP_MEMBERSHIP, lo, type, alen, 16))
    ADD(PACKET_MR_PROMISC, 0), ADD(PACKET_MR_PROMISC, 0), ADD(PACKET_MR_ALLMULTI, 0);
    ADD(PACKET_MR_MULTICAST, 6), ADD(PACKET_MR_MULTICAST, 4), ADD(PACKET_MR_MULTICAST, 7),
        ADD(PACKET_MR_UNICAST, 6);
    ADD(99, 0), ADD(PACKET_MR_PROMISC, 20);
    SHOW(member(s, PACKET_ADD_MEMBERSHIP, 4711, PACKET_MR_PROMISC, 0, 16));
    SHOW(member(s, PACKET_ADD_MEMBERSHIP, lo, PACKET_MR_PROMISC, 0, 15));
    DROP(PACKET_MR_PROMISC, 0), DROP(PACKET_MR_PROMISC, 0), DROP(PACKET_MR_PROMISC, 0),
        DROP(PACKET_MR_MULTICAST, 6);
    SHOW(member(s, PACKET_DROP_MEMBERSHIP, 4711, PACKET_MR_PROMISC, 0, 16));
    SHOW(setsockopt(s, SOL_PACKET, PACKET_AUXDATA, "", 1)), SHOW(set(s, SOL_PACKET, 99, 1)),
        SHOW(option(s, SOL_PACKET, 99));
    SHOW(set(s, SOL_IP, 1, 1)), SHOW(option(s, SOL_IP, 1));
    SHOW(set(s, SOL_PACKET, PACKET_ORIGDEV, 5)), SHOW(option(s, SOL_PACKET, PACKET_ORIGDEV));
    SHOW(set(s, SOL_PACKET, PACKET_QDISC_BYPASS, 1)), SHOW(option(s, SOL_PACKET, PACKET_QDISC_BYPASS));
    SHOW(option(s, SOL_PACKET, PACKET_TIMESTAMP)), SHOW(option(s, SOL_PACKET, PACKET_IGNORE_OUTGOING));
    close(s);
}

/* ---- filters ---- */

static int attach(int s, struct sock_filter *f, unsigned n)
{
    struct sock_fprog p = { n, f };

    return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
}
#define ATTACH(s, ...) \
    SHOW(attach(s, (struct sock_filter[]){ __VA_ARGS__ }, sizeof((struct sock_filter[]){ __VA_ARGS__ }) / 8))

static void test_filter_calls(int s)
{
    struct sock_filter f[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0) },
                       back[4] = { 0 };
    struct sock_fprog p = { 2, f };
    socklen_t len;

    SHOW(set(s, SOL_SOCKET, SO_DETACH_FILTER, 0));
    SHOW(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, back, &(socklen_t){ 4 }));
    SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p) - 1)),
        SHOW(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, 2));
    SHOW(attach(s, NULL, 1)), SHOW(attach(s, f, 0)), SHOW(attach(s, f, 1)), SHOW(attach(s, (void *)8, 2)),
        SHOW(attach(s, f, 4097));
    SHOW(attach(s, f, 2));
    len = 0;
    SHOW(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, back, &len)), SHOW(len);
    len = 1;
    SHOW(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, back, &len)), SHOW(len);
    len = 4;
    SHOW(getsockopt(s, SOL_SOCKET, SO_GET_FILTER, back, &len)), SHOW(len), SHOW(memcmp(f, back, sizeof(f)));
    SHOW(set(s, SOL_SOCKET, SO_LOCK_FILTER, 0)), SHOW(option(s, SOL_SOCKET, SO_LOCK_FILTER));
    SHOW(set(s, SOL_SOCKET, SO_DETACH_FILTER, 0)), SHOW(attach(s, f, 2));
    SHOW(set(s, SOL_SOCKET, SO_LOCK_FILTER, 1)), SHOW(option(s, SOL_SOCKET, SO_LOCK_FILTER));
    SHOW(set(s, SOL_SOCKET, SO_LOCK_FILTER, 0)), SHOW(set(s, SOL_SOCKET, SO_DETACH_FILTER, 0)),
        SHOW(attach(s, f, 2));
}

static void test_filter(void)
{
    struct sockaddr_in to;
    int u = udp(&to), s = packet(SOCK_RAW, ETH_P_ALL), c = packet(SOCK_DGRAM, ETH_P_ALL);

    set(s, SOL_PACKET, PACKET_AUXDATA, 1), set(c, SOL_PACKET, PACKET_AUXDATA, 1);
#define SAY(text) (MUST(sendto(u, text, sizeof(text) - 1, 0, (struct sockaddr *)&to, sizeof(to))), drain(u))
    ATTACH(s, BPF_STMT(BPF_RET | BPF_K, 20));
    SAY("one"), next(s, "20 bytes"), next(s, "20 bytes");
    /* the payload's first byte: at the link header for one, at the network header for the other */
    ATTACH(s, BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 14 + 8),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 't', 0, 1), BPF_STMT(BPF_RET | BPF_K, -1),
           BPF_STMT(BPF_RET | BPF_K, 0));
    ATTACH(c, BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 't', 0, 1), BPF_STMT(BPF_RET | BPF_K, 30),
           BPF_STMT(BPF_RET | BPF_K, 0));
    drain(c);
    SAY("one"), SAY("two"), SAY("three");
    for (int i = 0; i < 5; i++)
        next(s, "t");
    for (int i = 0; i < 5; i++)
        next(c, "t, 30 bytes");
        /* what tcpdump asks of cooked frames, and other things beside the packet */
#define AD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + (what))
    ATTACH(c, AD(SKF_AD_PROTOCOL), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3), AD(SKF_AD_PKTTYPE),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1), BPF_STMT(BPF_RET | BPF_K, -1),
           BPF_STMT(BPF_RET | BPF_K, 0));
    SAY("one"), next(c, "outgoing ip"), next(c, "outgoing ip");
    ATTACH(c, BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_LL_OFF + 12), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 6),
           BPF_STMT(BPF_RET | BPF_A, 0));
    SAY("a text of more than four bytes"), next(c, "as many as the protocol says"), next(c, "once more");
    ATTACH(c, AD(SKF_AD_PAY_OFFSET), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), BPF_STMT(BPF_RET | BPF_A, 0));
    SAY("xyz"), next(c, "the headers and a byte"), next(c, "once more");
    ATTACH(c, AD(SKF_AD_HATYPE), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 750), BPF_STMT(BPF_RET | BPF_A, 0));
    SAY("xyz"), next(c, "772 less 750"), drain(c);
    SHOW(set(c, SOL_SOCKET, SO_DETACH_FILTER, 0));
    SAY("xyz"), next(c, "all of it");
    close(s), close(c);

    /* UDP: the header is part of what it sees */
    ATTACH(u, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
           BPF_STMT(BPF_RET | BPF_K, -1), BPF_STMT(BPF_RET | BPF_K, 11));
#define TELL(text) (MUST(sendto(u, text, sizeof(text) - 1, 0, (struct sockaddr *)&to, sizeof(to))))
    TELL("yes it is"), TELL("no it is not");
    got(u), got(u);
    ATTACH(u, BPF_STMT(BPF_RET | BPF_K, 3));
    TELL("the header stays");
    got(u);
    ATTACH(u, BPF_STMT(BPF_RET | BPF_K, 0));
    TELL("nothing comes");
    got(u);
    close(u);
}

/* Messages that netlink sockets do not want. */
static void test_filter_netlink(void)
{
    struct {
        struct nlmsghdr n;
        struct rtgenmsg g;
    } q = { { sizeof(q), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 5, 0 }, { AF_UNSPEC } };
    int s = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));

    /* nlmsg_type is little-endian */
    ATTACH(s, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTM_NEWLINK, 1, 0),
           BPF_STMT(BPF_RET | BPF_K, -1), BPF_STMT(BPF_RET | BPF_K, 0));
    MUST(send(s, &q, sizeof(q), 0));
    CHECK(recv(s, buf, sizeof(buf), MSG_DONTWAIT) < 0 || ((struct nlmsghdr *)buf)->nlmsg_type != RTM_NEWLINK);
    close(s);
}

int main(void)
{
    int s;

    own_network();
    lo = MUST(if_nametoindex("lo"));
    test_sockets();
    test_receive();
    test_statistics();
    test_send();
    test_options();
    test_proc();
    s = packet(SOCK_RAW, 0);
    test_filter_calls(s);
    close(s);
    s = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    test_filter_calls(s);
    close(s);
    test_filter();
    test_filter_netlink();
    MUST(setresuid(65534, 65534, 65534));
    SHOW(socket(AF_PACKET, SOCK_RAW, 0));
    SHOW(socket(AF_PACKET, SOCK_STREAM, 0));
    return report_done();
}
