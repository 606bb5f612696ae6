/* SPDX-License-Identifier: BSD-2-Clause */
/* fastopen.h: TCP Fast Open, for the rest of net/tcp. All but the options' own functions run under tcp_sock.lock, but for
 * what says otherwise. */
#ifndef NET_TCP_FASTOPEN_H
#define NET_TCP_FASTOPEN_H

#include "net/tcp/tcp_sock.h"

/* Bits of net.ipv4.tcp_fastopen */
#define FO_CLIENT           1
#define FO_SERVER           2
#define FO_CLIENT_NO_COOKIE 4
#define FO_SERVER_NO_COOKIE 0x200
#define FO_SERVER_ALL       0x400 /* listeners need not ask for it */

/* tcp_sock.fo */
#define FO_CONNECT   1   /* TCP_FASTOPEN_CONNECT: connect(2) waits for data, given a cookie */
#define FO_NO_COOKIE 2   /* TCP_FASTOPEN_NO_COOKIE */
#define FO_DEFERRED  4   /* connect(2) was called, no SYN is sent before there is data */
#define FO_SENDING   8   /* MSG_FASTOPEN is about to connect [w] */
#define FO_ASK       16  /* the SYN has the option */
#define FO_DATA      32  /* the SYN has data */
#define FO_ACKED     64  /* data in a SYN arrived: TCP_INFO */
#define FO_PASSIVE   128 /* a server's connection before its handshake is over */
#define FO_RENEW     256 /* its SYN-ACK brings a cookie of the newer key */
#define FO_OPTIONS   (FO_CONNECT | FO_NO_COOKIE)

/* Linux's reasons in TCP_INFO */
enum { FO_FAIL_NONE, FO_FAIL_NO_COOKIE, FO_FAIL_NOT_ACKED, FO_FAIL_RETRANSMITTED };

void tcp_fastopen_key_once(void); /* the listeners' common key */
int tcp_fastopen_set_key(struct tcp_sock *t, const void *val, unsigned len);
unsigned tcp_fastopen_get_key(const struct tcp_sock *t, void *val, unsigned len);
int tcp_fastopen_setsockopt(struct tcp_sock *t, int name, int n);

/* Client. Does connect(2) send no SYN yet? Its path and port are known; without the lock. */
bool tcp_fastopen_defers(struct tcp_sock *t);
/* What a first SYN or SYN-ACK of t says besides. */
void tcp_fastopen_syn_option(struct tcp_sock *t, struct tcp_syn_opts *o);
/* MSG_FASTOPEN, or the first data after a connect(2) that waited for it. Under socket.writer. *sent: what went with the SYN.
 * 0: connected, the rest may follow; else -errno. */
int tcp_fastopen_send(struct tcp_sock *t, struct socket_msg *m, size_t *sent);
void tcp_fastopen_synack(struct tcp_sock *t, const struct tcp_in *in); /* snd_una is what it acknowledges */
void tcp_fastopen_data(struct tcp_sock *t, struct tcp_in *in);         /* of a SYN or SYN-ACK */

/* Server. Under the listener's lock: does the SYN become a connection at once? False: r has the cookie that the SYN-ACK
 * brings, if any. */
struct tcp_request;
bool tcp_fastopen_accepts(struct tcp_sock *t, struct tcp_request *r, const struct tcp_in *in, bool *renew);
/* Under both locks: c, in the table, answers such a SYN. */
void tcp_fastopen_child(struct tcp_sock *c, struct tcp_sock *listener, uint32_t iss, struct tcp_in *in,
                        bool renew);
/* c's handshake is over, or c is: the listener has room again, after a reset only later. */
void tcp_fastopen_left(struct tcp_sock *c, bool reset);

#endif
