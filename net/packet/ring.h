/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h: PACKET_RX_RING and PACKET_TX_RING: frames in memory that the program maps.
 *
 * A ring's pages are in one mapping of the socket: those to receive below RING_BASE, those to send from there on, so that
 * both are one piece whichever came first. The program may write to all of them at any time: what it says is read once and
 * checked, and the ring's own state is kept here.
 */
#ifndef NET_PACKET_RING_H
#define NET_PACKET_RING_H

#include "kernel/page.h"
#include "net/socket.h"
#include "net/timer.h"
#include <linux/if_packet.h>

struct mmap_args;
struct packet_frame;
struct packet_sock;
struct ring_memory;

struct packet_ring {     /* [w, and not hooked] to be made and unmade; what is marked: packet_sock.lock */
    struct page **pages; /* NULL: there is no ring */
    uint32_t nr_pages, block_size, block_nr, frame_size, frame_nr, frames_per_block;
    uint32_t head; /* [l; of the one to send: w] the next frame; of TPACKET_V3 the open block */
    /* TPACKET_V3, receiving */
    uint32_t priv, max_frame, features;
    uint64_t retire_ns;
    bool frozen;         /* [l] the program has all blocks, the one at head too */
    uint32_t next, last; /* [l] in the open block: where the next packet goes, where the last one is */
    uint32_t packets;    /* [l] in it */
    uint32_t freezes;    /* [l] since PACKET_STATISTICS was last read */
    uint64_t seq;        /* [l] of the next block */
};

/* PACKET_RX_RING, PACKET_TX_RING. [w] held. 0 or -errno. */
int ring_set(struct packet_sock *k, bool tx, const void *val, unsigned len);
int ring_hdrlen(unsigned version); /* of struct tpacket*_hdr; or -EINVAL */
/* A frame for the ring: keep bytes from base on. */
void ring_receive(struct packet_sock *k, const struct packet_frame *f, int32_t base, uint32_t keep);
bool ring_readable(struct packet_sock *k);
bool ring_has_room(struct packet_sock *k); /* for a frame more */
/* Sends the frames that are marked so. [w] held. */
ssize_t ring_send(struct packet_sock *k, struct socket_msg *m);
int ring_mmap(struct socket *s, struct mmap_args *a);
void ring_timer(struct net_timer *t);
void ring_release(struct packet_sock *k); /* both; the socket goes */

#endif
