/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain.c: the short way through a stream: a small piece from and to one buffer, of a socket that nobody set options on.
 * What is not as simple as that goes the long way (stream.c), which is also where errors come from.
 *
 * A message that was read is kept by the receiver for its peer's next one (spare): its writer takes it, its reader, one at
 * a time, puts it there.
 */
#include "kernel/slab.h"
#include "net/unix/unix.h"

static __noinline ssize_t send_long(struct socket *sk, struct iov *v, unsigned flags)
{
    struct socket_msg m;

    socket_msg_init(&m, v, flags, sk->sndtimeo_ns);
    return unix_stream_send(sk, &m);
}

/* The peer has stopped listening, or wants to know who it is: rare, and after the data were copied. */
static __noinline ssize_t send_again(struct socket *sk, struct unix_msg *msg, struct iov *v, unsigned flags)
{
    iov_kernel(v, msg->data, msg->len);
    ssize_t n = send_long(sk, v, flags);

    unix_msg_free(msg, unix_sk(sk));
    return n;
}

ssize_t unix_stream_send_plain(struct socket *sk, struct iov *v, unsigned flags)
{
    struct unix_sock *s = unix_sk(sk), *peer = atomic_load_acquire(&s->peer);
    size_t len = v->count;
    struct unix_msg *msg;

    if (unlikely(len - 1 >= UNIX_SMALL_BYTES || v->nr_segs != 1 || v->kernel || !peer || sk->err ||
                 s->shutdown || s->wmem >= sk->sndbuf || sk->passcred || (flags & MSG_OOB)))
        return send_long(sk, v, flags);
    msg = atomic_xchg(&peer->spare, NULL);
    if (unlikely(!msg))
        return send_long(sk, v, flags);
    if (unlikely(copy_from_user_partial(msg->data, (const char __user *)v->segs->base + v->off, len))) {
        unix_msg_free_memory(msg);
        return send_long(sk, v, flags);
    }
    msg->len = len;
    msg->off = 0;
    atomic_add(&s->wmem, UNIX_CHARGE_SMALL);
    spin_lock(&peer->lock);
    if (unlikely(peer->dead || (peer->shutdown & SHUT_RECEIVE) || peer->s.passcred || !peer->s.file)) {
        spin_unlock(&peer->lock);
        return send_again(sk, msg, v, flags);
    }
    list_append(&peer->rx, &msg->link);
    spin_unlock(&peer->lock);
    v->count = 0;
    socket_wake(&peer->s, SOCKET_POLLIN);
    return len;
}

static __noinline ssize_t receive_long(struct socket *sk, struct iov *v, unsigned flags)
{
    struct socket_msg m;
    ssize_t n;

    socket_msg_init(&m, v, flags, sk->rcvtimeo_ns);
    n = unix_stream_receive(sk, &m);
    if (unlikely(m.rights))
        unix_put_files(m.rights); /* nobody asked for them */
    return n;
}

/* The message was read: back to whom it is charged, with its memory to the next one. */
static __always_inline void used_up(struct unix_sock *s, struct unix_msg *msg)
{
    struct unix_sock *peer = s->peer;

    spin_lock(&s->lock);
    msg->link.prev->next = msg->link.next;
    msg->link.next->prev = msg->link.prev;
    spin_unlock(&s->lock);
    if (unlikely(s->spare || !msg->small || msg->has_cred)) {
        unix_msg_free(msg, peer);
        return;
    }
    atomic_sub(&peer->wmem, UNIX_CHARGE_SMALL);
    atomic_store_release(&s->spare, msg);
    if (likely(unix_writable(peer)))
        socket_wake(&peer->s, SOCKET_POLLOUT);
}

ssize_t unix_stream_receive_plain(struct socket *sk, struct iov *v, unsigned flags)
{
    struct unix_sock *s = unix_sk(sk);
    struct unix_msg *msg;
    size_t n, left;

    if (unlikely(s->state != UNIX_CONNECTED || v->nr_segs != 1 || v->kernel || !v->count || sk->passcred ||
                 s->peek_off > 0 || sk->rcvlowat != 1 || (flags & ~MSG_DONTWAIT)))
        return receive_long(sk, v, flags);
    mutex_lock(&sk->reader);
    msg = unix_first_msg(s);
    if (!msg) {
        uint64_t deadline = socket_deadline(sk->rcvtimeo_ns);

        do {
            int err = unix_wait_data(s, flags, deadline);

            if (unlikely(err)) {
                mutex_unlock(&sk->reader);
                return MIN(err, 0);
            }
            msg = unix_first_msg(s);
        } while (unlikely(!msg));
    }
    n = msg->len - msg->off;
    /* Several messages are read at once if there is room for more than the first. */
    if (unlikely(msg->rights || msg->nr_pages || !n || READ_ONCE(s->oob) == msg ||
                 (n < v->count && READ_ONCE(msg->link.next) != &s->rx))) {
        mutex_unlock(&sk->reader);
        return receive_long(sk, v, flags);
    }
    n = MIN(n, v->count);
    left = copy_to_user_partial((char __user *)v->segs->base + v->off, msg->data + msg->off, n);
    if (unlikely(left)) {
        mutex_unlock(&sk->reader);
        return receive_long(sk, v, flags);
    }
    msg->off += n;
    v->off += n;
    v->count -= n;
    if (likely(msg->off == msg->len))
        used_up(s, msg);
    mutex_unlock(&sk->reader);
    return n;
}
