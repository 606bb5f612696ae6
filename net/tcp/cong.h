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

/* acked bytes arrived in a state in which the window may grow. */
void cc_on_ack(struct tcp_sock *t, uint32_t acked, const struct ack_info *a, uint64_t now);

#endif
