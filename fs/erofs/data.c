/* SPDX-License-Identifier: BSD-2-Clause */
/* data.c: file data of EROFS: where blocks lie, and reading them into page-cache pages. */
#include "fs/erofs/erofs.h"
#include "kernel/page.h"
#include "lib/string.h"

static int map_chunk(struct erofs_inode *e, uint64_t block, uint64_t *pos)
{
    struct super *sb = e->i.sb;
    unsigned bits = e->chunk_format & EROFS_CHUNK_BITS_MASK;
    unsigned unit = e->chunk_format & EROFS_CHUNK_INDEXES ? sizeof(struct erofs_chunk_index) : 4;
    uint64_t table = ALIGN_UP(e->pos + e->isize + e->xattr_bytes, unit), chunk = block >> bits;
    struct erofs_chunk_index x = { 0 };
    int err;

    if (e->chunk_format & ~(EROFS_CHUNK_BITS_MASK | EROFS_CHUNK_INDEXES))
        return erofs_corrupt(sb, e->i.ino, "chunk format");
    err = unit == 4 ? erofs_meta_read(sb, table + chunk * 4, &x.blkaddr, 4)
                    : erofs_meta_read(sb, table + chunk * 8, &x, sizeof(x));
    if (err)
        return err == -EUCLEAN ? erofs_corrupt(sb, e->i.ino, "chunk table outside the image") : err;
    if (x.device)
        return erofs_corrupt(sb, e->i.ino, "chunk on another device");
    *pos =
        x.blkaddr == EROFS_NULL_ADDR ? 0 : (x.blkaddr + (block & ((1ull << bits) - 1))) << EROFS_BLOCK_BITS;
    return 0;
}

int erofs_map_block(struct inode *i, uint64_t block, uint64_t *pos, bool *inlined)
{
    struct erofs_inode *e = erofs_i(i);
    uint64_t nr = (i->size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS, end;
    int err;

    *inlined = false;
    switch (e->layout) {
    case EROFS_FLAT_INLINE:
        if (block + 1 == nr) {
            *inlined = true;
            *pos = e->pos + e->isize + e->xattr_bytes;
            end = *pos + i->size - (block << EROFS_BLOCK_BITS);
            if ((end - 1) >> EROFS_BLOCK_BITS != *pos >> EROFS_BLOCK_BITS || end > erofs_sb(i->sb)->size)
                return erofs_corrupt(i->sb, i->ino, "inline data crosses a block");
            return 0;
        }
        /* fall through */
    case EROFS_FLAT_PLAIN:
        *pos = ((uint64_t)e->blkaddr + block) << EROFS_BLOCK_BITS;
        break;
    case EROFS_CHUNK_BASED:
        err = map_chunk(e, block, pos);
        if (err)
            return err;
        if (!*pos)
            return 0;
        break;
    default:
        return -EINVAL;
    }
    if (!*pos || *pos >= erofs_sb(i->sb)->size)
        return erofs_corrupt(i->sb, i->ino, "data outside the image");
    return 0;
}

static int read_inline(struct inode *i, uint64_t pos, struct page *p, size_t len)
{
    return erofs_meta_read(i->sb, pos, page_virt(p), len);
}

/* How many of the nr blocks from block on lie one after the other, at *pos. */
static int map_run(struct inode *i, uint64_t block, unsigned nr, uint64_t *pos, bool *inlined, unsigned *run)
{
    int err = erofs_map_block(i, block, pos, inlined);
    uint64_t next;
    bool in;

    *run = 1;
    if (err || *inlined)
        return err;
    while (*run < nr) {
        if (erofs_map_block(i, block + *run, &next, &in) || in ||
            next != (*pos ? *pos + ((uint64_t)*run << EROFS_BLOCK_BITS) : 0))
            break;
        ++*run;
    }
    return 0;
}

static int read_run(struct inode *i, uint64_t block, unsigned nr, struct page **pages, uint64_t pos,
                    bool inlined)
{
    if (inlined)
        return read_inline(i, pos, pages[0], i->size - (block << EROFS_BLOCK_BITS));
    if (!pos) {
        for (unsigned n = 0; n < nr; n++)
            memset(page_virt(pages[n]), 0, PAGE_SIZE);
        return 0;
    }
    return blkdev_read_pages(erofs_sb(i->sb)->dev, pos >> SECTOR_SHIFT, pages, nr);
}

/* Nothing of the disk shows beyond the end of the file. */
static void zero_tail(struct inode *i, uint64_t index, struct page *p)
{
    uint64_t start = index << PAGE_SHIFT;

    if (start >= i->size)
        memset(page_virt(p), 0, PAGE_SIZE);
    else if (i->size - start < PAGE_SIZE)
        memset((char *)page_virt(p) + (i->size - start), 0, PAGE_SIZE - (i->size - start));
}

static int read_flat(struct inode *i, uint64_t index, unsigned nr, struct page **pages)
{
    uint64_t blocks = (i->size + EROFS_BLOCK - 1) >> EROFS_BLOCK_BITS;
    int err = 0;

    for (unsigned done = 0; done < nr;) {
        unsigned run = nr - done;
        uint64_t pos = 0;
        bool inlined = false;
        int e = 0;

        if (index + done < blocks)
            e = map_run(i, index + done, (unsigned)MIN((uint64_t)run, blocks - index - done), &pos, &inlined,
                        &run);
        if (!e)
            e = read_run(i, index + done, run, pages + done, pos, inlined);
        for (unsigned n = 0; n < run; n++) {
            if (!e)
                zero_tail(i, index + done + n, pages[done + n]);
            pages[done + n]->flags |= e ? PG_ERROR : PG_UPTODATE;
        }
        err = e ? e : err;
        done += run;
    }
    return err;
}

static int erofs_read_pages(struct mapping *m, uint64_t index, unsigned nr, struct page **pages)
{
    struct inode *i = m->host;
    struct erofs_inode *e = erofs_i(i);

    if (e->layout == EROFS_FULL_INDEX || e->layout == EROFS_COMPACT_INDEX)
        return erofs_z_read(i, index, nr, pages);
    return read_flat(i, index, nr, pages);
}

const struct mapping_ops erofs_mapping_ops = { .read = erofs_read_pages };
