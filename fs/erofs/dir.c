/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dir.c: EROFS directories. Each block begins with its entries (12 bytes), whose names follow; entries are sorted
 * by name, within a block and from block to block, so that a name is found by bisection.
 */
#include "abi/fs.h"
#include "fs/erofs/erofs.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "lib/string.h"

/* One block in memory. */
struct dir_block {
    struct page *page;
    const char *data;
    unsigned used; /* bytes */
    unsigned nr;   /* entries */
};

static uint16_t nameoff(const struct dir_block *b, unsigned n)
{
    return ((const struct erofs_dirent *)b->data)[n].nameoff;
}

static int block_get(struct inode *dir, uint64_t block, struct dir_block *b)
{
    uint64_t left = dir->size - (block << EROFS_BLOCK_BITS), pos;
    unsigned off, first;
    bool inlined;
    int err = erofs_map_block(dir, block, &pos, &inlined);

    if (!err && !pos)
        err = erofs_corrupt(dir->sb, dir->ino, "a hole in a directory");
    if (!err)
        err = erofs_meta_page(dir->sb, pos, &b->page);
    if (err)
        return err == -EUCLEAN ? erofs_corrupt(dir->sb, dir->ino, "directory block outside the image") : err;
    off = pos & ~PAGE_MASK;
    b->data = (const char *)page_virt(b->page) + off;
    b->used = MIN(left, (uint64_t)EROFS_BLOCK - off);
    first = b->used >= sizeof(struct erofs_dirent) ? nameoff(b, 0) : 0;
    b->nr = first / sizeof(struct erofs_dirent);
    if (!b->nr || first % sizeof(struct erofs_dirent) || first >= b->used) {
        page_put(b->page);
        return erofs_corrupt(dir->sb, dir->ino, "directory block without entries");
    }
    return 0;
}

/* The name of entry n; false: it lies where it must not. */
static bool block_name(const struct dir_block *b, unsigned n, const char **name, unsigned *len)
{
    unsigned from = nameoff(b, n), to = n + 1 < b->nr ? nameoff(b, n + 1) : b->used;

    if (from < b->nr * sizeof(struct erofs_dirent) || from >= to || to > b->used)
        return false;
    *name = b->data + from;
    *len = strnlen(*name, to - from); /* the last name of a block may be followed by zeros */
    return *len && *len <= NAME_MAX;
}

static int compare(const char *a, unsigned alen, const char *b, unsigned blen)
{
    int c = memcmp(a, b, MIN(alen, blen));

    return c ? c : (int)alen - (int)blen;
}

/* The last block whose first name is not greater than the name. */
static int find_block(struct inode *dir, const char *name, unsigned len, struct dir_block *b)
{
    uint64_t low = 0, high = (dir->size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS;
    bool held = false;

    while (low < high) {
        uint64_t mid = (low + high) / 2;
        struct dir_block m;
        const char *first;
        unsigned flen;
        int err = block_get(dir, mid, &m);

        if (!err && !block_name(&m, 0, &first, &flen)) {
            page_put(m.page);
            err = erofs_corrupt(dir->sb, dir->ino, "directory entry's name");
        }
        if (err) {
            if (held)
                page_put(b->page);
            return err;
        }
        if (compare(first, flen, name, len) <= 0) {
            if (held)
                page_put(b->page);
            *b = m;
            held = true;
            low = mid + 1;
        } else {
            page_put(m.page);
            high = mid;
        }
    }
    return held ? 0 : -ENOENT;
}

static int find_entry(struct inode *dir, const struct dir_block *b, const char *name, unsigned len,
                      uint64_t *nid)
{
    unsigned low = 0, high = b->nr;

    while (low < high) {
        unsigned mid = (low + high) / 2, nlen;
        const char *n;
        int c;

        if (!block_name(b, mid, &n, &nlen))
            return erofs_corrupt(dir->sb, dir->ino, "directory entry's name");
        c = compare(name, len, n, nlen);
        if (!c) {
            *nid = ((const struct erofs_dirent *)b->data)[mid].nid;
            return 0;
        }
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return -ENOENT;
}

static int erofs_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    struct dir_block b = { 0 };
    uint64_t nid = 0;
    int err = find_block(dir, name, len, &b);

    if (err)
        return err;
    err = find_entry(dir, &b, name, len, &nid);
    page_put(b.page);
    return err ? err : erofs_iget(dir->sb, nid, out);
}

/* ---- listing: a position is block << 12 | entry, above those of the dots ---- */

static const uint8_t dt_types[] = { DT_UNKNOWN, DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK, DT_LNK };

static bool is_dots(const char *name, unsigned len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* false in *more: the buffer is full. */
static int list_block(struct inode *dir, uint64_t block, struct dir_context *ctx, unsigned from, bool *more)
{
    struct dir_block b;
    int err = block_get(dir, block, &b);

    *more = true;
    if (err)
        return err;
    for (unsigned n = from; n < b.nr && *more; n++) {
        const struct erofs_dirent *d = (const struct erofs_dirent *)b.data + n;
        uint64_t next = (block << EROFS_BLOCK_BITS | (n + 1)) + 2;
        const char *name;
        unsigned len;

        if (!block_name(&b, n, &name, &len)) {
            err = erofs_corrupt(dir->sb, dir->ino, "directory entry's name");
            break;
        }
        if (!is_dots(name, len))
            *more = ctx->actor(ctx, name, len, next, d->nid,
                               d->file_type < sizeof(dt_types) ? dt_types[d->file_type] : DT_UNKNOWN);
        if (*more)
            ctx->pos = next;
    }
    page_put(b.page);
    return err;
}

static int erofs_readdir(struct file *f, struct dir_context *ctx)
{
    struct inode *dir = f->inode;
    uint64_t nr = (dir->size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS;
    bool more = true;

    if (ctx->pos < 2 && !dir_emit_dots(f, ctx))
        return 0;
    for (uint64_t block = (ctx->pos - 2) >> EROFS_BLOCK_BITS; block < nr && more; block++) {
        uint64_t at = ctx->pos - 2;
        int err =
            list_block(dir, block, ctx, at >> EROFS_BLOCK_BITS == block ? at & (EROFS_BLOCK - 1) : 0, &more);

        if (err)
            return err;
        if (more)
            ctx->pos = ((block + 1) << EROFS_BLOCK_BITS) + 2;
        cond_resched();
    }
    return 0;
}

const struct inode_ops erofs_dir_inode_ops = {
    .lookup = erofs_lookup,
    .getxattr = erofs_getxattr,
    .listxattr = erofs_listxattr,
};

const struct file_ops erofs_dir_ops = {
    .readdir = erofs_readdir,
    .seek = generic_seek,
    .fsync = fsync_nothing,
};
