/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recovery.c: SACK's scoreboard (RFC 2018, 6675), fast recovery by proportional rate reduction (RFC 6937), without SACK
 * NewReno (RFC 6582), after time-outs (RFC 5681), and back when they were spurious (Eifel, RFC 3522, and D-SACK).
 *
 * Bytes in flight: snd_nxt - snd_una - sacked - lost + retrans. A segment is LOST until it arrives; RETRANS while its
 * retransmission is under way. Without SACK, sacked stands for the duplicate ACKs that came.
 */
#include "net/tcp/cong.h"
#include "net/tcp/tcp_sock.h"

static uint32_t size_of(const struct tcp_seg *s)
{
    return seg_end(s) - s->seq;
}

void tcp_mark_lost(struct tcp_sock *t, struct tcp_seg *s)
{
    if (s->flags & SEG_SACKED)
        return;
    if (s->flags & SEG_RETRANS) { /* lost once more */
        s->flags &= ~SEG_RETRANS;
        t->retrans -= size_of(s);
    }
    if (!(s->flags & SEG_LOST)) {
        s->flags |= SEG_LOST;
        t->lost += size_of(s);
    }
}

/* The first segment, of one MSS. */
void tcp_mark_head_lost(struct tcp_sock *t)
{
    struct tcp_seg *s = t->first;

    if (!s || s == t->unsent)
        return;
    if (s->len > t->mss && tcp_seg_split(t, s, t->mss))
        return;
    tcp_mark_lost(t, s);
}

bool tcp_retransmit(struct tcp_sock *t, struct tcp_seg *s)
{
    uint32_t flight = tcp_flight(t), room = t->cwnd > flight ? t->cwnd - flight : 0;
    uint32_t most = MIN(MAX(room / t->mss, 1u) * t->mss, MAX(t->gso_max, t->mss));

    if (s->len > most && tcp_seg_split(t, s, most))
        return false;
    if (tcp_send_seg(t, s) == -ENOBUFS)
        return false;
    if (!t->ts_first_retrans)
        t->ts_first_retrans = (tcp_clock_ms(s->sent_ns) + t->ts_offset) | 1;
    if (!(s->flags & SEG_RETRANS))
        t->retrans += size_of(s);
    s->flags |= SEG_RETRANS | SEG_EVER_RETRANS;
    t->prr_out += s->len;
    t->undo_retrans++;
    t->bytes_retrans += s->len;
    t->total_retrans += (s->len + t->mss - 1) / t->mss;
    TCP_COUNT(retrans_segs);
    return true;
}

void tcp_retransmit_lost(struct tcp_sock *t)
{
    struct tcp_seg *s, *next;

    if (!t->lost)
        return;
    for (s = t->first; s && s != t->unsent; s = next) {
        if ((s->flags & (SEG_LOST | SEG_RETRANS | SEG_SACKED)) == SEG_LOST) {
            if (tcp_flight(t) >= t->cwnd || !tcp_retransmit(t, s))
                break;
            if (t->timer_kind != TT_RTO)
                tcp_rto_arm(t, s->sent_ns);
        }
        next = s->next;
    }
}

/* ---- the scoreboard ---- */

static void sacked(struct tcp_sock *t, struct tcp_seg *s, struct ack_info *a, uint64_t now)
{
    uint32_t n = size_of(s);

    s->flags |= SEG_SACKED;
    t->sacked += n;
    t->delivered += n;
    a->sacked += n;
    if (s->flags & SEG_LOST) {
        s->flags &= ~SEG_LOST;
        t->lost -= n;
    }
    if (s->flags & SEG_RETRANS) {
        s->flags &= ~SEG_RETRANS;
        t->retrans -= n;
    }
    if (!(s->flags & SEG_EVER_RETRANS)) {
        a->orig_acked = true;
        if (seq_lt(seg_end(s), t->fack))
            a->reordered = true;
    }
    if (s->delivered >= a->last_delivered) {
        a->last_delivered = s->delivered;
        a->last_delivered_ns = s->delivered_ns;
    }
    tcp_rack_delivered(t, s, now);
    t->fack = seq_max(t->fack, seg_end(s));
}

static void apply_block(struct tcp_sock *t, struct sack_block b, struct ack_info *a, uint64_t now)
{
    struct tcp_seg *s;

    for (s = t->first; s && s != t->unsent && seq_lt(s->seq, b.end); s = s->next) {
        if (seq_le(seg_end(s), b.start) || s->flags & SEG_SACKED)
            continue;
        /* Segments that went as one are taken apart where the block begins and ends. */
        if (seq_lt(s->seq, b.start)) {
            if (b.start - s->seq >= s->len || tcp_seg_split(t, s, b.start - s->seq))
                continue;
            continue; /* the other part comes next */
        }
        if (seq_lt(b.end, seg_end(s))) {
            uint32_t n = b.end - s->seq;

            if (n >= s->len || tcp_seg_split(t, s, n))
                continue;
        }
        sacked(t, s, a, now);
    }
}

/* RFC 2883: the first block tells of bytes that arrived twice. */
static bool is_dsack(const struct tcp_in *in)
{
    const struct sack_block *b = in->o.sacks;

    if (seq_lt(b[0].start, in->ack))
        return true;
    return in->o.nr_sacks > 1 && seq_le(b[1].start, b[0].start) && seq_le(b[0].end, b[1].end);
}

void tcp_sack(struct tcp_sock *t, const struct tcp_in *in, struct ack_info *a)
{
    unsigned i = 0;

    if (is_dsack(in)) {
        a->dsack = true;
        t->dsack_dups++;
        t->rack_dsack = true;
        if (t->undo_retrans)
            t->undo_retrans--;
        i = 1;
    }
    for (; i < in->o.nr_sacks; i++) {
        struct sack_block b = in->o.sacks[i];

        if (seq_lt(b.start, b.end) && seq_lt(t->snd_una, b.end) && seq_le(b.end, t->snd_nxt) &&
            !seq_lt(b.start, t->snd_una - MAX(t->max_wnd, 65535u)))
            apply_block(t, b, a, in->now);
    }
    if (a->sacked)
        a->dup = true;
}

/* ---- states ---- */

static void save_for_undo(struct tcp_sock *t)
{
    t->prior_cwnd = t->cwnd;
    t->prior_ssthresh = t->ssthresh;
    t->undo_possible = true;
    t->ts_first_retrans = 0;
    t->undo_retrans = 0;
}

static void undo(struct tcp_sock *t)
{
    struct tcp_seg *s;

    for (s = t->first; s && s != t->unsent; s = s->next)
        if (s->flags & SEG_LOST) {
            s->flags &= ~SEG_LOST;
            t->lost -= size_of(s);
        }
    t->cwnd = MAX(t->cwnd, t->prior_cwnd);
    t->ssthresh = MAX(t->ssthresh, t->prior_ssthresh);
    t->undo_possible = false;
    t->ca_state = CA_OPEN;
    TCP_COUNT(spurious_rtos);
}

static void start_reduction(struct tcp_sock *t)
{
    t->prr_delivered = t->prr_out = 0;
    t->recover_fs = MAX(t->snd_nxt - t->snd_una, t->mss);
    if (t->ecn & ECN_ON) /* RFC 3168 §6.1.2: whatever the window was reduced for */
        t->ecn |= ECN_SEND_CWR;
}

static void enter_recovery(struct tcp_sock *t)
{
    if (t->ca_state < CA_CWR) {
        save_for_undo(t);
        t->ssthresh = t->cc->ssthresh(t);
    }
    t->ca_state = CA_RECOVERY;
    t->high_seq = t->snd_nxt;
    start_reduction(t);
    t->tlp_out = false;
    TCP_COUNT(fast_retrans);
}

void tcp_enter_cwr(struct tcp_sock *t)
{
    if (t->ca_state >= CA_CWR)
        return;
    save_for_undo(t);
    t->undo_possible = false;
    t->ssthresh = t->cc->ssthresh(t);
    t->high_seq = t->snd_nxt;
    t->ca_state = CA_CWR;
    start_reduction(t);
}

/* A retransmission timed out: what is under way is taken for lost (RFC 5681 §3.1). */
void tcp_enter_loss(struct tcp_sock *t)
{
    struct tcp_seg *s;
    bool reneged = t->first && t->first->flags & SEG_SACKED;

    if (t->ca_state < CA_RECOVERY && !t->retries) {
        save_for_undo(t);
        t->ssthresh = t->cc->ssthresh(t);
    } else if (t->ca_state != CA_LOSS) {
        t->undo_possible = false;
    }
    if (t->cc->timeout)
        t->cc->timeout(t);
    for (s = t->first; s && s != t->unsent; s = s->next) {
        if (s->flags & SEG_SACKED &&
            (reneged || !t->sack_on)) { /* the receiver threw it away (RFC 2018 §8) */
            s->flags &= ~SEG_SACKED;
            t->sacked -= size_of(s);
        }
        tcp_mark_lost(t, s);
    }
    if (!t->sack_on)
        t->sacked = 0;
    t->dupacks = 0;
    t->cwnd = t->mss;
    t->ca_state = CA_LOSS;
    t->high_seq = t->snd_nxt;
    t->tlp_out = false;
    if (t->ecn & ECN_ON)
        t->ecn |= ECN_SEND_CWR;
}

static void end_recovery(struct tcp_sock *t)
{
    if (t->ca_state == CA_RECOVERY || t->ca_state == CA_CWR)
        t->cwnd = MIN(MAX(t->ssthresh, 2 * t->mss), MAX(t->cwnd, MAX(tcp_flight(t) + t->mss, t->ssthresh)));
    t->ca_state = CA_OPEN;
    t->undo_possible = false;
    t->dupacks = 0;
    if (!t->sack_on)
        t->sacked = 0;
}

/* RFC 6937: as much leaves as arrives, scaled so that the window is ssthresh in the end. */
static void rate_reduction(struct tcp_sock *t, struct ack_info *a, bool first, bool more_lost)
{
    uint32_t delivered = a->acked + a->sacked, pipe = tcp_flight(t);
    int64_t count;

    if (!t->sack_on && a->dup && !delivered)
        delivered = t->mss;
    t->prr_delivered += delivered;
    if (pipe > t->ssthresh) {
        count = ((uint64_t)t->prr_delivered * t->ssthresh + t->recover_fs - 1) / t->recover_fs - t->prr_out;
    } else {
        int64_t limit = (int64_t)t->prr_delivered - t->prr_out;

        if (a->new_data && !more_lost)
            limit = MAX(limit, (int64_t)delivered) + t->mss;
        count = MIN((int64_t)t->ssthresh - pipe, limit);
    }
    count = MAX(count, first ? (int64_t)t->mss : 0);
    t->cwnd = pipe + count;
    if (t->cwnd < t->mss)
        t->cwnd = t->mss;
}

/* An ACK that an original caused, not its retransmission: nothing had been lost (RFC 3522). */
static bool spurious(struct tcp_sock *t, const struct tcp_in *in, const struct ack_info *a)
{
    if (!t->undo_possible || !a->new_data)
        return false;
    if (t->ts_on && in->o.has_ts && in->o.tsecr && t->ts_first_retrans &&
        seq_lt(in->o.tsecr, t->ts_first_retrans & ~1u))
        return true;
    return a->dsack && !t->undo_retrans && t->ts_first_retrans;
}

/* Without SACK each duplicate ACK means that one more segment left the network. */
static void count_dupacks(struct tcp_sock *t, struct ack_info *a)
{
    if (a->new_data) {
        t->dupacks = 0;
        t->sacked = 0;
    } else if (a->dup && t->snd_una != t->snd_nxt) {
        uint32_t out = t->snd_nxt - t->snd_una;

        t->dupacks++;
        t->sacked = MIN(t->dupacks * t->mss, out > t->lost + t->mss ? out - t->lost - t->mss : 0);
    }
}

void tcp_recovery(struct tcp_sock *t, const struct tcp_in *in, struct ack_info *a)
{
    bool lost = false, first = false;
    uint32_t lost_before = t->lost;

    if (!t->sack_on)
        count_dupacks(t, a);
    if (a->reordered && !t->reord_seen++)
        t->reordering = 300;
    if (t->ca_state >= CA_RECOVERY && spurious(t, in, a)) {
        undo(t);
        return;
    }
    /* CWR travels with what is sent behind high_seq: until that arrived, ECE says nothing new. */
    if (t->ca_state >= CA_CWR && !seq_lt(t->snd_una, t->high_seq) &&
        (t->ca_state != CA_CWR || t->snd_una != t->high_seq))
        end_recovery(t);
    if (a->ece)
        tcp_enter_cwr(t);
    if (t->sack_on)
        lost = tcp_rack_detect(t, in->now);
    else if (t->dupacks >= TCP_DUPTHRESH && t->ca_state < CA_RECOVERY)
        lost = true;
    if (t->ca_state < CA_RECOVERY && lost) {
        enter_recovery(t);
        first = true;
        if (!t->sack_on)
            tcp_mark_head_lost(t);
    } else if (t->ca_state == CA_RECOVERY && !t->sack_on && a->new_data) {
        tcp_mark_head_lost(t); /* RFC 6582: a partial ACK, so the next one is missing too */
    }
    switch (t->ca_state) {
    case CA_RECOVERY:
        rate_reduction(t, a, first, t->lost > lost_before);
        break;
    case CA_LOSS:
        if (a->acked + a->sacked && t->cwnd < t->ssthresh)
            t->cwnd += MIN(a->acked + a->sacked, t->ssthresh - t->cwnd);
        else if (a->acked)
            t->cc->avoid(t, a->acked, in->now);
        break;
    case CA_CWR:
        rate_reduction(t, a, false, false);
        break;
    default:
        t->ca_state = t->sacked || t->dupacks ? CA_DISORDER : CA_OPEN;
        if (a->acked)
            cc_on_ack(t, a->acked, a, in->now);
        /* Limited Transmit (RFC 3042): sacked bytes are no longer in flight, so new ones follow by themselves. */
    }
}
