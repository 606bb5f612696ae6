/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.c: addresses in words (RFC 4291 §2.2). */
#include "net/parse.h"
#include "lib/string.h"

bool parse_v4(const char *s, uint32_t *out)
{
    uint8_t b[4];

    for (unsigned i = 0; i < 4; i++) {
        uint64_t n;

        if (*s < '0' || *s > '9' || !str_u64(&s, 10, &n) || n > 255 || *s != (i < 3 ? '.' : 0))
            return false;
        b[i] = n;
        s++;
    }
    memcpy(out, b, 4);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_v6(const char *s, struct inaddr *a)
{
    int gap = -1;
    unsigned n = 0; /* words so far */

    *a = INADDR_ANY6;
    if (s[0] == ':' && s[1] != ':')
        return false;
    while (*s) {
        unsigned v = 0, digits = 0;
        uint32_t v4;

        if (s[0] == ':' && s[1] == ':') {
            if (gap >= 0)
                return false;
            gap = n;
            s += 2;
            continue;
        }
        if (*s == ':')
            s++;
        if (n == 8)
            return false;
        if (strchr(s, '.') && !strchr(s, ':')) {
            if (n > 6 || !parse_v4(s, &v4))
                return false;
            memcpy(&a->h[n], &v4, 4);
            n += 2;
            break;
        }
        for (; hex_digit(*s) >= 0; s++, digits++)
            v = v << 4 | hex_digit(*s);
        if (!digits || digits > 4 || (*s && *s != ':'))
            return false;
        if (s[0] == ':' && !s[1])
            return false;
        a->h[n++] = be16(v);
    }
    if (gap < 0)
        return n == 8;
    if (n == 8)
        return false;
    memmove(&a->h[8 - (n - gap)], &a->h[gap], (n - gap) * 2);
    memset(&a->h[gap], 0, (8 - n) * 2);
    return true;
}
