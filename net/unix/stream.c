/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c: sending and receiving on local streams.
 *
 * A stream's peer is set once and stays until it is released itself: so no lock is needed to use it. A reader takes what
 * is at the head of its queue without the lock, since others only append; what it removes, it removes under it.
 */
#include "lib/string.h"
#include "net/unix/unix.h"

#define CHUNK_MAX 32768 /* in one message; large writes become several, so that reading can begin */

/* ---- sending ---- */

static inline int send_chunk(struct unix_sock *s, struct unix_sock *peer, struct socket_msg *m)
{
    size_t len = MIN(m->iov->count, (size_t)CHUNK_MAX);
    struct unix_msg *msg;
    int err;

    if (unlikely(READ_ONCE(s->wmem) >= READ_ONCE(s->s.sndbuf) || READ_ONCE(s->s.err))) {
        err = unix_wait_sndbuf(s, m);
        if (err)
            return err;
    }
    err = unix_msg_new(s, peer, m, MIN(len, READ_ONCE(s->s.sndbuf) / 2), &msg);
    if (unlikely(err))
        return err;
    len = msg->len;
    spin_lock(&peer->lock);
    if (unlikely(peer->dead || (peer->shutdown & SHUT_RECEIVE))) {
        spin_unlock(&peer->lock);
        unix_msg_free(msg, s);
        return -EPIPE;
    }
    list_append(&peer->rx, &msg->link);
    spin_unlock(&peer->lock);
    socket_wake(&peer->s, SOCKET_POLLIN);
    return len;
}

ssize_t unix_stream_send(struct socket *sk, struct socket_msg *m)
{
    struct unix_sock *s = unix_sk(sk), *peer = atomic_load_acquire(&s->peer);
    size_t done = 0;
    int n = 0;

    if (unlikely(m->flags & MSG_OOB))
        return -EOPNOTSUPP;
    if (unlikely(m->name && m->name->len))
        return s->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (unlikely(!peer))
        return -ENOTCONN;
    if (unlikely(READ_ONCE(s->shutdown) & SHUT_SEND))
        return -EPIPE;
    while (m->iov->count) {
        n = send_chunk(s, peer, m);
        if (unlikely(n < 0))
            break;
        done += n;
    }
    return done ? (ssize_t)done : MIN(n, 0);
}

/* ---- receiving ---- */

static struct unix_msg *next_msg(struct unix_sock *s, struct unix_msg *msg)
{
    struct list *l;

    spin_lock(&s->lock);
    l = msg->link.next;
    spin_unlock(&s->lock);
    return l != &s->rx ? list_entry(l, struct unix_msg, link) : NULL;
}

int unix_wait_data(struct unix_sock *s, unsigned flags, uint64_t deadline)
{
    int err = socket_take_error(&s->s);

    if (err)
        return err;
    if (READ_ONCE(s->shutdown) & SHUT_RECEIVE)
        return unix_first_msg(s) ? 0 : 1; /* sent before the end */
    if (flags & MSG_DONTWAIT)
        return -EAGAIN;
    mutex_unlock(&s->s.reader);
    err = socket_wait(&s->s,
                      unix_first_msg(s) || (READ_ONCE(s->shutdown) & SHUT_RECEIVE) || READ_ONCE(s->s.err),
                      SOCKET_POLLIN, deadline);
    mutex_lock(&s->s.reader);
    return socket_wait_error(err, deadline);
}

static inline void drop_first(struct unix_sock *s, struct unix_msg *msg)
{
    spin_lock(&s->lock);
    list_remove(&msg->link);
    spin_unlock(&s->lock);
    unix_msg_free(msg, s->peer);
}

/* Data of different senders are not received as one, where the receiver asks who it is. */
static bool same_cred(const struct socket_msg *m, const struct unix_msg *msg)
{
    return m->has_cred && msg->has_cred && !memcmp(&m->cred, &msg->cred, sizeof(m->cred));
}

/* Where a look begins (SO_PEEK_OFF): the message, and the offset into it. */
static struct unix_msg *skip_seen(struct unix_sock *s, struct unix_msg *msg, size_t *skip)
{
    while (msg && *skip >= msg->len - msg->off) {
        *skip -= msg->len - msg->off;
        msg = next_msg(s, msg);
    }
    return msg;
}

static void moved(struct unix_sock *s, bool peek, size_t n)
{
    if (peek)
        s->peek_off += n;
    else
        s->peek_off -= MIN((size_t)s->peek_off, n);
}

/* MSG_PEEK: what is there from the peek offset on, up to and with the first message that carries descriptors. */
static __noinline ssize_t look(struct unix_sock *s, struct socket_msg *m, unsigned flags)
{
    size_t skip = 0, done = 0;
    struct unix_msg *msg;
    int err = 0;

    for (;;) {
        skip = s->peek_off > 0 ? s->peek_off : 0;
        msg = skip_seen(s, unix_first_msg(s), &skip);
        if (msg)
            break;
        if (unix_first_msg(s)) { /* all of it has been seen: wait for more */
            struct list *last = READ_ONCE(s->rx.prev);

            if (READ_ONCE(s->shutdown) & SHUT_RECEIVE)
                return 0;
            if (flags & MSG_DONTWAIT)
                return -EAGAIN;
            mutex_unlock(&s->s.reader);
            err = socket_wait(&s->s, READ_ONCE(s->rx.prev) != last || (READ_ONCE(s->shutdown) & SHUT_RECEIVE),
                              SOCKET_POLLIN, m->deadline_ns);
            mutex_lock(&s->s.reader);
            err = socket_wait_error(err, m->deadline_ns);
        } else {
            err = unix_wait_data(s, flags, m->deadline_ns);
        }
        if (err)
            return MIN(err, 0);
    }
    while (msg) {
        size_t n = MIN((size_t)msg->len - msg->off - skip, m->iov->count), got;

        if (done && s->s.passcred && !same_cred(m, msg))
            break;
        if (!done && m->name)
            unix_put_name(s->peer, m->name);
        got = unix_msg_copy(msg, msg->off + skip, m->iov, n);
        if (!done || msg->rights)
            unix_msg_extras(s, msg, m, true);
        if (got < n) /* a message counts when all of it could be copied */
            return done ? (ssize_t)done : -EFAULT;
        done += got;
        if (msg->rights || !m->iov->count)
            break;
        skip = 0;
        msg = next_msg(s, msg);
    }
    if (s->peek_off >= 0)
        moved(s, true, done);
    return done;
}

static inline ssize_t take(struct unix_sock *s, struct socket_msg *m, unsigned flags)
{
    size_t want = m->iov->count, done = 0, target;
    int err = 0;

    target = flags & MSG_WAITALL ? want : MIN(READ_ONCE(s->s.rcvlowat), want);
    target = target ? target : 1;
    do {
        struct unix_msg *msg = unix_first_msg(s);
        size_t n, got;

        if (!msg) {
            if (done >= target)
                break;
            err = unix_wait_data(s, flags, m->deadline_ns);
            if (err)
                break;
            continue;
        }
        if (unlikely(done && s->s.passcred && !same_cred(m, msg)))
            break;
        if (unlikely(m->name && !done))
            unix_put_name(s->peer, m->name);
        n = MIN((size_t)msg->len - msg->off, m->iov->count);
        got = unix_msg_copy(msg, msg->off, m->iov, n);
        if (unlikely(got < n)) { /* a message counts when all that was wanted of it could be copied */
            err = -EFAULT;
            break;
        }
        bool carries = msg->rights;

        if (unlikely(carries || (s->s.passcred && !done)))
            unix_msg_extras(s, msg, m, false);
        done += got;
        msg->off += got;
        if (unlikely(s->peek_off > 0))
            moved(s, false, got);
        if (unlikely(msg->off < msg->len))
            break;
        drop_first(s, msg);
        if (unlikely(carries))
            break;
    } while (m->iov->count);
    return done ? (ssize_t)done : MIN(err, 0);
}

ssize_t unix_stream_receive(struct socket *sk, struct socket_msg *m)
{
    struct unix_sock *s = unix_sk(sk);
    unsigned flags = m->flags;
    ssize_t n;

    m->flags = 0;
    if (unlikely(s->state != UNIX_CONNECTED))
        return -EINVAL;
    if (unlikely(flags & MSG_OOB))
        return -EOPNOTSUPP;
    mutex_lock(&sk->reader);
    n = likely(!(flags & MSG_PEEK)) ? take(s, m, flags) : look(s, m, flags);
    mutex_unlock(&sk->reader);
    return n;
}
