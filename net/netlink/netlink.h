/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlink.h: netlink sockets, netlink(7), and what answers them, rtnetlink(7); inside net/netlink/ only.
 *
 * A request is answered while it is sent: the answers are on the socket's queue when sendmsg returns.
 */
#ifndef NET_NETLINK_NETLINK_H
#define NET_NETLINK_NETLINK_H

#include "lib/list.h"
#include "net/netif.h"
#include "net/socket.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

struct nl_msg { /* one datagram to be received */
    struct list link;
    uint32_t len, room;
    uint32_t group; /* 0: an answer */
    char data[];
};

struct nl_sock {
    struct socket s; /* first */
    struct spinlock lock;
    struct list rx;     /* [lock] of struct nl_msg */
    uint32_t rx_bytes;  /* [lock] */
    uint32_t portid;    /* 0: not bound [sockets_lock to change] */
    uint32_t groups;    /* bits of RTMGRP_* [sockets_lock to change] */
    uint32_t to_portid; /* of connect() */
    bool cap_ack;       /* NETLINK_CAP_ACK: errors do not repeat the request */
    bool ext_ack, strict, pktinfo, no_enobufs;
    struct list all_link; /* [sockets_lock] */
};

/* ---- netlink.c ---- */

/* A datagram of up to room bytes, to be filled; NULL when out of memory. Any context. */
struct nl_msg *nl_msg_new(size_t room);
/* Puts it on the queue; without room there it is dropped, and the socket told. */
void nl_deliver(struct nl_sock *s, struct nl_msg *m);
/* To all who listen to a group (RTNLGRP_*); m is freed. */
void nl_multicast(struct nl_msg *m, unsigned group);
bool nl_has_listeners(unsigned group);

/* ---- answer.c: messages being put together ---- */

struct nl_answer {
    struct nl_sock *to; /* NULL: a notification */
    uint32_t seq;
    uint16_t flags;        /* of each message: NLM_F_MULTI */
    struct nl_msg *cur;    /* not yet delivered */
    struct nlmsghdr *head; /* the message under construction */
    bool failed;           /* out of memory */
};
/* Begins a message with a head of len bytes (zeroed, returned); NULL when out of memory. */
void *nl_begin(struct nl_answer *a, unsigned type, size_t len);
void nl_put(struct nl_answer *a, unsigned type, const void *data, size_t len);
static inline void nl_put_u32(struct nl_answer *a, unsigned type, uint32_t v)
{
    nl_put(a, type, &v, sizeof(v));
}
static inline void nl_put_u8(struct nl_answer *a, unsigned type, uint8_t v)
{
    nl_put(a, type, &v, sizeof(v));
}
void nl_put_str(struct nl_answer *a, unsigned type, const char *s);
void nl_end(struct nl_answer *a);
void nl_flush(struct nl_answer *a);

/* The attribute of a type with at least min bytes in a message behind its head of hdr bytes; NULL: there is none. */
const void *nl_attr(const struct nlmsghdr *n, size_t hdr, unsigned type, size_t min);
size_t nl_attr_len(const void *attr); /* of one that nl_attr() found */

/* ---- route.c, change.c: rtnetlink ---- */

/* 0, -errno, or -EINTR: answered by a dump, whose end is its acknowledgement. */
int rtnl_request(struct nl_sock *s, const struct nlmsghdr *n);
int rtnl_change(const struct nlmsghdr *n);
void rtnl_init(void); /* notifications */
/* An address as attributes have it; 0: none. */
struct inaddr rtnl_addr(unsigned family, const void *attr);
static inline size_t rtnl_addr_len(unsigned family)
{
    return family == AF_INET6 ? 16 : 4;
}

/* ---- diag.c, diag_inet.c, diag_unix.c: the socket monitor, sock_diag(7); as rtnl_request() ---- */

int diag_request(struct nl_sock *s, const struct nlmsghdr *n);

#endif
