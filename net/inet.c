/* SPDX-License-Identifier: BSD-2-Clause */
/* inet.c: AF_INET and AF_INET6: which protocol a new socket has, and addresses between the ABI and the stack. */
#include "net/inet.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/families.h"
#include "net/netif.h"
#include "net/tcp/tcp.h"
#include <linux/capability.h>

struct inet_type {
    int type, family; /* 0: either */
    int protocol;     /* 0: any */
    int dflt;         /* what protocol 0 stands for; 0: must be named */
    int (*create)(int family, int protocol, struct socket **s);
};

static const struct inet_type types[] = {
    { SOCK_STREAM, 0, IPPROTO_TCP, IPPROTO_TCP, tcp_create },
    { SOCK_DGRAM, 0, IPPROTO_UDP, IPPROTO_UDP, udp_create },
    { SOCK_DGRAM, AF_INET, IPPROTO_ICMP, 0, ping_create },
    { SOCK_DGRAM, AF_INET6, IPPROTO_ICMPV6, 0, ping_create },
    { SOCK_RAW, 0, 0, 0, raw_create },
};

static int inet_create(int family, int type, int protocol, struct socket **s)
{
    bool type_known = false;

    if (protocol < 0 || protocol >= IPPROTO_MAX)
        return -EINVAL;
    net_start();
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        const struct inet_type *t = &types[i];

        if (t->type != type || (t->family && t->family != family))
            continue;
        type_known = true;
        if (protocol == 0 && !t->dflt)
            continue;
        if (protocol == 0 || !t->protocol || t->protocol == protocol)
            return t->create(family, protocol ? protocol : t->dflt, s);
    }
    return type_known ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
}

static int inet4_create(int type, int protocol, struct socket **s)
{
    return inet_create(AF_INET, type, protocol, s);
}

static int inet6_create(int type, int protocol, struct socket **s)
{
    return inet_create(AF_INET6, type, protocol, s);
}

const struct socket_family inet_family = { AF_INET, inet4_create, NULL };
const struct socket_family inet6_family = { AF_INET6, inet6_create, NULL };

/* ---- addresses ---- */

#define SIN6_LEN_MIN 24 /* RFC 2133: without the scope */

int inet_addr_get(const struct sockaddr_any *a, int family, struct inaddr *addr, uint16_t *port, int *dev)
{
    *dev = 0;
    if (family == AF_INET || a->family == AF_INET) {
        struct sockaddr_in in;

        if (a->len < sizeof(in))
            return -EINVAL;
        memcpy(&in, a->bytes, sizeof(in));
        if (in.sin_family != AF_INET && (in.sin_family != AF_UNSPEC || in.sin_addr.s_addr != 0))
            return -EAFNOSUPPORT;
        *addr = inaddr_v4(in.sin_addr.s_addr);
        *port = in.sin_port;
        return 0;
    }
    struct sockaddr_in6 in6 = { 0 };

    if (a->len < SIN6_LEN_MIN)
        return -EINVAL;
    memcpy(&in6, a->bytes, MIN(a->len, (unsigned)sizeof(in6)));
    if (in6.sin6_family != AF_INET6)
        return -EAFNOSUPPORT;
    memcpy(addr, &in6.sin6_addr, 16);
    *port = in6.sin6_port;
    if (inaddr_is_linklocal6(addr) || (addr->b[0] == 0xff && (addr->b[1] & 15) <= 2))
        *dev = in6.sin6_scope_id;
    return 0;
}

void inet_addr_put(struct sockaddr_any *a, int family, const struct inaddr *addr, uint16_t port, int dev)
{
    if (family == AF_INET) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = addr->w[3] };

        a->len = sizeof(in);
        memcpy(a->bytes, &in, sizeof(in));
        return;
    }
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };

    memcpy(&in6.sin6_addr, addr, 16);
    if (inaddr_is_linklocal6(addr))
        in6.sin6_scope_id = dev;
    a->len = sizeof(in6);
    memcpy(a->bytes, &in6, sizeof(in6));
}

int inet_bind_check(const struct socket *s, const struct inet_opts *o, const struct inaddr *a, int dev)
{
    enum inaddr_kind k;

    if (s->family == AF_INET6 && inaddr_is_v4(a) && o->v6only)
        return -EINVAL;
    if (inaddr_is_linklocal6(a) && !dev && !s->bound_dev)
        return -EINVAL;
    if (o->freebind || o->transparent)
        return 0;
    k = ip_kind(a, inaddr_is_v4(a) ? 0 : dev);
    if (k == KIND_REMOTE || (s->type == SOCK_STREAM && k != KIND_LOCAL && k != KIND_ANY))
        return -EADDRNOTAVAIL;
    return 0;
}

int inet_port_check(uint16_t port)
{
    return be16(port) && be16(port) < 1024 && !socket_host->capable(CAP_NET_BIND_SERVICE) ? -EACCES : 0;
}
