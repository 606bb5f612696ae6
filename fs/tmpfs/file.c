/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c: tmpfs files: size, holes, attributes. */
#include "fs/tmpfs/tmpfs.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define MAX_SIZE INT64_MAX

static int tmp_getattr(struct inode *i, struct kstat *st)
{
    struct tmp_inode *t = tmp_i(i);

    inode_fill_stat(i, st);
    st->blocks = t->mapping.nr_pages * (PAGE_SIZE / 512);
    if (t->mapping.lower_pages && st->blocks < i->blocks)
        st->blocks = i->blocks;
    return 0;
}

/* The page that byte `at` cuts in two becomes our own before the lower layer is cut off there. */
static int own_page_at(struct mapping *m, uint64_t at)
{
    struct page *p;
    int err;

    if (at % PAGE_SIZE == 0 || at >> PAGE_SHIFT >= m->lower_pages)
        return 0;
    err = mapping_get(m, at >> PAGE_SHIFT, at >> PAGE_SHIFT, MAP_GET_WRITE, &p);
    if (!err)
        page_put(p);
    return err;
}

static int set_size(struct inode *i, uint64_t size)
{
    struct mapping *m = i->mapping;
    uint64_t old = i->size;
    int err;

    if (size > MAX_SIZE)
        return -EFBIG;
    tmp_pin(i);
    if (size < old) {
        err = own_page_at(m, size);
        if (err)
            return err;
        WRITE_ONCE(i->size, size);
        if (m->lower_pages > ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT) {
            m->lower_pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
            i->blocks = 0;
        }
        mapping_truncate(m, size, UINT64_MAX);
    }
    WRITE_ONCE(i->size, size);
    i->mtime = fs_now();
    return 0;
}

int tmp_setattr(struct inode *i, const struct iattr *a)
{
    int err = a->valid & ATTR_SIZE ? set_size(i, a->size) : 0;

    if (err)
        return err;
    tmp_pin(i);
    inode_apply_attr(i, a);
    return 0;
}

static off_t tmp_seek(struct file *f, off_t off, int whence)
{
    struct inode *i = f->inode;
    off_t below = MIN(i->mapping->lower_pages << PAGE_SHIFT, i->size), pos = f->pos, n;

    if ((whence != SEEK_DATA && whence != SEEK_HOLE) || off < 0 || off >= below)
        return mapping_seek(f, off, whence);
    if (whence == SEEK_DATA)
        return f->pos = off;
    if ((uint64_t)below >= i->size)
        return f->pos = i->size;
    n = mapping_seek(f, below, SEEK_HOLE);
    if (n < 0)
        f->pos = pos;
    return n;
}

/* ---- fallocate ---- */

/* Zeroes [start, end): whole pages go, but for those that would show the lower layer again. */
static int punch(struct inode *i, uint64_t start, uint64_t end)
{
    struct mapping *m = i->mapping;
    uint64_t below = m->lower_pages << PAGE_SHIFT;
    int err;

    if (start < below && end >= MIN(below, i->size)) {
        err = own_page_at(m, start);
        if (err)
            return err;
        m->lower_pages = ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT;
        below = m->lower_pages << PAGE_SHIFT;
    }
    for (uint64_t at = start; at < MIN(end, below);) {
        uint64_t n = MIN(PAGE_SIZE - at % PAGE_SIZE, end - at);
        struct page *p;

        err = mapping_get(m, at >> PAGE_SHIFT, at >> PAGE_SHIFT, MAP_GET_WRITE, &p);
        if (err)
            return err;
        memset((char *)page_virt(p) + at % PAGE_SIZE, 0, n);
        page_put(p);
        at += n;
        cond_resched();
    }
    if (end > MAX(start, below))
        mapping_truncate(m, MAX(start, below), end);
    return 0;
}

/* Every page of [start, end) gets memory now; on failure those that were absent go again. */
static int allocate(struct inode *i, uint64_t start, uint64_t end)
{
    struct mapping *m = i->mapping;
    uint64_t first = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT, fresh = first;
    int err;

    for (uint64_t index = first; index <= last; index++) {
        struct page *p;

        if (index < m->lower_pages)
            continue;
        err = mapping_get(m, index, index, MAP_GET_CACHED, &p);
        if (!err) {
            page_put(p);
            fresh = index + 1;
            continue;
        }
        err = mapping_get(m, index, index, MAP_GET_WRITE | MAP_GET_NOFILL, &p);
        if (err) {
            if (fresh < index)
                mapping_truncate(m, fresh << PAGE_SHIFT, index << PAGE_SHIFT);
            return err == -ENOMEM ? -ENOSPC : err;
        }
        page_put(p);
        cond_resched();
    }
    return 0;
}

int tmp_fallocate(struct inode *i, int mode, uint64_t off, uint64_t len)
{
    bool keep = mode & FALLOC_FL_KEEP_SIZE;
    uint64_t end = off + len;
    int err = 0;

    switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
    case FALLOC_FL_ZERO_RANGE:
        break;
    case FALLOC_FL_PUNCH_HOLE:
        if (!keep)
            return -EOPNOTSUPP;
        break;
    default:
        return -EOPNOTSUPP;
    }
    rw_write_lock(&i->rwsem);
    tmp_pin(i);
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        err = punch(i, off,
                    MIN(end, ALIGN_UP(i->size, PAGE_SIZE)) > off ? MIN(end, ALIGN_UP(i->size, PAGE_SIZE))
                                                                 : off);
    if (!err && !(mode & FALLOC_FL_PUNCH_HOLE))
        err = allocate(i, off, end);
    if (!err) {
        if (!keep && end > i->size)
            WRITE_ONCE(i->size, end);
        i->ctime = i->mtime = fs_now();
    }
    rw_write_unlock(&i->rwsem);
    return err;
}

const struct inode_ops tmp_file_inode_ops = {
    .setattr = tmp_setattr,
    .getattr = tmp_getattr,
    .fallocate = tmp_fallocate,
    .getxattr = tmp_getxattr,
    .setxattr = tmp_setxattr,
    .listxattr = tmp_listxattr,
    .removexattr = tmp_removexattr,
};

const struct inode_ops tmp_link_inode_ops = {
    .setattr = tmp_setattr,
    .getxattr = tmp_getxattr,
    .setxattr = tmp_setxattr,
    .listxattr = tmp_listxattr,
    .removexattr = tmp_removexattr,
};

const struct inode_ops tmp_node_inode_ops = {
    .setattr = tmp_setattr,
    .getxattr = tmp_getxattr,
    .setxattr = tmp_setxattr,
    .listxattr = tmp_listxattr,
    .removexattr = tmp_removexattr,
};

const struct file_ops tmp_file_ops = {
    .read = mapping_file_read,
    .write = mapping_file_write,
    .seek = tmp_seek,
    .mmap = mapping_file_mmap,
    .fsync = fsync_nothing,
};
