/* SPDX-License-Identifier: BSD-2-Clause */
/* segq.c: the bytes that were written and not yet acknowledged: segments in order of their sequence numbers. */
#include "kernel/page.h"
#include "kernel/slab.h"
#include "net/tcp/tcp_sock.h"
#include "net/zerocopy.h"

static inline void init(struct tcp_seg *s)
{
    *s = (struct tcp_seg){ 0 };
}

struct tcp_seg *tcp_seg_inline(uint32_t room)
{
    uint32_t size = sizeof(struct tcp_seg) + MAX(room, 64u);
    struct tcp_seg *s;

    /* kmalloc() has sizes of its own: what is left over may be written into later */
    if (size <= 2048) {
        uint32_t class = 128;

        while (class < size)
            class *= 2;
        size = class;
    }
    s = kmalloc(size);
    if (!s)
        return NULL;
    s->next = s->prev = NULL;
    s->seq = s->len = 0;
    s->truesize = size;
    s->flags = s->nr_frags = s->sends = s->ecn_cwr = 0;
    s->sent_ns = s->delivered_ns = s->delivered = 0;
    s->off = 0;
    s->room = size - sizeof(*s);
    return s;
}

/* Pieces of 32 KiB where there are some: fewer of them to handle. */
struct tcp_seg *tcp_seg_pages(uint32_t len)
{
    struct tcp_seg *s = kmalloc(sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]));

    if (!s)
        return NULL;
    init(s);
    s->truesize = sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]);
    while (len) {
        unsigned order = len > 4 * PAGE_SIZE ? 3 : len > PAGE_SIZE ? 1 : 0;
        struct page *p = page_alloc_order(order, PAGE_ATOMIC);
        struct pktfrag *f = &s->frags[s->nr_frags];

        if (!p && order)
            p = page_alloc_order(order = 0, PAGE_WAIT);
        if (!p || s->nr_frags == SEG_MAX_FRAGS) {
            if (p)
                page_put(p);
            tcp_seg_free(s);
            return NULL;
        }
        f->page = p;
        f->off = 0;
        f->len = MIN(len, (uint32_t)PAGE_SIZE << order);
        s->truesize += PAGE_SIZE << order;
        s->nr_frags++;
        s->len += f->len;
        len -= f->len;
    }
    return s;
}

struct tcp_seg *tcp_seg_refs(struct socket_msg *m, uint32_t len)
{
    struct tcp_seg *s = kmalloc(sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]));

    if (!s)
        return NULL;
    init(s);
    while (len && s->nr_frags < SEG_MAX_FRAGS) {
        const struct pktfrag *f = m->pages;
        uint32_t n = MIN(len, f->len - m->page_off);

        page_get(f->page);
        s->frags[s->nr_frags++] = (struct pktfrag){ f->page, f->off + m->page_off, n };
        s->len += n;
        len -= n;
        socket_msg_page_taken(m, n);
    }
    /* the pages are somebody else's, too: counted is what is sent of them */
    s->truesize = sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]) + s->len;
    return s;
}

struct tcp_seg *tcp_seg_pinned(struct socket_msg *m, uint32_t len)
{
    struct tcp_seg *s = kmalloc(sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]));

    if (!s)
        return NULL;
    init(s);
    s->nr_frags = zerocopy_pin(m->iov, len, s->frags, SEG_MAX_FRAGS, &s->len);
    if (!s->nr_frags) {
        kfree(s);
        return NULL;
    }
    ref_get(&m->owner->refs);
    s->owner = m->owner;
    s->flags = SEG_OWNED;
    s->truesize = sizeof(*s) + SEG_MAX_FRAGS * sizeof(s->frags[0]) + s->len;
    return s;
}

/* Its pages are gone, or go with it. */
static void disown(struct tcp_seg *s)
{
    s->flags &= ~SEG_OWNED;
    pktbuf_owner_put(s->owner);
}

void tcp_seg_join(struct tcp_sock *t, struct tcp_seg *s)
{
    struct tcp_seg *last = t->last;
    unsigned i = 0;

    while (i < s->nr_frags && last->nr_frags < SEG_MAX_FRAGS && last->len < t->gso_max) {
        struct pktfrag *f = &s->frags[i];
        uint32_t n = MIN(f->len, t->gso_max - last->len);

        last->frags[last->nr_frags++] = (struct pktfrag){ f->page, f->off, n };
        if (n < f->len) {
            page_get(f->page);
            f->off += n;
            f->len -= n;
        } else {
            i++;
        }
        last->len += n;
        s->len -= n;
        last->truesize += n;
        t->wmem += n;
        tcp_mem_add(n);
        s->truesize -= n;
    }
    s->nr_frags -= i;
    memmove(s->frags, s->frags + i, s->nr_frags * sizeof(s->frags[0]));
}

void tcp_seg_free(struct tcp_seg *s)
{
    for (unsigned i = 0; i < s->nr_frags; i++)
        page_put(s->frags[i].page);
    if (unlikely(s->flags & SEG_OWNED))
        disown(s);
    kfree(s);
}

void tcp_seg_append(struct tcp_sock *t, struct tcp_seg *s)
{
    s->next = NULL;
    s->prev = t->last;
    if (t->last)
        t->last->next = s;
    else
        t->first = s;
    t->last = s;
    if (!t->unsent)
        t->unsent = s;
    t->wmem += s->truesize;
    tcp_mem_add(s->truesize);
}

void tcp_seg_unlink(struct tcp_sock *t, struct tcp_seg *s)
{
    if (t->unsent == s)
        t->unsent = s->next;
    if (s->prev)
        s->prev->next = s->next;
    else
        t->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        t->last = s->prev;
    t->wmem -= s->truesize;
    tcp_mem_add(-(int64_t)s->truesize);
}

static void insert_behind(struct tcp_sock *t, struct tcp_seg *s, struct tcp_seg *n)
{
    n->prev = s;
    n->next = s->next;
    if (s->next)
        s->next->prev = n;
    else
        t->last = n;
    s->next = n;
    t->wmem += n->truesize;
    tcp_mem_add(n->truesize);
}

static struct tcp_seg *split_pages(struct tcp_sock *t, struct tcp_seg *s, uint32_t at)
{
    struct tcp_seg *n = kmalloc(sizeof(*n) + SEG_MAX_FRAGS * sizeof(n->frags[0]));
    unsigned i = 0, keep;
    uint32_t off = at;

    if (!n)
        return NULL;
    init(n);
    while (off >= s->frags[i].len)
        off -= s->frags[i++].len;
    keep = off ? i + 1 : i;
    for (; i < s->nr_frags; i++) {
        struct pktfrag *f = &n->frags[n->nr_frags++];

        *f = s->frags[i];
        if (off) { /* both have a part of this one */
            page_get(f->page);
            f->off += off;
            f->len -= off;
            s->frags[i].len = off;
            off = 0;
        }
    }
    s->nr_frags = keep;
    if (s->flags & SEG_OWNED) {
        n->owner = s->owner;
        ref_get(&n->owner->refs);
    }
    /* The pages are paid for already; who pays for the structure's few bytes is no matter. */
    n->truesize = MIN(s->len - at, s->truesize / 2);
    s->truesize -= n->truesize;
    t->wmem -= n->truesize;
    tcp_mem_add(-(int64_t)n->truesize);
    return n;
}

int tcp_seg_split(struct tcp_sock *t, struct tcp_seg *s, uint32_t at)
{
    struct tcp_seg *n;
    uint32_t rest = s->len - at;

    ASSERT(at && at < s->len);
    if (s->nr_frags) {
        n = split_pages(t, s, at);
    } else {
        n = tcp_seg_inline(rest);
        if (n)
            memcpy(n->data, s->data + s->off + at, rest);
    }
    if (!n)
        return -ENOMEM;
    n->len = rest;
    n->seq = s->seq + at;
    s->len = at;
    n->flags = s->flags;
    s->flags &= ~(SEG_FIN | SEG_PSH);
    n->sends = s->sends;
    n->sent_ns = s->sent_ns;
    n->delivered = s->delivered;
    n->delivered_ns = s->delivered_ns;
    insert_behind(t, s, n);
    return 0;
}

void tcp_seg_trim_front(struct tcp_sock *t, struct tcp_seg *s, uint32_t len)
{
    s->seq += len;
    s->len -= len;
    if (s->nr_frags) {
        unsigned gone = 0;

        while (len && len >= s->frags[gone].len) {
            len -= s->frags[gone].len;
            page_put(s->frags[gone++].page);
        }
        if (gone) {
            s->nr_frags -= gone;
            memmove(s->frags, s->frags + gone, s->nr_frags * sizeof(s->frags[0]));
        }
        if (len) {
            s->frags[0].off += len;
            s->frags[0].len -= len;
        }
        if (!s->nr_frags) { /* an empty one with FIN: nothing inline */
            if (s->flags & SEG_OWNED)
                disown(s);
            s->off = s->room = 0;
        }
    } else {
        s->off += len;
    }
}

void tcp_segq_purge(struct tcp_sock *t)
{
    struct tcp_seg *s, *next;

    for (s = t->first; s; s = next) {
        next = s->next;
        tcp_seg_free(s);
    }
    tcp_mem_add(-(int64_t)t->wmem);
    t->first = t->last = t->unsent = NULL;
    t->wmem = 0;
    t->sacked = t->lost = t->retrans = 0;
}
