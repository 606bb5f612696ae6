/* SPDX-License-Identifier: BSD-2-Clause */
/* dgram_send.c: where a datagram goes, its route, its bytes. */
#include "abi/errno.h"
#include "abi/netif.h"
#include "lib/string.h"
#include "net/dgram.h"
#include "net/netif.h"
#include <asm/socket.h>
#include <linux/udp.h>

#define SOL_IP   0
#define SOL_IPV6 41
#define SOL_UDP  17

/* ---- control messages ---- */

static int control_int(const struct cmsghdr *c, size_t len, int *n)
{
    if (len == 1 && c->level == SOL_IP) {
        *n = *(const uint8_t *)(c + 1);
        return 0;
    }
    if (len < sizeof(*n))
        return -EINVAL;
    memcpy(n, c + 1, sizeof(*n));
    return 0;
}

static int control_ip(struct flow *f, const struct cmsghdr *c, size_t len)
{
    struct in_pktinfo i;
    int n, err;

    switch (c->type) {
    case IP_PKTINFO:
        if (len < sizeof(i))
            return -EINVAL;
        memcpy(&i, c + 1, sizeof(i));
        if (i.ipi_ifindex)
            f->dev = i.ipi_ifindex;
        if (i.ipi_spec_dst.s_addr)
            f->src = inaddr_v4(i.ipi_spec_dst.s_addr);
        return 0;
    case IP_TTL:
        err = control_int(c, len, &n);
        if (err || n < 1 || n > 255)
            return -EINVAL;
        f->ttl = n;
        f->flags &= ~FLOW_TTL0;
        return 0;
    case IP_TOS:
        err = control_int(c, len, &n);
        if (err || n < 0 || n > 255)
            return -EINVAL;
        f->tos = n;
        return 0;
    }
    return -EINVAL;
}

static int control_ipv6(struct flow *f, const struct cmsghdr *c, size_t len)
{
    struct pktinfo6 i;
    int n, err;

    switch (c->type) {
    case IPV6_PKTINFO:
        if (len < sizeof(i))
            return -EINVAL;
        memcpy(&i, c + 1, sizeof(i));
        if (i.ifindex)
            f->dev = i.ifindex;
        memcpy(&f->src, &i.addr, 16);
        if (inaddr_is_any(&f->src) && inaddr_is_v4(&f->dst))
            f->src = inaddr_v4(0);
        return 0;
    case IPV6_HOPLIMIT:
    case IPV6_TCLASS:
        err = control_int(c, len, &n);
        if (err || n < -1 || n > 255)
            return -EINVAL;
        if (n < 0)
            return 0;
        if (c->type == IPV6_TCLASS) {
            f->tos = n;
        } else {
            f->ttl = n;
            f->flags = n ? f->flags & ~FLOW_TTL0 : f->flags | FLOW_TTL0;
        }
        return 0;
    case IPV6_DONTFRAG:
        err = control_int(c, len, &n);
        if (err || n < 0 || n > 1)
            return -EINVAL;
        f->flags = n ? f->flags | FLOW_NOFRAG : f->flags & ~FLOW_NOFRAG;
        return 0;
    }
    return -EINVAL;
}

int inet_control_send(struct flow *f, const struct socket_msg *m, int family, uint16_t *gso_size)
{
    int err = 0;

    for (size_t at = 0; !err && m->control_len - at >= sizeof(struct cmsghdr);) {
        const struct cmsghdr *c = (const struct cmsghdr *)((const char *)m->control + at);
        size_t len;

        if (c->len < sizeof(*c) || c->len > m->control_len - at)
            return -EINVAL;
        len = c->len - sizeof(*c);
        if (c->level == SOL_IP)
            err = control_ip(f, c, len);
        else if (c->level == SOL_IPV6 && family == AF_INET6)
            err = control_ipv6(f, c, len);
        else if (c->level == SOL_UDP && c->type == UDP_SEGMENT && len == sizeof(*gso_size))
            memcpy(gso_size, c + 1, sizeof(*gso_size));
        else if (c->level == SOL_UDP ||
                 (c->level == SOL_SOCKET && c->type != SO_MARK && c->type != SO_TIMESTAMPING_OLD))
            err = -EINVAL;
        at += MIN(CMSG_ALIGNED(c->len), m->control_len - at);
    }
    return err;
}

/* ---- where to ---- */

/* No address means this machine, in the family that the socket has come to speak. */
static struct inaddr loopback_for(const struct dgram *d, const struct inaddr *a)
{
    if (inaddr_is_v4(a) || (inaddr_is_v4(&d->local) && !inaddr_is_any(&d->local)))
        return inaddr_v4(be32(0x7f000001));
    return (struct inaddr){ .b = { [15] = 1 } };
}

int dgram_target(struct dgram *d, const struct socket_msg *m, struct flow *f, uint16_t *port,
                 uint16_t *gso_size)
{
    int err;

    *gso_size = d->gso_size;
    memset(f, 0, sizeof(*f));
    f->protocol = d->s.protocol;
    if (m->name && m->name->len) {
        if (d->s.family == AF_INET6 && m->name->len >= 2 &&
            m->name->family == AF_UNSPEC) /* as Linux: the peer */
            return -EINVAL;
        err = inet_addr_get(m->name, d->s.family, &f->dst, port, &f->dev);
        if (err)
            return err;
        if (inaddr_is_any(&f->dst)) /* this machine: RFC 1122's 0.0.0.0 means it on Linux */
            f->dst =
                inaddr_is_v4(&f->dst) ? inaddr_v4(be32(0x7f000001)) : (struct inaddr){ .b = { [15] = 1 } };
        if (d->s.family == AF_INET6 && inaddr_is_v4(&f->dst) &&
            (d->o.v6only || (d->bound && !inaddr_is_any(&d->local) && !inaddr_is_v4(&d->local))))
            return -ENETUNREACH;
    } else {
        if (!d->connected)
            return -EDESTADDRREQ;
        f->dst = d->remote;
        *port = d->rport;
        f->dev = d->remote_dev;
    }
    f->src = d->connected || (d->bound && !d->bound_many) ? d->local : INADDR_ANY6;
    if (inaddr_is_any(&f->src)) /* of the family that the packet has */
        f->src = inaddr_is_v4(&f->dst) ? inaddr_v4(0) : INADDR_ANY6;
    inet_flow_opts(f, &d->s, &d->o);
    if (m->flags & MSG_DONTROUTE)
        f->flags |= FLOW_LOCAL;
    if (d->o.label && !inaddr_is_v4(&f->dst))
        f->label = d->o.label;
    return m->control_len ? inet_control_send(f, m, d->s.family, gso_size) : 0;
}

static bool same_way(const struct flow *a, const struct flow *b)
{
    return inaddr_eq(&a->dst, &b->dst) && inaddr_eq(&a->src, &b->src) && a->dev == b->dev &&
           a->flags == b->flags;
}

struct dst *dgram_route(struct dgram *d, const struct flow *f)
{
    int err = 0;

    if (!dst_valid(&d->dst) || !same_way(&d->flow, f))
        err = dst_lookup(&d->dst, f);
    d->flow = *f;
    return err ? ERR_PTR(err) : &d->dst;
}

struct pktbuf *dgram_copy_in(struct iov *v, uint32_t len)
{
    struct pktbuf *p = pktbuf_alloc_data(PKTBUF_HEADROOM, len);
    bool ok;

    if (!p)
        return ERR_PTR(-ENOBUFS);
    ok = !p->len || iov_get(v, p->data, p->len) == p->len;
    for (unsigned i = 0; ok && i < p->nr_frags; i++)
        ok = iov_get(v, pktfrag_virt(&p->frags[i]), p->frags[i].len) == p->frags[i].len;
    if (ok)
        return p;
    pktbuf_free(p);
    return ERR_PTR(-EFAULT);
}

/* ---- peers ---- */

int dgram_connect_to(struct dgram *d, const struct inaddr *a, int dev)
{
    struct flow f = { .dst = *a, .dev = dev ? dev : d->s.bound_dev, .protocol = d->s.protocol };
    struct dst dst = { 0 };
    int err;

    if (inaddr_is_any(a))
        f.dst = loopback_for(d, a);
    if (d->s.family == AF_INET6 && inaddr_is_v4(&f.dst) && d->o.v6only)
        return -ENETUNREACH;
    f.src = d->bound ? d->bound_addr : INADDR_ANY6;
    if (inaddr_is_any(&f.src))
        f.src = inaddr_is_v4(&f.dst) ? inaddr_v4(0) : INADDR_ANY6;
    inet_flow_opts(&f, &d->s, &d->o);
    err = dst_lookup(&dst, &f);
    if (err)
        return err;
    spin_lock(&d->lock);
    d->remote = f.dst;
    d->remote_dev = dev;
    if (!d->bound || inaddr_is_any(&d->bound_addr))
        d->local = dst.src;
    d->connected = true;
    spin_unlock(&d->lock);
    dst_release(&dst);
    return 0;
}

void dgram_disconnect(struct dgram *d)
{
    spin_lock(&d->lock);
    d->connected = false;
    d->remote = inaddr_any_of(d->s.family);
    d->rport = 0;
    d->remote_dev = 0;
    d->local = d->bound ? d->bound_addr : inaddr_any_of(d->s.family);
    spin_unlock(&d->lock);
}

int dgram_choose_peer(struct dgram *d, const struct sockaddr_any *a, uint16_t *port)
{
    struct inaddr addr;
    int dev, err;

    if (a->len < 2)
        return -EINVAL;
    if (a->family == AF_UNSPEC) {
        dgram_disconnect(d);
        return 1;
    }
    err = inet_addr_get(a, d->s.family, &addr, port, &dev);
    return err ? err : dgram_connect_to(d, &addr, dev);
}
