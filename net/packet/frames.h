/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.h: what lies in a ring: frames of fixed size, and TPACKET_V3's blocks. */
#ifndef NET_PACKET_FRAMES_H
#define NET_PACKET_FRAMES_H

#include "lib/types.h"
#include <linux/if_packet.h>

struct packet_sock;

/* Bytes of a block before its first packet. */
#define BLOCK_HEAD(priv) (ALIGN_UP(sizeof(struct tpacket_block_desc), 8ul) + ALIGN_UP((uint64_t)(priv), 8ul))

uint32_t frames_hdrlen(const struct packet_sock *k); /* TPACKET*_HDRLEN */
void frames_open_block(struct packet_sock *k);       /* the block at head, which is the kernel's */

#endif
