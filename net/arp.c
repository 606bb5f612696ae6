/* SPDX-License-Identifier: BSD-2-Clause */
/* arp.c: ARP (RFC 826, 5227) for IPv4 on Ethernet. */
#include "abi/netif.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "net/link.h"
#include "net/nd.h"
#include "net/neigh.h"
#include <linux/if_packet.h>

struct arp { /* of IPv4 on Ethernet, as it stands in the packet */
    uint16_t hw, proto;
    uint8_t hw_len, proto_len;
    uint16_t op;
    uint8_t sha[6], spa[4], tha[6], tpa[4];
};
static_assert(sizeof(struct arp) == 28, "RFC 826");

#define BROADCAST_MAC 0xffffffffffffull
#define DEFEND_NS     (10 * NSEC_PER_SEC) /* DEFEND_INTERVAL */

static void arp_send(struct netdev *d, uint16_t op, const struct inaddr *spa, const struct inaddr *tpa,
                     uint64_t tha, uint64_t to)
{
    struct pktbuf *p = pktbuf_alloc(PKTBUF_HEADROOM, sizeof(struct arp));
    struct arp *a;

    if (!p)
        return;
    a = pktbuf_put(p, sizeof(*a));
    a->hw = be16(ARPHRD_ETHER);
    a->proto = be16(ETH_P_IP);
    a->hw_len = 6;
    a->proto_len = 4;
    a->op = be16(op);
    memcpy(a->sha, d->mac, 6);
    memcpy(a->spa, spa->b + 12, 4);
    memcpy(a->tha, &tha, 6);
    memcpy(a->tpa, tpa->b + 12, 4);
    link_output(d, p, to, ETH_P_ARP);
}

void arp_solicit(struct neigh *n, bool unicast)
{
    struct ifaddr *src;
    struct inaddr spa = inaddr_v4(0);
    uint64_t mac = atomic_load(&n->mac);

    rcu_read_lock();
    src = addr_source(n->dev, &n->addr);
    if (src)
        spa = src->addr;
    rcu_read_unlock();
    arp_send(n->dev, ARPOP_REQUEST, &spa, &n->addr, unicast ? mac : 0, unicast ? mac : BROADCAST_MAC);
}

void arp_announce(struct netdev *d, const struct inaddr *a)
{
    if (d->features & NETDEV_LOOP || !d->link_up || !netif_is_up(netif_of(d)))
        return;
    arp_send(d, ARPOP_REQUEST, a, a, 0, BROADCAST_MAC);
}

void arp_probe(struct netdev *d, const struct inaddr *a)
{
    struct inaddr none = inaddr_v4(0);

    arp_send(d, ARPOP_REQUEST, &none, a, 0, BROADCAST_MAC);
}

void (*arp_watch)(struct netdev *d, const struct inaddr *spa, const struct inaddr *tpa);

/* Somebody else says that an address of ours is his: told otherwise, but not more often than every ten seconds, or two who
 * both defend one would never end (RFC 5227 §2.4, c). */
static void defend(struct netdev *d, const struct inaddr *a)
{
    static uint64_t defended_ns; /* [a] */
    uint64_t now = clock_mono_ns(), last = atomic_load(&defended_ns);

    if ((last && now - last < DEFEND_NS) || !atomic_cmpxchg(&defended_ns, last, now))
        return;
    log_warn("%s: another machine uses an IPv4 address of this one", d->name);
    arp_announce(d, a);
}

static void handle(struct netdev *d, const struct arp *a, uint8_t link_type)
{
    struct inaddr spa, tpa;
    uint32_t v4;
    bool mine, request = a->op == be16(ARPOP_REQUEST);
    struct ifaddr *own;

    memcpy(&v4, a->spa, 4);
    spa = inaddr_v4(v4);
    memcpy(&v4, a->tpa, 4);
    tpa = inaddr_v4(v4);
    if (inaddr_is_multicast(&tpa) || inaddr_is_multicast(&spa) || inaddr_is_loopback(&spa) ||
        inaddr_is_loopback(&tpa) || (a->sha[0] & 1))
        return;
    if (unlikely(arp_watch != NULL) && mac_word(a->sha) != mac_word(d->mac))
        arp_watch(d, &spa, &tpa);
    own = addr_find(&spa, 0);
    if (own) {
        if (own->netif->dev == d && mac_word(a->sha) != mac_word(d->mac))
            defend(d, &spa);
        return;
    }
    own = addr_find(&tpa, 0);
    mine = own && (own->netif->dev == d);
    if (!inaddr_is_any(&spa)) {
        /* RFC 826: known neighbours are updated by whatever passes, new ones come from those who want something of us. An
         * answer to us alone is reachable; what is told to all is not an answer. */
        unsigned how = NEIGH_OVERRIDE;

        if (!request && link_type == PACKET_HOST && mine)
            how |= NEIGH_SOLICITED;
        if (request && mine)
            how |= NEIGH_CREATE;
        neigh_heard(d, &spa, a->sha, how);
    }
    if (request && mine)
        arp_send(d, ARPOP_REPLY, &tpa, &spa, mac_word(a->sha), mac_word(a->sha));
}

void arp_receive(struct pktbuf *p)
{
    struct arp a;

    if (pktbuf_copy_out(p, 0, &a, sizeof(a)) && a.hw == be16(ARPHRD_ETHER) && a.proto == be16(ETH_P_IP) &&
        a.hw_len == 6 && a.proto_len == 4 && (a.op == be16(ARPOP_REQUEST) || a.op == be16(ARPOP_REPLY)))
        handle(p->dev, &a, p->link_type);
    pktbuf_free(p);
}
