/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw.c: raw sockets: copies of all packets of a protocol, and packets of the program's own making, raw(7).
 *
 * IPv4's get the IP header, IPv6's do not. With IP_HDRINCL the program writes the IP header itself.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/dgram.h"
#include "net/filter.h"
#include "net/icmp.h"
#include "net/ip_frag.h"
#include "net/ip_input.h"
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#define SOL_RAW          255
#define ICMP_FILTER      1
#define SOL_ICMPV6       58
#define ICMPV6_FILTER    1
#define IPV6_CHECKSUM_AT 7

static struct spinlock table_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct dgram *sockets; /* [R], [table_lock] to change */

void raw_each(void (*fn)(struct dgram *d, unsigned bucket, void *arg), void *arg)
{
    for (struct dgram *d = atomic_load_acquire(&sockets); d; d = atomic_load_acquire(&d->next))
        fn(d, d->s.protocol & 255, arg);
}

/* ---- packets in ---- */

static bool wants(const struct dgram *d, const struct pktbuf *p, const struct ip_rx *r)
{
    bool v4 = inaddr_is_v4(&r->dst);

    if (d->s.protocol != r->protocol) /* IPPROTO_RAW is for sending alone */
        return false;
    if ((d->s.family == AF_INET) != v4)
        return false;
    if (!inaddr_is_any(&d->local) && !inaddr_eq(&d->local, &r->dst))
        return false;
    if (d->connected && !inaddr_eq(&d->remote, &r->src))
        return false;
    if (d->s.bound_dev && d->s.bound_dev != r->dev->index)
        return false;
    if (r->kind == KIND_MULTICAST && !inet_group_wants(&d->o, r))
        return false;
    if (p->len && (r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6)) {
        uint8_t type = p->data[0];

        if (d->icmp_filter[type / 32] >> (type % 32) & 1)
            return false;
    }
    return true;
}

static bool input(struct pktbuf *p, const struct ip_rx *r)
{
    bool taken = false;

    pktbuf_pull_linear(p, MIN(p->total, 1u));
    rcu_read_lock();
    for (struct dgram *d = atomic_load_acquire(&sockets); d; d = atomic_load_acquire(&d->next)) {
        struct pktbuf *c;

        if (!wants(d, p, r))
            continue;
        taken = true;
        c = pktbuf_clone(p);
        if (!c)
            continue;
        if (d->s.family == AF_INET)
            pktbuf_push(c, c->data - (c->head + c->network));
        else if (d->checksum_at >= 0 && !ip_checksum_ok(c, &r->src, &r->dst, r->protocol)) {
            pktbuf_free(c);
            continue;
        }
        if (unlikely(d->s.filter && !filter_packet(&d->s, c, 0))) {
            pktbuf_free(c);
            continue;
        }
        dgram_enqueue(d, c, r, 0);
    }
    rcu_read_unlock();
    return taken;
}

/* ---- sending ---- */

/* The program's own IP header: what it left zero is filled in. Takes p. */
static int send_with_header(struct pktbuf *p, const struct flow *f, struct dst *dst)
{
    struct iphdr *h;
    int err = -EINVAL;

    if (!pktbuf_pull_linear(p, sizeof(*h)))
        goto fail;
    h = (struct iphdr *)p->data;
    if (h->ihl < 5 || h->ihl * 4u > p->total || !pktbuf_pull_linear(p, h->ihl * 4))
        goto fail;
    err = -EMSGSIZE;
    if (p->total > dst->dev->mtu)
        goto fail;
    h = (struct iphdr *)p->data;
    if (!h->saddr)
        h->saddr = dst->src.w[3];
    h->tot_len = be16(p->total);
    h->check = 0;
    h->check = checksum_finish(checksum_add(h, h->ihl * 4, 0));
    p->network = p->data - p->head;
    p->transport = p->network + h->ihl * 4;
    p->protocol = ETH_P_IP;
    return ip_send_packet(p, dst, f);
fail:
    pktbuf_free(p);
    return err;
}

static int fill_checksum(struct dgram *d, struct pktbuf *p, const struct flow *f, const struct dst *dst)
{
    uint16_t sum;
    int at = d->s.protocol == IPPROTO_ICMPV6 ? 2 : d->checksum_at;

    if (d->s.family != AF_INET6 || at < 0)
        return 0;
    if ((uint32_t)at + 2 > p->total)
        return -EINVAL;
    if (!pktbuf_pull_linear(p, at + 2))
        return -ENOBUFS;
    memset(p->data + at, 0, 2);
    sum = ~pktbuf_checksum(p, 0, p->total, ip_pseudo_sum(&dst->src, &f->dst, d->s.protocol, p->total));
    memcpy(p->data + at, &sum, 2);
    return 0;
}

/* [w] held */
static ssize_t send_one(struct dgram *d, struct socket_msg *m)
{
    uint32_t len = m->iov->count;
    uint16_t port, gso;
    struct pktbuf *p;
    struct dst *dst;
    struct flow f;
    int err = dgram_target(d, m, &f, &port, &gso);

    if (err)
        return err;
    if (d->s.family == AF_INET6 && inaddr_is_v4(&f.dst))
        return -ENETUNREACH;
    if (d->o.hdrincl)
        f.flags |= FLOW_NOFRAG;
    dst = dgram_route(d, &f);
    if (IS_ERR(dst))
        return PTR_ERR(dst);
    p = dgram_copy_in(m->iov, len);
    if (IS_ERR(p))
        return PTR_ERR(p);
    if (d->o.hdrincl) {
        err = send_with_header(p, &f, dst);
        return err ? err : (ssize_t)len;
    }
    err = fill_checksum(d, p, &f, dst);
    if (err) {
        pktbuf_free(p);
        return err;
    }
    err = ip_output(p, &f, dst);
    if (err == -ENOBUFS && !d->o.recverr && !d->o.recverr6)
        err = 0;
    return err ? err : (ssize_t)len;
}

static ssize_t raw_sendmsg(struct socket *s, struct socket_msg *m)
{
    ssize_t n;

    if (m->iov->count > 0xffff)
        return -EMSGSIZE;
    if (m->flags & MSG_OOB)
        return -EOPNOTSUPP;
    mutex_lock(&s->writer);
    n = send_one(dgram_of(s), m);
    mutex_unlock(&s->writer);
    return n;
}

/* ---- sockets ---- */

static void raw_release(struct socket *s)
{
    struct dgram *d = dgram_of(s);

    spin_lock(&table_lock);
    dgram_unlink(&sockets, d);
    spin_unlock(&table_lock);
    dgram_release(d);
}

static int raw_bind(struct socket *s, const struct sockaddr_any *a)
{
    struct dgram *d = dgram_of(s);
    struct inaddr addr;
    uint16_t port;
    int dev, err = inet_addr_get(a, s->family, &addr, &port, &dev);

    if (!err)
        err = inet_bind_check(s, &d->o, &addr, dev);
    if (err)
        return err;
    mutex_lock(&s->writer);
    d->local = d->bound_addr = addr;
    d->bound_many = ip_kind(&addr, 0) == KIND_MULTICAST || ip_kind(&addr, 0) == KIND_BROADCAST;
    d->bound = true;
    if (dev)
        s->bound_dev = dev;
    mutex_unlock(&s->writer);
    return 0;
}

static int raw_connect(struct socket *s, const struct sockaddr_any *a, bool nonblock)
{
    uint16_t port;
    int err;

    mutex_lock(&s->writer);
    err = dgram_choose_peer(dgram_of(s), a, &port);
    mutex_unlock(&s->writer);
    return MIN(err, 0);
}

static int raw_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len)
{
    struct dgram *d = dgram_of(s);
    int n;

    if (level == SOL_RAW && name == ICMP_FILTER && s->protocol == IPPROTO_ICMP) {
        memcpy(d->icmp_filter, val, MIN(len, 4u));
        return 0;
    }
    if (level == SOL_ICMPV6 && name == ICMPV6_FILTER && s->protocol == IPPROTO_ICMPV6) {
        memcpy(d->icmp_filter, val, MIN(len, (unsigned)sizeof(d->icmp_filter)));
        return 0;
    }
    if (level == 41 && name == IPV6_CHECKSUM_AT && s->family == AF_INET6) {
        if (len < sizeof(n))
            return -EINVAL;
        memcpy(&n, val, sizeof(n));
        if (n > 0 && n & 1)
            return -EINVAL;
        d->checksum_at = n < 0 ? -1 : n;
        return 0;
    }
    return inet_setsockopt(s, &d->o, level, name, val, len);
}

static int raw_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len)
{
    struct dgram *d = dgram_of(s);

    if ((level == SOL_RAW && name == ICMP_FILTER && s->protocol == IPPROTO_ICMP) ||
        (level == SOL_ICMPV6 && name == ICMPV6_FILTER && s->protocol == IPPROTO_ICMPV6)) {
        *len = MIN(*len, level == SOL_RAW ? 4u : (unsigned)sizeof(d->icmp_filter));
        memcpy(val, d->icmp_filter, *len);
        return 0;
    }
    return inet_getsockopt(s, &d->o, level, name, val, len);
}

static const struct socket_ops raw_ops = {
    .release = raw_release,
    .bind = raw_bind,
    .connect = raw_connect,
    .getname = dgram_getname,
    .poll = dgram_poll,
    .sendmsg = raw_sendmsg,
    .recvmsg = dgram_recvmsg,
    .shutdown = dgram_shutdown,
    .setsockopt = raw_setsockopt,
    .getsockopt = raw_getsockopt,
    .ioctl = dgram_ioctl,
    .filters = true,
};

int raw_create(int family, int protocol, struct socket **s)
{
    struct dgram *d;

    if (!socket_host->capable(CAP_NET_RAW))
        return -EPERM;
    d = dgram_new(&raw_ops, family, SOCK_RAW, protocol);
    if (!d)
        return -ENOBUFS;
    d->o.hdrincl = family == AF_INET && protocol == IPPROTO_RAW;
    spin_lock(&table_lock);
    dgram_link(&sockets, d);
    raw_input = input;
    spin_unlock(&table_lock);
    *s = &d->s;
    return 0;
}
