/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timeout.c: TIMEOUT, LINK_TIMEOUT and TIMEOUT_REMOVE. A timer that goes off claims its request for its thread.
 */
#include "kernel/uaccess.h"
#include "linux/io_uring/uring.h"
#include <linux/time_types.h>

#define CLOCKS  IORING_TIMEOUT_CLOCK_MASK
#define UPDATES IORING_TIMEOUT_UPDATE_MASK

static void fired(struct clock_timer *timer)
{
    struct ureq *req = container_of(timer, struct ureq, timeout.timer);

    if (!atomic_xchg(&req->claimed, 1))
        ureq_enqueue(req);
}

/* A time in nanoseconds; as Linux, a second may have more than 10^9 of them. */
static int get_time(uint64_t addr, uint64_t *ns)
{
    struct __kernel_timespec ts;

    if (copy_from_user(&ts, (const void __user *)addr, sizeof(ts)))
        return -EFAULT;
    if (ts.tv_sec < 0 || ts.tv_nsec < 0)
        return -EINVAL;
    if ((uint64_t)ts.tv_sec >= INT64_MAX / NSEC_PER_SEC - 1 || ts.tv_nsec > INT64_MAX / 2)
        *ns = INT64_MAX;
    else
        *ns = MIN(ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec, (uint64_t)INT64_MAX);
    return 0;
}

static void start(struct ureq *req, unsigned flags)
{
    bool real = flags & IORING_TIMEOUT_REALTIME;
    uint64_t ns = req->timeout.ns, now = clock_timer_now(real);

    if (!(flags & IORING_TIMEOUT_ABS))
        ns = ns >= INT64_MAX - now ? INT64_MAX : now + ns;
    req->timeout.started = true;
    (void)atomic_xchg(&req->claimed, 0);
    clock_timer_arm(&req->timeout.timer, real, ns);
}

static int prep(struct ureq *req, bool linked)
{
    const struct io_uring_sqe *s = &req->sqe;
    int err;

    if (s->buf_index || s->len != 1 || s->splice_fd_in || (s->off && linked) ||
        (s->timeout_flags & ~(IORING_TIMEOUT_ABS | CLOCKS | IORING_TIMEOUT_ETIME_SUCCESS)) ||
        (s->timeout_flags & CLOCKS) == CLOCKS)
        return -EINVAL;
    err = get_time(s->addr, &req->timeout.ns);
    if (err)
        return err;
    clock_timer_init(&req->timeout.timer, fired);
    list_init(&req->timeout.link);
    req->timeout.started = false;
    return 0;
}

int uring_timeout_prep(struct ureq *req)
{
    return prep(req, false);
}

int uring_timeout(struct ureq *req)
{
    struct uring *r = req->ring;

    ureq_track(req);
    req->kind = UK_TIMEOUT;
    if (req->sqe.off) {
        req->timeout.target = r->batch_events + (uint32_t)req->sqe.off;
        list_append(&r->timeouts, &req->timeout.link);
        r->posted = true; /* completions of this submission may suffice */
    }
    start(req, req->sqe.timeout_flags);
    return UREQ_PENDING;
}

bool ureq_timeout_stop(struct ureq *req)
{
    if (atomic_xchg(&req->claimed, 1))
        return false;
    clock_timer_cancel(&req->timeout.timer);
    return true;
}

static void complete(struct ureq *req, int res)
{
    list_remove(&req->timeout.link);
    if (res != -ECANCELED)
        req->ring->cq_timeouts++;
    if (res == -ETIME && (req->sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS))
        ureq_finish(req, res);
    else
        ureq_complete(req, res);
}

void uring_count_timeouts(struct uring *r)
{
    struct ureq *req, *next;
    struct list due = LIST_INIT(due);

    list_for_each_safe (req, next, &r->timeouts, timeout.link) {
        if ((int32_t)(uring_events(r) - req->timeout.target) < 0 || !ureq_timeout_stop(req))
            continue;
        list_remove(&req->timeout.link);
        list_append(&due, &req->timeout.link);
    }
    while (!list_empty(&due))
        complete(list_first(&due, struct ureq, timeout.link), 0);
    uring_run_ready(r);
}

/* ---- LINK_TIMEOUT ---- */

int uring_link_timeout_prep(struct ureq *req)
{
    struct uring *r = req->ring;
    int err = prep(req, true);

    if (err)
        return err;
    if (!r->link_head || r->link_last->sqe.opcode == IORING_OP_LINK_TIMEOUT)
        return -EINVAL;
    r->link_last->flags |= UR_ARM_LINKED;
    return 0;
}

void uring_start_linked(struct ureq *req)
{
    struct ureq *lt = req->next;

    req->flags &= ~UR_ARM_LINKED;
    if (!lt || lt->sqe.opcode != IORING_OP_LINK_TIMEOUT)
        return;
    req->next = lt->next;
    lt->next = NULL;
    req->linked = lt;
    lt->linked = req;
    lt->flags |= UR_LIMITS;
    ureq_track(lt);
    lt->kind = UK_LINK_TIMEOUT;
    start(lt, lt->sqe.timeout_flags);
}

void uring_stop_linked(struct ureq *req)
{
    struct ureq *lt = req->linked;

    if (req->flags & UR_ARM_LINKED) { /* not even started */
        req->flags &= ~UR_ARM_LINKED;
        lt = req->next;
        if (!lt || lt->sqe.opcode != IORING_OP_LINK_TIMEOUT)
            return;
        req->next = lt->next;
        lt->next = NULL;
        ureq_complete(lt, lt->flags & UR_FAIL ? lt->res : -ECANCELED);
        return;
    }
    req->linked = NULL;
    lt->linked = NULL;
    if (ureq_timeout_stop(lt))
        ureq_complete(lt, -ECANCELED);
    else
        lt->flags |= UR_CANCELED; /* it went off just now */
}

/* Time is up for the request that it limits. */
static void run_linked(struct ureq *lt)
{
    struct ureq *req = lt->linked;
    int err = -ECANCELED;

    if (req) {
        req->linked = NULL;
        lt->linked = NULL;
        err = ureq_cancel(req);
    }
    ureq_complete(lt, err ? err : -ETIME);
}

void ureq_timeout_run(struct ureq *req)
{
    clock_timer_cancel(&req->timeout.timer); /* its function may not have returned yet */
    if (req->kind == UK_LINK_TIMEOUT)
        run_linked(req);
    else
        complete(req, req->flags & UR_CANCELED ? -ECANCELED : -ETIME);
}

/* ---- TIMEOUT_REMOVE ---- */

int uring_timeout_remove_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if ((req->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) || s->buf_index || s->len || s->splice_fd_in)
        return -EINVAL;
    if (!(s->timeout_flags & UPDATES))
        return s->timeout_flags ? -EINVAL : 0;
    if (s->timeout_flags & ~(UPDATES | IORING_TIMEOUT_ABS))
        return -EINVAL;
    return get_time(s->addr2, &req->timeout.ns);
}

int uring_timeout_remove(struct ureq *req)
{
    unsigned flags = req->sqe.timeout_flags;
    unsigned kind = (flags & UPDATES) == UPDATES ? UK_LINK_TIMEOUT : UK_TIMEOUT;
    struct ureq *old = uring_find(req->ring, req->sqe.addr, 1u << kind);

    if (!old || !ureq_timeout_stop(old)) /* or it has gone off */
        return -ENOENT;
    if (!(flags & IORING_TIMEOUT_UPDATE)) {
        complete(old, -ECANCELED);
        return 0;
    }
    old->timeout.ns = req->timeout.ns;
    if (kind == UK_TIMEOUT)
        list_remove(&old->timeout.link); /* it counts no more */
    start(old, (flags & IORING_TIMEOUT_ABS) | (old->sqe.timeout_flags & IORING_TIMEOUT_REALTIME));
    return 0;
}
