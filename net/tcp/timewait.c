/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timewait.c: TIME_WAIT: a small object in the place of a connection that is over, for a minute. All wait equally long, so
 * one list in order of time and one timer do.
 */
#include "kernel/slab.h"
#include "net/tcp/tcp_sock.h"

struct tcp_timewait {
    struct tcp_entry e; /* first */
    struct rcu_head rcu;
    struct list link; /* [lock] */
    uint64_t deadline;
    uint32_t rcv_nxt, snd_nxt, rcv_wnd, ts_recent, ts_offset, mss;
    uint64_t ts_recent_ns;
    bool ts_on;
    uint8_t tos;
};

#define MOST 65536u /* more of them end at once */

static struct slab_cache cache = SLAB_CACHE(struct tcp_timewait);
static struct spinlock lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct list waiting = LIST_INIT(waiting); /* [lock] by deadline */
static struct net_timer timer;
static bool timer_ready;

static struct tcp_timewait *of(struct tcp_entry *e)
{
    return container_of(e, struct tcp_timewait, e);
}

static void expire(struct net_timer *nt)
{
    uint64_t now = clock_mono_ns();

    for (;;) {
        struct tcp_timewait *w;

        spin_lock(&lock);
        w = list_first(&waiting, struct tcp_timewait, link);
        if (w && w->deadline > now) {
            net_timer_arm(&timer, w->deadline);
            w = NULL;
        }
        spin_unlock(&lock);
        if (!w)
            return;
        tcp_timewait_kill(&w->e);
    }
}

static void put_last(struct tcp_timewait *w)
{
    bool first;

    w->deadline = clock_mono_ns() + TCP_TIMEWAIT_NS;
    spin_lock(&lock);
    if (!timer_ready) {
        net_timer_init(&timer, expire);
        timer_ready = true;
    }
    list_remove(&w->link);
    first = list_empty(&waiting);
    list_append(&waiting, &w->link);
    if (first)
        net_timer_arm(&timer, w->deadline);
    spin_unlock(&lock);
}

bool tcp_timewait_start(struct tcp_sock *t)
{
    struct tcp_timewait *w;

    if (!t->e.hashed || atomic_load(&tcp_totals.timewaits) >= MOST)
        return false;
    w = slab_zalloc(&cache);
    if (!w)
        return false;
    w->e.local = t->e.local;
    w->e.remote = t->e.remote;
    w->e.lport = t->e.lport;
    w->e.rport = t->e.rport;
    w->e.dev = t->e.dev;
    w->e.family = t->e.family;
    w->e.kind = TCP_KIND_TIMEWAIT;
    w->e.was_reuse = t->sock.reuseaddr;
    w->e.was_share = t->sock.reuseport;
    list_init(&w->e.port_link);
    list_init(&w->link);
    w->rcv_nxt = t->rcv_nxt;
    w->snd_nxt = t->snd_nxt;
    w->rcv_wnd = t->rcv_wnd;
    w->ts_on = t->ts_on;
    w->ts_recent = t->ts_recent;
    w->ts_recent_ns = t->ts_recent_ns;
    w->ts_offset = t->ts_offset;
    w->tos = t->flow.tos & ~3;
    tcp_port_inherit(&w->e, &t->e);
    w->e.explicit_port = t->e.explicit_port;
    __atomic_fetch_add(&tcp_totals.timewaits, 1, __ATOMIC_RELAXED);
    put_last(w);
    if (tcp_table_insert(&w->e, &t->e)) {
        tcp_timewait_kill(&w->e);
        return false;
    }
    return true;
}

static void free_timewait(struct rcu_head *h)
{
    slab_free(&cache, container_of(h, struct tcp_timewait, rcu));
}

void tcp_timewait_kill(struct tcp_entry *e)
{
    struct tcp_timewait *w = of(e);
    bool was;

    spin_lock(&lock);
    was = !list_empty(&w->link);
    list_remove(&w->link);
    spin_unlock(&lock);
    if (!was) /* another CPU ends it */
        return;
    tcp_table_remove(e);
    if (e->port)
        tcp_port_release(e);
    __atomic_fetch_sub(&tcp_totals.timewaits, 1, __ATOMIC_RELAXED);
    TCP_COUNT(timewait_done);
    rcu_defer(&w->rcu, free_timewait);
}

static void acknowledge(const struct tcp_timewait *w, const struct tcp_in *in)
{
    uint8_t opts[12];
    struct tcp_reply r = {
        .from = in->dst,
        .to = in->src,
        .sport = in->dport,
        .dport = in->sport,
        .seq = w->snd_nxt,
        .ack = w->rcv_nxt,
        .win = 0,
        .flags = TH_ACK,
        .tos = w->tos,
        .dev = w->e.dev,
    };

    if (w->ts_on) {
        put_be32(opts, 0x0101080a);
        put_be32(opts + 4, tcp_clock_ms(clock_mono_ns()) + w->ts_offset);
        put_be32(opts + 8, w->ts_recent);
        r.opts = opts;
        r.opts_len = sizeof(opts);
    }
    tcp_reply_send(&r);
}

bool tcp_timewait_input(struct tcp_entry *e, struct tcp_in *in, uint32_t *isn)
{
    struct tcp_timewait *w = of(e);
    bool old = w->ts_on && in->o.has_ts && seq_lt(in->o.tsval, w->ts_recent);

    /* A new SYN that cannot be an old duplicate opens anew (RFC 9293 §3.6.1, RFC 6191). */
    if ((in->flags & (TH_SYN | TH_RST | TH_ACK)) == TH_SYN && !old &&
        (seq_lt(w->rcv_nxt, in->seq) || (w->ts_on && in->o.has_ts && seq_lt(w->ts_recent, in->o.tsval)))) {
        *isn = w->snd_nxt + 65535 + 2;
        tcp_timewait_kill(e);
        TCP_COUNT(timewait_recycled);
        return true;
    }
    if (in->flags & TH_RST) /* ignored: RFC 1337 */
        return false;
    if (in->flags & TH_FIN || in->flags & TH_SYN || in->len || old) {
        if (in->flags & TH_FIN && !old)
            put_last(w);
        acknowledge(w, in);
    }
    return false;
}

/* A connection of ours may follow when time stamps tell its segments from old ones. */
bool tcp_timewait_reusable(struct tcp_entry *e)
{
    struct tcp_timewait *w = of(e);

    return w->ts_on && clock_mono_ns() - w->ts_recent_ns > NSEC_PER_SEC;
}

uint32_t tcp_timewait_reuse(struct tcp_entry *e, struct tcp_sock *t)
{
    struct tcp_timewait *w = of(e);

    t->ts_recent = w->ts_recent;
    t->ts_recent_ns = w->ts_recent_ns;
    return w->snd_nxt + 65535 + 2;
}

unsigned tcp_timewait_left_ms(struct tcp_entry *e)
{
    uint64_t now = clock_mono_ns(), d = of(e)->deadline;

    return d > now ? (d - now) / NSEC_PER_MS : 0;
}
