/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checksum.h: the Internet checksum (RFC 1071). Sums are one's complement, in the byte order of memory, not yet
 * complemented; they may be added to one another and folded at the end.
 */
#ifndef LIB_CHECKSUM_H
#define LIB_CHECKSUM_H

#include "lib/types.h"

/* 16 bits that stand for a sum of up to 32. */
static __always_inline uint16_t checksum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return sum + (sum >> 16);
}
static __always_inline uint16_t checksum_fold64(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    return checksum_fold(sum);
}
/* What goes into the header. */
static inline uint16_t checksum_finish(uint32_t sum)
{
    return ~checksum_fold(sum);
}
/* The sum of bytes that begin at an odd place of what is summed. */
static inline uint32_t checksum_odd(uint32_t sum)
{
    return __builtin_bswap16(checksum_fold(sum));
}
/* sum (at most 17 bits) with len bytes more; the result is folded. p: any alignment. */
uint32_t checksum_add(const void *p, size_t len, uint32_t sum);
/* Of 20 bytes at a multiple of four: an IPv4 header. */
static __always_inline uint32_t checksum_20(const void *p)
{
    const uint32_t *w = p;

    return checksum_fold64((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]);
}
/* The same as checksum_add(), while copying. */
uint32_t checksum_copy(void *dst, const void *src, size_t len, uint32_t sum);
/* A header's checksum once a 16-bit word of what it covers changed from old to new (RFC 1624). */
static inline uint16_t checksum_adjust(uint16_t check, uint16_t old, uint16_t new)
{
    return checksum_finish((uint32_t)(uint16_t)~check + (uint16_t)~old + new);
}

#endif
