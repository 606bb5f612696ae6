/* SPDX-License-Identifier: BSD-2-Clause */
/* show.c: all connections, one row each, for /proc/net/tcp, /proc/net/tcp6 and the netlink socket monitor. */
#include "net/tcp/sockopt.h"
#include "net/tcp/tcp_sock.h"

static void row_timer(const struct tcp_sock *t, struct tcp_row *r)
{
    uint64_t now = clock_mono_ns(), d = 0;

    if (t->timer_kind == TT_ZERO_WINDOW) {
        r->timer = 4;
        d = t->rto_deadline;
    } else if (t->timer_kind != TT_NONE) {
        r->timer = 1;
        d = t->rto_deadline;
    } else if (t->keep_deadline) {
        r->timer = 2;
        d = t->keep_deadline;
    }
    if (d > now)
        r->timer_ms = (d - now) / NSEC_PER_MS;
}

static void row_of_sock(const struct tcp_sock *t, struct tcp_row *r)
{
    r->state = t->state;
    r->uid = t->sock.uid;
    r->socket = &t->sock;
    r->refs = t->refs.n;
    r->orphan = t->dead;
    if (t->state == TCP_LISTEN) {
        r->rx_queue = tcp_accept_queue((struct tcp_sock *)t, &r->backlog);
        r->rto_ms = TCP_RTO_FIRST / NSEC_PER_MS;
        r->cwnd = 10;
        return;
    }
    r->shutdown = t->shutdown;
    r->rmem = t->rmem;
    r->wmem = t->wmem;
    r->tx_queue = t->write_seq - t->snd_una;
    r->rx_queue = tcp_readable(t);
    r->retransmits = t->retries;
    r->timeout = t->probes;
    r->rto_ms = t->rto_ns / NSEC_PER_MS;
    r->ato_ms = t->ato_ns / NSEC_PER_MS;
    r->quick = t->quick_acks << 1 | t->pingpong;
    r->cwnd = t->cwnd / t->mss;
    r->ssthresh = t->ssthresh == TCP_INFINITE ? ~0u : t->ssthresh / t->mss;
    row_timer(t, r);
}

static void show_entry(const struct tcp_entry *e, int family, void (*row)(void *, const struct tcp_row *),
                       void *arg)
{
    struct tcp_row r = {
        .local = e->local, .remote = e->remote, .lport = e->lport, .rport = e->rport, .family = e->family
    };

    if (e->family != family)
        return;
    switch (e->kind) {
    case TCP_KIND_SOCK:
        row_of_sock(container_of(e, struct tcp_sock, e), &r);
        break;
    case TCP_KIND_REQUEST:
        r.state = TCP_SYN_RECV;
        r.timer = 1;
        break;
    case TCP_KIND_TIMEWAIT:
        r.state = TCP_TIME_WAIT;
        r.timer = 3;
        r.timer_ms = tcp_timewait_left_ms((struct tcp_entry *)e);
        break;
    }
    row(arg, &r);
}

void tcp_for_each(int family, void (*row)(void *arg, const struct tcp_row *r), void *arg)
{
    rcu_read_lock();
    for (unsigned i = 0; i < TCP_LISTEN_BUCKETS; i++)
        for (struct tcp_sock *t = tcp_listen_first(i); t; t = tcp_listen_next(t))
            show_entry(&t->e, family, row, arg);
    for (unsigned i = 0; i < tcp_table_size(); i++)
        for (struct tcp_entry *e = tcp_table_bucket(i); e; e = READ_ONCE(e->next))
            show_entry(e, family, row, arg);
    rcu_read_unlock();
}

uint64_t tcp_memory_bytes(void)
{
    int64_t used = atomic_load(&tcp_mem_used);

    return used > 0 ? used : 0;
}

void tcp_row_info(const struct tcp_row *r, struct tcp_info *i)
{
    tcp_get_info(tcp_of((struct socket *)r->socket), i);
}

const struct inet_opts *tcp_row_opts(const struct tcp_row *r)
{
    return &tcp_of((struct socket *)r->socket)->opts;
}
