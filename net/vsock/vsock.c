/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock.c: the family: sockets' life, names, readiness, what is asked of them by ioctl. */
#include "net/vsock/vsock.h"
#include "abi/errno.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/families.h"
#include <linux/sockios.h>

#ifndef FIONREAD
#define FIONREAD 0x541b
#endif
#ifndef TIOCOUTQ
#define TIOCOUTQ 0x5411
#endif

static const struct socket_ops ops;

struct vsock_sock *vsock_new(int type, const struct vsock_sock *parent)
{
    struct vsock_sock *s = kzalloc(sizeof(*s));

    if (!s)
        return NULL;
    socket_init(&s->s, &ops, AF_VSOCK, type, 0);
    ref_init(&s->refs);
    spin_init(&s->lock, RANK_SOCKET);
    s->local = s->remote = (struct vsock_name){ VMADDR_CID_ANY, VMADDR_PORT_ANY };
    list_init(&s->bound);
    list_init(&s->connected);
    list_init(&s->children);
    list_init(&s->child);
    list_init(&s->rx);
    net_timer_init(&s->timer, vsock_timer);
    s->buf = parent ? parent->buf : VSOCK_BUF_DEFAULT;
    s->buf_min = parent ? parent->buf_min : VSOCK_BUF_MIN;
    s->buf_max = parent ? parent->buf_max : VSOCK_BUF_DEFAULT;
    s->connect_timeout_ns = parent ? parent->connect_timeout_ns : VSOCK_CONNECT_TIMEOUT;
    return s;
}

void vsock_put(struct vsock_sock *s)
{
    if (!ref_put(&s->refs))
        return;
    ASSERT(list_empty(&s->connected) && list_empty(&s->bound));
    vsock_drop_packets(&s->rx);
    kfree(s);
}

static int create(int type, int protocol, struct socket **out)
{
    struct vsock_sock *s;

    if (protocol && protocol != AF_VSOCK)
        return -EPROTONOSUPPORT;
    if (type == SOCK_DGRAM) /* no transport has them */
        return -ENODEV;
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
        return -ESOCKTNOSUPPORT;
    vsock_start();
    s = vsock_new(type, NULL);
    if (!s)
        return -ENOMEM;
    *out = &s->s;
    return 0;
}

static int getname(struct socket *sk, struct sockaddr_any *a, bool peer)
{
    struct vsock_sock *s = vsock_sk(sk);
    struct vsock_name name;

    if (peer && s->state != VSOCK_CONNECTED)
        return -ENOTCONN;
    spin_lock(&s->lock);
    name = peer ? s->remote : s->local;
    spin_unlock(&s->lock);
    struct sockaddr_vsock v = { .family = AF_VSOCK, .port = name.port, .cid = name.cid };

    memcpy(a->bytes, &v, sizeof(v));
    a->len = sizeof(v);
    return 0;
}

static unsigned poll(struct socket *sk)
{
    struct vsock_sock *s = vsock_sk(sk);
    unsigned bits = READ_ONCE(sk->err) ? EPOLLERR : 0, shut = READ_ONCE(s->shutdown),
             peer = READ_ONCE(s->peer_shutdown);
    bool end = shut & SHUT_RECEIVE || peer & SHUT_SEND, data;

    if (shut == SHUT_BOTH || (shut & SHUT_SEND && peer & SHUT_SEND))
        bits |= EPOLLHUP;
    if (s->state == VSOCK_LISTENING)
        return bits | (READ_ONCE(s->nr_children) ? SOCKET_POLLIN : 0);
    data =
        sk->type == SOCK_STREAM ? READ_ONCE(s->rx_bytes) >= READ_ONCE(sk->rcvlowat) : READ_ONCE(s->rx_msgs);
    if (end)
        bits |= EPOLLRDHUP;
    if (end || data)
        bits |= SOCKET_POLLIN;
    if (shut & SHUT_SEND)
        return bits;
    if (s->state == VSOCK_CLOSED || (s->state == VSOCK_CONNECTED && (READ_ONCE(s->done) || vsock_room(s))))
        bits |= EPOLLOUT | EPOLLWRNORM;
    return bits;
}

static long ioctl(struct socket *sk, unsigned cmd, uintptr_t arg)
{
    struct vsock_sock *s = vsock_sk(sk);
    int n;

    if (cmd != FIONREAD && cmd != TIOCOUTQ)
        return -ENOTTY;
    if (s->state == VSOCK_LISTENING)
        return -EINVAL;
    if (s->remote.port == VMADDR_PORT_ANY &&
        s->remote.cid == VMADDR_CID_ANY) /* it has not been connected yet */
        return -EOPNOTSUPP;
    n = cmd == FIONREAD ? READ_ONCE(s->rx_bytes) : atomic_load(&s->unsent);
    return put_user(n, (int __user *)arg) ? -EFAULT : 0;
}

static const struct socket_ops ops = {
    .release = vsock_release,
    .bind = vsock_bind,
    .connect = vsock_connect,
    .listen = vsock_listen,
    .accept = vsock_accept,
    .getname = getname,
    .poll = poll,
    .sendmsg = vsock_sendmsg,
    .recvmsg = vsock_recvmsg,
    .shutdown = vsock_shutdown,
    .setsockopt = vsock_setsockopt,
    .getsockopt = vsock_getsockopt,
    .ioctl = ioctl,
};

const struct socket_family vsock_family = { AF_VSOCK, create, NULL };
