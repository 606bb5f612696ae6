/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mem.h"
#include "abi/control.h"
#include "host/msg.h"

static void *check(void *p)
{
    if (!p) {
        msg_error("out of memory");
        exit(EXIT_FAILED);
    }
    return p;
}

void *xmalloc(size_t len)
{
    return check(malloc(len ? len : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t len)
{
    return check(realloc(p, len ? len : 1));
}

char *xstrdup(const char *s)
{
    return check(strdup(s));
}

char *xstrndup(const char *s, size_t len)
{
    return check(strndup(s, len));
}

static char *xvasprintf(const char *fmt, va_list ap)
{
    char *s = NULL;

    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    return check(s);
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *s = xvasprintf(fmt, ap);
    va_end(ap);
    return s;
}

void strv_take(struct strv *s, char *str)
{
    /* Grow at each power of two: capacity needs no field of its own. */
    if ((s->n & (s->n + 1)) == 0)
        s->v = xrealloc(s->v, (2 * s->n + 2) * sizeof(*s->v));
    s->v[s->n++] = str;
    s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
    strv_take(s, xstrdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strv_take(s, xvasprintf(fmt, ap));
    va_end(ap);
}

void strv_split(struct strv *s, const char *str, const char *seps, int keep_empty)
{
    for (;;) {
        size_t len = strcspn(str, seps);

        if (len || keep_empty)
            strv_take(s, xstrndup(str, len));
        if (!str[len])
            return;
        str += len + 1;
    }
}

bool strv_has(const struct strv *s, const char *str, size_t len)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strncmp(s->v[i], str, len) && !s->v[i][len])
            return true;
    return false;
}

void strv_free(struct strv *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i]);
    free(s->v);
    *s = (struct strv){ 0 };
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (b->len + len + 1 > b->cap) {
        b->cap = 2 * (b->len + len + 1);
        b->p = xrealloc(b->p, b->cap);
    }
    memcpy(b->p + b->len, data, len);
    b->len += len;
    b->p[b->len] = 0;
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    _cleanup_free_ char *s = xvasprintf(fmt, ap);
    va_end(ap);
    buf_adds(b, s);
}

void buf_consume(struct buf *b, size_t len)
{
    memmove(b->p, b->p + len, b->len - len);
    b->len -= len;
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ 0 };
}
