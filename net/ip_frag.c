/* SPDX-License-Identifier: BSD-2-Clause */
/* ip_frag.c: a datagram that is larger than the path's MTU leaves in fragments; their bytes are copied, as this is rare. */
#include "net/ip_frag.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/ip_input.h"
#include "net/netif.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#define MORE_FRAGMENTS   0x2000
#define NEXTHDR_FRAGMENT 44

struct frag_hdr6 {
    uint8_t next, reserved;
    uint16_t off; /* in eights, shifted by three; bit 0: more */
    uint32_t id;
};

static void header_v4(struct pktbuf *q, const struct flow *f, const struct dst *d, uint32_t id, uint32_t off,
                      bool more)
{
    /* RFC 791: options that are not marked to be copied are in the first fragment only; ours go into each, as no router
     * acts on those we let be set */
    struct iphdr *h = pktbuf_push(q, sizeof(*h) + f->options_len);

    *(uint16_t *)h = be16(0x4000 | (5 + f->options_len / 4) << 8 | f->tos);
    h->tot_len = be16(q->total);
    h->id = id;
    h->frag_off = be16(off / 8 | (more ? MORE_FRAGMENTS : 0));
    h->ttl = f->ttl || f->flags & FLOW_TTL0 ? f->ttl : 64;
    h->protocol = f->protocol;
    h->saddr = d->src.w[3];
    h->daddr = f->dst.w[3];
    if (f->options_len)
        memcpy(h + 1, f->options, f->options_len);
    h->check = 0;
    h->check = checksum_finish(checksum_add(h, sizeof(*h) + f->options_len, 0));
}

static void header_v6(struct pktbuf *q, const struct flow *f, const struct dst *d, uint32_t id, uint32_t off,
                      bool more)
{
    struct frag_hdr6 *fh = pktbuf_push(q, sizeof(*fh));
    struct ipv6hdr *h;

    fh->next = f->protocol;
    fh->reserved = 0;
    fh->off = be16(off | more);
    fh->id = id;
    h = pktbuf_push(q, sizeof(*h));
    put_be32(h, 6u << 28 | (uint32_t)f->tos << 20 | (be32(f->label) & 0xfffff));
    h->payload_len = be16(q->total - sizeof(*h));
    h->nexthdr = NEXTHDR_FRAGMENT;
    h->hop_limit = f->ttl || f->flags & FLOW_TTL0 ? f->ttl : netif_of(d->dev)->hop_limit;
    memcpy(&h->saddr, &d->src, 16);
    memcpy(&h->daddr, &f->dst, 16);
}

int ip_fragment(struct pktbuf *p, const struct flow *f, struct dst *d, uint32_t id)
{
    bool v4 = inaddr_is_v4(&f->dst);
    struct ip_stats *s = &ip_stats[!v4];
    uint32_t hlen = (v4 ? 20 + f->options_len : 48), room, off = 0;
    int err = 0;

    /* The checksum is of the whole. */
    pktbuf_checksum_finish(p);
    if (p->total > 0xffff - hlen || (!v4 && f->options_len) || d->mtu < hlen + 8) {
        err = -EMSGSIZE;
        goto out;
    }
    room = (d->mtu - hlen) & ~7u;
    while (off < p->total && !err) {
        uint32_t n = MIN(room, p->total - off);
        struct pktbuf *q = pktbuf_alloc(PKTBUF_HEADROOM, n);

        if (!q) {
            err = -ENOBUFS;
            break;
        }
        pktbuf_copy_out(p, off, pktbuf_put(q, n), n);
        q->protocol = v4 ? ETH_P_IP : ETH_P_IPV6;
        q->transport = q->data - q->head;
        if (v4)
            header_v4(q, f, d, id, off, off + n < p->total);
        else
            header_v6(q, f, d, id, off, off + n < p->total);
        q->network = q->data - q->head;
        off += n;
        s->frag_creates++;
        err = ip_send_packet(q, d, f);
    }
out:
    err ? s->frag_fails++ : s->frag_oks++;
    pktbuf_free(p);
    return err;
}
