/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recvmsg.c: bytes of the queue go to the program. Packets are read in place under socket.reader alone; the lock is taken
 * once at the end, to take those off that are used up.
 */
#include "net/tcp/sockopt.h"
#include "net/tcp/tcp_sock.h"
#include "net/zerocopy.h"

/* From off of p on, len bytes; how many came through. */
static size_t copy_packet(struct socket_msg *m, const struct pktbuf *p, uint32_t off, uint32_t len)
{
    size_t done = 0, n, got;

    if (m->flags & MSG_TRUNC) { /* TCP: thrown away */
        m->iov->count -= len;
        return len;
    }
    if (off < p->len) {
        n = MIN(len, p->len - off);
        done = iov_put(m->iov, p->data + off, n);
        if (done < n)
            return done;
        len -= n;
        off = p->len;
    }
    off -= p->len;
    for (unsigned i = 0; len && i < p->nr_frags; i++) {
        const struct pktfrag *f = &p->frags[i];

        if (off >= f->len) {
            off -= f->len;
            continue;
        }
        n = MIN(len, f->len - off);
        got = iov_put(m->iov, (char *)page_virt(f->page) + f->off + off, n);
        done += got;
        if (got < n)
            return done;
        len -= n;
        off = 0;
    }
    return done;
}

/* Copies what is there, from *seq on, up to the mark of urgent data. Bytes, or -EFAULT. */
static ssize_t copy_queue(struct tcp_sock *t, struct socket_msg *m, uint32_t *seq)
{
    uint32_t end = atomic_load_acquire(&t->rcv_nxt);
    struct pktbuf *p = t->rx.first;
    ssize_t done = 0;

    while (p && m->iov->count && seq_lt(*seq, end)) {
        struct tcp_cb *cb = TCP_CB(p);
        uint32_t last = seq_lt(end, READ_ONCE(cb->end)) ? end : READ_ONCE(cb->end), n;
        size_t got;

        if (!seq_lt(*seq, last)) {
            if (READ_ONCE(cb->end) == end || seq_lt(end, cb->end))
                break;
            p = p->next;
            continue;
        }
        n = MIN((size_t)(last - *seq), m->iov->count);
        if (unlikely(t->urg_state)) {
            uint32_t to_mark = t->urg_seq - *seq;

            if (!to_mark) {
                if (done)
                    break;
                if (!t->sock.oobinline) { /* it is not part of the stream */
                    ++*seq;
                    continue;
                }
            } else if (to_mark < n) {
                n = to_mark;
            }
        }
        got = copy_packet(m, p, *seq - cb->seq, n);
        *seq += got;
        done += got;
        if (got < n)
            return done ? done : -EFAULT;
        if (unlikely(t->urg_state && t->urg_seq == *seq))
            break;
    }
    return done;
}

/* The program has what lies before seq. */
static inline void consume(struct tcp_sock *t, uint32_t seq)
{
    struct pktbuf *gone = NULL, **end = &gone, *p;
    int64_t truesize = 0;

    if (seq == t->copied_seq)
        return;
    spin_lock(&t->lock);
    t->copied_seq = seq;
    if (unlikely(t->urg_state && seq_lt(t->urg_seq, seq)))
        t->urg_state = TCP_URG_NONE;
    while ((p = t->rx.first) && seq_le(TCP_CB(p)->end, seq)) {
        pktqueue_take(&t->rx);
        truesize += TCP_CB(p)->truesize;
        *end = p;
        end = &p->next;
    }
    *end = NULL;
    t->rmem -= truesize;
    tcp_after_read(t);
    spin_unlock(&t->lock);
    tcp_mem_add(-truesize);
    while ((p = gone)) {
        gone = p->next;
        pktbuf_free(p);
    }
}

static ssize_t receive_urgent(struct tcp_sock *t, struct socket_msg *m)
{
    uint8_t c = t->urg_byte;

    if (t->sock.oobinline || !t->urg_state || t->urg_state == TCP_URG_READ)
        return -EINVAL;
    if (t->state == TCP_CLOSE && !t->connecting)
        return -ENOTCONN;
    if (t->urg_state == TCP_URG_HERE) {
        if (!(m->flags & MSG_PEEK))
            t->urg_state = TCP_URG_READ;
        if (!m->iov->count) {
            m->flags = MSG_OOB | MSG_TRUNC;
            return 0;
        }
        if (!(m->flags & MSG_TRUNC) && iov_put(m->iov, &c, 1) != 1)
            return -EFAULT;
        m->flags = MSG_OOB;
        return 1;
    }
    if (t->state == TCP_CLOSE || t->shutdown & 1)
        return 0;
    return -EAGAIN;
}

/* Nothing (more) is there: 0: wait; 1: that is all; or -errno. */
static int at_end(struct tcp_sock *t, ssize_t done)
{
    int err;

    if (done)
        return READ_ONCE(t->sock.err) || t->state == TCP_CLOSE || t->shutdown & 1 ? 1 : 0;
    err = socket_take_error(&t->sock);
    if (err)
        return err;
    if (t->shutdown & 1)
        return t->state == TCP_CLOSE && !t->connecting ? -ENOTCONN : 1;
    if (t->state == TCP_CLOSE)
        return -ENOTCONN;
    return 0;
}

static bool something_to_do(struct tcp_sock *t, uint32_t seq)
{
    return atomic_load_acquire(&t->rcv_nxt) - seq > (t->fin_received ? 1u : 0u) || READ_ONCE(t->sock.err) ||
           t->state == TCP_CLOSE || t->shutdown & 1;
}

/* What there is to read lies in one packet, in one piece, and nothing else is to be seen to. */
static inline struct pktbuf *plain_packet(struct tcp_sock *t, const struct iov *v, uint32_t *n)
{
    struct pktbuf *p = t->rx.first;
    uint32_t all = atomic_load_acquire(&t->rcv_nxt) - t->copied_seq;
    uint32_t left = MIN(READ_ONCE(TCP_CB(p)->end) - t->copied_seq, all);

    *n = MIN(left, v->count);
    if (unlikely(p->nr_frags || t->urg_state || t->fin_received || *n < t->sock.rcvlowat))
        return NULL;
    return left - 1 < TCP_INFINITE && (left >= v->count || !READ_ONCE(p->next)) ? p : NULL;
}

static __noinline ssize_t receive_long(struct socket *s, struct iov *v, unsigned flags)
{
    struct socket_msg m;

    socket_msg_init(&m, v, flags, s->rcvtimeo_ns);
    return tcp_recvmsg(s, &m);
}

/* The short way of read() and recv(). */
ssize_t tcp_receive(struct socket *s, struct iov *v, unsigned flags)
{
    struct tcp_sock *t = tcp_of(s);
    struct pktbuf *p;
    uint32_t n;

    if (unlikely(t->state != TCP_ESTABLISHED || !v->count || flags & ~MSG_DONTWAIT))
        return receive_long(s, v, flags);
    mutex_lock(&s->reader);
    if (!READ_ONCE(t->rx.first)) {
        mutex_unlock(&s->reader);
        if (flags & MSG_DONTWAIT || s->rcvtimeo_ns != TIME_NEVER ||
            socket_wait(s, something_to_do(t, t->copied_seq),
                        SOCKET_POLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR, TIME_NEVER))
            return receive_long(s, v, flags);
        mutex_lock(&s->reader);
    }
    p = likely(t->rx.first != NULL) ? plain_packet(t, v, &n) : NULL;
    if (likely(p != NULL)) {
        n = iov_put(v, p->data + (t->copied_seq - TCP_CB(p)->seq), n);
        consume(t, t->copied_seq + n);
    }
    mutex_unlock(&s->reader);
    return likely(p && n) ? (ssize_t)n : receive_long(s, v, flags);
}

ssize_t tcp_recvmsg(struct socket *s, struct socket_msg *m)
{
    struct tcp_sock *t = tcp_of(s);
    unsigned flags = m->flags;
    size_t want = m->iov->count;
    ssize_t done = 0, n, target;
    uint32_t seq;
    int err = 0;

    if (m->name)
        m->name->len = 0;
    if (unlikely(flags & MSG_ERRQUEUE))
        return zerocopy_receive(s, m);
    if (t->state == TCP_LISTEN)
        return -ENOTCONN;
    mutex_lock(&s->reader);
    if (unlikely(flags & MSG_OOB)) {
        n = receive_urgent(t, m);
        mutex_unlock(&s->reader);
        return n;
    }
    target = flags & MSG_WAITALL ? want : MIN((size_t)MAX(s->rcvlowat, 1u), want);
    seq = t->copied_seq;
    for (;;) {
        n = copy_queue(t, m, &seq);
        if (n < 0) {
            err = n;
            break;
        }
        done += n;
        if (!(flags & MSG_PEEK))
            consume(t, seq);
        if (done >= target || !m->iov->count)
            break;
        if (done && t->urg_state && t->urg_seq == seq)
            break;
        if (n)
            continue; /* more may have come meanwhile */
        err = at_end(t, done);
        if (err)
            break;
        if (flags & MSG_DONTWAIT) {
            err = -EAGAIN;
            break;
        }
        mutex_unlock(&s->reader);
        err = socket_wait(s, something_to_do(t, seq), SOCKET_POLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR,
                          m->deadline_ns);
        err = socket_wait_error(err, m->deadline_ns);
        mutex_lock(&s->reader);
        if (err)
            break;
        if (!(flags & MSG_PEEK))
            seq = t->copied_seq; /* another reader may have been here */
    }
    mutex_unlock(&s->reader);
    m->flags = 0;
    if (unlikely(t->inq) && (done || err >= 0)) {
        int left = tcp_readable(t);

        socket_put_control(m, IPPROTO_TCP, 36 /* TCP_CM_INQ */, &left, sizeof(left));
    }
    return done ? done : err > 0 ? 0 : err;
}
