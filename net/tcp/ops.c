/* SPDX-License-Identifier: BSD-2-Clause */
/* ops.c: what programs do with TCP sockets, but for data (sendmsg.c, recvmsg.c) and options (sockopt.c). */
#include "kernel/uaccess.h"
#include "net/tcp/fastopen.h"
#include "net/zerocopy.h"
#include <asm/ioctls.h>
#include <linux/sockios.h>

/* ---- addresses ---- */

static int read_name(struct tcp_sock *t, const struct sockaddr_any *a, struct inaddr *addr, uint16_t *port,
                     int *scope)
{
    int err;

    if (t->e.family == AF_INET6 && a->family != AF_INET6)
        return -EAFNOSUPPORT;
    err = inet_addr_get(a, t->e.family, addr, port, scope);
    if (!err)
        *port = be16(*port);
    return err;
}

static int tcp_bind(struct socket *s, const struct sockaddr_any *a)
{
    struct tcp_sock *t = tcp_of(s);
    struct inaddr addr, old = t->e.local;
    uint16_t port;
    int scope, err = read_name(t, a, &addr, &port, &scope);

    if (err)
        return err;
    err = inet_bind_check(s, &t->opts, &addr, scope);
    if (!err)
        err = inet_port_check(be16(port));
    if (err)
        return err;
    err = tcp_table_ready();
    if (err)
        return err;
    mutex_lock(&s->writer);
    if (t->state != TCP_CLOSE || t->e.port) {
        err = -EINVAL;
    } else {
        t->e.local = addr;
        t->e.dev = scope ? scope : s->bound_dev;
        err = tcp_port_bind(t, port);
        if (err)
            t->e.local = old;
        else if (scope)
            s->bound_dev = scope;
    }
    mutex_unlock(&s->writer);
    return err;
}

static int tcp_getname(struct socket *s, struct sockaddr_any *a, bool peer)
{
    struct tcp_sock *t = tcp_of(s);
    const struct inaddr *addr = peer ? &t->e.remote : &t->e.local;
    uint16_t port = peer ? t->e.rport : t->e.lport;

    if (peer && (!port || STATE_IN(t, 1u << TCP_CLOSE | 1u << TCP_SYN_SENT)))
        return -ENOTCONN;
    inet_addr_put(a, t->e.family, addr, be16(port), s->bound_dev);
    return 0;
}

/* ---- connecting ---- */

/* Back to what socket(2) gave (connect(2) to AF_UNSPEC), but for options and a port that bind(2) named. */
void tcp_disconnect(struct tcp_sock *t)
{
    mutex_lock(&t->sock.reader); /* writers find nothing to do in the state CLOSE */
    spin_lock(&t->lock);
    if (t->state != TCP_CLOSE && t->state != TCP_LISTEN) {
        if (STATE_IN(t, S_SYNCHRONISED))
            tcp_send_reset(t);
        if (t->state != TCP_SYN_SENT)
            atomic_store(&t->sock.err, -ECONNRESET);
        tcp_done(t);
    }
    tcp_rx_purge(t);
    spin_unlock(&t->lock);
    if (t->e.port && !t->e.explicit_port)
        tcp_port_release(&t->e);
    if (!t->e.explicit_port) {
        t->e.lport = 0;
        t->e.local = t->e.family == AF_INET ? inaddr_v4(0) : INADDR_ANY6;
    }
    t->e.remote = t->e.family == AF_INET ? inaddr_v4(0) : INADDR_ANY6;
    t->e.rport = 0;
    dst_release(&t->dst);
    memset(&t->dst, 0, sizeof(t->dst));
    t->connecting = 0;
    t->shutdown = 0;
    t->fin_queued = t->fin_received = false;
    t->write_seq = t->snd_una = t->snd_nxt = 0;
    t->copied_seq = t->rcv_nxt = t->rcv_wup = t->rcv_wnd = 0;
    t->srtt_ns = t->rttvar_ns = t->min_rtt_ns = 0;
    t->rto_ns = TCP_RTO_FIRST;
    t->retries = t->backoff = t->probes = 0;
    t->snd_wscale = t->rcv_wscale = 0;
    t->ca_state = CA_OPEN;
    t->ecn = 0;
    t->cwnd = TCP_INIT_CWND * 536;
    t->ssthresh = TCP_INFINITE;
    t->rack_sent_ns = 0;
    t->ts_recent = 0;
    t->ts_recent_ns = 0;
    t->mss_peer = t->max_wnd = 0;
    t->dupacks = 0;
    t->tlp_out = false;
    t->urg_state = TCP_URG_NONE;
    t->total_retrans = 0;
    t->ato_ns = 0;
    t->quick_acks = 0;
    t->pingpong = false;
    t->delivered_ns = 0;
    t->last_snd_ns = 0;
    t->soft_err = 0;
    t->fo &= FO_OPTIONS;
    t->fo_fail = FO_FAIL_NONE;
    mutex_unlock(&t->sock.reader);
}

void tcp_first_syn(struct tcp_sock *t)
{
    t->first_retry_ns = clock_mono_ns();
    tcp_send_syn(t);
    tcp_timer_set(t, TT_RTO, t->first_retry_ns + t->rto_ns);
}

int tcp_start_connect(struct tcp_sock *t, const struct sockaddr_any *a)
{
    bool defer;
    struct inaddr addr, was = t->e.local;
    uint64_t now = clock_mono_ns();
    uint16_t port;
    int scope, err = read_name(t, a, &addr, &port, &scope);

    if (err)
        return err;
    if (inaddr_is_any(&addr)) { /* this machine, as BSD has it */
        addr = t->e.family == AF_INET || inaddr_is_v4(&addr) ? inaddr_v4(be32(0x7f000001)) : INADDR_ANY6;
        if (!inaddr_is_v4(&addr))
            addr.b[15] = 1;
    }
    if (t->e.family == AF_INET6 && inaddr_is_v4(&addr) && t->opts.v6only)
        return -ENETUNREACH;
    if (inaddr_is_multicast(&addr) || inaddr_is_broadcast4(&addr))
        return -ENETUNREACH;
    if (inaddr_is_linklocal6(&addr)) {
        if (!scope && !t->sock.bound_dev)
            return -EINVAL;
        if (scope)
            t->sock.bound_dev = scope;
    }
    err = tcp_table_ready();
    if (err)
        return err;
    if (inaddr_is_v4(&addr) && inaddr_is_any(&t->e.local))
        t->e.local = inaddr_v4(0);
    t->e.remote = addr;
    t->e.rport = port;
    t->e.dev = t->sock.bound_dev;
    t->write_seq = 0;
    err = tcp_path_find(t, true);
    if (!err)
        err = tcp_port_connect(t);
    if (err) {
        t->e.local = was;
        t->e.remote = t->e.family == AF_INET ? inaddr_v4(0) : INADDR_ANY6;
        t->e.rport = 0;
        return err;
    }
    defer = unlikely(t->fo & (FO_CONNECT | FO_SENDING)) && tcp_fastopen_defers(t);
    spin_lock(&t->lock);
    t->snd_una = t->write_seq ? t->write_seq : tcp_isn(&t->e, now);
    t->snd_nxt = t->write_seq = t->snd_una + 1;
    t->ts_offset = tcp_ts_offset(&t->e);
    t->rcv_wscale = tcp_pick_wscale(t);
    t->ecn = READ_ONCE(tcp_ecn) == 1 ? ECN_WANTED : 0;
    t->ts_on = false;
    tcp_path_mss(t);
    tcp_window_start(t);
    tcp_hold(t);
    t->in_protocol = true;
    tcp_set_state(t, TCP_SYN_SENT);
    TCP_COUNT(active_opens);
    if (unlikely(defer))
        t->fo |= FO_DEFERRED;
    else
        tcp_first_syn(t);
    spin_unlock(&t->lock);
    return 0;
}

int tcp_connect(struct socket *s, const struct sockaddr_any *a, bool nonblock)
{
    struct tcp_sock *t = tcp_of(s);
    int err = 0;

    if (a->len < sizeof(a->family))
        return -EINVAL;
    mutex_lock(&s->writer);
    if (a->family == AF_UNSPEC) {
        if (t->state == TCP_LISTEN)
            tcp_listening_ends(t);
        mutex_unlock(&s->writer);
        tcp_disconnect(t);
        atomic_store(&s->err, 0);
        return 0;
    }
    if (t->connecting == 2 || t->state == TCP_LISTEN)
        err = -EISCONN;
    else if (!t->connecting && t->state != TCP_CLOSE)
        err = -EISCONN;
    else if (!t->connecting)
        err = tcp_start_connect(t, a);
    else if (t->fo & FO_DEFERRED)
        err = -EISCONN;
    if (err) {
        mutex_unlock(&s->writer);
        return err;
    }
    bool again = t->connecting == 1;

    t->connecting = 1;
    mutex_unlock(&s->writer);
    if (unlikely(t->fo & FO_DEFERRED))
        return 0;
    if (STATE_IN(t, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)) {
        uint64_t deadline = nonblock ? 0 : socket_deadline(s->sndtimeo_ns);

        if (nonblock)
            return again ? -EALREADY : -EINPROGRESS;
        err = socket_wait(s, !STATE_IN(t, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV), 0, deadline);
        if (err)
            return err == -ETIMEDOUT ? -EINPROGRESS : socket_wait_error(err, deadline);
    }
    mutex_lock(&s->writer);
    if (READ_ONCE(t->state) == TCP_CLOSE) {
        mutex_unlock(&s->writer);
        err = socket_take_error(s);
        tcp_disconnect(t);
        return err ? err : -ECONNABORTED;
    }
    t->connecting = 2;
    mutex_unlock(&s->writer);
    return 0;
}

/* ---- listening ---- */

static int tcp_listen(struct socket *s, int backlog)
{
    struct tcp_sock *t = tcp_of(s);
    int err = tcp_table_ready();

    if (err)
        return err;
    mutex_lock(&s->writer);
    if (t->state == TCP_LISTEN) {
        err = tcp_listen_start(t, backlog);
    } else if (t->state != TCP_CLOSE || t->connecting) {
        err = -EINVAL;
    } else {
        if (!t->e.port) {
            t->e.dev = s->bound_dev;
            err = tcp_port_bind(t, 0);
            t->e.explicit_port = !err;
        }
        if (!err)
            err = tcp_listen_start(t, backlog);
        if (!err) {
            tcp_set_state(t, TCP_LISTEN);
            err = tcp_port_recheck(t);
            if (err) {
                tcp_set_state(t, TCP_CLOSE);
            } else {
                t->shutdown = 0;
                s->listening = true;
                tcp_listen_insert(t);
            }
        }
    }
    mutex_unlock(&s->writer);
    return err;
}

void tcp_listening_ends(struct tcp_sock *t)
{
    tcp_listen_remove(t);
    t->sock.listening = false;
    tcp_set_state(t, TCP_CLOSE);
    tcp_listen_stop(t);
    socket_wake_all(&t->sock);
}

static int tcp_accept_op(struct socket *s, struct socket **peer, bool nonblock)
{
    struct tcp_sock *t = tcp_of(s), *c;
    uint64_t deadline;
    int err;

    if (t->state != TCP_LISTEN)
        return -EINVAL;
    deadline = nonblock ? 0 : socket_deadline(s->rcvtimeo_ns);
    while ((err = tcp_accept(t, &c)) == -EAGAIN) {
        if (nonblock)
            return -EAGAIN;
        err = socket_wait_exclusive(s, tcp_accept_ready(t) || t->state != TCP_LISTEN,
                                    SOCKET_POLLIN | EPOLLHUP, deadline);
        if (err)
            return socket_wait_error(err, deadline);
        if (t->state != TCP_LISTEN)
            return -EINVAL;
    }
    *peer = &c->sock;
    return 0;
}

/* ---- the end ---- */

/* The program will write nothing more. True: FIN was queued. */
static bool close_sending(struct tcp_sock *t)
{
    switch (t->state) {
    case TCP_ESTABLISHED:
        tcp_set_state(t, TCP_FIN_WAIT1);
        break;
    case TCP_SYN_RECV: /* once the peer has our SYN */
        atomic_or(&t->shutdown, 2);
        return false;
    case TCP_CLOSE_WAIT:
        tcp_set_state(t, TCP_LAST_ACK);
        break;
    default:
        return false;
    }
    atomic_or(&t->shutdown, 2);
    tcp_queue_fin(t);
    return true;
}

static int tcp_shutdown(struct socket *s, int how)
{
    struct tcp_sock *t = tcp_of(s);
    unsigned bits = how == SHUT_RD ? 1 : how == SHUT_WR ? 2 : 3;
    int err = 0;

    mutex_lock(&s->writer);
    if (t->state == TCP_LISTEN) {
        if (bits & 1)
            tcp_listening_ends(t);
        mutex_unlock(&s->writer);
        return 0;
    }
    spin_lock(&t->lock);
    if (t->state == TCP_CLOSE) {
        err = -ENOTCONN;
        atomic_or(&t->shutdown, bits); /* as in Linux: a later connection has it, too */
    } else if (t->state == TCP_SYN_SENT) {
        tcp_done(t);
        t->connecting = 0;
    } else {
        atomic_or(&t->shutdown, bits);
        if (bits & 2)
            close_sending(t);
    }
    spin_unlock(&t->lock);
    mutex_unlock(&s->writer);
    socket_wake_all(s);
    return err;
}

static bool lingers(struct tcp_sock *t)
{
    return STATE_IN(t, 1u << TCP_FIN_WAIT1 | 1u << TCP_CLOSING | 1u << TCP_LAST_ACK);
}

/* Under the lock: from here on the protocol alone has it. */
static void orphan(struct tcp_sock *t)
{
    t->dead = true;
    if (t->state == TCP_CLOSE) {
        tcp_rx_purge(t);
    } else if (t->state == TCP_FIN_WAIT2) {
        if (t->linger2_s < 0) {
            tcp_send_reset(t);
            tcp_done(t);
        } else {
            t->keep_deadline = clock_mono_ns() + t->fin_timeout_ns;
            tcp_timer_update(t);
        }
    }
}

bool tcp_row_hold(const struct tcp_row *r)
{
    return r->socket && ref_get_unless_zero(&tcp_of((struct socket *)r->socket)->refs);
}

int tcp_row_abort(const struct tcp_row *r)
{
    struct tcp_sock *t = tcp_of((struct socket *)r->socket);
    int err = 0;

    mutex_lock(&t->sock.writer);
    if (t->state == TCP_LISTEN) {
        atomic_store(&t->sock.err, -ECONNABORTED);
        atomic_or(&t->shutdown, 3);
        tcp_listening_ends(t);
    } else {
        spin_lock(&t->lock);
        if (t->state == TCP_CLOSE) {
            err = -ENOENT;
        } else {
            atomic_store(&t->sock.err, -ECONNABORTED);
            if (STATE_IN(t, S_MAY_SEND | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_SYN_RECV))
                tcp_send_reset(t);
            tcp_done(t);
        }
        spin_unlock(&t->lock);
    }
    mutex_unlock(&t->sock.writer);
    socket_wake_all(&t->sock);
    tcp_put(t);
    return err;
}

static void tcp_release(struct socket *s)
{
    struct tcp_sock *t = tcp_of(s);
    bool wait = false;

    if (t->state == TCP_LISTEN) {
        mutex_lock(&s->writer); /* tcp_row_abort() may be at it */
        if (t->state == TCP_LISTEN)
            tcp_listening_ends(t);
        mutex_unlock(&s->writer);
    }
    zerocopy_release(s);
    inet_opts_release(&t->opts);
    spin_lock(&t->lock);
    t->sock.file = NULL;
    atomic_or(&t->shutdown, 3);
    if (t->state == TCP_SYN_SENT) {
        tcp_done(t);
    } else if (t->state == TCP_SYN_RECV && !(t->fo & FO_PASSIVE)) {
        tcp_send_reset(t);
        tcp_done(t);
    } else if (t->state != TCP_CLOSE) {
        if (t->rx.first && tcp_readable(t)) { /* RFC 2525 §2.17: what was not read was not received */
            TCP_COUNT(abort_on_close);
            tcp_send_reset(t);
            tcp_done(t);
        } else if (s->linger && !s->linger_s) {
            tcp_send_reset(t);
            tcp_done(t);
        } else {
            wait = close_sending(t) || lingers(t);
        }
    }
    spin_unlock(&t->lock);
    if (wait && s->linger && s->linger_s)
        socket_wait(s, !lingers(t), 0, clock_mono_ns() + s->linger_s * NSEC_PER_SEC);
    spin_lock(&t->lock);
    orphan(t);
    spin_unlock(&t->lock);
    if (t->state == TCP_CLOSE && t->e.port)
        tcp_port_release(&t->e);
    tcp_put(t);
}

/* ---- the rest ---- */

bool tcp_writeable(const struct tcp_sock *t)
{
    uint32_t used = READ_ONCE(t->wmem), room = t->sock.sndbuf;

    if (t->notsent_lowat && t->write_seq - t->snd_nxt >= t->notsent_lowat)
        return false;
    return used <= room && room - used >= used / 2;
}

void tcp_write_space(struct tcp_sock *t)
{
    if (!tcp_writeable(t))
        return;
    t->nospace = false;
    socket_wake(&t->sock, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

/* FIN has a sequence number, but is nothing to read. */
uint32_t tcp_readable(const struct tcp_sock *t)
{
    uint32_t n =
        atomic_load_acquire(&t->rcv_nxt) - READ_ONCE(t->copied_seq) - (READ_ONCE(t->fin_received) ? 1 : 0);

    return (int32_t)n > 0 ? n : 0;
}

static inline unsigned poll_error(struct socket *s)
{
    return READ_ONCE(s->err) || zerocopy_pending(s) ? EPOLLERR : 0;
}

static unsigned tcp_poll(struct socket *s)
{
    struct tcp_sock *t = tcp_of(s);
    unsigned state = atomic_load_acquire(&t->state), shut = READ_ONCE(t->shutdown), mask = 0, target;

    /* what mostly is so: nothing but how much there is of either side */
    if (likely(state == TCP_ESTABLISHED && !shut && !t->urg_state && tcp_writeable(t)))
        return poll_error(s) | (tcp_readable(t) >= s->rcvlowat ? SOCKET_POLLIN : 0) | EPOLLOUT | EPOLLWRNORM;
    if (state == TCP_LISTEN)
        return tcp_accept_ready(t) ? EPOLLIN | EPOLLRDNORM : 0;
    if (shut == 3 || state == TCP_CLOSE)
        mask |= EPOLLHUP;
    if (shut & 1)
        mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (unlikely(state == TCP_SYN_SENT && t->fo & FO_DEFERRED)) {
        mask |= EPOLLOUT | EPOLLWRNORM;
    } else if (state != TCP_SYN_SENT && (state != TCP_SYN_RECV || t->fo & FO_PASSIVE)) {
        target = s->rcvlowat;
        if (t->urg_state >= TCP_URG_COMING && t->urg_state < TCP_URG_READ && t->urg_seq == t->copied_seq &&
            !s->oobinline)
            target++;
        if (tcp_readable(t) >= target)
            mask |= EPOLLIN | EPOLLRDNORM;
        if (shut & 2) {
            mask |= EPOLLOUT | EPOLLWRNORM;
        } else if (tcp_writeable(t)) {
            mask |= EPOLLOUT | EPOLLWRNORM;
        } else {
            t->nospace = true;
            atomic_fence();
            if (tcp_writeable(t))
                mask |= EPOLLOUT | EPOLLWRNORM;
        }
        if (t->urg_state == TCP_URG_HERE)
            mask |= EPOLLPRI;
    }
    return mask | poll_error(s);
}

static long tcp_ioctl(struct socket *s, unsigned cmd, uintptr_t arg)
{
    struct tcp_sock *t = tcp_of(s);
    int n;

    switch (cmd) {
    case FIONREAD:
        if (t->state == TCP_LISTEN)
            return -EINVAL;
        n = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV ? 0 : tcp_readable(t);
        if (n && t->urg_state && !s->oobinline && t->urg_seq - t->copied_seq < (uint32_t)n)
            n = t->urg_seq - t->copied_seq;
        break;
    case SIOCATMARK:
        n = t->urg_state && t->urg_seq == t->copied_seq;
        break;
    case SIOCOUTQ:
        if (t->state == TCP_LISTEN)
            return -EINVAL;
        n = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV ? 0 : t->write_seq - t->snd_una;
        break;
    case SIOCOUTQNSD:
        if (t->state == TCP_LISTEN)
            return -EINVAL;
        n = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECV ? 0 : t->write_seq - t->snd_nxt;
        break;
    default:
        return inet_ioctl(s, cmd, arg);
    }
    return put_user(n, (int __user *)arg);
}

const struct socket_ops tcp_ops = {
    .release = tcp_release,
    .bind = tcp_bind,
    .connect = tcp_connect,
    .listen = tcp_listen,
    .accept = tcp_accept_op,
    .getname = tcp_getname,
    .poll = tcp_poll,
    .sendmsg = tcp_sendmsg,
    .by_page = true,
    .zerocopy = true,
    .recvmsg = tcp_recvmsg,
    .send = tcp_send,
    .receive = tcp_receive,
    .shutdown = tcp_shutdown,
    .setsockopt = tcp_setsockopt,
    .getsockopt = tcp_getsockopt,
    .ioctl = tcp_ioctl,
};

int tcp_create(int family, int protocol, struct socket **s)
{
    struct tcp_sock *t;

    net_start();
    t = tcp_sock_new(family, protocol ? protocol : IPPROTO_TCP);
    if (!t)
        return -ENOMEM;
    *s = &t->sock;
    return 0;
}
