/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h: packet sockets, packet(7): frames as devices see them, both ways.
 *
 * Softirqs and senders find sockets under rcu_read_lock(); what they change is under packet_sock.lock, whose rank lets it be
 * taken under whatever a packet is sent under. What sockets are bound to changes only while they are in no list.
 */
#ifndef NET_PACKET_PACKET_H
#define NET_PACKET_PACKET_H

#include "kernel/pktbuf.h"
#include "net/packet/ring.h"
#include "net/socket.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define SOL_PACKET 263

struct packet_member { /* PACKET_ADD_MEMBERSHIP [w] */
    struct packet_member *next;
    int ifindex;
    uint16_t type, alen;
    uint8_t addr[8];
    unsigned count;
};

struct packet_sock { /* [l] lock  [w] writer mutex  [a] atomic */
    struct socket s;
    struct spinlock lock;     /* RANK_PACKET */
    struct pktqueue rx;       /* [l] data at what the program reads */
    uint32_t rx_bytes;        /* [l] of memory */
    uint32_t packets, drops;  /* [l] since PACKET_STATISTICS was last read */
    uint16_t num;             /* ETH_P_*, host order; 0: none wanted */
    int ifindex;              /* 0: of all devices */
    bool hooked;              /* [w] in the list */
    struct packet_sock *next; /* [R] of the list */
    struct list all_link;     /* of all, hooked or not [the list's lock] */
    struct packet_member *members;
    struct packet_fanout *fanout; /* NULL: none [w and fanout.c's mutex to change, a] */
    bool auxdata, origdev, ignore_outgoing, qdisc_bypass, loss, tx_has_off; /* [a] */
    uint32_t time_source;                                                   /* PACKET_TIMESTAMP [a] */
    uint8_t version; /* TPACKET_V*; it and reserve change only while there is no ring [w] */
    uint32_t reserve;
    struct packet_ring rx_ring, tx_ring;
    struct ring_memory *memory; /* of both; NULL: there never was one [w] */
    struct net_timer timer;     /* hands over rx_ring's open block */
    uint64_t last_ns;           /* [l] when the last packet came */
    struct rcu_head rcu;
};

static inline struct packet_sock *packet_of(struct socket *s)
{
    return container_of(s, struct packet_sock, s);
}

/* A frame that sockets are shown. */
struct packet_frame {
    struct pktbuf *p;
    int32_t link; /* where its link header is, from p->data: -ETH_HLEN or 0 */
    uint16_t protocol;
    uint8_t pkttype;
    uint32_t status; /* TP_STATUS_* of its checksum */
};

/* What the queue remembers of a frame: pktbuf.private. */
struct packet_rx {
    uint32_t len; /* of the whole frame */
    uint32_t status;
    uint16_t network; /* offset of its header from data */
    uint16_t protocol;
    uint8_t pkttype;
    uint8_t addr[ETH_ALEN]; /* who sent it */
};
static_assert(sizeof(struct packet_rx) <= sizeof(((struct pktbuf *)0)->private), "it lies there");

/* ---- input.c ---- */

/* Frames come from now on, and no longer. [w] held; unhook waits out who is delivering. */
void packet_hook(struct packet_sock *k);
void packet_unhook(struct packet_sock *k);
/* Shows a frame to all sockets but one (NULL: none), which sent it. */
void packet_show(struct pktbuf *p, bool outgoing, const struct packet_sock *but);
/* For /proc/net/packet: all sockets, under a spin lock. */
void packet_list(struct packet_sock *k, bool add);
void packet_each(void (*fn)(const struct packet_sock *k, void *arg), void *arg);
/* The address of a frame received on d. */
void packet_name(struct sockaddr_ll *a, const struct netdev *d, const struct packet_rx *r);

/* Those of its group get none of what it sends either. */
static inline bool packet_sent_by(const struct packet_sock *k, const struct packet_sock *by)
{
    return k == by || (by && unlikely(k->fanout != NULL) && k->fanout == by->fanout);
}

/* ---- fanout.c ---- */

int fanout_join(struct packet_sock *k, const void *val, unsigned len);     /* PACKET_FANOUT. [w] held */
int fanout_set_data(struct packet_sock *k, const void *val, unsigned len); /* PACKET_FANOUT_DATA. [w] held */
int fanout_get(const struct packet_sock *k);                               /* PACKET_FANOUT's value */
int fanout_stats(struct packet_sock *k, void *val, unsigned *len);         /* PACKET_ROLLOVER_STATS */
/* From hook and unhook, when it has a group: it takes part, and no longer. */
void fanout_hooked(struct packet_sock *k);
void fanout_unhooked(struct packet_sock *k);
void fanout_leave(struct packet_sock *k); /* it is not hooked any more */
/* Of k's group: who gets the frame, once for the group; NULL: k is not the one to ask. rcu_read_lock() held. */
struct packet_sock *fanout_choose(struct packet_sock *k, const struct packet_frame *f);

/* ---- packet.c ---- */

void packet_drop_queue(struct packet_sock *k); /* what was not read */

/* ---- send.c ---- */

struct packet_target {
    struct netdev *dev;
    uint16_t protocol;   /* host order */
    const uint8_t *addr; /* of SOCK_DGRAM; NULL: none was given */
};
/* Where it goes: the message's address, which is copied to a, or what the socket is bound to. 0 or -errno. */
int packet_find_target(struct packet_sock *k, const struct socket_msg *m, struct packet_target *t,
                       struct sockaddr_ll *a);
uint32_t packet_max_len(const struct packet_sock *k, const struct netdev *d);
/* Sends what the program gave, no longer than that. Takes p. 0 or -errno. */
int packet_output(struct packet_sock *k, struct pktbuf *p, const struct packet_target *t);
ssize_t packet_sendmsg(struct socket *s, struct socket_msg *m);

/* ---- option.c ---- */

int packet_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len);
int packet_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len);
void packet_leave_all(struct packet_sock *k); /* its memberships */

#endif
