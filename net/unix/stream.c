/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c: sending and receiving on local streams.
 *
 * A stream's peer is set once and stays until it is released itself: so no lock is needed to use it. A reader takes what
 * is at the head of its queue without the lock, since others only append; what it removes, it removes under it.
 *
 * An urgent byte (MSG_OOB) is a message of its own in the queue; the last one is the socket's oob until it is received. After
 * that it stays as a mark, with nothing to be read of it, until reading gets there.
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

/* The last byte: what was urgent before becomes an ordinary one. */
static __noinline int send_urgent(struct unix_sock *s, struct unix_sock *peer, struct socket_msg *m)
{
    struct unix_msg *msg;
    int owner, err = unix_wait_sndbuf(s, m);

    if (!err)
        err = unix_msg_new(s, peer, m, 1, &msg);
    if (err)
        return err;
    spin_lock(&peer->lock);
    if (peer->dead || (peer->shutdown & SHUT_RECEIVE)) {
        spin_unlock(&peer->lock);
        unix_msg_free(msg, s);
        return -EPIPE;
    }
    atomic_store(&peer->oob, msg);
    list_append(&peer->rx, &msg->link);
    owner = socket_urgent_owner(&peer->s);
    spin_unlock(&peer->lock);
    if (owner)
        socket_host->sigurg(owner);
    socket_wake(&peer->s, SOCKET_POLLIN | EPOLLPRI);
    return 1;
}

ssize_t unix_stream_send(struct socket *sk, struct socket_msg *m)
{
    struct unix_sock *s = unix_sk(sk), *peer = atomic_load_acquire(&s->peer);
    size_t done = 0;
    bool urgent = m->flags & MSG_OOB;
    int n = 0;

    if (unlikely(urgent && !m->iov->count))
        return -EOPNOTSUPP;
    if (unlikely(m->name && m->name->len))
        return s->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (unlikely(!peer))
        return -ENOTCONN;
    if (unlikely(READ_ONCE(s->shutdown) & SHUT_SEND))
        return -EPIPE;
    m->iov->count -= urgent;
    while (m->iov->count) {
        n = send_chunk(s, peer, m);
        if (unlikely(n < 0))
            break;
        done += n;
    }
    if (unlikely(urgent && n >= 0)) {
        m->iov->count = 1;
        n = send_urgent(s, peer, m);
        done += MAX(n, 0);
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

/* The first message is urgent, or was: where reading goes on. NULL: no further, when something was read (done), else there is
 * nothing. Looking (MSG_PEEK) passes over what reading takes away. */
static __noinline struct unix_msg *past_mark(struct unix_sock *s, struct unix_msg *msg, bool done, bool peek)
{
    bool newer = false;

    if (msg->off == msg->len) {
        if (done && !READ_ONCE(s->oob))
            return NULL;
        if (peek) {
            msg = next_msg(s, msg);
        } else {
            drop_first(s, msg);
            msg = unix_first_msg(s);
        }
    }
    if (!msg || msg != READ_ONCE(s->oob))
        return msg;
    if (done)
        return NULL;
    if (peek)
        return s->s.oobinline ? msg : next_msg(s, msg);
    spin_lock(&s->lock);
    newer = s->oob != msg; /* then this one is an ordinary one */
    if (!newer)
        s->oob = NULL;
    spin_unlock(&s->lock);
    if (s->s.oobinline || newer)
        return msg;
    drop_first(s, msg);
    return unix_first_msg(s);
}

static inline struct unix_msg *readable(struct unix_sock *s, struct unix_msg *msg, bool done, bool peek)
{
    if (likely(!msg || (msg != READ_ONCE(s->oob) && msg->off < msg->len)))
        return msg;
    return past_mark(s, msg, done, peek);
}

bool unix_at_mark(struct unix_sock *s)
{
    struct unix_msg *msg, *next;
    bool at = false;

    mutex_lock(&s->s.reader);
    msg = unix_first_msg(s);
    if (msg) {
        next = next_msg(s, msg);
        at = msg == s->oob || (msg->off == msg->len && (!s->oob || next == s->oob));
    }
    mutex_unlock(&s->s.reader);
    return at;
}

static ssize_t receive_urgent(struct unix_sock *s, struct socket_msg *m, bool peek)
{
    struct unix_msg *msg, *before = NULL;
    size_t n;

    mutex_lock(&s->s.reader);
    spin_lock(&s->lock);
    msg = s->s.oobinline ? NULL : s->oob;
    if (msg && !peek) {
        s->oob = NULL;
        if (msg->link.prev != &s->rx)
            before = list_entry(msg->link.prev, struct unix_msg, link);
        if (before && before->off == before->len)
            list_remove(&before->link); /* one mark is enough */
        else
            before = NULL;
    }
    spin_unlock(&s->lock);
    if (before)
        unix_msg_free(before, s->peer);
    n = msg ? unix_msg_copy(msg, 0, m->iov, 1) : 0;
    if (msg && !peek)
        msg->off = 1;
    mutex_unlock(&s->s.reader);
    if (!msg)
        return -EINVAL;
    m->flags |= MSG_OOB;
    return n ? 1 : -EFAULT;
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
        msg = skip_seen(s, readable(s, unix_first_msg(s), false, true), &skip);
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
        msg = readable(s, next_msg(s, msg), true, true);
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
        struct unix_msg *first = unix_first_msg(s), *msg = readable(s, first, done, false);
        size_t n, got;

        if (!msg) {
            if (done >= target || (first && done))
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
        return receive_urgent(s, m, flags & MSG_PEEK);
    mutex_lock(&sk->reader);
    n = likely(!(flags & MSG_PEEK)) ? take(s, m, flags) : look(s, m, flags);
    mutex_unlock(&sk->reader);
    return n;
}
