/* SPDX-License-Identifier: BSD-2-Clause */
/* net.c: /proc/PID/net: its files; net_tables.c and net_stat.c show most of them. */
#include "linux/proc/net.h"
#include "abi/fs.h"
#include "net/packet/packet.h"
#include "net/unix/list.h"

#define UNIX_ACCEPTCON (1 << 16)

static void show_unix_socket(struct seq *s, const struct unix_info *u)
{
    char name[sizeof(u->name) + 1];

    seq_printf(s, "%016llx: %08X %08X %08X %04X %02X %5lu", 0ull, u->refs, 0,
               u->listening ? UNIX_ACCEPTCON : 0, u->type,
               u->has_file ? (u->connected ? 3 : 1) : (u->connected ? 2 : 4), (unsigned long)u->ino);
    if (u->name_len) {
        unsigned len = u->name[0] ? u->name_len - 1 : u->name_len; /* a path without its end */

        for (unsigned n = 0; n < len; n++)
            name[n] = u->name[n] ? u->name[n] : '@';
        name[len] = 0;
        seq_printf(s, " %s", name);
    }
    seq_puts(s, "\n");
}

static int show_unix(struct seq *s, struct inode *i)
{
    struct unix_info u;

    seq_puts(s, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    for (unsigned n = 0; unix_info_at(n, &u); n++)
        show_unix_socket(s, &u);
    return 0;
}

static void show_packet_socket(const struct packet_sock *k, void *seq)
{
    seq_printf(seq, "%016x %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu\n", 0, 3, k->s.type, k->num, k->ifindex,
               k->hooked, k->rx_bytes, k->s.uid, (unsigned long)k->s.ino);
}

static int show_packet(struct seq *s, struct inode *i)
{
    seq_puts(s, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    packet_each(show_packet_socket, s);
    return 0;
}

const struct pseudo_node proc_net_nodes[] = {
    PROC_FILE("arp", 0444, proc_show_arp),
    PROC_FILE("dev", 0444, proc_show_net_dev),
    PROC_FILE("if_inet6", 0444, proc_show_if_inet6),
    PROC_FILE("igmp", 0444, proc_show_igmp),
    PROC_FILE("igmp6", 0444, proc_show_igmp6),
    PROC_FILE("mcfilter", 0444, proc_show_mcfilter),
    PROC_FILE("mcfilter6", 0444, proc_show_mcfilter6),
    PROC_FILE("ipv6_route", 0444, proc_show_ipv6_route),
    PROC_FILE("netstat", 0444, proc_show_netstat),
    PROC_FILE("packet", 0444, show_packet),
    PROC_FILE("pnp", 0444, proc_show_pnp),
    PROC_FILE("raw", 0444, proc_show_raw),
    PROC_FILE("raw6", 0444, proc_show_raw6),
    PROC_FILE("route", 0444, proc_show_route),
    PROC_FILE("snmp", 0444, proc_show_snmp),
    PROC_FILE("snmp6", 0444, proc_show_snmp6),
    PROC_FILE("sockstat", 0444, proc_show_sockstat),
    PROC_FILE("sockstat6", 0444, proc_show_sockstat6),
    PROC_FILE("tcp", 0444, proc_show_tcp),
    PROC_FILE("tcp6", 0444, proc_show_tcp6),
    PROC_FILE("udp", 0444, proc_show_udp),
    PROC_FILE("udp6", 0444, proc_show_udp6),
    PROC_FILE("unix", 0444, show_unix),
    { .name = NULL },
};
