/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gso.c: one large packet becomes segments: for devices that do not segment, and for sockets that want datagrams one by one.
 * Linear bytes are copied, pages shared.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/ip.h"
#include "net/link.h"
#include <linux/tcp.h>
#include <linux/udp.h>

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

struct gso {
    struct pktbuf *p;
    uint32_t net, transport, hlen; /* offsets from data, and where the payload begins */
    bool v6, tcp;
};

/* Bytes [off, off + n) of p onto the end of q: linear ones copied, pages shared. */
static bool append(struct pktbuf *q, const struct pktbuf *p, uint32_t off, uint32_t n)
{
    if (off < p->len) {
        uint32_t part = MIN(n, p->len - off);

        memcpy(pktbuf_put(q, part), p->data + off, part);
        n -= part;
        off += part;
    }
    off -= p->len;
    for (unsigned i = 0; n; i++) {
        const struct pktfrag *f = &p->frags[i];

        if (off < f->len) {
            uint32_t part = MIN(n, f->len - off);

            if (q->nr_frags == PKTBUF_MAX_FRAGS)
                return false;
            page_get(f->page);
            pktbuf_add_frag(q, f->page, f->off + off, part);
            n -= part;
            off += part;
        }
        off -= f->len;
    }
    return true;
}

static void addresses(const struct gso *g, const uint8_t *ip, struct inaddr *src, struct inaddr *dst)
{
    uint32_t a;

    if (g->v6) {
        memcpy(src, ip + 8, 16);
        memcpy(dst, ip + 24, 16);
        return;
    }
    memcpy(&a, ip + 12, 4);
    *src = inaddr_v4(a);
    memcpy(&a, ip + 16, 4);
    *dst = inaddr_v4(a);
}

/* The headers of segment number n, payload bytes from off on; last: nothing follows. */
static void fix_headers(const struct gso *g, struct pktbuf *q, unsigned n, uint32_t off, bool last)
{
    uint8_t *ip = q->data + g->net, *th = q->data + g->transport;
    uint32_t len = q->total - g->transport;
    struct inaddr src, dst;
    uint16_t sum;

    if (g->v6) {
        put_be16(ip + 4, q->total - g->net - 40);
    } else {
        put_be16(ip + 2, q->total - g->net);
        put_be16(ip + 4, get_be16(ip + 4) + n);
        put_be16(ip + 10, 0);
        sum = checksum_finish(checksum_add(ip, (ip[0] & 15) * 4, 0));
        memcpy(ip + 10, &sum, 2);
    }
    if (g->tcp) {
        put_be32(th + 4, get_be32(th + 4) + off);
        if (!last)
            th[13] &= ~(TCP_FIN | TCP_PSH);
        if (n)
            th[13] &= ~TCP_CWR;
    } else {
        put_be16(th + 4, len);
    }
    if (g->p->csum != CSUM_PARTIAL)
        return;
    addresses(g, ip, &src, &dst);
    sum = ip_pseudo_sum(&src, &dst, g->tcp ? IPPROTO_TCP : IPPROTO_UDP, len);
    memcpy(th + (g->tcp ? 16 : 6), &sum, 2);
    q->csum = CSUM_PARTIAL;
    q->csum_start = th - q->head;
    q->csum_offset = g->tcp ? 16 : 6;
}

static struct pktbuf *segment(const struct gso *g, unsigned n, uint32_t off, uint32_t len)
{
    const struct pktbuf *p = g->p;
    uint32_t at = g->hlen + off, linear = at < p->len ? MIN(len, p->len - at) : 0;
    struct pktbuf *q = pktbuf_alloc(PKTBUF_HEADROOM, g->hlen + linear);

    if (!q)
        return NULL;
    memcpy(pktbuf_put(q, g->hlen), p->data, g->hlen);
    if (!append(q, p, at, len)) {
        pktbuf_free(q);
        return NULL;
    }
    if (unlikely(p->flags & PKTBUF_OWNED))
        pktbuf_own(q, p->owner);
    q->dev = p->dev;
    q->queue = p->queue;
    q->hash = p->hash;
    q->time_ns = p->time_ns;
    q->protocol = p->protocol;
    q->link_type = p->link_type;
    q->csum = p->csum == CSUM_PARTIAL ? CSUM_NONE : p->csum;
    q->link = q->data - q->head;
    q->network = q->link + g->net;
    q->transport = q->link + g->transport;
    fix_headers(g, q, n, off, at + len >= p->total);
    return q;
}

/* The headers are where the packet says, and linear. */
static bool look(struct gso *g, struct pktbuf *p)
{
    uint32_t start = p->data - p->head;

    if (p->network < start || p->transport < p->network || !p->gso_size)
        return false;
    g->p = p;
    g->net = p->network - start;
    g->transport = p->transport - start;
    g->tcp = p->gso != GSO_UDP;
    if (!pktbuf_pull_linear(p, g->transport + (g->tcp ? 20 : 8)))
        return false;
    g->v6 = p->data[g->net] >> 4 == 6;
    g->hlen = g->transport + (g->tcp ? (p->data[g->transport + 12] >> 4) * 4 : 8);
    return g->transport - g->net >= (g->v6 ? 40 : 20) && pktbuf_pull_linear(p, g->hlen) && g->hlen < 256;
}

bool gso_segment(struct pktbuf *p, struct pktqueue *out)
{
    struct pktbuf *q;
    struct gso g;

    pktqueue_init(out);
    if (!look(&g, p))
        goto fail;
    for (uint32_t off = 0, n = 0; off < p->total - g.hlen; off += p->gso_size, n++) {
        q = segment(&g, n, off, MIN((uint32_t)p->gso_size, p->total - g.hlen - off));
        if (!q)
            goto fail;
        pktqueue_append(out, q);
    }
    pktbuf_free(p);
    return true;
fail:
    while ((q = pktqueue_take(out)))
        pktbuf_free(q);
    pktbuf_free(p);
    return false;
}
