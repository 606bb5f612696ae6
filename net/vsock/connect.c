/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c: how connections come and go: bind, connect, listen, accept, shutdown, close.
 *
 * A closed socket stays until the other end has said that it closed, too, or for 8 s: so what it has sent is not cut off.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/vsock/vsock.h"
#include <linux/capability.h>

static int read_addr(const struct sockaddr_any *a, struct vsock_name *name)
{
    const struct sockaddr_vsock *v = (const struct sockaddr_vsock *)a->bytes;

    if (a->len < sizeof(*v) || v->family != AF_VSOCK || v->flags & ~VMADDR_FLAG_TO_HOST)
        return -EINVAL;
    *name = (struct vsock_name){ v->cid, v->port };
    return 0;
}

int vsock_bind(struct socket *sk, const struct sockaddr_any *a)
{
    struct vsock_sock *s = vsock_sk(sk);
    struct vsock_name name;
    int err = read_addr(a, &name);

    if (err)
        return err;
    spin_lock(&s->lock);
    if (vsock_is_bound(s))
        err = -EINVAL;
    else if (!vsock_is_local(name.cid))
        err = -EADDRNOTAVAIL;
    else if (name.port <= VSOCK_PORT_PRIVILEGED && !socket_host->capable(CAP_NET_BIND_SERVICE))
        err = -EACCES;
    else
        err = vsock_bind_name(s, name);
    spin_unlock(&s->lock);
    return err;
}

/* ---- connecting ---- */

static void arm(struct vsock_sock *s, uint64_t ns)
{
    ref_get(&s->refs);
    net_timer_arm(&s->timer, clock_mono_ns() + ns);
}

static void disarm(struct vsock_sock *s)
{
    if (net_timer_cancel(&s->timer))
        vsock_put(s); /* the caller has another */
}

void vsock_connect_failed(struct vsock_sock *s, int err)
{
    s->state = VSOCK_CLOSED;
    atomic_store(&s->s.err, err);
    vsock_table_disconnect(s);
    disarm(s);
    socket_wake_all(&s->s);
}

void vsock_timer(struct net_timer *t)
{
    struct vsock_sock *s = container_of(t, struct vsock_sock, timer);

    spin_lock(&s->lock);
    if (s->state == VSOCK_CONNECTING) {
        vsock_connect_failed(s, -ETIMEDOUT);
    } else if (s->dead && !s->done) {
        s->done = true;
        vsock_control(s, VIRTIO_VSOCK_OP_RST, 0);
        vsock_table_disconnect(s);
    }
    spin_unlock(&s->lock);
    vsock_put(s);
}

/* lock held. 0: it is under way. */
static int begin(struct vsock_sock *s, const struct sockaddr_any *a)
{
    struct vsock_name any = { VMADDR_CID_ANY, VMADDR_PORT_ANY }, to;
    int err = s->was_shut || s->state == VSOCK_LISTENING ? -EINVAL : read_addr(a, &to);
    bool loop;

    if (!err)
        err = vsock_route(s, to.cid, &loop);
    if (!err && !vsock_is_bound(s))
        err = vsock_bind_name(s, any);
    if (err)
        return err;
    s->remote = to;
    s->loop = loop;
    s->done = false;
    s->shutdown = s->peer_shutdown = 0;
    s->rx_cnt = s->fwd_cnt = s->told_fwd = s->rx_edge = s->tx_cnt = s->peer_alloc = s->peer_fwd = 0;
    s->rx_bytes = s->rx_msgs = 0;
    vsock_drop_packets(&s->rx);
    atomic_store(&s->s.err, 0);
    s->state = VSOCK_CONNECTING;
    vsock_table_connect(s);
    arm(s, s->connect_timeout_ns);
    vsock_control(s, VIRTIO_VSOCK_OP_REQUEST, 0);
    return 0;
}

/* What has become of it. err: of the wait. */
static int outcome(struct vsock_sock *s, int err)
{
    spin_lock(&s->lock);
    if (s->state == VSOCK_CONNECTING && err) { /* a signal came */
        vsock_connect_failed(s, 0);
        err = -EINTR;
    } else if (s->state == VSOCK_CONNECTED) {
        err = 0;
    } else {
        err = socket_take_error(&s->s);
        err = err ? err : -ECONNRESET; /* another thread was told why */
    }
    spin_unlock(&s->lock);
    return err;
}

int vsock_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock)
{
    struct vsock_sock *s = vsock_sk(sk);
    int err = 0;

    spin_lock(&s->lock);
    if (s->state == VSOCK_CONNECTED)
        err = s->was_shut ? -EINVAL : -EISCONN;
    else if (s->state == VSOCK_CONNECTING)
        err = nonblock ? -EALREADY : 0;
    else
        err = begin(s, a);
    spin_unlock(&s->lock);
    if (err)
        return err;
    if (nonblock)
        return -EINPROGRESS;
    return outcome(s, socket_wait(sk, s->state != VSOCK_CONNECTING, 0, TIME_NEVER)); /* the timer ends it */
}

/* ---- accepting ---- */

int vsock_listen(struct socket *sk, int backlog)
{
    struct vsock_sock *s = vsock_sk(sk);
    int err = 0;

    spin_lock(&s->lock);
    if ((s->state != VSOCK_CLOSED && s->state != VSOCK_LISTENING) || s->was_shut || !vsock_is_bound(s)) {
        err = -EINVAL;
    } else {
        s->backlog = backlog;
        s->state = VSOCK_LISTENING;
        sk->listening = true;
    }
    spin_unlock(&s->lock);
    return err;
}

static struct vsock_sock *next_child(struct vsock_sock *s)
{
    struct vsock_sock *c;

    spin_lock(&s->lock);
    c = list_first(&s->children, struct vsock_sock, child);
    if (c) {
        list_remove(&c->child);
        s->nr_children--;
    }
    spin_unlock(&s->lock);
    return c;
}

int vsock_accept(struct socket *sk, struct socket **peer, bool nonblock)
{
    struct vsock_sock *s = vsock_sk(sk), *c;
    uint64_t deadline = nonblock ? TIME_NEVER : socket_deadline(sk->rcvtimeo_ns);

    if (s->state != VSOCK_LISTENING)
        return -EINVAL;
    while (!(c = next_child(s))) {
        int err;

        if (nonblock)
            return -EAGAIN;
        err = socket_wait_exclusive(sk, READ_ONCE(s->nr_children), SOCKET_POLLIN, deadline);
        if (err)
            return socket_wait_error(err, deadline);
    }
    *peer = &c->s;
    return 0;
}

/* ---- ends ---- */

static uint32_t shutdown_flags(unsigned how)
{
    return (how & SHUT_RECEIVE ? VIRTIO_VSOCK_SHUTDOWN_RCV : 0) |
           (how & SHUT_SEND ? VIRTIO_VSOCK_SHUTDOWN_SEND : 0);
}

int vsock_shutdown(struct socket *sk, int how)
{
    struct vsock_sock *s = vsock_sk(sk);
    int err = 0;

    spin_lock(&s->lock);
    if (s->state == VSOCK_CLOSED || s->state == VSOCK_LISTENING) {
        err = -ENOTCONN;
    } else {
        s->was_shut = true;
        s->shutdown |= how + 1;
        if (!s->done)
            vsock_control(s, VIRTIO_VSOCK_OP_SHUTDOWN, shutdown_flags(how + 1));
    }
    spin_unlock(&s->lock);
    socket_wake_all(sk);
    return err;
}

/* The last to use it has gone. lock held. True: it waits for the other end. */
static bool say_goodbye(struct vsock_sock *s)
{
    if (s->state == VSOCK_CONNECTING)
        disarm(s);
    if (s->state != VSOCK_CONNECTED || s->done)
        return false;
    if (s->shutdown != SHUT_BOTH)
        vsock_control(s, VIRTIO_VSOCK_OP_SHUTDOWN, shutdown_flags(SHUT_BOTH));
    s->shutdown = SHUT_BOTH;
    arm(s, VSOCK_CLOSE_TIMEOUT);
    return true;
}

void vsock_release(struct socket *sk)
{
    struct vsock_sock *s = vsock_sk(sk), *c;
    struct list rx;

    list_init(&rx);
    spin_lock(&s->lock);
    s->dead = true;
    if (!say_goodbye(s)) {
        s->done = true;
        s->state = VSOCK_CLOSED;
        vsock_table_disconnect(s);
    }
    vsock_table_unbind(s);
    list_splice(&rx, &s->rx);
    s->rx_bytes = s->rx_msgs = 0;
    spin_unlock(&s->lock);
    vsock_drop_packets(&rx);
    while ((c = next_child(s)))
        vsock_release(&c->s);
    vsock_put(s);
}
