/* SPDX-License-Identifier: BSD-2-Clause */
/* ipv4.c: IPv4 packets in (RFC 791, 1122). */
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/netif.h"
#include <linux/if_packet.h>
#include <linux/ip.h>

#define MORE_FRAGMENTS 0x2000
#define OFFSET_MASK    0x1fff

#define OPT_END  0
#define OPT_NOP  1
#define OPT_LSRR 131
#define OPT_SSRR 137

/* Options are well formed, and none routes by the source: nobody honest does that, and Linux refuses it by default. */
static bool options_ok(const uint8_t *o, unsigned len)
{
    while (len) {
        if (*o == OPT_END)
            return true;
        if (*o == OPT_NOP) {
            o++;
            len--;
            continue;
        }
        if (len < 2 || o[1] < 2 || o[1] > len || *o == OPT_LSRR || *o == OPT_SSRR)
            return false;
        len -= o[1];
        o += o[1];
    }
    return true;
}

/* Addresses that cannot be in a packet from a link. */
static bool martian(const struct ip_rx *r)
{
    return inaddr_is_multicast(&r->src) || inaddr_is_broadcast4(&r->src) || inaddr_is_loopback(&r->src) ||
           inaddr_is_loopback(&r->dst) || (inaddr_is_any(&r->src) && r->kind == KIND_LOCAL);
}

static bool for_us(const struct pktbuf *p, struct ip_rx *r)
{
    r->kind = ip_kind(&r->dst, 0);
    switch (r->kind) {
    case KIND_LOCAL:
        return p->link_type == PACKET_HOST; /* RFC 1122 §3.3.6: not what came to all */
    case KIND_BROADCAST:
        ip_stats[0].in_bcasts++;
        return true;
    case KIND_MULTICAST:
        ip_stats[0].in_mcasts++;
        return r->protocol == IPPROTO_IGMP ? group_member(p->dev, &r->dst)
                                           : group_accepts(p->dev, &r->dst, &r->src);
    default:
        return false;
    }
}

/* Most packets belong to a connection, which saves asking whose the addresses are. */
static inline bool early(struct pktbuf *p, struct ip_rx *r, unsigned hlen)
{
    const struct ip_protocol *proto = ip_protocol_find(r->protocol);

    if (unlikely(!proto || !proto->early || raw_input))
        return false;
    r->kind = KIND_LOCAL;
    pktbuf_pull(p, hlen);
    p->transport = p->data - p->head;
    if (likely(proto->early(p, r))) {
        ip_stats[0].in_delivers++;
        return true;
    }
    pktbuf_push(p, hlen);
    return false;
}

void ipv4_receive(struct pktbuf *p)
{
    bool loop = p->dev->features & NETDEV_LOOP || p->flags & PKTBUF_LOOP;
    struct ip_stats *s = &ip_stats[0];
    const struct iphdr *h;
    struct ip_rx r;
    unsigned hlen, total, frag;

    s->in_receives++;
    if (unlikely(!pktbuf_pull_linear(p, sizeof(*h))))
        goto bad;
    h = (const struct iphdr *)p->data;
    hlen = h->ihl * 4;
    total = be16(h->tot_len);
    if (unlikely(h->version != 4 || hlen < sizeof(*h) || total < hlen || total > p->total))
        goto bad;
    if (unlikely(hlen > sizeof(*h))) {
        if (!pktbuf_pull_linear(p, hlen))
            goto bad;
        h = (const struct iphdr *)p->data;
        if (!options_ok((const uint8_t *)(h + 1), hlen - sizeof(*h)))
            goto bad;
    }
    if (unlikely(!loop && (likely(hlen == sizeof(*h)) ? checksum_20(h) : checksum_add(h, hlen, 0)) != 0xffff))
        goto bad;
    if (unlikely(total < p->total)) /* Ethernet's padding */
        pktbuf_trim(p, total);
    r.src = inaddr_v4(h->saddr);
    r.dst = inaddr_v4(h->daddr);
    r.dev = p->dev;
    r.protocol = h->protocol;
    r.tos = h->tos;
    r.ttl = h->ttl;
    r.label = 0;
    frag = be16(h->frag_off) & (MORE_FRAGMENTS | OFFSET_MASK);
    if (likely(!frag && p->link_type == PACKET_HOST) && early(p, &r, hlen))
        return;
    if (unlikely(!for_us(p, &r) || (!loop && martian(&r)))) {
        s->in_addr_errors++;
        goto drop;
    }
    pktbuf_pull(p, hlen);
    if (unlikely(frag)) {
        p = reass_add(p, &r.src, &r.dst, h->id, h->protocol, (frag & OFFSET_MASK) * 8, frag & MORE_FRAGMENTS);
        if (!p)
            return;
    }
    p->transport = p->data - p->head;
    ip_deliver(p, &r);
    return;
bad:
    s->in_hdr_errors++;
drop:
    pktbuf_free(p);
}
