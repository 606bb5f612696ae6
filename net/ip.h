/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.h: what IPv4 and IPv6 offer to the protocols above them, the same for both.
 *
 * Addresses are 128 bits, IPv4's as ::ffff:a.b.c.d: one type, one table, one comparison. Everything here is for threads
 * and softirqs, with or without socket locks held (RANK_SOCKET and before), and never sleeps.
 */
#ifndef NET_IP_H
#define NET_IP_H

#include "kernel/netdev.h"
#include "lib/byteorder.h"
#include "lib/checksum.h"
#include <linux/in.h>
#include <linux/in6.h>

/* ---- addresses ---- */

struct inaddr { /* network byte order */
    union {
        uint8_t b[16];
        uint16_t h[8];
        uint32_t w[4];
        uint64_t q[2];
    };
};
#define INADDR_ANY6 ((struct inaddr){ .w = { 0 } })

static inline struct inaddr inaddr_v4(uint32_t network_order)
{
    struct inaddr a = { .w = { 0, 0, be32(0xffff), network_order } };

    return a;
}
static __always_inline bool inaddr_eq(const struct inaddr *a, const struct inaddr *b)
{
    return ((a->q[0] ^ b->q[0]) | (a->q[1] ^ b->q[1])) == 0;
}
static __always_inline bool inaddr_is_v4(const struct inaddr *a)
{
    return a->q[0] == 0 && a->w[2] == be32(0xffff);
}
/* :: or 0.0.0.0 */
static __always_inline bool inaddr_is_any(const struct inaddr *a)
{
    return a->q[0] == 0 && (a->w[2] == 0 || a->w[2] == be32(0xffff)) && a->w[3] == 0;
}
static inline bool inaddr_is_multicast(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}
static inline bool inaddr_is_loopback(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? a->b[12] == 127 : a->q[0] == 0 && a->w[2] == 0 && a->w[3] == be32(1);
}
/* fe80::/10 */
static inline bool inaddr_is_linklocal6(const struct inaddr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}
static inline bool inaddr_is_broadcast4(const struct inaddr *a)
{
    return inaddr_is_v4(a) && a->w[3] == 0xffffffff;
}
/* Enough to tell flows apart in a table; the caller adds a secret of its own where others choose the addresses. */
static inline uint32_t inaddr_hash(const struct inaddr *a)
{
    return (uint32_t)(((a->q[0] ^ a->q[1]) * 0x9e3779b97f4a7c15ull) >> 32);
}

enum inaddr_kind { KIND_REMOTE, KIND_LOCAL, KIND_BROADCAST, KIND_MULTICAST, KIND_ANY };
/* What the address is to this machine; dev: ifindex of the one device it must belong to, 0: any. */
enum inaddr_kind ip_kind(const struct inaddr *a, int dev);

/* The sum of the pseudo-header for CSUM_PARTIAL and for checking, not complemented. The mapped prefix counts as nothing
 * (0xffff is zero in one's complement), so that IPv4 and IPv6 are the same sum. len: transport header and payload. */
static inline uint32_t ip_pseudo_sum(const struct inaddr *src, const struct inaddr *dst, uint8_t protocol,
                                     uint32_t len)
{
    uint64_t sum = (uint64_t)be32(len) + be32(protocol);

    for (unsigned i = 0; i < 4; i++)
        sum += (uint64_t)src->w[i] + dst->w[i];
    return checksum_fold64(sum);
}
bool ip_checksum_verify(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                        uint8_t protocol);
/* The transport checksum of a packet whose data is at its transport header is right, or need not be looked at. Marks it
 * CSUM_VALID. A zero field of UDP is the caller's matter. */
static inline bool ip_checksum_ok(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                                  uint8_t protocol)
{
    /* CSUM_PARTIAL: it never left the machine */
    return likely(p->csum != CSUM_NONE) || ip_checksum_verify(p, src, dst, protocol);
}
/* Sets p's checksum up to be computed by the device or the link layer: data is at the transport header, offset is the
 * checksum field's in it. */
void ip_checksum_partial(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                         uint8_t protocol, uint16_t offset);
/* Computes what CSUM_PARTIAL left open. */
void pktbuf_checksum_finish(struct pktbuf *p);

/* ---- sending ---- */

struct flow {
    struct inaddr src, dst;          /* src any: the route chooses it (struct dst.src) */
    int dev;                         /* bound to this device; 0: any */
    uint8_t protocol, tos, ttl;      /* ttl 0: the default */
    uint8_t flags;                   /* FLOW_* */
    uint32_t label;                  /* IPv6 flow label, network byte order */
    const void *options;             /* IPv4 options or IPv6 extension headers; NULL: none */
    uint8_t options_len, options_nh; /* options_nh: IPv6, the first one's number */
};
#define FLOW_DF     1  /* IPv4: routers must not fragment it (IPv6 always) */
#define FLOW_NOFRAG 2  /* -EMSGSIZE rather than fragments of our own */
#define FLOW_LOCAL  4  /* SO_DONTROUTE: only what is on the link */
#define FLOW_BCAST  8  /* SO_BROADCAST */
#define FLOW_NOLOOP 16 /* multicast: not back to our own sockets */
#define FLOW_PROBE  32 /* the device's MTU counts, not what the path told */
#define FLOW_TTL0   64 /* ttl 0 means 0: not beyond this machine */

struct neigh;

/*
 * Where the packets of a flow go, worked out once: part of its user (a connection) and guarded as that is. Zeroed: not
 * looked up. Routes, addresses, neighbours and path MTUs that change make it invalid: dst_check() before use.
 */
struct dst {
    struct netdev *dev;
    struct neigh *neigh; /* holds a reference; NULL: no link header to resolve */
    struct inaddr src, next_hop;
    uint32_t mtu; /* of the path: IP header and all */
    uint32_t generation;
    uint8_t kind; /* enum inaddr_kind of flow.dst */
    bool loop;    /* stays in this machine */
};
/* Looks the route up. 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES (broadcast without FLOW_BCAST), -ENODEV, -ENOMEM. */
int dst_lookup(struct dst *d, const struct flow *f);
void dst_release(struct dst *d);
extern uint32_t dst_generation;
static inline bool dst_valid(const struct dst *d)
{
    return d->dev && d->generation == READ_ONCE(dst_generation);
}
/* Looks it up anew when it must be. src stays what the flow says. */
static inline int dst_check(struct dst *d, const struct flow *f)
{
    return likely(dst_valid(d)) ? 0 : dst_lookup(d, f);
}
/* What was learnt of the MTU on the way to a, from ICMP that is about a packet of ours. */
void pmtu_update(const struct inaddr *a, uint32_t mtu);
/* The peer answers: its neighbour entry need not be probed (Linux's MSG_CONFIRM). Cheap. */
void dst_confirm(struct dst *d);

/*
 * Sends: data is at the transport header, its checksum complete or CSUM_PARTIAL, at least PKTBUF_HEADROOM less the transport
 * header before it (flow.options need more). Takes the packet in any case. With gso the packet may be larger than the MTU
 * (segments of gso_size). 0 or -errno: -EMSGSIZE, -ENOBUFS, ...; a packet lost later on is no error.
 */
int ip_output(struct pktbuf *p, const struct flow *f, struct dst *d);

/* The IPv4 header of a flow whose packets differ in nothing but their length: made once, copied for each. */
struct ip_fixed {
    uint32_t generation; /* of dst_generation; 0: there is none */
    uint32_t words[5];   /* its length and checksum are zero */
    uint32_t sum;        /* of the words */
};
/* Makes x of a flow that was looked up. Without DF, with options, or where the source is no address of ours there is none. */
void ip_fixed_make(struct ip_fixed *x, const struct flow *f, const struct dst *d);
static inline bool ip_fixed_valid(const struct ip_fixed *x)
{
    return x->generation == READ_ONCE(dst_generation);
}
/* As ip_output(), with x, which is valid. */
int ip_output_fixed(struct pktbuf *p, const struct ip_fixed *x, const struct flow *f, struct dst *d);
/* Bytes of the IP header that flow f gets. */
static inline uint32_t ip_header_len(const struct flow *f)
{
    return (inaddr_is_v4(&f->dst) ? 20 : 40) + f->options_len;
}

/* ---- receiving ---- */

struct ip_rx { /* of the packet in hand; on the caller's stack */
    struct inaddr src, dst;
    struct netdev *dev;
    uint8_t protocol, tos, ttl;
    uint8_t kind; /* enum inaddr_kind of dst */
    uint32_t label;
};

/* An ICMP or ICMPv6 error about a packet we sent. */
struct ip_error {
    struct inaddr src, dst; /* of that packet: src is ours */
    struct inaddr offender; /* who says so */
    struct netdev *dev;
    uint8_t protocol;
    uint8_t type, code;     /* as received */
    int err;                /* errno, positive */
    bool hard;              /* connected UDP sockets are told even without IP_RECVERR */
    uint32_t mtu;           /* EMSGSIZE: of the next hop */
    struct inaddr redirect; /* err 0: no error, but who should carry packets to dst: redirect_accept() */
    const uint8_t *transport;
    uint32_t len;           /* linear bytes there, at least 8 */
    const struct pktbuf *p; /* the ICMP packet, its data at the ICMP header */
};

/* A transport protocol: one line in net/protocols.c. */
struct ip_protocol {
    uint8_t number;
    /* Called first for whole IPv4 packets to this host's link address: true: it belongs to a connection that knows its own
     * addresses (and that the packet came where its packets leave), and was taken. NULL: there are none. */
    bool (*early)(struct pktbuf *p, const struct ip_rx *r);
    /* data is at the transport header (p->transport too), total is what the IP header says, possibly fewer than any header's
     * bytes; r lives until the return. Takes the packet. False: nobody wanted it, and it was not taken: the sender is told
     * that the port is unreachable (or the protocol). */
    bool (*input)(struct pktbuf *p, const struct ip_rx *r);
    void (*error)(const struct ip_error *e); /* NULL: not interested */
};
extern const struct ip_protocol *const ip_protocols[]; /* NULL ends it */

/* Called by sockets when they are made: sets the network up, once, and lets DHCP come to an end. May sleep. */
void net_start(void);

#endif
