/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zdata.c: reading compressed files. The compressed blocks of neighbouring extents lie side by side, so a request
 * for several pages reads them at once and decodes one extent after the other.
 */
#include "fs/erofs/erofs.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/lz4.h"
#include "lib/string.h"

#define RUN_BLOCKS 64 /* compressed blocks read at once at most, but for one bigger extent */

/* What is being read: pages [index, index + nr) of i; filled up to byte `at` so far. */
struct zread {
    struct inode *i;
    uint64_t start, end, at; /* bytes of the file */
    struct page **pages;
};

/* Compressed blocks in memory. */
struct zrun {
    uint64_t pa;
    unsigned nr;
    struct page *head;
    char *data;
};

static void run_free(struct zrun *r)
{
    if (r->head)
        page_free(r->head);
    r->head = NULL;
}

static int run_read(struct super *sb, struct zrun *r, uint64_t pa, unsigned nr)
{
    struct page *pages[RUN_BLOCKS];
    unsigned order = 0;
    int err = 0;

    run_free(r);
    while (1u << order < nr)
        order++;
    if (order > PAGE_MAX_ORDER)
        return -EOPNOTSUPP;
    r->head = page_alloc_order(order, PAGE_WAIT);
    if (!r->head)
        return -ENOMEM;
    r->data = page_virt(r->head);
    r->pa = pa;
    r->nr = nr;
    for (unsigned done = 0; !err && done < nr;) {
        unsigned n = MIN(nr - done, (unsigned)RUN_BLOCKS);

        for (unsigned k = 0; k < n; k++)
            pages[k] = r->head + done + k;
        err = blkdev_read_pages(erofs_sb(sb)->dev, (pa >> SECTOR_SHIFT) + ((uint64_t)done << 3), pages, n);
        done += n;
    }
    if (err)
        run_free(r);
    return err;
}

/* How many blocks to read from x on: those of the extents that follow it on disk within the request. */
static unsigned run_length(const struct zread *z, const struct erofs_extent *x)
{
    uint64_t end = x->pa + x->plen, la = x->la + x->llen;
    struct erofs_extent next;

    while (la < z->end && (end - x->pa) >> EROFS_BLOCK_BITS < RUN_BLOCKS) {
        if (erofs_z_map(z->i, la, &next) || next.inlined || next.pa != end ||
            (next.pa + next.plen - x->pa) >> EROFS_BLOCK_BITS > RUN_BLOCKS)
            break;
        end += next.plen;
        la += next.llen;
    }
    return (end - x->pa) >> EROFS_BLOCK_BITS;
}

/* Copies bytes of the file at la into the pages they belong to. */
static void deliver(struct zread *z, uint64_t la, const char *src, size_t len)
{
    if (la < z->start) {
        src += z->start - la;
        len -= z->start - la;
        la = z->start;
    }
    len = MIN(len, z->end - la);
    while (len) {
        size_t off = la & ~PAGE_MASK, n = MIN(len, PAGE_SIZE - off);

        memcpy((char *)page_virt(z->pages[(la - z->start) >> PAGE_SHIFT]) + off, src, n);
        la += n;
        src += n;
        len -= n;
    }
}

/* A plain extent is stored from the start of its block on; interlaced, at the offsets it has in the file. */
static void deliver_plain(struct zread *z, const struct erofs_extent *x, const char *src)
{
    size_t skew = erofs_i(z->i)->z.advise & Z_INTERLACED ? x->la & (EROFS_BLOCK - 1) : 0, first;

    if (!skew || x->inlined) {
        deliver(z, x->la, src, x->llen);
        return;
    }
    first = MIN(x->llen, x->plen - skew);
    if (x->la + first > z->start)
        deliver(z, x->la, src + skew, first);
    if (x->llen > first && x->la + first < z->end)
        deliver(z, x->la + first, src, x->llen - first);
}

/* With zero padding the compressed data ends where its blocks end, zeros before it. */
static int decode(struct zread *z, const struct erofs_extent *x, const char *src)
{
    size_t want = MIN(x->llen, z->end - x->la), skip = 0;
    ssize_t n;
    char *out;

    if (erofs_sb(z->i->sb)->incompat & EROFS_LZ4_0PADDING) {
        while (skip < x->plen && skip < EROFS_BLOCK && !src[skip])
            skip++;
        if (skip == x->plen)
            return erofs_corrupt(z->i->sb, z->i->ino, "nothing to decompress");
    }
    out = kmalloc(want);
    if (!out)
        return -ENOMEM;
    n = lz4_decompress(src + skip, x->plen - skip, out, want);
    if (n == (ssize_t)want)
        deliver(z, x->la, out, want);
    kfree(out);
    return n == (ssize_t)want ? 0 : erofs_corrupt(z->i->sb, z->i->ino, "compressed data");
}

static int read_extent(struct zread *z, struct zrun *r, const struct erofs_extent *x)
{
    char *inlined = NULL;
    const char *src;
    int err;

    if (x->inlined) {
        src = inlined = kmalloc(x->plen);
        err = inlined ? erofs_meta_read(z->i->sb, x->pa, inlined, x->plen) : -ENOMEM;
    } else {
        err = 0;
        if (!r->head || x->pa < r->pa || x->pa + x->plen > r->pa + ((uint64_t)r->nr << EROFS_BLOCK_BITS))
            err = run_read(z->i->sb, r, x->pa, run_length(z, x));
        src = err ? NULL : r->data + (x->pa - r->pa);
    }
    if (!err && x->type == Z_PLAIN)
        deliver_plain(z, x, src);
    else if (!err)
        err = decode(z, x, src);
    kfree(inlined);
    return err;
}

int erofs_z_read(struct inode *i, uint64_t index, unsigned nr, struct page **pages)
{
    struct zread z = { .i = i, .start = index << PAGE_SHIFT, .pages = pages };
    struct zrun r = { 0 };
    struct erofs_extent x;
    int err = 0;

    z.at = z.start;
    z.end = MIN(i->size, z.start + ((uint64_t)nr << PAGE_SHIFT));
    while (!err && z.at < z.end) {
        err = erofs_z_map(i, z.at, &x);
        if (!err)
            err = read_extent(&z, &r, &x);
        if (!err)
            z.at = x.la + x.llen;
        cond_resched();
    }
    run_free(&r);
    for (unsigned n = 0; n < nr; n++) {
        uint64_t page_end = z.start + ((uint64_t)(n + 1) << PAGE_SHIFT);
        uint64_t have = page_end > i->size ? MAX(i->size, page_end - PAGE_SIZE) : page_end;

        if (z.at < have) {
            pages[n]->flags |= PG_ERROR;
            continue;
        }
        if (have < page_end)
            memset((char *)page_virt(pages[n]) + (PAGE_SIZE - (page_end - have)), 0, page_end - have);
        pages[n]->flags |= PG_UPTODATE;
    }
    return err;
}
