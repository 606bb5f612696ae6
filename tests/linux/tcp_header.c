/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers of a connection's segments, as a packet socket on lo sees them: they follow the options of IP that are set while
 * it lasts, and count and sum what they should. Short reads and writes, too: of pieces, of several, at bad addresses. */
#include "own_net.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int tap, a, b;
static unsigned short port;

static void connect_both(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int one = 1, l = MUST(socket(AF_INET, SOCK_STREAM, 0));

    MUST(bind(l, (struct sockaddr *)&in, sizeof(in)));
    MUST(listen(l, 1));
    MUST(getsockname(l, (struct sockaddr *)&in, &len));
    a = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(a, (struct sockaddr *)&in, sizeof(in)));
    b = MUST(accept(l, NULL, NULL));
    MUST(setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
    MUST(getsockname(a, (struct sockaddr *)&in, &len));
    port = in.sin_port;
    close(l);
}

static unsigned sum(const unsigned char *p, unsigned n)
{
    unsigned s = 0;

    for (unsigned i = 0; i < n; i += 2)
        s += p[i] << 8 | p[i + 1];
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return s;
}

/* The next segment with data that a sent. */
static void look(const char *what)
{
    static unsigned char buf[70000];
    struct sockaddr_ll from;
    socklen_t len = sizeof(from);

    for (;;) {
        ssize_t n = MUST(recvfrom(tap, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len));
        const struct iphdr *ip = (const void *)buf;
        const struct tcphdr *tcp = (const void *)(buf + ip->ihl * 4);
        int data = ntohs(ip->tot_len) - ip->ihl * 4 - tcp->doff * 4;

        if (from.sll_pkttype == PACKET_OUTGOING || ip->protocol != IPPROTO_TCP || tcp->source != port ||
            data <= 0)
            continue;
        note("%s: tos %#x, ttl %u, frag %#x, length %s, sum %s, %d bytes%s%s", what, ip->tos, ip->ttl,
             ntohs(ip->frag_off), n == ntohs(ip->tot_len) ? "right" : "wrong",
             sum(buf, ip->ihl * 4) == 0xffff ? "right" : "wrong", data, tcp->psh ? ", PSH" : "",
             tcp->urg ? ", URG" : "");
        return;
    }
}

static void send_and_look(const char *what)
{
    char c[100];

    MUST(write(a, what, 10));
    look(what);
    note("read: %zd", read(b, c, sizeof(c)));
}

static void option(int level, int name, int value)
{
    MUST(setsockopt(a, level, name, &value, sizeof(value)));
}

static void headers(void)
{
    send_and_look("at first  ");
    send_and_look("once more ");
    option(IPPROTO_IP, IP_TOS, 0x10);
    send_and_look("with TOS  ");
    option(IPPROTO_IP, IP_TTL, 7);
    send_and_look("with TTL  ");
    option(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    send_and_look("without DF");
    option(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    send_and_look("with DF   ");
    option(IPPROTO_IP, IP_TOS, 0);
    send_and_look("TOS gone  ");
    MUST(send(a, "urgent", 6, MSG_OOB));
    look("urgent");
}

static void result(const char *what, ssize_t n)
{
    note("%s: %zd%s%s", what, n, n < 0 ? ", " : "", n < 0 ? strerror(errno) : "");
}

static void short_ones(void)
{
    char buf[64], *bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec v[2] = { { buf, 3 }, { buf + 10, 20 } };
    int low = 8;

    MUST(munmap(bad + 4096, 4096));
    MUST(read(b, buf, sizeof(buf))); /* what of the urgent ones is in the stream */
    MUST(write(a, "0123456789", 10));
    result("a part", read(b, buf, 4));
    result("the rest", read(b, buf, sizeof(buf)));
    note("begins with %c", buf[0]);
    MUST(write(a, "abc", 3));
    MUST(write(a, "defgh", 5));
    MUST(setsockopt(b, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)));
    result("two pieces in two buffers", readv(b, v, 2));
    note("%.3s %.5s", buf, buf + 10);
    MUST(write(a, "01234", 5));
    MUST(write(a, "56789", 5));
    result("with a low-water mark", read(b, buf, sizeof(buf)));
    low = 1;
    MUST(setsockopt(b, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)));
    MUST(write(a, "0123456789", 10));
    result("to a bad address", read(b, bad + 4096, 10));
    result("still there", read(b, buf, sizeof(buf)));
    result("from a bad address", write(a, bad + 4096, 10));
    result("nothing came", recv(b, buf, sizeof(buf), MSG_DONTWAIT));
    MUST(write(a, "last", 4));
    MUST(shutdown(a, SHUT_WR));
    result("after shutdown", send(a, "x", 1, MSG_NOSIGNAL));
    result("last", read(b, buf, sizeof(buf)));
    result("end", read(b, buf, sizeof(buf)));
}

int main(void)
{
    own_network();
    tap = MUST(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
    connect_both();
    headers();
    close(tap);
    short_ones();
    return 0;
}
