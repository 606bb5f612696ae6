/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tcp.c: TCP in /proc/net: connections in tcp and tcp6, the numbers of snmp. */
#include "lib/string.h"
#include "linux/proc/net.h"
#include "net/inet.h"
#include "net/tcp/tcp.h"

#define ROW_WIDTH 149 /* of tcp, padded with blanks, as Linux has it */
#define HZ        100 /* of the times here */

struct table {
    struct seq *s;
    unsigned nr;
};

static void show_row(void *arg, const struct tcp_row *r)
{
    struct table *t = arg;
    char line[256], local[48], remote[48];
    int n;

    if (r->family == AF_INET) {
        snprintf(local, sizeof(local), "%08X", r->local.w[3]);
        snprintf(remote, sizeof(remote), "%08X", r->remote.w[3]);
    } else {
        snprintf(local, sizeof(local), "%08X%08X%08X%08X", r->local.w[0], r->local.w[1], r->local.w[2],
                 r->local.w[3]);
        snprintf(remote, sizeof(remote), "%08X%08X%08X%08X", r->remote.w[0], r->remote.w[1], r->remote.w[2],
                 r->remote.w[3]);
    }
    n = snprintf(line, sizeof(line),
                 "%4u: %s:%04X %s:%04X %02X %08X:%08X %02X:%08llX %08X %5u %8u %llu %u %016x", t->nr++, local,
                 r->lport, remote, r->rport, r->state, r->tx_queue, r->rx_queue, r->timer,
                 (unsigned long long)(r->timer_ms * HZ / 1000), r->retransmits, r->uid, r->timeout,
                 (unsigned long long)(r->socket ? r->socket->ino : 0), r->refs, 0);
    if (r->socket)
        snprintf(line + n, sizeof(line) - n, " %u %u %u %u %d", r->rto_ms * HZ / 1000, r->ato_ms * HZ / 1000,
                 r->quick, r->cwnd, (int)r->ssthresh);
    if (r->family == AF_INET)
        seq_printf(t->s, "%-*s\n", ROW_WIDTH, line);
    else
        seq_printf(t->s, "%s\n", line);
}

int proc_show_tcp(struct seq *s, struct inode *i)
{
    struct table t = { s, 0 };

    seq_printf(
        s, "%-*s\n", ROW_WIDTH,
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
    tcp_for_each(AF_INET, show_row, &t);
    return 0;
}

int proc_show_tcp6(struct seq *s, struct inode *i)
{
    struct table t = { s, 0 };

    seq_puts(
        s,
        "  sl  local_address                         remote_address                        st tx_queue rx_queue "
        "tr tm->when retrnsmt   uid  timeout inode\n");
    tcp_for_each(AF_INET6, show_row, &t);
    return 0;
}

#define U(x) ((unsigned long long)(x))

void proc_put_tcp_snmp(struct seq *s)
{
    const struct tcp_totals *t = &tcp_totals;

    seq_puts(
        s,
        "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs "
        "OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
    seq_printf(s, "Tcp: 1 200 120000 -1 %llu %llu %llu %llu %u %llu %llu %llu %llu %llu %llu\n",
               U(t->active_opens), U(t->passive_opens), U(t->attempt_fails), U(t->estab_resets),
               t->established, U(t->in_segs), U(t->out_segs), U(t->retrans_segs), U(t->in_errs),
               U(t->out_rsts), U(t->in_csum_errors));
}
