/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inet.h: what the sockets of AF_INET and AF_INET6 share: addresses, options of the levels SOL_IP and SOL_IPV6, and
 * datagram sockets' queues.
 */
#ifndef NET_INET_H
#define NET_INET_H

#include "net/ip.h"
#include "net/socket.h"

/* ---- addresses ---- */

/* From sockaddr_in or sockaddr_in6, as a socket of the family takes it. port: network order; dev: sin6_scope_id of
 * link-local addresses, else 0. 0, -EINVAL, -EAFNOSUPPORT. */
int inet_addr_get(const struct sockaddr_any *a, int family, struct inaddr *addr, uint16_t *port, int *dev);
void inet_addr_put(struct sockaddr_any *a, int family, const struct inaddr *addr, uint16_t port, int dev);
/* The address of no host that sockets of the family are bound to. */
static inline struct inaddr inaddr_any_of(int family)
{
    return family == AF_INET ? inaddr_v4(0) : INADDR_ANY6;
}
/* May a socket of these options be bound to the address? 0 or -EADDRNOTAVAIL, -EINVAL. */
struct inet_opts;
int inet_bind_check(const struct socket *s, const struct inet_opts *o, const struct inaddr *a, int dev);
/* Ports below 1024 are for the privileged: 0 or -EACCES. */
int inet_port_check(uint16_t port);

/* ---- options ---- */

/* inet_opts.recv: what recvmsg hands out. */
#define RECV_PKTINFO   (1u << 0)
#define RECV_TTL       (1u << 1)
#define RECV_TOS       (1u << 2)
#define RECV_ORIGDST   (1u << 3)
#define RECV_PKTINFO6  (1u << 4)
#define RECV_HOPLIMIT6 (1u << 5)
#define RECV_TCLASS6   (1u << 6)
#define RECV_ORIGDST6  (1u << 7)
#define RECV_GRO       (1u << 8)
#define RECV_OPTS      (1u << 9)
#define RECV_FLOWINFO6 (1u << 10)

struct membership {
    struct membership *next; /* [R] */
    struct inaddr group;
    struct netdev *dev;
    struct mc_filter *filter; /* NULL: all sources [R] */
    struct rcu_head rcu;
};

struct inet_opts {           /* written by setsockopt, read without a lock [a] */
    uint8_t tos, ttl;        /* ttl 0: the default */
    uint8_t tclass;          /* IPv6's */
    int16_t hops;            /* -1: the default */
    uint8_t mc_ttl, mc_hops; /* of multicasts */
    bool mc_loop, mc_loop6, mc_all, mc_all6;
    int mc_dev, mc_dev6;
    struct inaddr mc_addr;       /* IP_MULTICAST_IF's address; any: none */
    uint8_t pmtudisc, pmtudisc6; /* IP_PMTUDISC_*; of IPv6 the same numbers */
    uint8_t min_ttl, min_hops;
    bool v6only, freebind, transparent, recverr, recverr6, hdrincl, bind_no_port, autoflowlabel, dontfrag,
        checksum_off;
    uint32_t recv; /* RECV_* */
    uint32_t label;
    uint8_t options[40]; /* IP_OPTIONS */
    uint8_t options_len;
    struct membership *groups; /* membership.c [R] */
};

void inet_opts_init(struct inet_opts *o);
void inet_opts_release(struct inet_opts *o); /* leaves the groups; may sleep */
/* Levels SOL_IP, SOL_IPV6, and of SOL_SOCKET those about devices. -ENOPROTOOPT: not one of these. */
int inet_setsockopt(struct socket *s, struct inet_opts *o, int level, int name, const void *val,
                    unsigned len);
int inet_getsockopt(struct socket *s, struct inet_opts *o, int level, int name, void *val, unsigned *len);
/* Does the socket want what r says comes to a group? Its memberships say so, or, where it has none of that group on that
 * device, IP_MULTICAST_ALL. rcu_read_lock() held. */
bool inet_group_wants(const struct inet_opts *o, const struct ip_rx *r);
/* The fields of a flow to f->dst that options say: tos, ttl, flags, device and source of multicasts. */
void inet_flow_opts(struct flow *f, const struct socket *s, const struct inet_opts *o);
/* Control messages of sendmsg change f; gso_size: UDP_SEGMENT's. 0 or -EINVAL. */
int inet_control_send(struct flow *f, const struct socket_msg *m, int family, uint16_t *gso_size);
/* IP_ADD_MEMBERSHIP and all the others of groups and their sources. -ENOPROTOOPT: not one of these. */
int membership_set(struct socket *s, struct inet_opts *o, int level, int name, const void *val, unsigned len);
/* IP_MSFILTER, MCAST_MSFILTER: val says whose, and gets the answer. */
int membership_get(struct socket *s, struct inet_opts *o, int level, int name, void *val, unsigned *len);
extern uint32_t igmp_max_memberships, igmp_max_msf,
    mld_max_msf; /* sysctls: groups of a socket, sources of a group */

/* SIOC*: interfaces, routes, ARP. -ENOTTY: not one of these. */
long inet_ioctl(struct socket *s, unsigned cmd, uintptr_t arg);

/* ---- making sockets: one line each in inet.c ---- */

int udp_create(int family, int protocol, struct socket **s);
int ping_create(int family, int protocol, struct socket **s);
int raw_create(int family, int protocol, struct socket **s);

#endif
