/* SPDX-License-Identifier: BSD-2-Clause */
/* ping.c: sockets for echo requests without privilege, icmp(7): the identifier is a port, the kernel sees to it. */
#include "abi/errno.h"
#include "kernel/random.h"
#include "lib/string.h"
#include "net/dgram.h"
#include "net/filter.h"
#include "net/icmp.h"

#define HLEN 8 /* type, code, checksum, identifier, sequence */

static struct spinlock table_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct dgram *sockets; /* [R], [table_lock] to change */

/* rcu_read_lock() held. */
static struct dgram *find(uint16_t id, bool v4, const struct inaddr *local, int dev)
{
    struct dgram *d;

    for (d = atomic_load_acquire(&sockets); d; d = atomic_load_acquire(&d->next))
        if (d->lport == id && (d->s.family == AF_INET) == v4 &&
            (inaddr_is_any(&d->local) || inaddr_eq(&d->local, local)) &&
            (!d->s.bound_dev || d->s.bound_dev == dev))
            break;
    return d;
}

static void reply(struct pktbuf *p, const struct ip_rx *r)
{
    uint16_t id;
    struct dgram *d;
    struct pktbuf *c;

    memcpy(&id, p->data + 4, 2);
    rcu_read_lock();
    d = find(id, inaddr_is_v4(&r->dst), &r->dst, r->dev->index);
    c = d ? pktbuf_clone(p) : NULL;
    if (c && d->s.filter && !filter_packet(&d->s, c, 0))
        pktbuf_free(c);
    else if (c)
        dgram_enqueue(d, c, r, 0);
    rcu_read_unlock();
}

static void error(const struct ip_error *e)
{
    bool v4 = inaddr_is_v4(&e->src);
    uint16_t id;
    struct dgram *d;

    if (e->transport[0] != (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST))
        return;
    memcpy(&id, e->transport + 4, 2);
    rcu_read_lock();
    d = find(id, v4, &e->src, e->dev ? e->dev->index : 0);
    if (d)
        dgram_error(d, e, 0);
    rcu_read_unlock();
}

/* An identifier of its own; 0: any. [w] held. */
static int take_id(struct dgram *d, uint16_t id)
{
    unsigned tries = id ? 1 : 65535;
    int err = -EADDRINUSE;

    if (d->lport)
        return id ? -EINVAL : 0;
    spin_lock(&table_lock);
    for (uint16_t n = id ? id : (uint16_t)random_u64(); tries--; n++) {
        struct dgram *o = sockets;

        while (o && (o->lport != n || o->s.family != d->s.family))
            o = o->next;
        if (!o && n) {
            d->lport = n;
            dgram_link(&sockets, d);
            icmp_ping_input = reply;
            icmp_ping_error = error;
            err = 0;
            break;
        }
    }
    spin_unlock(&table_lock);
    return err;
}

static void ping_release(struct socket *s)
{
    struct dgram *d = dgram_of(s);

    spin_lock(&table_lock);
    dgram_unlink(&sockets, d);
    spin_unlock(&table_lock);
    dgram_release(d);
}

static int ping_bind(struct socket *s, const struct sockaddr_any *a)
{
    struct dgram *d = dgram_of(s);
    struct inaddr addr;
    uint16_t id;
    int dev, err = inet_addr_get(a, s->family, &addr, &id, &dev);

    if (!err)
        err = inet_bind_check(s, &d->o, &addr, dev);
    if (err)
        return err;
    mutex_lock(&s->writer);
    err = d->lport ? -EINVAL : take_id(d, id);
    if (!err) {
        d->local = d->bound_addr = addr;
        d->bound = true;
    }
    mutex_unlock(&s->writer);
    return err;
}

static int ping_connect(struct socket *s, const struct sockaddr_any *a, bool nonblock)
{
    struct dgram *d = dgram_of(s);
    uint16_t port;
    int err;

    mutex_lock(&s->writer);
    err = dgram_choose_peer(d, a, &port);
    if (!err)
        err = take_id(d, 0);
    mutex_unlock(&s->writer);
    return MIN(err, 0);
}

/* [w] held */
static ssize_t send_one(struct dgram *d, struct socket_msg *m)
{
    bool v4 = d->s.family == AF_INET;
    uint32_t len = m->iov->count, sum = 0;
    uint16_t port, gso, check;
    struct pktbuf *p;
    struct dst *dst;
    struct flow f;
    int err = dgram_target(d, m, &f, &port, &gso);

    if (err)
        return err;
    if (inaddr_is_v4(&f.dst) != v4)
        return -EINVAL;
    err = take_id(d, 0);
    if (err)
        return err;
    dst = dgram_route(d, &f);
    if (IS_ERR(dst))
        return PTR_ERR(dst);
    p = dgram_copy_in(m->iov, len);
    if (IS_ERR(p))
        return PTR_ERR(p);
    if (p->data[0] != (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST) || p->data[1]) {
        pktbuf_free(p);
        return -EINVAL;
    }
    memset(p->data + 2, 0, 2);
    memcpy(p->data + 4, &d->lport, 2);
    if (!v4)
        sum = ip_pseudo_sum(&dst->src, &f.dst, IPPROTO_ICMPV6, len);
    check = ~pktbuf_checksum(p, 0, len, sum);
    memcpy(p->data + 2, &check, 2);
    err = ip_output(p, &f, dst);
    return err ? err : (ssize_t)len;
}

static ssize_t ping_sendmsg(struct socket *s, struct socket_msg *m)
{
    ssize_t n;

    if (m->iov->count > 0xffff)
        return -EMSGSIZE;
    if (m->iov->count < HLEN)
        return -EINVAL;
    if (m->flags & MSG_OOB)
        return -EOPNOTSUPP;
    n = socket_take_error(s);
    if (n)
        return n;
    mutex_lock(&s->writer);
    n = send_one(dgram_of(s), m);
    mutex_unlock(&s->writer);
    return n;
}

static int ping_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len)
{
    return inet_setsockopt(s, &dgram_of(s)->o, level, name, val, len);
}

static int ping_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len)
{
    return inet_getsockopt(s, &dgram_of(s)->o, level, name, val, len);
}

static const struct socket_ops ping_ops = {
    .release = ping_release,
    .bind = ping_bind,
    .connect = ping_connect,
    .getname = dgram_getname,
    .poll = dgram_poll,
    .sendmsg = ping_sendmsg,
    .recvmsg = dgram_recvmsg,
    .shutdown = dgram_shutdown,
    .setsockopt = ping_setsockopt,
    .getsockopt = ping_getsockopt,
    .ioctl = dgram_ioctl,
    .filters = true,
};

/* Linux asks net.ipv4.ping_group_range, which by default lets nobody but, on most systems, everybody: as those. */
int ping_create(int family, int protocol, struct socket **s)
{
    struct dgram *d = dgram_new(&ping_ops, family, SOCK_DGRAM, protocol);

    if (!d)
        return -ENOBUFS;
    *s = &d->s;
    return 0;
}
