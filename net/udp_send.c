/* SPDX-License-Identifier: BSD-2-Clause */
/* udp_send.c: UDP datagrams out: one at a time, corked together, or many in one packet (UDP_SEGMENT). */
#include "net/udp_send.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/zerocopy.h"
#include <linux/udp.h>

#define HLEN         8
#define MAX_SEGMENTS 128
#define CSUM_OFFSET  offsetof(struct udphdr, check)

/* Payload at data becomes a datagram and goes. [w] held. Takes p. */
static int transmit(struct dgram *d, struct pktbuf *p, const struct flow *f, uint16_t port, struct dst *dst,
                    uint16_t gso_size)
{
    struct udphdr *h = pktbuf_push(p, HLEN);

    h->source = d->lport;
    h->dest = port;
    h->len = be16(p->total);
    if (gso_size && p->total - HLEN > gso_size) {
        p->gso = GSO_UDP;
        p->gso_size = gso_size;
        p->gso_segs = (p->total - HLEN + gso_size - 1) / gso_size;
    }
    ip_checksum_partial(p, &dst->src, &f->dst, IPPROTO_UDP, CSUM_OFFSET);
    udp_stats[!inaddr_is_v4(&f->dst)].out_datagrams++;
    return ip_output(p, f, dst);
}

/* What a segment size allows: no fragments, not too many segments. */
static int check_segments(uint32_t len, uint16_t gso_size, const struct flow *f, const struct dst *dst)
{
    if (!gso_size || len <= gso_size)
        return 0;
    if (ip_header_len(f) + HLEN + gso_size > dst->mtu || len > gso_size * (uint32_t)MAX_SEGMENTS)
        return -EINVAL;
    return 0;
}

static uint32_t max_payload(const struct flow *f)
{
    return inaddr_is_v4(&f->dst) ? 0xffff - 20 - HLEN : 0xffff - HLEN;
}

/* ---- MSG_MORE, UDP_CORK ---- */

int udp_push_corked(struct dgram *d)
{
    struct pktbuf *p = d->corked;
    struct dst *dst;

    if (!p)
        return 0;
    d->corked = NULL;
    dst = dgram_route(d, &d->corked_flow);
    if (IS_ERR(dst)) {
        pktbuf_free(p);
        return PTR_ERR(dst);
    }
    return transmit(d, p, &d->corked_flow, d->corked_port, dst, 0);
}

/* Adds the bytes to what is corked. A datagram that grows is copied: programs cork a header and a body. */
static ssize_t add_corked(struct dgram *d, struct socket_msg *m, const struct flow *f, uint16_t port)
{
    uint32_t had = d->corked ? d->corked->total : 0, len = m->iov->count;
    struct pktbuf *fresh, *p;

    if (!d->corked) {
        d->corked_flow = *f;
        d->corked_port = port;
    }
    if (had + len > max_payload(&d->corked_flow))
        return -EMSGSIZE;
    if (unlikely(m->flags & MSG_ZEROCOPY))
        m->owner->copied = true;
    fresh = dgram_copy_in(m->iov, len);
    if (IS_ERR(fresh))
        return PTR_ERR(fresh);
    if (!had) {
        if (d->corked)
            pktbuf_free(d->corked);
        d->corked = fresh;
        return len;
    }
    p = pktbuf_alloc_data(PKTBUF_HEADROOM, had + len);
    if (p) {
        pktbuf_copy_packet(p, 0, d->corked);
        pktbuf_copy_packet(p, had, fresh);
        pktbuf_free(d->corked);
        d->corked = p;
    }
    pktbuf_free(fresh);
    return p ? (ssize_t)len : -ENOBUFS;
}

/* ---- sendmsg ---- */

/* The payload by reference, or NULL: it is to be copied. May sleep. */
static struct pktbuf *by_reference(struct socket_msg *m, uint32_t len, const struct dst *dst)
{
    struct iov was = *m->iov;
    struct pktbuf *p;
    uint32_t got;

    if (!zerocopy_possible(dst->dev))
        return NULL;
    p = pktbuf_alloc(PKTBUF_HEADROOM, 0);
    if (!p)
        return NULL;
    pktbuf_own(p, m->owner);
    p->nr_frags = zerocopy_pin(m->iov, len, p->frags, PKTBUF_MAX_FRAGS, &got);
    p->total = got;
    if (got == len)
        return p;
    pktbuf_free(p);
    *m->iov = was; /* more pieces than a packet has, or an address for the copy to find bad */
    return NULL;
}

/* [w] held */
static ssize_t send_one(struct dgram *d, struct socket_msg *m)
{
    uint32_t len = m->iov->count;
    uint16_t port, gso_size;
    struct pktbuf *p;
    struct dst *dst;
    struct flow f;
    int err;

    if (unlikely(d->corked)) { /* the first call said where to */
        ssize_t n = add_corked(d, m, NULL, 0);

        if (n >= 0 && !(m->flags & MSG_MORE) && !d->cork)
            err = udp_push_corked(d);
        else
            err = 0;
        return err ? err : n;
    }
    err = udp_autobind(d); /* as Linux: also when nothing comes of it */
    if (unlikely(err))
        return err;
    err = dgram_target(d, m, &f, &port, &gso_size);
    if (unlikely(err))
        return err;
    if (unlikely(!port))
        return -EINVAL;
    if (unlikely(len > max_payload(&f)))
        return -EMSGSIZE;
    dst = dgram_route(d, &f);
    if (IS_ERR(dst))
        return PTR_ERR(dst);
    if (unlikely(m->flags & MSG_CONFIRM))
        dst_confirm(dst);
    if (unlikely(m->flags & MSG_MORE || d->cork))
        return add_corked(d, m, &f, port);
    err = check_segments(len, gso_size, &f, dst);
    if (unlikely(err))
        return err;
    if (unlikely(m->flags & MSG_PROBE))
        return len;
    p = unlikely(m->flags & MSG_ZEROCOPY) ? by_reference(m, len, dst) : NULL;
    if (likely(!p)) {
        if (unlikely(m->flags & MSG_ZEROCOPY))
            m->owner->copied = true;
        p = dgram_copy_in(m->iov, len);
    }
    if (IS_ERR(p))
        return PTR_ERR(p);
    err = transmit(d, p, &f, port, dst, gso_size);
    /* A full queue of the device loses packets as the network does, unless the program wants to know of errors. */
    if (unlikely(err == -ENOBUFS && !d->o.recverr && !d->o.recverr6))
        err = 0;
    if (unlikely(err))
        udp_stats[!inaddr_is_v4(&f.dst)].sndbuf_errors += err == -ENOBUFS;
    return err ? err : (ssize_t)len;
}

ssize_t udp_sendmsg(struct socket *s, struct socket_msg *m)
{
    struct dgram *d = dgram_of(s);
    struct zerocopy *z = NULL;
    ssize_t n;

    if (unlikely(m->iov->count > 0xffff))
        return -EMSGSIZE;
    if (unlikely(m->flags & MSG_OOB))
        return -EOPNOTSUPP;
    if (unlikely(d->wr_shut))
        return -EPIPE;
    n = socket_take_error(s);
    if (unlikely(n))
        return n;
    if (unlikely(m->flags & MSG_ZEROCOPY)) {
        if (s->zerocopy && m->iov->count)
            z = zerocopy_begin(s, m->iov->count);
        else
            m->flags &= ~MSG_ZEROCOPY;
        if (IS_ERR(z))
            return PTR_ERR(z);
        if (z)
            m->owner = &z->owner;
    }
    mutex_lock(&s->writer);
    n = send_one(d, m);
    mutex_unlock(&s->writer);
    if (unlikely(z))
        zerocopy_end(z, n);
    return n;
}
