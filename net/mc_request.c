/* SPDX-License-Identifier: BSD-2-Clause */
/* mc_request.c: the structures of RFC 3678 and their older relatives, see mc_request.h. */
#include "net/mc_request.h"
#include "abi/errno.h"
#include "abi/netif.h"
#include "lib/string.h"

#define STORAGE           128 /* struct sockaddr_storage */
#define MSFILTER_HEAD     16
#define GROUP_FILTER_HEAD 144
#define GF_GROUP          8 /* offsets in struct group_filter and struct group_source_req */
#define GF_MODE           136
#define GF_NR             140
#define GSR_SOURCE        136
#define GSR_LEN           264

static uint32_t word(const void *val, unsigned off)
{
    uint32_t n;

    memcpy(&n, (const char *)val + off, 4);
    return n;
}

static int storage_get(const void *val, unsigned off, int level, struct inaddr *addr)
{
    struct sockaddr_any a = { .len = sizeof(struct sockaddr_in6) };
    uint16_t port;
    int dev;

    memcpy(a.bytes, (const char *)val + off, a.len);
    if (a.family != (level ? AF_INET6 : AF_INET))
        return -EADDRNOTAVAIL;
    return inet_addr_get(&a, level ? AF_INET6 : AF_INET, addr, &port, &dev);
}

static int parse_group_req(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    if (len < GF_GROUP + STORAGE)
        return -EINVAL;
    r->index = word(val, 0);
    return storage_get(val, GF_GROUP, level, &r->group);
}

static int parse_source_req(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    int err;

    if (len < GSR_LEN)
        return -EINVAL;
    err = parse_group_req(r, level, name, val, len);
    return err ? err : storage_get(val, GSR_SOURCE, level, &r->source);
}

static int parse_mreq(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    struct ip_mreqn m = { 0 };
    struct ipv6_mreq m6;

    if (level) {
        if (len < sizeof(m6))
            return -EINVAL;
        memcpy(&m6, val, sizeof(m6));
        memcpy(&r->group, &m6.ipv6mr_multiaddr, 16);
        r->index = m6.ipv6mr_ifindex;
        return 0;
    }
    if (len < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(&m, val, MIN(len, (unsigned)sizeof(m)));
    r->index = len < sizeof(m) ? 0 : m.imr_ifindex;
    r->group = inaddr_v4(m.imr_multiaddr.s_addr);
    r->local = inaddr_v4(m.imr_address.s_addr);
    return 0;
}

static int parse_mreq_source(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    if (len < 12) /* struct ip_mreq_source */
        return -EINVAL;
    r->group = inaddr_v4(word(val, 0));
    r->local = inaddr_v4(word(val, 4));
    r->source = inaddr_v4(word(val, 8));
    return 0;
}

/* What stands before the sources of a struct ip_msfilter or group_filter, but its group. *nr: how many sources it names,
 * *room: how many there can be. -EINVAL when it is not all there. */
static int filter_head(struct mc_request *r, int name, const void *val, unsigned len, uint32_t *nr,
                       uint32_t *room)
{
    bool wide = name == MCAST_MSFILTER;
    unsigned head = wide ? GROUP_FILTER_HEAD : MSFILTER_HEAD;

    if (len < head)
        return -EINVAL;
    r->wide = wide;
    r->mode = word(val, wide ? GF_MODE : 8);
    r->sources = (const uint8_t *)val + head;
    *nr = word(val, wide ? GF_NR : 12);
    *room = (len - head) / (wide ? STORAGE : 4);
    return 0;
}

static int filter_group(struct mc_request *r, int level, const void *val)
{
    if (r->wide) {
        r->index = word(val, 0);
        return storage_get(val, GF_GROUP, level, &r->group);
    }
    r->group = inaddr_v4(word(val, 0));
    r->local = inaddr_v4(word(val, 4));
    return 0;
}

/* To be set: all of it is there. */
static int parse_filter(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    uint32_t nr, room;
    int err = filter_head(r, name, val, len, &nr, &room);

    if (err)
        return err;
    if (nr > r->max_sources)
        return -ENOBUFS;
    if (nr > room)
        return -EINVAL;
    r->nr = nr;
    err = filter_group(r, level, val);
    if (!err && r->mode != MCAST_INCLUDE && r->mode != MCAST_EXCLUDE)
        err = -EINVAL;
    for (unsigned i = 0; !err && r->wide && i < nr; i++)
        err = storage_get(r->sources, i * STORAGE, level, &r->source);
    return err;
}

void mc_request_source(const struct mc_request *r, unsigned i, struct inaddr *a)
{
    if (!r->wide)
        *a = inaddr_v4(word(r->sources, i * 4));
    else
        storage_get(r->sources, i * STORAGE, !inaddr_is_v4(&r->group), a);
}

unsigned mc_filter_put(const struct mc_request *r, int level, int name, void *val, const struct mc_filter *f)
{
    unsigned head = r->wide ? GROUP_FILTER_HEAD : MSFILTER_HEAD, each = r->wide ? STORAGE : 4;
    uint32_t mode = f->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE, nr = f->nr;
    unsigned n = MIN(r->nr, (unsigned)f->nr);
    uint8_t *at = (uint8_t *)val + head;
    struct sockaddr_any a;

    memcpy((char *)val + (r->wide ? GF_MODE : 8), &mode, 4);
    memcpy((char *)val + (r->wide ? GF_NR : 12), &nr, 4);
    for (unsigned i = 0; i < n; i++, at += each) {
        if (!r->wide) {
            memcpy(at, &f->src[i].w[3], 4);
            continue;
        }
        inet_addr_put(&a, level ? AF_INET6 : AF_INET, &f->src[i], 0, 0);
        memset(at, 0, each);
        memcpy(at, a.bytes, a.len);
    }
    return head + n * each;
}

static void start(struct mc_request *r, int level)
{
    memset(r, 0, sizeof(*r));
    r->local = INADDR_ANY6;
    r->max_sources = READ_ONCE(*(level ? &mld_max_msf : &igmp_max_msf));
}

int mc_filter_parse(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    uint32_t nr, room;
    int err;

    start(r, level);
    err = filter_head(r, name, val, len, &nr, &room);
    if (err)
        return err;
    r->nr = MIN(nr, room);
    return filter_group(r, level, val);
}

#define AT_IPV4 1 /* the levels that know an option */
#define AT_IPV6 2

static const struct mc_option {
    int at, name;
    enum mc_what what;
    int (*parse)(struct mc_request *r, int level, int name, const void *val, unsigned len);
} options[] = {
    { AT_IPV4, IP_ADD_MEMBERSHIP, MC_JOIN, parse_mreq },
    { AT_IPV4, IP_DROP_MEMBERSHIP, MC_LEAVE, parse_mreq },
    { AT_IPV4, IP_ADD_SOURCE_MEMBERSHIP, MC_JOIN_SOURCE, parse_mreq_source },
    { AT_IPV4, IP_DROP_SOURCE_MEMBERSHIP, MC_LEAVE_SOURCE, parse_mreq_source },
    { AT_IPV4, IP_BLOCK_SOURCE, MC_BLOCK_SOURCE, parse_mreq_source },
    { AT_IPV4, IP_UNBLOCK_SOURCE, MC_UNBLOCK_SOURCE, parse_mreq_source },
    { AT_IPV4, IP_MSFILTER, MC_FILTER, parse_filter },
    { AT_IPV6, IPV6_ADD_MEMBERSHIP, MC_JOIN, parse_mreq },
    { AT_IPV6, IPV6_DROP_MEMBERSHIP, MC_LEAVE, parse_mreq },
    { AT_IPV4 | AT_IPV6, MCAST_JOIN_GROUP, MC_JOIN, parse_group_req },
    { AT_IPV4 | AT_IPV6, MCAST_LEAVE_GROUP, MC_LEAVE, parse_group_req },
    { AT_IPV4 | AT_IPV6, MCAST_JOIN_SOURCE_GROUP, MC_JOIN_SOURCE, parse_source_req },
    { AT_IPV4 | AT_IPV6, MCAST_LEAVE_SOURCE_GROUP, MC_LEAVE_SOURCE, parse_source_req },
    { AT_IPV4 | AT_IPV6, MCAST_BLOCK_SOURCE, MC_BLOCK_SOURCE, parse_source_req },
    { AT_IPV4 | AT_IPV6, MCAST_UNBLOCK_SOURCE, MC_UNBLOCK_SOURCE, parse_source_req },
    { AT_IPV4 | AT_IPV6, MCAST_MSFILTER, MC_FILTER, parse_filter },
};

int mc_request_parse(struct mc_request *r, int level, int name, const void *val, unsigned len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].name == name && options[i].at & (level ? AT_IPV6 : AT_IPV4)) {
            start(r, level);
            r->what = options[i].what;
            return options[i].parse(r, level, name, val, len);
        }
    return -ENOPROTOOPT;
}
