/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting: C99's vsnprintf without floating point, wide characters and %n. */
#include "lib/string.h"

struct out {
    char *buf;
    size_t size, len; /* len: what the whole would have, may exceed size */
};

#define F_LEFT  1
#define F_ZERO  2
#define F_PLUS  4
#define F_SPACE 8
#define F_ALT   16
#define F_UPPER 32

struct spec {
    unsigned flags;
    int width, prec; /* prec -1: none given */
};

static inline void put(struct out *o, char c)
{
    if (o->len < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_many(struct out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
}

static void pad(struct out *o, char c, int n)
{
    while (n-- > 0)
        put(o, c);
}

static void put_text(struct out *o, const struct spec *sp, const char *s, size_t n)
{
    int fill = sp->width > (int)n ? sp->width - (int)n : 0;

    if (!(sp->flags & F_LEFT))
        pad(o, ' ', fill);
    put_many(o, s, n);
    if (sp->flags & F_LEFT)
        pad(o, ' ', fill);
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
    if (!s)
        s = "(null)";
    put_text(o, sp, s, sp->prec < 0 ? strlen(s) : strnlen(s, sp->prec));
}

/* prefix: sign or base, "" for none */
static void put_number(struct out *o, const struct spec *sp, uint64_t v, unsigned base, const char *prefix)
{
    const char *digits = sp->flags & F_UPPER ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24];
    int n = 0, lead = strlen(prefix);

    if (base == 10) {
        for (; v; v /= 10)
            tmp[n++] = '0' + v % 10;
    } else {
        unsigned shift = base == 16 ? 4 : 3;

        for (; v; v >>= shift)
            tmp[n++] = digits[v & (base - 1)];
    }
    int zeros = sp->prec < 0 ? (n == 0) : sp->prec > n ? sp->prec - n : 0;

    if (base == 8 && (sp->flags & F_ALT) && !zeros)
        zeros = 1;
    int fill = sp->width - lead - zeros - n;

    if ((sp->flags & (F_ZERO | F_LEFT)) == F_ZERO && sp->prec < 0 && fill > 0) {
        zeros += fill;
        fill = 0;
    }
    if (!(sp->flags & F_LEFT))
        pad(o, ' ', fill);
    put_many(o, prefix, lead);
    pad(o, '0', zeros);
    while (n)
        put(o, tmp[--n]);
    if (sp->flags & F_LEFT)
        pad(o, ' ', fill);
}

static const char *parse_flags(const char *f, struct spec *sp)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            sp->flags |= F_LEFT;
            break;
        case '0':
            sp->flags |= F_ZERO;
            break;
        case '+':
            sp->flags |= F_PLUS;
            break;
        case ' ':
            sp->flags |= F_SPACE;
            break;
        case '#':
            sp->flags |= F_ALT;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_int(const char *f, int *out)
{
    int v = 0;

    for (; *f >= '0' && *f <= '9'; f++)
        if (v < 100000)
            v = v * 10 + (*f - '0');
    *out = v;
    return f;
}

/* The size of the argument: -2 hh, -1 h, 0 int, 1 long (also z, t, j, ll: all 64 bits here). */
static const char *parse_length(const char *f, int *length)
{
    *length = 0;
    while (*f == 'h') {
        (*length)--;
        f++;
    }
    while (*f == 'l' || *f == 'z' || *f == 't' || *f == 'j') {
        *length = 1;
        f++;
    }
    return f;
}

static void put_signed(struct out *o, const struct spec *sp, int64_t v)
{
    const char *sign = v < 0 ? "-" : sp->flags & F_PLUS ? "+" : sp->flags & F_SPACE ? " " : "";

    put_number(o, sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, sign);
}

static void put_unsigned(struct out *o, struct spec *sp, uint64_t v, char conv)
{
    if (conv == 'X')
        sp->flags |= F_UPPER;
    if (conv == 'u')
        put_number(o, sp, v, 10, "");
    else if (conv == 'o')
        put_number(o, sp, v, 8, "");
    else
        put_number(o, sp, v, 16, (sp->flags & F_ALT) && v ? (conv == 'X' ? "0X" : "0x") : "");
}

int vsnprintf(char *buf, size_t size, const char *f, va_list ap)
{
    struct out o = { buf, size, 0 };

    for (; *f; f++) {
        struct spec sp = { .prec = -1 };
        int length;

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        f = parse_flags(f + 1, &sp);
        if (*f == '*') {
            sp.width = va_arg(ap, int);
            if (sp.width < 0) {
                sp.flags |= F_LEFT;
                sp.width = -sp.width;
            }
            f++;
        } else {
            f = parse_int(f, &sp.width);
        }
        if (*f == '.') {
            f++;
            if (*f == '*') {
                sp.prec = va_arg(ap, int);
                if (sp.prec < 0)
                    sp.prec = -1;
                f++;
            } else {
                f = parse_int(f, &sp.prec);
            }
        }
        f = parse_length(f, &length);
        switch (*f) {
        case 'd':
        case 'i': {
            int64_t v = length > 0 ? va_arg(ap, long) : va_arg(ap, int);

            put_signed(&o, &sp, length == -1 ? (short)v : length <= -2 ? (signed char)v : v);
            break;
        }
        case 'u':
        case 'x':
        case 'X':
        case 'o': {
            uint64_t v = length > 0 ? va_arg(ap, unsigned long) : va_arg(ap, unsigned);

            put_unsigned(&o, &sp, length == -1 ? (uint16_t)v : length <= -2 ? (uint8_t)v : v, *f);
            break;
        }
        case 'p':
            put_number(&o, &sp, (uintptr_t)va_arg(ap, void *), 16, "0x");
            break;
        case 's':
            put_string(&o, &sp, va_arg(ap, const char *));
            break;
        case 'c': {
            char c = va_arg(ap, int);

            put_text(&o, &sp, &c, 1);
            break;
        }
        case '%':
            put(&o, '%');
            break;
        case 0:
            f--; /* a lone % at the end */
            break;
        default: /* unknown: shown as it stands */
            put(&o, '%');
            put(&o, *f);
        }
    }
    if (size)
        buf[o.len < size ? o.len : size - 1] = 0;
    return o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
