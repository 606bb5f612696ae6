/* SPDX-License-Identifier: BSD-2-Clause */
/* ack.c: what an acknowledgement says: the window, what arrived, the round trip; then recovery.c and cong.c decide. */
#include "net/tcp/cong.h"
#include "net/tcp/tcp_sock.h"

/* n bytes of s, from its front, arrived. */
static void account(struct tcp_sock *t, struct tcp_seg *s, uint32_t n, struct ack_info *a, uint64_t now)
{
    if (s->flags & SEG_SACKED) {
        t->sacked -= n;
    } else {
        t->delivered += n;
        a->acked += n;
        if (s->flags & SEG_EVER_RETRANS) {
            a->retrans_acked = true;
        } else {
            a->orig_acked = true;
            if (!a->first_sent_ns)
                a->first_sent_ns = s->sent_ns;
            if (seq_lt(seg_end(s), t->fack) && t->sack_on)
                a->reordered = true;
        }
        if (s->delivered >= a->last_delivered) {
            a->last_delivered = s->delivered;
            a->last_delivered_ns = s->delivered_ns;
        }
        tcp_rack_delivered(t, s, now);
    }
    if (s->flags & SEG_LOST)
        t->lost -= n;
    if (s->flags & SEG_RETRANS)
        t->retrans -= n;
}

/* Takes what is acknowledged off the queue. */
static void clean(struct tcp_sock *t, uint32_t ack, struct ack_info *a, uint64_t now)
{
    struct tcp_seg *s;

    while ((s = t->first) && s != t->unsent) {
        uint32_t end = seg_end(s);

        if (seq_lt(ack, end)) {
            if (seq_lt(s->seq, ack)) { /* a part of several segments that went as one */
                uint32_t n = ack - s->seq;

                account(t, s, n, a, now);
                tcp_seg_trim_front(t, s, n);
            }
            break;
        }
        account(t, s, end - s->seq, a, now);
        tcp_seg_unlink(t, s);
        tcp_seg_free(s);
    }
    if (seq_lt(t->fack, ack))
        t->fack = ack;
}

static __noinline void new_window(struct tcp_sock *t, uint32_t win)
{
    t->snd_wnd = win;
    if (win > t->max_wnd) {
        bool limits = t->max_wnd / 2 <= t->mss; /* segments were to be no larger than half of it */

        t->max_wnd = win;
        if (limits)
            tcp_path_mss(t);
    }
}

static inline void update_window(struct tcp_sock *t, const struct tcp_in *in)
{
    uint32_t win = (uint32_t)in->win << t->snd_wscale;

    if (!(seq_lt(t->snd_una, in->ack) || seq_lt(t->snd_wl1, in->seq) ||
          (t->snd_wl1 == in->seq && (win > t->snd_wnd || !win))))
        return;
    t->snd_wl1 = in->seq;
    if (win != t->snd_wnd)
        new_window(t, win);
}

/* Delivery rate (draft-cheng-iccrg-delivery-rate-estimation): bytes between two points over the longer of the two times. */
static inline void sample_rate(struct tcp_sock *t, uint64_t delivered, uint64_t delivered_ns, uint64_t now)
{
    uint64_t took = MAX(now - delivered_ns, 1ull);

    t->delivered_ns = now;
    if (!delivered_ns || took < t->min_rtt_ns)
        return;
    t->rate_bytes = t->delivered - delivered;
    t->rate_ns = took;
}

static void sample_rtt(struct tcp_sock *t, const struct tcp_in *in, struct ack_info *a)
{
    if (a->first_sent_ns && !a->retrans_acked)
        a->rtt_ns = MAX(in->now - a->first_sent_ns, 1ull);
    else if (in->o.has_ts && t->ts_on && in->o.tsecr) {
        uint32_t ms = tcp_clock_ms(in->now) + t->ts_offset - in->o.tsecr;

        if (ms < 100000)
            a->rtt_ns = MAX(ms, 1u) * NSEC_PER_MS;
    }
    if (a->rtt_ns) {
        tcp_rtt_sample(t, a->rtt_ns, in->now);
        t->backoff = 0;
    }
}

/* Nothing was under way and nothing is new: the usual case of whoever mostly receives. */
static void nothing_new(struct tcp_sock *t, const struct tcp_in *in)
{
    update_window(t, in);
    t->last_ack_rcv_ns = in->now;
    t->probes = 0;
    if (unlikely(t->timer_kind == TT_ZERO_WINDOW)) {
        t->backoff = 0;
        if (!t->unsent || seq_le(seg_end(t->unsent), t->snd_una + t->snd_wnd))
            tcp_timer_set(t, TT_NONE, 0);
    }
}

/* A window that is used grows. */
static __noinline void window_used(struct tcp_sock *t, uint32_t acked, uint32_t prior_flight, uint64_t rtt,
                                   uint64_t now)
{
    struct ack_info a = { .acked = acked, .prior_flight = prior_flight, .rtt_ns = rtt };

    cc_on_ack(t, acked, &a, now);
}

/* All of the first segment, which was sent once, and no more: an answer to what was asked. */
static inline void first_arrived(struct tcp_sock *t, const struct tcp_in *in, struct tcp_seg *s)
{
    uint32_t n = in->ack - t->snd_una, flight = t->snd_nxt - t->snd_una;
    uint64_t rtt = MAX(in->now - s->sent_ns, 1ull);

    t->last_ack_rcv_ns = in->now;
    update_window(t, in);
    t->delivered += n;
    t->bytes_acked += n;
    t->fack = t->snd_una = in->ack;
    tcp_rack_delivered(t, s, in->now);
    t->retries = t->backoff = 0;
    t->first_retry_ns = 0;
    tcp_rtt_sample(t, rtt, in->now);
    sample_rate(t, s->delivered, s->delivered_ns, in->now);
    t->first = s->next;
    if (s->next)
        s->next->prev = NULL;
    else
        t->last = NULL;
    t->wmem -= s->truesize;
    tcp_mem_add(-(int64_t)s->truesize);
    tcp_seg_free(s);
    if (unlikely(t->cwnd_limited || (t->cwnd < t->ssthresh && 2 * flight > t->cwnd)))
        window_used(t, n, flight, rtt, in->now);
    if (t->snd_una == t->snd_nxt) {
        t->timer_kind = TT_NONE;
        t->rto_deadline = 0;
    } else {
        tcp_arm(t, in->now);
    }
    if (unlikely(t->nospace))
        tcp_write_space(t);
}

void tcp_ack_expected(struct tcp_sock *t, struct tcp_in *in)
{
    struct tcp_seg *s = t->first;

    if (in->ack == t->snd_una && s == t->unsent)
        nothing_new(t, in);
    else if (likely(s->sends == 1 && s->seq == t->snd_una && in->ack == seg_end(s)))
        first_arrived(t, in, s);
    else
        tcp_ack(t, in);
}

int tcp_ack(struct tcp_sock *t, struct tcp_in *in)
{
    struct ack_info a = { 0 };
    uint64_t now = in->now;
    uint32_t prior_una = t->snd_una;
    uint32_t win = (uint32_t)in->win << t->snd_wscale;
    bool advances = seq_lt(t->snd_una, in->ack);

    if (seq_lt(in->ack, t->snd_una)) {
        if (seq_lt(in->ack, t->snd_una - MAX(t->max_wnd, 65535u))) { /* RFC 5961 §5.2 */
            tcp_challenge_ack(t);
            return ACK_BAD;
        }
        if (!in->o.nr_sacks || !t->sack_on)
            return ACK_OLD;
    } else if (seq_lt(t->snd_nxt, in->ack)) {
        return ACK_BAD;
    }
    if (t->first == t->unsent && !advances) {
        nothing_new(t, in);
        return ACK_OK;
    }
    a.prior_flight = tcp_flight(t);
    t->last_ack_rcv_ns = now;
    a.dup = !advances && in->ack == t->snd_una && !in->len && !(in->flags & (TH_FIN | TH_SYN)) &&
            win == t->snd_wnd;
    a.ece = (t->ecn & ECN_ON) && (in->flags & TH_ECE);
    if (!seq_lt(in->ack, t->snd_una))
        update_window(t, in);
    if (unlikely(in->o.nr_sacks) && t->sack_on)
        tcp_sack(t, in, &a);
    if (advances) {
        t->bytes_acked += in->ack - t->snd_una;
        clean(t, in->ack, &a, now);
        t->snd_una = in->ack;
        a.new_data = true;
        t->retries = 0;
        t->first_retry_ns = 0;
        if (t->urgent_out && seq_le(t->snd_up, in->ack))
            t->urgent_out = false;
        sample_rtt(t, in, &a);
    }
    if (a.acked || a.sacked)
        sample_rate(t, a.last_delivered, a.last_delivered_ns, now);
    if (unlikely(t->tlp_out))
        tcp_tlp_ack(t, in, &a);
    if (likely(t->ca_state == CA_OPEN && !t->sacked && !t->lost && !a.dup && !a.ece)) {
        if (a.acked)
            cc_on_ack(t, a.acked, &a, now);
    } else {
        tcp_recovery(t, in, &a);
    }
    if (a.new_data) {
        tcp_arm(t, now);
        if (t->nospace)
            tcp_write_space(t);
    } else if (t->timer_kind == TT_NONE && t->snd_una != t->snd_nxt) {
        tcp_rto_arm(t, now);
    }
    if (unlikely(t->ca_state >= CA_RECOVERY || t->lost))
        tcp_retransmit_lost(t);
    return seq_lt(in->ack, prior_una) ? ACK_OLD : ACK_OK;
}
