/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_wire.h: TCP without IP, on the build host: what net/tcp calls of net/ip.h, over a network that the test makes up.
 *
 * Addresses are 10.0.0.1 and so on; all are local, so both ends of a connection may live in the one stack. A segment that is
 * sent is segmented, gets its checksum and goes to wire_out(), which the test defines; wire_deliver() brings one in.
 */
#ifndef TESTS_UNIT_TCP_WIRE_H
#define TESTS_UNIT_TCP_WIRE_H

#include "kernel/thread.h"
#include "net/ip.h"
#include "net/redirect.h"
#include "net/socket.h"
#include "net/tcp/tcp_sock.h"
#include "net/timer.h"
#include "net/timer_softirq.h"
#include "shim.h"

static void wire_out(struct pktbuf *p,
                     const struct flow *f); /* the test's; takes p: data at the TCP header, no frags */

static uint32_t wire_mtu = 1500;
static bool wire_tso = true, wire_whole; /* whole: what was sent as one arrives as one */
static struct netdev wire_dev = {
    .name = "wire", .index = 1, .mtu = 1500, .link_up = true, .gso_max = 65536
};
uint32_t dst_generation = 1;

static struct inaddr wire_addr(unsigned host)
{
    return inaddr_v4(be32(0x0a000000 | host));
}

int dst_lookup(struct dst *d, const struct flow *f)
{
    memset(d, 0, sizeof(*d));
    wire_dev.features = wire_tso ? NETDEV_TSO4 | NETDEV_TSO6 | NETDEV_TX_CSUM : 0;
    d->dev = &wire_dev;
    d->src = inaddr_is_any(&f->src) ? wire_addr(1) : f->src;
    d->mtu = wire_mtu;
    d->generation = dst_generation;
    d->kind = KIND_REMOTE;
    return 0;
}

void dst_release(struct dst *d)
{
}

void dst_confirm(struct dst *d)
{
}

enum inaddr_kind ip_kind(const struct inaddr *a, int dev)
{
    return KIND_LOCAL;
}

void net_start(void)
{
}

void pmtu_update(const struct inaddr *a, uint32_t mtu)
{
    wire_mtu = MIN(wire_mtu, mtu);
}

static unsigned wire_redirects; /* that TCP found to be about a connection */

void redirect_accept(const struct ip_error *e)
{
    wire_redirects++;
}

/* ---- net/inet.h: no options of IP ---- */

void inet_opts_init(struct inet_opts *o)
{
    memset(o, 0, sizeof(*o));
}

void inet_opts_release(struct inet_opts *o)
{
}

void inet_flow_opts(struct flow *f, const struct socket *s, const struct inet_opts *o)
{
}

int inet_setsockopt(struct socket *s, struct inet_opts *o, int level, int name, const void *val, unsigned len)
{
    return -ENOPROTOOPT;
}

int inet_getsockopt(struct socket *s, struct inet_opts *o, int level, int name, void *val, unsigned *len)
{
    return -ENOPROTOOPT;
}

int inet_bind_check(const struct socket *s, const struct inet_opts *o, const struct inaddr *a, int dev)
{
    return 0;
}

int inet_port_check(uint16_t port)
{
    return 0;
}

long inet_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    return -ENOTTY;
}

int inet_addr_get(const struct sockaddr_any *a, int family, struct inaddr *addr, uint16_t *port, int *dev)
{
    const struct sockaddr_in *in = (const void *)a->bytes;

    *addr = inaddr_v4(in->sin_addr.s_addr);
    *port = in->sin_port;
    *dev = 0;
    return 0;
}

void inet_addr_put(struct sockaddr_any *a, int family, const struct inaddr *addr, uint16_t port, int dev)
{
}

static uint16_t wire_sum(const struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst)
{
    return checksum_finish(pktbuf_checksum(p, 0, p->total, ip_pseudo_sum(src, dst, IPPROTO_TCP, p->total)));
}

bool ip_checksum_verify(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                        uint8_t protocol)
{
    return !wire_sum(p, src, dst);
}

void ip_checksum_partial(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                         uint8_t protocol, uint16_t offset)
{
    p->csum = CSUM_PARTIAL;
}

/* Copies, so that what is under way does not change when the sender's pages do. */
static struct pktbuf *wire_piece(const struct pktbuf *p, uint32_t header, uint32_t off, uint32_t len)
{
    struct pktbuf *c = pktbuf_alloc(PKTBUF_HEADROOM, header + len);

    if (!c)
        return NULL;
    c->transport = c->data - c->head;
    memcpy(pktbuf_put(c, header), p->data, header);
    pktbuf_copy_out(p, header + off, pktbuf_put(c, len), len);
    return c;
}

int ip_output(struct pktbuf *p, const struct flow *f, struct dst *d)
{
    uint32_t header = (p->data[12] >> 4) * 4, payload = p->total - header, off = 0;
    uint32_t step = p->gso && !wire_whole ? p->gso_size : payload;

    do {
        uint32_t n = MIN(step, payload - off);
        struct pktbuf *c = wire_piece(p, header, off, n);
        struct tcp_header *h;

        if (!c)
            break;
        h = (struct tcp_header *)c->data;
        h->seq = be32(be32(h->seq) + off);
        if (off + n < payload)
            h->flags &= ~(TH_FIN | TH_PSH);
        if (off)
            h->flags &= ~TH_CWR;
        h->check = 0;
        if (p->gso && wire_whole) {
            c->gso = p->gso;
            c->gso_size = p->gso_size;
            c->gso_segs = p->gso_segs;
        }
        h->check = wire_sum(c, &f->src, &f->dst);
        wire_out(c, f);
        off += n;
    } while (off < payload);
    pktbuf_free(p);
    return 0;
}

void ip_fixed_make(struct ip_fixed *x, const struct flow *f, const struct dst *d)
{
    x->generation = d->generation;
}

int ip_output_fixed(struct pktbuf *p, const struct ip_fixed *x, const struct flow *f, struct dst *d)
{
    return ip_output(p, f, d);
}

/* Takes p, data at the TCP header. */
static void wire_deliver(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst, uint8_t tos)
{
    struct ip_rx r = { .src = *src,
                       .dst = *dst,
                       .dev = &wire_dev,
                       .protocol = IPPROTO_TCP,
                       .tos = tos,
                       .ttl = 64,
                       .kind = KIND_LOCAL };

    if (!tcp_protocol.early(p, &r) && !tcp_protocol.input(p, &r))
        pktbuf_free(p);
}

/* ---- sockets as a program has them ---- */

static bool host_capable(int cap)
{
    return true;
}
static const struct socket_host wire_host = { .capable = host_capable };
static void wire_start(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    socket_host = &wire_host;
    net_timer_softirq_init();
}

static struct sockaddr_any wire_name(unsigned host, uint16_t port)
{
    struct sockaddr_any a = { .len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (void *)a.bytes;

    in->sin_family = AF_INET;
    in->sin_port = be16(port);
    in->sin_addr.s_addr = wire_addr(host).w[3];
    return a;
}

static struct socket *wire_socket(void)
{
    struct socket *s = NULL;

    wire_start();
    tcp_create(AF_INET, 0, &s);
    return s;
}

static ssize_t wire_send(struct socket *s, const void *buf, size_t len, unsigned flags)
{
    struct iov v;
    struct socket_msg m = { .iov = &v, .flags = flags, .deadline_ns = TIME_NEVER };

    iov_kernel(&v, buf, len);
    return s->ops->sendmsg(s, &m);
}

static ssize_t wire_receive(struct socket *s, void *buf, size_t len, unsigned flags)
{
    struct iov v;
    struct socket_msg m = { .iov = &v, .flags = flags, .deadline_ns = TIME_NEVER };

    iov_kernel(&v, buf, len);
    return s->ops->recvmsg(s, &m);
}

static int wire_set(struct socket *s, int level, int name, int value)
{
    return s->ops->setsockopt(s, level, name, &value, sizeof(value));
}

#endif
