/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_wire.h: a network card on the build host. Frames that the stack sends wait in a list for the test; the test makes frames
 * that come in. The machine is 10.0.0.2/24 and fe80::5054:ff:fe00:1; the neighbour with all the answers 10.0.0.1 and fe80::1.
 * Include after test.h.
 */
#ifndef TESTS_UNIT_NET_WIRE_H
#define TESTS_UNIT_NET_WIRE_H

#include "abi/netif.h"
#include "kernel/arch.h"
#include "kernel/netdev.h"
#include "kernel/thread.h"
#include "net/config.h"
#include "net/inet.h"
#include "net/nd.h"
#include "net/neigh.h"
#include "net/parse.h"
#include "net/resolver.h"
#include "net/route.h"
#include "shim.h"

static const uint8_t wire_mac[6] = { 0x52, 0x54, 0, 0, 0, 1 }, peer_mac[6] = { 2, 0, 0, 0, 0, 9 };
static struct netdev wire;
static struct pktqueue wire_sent;
static bool wire_full;

static int wire_transmit(struct netdev_queue *q, struct pktbuf *p, bool more)
{
    if (wire_full)
        return -EBUSY;
    pktqueue_append(&wire_sent, p);
    return 0;
}

static unsigned wire_poll(struct netdev_queue *q, unsigned budget)
{
    return 0;
}

static const struct netdev_ops wire_ops = { .transmit = wire_transmit, .poll = wire_poll };

static bool wire_capable(int cap)
{
    return true;
}
static void wire_cred(struct ucred *c, bool effective)
{
    *c = (struct ucred){ 1, 0, 0 };
}
static const struct socket_host wire_host = { .cred = wire_cred, .capable = wire_capable };

/* The next frame that was sent, in one piece, checksums complete; its length, 0: none. */
static unsigned wire_out(uint8_t *buf)
{
    struct pktbuf *p;
    unsigned len;

    softirq_run();
    p = pktqueue_take(&wire_sent);
    if (!p)
        return 0;
    CHECK(p->gso == GSO_NONE);
    pktbuf_checksum_finish(p);
    len = p->total;
    CHECK(pktbuf_copy_out(p, 0, buf, len));
    pktbuf_free(p);
    return len;
}

static void wire_drain(void)
{
    static uint8_t buf[70000];

    while (wire_out(buf))
        ;
}

static void wire_in(const void *frame, unsigned len)
{
    struct pktbuf *p = pktbuf_alloc(18, len); /* IP headers are aligned */

    if (!p)
        return;
    memcpy(pktbuf_put(p, len), frame, len);
    p->dev = &wire;
    netdev_receive(p);
    softirq_run();
}

/* ---- frames ---- */

static unsigned put_eth(uint8_t *b, const uint8_t *dst, uint16_t proto)
{
    memcpy(b, dst, 6);
    memcpy(b + 6, peer_mac, 6);
    put_be16(b + 12, proto);
    return 14;
}

static uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return be32(a << 24 | b << 16 | c << 8 | d);
}

/* An IPv4 header for len bytes behind it; frag: flags and offset. Returns 20. */
static unsigned put_ip4(uint8_t *b, uint8_t proto, uint32_t src, uint32_t dst, unsigned len, uint16_t frag,
                        uint16_t id)
{
    uint16_t sum;

    memset(b, 0, 20);
    b[0] = 0x45;
    put_be16(b + 2, 20 + len);
    put_be16(b + 4, id);
    put_be16(b + 6, frag);
    b[8] = 64;
    b[9] = proto;
    memcpy(b + 12, &src, 4);
    memcpy(b + 16, &dst, 4);
    sum = checksum_finish(checksum_add(b, 20, 0));
    memcpy(b + 10, &sum, 2);
    return 20;
}

static unsigned put_ip6(uint8_t *b, uint8_t next, const struct inaddr *src, const struct inaddr *dst,
                        unsigned len, uint8_t hops)
{
    put_be32(b, 6u << 28);
    put_be16(b + 4, len);
    b[6] = next;
    b[7] = hops;
    memcpy(b + 8, src, 16);
    memcpy(b + 24, dst, 16);
    return 40;
}

/* The checksum at offset at of len bytes, pseudo-header included when proto is not 0. */
static void put_sum(uint8_t *b, unsigned len, unsigned at, const struct inaddr *src, const struct inaddr *dst,
                    uint8_t proto)
{
    uint16_t sum;

    memset(b + at, 0, 2);
    sum = checksum_finish(checksum_add(b, len, proto ? ip_pseudo_sum(src, dst, proto, len) : 0));
    memcpy(b + at, &sum, 2);
}

static unsigned put_arp(uint8_t *b, uint16_t op, uint32_t spa, const uint8_t *tha, uint32_t tpa)
{
    unsigned n = put_eth(b, op == 1 ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : wire_mac, 0x0806);

    memcpy(b + n, "\0\1\x08\0\6\4\0", 7);
    b[n + 7] = op;
    memcpy(b + n + 8, peer_mac, 6);
    memcpy(b + n + 14, &spa, 4);
    memcpy(b + n + 18, tha, 6);
    memcpy(b + n + 24, &tpa, 4);
    return n + 28;
}

/* A whole UDP datagram over IPv4. */
static unsigned put_udp4(uint8_t *b, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
                         const void *data, unsigned len)
{
    struct inaddr s = inaddr_v4(src), d = inaddr_v4(dst);
    unsigned n = put_eth(b, wire_mac, 0x0800);

    n += put_ip4(b + n, IPPROTO_UDP, src, dst, 8 + len, 0, 1);
    put_be16(b + n, sport);
    put_be16(b + n + 2, dport);
    put_be16(b + n + 4, 8 + len);
    memcpy(b + n + 8, data, len);
    put_sum(b + n, 8 + len, 6, &s, &d, IPPROTO_UDP);
    return n + 8 + len;
}

/* ---- the machine ---- */

static void wire_start(void)
{
    struct addr_spec s = { .addr = inaddr_v4(v4(10, 0, 0, 2)),
                           .plen = PLEN_V4(24),
                           .valid_ns = TIME_NEVER,
                           .preferred_ns = TIME_NEVER };

    if (wire.ops)
        return;
    sched_init();
    socket_host = &wire_host;
    pktqueue_init(&wire_sent);
    wire.ops = &wire_ops;
    memcpy(wire.mac, wire_mac, 6);
    wire.mtu = wire.max_mtu = 1500;
    wire.features = NETDEV_TX_CSUM;
    wire.gso_max = 65535;
    wire.link_up = true;
    wire.nr_queues = 1;
    wire.hw_type = ARPHRD_ETHER;
    CHECK(netdev_add(&wire) == 0);
    net_begin();
    netif_of(&wire)->v6 = false;
    CHECK(netif_set_flags(&wire, IFF_UP, IFF_UP) == 0);
    CHECK(addr_add(&wire, &s) == 0);
    struct route r = { .prefix = inaddr_v4(0),
                       .plen = PLEN_V4(0),
                       .gateway = inaddr_v4(v4(10, 0, 0, 1)),
                       .dev = &wire,
                       .type = RTN_UNICAST,
                       .protocol = RTPROT_BOOT,
                       .expires_ns = TIME_NEVER };

    CHECK(route_add(&r, false) == 0);
    wire_drain();
}

/* The peer's MAC is known. */
static void wire_know_peer(void)
{
    struct inaddr a = inaddr_v4(v4(10, 0, 0, 1));

    CHECK(neigh_set(&wire, &a, peer_mac, NUD_PERMANENT, true) == 0);
}

/* ---- sockets ---- */

static struct socket *wire_socket(int family, int type, int protocol)
{
    const struct socket_family *f = socket_family_find(family);
    struct socket *s = NULL;

    CHECK(f && f->create(type, protocol, &s) == 0);
    return s;
}

static struct sockaddr_any sa4(uint32_t addr, uint16_t port)
{
    struct sockaddr_any a;

    inet_addr_put(&a, AF_INET, &(struct inaddr){ .w = { 0, 0, be32(0xffff), addr } }, be16(port), 0);
    return a;
}

static ssize_t wire_send(struct socket *s, const struct sockaddr_any *to, const void *data, size_t len)
{
    struct sockaddr_any name;
    struct socket_msg m = { .deadline_ns = TIME_NEVER, .flags = MSG_DONTWAIT };
    struct iov v;

    if (to) {
        name = *to;
        m.name = &name;
    }
    iov_kernel(&v, data, len);
    m.iov = &v;
    return s->ops->sendmsg(s, &m);
}

static ssize_t wire_recv(struct socket *s, void *data, size_t len, struct sockaddr_any *from)
{
    struct socket_msg m = { .deadline_ns = TIME_NEVER, .flags = MSG_DONTWAIT, .name = from };
    struct iov v;

    softirq_run();
    iov_kernel(&v, data, len);
    m.iov = &v;
    return s->ops->recvmsg(s, &m);
}

#endif
