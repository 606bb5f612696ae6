/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c: connections of streams and sequenced packets: connect, listen, accept.
 *
 * connect() makes the other end itself, an embryo on the listener's queue, and is done; data may be sent before it is
 * accepted.
 */
#include "net/unix/unix.h"

int unix_listen(struct socket *sk, int backlog)
{
    struct unix_sock *s = unix_sk(sk);
    bool more;

    if (unix_is_dgram(s))
        return -EOPNOTSUPP;
    if (!s->name)
        return -EINVAL;
    spin_lock(&s->lock);
    if (s->state == UNIX_CONNECTED || s->dead) {
        spin_unlock(&s->lock);
        return -EINVAL;
    }
    more = (unsigned)backlog > s->backlog;
    s->backlog = backlog;
    s->state = UNIX_LISTENING;
    sk->listening = true;
    spin_unlock(&s->lock);
    socket_host->cred(&s->peercred, true);
    s->has_peercred = true;
    if (more)
        wake_all(&s->room);
    return 0;
}

/* The connection, both locks being held. -EXFULL: the listener has enough for now. */
static int join_locked(struct unix_sock *s, struct unix_sock *to, struct unix_sock *embryo)
{
    if (to->dead || to->state != UNIX_LISTENING || (to->shutdown & SHUT_RECEIVE))
        return -ECONNREFUSED;
    if (unix_full(to))
        return -EXFULL;
    if (s->state != UNIX_CLOSED)
        return s->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    unix_get(s);
    embryo->peer = s;
    embryo->state = UNIX_CONNECTED;
    embryo->name = to->name;
    ref_get(&embryo->name->refs);
    s->peercred = to->peercred;
    s->has_peercred = true;
    unix_get(embryo);
    atomic_store_release(&s->peer, embryo);
    s->state = UNIX_CONNECTED;
    list_append(&to->embryos, &embryo->link);
    to->rx_nr++;
    return 0;
}

/* Until it is connected, or cannot be. */
static int join(struct unix_sock *s, struct unix_sock *to, struct unix_sock *embryo, bool nonblock,
                uint64_t deadline)
{
    for (;;) {
        int err = -EINVAL;

        if (s != to) {
            unix_lock_both(s, to);
            err = join_locked(s, to, embryo);
            unix_unlock_both(s, to);
        }
        if (err != -EXFULL)
            return err;
        if (nonblock)
            return -EAGAIN;
        err = wait_event_until(&to->room, !unix_full(to) || READ_ONCE(to->dead), deadline);
        if (err)
            return socket_wait_error(err, deadline);
    }
}

int unix_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock)
{
    struct unix_sock *s = unix_sk(sk), *to, *embryo;
    uint64_t deadline = nonblock ? TIME_NEVER : socket_deadline(sk->sndtimeo_ns);
    int err = unix_check_addr(a);

    if (!err && sk->passcred)
        err = unix_autobind(s);
    if (err)
        return err;
    embryo = unix_new(sk->type, sk->ops);
    if (!embryo)
        return -ENOMEM;
    socket_host->cred(&embryo->peercred, true);
    embryo->has_peercred = true;
    err = unix_find(a, sk->type, &to);
    if (!err) {
        err = join(s, to, embryo, nonblock, deadline);
        if (!err)
            socket_wake(&to->s, SOCKET_POLLIN);
        unix_put(to);
    }
    if (err)
        unix_close(embryo, false);
    return err;
}

static struct unix_sock *next_embryo(struct unix_sock *s)
{
    struct unix_sock *e;
    bool was_full = false;

    spin_lock(&s->lock);
    e = list_first(&s->embryos, struct unix_sock, link);
    if (e) {
        list_remove(&e->link);
        was_full = unix_full(s);
        s->rx_nr--;
    }
    spin_unlock(&s->lock);
    if (was_full)
        wake_all(&s->room);
    return e;
}

int unix_accept(struct socket *sk, struct socket **peer, bool nonblock)
{
    struct unix_sock *s = unix_sk(sk), *e;
    uint64_t deadline;

    if (unix_is_dgram(s))
        return -EOPNOTSUPP;
    if (s->state != UNIX_LISTENING)
        return -EINVAL;
    deadline = nonblock ? TIME_NEVER : socket_deadline(sk->rcvtimeo_ns);
    while (!(e = next_embryo(s))) {
        int err = socket_take_error(sk);

        if (err)
            return err;
        if (nonblock)
            return -EAGAIN;
        if (READ_ONCE(s->shutdown) & SHUT_RECEIVE)
            return -EINVAL;
        err = socket_wait(sk, READ_ONCE(s->rx_nr) || (READ_ONCE(s->shutdown) & SHUT_RECEIVE), SOCKET_POLLIN,
                          deadline);
        if (err)
            return socket_wait_error(err, deadline);
    }
    e->s.passcred = sk->passcred;
    *peer = &e->s;
    return 0;
}
