/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_rx.c: packets from a virtio network device.
 *
 * While a packet is at most a frame, buffers are packet buffers that go up as they are. Where the device may coalesce or
 * frames are large, buffers are pages: what is short is copied out and its page posted again, of what is long the headers are.
 */
#include "abi/errno.h"
#include "drivers/virtio/net.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "lib/atomic.h"
#include "lib/string.h"

#define COPY_ALL  256 /* bytes that are cheaper copied than their page replaced */
#define COPY_HEAD 128 /* headers of what is longer */
#define RETRY_NS  (20 * NSEC_PER_MS)
#define IP_AT     32u /* where IP headers stand: aligned, with room for the headers before */

/* ---- buffers ---- */

static int post(struct vnet_pair *p, void *token, void *buf, uint32_t len)
{
    struct vnet *v = p->net;
    int err = virtq_open(p->rx, v->any_layout ? 1 : 2);

    if (err)
        return err;
    if (v->any_layout) {
        virtq_push(p->rx, virt_phys(buf), len, true);
    } else {
        virtq_push(p->rx, virt_phys(buf), v->hdr_len, true);
        virtq_push(p->rx, virt_phys(buf) + v->hdr_len, len - v->hdr_len, true);
    }
    virtq_close(p->rx, token);
    return 0;
}

static int post_new(struct vnet_pair *p)
{
    struct vnet *v = p->net;
    int err;

    if (v->rx_pages) {
        struct page *page = page_alloc(PAGE_ATOMIC);

        if (!page)
            return -ENOMEM;
        err = post(p, page, page_virt(page), PAGE_SIZE);
        if (err)
            page_put(page);
        return err;
    }
    struct pktbuf *b = pktbuf_alloc(IP_AT - ETH_HLEN - v->hdr_len, v->rx_pkt_bytes);

    if (!b)
        return -ENOMEM;
    err = post(p, b, b->data, v->rx_pkt_bytes);
    if (err)
        pktbuf_free(b);
    return err;
}

static void retry(struct timer *t)
{
    struct vnet_pair *p = container_of(t, struct vnet_pair, rx_retry);

    netdev_raise(p->queue);
}

void vnet_rx_init(struct vnet_pair *p)
{
    timer_init(&p->rx_retry, retry);
}

void vnet_rx_fill(struct vnet_pair *p)
{
    int err = 0;

    while (p->rx->in_flight < p->rx_target && !err)
        err = post_new(p);
    virtq_kick(p->rx);
    /* Without any buffer no packet comes, and so nothing that would fill the ring again. */
    if (!p->rx->in_flight && err == -ENOMEM)
        timer_arm(&p->rx_retry, clock_mono_ns() + RETRY_NS);
}

static void release(struct vnet_pair *p, void *token)
{
    if (p->net->rx_pages)
        page_put(token);
    else
        pktbuf_free(token);
}

/* ---- packets ---- */

/* What the header says of checksum and segments, if it can be. False: it cannot. */
static bool take_header(struct vnet *v, struct pktbuf *b, const struct virtio_net_hdr *h)
{
    uint8_t type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        /* It never was on a wire: the field holds the sum of the pseudo-header only, which nobody looks at. */
        if ((uint32_t)h->csum_start + h->csum_offset + 2 > b->total)
            return false;
        b->csum = CSUM_VALID;
    } else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        b->csum = CSUM_VALID;
    }
    if (!(v->dev.features & NETDEV_RX_CSUM))
        b->csum = CSUM_NONE;
    if (type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if (!(v->dev.features & NETDEV_LRO) || !h->gso_size || !b->csum)
        return false;
    if (type == VIRTIO_NET_HDR_GSO_TCPV4)
        b->gso = GSO_TCPV4;
    else if (type == VIRTIO_NET_HDR_GSO_TCPV6)
        b->gso = GSO_TCPV6;
    else if (type == VIRTIO_NET_HDR_GSO_UDP_L4)
        b->gso = GSO_UDP;
    else
        return false;
    b->gso_size = h->gso_size;
    b->gso_segs = MIN(b->total / h->gso_size + 1, (uint32_t)UINT16_MAX);
    if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN)
        b->flags |= PKTBUF_ECN_CE;
    return true;
}

static void up(struct vnet_pair *p, struct pktbuf *b, const struct virtio_net_hdr *h)
{
    b->dev = &p->net->dev;
    b->queue = p->queue->index;
    if (unlikely(!take_header(p->net, b, h))) {
        p->queue->stats.rx_errors++;
        pktbuf_free(b);
        return;
    }
    netdev_receive(b);
}

static inline struct virtio_net_hdr get_header(const struct vnet *v, const void *data)
{
    struct virtio_net_hdr h;

    __builtin_memcpy(&h, data, sizeof(h));
    if (unlikely(v->hdr_len < sizeof(h)))
        h.num_buffers = 0; /* the packet's */
    return h;
}

static void receive_pktbuf(struct vnet_pair *p, struct pktbuf *b, uint32_t len)
{
    struct vnet *v = p->net;
    struct virtio_net_hdr h = get_header(v, b->data);

    /* Each buffer holds the largest frame: a packet in several is none that we agreed to. */
    if (unlikely(len < v->hdr_len + ETH_HLEN || (v->mergeable && h.num_buffers != 1))) {
        p->queue->stats.rx_errors++;
        pktbuf_free(b);
        for (unsigned n = 1; v->mergeable && n < h.num_buffers && (b = virtq_get(p->rx, NULL)); n++)
            pktbuf_free(b);
        return;
    }
    pktbuf_put(b, len);
    pktbuf_pull(b, v->hdr_len);
    up(p, b, &h);
}

/* The rest of a packet in several buffers. False: it does not fit, or they are not there; what there was is gone. */
static bool take_more(struct vnet_pair *p, struct pktbuf *b, unsigned nr)
{
    bool ok = true;
    struct page *page;
    uint32_t len;

    for (; nr; nr--) {
        page = virtq_get(p->rx, &len);
        if (!page)
            return false;
        if (!len || b->nr_frags == PKTBUF_MAX_FRAGS) {
            page_put(page);
            ok = false;
            continue;
        }
        pktbuf_add_frag(b, page, 0, len);
    }
    return ok;
}

static void receive_page(struct vnet_pair *p, struct page *page, uint32_t len)
{
    struct vnet *v = p->net;
    uint8_t *data = page_virt(page);
    struct virtio_net_hdr h = get_header(v, data);
    unsigned more = 0;
    struct pktbuf *b;
    uint32_t n;

    if (v->mergeable)
        more = h.num_buffers - 1u;
    if (unlikely(len < v->hdr_len + ETH_HLEN || more > PKTBUF_MAX_FRAGS))
        goto bad;
    data += v->hdr_len;
    len -= v->hdr_len;
    n = len <= COPY_ALL ? len : COPY_HEAD;
    b = pktbuf_alloc(IP_AT - ETH_HLEN, n);
    if (unlikely(!b)) {
        p->queue->stats.rx_dropped++;
        goto drop;
    }
    memcpy(pktbuf_put(b, n), data, n);
    if (n < len)
        pktbuf_add_frag(b, page, v->hdr_len + n, len - n);
    else if (post(p, page, page_virt(page), PAGE_SIZE))
        page_put(page);
    if (unlikely(more && !take_more(p, b, more))) {
        p->queue->stats.rx_errors++;
        pktbuf_free(b);
        return;
    }
    up(p, b, &h);
    return;
bad:
    p->queue->stats.rx_errors++;
drop:
    page_put(page);
    for (unsigned i = 0; i < more && i < p->rx->num && (page = virtq_get(p->rx, NULL)); i++)
        page_put(page);
}

unsigned vnet_poll(struct netdev_queue *q, unsigned budget)
{
    struct vnet_pair *p = vnet_pair(q);
    struct vnet *v = p->net;
    unsigned n = 0;
    uint32_t len;
    void *token;

    if (unlikely(v->failed))
        return 0;
    vnet_tx_reclaim(q);
    do {
        while (n < budget && (token = virtq_get(p->rx, &len))) {
            if (v->rx_pages)
                receive_page(p, token, len);
            else
                receive_pktbuf(p, token, len);
            n++;
        }
        vnet_rx_fill(p);
    } while (n < budget && !p->rx->broken && !virtq_irq_on(p->rx));
    if (unlikely(p->rx->broken || p->tx->broken)) {
        vnet_fail(v);
        while ((token = virtq_detach(p->rx)))
            release(p, token);
        return 0;
    }
    return n;
}

void vnet_rx_interrupt(struct virtq *vq)
{
    struct vnet *v = vq->dev->driver;

    virtq_irq_off(vq);
    netdev_raise(v->pairs[vq->index / 2].queue);
}
