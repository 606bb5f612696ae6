/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dgram.h: what UDP, ping and raw sockets share: queues of packets and of errors, and sending with options and control
 * messages.
 *
 * Softirqs find sockets under rcu_read_lock(), so the memory goes through RCU. What softirqs and threads both touch is under
 * lock; what only senders touch is under the socket's writer mutex [w].
 */
#ifndef NET_DGRAM_H
#define NET_DGRAM_H

#include "net/inet.h"

struct dgram { /* [l] lock  [a] atomic  [w] writer mutex */
    struct socket s;
    struct inet_opts o;
    struct spinlock lock;           /* RANK_SOCKET */
    struct pktqueue rx, errors;     /* [l] data at what the program reads */
    uint32_t rx_bytes, error_bytes; /* [l] of memory */
    uint32_t drops;                 /* [l] */
    struct dgram *next;             /* [R] of its table's bucket */
    struct inaddr local, remote;    /* local: bound or chosen by connect() [l to change, a] */
    uint16_t lport, rport;          /* network order; raw sockets: none [l to change, a] */
    struct inaddr bound_addr;       /* what bind() said */
    int remote_dev;                 /* scope of a link-local peer */
    bool connected, bound;          /* bound: by bind(), address included [a] */
    bool bound_many; /* to a multicast or broadcast address: packets are sent from one of the device's */
    bool rd_shut, wr_shut;   /* [a] */
    struct flow flow;        /* [w] of the last packet sent ... */
    struct dst dst;          /* [w] ... and where it went */
    uint16_t gso_size;       /* UDP_SEGMENT [a] */
    bool gro;                /* UDP_GRO [a] */
    bool cork;               /* UDP_CORK [a] */
    struct pktbuf *corked;   /* [w] MSG_MORE's beginning: NULL none */
    struct flow corked_flow; /* [w] */
    uint16_t corked_port;
    uint32_t icmp_filter[8]; /* raw: types not wanted */
    int checksum_at;         /* raw IPv6: offset of the checksum to be filled in; -1: none */
    struct rcu_head rcu;
};

static inline struct dgram *dgram_of(struct socket *s)
{
    return container_of(s, struct dgram, s);
}

/* What the queue remembers of a packet received: pktbuf.private. */
struct dgram_rx {
    struct inaddr src, dst;
    uint16_t port; /* the sender's */
    uint16_t gso_size;
    uint8_t tos, ttl;
    uint32_t label;
};
static_assert(sizeof(struct dgram_rx) <= sizeof(((struct pktbuf *)0)->private), "it lies there");

static inline struct dgram_rx *dgram_rx(struct pktbuf *p)
{
    return (struct dgram_rx *)p->private;
}

/* A new socket with its head and options set up; NULL: no memory. */
struct dgram *dgram_new(const struct socket_ops *ops, int family, int type, int protocol);
/* Lists that softirqs walk under rcu_read_lock(); the caller holds the list's lock. d need not be on it to be taken off. */
void dgram_link(struct dgram **list, struct dgram *d);
void dgram_unlink(struct dgram **list, struct dgram *d);
/* After it is in no table any more: frees it, once no softirq can hold it. */
void dgram_release(struct dgram *d);

/* From softirqs: takes p, its data at what the program reads; false: the queue was full, p was freed. */
bool dgram_enqueue(struct dgram *d, struct pktbuf *p, const struct ip_rx *r, uint16_t port);
/* An ICMP error that is about a packet of this socket; off: bytes of e's transport header before the payload. */
void dgram_error(struct dgram *d, const struct ip_error *e, uint32_t off);
ssize_t dgram_recvmsg(struct socket *s, struct socket_msg *m);
unsigned dgram_poll(struct socket *s);
int dgram_shutdown(struct socket *s, int how);
int dgram_getname(struct socket *s, struct sockaddr_any *a, bool peer);
long dgram_ioctl(struct socket *s, unsigned cmd, uintptr_t arg);

/*
 * Where a message goes. [w] held. to NULL: to the peer. Fills f (dst, src, options' and control messages' fields); port: of
 * the destination. 0 or -errno.
 */
int dgram_target(struct dgram *d, const struct socket_msg *m, struct flow *f, uint16_t *port,
                 uint16_t *gso_size);
/* The dst for f, the remembered one when it is the same flow. [w] held. ERR_PTR. */
struct dst *dgram_route(struct dgram *d, const struct flow *f);
/* A packet with len bytes of the message behind headroom, and room for PKTBUF_HEADROOM before. ERR_PTR. May sleep. */
struct pktbuf *dgram_copy_in(struct iov *v, uint32_t len);
/* len bytes of p to the program, from its front. Less than len: a bad address. */
size_t dgram_copy_out(const struct pktbuf *p, struct iov *v, size_t len);
/* Chooses the peer: remote, remote_dev, local address. [w] held. rport is the caller's. 0 or -errno. */
int dgram_connect_to(struct dgram *d, const struct inaddr *a, int dev);
void dgram_disconnect(struct dgram *d);
/* connect(2)'s part that is the same for all: 0, the peer and its port in *port; 1: AF_UNSPEC, there is none any more; or
 * -errno. [w] held. */
int dgram_choose_peer(struct dgram *d, const struct sockaddr_any *a, uint16_t *port);

/* raw.c: all raw sockets, for /proc/net/raw; bucket as Linux has it. rcu_read_lock() held. */
void raw_each(void (*fn)(struct dgram *d, unsigned bucket, void *arg), void *arg);

#endif
