/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.c: transport checksums of packets. */
#include "kernel/log.h"
#include "net/ip.h"

bool ip_checksum_verify(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                        uint8_t protocol)
{
    uint32_t sum = ip_pseudo_sum(src, dst, protocol, p->total);

    if (pktbuf_checksum(p, 0, p->total, sum) != 0xffff)
        return false;
    p->csum = CSUM_VALID;
    return true;
}

void ip_checksum_partial(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst,
                         uint8_t protocol, uint16_t offset)
{
    uint16_t sum = ip_pseudo_sum(src, dst, protocol, p->total);

    __builtin_memcpy(p->data + offset, &sum, 2);
    p->csum = CSUM_PARTIAL;
    p->csum_start = p->data - p->head;
    p->csum_offset = offset;
}

void pktbuf_checksum_finish(struct pktbuf *p)
{
    uint32_t start = p->head + p->csum_start - p->data;
    uint8_t *field = p->head + p->csum_start + p->csum_offset;
    uint16_t sum;

    if (p->csum != CSUM_PARTIAL)
        return;
    sum = ~pktbuf_checksum(p, start, p->total - start, 0);
    /* UDP's zero means that there is none; the other zero is as good for everybody */
    if (!sum)
        sum = 0xffff;
    __builtin_memcpy(field, &sum, 2);
    p->csum = CSUM_NONE;
}
