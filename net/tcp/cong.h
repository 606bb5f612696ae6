/* SPDX-License-Identifier: BSD-2-Clause */
/* cong.h: congestion control algorithms: how the window grows, and to what it shrinks. Called with the socket's lock. */
#ifndef NET_TCP_CONG_H
#define NET_TCP_CONG_H

#include "net/tcp/tcp_sock.h"

struct tcp_cc {
    char name[16];
    void (*start)(struct tcp_sock *t);
    void (*avoid)(struct tcp_sock *t, uint32_t acked,
                  uint64_t now);              /* congestion avoidance: acked bytes arrived */
    uint32_t (*ssthresh)(struct tcp_sock *t); /* after a loss */
    void (*timeout)(struct tcp_sock *t);      /* after an RTO; NULL: nothing to note */
};

extern const struct tcp_cc *const tcp_ccs[]; /* NULL ends it; the first is the default */

/* RFC 8985 */
static inline bool tcp_sent_after(uint64_t t1, uint32_t end1, uint64_t t2, uint32_t end2)
{
    return t1 > t2 || (t1 == t2 && seq_lt(end2, end1));
}

/* §6.2 step 2: the most recently sent segment that arrived. */
static inline void tcp_rack_delivered(struct tcp_sock *t, const struct tcp_seg *s, uint64_t now)
{
    uint64_t rtt = now - s->sent_ns;

    /* faster than any round trip: it was the original that arrived */
    if (s->flags & SEG_EVER_RETRANS && rtt < t->min_rtt_ns)
        return;
    if (!t->rack_sent_ns || tcp_sent_after(s->sent_ns, seg_end(s), t->rack_sent_ns, t->rack_end)) {
        t->rack_sent_ns = s->sent_ns;
        t->rack_end = seg_end(s);
        t->rack_rtt_ns = rtt;
    }
}

/* acked bytes arrived in a state in which the window may grow. */
void cc_on_ack(struct tcp_sock *t, uint32_t acked, const struct ack_info *a, uint64_t now);

#endif
