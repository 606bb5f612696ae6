/* SPDX-License-Identifier: BSD-2-Clause */
/* PACKET_FANOUT on lo: who of a group gets which datagram. */
#include "own_net.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#define SHOW(x) show((x), #x)
static int lo, out, sink;
static struct sockaddr_in to;

static void show(int r, const char *what)
{
    note("%s: %s", what, r ? strerror(errno) : "ok");
}

static int member(int proto)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons(proto) };
    int s = MUST(socket(AF_PACKET, SOCK_RAW, 0)), one = 1;

    MUST(bind(s, (void *)&a, sizeof(a)));
    MUST(setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)));
    return s;
}

static int join(int s, unsigned id, unsigned type_flags)
{
    unsigned v = id | type_flags << 16;

    return setsockopt(s, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v));
}

static unsigned value(int s)
{
    unsigned v = 4711;
    socklen_t len = sizeof(v);

    return getsockopt(s, SOL_PACKET, PACKET_FANOUT, &v, &len) ? (unsigned)-errno : v;
}

static void say(int n)
{
    for (int i = 0; i < n; i++)
        MUST(sendto(out, &i, sizeof(i), 0, (void *)&to, sizeof(to)));
    usleep(20000);
}

static int heard(int s)
{
    char buf[200];
    int n = 0;

    while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        n++;
    return n;
}

static void refused(void)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_protocol = htons(ETH_P_IP) };
    int s = member(ETH_P_IP), t = member(ETH_P_IP), other = member(ETH_P_ARP),
        none = MUST(socket(AF_PACKET, SOCK_RAW, 0));
    struct fanout_args f = { .id = 9, .type_flags = PACKET_FANOUT_LB, .max_num_members = 1 };
    char stats[24];
    socklen_t len = sizeof(stats);

    note("joining");
    note("value %x", value(s));
    SHOW(join(s, 7, 99));
    SHOW(join(none, 7, PACKET_FANOUT_LB));
    SHOW(join(s, 7, PACKET_FANOUT_ROLLOVER | PACKET_FANOUT_FLAG_ROLLOVER));
    SHOW(setsockopt(s, SOL_PACKET, PACKET_FANOUT, &f, 5));
    SHOW(setsockopt(s, SOL_PACKET, PACKET_FANOUT_DATA, &f, sizeof(f)));
    SHOW(join(s, 7, PACKET_FANOUT_LB));
    SHOW(join(s, 7, PACKET_FANOUT_LB));
    note("value %x", value(s));
    SHOW(join(t, 7, PACKET_FANOUT_HASH));
    SHOW(join(t, 7, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER));
    SHOW(join(other, 7, PACKET_FANOUT_LB));
    SHOW(bind(s, (void *)&a, sizeof(a)));
    SHOW(getsockopt(s, SOL_PACKET, PACKET_ROLLOVER_STATS, stats, &len));
    SHOW(setsockopt(s, SOL_PACKET, PACKET_FANOUT_DATA, &f, sizeof(f)));
    close(s);
    SHOW(join(t, 7,
              PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER)); /* the group went with its last member */
    note("value %x", value(t));
    SHOW(getsockopt(t, SOL_PACKET, PACKET_ROLLOVER_STATS, stats, &len));
    close(t);
    s = member(ETH_P_IP), t = member(ETH_P_IP);
    SHOW(setsockopt(s, SOL_PACKET, PACKET_FANOUT, &f, sizeof(f)));
    f.max_num_members = 2;
    SHOW(setsockopt(t, SOL_PACKET, PACKET_FANOUT, &f, sizeof(f)));
    f.max_num_members = 1;
    SHOW(setsockopt(t, SOL_PACKET, PACKET_FANOUT, &f, sizeof(f)));
    SHOW(join(t, 3, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_UNIQUEID));
    SHOW(join(t, 0, PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_UNIQUEID));
    close(s);
    close(t);
    close(other);
    close(none);
}

static void spread(void)
{
    static const struct {
        unsigned type;
        const char *name;
    } kinds[] = {
        { PACKET_FANOUT_LB, "in turn" },
        { PACKET_FANOUT_HASH, "by flow" },
        { PACKET_FANOUT_CPU, "by processor" },
        { PACKET_FANOUT_RND, "at random" },
        { PACKET_FANOUT_QM, "by queue" },
        { PACKET_FANOUT_CBPF, "by program, none" },
        { PACKET_FANOUT_ROLLOVER, "while there is room" },
    };

    for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        int s[3], n[3], all = 0;

        for (int i = 0; i < 3; i++) {
            s[i] = member(ETH_P_IP);
            MUST(join(s[i], 20 + k, kinds[k].type));
        }
        say(12);
        for (int i = 0; i < 3; i++)
            all += n[i] = heard(s[i]);
        if (kinds[k].type == PACKET_FANOUT_LB || kinds[k].type == PACKET_FANOUT_CBPF ||
            kinds[k].type == PACKET_FANOUT_ROLLOVER)
            note("%s: %d %d %d", kinds[k].name, n[0], n[1], n[2]);
        else if (kinds[k].type == PACKET_FANOUT_HASH)
            note("%s: one has %d", kinds[k].name, n[0] ? n[0] : n[1] ? n[1] : n[2]);
        else
            note("%s: %d in all", kinds[k].name, all);
        close(s[0]); /* the last takes its place */
        say(6);
        note("  without one: %d", heard(s[1]) + heard(s[2]));
        close(s[1]);
        close(s[2]);
    }
}

static void program(void)
{
    /* the last byte of the UDP payload's first word, behind 20 and 8 bytes */
    struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 28), BPF_STMT(BPF_RET | BPF_A, 0) };
    struct sock_fprog p = { 2, code }, bad = { 0, code };
    int s[3];

    note("by program");
    for (int i = 0; i < 3; i++) {
        s[i] = member(ETH_P_IP);
        MUST(join(s[i], 50, PACKET_FANOUT_CBPF));
    }
    SHOW(setsockopt(s[1], SOL_PACKET, PACKET_FANOUT_DATA, &bad, sizeof(bad)));
    SHOW(setsockopt(s[1], SOL_PACKET, PACKET_FANOUT_DATA, &p, sizeof(p)));
    say(7);
    for (int i = 0; i < 3; i++)
        note("  %d", heard(s[i]));
    for (int i = 0; i < 3; i++)
        close(s[i]);
}

static void room(void)
{
    int s[2], small = 0, n0, n1;

    note("rolling over");
    for (int i = 0; i < 2; i++) {
        s[i] = member(ETH_P_IP);
        MUST(join(s[i], 60, PACKET_FANOUT_ROLLOVER));
    }
    MUST(setsockopt(s[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
    say(40);
    n0 = heard(s[0]), n1 = heard(s[1]);
    report(n0 > 0 && n1 > 0 && n0 + n1 >= 35, "both have some");
    close(s[0]);
    close(s[1]);
}

/* A member that gets a ring later still takes part. */
static void ring(void)
{
    struct tpacket_req r = { 65536, 4, 2048, 128 };
    int s[2], n = 0;
    char *m;

    note("a ring");
    for (int i = 0; i < 2; i++) {
        s[i] = member(ETH_P_IP);
        MUST(join(s[i], 80, PACKET_FANOUT_LB));
    }
    MUST(setsockopt(s[0], SOL_PACKET, PACKET_RX_RING, &r, sizeof(r)));
    m = mmap(NULL, 4 * 65536, PROT_READ | PROT_WRITE, MAP_SHARED, s[0], 0);
    say(8);
    for (int i = 0; i < 128; i++)
        n += !!(((struct tpacket_hdr *)(m + i * 2048))->tp_status & TP_STATUS_USER);
    note("  %d in the ring, %d in the queue", n, heard(s[1]));
    munmap(m, 4 * 65536);
    close(s[0]), close(s[1]);
}

/* What one of a group sends, none of it is shown. */
static void own(void)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = lo, .sll_halen = 6 };
    unsigned char frame[60] = { [12] = 0x88, [13] = 0xb5 };
    int s[2], zero = 0, third;

    note("what a member sends");
    for (int i = 0; i < 2; i++) {
        s[i] = member(ETH_P_ALL);
        MUST(setsockopt(s[i], SOL_PACKET, PACKET_IGNORE_OUTGOING, &zero, sizeof(zero)));
        MUST(join(s[i], 70, PACKET_FANOUT_LB));
    }
    third = member(ETH_P_ALL);
    MUST(setsockopt(third, SOL_PACKET, PACKET_IGNORE_OUTGOING, &zero, sizeof(zero)));
    MUST(sendto(s[0], frame, sizeof(frame), 0, (void *)&a, sizeof(a)));
    usleep(20000);
    note("  %d to the group, %d to another", heard(s[0]) + heard(s[1]), heard(third));
    close(s[0]), close(s[1]), close(third);
}

int main(void)
{
    socklen_t len = sizeof(to);

    own_network();
    lo = if_nametoindex("lo");
    sink = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    MUST(bind(sink, (void *)&to, sizeof(to)));
    MUST(getsockname(sink, (void *)&to, &len));
    out = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    refused();
    spread();
    program();
    room();
    ring();
    own();
    return report_done();
}
