/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reass.c: fragments become datagrams, for both families.
 *
 * A datagram whose fragments overlap is dropped whole (RFC 5722; Linux does so for IPv4, too): no honest sender makes
 * such. Memory is limited, in all and for each datagram; the oldest go first.
 */
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/icmp.h"
#include "net/ip_input.h"
#include "net/timer.h"

#define TIMEOUT_NS    (30 * NSEC_PER_SEC)
#define BUCKETS       64
#define MAX_BYTES     (4u << 20) /* of all; less when memory is small: see reass_init() */
#define MAX_FRAGMENTS 128        /* of one datagram: 64 KiB in pieces of 512 */

struct reass {
    struct reass *next; /* of its bucket */
    struct reass *newer, *older;
    struct inaddr src, dst;
    uint32_t id;
    uint8_t protocol;
    uint32_t have, len; /* bytes; len 0: the last fragment is missing */
    uint32_t bytes;     /* of memory */
    unsigned nr;
    uint64_t until_ns;
    struct pktbuf *first; /* by offset, which is in private[0] */
};

static struct spinlock reass_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct reass *buckets[BUCKETS]; /* [reass_lock] */
static struct reass *oldest, *newest;  /* [reass_lock] */
static uint32_t bytes_used, bytes_max; /* [reass_lock] */
static uint32_t secret;
static struct net_timer timer;

static uint32_t memory_of(const struct pktbuf *p)
{
    uint32_t n = sizeof(*p) + (p->end - p->head);

    for (unsigned i = 0; i < p->nr_frags; i++)
        n += MAX(p->frags[i].len, (uint32_t)PAGE_SIZE);
    return n;
}

static unsigned bucket_of(const struct inaddr *src, const struct inaddr *dst, uint32_t id)
{
    return ((inaddr_hash(src) ^ inaddr_hash(dst) * 31 ^ id ^ secret) * 0x9e3779b1u) % BUCKETS;
}

/* Off the lists; lock held. */
static void unlink_reass(struct reass *q)
{
    struct reass **link = &buckets[bucket_of(&q->src, &q->dst, q->id)];

    while (*link != q)
        link = &(*link)->next;
    *link = q->next;
    *(q->older ? &q->older->newer : &oldest) = q->newer;
    *(q->newer ? &q->newer->older : &newest) = q->older;
    bytes_used -= q->bytes;
}

/* Lock held; the fragments go onto list, to be freed without it. */
static void drop(struct reass *q, struct pktbuf **list)
{
    struct pktbuf *p;

    unlink_reass(q);
    while ((p = q->first)) {
        q->first = p->next;
        p->next = *list;
        *list = p;
    }
    kfree(q);
}

static void free_list(struct pktbuf *list)
{
    struct pktbuf *p;

    while ((p = list)) {
        list = p->next;
        pktbuf_free(p);
    }
}

/* RFC 1122 §3.3.2: the sender hears of it when the first fragment was there. */
static void timed_out(struct pktbuf *p)
{
    bool v4;

    if (p->private[0])
        return;
    pktbuf_push(p, p->data - (p->head + p->network));
    v4 = p->data[0] >> 4 == 4;
    icmp_send(p, v4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEED, v4 ? ICMP_EXC_FRAGTIME : ICMPV6_EXC_FRAGTIME,
              0);
}

static void expire(struct net_timer *t)
{
    uint64_t now = clock_mono_ns();
    struct pktbuf *list = NULL;

    spin_lock(&reass_lock);
    while (oldest && oldest->until_ns <= now) {
        ip_stats[!inaddr_is_v4(&oldest->src)].reasm_timeout++;
        drop(oldest, &list);
    }
    if (oldest)
        net_timer_arm(t, oldest->until_ns);
    spin_unlock(&reass_lock);
    for (struct pktbuf *p = list; p; p = p->next)
        timed_out(p);
    free_list(list);
}

void reass_init(void)
{
    secret = random_u64();
    bytes_max = MIN((uint64_t)MAX_BYTES, page_nr_total() * PAGE_SIZE / 32);
    net_timer_init(&timer, expire);
}

void reass_usage(bool v6, unsigned *nr, uint32_t *bytes)
{
    *nr = *bytes = 0;
    spin_lock(&reass_lock);
    for (const struct reass *q = oldest; q; q = q->newer)
        if (inaddr_is_v4(&q->src) != v6) {
            ++*nr;
            *bytes += q->bytes;
        }
    spin_unlock(&reass_lock);
}

/* lock held; NULL: no memory */
static struct reass *find(const struct inaddr *src, const struct inaddr *dst, uint32_t id, uint8_t protocol)
{
    struct reass **bucket = &buckets[bucket_of(src, dst, id)], *q;

    for (q = *bucket; q; q = q->next)
        if (q->id == id && q->protocol == protocol && inaddr_eq(&q->src, src) && inaddr_eq(&q->dst, dst))
            return q;
    q = kzalloc(sizeof(*q));
    if (!q)
        return NULL;
    q->src = *src;
    q->dst = *dst;
    q->id = id;
    q->protocol = protocol;
    q->until_ns = clock_mono_ns() + TIMEOUT_NS;
    q->next = *bucket;
    *bucket = q;
    q->older = newest;
    *(newest ? &newest->newer : &oldest) = q;
    newest = q;
    if (!timer.timer.armed)
        net_timer_arm(&timer, q->until_ns);
    return q;
}

enum verdict { KEPT, DUPLICATE, BAD };

/* lock held: puts p where it belongs. */
static enum verdict insert(struct reass *q, struct pktbuf *p, uint32_t off, bool more)
{
    uint32_t end = off + p->total;
    struct pktbuf **link = &q->first, *last = NULL;

    if (q->nr >= MAX_FRAGMENTS)
        return BAD;
    if (!more) {
        if (q->len && q->len != end)
            return BAD;
        q->len = end;
    }
    for (; *link && (*link)->private[0] < off; link = &(*link)->next)
        last = *link;
    if (*link && (*link)->private[0] == off && (*link)->total == p->total)
        return DUPLICATE;
    if (last && last->private[0] + last->total > off)
        return BAD;
    if (*link && (*link)->private[0] < end)
        return BAD;
    if (q->len && (end > q->len || (more && end == q->len)))
        return BAD;
    for (struct pktbuf *i = *link; i && q->len; i = i->next) /* those behind a last one that came late */
        if (i->private[0] + i->total > q->len)
            return BAD;
    p->private[0] = off;
    p->next = *link;
    *link = p;
    q->nr++;
    q->have += p->total;
    return KEPT;
}

/* One packet of them all, with the first one's headers before its data. NULL: no memory. */
static struct pktbuf *join(const struct pktbuf *list, uint32_t len)
{
    uint32_t headers = list->data - list->head, off = 0;
    struct pktbuf *p = pktbuf_alloc_data(headers, len);

    if (!p)
        return NULL;
    memcpy(p->head, list->head, headers);
    p->dev = list->dev;
    p->queue = list->queue;
    p->time_ns = list->time_ns;
    p->protocol = list->protocol;
    p->link = list->link;
    p->network = list->network;
    p->link_type = list->link_type;
    p->flags = list->flags;
    for (; list; list = list->next) {
        pktbuf_copy_packet(p, off, list);
        off += list->total;
    }
    return p;
}

struct pktbuf *reass_add(struct pktbuf *p, const struct inaddr *src, const struct inaddr *dst, uint32_t id,
                         uint8_t protocol, uint32_t off, bool more)
{
    struct ip_stats *s = &ip_stats[!inaddr_is_v4(src)];
    struct pktbuf *list = NULL, *whole = NULL;
    uint32_t memory = memory_of(p);
    enum verdict v = BAD;
    struct reass *q;

    s->reasm_reqds++;
    p->next = NULL;
    /* A fragment before the last carries a multiple of eight bytes; no datagram is longer than 64 KiB with its header. */
    if (!p->total || (more && p->total % 8) || off + p->total > 0xffff - 20) {
        s->reasm_fails++;
        pktbuf_free(p);
        return NULL;
    }
    spin_lock(&reass_lock);
    q = find(src, dst, id, protocol);
    if (q)
        v = insert(q, p, off, more);
    if (v == KEPT) {
        q->bytes += memory;
        bytes_used += memory;
        if (q->len && q->have == q->len) {
            whole = join(q->first, q->len);
            whole ? s->reasm_oks++ : s->reasm_fails++;
            drop(q, &list);
        }
        while (bytes_used > bytes_max && oldest) {
            s->reasm_fails++;
            drop(oldest, &list);
        }
    } else {
        s->reasm_fails += v == BAD;
        if (v == BAD && q)
            drop(q, &list);
        p->next = list;
        list = p;
    }
    spin_unlock(&reass_lock);
    free_list(list);
    return whole;
}
