/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c: arriving segments: whose they are, whether they are acceptable, and what they do in each state (RFC 9293 §3.10.7). */
#include "net/redirect.h"
#include "net/tcp/fastopen.h"

#define PAWS_DAYS_NS (24ull * 24 * 3600 * NSEC_PER_SEC)

/* ---- SYN_SENT ---- */

static void connected(struct tcp_sock *t, struct tcp_in *in)
{
    uint64_t now = in->now;

    t->rcv_nxt = t->rcv_wup = t->copied_seq = in->seq + 1;
    t->bytes_acked = 1;
    t->snd_una = t->snd_nxt = in->ack;
    t->snd_wl1 = in->seq;
    t->snd_wnd = t->max_wnd = in->win; /* in a SYN it is not scaled */
    t->mss_peer = in->o.mss ? in->o.mss : 536;
    t->sack_on = in->o.sack_ok;
    t->wscale_on = in->o.has_wscale;
    if (in->o.has_wscale)
        t->snd_wscale = in->o.wscale;
    else
        t->rcv_wscale = 0;
    if (unlikely(t->fo))
        tcp_fastopen_synack(t, in);
    t->ts_on = in->o.has_ts;
    if (t->ts_on) {
        t->ts_recent = in->o.tsval;
        t->ts_recent_ns = now;
    }
    if ((in->flags & (TH_ECE | TH_CWR)) == TH_ECE && t->ecn & ECN_WANTED)
        t->ecn |= ECN_ON;
    if (!t->undo_retrans)
        tcp_rtt_sample(t, now - t->last_snd_ns, now);
    t->undo_retrans = 0;
    t->retries = t->backoff = 0;
    t->soft_err = 0;
    tcp_timer_set(t, TT_NONE, 0);
    tcp_established(t);
    if (unlikely(in->len && t->fo & FO_ASK))
        tcp_fastopen_data(t, in);
    socket_wake(&t->sock, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    if (t->unsent)
        tcp_push(t);
    if (t->snd_nxt == t->snd_una)
        tcp_send_ack(t);
}

static void input_syn_sent(struct tcp_sock *t, struct tcp_in *in, int dev)
{
    uint32_t isn = t->snd_una;

    if (in->flags & TH_ACK) {
        if (!seq_lt(isn, in->ack) || seq_lt(t->snd_nxt, in->ack) ||
            (in->o.has_ts && in->o.tsecr && in->o.tsecr - t->ts_offset > tcp_clock_ms(clock_mono_ns()) &&
             in->o.tsecr - t->ts_offset - tcp_clock_ms(clock_mono_ns()) < 0x80000000u)) {
            tcp_reset_reply(in, dev);
            return;
        }
        if (in->flags & TH_RST) {
            tcp_abort(t, -ECONNREFUSED);
            return;
        }
        if (in->flags & TH_SYN)
            connected(t, in);
        return;
    }
    if (in->flags & TH_RST || !(in->flags & TH_SYN))
        return;
    /* Both open at once (§3.5, figure 8): SYN is answered by SYN and ACK, and whose ACK comes is connected. */
    t->rcv_nxt = t->rcv_wup = t->copied_seq = in->seq + 1;
    t->snd_wl1 = in->seq;
    t->snd_wnd = t->max_wnd = in->win;
    t->mss_peer = in->o.mss ? in->o.mss : 536;
    t->sack_on = in->o.sack_ok;
    t->wscale_on = in->o.has_wscale;
    if (in->o.has_wscale)
        t->snd_wscale = in->o.wscale;
    else
        t->rcv_wscale = 0;
    t->ts_on = in->o.has_ts;
    t->ts_recent = in->o.tsval;
    t->ts_recent_ns = clock_mono_ns();
    if ((in->flags & (TH_ECE | TH_CWR)) == (TH_ECE | TH_CWR) && t->ecn & ECN_WANTED)
        t->ecn |= ECN_ON;
    tcp_set_state(t, TCP_SYN_RECV);
    tcp_send_syn_ack(t);
}

/* ---- synchronised states ---- */

static bool paws_rejects(struct tcp_sock *t, const struct tcp_in *in)
{
    return t->ts_on && in->o.has_ts && seq_lt(in->o.tsval, t->ts_recent) && !(in->flags & TH_RST) &&
           in->now - t->ts_recent_ns < PAWS_DAYS_NS;
}

/* At most two of these a second for one connection, or two ends that disagree would talk for ever. */
static void answer_unacceptable(struct tcp_sock *t)
{
    uint64_t now = clock_mono_ns();

    if (now - t->last_challenge_ns < 500 * NSEC_PER_MS && t->last_challenge_ns)
        return;
    t->last_challenge_ns = now;
    tcp_send_ack(t);
}

/* The SYN that we answered already, by a connection, came again. */
static bool syn_again(struct tcp_sock *t, const struct tcp_in *in)
{
    if (!(t->fo & FO_PASSIVE) || (in->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN || in->seq != t->irs)
        return false;
    tcp_send_syn_ack(t);
    return true;
}

static bool acceptable(struct tcp_sock *t, struct tcp_in *in)
{
    uint32_t window_end = t->rcv_wup + t->rcv_wnd;
    bool passive;

    if (seq_lt(window_end, t->rcv_nxt))
        window_end = t->rcv_nxt;
    if (unlikely(paws_rejects(t, in))) {
        TCP_COUNT(paws_estab);
        if (!(in->flags & TH_RST))
            answer_unacceptable(t);
        return false;
    }
    if (unlikely(seq_lt(in->end, t->rcv_wup) || seq_lt(window_end, in->seq))) {
        if (in->flags & TH_RST || syn_again(t, in))
            return false;
        if (seq_lt(in->end, t->rcv_nxt) && in->len && t->sack_on) {
            t->dsack.start = in->seq;
            t->dsack.end = in->end;
        }
        /* A probe of a shut window, or data sent twice, deserves its answer always. */
        if (in->len || in->seq == t->rcv_nxt - 1)
            tcp_send_ack(t);
        else
            answer_unacceptable(t);
        return false;
    }
    if (unlikely(in->flags & TH_RST)) {
        if (in->seq != t->rcv_nxt) { /* RFC 5961 §3.2 */
            tcp_challenge_ack(t);
            return false;
        }
        passive = t->fo & FO_PASSIVE;
        if (passive)
            tcp_fastopen_left(t, true);
        tcp_abort(t, t->state == TCP_CLOSE_WAIT             ? -EPIPE
                     : t->state == TCP_SYN_RECV && !passive ? -ECONNREFUSED
                                                            : -ECONNRESET);
        return false;
    }
    if (unlikely(in->flags & TH_SYN)) { /* RFC 5961 §4.2 */
        if (t->state == TCP_SYN_RECV && in->flags & TH_ACK && in->seq == t->rcv_nxt - 1)
            return true;
        if (!syn_again(t, in))
            tcp_challenge_ack(t);
        return false;
    }
    return in->flags & TH_ACK;
}

/* Our FIN has arrived. False: the connection is over. */
static bool fin_acknowledged(struct tcp_sock *t)
{
    switch (t->state) {
    case TCP_FIN_WAIT1:
        tcp_set_state(t, TCP_FIN_WAIT2);
        dst_confirm(&t->dst);
        if (t->dead) {
            if (t->linger2_s < 0) {
                tcp_done(t);
                return false;
            }
            t->keep_deadline = clock_mono_ns() + t->fin_timeout_ns;
            tcp_timer_update(t);
        }
        socket_wake(&t->sock, EPOLLOUT | EPOLLWRNORM);
        return true;
    case TCP_CLOSING:
        tcp_time_wait(t);
        return false;
    case TCP_LAST_ACK:
        tcp_done(t);
        return false;
    default:
        return true;
    }
}

static void ecn_input(struct tcp_sock *t, const struct tcp_in *in)
{
    if (in->flags & TH_CWR) {
        t->ecn &= ~ECN_ECHO;
        if (in->len) /* it may be all that the sender's window allowed */
            t->ack_now = 1;
    }
    if (!in->len)
        return;
    if (in->ce) {
        if (!(t->ecn & ECN_ECHO))
            t->ack_now = 1;
        t->ecn |= ECN_ECHO | ECN_SEEN;
    } else if (in->ect) {
        t->ecn |= ECN_SEEN;
    } else if (t->ecn & ECN_SEEN) { /* sent once more: its sender waits */
        t->quick_acks = MAX(t->quick_acks, 2);
    }
}

static void input_synchronised(struct tcp_sock *t, struct tcp_in *in)
{
    int a;

    if (!acceptable(t, in))
        return;
    if (unlikely(t->state == TCP_SYN_RECV)) {
        if (!seq_lt(t->snd_una, in->ack) || seq_lt(t->snd_nxt, in->ack)) {
            tcp_reset_reply(in, 0);
            return;
        }
        if (t->fo & FO_PASSIVE && !t->retries && t->snd_nxt == in->ack)
            tcp_rtt_sample(t, in->now - t->last_snd_ns, in->now);
        t->snd_una++; /* our SYN; what was sent behind it, tcp_ack() sees to */
        t->snd_wnd = t->max_wnd = (uint32_t)in->win << t->snd_wscale;
        t->retries = t->backoff = 0;
        tcp_timer_set(t, TT_NONE, 0);
        tcp_established(t);
        socket_wake(&t->sock, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
        if (t->shutdown & 2) {
            tcp_set_state(t, TCP_FIN_WAIT1);
            tcp_queue_fin(t);
        }
    }
    a = tcp_ack(t, in);
    if (unlikely(a == ACK_BAD)) {
        if (seq_lt(t->snd_nxt, in->ack))
            tcp_challenge_ack(t);
        return;
    }
    if (in->o.has_ts && t->ts_on && !seq_lt(t->last_ack_sent, in->seq) &&
        !seq_lt(in->o.tsval, t->ts_recent)) {
        t->ts_recent = in->o.tsval;
        t->ts_recent_ns = in->now;
    }
    if (unlikely(t->fin_queued && t->snd_una == t->write_seq && !fin_acknowledged(t)))
        return;
    if (unlikely(t->ecn & ECN_ON))
        ecn_input(t, in);
    if (unlikely(in->flags & TH_URG || t->urg_state == TCP_URG_COMING))
        tcp_urgent(t, in);
    if (in->len || in->flags & TH_FIN) {
        uint32_t before = t->rcv_nxt;

        if (unlikely(t->dead && in->len && seq_lt(t->rcv_nxt, in->seq + in->len))) {
            /* Nobody will ever read this: the peer must know (RFC 9293 §3.6.1). */
            TCP_COUNT(abort_on_data);
            tcp_send_reset(t);
            tcp_done(t);
            return;
        }
        if (STATE_IN(t, 1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2)) {
            tcp_receive_data(t, in);
        } else if (!seq_lt(t->rcv_nxt, in->end)) {
            t->ack_now = 1; /* their FIN once more */
        }
        if (t->state == TCP_CLOSE)
            return;
        if (t->unsent)
            tcp_push(t);
        if (t->rcv_nxt != before || t->ack_now) {
            if (t->ack_now)
                tcp_send_ack(t);
            else if (t->rcv_nxt != t->last_ack_sent)
                tcp_ack_soon(t, in->now);
        }
        return;
    }
    if (t->unsent)
        tcp_push(t);
}

/* ---- header prediction: what nearly all segments are ---- */

/* The next bytes in order, or an ACK of new ones, and nothing that is to be looked at besides. */
static inline bool expected(const struct tcp_sock *t, const struct tcp_in *in)
{
    return t->state == TCP_ESTABLISHED && !(t->special | t->sacked | t->lost | t->retrans) && !t->ooo_first &&
           (in->flags & ~TH_PSH) == TH_ACK && in->seq == t->rcv_nxt && !in->o.nr_sacks &&
           in->o.has_ts == t->ts_on && (!t->ts_on || !seq_lt(in->o.tsval, t->ts_recent)) &&
           in->ack - t->snd_una <= t->snd_nxt - t->snd_una &&
           in->len <= t->rcv_wup + t->rcv_wnd - t->rcv_nxt && (in->len || in->ack != t->snd_una);
}

static void input_expected(struct tcp_sock *t, struct tcp_in *in)
{
    tcp_ack_expected(t, in);
    if (t->last_ack_sent == in->seq && in->o.has_ts) {
        t->ts_recent = in->o.tsval;
        t->ts_recent_ns = in->now;
    }
    if (in->len)
        tcp_receive_data(t, in);
    if (t->unsent)
        tcp_push(t);
    if (!in->len)
        return;
    if (unlikely(t->ack_now))
        tcp_send_ack(t);
    else if (t->rcv_nxt != t->last_ack_sent)
        tcp_ack_soon(t, in->now);
}

void tcp_input_sock(struct tcp_sock *t, struct tcp_in *in)
{
    t->segs_in += in->p->gso_segs ? in->p->gso_segs : 1;
    if (likely(expected(t, in)))
        input_expected(t, in);
    else if (unlikely(t->state == TCP_SYN_SENT))
        input_syn_sent(t, in, 0);
    else
        input_synchronised(t, in);
}

/* ---- from IP ---- */

static __always_inline bool parse(struct tcp_in *in, struct pktbuf *p, const struct ip_rx *r)
{
    const struct tcp_header *h;
    unsigned header_len;

    if (p->total < sizeof(*h) || !pktbuf_pull_linear(p, sizeof(*h)))
        return false;
    h = (const struct tcp_header *)p->data;
    header_len = (h->doff >> 4) * 4;
    if (header_len < sizeof(*h) || header_len > p->total || !pktbuf_pull_linear(p, header_len))
        return false;
    if (!ip_checksum_ok(p, &r->src, &r->dst, IPPROTO_TCP)) {
        TCP_COUNT(in_csum_errors);
        return false;
    }
    h = (const struct tcp_header *)p->data;
    in->now = clock_mono_ns();
    in->p = p;
    in->src = &r->src;
    in->dst = &r->dst;
    in->sport = be16(h->sport);
    in->dport = be16(h->dport);
    in->seq = be32(h->seq);
    in->ack = be32(h->ack);
    in->flags = h->flags;
    in->win = be16(h->window);
    in->urg = be16(h->urgent);
    in->ce = (r->tos & 3) == 3;
    in->ect = r->tos & 3;
    memset(&in->o, 0, offsetof(struct tcp_opts, fastopen));
    /* what nearly all segments have: NOP, NOP, time stamps */
    if (likely(header_len == sizeof(*h) + TCP_TS_LEN && get_be32(h + 1) == TCP_TS_WORD)) {
        in->o.has_ts = true;
        in->o.tsval = get_be32((const uint8_t *)h + 24);
        in->o.tsecr = get_be32((const uint8_t *)h + 28);
    } else if (unlikely(header_len != sizeof(*h))) {
        tcp_parse_options((const uint8_t *)h, header_len, h->flags & TH_SYN, &in->o);
    }
    pktbuf_pull(p, header_len);
    in->len = p->total;
    in->end = in->seq + in->len + !!(in->flags & TH_SYN) + !!(in->flags & TH_FIN);
    return true;
}

/* False: it left the table meanwhile. */
static __always_inline bool to_connection(struct tcp_sock *t, struct tcp_in *in)
{
    int owner = 0;
    bool open;

    spin_lock(&t->lock);
    open = t->state != TCP_CLOSE;
    if (likely(open))
        tcp_input_sock(t, in);
    if (unlikely(in->flags & TH_URG)) {
        owner = t->urg_owner;
        t->urg_owner = 0;
    }
    spin_unlock(&t->lock);
    if (unlikely(owner))
        socket_host->sigurg(owner);
    return open;
}

static void deliver(struct tcp_in *in, int dev)
{
    uint32_t isn = 0;
    bool have_isn = false;
    struct tcp_sock *l;

    for (unsigned tries = 0; tries < 4; tries++) {
        struct tcp_entry *e = tcp_table_find(in->dst, in->dport, in->src, in->sport, dev);

        if (!e)
            break;
        if (likely(e->kind == TCP_KIND_SOCK)) {
            if (likely(to_connection(tcp_of_entry(e), in)))
                return;
        } else if (e->kind == TCP_KIND_REQUEST) {
            if (tcp_request_input(e, in, dev))
                return;
        } else {
            if (!tcp_timewait_input(e, in, &isn))
                return;
            have_isn = true;
            break;
        }
    }
    l = tcp_listen_find(in, dev);
    if (l)
        tcp_listen_input(l, in, dev, have_isn, isn);
    else
        tcp_reset_reply(in, dev);
}

static __noinline bool tcp_input(struct pktbuf *p, const struct ip_rx *r)
{
    struct tcp_in in;

    TCP_COUNT(in_segs);
    if (unlikely(r->kind != KIND_LOCAL || !parse(&in, p, r))) {
        TCP_COUNT(in_errs);
        pktbuf_free(p);
        return true;
    }
    rcu_read_lock();
    deliver(&in, r->dev ? r->dev->index : 0);
    rcu_read_unlock();
    if (in.p)
        pktbuf_free(in.p);
    return true;
}

/* To a connection whose packets go where this one came from, and whose address is still ours. */
static bool tcp_early(struct pktbuf *p, const struct ip_rx *r)
{
    const struct tcp_header *h = (const struct tcp_header *)p->data;
    struct tcp_entry *e;
    struct tcp_sock *t;
    struct tcp_in in;

    if (unlikely(p->len < sizeof(*h)))
        return false;
    e = tcp_table_find(&r->dst, be16(h->dport), &r->src, be16(h->sport), r->dev->index);
    if (unlikely(!e || e->kind != TCP_KIND_SOCK))
        return false;
    t = tcp_of_entry(e);
    if (unlikely(!ip_fixed_valid(&t->fixed) || t->dst.dev != r->dev))
        return false;
    TCP_COUNT(in_segs);
    if (unlikely(!parse(&in, p, r))) {
        TCP_COUNT(in_errs);
        pktbuf_free(p);
        return true;
    }
    if (unlikely(!to_connection(t, &in)))
        deliver(&in, r->dev->index);
    if (in.p)
        pktbuf_free(in.p);
    return true;
}

/* ---- ICMP ---- */

/* RFC 5927: only about what is really under way; and it ends nothing but an attempt to connect. */
static void tcp_error(const struct ip_error *err)
{
    uint16_t lport = get_be16(err->transport), rport = get_be16(err->transport + 2);
    uint32_t seq = get_be32(err->transport + 4);
    struct tcp_entry *e = tcp_table_find(&err->src, lport, &err->dst, rport, err->dev ? err->dev->index : 0);
    struct tcp_sock *t;

    if (!e || e->kind != TCP_KIND_SOCK)
        return;
    t = tcp_of_entry(e);
    spin_lock(&t->lock);
    if (t->state == TCP_CLOSE || seq_lt(seq, t->snd_una) ||
        seq_lt(t->state == TCP_SYN_SENT ? t->snd_una : t->snd_nxt, seq)) {
        spin_unlock(&t->lock);
        return;
    }
    if (!err->err) {
        redirect_accept(err);
    } else if (err->err == EMSGSIZE) {
        /* the new size is noted for all, taken over here, and what was too large sent again in smaller pieces */
        uint32_t old = t->mss;

        if (err->mtu)
            pmtu_update(&err->dst, err->mtu);
        if (!dst_lookup(&t->dst, &t->flow)) {
            t->mtu = t->dst.mtu;
            tcp_path_mss(t);
        }
        if (t->mss < old && t->state != TCP_SYN_SENT) {
            tcp_mark_head_lost(t);
            tcp_retransmit_lost(t);
        }
    } else if (t->state == TCP_SYN_SENT) {
        tcp_abort(t, -err->err);
    } else {
        t->soft_err = -err->err;
    }
    spin_unlock(&t->lock);
}

const struct ip_protocol tcp_protocol = {
    .number = IPPROTO_TCP, .early = tcp_early, .input = tcp_input, .error = tcp_error
};
