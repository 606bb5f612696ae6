/* SPDX-License-Identifier: BSD-2-Clause */
/* ip_output.c: IPv4 and IPv6 packets out. */
#include "abi/errno.h"
#include "kernel/random.h"
#include "lib/string.h"
#include "net/ip_frag.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/neigh.h"
#include <linux/ip.h>
#include <linux/ipv6.h>

#define DEFAULT_TTL 64
#define DONT_FRAG   0x4000
#define ID_COUNTERS 64

/* Identifications count up by destination from random beginnings (RFC 7739): what others see of one tells nothing of others. */
static uint32_t next_id(const struct flow *f)
{
    static uint32_t counters[ID_COUNTERS]; /* [a] */
    static uint32_t secret;                /* [a] */
    uint32_t s = atomic_load(&secret);

    if (unlikely(!s)) {
        s = random_u64() | 1;
        atomic_store(&secret, s);
        random_bytes(counters, sizeof(counters));
    }
    return __atomic_fetch_add(&counters[((inaddr_hash(&f->dst) ^ s) * 0x9e3779b1u) >> 26], 1,
                              __ATOMIC_RELAXED);
}

static inline int to_neighbour(struct pktbuf *p, struct dst *d, const struct flow *f)
{
    uint64_t mac;
    uint8_t b[6];

    if (likely(d->neigh != NULL)) {
        struct neigh *n = d->neigh;

        if (likely(n->state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)))
            return link_output(d->dev, p, atomic_load(&n->mac), p->protocol);
        return neigh_output_slow(n, p);
    }
    if (d->kind == KIND_BROADCAST) {
        mac = 0xffffffffffffull;
    } else {
        ethernet_multicast(&f->dst, b);
        mac = mac_word(b);
    }
    return link_output(d->dev, p, mac, p->protocol);
}

/* Our own sockets hear what goes to many, too. */
static __noinline void loop_back(struct pktbuf *p, struct dst *d, const struct flow *f)
{
    struct pktbuf *c;

    if (d->kind == KIND_MULTICAST && (f->flags & FLOW_NOLOOP || !group_member(d->dev, &f->dst)))
        return;
    c = pktbuf_clone(p);
    if (!c)
        return;
    c->flags |= PKTBUF_LOOP;
    c->dev = d->dev;
    c->link_type = 0; /* PACKET_HOST */
    loopback_output(c);
}

/* data is at the network header. */
static __always_inline int send_packet(struct pktbuf *p, struct dst *d, const struct flow *f)
{
    if (d->loop) {
        loopback_output(p);
        return 0;
    }
    if (unlikely(d->kind != KIND_REMOTE)) {
        struct ip_stats *s = &ip_stats[!inaddr_is_v4(&f->dst)];

        ++*(d->kind == KIND_MULTICAST ? &s->out_mcasts : &s->out_bcasts);
        loop_back(p, d, f);
        if (d->kind == KIND_MULTICAST && f->ttl == 0 && f->flags & FLOW_TTL0) {
            pktbuf_free(p);
            return 0;
        }
    }
    return to_neighbour(p, d, f);
}

int ip_send_packet(struct pktbuf *p, struct dst *d, const struct flow *f)
{
    return send_packet(p, d, f);
}

static inline void put_v4(struct iphdr *h, const struct flow *f, const struct dst *d)
{
    *(uint16_t *)h = be16(0x4000 | (5 + f->options_len / 4) << 8 | f->tos);
    h->tot_len = h->id = h->check = 0;
    h->frag_off = f->flags & FLOW_DF ? be16(DONT_FRAG) : 0;
    h->ttl = f->ttl || f->flags & FLOW_TTL0 ? f->ttl : DEFAULT_TTL;
    h->protocol = f->protocol;
    h->saddr = d->src.w[3];
    h->daddr = f->dst.w[3];
}

static void fill_v4(struct pktbuf *p, const struct flow *f, const struct dst *d)
{
    struct iphdr *h = pktbuf_push(p, sizeof(*h) + f->options_len);

    put_v4(h, f, d);
    h->tot_len = be16(p->total > 0xffff ? 0 : p->total);
    if (!(f->flags & FLOW_DF))
        h->id = (uint16_t)next_id(f);
    if (unlikely(f->options_len))
        memcpy(h + 1, f->options, f->options_len);
    h->check = checksum_finish(likely(!f->options_len) ? checksum_20(h)
                                                       : checksum_add(h, sizeof(*h) + f->options_len, 0));
}

static void fill_v6(struct pktbuf *p, const struct flow *f, const struct dst *d)
{
    uint32_t payload = p->total + f->options_len;
    uint8_t *o = pktbuf_push(p, f->options_len);
    struct ipv6hdr *h = pktbuf_push(p, sizeof(*h));

    if (unlikely(f->options_len))
        memcpy(o, f->options, f->options_len);
    put_be32(h, 6u << 28 | (uint32_t)f->tos << 20 | (be32(f->label) & 0xfffff));
    h->payload_len = be16(payload > 0xffff ? 0 : payload);
    h->nexthdr = f->options_len ? f->options_nh : f->protocol;
    h->hop_limit = f->ttl || f->flags & FLOW_TTL0 ? f->ttl : netif_of(d->dev)->hop_limit;
    memcpy(&h->saddr, &d->src, 16);
    memcpy(&h->daddr, &f->dst, 16);
}

int ip_output(struct pktbuf *p, const struct flow *f, struct dst *d)
{
    bool v4 = inaddr_is_v4(&f->dst);
    struct ip_stats *s = &ip_stats[!v4];
    uint32_t len = p->total + ip_header_len(f);
    int err = dst_check(d, f);

    s->out_requests++;
    if (unlikely(err)) {
        s->out_no_routes++;
        pktbuf_free(p);
        return err;
    }
    p->transport = p->data - p->head;
    p->protocol = v4 ? ETH_P_IP : ETH_P_IPV6;
    if (unlikely(len > d->mtu && p->gso == GSO_NONE)) {
        if (f->flags & FLOW_NOFRAG) {
            pktbuf_free(p);
            return -EMSGSIZE;
        }
        return ip_fragment(p, f, d, next_id(f));
    }
    if (v4)
        fill_v4(p, f, d);
    else
        fill_v6(p, f, d);
    p->network = p->data - p->head;
    return ip_send_packet(p, d, f);
}

void ip_fixed_make(struct ip_fixed *x, const struct flow *f, const struct dst *d)
{
    x->generation = 0;
    if (!inaddr_is_v4(&f->dst) || !(f->flags & FLOW_DF) || f->options_len || !dst_valid(d) ||
        (d->kind != KIND_REMOTE && d->kind != KIND_LOCAL) || ip_kind(&d->src, 0) != KIND_LOCAL)
        return;
    put_v4((struct iphdr *)x->words, f, d);
    x->sum = checksum_20(x->words);
    x->generation = d->generation;
}

int ip_output_fixed(struct pktbuf *p, const struct ip_fixed *x, const struct flow *f, struct dst *d)
{
    struct iphdr *h;

    if (unlikely(p->total + sizeof(*h) > d->mtu && p->gso == GSO_NONE))
        return ip_output(p, f, d);
    ip_stats[0].out_requests++;
    p->transport = p->data - p->head;
    p->protocol = ETH_P_IP;
    h = pktbuf_push(p, sizeof(*h));
    __builtin_memcpy(h, x->words, sizeof(*h));
    h->tot_len = be16(p->total);
    h->check = checksum_finish(x->sum + h->tot_len);
    p->network = p->data - p->head;
    return send_packet(p, d, f);
}
