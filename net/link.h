/* SPDX-License-Identifier: BSD-2-Clause */
/* link.h: between IP and devices: Ethernet frames in and out, segments and checksums that a device does not make itself. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "kernel/pktbuf.h"
#include "net/netif.h"
#include <linux/if_ether.h>

/* In front of the network header comes an Ethernet header; dst's bytes are the first six of the word. Takes p. */
int link_output(struct netdev *d, struct pktbuf *p, uint64_t dst, uint16_t protocol);
/* A whole frame, its link header included, from a packet socket, which has shown it to the others. Takes p. */
int link_output_frame(struct netdev *d, struct pktbuf *p);
/* To this machine itself: p->data is at the network header, p->protocol set. Takes p. */
void loopback_output(struct pktbuf *p);
/* The same with the link header in front of data (PKTBUF_ETHERNET), link_type set. */
void loopback_output_frame(struct pktbuf *p);
void loopback_init(void);
/* From devices: struct netdev_client's. */
void link_receive(struct pktbuf *p);

static inline uint64_t mac_word(const uint8_t mac[6])
{
    uint64_t v = 0;

    __builtin_memcpy(&v, mac, 6);
    return v;
}

/* Packet sockets see every packet: NULL while there are none. p stays the caller's. data is at the link header, if the
 * device has one, else at the network header. */
extern void (*link_tap)(struct pktbuf *p, bool outgoing);
/* A device goes down, for packet sockets. NULL while there are none. */
extern void (*link_tap_down)(struct netdev *d);
static inline void link_tell_down(struct netdev *d)
{
    void (*tell)(struct netdev *) = READ_ONCE(link_tap_down);

    if (tell)
        tell(d);
}
static inline void link_show(struct pktbuf *p, bool outgoing)
{
    void (*show)(struct pktbuf *, bool) = READ_ONCE(link_tap);

    if (unlikely(show != NULL))
        show(p, outgoing);
}

/* Segments of a packet with GSO, its data at the link header (link, network and transport offsets set): the packets in a
 * queue, checksums complete or CSUM_PARTIAL as the packet's was. Takes p. False: no memory, or a packet that cannot be. */
bool gso_segment(struct pktbuf *p, struct pktqueue *out);

#endif
