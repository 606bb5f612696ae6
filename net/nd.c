/* SPDX-License-Identifier: BSD-2-Clause */
/* nd.c: Neighbour Discovery (RFC 4861): solicitations and advertisements of neighbours, duplicate addresses. */
#include "net/nd.h"
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/nd_msg.h"
#include "net/neigh.h"
#include "net/redirect.h"
#include <linux/ipv6.h>

#define BROADCAST_MAC 0xffffffffffffull

const struct inaddr nd_all_nodes = { .b = { 0xff, 2, [15] = 1 } };
const struct inaddr nd_all_routers = { .b = { 0xff, 2, [15] = 2 } };

/* RFC 4291 §2.7.1 */
static struct inaddr solicited_node(const struct inaddr *a)
{
    struct inaddr s = { .b = { 0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15] } };

    return s;
}

int nd_address_new(struct netdev *d, const struct inaddr *a)
{
    struct inaddr group = solicited_node(a);

    return group_join(d, &group);
}

void nd_address_gone(struct netdev *d, const struct inaddr *a)
{
    struct inaddr group = solicited_node(a);

    group_leave_locked(d, &group);
}

void nd_send(struct netdev *d, const struct inaddr *src, const struct inaddr *dst, uint64_t mac,
             const void *msg, unsigned len)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, len);
    struct ipv6hdr *h;
    uint16_t check;
    uint8_t *m, b[6];

    if (!p)
        return;
    m = memcpy(pktbuf_put(p, len), msg, len);
    put_be16(m + 2, 0);
    check = ~pktbuf_checksum(p, 0, len, ip_pseudo_sum(src, dst, IPPROTO_ICMPV6, len));
    memcpy(m + 2, &check, 2);
    p->transport = p->data - p->head;
    h = pktbuf_push(p, sizeof(*h));
    put_be32(h, 6u << 28);
    h->payload_len = be16(len);
    h->nexthdr = IPPROTO_ICMPV6;
    h->hop_limit = 255;
    memcpy(&h->saddr, src, 16);
    memcpy(&h->daddr, dst, 16);
    if (!mac) {
        ethernet_multicast(dst, b);
        mac = mac_word(b);
    }
    icmp_count_out(true, m[0]);
    ip_stats[1].out_requests++;
    ip_stats[1].out_mcasts += inaddr_is_multicast(dst);
    link_output(d, p, mac, ETH_P_IPV6);
}

/* type, target and our link address as an option; returns the length. */
static unsigned put_neighbour_msg(uint8_t m[32], uint8_t type, const struct inaddr *target, uint32_t flags,
                                  const struct netdev *d, uint8_t option)
{
    memset(m, 0, 32);
    m[0] = type;
    put_be32(m + 4, flags);
    memcpy(m + 8, target, 16);
    if (!option)
        return 24;
    m[24] = option;
    m[25] = 1;
    memcpy(m + 26, d->mac, 6);
    return 32;
}

void nd_solicit(struct neigh *n, bool unicast)
{
    struct inaddr src = INADDR_ANY6, dst = unicast ? n->addr : solicited_node(&n->addr);
    struct ifaddr *a;
    uint8_t m[32];

    rcu_read_lock();
    a = addr_source(n->dev, &n->addr);
    if (a)
        src = a->addr;
    rcu_read_unlock();
    if (!a) /* RFC 4861 §4.3: only duplicate detection asks from nowhere */
        return;
    nd_send(n->dev, &src, &dst, unicast ? atomic_load(&n->mac) : 0, m,
            put_neighbour_msg(m, ND_NS, &n->addr, 0, n->dev, ND_OPT_SLLA));
}

void nd_probe_address(struct netdev *d, const struct inaddr *a)
{
    struct inaddr none = INADDR_ANY6, dst = solicited_node(a);
    uint8_t m[32];

    nd_send(d, &none, &dst, 0, m, put_neighbour_msg(m, ND_NS, a, 0, d, 0));
}

static void advertise(struct netdev *d, const struct inaddr *target, const struct inaddr *to, uint64_t mac)
{
    uint8_t m[32];

    nd_send(
        d, target, to, mac, m,
        put_neighbour_msg(m, ND_NA, target, (mac ? ND_NA_SOLICITED : 0) | ND_NA_OVERRIDE, d, ND_OPT_TLLA));
}

/* The link address in the option of that type; NULL: none. False: the options are malformed. */
bool nd_option(const uint8_t *o, unsigned len, uint8_t type, const uint8_t **found)
{
    *found = NULL;
    while (len) {
        if (len < 8 || !o[1] || o[1] * 8u > len) /* §4.6: a length of zero discards the packet */
            return false;
        if (*o == type && !*found)
            *found = o;
        len -= o[1] * 8;
        o += o[1] * 8;
    }
    return true;
}

static bool from_ourselves(const struct pktbuf *p)
{
    return !memcmp(p->head + p->link + 6, p->dev->mac, 6);
}

static void solicitation(struct pktbuf *p, const struct ip_rx *r)
{
    const uint8_t *o, *mac;
    struct inaddr target;
    struct ifaddr *a;

    if (p->len < 24 || !nd_option(p->data + 24, p->len - 24, ND_OPT_SLLA, &o))
        return;
    memcpy(&target, p->data + 8, 16);
    mac = o ? o + 2 : NULL;
    a = addr_find(&target, r->dev->index);
    if (!a || inaddr_is_multicast(&target))
        return;
    if (inaddr_is_any(&r->src)) { /* somebody looks whether the address is free */
        if (from_ourselves(p))
            return;
        if (!addr_usable(a))
            addr_duplicate(r->dev, &target);
        else
            advertise(r->dev, &target, &nd_all_nodes, 0);
        return;
    }
    if (!addr_usable(a))
        return;
    if (!mac) /* unicast probes need not say it; the frame does */
        mac = p->head + p->link + 6;
    neigh_heard(r->dev, &r->src, mac, NEIGH_CREATE | NEIGH_OVERRIDE);
    advertise(r->dev, &target, &r->src, mac_word(mac));
}

static void advertisement(struct pktbuf *p, const struct ip_rx *r)
{
    struct inaddr target;
    const uint8_t *o;
    unsigned how = 0;
    uint32_t flags;

    if (p->len < 24 || !nd_option(p->data + 24, p->len - 24, ND_OPT_TLLA, &o))
        return;
    flags = get_be32(p->data + 4);
    memcpy(&target, p->data + 8, 16);
    if (inaddr_is_multicast(&target) || (flags & ND_NA_SOLICITED && r->kind == KIND_MULTICAST))
        return;
    if (addr_find(&target, r->dev->index)) {
        if (!from_ourselves(p))
            addr_duplicate(r->dev, &target);
        return;
    }
    if (flags & ND_NA_SOLICITED)
        how |= NEIGH_SOLICITED;
    if (flags & ND_NA_OVERRIDE)
        how |= NEIGH_OVERRIDE;
    how |= flags & ND_NA_ROUTER ? NEIGH_ROUTER : NEIGH_HOST;
    neigh_heard(r->dev, &target, o ? o + 2 : NULL, how);
}

/* RFC 4861 §8.1. Those that do not quote the packet are left alone: it tells whether they are about something of ours. */
static void redirect(struct pktbuf *p, const struct ip_rx *r)
{
    struct ip_error e = { .offender = r->src, .dev = r->dev, .type = ND_REDIRECT, .p = p };
    const uint8_t *quote, *mac;
    struct inaddr dst, hop;

    if (p->len < 40 || !inaddr_is_linklocal6(&r->src) || r->kind != KIND_LOCAL ||
        !nd_option(p->data + 40, p->len - 40, ND_OPT_REDIRECTED, &quote) ||
        !nd_option(p->data + 40, p->len - 40, ND_OPT_TLLA, &mac) || !quote || quote[1] < 6)
        return;
    memcpy(&e.redirect, p->data + 8, 16);
    memcpy(&dst, p->data + 24, 16);
    if (inaddr_is_v4(&e.redirect) || inaddr_is_multicast(&dst) || memcmp(quote + 8 + 24, &dst, 16))
        return;
    ip_error_deliver(&e, quote + 8, quote[1] * 8 - 8, true);
    if (mac && redirect_find(&dst, r->dev, &r->src, &hop) && inaddr_eq(&hop, &e.redirect))
        neigh_heard(r->dev, &hop, mac + 2,
                    NEIGH_CREATE | NEIGH_OVERRIDE | (inaddr_eq(&hop, &dst) ? 0 : NEIGH_ROUTER));
}

void nd_receive(struct pktbuf *p, const struct ip_rx *r)
{
    /* §7.1: what a router passed on has a smaller hop limit */
    if (r->ttl != 255 || p->data[1] != 0 || r->dev->features & NETDEV_LOOP || p->flags & PKTBUF_LOOP ||
        !r->dev->net || !pktbuf_pull_linear(p, p->total))
        return;
    switch (p->data[0]) {
    case ND_RA:
        nd_router_advertisement(p, r);
        break;
    case ND_NS:
        solicitation(p, r);
        break;
    case ND_NA:
        advertisement(p, r);
        break;
    case ND_REDIRECT:
        redirect(p, r);
        break;
    }
}
