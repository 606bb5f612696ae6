/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * setup.c: making a ring, its memory, and the ring as a file: io_uring_setup(2), mmap(2), poll(2).
 *
 * The memory is one mapping of the page cache, of which the program maps parts; the kernel holds a reference to each
 * page and sees them as one piece. Only its own copies of heads, masks and sizes are trusted.
 */
#include "kernel/arch.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/io_uring/uring.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>

#define MAX_ENTRIES    32768
#define MAX_CQ_ENTRIES (2 * MAX_ENTRIES)
#define MAX_BUCKETS    1024
#define SETUP_FLAGS                                                                                          \
    (IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_ATTACH_WQ | IORING_SETUP_R_DISABLED |           \
     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | \
     IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define FEATURES                                                                                           \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |   \
     IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | \
     IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

#define SQES_INDEX (IORING_OFF_SQES >> PAGE_SHIFT)

static struct slab_cache cache = SLAB_CACHE(struct uring);

/* ---- memory ---- */

static void area_free(struct uring_area *a)
{
    if (a->nr > 1 && a->virt)
        kernel_unmap_pages(a->virt, a->nr);
    for (unsigned i = 0; i < a->nr; i++)
        if (a->pages[i])
            page_put(a->pages[i]);
    kfree(a->pages);
}

static int area_make(struct uring *r, struct uring_area *a, uint64_t index, size_t bytes)
{
    unsigned nr = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;

    a->pages = kzalloc(nr * sizeof(*a->pages));
    if (!a->pages)
        return -ENOMEM;
    a->nr = nr;
    for (unsigned i = 0; i < nr; i++)
        if (mapping_get(&r->mapping, index + i, 0, MAP_GET_WRITE, &a->pages[i])) {
            a->pages[i] = NULL;
            return -ENOMEM;
        }
    a->virt = nr == 1 ? page_virt(a->pages[0]) : kernel_map_pages(a->pages, nr, 0);
    return a->virt ? 0 : -ENOMEM;
}

static size_t cqes_offset(void)
{
    return sizeof(struct uring_head);
}

static size_t array_offset(const struct uring *r)
{
    return cqes_offset() + ((size_t)r->cq_entries << r->cqe_shift);
}

static int make_rings(struct uring *r)
{
    int err = area_make(r, &r->rings, 0, array_offset(r) + r->sq_entries * sizeof(uint32_t));

    if (!err)
        err = area_make(r, &r->sqe_area, SQES_INDEX, (size_t)r->sq_entries << r->sqe_shift);
    if (err)
        return err;
    r->head = (struct uring_head *)r->rings.virt;
    r->cqes = r->rings.virt + cqes_offset();
    r->sq_array = (uint32_t *)(r->rings.virt + array_offset(r));
    r->sqes = (struct io_uring_sqe *)r->sqe_area.virt;
    r->head->sq_entries = r->sq_entries;
    r->head->cq_entries = r->cq_entries;
    r->head->sq_mask = r->sq_entries - 1;
    r->head->cq_mask = r->cq_entries - 1;
    return 0;
}

/* ---- the ring ---- */

void uring_put(struct uring *r)
{
    if (!ref_put(&r->refs))
        return;
    uring_free_spare(r);
    uring_free_overflow(r);
    area_free(&r->rings);
    area_free(&r->sqe_area);
    mapping_destroy(&r->mapping);
    kfree(r->restrict_to);
    kfree(r->armed);
    slab_free(&cache, r);
}

static struct uring *uring_new(const struct io_uring_params *p)
{
    struct uring *r = slab_zalloc(&cache);

    if (!r)
        return NULL;
    ref_init(&r->refs);
    mutex_init(&r->mutex, RANK_URING);
    spin_init(&r->cq_lock, RANK_OBJECT);
    waitq_init(&r->wait);
    list_init(&r->ready);
    list_init(&r->deferred);
    list_init(&r->timeouts);
    list_init(&r->groups);
    list_init(&r->overflow);
    mapping_init(&r->mapping, NULL, r);
    r->mapping.pinned = true;
    r->flags = p->flags;
    r->sq_entries = p->sq_entries;
    r->cq_entries = p->cq_entries;
    r->sqe_shift = p->flags & IORING_SETUP_SQE128 ? 7 : 6;
    r->cqe_shift = p->flags & IORING_SETUP_CQE32 ? 5 : 4;
    r->armed_mask = MIN(p->cq_entries, (unsigned)MAX_BUCKETS) - 1;
    r->armed = kmalloc((r->armed_mask + 1) * sizeof(*r->armed));
    if (!r->armed || make_rings(r)) {
        uring_put(r);
        return NULL;
    }
    for (unsigned i = 0; i <= r->armed_mask; i++)
        list_init(&r->armed[i]);
    if ((p->flags & IORING_SETUP_SINGLE_ISSUER) && !(p->flags & IORING_SETUP_R_DISABLED))
        r->issuer = current;
    return r;
}

/* ---- as a file ---- */

/* Nothing more is submitted, and what waits is cancelled. Requests that are being completed by their threads keep
 * the ring until then. */
static void tear_down(struct uring *r)
{
    r->torn_down = true;
    uring_cancel_all(r, NULL);
    uring_free_groups(r);
    uring_free_tables(r);
    uring_drop_eventfd(r);
}

__noinline void uring_unlock_end(struct uring *r)
{
    bool end = !r->torn_down;

    if (unlikely(end))
        tear_down(r);
    mutex_unlock(&r->mutex);
    if (unlikely(end))
        uring_put(r); /* the file's reference */
}

/* The last descriptor and mapping are gone. It may have been a request of this very ring that had the last
 * reference (it polled the ring): then whoever runs that request goes on in uring_unlock(). */
static void uring_release(struct file *f)
{
    struct uring *r = f->private;

    ref_get(&r->refs); /* another thread may see dying first, and go on in our place */
    WRITE_ONCE(r->dying, true);
    if ((atomic_load(&r->mutex.owner) & ~(uintptr_t)1) == (uintptr_t)current) {
        uring_put(r);
        return;
    }
    mutex_lock(&r->mutex);
    uring_unlock(r);
    uring_put(r);
}

static unsigned uring_poll(struct file *f, struct poll_table *pt)
{
    struct uring *r = f->private;
    unsigned ready = 0;

    poll_wait(f, &r->wait, pt);
    if (READ_ONCE(r->head->sq_tail) - READ_ONCE(r->sq_head) != r->sq_entries)
        ready = EPOLLOUT | EPOLLWRNORM;
    if (!uring_cq_empty(r) || !list_empty(&r->overflow))
        ready |= EPOLLIN | EPOLLRDNORM;
    return ready;
}

static uint64_t vma_size(void *file)
{
    return INT64_MAX; /* what may be mapped was checked; the inode has no size */
}

/* Rings whose last reference a mapping had. It goes under its address space's lock, where nothing may be closed or
 * cancelled: the thread does that on its way to user mode, or whoever next runs task work. */
static struct spinlock unmapped_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list unmapped = LIST_INIT(unmapped); /* of struct uring.unmapped_link */

static void vma_put(void *file)
{
    struct file *f = file;
    struct uring *r = f->private;

    if (!ref_put(&f->refs))
        return;
    r->file = f;
    spin_lock(&unmapped_lock);
    list_append(&unmapped, &r->unmapped_link);
    spin_unlock(&unmapped_lock);
    if (current->ulinux)
        atomic_or(&current->work, WORK_TASK);
}

void uring_close_unmapped(void)
{
    struct uring *r;

    while (!list_empty(&unmapped)) {
        spin_lock(&unmapped_lock);
        r = list_first(&unmapped, struct uring, unmapped_link);
        if (r)
            list_remove(&r->unmapped_link);
        spin_unlock(&unmapped_lock);
        if (r)
            file_free(r->file);
    }
}

static struct vma_file_ops ring_vma_ops; /* those of files but for size and end; made by the first ring */

static int uring_mmap(struct file *f, struct mmap_args *a)
{
    struct uring *r = f->private;
    uint64_t off = a->pgoff << PAGE_SHIFT;
    const struct uring_area *area;

    if (off != IORING_OFF_SQ_RING && off != IORING_OFF_CQ_RING && off != IORING_OFF_SQES)
        return -EINVAL;
    area = off == IORING_OFF_SQES ? &r->sqe_area : &r->rings;
    if (ALIGN_UP(a->len, PAGE_SIZE) > (size_t)area->nr << PAGE_SHIFT)
        return -EINVAL;
    a->mapping = &r->mapping;
    a->pgoff = off == IORING_OFF_SQES ? SQES_INDEX : 0;
    a->fops = &ring_vma_ops;
    return 0;
}

/* No lock: the figures are of about the same time. */
static size_t uring_fdinfo(struct file *f, char *buf, size_t size)
{
    struct uring *r = f->private;
    const struct uring_head *h = r->head;
    size_t n = snprintf(
        buf, size,
        "SqMask:\t0x%x\nSqHead:\t%u\nSqTail:\t%u\nCachedSqHead:\t%u\nCqMask:\t0x%x\nCqHead:\t%u\nCqTail:\t%u\n"
        "CachedCqTail:\t%u\nUserFiles:\t%u\nUserBufs:\t%u\nActive:\t%u\nCqOverflow:\t%u\n",
        r->sq_entries - 1, READ_ONCE(h->sq_head), READ_ONCE(h->sq_tail), r->sq_head, r->cq_entries - 1,
        READ_ONCE(h->cq_head), READ_ONCE(h->cq_tail), r->cq_tail, r->files.nr, r->bufs.nr, r->active,
        r->nr_overflow);

    return MIN(n, size);
}

const struct file_ops uring_file_ops = {
    .poll = uring_poll,
    .mmap = uring_mmap,
    .release = uring_release,
    .fdinfo = uring_fdinfo,
};

/* ---- io_uring_setup ---- */

static uint32_t power_of_two(uint32_t n)
{
    uint32_t p = 1;

    while (p < n)
        p *= 2;
    return p;
}

static int check_entries(struct io_uring_params *p, unsigned entries)
{
    if (!entries)
        return -EINVAL;
    if (entries > MAX_ENTRIES) {
        if (!(p->flags & IORING_SETUP_CLAMP))
            return -EINVAL;
        entries = MAX_ENTRIES;
    }
    p->sq_entries = power_of_two(entries);
    if (!(p->flags & IORING_SETUP_CQSIZE)) {
        p->cq_entries = 2 * p->sq_entries;
        return 0;
    }
    if (!p->cq_entries)
        return -EINVAL;
    if (p->cq_entries > MAX_CQ_ENTRIES) {
        if (!(p->flags & IORING_SETUP_CLAMP))
            return -EINVAL;
        p->cq_entries = MAX_CQ_ENTRIES;
    }
    p->cq_entries = power_of_two(p->cq_entries);
    return p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

/* SQPOLL and IOPOLL are not there: nothing polls a device here. */
static int check_flags(const struct io_uring_params *p)
{
    if (p->flags & ~SETUP_FLAGS)
        return -EINVAL;
    if ((p->flags & IORING_SETUP_TASKRUN_FLAG) &&
        !(p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
        return -EINVAL;
    if ((p->flags & IORING_SETUP_DEFER_TASKRUN) && !(p->flags & IORING_SETUP_SINGLE_ISSUER))
        return -EINVAL;
    return 0;
}

/* There are no workers to share; the descriptor is looked at all the same. */
static int check_attached(const struct io_uring_params *p)
{
    struct file *f;
    int err;

    if (!(p->flags & IORING_SETUP_ATTACH_WQ))
        return 0;
    f = fd_get(p->wq_fd);
    if (!f)
        return -ENXIO;
    err = f->ops == &uring_file_ops ? 0 : -EINVAL;
    file_put(f);
    return err;
}

static void fill_params(const struct uring *r, struct io_uring_params *p)
{
    p->sq_off = (struct io_sqring_offsets){
        .head = offsetof(struct uring_head, sq_head),
        .tail = offsetof(struct uring_head, sq_tail),
        .ring_mask = offsetof(struct uring_head, sq_mask),
        .ring_entries = offsetof(struct uring_head, sq_entries),
        .flags = offsetof(struct uring_head, sq_flags),
        .dropped = offsetof(struct uring_head, sq_dropped),
        .array = array_offset(r),
    };
    p->cq_off = (struct io_cqring_offsets){
        .head = offsetof(struct uring_head, cq_head),
        .tail = offsetof(struct uring_head, cq_tail),
        .ring_mask = offsetof(struct uring_head, cq_mask),
        .ring_entries = offsetof(struct uring_head, cq_entries),
        .overflow = offsetof(struct uring_head, cq_overflow),
        .cqes = cqes_offset(),
        .flags = offsetof(struct uring_head, cq_flags),
    };
    p->features = FEATURES;
}

static void vma_ops_init(void)
{
    struct vma_file_ops ops = file_vma_ops;

    ops.size = vma_size;
    ops.put = vma_put;
    ring_vma_ops = ops; /* whoever is at it too writes the same */
}

SYSCALL2(io_uring_setup, unsigned, entries, struct io_uring_params __user *, up)
{
    struct io_uring_params p;
    struct uring *r;
    struct file *f;
    int err;

    if (copy_from_user(&p, up, sizeof(p)))
        return -EFAULT;
    if (p.resv[0] || p.resv[1] || p.resv[2])
        return -EINVAL;
    err = check_flags(&p);
    if (!err)
        err = check_entries(&p, entries);
    if (!err)
        err = check_attached(&p);
    if (err)
        return err;
    r = uring_new(&p);
    if (!r || !uring_task_get()) {
        if (r)
            uring_put(r);
        return -ENOMEM;
    }
    vma_ops_init();
    fill_params(r, &p);
    if (copy_to_user(up, &p, sizeof(p))) {
        uring_put(r);
        return -EFAULT;
    }
    f = file_new_anon("anon_inode:[io_uring]", &uring_file_ops, r, O_RDWR, 0600);
    if (!f)
        uring_put(r);
    return fd_install_new(f, O_CLOEXEC);
}
