/* SPDX-License-Identifier: BSD-2-Clause */
/* diag_inet.c: TCP's and UDP's sockets in the socket monitor: all of some states, or one by its addresses. */
#include "lib/string.h"
#include "net/netlink/diag.h"
#include "net/netlink/diag_bc.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"
#include <linux/inet_diag.h>
#include <linux/tcp.h>

#define EXT(what) (1u << ((what)-1))

enum { STATE_ESTABLISHED = 1, STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_LISTEN = 10 };

struct diag { /* one request under way */
    struct nl_answer *a;
    struct inet_diag_req_v2 q;
    unsigned type;    /* of the answers */
    const void *code; /* a filter; NULL: none */
    unsigned code_len;
    bool exact;                 /* one by its addresses: */
    struct inet_diag_sockid id; /* they */
    struct tcp_row found;       /* the best so far, with fits */
    unsigned fits;              /* 0: none */
    struct inet_opts opts;
};

/* ---- one socket ---- */

static void put_id(struct inet_diag_sockid *id, const struct tcp_row *r, int dev, uint64_t ino)
{
    id->idiag_sport = be16(r->lport);
    id->idiag_dport = be16(r->rport);
    id->idiag_if = dev;
    diag_cookie(id->idiag_cookie, ino);
    if (r->family == AF_INET) {
        id->idiag_src[0] = r->local.w[3];
        id->idiag_dst[0] = r->remote.w[3];
        return;
    }
    memcpy(id->idiag_src, &r->local, 16);
    memcpy(id->idiag_dst, &r->remote, 16);
    /* any address is IPv6's, though it is kept as the same as IPv4's */
    if (inaddr_is_any(&r->local))
        memset(id->idiag_src, 0, 16);
    if (inaddr_is_any(&r->remote))
        memset(id->idiag_dst, 0, 16);
}

static void put_memory(struct diag *d, const struct tcp_row *r, uint32_t drops)
{
    const struct socket *s = r->socket;

    if (d->q.idiag_ext & EXT(INET_DIAG_MEMINFO)) {
        struct inet_diag_meminfo m = { .idiag_rmem = r->rmem, .idiag_wmem = r->wmem, .idiag_tmem = r->wmem };

        nl_put(d->a, INET_DIAG_MEMINFO, &m, sizeof(m));
    }
    if (d->q.idiag_ext & EXT(INET_DIAG_SKMEMINFO)) {
        uint32_t m[SK_MEMINFO_VARS] = { [SK_MEMINFO_RMEM_ALLOC] = r->rmem,  [SK_MEMINFO_RCVBUF] = s->rcvbuf,
                                        [SK_MEMINFO_WMEM_ALLOC] = r->wmem,  [SK_MEMINFO_SNDBUF] = s->sndbuf,
                                        [SK_MEMINFO_WMEM_QUEUED] = r->wmem, [SK_MEMINFO_DROPS] = drops };

        nl_put(d->a, INET_DIAG_SKMEMINFO, m, sizeof(m));
    }
}

static void put_options(struct diag *d, const struct tcp_row *r, const struct inet_opts *o)
{
    nl_put_u8(d->a, INET_DIAG_SHUTDOWN, r->shutdown);
    if (d->q.idiag_ext & EXT(INET_DIAG_TOS))
        nl_put_u8(d->a, INET_DIAG_TOS, o->tos);
    if (r->family != AF_INET6)
        return;
    if (d->q.idiag_ext & EXT(INET_DIAG_TCLASS))
        nl_put_u8(d->a, INET_DIAG_TCLASS, o->tclass);
    if (r->state == STATE_LISTEN || r->state == STATE_CLOSE)
        nl_put_u8(d->a, INET_DIAG_SKV6ONLY, o->v6only);
}

/* o NULL: it stands for a connection, and has no socket. */
static void put_socket(struct diag *d, const struct tcp_row *r, const struct inet_opts *o, uint32_t drops)
{
    bool tcp = d->q.sdiag_protocol == IPPROTO_TCP, listens = r->state == STATE_LISTEN;
    struct inet_diag_msg *m = nl_begin(d->a, d->type, sizeof(*m));
    const struct socket *s = r->socket;

    if (!m)
        return;
    m->idiag_family = r->family;
    m->idiag_state = r->state;
    m->idiag_timer = r->timer;
    m->idiag_retrans = r->timer == 2 || r->timer == 4 ? r->timeout : r->retransmits;
    m->idiag_expires = r->timer_ms;
    put_id(&m->id, r, s ? s->bound_dev : 0, s ? s->ino : 0);
    m->idiag_rqueue = r->rx_queue;
    m->idiag_wqueue = listens ? r->backlog : r->tx_queue;
    m->idiag_uid = r->uid;
    m->idiag_inode = s ? s->ino : 0;
    if (s) {
        put_options(d, r, o);
        put_memory(d, r, drops);
    }
    if (s && tcp && d->q.idiag_ext & EXT(INET_DIAG_INFO)) {
        struct tcp_info i;

        memset(&i, 0, sizeof(i));
        tcp_row_info(r, &i);
        nl_put(d->a, INET_DIAG_INFO, &i, sizeof(i));
    }
    if (s && tcp && d->q.idiag_ext & EXT(INET_DIAG_CONG)) {
        char name[16] = "";
        unsigned len = sizeof(name);

        if (!s->ops->getsockopt((struct socket *)s, IPPROTO_TCP, TCP_CONGESTION, name, &len))
            nl_put_str(d->a, INET_DIAG_CONG, name);
    }
    nl_end(d->a);
}

/* ---- which ones ---- */

static bool same_addr(const uint32_t want[4], const struct inaddr *have, unsigned family)
{
    if (family == AF_INET)
        return want[0] == have->w[3];
    return inaddr_is_any(have) ? !(want[0] | want[1] | want[2] | want[3]) : !memcmp(want, have, 16);
}

/* How well a socket fits the addresses asked for: 0 not, 1 it listens there, 2 it is the one. */
static unsigned fit(const struct inet_diag_sockid *id, const struct tcp_row *r)
{
    if (id->idiag_sport != be16(r->lport))
        return 0;
    if (r->remote.w[3] || r->rport)
        return id->idiag_dport == be16(r->rport) && same_addr(id->idiag_src, &r->local, r->family) &&
                       same_addr(id->idiag_dst, &r->remote, r->family)
                   ? 2
                   : 0;
    return inaddr_is_any(&r->local) || same_addr(id->idiag_src, &r->local, r->family);
}

static bool wanted(const struct diag *d, const struct tcp_row *r)
{
    const struct inet_diag_sockid *id = &d->q.id;

    if (!(d->q.idiag_states >> r->state & 1))
        return false;
    if (d->q.sdiag_family && d->q.sdiag_family != r->family)
        return false;
    if ((id->idiag_sport && id->idiag_sport != be16(r->lport)) ||
        (id->idiag_dport && id->idiag_dport != be16(r->rport)))
        return false;
    return !d->code || diag_bc_run(d->code, d->code_len, r);
}

static void see(struct diag *d, const struct tcp_row *r, const struct inet_opts *o, uint32_t drops)
{
    unsigned f;

    if (!d->exact) {
        if (wanted(d, r))
            put_socket(d, r, o, drops);
        return;
    }
    f = r->family == d->q.sdiag_family ? fit(&d->id, r) : 0;
    if (f <= d->fits)
        return;
    d->fits = f;
    d->found = *r;
    if (o)
        d->opts = *o;
}

static void see_tcp(void *arg, const struct tcp_row *r)
{
    see(arg, r, r->socket ? tcp_row_opts(r) : NULL, 0);
}

static void see_udp(struct dgram *s, unsigned bucket, void *arg)
{
    struct tcp_row r = { .local = s->local,
                         .remote = s->remote,
                         .lport = be16(s->lport),
                         .rport = be16(s->rport),
                         .state = s->connected ? STATE_ESTABLISHED : STATE_CLOSE,
                         .rx_queue = s->rx_bytes,
                         .rmem = s->rx_bytes,
                         .uid = s->s.uid,
                         .socket = &s->s,
                         .shutdown = (s->rd_shut ? 1 : 0) | (s->wr_shut ? 2 : 0),
                         .family = s->s.family };

    see(arg, &r, &s->o, s->drops);
}

static void see_all(struct diag *d)
{
    if (d->q.sdiag_protocol == IPPROTO_UDP) {
        udp_each(see_udp, d);
        return;
    }
    if (d->q.sdiag_family != AF_INET6)
        tcp_for_each(AF_INET, see_tcp, d);
    if (d->q.sdiag_family != AF_INET)
        tcp_for_each(AF_INET6, see_tcp, d);
}

/* ---- requests ---- */

/* The request as it is now made; TCPDIAG_GETSOCK's is older, and of all families. Returns the length of its head, 0: too
 * short. */
static size_t parse(const struct nlmsghdr *n, struct inet_diag_req_v2 *q)
{
    const struct inet_diag_req *old = NLMSG_DATA(n);

    if (n->nlmsg_type != TCPDIAG_GETSOCK) {
        if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*q)))
            return 0;
        memcpy(q, NLMSG_DATA(n), sizeof(*q));
        return sizeof(*q);
    }
    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*old)))
        return 0;
    *q = (struct inet_diag_req_v2){ .sdiag_family =
                                        n->nlmsg_flags & NLM_F_DUMP ? AF_UNSPEC : old->idiag_family,
                                    .sdiag_protocol = IPPROTO_TCP,
                                    .idiag_ext = old->idiag_ext,
                                    .idiag_states = old->idiag_states,
                                    .id = old->id };
    return sizeof(*old);
}

int diag_inet(struct nl_answer *a, const struct nlmsghdr *n)
{
    bool destroy = n->nlmsg_type == SOCK_DESTROY;
    struct diag d = { .a = a, .type = n->nlmsg_type, .exact = destroy || !(n->nlmsg_flags & NLM_F_DUMP) };
    size_t head = parse(n, &d.q);
    bool meant;

    if (!head)
        return -EINVAL;
    d.code = nl_attr(n, head, INET_DIAG_REQ_BYTECODE, 0);
    if (d.code) {
        d.code_len = nl_attr_len(d.code);
        if (!diag_bc_check(d.code, d.code_len))
            return -EINVAL;
    }
    if (!a)
        return 0;
    if (d.q.sdiag_protocol != IPPROTO_TCP && d.q.sdiag_protocol != IPPROTO_UDP)
        return -ENOENT;
    if (destroy && d.q.sdiag_protocol != IPPROTO_TCP)
        return -EOPNOTSUPP;
    d.id = d.q.id;
    if (d.q.sdiag_protocol == IPPROTO_UDP) { /* as Linux has it: the socket's own is the destination */
        d.id =
            (struct inet_diag_sockid){ .idiag_sport = d.q.id.idiag_dport, .idiag_dport = d.q.id.idiag_sport };
        memcpy(d.id.idiag_src, d.q.id.idiag_dst, sizeof(d.id.idiag_src));
        memcpy(d.id.idiag_dst, d.q.id.idiag_src, sizeof(d.id.idiag_dst));
    }
    rcu_read_lock();
    see_all(&d);
    meant = d.fits && diag_cookie_ok(d.q.id.idiag_cookie, d.found.socket ? d.found.socket->ino : 0);
    if (meant && destroy) {
        bool held = tcp_row_hold(&d.found);

        rcu_read_unlock();
        return held ? tcp_row_abort(&d.found) : -EOPNOTSUPP;
    }
    if (meant)
        put_socket(&d, &d.found, &d.opts, 0);
    else if (d.fits)
        d.fits = 3;
    rcu_read_unlock();
    if (d.fits == 3)
        return d.q.sdiag_protocol == IPPROTO_UDP ? -ESTALE : -ENOENT;
    return !d.exact || d.fits ? 0 : -ENOENT;
}
