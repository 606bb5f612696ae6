/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf.h: classic BPF, the programs of SO_ATTACH_FILTER: checked once, then run on each packet.
 *
 * A checked program ends: jumps lead forwards only, and inside it. It touches nothing but its registers, its 16 words and,
 * within bounds, the packet's bytes. Never sleeps, takes no lock.
 */
#ifndef NET_BPF_H
#define NET_BPF_H

#include "kernel/pktbuf.h"
#include <linux/filter.h>

/* What a program sees of a packet. */
struct bpf_packet {
    const uint8_t *data; /* where offset 0 is, with linear bytes */
    uint32_t linear, len;
    const struct pktbuf *p; /* bytes behind the linear ones: from p at offset + shift; NULL: none */
    int32_t shift;
    int32_t link, network; /* offsets of headers that SKF_LL_OFF and SKF_NET_OFF start at */
    uint16_t protocol;
    uint8_t pkttype;
    const struct netdev *dev; /* NULL: none, and programs that ask for it end with 0 */
    uint32_t mark;
};

/* As Linux checks programs: 0, -EINVAL, -ENOMEM. */
int bpf_check(const struct sock_filter *prog, unsigned len);
/* What a checked program returns: bytes of the packet to be kept, 0: none of it. */
uint32_t bpf_run(const struct sock_filter *prog, const struct bpf_packet *k);
/* A packet whose data is at its network or transport header; offset 0 is so many bytes before that. */
void bpf_packet_of(struct bpf_packet *k, const struct pktbuf *p, int32_t before);

#endif
