/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tables.c: /proc/net's tables of devices, addresses, groups, routes, neighbours, UDP and raw sockets. */
#include "abi/netif.h"
#include "lib/string.h"
#include "linux/proc/net.h"
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

/* ---- groups ---- */

#define USER_HZ 100

enum { MAF_TIMER_RUNNING = 1, MAF_LOADED = 4, MAF_NOREPORT = 8 };

static long ticks_left(const struct mc_group *g)
{
    uint64_t at = READ_ONCE(g->report_ns), now = clock_mono_ns();

    return at != TIME_NEVER && at > now ? (at - now) / (NSEC_PER_SEC / USER_HZ) : 0;
}

/* One group; g NULL: nobody joined it but the system, which listens to it always. */
static void put_group4(struct seq *s, uint32_t addr, const struct mc_group *g, bool always)
{
    bool running = g && READ_ONCE(g->report_ns) != TIME_NEVER;

    seq_printf(s, "\t\t\t\t%08X %5d %d:%08lX\t\t%d\n", addr, (g ? g->users : 0) + always, running,
               running ? ticks_left(g) : 0, 0);
}

static void put_groups4(struct seq *s, struct netdev *d, bool count_only, unsigned *nr)
{
    const uint32_t all = be32(0xe0000001);
    const struct mc_group *joined = NULL;

    *nr = 1;
    for (struct mc_group *g = netif_of(d)->groups; g; g = g->next) {
        if (!inaddr_is_v4(&g->addr) || !g->users)
            continue;
        if (g->addr.w[3] == all) {
            joined = g;
            continue;
        }
        ++*nr;
        if (!count_only)
            put_group4(s, g->addr.w[3], g, false);
    }
    if (!count_only)
        put_group4(s, all, joined, true);
}

static const char *querier(const struct netif *n)
{
    const struct mc_routers *r = &n->routers[0];
    uint64_t now = clock_mono_ns();

    return READ_ONCE(r->v1_until) > now ? "V1" : READ_ONCE(r->v2_until) > now ? "V2" : "V3";
}

int proc_show_igmp(struct seq *s, struct inode *i)
{
    unsigned nr;

    net_start();
    seq_puts(s, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
    rcu_read_lock();
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        if (!d->net || !netif_is_up(netif_of(d)))
            continue;
        put_groups4(s, d, true, &nr);
        seq_printf(s, "%d\t%-10s: %5d %7s\n", d->index, d->name, nr, querier(netif_of(d)));
        put_groups4(s, d, false, &nr);
    }
    rcu_read_unlock();
    return 0;
}

static void put_group6(struct seq *s, struct netdev *d, const struct inaddr *a, unsigned users,
                       unsigned flags, long timer)
{
    seq_printf(s, "%-4d %-15s ", d->index, d->name);
    put_hex16(s, a);
    seq_printf(s, " %5d %08X %ld\n", users, flags, timer);
}

int proc_show_igmp6(struct seq *s, struct inode *i)
{
    static const struct inaddr always[] = { { .b = { 0xff, 2, [15] = 1 } }, { .b = { 0xff, 1, [15] = 1 } } };

    net_start();
    rcu_read_lock();
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        unsigned users[ARRAY_SIZE(always)] = { 1, 1 };

        if (!d->net || !netif_is_up(netif_of(d)))
            continue;
        for (struct mc_group *g = netif_of(d)->groups; g; g = g->next) {
            unsigned flags = MAF_LOADED, n = 0;

            while (n < ARRAY_SIZE(always) && !inaddr_eq(&g->addr, &always[n]))
                n++;
            if (n < ARRAY_SIZE(always)) {
                users[n] += g->users;
            } else if (!inaddr_is_v4(&g->addr) && g->users) {
                if (READ_ONCE(g->report_ns) != TIME_NEVER)
                    flags |= MAF_TIMER_RUNNING;
                put_group6(s, d, &g->addr, g->users, flags, ticks_left(g));
            }
        }
        put_group6(s, d, &always[0], users[0], MAF_LOADED | MAF_NOREPORT, 0);
        put_group6(s, d, &always[1], users[1], MAF_NOREPORT, 0);
    }
    rcu_read_unlock();
    return 0;
}

/* Sources that sockets name, by how many include and exclude them. */
static int show_filters(struct seq *s, bool v6)
{
    net_start();
    seq_puts(
        s, v6 ? "Idx Device                Multicast Address                   Source Address    INC    EXC\n"
              : "Idx Device        MCA        SRC    INC    EXC\n");
    rcu_read_lock();
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d))
        for (struct mc_group *g = d->net ? netif_of(d)->groups : NULL; g; g = g->next) {
            const struct mc_sources *list = atomic_load_acquire(&g->sources);

            for (unsigned i = 0; list && inaddr_is_v4(&g->addr) != v6 && i < list->nr; i++) {
                const struct mc_source *c = &list->s[i];

                if (!c->in && !c->ex)
                    continue;
                seq_printf(s, "%3d %6.6s ", d->index, d->name);
                if (v6) {
                    put_hex16(s, &g->addr);
                    seq_puts(s, " ");
                    put_hex16(s, &c->addr);
                } else {
                    seq_printf(s, "0x%08x 0x%08x", be32(g->addr.w[3]), be32(c->addr.w[3]));
                }
                seq_printf(s, " %6u %6u\n", c->in, c->ex);
            }
        }
    rcu_read_unlock();
    return 0;
}

int proc_show_mcfilter(struct seq *s, struct inode *i)
{
    return show_filters(s, false);
}

int proc_show_mcfilter6(struct seq *s, struct inode *i)
{
    return show_filters(s, true);
}

/* ---- routes ---- */

static unsigned route_flags(const struct route *r)
{
    unsigned f = RTF_UP;

    if (!inaddr_is_any(&r->gateway))
        f |= RTF_GATEWAY;
    if (r->type == RTN_UNREACHABLE || r->type == RTN_PROHIBIT)
        f |= RTF_REJECT;
    return f;
}

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
        unsigned flags = route_flags(r) | (r->plen == 128 ? RTF_HOST : 0);

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
                   route_flags(r) | (r->protocol == RTPROT_RA ? RTF_ADDRCONF : 0) |
                       (r->expires_ns != TIME_NEVER ? RTF_EXPIRES : 0),
                   r->dev ? r->dev->name : "lo");
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

struct dgram_show {
    struct seq *s;
    bool v6, raw;
};

static void put_addr(struct seq *s, const struct inaddr *a, uint16_t port, bool v6)
{
    struct inaddr x = *a;

    if (!v6) {
        seq_printf(s, "%08X:%04X", a->w[3], port);
        return;
    }
    if (inaddr_is_any(&x))
        x = INADDR_ANY6;
    seq_printf(s, "%08X%08X%08X%08X:%04X", x.w[0], x.w[1], x.w[2], x.w[3], port);
}

/* A raw socket's protocol stands where another's port does. */
static void show_dgram_socket(struct dgram *d, unsigned bucket, void *arg)
{
    struct dgram_show *u = arg;

    if ((d->s.family == AF_INET6) != u->v6)
        return;
    seq_printf(u->s, u->raw && !u->v6 ? "%4u: " : "%5u: ", bucket);
    put_addr(u->s, &d->local, u->raw ? d->s.protocol : be16(d->lport), u->v6);
    seq_puts(u->s, " ");
    put_addr(u->s, &d->remote, u->raw ? 0 : be16(d->rport), u->v6);
    seq_printf(u->s, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %016x %u\n", d->connected ? 1 : 7, 0,
               d->rx_bytes, 0, 0ul, 0, d->s.uid, 0, (unsigned long)d->s.ino, 2, 0, d->drops);
}

#define HEAD_END "tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
#define HEAD4    "sl  local_address rem_address   st tx_queue rx_queue " HEAD_END
#define HEAD6                                                                                           \
    "  sl  local_address                         remote_address                        st tx_queue rx_" \
    "queue " HEAD_END "\n"

int proc_show_udp(struct seq *s, struct inode *i)
{
    struct dgram_show u = { s, false, false };
    char line[128];

    snprintf(line, sizeof(line), "   " HEAD4);
    seq_printf(s, "%-127s\n", line);
    rcu_read_lock();
    udp_each(show_dgram_socket, &u);
    rcu_read_unlock();
    return 0;
}

int proc_show_udp6(struct seq *s, struct inode *i)
{
    struct dgram_show u = { s, true, false };

    seq_puts(s, HEAD6);
    rcu_read_lock();
    udp_each(show_dgram_socket, &u);
    rcu_read_unlock();
    return 0;
}

int proc_show_raw(struct seq *s, struct inode *i)
{
    struct dgram_show u = { s, false, true };

    seq_puts(s, "  " HEAD4 "\n");
    rcu_read_lock();
    raw_each(show_dgram_socket, &u);
    rcu_read_unlock();
    return 0;
}

int proc_show_raw6(struct seq *s, struct inode *i)
{
    struct dgram_show u = { s, true, true };

    seq_puts(s, HEAD6);
    rcu_read_lock();
    raw_each(show_dgram_socket, &u);
    rcu_read_unlock();
    return 0;
}
