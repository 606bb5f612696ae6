/* SPDX-License-Identifier: BSD-2-Clause */
/* The string functions of string.h that are not the C library's. */
#include "lib/string.h"

size_t str_copy(char *dst, const char *src, size_t size)
{
    size_t len = strlen(src);

    if (size) {
        size_t n = len < size ? len : size - 1;

        memcpy(dst, src, n);
        dst[n] = 0;
    }
    return len;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    return 99;
}

bool str_u64(const char **s, int base, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;

    if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 0x20) == 'x' && digit(p[2]) < 16) {
        base = 16;
        p += 2;
    }
    if (!base)
        base = p[0] == '0' ? 8 : 10;
    const char *first = p;

    for (; digit(*p) < base; p++)
        if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
            __builtin_add_overflow(v, (uint64_t)digit(*p), &v))
            return false;
    if (p == first)
        return false;
    *s = p;
    *out = v;
    return true;
}

bool str_size(const char **s, uint64_t *out)
{
    const char *p = *s;
    uint64_t v;
    unsigned shift = 0;

    if (!str_u64(&p, 0, &v))
        return false;
    switch (*p | 0x20) {
    case 't':
        shift += 10;
        __attribute__((fallthrough));
    case 'g':
        shift += 10;
        __attribute__((fallthrough));
    case 'm':
        shift += 10;
        __attribute__((fallthrough));
    case 'k':
        shift += 10;
        p++;
    }
    if (v << shift >> shift != v)
        return false;
    *s = p;
    *out = v << shift;
    return true;
}
