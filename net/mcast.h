/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mcast.h: multicast groups as routers hear of them: IGMPv3 and MLDv2 (RFC 9776, RFC 9777), and the older versions
 * (RFC 1112, 2236, 2710) while a router that speaks them is about.
 */
#ifndef NET_MCAST_H
#define NET_MCAST_H

#include "net/netif.h"

/* ---- mcast.c ---- */

/* A router's query. */
struct mc_query {
    struct inaddr group; /* any: all of them */
    uint64_t max_ns;     /* until when an answer is wanted */
    uint8_t version;     /* IGMP's; MLD's and one: 2 or 3 */
    uint8_t robustness;  /* 0: not said */
    unsigned nr;         /* sources that it is about; 0: all */
    const uint8_t *src;  /* as in the packet */
};
void mcast_query(struct netdev *d, bool v6, const struct mc_query *q);
/* A number of a query's that is a float from top on, whose mantissa has bits bits (RFC 9776 §4.1.1, RFC 9777 §5.1.3). */
uint32_t mcast_float(uint32_t code, uint32_t top, unsigned bits);
void mcast_init_netif(struct netif *n);
/* The link is there, perhaps to another switch or router: all groups are reported anew. */
void mcast_link_up(struct netif *n);

/* Is the source let through by what the group's users say? s NULL: one that nobody names. */
static inline bool mc_allowed(const struct mc_group *g, const struct mc_source *s)
{
    uint32_t ex = READ_ONCE(g->ex);

    if (!s)
        return ex;
    return READ_ONCE(s->in) || (ex && READ_ONCE(s->ex) != ex);
}

/* ---- igmp.c, mld.c ---- */

/* In an older version's words: the device listens to the group, or no longer does. */
void igmp_report(struct netdev *d, const struct inaddr *group, bool v1, bool leave);
void mld_report(struct netdev *d, const struct inaddr *group, bool leave);
/* Report of the newest version, data at its header but for type and checksum. Takes p. */
void igmp_send_report(struct netdev *d, struct pktbuf *p);
void mld_send_report(struct netdev *d, struct pktbuf *p);
/* An MLD query, data at the ICMPv6 header. p stays the caller's. */
void mcast_query6(struct pktbuf *p, const struct ip_rx *r);

/* ---- mc_report.c ---- */

enum mc_record { MC_IS_IN = 1, MC_IS_EX, MC_TO_IN, MC_TO_EX, MC_ALLOW, MC_BLOCK };

struct mc_report { /* records to be sent */
    struct netdev *dev;
    bool v6;
    struct pktqueue out; /* packets that are full */
    struct pktbuf *p;
    uint8_t *record;
};
void mc_report_init(struct mc_report *r, struct netdev *d, bool v6);
/* A record with the group's sources that are of its type; asked: those only that a router asked about. net_lock held. */
void mc_report_add(struct mc_report *r, enum mc_record type, const struct mc_group *g, bool asked);
void mc_report_send(struct mc_report *r); /* without locks */

#endif
