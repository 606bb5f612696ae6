/* SPDX-License-Identifier: BSD-2-Clause */
/* dgram.c: sockets of datagrams: their queues, and receiving. */
#include "net/dgram.h"
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "net/netif.h"
#include "net/zerocopy.h"
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/sockios.h>
#include <linux/udp.h>

#define SOL_IP     0
#define SOL_IPV6   41
#define SOL_UDP    17
#define ERRORS_MAX 65536 /* bytes of memory in the queue of errors */

struct dgram *dgram_new(const struct socket_ops *ops, int family, int type, int protocol)
{
    struct dgram *d = kzalloc(sizeof(*d));

    if (!d)
        return NULL;
    socket_init(&d->s, ops, family, type, protocol);
    inet_opts_init(&d->o);
    spin_init(&d->lock, RANK_SOCKET);
    pktqueue_init(&d->rx);
    pktqueue_init(&d->errors);
    d->local = d->remote = inaddr_any_of(family);
    d->checksum_at = -1;
    return d;
}

static void dgram_free(struct rcu_head *h)
{
    struct dgram *d = container_of(h, struct dgram, rcu);
    struct pktbuf *p;

    while ((p = pktqueue_take(&d->rx)) || (p = pktqueue_take(&d->errors)))
        pktbuf_free(p);
    kfree(d);
}

void dgram_link(struct dgram **list, struct dgram *d)
{
    d->next = *list;
    atomic_store_release(list, d);
}

void dgram_unlink(struct dgram **list, struct dgram *d)
{
    for (struct dgram **link = list; *link; link = &(*link)->next)
        if (*link == d) {
            atomic_store_release(link, d->next);
            return;
        }
}

void dgram_release(struct dgram *d)
{
    inet_opts_release(&d->o);
    zerocopy_release(&d->s);
    dst_release(&d->dst);
    if (d->corked)
        pktbuf_free(d->corked);
    d->corked = NULL;
    rcu_defer(&d->rcu, dgram_free);
}

/* ---- from softirqs ---- */

bool dgram_enqueue(struct dgram *d, struct pktbuf *p, const struct ip_rx *r, uint16_t port)
{
    uint32_t bytes = pktbuf_memory(p);
    struct dgram_rx *x = dgram_rx(p);
    bool ok;

    x->src = r->src;
    x->dst = r->dst;
    x->port = port;
    x->gso_size = p->gso == GSO_UDP ? p->gso_size : 0;
    x->tos = r->tos;
    x->ttl = r->ttl;
    x->label = r->label;
    spin_lock(&d->lock);
    /* As on Linux one packet always fits, whatever its size. */
    ok = (!d->rx_bytes || d->rx_bytes + bytes <= READ_ONCE(d->s.rcvbuf)) && !d->rd_shut;
    if (likely(ok)) {
        d->rx_bytes += bytes;
        pktqueue_append(&d->rx, p);
    } else {
        d->drops++;
    }
    spin_unlock(&d->lock);
    if (unlikely(!ok)) {
        pktbuf_free(p);
        return false;
    }
    socket_wake(&d->s, SOCKET_POLLIN);
    return true;
}

struct queued_error { /* pktbuf.private of a packet in the queue of errors; port: pktbuf.queue */
    struct sock_extended_err ee;
    struct inaddr offender, dst;
};
static_assert(sizeof(struct queued_error) <= sizeof(((struct pktbuf *)0)->private), "it lies there");

static void queue_error(struct dgram *d, const struct ip_error *e, uint32_t off, uint16_t port)
{
    uint32_t len = e->len > off ? e->len - off : 0, bytes;
    struct pktbuf *p = pktbuf_alloc(0, len);
    struct queued_error *q;
    bool full;

    if (!p)
        return;
    memcpy(pktbuf_put(p, len), e->transport + off, len);
    q = (struct queued_error *)p->private;
    q->ee = (struct sock_extended_err){ .ee_errno = e->err,
                                        .ee_origin = !e->p                   ? SO_EE_ORIGIN_LOCAL
                                                     : inaddr_is_v4(&e->dst) ? SO_EE_ORIGIN_ICMP
                                                                             : SO_EE_ORIGIN_ICMP6,
                                        .ee_type = e->p ? e->type : 0,
                                        .ee_code = e->p ? e->code : 0,
                                        .ee_info = e->mtu };
    q->offender = e->offender;
    q->dst = e->dst;
    p->queue = port;
    p->dev = e->dev;
    bytes = pktbuf_memory(p);
    spin_lock(&d->lock);
    full = d->error_bytes + bytes > ERRORS_MAX;
    if (!full) {
        d->error_bytes += bytes;
        pktqueue_append(&d->errors, p);
    }
    spin_unlock(&d->lock);
    if (full)
        pktbuf_free(p);
}

void dgram_error(struct dgram *d, const struct ip_error *e, uint32_t off)
{
    bool v4 = inaddr_is_v4(&e->dst), queued = v4 ? d->o.recverr : d->o.recverr6, hard = e->hard;
    uint16_t port = 0;

    if (e->err == EMSGSIZE && (v4 ? d->o.pmtudisc : d->o.pmtudisc6) != IP_PMTUDISC_DONT)
        hard = v4; /* as on Linux, where IPv6 tells only those who asked */
    if (off >= 8)
        memcpy(&port, e->transport + 2, 2);
    if (queued)
        queue_error(d, e, off, port);
    else if (!hard || !d->connected)
        return;
    atomic_store(&d->s.err, -e->err);
    socket_wake(&d->s, EPOLLERR | SOCKET_POLLIN | SOCKET_POLLOUT);
    if (d->s.err)
        socket_wake_all(&d->s);
}

/* ---- receiving ---- */

static void put_v4(struct dgram *d, struct socket_msg *m, struct pktbuf *p)
{
    struct dgram_rx *x = dgram_rx(p);
    uint32_t want = d->o.recv;
    int n;

    if (want & RECV_PKTINFO) {
        struct in_pktinfo i = { .ipi_ifindex = p->dev->index, .ipi_addr.s_addr = x->dst.w[3] };
        struct ifaddr *own;

        i.ipi_spec_dst.s_addr = x->dst.w[3];
        if (ip_kind(&x->dst, 0) != KIND_LOCAL) { /* from which an answer would go */
            rcu_read_lock();
            own = addr_source(p->dev, &x->src);
            i.ipi_spec_dst.s_addr = own ? own->addr.w[3] : 0;
            rcu_read_unlock();
        }
        socket_put_control(m, SOL_IP, IP_PKTINFO, &i, sizeof(i));
    }
    if (want & RECV_TTL) {
        n = x->ttl;
        socket_put_control(m, SOL_IP, IP_TTL, &n, sizeof(n));
    }
    if (want & RECV_TOS)
        socket_put_control(m, SOL_IP, IP_TOS, &x->tos, 1);
    if (want & RECV_ORIGDST) {
        struct sockaddr_any a;

        inet_addr_put(&a, AF_INET, &x->dst, d->lport, 0);
        socket_put_control(m, SOL_IP, IP_RECVORIGDSTADDR, a.bytes, a.len);
    }
}

static void put_v6(struct dgram *d, struct socket_msg *m, struct pktbuf *p)
{
    struct dgram_rx *x = dgram_rx(p);
    uint32_t want = d->o.recv;
    int n;

    if (want & RECV_PKTINFO6) {
        struct pktinfo6 i = { .ifindex = p->dev->index };

        memcpy(&i.addr, &x->dst, 16);
        socket_put_control(m, SOL_IPV6, IPV6_PKTINFO, &i, sizeof(i));
    }
    if (want & RECV_HOPLIMIT6) {
        n = x->ttl;
        socket_put_control(m, SOL_IPV6, IPV6_HOPLIMIT, &n, sizeof(n));
    }
    if (want & RECV_TCLASS6) {
        n = x->tos;
        socket_put_control(m, SOL_IPV6, IPV6_TCLASS, &n, sizeof(n));
    }
    if (want & RECV_FLOWINFO6 && (x->label || x->tos)) {
        uint32_t info = x->label | be32((uint32_t)x->tos << 20);

        socket_put_control(m, SOL_IPV6, IPV6_FLOWINFO, &info, sizeof(info));
    }
    if (want & RECV_ORIGDST6) {
        struct sockaddr_any a;

        inet_addr_put(&a, AF_INET6, &x->dst, d->lport, p->dev->index);
        socket_put_control(m, SOL_IPV6, IPV6_ORIGDSTADDR, a.bytes, a.len);
    }
}

static void __noinline put_control(struct dgram *d, struct socket_msg *m, struct pktbuf *p)
{
    struct dgram_rx *x = dgram_rx(p);
    bool v4 = inaddr_is_v4(&x->src);

    if (d->s.timestamp || d->s.timestamp_ns)
        socket_put_time(&d->s, m, p->time_ns);
    if (d->s.rxq_ovfl && d->drops)
        socket_put_control(m, SOL_SOCKET, SO_RXQ_OVFL, &d->drops, sizeof(d->drops));
    if (d->gro && x->gso_size) {
        int n = x->gso_size;

        socket_put_control(m, SOL_UDP, UDP_GRO, &n, sizeof(n));
    }
    if (d->s.family == AF_INET6)
        put_v6(d, m, p);
    if (v4)
        put_v4(d, m, p);
}

/* The first packet, left or taken; NULL: none. */
static struct pktbuf *rx_first(struct dgram *d, bool peek)
{
    struct pktbuf *p;

    spin_lock(&d->lock);
    p = peek ? d->rx.first : pktqueue_take(&d->rx);
    if (p && !peek)
        d->rx_bytes -= pktbuf_memory(p);
    spin_unlock(&d->lock);
    return p;
}

size_t dgram_copy_out(const struct pktbuf *p, struct iov *v, size_t len)
{
    size_t n = MIN(len, (size_t)p->len), done = n ? iov_put(v, p->data, n) : 0;

    for (unsigned i = 0; done == n && n < len; i++) {
        size_t part = MIN(len - n, (size_t)p->frags[i].len);

        done += iov_put(v, pktfrag_virt(&p->frags[i]), part);
        n += part;
    }
    return done;
}

static ssize_t receive_error(struct dgram *d, struct socket_msg *m)
{
    struct {
        struct sock_extended_err ee;
        uint8_t offender[sizeof(struct sockaddr_in6)];
    } c = { .ee = { 0 } };
    struct queued_error *q;
    struct sockaddr_any a;
    struct pktbuf *p;
    size_t n, len;
    bool v4;

    spin_lock(&d->lock);
    p = pktqueue_take(&d->errors);
    if (p)
        d->error_bytes -= pktbuf_memory(p);
    spin_unlock(&d->lock);
    if (!p)
        return zerocopy_receive(&d->s, m);
    q = (struct queued_error *)p->private;
    v4 = inaddr_is_v4(&q->dst);
    len = p->total;
    n = MIN(len, m->iov->count);
    m->flags = MSG_ERRQUEUE | (len > n ? MSG_TRUNC : 0);
    n = dgram_copy_out(p, m->iov, n) == n ? n : (size_t)-EFAULT;
    if (m->name)
        inet_addr_put(m->name, d->s.family, &q->dst, p->queue, p->dev ? p->dev->index : 0);
    c.ee = q->ee;
    inet_addr_put(&a, v4 ? AF_INET : AF_INET6, &q->offender, 0, p->dev ? p->dev->index : 0);
    if (q->ee.ee_origin == SO_EE_ORIGIN_LOCAL)
        memset(a.bytes, 0, a.len);
    memcpy(c.offender, a.bytes, a.len);
    socket_put_control(m, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &c, sizeof(c.ee) + a.len);
    pktbuf_free(p);
    /* the next one is the socket's error now */
    spin_lock(&d->lock);
    atomic_store(&d->s.err,
                 d->errors.first ? -(int)((struct queued_error *)d->errors.first->private)->ee.ee_errno : 0);
    spin_unlock(&d->lock);
    return n;
}

/* Waits for a packet. 0: there is one; 1: end of file. */
static int wait_for_packet(struct dgram *d, const struct socket_msg *m)
{
    int err = socket_take_error(&d->s);

    if (err || READ_ONCE(d->rx.first))
        return err;
    if (m->flags & MSG_DONTWAIT) /* as Linux, even when nothing can come any more */
        return -EAGAIN;
    if (d->rd_shut)
        return 1;
    err = socket_wait(&d->s, READ_ONCE(d->rx.first) || READ_ONCE(d->s.err) || d->rd_shut,
                      SOCKET_POLLIN | EPOLLHUP, m->deadline_ns);
    return err ? socket_wait_error(err, m->deadline_ns) : 0;
}

ssize_t dgram_recvmsg(struct socket *s, struct socket_msg *m)
{
    struct dgram *d = dgram_of(s);
    bool peek = m->flags & MSG_PEEK, whole = m->flags & MSG_TRUNC;
    struct pktbuf *p;
    ssize_t n;
    size_t len;

    if (unlikely(m->flags & MSG_ERRQUEUE)) {
        mutex_lock(&s->reader);
        n = receive_error(d, m);
        mutex_unlock(&s->reader);
        return n;
    }
    for (;;) {
        mutex_lock(&s->reader);
        p = rx_first(d, peek);
        if (likely(p && !READ_ONCE(s->err)))
            break;
        if (p)
            break;
        mutex_unlock(&s->reader); /* others may peek or look for errors meanwhile */
        n = wait_for_packet(d, m);
        if (n)
            return n > 0 ? 0 : n;
    }
    len = p->total;
    n = MIN(len, m->iov->count);
    m->flags = (size_t)n < len ? MSG_TRUNC : 0;
    if (unlikely(dgram_copy_out(p, m->iov, n) < (size_t)n)) {
        n = -EFAULT;
    } else {
        struct dgram_rx *x = dgram_rx(p);

        if (whole)
            n = len;
        if (m->name)
            inet_addr_put(m->name, s->family, &x->src, x->port, p->dev->index);
        if (unlikely((d->o.recv || s->timestamp || s->timestamp_ns || s->rxq_ovfl || d->gro) && m->control))
            put_control(d, m, p);
    }
    mutex_unlock(&s->reader);
    if (!peek)
        pktbuf_free(p);
    return n;
}

unsigned dgram_poll(struct socket *s)
{
    struct dgram *d = dgram_of(s);
    unsigned e = SOCKET_POLLOUT;

    if (READ_ONCE(d->rx.first))
        e |= SOCKET_POLLIN;
    if (READ_ONCE(s->err) || READ_ONCE(d->errors.first) || zerocopy_pending(s))
        e |= EPOLLERR;
    if (d->rd_shut)
        e |= SOCKET_POLLIN | EPOLLRDHUP;
    if (d->rd_shut && d->wr_shut)
        e |= EPOLLHUP;
    return e;
}

int dgram_shutdown(struct socket *s, int how)
{
    struct dgram *d = dgram_of(s);
    bool was = d->connected;

    if (how != SHUT_WR)
        d->rd_shut = true;
    if (how != SHUT_RD)
        d->wr_shut = true;
    socket_wake_all(s);
    return was ? 0 : -ENOTCONN;
}

int dgram_getname(struct socket *s, struct sockaddr_any *a, bool peer)
{
    struct dgram *d = dgram_of(s);
    struct inaddr addr = peer ? d->remote : d->local;

    if (peer && !d->connected)
        return -ENOTCONN;
    if (s->family == AF_INET6 && inaddr_is_v4(&addr) && inaddr_is_any(&addr))
        addr = INADDR_ANY6;
    inet_addr_put(a, s->family, &addr, peer ? d->rport : d->lport,
                  d->remote_dev ? d->remote_dev : s->bound_dev);
    return 0;
}

long dgram_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    struct dgram *d = dgram_of(s);
    int n = 0;

    if (cmd == SIOCINQ) {
        spin_lock(&d->lock);
        n = d->rx.first ? d->rx.first->total : 0;
        spin_unlock(&d->lock);
    } else if (cmd != SIOCOUTQ) {
        return inet_ioctl(s, cmd, arg);
    }
    return put_user(n, (int __user *)arg) ? -EFAULT : 0;
}
