/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.c: listening sockets: the queue of connections to be accepted, and SYNs that are not yet connections.
 *
 * Until its handshake is complete a connection is a struct tcp_request. When more of them wait than the backlog allows, none
 * is kept: all that it must know travels in the SYN-ACK's sequence number and time stamp (SYN cookies, cookie.c).
 * The listener's lock (RANK_SOCKET_LISTEN) guards both queues; children's locks are taken under it.
 */
#include "net/tcp/listen.h"
#include "kernel/slab.h"
#include "net/tcp/fastopen.h"

#define SYNACK_RETRIES 5

static struct slab_cache request_cache = SLAB_CACHE(struct tcp_request);

static struct tcp_request *of(struct tcp_entry *e)
{
    return container_of(e, struct tcp_request, e);
}

static void free_request(struct rcu_head *h)
{
    slab_free(&request_cache, container_of(h, struct tcp_request, rcu));
}

/* Under the listener's lock; it is out of the table already, or leaves it. */
static void drop_request(struct tcp_listener *l, struct tcp_request *r)
{
    r->gone = true;
    list_remove(&r->link);
    l->nr_requests--;
    tcp_table_remove(&r->e);
    rcu_defer(&r->rcu, free_request);
}

/* ---- SYN-ACK ---- */

static void send_syn_ack(struct tcp_sock *t, struct tcp_request *r)
{
    uint8_t opts[40];
    struct tcp_syn_opts o = {
        .mss = r->our_mss,
        .wscale = r->rcv_wscale,
        .has_wscale = r->wscale_on,
        .sack_ok = r->sack_on,
        .has_ts = r->ts_on,
        .tsval = r->cookie ? r->cookie_ts : tcp_clock_ms(clock_mono_ns()) + r->ts_offset,
        .tsecr = r->ts_recent,
        .has_fastopen = r->fastopen_len,
    };
    struct tcp_reply reply = {
        .from = &r->e.local,
        .to = &r->e.remote,
        .sport = r->e.lport,
        .dport = r->e.rport,
        .seq = r->iss,
        .ack = r->irs + 1,
        .win = MIN(r->window, 65535u),
        .flags = TH_SYN | TH_ACK | (r->ecn ? TH_ECE : 0),
        .tos = inaddr_is_v4(&r->e.local) ? t->opts.tos & ~3 : t->opts.tclass & ~3,
        .dev = r->dev,
        .opts = opts,
    };

    if (unlikely(r->fastopen_len)) {
        o.fastopen_len = r->fastopen_len;
        memcpy(o.fastopen, r->fastopen, r->fastopen_len);
        r->fastopen_len = 0; /* once: it may be what somebody on the path dropped it for */
    }
    reply.opts_len = tcp_put_syn_options(opts, &o);
    r->sent_ns = clock_mono_ns();
    tcp_reply_send(&reply);
}

static uint16_t mss_to(struct tcp_sock *t, struct tcp_request *r)
{
    struct flow f = { .src = r->e.local, .dst = r->e.remote, .protocol = IPPROTO_TCP, .flags = FLOW_DF };
    struct dst d;
    uint32_t mss = 536;

    memset(&d, 0, sizeof(d));
    if (inaddr_is_linklocal6(&f.dst))
        f.dev = r->dev;
    if (dst_lookup(&d, &f))
        return 0;
    if (d.mtu > ip_header_len(&f) + sizeof(struct tcp_header) + TCP_MIN_MSS)
        mss = MIN(d.mtu, 65535u) - ip_header_len(&f) - sizeof(struct tcp_header);
    dst_release(&d);
    return t->mss_user ? MIN(mss, t->mss_user) : mss;
}

/* ---- SYN ---- */

static bool fill_request(struct tcp_sock *t, struct tcp_request *r, const struct tcp_in *in, int dev)
{
    memset(r, 0, sizeof(*r));
    r->e.kind = TCP_KIND_REQUEST;
    r->e.family = t->e.family;
    r->e.local = *in->dst;
    r->e.remote = *in->src;
    r->e.lport = in->dport;
    r->e.rport = in->sport;
    r->e.dev = t->e.dev;
    r->dev = dev;
    r->listener = t;
    list_init(&r->link);
    list_init(&r->e.port_link);
    r->irs = in->seq;
    r->peer_window = in->win;
    r->ts_offset = tcp_ts_offset(&r->e);
    r->our_mss = mss_to(t, r);
    if (!r->our_mss)
        return false;
    r->window = MIN(t->sock.rcvbuf / 2, 65535u);
    if (r->window > r->our_mss)
        r->window -= r->window % r->our_mss;
    r->rcv_wscale = tcp_pick_wscale(t);
    return true;
}

static void take_options(struct tcp_request *r, const struct tcp_in *in)
{
    r->mss = in->o.mss ? in->o.mss : 536;
    r->wscale_on = in->o.has_wscale;
    r->snd_wscale = in->o.wscale;
    r->sack_on = in->o.sack_ok;
    r->ts_on = in->o.has_ts;
    r->ts_recent = in->o.tsval;
    /* RFC 3168 §6.1.1.1 */
    r->ecn = (in->flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR) && !in->ect && READ_ONCE(tcp_ecn);
    if (!r->wscale_on)
        r->rcv_wscale = 0;
}

static bool open_fast(struct tcp_sock *t, struct tcp_request *r, struct tcp_in *in, bool renew);

static void input_syn(struct tcp_sock *t, struct tcp_in *in, int dev, bool have_isn, uint32_t isn)
{
    struct tcp_listener *l = t->listener;
    struct tcp_request local, *r;
    bool full = l->nr_requests >= MAX(l->backlog, 8u), renew;

    if (l->nr_accept > l->backlog) { /* as Linux counts: one more than it was asked for */
        TCP_COUNT(listen_overflows);
        TCP_COUNT(listen_drops);
        return;
    }
    r = full && !have_isn ? NULL : slab_alloc(&request_cache);
    if (!r) {
        if (!fill_request(t, &local, in, dev))
            return;
        take_options(&local, in);
        tcp_cookie_make(&local);
        l->cookie_ns = clock_mono_ns();
        TCP_COUNT(syncookies_sent);
        send_syn_ack(t, &local);
        return;
    }
    if (!fill_request(t, r, in, dev)) {
        slab_free(&request_cache, r);
        TCP_COUNT(listen_drops);
        return;
    }
    take_options(r, in);
    r->iss = have_isn ? isn : tcp_isn(&r->e, clock_mono_ns());
    if (unlikely(in->len || in->o.has_fastopen) && tcp_fastopen_accepts(t, r, in, &renew) &&
        open_fast(t, r, in, renew)) {
        slab_free(&request_cache, r);
        return;
    }
    if (tcp_table_insert(&r->e, NULL)) {
        slab_free(&request_cache, r);
        return;
    }
    list_append(&l->requests, &r->link);
    l->nr_requests++;
    r->deadline = clock_mono_ns() + TCP_RTO_FIRST;
    if (l->nr_requests == 1)
        net_timer_arm(&l->timer, r->deadline);
    send_syn_ack(t, r);
}

/* ---- the third segment ---- */

static struct tcp_sock *make_child(struct tcp_sock *t, struct tcp_request *r, const struct tcp_in *in)
{
    struct tcp_sock *c = tcp_sock_new(t->sock.family, t->sock.protocol);
    uint64_t now = clock_mono_ns();

    if (!c)
        return NULL;
    /* SOL_SOCKET's options, all of them plain values */
    memcpy(&c->sock.sndbuf, &t->sock.sndbuf, sizeof(c->sock) - offsetof(struct socket, sndbuf));
    c->e.local = r->e.local;
    c->e.remote = r->e.remote;
    c->e.lport = r->e.lport;
    c->e.rport = r->e.rport;
    c->e.dev = r->e.dev;
    if (inaddr_is_linklocal6(&c->e.remote))
        c->sock.bound_dev = r->dev;
    c->opts = t->opts;
    c->opts.groups = NULL;
    c->sock.uid = t->sock.uid;
    c->nagle = t->nagle & (NAGLE_OFF | NAGLE_CORK);
    c->mss_user = t->mss_user;
    c->keep_idle_s = t->keep_idle_s;
    c->keep_interval_s = t->keep_interval_s;
    c->keep_count = t->keep_count;
    c->user_timeout_ms = t->user_timeout_ms;
    c->linger2_s = t->linger2_s;
    c->fin_timeout_ns = t->fin_timeout_ns;
    c->notsent_lowat = t->notsent_lowat;
    c->window_clamp = t->window_clamp;
    c->inq = t->inq;
    c->cc = t->cc;
    if (unlikely(t->pacer))
        tcp_pace_set(c);
    c->connecting = 2;
    if (tcp_path_find(c, false)) {
        tcp_put(c);
        return NULL;
    }
    c->rcv_nxt = c->rcv_wup = c->copied_seq = r->irs + 1;
    c->last_ack_sent = c->rcv_nxt;
    c->rcv_wnd = c->rcv_ssthresh = r->window;
    c->snd_una = c->snd_nxt = c->write_seq = r->iss + 1;
    c->snd_wl1 = in->seq;
    c->snd_wscale = r->wscale_on ? r->snd_wscale : 0;
    c->rcv_wscale = r->wscale_on ? r->rcv_wscale : 0;
    c->wscale_on = r->wscale_on;
    c->snd_wnd = c->max_wnd = (uint32_t)in->win << c->snd_wscale;
    c->sack_on = r->sack_on;
    c->ts_on = r->ts_on;
    c->ts_offset = r->ts_offset;
    c->ts_recent = r->ts_recent;
    c->ts_recent_ns = now;
    c->mss_peer = r->mss;
    if (r->ecn)
        c->ecn = ECN_ON;
    if (!r->retries && r->sent_ns)
        tcp_rtt_sample(c, now - r->sent_ns, now);
    return c;
}

/* A connection, in the table in the place of old (NULL: none), and locked. NULL: no memory, or no room. */
static struct tcp_sock *place_child(struct tcp_sock *t, struct tcp_request *r, const struct tcp_in *in,
                                    struct tcp_entry *old)
{
    struct tcp_sock *c = make_child(t, r, in);

    if (!c)
        return NULL;
    spin_lock(&c->lock);
    if (tcp_table_insert(&c->e, old)) {
        spin_unlock(&c->lock);
        tcp_put(c);
        return NULL;
    }
    tcp_port_inherit(&c->e, &t->e);
    tcp_hold(c);
    c->in_protocol = true;
    TCP_COUNT(passive_opens);
    return c;
}

/* Unlocks it, too. */
static void offer_child(struct tcp_sock *t, struct tcp_sock *c)
{
    struct tcp_listener *l = t->listener;

    spin_unlock(&c->lock);
    c->accept_next = NULL;
    *l->accept_end = c;
    l->accept_end = &c->accept_next;
    l->nr_accept++;
    socket_wake(&t->sock, EPOLLIN | EPOLLRDNORM);
}

/* The handshake is complete: a connection takes the request's place. False: no memory, or no room. */
static bool promote(struct tcp_sock *t, struct tcp_request *r, struct tcp_in *in)
{
    struct tcp_listener *l = t->listener;
    struct tcp_sock *c;

    if (l->nr_accept > l->backlog) {
        TCP_COUNT(listen_overflows);
        return false;
    }
    c = place_child(t, r, in, r->cookie ? NULL : &r->e);
    if (!c)
        return false;
    tcp_established(c);
    tcp_input_sock(c, in);
    offer_child(t, c);
    return true;
}

/* A SYN with a cookie of ours: the connection is there before its handshake is complete. */
static bool open_fast(struct tcp_sock *t, struct tcp_request *r, struct tcp_in *in, bool renew)
{
    struct tcp_sock *c = place_child(t, r, in, NULL);

    if (!c) {
        TCP_COUNT(fastopen_passive_fail);
        return false;
    }
    tcp_fastopen_child(c, t, r->iss, in, renew);
    offer_child(t, c);
    return true;
}

/* Under the listener's lock. True: done with the segment, though it may not have been good. */
static bool input_request(struct tcp_sock *t, struct tcp_request *r, struct tcp_in *in)
{
    struct tcp_listener *l = t->listener;
    bool old = r->ts_on && in->o.has_ts && seq_lt(in->o.tsval, r->ts_recent);

    if (in->flags & TH_SYN && !(in->flags & (TH_ACK | TH_RST)) && in->seq == r->irs) {
        send_syn_ack(t, r); /* ours was lost */
        return true;
    }
    if (old || seq_lt(in->end, r->irs + 1) || seq_lt(r->irs + 1 + r->window, in->seq)) {
        if (!(in->flags & TH_RST)) {
            struct tcp_reply reply = { .from = in->dst,
                                       .to = in->src,
                                       .sport = in->dport,
                                       .dport = in->sport,
                                       .seq = r->iss + 1,
                                       .ack = r->irs + 1,
                                       .win = r->window >> r->rcv_wscale,
                                       .flags = TH_ACK,
                                       .dev = r->dev };

            tcp_reply_send(&reply);
        }
        return true;
    }
    if (in->flags & (TH_RST | TH_SYN)) {
        if (in->flags & TH_SYN && !(in->flags & TH_RST))
            tcp_reset_reply(in, r->dev);
        if (in->flags & TH_SYN || in->seq == r->irs + 1) {
            drop_request(l, r);
            TCP_COUNT(attempt_fails);
        }
        return true;
    }
    if (!(in->flags & TH_ACK))
        return true;
    if (in->ack != r->iss + 1) {
        tcp_reset_reply(in, r->dev);
        return true;
    }
    if (t->defer_accept && !in->len && !(in->flags & TH_FIN) && r->retries < t->defer_accept) {
        r->acked = true; /* the program wants to see it with its first bytes */
        return true;
    }
    if (r->ts_on && in->o.has_ts && in->seq == r->irs + 1)
        r->ts_recent = in->o.tsval;
    if (promote(t, r, in))
        drop_request(l, r);
    else
        r->acked = true;
    return true;
}

bool tcp_request_input(struct tcp_entry *e, struct tcp_in *in, int dev)
{
    struct tcp_request *r = of(e);
    struct tcp_listener *l = r->listener->listener;
    bool done = false;

    spin_lock(&l->lock);
    if (!r->gone)
        done = input_request(r->listener, r, in);
    spin_unlock(&l->lock);
    return done;
}

void tcp_listen_input(struct tcp_sock *t, struct tcp_in *in, int dev, bool have_isn, uint32_t isn)
{
    struct tcp_listener *l = t->listener;
    struct tcp_request r;

    if (in->flags & TH_RST)
        return;
    spin_lock(&l->lock);
    if (l->closed) {
        tcp_reset_reply(in, dev);
    } else if (in->flags & TH_ACK) {
        if (!(in->flags & TH_SYN) && l->cookie_ns && clock_mono_ns() - l->cookie_ns < 120 * NSEC_PER_SEC &&
            fill_request(t, &r, in, dev) && tcp_cookie_check(&r, in)) {
            TCP_COUNT(syncookies_received);
            promote(t, &r, in);
        } else {
            tcp_reset_reply(in, dev);
        }
    } else if (in->flags & TH_SYN && !(in->flags & TH_FIN)) {
        input_syn(t, in, dev, have_isn, isn);
    }
    spin_unlock(&l->lock);
}

/* ---- SYN-ACKs that were not answered ---- */

static void request_timer(struct net_timer *nt)
{
    struct tcp_listener *l = container_of(nt, struct tcp_listener, timer);
    uint64_t now = clock_mono_ns(), next = TIME_NEVER;
    struct tcp_request *r, *n;

    spin_lock(&l->lock);
    list_for_each_safe (r, n, &l->requests, link) {
        if (r->deadline <= now) {
            if (r->retries >= MAX(l->owner->defer_accept, (uint8_t)SYNACK_RETRIES)) {
                drop_request(l, r);
                continue;
            }
            r->retries++;
            if (!r->acked || l->owner->defer_accept <= r->retries) {
                TCP_COUNT(retrans_segs);
                send_syn_ack(l->owner, r);
            }
            r->deadline = now + MIN(TCP_RTO_FIRST << r->retries, TCP_RTO_MAX);
        }
        next = MIN(next, r->deadline);
    }
    if (next != TIME_NEVER)
        net_timer_arm(&l->timer, next);
    spin_unlock(&l->lock);
}

/* ---- the program's side ---- */

int tcp_listen_start(struct tcp_sock *t, int backlog)
{
    struct tcp_listener *l = t->listener;

    backlog = MIN((unsigned)backlog, 4096u); /* Linux's somaxconn */
    if (l && t->state == TCP_LISTEN) {
        spin_lock(&l->lock);
        l->backlog = backlog;
        spin_unlock(&l->lock);
        return 0;
    }
    if (!l) {
        l = kzalloc(sizeof(*l));
        if (!l)
            return -ENOMEM;
        spin_init(&l->lock, RANK_SOCKET_LISTEN);
        net_timer_init(&l->timer, request_timer);
        list_init(&l->requests);
        l->owner = t;
        t->listener = l;
    }
    l->accept_first = NULL;
    l->accept_end = &l->accept_first;
    l->nr_accept = 0;
    l->backlog = backlog;
    l->closed = false;
    if ((tcp_fastopen & (FO_SERVER | FO_SERVER_ALL)) == (FO_SERVER | FO_SERVER_ALL) && !t->fastopen_qlen) {
        tcp_fastopen_key_once();
        t->fastopen_qlen = backlog;
    }
    return 0;
}

/* No more connections: those that nobody accepted are reset. */
void tcp_listen_stop(struct tcp_sock *t)
{
    struct tcp_listener *l = t->listener;
    struct tcp_request *r, *n;
    struct tcp_sock *c;

    spin_lock(&l->lock);
    l->closed = true;
    net_timer_cancel(&l->timer);
    list_for_each_safe (r, n, &l->requests, link)
        drop_request(l, r);
    c = l->accept_first;
    l->accept_first = NULL;
    l->accept_end = &l->accept_first;
    l->nr_accept = 0;
    spin_unlock(&l->lock);
    while (c) {
        struct tcp_sock *next = c->accept_next;

        spin_lock(&c->lock);
        c->dead = true;
        if (c->state != TCP_CLOSE) {
            tcp_send_reset(c);
            tcp_done(c);
        } else {
            tcp_rx_purge(c);
        }
        spin_unlock(&c->lock);
        if (c->e.port)
            tcp_port_release(&c->e);
        tcp_put(c);
        c = next;
    }
}

void tcp_listener_free(struct tcp_listener *l)
{
    if (!l)
        return;
    net_timer_stop(&l->timer);
    kfree(l);
}

bool tcp_accept_ready(struct tcp_sock *t)
{
    return t->listener && READ_ONCE(t->listener->accept_first);
}

int tcp_accept(struct tcp_sock *t, struct tcp_sock **child)
{
    struct tcp_listener *l = t->listener;
    struct tcp_sock *c;

    spin_lock(&l->lock);
    c = l->accept_first;
    if (c) {
        l->accept_first = c->accept_next;
        if (!l->accept_first)
            l->accept_end = &l->accept_first;
        l->nr_accept--;
    }
    spin_unlock(&l->lock);
    *child = c;
    return c ? 0 : -EAGAIN;
}

uint32_t tcp_accept_queue(struct tcp_sock *t, uint32_t *max)
{
    *max = t->listener ? t->listener->backlog : 0;
    return t->listener ? t->listener->nr_accept : 0;
}
