/* SPDX-License-Identifier: BSD-2-Clause */
/* igmp.c: IGMP version 3 (RFC 9776), and the words of versions 1 and 2 for older routers. */
#include "net/igmp.h"
#include "lib/string.h"
#include "net/mcast.h"

#define QUERY     0x11
#define REPORT_V1 0x12
#define REPORT_V2 0x16
#define LEAVE     0x17
#define REPORT_V3 0x22

static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 };

/* data at the header, whose checksum is 0. Takes p. */
static void transmit(struct netdev *d, struct pktbuf *p, struct inaddr to)
{
    struct flow f = { .dst = to,
                      .dev = d->index,
                      .protocol = IPPROTO_IGMP,
                      .ttl = 1,
                      .tos = 0xc0,
                      .flags = FLOW_NOLOOP,
                      .options = router_alert,
                      .options_len = sizeof(router_alert) };
    uint16_t check = checksum_finish(checksum_add(p->data, p->len, 0));
    struct dst dst = { 0 };

    memcpy(p->data + 2, &check, 2);
    if (dst_lookup(&dst, &f)) {
        pktbuf_free(p);
        return;
    }
    ip_output(p, &f, &dst);
    dst_release(&dst);
}

void igmp_report(struct netdev *d, const struct inaddr *group, bool v1, bool leave)
{
    struct pktbuf *p = leave && v1 ? NULL : pktbuf_alloc(PKTBUF_HEADROOM, 8);
    uint8_t *h;

    if (!p)
        return;
    h = pktbuf_put(p, 8);
    memset(h, 0, 4);
    h[0] = leave ? LEAVE : v1 ? REPORT_V1 : REPORT_V2;
    memcpy(h + 4, group->b + 12, 4);
    transmit(d, p, leave ? inaddr_v4(be32(0xe0000002)) : *group);
}

void igmp_send_report(struct netdev *d, struct pktbuf *p)
{
    p->data[0] = REPORT_V3;
    transmit(d, p, inaddr_v4(be32(0xe0000016)));
}

static void query(struct pktbuf *p, const struct ip_rx *r)
{
    struct mc_query q = { .version = 3 };
    uint32_t g;

    memcpy(&g, p->data + 4, 4);
    q.group = inaddr_v4(g);
    if (p->total < 12) { /* RFC 9776 §7.1; version 1 means ten seconds */
        q.version = p->data[1] ? 2 : 1;
        q.max_ns = (p->data[1] ? p->data[1] : 100) * (NSEC_PER_SEC / 10);
    } else if (pktbuf_pull_linear(p, 12)) {
        q.max_ns = mcast_float(p->data[1], 128, 4) * (NSEC_PER_SEC / 10);
        q.robustness = p->data[8] & 7;
        q.nr = get_be16(p->data + 10);
        if (q.nr > (p->total - 12) / 4 || !pktbuf_pull_linear(p, 12 + q.nr * 4))
            return;
        q.src = p->data + 12;
    } else {
        return;
    }
    mcast_query(r->dev, false, &q);
}

static bool igmp_input(struct pktbuf *p, const struct ip_rx *r)
{
    if (inaddr_is_v4(&r->dst) && !(r->dev->features & NETDEV_LOOP) && r->dev->net &&
        pktbuf_pull_linear(p, 8) && p->data[0] == QUERY &&
        (p->csum != CSUM_NONE || pktbuf_checksum(p, 0, p->total, 0) == 0xffff))
        query(p, r);
    pktbuf_free(p);
    return true;
}

const struct ip_protocol igmp_protocol = { .number = IPPROTO_IGMP, .input = igmp_input };
