/* SPDX-License-Identifier: BSD-2-Clause */
/* netlink.c: netlink sockets: their life, addresses, options, sending and receiving. */
#include "net/netlink/netlink.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/families.h"
#include "net/filter.h"
#include <asm/socket.h>
#include <linux/capability.h>

#define REQUEST_MAX 65536
#define SOL_NETLINK 270

static struct slab_cache cache = SLAB_CACHE(struct nl_sock);
static struct spinlock sockets_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct list sockets = LIST_INIT(sockets); /* [sockets_lock] of nl_sock.all_link */

static inline struct nl_sock *nl_sk(struct socket *s)
{
    return (struct nl_sock *)s;
}

/* ---- datagrams ---- */

struct nl_msg *nl_msg_new(size_t room)
{
    struct nl_msg *m = kmalloc(sizeof(*m) + room);

    if (m) {
        m->len = m->group = 0;
        m->room = room;
    }
    return m;
}

/* What the socket's filter keeps of it; 0: nothing. */
static uint32_t filtered(const struct nl_sock *s, const struct nl_msg *m)
{
    struct bpf_packet k = { .data = (const uint8_t *)m->data, .linear = m->len, .len = m->len };

    return filter_run(&s->s, &k);
}

void nl_deliver(struct nl_sock *s, struct nl_msg *m)
{
    bool room;

    if (unlikely(s->s.filter)) {
        m->len = filtered(s, m);
        if (!m->len) {
            kfree(m);
            return;
        }
    }
    spin_lock(&s->lock);
    /* A dump that was asked for is given whole. */
    room = !m->group || s->rx_bytes < s->s.rcvbuf;
    if (room) {
        list_append(&s->rx, &m->link);
        s->rx_bytes += m->room;
    }
    spin_unlock(&s->lock);
    if (!room) {
        kfree(m);
        if (!s->no_enobufs)
            atomic_store(&s->s.err, -ENOBUFS);
    }
    socket_wake(&s->s, SOCKET_POLLIN | (room ? 0 : EPOLLERR));
}

/* Groups are rtnetlink's: the others have no news. */
static bool listens(const struct nl_sock *s, unsigned group)
{
    return s->s.protocol == NETLINK_ROUTE && s->groups >> (group - 1) & 1;
}

bool nl_has_listeners(unsigned group)
{
    struct nl_sock *s;
    bool found = false;

    if (list_empty(&sockets))
        return false;
    spin_lock(&sockets_lock);
    list_for_each (s, &sockets, all_link)
        found |= listens(s, group);
    spin_unlock(&sockets_lock);
    return found;
}

void nl_multicast(struct nl_msg *m, unsigned group)
{
    struct nl_sock *s;

    spin_lock(&sockets_lock);
    list_for_each (s, &sockets, all_link) {
        struct nl_msg *copy = listens(s, group) ? nl_msg_new(m->len) : NULL;

        if (!copy)
            continue;
        memcpy(copy->data, m->data, m->len);
        copy->len = m->len;
        copy->group = group;
        nl_deliver(s, copy);
    }
    spin_unlock(&sockets_lock);
    kfree(m);
}

/* ---- addresses ---- */

static bool taken(unsigned protocol, uint32_t portid)
{
    struct nl_sock *s;

    list_for_each (s, &sockets, all_link)
        if (s->s.protocol == protocol && s->portid == portid)
            return true;
    return false;
}

/* portid 0: the process's number if it is free, else one of those that no process has. */
static int take_portid(struct nl_sock *s, uint32_t portid)
{
    static uint32_t next = 0xfffff000; /* [sockets_lock] */
    struct ucred c;
    int err = 0;

    socket_host->cred(&c, false);
    spin_lock(&sockets_lock);
    if (s->portid) {
        err = portid && portid != s->portid ? -EINVAL : 0;
    } else if (portid) {
        err = taken(s->s.protocol, portid) ? -EADDRINUSE : 0;
    } else {
        portid = c.pid;
        while (taken(s->s.protocol, portid))
            portid = next--;
    }
    if (!err && !s->portid)
        s->portid = portid;
    spin_unlock(&sockets_lock);
    return err;
}

static int get_addr(const struct sockaddr_any *a, struct sockaddr_nl *nl)
{
    if (a->len < sizeof(*nl) || a->family != AF_NETLINK)
        return -EINVAL;
    memcpy(nl, a->bytes, sizeof(*nl));
    return 0;
}

static int nl_bind(struct socket *sk, const struct sockaddr_any *a)
{
    struct nl_sock *s = nl_sk(sk);
    struct sockaddr_nl nl;
    int err = get_addr(a, &nl);

    if (!err)
        err = take_portid(s, nl.nl_pid);
    if (err)
        return err;
    spin_lock(&sockets_lock);
    s->groups = nl.nl_groups;
    spin_unlock(&sockets_lock);
    return 0;
}

static int nl_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock)
{
    struct nl_sock *s = nl_sk(sk);
    struct sockaddr_nl nl;
    int err;

    if (a->len >= sizeof(a->family) && a->family == AF_UNSPEC) {
        s->to_portid = 0;
        return 0;
    }
    err = get_addr(a, &nl);
    if (!err && nl.nl_groups && !socket_host->capable(CAP_NET_ADMIN))
        err = -EPERM;
    if (!err)
        err = take_portid(s, 0);
    if (!err)
        s->to_portid = nl.nl_pid;
    return err;
}

static int nl_getname(struct socket *sk, struct sockaddr_any *a, bool peer)
{
    struct nl_sock *s = nl_sk(sk);
    struct sockaddr_nl nl = { .nl_family = AF_NETLINK };

    nl.nl_pid = peer ? s->to_portid : s->portid;
    nl.nl_groups = peer ? 0 : s->groups;
    a->len = sizeof(nl);
    memcpy(a->bytes, &nl, sizeof(nl));
    return 0;
}

/* ---- requests ---- */

/* The acknowledgement, or why not: with the request, or its head. */
static void acknowledge(struct nl_sock *s, const struct nlmsghdr *n, int err)
{
    bool whole = err && !s->cap_ack;
    size_t len = sizeof(struct nlmsgerr) + (whole ? n->nlmsg_len - sizeof(*n) : 0);
    struct nl_msg *m = nl_msg_new(NLMSG_SPACE(len));
    struct nlmsghdr *h;
    struct nlmsgerr *e;

    if (!m) {
        atomic_store(&s->s.err, -ENOBUFS);
        return;
    }
    m->len = m->room;
    memset(m->data, 0, m->len);
    h = (struct nlmsghdr *)m->data;
    h->nlmsg_len = NLMSG_LENGTH(len);
    h->nlmsg_type = NLMSG_ERROR;
    h->nlmsg_flags = err || !s->cap_ack ? 0 : NLM_F_CAPPED;
    if (err && s->cap_ack)
        h->nlmsg_flags = NLM_F_CAPPED;
    h->nlmsg_seq = n->nlmsg_seq;
    h->nlmsg_pid = s->portid;
    e = NLMSG_DATA(h);
    e->error = err;
    memcpy(&e->msg, n, whole ? n->nlmsg_len : sizeof(*n));
    nl_deliver(s, m);
}

static void requests(struct nl_sock *s, const char *buf, size_t len)
{
    for (size_t at = 0; len - at >= sizeof(struct nlmsghdr);) {
        const struct nlmsghdr *n = (const struct nlmsghdr *)(buf + at);
        int err = 0;

        if (n->nlmsg_len < sizeof(*n) || n->nlmsg_len > len - at)
            return;
        if ((n->nlmsg_flags & NLM_F_REQUEST) && n->nlmsg_type >= NLMSG_MIN_TYPE)
            err = s->s.protocol == NETLINK_ROUTE ? rtnl_request(s, n) : diag_request(s, n);
        if (err != -EINTR && (err || (n->nlmsg_flags & NLM_F_ACK)))
            acknowledge(s, n, err);
        at += MIN((size_t)NLMSG_ALIGN(n->nlmsg_len), len - at);
    }
}

static ssize_t nl_sendmsg(struct socket *sk, struct socket_msg *m)
{
    struct nl_sock *s = nl_sk(sk);
    uint32_t to = s->to_portid;
    size_t len = m->iov->count;
    struct sockaddr_nl nl;
    char *buf;
    int err = 0;

    if (m->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (m->name && m->name->len) {
        err = get_addr(m->name, &nl);
        if (err)
            return err;
        if (nl.nl_groups && !socket_host->capable(CAP_NET_ADMIN))
            return -EPERM;
        to = nl.nl_pid;
    }
    err = take_portid(s, 0);
    if (err)
        return err;
    if (to)
        return -ECONNREFUSED; /* programs do not talk to each other this way */
    if (len > sk->sndbuf - 32 || len > REQUEST_MAX)
        return -EMSGSIZE;
    buf = kmalloc(len);
    if (!buf)
        return -ENOBUFS;
    if (iov_get(m->iov, buf, len) < len)
        err = -EFAULT;
    else
        requests(s, buf, len);
    kfree(buf);
    return err ? err : (ssize_t)len;
}

/* ---- receiving ---- */

static struct nl_msg *first(struct nl_sock *s, bool take)
{
    struct nl_msg *m;

    spin_lock(&s->lock);
    m = list_first(&s->rx, struct nl_msg, link);
    if (m && take) {
        list_remove(&m->link);
        s->rx_bytes -= m->room;
    }
    spin_unlock(&s->lock);
    return m;
}

static ssize_t hand_out(struct nl_sock *s, struct nl_msg *d, struct socket_msg *m, unsigned flags)
{
    size_t n = MIN((size_t)d->len, m->iov->count);

    if (n < d->len)
        m->flags |= MSG_TRUNC;
    if (m->name) {
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = d->group ? 1u << (d->group - 1) : 0 };

        m->name->len = sizeof(nl);
        memcpy(m->name->bytes, &nl, sizeof(nl));
    }
    if (s->s.passcred) {
        m->cred = (struct ucred){ 0, 0, 0 }; /* the kernel */
        m->has_cred = true;
    }
    if (iov_put(m->iov, d->data, n) < n)
        return -EFAULT;
    return flags & MSG_TRUNC ? d->len : n;
}

static ssize_t nl_recvmsg(struct socket *sk, struct socket_msg *m)
{
    struct nl_sock *s = nl_sk(sk);
    unsigned flags = m->flags;
    struct nl_msg *d;
    ssize_t n;

    m->flags = 0;
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    mutex_lock(&sk->reader);
    while (!(d = first(s, !(flags & MSG_PEEK)))) {
        n = socket_take_error(sk);
        if (!n && (flags & MSG_DONTWAIT))
            n = -EAGAIN;
        if (!n) {
            mutex_unlock(&sk->reader);
            n = socket_wait(sk, !list_empty(&s->rx) || READ_ONCE(sk->err), SOCKET_POLLIN, m->deadline_ns);
            n = socket_wait_error(n, m->deadline_ns);
            mutex_lock(&sk->reader);
        }
        if (n) {
            mutex_unlock(&sk->reader);
            return n;
        }
    }
    n = hand_out(s, d, m, flags);
    mutex_unlock(&sk->reader);
    if (!(flags & MSG_PEEK))
        kfree(d);
    return n;
}

static unsigned nl_poll(struct socket *sk)
{
    unsigned bits = SOCKET_POLLOUT;

    if (!list_empty(&nl_sk(sk)->rx))
        bits |= SOCKET_POLLIN;
    if (READ_ONCE(sk->err))
        bits |= EPOLLERR;
    return bits;
}

/* ---- options ---- */

static bool *flag_of(struct nl_sock *s, int name)
{
    switch (name) {
    case NETLINK_PKTINFO:
        return &s->pktinfo;
    case NETLINK_NO_ENOBUFS:
        return &s->no_enobufs;
    case NETLINK_CAP_ACK:
        return &s->cap_ack;
    case NETLINK_EXT_ACK:
        return &s->ext_ack;
    case NETLINK_GET_STRICT_CHK:
        return &s->strict;
    }
    return NULL;
}

static int nl_setsockopt(struct socket *sk, int level, int name, const void *val, unsigned len)
{
    struct nl_sock *s = nl_sk(sk);
    bool *flag = flag_of(s, name);
    unsigned n;

    if (level != SOL_NETLINK || len < sizeof(n))
        return level == SOL_NETLINK ? -EINVAL : -ENOPROTOOPT;
    memcpy(&n, val, sizeof(n));
    if (flag) {
        *flag = n;
        return 0;
    }
    if (name != NETLINK_ADD_MEMBERSHIP && name != NETLINK_DROP_MEMBERSHIP)
        return -ENOPROTOOPT;
    if (!n || n > 32)
        return -EINVAL;
    spin_lock(&sockets_lock);
    if (name == NETLINK_ADD_MEMBERSHIP)
        s->groups |= 1u << (n - 1);
    else
        s->groups &= ~(1u << (n - 1));
    spin_unlock(&sockets_lock);
    return 0;
}

static int nl_getsockopt(struct socket *sk, int level, int name, void *val, unsigned *len)
{
    struct nl_sock *s = nl_sk(sk);
    bool *flag = flag_of(s, name);
    int n;

    if (level != SOL_NETLINK)
        return -ENOPROTOOPT;
    if (name != NETLINK_LIST_MEMBERSHIPS && !flag)
        return -ENOPROTOOPT;
    n = flag ? (int)*flag : (int)s->groups;
    memcpy(val, &n, *len = sizeof(n));
    return 0;
}

/* ---- their life ---- */

static void nl_release(struct socket *sk)
{
    struct nl_sock *s = nl_sk(sk);
    struct nl_msg *m, *next;

    spin_lock(&sockets_lock);
    list_remove(&s->all_link);
    spin_unlock(&sockets_lock);
    list_for_each_safe (m, next, &s->rx, link)
        kfree(m);
    slab_free(&cache, s);
}

static const struct socket_ops ops = {
    .release = nl_release,
    .bind = nl_bind,
    .connect = nl_connect,
    .getname = nl_getname,
    .poll = nl_poll,
    .sendmsg = nl_sendmsg,
    .recvmsg = nl_recvmsg,
    .setsockopt = nl_setsockopt,
    .getsockopt = nl_getsockopt,
    .filters = true,
};

static int nl_create(int type, int protocol, struct socket **out)
{
    struct nl_sock *s;

    if (type != SOCK_RAW && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG)
        return -EPROTONOSUPPORT;
    net_start();
    rtnl_init();
    s = slab_zalloc(&cache);
    if (!s)
        return -ENOMEM;
    socket_init(&s->s, &ops, AF_NETLINK, type, protocol);
    spin_init(&s->lock, RANK_NETDEV);
    list_init(&s->rx);
    spin_lock(&sockets_lock);
    list_append(&sockets, &s->all_link);
    spin_unlock(&sockets_lock);
    *out = &s->s;
    return 0;
}

const struct socket_family netlink_family = { AF_NETLINK, nl_create, NULL };
