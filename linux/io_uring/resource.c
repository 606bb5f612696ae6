/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resource.c: registered files and buffers: tables of nodes (struct unode) by slot.
 *
 * A node lives as long as its slot or a request has it; then its file is closed and its tag posted. A registered
 * buffer is the memory at its address in the program that registered it; its pages are brought in, not pinned.
 */
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/io_uring/uring.h"
#include "linux/process.h"
#include <asm/resource.h>

#define MAX_FILES   (1u << 20)
#define MAX_BUFS    (1u << 14)
#define MAX_BUF_LEN (1ul << 30)

static struct slab_cache node_cache = SLAB_CACHE(struct unode);

void unode_put(struct uring *r, struct unode *n)
{
    if (--n->refs)
        return;
    if (n->file)
        file_put(n->file);
    if (n->tag)
        uring_post(r, n->tag, 0, 0);
    slab_free(&node_cache, n);
}

static void clear_slot(struct uring *r, struct unode_table *t, unsigned slot)
{
    struct unode *n = t->slots[slot];

    if (!n)
        return;
    t->slots[slot] = NULL;
    t->hint = slot;
    unode_put(r, n);
}

static void fill_slot(struct uring *r, struct unode_table *t, unsigned slot, struct unode *n)
{
    clear_slot(r, t, slot);
    t->slots[slot] = n;
    if (n)
        t->hint = slot + 1;
}

static void table_free(struct uring *r, struct unode_table *t)
{
    for (unsigned i = 0; i < t->nr; i++)
        clear_slot(r, t, i);
    kfree(t->slots);
    *t = (struct unode_table){ 0 };
}

void uring_free_tables(struct uring *r)
{
    table_free(r, &r->files);
    table_free(r, &r->bufs);
}

/* ---- what goes into a slot: 0 with *out NULL for an empty one ---- */

static int make_node(uint64_t tag, struct unode **out)
{
    struct unode *n = slab_zalloc(&node_cache);

    if (!n)
        return -ENOMEM;
    n->refs = 1;
    n->tag = tag;
    *out = n;
    return 0;
}

static int file_node(struct file *f, uint64_t tag, struct unode **out)
{
    int err = f->ops == &uring_file_ops ? -EBADF : make_node(tag, out); /* a ring would keep itself */

    if (!err)
        (*out)->file = f;
    return err;
}

static int node_of_fd(int fd, uint64_t tag, struct unode **out)
{
    struct file *f;
    int err;

    *out = NULL;
    if (fd == -1)
        return tag ? -EINVAL : 0;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    err = file_node(f, tag, out);
    if (err)
        file_put(f);
    return err;
}

/* The program could write every page of it. */
static int probe(uint64_t addr, uint64_t len)
{
    uint32_t found;

    if (!user_ok(addr, len))
        return -EFAULT;
    for (uint64_t at = addr & PAGE_MASK; at < addr + len; at += PAGE_SIZE) {
        if (user_cmpxchg_u32((uint32_t __user *)at, 0, 0, &found))
            return -EFAULT;
        cond_resched();
    }
    return 0;
}

static int node_of_iovec(const struct iov_seg *v, uint64_t tag, struct unode **out)
{
    int err;

    *out = NULL;
    if (!v->base)
        return v->len ? -EFAULT : tag ? -EINVAL : 0;
    if (!v->len || v->len > MAX_BUF_LEN)
        return -EFAULT;
    if (v->base + v->len < v->base)
        return -EOVERFLOW;
    err = probe(v->base, v->len);
    if (!err)
        err = make_node(tag, out);
    if (err)
        return err;
    (*out)->addr = v->base;
    (*out)->len = v->len;
    return 0;
}

struct request { /* registration or update */
    bool files;
    unsigned from, nr;
    const void __user
    *data; /* int[] or struct iovec[]; NULL: all empty */
    const uint64_t __user
    *tags;
};

#define SKIP 1 /* this slot is left alone */

static int node_at(const struct request *q, unsigned i, bool update, struct unode **out)
{
    uint64_t tag = 0;
    struct iov_seg v = { 0, 0 };
    int fd = -1;

    if (q->tags && get_user(tag, &q->tags[i]))
        return -EFAULT;
    if (q->files) {
        if (q->data && get_user(fd, (const int __user *)q->data + i))
            return -EFAULT;
        if (update && fd == IORING_REGISTER_FILES_SKIP)
            return tag ? -EINVAL : SKIP;
        return node_of_fd(fd, tag, out);
    }
    if (q->data && copy_from_user(&v, (const struct iov_seg __user *)q->data + i, sizeof(v)))
        return -EFAULT;
    return node_of_iovec(&v, tag, out);
}

/* ---- the three operations ---- */

static long register_table(struct uring *r, const struct request *q)
{
    struct unode_table *t = q->files ? &r->files : &r->bufs;
    int err = 0;

    if (t->nr)
        return -EBUSY;
    if (!q->nr)
        return -EINVAL;
    if (q->files && (q->nr > MAX_FILES || q->nr > rlimit_cur(RLIMIT_NOFILE)))
        return -EMFILE;
    if (!q->files && q->nr > MAX_BUFS)
        return -EINVAL;
    t->slots = kzalloc(q->nr * sizeof(*t->slots));
    if (!t->slots)
        return -ENOMEM;
    t->nr = t->alloc_to = q->nr;
    for (unsigned i = 0; i < q->nr && !err; i++)
        err = node_at(q, i, false, &t->slots[i]);
    if (err) {
        for (unsigned i = 0; i < t->nr; i++)
            if (t->slots[i])
                t->slots[i]->tag = 0; /* was never registered */
        table_free(r, t);
    } else if (!q->files) {
        r->bufs_mm = current->mm;
    }
    return err;
}

static long update_table(struct uring *r, const struct request *q)
{
    struct unode_table *t = q->files ? &r->files : &r->bufs;
    int err = 0;
    unsigned i;

    if (q->from + q->nr < q->from)
        return -EOVERFLOW;
    if (!t->nr)
        return -ENXIO;
    if (q->from + q->nr > t->nr)
        return -EINVAL;
    for (i = 0; i < q->nr; i++) {
        struct unode *n = NULL;

        err = node_at(q, i, true, &n);
        if (err < 0)
            break;
        if (err == SKIP)
            continue;
        fill_slot(r, t, q->from + i, n);
    }
    return i ? (long)i : err;
}

static long unregister_table(struct uring *r, struct unode_table *t)
{
    if (!t->nr)
        return -ENXIO;
    table_free(r, t);
    return 0;
}

static long register_simple(struct uring *r, bool files, void __user *arg, unsigned nr)
{
    struct request q = { files, 0, nr, arg, NULL };

    return arg ? register_table(r, &q) : -EFAULT;
}

static long register_tagged(struct uring *r, bool files, void __user *arg, unsigned size)
{
    struct io_uring_rsrc_register g;
    struct request q = { .files = files };

    if (size != sizeof(g))
        return -EINVAL;
    if (copy_from_user(&g, arg, sizeof(g)))
        return -EFAULT;
    if (!g.nr || g.resv2 || (g.flags & ~IORING_RSRC_REGISTER_SPARSE) ||
        ((g.flags & IORING_RSRC_REGISTER_SPARSE) && g.data))
        return -EINVAL;
    q.nr = g.nr;
    q.data = (const void __user *)g.data;
    q.tags = (const uint64_t __user *)g.tags;
    return register_table(r, &q);
}

static long update_simple(struct uring *r, void __user *arg, unsigned nr)
{
    struct io_uring_rsrc_update u;
    struct request q = { .files = true, .nr = nr };

    if (!nr)
        return -EINVAL;
    if (copy_from_user(&u, arg, sizeof(u)))
        return -EFAULT;
    if (u.resv)
        return -EINVAL;
    q.from = u.offset;
    q.data = (const void __user *)u.data;
    return u.data ? update_table(r, &q) : -EFAULT;
}

static long update_tagged(struct uring *r, bool files, void __user *arg, unsigned size)
{
    struct io_uring_rsrc_update2 u;
    struct request q = { .files = files };

    if (size != sizeof(u))
        return -EINVAL;
    if (copy_from_user(&u, arg, sizeof(u)))
        return -EFAULT;
    if (!u.nr || u.resv || u.resv2)
        return -EINVAL;
    q.from = u.offset;
    q.nr = u.nr;
    q.data = (const void __user *)u.data;
    q.tags = (const uint64_t __user *)u.tags;
    return u.data ? update_table(r, &q) : -EFAULT;
}

long uring_register_resource(struct uring *r, unsigned op, void __user *arg, unsigned nr)
{
    switch (op) {
    case IORING_REGISTER_BUFFERS:
        return register_simple(r, false, arg, nr);
    case IORING_REGISTER_FILES:
        return register_simple(r, true, arg, nr);
    case IORING_REGISTER_BUFFERS2:
        return register_tagged(r, false, arg, nr);
    case IORING_REGISTER_FILES2:
        return register_tagged(r, true, arg, nr);
    case IORING_UNREGISTER_BUFFERS:
        return arg || nr ? -EINVAL : unregister_table(r, &r->bufs);
    case IORING_UNREGISTER_FILES:
        return arg || nr ? -EINVAL : unregister_table(r, &r->files);
    case IORING_REGISTER_FILES_UPDATE:
        return update_simple(r, arg, nr);
    case IORING_REGISTER_FILES_UPDATE2:
        return update_tagged(r, true, arg, nr);
    default:
        return update_tagged(r, false, arg, nr);
    }
}

/* ---- single slots, for operations ---- */

/* From the one after the last that was filled, or the last that was emptied, on. */
static int free_slot(struct unode_table *t)
{
    unsigned room = t->alloc_to - t->alloc_from;

    for (unsigned i = 0; i < room; i++, t->hint++) {
        if (t->hint < t->alloc_from || t->hint >= t->alloc_to)
            t->hint = t->alloc_from;
        if (!t->slots[t->hint])
            return t->hint;
    }
    return -ENFILE;
}

int uring_install_file(struct uring *r, struct file *f, uint32_t slot)
{
    struct unode_table *t = &r->files;
    struct unode *n;
    int at = slot - 1, err;

    if (slot == IORING_FILE_INDEX_ALLOC) {
        at = t->nr ? free_slot(t) : -ENFILE;
        if (at < 0)
            return at;
    }
    if (f->ops == &uring_file_ops)
        return -EBADF;
    if (!t->nr)
        return -ENXIO;
    if ((unsigned)at >= t->nr)
        return -EINVAL;
    err = file_node(f, 0, &n);
    if (err)
        return err;
    fill_slot(r, t, at, n);
    return slot == IORING_FILE_INDEX_ALLOC ? at : 0;
}

int uring_remove_file(struct uring *r, uint32_t slot)
{
    if (!r->files.nr)
        return -ENXIO;
    if (slot >= r->files.nr)
        return -EINVAL;
    if (!r->files.slots[slot])
        return -EBADF;
    clear_slot(r, &r->files, slot);
    return 0;
}

/* ---- FILES_UPDATE ---- */

int uring_files_op_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if ((req->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) || s->rw_flags || s->splice_fd_in || !s->len)
        return -EINVAL;
    return 0;
}

/* Files into slots of the kernel's choice; the numbers go back into the program's array. */
static int install_many(struct uring *r, int __user *fds, unsigned nr)
{
    int slot = 0;
    unsigned i;

    if (!r->files.nr)
        return -ENXIO;
    for (i = 0; i < nr; i++) {
        struct file *f;
        int fd;

        if (get_user(fd, &fds[i])) {
            slot = -EFAULT;
            break;
        }
        f = fd_get(fd);
        slot = f ? uring_install_file(r, f, IORING_FILE_INDEX_ALLOC) : -EBADF;
        if (slot < 0) {
            if (f)
                file_put(f);
            break;
        }
        if (put_user(slot, &fds[i])) {
            uring_remove_file(r, slot);
            slot = -EFAULT;
            break;
        }
    }
    return i ? (int)i : slot;
}

int uring_files_op(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    struct request q = { true, (uint32_t)s->off, s->len, (const void __user *)s->addr, NULL };

    if ((uint32_t)s->off == IORING_FILE_INDEX_ALLOC)
        return install_many(req->ring, (int __user *)s->addr, s->len);
    return s->addr ? (int)update_table(req->ring, &q) : -EFAULT;
}
