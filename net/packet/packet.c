/* SPDX-License-Identifier: BSD-2-Clause */
/* packet.c: packet sockets: their life, what they are bound to, receiving. */
#include "net/packet/packet.h"
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "net/dgram.h"
#include "net/families.h"
#include "net/link.h"
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/sockios.h>

#define RECEIVE_FLAGS (MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE)

/* ---- what it is bound to ---- */

static bool device_up(int ifindex)
{
    struct netdev *d = netdev_by_index(ifindex);

    return d && d->net && netif_is_up(netif_of(d));
}

/* protocol 0: as it was. [w] held. */
static int bind_to(struct packet_sock *k, int ifindex, uint16_t protocol)
{
    struct netdev *d = ifindex ? netdev_by_index(ifindex) : NULL;

    if (ifindex && (!d || !d->net))
        return -ENODEV;
    protocol = protocol ? protocol : k->num;
    if (k->num == protocol && k->ifindex == ifindex && (k->hooked || !protocol))
        return 0;
    packet_unhook(k);
    k->num = protocol;
    k->ifindex = ifindex;
    if (!protocol)
        return 0;
    packet_hook(k);
    if (ifindex && !device_up(ifindex)) {
        atomic_store(&k->s.err, -ENETDOWN);
        socket_wake_all(&k->s);
    }
    return 0;
}

static int packet_bind(struct socket *s, const struct sockaddr_any *a)
{
    struct sockaddr_ll ll;
    int err;

    if (a->len < sizeof(ll) || a->family != AF_PACKET)
        return -EINVAL;
    memcpy(&ll, a->bytes, sizeof(ll));
    mutex_lock(&s->writer);
    err = packet_of(s)->fanout ? -EINVAL : bind_to(packet_of(s), ll.sll_ifindex, be16(ll.sll_protocol));
    mutex_unlock(&s->writer);
    return err;
}

static int packet_getname(struct socket *s, struct sockaddr_any *a, bool peer)
{
    struct packet_sock *k = packet_of(s);
    struct netdev *d = k->ifindex ? netdev_by_index(k->ifindex) : NULL;
    struct sockaddr_ll ll = { .sll_family = AF_PACKET,
                              .sll_ifindex = k->ifindex,
                              .sll_protocol = be16(k->num) };

    if (peer)
        return -EOPNOTSUPP;
    if (d) {
        ll.sll_hatype = d->hw_type;
        ll.sll_halen = ETH_ALEN;
        memcpy(ll.sll_addr, d->mac, ETH_ALEN);
    }
    a->len = offsetof(struct sockaddr_ll, sll_addr) + ll.sll_halen;
    memcpy(a->bytes, &ll, sizeof(ll));
    return 0;
}

/* ---- receiving ---- */

/* The first frame, left or taken; NULL: none. */
static struct pktbuf *rx_first(struct packet_sock *k, bool peek)
{
    struct pktbuf *p;

    spin_lock(&k->lock);
    p = peek ? k->rx.first : pktqueue_take(&k->rx);
    if (p && !peek)
        k->rx_bytes -= pktbuf_memory(p);
    spin_unlock(&k->lock);
    return p;
}

static int wait_for_frame(struct packet_sock *k, const struct socket_msg *m)
{
    int err = socket_take_error(&k->s);

    if (err || READ_ONCE(k->rx.first))
        return err;
    if (m->flags & MSG_DONTWAIT)
        return -EAGAIN;
    err = socket_wait(&k->s, READ_ONCE(k->rx.first) || READ_ONCE(k->s.err), SOCKET_POLLIN | EPOLLERR,
                      m->deadline_ns);
    return socket_wait_error(err, m->deadline_ns);
}

static void put_name(struct sockaddr_any *a, const struct pktbuf *p)
{
    struct sockaddr_ll ll;

    packet_name(&ll, p->dev, (const struct packet_rx *)p->private);
    a->len = sizeof(ll);
    memcpy(a->bytes, &ll, sizeof(ll));
}

static void put_control(struct packet_sock *k, struct socket_msg *m, const struct pktbuf *p)
{
    const struct packet_rx *r = (const struct packet_rx *)p->private;

    if (k->s.timestamp || k->s.timestamp_ns)
        socket_put_time(&k->s, m, p->time_ns);
    if (k->s.rxq_ovfl && k->drops)
        socket_put_control(m, SOL_SOCKET, SO_RXQ_OVFL, &k->drops, sizeof(k->drops));
    if (k->auxdata) {
        struct tpacket_auxdata a = { .tp_status = TP_STATUS_USER | r->status,
                                     .tp_len = r->len,
                                     .tp_snaplen = p->total,
                                     .tp_net = r->network };

        socket_put_control(m, SOL_PACKET, PACKET_AUXDATA, &a, sizeof(a));
    }
}

static ssize_t packet_recvmsg(struct socket *s, struct socket_msg *m)
{
    struct packet_sock *k = packet_of(s);
    bool peek = m->flags & MSG_PEEK, whole = m->flags & MSG_TRUNC;
    struct pktbuf *p;
    ssize_t n;
    size_t len;

    if (m->flags & ~RECEIVE_FLAGS)
        return -EINVAL;
    if (m->flags & MSG_ERRQUEUE) /* nothing is ever there */
        return -EAGAIN;
    for (;;) {
        mutex_lock(&s->reader);
        p = READ_ONCE(s->err) ? NULL : rx_first(k, peek);
        if (p)
            break;
        mutex_unlock(&s->reader);
        n = wait_for_frame(k, m);
        if (n)
            return n;
    }
    len = p->total;
    n = MIN(len, m->iov->count);
    m->flags = (size_t)n < len ? MSG_TRUNC : 0;
    if (dgram_copy_out(p, m->iov, n) < (size_t)n) {
        n = -EFAULT;
    } else {
        if (whole)
            n = len;
        if (m->name)
            put_name(m->name, p);
        if (m->control)
            put_control(k, m, p);
    }
    mutex_unlock(&s->reader);
    if (!peek)
        pktbuf_free(p);
    return n;
}

static unsigned packet_poll(struct socket *s)
{
    struct packet_sock *k = packet_of(s);
    unsigned e = SOCKET_POLLOUT;

    if (READ_ONCE(k->rx.first) || (READ_ONCE(k->rx_ring.pages) && ring_readable(k)))
        e |= SOCKET_POLLIN;
    if (READ_ONCE(s->err))
        e |= EPOLLERR;
    return e;
}

static long packet_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    struct packet_sock *k = packet_of(s);
    int n = 0;

    if (cmd == SIOCINQ) {
        spin_lock(&k->lock);
        n = k->rx.first ? k->rx.first->total : 0;
        spin_unlock(&k->lock);
    } else if (cmd != SIOCOUTQ) {
        return inet_ioctl(s, cmd, arg);
    }
    return put_user(n, (int __user *)arg) ? -EFAULT : 0;
}

/* ---- its life ---- */

void packet_drop_queue(struct packet_sock *k)
{
    struct pktbuf *p;

    while ((p = rx_first(k, false)))
        pktbuf_free(p);
}

static void packet_free(struct rcu_head *h)
{
    struct packet_sock *k = container_of(h, struct packet_sock, rcu);

    packet_drop_queue(k);
    kfree(k);
}

static void packet_release(struct socket *s)
{
    struct packet_sock *k = packet_of(s);

    packet_list(k, false);
    packet_unhook(k);
    fanout_leave(k);
    packet_leave_all(k);
    ring_release(k);
    rcu_defer(&k->rcu, packet_free);
}

static const struct socket_ops packet_ops = {
    .release = packet_release,
    .bind = packet_bind,
    .getname = packet_getname,
    .poll = packet_poll,
    .sendmsg = packet_sendmsg,
    .recvmsg = packet_recvmsg,
    .setsockopt = packet_setsockopt,
    .getsockopt = packet_getsockopt,
    .ioctl = packet_ioctl,
    .mmap = ring_mmap,
    .filters = true,
};

/* protocol: ETH_P_* in network order */
static int packet_create(int type, int protocol, struct socket **s)
{
    struct packet_sock *k;

    if (!socket_host->capable(CAP_NET_RAW))
        return -EPERM;
    if (type != SOCK_DGRAM && type != SOCK_RAW)
        return -ESOCKTNOSUPPORT;
    net_start();
    k = kzalloc(sizeof(*k));
    if (!k)
        return -ENOBUFS;
    socket_init(&k->s, &packet_ops, AF_PACKET, type, 0);
    spin_init(&k->lock, RANK_PACKET);
    pktqueue_init(&k->rx);
    net_timer_init(&k->timer, ring_timer);
    k->num = be16(protocol);
    packet_list(k, true);
    if (k->num)
        packet_hook(k);
    *s = &k->s;
    return 0;
}

const struct socket_family packet_family = { AF_PACKET, packet_create, NULL };
