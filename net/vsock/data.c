/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * data.c: what is sent and received.
 *
 * Received packets wait as they came; a small one moves into the room that the last one has left, so that a byte does
 * not hold a page. The other end learns of what was read with the next packet, or by one for it when much was read.
 */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/vsock/vsock.h"

#define SMALL 128 /* bytes that are cheaper copied */
#define ROOMY (PAGE_SIZE - VSOCK_PKT_HEAD)

/* ---- the queue ---- */

/* p in an object of another size; as it is without memory. */
static struct vsock_pkt *resize(struct vsock_pkt *p, uint32_t room)
{
    struct vsock_pkt *q = vsock_pkt_new(room);

    if (!q)
        return p;
    q->len = p->len;
    q->flags = p->flags;
    memcpy(q->data, p->data, p->len);
    kfree(p);
    return q;
}

static bool ends_message(const struct vsock_sock *s, const struct vsock_pkt *p)
{
    return s->s.type == SOCK_SEQPACKET && p->flags & VIRTIO_VSOCK_SEQ_EOM;
}

bool vsock_enqueue(struct vsock_sock *s, struct vsock_pkt *p)
{
    struct vsock_pkt *last = list_last(&s->rx, struct vsock_pkt, link);
    uint32_t len = p->len;
    bool ends = ends_message(s, p);

    if ((int32_t)(s->rx_edge - s->rx_cnt - len) < 0 || len > INT32_MAX ||
        s->rx_msgs > vsock_buf_alloc(s)) /* empty ones cost no credit */
        return false;
    s->rx_cnt += len;
    if (last && !ends_message(s, last) && len <= SMALL && last->len + len <= last->room) {
        memcpy(last->data + last->len, p->data, len);
        last->flags |= p->flags;
        WRITE_ONCE(last->len, last->len + len);
        kfree(p);
    } else {
        if (ends && len <= p->room / 2)
            p = resize(p, len);
        else if (!ends && len <= SMALL && p->room < ROOMY)
            p = resize(p, ROOMY);
        list_append(&s->rx, &p->link);
    }
    s->rx_bytes += len;
    s->rx_msgs += ends;
    return true;
}

void vsock_drop_packets(struct list *rx)
{
    struct vsock_pkt *p, *next;

    list_for_each_safe (p, next, rx, link)
        kfree(p);
    list_init(rx);
}

/* n bytes of p were read, perhaps all. Frees it then. lock held. */
static void consume(struct vsock_sock *s, struct vsock_pkt *p, uint32_t n)
{
    p->off += n;
    s->rx_bytes -= n;
    s->fwd_cnt += n;
    if (p->off < p->len)
        return;
    list_remove(&p->link);
    kfree(p);
}

/* The other end may send again: tells it, when it matters. */
static void tell_credit(struct vsock_sock *s)
{
    uint32_t news;

    spin_lock(&s->lock);
    news = s->fwd_cnt - s->told_fwd;
    /* It never waits for less than a quarter, unless for room for a whole message or for who wants more than there is. */
    if (news && s->state == VSOCK_CONNECTED && !s->done &&
        (news >= vsock_buf_alloc(s) / 4 || (s->s.type == SOCK_SEQPACKET && !s->rx_msgs) ||
         (READ_ONCE(s->s.rcvlowat) > 1 && s->rx_bytes < READ_ONCE(s->s.rcvlowat))))
        vsock_control(s, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
    spin_unlock(&s->lock);
}

/* ---- receiving ---- */

/* Nothing more will come. */
static bool at_end(const struct vsock_sock *s)
{
    return s->state != VSOCK_CONNECTED || READ_ONCE(s->done) || READ_ONCE(s->shutdown) & SHUT_RECEIVE ||
           READ_ONCE(s->peer_shutdown) & SHUT_SEND;
}

static bool has_data(const struct vsock_sock *s)
{
    return s->s.type == SOCK_STREAM ? READ_ONCE(s->rx_bytes) : READ_ONCE(s->rx_msgs);
}

/* Waits without the reader's mutex. 1: there is something; 0: there will not be; or -errno. */
static int wait_data(struct vsock_sock *s, unsigned flags, uint64_t deadline)
{
    int err;

    while (!has_data(s)) {
        err = socket_take_error(&s->s);
        if (err)
            return err;
        if (at_end(s))
            return has_data(s); /* which came before the end did */
        if (flags & MSG_DONTWAIT)
            return -EAGAIN;
        mutex_unlock(&s->s.reader);
        err = socket_wait(&s->s, has_data(s) || at_end(s) || READ_ONCE(s->s.err), SOCKET_POLLIN, deadline);
        mutex_lock(&s->s.reader);
        if (err)
            return socket_wait_error(err, deadline);
    }
    return 1;
}

/* What is there of a stream, as far as there is room for it. Bytes, or -EFAULT. */
static ssize_t take(struct vsock_sock *s, struct iov *v, bool peek)
{
    struct vsock_pkt *p, *next;
    ssize_t done = 0;

    spin_lock(&s->lock);
    for (p = list_first(&s->rx, struct vsock_pkt, link); p && v->count; p = next) {
        uint32_t n = MIN((size_t)(p->len - p->off), v->count), got;

        spin_unlock(&s->lock);
        got = iov_put(v, p->data + p->off, n); /* what is appended meanwhile lies behind */
        spin_lock(&s->lock);
        done += got;
        next = p->link.next == &s->rx ? NULL : list_entry(p->link.next, struct vsock_pkt, link);
        if (!peek) {
            consume(s, p, got);
            next = list_first(&s->rx, struct vsock_pkt, link);
        }
        if (got < n) {
            done = done ? done : -EFAULT;
            break;
        }
    }
    spin_unlock(&s->lock);
    return done;
}

static ssize_t receive_stream(struct vsock_sock *s, struct socket_msg *m, unsigned flags)
{
    size_t want = m->iov->count, done = 0,
           target = flags & MSG_WAITALL ? want : MIN(READ_ONCE(s->s.rcvlowat), want);
    bool peek = flags & MSG_PEEK;
    ssize_t n;

    do {
        n = wait_data(s, flags, m->deadline_ns);
        if (n <= 0)
            break;
        n = take(s, m->iov, peek);
        if (n < 0)
            break;
        done += n;
        if (!peek)
            tell_credit(s);
    } while (!peek && done < target);
    return done ? (ssize_t)done : n;
}

/* One message, as far as there is room for it; the rest of it is lost. */
static ssize_t receive_message(struct vsock_sock *s, struct socket_msg *m, unsigned flags)
{
    bool peek = flags & MSG_PEEK, ends = false, bad = false;
    size_t len = 0, done = 0;
    struct vsock_pkt *p, *next;
    int err = wait_data(s, flags, m->deadline_ns);

    if (err <= 0)
        return err;
    spin_lock(&s->lock);
    for (p = list_first(&s->rx, struct vsock_pkt, link); p && !ends; p = next) {
        uint32_t n = p->len, part = MIN((size_t)n, m->iov->count), got;

        spin_unlock(&s->lock);
        got = bad ? 0 : iov_put(m->iov, p->data, part);
        bad |= got < part;
        spin_lock(&s->lock);
        done += got;
        len += n;
        ends = p->flags & VIRTIO_VSOCK_SEQ_EOM;
        if (ends && p->flags & VIRTIO_VSOCK_SEQ_EOR)
            m->flags |= MSG_EOR;
        next = p->link.next == &s->rx ? NULL : list_entry(p->link.next, struct vsock_pkt, link);
        if (!peek)
            consume(s, p, n);
    }
    if (!peek)
        s->rx_msgs--;
    spin_unlock(&s->lock);
    if (!peek)
        tell_credit(s);
    if (bad)
        return -EFAULT;
    if (len > done)
        m->flags |= MSG_TRUNC;
    return flags & MSG_TRUNC ? len : done;
}

ssize_t vsock_recvmsg(struct socket *sk, struct socket_msg *m)
{
    struct vsock_sock *s = vsock_sk(sk);
    unsigned flags = m->flags;
    ssize_t n;

    m->flags = 0;
    if (s->state != VSOCK_CONNECTED)
        return -ENOTCONN;
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (READ_ONCE(s->shutdown) & SHUT_RECEIVE || !m->iov->count)
        return 0;
    mutex_lock(&sk->reader);
    n = sk->type == SOCK_STREAM ? receive_stream(s, m, flags) : receive_message(s, m, flags);
    mutex_unlock(&sk->reader);
    return n;
}

/* ---- sending ---- */

static bool cannot_send(const struct vsock_sock *s)
{
    return READ_ONCE(s->shutdown) & SHUT_SEND || READ_ONCE(s->peer_shutdown) & SHUT_RECEIVE ||
           READ_ONCE(s->s.err);
}

/* Waits until least bytes may be sent. 0 or -errno. */
static int wait_room(struct vsock_sock *s, struct socket_msg *m, uint32_t least)
{
    int err = 0;

    if (vsock_room(s) < least && !cannot_send(s)) {
        if (m->flags & MSG_DONTWAIT)
            return -EAGAIN;
        err = socket_wait(&s->s, vsock_room(s) >= least || cannot_send(s), SOCKET_POLLOUT, m->deadline_ns);
    }
    if (err)
        return socket_wait_error(err, m->deadline_ns);
    if (!cannot_send(s))
        return 0;
    err = socket_take_error(&s->s);
    return err ? err : -EPIPE;
}

/* A packet with the next n bytes of what the program sends, or as many as there is memory for. */
static struct vsock_pkt *fill(struct iov *v, size_t n, int *err)
{
    struct vsock_pkt *p;

    n = MIN(n, VSOCK_PKT_MAX);
    p = vsock_pkt_new(n);
    if (!p && n > ROOMY)
        p = vsock_pkt_new(n = ROOMY);
    *err = -ENOMEM;
    if (!p)
        return NULL;
    *err = 0;
    p->len = iov_get(v, p->data, n);
    if (p->len == n)
        return p;
    *err = -EFAULT;
    kfree(p);
    return NULL;
}

/* Sends the packets of a list, which end a message with last; a connection that ended meanwhile loses them. */
static void send_packets(struct vsock_sock *s, struct list *packets, uint32_t last)
{
    struct vsock_pkt *p;

    spin_lock(&s->lock);
    while ((p = list_first(packets, struct vsock_pkt, link)) && s->state == VSOCK_CONNECTED && !s->done) {
        list_remove(&p->link);
        vsock_send_data(s, p, p->len, list_empty(packets) ? last : 0);
    }
    spin_unlock(&s->lock);
    vsock_drop_packets(packets);
}

static ssize_t send_stream(struct vsock_sock *s, struct socket_msg *m)
{
    size_t done = 0;
    int err = 0;

    while (m->iov->count) {
        size_t n = MIN(m->iov->count, (size_t)vsock_room(s));
        struct list packets;
        struct vsock_pkt *p;

        if (!n || cannot_send(s)) {
            err = wait_room(s, m, 1);
            if (err)
                break;
            continue;
        }
        p = fill(m->iov, n, &err);
        if (!p)
            break;
        done += p->len;
        list_init(&packets);
        list_append(&packets, &p->link);
        send_packets(s, &packets, 0);
    }
    return done ? (ssize_t)done : err;
}

/* All of it or nothing. */
static ssize_t send_message(struct vsock_sock *s, struct socket_msg *m)
{
    size_t len = m->iov->count;
    struct list packets;
    struct vsock_pkt *p;
    int err;

    if (len > MIN(READ_ONCE(s->peer_alloc), vsock_buf_alloc(s)))
        return -EMSGSIZE;
    err = wait_room(s, m, len);
    list_init(&packets);
    while (!err && m->iov->count) {
        p = fill(m->iov, m->iov->count, &err);
        if (p)
            list_append(&packets, &p->link);
    }
    if (err)
        vsock_drop_packets(&packets);
    else
        send_packets(s, &packets, VIRTIO_VSOCK_SEQ_EOM | (m->flags & MSG_EOR ? VIRTIO_VSOCK_SEQ_EOR : 0));
    return err ? err : (ssize_t)len;
}

ssize_t vsock_sendmsg(struct socket *sk, struct socket_msg *m)
{
    struct vsock_sock *s = vsock_sk(sk);
    ssize_t n;

    if (m->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (m->name && m->name->len)
        return s->state == VSOCK_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (READ_ONCE(s->shutdown) & SHUT_SEND || READ_ONCE(s->peer_shutdown) & SHUT_RECEIVE)
        n = wait_room(s, m, 0);
    else if (s->state != VSOCK_CONNECTED)
        n = -ENOTCONN;
    else {
        mutex_lock(&sk->writer);
        n = sk->type == SOCK_STREAM ? send_stream(s, m) : send_message(s, m);
        mutex_unlock(&sk->writer);
    }
    return n;
}
