/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cq.c: the completion queue: posting, the backlog when it is full, telling and waiting.
 *
 * The queue's head is the program's and may hold anything: it only decides between ring and backlog.
 */
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/eventfd.h"
#include "linux/io_uring/uring.h"
#include "linux/process.h"

struct ucqe { /* a completion that found no room */
    struct list link;
    struct io_uring_cqe cqe;
};

__noinline bool uring_post_aside(struct uring *r, uint64_t user_data, int res, uint32_t flags)
{
    struct ucqe *c = kmalloc(sizeof(*c));

    if (!c) { /* lost: io_uring_enter() says so once */
        WRITE_ONCE(r->head->cq_overflow, r->head->cq_overflow + 1);
        r->dropped = true;
        return false;
    }
    c->cqe.user_data = user_data;
    c->cqe.res = res;
    c->cqe.flags = flags;
    if (list_empty(&r->overflow))
        atomic_or(&r->head->sq_flags, IORING_SQ_CQ_OVERFLOW);
    list_append(&r->overflow, &c->link);
    r->nr_overflow++;
    return true;
}

bool uring_post(struct uring *r, uint64_t user_data, int res, uint32_t flags)
{
    return uring_post_inline(r, user_data, res, flags);
}

__noinline void uring_move_overflow(struct uring *r)
{
    struct list done = LIST_INIT(done);
    struct ucqe *c, *next;

    spin_lock(&r->cq_lock);
    list_for_each_safe (c, next, &r->overflow, link) {
        if (!uring_has_room(r))
            break;
        uring_put_cqe(r, c->cqe.user_data, c->cqe.res, c->cqe.flags);
        r->nr_overflow--;
        list_remove(&c->link);
        list_append(&done, &c->link);
    }
    if (list_empty(&r->overflow))
        atomic_and(&r->head->sq_flags, ~IORING_SQ_CQ_OVERFLOW);
    spin_unlock(&r->cq_lock);
    list_for_each_safe (c, next, &done, link)
        kfree(c);
}

void uring_free_overflow(struct uring *r)
{
    struct ucqe *c, *next;

    list_for_each_safe (c, next, &r->overflow, link)
        kfree(c);
}

/* ---- telling ---- */

static __noinline void tell_eventfd(struct uring *r, bool async)
{
    struct file *f;

    spin_lock(&r->cq_lock);
    f = r->eventfd && (async || !r->eventfd_async) ? r->eventfd : NULL;
    if (f)
        file_get(f);
    spin_unlock(&r->cq_lock);
    if (!f)
        return;
    if (!(READ_ONCE(r->head->cq_flags) & IORING_CQ_EVENTFD_DISABLED))
        eventfd_signal(f);
    file_put(f);
}

__noinline void uring_tell(struct uring *r, bool async)
{
    struct uring_task *t = current_uring_task();
    bool outer = t && t->notifying;

    if (t)
        t->notifying = true;
    waitq_wake(&r->wait, ~0u, EPOLLIN | EPOLLRDNORM);
    if (r->eventfd)
        tell_eventfd(r, async);
    if (t)
        t->notifying = outer;
}

/* ---- waiting ---- */

struct cq_waiter {
    struct waiter w;
    struct uring *ring;
    uint32_t target;   /* tail of the queue that is enough */
    uint32_t timeouts; /* any timeout is, too */
};

static bool enough(const struct cq_waiter *cw)
{
    return (int32_t)(READ_ONCE(cw->ring->cq_tail) - cw->target) >= 0 ||
           READ_ONCE(cw->ring->cq_timeouts) != cw->timeouts;
}

/* One completion may have gone to the backlog just before the program made room in the ring. */
static bool backlog_moves(const struct uring *r)
{
    return !list_empty(&r->overflow) && uring_has_room(r);
}

static bool cq_woken(struct waiter *w, uint32_t flags)
{
    const struct cq_waiter *cw = container_of(w, struct cq_waiter, w);

    return (enough(cw) || backlog_moves(cw->ring)) && waiter_wake(w, flags);
}

/* One sleep: 0: look again. */
static int block(struct uring *r, struct cq_waiter *cw, uint64_t deadline)
{
    int err;

    wait_prepare(&r->wait, &cw->w, T_SLEEPING);
    if (enough(cw) || backlog_moves(r) || (READ_ONCE(current->work) & WORK_TASK))
        return 0;
    if (r->dropped) {
        r->dropped = false;
        return -EBADR;
    }
    err = wait_block(T_SLEEPING, deadline);
    if (err == -ERESTARTSYS)
        return READ_ONCE(current->work) & (WORK_SIGNAL | WORK_KILL) ? -EINTR : 0;
    return err == -ETIMEDOUT ? -ETIME : err;
}

static int sleep(struct uring *r, unsigned min, uint64_t deadline)
{
    struct cq_waiter cw = { .ring = r,
                            .target = READ_ONCE(r->head->cq_head) + min,
                            .timeouts = READ_ONCE(r->cq_timeouts) };
    int err;

    waiter_init(&cw.w);
    cw.w.func = cq_woken;
    do {
        err = block(r, &cw, deadline);
        uring_run_task_work();
        uring_flush_overflow(r);
    } while (!err && !enough(&cw));
    wait_finish(&r->wait, &cw.w);
    return uring_cq_empty(r) ? err : 0;
}

static bool has_events(const struct uring *r, unsigned min)
{
    return READ_ONCE(r->head->cq_tail) - READ_ONCE(r->head->cq_head) >= min;
}

__noinline int uring_wait_slow(struct uring *r, unsigned min, uint64_t deadline)
{
    if (unlikely(READ_ONCE(current->work) & WORK_TASK))
        uring_run_task_work();
    uring_flush_overflow(r);
    min = MIN(min, r->cq_entries);
    return has_events(r, min) ? 0 : sleep(r, min, deadline);
}
