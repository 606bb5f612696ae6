/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's memory and string functions, for the kernel. The bulk ones are weak: an ISA may bring better.
 *
 * The empty asm in a loop's body keeps the compiler from recognising the loop and calling the function it is in.
 */
#include "lib/string.h"

#define __weak    __attribute__((weak))
#define opaque(p) __asm__("" : "+r"(p))

typedef uint64_t __attribute__((may_alias, aligned(1))) word;
typedef uint32_t __attribute__((may_alias, aligned(1))) half;
typedef uint16_t __attribute__((may_alias, aligned(1))) quarter;

/* Up to 16 bytes: two possibly overlapping accesses, both read before either is written. */
static inline void copy_small(char *d, const char *s, size_t n)
{
    if (n >= 8) {
        uint64_t a = *(const word *)s, b = *(const word *)(s + n - 8);

        *(word *)d = a;
        *(word *)(d + n - 8) = b;
    } else if (n >= 4) {
        uint32_t a = *(const half *)s, b = *(const half *)(s + n - 4);

        *(half *)d = a;
        *(half *)(d + n - 4) = b;
    } else if (n >= 2) {
        uint16_t a = *(const quarter *)s, b = *(const quarter *)(s + n - 2);

        *(quarter *)d = a;
        *(quarter *)(d + n - 2) = b;
    } else if (n) {
        *d = *s;
    }
}

static inline void copy_32(char *d, const char *s)
{
    uint64_t a = *(const word *)s, b = *(const word *)(s + 8);
    uint64_t c = *(const word *)(s + 16), e = *(const word *)(s + 24);

    *(word *)d = a;
    *(word *)(d + 8) = b;
    *(word *)(d + 16) = c;
    *(word *)(d + 24) = e;
}

__weak void *memcpy(void *dst, const void *src, size_t n)
{
    char *d = dst;
    const char *s = src;

    for (; n >= 32; n -= 32, d += 32, s += 32) {
        opaque(d);
        copy_32(d, s);
    }
    if (n > 16) {
        copy_small(d, s, 16);
        d += 16;
        s += 16;
        n -= 16;
    }
    copy_small(d, s, n);
    return dst;
}

__weak void *memmove(void *dst, const void *src, size_t n)
{
    char *d = dst;
    const char *s = src;

    /* Forward copying reads each piece before a later one overwrites it only when dst is below src. */
    if ((uintptr_t)d - (uintptr_t)s >= n)
        return memcpy(dst, src, n);
    for (; n >= 32; n -= 32) {
        opaque(d);
        copy_32(d + n - 32, s + n - 32);
    }
    if (n > 16) {
        copy_small(d + n - 16, s + n - 16, 16);
        n -= 16;
    }
    copy_small(d, s, n);
    return dst;
}

__weak void *memset(void *dst, int c, size_t n)
{
    char *d = dst;
    uint64_t v = (uint8_t)c * 0x0101010101010101ull;

    if (n < 8) {
        for (; n; n--) {
            opaque(d);
            *d++ = c;
        }
        return dst;
    }
    *(word *)(d + n - 8) = v;
    for (; n >= 32; n -= 32, d += 32) {
        opaque(d);
        ((word *)d)[0] = v;
        ((word *)d)[1] = v;
        ((word *)d)[2] = v;
        ((word *)d)[3] = v;
    }
    for (; n >= 8; n -= 8, d += 8) {
        opaque(d);
        *(word *)d = v;
    }
    return dst;
}

__weak int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (; n >= 8 && *(const word *)x == *(const word *)y; n -= 8, x += 8, y += 8)
        opaque(x);
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const unsigned char *p = s;

    for (; n; n--, p++)
        if (*p == (unsigned char)c)
            return (void *)p;
    return NULL;
}

size_t strlen(const char *s)
{
    const char *p = s;

    while (*p) {
        p++;
        opaque(p);
    }
    return p - s;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; a++, n--)
        b++;
    return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;

    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (!*s)
            return (char *)last;
    }
}

char *strstr(const char *s, const char *needle)
{
    size_t len = strlen(needle);

    if (!len)
        return (char *)s;
    for (; (s = strchr(s, *needle)); s++)
        if (!strncmp(s, needle, len))
            return (char *)s;
    return NULL;
}
