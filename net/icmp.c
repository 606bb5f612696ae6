/* SPDX-License-Identifier: BSD-2-Clause */
/* icmp.c: ICMP (RFC 792, 1122) and ICMPv6 (RFC 4443): echo, errors in and out. Both have the same header. */
#include "net/icmp.h"
#include "abi/errno.h"
#include "kernel/clock.h"
#include "lib/string.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/mcast.h"
#include "net/nd.h"
#include "net/route.h"
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define ERRORS_PER_SEC 1000 /* as Linux: icmp_msgs_per_sec, icmp_msgs_burst */
#define ERRORS_BURST   50
#define ECHO_MAX       65507
#define REDIRECT_CODES 3

struct icmp_stats icmp_stats[2];
void (*icmp_ping_input)(struct pktbuf *p, const struct ip_rx *r);
void (*icmp_ping_error)(const struct ip_error *e);

static bool checksum_ok(struct pktbuf *p, const struct ip_rx *r)
{
    if (!inaddr_is_v4(&r->dst))
        return ip_checksum_ok(p, &r->src, &r->dst, IPPROTO_ICMPV6);
    return p->csum != CSUM_NONE || pktbuf_checksum(p, 0, p->total, 0) == 0xffff;
}

/* ICMP's checksum has no pseudo-header, ICMPv6's has. data is at the ICMP header, its checksum field zero. */
static void fill_checksum(struct pktbuf *p, const struct flow *f, const struct dst *d)
{
    uint32_t sum = 0;
    uint16_t check;

    if (!inaddr_is_v4(&f->dst))
        sum = ip_pseudo_sum(&d->src, &f->dst, IPPROTO_ICMPV6, p->total);
    check = ~pktbuf_checksum(p, 0, p->total, sum);
    memcpy(p->data + 2, &check, 2);
}

static void send_to(struct pktbuf *p, struct flow *f)
{
    struct dst d = { 0 };
    bool v6 = !inaddr_is_v4(&f->dst);

    if (dst_lookup(&d, f)) {
        pktbuf_free(p);
        return;
    }
    fill_checksum(p, f, &d);
    icmp_count_out(v6, p->data[0]);
    ip_output(p, f, &d);
    dst_release(&d);
}

/* ---- errors out ---- */

/* A bucket of tokens: what attackers make us say stays small. */
static bool may_send_error(void)
{
    static struct spinlock lock = SPINLOCK_INIT(RANK_NET_TABLE);
    static uint64_t filled_ns; /* [lock] */
    static unsigned tokens = ERRORS_BURST;
    uint64_t now = clock_mono_ns(), more;
    bool ok;

    spin_lock(&lock);
    more = (now - filled_ns) / (NSEC_PER_SEC / ERRORS_PER_SEC);
    if (more) {
        tokens = MIN(tokens + more, (uint64_t)ERRORS_BURST);
        filled_ns = now;
    }
    ok = tokens;
    tokens -= ok;
    spin_unlock(&lock);
    return ok;
}

static bool is_icmp_error(uint8_t type, bool v6)
{
    return v6 ? type < 128
              : type != ICMP_ECHO && type != ICMP_ECHOREPLY && type != ICMP_TIMESTAMP &&
                    type != ICMP_TIMESTAMPREPLY;
}

/* The addresses of the packet at p->data, and whether an error about it is allowed at all. */
static bool may_answer(struct pktbuf *p, struct flow *f, bool v6, uint8_t type)
{
    uint32_t hlen;
    uint8_t proto, inner;
    struct inaddr src, dst;

    if (!pktbuf_pull_linear(p, v6 ? 40 : 20))
        return false;
    if (v6) {
        memcpy(&src, p->data + 8, 16);
        memcpy(&dst, p->data + 24, 16);
        proto = p->data[6];
        hlen = 40;
    } else {
        uint32_t a, b;

        memcpy(&a, p->data + 12, 4);
        memcpy(&b, p->data + 16, 4);
        src = inaddr_v4(a);
        dst = inaddr_v4(b);
        proto = p->data[9];
        hlen = (p->data[0] & 15) * 4;
        if (get_be16(p->data + 6) & 0x1fff) /* not the first fragment */
            return false;
    }
    if (p->link_type != PACKET_HOST && !(v6 && type == ICMPV6_PKT_TOOBIG))
        return false;
    if (inaddr_is_any(&src) || ip_kind(&src, 0) == KIND_BROADCAST || inaddr_is_multicast(&src) ||
        ip_kind(&dst, 0) != KIND_LOCAL)
        return false;
    if (proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) &&
        (!pktbuf_copy_out(p, hlen, &inner, 1) || is_icmp_error(inner, v6)))
        return false;
    *f = (struct flow){ .src = dst, .dst = src, .protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP };
    if (inaddr_is_linklocal6(&src) && p->dev)
        f->dev = p->dev->index;
    return true;
}

void icmp_send(struct pktbuf *p, uint8_t type, uint8_t code, uint32_t info)
{
    struct pktbuf *q;
    struct flow f;
    uint32_t quote;
    uint8_t *h;
    bool v6;

    if (!p->len || !may_send_error())
        return;
    v6 = p->data[0] >> 4 == 6;
    if (!may_answer(p, &f, v6, type))
        return;
    /* As much as fits the smallest MTU: RFC 1812 §4.3.2.3, RFC 4443 §2.4. */
    quote = MIN(p->total, v6 ? 1280u - 48 : 576u - 28);
    q = pktbuf_alloc(PKTBUF_HEADROOM, 8 + quote);
    if (!q)
        return;
    h = pktbuf_put(q, 8 + quote);
    h[0] = type;
    h[1] = code;
    put_be16(h + 2, 0);
    put_be32(h + 4, v6 || type == ICMP_DEST_UNREACH ? info : info << 24);
    pktbuf_copy_out(p, 0, h + 8, quote);
    send_to(q, &f);
}

/* ---- errors in ---- */

struct meaning {
    uint8_t err;
    bool hard;
};

static const struct meaning unreach4[] = { /* by code, as Linux has them */
                                           { ENETUNREACH, false },  { EHOSTUNREACH, false },
                                           { ENOPROTOOPT, true },   { ECONNREFUSED, true },
                                           { EMSGSIZE, false },     { EOPNOTSUPP, false },
                                           { ENETUNREACH, true },   { EHOSTDOWN, true },
                                           { ENONET, true },        { ENETUNREACH, true },
                                           { EHOSTUNREACH, true },  { ENETUNREACH, false },
                                           { EHOSTUNREACH, false }, { EHOSTUNREACH, true },
                                           { EHOSTUNREACH, true },  { EHOSTUNREACH, true }
};
static const struct meaning unreach6[] = { { ENETUNREACH, false },  { EACCES, true },
                                           { EHOSTUNREACH, false }, { EHOSTUNREACH, false },
                                           { ECONNREFUSED, true },  { EACCES, true },
                                           { EACCES, true } };

/* What type and code mean for a socket. False: nothing. */
static bool meaning_of(struct ip_error *e, bool v6, uint32_t info)
{
    const struct meaning *m = NULL;

    if (v6 && e->type == ICMPV6_DEST_UNREACH && e->code < ARRAY_SIZE(unreach6)) {
        m = &unreach6[e->code];
    } else if (!v6 && e->type == ICMP_DEST_UNREACH && e->code < ARRAY_SIZE(unreach4)) {
        m = &unreach4[e->code];
        if (e->code == ICMP_FRAG_NEEDED)
            e->mtu = info & 0xffff;
    } else if (v6 && e->type == ICMPV6_PKT_TOOBIG) {
        e->err = EMSGSIZE;
        e->mtu = info;
        return true;
    } else if (e->type == (v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED)) {
        e->err = EHOSTUNREACH;
        return true;
    } else if (e->type == (v6 ? ICMPV6_PARAMPROB : ICMP_PARAMETERPROB)) {
        e->err = EPROTO;
        e->hard = true;
        return true;
    }
    if (!m)
        return false;
    e->err = m->err;
    e->hard = m->hard;
    return true;
}

/* Where the transport header begins in an IPv6 packet of ours that came back; 0: not there. */
static uint32_t skip_extensions(const uint8_t *b, uint32_t len, uint8_t *proto)
{
    uint32_t at = 40;

    *proto = b[6];
    for (unsigned n = 0; n < 8; n++) {
        if (*proto != 0 && *proto != 43 && *proto != 44 && *proto != 60)
            return at;
        if (at + 8 > len || (*proto == 44 && get_be16(b + at + 2) & 0xfff8))
            return 0;
        uint32_t size = *proto == 44 ? 8 : (b[at + 1] + 1) * 8;

        *proto = b[at];
        at += size;
        if (at > len)
            return 0;
    }
    return 0;
}

void ip_error_deliver(struct ip_error *e, const uint8_t *b, uint32_t len, bool v6)
{
    const struct ip_protocol *proto;
    uint32_t at, a;

    if (len < (v6 ? 40 : 20) || b[0] >> 4 != (v6 ? 6 : 4))
        return;
    if (v6) {
        memcpy(&e->src, b + 8, 16);
        memcpy(&e->dst, b + 24, 16);
        at = skip_extensions(b, len, &e->protocol);
        if (!at)
            return;
    } else {
        memcpy(&a, b + 12, 4);
        e->src = inaddr_v4(a);
        memcpy(&a, b + 16, 4);
        e->dst = inaddr_v4(a);
        e->protocol = b[9];
        at = (b[0] & 15) * 4;
        if (at < 20 || get_be16(b + 6) & 0x1fff)
            return;
    }
    if (at + 8 > len || ip_kind(&e->src, 0) == KIND_REMOTE)
        return;
    e->transport = b + at;
    e->len = len - at;
    proto = ip_protocol_find(e->protocol);
    if (proto && proto->error)
        proto->error(e);
}

/* Data is at the ICMP header. */
static void error_in(struct pktbuf *p, const struct ip_rx *r, bool v6)
{
    uint32_t len = MIN(p->total, 8u + (v6 ? 40 + 128 : 60) + 64);
    struct ip_error e = { .offender = r->src, .dev = r->dev, .p = p };

    if (!pktbuf_pull_linear(p, len))
        return;
    e.type = p->data[0];
    e.code = p->data[1];
    if (!v6 && e.type == ICMP_REDIRECT) {
        uint32_t gateway;

        memcpy(&gateway, p->data + 4, 4);
        e.redirect = inaddr_v4(gateway);
        /* from the link itself, to us */
        if (e.code <= REDIRECT_CODES && r->kind == KIND_LOCAL && !(r->dev->features & NETDEV_LOOP) &&
            !(p->flags & PKTBUF_LOOP))
            ip_error_deliver(&e, p->data + 8, p->len - 8, false);
        return;
    }
    if (meaning_of(&e, v6, get_be32(p->data + 4)))
        ip_error_deliver(&e, p->data + 8, p->len - 8, v6);
}

void ip_local_error(struct pktbuf *p, int err)
{
    struct ip_error e = { .dev = p->dev, .err = err, .hard = true, .p = NULL };
    bool v6 = p->len && p->data[0] >> 4 == 6;

    e.type = v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH;
    e.code = v6 ? ICMPV6_ADDR_UNREACH : ICMP_HOST_UNREACH;
    if (pktbuf_pull_linear(p, MIN(p->total, 128u)))
        ip_error_deliver(&e, p->data, p->len, v6);
    pktbuf_free(p);
}

/* A transport was told of a smaller MTU and found that it is about a packet of its own. */
static void ping_error(const struct ip_error *e)
{
    if (!e->err)
        return;
    if (icmp_ping_error)
        icmp_ping_error(e);
    if (e->err == EMSGSIZE && e->mtu)
        pmtu_update(&e->dst, e->mtu);
}

/* ---- echo ---- */

/* The request itself, turned round, is the answer. */
static void echo_reply(struct pktbuf *p, const struct ip_rx *r, uint8_t type)
{
    struct flow f = { .src = r->dst, .dst = r->src, .protocol = r->protocol, .tos = r->tos };
    struct pktbuf *q;

    if (r->kind != KIND_LOCAL) {
        if (inaddr_is_v4(&r->dst)) /* to all: not answered, as on Linux (icmp_echo_ignore_broadcasts) */
            return;
        f.src = INADDR_ANY6;
    }
    if (inaddr_is_linklocal6(&r->src) && !(r->dev->features & NETDEV_LOOP))
        f.dev = r->dev->index;
    q = pktbuf_alloc_data(PKTBUF_HEADROOM, p->total);
    if (!q)
        return;
    pktbuf_copy_packet(q, 0, p);
    q->data[0] = type;
    put_be16(q->data + 2, 0);
    send_to(q, &f);
}

/* The fixed header is linear and the checksum right, else false. */
static bool take_header(struct pktbuf *p, const struct ip_rx *r, bool v6)
{
    struct icmp_stats *s = &icmp_stats[v6];

    s->in_msgs++;
    if (!pktbuf_pull_linear(p, 8)) {
        s->in_errors++;
        return false;
    }
    if (!checksum_ok(p, r)) {
        s->in_csum_errors++;
        s->in_errors++;
        return false;
    }
    s->in_types[p->data[0]]++;
    return true;
}

static bool icmp_input(struct pktbuf *p, const struct ip_rx *r)
{
    if (inaddr_is_v4(&r->dst) && take_header(p, r, false))
        switch (p->data[0]) {
        case ICMP_ECHO:
            echo_reply(p, r, ICMP_ECHOREPLY);
            break;
        case ICMP_ECHOREPLY:
            if (icmp_ping_input)
                icmp_ping_input(p, r);
            break;
        case ICMP_DEST_UNREACH:
        case ICMP_TIME_EXCEEDED:
        case ICMP_PARAMETERPROB:
        case ICMP_REDIRECT:
            error_in(p, r, false);
        }
    pktbuf_free(p);
    return true;
}

static bool icmp6_input(struct pktbuf *p, const struct ip_rx *r)
{
    if (!inaddr_is_v4(&r->dst) && take_header(p, r, true)) {
        uint8_t type = p->data[0];

        if (type == ICMPV6_ECHO_REQUEST)
            echo_reply(p, r, ICMPV6_ECHO_REPLY);
        else if (type == ICMPV6_ECHO_REPLY && icmp_ping_input)
            icmp_ping_input(p, r);
        else if (type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB)
            error_in(p, r, true);
        else if (type == ICMPV6_MGM_QUERY)
            mcast_query6(p, r);
        else if (type >= 133 && type <= 137)
            nd_receive(p, r);
    }
    pktbuf_free(p);
    return true;
}

const struct ip_protocol icmp_protocol = { .number = IPPROTO_ICMP, .input = icmp_input, .error = ping_error };
const struct ip_protocol icmp6_protocol = { .number = IPPROTO_ICMPV6,
                                            .input = icmp6_input,
                                            .error = ping_error };
