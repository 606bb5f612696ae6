/* SPDX-License-Identifier: BSD-2-Clause */
/* udp.c: UDP (RFC 768): datagrams in, and sockets. Sending is in udp_send.c. */
#include "net/udp.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/config.h"
#include "net/filter.h"
#include "net/link.h"
#include "net/redirect.h"
#include "net/udp_send.h"
#include <asm/socket.h>
#include <linux/udp.h>

#define SOL_UDP           17
#define HLEN              8
#define DHCP_CLIENT_PORT  68
#define DHCP6_CLIENT_PORT 546

struct udp_stats udp_stats[2];

/* ---- packets in ---- */

static uint32_t flow_hash(const struct pktbuf *p, const struct ip_rx *r, const struct udphdr *h)
{
    if (p->hash)
        return p->hash;
    return (inaddr_hash(&r->src) ^ inaddr_hash(&r->dst) ^ ((uint32_t)h->source << 16 | h->dest)) *
           0x9e3779b1u;
}

/* To one socket; data is at the UDP header. Takes p. */
static void to_socket(struct dgram *d, struct pktbuf *p, const struct ip_rx *r, uint16_t sport)
{
    uint8_t min = inaddr_is_v4(&r->dst) ? d->o.min_ttl : d->o.min_hops;
    struct udp_stats *s = &udp_stats[!inaddr_is_v4(&r->dst)];

    if (unlikely(min && r->ttl < min)) {
        pktbuf_free(p);
        return;
    }
    pktbuf_pull(p, HLEN);
    if (unlikely(d->s.filter && !filter_packet(&d->s, p, HLEN))) {
        s->in_errors++;
        pktbuf_free(p);
        return;
    }
    if (likely(dgram_enqueue(d, p, r, sport))) {
        s->in_datagrams++;
    } else {
        s->rcvbuf_errors++;
        s->in_errors++;
    }
}

/* Several datagrams in one packet, for a socket that did not ask for that. Takes p, its data at the UDP header. */
static void to_socket_split(struct dgram *d, struct pktbuf *p, const struct ip_rx *r, uint16_t sport)
{
    struct pktqueue q;
    struct pktbuf *seg;
    uint32_t off = p->data - (p->head + p->network);

    pktbuf_push(p, off);
    p->link = p->network;
    if (!gso_segment(p, &q))
        return;
    while ((seg = pktqueue_take(&q))) {
        pktbuf_pull(seg, off);
        to_socket(d, seg, r, sport);
    }
}

static inline void deliver(struct dgram *d, struct pktbuf *p, const struct ip_rx *r, uint16_t sport)
{
    if (unlikely(p->gso == GSO_UDP && !d->gro))
        to_socket_split(d, p, r, sport);
    else
        to_socket(d, p, r, sport);
}

/* What is for nobody may be an answer to our own clients, who look at it, whatever it is; else false. */
static bool try_dhcp(struct pktbuf *p, const struct ip_rx *r, uint16_t dport)
{
    void (*client)(struct pktbuf * p, const struct ip_rx *r) = dport == be16(DHCP_CLIENT_PORT) ? dhcp_input
                                                               : dport == be16(DHCP6_CLIENT_PORT)
                                                                   ? dhcp6_input
                                                                   : NULL;

    if (client)
        client(p, r);
    return client;
}

static void to_many(struct pktbuf *p, const struct ip_rx *r, uint16_t sport, uint16_t dport)
{
    struct dgram *d = udp_next_of_many(NULL, r, sport, dport), *next;

    if (!d)
        try_dhcp(p, r, dport);
    for (; d; d = next) {
        struct pktbuf *c = p;

        next = udp_next_of_many(d, r, sport, dport);
        if (next)
            c = pktbuf_clone(p);
        if (c)
            deliver(d, c, r, sport);
        if (!next)
            return;
    }
    pktbuf_free(p);
}

static bool __cold bad(struct pktbuf *p, struct udp_stats *s)
{
    s->in_errors++;
    pktbuf_free(p);
    return true;
}

static bool udp_input(struct pktbuf *p, const struct ip_rx *r)
{
    struct udp_stats *s = &udp_stats[!inaddr_is_v4(&r->dst)];
    const struct udphdr *h;
    uint16_t sport, dport;
    struct dgram *d;
    unsigned len;

    if (unlikely(!pktbuf_pull_linear(p, HLEN)))
        return bad(p, s);
    h = (const struct udphdr *)p->data;
    sport = h->source;
    dport = h->dest;
    len = be16(h->len);
    if (unlikely(p->gso == GSO_UDP))
        len = p->total;
    if (unlikely(len < HLEN || len > p->total))
        return bad(p, s);
    if (unlikely(len < p->total))
        pktbuf_trim(p, len);
    /* No checksum at all is fine in IPv4 only. */
    if (unlikely(!h->check)) {
        if (!inaddr_is_v4(&r->dst))
            return bad(p, s);
    } else if (unlikely(!ip_checksum_ok(p, &r->src, &r->dst, IPPROTO_UDP))) {
        s->csum_errors++;
        return bad(p, s);
    }
    rcu_read_lock();
    if (unlikely(r->kind != KIND_LOCAL)) {
        to_many(p, r, sport, dport);
        rcu_read_unlock();
        return true;
    }
    d = udp_find(&r->src, sport, &r->dst, dport, r->dev->index, flow_hash(p, r, h));
    if (likely(d))
        deliver(d, p, r, sport);
    rcu_read_unlock();
    if (likely(d))
        return true;
    if (try_dhcp(p, r, dport)) {
        pktbuf_free(p);
        return true;
    }
    s->no_ports++;
    return false;
}

static void udp_error(const struct ip_error *e)
{
    uint16_t sport, dport;
    struct dgram *d;

    memcpy(&sport, e->transport, 2);
    memcpy(&dport, e->transport + 2, 2);
    rcu_read_lock();
    d = udp_find(&e->dst, dport, &e->src, sport, e->dev ? e->dev->index : 0, 0);
    if (d && !e->err) {
        redirect_accept(e);
    } else if (d) {
        if (e->err == EMSGSIZE && e->mtu)
            pmtu_update(&e->dst, e->mtu);
        dgram_error(d, e, HLEN);
    }
    rcu_read_unlock();
}

const struct ip_protocol udp_protocol = { .number = IPPROTO_UDP, .input = udp_input, .error = udp_error };

/* ---- sockets ---- */

static void udp_release(struct socket *s)
{
    struct dgram *d = dgram_of(s);

    udp_unbind(d);
    dgram_release(d);
}

static int udp_bind(struct socket *s, const struct sockaddr_any *a)
{
    struct dgram *d = dgram_of(s);
    struct inaddr addr;
    uint16_t port;
    int dev, err = inet_addr_get(a, s->family, &addr, &port, &dev);

    if (s->family == AF_INET6 && a->len >= 2 && a->family != AF_INET6)
        err = -EAFNOSUPPORT;
    if (!err)
        err = inet_bind_check(s, &d->o, &addr, dev);
    if (!err)
        err = inet_port_check(port);
    if (err)
        return err;
    mutex_lock(&s->writer);
    if (d->lport)
        err = -EINVAL;
    if (!err && !(d->o.bind_no_port && !port))
        err = udp_bind_port(d, &addr, port);
    if (!err) {
        d->bound_addr = d->local = addr;
        d->bound_many = ip_kind(&addr, 0) == KIND_MULTICAST || ip_kind(&addr, 0) == KIND_BROADCAST;
        d->bound = true;
        if (dev)
            s->bound_dev = dev;
    }
    mutex_unlock(&s->writer);
    return err;
}

/* [w] held: a port of its own, if it has none. */
int udp_autobind(struct dgram *d)
{
    struct inaddr any = inaddr_any_of(d->s.family), local = d->local;
    int err;

    if (likely(d->lport))
        return 0;
    err = udp_bind_port(d, d->bound ? &d->bound_addr : &any, 0);
    if (!err)
        d->local = local;
    return err == -EADDRINUSE ? -EAGAIN : err;
}

static int udp_connect(struct socket *s, const struct sockaddr_any *a, bool nonblock)
{
    struct dgram *d = dgram_of(s);
    uint16_t port;
    int err;

    mutex_lock(&s->writer);
    err = dgram_choose_peer(d, a, &port);
    if (!err) {
        d->rport = port;
        err = udp_autobind(d);
    } else if (err > 0 && !d->bound) { /* the port was chosen for the peer */
        udp_unbind(d);
        d->lport = 0;
    }
    mutex_unlock(&s->writer);
    return MIN(err, 0);
}

static int udp_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len)
{
    struct dgram *d = dgram_of(s);
    int n;

    if (level != SOL_UDP)
        return inet_setsockopt(s, &d->o, level, name, val, len);
    if (len < sizeof(n))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    switch (name) {
    case UDP_CORK:
        mutex_lock(&s->writer);
        d->cork = n;
        if (!n)
            udp_push_corked(d);
        mutex_unlock(&s->writer);
        return 0;
    case UDP_SEGMENT:
        if (n < 0 || n > (int)UINT16_MAX)
            return -EINVAL;
        d->gso_size = n;
        return 0;
    case UDP_GRO:
        d->gro = n;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int udp_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len)
{
    struct dgram *d = dgram_of(s);
    int n;

    if (level != SOL_UDP)
        return inet_getsockopt(s, &d->o, level, name, val, len);
    switch (name) {
    case UDP_CORK:
        n = d->cork;
        break;
    case UDP_SEGMENT:
        n = d->gso_size;
        break;
    case UDP_GRO:
        n = d->gro;
        break;
    default:
        return -ENOPROTOOPT;
    }
    *len = MIN(*len, (unsigned)sizeof(n));
    memcpy(val, &n, *len);
    return 0;
}

static const struct socket_ops udp_ops = {
    .release = udp_release,
    .bind = udp_bind,
    .connect = udp_connect,
    .getname = dgram_getname,
    .poll = dgram_poll,
    .sendmsg = udp_sendmsg,
    .recvmsg = dgram_recvmsg,
    .zerocopy = true,
    .shutdown = dgram_shutdown,
    .setsockopt = udp_setsockopt,
    .getsockopt = udp_getsockopt,
    .ioctl = dgram_ioctl,
    .filters = true,
};

int udp_create(int family, int protocol, struct socket **s)
{
    struct dgram *d = dgram_new(&udp_ops, family, SOCK_DGRAM, protocol);

    if (!d)
        return -ENOBUFS;
    *s = &d->s;
    return 0;
}
