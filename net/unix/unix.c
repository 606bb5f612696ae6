/* SPDX-License-Identifier: BSD-2-Clause */
/* unix.c: local sockets: their life, readiness, shutdown, options. */
#include "net/unix/unix.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/families.h"
#include <asm/socket.h>
#include <linux/sockios.h>

#ifndef FIONREAD
#define FIONREAD 0x541b
#endif
#ifndef TIOCOUTQ
#define TIOCOUTQ 0x5411
#endif

static struct slab_cache sock_cache = SLAB_CACHE(struct unix_sock);

static const struct socket_ops stream_ops, dgram_ops, seqpacket_ops;

void unix_lock_both(struct unix_sock *a, struct unix_sock *b)
{
    spin_lock(a < b ? &a->lock : &b->lock);
    if (a != b)
        spin_lock(a < b ? &b->lock : &a->lock);
}

void unix_unlock_both(struct unix_sock *a, struct unix_sock *b)
{
    spin_unlock(&a->lock);
    if (a != b)
        spin_unlock(&b->lock);
}

/* ---- their life ---- */

struct unix_sock *unix_new(int type, const struct socket_ops *ops)
{
    struct unix_sock *s = slab_zalloc(&sock_cache);

    if (!s)
        return NULL;
    socket_init(&s->s, ops, AF_UNIX, type, 0);
    ref_init(&s->refs);
    spin_init(&s->lock, RANK_UNIX);
    waitq_init(&s->room);
    list_init(&s->rx);
    list_init(&s->embryos);
    list_init(&s->clients);
    list_init(&s->link);
    list_init(&s->inflight_link);
    s->backlog = UNIX_DGRAM_BACKLOG;
    s->peek_off = -1;
    unix_names_add(s);
    return s;
}

void unix_free(struct unix_sock *s)
{
    if (s->name)
        unix_name_put(s->name);
    if (s->spare)
        unix_msg_free_memory(s->spare);
    slab_free(&sock_cache, s);
}

/* The other end of a connection that ends. lost: it had sent what nobody will read. */
static void tell_peer(struct unix_sock *peer, bool lost)
{
    spin_lock(&peer->lock);
    peer->shutdown = SHUT_BOTH;
    if (lost)
        atomic_store(&peer->s.err, -ECONNRESET);
    spin_unlock(&peer->lock);
    socket_wake_all(&peer->s);
}

static void drop_messages(struct unix_sock *s, struct list *rx)
{
    struct unix_msg *msg, *next;

    list_for_each_safe (msg, next, rx, link) {
        struct unix_sock *from = msg->from;

        unix_msg_free(msg, from ? from : s->peer);
        if (from)
            unix_put(from);
    }
}

/* An urgent byte that was received stays in the queue, for its mark; it is the first then. */
static bool is_unread(struct list *rx)
{
    struct unix_msg *first = list_entry(rx->next, struct unix_msg, link);

    if (list_empty(rx))
        return false;
    return first->off < first->len || first->link.next != rx;
}

void unix_close(struct unix_sock *s, bool embryo)
{
    struct list rx, embryos;
    struct unix_sock *e, *next;

    list_init(&rx);
    list_init(&embryos);
    unix_names_remove(s);
    spin_lock(&s->lock);
    s->dead = true;
    s->shutdown = SHUT_BOTH;
    s->state = UNIX_CLOSED;
    s->oob = NULL;
    list_splice(&rx, &s->rx);
    list_splice(&embryos, &s->embryos);
    s->rx_nr = 0;
    spin_unlock(&s->lock);
    wake_all(&s->room);
    if (unix_is_dgram(s)) {
        drop_messages(s, &rx);
        unix_dgram_set_peer(s, NULL);
    } else if (s->peer) {
        tell_peer(s->peer, embryo || is_unread(&rx));
        drop_messages(s, &rx);
        unix_put(s->peer);
    }
    list_for_each_safe (e, next, &embryos, link) {
        list_remove(&e->link);
        unix_close(e, true);
    }
    unix_put(s);
}

void unix_release(struct socket *sk)
{
    unix_close(unix_sk(sk), false);
    unix_collect();
}

static const struct socket_ops *ops_of(int type)
{
    switch (type) {
    case SOCK_STREAM:
        return &stream_ops;
    case SOCK_RAW: /* as Linux: for programs from before there were datagrams */
    case SOCK_DGRAM:
        return &dgram_ops;
    case SOCK_SEQPACKET:
        return &seqpacket_ops;
    }
    return NULL;
}

static int create(int type, int protocol, struct socket **out)
{
    const struct socket_ops *ops = ops_of(type);
    struct unix_sock *s;

    if (protocol && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    if (!ops)
        return -ESOCKTNOSUPPORT;
    s = unix_new(type == SOCK_RAW ? SOCK_DGRAM : type, ops);
    if (!s)
        return -ENOMEM;
    *out = &s->s;
    return 0;
}

static int create_pair(int type, int protocol, struct socket *out[2])
{
    struct unix_sock *a, *b;
    int err = create(type, protocol, &out[0]);

    if (err)
        return err;
    err = create(type, protocol, &out[1]);
    a = unix_sk(out[0]);
    if (err) {
        unix_close(a, false);
        return err;
    }
    b = unix_sk(out[1]);
    unix_get(a);
    unix_get(b);
    if (unix_is_dgram(a)) {
        unix_dgram_set_peer(a, b);
        unix_dgram_set_peer(b, a);
    } else {
        a->peer = b;
        b->peer = a;
        a->state = b->state = UNIX_CONNECTED;
    }
    socket_host->cred(&a->peercred, true);
    b->peercred = a->peercred;
    a->has_peercred = b->has_peercred = true;
    return 0;
}

const struct socket_family unix_family = { AF_UNIX, create, create_pair };

/* ---- readiness and shutdown ---- */

static unsigned stream_poll(struct socket *sk)
{
    struct unix_sock *s = unix_sk(sk);
    unsigned bits = 0, shut = READ_ONCE(s->shutdown);

    if (unlikely(READ_ONCE(sk->err)))
        bits |= EPOLLERR;
    if (unlikely(shut & SHUT_RECEIVE))
        bits |= EPOLLRDHUP | SOCKET_POLLIN | (shut == SHUT_BOTH ? EPOLLHUP : 0);
    if (READ_ONCE(s->rx.next) != &s->rx || READ_ONCE(s->rx_nr))
        bits |= SOCKET_POLLIN;
    if (unlikely(READ_ONCE(s->oob)))
        bits |= EPOLLPRI;
    if (unlikely(s->state != UNIX_CONNECTED)) {
        if (s->state == UNIX_LISTENING)
            return bits;
        bits |= EPOLLHUP;
    }
    if (likely(unix_writable(s)))
        bits |= SOCKET_POLLOUT;
    return bits;
}

static void shut(struct unix_sock *s, unsigned how)
{
    spin_lock(&s->lock);
    s->shutdown |= how;
    spin_unlock(&s->lock);
    wake_all(&s->room);
    socket_wake_all(&s->s);
}

static int unix_shutdown(struct socket *sk, int how)
{
    struct unix_sock *s = unix_sk(sk), *peer = unix_is_dgram(s) ? NULL : s->peer;
    unsigned mine = how + 1;

    shut(s, mine);
    if (peer) /* what one does not receive the other cannot send */
        shut(peer, (mine & SHUT_RECEIVE ? SHUT_SEND : 0) | (mine & SHUT_SEND ? SHUT_RECEIVE : 0));
    return 0;
}

/* ---- options ---- */

static int unix_setsockopt(struct socket *sk, int level, int name, const void *val, unsigned len)
{
    int n;

    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    if (name != SO_PEEK_OFF)
        return -ENOPROTOOPT;
    memcpy(&n, val, sizeof(n));
    mutex_lock(&sk->reader);
    unix_sk(sk)->peek_off = MAX(n, -1);
    mutex_unlock(&sk->reader);
    return 0;
}

static int unix_getsockopt(struct socket *sk, int level, int name, void *val, unsigned *len)
{
    struct unix_sock *s = unix_sk(sk);
    struct ucred nobody = { 0, ~0u, ~0u };

    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    switch (name) {
    case SO_PEEK_OFF:
        memcpy(val, &s->peek_off, *len = sizeof(int));
        return 0;
    case SO_PEERCRED:
        memcpy(val, s->has_peercred ? &s->peercred : &nobody, sizeof(nobody));
        *len = sizeof(nobody);
        return 0;
    }
    return -ENOPROTOOPT;
}

int unix_bytes_in(struct unix_sock *s)
{
    struct unix_msg *msg;
    int n = 0;

    spin_lock(&s->lock);
    list_for_each (msg, &s->rx, link) {
        n += msg->len - msg->off;
        if (unix_is_dgram(s))
            break;
    }
    spin_unlock(&s->lock);
    return n;
}

static long unix_ioctl(struct socket *sk, unsigned cmd, uintptr_t arg)
{
    struct unix_sock *s = unix_sk(sk);
    int n;

    switch (cmd) {
    case FIONREAD:
        if (s->state == UNIX_LISTENING)
            return -EINVAL;
        n = unix_bytes_in(s);
        break;
    case TIOCOUTQ:
        n = READ_ONCE(s->wmem);
        break;
    case SIOCATMARK:
        if (sk->type != SOCK_STREAM)
            return -ENOTTY;
        n = unix_at_mark(s);
        break;
    default:
        return -ENOTTY;
    }
    return put_user(n, (int __user *)arg);
}

#define COMMON                                                                                \
    .release = unix_release, .bind = unix_bind, .listen = unix_listen, .accept = unix_accept, \
    .getname = unix_getname, .shutdown = unix_shutdown, .setsockopt = unix_setsockopt,        \
    .getsockopt = unix_getsockopt, .ioctl = unix_ioctl

static const struct socket_ops stream_ops = {
    COMMON,
    .connect = unix_connect,
    .poll = stream_poll,
    .sendmsg = unix_stream_send,
    .recvmsg = unix_stream_receive,
    .send = unix_stream_send_plain,
    .receive = unix_stream_receive_plain,
};

static const struct socket_ops dgram_ops = {
    COMMON,
    .connect = unix_dgram_connect,
    .poll = unix_dgram_poll,
    .sendmsg = unix_dgram_send,
    .recvmsg = unix_dgram_receive,
};

static const struct socket_ops seqpacket_ops = {
    COMMON,
    .connect = unix_connect,
    .poll = unix_dgram_poll,
    .sendmsg = unix_seqpacket_send,
    .recvmsg = unix_seqpacket_receive,
};
