/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.h: TCP (RFC 9293): what the rest of net/ and /proc see of it.
 */
#ifndef NET_TCP_TCP_H
#define NET_TCP_TCP_H

#include "net/ip.h"
#include "net/socket.h"

extern const struct ip_protocol tcp_protocol; /* its line in net/protocols.c */

/* A new socket of AF_INET or AF_INET6, for the families' create: 0 or -errno. */
int tcp_create(int family, int protocol, struct socket **s);

/* One connection, listener, or what stands for one, as /proc/net/tcp and the netlink socket monitor show it. */
struct tcp_row {
    struct inaddr local, remote;
    uint16_t lport, rport;                /* host order */
    uint8_t state;                        /* Linux's TCP_* number */
    uint32_t tx_queue, rx_queue, backlog; /* rx_queue of a listener: connections, of so many */
    uint8_t shutdown;                     /* 1: nothing more is received, 2: nothing more is sent */
    uint32_t rmem, wmem;                  /* memory of what waits */
    uint8_t timer; /* 0 none, 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 zero window probe */
    uint64_t timer_ms;
    uint32_t retransmits, uid, timeout;
    const struct socket *socket; /* for identity only; NULL: none */
    unsigned refs;
    uint32_t rto_ms, ato_ms, quick, cwnd, ssthresh;
    uint8_t family;
    bool orphan; /* the program closed it */
};
struct inet_opts;
struct tcp_info;
/* Options and TCP_INFO of a row's socket, from its function. */
const struct inet_opts *tcp_row_opts(const struct tcp_row *r);
void tcp_row_info(const struct tcp_row *r, struct tcp_info *i);
/* Ends a row's socket as the administrator wants (SOCK_DESTROY): hold in its function, then abort, which may sleep and gives
 * up what was held. False: it is going already. 0 or -ENOENT: it is closed. */
bool tcp_row_hold(const struct tcp_row *r);
int tcp_row_abort(const struct tcp_row *r);
/* Calls row for every one of the family; it must not sleep. */
void tcp_for_each(int family, void (*row)(void *arg, const struct tcp_row *r), void *arg);
uint64_t tcp_memory_bytes(void); /* of all sockets' queues */

struct tcp_totals { /* /proc/net/snmp, netstat, sockstat: since boot, but for established and the following */
    uint64_t active_opens, passive_opens, attempt_fails, estab_resets, in_segs, out_segs, retrans_segs,
        in_errs, out_rsts;
    uint64_t listen_overflows, listen_drops, syncookies_sent, syncookies_received, syncookies_failed,
        timeouts, paws_estab, delayed_acks, challenge_acks, tlps, spurious_rtos, fast_retrans,
        slow_start_retrans, sack_recovery, renof_recovery, ooo_queued, rcv_pruned, abort_on_data,
        abort_on_close, abort_on_memory, abort_on_timeout, timewait_done, timewait_recycled, keepalives,
        in_csum_errors, req_q_full_drop, rcv_coalesced;
    uint64_t fastopen_active, fastopen_active_fail, fastopen_passive, fastopen_passive_fail,
        fastopen_listen_overflow, fastopen_cookie_reqd;
    uint32_t established, orphans, timewaits, sockets;
    uint64_t memory_pages;
};
extern uint32_t tcp_ecn;             /* net.ipv4.tcp_ecn: 0 never, 1 always asked for, 2 answered */
extern uint32_t tcp_ecn_fallback;    /* a SYN that is sent again does not ask */
extern uint32_t tcp_fastopen;        /* net.ipv4.tcp_fastopen: fastopen.h */
extern struct tcp_totals tcp_totals; /* [a], but for the order of each */
#define TCP_COUNT(field) __atomic_fetch_add(&tcp_totals.field, 1, __ATOMIC_RELAXED)

#endif
