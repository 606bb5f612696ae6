/* SPDX-License-Identifier: BSD-2-Clause */
/* diag.c: the socket monitor, sock_diag(7): requests by family, and what all answers share. */
#include "net/netlink/diag.h"
#include "kernel/lock.h"
#include "lib/string.h"
#include <linux/capability.h>
#include <linux/inet_diag.h>

/* A dump, whose end says how it went. */
static int dump(struct nl_answer *a, const struct nlmsghdr *n,
                int (*fn)(struct nl_answer *, const struct nlmsghdr *))
{
    int err, *end;

    a->flags = NLM_F_MULTI;
    err = fn(a, n);
    end = nl_begin(a, NLMSG_DONE, sizeof(*end));
    if (end)
        *end = err;
    nl_end(a);
    nl_flush(a);
    if (a->failed)
        atomic_store(&a->to->s.err, -ENOBUFS);
    return -EINTR;
}

int diag_request(struct nl_sock *s, const struct nlmsghdr *n)
{
    struct nl_answer a = { .to = s, .seq = n->nlmsg_seq };
    int (*fn)(struct nl_answer *, const struct nlmsghdr *) = diag_inet;
    const struct sock_diag_req *q = NLMSG_DATA(n);
    bool old = n->nlmsg_type == TCPDIAG_GETSOCK;
    int err;

    if (n->nlmsg_type == DCCPDIAG_GETSOCK)
        return -ENOENT;
    if (!old && n->nlmsg_type != SOCK_DIAG_BY_FAMILY && n->nlmsg_type != SOCK_DESTROY)
        return -EINVAL;
    if (n->nlmsg_len < NLMSG_LENGTH(sizeof(*q)) || (!old && q->sdiag_family >= AF_MAX))
        return -EINVAL;
    if (!old && q->sdiag_family == AF_UNIX)
        fn = diag_unix;
    else if (!old && q->sdiag_family != AF_INET && q->sdiag_family != AF_INET6)
        return -ENOENT;
    if (n->nlmsg_type == SOCK_DESTROY && fn == diag_unix)
        return -EOPNOTSUPP;
    err = fn(NULL, n);
    if (err)
        return err;
    if (n->nlmsg_type == SOCK_DESTROY)
        return socket_host->capable(CAP_NET_ADMIN) ? fn(&a, n) : -EPERM;
    if (n->nlmsg_flags & NLM_F_DUMP)
        return dump(&a, n, fn);
    err = fn(&a, n);
    nl_flush(&a);
    return err ? err : a.failed ? -ENOBUFS : 0;
}

void diag_cookie(uint32_t cookie[2], uint64_t ino)
{
    cookie[0] = (uint32_t)ino;
    cookie[1] = (uint32_t)(ino >> 32);
}

bool diag_cookie_ok(const uint32_t cookie[2], uint64_t ino)
{
    uint32_t own[2];

    diag_cookie(own, ino);
    if (cookie[0] == INET_DIAG_NOCOOKIE && cookie[1] == INET_DIAG_NOCOOKIE)
        return true;
    return !memcmp(own, cookie, sizeof(own));
}
