/* SPDX-License-Identifier: BSD-2-Clause */
/* mld.c: Multicast Listener Discovery version 2 (RFC 9777), and the words of version 1 for older routers. */
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/mcast.h"

#define MLD_LEN   24 /* ICMPv6 header and group */
#define QUERY_LEN 28 /* of version 2, without sources */
#define REPORT_V2 143

/* Hop-by-hop options: router alert for MLD (RFC 2711), padding; the first byte names what follows. */
static const uint8_t hop_by_hop[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
static const struct inaddr all_routers = { .b = { 0xff, 2, [15] = 2 } };
static const struct inaddr all_mld2_routers = { .b = { 0xff, 2, [15] = 22 } };

/* data at the ICMPv6 header, whose checksum is 0. Takes p. */
static void transmit(struct netdev *d, struct pktbuf *p, const struct inaddr *to)
{
    struct flow f = { .dst = *to,
                      .dev = d->index,
                      .protocol = IPPROTO_ICMPV6,
                      .ttl = 1,
                      .flags = FLOW_NOLOOP,
                      .options = hop_by_hop,
                      .options_len = sizeof(hop_by_hop),
                      .options_nh = IPPROTO_HOPOPTS };
    struct dst dst = { 0 };
    uint16_t check;

    if (dst_lookup(&dst, &f)) {
        pktbuf_free(p);
        return;
    }
    check = ~pktbuf_checksum(p, 0, p->len, ip_pseudo_sum(&dst.src, to, IPPROTO_ICMPV6, p->len));
    memcpy(p->data + 2, &check, 2);
    icmp_count_out(true, p->data[0]);
    ip_output(p, &f, &dst);
    dst_release(&dst);
}

void mld_report(struct netdev *d, const struct inaddr *group, bool leave)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, MLD_LEN);
    uint8_t *h;

    if (!p)
        return;
    h = pktbuf_put(p, MLD_LEN);
    memset(h, 0, 8);
    h[0] = leave ? ICMPV6_MGM_REDUCTION : ICMPV6_MGM_REPORT;
    memcpy(h + 8, group, 16);
    transmit(d, p, leave ? &all_routers : group);
}

void mld_send_report(struct netdev *d, struct pktbuf *p)
{
    p->data[0] = REPORT_V2;
    transmit(d, p, &all_mld2_routers);
}

void mcast_query6(struct pktbuf *p, const struct ip_rx *r)
{
    struct mc_query q = { .version = 3 };

    if (!pktbuf_pull_linear(p, MLD_LEN) || !inaddr_is_linklocal6(&r->src) || !r->dev->net ||
        r->dev->features & NETDEV_LOOP)
        return;
    memcpy(&q.group, p->data + 8, 16);
    if (p->total < QUERY_LEN) {
        q.version = 2;
        q.max_ns = get_be16(p->data + 4) * NSEC_PER_MS;
    } else if (pktbuf_pull_linear(p, QUERY_LEN)) {
        q.max_ns = mcast_float(get_be16(p->data + 4), 32768, 12) * NSEC_PER_MS;
        q.robustness = p->data[24] & 7;
        q.nr = get_be16(p->data + 26);
        if (q.nr > (p->total - QUERY_LEN) / 16 || !pktbuf_pull_linear(p, QUERY_LEN + q.nr * 16))
            return;
        q.src = p->data + QUERY_LEN;
    } else {
        return;
    }
    mcast_query(r->dev, true, &q);
}
