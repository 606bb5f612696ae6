/* SPDX-License-Identifier: BSD-2-Clause */
/* deliver.c: from IP to the protocols above it, for both families. */
#include "net/icmp.h"
#include "net/ip_input.h"

const struct ip_protocol *ip_by_number[256];
bool (*raw_input)(struct pktbuf *p, const struct ip_rx *r);
struct ip_stats ip_stats[2];

void ip_deliver_init(void)
{
    for (unsigned i = 0; ip_protocols[i]; i++)
        ip_by_number[ip_protocols[i]->number] = ip_protocols[i];
}

/* Nobody wants it: the sender learns so, if the packet was for us alone. */
static void __cold refuse(struct pktbuf *p, const struct ip_rx *r, bool port)
{
    bool v4 = inaddr_is_v4(&r->dst);

    if (r->kind == KIND_LOCAL) {
        uint32_t back = p->data - (p->head + p->network);

        pktbuf_push(p, back);
        if (v4)
            icmp_send(p, ICMP_DEST_UNREACH, port ? ICMP_PORT_UNREACH : ICMP_PROT_UNREACH, 0);
        else if (port)
            icmp_send(p, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
        else
            icmp_send(p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, 6);
    }
    pktbuf_free(p);
}

void ip_deliver(struct pktbuf *p, const struct ip_rx *r)
{
    const struct ip_protocol *proto = ip_by_number[r->protocol];
    struct ip_stats *s = &ip_stats[!inaddr_is_v4(&r->dst)];
    bool raw = false;

    if (unlikely(raw_input != NULL))
        raw = raw_input(p, r);
    if (unlikely(!proto)) {
        s->in_unknown_protos += !raw;
        if (raw)
            pktbuf_free(p);
        else
            refuse(p, r, false);
        return;
    }
    s->in_delivers++;
    if (unlikely(!proto->input(p, r)))
        refuse(p, r, true);
}
