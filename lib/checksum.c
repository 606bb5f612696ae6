/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.c: the Internet checksum, eight bytes at a time. */
#include "lib/checksum.h"

static inline uint64_t load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    __builtin_memcpy(&v, p, size);
    return v;
}

static inline uint64_t add64(uint64_t sum, uint64_t v)
{
    return sum + v + __builtin_add_overflow(sum, v, &(uint64_t){ 0 });
}

/* What does not fill eight bytes, as if zeros followed. */
static uint64_t load_tail(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    unsigned at = 0;

    if (len & 4) {
        v = load(p, 4);
        at = 4;
    }
    if (len & 2) {
        v |= load(p + at, 2) << (at * 8);
        at += 2;
    }
    if (len & 1)
        v |= (uint64_t)p[at] << (at * 8);
    return v;
}

uint32_t checksum_add(const void *data, size_t len, uint32_t start)
{
    const uint8_t *p = data;
    uint64_t sum = start, other = 0;

    for (; len >= 32; len -= 32, p += 32) {
        sum = add64(sum, load(p, 8));
        other = add64(other, load(p + 8, 8));
        sum = add64(sum, load(p + 16, 8));
        other = add64(other, load(p + 24, 8));
    }
    sum = add64(sum, other);
    for (; len >= 8; len -= 8, p += 8)
        sum = add64(sum, load(p, 8));
    if (len)
        sum = add64(sum, load_tail(p, len));
    return checksum_fold64(sum);
}

uint32_t checksum_copy(void *to, const void *from, size_t len, uint32_t start)
{
    const uint8_t *p = from;
    uint8_t *d = to;
    uint64_t sum = start;

    for (; len >= 8; len -= 8, p += 8, d += 8) {
        uint64_t v = load(p, 8);

        __builtin_memcpy(d, &v, 8);
        sum = add64(sum, v);
    }
    if (len) {
        sum = add64(sum, load_tail(p, len));
        for (size_t i = 0; i < len; i++)
            d[i] = p[i];
    }
    return checksum_fold64(sum);
}
