/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/net's counters and tables: the layouts that programs parse, and that what is counted moves. Numbers are this machine's
 * and other programs' too, so what is compared is what a packet, a socket or a membership of ours adds at least.
 */
#include "own_net.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <sys/socket.h>

static char text[1 << 18];

static const char *slurp(const char *name)
{
    char path[64];
    ssize_t n;
    size_t len = 0;

    snprintf(path, sizeof(path), "/proc/net/%s", name);
    int fd = open(path, O_RDONLY);

    while (fd >= 0 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += n;
    close(fd);
    text[len] = 0;
    return text;
}

/* The value of NAME in lines "KIND: NAME NAME..." and "KIND: 1 2..."; -1: none. */
static long long paired(const char *file, const char *kind, const char *name)
{
    char *names = NULL, *values = NULL, *save = NULL, *a, *b, *sa, *sb;

    slurp(file);
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (!strncmp(l, kind, strlen(kind)) && l[strlen(kind)] == ':') {
            *(names ? &values : &names) = l;
            if (values)
                break;
        }
    if (!values)
        return -1;
    a = strtok_r(names, " ", &sa);
    b = strtok_r(values, " ", &sb);
    while (a && b) {
        if (!strcmp(a, name))
            return atoll(b);
        a = strtok_r(NULL, " ", &sa);
        b = strtok_r(NULL, " ", &sb);
    }
    return -1;
}

/* Lines come in pairs of the same kind, with as many values as names, and values are numbers. */
static int well_paired(const char *file)
{
    char *save = NULL, *l, *v;

    slurp(file);
    for (l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char *sa, *sb, *a, *b;

        v = strtok_r(NULL, "\n", &save);
        if (!v)
            return 0;
        a = strtok_r(l, " ", &sa);
        b = strtok_r(v, " ", &sb);
        if (!a || !b || strcmp(a, b) || a[strlen(a) - 1] != ':')
            return 0;
        do {
            a = strtok_r(NULL, " ", &sa);
            b = strtok_r(NULL, " ", &sb);
            if (b && !isdigit((unsigned char)*b) && *b != '-')
                return 0;
        } while (a && b);
        if (a || b)
            return 0;
    }
    return 1;
}

static void pairs(void)
{
    static const char *const ext[] = {
        "SyncookiesSent", "ListenOverflows", "ListenDrops", "TCPTimeouts",
        "TCPOFOQueue",    "TCPKeepAlive",    "RcvPruned",   "TCPChallengeACK"
    };

    report(well_paired("snmp"), "snmp: names and values");
    report(well_paired("netstat"), "netstat: names and values");
    for (unsigned i = 0; i < sizeof(ext) / sizeof(*ext); i++)
        note("TcpExt has %s: %d", ext[i], paired("netstat", "TcpExt", ext[i]) >= 0);
    note("IpExt has InMcastPkts: %d", paired("netstat", "IpExt", "InMcastPkts") >= 0);
}

static long long value6(const char *name)
{
    char *save = NULL;

    slurp("snmp6");
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char n[64];
        long long v;

        if (sscanf(l, "%63s %lld", n, &v) == 2 && !strcmp(n, name))
            return v;
    }
    return -1;
}

static int snmp6_lines(void)
{
    char *save = NULL;

    slurp("snmp6");
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        unsigned len = strcspn(l, " \t");

        if (strspn(l + len, " ") + len != (len > 32 ? len : 32u) || l[(len > 32 ? len : 32u)] != '\t' ||
            !isdigit((unsigned char)l[(len > 32 ? len : 32u) + 1]))
            return 0;
    }
    return 1;
}

/* A datagram to ourselves over family, to a port that nobody listens on when closed. */
static void datagram(int family, int closed)
{
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr *a = family == AF_INET ? (void *)&a4 : (void *)&a6;
    socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
    int to = socket(family, SOCK_DGRAM, 0), from = socket(family, SOCK_DGRAM, 0);
    struct timeval tv = { 5, 0 };
    char c;

    setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    bind(to, a, len);
    getsockname(to, a, &len);
    if (closed)
        close(to);
    connect(from, a, len);
    send(from, "x", 1, 0);
    if (closed) { /* the refusal has come when this fails */
        setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
        report(recv(from, &c, 1, 0) == -1 && errno == ECONNREFUSED, "a closed port, family %d",
               family == AF_INET ? 4 : 6);
    } else {
        report(recv(to, &c, 1, 0) == 1, "a datagram, family %d", family == AF_INET ? 4 : 6);
        close(to);
    }
    close(from);
}

static void counters(void)
{
    long long in = value6("Udp6InDatagrams"), none = value6("Udp6NoPorts"), recv6 = value6("Ip6InReceives");
    long long types = value6("Icmp6InDestUnreachs"), out = value6("Icmp6OutMsgs");

    report(snmp6_lines(), "snmp6: columns");
    datagram(AF_INET6, 0);
    datagram(AF_INET6, 1);
    report(value6("Udp6InDatagrams") > in, "Udp6InDatagrams");
    report(value6("Udp6NoPorts") > none, "Udp6NoPorts");
    report(value6("Ip6InReceives") >= recv6 + 3, "Ip6InReceives");
    report(value6("Icmp6InDestUnreachs") > types, "Icmp6InDestUnreachs");
    report(value6("Icmp6OutMsgs") > out, "Icmp6OutMsgs");
    report(value6("Icmp6InType1") > 0 && value6("Icmp6OutType1") > 0, "Icmp6 by type");

    long long in4 = paired("snmp", "Icmp", "InDestUnreachs");

    datagram(AF_INET, 1);
    report(paired("snmp", "Icmp", "InDestUnreachs") > in4, "Icmp InDestUnreachs");
    report(paired("snmp", "IcmpMsg", "InType3") > 0 && paired("snmp", "IcmpMsg", "OutType3") > 0,
           "IcmpMsg by type");
}

/* ---- sockstat ---- */

struct stat4 {
    int used, tcp, orphan, tw, alloc, mem, udp, udpmem, raw, frag;
};

static int sockstat(struct stat4 *s)
{
    return sscanf(slurp("sockstat"),
                  "sockets: used %d\nTCP: inuse %d orphan %d tw %d alloc %d mem %d\nUDP: inuse %d mem %d\n"
                  "UDPLITE: inuse 0\nRAW: inuse %d\nFRAG: inuse 0 memory %d\n",
                  &s->used, &s->tcp, &s->orphan, &s->tw, &s->alloc, &s->mem, &s->udp, &s->udpmem, &s->raw,
                  &s->frag) == 10;
}

static int sockstat6(int *tcp, int *udp, int *raw)
{
    return sscanf(
               slurp("sockstat6"),
               "TCP6: inuse %d\nUDP6: inuse %d\nUDPLITE6: inuse 0\nRAW6: inuse %d\nFRAG6: inuse 0 memory 0\n",
               tcp, udp, raw) == 3;
}

enum { MANY = 40 };

static void sockets(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd[5 * MANY], n = 0, tcp6, udp6, raw6, tcp, udp, raw;
    struct stat4 before, after;

    report(sockstat(&before), "sockstat: its form");
    report(sockstat6(&tcp6, &udp6, &raw6), "sockstat6: its form");
    for (int i = 0; i < MANY; i++) {
        fd[n] = socket(AF_INET, SOCK_DGRAM, 0);
        bind(fd[n++], (void *)&a, sizeof(a));
        fd[n] = socket(AF_INET6, SOCK_DGRAM, 0);
        bind(fd[n++], (void *)&a6, sizeof(a6));
        fd[n] = socket(AF_INET, SOCK_STREAM, 0);
        bind(fd[n], (void *)&a, sizeof(a));
        listen(fd[n++], 1);
        fd[n] = socket(AF_INET6, SOCK_STREAM, 0);
        bind(fd[n], (void *)&a6, sizeof(a6));
        listen(fd[n++], 1);
        fd[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
    }
    sockstat(&after);
    report(after.used >= before.used + 4 * MANY, "sockets: used");
    report(after.tcp >= before.tcp + MANY / 2, "TCP: inuse");
    report(after.alloc >= 2 * MANY, "TCP: alloc"); /* of all networks: others open and close some meanwhile */
    report(after.udp >= before.udp + MANY / 2, "UDP: inuse");
    sockstat6(&tcp, &udp, &raw);
    report(tcp >= tcp6 + MANY / 2, "TCP6: inuse");
    report(udp >= udp6 + MANY / 2, "UDP6: inuse");
    while (n)
        close(fd[--n]);
    sockstat(&before);
    report(before.used <= after.used - 3 * MANY, "sockets: used, when they are closed");
    report(before.udp <= after.udp - MANY / 2, "UDP: inuse, when they are closed");
}

/* ---- raw sockets ---- */

static int find_line(const char *file, const char *what, char line[256])
{
    char *save = NULL;

    slurp(file);
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (strstr(l, what)) {
            snprintf(line, 256, "%s", l);
            return 1;
        }
    return 0;
}

static void raw_rows(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009) };
    int s4 = socket(AF_INET, SOCK_RAW, 197), s6 = socket(AF_INET6, SOCK_RAW, 198), n = 0;
    struct stat4 st;
    char line[256];

    if (s4 < 0 || s6 < 0) {
        note("raw sockets: %s", strerror(errno));
        return;
    }
    bind(s4, (void *)&a, sizeof(a));
    slurp("raw");
    note("%.*s", (int)strcspn(text, "\n"), text);
    slurp("raw6");
    note("%.*s", (int)strcspn(text, "\n"), text);
    report(find_line("raw", "0900007F:00C5", line), "raw: our socket");
    report(sscanf(line,
                  " %*u: 0900007F:00C5 00000000:0000 07 00000000:00000000 00:00000000 00000000 %*u %*d "
                  "%*u 2 %*s 0%n",
                  &n) == 0 &&
               n > 0,
           "raw: its row");
    n = 0;
    report(find_line("raw6", ":00C6", line), "raw6: our socket");
    report(sscanf(line,
                  " %*u: 00000000000000000000000000000000:00C6 00000000000000000000000000000000:0000 07 "
                  "00000000:00000000 00:00000000 00000000 %*u %*d %*u 2 %*s 0%n",
                  &n) == 0 &&
               n > 0,
           "raw6: its row");
    sockstat(&st);
    report(st.raw >= 1, "RAW: inuse");
    close(s4);
    close(s6);
}

/* ---- groups ---- */

static void groups(void)
{
    struct ip_mreqn m = { .imr_multiaddr.s_addr = htonl(0xefc80102), .imr_ifindex = 1 };
    struct ipv6_mreq m6 = { .ipv6mr_interface = 1 };
    int s = socket(AF_INET, SOCK_DGRAM, 0), t = socket(AF_INET, SOCK_DGRAM, 0),
        s6 = socket(AF_INET6, SOCK_DGRAM, 0);
    char line[256];
    int users = 0, running;
    unsigned long timer;

    inet_pton(AF_INET6, "ff05::1234", &m6.ipv6mr_multiaddr);
    report(!find_line("igmp", "0201C8EF", line), "igmp: not yet");
    setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
    setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
    slurp("igmp");
    note("%.*s", (int)strcspn(text, "\n"), text);
    report(find_line("igmp", "\tlo ", line) && sscanf(line, "1\tlo        : %5d", &users) == 1 && users >= 2,
           "igmp: lo's line");
    report(find_line("igmp", "0201C8EF", line), "igmp: our group");
    report(sscanf(line, "\t\t\t\t0201C8EF %5d %d:%08lX\t\t0", &users, &running, &timer) == 3 && users == 2,
           "igmp: its line");
    close(t);
    report(find_line("igmp", "0201C8EF", line) && sscanf(line, "\t\t\t\t0201C8EF %5d", &users) == 1 &&
               users == 1,
           "igmp: one leaves");
    close(s);
    report(!find_line("igmp", "0201C8EF", line), "igmp: nobody");
    setsockopt(s6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m6, sizeof(m6));
    report(find_line("igmp6", "ff050000000000000000000000001234", line), "igmp6: our group");
    line[54] = 0; /* then the timer */
    note("%s", line);
    report(find_line("igmp6", "lo              ff020000000000000000000000000001", line), "igmp6: all nodes");
    close(s6);
}

int main(void)
{
    own_network(); /* others' sockets count, too */
    datagram(AF_INET, 0);
    pairs();
    counters();
    sockets();
    raw_rows();
    groups();
    return report_done();
}
