/* SPDX-License-Identifier: BSD-2-Clause */
/* mc_report.c: records of groups and sources in reports of IGMPv3 and MLDv2, which differ in the size of addresses. */
#include "lib/string.h"
#include "net/mcast.h"

#define HEADER   8  /* the same in both */
#define OVERHEAD 48 /* IP headers and options: IPv6's are longer */
#define MAX_BODY 1400

static unsigned addr_len(const struct mc_report *r)
{
    return r->v6 ? 16 : 4;
}

void mc_report_init(struct mc_report *r, struct netdev *d, bool v6)
{
    r->dev = d;
    r->v6 = v6;
    r->p = NULL;
    pktqueue_init(&r->out);
}

static void finish(struct mc_report *r)
{
    if (r->p)
        pktqueue_append(&r->out, r->p);
    r->p = NULL;
}

static uint32_t room(const struct mc_report *r)
{
    return MIN(MAX(r->dev->mtu, 256u) - OVERHEAD, (uint32_t)MAX_BODY) - r->p->len;
}

static void count(uint8_t *at)
{
    put_be16(at, get_be16(at) + 1);
}

static void put_addr(struct mc_report *r, const struct inaddr *a)
{
    unsigned n = addr_len(r);

    memcpy(pktbuf_put(r->p, n), a->b + 16 - n, n);
}

/* The head of a record, in a packet that has room for it and a source. False: no memory, which loses the report. */
static bool begin(struct mc_report *r, enum mc_record type, const struct mc_group *g)
{
    if (r->p && room(r) < 4 + 2 * addr_len(r))
        finish(r);
    if (!r->p) {
        r->p = pktbuf_alloc(PKTBUF_HEADROOM, MAX_BODY);
        if (!r->p)
            return false;
        memset(pktbuf_put(r->p, HEADER), 0, HEADER);
    }
    count(r->p->data + 6);
    r->record = pktbuf_put(r->p, 4);
    memset(r->record, 0, 4);
    r->record[0] = type;
    put_addr(r, &g->addr);
    return true;
}

static bool belongs(enum mc_record type, const struct mc_group *g, const struct mc_source *s, bool asked)
{
    bool allowed = mc_allowed(g, s);

    switch (type) {
    case MC_IS_EX:
    case MC_TO_EX:
        return !allowed;
    case MC_ALLOW:
        return s->left && allowed;
    case MC_BLOCK:
        return s->left && !allowed;
    default:
        return allowed && (!asked || s->asked);
    }
}

void mc_report_add(struct mc_report *r, enum mc_record type, const struct mc_group *g, bool asked)
{
    bool whole =
        type == MC_TO_IN || type == MC_TO_EX || type == MC_IS_EX; /* said also when it names no source */
    bool begun = whole && begin(r, type, g);

    for (unsigned i = 0; g->sources && i < g->sources->nr; i++) {
        const struct mc_source *s = &g->sources->s[i];

        if (!belongs(type, g, s, asked))
            continue;
        if (begun && room(r) < addr_len(r)) {
            if (type == MC_IS_EX || type == MC_TO_EX) /* RFC 9776 §4.2.16: too many are left out */
                return;
            finish(r);
            begun = false;
        }
        if (!begun && !(begun = begin(r, type, g)))
            return;
        count(r->record + 2);
        put_addr(r, &s->addr);
    }
}

void mc_report_send(struct mc_report *r)
{
    struct pktbuf *p;

    finish(r);
    while ((p = pktqueue_take(&r->out)))
        if (!r->dev->link_up)
            pktbuf_free(p);
        else if (r->v6)
            mld_send_report(r->dev, p);
        else
            igmp_send_report(r->dev, p);
}
