/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tables.c: /proc/net's tables of devices, addresses, routes, neighbours, counters and UDP sockets. */
#include "abi/netif.h"
#include "lib/string.h"
#include "linux/proc/net.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/neigh.h"
#include "net/resolver.h"
#include "net/route.h"
#include "net/udp.h"

/* ---- devices and addresses ---- */

int proc_show_net_dev(struct seq *s, struct inode *i)
{
    struct netdev_stats t;

    net_start();
    seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
                " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
                "drop fifo colls carrier compressed\n");
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        netdev_get_stats(d, &t);
        seq_printf(
            s, "%6s: %7llu %7llu %4llu %4llu %4u %5u %10u %9llu %8llu %7llu %4llu %4llu %4u %5u %7u %10u\n",
            d->name, (unsigned long long)t.rx_bytes, (unsigned long long)t.rx_packets,
            (unsigned long long)t.rx_errors, (unsigned long long)t.rx_dropped, 0, 0, 0,
            (unsigned long long)t.multicast, (unsigned long long)t.tx_bytes, (unsigned long long)t.tx_packets,
            (unsigned long long)t.tx_errors, (unsigned long long)t.tx_dropped, 0, 0, 0, 0);
    }
    return 0;
}

static void put_hex16(struct seq *s, const struct inaddr *a)
{
    for (unsigned n = 0; n < 16; n++)
        seq_printf(s, "%02x", a->b[n]);
}

int proc_show_if_inet6(struct seq *s, struct inode *i)
{
    net_start();
    rcu_read_lock();
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d))
        for (struct ifaddr *a = d->net ? netif_of(d)->addrs : NULL; a; a = a->next) {
            if (inaddr_is_v4(&a->addr))
                continue;
            put_hex16(s, &a->addr);
            seq_printf(s, " %02x %02x %02x %02x %8s\n", d->index, a->plen,
                       inaddr_is_loopback(&a->addr)     ? 0x10
                       : inaddr_is_linklocal6(&a->addr) ? 0x20
                                                        : 0,
                       a->flags & 0xff, d->name);
        }
    rcu_read_unlock();
    return 0;
}

/* ---- routes ---- */

#define RTF_UP      1
#define RTF_GATEWAY 2
#define RTF_HOST    4

static uint32_t mask4(unsigned plen)
{
    return plen > 96 ? be32(0xffffffffu << (128 - plen)) : 0;
}

int proc_show_route(struct seq *s, struct inode *i)
{
    char line[128];

    net_start();
    snprintf(line, sizeof(line),
             "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
    seq_printf(s, "%-127s\n", line);
    rcu_read_lock();
    for (struct route *r = atomic_load_acquire(&routes); r; r = atomic_load_acquire(&r->next)) {
        unsigned flags =
            RTF_UP | (inaddr_is_any(&r->gateway) ? 0 : RTF_GATEWAY) | (r->plen == 128 ? RTF_HOST : 0);

        if (r->plen < 96 || !inaddr_is_v4(&r->prefix))
            continue;
        snprintf(line, sizeof(line), "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t0\t0",
                 r->dev ? r->dev->name : "*", r->prefix.w[3],
                 inaddr_is_any(&r->gateway) ? 0 : r->gateway.w[3], flags, r->metric, mask4(r->plen), r->mtu);
        seq_printf(s, "%-127s\n", line);
    }
    rcu_read_unlock();
    return 0;
}

int proc_show_ipv6_route(struct seq *s, struct inode *i)
{
    static const struct inaddr none;

    net_start();
    rcu_read_lock();
    for (struct route *r = atomic_load_acquire(&routes); r; r = atomic_load_acquire(&r->next)) {
        if (r->plen >= 96 && inaddr_is_v4(&r->prefix))
            continue;
        put_hex16(s, &r->prefix);
        seq_printf(s, " %02x ", r->plen);
        put_hex16(s, &none);
        seq_puts(s, " 00 ");
        put_hex16(s, &r->gateway);
        seq_printf(s, " %08x %08x %08x %08x %8s\n", r->metric, 1, 0,
                   RTF_UP | (inaddr_is_any(&r->gateway) ? 0 : RTF_GATEWAY), r->dev ? r->dev->name : "");
    }
    rcu_read_unlock();
    return 0;
}

static void show_neighbour(struct neigh *n, void *arg)
{
    const uint8_t *m = (const uint8_t *)&n->mac;
    unsigned flags = n->state & (NUD_PERMANENT) ? 0x6 : n->state & (NUD_INCOMPLETE | NUD_FAILED) ? 0 : 0x2;
    char ip[48], hw[24];

    if (!inaddr_is_v4(&n->addr) || n->state & (NUD_NOARP) || !n->state)
        return;
    inaddr_format(ip, sizeof(ip), &n->addr);
    snprintf(hw, sizeof(hw), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    seq_printf(arg, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", ip, n->dev->hw_type, flags, hw,
               n->dev->name);
}

int proc_show_arp(struct seq *s, struct inode *i)
{
    net_start();
    seq_puts(s, "IP address       HW type     Flags       HW address            Mask     Device\n");
    rcu_read_lock();
    neigh_each(show_neighbour, s);
    rcu_read_unlock();
    return 0;
}

/* The name servers, where Linux's own ip= leaves them; /etc/resolv.conf leads here. */
int proc_show_pnp(struct seq *s, struct inode *i)
{
    char text[512];

    net_start();
    resolver_show(text, sizeof(text));
    seq_puts(s, text);
    return 0;
}

/* ---- sockets ---- */

struct udp_show {
    struct seq *s;
    bool v6;
};

static void put_addr(struct seq *s, const struct inaddr *a, uint16_t port, bool v6)
{
    struct inaddr x = *a;

    if (!v6) {
        seq_printf(s, "%08X:%04X", a->w[3], be16(port));
        return;
    }
    if (inaddr_is_any(&x))
        x = INADDR_ANY6;
    seq_printf(s, "%08X%08X%08X%08X:%04X", x.w[0], x.w[1], x.w[2], x.w[3], be16(port));
}

static void show_udp_socket(struct dgram *d, unsigned bucket, void *arg)
{
    struct udp_show *u = arg;

    if ((d->s.family == AF_INET6) != u->v6)
        return;
    seq_printf(u->s, "%5u: ", bucket);
    put_addr(u->s, &d->local, d->lport, u->v6);
    seq_puts(u->s, " ");
    put_addr(u->s, &d->remote, d->rport, u->v6);
    seq_printf(u->s, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %016x %u%s\n", d->connected ? 1 : 7, 0,
               d->rx_bytes, 0, 0ul, 0, d->s.uid, 0, (unsigned long)d->s.ino, 2, 0, d->drops, "");
}

int proc_show_udp(struct seq *s, struct inode *i)
{
    struct udp_show u = { s, false };
    char line[128];

    snprintf(line, sizeof(line),
             "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
             "timeout inode ref pointer drops");
    seq_printf(s, "%-127s\n", line);
    rcu_read_lock();
    udp_each(show_udp_socket, &u);
    rcu_read_unlock();
    return 0;
}

int proc_show_udp6(struct seq *s, struct inode *i)
{
    struct udp_show u = { s, true };

    seq_puts(
        s,
        "  sl  local_address                         remote_address                        st tx_queue rx_queue "
        "tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n");
    rcu_read_lock();
    udp_each(show_udp_socket, &u);
    rcu_read_unlock();
    return 0;
}

/* ---- counters ---- */

#define U(x) ((unsigned long long)(x))

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
