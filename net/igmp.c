/* SPDX-License-Identifier: BSD-2-Clause */
/* igmp.c: IGMP version 2 (RFC 2236), which routers of version 3 understand. */
#include "net/igmp.h"
#include "lib/string.h"
#include "net/mcast.h"

#define QUERY     0x11
#define REPORT_V2 0x16
#define LEAVE     0x17

static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 };

void igmp_report(struct netdev *d, const struct inaddr *group, bool leave)
{
    struct flow f = { .dst = leave ? inaddr_v4(be32(0xe0000002)) : *group,
                      .dev = d->index,
                      .protocol = IPPROTO_IGMP,
                      .ttl = 1,
                      .tos = 0xc0,
                      .flags = FLOW_NOLOOP,
                      .options = router_alert,
                      .options_len = sizeof(router_alert) };
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, 8);
    struct dst dst = { 0 };
    uint16_t check;
    uint8_t *h;

    if (!p)
        return;
    h = pktbuf_put(p, 8);
    h[0] = leave ? LEAVE : REPORT_V2;
    h[1] = 0;
    put_be16(h + 2, 0);
    memcpy(h + 4, group->b + 12, 4);
    check = checksum_finish(checksum_add(h, 8, 0));
    memcpy(h + 2, &check, 2);
    if (dst_lookup(&dst, &f)) {
        pktbuf_free(p);
        return;
    }
    ip_output(p, &f, &dst);
    dst_release(&dst);
}

static bool igmp_input(struct pktbuf *p, const struct ip_rx *r)
{
    uint32_t g;

    if (inaddr_is_v4(&r->dst) && !(r->dev->features & NETDEV_LOOP) && r->dev->net &&
        pktbuf_pull_linear(p, 8) && p->data[0] == QUERY &&
        (p->csum != CSUM_NONE || pktbuf_checksum(p, 0, p->total, 0) == 0xffff)) {
        struct inaddr group;

        memcpy(&g, p->data + 4, 4);
        group = inaddr_v4(g);
        /* tenths of a second; version 1 says 0 and means ten seconds. Version 3's long form starts at 128. */
        mcast_query(r->dev, &group, true, p->data[1] ? MIN(p->data[1], 127) * 100u : 10000);
    }
    pktbuf_free(p);
    return true;
}

const struct ip_protocol igmp_protocol = { .number = IPPROTO_IGMP, .input = igmp_input };
