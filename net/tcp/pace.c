/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace.c: new data leave no faster than SO_MAX_PACING_RATE says. Only connections with such a rate have a pacer; the first
 * segments of one, and what is sent again, do not wait for it.
 */
#include "kernel/slab.h"
#include "net/tcp/tcp_sock.h"

#define FREE_SEGMENTS 10 /* as Linux: what a connection begins with */
#define BURST_SHIFT   10 /* at once: what the rate allows in a millisecond, and two segments always */

struct tcp_pacer {
    struct net_timer timer;
    struct tcp_sock *owner;
    uint64_t rate;    /* bytes a second [l] */
    uint64_t next_ns; /* nothing before this [l] */
};

static void fired(struct net_timer *nt)
{
    struct tcp_sock *t = container_of(nt, struct tcp_pacer, timer)->owner;

    if (!ref_get_unless_zero(&t->refs))
        return;
    spin_lock(&t->lock);
    if (t->state != TCP_CLOSE && t->unsent)
        tcp_push(t);
    spin_unlock(&t->lock);
    tcp_put(t);
}

/* Without memory for it there is no limit, which was always only an upper one of what the program wants. */
void tcp_pace_set(struct tcp_sock *t)
{
    uint64_t rate = t->sock.max_pacing == ~0ull ? 0 : t->sock.max_pacing;
    struct tcp_pacer *p = t->pacer, *new = NULL;

    if (!p && rate) {
        new = kzalloc(sizeof(*new));
        if (!new)
            return;
        net_timer_init(&new->timer, fired);
        new->owner = t;
    }
    spin_lock(&t->lock);
    if (!t->pacer) {
        t->pacer = new;
        new = NULL;
    }
    if (t->pacer)
        t->pacer->rate = rate;
    spin_unlock(&t->lock);
    kfree(new);
}

void tcp_pace_free(struct tcp_sock *t)
{
    if (!t->pacer)
        return;
    net_timer_stop(&t->pacer->timer);
    kfree(t->pacer);
}

static bool is_free(const struct tcp_sock *t)
{
    return !t->pacer->rate || t->data_segs_out < FREE_SEGMENTS;
}

uint32_t tcp_pace(struct tcp_sock *t, uint32_t want)
{
    struct tcp_pacer *p = t->pacer;
    uint64_t burst;

    if (is_free(t))
        return want;
    if (p->next_ns > clock_mono_ns()) {
        net_timer_arm(&p->timer, p->next_ns);
        return 0;
    }
    burst = MAX(p->rate >> BURST_SHIFT, 2ull * t->mss);
    return want > burst ? burst - burst % t->mss : want;
}

/* Being late is made up for by half of what is due next, so that the rate is reached. */
void tcp_paced(struct tcp_sock *t, uint32_t sent)
{
    struct tcp_pacer *p = t->pacer;
    uint64_t now = t->last_snd_ns, took, late;

    if (is_free(t))
        return;
    took = (uint64_t)sent * NSEC_PER_SEC / p->rate;
    late = now > p->next_ns ? now - p->next_ns : 0;
    p->next_ns = now + took - MIN(took / 2, late);
}
