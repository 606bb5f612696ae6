/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.c: the life of a connection's structure: made, established, ended, freed.
 *
 * References: one is the program's (or the accept queue's), one the protocol's while it is in a table. Memory goes after
 * an RCU period, so that input may look at what it found in a table without a reference.
 */
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/siphash.h"
#include "net/tcp/fastopen.h"

static struct slab_cache sock_cache = SLAB_CACHE(struct tcp_sock);
struct tcp_totals tcp_totals;

struct tcp_sock *tcp_sock_new(int family, int protocol)
{
    struct tcp_sock *t = slab_zalloc(&sock_cache);

    if (!t)
        return NULL;
    socket_init(&t->sock, &tcp_ops, family, SOCK_STREAM, protocol);
    t->sock.sndbuf = 16384; /* Linux's tcp_wmem[1] and tcp_rmem[1]; both grow */
    t->sock.rcvbuf = 131072;
    spin_init(&t->lock, RANK_SOCKET);
    ref_init(&t->refs);
    t->state = TCP_CLOSE;
    t->e.family = family;
    t->e.kind = TCP_KIND_SOCK;
    list_init(&t->e.port_link);
    if (family == AF_INET)
        t->e.local = t->e.remote = inaddr_v4(0);
    inet_opts_init(&t->opts);
    pktqueue_init(&t->rx);
    tcp_timer_setup(t);
    t->mss = t->gso_max = 536;
    t->rcv_mss = 536;
    t->cwnd = TCP_INIT_CWND * 536;
    t->ssthresh = TCP_INFINITE;
    t->rto_ns = TCP_RTO_FIRST;
    t->rack_reo_mult = 1;
    t->reordering = 3;
    t->keep_idle_s = 7200;
    t->keep_interval_s = 75;
    t->keep_count = 9;
    t->fin_timeout_ns = TCP_TIMEWAIT_NS;
    __atomic_fetch_add(&tcp_totals.sockets, 1, __ATOMIC_RELAXED);
    return t;
}

static void free_sock(struct rcu_head *h)
{
    struct tcp_sock *t = container_of(h, struct tcp_sock, rcu);

    net_timer_stop(&t->timer);
    tcp_segq_purge(t);
    tcp_rx_purge(t);
    dst_release(&t->dst);
    tcp_listener_free(t->listener);
    kfree(t->fo_keys);
    tcp_pace_free(t);
    slab_free(&sock_cache, t);
    __atomic_fetch_sub(&tcp_totals.sockets, 1, __ATOMIC_RELAXED);
}

void tcp_hold(struct tcp_sock *t)
{
    ref_get(&t->refs);
}

void tcp_put(struct tcp_sock *t)
{
    if (ref_put(&t->refs))
        rcu_defer(&t->rcu, free_sock);
}

void tcp_set_state(struct tcp_sock *t, enum tcp_state s)
{
    bool was = t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT;
    bool is = s == TCP_ESTABLISHED || s == TCP_CLOSE_WAIT;

    if (is && !was)
        __atomic_fetch_add(&tcp_totals.established, 1, __ATOMIC_RELAXED);
    else if (was && !is)
        __atomic_fetch_sub(&tcp_totals.established, 1, __ATOMIC_RELAXED);
    atomic_store_release(&t->state, s);
}

/* Both ends' SYNs are acknowledged. */
void tcp_established(struct tcp_sock *t)
{
    tcp_set_state(t, TCP_ESTABLISHED);
    if (unlikely(t->fo & FO_PASSIVE)) /* it has long begun */
        tcp_fastopen_left(t, false);
    else
        tcp_start_transfer(t);
    tcp_keepalive_start(t);
}

void tcp_start_transfer(struct tcp_sock *t)
{
    tcp_path_mss(t);
    t->cwnd = TCP_INIT_CWND * t->mss;
    if (t->retries || t->total_retrans) /* RFC 5681 §3.1: the SYN was lost */
        t->cwnd = t->mss;
    t->snd_sml = t->fack = t->snd_una;
    t->last_snd_ns = 0;
    t->last_rcv_ns = clock_mono_ns();
    t->rcv_mss = MIN(t->mss, 536u);
    if (t->rcv_ssthresh < 65535u)
        t->rcv_ssthresh = MIN(t->sock.rcvbuf / 2, 65535u);
    tcp_cc_start(t);
    tcp_grow_sndbuf(t);
}

/* The protocol is through with it. */
void tcp_done(struct tcp_sock *t)
{
    if (t->state == TCP_CLOSE)
        return;
    if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV)
        TCP_COUNT(attempt_fails);
    if (unlikely(t->fo & FO_PASSIVE))
        tcp_fastopen_left(t, false);
    tcp_set_state(t, TCP_CLOSE);
    tcp_table_remove(&t->e);
    if (t->e.port && (t->dead || !t->e.explicit_port))
        tcp_port_release(&t->e);
    t->rto_deadline = t->delack_deadline = t->keep_deadline = 0;
    t->timer_kind = TT_NONE;
    net_timer_cancel(&t->timer);
    t->armed_ns = TIME_NEVER;
    tcp_segq_purge(t);
    t->snd_una = t->snd_nxt = t->write_seq;
    if (t->dead)
        tcp_rx_purge(t);
    atomic_or(&t->shutdown, 3);
    socket_wake(&t->sock, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLRDHUP | EPOLLHUP |
                              (t->sock.err ? EPOLLERR : 0));
    if (t->in_protocol) {
        t->in_protocol = false;
        tcp_put(t); /* the memory stays till later, see above */
    }
}

void tcp_abort(struct tcp_sock *t, int err)
{
    if (t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT)
        TCP_COUNT(estab_resets);
    if (err && !t->dead)
        atomic_store(&t->sock.err, err);
    tcp_done(t);
}

void tcp_time_wait(struct tcp_sock *t)
{
    tcp_timewait_start(t);
    tcp_done(t);
}

/* RFC 6528: a clock that no other connection can know the zero of. */
uint32_t tcp_isn(const struct tcp_entry *e, uint64_t now)
{
    static struct siphash_key key;
    uint64_t words[5] = { e->local.q[0], e->local.q[1], e->remote.q[0], e->remote.q[1],
                          (uint64_t)e->lport << 16 | e->rport };

    if (unlikely(!key.k[1]))
        random_bytes(&key, sizeof(key));
    return siphash_words(&key, words, 5) + (uint32_t)(now >> 6);
}

/* One clock for each pair of machines: what TIME_WAIT's reuse and SYN cookies count on. */
uint32_t tcp_ts_offset(const struct tcp_entry *e)
{
    static struct siphash_key key;
    uint64_t words[4] = { e->local.q[0], e->local.q[1], e->remote.q[0], e->remote.q[1] };

    if (unlikely(!key.k[1]))
        random_bytes(&key, sizeof(key));
    return siphash_words(&key, words, 4);
}
