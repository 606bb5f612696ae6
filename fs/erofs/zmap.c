/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zmap.c: where the extents of a compressed file lie. Each logical cluster (4 KiB and up) has an index entry: HEAD
 * or PLAIN when an extent begins in it (clusterofs says where), NONHEAD with the distance to its head otherwise.
 * Entries are 8 bytes each (full), or packed by two into 8 or by sixteen into 32 bytes that share one block address
 * (compact).
 */
#include "fs/erofs/erofs.h"
#include "lib/string.h"

#define Z_MAX_EXTENT (4u << 20) /* bytes; mkfs.erofs makes them less than 1 MiB */

struct lcluster {
    uint64_t lcn;
    uint8_t type;
    uint32_t clusterofs;
    uint16_t delta; /* NONHEAD: back to the head */
    uint32_t cblks; /* NONHEAD just behind the head of a big cluster: its compressed blocks; else 0 */
    uint64_t pblk;
    uint64_t next_pos; /* of the index after the pack it was in */
};

struct zmap {
    struct inode *i;
    struct erofs_inode *e;
};

static int corrupt(const struct zmap *z, const char *what)
{
    return erofs_corrupt(z->i->sb, z->i->ino, what);
}

static uint64_t index_start(const struct erofs_inode *e)
{
    return ALIGN_UP(e->pos + e->isize + e->xattr_bytes, 8) + sizeof(struct erofs_map_header);
}

static int meta(const struct zmap *z, uint64_t pos, void *buf, size_t len)
{
    int err = erofs_meta_read(z->i->sb, pos, buf, len);

    return err == -EUCLEAN ? corrupt(z, "cluster index outside the image") : err;
}

/* ---- full indexes ---- */

static int load_full(const struct zmap *z, struct lcluster *c)
{
    struct erofs_full_index x;
    uint64_t pos = index_start(z->e) + 8 + c->lcn * sizeof(x);
    int err = meta(z, pos, &x, sizeof(x));

    if (err)
        return err;
    c->next_pos = pos + sizeof(x);
    c->type = x.advise & 3;
    if (c->type == Z_NONHEAD) {
        c->clusterofs = 1u << z->e->z.lcluster_bits;
        c->delta = x.delta[0];
        if (x.delta[0] & Z_CBLKCNT) {
            c->cblks = x.delta[0] & ~Z_CBLKCNT;
            c->delta = 1;
        }
        return 0;
    }
    c->clusterofs = x.clusterofs;
    c->pblk = x.blkaddr;
    return 0;
}

/* ---- compact indexes ---- */

struct pack {
    uint8_t bytes[32 + 4]; /* 4 more, for reading 32 bits at the end */
    unsigned entry_bits, lcluster_bits;
};

static unsigned unpack(const struct pack *p, unsigned n, uint8_t *type)
{
    unsigned bit = p->entry_bits * n;
    uint32_t v;

    memcpy(&v, p->bytes + bit / 8, 4);
    v >>= bit & 7;
    *type = v >> p->lcluster_bits & 3;
    return v & ((1u << p->lcluster_bits) - 1);
}

/* Blocks between the pack's address and that of entry n, which is a head: each head before it takes its own. */
static int blocks_before(const struct zmap *z, const struct pack *p, int n, bool big, unsigned *nblk)
{
    unsigned blocks = big ? 0 : 1, lo;
    uint8_t type;

    while (n > 0) {
        lo = unpack(p, --n, &type);
        if (!big) {
            if (type == Z_NONHEAD)
                n -= lo;
            if (n >= 0)
                blocks++;
            continue;
        }
        if (type != Z_NONHEAD) {
            blocks++;
        } else if (lo & Z_CBLKCNT) {
            n--;
            blocks += lo & ~Z_CBLKCNT;
        } else if (lo <= 1) {
            return corrupt(z, "big cluster's index");
        } else {
            n -= lo - 2;
        }
    }
    *nblk = blocks;
    return 0;
}

static int decode_compact(const struct zmap *z, struct lcluster *c, const struct pack *p, unsigned n,
                          unsigned nr)
{
    bool big = z->e->z.advise & Z_BIG_PCLUSTER_1;
    unsigned lo = unpack(p, n, &c->type), nblk = 0;
    uint32_t base;
    uint8_t type;
    int err;

    if (c->type == Z_NONHEAD) {
        c->clusterofs = 1u << p->lcluster_bits;
        if (lo & Z_CBLKCNT) {
            if (!big)
                return corrupt(z, "block count without big clusters");
            c->cblks = lo & ~Z_CBLKCNT;
            c->delta = 1;
        } else if (n + 1 != nr) {
            c->delta = lo;
        } else { /* the last entry of a pack says how far the next head is; the one before how far the last was */
            lo = unpack(p, n - 1, &type);
            c->delta = (type != Z_NONHEAD ? 0 : lo & Z_CBLKCNT ? 1 : lo) + 1;
        }
        return 0;
    }
    c->clusterofs = lo;
    err = blocks_before(z, p, n, big, &nblk);
    if (err)
        return err;
    memcpy(&base, p->bytes + (nr == 2 ? 4 : 28), 4);
    c->pblk = (uint64_t)base + nblk;
    return 0;
}

static int load_compact(const struct zmap *z, struct lcluster *c)
{
    uint64_t start = index_start(z->e), pos = start, lcn = c->lcn;
    uint64_t total = (z->i->size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS;
    uint64_t initial = (32 - start % 32) / 4 % 8, two = 0; /* until 32-byte alignment, by four bytes each */
    unsigned shift = 2, nr, bytes;
    struct pack p = { .lcluster_bits = z->e->z.lcluster_bits };
    int err;

    if ((z->e->z.advise & Z_COMPACTED_2B) && initial < total)
        two = ALIGN_DOWN(total - initial, 16);
    if (lcn >= initial) {
        pos += initial * 4;
        lcn -= initial;
        if (lcn < two) {
            shift = 1;
        } else {
            pos += two * 2;
            lcn -= two;
        }
    }
    pos += lcn << shift;
    if (shift == 1 && p.lcluster_bits != 12)
        return corrupt(z, "index packs of another cluster size");
    nr = shift == 2 ? 2 : 16;
    bytes = nr << shift;
    p.entry_bits = (bytes - 4) * 8 / nr;
    if (p.lcluster_bits + 2 > p.entry_bits)
        return corrupt(z, "cluster size");
    memset(p.bytes, 0, sizeof(p.bytes));
    err = meta(z, ALIGN_DOWN(pos, bytes), p.bytes, bytes);
    if (err)
        return err;
    c->next_pos = ALIGN_DOWN(pos, bytes) + bytes;
    return decode_compact(z, c, &p, (pos & (bytes - 1)) >> shift, nr);
}

static int load(const struct zmap *z, uint64_t lcn, struct lcluster *c)
{
    int err;

    *c = (struct lcluster){ .lcn = lcn };
    err = z->e->layout == EROFS_FULL_INDEX ? load_full(z, c) : load_compact(z, c);
    if (!err && c->type != Z_NONHEAD && c->clusterofs >= 1u << z->e->z.lcluster_bits)
        return corrupt(z, "cluster offset");
    return err;
}

/* ---- extents ---- */

/* Steps back from a NONHEAD cluster, by delta at a time, to its head. */
static int look_back(const struct zmap *z, struct lcluster *c, unsigned delta)
{
    for (;;) {
        int err;

        if (!delta || delta > c->lcn)
            return corrupt(z, "distance to a cluster's head");
        err = load(z, c->lcn - delta, c);
        if (err)
            return err;
        if (c->type != Z_NONHEAD)
            return 0;
        delta = c->delta;
    }
}

static bool is_big(const struct erofs_inode *e, uint8_t type)
{
    return (type == Z_HEAD1 && (e->z.advise & Z_BIG_PCLUSTER_1)) ||
           (type == Z_HEAD2 && (e->z.advise & Z_BIG_PCLUSTER_2));
}

/* The extent's end (where the next begins), and how many compressed blocks it has. */
static int extent_end(const struct zmap *z, const struct lcluster *head, uint64_t *end, uint64_t *blocks)
{
    unsigned bits = z->e->z.lcluster_bits;
    struct lcluster c;

    *blocks = 1u << (bits - EROFS_BLOCK_BITS);
    for (uint64_t lcn = head->lcn + 1;; lcn++) {
        int err;

        if (lcn << bits >= z->i->size) {
            *end = z->i->size;
            return 0;
        }
        if ((lcn - head->lcn) << bits > Z_MAX_EXTENT)
            return corrupt(z, "endless extent");
        err = load(z, lcn, &c);
        if (err)
            return err;
        if (c.type != Z_NONHEAD) {
            *end = MIN((lcn << bits) + c.clusterofs, z->i->size);
            return 0;
        }
        if (lcn == head->lcn + 1 && is_big(z->e, head->type) && c.cblks)
            *blocks = c.cblks;
    }
}

static int find_head(const struct zmap *z, uint64_t la, struct lcluster *c)
{
    unsigned bits = z->e->z.lcluster_bits;
    int err = load(z, la >> bits, c);

    if (err)
        return err;
    if (c->type == Z_NONHEAD)
        return look_back(z, c, c->delta);
    if ((la & ((1u << bits) - 1)) < c->clusterofs) /* it belongs to the extent before */
        return look_back(z, c, 1);
    return 0;
}

/* Reads the map header; with tail packing, also where the file's last extent lies inline. */
static int z_init(const struct zmap *z)
{
    struct erofs_z *h = &z->e->z;
    struct erofs_map_header d;
    struct lcluster c;
    int err;

    if (h->ready)
        return 0;
    err = meta(z, index_start(z->e) - sizeof(d), &d, sizeof(d));
    if (err)
        return err;
    h->advise = d.advise;
    h->algorithm[0] = d.algorithms & 15;
    h->algorithm[1] = d.algorithms >> 4;
    h->lcluster_bits = EROFS_BLOCK_BITS + (d.clusterbits & 7);
    h->idata_size = 0;
    if ((d.advise & ~Z_ADVISE_KNOWN) || (d.clusterbits & 0x80))
        return corrupt(z, "compression features");
    if (h->algorithm[0] || h->algorithm[1]) {
        erofs_corrupt(z->i->sb, z->i->ino, "compressed with something else than LZ4");
        return -EOPNOTSUPP;
    }
    if (z->e->layout == EROFS_COMPACT_INDEX &&
        !(d.advise & Z_BIG_PCLUSTER_1) != !(d.advise & Z_BIG_PCLUSTER_2))
        return corrupt(z, "big clusters of one kind only");
    if ((d.advise & Z_INLINE_PCLUSTER) && d.idata_size) {
        err = load(z, (z->i->size - 1) >> h->lcluster_bits, &c);
        if (err)
            return err;
        h->idata_pos = c.next_pos;
        err = find_head(z, z->i->size - 1, &c);
        if (err)
            return err;
        h->tail_lcn = c.lcn;
        if ((h->idata_pos & (EROFS_BLOCK - 1)) + d.idata_size > EROFS_BLOCK)
            return corrupt(z, "inline cluster crosses a block");
        h->idata_size = d.idata_size;
    }
    h->ready = true;
    return 0;
}

int erofs_z_map(struct inode *i, uint64_t la, struct erofs_extent *x)
{
    struct zmap z = { i, erofs_i(i) };
    struct lcluster head;
    uint64_t end, blocks;
    int err = z_init(&z);

    if (!err)
        err = find_head(&z, la, &head);
    if (!err)
        err = extent_end(&z, &head, &end, &blocks);
    if (err)
        return err;
    x->la = (head.lcn << z.e->z.lcluster_bits) + head.clusterofs;
    x->llen = end - x->la;
    x->type = head.type;
    x->inlined = z.e->z.idata_size && head.lcn == z.e->z.tail_lcn;
    x->pa = x->inlined ? z.e->z.idata_pos : head.pblk << EROFS_BLOCK_BITS;
    x->plen = x->inlined ? z.e->z.idata_size : blocks << EROFS_BLOCK_BITS;
    if (x->la > la || end <= la || x->llen > Z_MAX_EXTENT)
        return corrupt(&z, "extents out of order");
    if (!x->pa || x->pa >= erofs_sb(i->sb)->size || x->plen > erofs_sb(i->sb)->size - x->pa ||
        x->plen > Z_MAX_EXTENT)
        return corrupt(&z, "compressed data outside the image");
    if (x->type == Z_PLAIN && x->llen > x->plen)
        return corrupt(&z, "plain extent longer than its data");
    return 0;
}
