/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock.h: AF_VSOCK, vsock(7); inside net/vsock/ only. docs/sockets.md tells how the parts work together.
 *
 * A connection's two ends are vsock_socks here (loopback) or one here and one behind the device. Each end tells the
 * other in every packet how large its buffer is and how much has ever left it: what may be under way is the difference.
 *
 * Guards: [I] immutable [l] lock [t] the tables' lock [r] s.reader [a] atomic
 */
#ifndef NET_VSOCK_VSOCK_H
#define NET_VSOCK_VSOCK_H

#include "abi/vsock.h"
#include "kernel/vsockdev.h"
#include "lib/list.h"
#include "net/socket.h"
#include "net/timer.h"

#define VSOCK_BUF_DEFAULT     262144u
#define VSOCK_BUF_MIN         128u
#define VSOCK_CONNECT_TIMEOUT (2 * NSEC_PER_SEC)
#define VSOCK_CLOSE_TIMEOUT   (8 * NSEC_PER_SEC) /* for the other end to say that it has closed, too */
#define VSOCK_PKT_MAX         (4 * PAGE_SIZE - VSOCK_PKT_HEAD) /* data of a packet that we send */

#define SHUT_RECEIVE 1
#define SHUT_SEND    2
#define SHUT_BOTH    3

enum vsock_state { VSOCK_CLOSED, VSOCK_LISTENING, VSOCK_CONNECTING, VSOCK_CONNECTED };

struct vsock_name {
    uint32_t cid, port;
};

struct vsock_sock {
    struct socket s; /* first */
    refcount_t refs; /* the file's (or the listener's queue's), the armed timer's, each packet's on its way */
    struct spinlock lock;
    uint8_t state;                /* enum vsock_state [l to change] */
    bool done;                    /* [l to change] the other end has closed: no packets any more */
    bool was_shut;                /* [l] shutdown() was called: no new connection */
    bool dead;                    /* [l] released */
    bool loop;                    /* the connection's other end is here */
    uint8_t shutdown;             /* SHUT_*, by us ... [l to change] */
    uint8_t peer_shutdown;        /* ... and by the other end [l to change] */
    struct vsock_name local;      /* [l] port VMADDR_PORT_ANY: not bound */
    struct vsock_name remote;     /* [l] */
    struct list bound, connected; /* [t] links in the tables */
    struct net_timer timer;       /* the connection fails, or ends */
    /* a listener's */
    struct list children; /* [l] vsock_sock.child of those not accepted, whose references are the queue's */
    struct list child;
    unsigned nr_children, backlog; /* [l] */
    /* what comes in */
    struct list rx;    /* [l] of struct vsock_pkt; only its reader, who has s.reader, takes from it */
    uint32_t rx_bytes; /* [l to change] in rx */
    uint32_t rx_msgs;  /* [l to change] whole messages in rx; SOCK_SEQPACKET */
    uint32_t rx_cnt;   /* [l] bytes that ever came */
    uint32_t fwd_cnt;  /* [l] bytes that were ever read */
    uint32_t told_fwd; /* [l] fwd_cnt as the other end knows it */
    uint32_t rx_edge;  /* [l] rx_cnt can become no more: the most that was ever allowed */
    /* what goes out */
    uint32_t tx_cnt;     /* [l] bytes that were ever sent */
    uint32_t peer_alloc; /* [l] the other end's buffer ... */
    uint32_t peer_fwd;   /* [l] ... and its fwd_cnt */
    uint32_t unsent;     /* [a] bytes that the device has not taken yet */
    /* options */
    uint64_t buf, buf_min, buf_max; /* bytes [a] */
    uint64_t connect_timeout_ns;    /* [a] */
};

static inline struct vsock_sock *vsock_sk(struct socket *s)
{
    return (struct vsock_sock *)s;
}
static inline bool vsock_is_bound(const struct vsock_sock *s)
{
    return s->local.port != VMADDR_PORT_ANY;
}
static inline uint32_t vsock_buf_alloc(const struct vsock_sock *s)
{
    return MIN(READ_ONCE(s->buf), (uint64_t)INT32_MAX); /* counts are compared as numbers with a sign */
}

/* ---- vsock.c ---- */

/* parent: whose options it gets; NULL: the defaults. NULL: no memory. */
struct vsock_sock *vsock_new(int type, const struct vsock_sock *parent);
void vsock_put(struct vsock_sock *s);

/* ---- table.c ---- */

void vsock_tables_init(void);
/* Gives s that name; a port of the kernel's choice for VMADDR_PORT_ANY. lock held. 0, -EADDRINUSE, -EADDRNOTAVAIL. */
int vsock_bind_name(struct vsock_sock *s, struct vsock_name name);
void vsock_table_connect(struct vsock_sock *s); /* its names are set: packets find it */
void vsock_table_disconnect(struct vsock_sock *s);
void vsock_table_unbind(struct vsock_sock *s); /* its port is free */
/* The connection, or else the listener, that a packet is for, with a reference; NULL: none. */
struct vsock_sock *vsock_find(struct vsock_name from, struct vsock_name to, bool loop);
/* Takes a connection through the device out of the table, with a reference; NULL: there is none left. */
struct vsock_sock *vsock_table_pop(void);

/* ---- output.c ---- */

void vsock_start(void);
/* Is there a way to that address? *loop says which. 0, -ENODEV, -ESOCKTNOSUPPORT. */
int vsock_route(const struct vsock_sock *s, uint32_t cid, bool *loop);
bool vsock_is_local(uint32_t cid); /* may be bound to */
/* How much may be sent now. lock held, or a guess. */
uint32_t vsock_room(const struct vsock_sock *s);
/* Sends a packet without data; without memory it is lost. lock held. */
void vsock_control(struct vsock_sock *s, unsigned op, uint32_t flags);
/* Sends len bytes, which p holds. lock held. */
void vsock_send_data(struct vsock_sock *s, struct vsock_pkt *p, uint32_t len, uint32_t flags);
/* A packet that no socket wants is answered by OP_RST. */
void vsock_refuse(const struct virtio_vsock_hdr *h, bool loop);

/* ---- input.c ---- */

void vsock_input(struct vsock_pkt *p, bool loop); /* takes it; softirq */
void vsock_reset_all(void);                       /* the device lost its connections */

/* ---- data.c ---- */

ssize_t vsock_sendmsg(struct socket *sk, struct socket_msg *m);
ssize_t vsock_recvmsg(struct socket *sk, struct socket_msg *m);
/* Puts a packet with data on the queue. lock held. False: it is more than was allowed. */
bool vsock_enqueue(struct vsock_sock *s, struct vsock_pkt *p);
void vsock_drop_packets(struct list *rx);

/* ---- connect.c ---- */

int vsock_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock);
int vsock_listen(struct socket *sk, int backlog);
int vsock_accept(struct socket *sk, struct socket **peer, bool nonblock);
int vsock_bind(struct socket *sk, const struct sockaddr_any *a);
int vsock_shutdown(struct socket *sk, int how);
void vsock_release(struct socket *sk);
void vsock_timer(struct net_timer *t);
/* The connection did not come about: err. lock held. */
void vsock_connect_failed(struct vsock_sock *s, int err);

/* ---- option.c ---- */

int vsock_setsockopt(struct socket *sk, int level, int name, const void *val, unsigned len);
int vsock_getsockopt(struct socket *sk, int level, int name, void *val, unsigned *len);

#endif
