/* SPDX-License-Identifier: BSD-2-Clause */
/* cong.c: slow start with HyStart++ (RFC 9406, its delay part), NewReno (RFC 5681), CUBIC (RFC 9438). */
#include "net/tcp/cong.h"

#define CWND_MAX (1u << 30)

/* ---- NewReno ---- */

static void reno_start(struct tcp_sock *t)
{
    t->cc_state[0] = 0; /* bytes acknowledged towards the next MSS */
}

static void reno_avoid(struct tcp_sock *t, uint32_t acked, uint64_t now)
{
    uint64_t credit = t->cc_state[0] + acked;

    while (credit >= t->cwnd) {
        credit -= t->cwnd;
        t->cwnd += t->mss;
    }
    t->cc_state[0] = credit;
}

static uint32_t reno_ssthresh(struct tcp_sock *t)
{
    return MAX(t->cwnd / 2, 2 * t->mss);
}

static const struct tcp_cc reno = { "reno", reno_start, reno_avoid, reno_ssthresh, NULL };

/* ---- CUBIC: times in milliseconds, windows in bytes; C = 0.4 segments a second cubed, beta = 0.7 ---- */

struct cubic {
    uint32_t w_max, origin, k_ms, w_est, est_credit, cwnd_credit;
    uint64_t epoch_ns;
    uint32_t epoch_set, w_before;
};
static_assert(sizeof(struct cubic) <= sizeof(((struct tcp_sock *)0)->cc_state), "fits");

static struct cubic *cubic_of(struct tcp_sock *t)
{
    return (struct cubic *)t->cc_state;
}

static uint32_t cube_root(uint64_t v)
{
    uint64_t r = 0;

    for (int bit = 20; bit >= 0; bit--) {
        uint64_t n = r | 1ull << bit;

        if (n * n * n <= v)
            r = n;
    }
    return r;
}

static void cubic_start(struct tcp_sock *t)
{
    memset(t->cc_state, 0, sizeof(t->cc_state));
}

static void cubic_epoch(struct tcp_sock *t, struct cubic *c, uint64_t now)
{
    c->epoch_ns = now;
    c->epoch_set = 1;
    c->w_est = t->cwnd;
    c->est_credit = c->cwnd_credit = 0;
    if (t->cwnd < c->w_max) {
        c->origin = c->w_max;
        /* K = cbrt((w_max - cwnd) / C) seconds */
        c->k_ms = cube_root((uint64_t)(c->w_max - t->cwnd) / t->mss * 2500000000ull);
    } else {
        c->origin = t->cwnd;
        c->k_ms = 0;
    }
}

/* W_cubic(t) = C (t - K)^3 + origin */
static uint64_t cubic_window(const struct tcp_sock *t, const struct cubic *c, uint64_t ms)
{
    uint64_t d = ms > c->k_ms ? ms - c->k_ms : c->k_ms - ms;
    uint64_t delta;

    d = MIN(d, 100000ull);
    delta = d * d * d / 10000 * 4 / 1000000 * t->mss;
    if (ms >= c->k_ms)
        return c->origin + delta;
    return c->origin > delta ? c->origin - delta : 0;
}

static void cubic_avoid(struct tcp_sock *t, uint32_t acked, uint64_t now)
{
    struct cubic *c = cubic_of(t);
    uint64_t target, gain;

    if (!c->epoch_set)
        cubic_epoch(t, c, now);
    target = cubic_window(t, c, (now - c->epoch_ns + t->srtt_ns) / NSEC_PER_MS);
    target = MIN(MAX(target, (uint64_t)t->cwnd), t->cwnd + t->cwnd / 2ull);
    /* where Reno would be: alpha = 3 (1 - beta) / (1 + beta) = 9/17 until it is where the last loss was, then 1 */
    gain = (uint64_t)c->est_credit + (uint64_t)acked * (c->w_est < c->w_max ? 9 : 17);
    while (gain >= 17ull * t->cwnd) {
        gain -= 17ull * t->cwnd;
        c->w_est += t->mss;
    }
    c->est_credit = MIN(gain, 0xffffffffull);
    gain = (uint64_t)acked * (target - t->cwnd) / t->cwnd + c->cwnd_credit;
    t->cwnd += gain / t->mss * t->mss;
    c->cwnd_credit = gain % t->mss;
    if (c->w_est > t->cwnd)
        t->cwnd = c->w_est;
}

static uint32_t cubic_ssthresh(struct tcp_sock *t)
{
    struct cubic *c = cubic_of(t);

    c->epoch_set = 0;
    /* fast convergence: leave room for others when even the last peak was not reached */
    c->w_max = t->cwnd < c->w_before ? (uint64_t)t->cwnd * 17 / 20 : t->cwnd;
    c->w_before = t->cwnd;
    return MAX((uint64_t)t->cwnd * 7 / 10, (uint64_t)2 * t->mss);
}

static void cubic_timeout(struct tcp_sock *t)
{
    cubic_of(t)->epoch_set = 0;
}

static const struct tcp_cc cubic = { "cubic", cubic_start, cubic_avoid, cubic_ssthresh, cubic_timeout };

/* ---- */

const struct tcp_cc *const tcp_ccs[] = { &cubic, &reno, NULL };

void tcp_cc_start(struct tcp_sock *t)
{
    if (!t->cc)
        t->cc = tcp_ccs[0];
    t->cc->start(t);
}

/* RFC 9406 §4.2: the shortest round trip of this round is clearly longer than that of the last one: a queue builds up, so
 * slow start ends before that overflows. */
static bool queue_builds_up(struct tcp_sock *t, const struct ack_info *a)
{
    uint64_t more;

    if (!seq_lt(t->snd_una, t->round_end)) {
        t->last_round_min_ns = t->round_min_ns;
        t->round_min_ns = 0;
        t->round_samples = 0;
        t->round_end = t->snd_nxt;
    }
    if (!a->rtt_ns)
        return false;
    if (!t->round_min_ns || a->rtt_ns < t->round_min_ns)
        t->round_min_ns = a->rtt_ns;
    if (++t->round_samples < 8 || !t->last_round_min_ns || t->cwnd < 16 * t->mss)
        return false;
    more = MIN(MAX(t->last_round_min_ns / 8, 4 * NSEC_PER_MS), 16 * NSEC_PER_MS);
    return t->round_min_ns >= t->last_round_min_ns + more;
}

static void slow_start(struct tcp_sock *t, uint32_t acked, const struct ack_info *a)
{
    uint32_t room = t->ssthresh > t->cwnd ? t->ssthresh - t->cwnd : 0;

    if (t->ssthresh == TCP_INFINITE && queue_builds_up(t, a)) {
        t->ssthresh = t->cwnd;
        return;
    }
    t->cwnd += MIN(acked, room);
}

void cc_on_ack(struct tcp_sock *t, uint32_t acked, const struct ack_info *a, uint64_t now)
{
    /* RFC 9293 §3.8.5: a window that is not used must not grow */
    if (!t->cwnd_limited && !(t->cwnd < t->ssthresh && 2 * a->prior_flight > t->cwnd))
        return;
    if (!t->unsent || tcp_flight(t) < t->cwnd / 2)
        t->cwnd_limited = false;
    if (t->cwnd >= CWND_MAX)
        return;
    if (t->cwnd < t->ssthresh)
        slow_start(t, acked, a);
    else
        t->cc->avoid(t, acked, now);
    tcp_grow_sndbuf(t);
}
