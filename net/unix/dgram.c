/* SPDX-License-Identifier: BSD-2-Clause */
/* dgram.c: datagrams and sequenced packets: sending, receiving, and whom a datagram socket is connected to. */
#include "net/unix/unix.h"

#define OVERHEAD 32 /* of sndbuf, that the largest datagram leaves */

/* ---- the peer of a datagram socket ---- */

void unix_dgram_set_peer(struct unix_sock *s, struct unix_sock *peer)
{
    struct unix_sock *old;

    mutex_lock(&s->s.writer); /* one change at a time */
    spin_lock(&s->lock);
    old = s->peer;
    s->peer = NULL;
    s->state = UNIX_CLOSED;
    spin_unlock(&s->lock);
    if (old) {
        spin_lock(&old->lock);
        list_remove(&s->link);
        spin_unlock(&old->lock);
        unix_put(old);
    }
    if (peer) {
        unix_lock_both(s, peer);
        list_append(&peer->clients, &s->link);
        s->peer = peer;
        s->state = UNIX_CONNECTED;
        unix_unlock_both(s, peer);
    }
    mutex_unlock(&s->s.writer);
}

/* The peer with a reference, or NULL. */
static struct unix_sock *peer_get(struct unix_sock *s)
{
    struct unix_sock *p;

    spin_lock(&s->lock);
    p = s->peer;
    if (p)
        unix_get(p);
    spin_unlock(&s->lock);
    return p;
}

/* Who is connected takes datagrams from its peer only. */
static inline bool may_send(const struct unix_sock *s, const struct unix_sock *to)
{
    struct unix_sock *p = READ_ONCE(to->peer);

    return !p || p == s;
}

/* What the old peer had sent is gone, and it is told. */
static void left(struct unix_sock *s, struct unix_sock *old)
{
    struct list gone;
    struct unix_msg *msg, *next;

    list_init(&gone);
    mutex_lock(&s->s.reader);
    spin_lock(&s->lock);
    list_splice(&gone, &s->rx);
    s->rx_nr = 0;
    spin_unlock(&s->lock);
    mutex_unlock(&s->s.reader);
    if (list_empty(&gone))
        return;
    list_for_each_safe (msg, next, &gone, link) {
        struct unix_sock *from = msg->from;

        unix_msg_free(msg, from);
        unix_put(from);
    }
    wake_all(&s->room);
    if (!READ_ONCE(old->dead) && READ_ONCE(old->peer) == s) {
        atomic_store(&old->s.err, -ECONNRESET);
        socket_wake_all(&old->s);
    }
}

int unix_dgram_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock)
{
    struct unix_sock *s = unix_sk(sk), *peer = NULL, *old;
    int err;

    if (a->len < UNIX_NAME_HEAD)
        return -EINVAL;
    if (a->family != AF_UNSPEC) {
        err = unix_check_addr(a);
        if (!err && sk->passcred)
            err = unix_autobind(s);
        if (!err)
            err = unix_find(a, SOCK_DGRAM, &peer);
        if (err)
            return err;
        if (!may_send(s, peer)) {
            unix_put(peer);
            return -EPERM;
        }
    }
    old = peer_get(s);
    unix_dgram_set_peer(s, peer);
    if (old) {
        if (old != peer)
            left(s, old);
        unix_put(old);
    }
    socket_wake_all(sk);
    return 0;
}

/* ---- sending ---- */

/* The receiver is gone. -EAGAIN: look for another by the same name. */
static int receiver_gone(struct unix_sock *s, struct unix_sock *to, bool named)
{
    if (s->s.type == SOCK_SEQPACKET)
        return -EPIPE;
    if (READ_ONCE(s->peer) == to) {
        unix_dgram_set_peer(s, NULL);
        left(s, to);
        return -ECONNREFUSED;
    }
    return named ? -EAGAIN : -ECONNREFUSED;
}

/* Puts it on the receiver's queue. -EXFULL: it has too many. */
static int deliver(struct unix_sock *s, struct unix_sock *to, struct unix_msg *msg)
{
    int err = 0;

    spin_lock(&to->lock);
    if (unlikely(to->dead))
        err = -ESHUTDOWN;
    else if (unlikely(to->shutdown & SHUT_RECEIVE))
        err = -EPIPE;
    else if (unlikely(to != s && to->peer != s && unix_full(to)))
        err = -EXFULL;
    if (likely(!err)) {
        list_append(&to->rx, &msg->link);
        to->rx_nr++;
    }
    spin_unlock(&to->lock);
    if (likely(!err))
        socket_wake(&to->s, SOCKET_POLLIN);
    return err;
}

static int wait_room(struct unix_sock *to, uint64_t deadline)
{
    int err = wait_event_until(
        &to->room, !unix_full(to) || READ_ONCE(to->dead) || (READ_ONCE(to->shutdown) & SHUT_RECEIVE),
        deadline);

    return socket_wait_error(err, deadline);
}

/* Whom it goes to, with a reference. */
static int find_receiver(struct unix_sock *s, struct socket_msg *m, bool named, struct unix_sock **to)
{
    if (named)
        return unix_find(m->name, s->s.type, to);
    *to = peer_get(s);
    return *to ? 0 : -ENOTCONN;
}

/* Until it is delivered, or cannot be. */
static int send_msg(struct unix_sock *s, struct unix_sock **to, struct socket_msg *m, struct unix_msg *msg,
                    bool named)
{
    for (;;) {
        int err = may_send(s, *to) ? deliver(s, *to, msg) : -EPERM;

        if (likely(err != -ESHUTDOWN && err != -EXFULL))
            return err;
        if (err == -EXFULL) {
            err = m->flags & MSG_DONTWAIT ? -EAGAIN : wait_room(*to, m->deadline_ns);
            if (err)
                return err;
            continue;
        }
        err = receiver_gone(s, *to, named);
        if (err != -EAGAIN)
            return err;
        unix_put(*to);
        *to = NULL;
        err = find_receiver(s, m, named, to);
        if (err)
            return err;
    }
}

static ssize_t send(struct unix_sock *s, struct socket_msg *m, bool named)
{
    struct unix_sock *to = NULL;
    size_t len = m->iov->count;
    struct unix_msg *msg;
    int err;

    if (m->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (named) {
        err = unix_check_addr(m->name);
        if (err)
            return err;
    } else {
        to = peer_get(s);
        if (!to)
            return -ENOTCONN;
    }
    err = s->s.passcred ? unix_autobind(s) : 0;
    if (!err && len > READ_ONCE(s->s.sndbuf) - OVERHEAD)
        err = -EMSGSIZE;
    if (!err)
        err = unix_wait_sndbuf(s, m);
    if (!err && !to)
        err = find_receiver(s, m, named, &to);
    if (!err)
        err = unix_msg_new(s, to, m, len, &msg);
    if (!err) {
        unix_get(s);
        msg->from = s;
        err = send_msg(s, &to, m, msg, named);
        if (err) {
            unix_msg_free(msg, s);
            unix_put(s);
        }
    }
    if (to)
        unix_put(to);
    return err ? err : (ssize_t)len;
}

ssize_t unix_dgram_send(struct socket *sk, struct socket_msg *m)
{
    return send(unix_sk(sk), m, m->name && m->name->len);
}

ssize_t unix_seqpacket_send(struct socket *sk, struct socket_msg *m)
{
    int err = socket_take_error(sk);

    if (err)
        return err;
    if (unix_sk(sk)->state != UNIX_CONNECTED)
        return -ENOTCONN;
    return send(unix_sk(sk), m, false);
}

/* ---- receiving ---- */

/* The message to be received, or with MSG_PEEK and an offset the one to be seen; *skip into it. */
static struct unix_msg *find_msg(struct unix_sock *s, size_t *skip)
{
    struct unix_msg *msg, *found = NULL;

    spin_lock(&s->lock);
    list_for_each (msg, &s->rx, link) {
        if (*skip >= msg->len && *skip) {
            *skip -= msg->len;
            continue;
        }
        found = msg;
        break;
    }
    spin_unlock(&s->lock);
    return found;
}

/* Nothing is there: waits, without the reader's mutex. 0: look again. */
static int wait_msg(struct unix_sock *s, unsigned flags, uint64_t deadline, unsigned seen)
{
    int err = socket_take_error(&s->s);

    if (err)
        return err;
    if (flags & MSG_DONTWAIT)
        return -EAGAIN;
    if (READ_ONCE(s->shutdown) & SHUT_RECEIVE)
        return -ESHUTDOWN;
    mutex_unlock(&s->s.reader);
    err = socket_wait(
        &s->s, READ_ONCE(s->rx_nr) > seen || (READ_ONCE(s->shutdown) & SHUT_RECEIVE) || READ_ONCE(s->s.err),
        SOCKET_POLLIN, deadline);
    mutex_lock(&s->s.reader);
    return socket_wait_error(err, deadline);
}

/* Room has come: for who waits to send, and who polls for it. */
static void tell_room(struct unix_sock *s)
{
    struct unix_sock *c;

    wake_all(&s->room);
    if (list_empty(&s->clients))
        return;
    spin_lock(&s->lock);
    list_for_each (c, &s->clients, link)
        socket_wake(&c->s, SOCKET_POLLOUT);
    spin_unlock(&s->lock);
}

static void take_off(struct unix_sock *s, struct unix_msg *msg)
{
    bool was_full;

    spin_lock(&s->lock);
    list_remove(&msg->link);
    was_full = unix_full(s);
    s->rx_nr--;
    spin_unlock(&s->lock);
    if (was_full)
        tell_room(s);
}

static ssize_t hand_out(struct unix_sock *s, struct unix_msg *msg, struct socket_msg *m, unsigned flags,
                        size_t skip)
{
    size_t left = msg->len - skip, n = MIN(left, m->iov->count);

    if (m->name)
        unix_put_name(msg->from, m->name);
    if (n < left)
        m->flags |= MSG_TRUNC;
    if (unix_msg_copy(msg, skip, m->iov, n) < n)
        return -EFAULT;
    unix_msg_extras(s, msg, m, flags & MSG_PEEK);
    if (s->peek_off >= 0)
        s->peek_off = flags & MSG_PEEK ? s->peek_off + (int)n : MAX(s->peek_off - (int)msg->len, 0);
    return flags & MSG_TRUNC ? left : n;
}

/* *used: a message to be freed, without the reader's mutex: its descriptors may be closed by that. */
static ssize_t receive(struct unix_sock *s, struct socket_msg *m, unsigned flags, struct unix_msg **used)
{
    struct unix_msg *msg;
    size_t skip;
    ssize_t n;

    for (;;) {
        unsigned seen = 0;

        skip = (flags & MSG_PEEK) && s->peek_off > 0 ? s->peek_off : 0;
        if (skip)
            seen = READ_ONCE(s->rx_nr);
        msg = find_msg(s, &skip);
        if (msg)
            break;
        n = wait_msg(s, flags, m->deadline_ns, seen);
        if (n == -EAGAIN && s->s.type == SOCK_SEQPACKET && (READ_ONCE(s->shutdown) & SHUT_RECEIVE))
            return 0;
        if (n == -ESHUTDOWN)
            return 0;
        if (n)
            return n;
    }
    if (flags & MSG_PEEK)
        return hand_out(s, msg, m, flags, skip);
    take_off(s, msg);
    *used = msg;
    return hand_out(s, msg, m, flags, 0);
}

ssize_t unix_dgram_receive(struct socket *sk, struct socket_msg *m)
{
    struct unix_msg *used = NULL;
    unsigned flags = m->flags;
    ssize_t n;

    m->flags = 0;
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    n = socket_take_error(sk);
    if (n)
        return n;
    mutex_lock(&sk->reader);
    n = receive(unix_sk(sk), m, flags, &used);
    mutex_unlock(&sk->reader);
    if (used) {
        struct unix_sock *from = used->from;

        unix_msg_free(used, from);
        unix_put(from);
    }
    return n;
}

ssize_t unix_seqpacket_receive(struct socket *sk, struct socket_msg *m)
{
    if (unix_sk(sk)->state != UNIX_CONNECTED) {
        m->flags = 0;
        return -ENOTCONN;
    }
    return unix_dgram_receive(sk, m);
}

/* ---- readiness ---- */

static bool room_to_send(struct unix_sock *s)
{
    bool room;

    if (s->state == UNIX_LISTENING || !unix_writable(s))
        return false;
    spin_lock(&s->lock);
    room = !s->peer || READ_ONCE(s->peer->peer) == s || !unix_full(s->peer);
    spin_unlock(&s->lock);
    return room;
}

unsigned unix_dgram_poll(struct socket *sk)
{
    struct unix_sock *s = unix_sk(sk);
    unsigned bits = 0, shut = READ_ONCE(s->shutdown);

    if (READ_ONCE(sk->err))
        bits |= EPOLLERR;
    if (shut & SHUT_RECEIVE)
        bits |= EPOLLRDHUP | SOCKET_POLLIN;
    if (shut == SHUT_BOTH)
        bits |= EPOLLHUP;
    if (READ_ONCE(s->rx_nr))
        bits |= SOCKET_POLLIN;
    if (sk->type == SOCK_SEQPACKET && s->state == UNIX_CLOSED)
        bits |= EPOLLHUP;
    if (room_to_send(s))
        bits |= SOCKET_POLLOUT;
    return bits;
}
