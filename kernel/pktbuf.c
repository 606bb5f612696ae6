/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pktbuf.c: packets' memory. Descriptor and linear bytes are one object of one of two sizes: acknowledgements and
 * what else is short, and a frame of 1500 bytes; longer ones have their bytes apart.
 */
#include "kernel/pktbuf.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/checksum.h"
#include "lib/string.h"

#define SMALL_SIZE 704
#define FRAME_SIZE 2048

static_assert(sizeof(struct pktbuf) % 8 == 0, "the bytes behind it are aligned");

#define KEEP_SMALL 32 /* a CPU keeps as many as a batch of packets takes and gives back */
#define KEEP_FRAME 16

static struct slab_cache small_cache = { .name = "pktbuf-small",
                                         .size = SMALL_SIZE,
                                         .align = 64,
                                         .keep = KEEP_SMALL,
                                         .lock = SPINLOCK_INIT(RANK_SLAB) };
static struct slab_cache frame_cache = {
    .name = "pktbuf", .size = FRAME_SIZE, .align = 64, .keep = KEEP_FRAME, .lock = SPINLOCK_INIT(RANK_SLAB)
};

/* All but frags, and private, which is the owner's. */
static __always_inline struct pktbuf *set_up(struct pktbuf *p, uint8_t *head, uint32_t headroom,
                                             uint32_t bytes, bool frame)
{
    if (unlikely(!p))
        return NULL;
    p->next = NULL;
    p->data = head + headroom;
    p->len = p->total = 0;
    p->head = head;
    p->end = head + bytes;
    p->dev = NULL;
    p->time_ns = 0;
    p->hash = 0;
    p->queue = p->protocol = 0;
    p->link = p->network = p->transport = 0;
    p->csum_start = p->csum_offset = 0;
    p->gso_size = p->gso_segs = 0;
    p->csum = p->gso = p->link_type = p->nr_frags = p->flags = 0;
    p->frame = frame;
    return p;
}

static __noinline struct pktbuf *alloc_large(uint32_t headroom, uint32_t bytes)
{
    uint8_t *head = bytes >= headroom ? kmalloc(bytes) : NULL; /* or it wrapped */
    struct pktbuf *p = head ? slab_alloc(&small_cache) : NULL;

    if (!p)
        kfree(head);
    return set_up(p, head, headroom, bytes, false);
}

struct pktbuf *pktbuf_alloc(uint32_t headroom, uint32_t size)
{
    uint32_t bytes = headroom + size;
    struct pktbuf *p;

    if (unlikely(bytes > PKTBUF_FRAME_BYTES || bytes < size))
        return alloc_large(headroom, bytes);
    if (bytes <= SMALL_SIZE - sizeof(*p)) {
        p = slab_alloc(&small_cache);
        return set_up(p, (uint8_t *)(p + 1), headroom, SMALL_SIZE - sizeof(*p), false);
    }
    p = slab_alloc(&frame_cache);
    return set_up(p, (uint8_t *)(p + 1), headroom, FRAME_SIZE - sizeof(*p), true);
}

struct pktbuf *pktbuf_alloc_data(uint32_t headroom, uint32_t size)
{
    uint32_t linear = headroom + size <= PKTBUF_FRAME_BYTES ? size : (uint32_t)PKTBUF_FRAME_BYTES - headroom;
    struct pktbuf *p = pktbuf_alloc(headroom, linear);

    ASSERT(headroom < PKTBUF_FRAME_BYTES && size <= 65536 + 64);
    if (!p)
        return NULL;
    pktbuf_put(p, linear);
    for (size -= linear; size; size -= MIN(size, (uint32_t)PAGE_SIZE)) {
        struct page *page = page_alloc(PAGE_ATOMIC);

        if (!page) {
            pktbuf_free(p);
            return NULL;
        }
        pktbuf_add_frag(p, page, 0, MIN(size, (uint32_t)PAGE_SIZE));
    }
    return p;
}

void pktbuf_free(struct pktbuf *p)
{
    for (unsigned i = 0; i < p->nr_frags; i++)
        page_put(p->frags[i].page);
    if (unlikely(p->flags & PKTBUF_OWNED))
        pktbuf_owner_put(p->owner);
    if (p->head != (uint8_t *)(p + 1))
        kfree(p->head);
    slab_free(p->frame ? &frame_cache : &small_cache, p);
}

struct pktbuf *pktbuf_clone(const struct pktbuf *p)
{
    uint32_t headroom = p->data - p->head;
    struct pktbuf *c = pktbuf_alloc(headroom, p->len);
    uint8_t *head, *end;
    bool frame;

    if (!c)
        return NULL;
    head = c->head;
    end = c->end;
    frame = c->frame;
    memcpy(c, p, offsetof(struct pktbuf, frags) + p->nr_frags * sizeof(p->frags[0]));
    c->next = NULL;
    c->frame = frame;
    c->head = head;
    c->end = end;
    c->data = head + headroom;
    /* headers that were pulled off are still wanted: offsets lead there */
    memcpy(head, p->head, headroom + p->len);
    for (unsigned i = 0; i < p->nr_frags; i++)
        page_get(p->frags[i].page);
    if (unlikely(p->flags & PKTBUF_OWNED))
        ref_get(&p->owner->refs);
    return c;
}

bool pktbuf_disown_slow(struct pktbuf *p)
{
    for (unsigned i = 0; i < p->nr_frags; i++) {
        struct pktfrag *f = &p->frags[i];
        struct page *page = page_alloc(PAGE_ATOMIC);

        if (!page)
            return false; /* those copied already are as good */
        ASSERT(f->len <= PAGE_SIZE);
        memcpy(page_virt(page), pktfrag_virt(f), f->len);
        page_put(f->page);
        f->page = page;
        f->off = 0;
    }
    WRITE_ONCE(p->owner->copied, true);
    p->flags &= ~PKTBUF_OWNED;
    pktbuf_owner_put(p->owner);
    return true;
}

/* Takes n bytes off the front of the frags; there are so many. */
static void frags_drop_front(struct pktbuf *p, uint32_t n)
{
    unsigned gone = 0;

    p->total -= n;
    while (n && n >= p->frags[gone].len) {
        n -= p->frags[gone].len;
        page_put(p->frags[gone++].page);
    }
    if (gone) {
        p->nr_frags -= gone;
        memmove(p->frags, p->frags + gone, p->nr_frags * sizeof(p->frags[0]));
    }
    if (n) {
        p->frags[0].off += n;
        p->frags[0].len -= n;
    }
}

/* Room for need more bytes behind the linear ones: in place, or in new memory. */
static bool make_tailroom(struct pktbuf *p, uint32_t need)
{
    uint32_t headroom = p->data - p->head, used = headroom + p->len;
    uint8_t *head;

    if ((uint32_t)(p->end - p->head) - used >= need)
        return true;
    head = kmalloc(used + need);
    if (!head)
        return false;
    memcpy(head, p->head, used);
    if (p->head != (uint8_t *)(p + 1))
        kfree(p->head);
    p->head = head;
    p->data = head + headroom;
    p->end = head + used + need;
    return true;
}

bool pktbuf_pull_linear_slow(struct pktbuf *p, uint32_t len)
{
    uint32_t n;

    if (len <= p->len)
        return true;
    n = len - p->len;
    if (len > p->total || !make_tailroom(p, n))
        return false;
    pktbuf_copy_out(p, p->len, p->data + p->len, n);
    frags_drop_front(p, n);
    p->len += n;
    p->total += n;
    return true;
}

static inline void copy_piece(void *piece, void *mem, uint32_t len, bool in)
{
    if (in)
        memcpy(piece, mem, len);
    else
        memcpy(mem, piece, len);
}

/* len bytes of the packet from off, which are there, to mem, or from there into the packet. */
static inline void copy(const struct pktbuf *p, uint32_t off, char *mem, uint32_t len, bool in)
{
    uint32_t n;

    if (off < p->len) {
        n = MIN(len, p->len - off);
        copy_piece(p->data + off, mem, n, in);
        mem += n;
        len -= n;
        off += n;
    }
    off -= p->len;
    for (const struct pktfrag *f = p->frags; len; off -= f++->len) {
        if (off >= f->len)
            continue;
        n = MIN(len, f->len - off);
        copy_piece((char *)pktfrag_virt(f) + off, mem, n, in);
        mem += n;
        len -= n;
        off += n;
    }
}

bool pktbuf_copy_out(const struct pktbuf *p, uint32_t off, void *dst, uint32_t len)
{
    if (off > p->total || len > p->total - off)
        return false;
    copy(p, off, dst, len, false);
    return true;
}

void pktbuf_copy_in(struct pktbuf *p, uint32_t off, const void *src, uint32_t len)
{
    copy(p, off, (char *)src, len, true);
}

void pktbuf_copy_packet(struct pktbuf *p, uint32_t off, const struct pktbuf *src)
{
    pktbuf_copy_in(p, off, src->data, src->len);
    off += src->len;
    for (unsigned i = 0; i < src->nr_frags; i++) {
        pktbuf_copy_in(p, off, pktfrag_virt(&src->frags[i]), src->frags[i].len);
        off += src->frags[i].len;
    }
}

void pktbuf_trim(struct pktbuf *p, uint32_t len)
{
    uint32_t cut;

    if (len >= p->total)
        return;
    cut = p->total - len;
    while (cut && p->nr_frags) {
        struct pktfrag *f = &p->frags[p->nr_frags - 1];
        uint32_t n = MIN(cut, f->len);

        f->len -= n;
        p->total -= n;
        cut -= n;
        if (!f->len) {
            page_put(f->page);
            p->nr_frags--;
        }
    }
    p->len -= cut;
    p->total -= cut;
}

void pktbuf_drop_front(struct pktbuf *p, uint32_t len)
{
    uint32_t linear = MIN(len, p->len);

    ASSERT(len <= p->total);
    pktbuf_pull(p, linear);
    if (len > linear)
        frags_drop_front(p, len - linear);
}

uint32_t pktbuf_checksum(const struct pktbuf *p, uint32_t off, uint32_t len, uint32_t sum)
{
    bool odd = false;

    ASSERT(off <= p->total && len <= p->total - off);
    if (off < p->len) {
        uint32_t n = MIN(len, p->len - off);

        sum = checksum_add(p->data + off, n, sum);
        odd = n & 1;
        len -= n;
        off += n;
    }
    off -= p->len;
    for (unsigned i = 0; len; i++) {
        const struct pktfrag *f = &p->frags[i];

        if (off < f->len) {
            uint32_t n = MIN(len, f->len - off);
            uint32_t part = checksum_add((char *)pktfrag_virt(f) + off, n, 0);

            sum = checksum_fold(sum + (odd ? checksum_odd(part) : part));
            odd ^= n & 1;
            len -= n;
            off += n;
        }
        off -= f->len;
    }
    return checksum_fold(sum);
}
