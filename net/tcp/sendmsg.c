/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendmsg.c: bytes of the program become segments. They are copied under socket.writer alone, and queued under the lock; who
 * waits for room gives the mutex up meanwhile, as Linux gives up its socket lock.
 */
#include "net/tcp/fastopen.h"
#include "net/zerocopy.h"

/* One that fast open made may write before its handshake is over. */
static bool may_send(const struct tcp_sock *t)
{
    return STATE_IN(t, S_MAY_SEND) || (t->state == TCP_SYN_RECV && t->fo & FO_PASSIVE);
}

/* What stops a writer: 0, or -errno (-EPIPE: the system call sends SIGPIPE). */
static int send_error(struct tcp_sock *t)
{
    int err = socket_take_error(&t->sock);

    if (err)
        return err;
    if (t->shutdown & 2 || !STATE_IN(t, S_MAY_SEND | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV))
        return -EPIPE;
    return 0;
}

static bool has_room(const struct tcp_sock *t)
{
    if (t->notsent_lowat && READ_ONCE(t->write_seq) - READ_ONCE(t->snd_nxt) >= t->notsent_lowat)
        return false;
    return READ_ONCE(t->wmem) < t->sock.sndbuf && !(tcp_memory_short() && READ_ONCE(t->wmem) > 16384);
}

/* Room enough to go on, or whoever makes some is to say so. */
static bool may_write(struct tcp_sock *t)
{
    if (tcp_writeable(t))
        return true;
    WRITE_ONCE(t->nospace, true);
    atomic_fence();
    return tcp_writeable(t);
}

static bool handshaking(const struct tcp_sock *t)
{
    return t->state == TCP_SYN_SENT || (t->state == TCP_SYN_RECV && !(t->fo & FO_PASSIVE));
}

/* The mutex is held before and after. 0: look again. */
static int wait_to_send(struct tcp_sock *t, const struct socket_msg *m)
{
    bool connecting = handshaking(t);
    int err;

    if (!connecting) {
        spin_lock(&t->lock);
        tcp_push_pending(t, false); /* what MSG_MORE held back */
        spin_unlock(&t->lock);
        /* Whoever is told EAGAIN waits for EPOLLOUT, perhaps for its edge. */
        WRITE_ONCE(t->nospace, true);
        atomic_fence();
        if (has_room(t))
            return 0;
    }
    /* An edge-triggered epoll asks no more: who is refused must be told of room without having asked for it. */
    if (m->flags & MSG_DONTWAIT)
        return !connecting && may_write(t) && has_room(t) ? 0 : -EAGAIN;
    mutex_unlock(&t->sock.writer);
    err = socket_wait(&t->sock,
                      READ_ONCE(t->sock.err) || t->shutdown & 2 ||
                          (connecting ? !handshaking(t) : t->state == TCP_CLOSE || may_write(t)),
                      SOCKET_POLLOUT | EPOLLERR | EPOLLHUP, m->deadline_ns);
    mutex_lock(&t->sock.writer);
    return socket_wait_error(err, m->deadline_ns);
}

/* Little of pages is rather copied: it shares a segment with what was written before. */
static uint32_t copy_pages(struct socket_msg *m, uint8_t *to, uint32_t want)
{
    uint32_t got = 0;

    while (got < want) {
        const struct pktfrag *f = m->pages;
        uint32_t n = MIN(want - got, f->len - m->page_off);

        memcpy(to + got, (uint8_t *)pktfrag_virt(f) + m->page_off, n);
        got += n;
        socket_msg_page_taken(m, n);
    }
    return got;
}

/* A segment with up to want bytes of the program's, or NULL with *err. first: of this message. room: bytes that it shall
 * have room for if it is a small one, for those that follow. */
struct tcp_seg *tcp_fill(struct socket_msg *m, uint32_t want, uint32_t room, bool first, int *err)
{
    struct tcp_seg *s;
    uint32_t got = 0;

    if (unlikely(m->pages) && (want > TCP_SEG_INLINE || !first)) {
        s = tcp_seg_refs(m, want);
        *err = s ? 0 : -ENOBUFS;
        return s;
    }
    if (unlikely(m->flags & MSG_ZEROCOPY)) {
        s = tcp_seg_pinned(m, want);
        *err = 0;
        if (s)
            return s;
        WRITE_ONCE(m->owner->copied, true); /* what cannot be held, which may be a bad address */
    }
    s = want <= TCP_SEG_INLINE ? tcp_seg_inline(MAX(want, room)) : tcp_seg_pages(want);
    if (!s) {
        *err = -ENOBUFS;
        return NULL;
    }
    if (!s->nr_frags) {
        got = unlikely(m->pages) ? copy_pages(m, s->data, want) : iov_get(m->iov, s->data, want);
    } else {
        for (unsigned i = 0; i < s->nr_frags; i++) {
            struct pktfrag *f = &s->frags[i];
            uint32_t n = iov_get(m->iov, (char *)page_virt(f->page) + f->off, f->len);

            got += n;
            if (n == f->len)
                continue;
            f->len = n;
            if (n)
                i++;
            for (unsigned k = i; k < s->nr_frags; k++)
                page_put(s->frags[k].page);
            s->nr_frags = i;
            break;
        }
    }
    s->len = got;
    if (!got) {
        tcp_seg_free(s);
        *err = -EFAULT;
        return NULL;
    }
    *err = got < want ? -EFAULT : 0;
    return s;
}

/* Onto the end of what waits there, when both are small: what fits, at best full segments. True: that was all of s. */
static bool merge(struct tcp_sock *t, struct tcp_seg *s)
{
    struct tcp_seg *last = t->last;
    uint32_t most, n;

    if (!t->unsent || last->flags & SEG_FIN || last->sends || !last->nr_frags != !s->nr_frags)
        return false;
    if (s->nr_frags) {
        if (unlikely((s->flags | last->flags) & SEG_OWNED))
            return false;
        tcp_seg_join(t, s);
        if (s->len)
            last->flags &= ~SEG_PSH;
        return !s->len;
    }
    most = last->room - last->off;
    if (most > t->mss)
        most -= most % t->mss;
    if (last->len >= most)
        return false;
    n = MIN(s->len, most - last->len);
    memcpy(last->data + last->off + last->len, s->data, n);
    last->len += n;
    if (n == s->len)
        return true;
    last->flags &= ~SEG_PSH;
    s->len -= n;
    s->off = n;
    return false;
}

static void queue(struct tcp_sock *t, struct tcp_seg *s, unsigned flags, bool end)
{
    uint8_t nagle = t->nagle;
    uint32_t n = s->len;
    bool merged = merge(t, s);

    t->write_seq += n;
    if (!merged) {
        s->seq = t->write_seq - s->len;
        tcp_seg_append(t, s);
    }
    if (end && !(flags & MSG_MORE))
        t->last->flags |= SEG_PSH;
    if (unlikely(flags & MSG_OOB && end)) {
        t->snd_up = t->write_seq;
        t->urgent_out = true;
    }
    if (flags & MSG_MORE || !end)
        t->nagle |= NAGLE_CORK; /* for now: only full segments */
    tcp_push(t);
    if (!(nagle & NAGLE_CORK))
        t->nagle &= ~NAGLE_CORK;
    if (merged)
        tcp_seg_free(s);
}

static ssize_t send_all(struct tcp_sock *t, struct socket_msg *m)
{
    ssize_t done = 0;
    int err = 0;

    while (m->iov->count && !err) {
        struct tcp_seg *s;
        uint32_t want, room;

        err = READ_ONCE(t->sock.err) || t->shutdown & 2 || !STATE_IN(t, S_MAY_SEND) ? send_error(t) : 0;
        if (err)
            break;
        if (unlikely(handshaking(t) || !has_room(t))) {
            err = wait_to_send(t, m);
            continue;
        }
        want = MIN(m->iov->count, (size_t)READ_ONCE(t->gso_max));
        /* What a cork holds back goes out in one piece with what comes next. */
        room = t->nagle & NAGLE_CORK || m->flags & MSG_MORE ? MIN(t->mss, TCP_SEG_INLINE) : 0;
        s = tcp_fill(m, want, room, !done, &err);
        if (!s)
            break;
        spin_lock(&t->lock);
        if (unlikely(t->shutdown & 2 || !may_send(t))) {
            spin_unlock(&t->lock);
            tcp_seg_free(s);
            err = send_error(t);
            break;
        }
        done += s->len;
        queue(t, s, m->flags, !m->iov->count || err);
        spin_unlock(&t->lock);
    }
    if (done && (m->iov->count || err)) { /* nothing may stay behind a cork of our own */
        spin_lock(&t->lock);
        if (!(m->flags & MSG_MORE) && t->state != TCP_CLOSE)
            tcp_push_pending(t, false);
        spin_unlock(&t->lock);
    }
    return done ? done : err;
}

static __noinline ssize_t send_long(struct socket *s, struct iov *v, unsigned flags)
{
    struct socket_msg m;

    socket_msg_init(&m, v, flags, s->sndtimeo_ns);
    return tcp_sendmsg(s, &m);
}

/* The short way of write() and send(): a piece that one object holds, with nothing of the queue to join. */
ssize_t tcp_send(struct socket *s, struct iov *v, unsigned flags)
{
    struct tcp_sock *t = tcp_of(s);
    size_t n = v->count;
    struct tcp_seg *seg;

    if (unlikely(n - 1 >= TCP_SEG_INLINE || v->nr_segs != 1 || t->state != TCP_ESTABLISHED || t->unsent ||
                 t->nagle & NAGLE_CORK || READ_ONCE(s->err) || t->shutdown & 2 || !has_room(t)))
        return send_long(s, v, flags);
    seg = tcp_seg_inline(n);
    if (unlikely(!seg))
        return send_long(s, v, flags);
    mutex_lock(&s->writer);
    seg->len = iov_get(v, seg->data, n);
    spin_lock(&t->lock);
    if (unlikely(seg->len < n || t->state != TCP_ESTABLISHED || t->unsent || t->shutdown & 2)) {
        spin_unlock(&t->lock);
        mutex_unlock(&s->writer);
        v->off -= seg->len;
        v->count += seg->len;
        tcp_seg_free(seg);
        return send_long(s, v, flags);
    }
    seg->seq = t->write_seq;
    seg->flags = SEG_PSH;
    t->write_seq += n;
    tcp_seg_append(t, seg);
    tcp_push(t);
    spin_unlock(&t->lock);
    mutex_unlock(&s->writer);
    return n;
}

static inline ssize_t send_message(struct socket *s, struct socket_msg *m)
{
    struct tcp_sock *t = tcp_of(s);
    size_t in_syn = 0;
    ssize_t n;

    mutex_lock(&s->writer);
    if (unlikely(m->flags & MSG_FASTOPEN || t->fo & FO_DEFERRED)) {
        n = tcp_fastopen_send(t, m, &in_syn);
        if (n || (in_syn && !m->iov->count)) {
            mutex_unlock(&s->writer);
            return in_syn && (!n || n == -EINPROGRESS) ? (ssize_t)in_syn : n;
        }
    }
    if (unlikely(!m->iov->count)) {
        n = send_error(t);
        if (!n && handshaking(t))
            n = wait_to_send(t, m);
    } else {
        n = send_all(t, m);
    }
    mutex_unlock(&s->writer);
    if (unlikely(in_syn))
        n = n > 0 ? n + (ssize_t)in_syn : (ssize_t)in_syn;
    return n;
}

static __noinline ssize_t send_zerocopy(struct socket *s, struct socket_msg *m)
{
    struct tcp_sock *t = tcp_of(s);
    struct zerocopy *z;
    ssize_t n;

    m->flags &= ~MSG_ZEROCOPY;
    if (!s->zerocopy || !m->iov->count)
        return send_message(s, m);
    z = zerocopy_begin(s, m->iov->count);
    if (IS_ERR(z))
        return PTR_ERR(z);
    m->owner = &z->owner;
    if (zerocopy_possible(t->dst.dev) && !(m->flags & MSG_FASTOPEN || t->fo & FO_DEFERRED))
        m->flags |= MSG_ZEROCOPY;
    else
        z->owner.copied = true;
    n = send_message(s, m);
    zerocopy_end(z, n);
    return n;
}

ssize_t tcp_sendmsg(struct socket *s, struct socket_msg *m)
{
    return likely(!(m->flags & MSG_ZEROCOPY)) ? send_message(s, m) : send_zerocopy(s, m);
}
