/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.c: the one timer of a connection, and what its deadlines mean: retransmission (RFC 6298), loss probes, zero-window
 * probes, delayed ACKs, keepalive, the end of FIN_WAIT_2.
 *
 * A deadline that moves further away does not touch the kernel's timer: that fires early, finds nothing due, and is set
 * anew. So sending and acknowledging mostly program nothing.
 */
#include "net/tcp/tcp_sock.h"

#define RETRIES_MAX        15 /* Linux's tcp_retries2 */
#define ORPHAN_RETRIES_MAX 8

static uint64_t earliest(const struct tcp_sock *t)
{
    uint64_t d = TIME_NEVER;

    if (t->rto_deadline)
        d = t->rto_deadline;
    if (t->delack_deadline && t->delack_deadline < d)
        d = t->delack_deadline;
    if (t->keep_deadline && t->keep_deadline < d)
        d = t->keep_deadline;
    return d;
}

void tcp_timer_advance(struct tcp_sock *t, uint64_t deadline)
{
    t->armed_ns = deadline;
    net_timer_arm(&t->timer, deadline);
}

void tcp_timer_update(struct tcp_sock *t)
{
    tcp_timer_nearer(t, earliest(t));
}

void tcp_timer_set(struct tcp_sock *t, enum tcp_timer_kind kind, uint64_t deadline)
{
    t->timer_kind = kind;
    t->rto_deadline = kind == TT_NONE ? 0 : deadline;
    if (kind != TT_NONE)
        tcp_timer_nearer(t, deadline);
}

/* (Re)starts the retransmission timer, or stops it when nothing is under way. */
void tcp_rto_arm(struct tcp_sock *t, uint64_t now)
{
    if (t->snd_una == t->snd_nxt) {
        t->timer_kind = TT_NONE;
        t->rto_deadline = 0;
        return;
    }
    tcp_timer_set(t, TT_RTO, now + tcp_rto(t));
}

void tcp_rtt_sample(struct tcp_sock *t, uint64_t r, uint64_t now)
{
    int64_t d;

    if (!r)
        r = 1;
    if (!t->min_rtt_ns || r <= t->min_rtt_ns || now - t->min_rtt_stamp_ns > 300 * NSEC_PER_SEC) {
        t->min_rtt_ns = r;
        t->min_rtt_stamp_ns = now;
    }
    if (!t->srtt_ns) {
        t->srtt_ns = r;
        t->rttvar_ns = r / 2;
    } else {
        d = (int64_t)(r - t->srtt_ns);
        t->rttvar_ns += ((d < 0 ? -d : d) - (int64_t)t->rttvar_ns) / 4;
        t->srtt_ns += d / 8;
    }
    t->rto_ns = t->srtt_ns + MAX(4 * t->rttvar_ns, TCP_RTO_MIN);
    t->rto_ns = MIN(MAX(t->rto_ns, TCP_RTO_MIN), TCP_RTO_MAX);
}

/* Has what is retried been so for too long? */
static bool gives_up(struct tcp_sock *t, uint64_t now, unsigned retries)
{
    if (t->user_timeout_ms && t->first_retry_ns)
        return now - t->first_retry_ns >= t->user_timeout_ms * NSEC_PER_MS;
    if (t->dead)
        retries = MIN(retries, (unsigned)ORPHAN_RETRIES_MAX);
    return t->retries >= retries;
}

static void timed_out(struct tcp_sock *t)
{
    TCP_COUNT(abort_on_timeout);
    tcp_abort(t, t->soft_err ? t->soft_err : -ETIMEDOUT);
}

static void syn_timeout(struct tcp_sock *t, uint64_t now)
{
    if (gives_up(t, now, t->syn_count ? t->syn_count : 6)) {
        timed_out(t);
        return;
    }
    t->retries++;
    t->backoff++;
    t->total_retrans++;
    TCP_COUNT(retrans_segs);
    TCP_COUNT(timeouts);
    t->undo_retrans = 1; /* its answer is no sample of the round trip */
    if (t->state == TCP_SYN_SENT)
        tcp_send_syn(t);
    else
        tcp_send_syn_ack(t);
    tcp_timer_set(t, TT_RTO, now + tcp_rto(t));
}

static void retransmission_timeout(struct tcp_sock *t, uint64_t now)
{
    if (STATE_IN(t, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)) {
        syn_timeout(t, now);
        return;
    }
    if (!t->first)
        return;
    if (!t->retries)
        t->first_retry_ns = t->first->sent_ns;
    if (gives_up(t, now, RETRIES_MAX)) {
        timed_out(t);
        return;
    }
    TCP_COUNT(timeouts);
    tcp_enter_loss(t);
    t->retries++;
    t->backoff++;
    tcp_retransmit(t, t->first);
    tcp_timer_set(t, TT_RTO, now + tcp_rto(t));
}

/* RFC 9293 §3.8.6.1: a lost window update must not stop us for ever. */
static void zero_window_timeout(struct tcp_sock *t, uint64_t now)
{
    if (!t->unsent || t->snd_una != t->snd_nxt) {
        t->probes = 0;
        tcp_rto_arm(t, now);
        return;
    }
    if (!t->probes)
        t->first_retry_ns = now;
    t->retries = t->probes;
    if (gives_up(t, now, t->dead ? ORPHAN_RETRIES_MAX : RETRIES_MAX)) {
        timed_out(t);
        return;
    }
    t->retries = 0;
    if (seq_lt(t->unsent->seq, t->snd_una + t->snd_wnd)) {
        t->probes = 0;
        tcp_push_pending(t, true); /* corked for 200 ms: Linux lets it go, too */
        if (t->snd_una != t->snd_nxt || !t->unsent)
            return;
    }
    tcp_send_probe(t, true);
    if (t->snd_una != t->snd_nxt)
        return;
    t->probes++;
    if (t->backoff < 16)
        t->backoff++;
    tcp_timer_set(t, TT_ZERO_WINDOW, now + tcp_rto(t));
}

static uint64_t seconds(uint32_t s)
{
    return s * NSEC_PER_SEC;
}

void tcp_keepalive_start(struct tcp_sock *t)
{
    if (!t->sock.keepalive || !STATE_IN(t, S_SYNCHRONISED))
        return;
    t->keep_probes = 0;
    t->keep_deadline = clock_mono_ns() + seconds(t->keep_idle_s);
    tcp_timer_update(t);
}

static void keepalive_timeout(struct tcp_sock *t, uint64_t now)
{
    uint64_t heard = MAX(t->last_rcv_ns, t->last_ack_rcv_ns), next;

    t->keep_deadline = 0;
    if (t->state == TCP_FIN_WAIT2 && t->dead) { /* nobody waits for the peer's FIN any longer */
        tcp_done(t);
        return;
    }
    if (!t->sock.keepalive || !STATE_IN(t, S_SYNCHRONISED))
        return;
    next = heard + seconds(t->keep_idle_s);
    if (t->first || now < next) { /* retransmissions and probes find out themselves */
        t->keep_probes = 0;
        t->keep_deadline = now < next ? next : now + seconds(t->keep_idle_s);
    } else if ((t->user_timeout_ms && t->keep_probes && now - heard >= t->user_timeout_ms * NSEC_PER_MS) ||
               (!t->user_timeout_ms && t->keep_probes >= t->keep_count)) {
        tcp_send_reset(t);
        timed_out(t);
        return;
    } else {
        TCP_COUNT(keepalives);
        tcp_send_probe(t, false);
        t->keep_probes++;
        t->keep_deadline = now + seconds(t->keep_interval_s);
    }
}

static void expire(struct tcp_sock *t, uint64_t now)
{
    if (t->delack_deadline && t->delack_deadline <= now) {
        t->delack_deadline = 0;
        if (t->ack_pending) {
            /* The guess was wrong: wait longer the next time, unless the program answers what it gets. */
            if (!t->pingpong)
                t->ato_ns = MIN(MAX(t->ato_ns, TCP_DELACK_MIN) * 2, tcp_rto(t));
            else {
                t->pingpong = false;
                t->ato_ns = TCP_DELACK_MIN;
            }
            TCP_COUNT(delayed_acks);
            tcp_send_ack(t);
        }
    }
    if (t->rto_deadline && t->rto_deadline <= now) {
        enum tcp_timer_kind kind = t->timer_kind;

        t->rto_deadline = 0;
        t->timer_kind = TT_NONE;
        switch (kind) {
        case TT_RTO:
            retransmission_timeout(t, now);
            break;
        case TT_PROBE_LOSS:
            tcp_tlp_fire(t);
            break;
        case TT_REORDER:
            tcp_rack_timer(t);
            break;
        case TT_ZERO_WINDOW:
            zero_window_timeout(t, now);
            break;
        case TT_NONE:
            break;
        }
    }
    if (t->state != TCP_CLOSE && t->keep_deadline && t->keep_deadline <= now)
        keepalive_timeout(t, now);
}

static void fired(struct net_timer *nt)
{
    struct tcp_sock *t = container_of(nt, struct tcp_sock, timer);
    uint64_t now = clock_mono_ns();

    if (!ref_get_unless_zero(&t->refs))
        return;
    spin_lock(&t->lock);
    t->armed_ns = TIME_NEVER;
    if (t->state != TCP_CLOSE)
        expire(t, now);
    tcp_timer_update(t);
    spin_unlock(&t->lock);
    tcp_put(t);
}

void tcp_timer_setup(struct tcp_sock *t)
{
    net_timer_init(&t->timer, fired);
    t->armed_ns = TIME_NEVER;
}
