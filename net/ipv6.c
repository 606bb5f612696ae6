/* SPDX-License-Identifier: BSD-2-Clause */
/* ipv6.c: IPv6 packets in (RFC 8200), with their extension headers. */
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/netif.h"
#include <linux/if_packet.h>
#include <linux/ipv6.h>

#define MAX_EXTENSIONS 8

enum { NH_HOP = 0, NH_ROUTING = 43, NH_FRAGMENT = 44, NH_NONE = 59, NH_DEST = 60 };

static bool for_us(const struct pktbuf *p, struct ip_rx *r)
{
    struct ifaddr *a = addr_find(&r->dst, 0);

    if (a) {
        r->kind = KIND_LOCAL;
        /* A tentative address takes nothing but what Neighbour Discovery looks at itself, which comes to its group. */
        return addr_usable(a) && p->link_type == PACKET_HOST &&
               (!inaddr_is_linklocal6(&r->dst) || a->netif->dev == p->dev || p->dev == loopback_dev);
    }
    r->kind = ip_kind(&r->dst, 0);
    ip_stats[1].in_mcasts += r->kind == KIND_MULTICAST;
    return r->kind == KIND_MULTICAST && group_member(p->dev, &r->dst); /* sockets look at the source */
}

static bool martian(const struct ip_rx *r)
{
    return inaddr_is_loopback(&r->src) || inaddr_is_loopback(&r->dst) || inaddr_is_v4(&r->src) ||
           inaddr_is_v4(&r->dst);
}

enum options { OPTIONS_OK, OPTIONS_DROP, OPTIONS_TELL };

/* The options of a hop-by-hop or destination header: unknown ones say by their number what to do (§4.2). */
static enum options check_options(const uint8_t *o, unsigned len, bool multicast)
{
    while (len) {
        unsigned size;

        if (*o == 0) {
            o++;
            len--;
            continue;
        }
        if (len < 2 || o[1] + 2u > len)
            return OPTIONS_DROP;
        size = o[1] + 2;
        if (*o != 1 && *o != 5) /* padding, router alert */
            switch (*o >> 6) {
            case 0:
                break;
            case 2:
                return OPTIONS_TELL;
            case 3:
                return multicast ? OPTIONS_DROP : OPTIONS_TELL;
            default:
                return OPTIONS_DROP;
            }
        len -= size;
        o += size;
    }
    return OPTIONS_OK;
}

static void back_to_header(struct pktbuf *p)
{
    pktbuf_push(p, p->data - (p->head + p->network));
}

/* A parameter problem at that offset of the packet, which is dropped. */
static void __cold complain(struct pktbuf *p, uint8_t code, uint32_t at)
{
    back_to_header(p);
    icmp_send(p, ICMPV6_PARAMPROB, code, at);
    ip_stats[1].in_hdr_errors++;
    pktbuf_free(p);
}

static void __cold drop_bad(struct pktbuf *p)
{
    ip_stats[1].in_hdr_errors++;
    pktbuf_free(p);
}

/* The fragment header at data. NULL: taken. */
static struct pktbuf *fragment(struct pktbuf *p, struct ip_rx *r)
{
    uint16_t off;
    uint32_t id;

    if (!pktbuf_pull_linear(p, 8)) {
        drop_bad(p);
        return NULL;
    }
    r->protocol = p->data[0];
    off = get_be16(p->data + 2);
    id = get_be32(p->data + 4);
    if (off & 1 && (p->total - 8) % 8) { /* §4.5 */
        complain(p, ICMPV6_HDR_FIELD, 4);
        return NULL;
    }
    pktbuf_pull(p, 8);
    if (!(off & 0xfff9)) /* an atomic fragment (RFC 6946) */
        return p;
    return reass_add(p, &r->src, &r->dst, id, r->protocol, off & 0xfff8, off & 1);
}

/* One extension header, r->protocol's. NULL: taken, or dropped. */
static struct pktbuf *extension(struct pktbuf *p, struct ip_rx *r)
{
    unsigned size, at = p->data - (p->head + p->network);
    enum options o;

    if (r->protocol == NH_FRAGMENT)
        return fragment(p, r);
    if (!pktbuf_pull_linear(p, 8) || !pktbuf_pull_linear(p, size = (p->data[1] + 1) * 8)) {
        drop_bad(p);
        return NULL;
    }
    if (r->protocol == NH_ROUTING) {
        if (p->data[3]) { /* segments left: we route nothing */
            complain(p, ICMPV6_HDR_FIELD, at + 2);
            return NULL;
        }
    } else {
        o = check_options(p->data + 2, size - 2, r->kind == KIND_MULTICAST);
        if (o == OPTIONS_TELL) {
            complain(p, ICMPV6_UNK_OPTION, at + 2);
            return NULL;
        }
        if (o == OPTIONS_DROP) {
            drop_bad(p);
            return NULL;
        }
    }
    r->protocol = p->data[0];
    pktbuf_pull(p, size);
    return p;
}

static void extensions(struct pktbuf *p, struct ip_rx *r)
{
    for (unsigned n = 0; p && n < MAX_EXTENSIONS; n++) {
        switch (r->protocol) {
        case NH_HOP:
            if (n) { /* §4.1: only right behind the header */
                complain(p, ICMPV6_UNK_NEXTHDR, p->data - (p->head + p->network));
                return;
            }
            /* fall through */
        case NH_ROUTING:
        case NH_FRAGMENT:
        case NH_DEST:
            p = extension(p, r);
            continue;
        case NH_NONE:
            pktbuf_free(p);
            return;
        }
        p->transport = p->data - p->head;
        ip_deliver(p, r);
        return;
    }
    if (p)
        drop_bad(p);
}

void ipv6_receive(struct pktbuf *p)
{
    bool loop = p->dev->features & NETDEV_LOOP || p->flags & PKTBUF_LOOP;
    struct ip_stats *s = &ip_stats[1];
    const struct ipv6hdr *h;
    struct ip_rx r;
    uint32_t first, len;

    s->in_receives++;
    if (unlikely(!pktbuf_pull_linear(p, sizeof(*h))))
        goto bad;
    h = (const struct ipv6hdr *)p->data;
    first = get_be32(h);
    len = sizeof(*h) + be16(h->payload_len);
    if (h->payload_len == 0 && p->gso) /* coalesced or not yet segmented beyond 64 KiB */
        len = p->total;
    if (unlikely(first >> 28 != 6 || len > p->total))
        goto bad;
    if (unlikely(len < p->total))
        pktbuf_trim(p, len);
    memcpy(&r.src, &h->saddr, 16);
    memcpy(&r.dst, &h->daddr, 16);
    r.dev = p->dev;
    r.protocol = h->nexthdr;
    r.tos = first >> 20;
    r.ttl = h->hop_limit;
    r.label = be32(first & 0xfffff);
    if (unlikely(!for_us(p, &r) || inaddr_is_multicast(&r.src) || (!loop && martian(&r)))) {
        s->in_addr_errors++;
        pktbuf_free(p);
        return;
    }
    pktbuf_pull(p, sizeof(*h));
    if (likely(r.protocol == IPPROTO_TCP || r.protocol == IPPROTO_UDP)) {
        p->transport = p->data - p->head;
        ip_deliver(p, &r);
        return;
    }
    extensions(p, &r);
    return;
bad:
    drop_bad(p);
}
