/* SPDX-License-Identifier: BSD-2-Clause */
/* filemap.c: regular files over the page cache: read, write, mmap. */
#include "abi/fs.h"
#include "fs/file.h"
#include "kernel/arch.h"
#include "kernel/mm.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define READ_RUN 16ul /* pages looked up at once */

/* Nothing written yet: the lower layer's pages are the file's. */
static inline struct mapping *layer_of(struct mapping *m)
{
    return m->lower_pages && radix_empty(&m->pages) ? m->lower : m;
}

/* NULL: a page without backing that was never written, nothing but zeros; none is made for reading. */
static int get_for_read(struct mapping *m, uint64_t index, uint64_t max_index, struct page **out)
{
    int err;

    if (!m->pinned)
        return mapping_get(m, index, max_index, 0, out);
    err = mapping_get(m, index, max_index, MAP_GET_CACHED, out);
    if (err != -ENOENT)
        return err;
    if (index < m->lower_pages)
        return mapping_get(m, index, max_index, 0, out);
    *out = NULL;
    return 0;
}

static inline int page_for_read(struct mapping *m, uint64_t index, uint64_t size, bool nonblock,
                                struct page **out)
{
    if (unlikely(nonblock))
        return mapping_get(m, index, 0, MAP_GET_CACHED, out) ? -EAGAIN : 0;
    return get_for_read(m, index, (size - 1) >> PAGE_SHIFT, out);
}

/* From one page; returns the bytes copied, or -errno when none. p NULL: zeros. */
static ssize_t read_within_page(struct mapping *m, struct iov *v, uint64_t at, size_t len, uint64_t size)
{
    struct page *p;
    size_t got;
    uint64_t index = at >> PAGE_SHIFT;
    int err = page_for_read(index < m->lower_pages ? layer_of(m) : m, index, size, v->nonblock, &p);

    if (unlikely(err))
        return err;
    if (likely(p)) {
        got = iov_put(v, (char *)page_virt(p) + (at & ~PAGE_MASK), len);
        page_put(p);
    } else {
        got = iov_zero(v, len);
    }
    return got ? (ssize_t)got : -EFAULT;
}

/* Copies [off, off + len) of the pages out and drops them; returns the bytes copied. */
static size_t read_pages(struct iov *v, struct page **pages, unsigned nr, unsigned off, size_t len)
{
    size_t done = 0;

    for (unsigned i = 0; i < nr; i++) {
        done += iov_put(v, (char *)page_virt(pages[i]) + off, MIN(PAGE_SIZE - off, len - done));
        off = 0;
        page_put(pages[i]);
    }
    return done;
}

static ssize_t read_many(struct mapping *m, struct iov *v, uint64_t at, size_t len, uint64_t size)
{
    struct page *pages[READ_RUN];
    size_t done = 0;

    while (done < len) {
        unsigned off = at & ~PAGE_MASK;
        size_t part = MIN(len - done, READ_RUN * PAGE_SIZE - off);
        unsigned n = mapping_get_run(m, at >> PAGE_SHIFT, (off + part + PAGE_SIZE - 1) >> PAGE_SHIFT, pages);
        ssize_t got;

        part = MIN(part, MAX(n, 1u) * PAGE_SIZE - off);
        got = n ? (ssize_t)read_pages(v, pages, n, off, part) : read_within_page(m, v, at, part, size);
        if (got > 0) {
            at += got;
            done += got;
        }
        if (unlikely(got < (ssize_t)part))
            return done ? (ssize_t)done : got ? got : -EFAULT;
        cond_resched();
    }
    return done;
}

ssize_t mapping_file_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct inode *i = f->inode;
    uint64_t at = *pos, size = READ_ONCE(i->size);
    size_t len;
    ssize_t n;

    if (at >= size || !v->count)
        return 0;
    len = MIN(v->count, size - at);
    n = len <= PAGE_SIZE - (at & ~PAGE_MASK) ? read_within_page(i->mapping, v, at, len, size)
                                             : read_many(i->mapping, v, at, len, size);
    if (likely(n > 0))
        *pos = at + n;
    file_accessed(f);
    return n;
}

void inode_written(struct inode *i)
{
    if (unlikely(i->mode & (S_ISUID | S_ISGID)) && !fs_capable(CAP_FSETID))
        i->mode = mode_without_suid(i);
    i->mtime = i->ctime = fs_now();
}

static ssize_t write_locked(struct file *f, struct iov *v, uint64_t at)
{
    struct inode *i = f->inode;
    struct mapping *m = i->mapping;
    size_t left = v->count, done = 0;
    int err = 0;

    while (left) {
        unsigned off = at & ~PAGE_MASK;
        size_t n = MIN(PAGE_SIZE - off, left), got;
        bool whole = n == PAGE_SIZE || (!off && at + n >= i->size);
        struct page *p;

        err = mapping_get(m, at >> PAGE_SHIFT, at >> PAGE_SHIFT, MAP_GET_WRITE | (whole ? MAP_GET_NOFILL : 0),
                          &p);
        if (unlikely(err))
            break;
        got = iov_get(v, (char *)page_virt(p) + off, n);
        page_put(p);
        at += got;
        done += got;
        left -= got;
        if (at > i->size)
            WRITE_ONCE(i->size, at);
        if (unlikely(got < n)) {
            err = -EFAULT;
            break;
        }
        cond_resched();
    }
    return done ? (ssize_t)done : err;
}

ssize_t mapping_file_write(struct file *f, struct iov *v, uint64_t *pos)
{
    struct inode *i = f->inode;
    ssize_t n;

    if (!v->count)
        return 0;
    rw_write_lock(&i->rwsem);
    if ((f->flags & O_APPEND) || v->append)
        *pos = i->size;
    n = *pos > INT64_MAX - v->count ? -EFBIG : 0;
    if (!n) {
        n = write_locked(f, v, *pos);
        if (n > 0) {
            *pos += n;
            inode_written(i);
        }
    }
    rw_write_unlock(&i->rwsem);
    return n;
}

int mapping_file_mmap(struct file *f, struct mmap_args *a)
{
    a->mapping = f->inode->mapping;
    file_accessed(f);
    return 0;
}
