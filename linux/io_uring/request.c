/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c: the life of a request from its start to its completion, and the order among requests: chains (links)
 * and draining. All of it under the ring's mutex, but ureq_enqueue().
 */
#include "kernel/log.h"
#include "kernel/slab.h"
#include "linux/fd_table.h"
#include "linux/io_uring/uring.h"
#include "linux/poll.h"

#define MAX_TRIES 128 /* of a file that says it is ready and then would block */

static struct slab_cache cache = SLAB_CACHE(struct ureq);

__noinline struct ureq *ureq_alloc(struct uring *r)
{
    struct ureq *req = slab_zalloc(&cache);

    if (req)
        req->ring = r;
    return req;
}

/* Gives back what it holds. */
static __noinline void release(struct ureq *req)
{
    struct uring *r = req->ring;

    if (req->flags & UR_PREPARED)
        ureq_op(req)->cleanup(req);
    if (req->flags & UR_FILE_OWNED)
        file_put(req->file);
    if (req->flags & UR_NODES) {
        if (req->file_node)
            unode_put(r, req->file_node);
        if (req->buf_node)
            unode_put(r, req->buf_node);
        req->file_node = req->buf_node = NULL;
    }
    if (req->flags & UR_TRACKED) {
        unsigned long flags = spin_lock_irqsave(&req->task->lock);

        list_remove(&req->task_link);
        spin_unlock_irqrestore(&req->task->lock, flags);
        list_remove(&req->hash_link);
        bool last = ref_put(&r->refs);

        ASSERT(!last); /* whoever runs requests has a reference */
        (void)last;
    }
}

static __always_inline void free_request(struct ureq *req)
{
    struct uring *r = req->ring;

    if (unlikely(req->flags & UR_HOLDS))
        release(req);
    if (unlikely(r->spare != NULL))
        slab_free(&cache, req);
    else
        r->spare = req;
}

void ureq_free(struct ureq *req)
{
    free_request(req);
}

void uring_free_spare(struct uring *r)
{
    if (r->spare)
        slab_free(&cache, r->spare);
}

/* ---- files ---- */

static int get_fixed_file(struct ureq *req)
{
    const struct unode_table *t = &req->ring->files;
    uint32_t slot = req->sqe.fd;

    if (slot >= t->nr || !t->slots[slot])
        return -EBADF;
    req->file_node = t->slots[slot];
    req->file_node->refs++;
    req->flags |= UR_NODES;
    req->file = req->file_node->file;
    return 0;
}

int ureq_get_file(struct ureq *req)
{
    struct fd_ref f;

    if (req->flags & IOSQE_FIXED_FILE)
        return get_fixed_file(req);
    f = fd_borrow(req->sqe.fd);
    if (!f.file)
        return -EBADF;
    if (unlikely(f.file->fmode & FMODE_PATH)) {
        fd_return(f);
        return -EBADF;
    }
    req->file = f.file;
    if (f.owned)
        req->flags |= UR_FILE_OWNED;
    return 0;
}

struct file *uring_file(struct uring *r, int fd, bool fixed)
{
    struct unode *n;

    if (!fixed)
        return fd_get(fd);
    n = (unsigned)fd < r->files.nr ? r->files.slots[fd] : NULL;
    if (!n)
        return NULL;
    file_get(n->file);
    return n->file;
}

/* ---- being put aside ---- */

void ureq_track(struct ureq *req)
{
    struct uring_task *t = req->task;
    unsigned long flags;

    if (req->flags & UR_TRACKED)
        return;
    if (req->file && !req->file_node && !(req->flags & UR_FILE_OWNED)) {
        file_get(req->file);
        req->flags |= UR_FILE_OWNED;
    }
    req->flags |= UR_TRACKED;
    req->claimed = 1;
    req->wait.wq = NULL;
    ref_get(&req->ring->refs);
    list_append(uring_bucket(req->ring, req->sqe.user_data), &req->hash_link);
    flags = spin_lock_irqsave(&t->lock);
    list_append(&t->tracked, &req->task_link);
    spin_unlock_irqrestore(&t->lock, flags);
}

void ureq_enqueue(struct ureq *req)
{
    struct uring_task *t = req->task;
    struct uring *r = req->ring;
    unsigned long flags = spin_lock_irqsave(&t->lock);
    bool first = list_empty(&t->work);

    /* Under the lock: once the request is gone from the list, its thread may be. */
    list_append(&t->work, &req->work_link);
    if (!(r->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN))) {
        if (first || !(READ_ONCE(t->thread->work) & WORK_TASK))
            thread_kick(t->thread, WORK_TASK);
    } else { /* at its next way into the kernel: another CPU is not interrupted */
        atomic_or(&t->thread->work, WORK_TASK);
        if (r->flags & IORING_SETUP_TASKRUN_FLAG)
            atomic_or(&r->head->sq_flags, IORING_SQ_TASKRUN);
        if (first)
            thread_wake_irqs_off(t->thread);
    }
    spin_unlock_irqrestore(&t->lock, flags);
}

/* ---- running ---- */

/* What -EAGAIN may be waited out by: nothing when the file cannot be polled, or the program wants no waiting. */
static uint32_t waits_for(struct ureq *req)
{
    const struct uring_op *op = ureq_op(req);
    struct file *f = req->file;

    req->waits_on = f;
    if (op->waits)
        return op->waits(req);
    if (!(op->flags & (UO_POLLIN | UO_POLLOUT)) || (req->flags & UR_NOWAIT) || !f || !f->ops->poll)
        return 0; /* O_NONBLOCK, however, is no wish of this request */
    return op->flags & UO_POLLIN ? EPOLLIN | EPOLLRDNORM : EPOLLOUT | EPOLLWRNORM;
}

/* Waits for the file, and tries again when it is ready at once. */
static __noinline int wait_for_file(struct ureq *req)
{
    const struct uring_op *op = ureq_op(req);
    uint32_t events = waits_for(req);
    int res = events && op->stabilize ? op->stabilize(req) : 0;

    if (res || !events)
        return res ? res : -EAGAIN;
    for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
        res = ureq_arm(req, UK_RETRY, events);
        if (res <= 0)
            return res ? res : UREQ_PENDING;
        res = op->issue(req);
        if (res != -EAGAIN)
            break;
        events = waits_for(req);
    }
    return res;
}

static __noinline void start_failed(struct ureq *req, int res)
{
    if (res <= -ERESTARTSYS && res >= -ERESTART_RESTARTBLOCK)
        res = -EINTR;
    ureq_complete(req, res);
}

static void end_chain(struct ureq *req);
static void undefer(struct uring *r);

static __always_inline void finish(struct ureq *req, int res)
{
    struct uring *r = req->ring;

    if (likely(!(req->flags & IOSQE_CQE_SKIP_SUCCESS)))
        uring_post_inline(r, req->sqe.user_data, res, req->cqe_flags);
    r->active--;
    if (unlikely(req->flags & (UR_LINKS | UR_LIMITS)) && (req->next || req->linked))
        end_chain(req);
    free_request(req);
    if (unlikely(!list_empty(&r->deferred)))
        undefer(r);
}

void ureq_start(struct ureq *req)
{
    const struct uring_op *op = ureq_op(req);
    int res = 0;

    if (unlikely(req->ring->dying || req->task->exiting))
        res = -ECANCELED;
    else if ((op->flags & UO_FILE) && !req->file)
        res = ureq_get_file(req);
    if (likely(!res)) {
        res = op->issue(req);
        if (unlikely(res == -EAGAIN))
            res = wait_for_file(req);
    }
    if (likely(res >= 0))
        finish(req, res);
    else if (res != UREQ_PENDING)
        start_failed(req, res);
    else if (req->flags & UR_ARM_LINKED)
        uring_start_linked(req);
}

/* ---- completion ---- */

/* The rest of a chain that broke. */
static void cancel_chain(struct ureq *first, bool silently)
{
    struct ureq *next;

    for (; first; first = next) {
        next = first->next;
        first->next = NULL;
        if (silently)
            first->flags |= IOSQE_CQE_SKIP_SUCCESS;
        else
            first->flags &= ~IOSQE_CQE_SKIP_SUCCESS;
        if (first->flags & UR_ARM_LINKED)
            first->flags &= ~UR_ARM_LINKED;
        ureq_finish(first, first->flags & UR_FAIL ? first->res : -ECANCELED);
    }
}

/* The request after one that completed. */
static void follow(struct ureq *req)
{
    struct uring *r = req->ring;

    if (req->task == current_uring_task() || r->dying || req->task->exiting) {
        list_append(&r->ready, &req->work_link);
        return;
    }
    ureq_track(req); /* it keeps its thread's part */
    req->kind = UK_START;
    ureq_enqueue(req);
}

static __noinline void end_chain(struct ureq *req)
{
    struct ureq *next;

    if (req->linked || (req->flags & UR_ARM_LINKED))
        uring_stop_linked(req);
    next = req->next;
    req->next = NULL;
    if (!next)
        return;
    if ((req->flags & UR_FAIL) && !(req->flags & IOSQE_IO_HARDLINK))
        cancel_chain(next, req->flags & UR_SKIP_LINKS);
    else
        follow(next);
}

static unsigned chain_length(const struct ureq *req)
{
    unsigned n = 0;

    for (; req; req = req->next)
        n++;
    return n;
}

/* Draining requests whose predecessors completed. What came behind one may start with it, as on Linux. */
static __noinline void undefer(struct uring *r)
{
    while (!list_empty(&r->deferred)) {
        struct ureq *req = list_first(&r->deferred, struct ureq, work_link);

        if ((req->flags & IOSQE_IO_DRAIN) && r->active > r->nr_deferred && !r->dying)
            break;
        list_remove(&req->work_link);
        r->nr_deferred -= chain_length(req);
        follow(req);
    }
}

void ureq_finish(struct ureq *req, int res)
{
    finish(req, res);
}

void ureq_complete(struct ureq *req, int res)
{
    if (res < 0)
        ureq_fail(req);
    ureq_finish(req, res);
}

__noinline void uring_start_ready(struct uring *r)
{
    while (!list_empty(&r->ready)) {
        struct ureq *req = list_first(&r->ready, struct ureq, work_link);

        list_remove(&req->work_link);
        ureq_start(req);
    }
}
