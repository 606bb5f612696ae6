/* SPDX-License-Identifier: BSD-2-Clause */
/* path.c: between TCP and IP: routes, segment sizes, the way out of a packet; segments that belong to no socket. */
#include "net/tcp/tcp_sock.h"

#define MAX_PACKET 65535u

static uint32_t path_mtu(const struct tcp_sock *t)
{
    return inaddr_is_v4(&t->e.remote) ? MIN(t->dst.mtu, MAX_PACKET) : t->dst.mtu;
}

int tcp_path_find(struct tcp_sock *t, bool choose_source)
{
    struct flow *f = &t->flow;
    int err;

    *f = (struct flow){
        .src = t->e.local, .dst = t->e.remote, .dev = t->sock.bound_dev, .protocol = IPPROTO_TCP
    };
    inet_flow_opts(f, &t->sock, &t->opts);
    t->fixed.generation = 0;
    err = dst_lookup(&t->dst, f);
    if (err)
        return err;
    if (t->dst.kind == KIND_BROADCAST || t->dst.kind == KIND_MULTICAST)
        return -ENETUNREACH;
    if (choose_source && inaddr_is_any(&t->e.local))
        f->src = t->e.local = t->dst.src;
    t->mtu = path_mtu(t);
    return 0;
}

/* What goes into the MSS option: the device's, not what options take. */
static uint32_t mss_of_mtu(const struct tcp_sock *t)
{
    uint32_t headers = ip_header_len(&t->flow) + sizeof(struct tcp_header);

    return t->mtu > headers + TCP_MIN_MSS ? MIN(t->mtu, MAX_PACKET) - headers : TCP_MIN_MSS;
}

uint16_t tcp_advertised_mss(const struct tcp_sock *t)
{
    uint32_t mss = mss_of_mtu(t);

    return t->mss_user ? MIN(mss, t->mss_user) : mss;
}

void tcp_path_mss(struct tcp_sock *t)
{
    uint32_t mss = mss_of_mtu(t), opts = t->ts_on ? 12 : 0, room;
    bool v4 = inaddr_is_v4(&t->e.remote);

    if (t->mss_peer)
        mss = MIN(mss, t->mss_peer);
    mss = MAX(mss, TCP_MIN_MSS) - opts;
    /* no segment larger than half of the largest window that the peer ever offered (RFC 9293 §3.8.6.2) */
    if (t->max_wnd && t->max_wnd / 2 < mss)
        mss = MAX(t->max_wnd > TCP_MIN_MSS * 2 ? t->max_wnd / 2 : t->max_wnd, TCP_MIN_MSS - 20);
    /* the congestion window stays as many segments */
    t->cwnd = MAX((uint64_t)t->cwnd / t->mss * mss, (uint64_t)mss);
    t->mss = mss;
    t->gso_max = mss;
    if (t->dst.dev && (t->dst.dev->features & (v4 ? NETDEV_TSO4 : NETDEV_TSO6)) &&
        (t->dst.dev->features & NETDEV_TX_CSUM)) {
        room = MIN(t->dst.dev->gso_max ? t->dst.dev->gso_max : MAX_PACKET, MAX_PACKET) - 40 - TCP_MAX_HEADER;
        room = MIN(room, 64u * 1024 - 256);
        t->gso_max = MAX(room / mss * mss, mss);
    }
}

struct pktbuf *tcp_packet(uint32_t header_len, uint32_t size)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM - header_len, header_len + size);

    if (p)
        p->transport = p->data - p->head;
    return p;
}

static __noinline int send_anew(struct tcp_sock *t, struct pktbuf *p, uint8_t ecn)
{
    if (unlikely(!dst_valid(&t->dst))) {
        int err = dst_lookup(&t->dst, &t->flow);

        if (err) {
            pktbuf_free(p);
            return err;
        }
        if (path_mtu(t) != t->mtu) { /* this one may still be too large: it is lost then, and sent again */
            t->mtu = path_mtu(t);
            tcp_path_mss(t);
        }
    }
    ip_checksum_partial(p, &t->e.local, &t->e.remote, IPPROTO_TCP, offsetof(struct tcp_header, check));
    t->flow.tos = (t->flow.tos & ~3) | ecn;
    if (!ecn) {
        ip_fixed_make(&t->fixed, &t->flow, &t->dst);
        t->pseudo = ip_pseudo_sum(&t->e.local, &t->e.remote, IPPROTO_TCP, 0);
    }
    return ip_output(p, &t->flow, &t->dst);
}

int tcp_path_send(struct tcp_sock *t, struct pktbuf *p, uint8_t ecn)
{
    struct tcp_header *h = (struct tcp_header *)p->data;

    t->segs_out += p->gso ? p->gso_segs : 1;
    TCP_COUNT(out_segs);
    if (unlikely(ecn || !ip_fixed_valid(&t->fixed)))
        return send_anew(t, p, ecn);
    h->check = checksum_fold(t->pseudo + be16(p->total));
    p->csum = CSUM_PARTIAL;
    p->csum_start = p->data - p->head;
    p->csum_offset = offsetof(struct tcp_header, check);
    return ip_output_fixed(p, &t->fixed, &t->flow, &t->dst);
}

/* ---- without a socket ---- */

void tcp_reply_send(const struct tcp_reply *r)
{
    struct pktbuf *p = tcp_packet(sizeof(struct tcp_header) + r->opts_len, 0);
    struct flow f = {
        .src = *r->from, .dst = *r->to, .protocol = IPPROTO_TCP, .tos = r->tos, .flags = FLOW_DF
    };
    struct tcp_header *h;
    struct dst d;

    if (!p)
        return;
    if (inaddr_is_linklocal6(r->to))
        f.dev = r->dev;
    memset(&d, 0, sizeof(d));
    if (dst_lookup(&d, &f)) {
        pktbuf_free(p);
        return;
    }
    h = pktbuf_put(p, sizeof(*h) + r->opts_len);
    h->sport = be16(r->sport);
    h->dport = be16(r->dport);
    h->seq = be32(r->seq);
    h->ack = be32(r->ack);
    h->doff = (sizeof(*h) + r->opts_len) << 2;
    h->flags = r->flags;
    h->window = be16(r->win);
    h->check = 0;
    h->urgent = 0;
    if (r->opts_len)
        memcpy(h + 1, r->opts, r->opts_len);
    ip_checksum_partial(p, r->from, r->to, IPPROTO_TCP, offsetof(struct tcp_header, check));
    TCP_COUNT(out_segs);
    ip_output(p, &f, &d);
    dst_release(&d);
}

/* RFC 9293 §3.10.7.1: what a segment for no connection gets. */
void tcp_reset_reply(const struct tcp_in *in, int dev)
{
    struct tcp_reply r = {
        .from = in->dst, .to = in->src, .sport = in->dport, .dport = in->sport, .dev = dev
    };

    if (in->flags & TH_RST)
        return;
    if (in->flags & TH_ACK) {
        r.seq = in->ack;
        r.flags = TH_RST;
    } else {
        r.ack = in->end;
        r.flags = TH_RST | TH_ACK;
    }
    TCP_COUNT(out_rsts);
    tcp_reply_send(&r);
}
