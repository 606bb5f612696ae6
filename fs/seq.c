/* SPDX-License-Identifier: BSD-2-Clause */
/* seq.c: growing text. */
#include "fs/pseudo.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define SEQ_FIRST 1024

static bool reserve(struct seq *s, size_t more)
{
    size_t size = s->size ? s->size : SEQ_FIRST;
    char *buf;

    if (s->failed)
        return false;
    if (s->len + more <= s->size)
        return true;
    while (size < s->len + more)
        size *= 2;
    buf = krealloc(s->buf, s->size, size);
    if (!buf) {
        s->failed = true;
        return false;
    }
    s->buf = buf;
    s->size = size;
    return true;
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (!reserve(s, 128))
        return;
    va_start(ap, fmt);
    n = vsnprintf(s->buf + s->len, s->size - s->len, fmt, ap);
    va_end(ap);
    if (s->len + n >= s->size) { /* did not fit: now it does */
        if (!reserve(s, n + 1))
            return;
        va_start(ap, fmt);
        vsnprintf(s->buf + s->len, s->size - s->len, fmt, ap);
        va_end(ap);
    }
    s->len += n;
}

void seq_write(struct seq *s, const void *data, size_t len)
{
    if (!reserve(s, len))
        return;
    memcpy(s->buf + s->len, data, len);
    s->len += len;
}

void seq_puts(struct seq *s, const char *text)
{
    seq_write(s, text, strlen(text));
}

void seq_free(struct seq *s)
{
    kfree(s->buf);
    *s = (struct seq){ 0 };
}
