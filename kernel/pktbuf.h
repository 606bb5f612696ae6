/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pktbuf.h: network packets, from the device's ring to the socket and back.
 *
 * A packet is its linear bytes [data, data + len) inside [head, end), followed by nr_frags pieces of pages. Headers are
 * pushed in front of data (headroom) and pulled off it; protocols read headers only from the linear part
 * (pktbuf_pull_linear() brings bytes there). One owner at a time; bytes of pages may be shared (page references).
 * Allocation and freeing: threads and softirqs, never interrupt handlers; none sleeps.
 * Invariant: total = len + the lengths of the frags.
 */
#ifndef KERNEL_PKTBUF_H
#define KERNEL_PKTBUF_H

#include "kernel/page.h"
#include "lib/types.h"

#define PKTBUF_MAX_FRAGS 17  /* 64 KiB in pages, and one for the parts */
#define PKTBUF_HEADROOM  128 /* Ethernet, IPv6, TCP with all options; a multiple of 16 */

#define PKTBUF_FRAME_BYTES (2048 - sizeof(struct pktbuf)) /* headroom + size that need one allocation only */

struct netdev;

/* Pages of a program's that packets refer to: done() is called when the last packet let go of them. Any context that frees
 * packets, so under locks up to RANK_NETDEV. */
struct pktbuf_owner {
    refcount_t refs;
    bool copied; /* some of it was copied after all [a] */
    void (*done)(struct pktbuf_owner *o);
};
static inline void pktbuf_owner_put(struct pktbuf_owner *o)
{
    if (ref_put(&o->refs))
        o->done(o);
}

struct pktfrag {
    struct page *page; /* holds a reference; may be of a higher order */
    uint32_t off, len; /* from the first page's start */
};

/* What is known of the checksum of the transport header and what follows it. */
enum pktbuf_csum {
    CSUM_NONE,  /* nothing: verify, or compute before sending */
    CSUM_VALID, /* received: verified by the device, or need not be (loopback) */
    CSUM_PARTIAL, /* sent: the field at csum_start + csum_offset holds the pseudo-header's sum; device or link layer ends it */
};

enum pktbuf_gso { GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP }; /* GSO_UDP: USO, UDP_SEGMENT */

struct pktbuf {
    struct pktbuf *next; /* of the queue it is on */
    uint8_t *data;
    uint32_t len, total;
    uint8_t *head, *end;
    struct netdev *dev; /* received: from; sent: to. No reference: devices stay */
    uint64_t time_ns;   /* received: clock_real_ns() when somebody wants time stamps, else 0 */
    uint32_t hash;      /* of the flow, 0: not known */
    uint16_t queue;     /* of the device */
    uint16_t protocol;  /* ETH_P_*, host order */
    /* offsets from head */
    uint16_t link, network, transport;
    uint16_t csum_start, csum_offset; /* CSUM_PARTIAL: start from head */
    uint16_t gso_size;                /* payload bytes a segment, with gso != GSO_NONE */
    uint16_t gso_segs;
    uint8_t csum, gso; /* enum pktbuf_csum, enum pktbuf_gso */
    uint8_t link_type; /* PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST */
    uint8_t nr_frags;
    uint8_t flags;       /* PKTBUF_* */
    bool frame;          /* pktbuf.c: the size of the object */
    uint64_t private[6]; /* the layer's that owns it now */
    struct pktbuf_owner
        *owner; /* with PKTBUF_OWNED: whose pages the frags are, a reference. Else undefined */
    struct pktfrag frags[PKTBUF_MAX_FRAGS];
};

#define PKTBUF_ECN_CE   1 /* GSO segments after the first keep CWR off */
#define PKTBUF_LOOP     2 /* a copy that multicast loops back */
#define PKTBUF_ETHERNET 4 /* on lo: a packet socket's, with its own Ethernet header in front of data */
#define PKTBUF_OWNED    8 /* the frags are pages of a program's, which may write to them */

/* A packet with headroom bytes before data and room for size linear bytes after it (len = total = 0). NULL: no memory. */
struct pktbuf *pktbuf_alloc(uint32_t headroom, uint32_t size);
/* The same with size bytes already put (their content is undefined), those that one object does not hold in pages; size is
 * at most 64 KiB and a link header. */
struct pktbuf *pktbuf_alloc_data(uint32_t headroom, uint32_t size);
void pktbuf_free(struct pktbuf *p);
/* Another packet with the same bytes: the linear part copied, pages shared. NULL: no memory. */
struct pktbuf *pktbuf_clone(const struct pktbuf *p);
/* Frags that are a program's pages become copies of our own, for whoever keeps the packet. False: no memory. */
bool pktbuf_disown_slow(struct pktbuf *p);
static inline bool pktbuf_disown(struct pktbuf *p)
{
    return likely(!(p->flags & PKTBUF_OWNED)) || pktbuf_disown_slow(p);
}
/* The frags are o's. */
static inline void pktbuf_own(struct pktbuf *p, struct pktbuf_owner *o)
{
    ref_get(&o->refs);
    p->owner = o;
    p->flags |= PKTBUF_OWNED;
}
/* Makes the first len bytes linear. False: the packet is shorter, or no memory. */
bool pktbuf_pull_linear_slow(struct pktbuf *p, uint32_t len);
/* Copies len bytes from off. False: there are not so many. */
bool pktbuf_copy_out(const struct pktbuf *p, uint32_t off, void *dst, uint32_t len);
/* Overwrites len bytes from off; there are so many. */
void pktbuf_copy_in(struct pktbuf *p, uint32_t off, const void *src, uint32_t len);
/* Overwrites from off with all of src. */
void pktbuf_copy_packet(struct pktbuf *p, uint32_t off, const struct pktbuf *src);
/* Cuts the packet to len bytes, from its end. */
void pktbuf_trim(struct pktbuf *p, uint32_t len);
/* Drops len bytes from the front, of frags too. */
void pktbuf_drop_front(struct pktbuf *p, uint32_t len);
/* Internet checksum (RFC 1071, not complemented, folded) of len bytes from off, added to sum. */
uint32_t pktbuf_checksum(const struct pktbuf *p, uint32_t off, uint32_t len, uint32_t sum);

static inline void *pktfrag_virt(const struct pktfrag *f)
{
    return (char *)page_virt(f->page) + f->off;
}
static inline uint32_t pktbuf_headroom(const struct pktbuf *p)
{
    return p->data - p->head;
}
static __always_inline bool pktbuf_pull_linear(struct pktbuf *p, uint32_t len)
{
    return likely(p->len >= len) || pktbuf_pull_linear_slow(p, len);
}
/* Headers: len more bytes in front (there must be headroom), len bytes less. */
static inline void *pktbuf_push(struct pktbuf *p, uint32_t len)
{
    p->data -= len;
    p->len += len;
    p->total += len;
    return p->data;
}
static inline void *pktbuf_pull(struct pktbuf *p, uint32_t len)
{
    p->len -= len;
    p->total -= len;
    return p->data += len;
}
/* A piece of a page more at the end; takes over the caller's reference. There must be room for a frag. */
static inline void pktbuf_add_frag(struct pktbuf *p, struct page *page, uint32_t off, uint32_t len)
{
    p->frags[p->nr_frags++] = (struct pktfrag){ page, off, len };
    p->total += len;
}
/* len more linear bytes at the end (there must be room, and no frags); returns where they begin. */
static inline void *pktbuf_put(struct pktbuf *p, uint32_t len)
{
    uint8_t *at = p->data + p->len;

    p->len += len;
    p->total += len;
    return at;
}

/* What it costs, for limits of queues. */
static inline uint32_t pktbuf_memory(const struct pktbuf *p)
{
    uint32_t n = p->frame ? 2048 : 704;

    if (p->head != (const uint8_t *)(p + 1))
        n += p->end - p->head;
    for (unsigned i = 0; i < p->nr_frags; i++)
        n += ALIGN_UP(p->frags[i].len, (uint32_t)PAGE_SIZE);
    return n;
}

/* First in, first out. Its owner locks. */
struct pktqueue {
    struct pktbuf *first, **end;
    uint32_t nr;
};
static inline void pktqueue_init(struct pktqueue *q)
{
    q->first = NULL;
    q->end = &q->first;
    q->nr = 0;
}
static inline void pktqueue_append(struct pktqueue *q, struct pktbuf *p)
{
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
    q->nr++;
}
static inline struct pktbuf *pktqueue_take(struct pktqueue *q)
{
    struct pktbuf *p = q->first;

    if (p) {
        q->first = p->next;
        if (!q->first)
            q->end = &q->first;
        q->nr--;
    }
    return p;
}

#endif
