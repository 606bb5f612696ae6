/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_stat.c: /proc/net's counters: snmp, snmp6, netstat, sockstat. What is not counted here is not listed, and programs look
 * for names; a zero is what cannot happen here.
 */
#include "lib/string.h"
#include "linux/proc/net.h"
#include "linux/socket/socket.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

#define U(x) ((unsigned long long)(x))

/* ---- snmp ---- */

/* The types that came and went, by number: lines only when there are any. */
static void put_icmp_msgs(struct seq *s, const struct icmp_stats *c)
{
    const uint64_t *in = c->in_types, *out = c->out_types;
    unsigned nr = 0;

    for (unsigned n = 0; n < 512; n++) {
        if (!(n < 256 ? in[n] : out[n - 256]))
            continue;
        seq_printf(s, "%s %s%u", nr++ ? "" : "IcmpMsg:", n < 256 ? "InType" : "OutType", n % 256);
    }
    if (!nr)
        return;
    seq_puts(s, "\nIcmpMsg:");
    for (unsigned n = 0; n < 512; n++) {
        uint64_t v = n < 256 ? in[n] : out[n - 256];

        if (v)
            seq_printf(s, " %llu", U(v));
    }
    seq_puts(s, "\n");
}

int proc_show_snmp(struct seq *s, struct inode *i)
{
    const struct ip_stats *t = &ip_stats[0];
    const struct icmp_stats *c = &icmp_stats[0];
    const struct udp_stats *u = &udp_stats[0];

    seq_puts(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos "
                "InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs "
                "ReasmFails FragOKs FragFails FragCreates\n");
    seq_printf(s,
               "Ip: 2 64 %llu %llu %llu 0 %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n",
               U(t->in_receives), U(t->in_hdr_errors), U(t->in_addr_errors), U(t->in_unknown_protos),
               U(t->in_discards), U(t->in_delivers), U(t->out_requests), U(t->out_discards),
               U(t->out_no_routes), U(t->reasm_timeout), U(t->reasm_reqds), U(t->reasm_oks),
               U(t->reasm_fails), U(t->frag_oks), U(t->frag_fails), U(t->frag_creates));
    seq_puts(
        s,
        "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects "
        "InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors "
        "OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps "
        "OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps\n");
    seq_printf(
        s,
        "Icmp: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu 0 0 0 0 %llu 0 %llu %llu %llu 0 0 %llu %llu "
        "0 0 0 0\n",
        U(c->in_msgs), U(c->in_errors), U(c->in_csum_errors), U(c->in_types[3]), U(c->in_types[11]),
        U(c->in_types[12]), U(c->in_types[4]), U(c->in_types[5]), U(c->in_types[8]), U(c->in_types[0]),
        U(c->out_msgs), U(c->out_types[3]), U(c->out_types[11]), U(c->out_types[12]), U(c->out_types[8]),
        U(c->out_types[0]));
    put_icmp_msgs(s, c);
    proc_put_tcp_snmp(s);
    seq_puts(s, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors "
                "IgnoredMulti MemErrors\n");
    seq_printf(s, "Udp: %llu %llu %llu %llu %llu %llu %llu 0 0\n", U(u->in_datagrams), U(u->no_ports),
               U(u->in_errors), U(u->out_datagrams), U(u->rcvbuf_errors), U(u->sndbuf_errors),
               U(u->csum_errors));
    seq_puts(s, "UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors "
                "IgnoredMulti MemErrors\nUdpLite: 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

/* ---- snmp6 ---- */

static void put6(struct seq *s, const char *name, uint64_t v)
{
    seq_printf(s, "%-32s\t%llu\n", name, U(v));
}

static void put_icmp6_types(struct seq *s, const char *way, const uint64_t *v)
{
    static const struct {
        uint8_t type;
        const char *name;
    } names[] = { { 1, "DestUnreachs" },
                  { 2, "PktTooBigs" },
                  { 3, "TimeExcds" },
                  { 4, "ParmProblems" },
                  { 128, "Echos" },
                  { 129, "EchoReplies" },
                  { 130, "GroupMembQueries" },
                  { 131, "GroupMembResponses" },
                  { 132, "GroupMembReductions" },
                  { 133, "RouterSolicits" },
                  { 134, "RouterAdvertisements" },
                  { 135, "NeighborSolicits" },
                  { 136, "NeighborAdvertisements" },
                  { 137, "Redirects" },
                  { 143, "MLDv2Reports" } };
    char name[40];

    for (unsigned n = 0; n < ARRAY_SIZE(names); n++) {
        snprintf(name, sizeof(name), "Icmp6%s%s", way, names[n].name);
        put6(s, name, v[names[n].type]);
    }
}

static void put_icmp6(struct seq *s, const struct icmp_stats *c)
{
    char name[24];

    put6(s, "Icmp6InMsgs", c->in_msgs);
    put6(s, "Icmp6InErrors", c->in_errors);
    put6(s, "Icmp6OutMsgs", c->out_msgs);
    put6(s, "Icmp6OutErrors", 0);
    put6(s, "Icmp6InCsumErrors", c->in_csum_errors);
    put_icmp6_types(s, "In", c->in_types);
    put_icmp6_types(s, "Out", c->out_types);
    for (unsigned n = 0; n < 512; n++) {
        uint64_t v = n % 2 ? c->out_types[n / 2] : c->in_types[n / 2];

        if (!v)
            continue;
        snprintf(name, sizeof(name), "Icmp6%sType%u", n % 2 ? "Out" : "In", n / 2);
        put6(s, name, v);
    }
}

static void put_udp6(struct seq *s, const struct udp_stats *u)
{
    put6(s, "Udp6InDatagrams", u->in_datagrams);
    put6(s, "Udp6NoPorts", u->no_ports);
    put6(s, "Udp6InErrors", u->in_errors);
    put6(s, "Udp6OutDatagrams", u->out_datagrams);
    put6(s, "Udp6RcvbufErrors", u->rcvbuf_errors);
    put6(s, "Udp6SndbufErrors", u->sndbuf_errors);
    put6(s, "Udp6InCsumErrors", u->csum_errors);
}

int proc_show_snmp6(struct seq *s, struct inode *i)
{
    const struct ip_stats *t = &ip_stats[1];

    put6(s, "Ip6InReceives", t->in_receives);
    put6(s, "Ip6InHdrErrors", t->in_hdr_errors);
    put6(s, "Ip6InTooBigErrors", 0); /* a router's */
    put6(s, "Ip6InNoRoutes", 0);     /* a router's */
    put6(s, "Ip6InAddrErrors", t->in_addr_errors);
    put6(s, "Ip6InUnknownProtos", t->in_unknown_protos);
    put6(s, "Ip6InDiscards", t->in_discards);
    put6(s, "Ip6InDelivers", t->in_delivers);
    put6(s, "Ip6OutForwDatagrams", 0); /* a router's */
    put6(s, "Ip6OutRequests", t->out_requests);
    put6(s, "Ip6OutDiscards", t->out_discards);
    put6(s, "Ip6OutNoRoutes", t->out_no_routes);
    put6(s, "Ip6ReasmTimeout", t->reasm_timeout);
    put6(s, "Ip6ReasmReqds", t->reasm_reqds);
    put6(s, "Ip6ReasmOKs", t->reasm_oks);
    put6(s, "Ip6ReasmFails", t->reasm_fails);
    put6(s, "Ip6FragOKs", t->frag_oks);
    put6(s, "Ip6FragFails", t->frag_fails);
    put6(s, "Ip6FragCreates", t->frag_creates);
    put6(s, "Ip6InMcastPkts", t->in_mcasts);
    put6(s, "Ip6OutMcastPkts", t->out_mcasts);
    put_icmp6(s, &icmp_stats[1]);
    put_udp6(s, &udp_stats[1]);
    return 0;
}

/* ---- netstat ---- */

int proc_show_netstat(struct seq *s, struct inode *i)
{
    const struct ip_stats *p = &ip_stats[0];
    const struct tcp_totals *t = &tcp_totals;

    seq_puts(s, "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed RcvPruned TW TWRecycled PAWSEstab "
                "DelayedACKs ListenOverflows ListenDrops TCPFastRetrans TCPTimeouts TCPLossProbes "
                "TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPSpuriousRTOs "
                "TCPRcvCoalesce TCPOFOQueue TCPChallengeACK TCPKeepAlive\n");
    seq_printf(s,
               "TcpExt: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
               "%llu %llu %llu %llu %llu\n",
               U(t->syncookies_sent), U(t->syncookies_received), U(t->syncookies_failed), U(t->rcv_pruned),
               U(t->timewait_done), U(t->timewait_recycled), U(t->paws_estab), U(t->delayed_acks),
               U(t->listen_overflows), U(t->listen_drops), U(t->fast_retrans), U(t->timeouts), U(t->tlps),
               U(t->abort_on_data), U(t->abort_on_close), U(t->abort_on_memory), U(t->abort_on_timeout),
               U(t->spurious_rtos), U(t->rcv_coalesced), U(t->ooo_queued), U(t->challenge_acks),
               U(t->keepalives));
    seq_puts(s, "IpExt: InNoRoutes InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts\n");
    seq_printf(s, "IpExt: 0 %llu %llu %llu %llu\n", U(p->in_mcasts), U(p->out_mcasts), U(p->in_bcasts),
               U(p->out_bcasts));
    return 0;
}

/* ---- sockstat ---- */

struct usage {
    int family;
    unsigned tcp, orphans, udp, raw;
    uint64_t udp_bytes; /* of both families */
};

static void count_tcp(void *arg, const struct tcp_row *r)
{
    struct usage *u = arg;

    u->tcp += r->socket != NULL; /* neither in TIME_WAIT nor half open */
    u->orphans += r->orphan;
}

static void count_udp(struct dgram *d, unsigned bucket, void *arg)
{
    struct usage *u = arg;

    u->udp += d->s.family == u->family;
    u->udp_bytes += d->rx_bytes;
}

static void count_raw(struct dgram *d, unsigned bucket, void *arg)
{
    struct usage *u = arg;

    u->raw += d->s.family == u->family;
}

static void count_sockets(struct usage *u, int family)
{
    *u = (struct usage){ .family = family };
    tcp_for_each(family, count_tcp, u);
    rcu_read_lock();
    udp_each(count_udp, u);
    raw_each(count_raw, u);
    rcu_read_unlock();
}

int proc_show_sockstat(struct seq *s, struct inode *i)
{
    struct usage u4, u6;
    uint32_t frags, frag_bytes;

    net_start();
    count_sockets(&u4, AF_INET);
    count_sockets(&u6, AF_INET6);
    reass_usage(false, &frags, &frag_bytes);
    seq_printf(s, "sockets: used %u\n", socket_count());
    seq_printf(s, "TCP: inuse %u orphan %u tw %u alloc %u mem %llu\n", u4.tcp, u4.orphans + u6.orphans,
               tcp_totals.timewaits, tcp_totals.sockets, U((tcp_memory_bytes() + PAGE_SIZE - 1) / PAGE_SIZE));
    seq_printf(s, "UDP: inuse %u mem %llu\n", u4.udp, U((u4.udp_bytes + PAGE_SIZE - 1) / PAGE_SIZE));
    seq_printf(s, "UDPLITE: inuse 0\nRAW: inuse %u\nFRAG: inuse %u memory %u\n", u4.raw, frags, frag_bytes);
    return 0;
}

int proc_show_sockstat6(struct seq *s, struct inode *i)
{
    struct usage u;
    uint32_t frags, frag_bytes;

    net_start();
    count_sockets(&u, AF_INET6);
    reass_usage(true, &frags, &frag_bytes);
    seq_printf(s, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\n", u.tcp, u.udp);
    seq_printf(s, "RAW6: inuse %u\nFRAG6: inuse %u memory %u\n", u.raw, frags, frag_bytes);
    return 0;
}
