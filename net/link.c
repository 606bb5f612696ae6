/* SPDX-License-Identifier: BSD-2-Clause */
/* link.c: Ethernet: the header in front, who a frame is for, and what a device cannot do itself before it gets a packet. */
#include "net/link.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/ip_input.h"
#include "net/nd.h"
#include <linux/if_packet.h>

#define BROADCAST_MAC 0xffffffffffffull

void (*link_tap)(struct pktbuf *p, bool outgoing);
void (*link_tap_down)(struct netdev *d);

static const uint32_t gso_feature[] = {
    [GSO_NONE] = 0, [GSO_TCPV4] = NETDEV_TSO4, [GSO_TCPV6] = NETDEV_TSO6, [GSO_UDP] = NETDEV_USO
};

/* Segments and checksums that the device would not make. */
static int transmit_plain(struct netdev *d, struct pktbuf *p)
{
    struct pktqueue q;
    int err = 0;

    if (p->gso == GSO_NONE) {
        pktbuf_checksum_finish(p);
        return netdev_transmit(d, p);
    }
    if (!gso_segment(p, &q))
        return -ENOBUFS;
    while ((p = pktqueue_take(&q))) {
        if (!(d->features & NETDEV_TX_CSUM))
            pktbuf_checksum_finish(p);
        err = netdev_transmit(d, p);
    }
    return err;
}

static inline int transmit(struct netdev *d, struct pktbuf *p)
{
    uint32_t need = gso_feature[p->gso] | (p->csum == CSUM_PARTIAL ? NETDEV_TX_CSUM : 0);

    if (unlikely(need & ~d->features || (p->gso && p->total > d->gso_max)))
        return transmit_plain(d, p);
    return netdev_transmit(d, p);
}

int link_output(struct netdev *d, struct pktbuf *p, uint64_t dst, uint16_t protocol)
{
    uint8_t *h;

    p->network = p->data - p->head;
    h = pktbuf_push(p, ETH_HLEN);
    memcpy(h, &dst, ETH_ALEN);
    memcpy(h + ETH_ALEN, d->mac, ETH_ALEN);
    put_be16(h + 2 * ETH_ALEN, protocol);
    p->link = h - p->head;
    p->protocol = protocol;
    p->dev = d;
    link_show(p, true);
    return transmit(d, p);
}

int link_output_frame(struct netdev *d, struct pktbuf *p)
{
    p->link = p->data - p->head;
    return netdev_transmit(d, p);
}

static inline void dispatch(struct pktbuf *p)
{
    switch (p->protocol) {
    case ETH_P_IP:
        ipv4_receive(p);
        break;
    case ETH_P_IPV6:
        ipv6_receive(p);
        break;
    case ETH_P_ARP:
        arp_receive(p);
        break;
    default:
        pktbuf_free(p);
    }
}

void link_receive(struct pktbuf *p)
{
    uint64_t dst;

    p->link = p->data - p->head;
    if (p->dev->features & NETDEV_LOOP || p->flags & PKTBUF_LOOP) {
        p->network = p->link;
        link_show(p, false);
        dispatch(p);
        return;
    }
    if (unlikely(!pktbuf_pull_linear(p, ETH_HLEN) || !p->dev->net || !netif_is_up(netif_of(p->dev)))) {
        pktbuf_free(p);
        return;
    }
    dst = mac_word(p->data);
    p->protocol = get_be16(p->data + 2 * ETH_ALEN);
    if (likely(dst == mac_word(p->dev->mac)))
        p->link_type = PACKET_HOST;
    else if (dst == BROADCAST_MAC)
        p->link_type = PACKET_BROADCAST;
    else if (p->data[0] & 1)
        p->link_type = PACKET_MULTICAST;
    else
        p->link_type = PACKET_OTHERHOST;
    link_show(p, false);
    if (unlikely(p->link_type == PACKET_OTHERHOST)) {
        pktbuf_free(p);
        return;
    }
    if (p->link_type == PACKET_MULTICAST)
        p->dev->queues[p->queue].stats.multicast++;
    pktbuf_pull(p, ETH_HLEN);
    p->network = p->data - p->head;
    dispatch(p);
}
