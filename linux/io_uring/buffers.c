/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buffers.c: buffers that the program provides in groups, for the kernel to choose from: by PROVIDE_BUFFERS, or as
 * a ring in the program's memory (IORING_REGISTER_PBUF_RING), which is read when a buffer is wanted.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/io_uring/uring.h"

#define MAX_BIDS 65536

static struct slab_cache buf_cache = SLAB_CACHE(struct ubuf);

static struct ugroup *find_group(struct uring *r, uint16_t bgid)
{
    struct ugroup *g;

    list_for_each (g, &r->groups, link)
        if (g->bgid == bgid)
            return g;
    return NULL;
}

static struct ugroup *new_group(struct uring *r, uint16_t bgid)
{
    struct ugroup *g = kzalloc(sizeof(*g));

    if (!g)
        return NULL;
    list_init(&g->bufs);
    g->bgid = bgid;
    list_push(&r->groups, &g->link);
    return g;
}

static unsigned drop_bufs(struct ugroup *g, unsigned most)
{
    struct ubuf *b;
    unsigned n = 0;

    while (n < most && (b = list_first(&g->bufs, struct ubuf, link))) {
        list_remove(&b->link);
        slab_free(&buf_cache, b);
        n++;
    }
    return n;
}

static void free_group(struct ugroup *g)
{
    drop_bufs(g, UINT32_MAX);
    list_remove(&g->link);
    kfree(g);
}

void uring_free_groups(struct uring *r)
{
    struct ugroup *g, *next;

    list_for_each_safe (g, next, &r->groups, link)
        free_group(g);
}

/* ---- choosing ---- */

static int select_from_ring(struct ureq *req, struct ugroup *g, uint64_t *addr, size_t *len)
{
    const struct io_uring_buf_ring __user *ring = (const struct io_uring_buf_ring __user *)g->ring;
    const struct io_uring_buf __user *slot =
        (const struct io_uring_buf __user *)g->ring + (g->head & g->mask);
    struct io_uring_buf b;
    uint16_t tail;

    if (req->ring->bufs_mm && current->mm != req->ring->bufs_mm)
        return -EFAULT;
    if (get_user(tail, &ring->tail))
        return -EFAULT;
    if (tail == g->head)
        return -ENOBUFS;
    if (copy_from_user(&b, slot, sizeof(b)))
        return -EFAULT;
    *addr = b.addr;
    *len = *len ? MIN(*len, (size_t)b.len) : b.len;
    req->cqe_flags = IORING_CQE_F_BUFFER | (uint32_t)b.bid << IORING_CQE_BUFFER_SHIFT;
    g->head++;
    return 0;
}

static int select_from_list(struct ureq *req, struct ugroup *g, uint64_t *addr, size_t *len)
{
    struct ubuf *b = list_first(&g->bufs, struct ubuf, link);

    if (!b)
        return -ENOBUFS;
    list_remove(&b->link);
    req->cqe_flags = IORING_CQE_F_BUFFER | (uint32_t)b->bid << IORING_CQE_BUFFER_SHIFT;
    req->rw.buf = b;
    *addr = b->addr;
    *len = *len ? MIN(*len, (size_t)b->len) : b->len;
    return 0;
}

int ureq_select(struct ureq *req, uint64_t *addr, size_t *len)
{
    struct ugroup *g = find_group(req->ring, req->sqe.buf_group);
    int err;

    if (!g)
        return -ENOBUFS;
    req->rw.buf = NULL;
    err = g->is_ring ? select_from_ring(req, g, addr, len) : select_from_list(req, g, addr, len);
    if (!err) {
        req->rw.group = g;
        req->flags |= UR_SELECTED;
    }
    return err;
}

/* The mutex was held since: the group is still there. */
void ureq_unselect(struct ureq *req)
{
    if (!(req->flags & UR_SELECTED))
        return;
    req->flags &= ~UR_SELECTED;
    req->cqe_flags = 0;
    if (req->rw.buf)
        list_push(&req->rw.group->bufs, &req->rw.buf->link);
    else
        req->rw.group->head--;
}

void ureq_selection_used(struct ureq *req)
{
    if (!(req->flags & UR_SELECTED))
        return;
    req->flags &= ~UR_SELECTED;
    if (req->rw.buf)
        slab_free(&buf_cache, req->rw.buf);
}

/* ---- PROVIDE_BUFFERS, REMOVE_BUFFERS ---- */

int uring_provide_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;
    uint64_t nr = (uint32_t)s->fd;

    if (s->rw_flags || s->splice_fd_in)
        return -EINVAL;
    if (!nr || nr > MAX_BIDS)
        return -E2BIG;
    if (s->addr > UINT64_MAX - s->len * nr)
        return -EOVERFLOW;
    if (!user_ok(s->addr, s->len * nr))
        return -EFAULT;
    if (s->off >= MAX_BIDS)
        return -E2BIG;
    return s->off + nr > MAX_BIDS ? -EINVAL : 0;
}

int uring_provide(struct ureq *req)
{
    struct ugroup *g = find_group(req->ring, req->sqe.buf_group);
    unsigned nr = req->sqe.fd, i;

    if (!g && !(g = new_group(req->ring, req->sqe.buf_group)))
        return -ENOMEM;
    if (g->is_ring)
        return -EINVAL;
    for (i = 0; i < nr; i++) {
        struct ubuf *b = slab_alloc(&buf_cache);

        if (!b)
            break;
        b->addr = req->sqe.addr + (uint64_t)i * req->sqe.len;
        b->len = MIN(req->sqe.len, 0x7ffff000u);
        b->bid = req->sqe.off + i;
        list_append(&g->bufs, &b->link);
    }
    return i ? 0 : -ENOMEM;
}

int uring_remove_bufs_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->rw_flags || s->addr || s->len || s->off || s->splice_fd_in)
        return -EINVAL;
    return !s->fd || (uint32_t)s->fd > MAX_BIDS ? -EINVAL : 0;
}

int uring_remove_bufs(struct ureq *req)
{
    struct ugroup *g = find_group(req->ring, req->sqe.buf_group);

    if (!g)
        return -ENOENT;
    return g->is_ring ? -EINVAL : (int)drop_bufs(g, req->sqe.fd);
}

/* ---- rings of buffers ---- */

long uring_register_pbuf(struct uring *r, void __user *arg, unsigned nr)
{
    struct io_uring_buf_reg reg;
    struct ugroup *g;
    uint16_t probe;

    if (copy_from_user(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (reg.pad || reg.resv[0] || reg.resv[1] || reg.resv[2])
        return -EINVAL;
    if (!reg.ring_addr)
        return -EFAULT;
    if ((reg.ring_addr & ~PAGE_MASK) || !reg.ring_entries || (reg.ring_entries & (reg.ring_entries - 1)) ||
        reg.ring_entries >= MAX_BIDS)
        return -EINVAL;
    g = find_group(r, reg.bgid);
    if (g && (g->is_ring || !list_empty(&g->bufs)))
        return -EEXIST;
    for (uint64_t at = 0; at < reg.ring_entries * sizeof(struct io_uring_buf); at += PAGE_SIZE) {
        if (get_user(probe, (const uint16_t __user *)(reg.ring_addr + at)))
            return -EFAULT;
        (void)probe;
    }
    if (!g && !(g = new_group(r, reg.bgid)))
        return -ENOMEM;
    r->bufs_mm = current->mm;
    g->is_ring = true;
    g->ring = reg.ring_addr;
    g->mask = reg.ring_entries - 1;
    g->head = 0;
    return 0;
}

long uring_unregister_pbuf(struct uring *r, void __user *arg, unsigned nr)
{
    struct io_uring_buf_reg reg;
    struct ugroup *g;

    if (copy_from_user(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (reg.pad || reg.resv[0] || reg.resv[1] || reg.resv[2])
        return -EINVAL;
    g = find_group(r, reg.bgid);
    if (!g)
        return -ENOENT;
    if (!g->is_ring)
        return -EINVAL;
    free_group(g);
    return 0;
}
