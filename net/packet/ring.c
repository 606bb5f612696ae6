/* SPDX-License-Identifier: BSD-2-Clause */
/* ring.c: the memory of a packet socket's rings: made, mapped by the program, unmade. */
#include "net/packet/ring.h"
#include "abi/errno.h"
#include "kernel/mapping.h"
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/packet/frames.h"
#include "net/packet/packet.h"

#define RING_BASE         (1u << 20) /* index of the first page to be sent from; at most so many to receive */
#define RETIRE_DEFAULT_MS 8

/* ---- what VMAs map ---- */

/* It lives as long as the socket or a VMA; pages come and go with the rings. */
struct ring_memory {
    struct mapping mapping;
    refcount_t refs;
    uint64_t ino;
};

static void memory_get(void *file)
{
    ref_get(&((struct ring_memory *)file)->refs);
}

static void memory_put(void *file)
{
    struct ring_memory *m = file;

    if (!ref_put(&m->refs))
        return;
    mapping_destroy(&m->mapping);
    kfree(m);
}

static uint64_t memory_size(void *file)
{
    return INT64_MAX; /* what may be mapped was checked */
}

static size_t memory_name(void *file, char *buf, size_t size)
{
    int n = snprintf(buf, size, "socket:[%lu]", (unsigned long)((struct ring_memory *)file)->ino);

    return MIN((size_t)n, size);
}

static void memory_ident(void *file, dev_t *dev, ino_t *ino)
{
    *dev = 0;
    *ino = ((struct ring_memory *)file)->ino;
}

static void memory_accessed(void *file)
{
}

static const struct vma_file_ops memory_ops = { memory_get,  memory_put,   memory_size,
                                                memory_name, memory_ident, memory_accessed };

static int memory_make(struct packet_sock *k)
{
    struct ring_memory *m;

    if (k->memory)
        return 0;
    m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    mapping_init(&m->mapping, NULL, m);
    m->mapping.pinned = true;
    ref_init(&m->refs);
    m->ino = k->s.ino;
    k->memory = m;
    return 0;
}

static bool is_mapped(const struct packet_sock *k)
{
    return k->memory && atomic_load(&k->memory->refs.n) > 1;
}

int ring_mmap(struct socket *s, struct mmap_args *a)
{
    struct packet_sock *k = packet_of(s);
    uint64_t pages;
    int err = -EINVAL;

    if (a->pgoff)
        return -EINVAL;
    mutex_lock(&s->writer);
    pages = (uint64_t)k->rx_ring.nr_pages + k->tx_ring.nr_pages;
    if (pages && ALIGN_UP(a->len, PAGE_SIZE) >> PAGE_SHIFT == pages) {
        a->mapping = &k->memory->mapping;
        a->pgoff = RING_BASE - k->rx_ring.nr_pages;
        a->file = k->memory;
        a->fops = &memory_ops;
        err = 0;
    }
    mutex_unlock(&s->writer);
    return err;
}

/* ---- rings ---- */

int ring_hdrlen(unsigned version)
{
    switch (version) {
    case TPACKET_V1:
        return sizeof(struct tpacket_hdr);
    case TPACKET_V2:
        return sizeof(struct tpacket2_hdr);
    case TPACKET_V3:
        return sizeof(struct tpacket3_hdr);
    }
    return -EINVAL;
}

static void pages_free(struct packet_sock *k, struct packet_ring *r, bool tx)
{
    uint64_t first = tx ? RING_BASE : RING_BASE - r->nr_pages;

    for (unsigned i = 0; i < r->nr_pages; i++)
        if (r->pages[i])
            page_put(r->pages[i]);
    if (r->nr_pages)
        mapping_truncate(&k->memory->mapping, first << PAGE_SHIFT, (first + r->nr_pages) << PAGE_SHIFT);
    kfree(r->pages);
}

/* Who polls looks at it under the lock. */
static void ring_swap(struct packet_sock *k, struct packet_ring *r, struct packet_ring *other)
{
    struct packet_ring was;

    spin_lock(&k->lock);
    was = *r;
    *r = *other;
    spin_unlock(&k->lock);
    *other = was;
}

static void ring_free(struct packet_sock *k, struct packet_ring *r, bool tx)
{
    struct packet_ring none = { .pages = NULL };

    ring_swap(k, r, &none);
    pages_free(k, &none, tx);
}

static int pages_alloc(struct packet_sock *k, struct packet_ring *r, bool tx, uint64_t nr)
{
    uint64_t first = tx ? RING_BASE : RING_BASE - nr;

    if (nr >= RING_BASE || nr >= page_nr_total() || memory_make(k))
        return -ENOMEM;
    r->pages = kzalloc(nr * sizeof(*r->pages));
    if (!r->pages)
        return -ENOMEM;
    r->nr_pages = nr;
    for (unsigned i = 0; i < nr; i++)
        if (mapping_get(&k->memory->mapping, first + i, 0, MAP_GET_WRITE, &r->pages[i])) {
            r->pages[i] = NULL;
            pages_free(k, r, tx);
            return -ENOMEM;
        }
    return 0;
}

static int check_request(const struct packet_sock *k, bool tx, const struct tpacket_req3 *q)
{
    uint32_t least = frames_hdrlen(k) + k->reserve, per_block;

    if ((int32_t)q->tp_block_size <= 0 || q->tp_block_size % PAGE_SIZE)
        return -EINVAL;
    if (k->version == TPACKET_V3 && q->tp_block_size < BLOCK_HEAD(q->tp_sizeof_priv) + least)
        return -EINVAL;
    if (q->tp_frame_size < least || q->tp_frame_size % TPACKET_ALIGNMENT)
        return -EINVAL;
    per_block = q->tp_block_size / q->tp_frame_size;
    if (!per_block || (uint64_t)per_block * q->tp_block_nr != q->tp_frame_nr)
        return -EINVAL;
    return 0;
}

static int ring_make(struct packet_sock *k, struct packet_ring *r, bool tx, const struct tpacket_req3 *q)
{
    struct packet_ring n = { .block_size = q->tp_block_size,
                             .block_nr = q->tp_block_nr,
                             .frame_size = q->tp_frame_size,
                             .frame_nr = q->tp_frame_nr,
                             .priv = q->tp_sizeof_priv,
                             .features = q->tp_feature_req_word,
                             .seq = 1 };
    int err = r->pages ? -EBUSY : check_request(k, tx, q);

    if (err)
        return err;
    n.frames_per_block = n.block_size / n.frame_size;
    n.max_frame = k->version == TPACKET_V3 ? n.block_size - BLOCK_HEAD(n.priv) : n.frame_size;
    n.retire_ns = (uint64_t)(q->tp_retire_blk_tov ? q->tp_retire_blk_tov : RETIRE_DEFAULT_MS) * NSEC_PER_MS;
    err = pages_alloc(k, &n, tx, (uint64_t)n.block_nr * (n.block_size >> PAGE_SHIFT));
    if (err)
        return err;
    if (tx && (q->tp_retire_blk_tov || n.priv || n.features)) {
        pages_free(k, &n, tx);
        return -EINVAL;
    }
    ring_swap(k, r, &n);
    return 0;
}

int ring_set(struct packet_sock *k, bool tx, const void *val, unsigned len)
{
    unsigned want = k->version == TPACKET_V3 ? sizeof(struct tpacket_req3) : sizeof(struct tpacket_req);
    struct packet_ring *r = tx ? &k->tx_ring : &k->rx_ring;
    struct tpacket_req3 q = { 0 };
    bool hooked = k->hooked;
    int err = 0;

    if (len < want)
        return -EINVAL;
    memcpy(&q, val, want);
    if (is_mapped(k))
        return -EBUSY;
    if (!q.tp_block_nr && q.tp_frame_nr)
        return -EINVAL;
    packet_unhook(k);
    net_timer_stop(&k->timer);
    if (q.tp_block_nr)
        err = ring_make(k, r, tx, &q);
    else
        ring_free(k, r, tx);
    if (!err && q.tp_block_nr && !tx && k->version == TPACKET_V3)
        frames_open_block(k);
    packet_drop_queue(k);
    if (hooked)
        packet_hook(k);
    return err;
}

void ring_release(struct packet_sock *k)
{
    net_timer_stop(&k->timer);
    ring_free(k, &k->rx_ring, false);
    ring_free(k, &k->tx_ring, true);
    if (k->memory)
        memory_put(k->memory);
    k->memory = NULL;
}
