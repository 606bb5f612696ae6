/* SPDX-License-Identifier: BSD-2-Clause */
/* rack.c: RACK-TLP (RFC 8985): loss by time, not by counting; and probes for a tail that nothing follows. */
#include "net/tcp/cong.h"
#include "net/tcp/tcp_sock.h"

/* §6.2 step 4: how long to wait for what may only be late. */
static uint64_t reorder_window(struct tcp_sock *t)
{
    uint64_t w;

    if (t->rack_dsack) {
        t->rack_dsack = false;
        t->rack_reo_mult = MIN(t->rack_reo_mult + 1, 20u);
        t->rack_reo_persist = 16;
    }
    if (!t->reord_seen) {
        if (t->ca_state >= CA_RECOVERY || t->sacked >= TCP_DUPTHRESH * t->mss)
            return 0;
    }
    w = t->min_rtt_ns / 4 * MAX(t->rack_reo_mult, 1u);
    return MIN(w, t->srtt_ns);
}

bool tcp_rack_detect(struct tcp_sock *t, uint64_t now)
{
    uint64_t window, wait = 0;
    struct tcp_seg *s;
    bool lost = false;

    if (!t->rack_sent_ns)
        return false;
    window = reorder_window(t);
    for (s = t->first; s && s != t->unsent; s = s->next) {
        int64_t left;

        if (s->flags & SEG_SACKED || (s->flags & SEG_LOST && !(s->flags & SEG_RETRANS)))
            continue;
        if (!tcp_sent_after(t->rack_sent_ns, t->rack_end, s->sent_ns, seg_end(s)))
            continue;
        left = (int64_t)(s->sent_ns + t->rack_rtt_ns + window - now);
        if (left <= 0) {
            tcp_mark_lost(t, s);
            lost = true;
        } else {
            wait = MAX(wait, (uint64_t)left);
        }
    }
    if (wait)
        tcp_timer_set(t, TT_REORDER, now + wait);
    return lost;
}

/* The reordering timer: what did not come by now is lost. */
void tcp_rack_timer(struct tcp_sock *t)
{
    struct tcp_in none = { .ack = t->snd_una, .seq = t->rcv_nxt, .now = clock_mono_ns() };
    struct ack_info a = { .prior_flight = tcp_flight(t) };

    if (t->snd_una == t->snd_nxt)
        return;
    tcp_recovery(t, &none, &a);
    tcp_retransmit_lost(t);
    if (t->timer_kind == TT_NONE)
        tcp_rto_arm(t, none.now);
}

/* §7.2: instead of the retransmission timer a shorter one, while nothing is amiss. */
void tcp_arm(struct tcp_sock *t, uint64_t now)
{
    enum tcp_timer_kind kind = TT_RTO;
    uint64_t deadline, pto;

    if (unlikely(t->snd_una == t->snd_nxt)) {
        t->timer_kind = TT_NONE;
        t->rto_deadline = 0;
        return;
    }
    deadline = now + tcp_rto(t);
    if (likely(t->sack_on && t->ca_state == CA_OPEN && !t->sacked && !t->tlp_out && t->srtt_ns &&
               STATE_IN(t, S_SYNCHRONISED))) {
        pto = now + 2 * t->srtt_ns + (tcp_flight(t) <= t->mss ? TCP_DELACK_MAX : 2 * NSEC_PER_MS);
        if (pto < deadline) {
            deadline = pto;
            kind = TT_PROBE_LOSS;
        }
    }
    t->timer_kind = kind;
    t->rto_deadline = deadline;
    tcp_timer_nearer(t, deadline);
}

void tcp_tlp_fire(struct tcp_sock *t)
{
    struct tcp_seg *s = t->unsent;
    uint64_t now = clock_mono_ns();

    if (t->snd_una == t->snd_nxt)
        return;
    if (s && s->len && seq_le(s->seq + MIN(s->len, t->mss), t->snd_una + t->snd_wnd)) {
        if (s->len > t->mss && tcp_seg_split(t, s, t->mss))
            goto arm;
        if (tcp_send_seg(t, s))
            goto arm;
        t->unsent = s->next;
        t->snd_nxt = seg_end(s);
        t->tlp_retrans = false;
    } else {
        s = t->unsent ? t->unsent->prev : t->last;
        if (!s || s->flags & SEG_SACKED)
            goto arm;
        if (s->len > t->mss && !tcp_seg_split(t, s, s->len - t->mss))
            s = s->next;
        if (!tcp_retransmit(t, s))
            goto arm;
        t->tlp_retrans = true;
    }
    t->tlp_out = true;
    t->tlp_high = t->snd_nxt;
    TCP_COUNT(tlps);
arm:
    tcp_rto_arm(t, now);
}

/* §7.4: did the probe repair a loss? Then there was congestion. */
void tcp_tlp_ack(struct tcp_sock *t, const struct tcp_in *in, const struct ack_info *a)
{
    if (seq_lt(in->ack, t->tlp_high))
        return;
    if (!t->tlp_retrans || a->dsack || (!a->new_data && a->dup && !in->o.nr_sacks)) {
        t->tlp_out = false;
    } else if (seq_lt(t->tlp_high, in->ack)) {
        t->tlp_out = false;
        if (t->ca_state < CA_CWR) {
            t->ssthresh = t->cc->ssthresh(t);
            t->cwnd = t->ssthresh;
        }
    }
}
