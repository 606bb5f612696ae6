/* SPDX-License-Identifier: BSD-2-Clause */
/* mld.c: Multicast Listener Discovery (RFC 2710), which routers of version 2 understand. */
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/mcast.h"

#define MLD_LEN 24 /* ICMPv6 header and group */

/* Hop-by-hop options: router alert for MLD (RFC 2711), padding; the first byte names what follows. */
static const uint8_t hop_by_hop[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
static const struct inaddr all_routers = { .b = { 0xff, 2, [15] = 2 } };

void mld_report(struct netdev *d, const struct inaddr *group, bool leave)
{
    struct flow f = { .dst = leave ? all_routers : *group,
                      .dev = d->index,
                      .protocol = IPPROTO_ICMPV6,
                      .ttl = 1,
                      .flags = FLOW_NOLOOP,
                      .options = hop_by_hop,
                      .options_len = sizeof(hop_by_hop),
                      .options_nh = IPPROTO_HOPOPTS };
    struct pktbuf *p;
    struct dst dst = { 0 };
    uint16_t check;
    uint8_t *h;

    if ((group->b[1] & 15) <= 1 || dst_lookup(&dst, &f))
        return;
    p = pktbuf_alloc(PKTBUF_HEADROOM, MLD_LEN);
    if (p) {
        h = pktbuf_put(p, MLD_LEN);
        memset(h, 0, 8);
        h[0] = leave ? ICMPV6_MGM_REDUCTION : ICMPV6_MGM_REPORT;
        memcpy(h + 8, group, 16);
        check = ~pktbuf_checksum(p, 0, MLD_LEN, ip_pseudo_sum(&dst.src, &f.dst, IPPROTO_ICMPV6, MLD_LEN));
        memcpy(h + 2, &check, 2);
        icmp_count_out(true, h[0]);
        ip_output(p, &f, &dst);
    }
    dst_release(&dst);
}

void mcast_query6(struct pktbuf *p, const struct ip_rx *r)
{
    struct inaddr group;

    if (!pktbuf_pull_linear(p, MLD_LEN) || !inaddr_is_linklocal6(&r->src) || !r->dev->net)
        return;
    memcpy(&group, p->data + 8, 16);
    mcast_query(r->dev, &group, false, MIN(get_be16(p->data + 4), 0x7fffu));
}
