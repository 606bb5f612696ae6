/* SPDX-License-Identifier: BSD-2-Clause */
/* byteorder.h: big-endian numbers, as they stand in packets. be16() and be32() convert either way. */
#ifndef LIB_BYTEORDER_H
#define LIB_BYTEORDER_H

#include "lib/types.h"

static inline uint16_t be16(uint16_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}
static inline uint32_t be32(uint32_t v)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

/* At any address. */
static inline uint16_t get_be16(const void *p)
{
    uint16_t v;

    __builtin_memcpy(&v, p, 2);
    return be16(v);
}
static inline uint32_t get_be32(const void *p)
{
    uint32_t v;

    __builtin_memcpy(&v, p, 4);
    return be32(v);
}
static inline void put_be16(void *p, uint16_t v)
{
    v = be16(v);
    __builtin_memcpy(p, &v, 2);
}
static inline void put_be32(void *p, uint32_t v)
{
    v = be32(v);
    __builtin_memcpy(p, &v, 4);
}

#endif
