/* SPDX-License-Identifier: BSD-2-Clause */
/* listen.h: what listen.c and cookie.c share. */
#ifndef NET_TCP_LISTEN_H
#define NET_TCP_LISTEN_H

#include "net/tcp/tcp_sock.h"

struct tcp_listener { /* lives as long as its socket's memory */
    struct spinlock lock;
    struct tcp_sock *owner;
    struct tcp_sock *accept_first, **accept_end; /* [lock] linked through accept_next */
    uint32_t nr_accept, backlog;                 /* [lock] */
    struct list requests;                        /* [lock] */
    uint32_t nr_requests;                        /* [lock] */
    uint64_t cookie_ns;                          /* [lock] when a cookie was last sent */
    uint32_t nr_fastopen, nr_fastopen_reset;     /* [a] connections in SYN_RECV, and slots of reset ones */
    uint64_t fastopen_reset_until;               /* [a] when those may be used again */
    struct net_timer timer;
    bool closed; /* [lock] */
};

/* A SYN that we answered. [the listener's lock, but for e] */
struct tcp_request {
    struct tcp_entry e; /* first */
    struct rcu_head rcu;
    struct list link;
    struct tcp_sock *listener;
    uint32_t irs, iss, window, ts_recent, ts_offset, cookie_ts;
    uint16_t mss, our_mss, peer_window;
    uint8_t snd_wscale, rcv_wscale, retries;
    bool wscale_on, sack_on, ts_on, ecn, acked, gone, cookie;
    uint8_t fastopen_len, fastopen[8]; /* what the first SYN-ACK brings */
    int dev;
    uint64_t deadline, sent_ns;
};

/* Chooses iss and the time stamp so that the ACK brings back what r says. */
void tcp_cookie_make(struct tcp_request *r);
/* in acknowledges such a SYN-ACK: r (addresses are set) becomes what it was. */
bool tcp_cookie_check(struct tcp_request *r, const struct tcp_in *in);

#endif
