/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fastopen.c: TCP Fast Open (RFC 7413): data in the SYN. A server gives its clients cookies, a keyed hash of the two
 * addresses; a SYN that brings one back becomes a connection at once, which the program may accept, read and answer before
 * the handshake is over. Nothing of this is run by connections without the option.
 */
#include "net/tcp/fastopen.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/siphash.h"
#include "net/tcp/listen.h"
#include "net/tcp/sockopt.h"

#define COOKIE_LEN 8
#define RST_HOLD_NS \
    (60 * NSEC_PER_SEC) /* §5.1: a slot that a reset freed too early could be used to exhaust us */
#define KNOWN_SIZE   64
#define OPTION_SPACE 40u /* left free in a SYN, for what the path may add */

uint32_t tcp_fastopen = FO_CLIENT; /* net.ipv4.tcp_fastopen */

/* ---- keys: the first makes cookies, both are believed ---- */

struct tcp_fo_keys {
    uint32_t nr;
    struct siphash_key key[2];
};
static struct tcp_fo_keys shared; /* of listeners without keys of their own */

static const struct tcp_fo_keys *keys_of(const struct tcp_sock *t)
{
    const struct tcp_fo_keys *own = atomic_load_acquire(&t->fo_keys);

    return own ? own : &shared;
}

void tcp_fastopen_key_once(void)
{
    if (shared.nr)
        return;
    random_bytes(&shared.key[0], sizeof(shared.key[0]));
    atomic_store_release(&shared.nr, 1);
}

int tcp_fastopen_set_key(struct tcp_sock *t, const void *val, unsigned len)
{
    struct tcp_fo_keys *k = t->fo_keys;

    if (len != sizeof(k->key[0]) && len != sizeof(k->key))
        return -EINVAL;
    if (!k) {
        k = kzalloc(sizeof(*k));
        if (!k)
            return -ENOMEM;
    }
    memcpy(k->key, val, len); /* a SYN that sees half of it gets a cookie that will be refused, no worse */
    k->nr = len / sizeof(k->key[0]);
    atomic_store_release(&t->fo_keys, k);
    return 0;
}

unsigned tcp_fastopen_get_key(const struct tcp_sock *t, void *val, unsigned len)
{
    const struct tcp_fo_keys *k = keys_of(t);

    len = MIN(len, k->nr * (unsigned)sizeof(k->key[0]));
    memcpy(val, k->key, len);
    return len;
}

static uint64_t make_cookie(const struct siphash_key *key, const struct tcp_entry *e)
{
    uint64_t words[4] = { e->remote.q[0], e->remote.q[1], e->local.q[0], e->local.q[1] };

    return siphash_words(key, words, 4);
}

/* ---- what servers gave us ---- */

struct known {
    struct inaddr local, remote;
    uint16_t mss;
    uint8_t len, cookie[16];
};
static struct known *known; /* allocated when the first server gives one */
static struct spinlock known_lock = SPINLOCK_INIT(RANK_NET_TABLE);

static struct known *slot(const struct tcp_entry *e)
{
    return &known[tcp_hash(&e->local, 0, &e->remote, 0) % KNOWN_SIZE];
}

/* False: no SYN with data to that one. Else o's option and the segment size are what it said the last time. */
static bool find_known(struct tcp_sock *t, struct tcp_syn_opts *o, uint16_t *mss)
{
    struct known *k;

    o->fastopen_len = 0;
    *mss = 0;
    spin_lock(&known_lock);
    k = known ? slot(&t->e) : NULL;
    if (k && k->len && inaddr_eq(&k->remote, &t->e.remote) && inaddr_eq(&k->local, &t->e.local)) {
        o->fastopen_len = k->len;
        memcpy(o->fastopen, k->cookie, k->len);
        *mss = k->mss;
    }
    spin_unlock(&known_lock);
    if (tcp_fastopen & FO_CLIENT_NO_COOKIE || t->fo & FO_NO_COOKIE) {
        o->has_fastopen = false;
        return true;
    }
    o->has_fastopen = true;
    return o->fastopen_len;
}

static void remember(struct tcp_sock *t, const struct tcp_opts *o)
{
    struct known *table = NULL, *k;

    if (!READ_ONCE(known))
        table = kzalloc(KNOWN_SIZE * sizeof(*table));
    spin_lock(&known_lock);
    if (!known) {
        known = table;
        table = NULL;
    }
    if (known) {
        k = slot(&t->e);
        k->local = t->e.local;
        k->remote = t->e.remote;
        k->mss = t->mss_peer;
        k->len = o->fastopen_len;
        memcpy(k->cookie, o->fastopen, o->fastopen_len);
    }
    spin_unlock(&known_lock);
    kfree(table);
}

/* ---- the client ---- */

bool tcp_fastopen_defers(struct tcp_sock *t)
{
    struct tcp_syn_opts o;
    uint16_t mss;

    if (t->fo & FO_SENDING || find_known(t, &o, &mss))
        return true;
    t->fo |= FO_ASK;
    t->fo_fail = FO_FAIL_NO_COOKIE;
    return false;
}

void tcp_fastopen_syn_option(struct tcp_sock *t, struct tcp_syn_opts *o)
{
    uint16_t mss;

    if (t->fo & FO_RENEW) { /* our SYN-ACK: the cookie was of the older key */
        uint64_t c = make_cookie(&keys_of(t->fo_listener)->key[0], &t->e);

        o->has_fastopen = true;
        o->fastopen_len = COOKIE_LEN;
        memcpy(o->fastopen, &c, sizeof(c));
    } else if (t->fo & FO_ASK) {
        find_known(t, o, &mss);
    }
}

/* As much of m as may go in the SYN, which is sent with it or, without a cookie, with a request for one. Bytes. */
static size_t syn_with_data(struct tcp_sock *t, struct socket_msg *m)
{
    struct tcp_syn_opts o;
    struct tcp_seg *s = NULL;
    uint16_t mss = 0;
    uint32_t n = 0;
    int err;

    if (find_known(t, &o, &mss)) {
        uint32_t room = tcp_advertised_mss(t);

        room = mss ? MIN(room, mss) : room;
        n = room > OPTION_SPACE ? MIN(room - OPTION_SPACE, TCP_SEG_INLINE) : 0;
        n = MIN(n, m->iov->count);
    } else {
        t->fo_fail = FO_FAIL_NO_COOKIE;
    }
    if (n)
        s = tcp_fill(m, n, 0, true, &err);
    n = s ? s->len : 0;
    spin_lock(&t->lock);
    t->fo &= ~(FO_DEFERRED | FO_SENDING);
    if (t->state != TCP_SYN_SENT) { /* shut down meanwhile */
        spin_unlock(&t->lock);
        if (s)
            tcp_seg_free(s);
        return 0;
    }
    t->fo |= FO_ASK;
    if (s) {
        t->fo |= FO_DATA;
        s->seq = t->write_seq;
        s->flags |= SEG_PSH;
        t->write_seq += s->len;
        tcp_seg_append(t, s);
    }
    tcp_first_syn(t);
    spin_unlock(&t->lock);
    return n;
}

static int wait_connected(struct tcp_sock *t, struct socket_msg *m, int pending)
{
    int err;

    if (STATE_IN(t, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV)) {
        if (m->flags & MSG_DONTWAIT)
            return pending;
        mutex_unlock(&t->sock.writer);
        err = socket_wait(&t->sock, !STATE_IN(t, 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV), 0, m->deadline_ns);
        mutex_lock(&t->sock.writer);
        if (err)
            return err == -ETIMEDOUT ? pending : socket_wait_error(err, m->deadline_ns);
    }
    if (READ_ONCE(t->state) == TCP_CLOSE) {
        mutex_unlock(&t->sock.writer);
        err = socket_take_error(&t->sock);
        tcp_disconnect(t);
        mutex_lock(&t->sock.writer);
        return err ? err : -ECONNABORTED;
    }
    t->connecting = 2;
    return 0;
}

int tcp_fastopen_send(struct tcp_sock *t, struct socket_msg *m, size_t *sent)
{
    int err = -EINPROGRESS;

    if (!(tcp_fastopen & FO_CLIENT) ||
        (m->name && m->name->len >= sizeof(m->name->family) && m->name->family == AF_UNSPEC))
        return -EOPNOTSUPP;
    if (t->fo & FO_DEFERRED) {
        *sent = syn_with_data(t, m);
        return wait_connected(t, m, -EINPROGRESS);
    }
    if (t->connecting == 2 || (!t->connecting && t->state != TCP_CLOSE))
        return -EISCONN;
    if (t->connecting)
        return wait_connected(t, m, -EALREADY);
    if (!m->name || m->name->len < sizeof(m->name->family))
        return -EINVAL;
    t->fo |= FO_SENDING;
    err = tcp_start_connect(t, m->name);
    if (err) {
        t->fo &= ~FO_SENDING;
        return err;
    }
    t->connecting = 1;
    *sent = syn_with_data(t, m);
    return wait_connected(t, m, -EINPROGRESS);
}

/* A SYN-ACK: which bytes of our SYN it acknowledges; the others follow as if they had never been sent. */
void tcp_fastopen_synack(struct tcp_sock *t, const struct tcp_in *in)
{
    struct tcp_seg *s = t->fo & FO_DATA ? t->first : NULL;
    uint32_t n;

    if (t->fo & FO_ASK && in->o.has_fastopen && in->o.fastopen_len)
        remember(t, &in->o);
    if (!s)
        return;
    n = in->ack - s->seq;
    t->bytes_acked += n;
    t->delivered += n;
    if (n >= s->len) {
        t->fo |= FO_ACKED;
        TCP_COUNT(fastopen_active);
        tcp_seg_unlink(t, s);
        tcp_seg_free(s);
        return;
    }
    if (n)
        tcp_seg_trim_front(t, s, n);
    s->sends = 0;
    t->unsent = s;
    t->fo_fail = t->total_retrans ? FO_FAIL_RETRANSMITTED : FO_FAIL_NOT_ACKED;
    TCP_COUNT(fastopen_active_fail);
}

/* ---- the server ---- */

/* May one more connection stand here whose handshake is not over? */
static bool has_room(struct tcp_sock *t, uint64_t now)
{
    struct tcp_listener *l = t->listener;

    if (!t->fastopen_qlen)
        return false;
    if (atomic_load(&l->nr_fastopen) < t->fastopen_qlen)
        return true;
    if (atomic_load(&l->nr_fastopen_reset) && now >= atomic_load(&l->fastopen_reset_until)) {
        atomic_sub(&l->nr_fastopen, atomic_xchg(&l->nr_fastopen_reset, 0));
        if (atomic_load(&l->nr_fastopen) < t->fastopen_qlen)
            return true;
    }
    TCP_COUNT(fastopen_listen_overflow);
    return false;
}

/* The key that made in's cookie: 1, 2; 0: none. */
static unsigned which_key(const struct tcp_fo_keys *keys, const struct tcp_entry *e, const struct tcp_in *in)
{
    if (in->o.fastopen_len == COOKIE_LEN)
        for (unsigned i = 0; i < keys->nr; i++) {
            uint64_t c = make_cookie(&keys->key[i], e);

            if (!memcmp(&c, in->o.fastopen, sizeof(c)))
                return i + 1;
        }
    return 0;
}

bool tcp_fastopen_accepts(struct tcp_sock *t, struct tcp_request *r, const struct tcp_in *in, bool *renew)
{
    const struct tcp_fo_keys *keys = keys_of(t);
    uint64_t c;

    *renew = false;
    if (in->o.has_fastopen && !in->o.fastopen_len)
        TCP_COUNT(fastopen_cookie_reqd);
    if (!(tcp_fastopen & FO_SERVER) || !has_room(t, in->now))
        return false;
    if (tcp_fastopen & FO_SERVER_NO_COOKIE || t->fo & FO_NO_COOKIE)
        return true;
    if (!in->o.has_fastopen || !keys->nr)
        return false;
    if (in->o.fastopen_len) {
        unsigned key = which_key(keys, &r->e, in);

        *renew = key == 2;
        if (key)
            return true;
        TCP_COUNT(fastopen_passive_fail);
    }
    c = make_cookie(&keys->key[0], &r->e);
    static_assert(sizeof(r->fastopen) == COOKIE_LEN, "of siphash");
    r->fastopen_len = COOKIE_LEN;
    memcpy(r->fastopen, &c, sizeof(c));
    return false;
}

void tcp_fastopen_data(struct tcp_sock *t, struct tcp_in *in)
{
    struct tcp_in data = *in;

    data.seq++;
    data.flags &= ~(TH_SYN | TH_FIN);
    data.end = data.seq + data.len;
    tcp_receive_data(t, &data);
    in->p = data.p;
    t->rcv_wup = t->rcv_nxt;
    t->fo |= FO_ACKED;
}

void tcp_fastopen_child(struct tcp_sock *c, struct tcp_sock *listener, uint32_t iss, struct tcp_in *in,
                        bool renew)
{
    c->snd_una = iss;
    c->snd_wnd = c->max_wnd = in->win;
    c->irs = in->seq;
    c->first_retry_ns = in->now;
    c->fo = FO_PASSIVE | (renew ? FO_RENEW : 0);
    tcp_hold(listener);
    c->fo_listener = listener;
    atomic_inc(&listener->listener->nr_fastopen);
    tcp_set_state(c, TCP_SYN_RECV);
    tcp_start_transfer(c);
    if (in->len)
        tcp_fastopen_data(c, in);
    tcp_send_syn_ack(c);
    tcp_timer_set(c, TT_RTO, in->now + c->rto_ns);
    TCP_COUNT(fastopen_passive);
}

void tcp_fastopen_left(struct tcp_sock *c, bool reset)
{
    struct tcp_sock *t = c->fo_listener;
    struct tcp_listener *l = t->listener;

    c->fo &= ~(FO_PASSIVE | FO_RENEW);
    c->fo_listener = NULL;
    if (reset) { /* one time for all: the last one's */
        atomic_store(&l->fastopen_reset_until, clock_mono_ns() + RST_HOLD_NS);
        atomic_inc(&l->nr_fastopen_reset);
    } else {
        atomic_sub(&l->nr_fastopen, 1);
    }
    tcp_put(t);
}

/* ---- options ---- */

int tcp_fastopen_setsockopt(struct tcp_sock *t, int name, int n)
{
    unsigned bit = name == TCP_FASTOPEN_CONNECT ? FO_CONNECT : FO_NO_COOKIE;

    if (name == TCP_FASTOPEN) {
        if (n < 0 || !STATE_IN(t, 1u << TCP_CLOSE | 1u << TCP_LISTEN))
            return -EINVAL;
        tcp_fastopen_key_once();
        t->fastopen_qlen = MIN(n, 4096); /* somaxconn */
        return 0;
    }
    if (n < 0 || n > 1)
        return -EINVAL;
    if (name == TCP_FASTOPEN_CONNECT && !(tcp_fastopen & FO_CLIENT))
        return -EOPNOTSUPP;
    if (!STATE_IN(t, 1u << TCP_CLOSE | (name == TCP_FASTOPEN_CONNECT ? 0 : 1u << TCP_LISTEN)))
        return -EINVAL;
    t->fo = n ? t->fo | bit : t->fo & ~bit;
    return 0;
}
