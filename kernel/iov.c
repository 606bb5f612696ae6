/* SPDX-License-Identifier: BSD-2-Clause */
/* iov.c: copying to and from the segments of one read or write (see iov.h). */
#include "kernel/iov.h"
#include "kernel/uaccess.h"
#include "lib/string.h"

/* Consumes n bytes of the current segment. */
static inline void advance(struct iov *v, size_t n)
{
    v->count -= n;
    v->off += n;
    if (v->off == v->segs->len && v->nr_segs > 1) {
        v->segs++;
        v->nr_segs--;
        v->off = 0;
    }
}

static inline size_t here(const struct iov *v, size_t len)
{
    return MIN(len, v->segs->len - v->off);
}

static inline bool skip_empty(struct iov *v)
{
    while (v->off == v->segs->len) {
        if (v->nr_segs <= 1)
            return false;
        v->segs++;
        v->nr_segs--;
        v->off = 0;
    }
    return true;
}

size_t iov_put_segments(struct iov *v, const void *src, size_t len)
{
    size_t done = 0;

    while (done < len && skip_empty(v)) {
        size_t n = here(v, len - done), left = 0;
        char *dst = (char *)v->segs->base + v->off;

        if (v->kernel)
            memcpy(dst, (const char *)src + done, n);
        else
            left = copy_to_user_partial((char __user *)dst, (const char *)src + done, n);
        done += n - left;
        advance(v, n - left);
        if (left)
            break;
    }
    return done;
}

size_t iov_get_segments(struct iov *v, void *dst, size_t len)
{
    size_t done = 0;

    while (done < len && skip_empty(v)) {
        size_t n = here(v, len - done), left = 0;
        const char *src = (const char *)v->segs->base + v->off;

        if (v->kernel)
            memcpy((char *)dst + done, src, n);
        else
            left = copy_from_user_partial((char *)dst + done, (const char __user *)src, n);
        done += n - left;
        advance(v, n - left);
        if (left)
            break;
    }
    return done;
}

size_t iov_zero(struct iov *v, size_t len)
{
    size_t done = 0;

    len = MIN(len, v->count);
    while (done < len && skip_empty(v)) {
        size_t n = here(v, len - done);
        char *dst = (char *)v->segs->base + v->off;

        if (v->kernel)
            memset(dst, 0, n);
        else if (clear_user((char __user *)dst, n))
            break;
        done += n;
        advance(v, n);
    }
    return done;
}

void iov_skip(struct iov *v, size_t len)
{
    len = MIN(len, v->count);
    while (len && skip_empty(v)) {
        size_t n = here(v, len);

        advance(v, n);
        len -= n;
    }
}
