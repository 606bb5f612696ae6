/* SPDX-License-Identifier: BSD-2-Clause */
/* lz4.c: the LZ4 block format (doc/lz4_Block_format.md of its project): sequences of literals and matches. */
#include "lib/lz4.h"
#include "lib/string.h"

#define MIN_MATCH 4

/* Lengths above 14 go on in further bytes; false: the input ends. */
static inline bool more_length(const uint8_t **s, const uint8_t *end, size_t *len)
{
    uint8_t b;

    do {
        if (*s == end)
            return false;
        b = *(*s)++;
        *len += b;
    } while (b == 255);
    return true;
}

static inline void copy8(uint8_t *d, const uint8_t *s)
{
    uint64_t v;

    __builtin_memcpy(&v, s, 8);
    __builtin_memcpy(d, &v, 8);
}

/* May write up to 7 bytes too many when there is room for them. */
static inline void copy_literals(uint8_t *d, const uint8_t *s, size_t len, bool room)
{
    if (room)
        for (size_t i = 0; i < len; i += 8)
            copy8(d + i, s + i);
    else
        memcpy(d, s, len);
}

/* Source and destination may overlap: each byte copied may be the source of a later one. */
static inline void copy_match(uint8_t *d, size_t offset, size_t len, bool room)
{
    const uint8_t *s = d - offset;

    if (offset >= 8 && room)
        for (size_t i = 0; i < len; i += 8)
            copy8(d + i, s + i);
    else
        for (size_t i = 0; i < len; i++)
            d[i] = s[i];
}

ssize_t lz4_decompress(const void *src, size_t src_len, void *dst, size_t dst_len)
{
    const uint8_t *s = src, *send = s + src_len;
    uint8_t *d = dst, *dend = d + dst_len;

    while (s < send) {
        uint8_t token = *s++;
        size_t len = token >> 4, offset;

        if (len == 15 && !more_length(&s, send, &len))
            return -1;
        if (len > (size_t)(send - s))
            return -1;
        if (len >= (size_t)(dend - d)) {
            memcpy(d, s, dend - d);
            return dst_len;
        }
        copy_literals(d, s, len, (size_t)(send - s) >= len + 8 && (size_t)(dend - d) >= len + 8);
        s += len;
        d += len;
        if (s == send) /* the last sequence has no match */
            break;
        if (send - s < 2)
            return -1;
        offset = s[0] | s[1] << 8;
        s += 2;
        len = token & 15;
        if (len == 15 && !more_length(&s, send, &len))
            return -1;
        len += MIN_MATCH;
        if (!offset || offset > (size_t)(d - (uint8_t *)dst))
            return -1;
        if (len > (size_t)(dend - d))
            len = dend - d;
        copy_match(d, offset, len, (size_t)(dend - d) >= len + 8);
        d += len;
        if (d == dend)
            break;
    }
    return d - (uint8_t *)dst;
}
