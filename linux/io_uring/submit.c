/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * submit.c: taking entries of the submission queue: checking them, putting chains together, starting them.
 *
 * Errors follow Linux: an entry that is wrong by itself completes with the error, and ends the submission unless
 * IORING_SETUP_SUBMIT_ALL; what fails when it runs does not.
 */
#include "linux/io_uring/uring.h"
#include "linux/process.h"

#define COMMON_FLAGS (IOSQE_FIXED_FILE | UR_LINKS | IOSQE_ASYNC)
#define VALID_FLAGS  (COMMON_FLAGS | IOSQE_BUFFER_SELECT | IOSQE_IO_DRAIN | IOSQE_CQE_SKIP_SUCCESS)

/* A chain with a draining request drains as a whole, and so does what follows it. */
static void init_drain(struct uring *r)
{
    if (!r->link_head)
        return;
    r->link_head->flags |= IOSQE_IO_DRAIN;
    r->drain_next = true;
}

static int check_flags(struct uring *r, struct ureq *req)
{
    if (req->flags & ~VALID_FLAGS)
        return -EINVAL;
    if ((req->flags & IOSQE_BUFFER_SELECT) && !(ureq_op(req)->flags & UO_SELECT))
        return -EOPNOTSUPP;
    if (req->flags & IOSQE_CQE_SKIP_SUCCESS)
        r->no_drain = true;
    if (req->flags & IOSQE_IO_DRAIN) {
        if (r->no_drain)
            return -EOPNOTSUPP;
        init_drain(r);
    }
    return 0;
}

static bool allowed(const struct uring *r, const struct ureq *req)
{
    const struct urestrict *s = r->restrict_to;

    return (s->sqe_ops >> req->sqe.opcode & 1) && (req->flags & s->sqe_required) == s->sqe_required &&
           !(req->flags & 0xff & ~(s->sqe_allowed | s->sqe_required));
}

static int init_rare(struct uring *r, struct ureq *req)
{
    int err = req->flags & ~COMMON_FLAGS ? check_flags(r, req) : 0;

    if (err)
        return err;
    if (r->restricted && !allowed(r, req))
        return -EACCES;
    if (r->drain_next && !r->link_head) {
        r->drain_next = false;
        req->flags |= IOSQE_IO_DRAIN;
    }
    return 0;
}

static inline int init(struct uring *r, struct ureq *req)
{
    const struct uring_op *op;
    int err;

    req->flags = req->sqe.flags;
    if (unlikely(req->sqe.opcode >= IORING_OP_LAST)) {
        req->sqe.opcode = IORING_OP_NOP;
        return -EINVAL;
    }
    op = ureq_op(req);
    if (unlikely((req->flags & ~COMMON_FLAGS) || r->restricted || r->drain_next)) {
        err = init_rare(r, req);
        if (err)
            return err;
    }
    if (unlikely((req->sqe.ioprio && !(op->flags & UO_IOPRIO)) || req->sqe.personality))
        return -EINVAL;
    return op->prep ? op->prep(req) : 0;
}

static void put_off(struct uring *r, struct ureq *req)
{
    const struct uring_op *op = ureq_op(req);
    int err = op->stabilize ? op->stabilize(req) : 0;

    if (err) {
        ureq_complete(req, err);
        return;
    }
    ureq_track(req);
    req->kind = UK_START;
    list_append(&r->deferred, &req->work_link);
    for (; req; req = req->next)
        r->nr_deferred++;
}

static bool must_wait(const struct uring *r, const struct ureq *req)
{
    unsigned own = 0;

    if (!list_empty(&r->deferred))
        return true;
    if (!(req->flags & IOSQE_IO_DRAIN))
        return false;
    for (; req; req = req->next)
        own++;
    return r->active > own;
}

/* A request by itself, or a whole chain. */
static void queue(struct uring *r, struct ureq *req)
{
    if (req->flags & UR_FAIL) {
        req->flags = (req->flags & ~IOSQE_IO_HARDLINK) | IOSQE_IO_LINK;
        ureq_finish(req, req->res);
    } else if (must_wait(r, req)) {
        put_off(r, req);
    } else {
        ureq_start(req);
    }
}

static void fail_with(struct ureq *req, int err)
{
    ureq_fail(req);
    req->res = err;
}

/* A chain with a wrong entry is put together nonetheless, to fail as a whole. */
static __noinline int submit_failed(struct uring *r, struct ureq *req, int err)
{
    struct ureq *head = r->link_head;

    fail_with(req, err);
    if (head && !(head->flags & UR_FAIL))
        fail_with(head, -ECANCELED);
    if (head)
        r->link_last->next = req;
    if (req->flags & UR_LINKS) {
        r->link_last = req;
        if (!head)
            r->link_head = req;
        return 0;
    }
    r->link_head = NULL;
    queue(r, head ? head : req);
    return err;
}

static __noinline int submit_linked(struct uring *r, struct ureq *req)
{
    if (r->link_head) {
        const struct uring_op *op = ureq_op(req);
        int err = op->stabilize ? op->stabilize(req) : 0;

        if (err)
            return submit_failed(r, req, err);
        r->link_last->next = req;
        r->link_last = req;
        if (req->flags & UR_LINKS)
            return 0;
        req = r->link_head;
        r->link_head = NULL;
    } else if (req->flags & UR_LINKS) {
        r->link_head = r->link_last = req;
        return 0;
    }
    queue(r, req);
    return 0;
}

static inline int submit_one(struct uring *r, struct ureq *req)
{
    int err = init(r, req);

    if (unlikely(err))
        return submit_failed(r, req, err);
    if (unlikely(r->link_head || (req->flags & (UR_LINKS | IOSQE_IO_DRAIN)) || !list_empty(&r->deferred)))
        return submit_linked(r, req);
    ureq_start(req);
    return 0;
}

/* The next entry, copied; false: its index is not one. */
static inline bool next_entry(struct uring *r, struct io_uring_sqe *to)
{
    uint32_t mask = r->sq_entries - 1, index = READ_ONCE(r->sq_array[r->sq_head++ & mask]);

    if (unlikely(index > mask)) {
        WRITE_ONCE(r->head->sq_dropped, r->head->sq_dropped + 1);
        return false;
    }
    *to = *(const struct io_uring_sqe *)((const char *)r->sqes + ((size_t)index << r->sqe_shift));
    barrier(); /* what is checked is what runs */
    return true;
}

int uring_submit(struct uring *r, unsigned nr)
{
    struct uring_task *t = uring_task_get();
    unsigned entries = atomic_load_acquire(&r->head->sq_tail) - r->sq_head, done = 0;

    nr = MIN(MIN(nr, entries), r->sq_entries);
    if (!t)
        return -ENOMEM;
    r->batch_events = uring_events(r);
    while (done < nr) {
        struct ureq *req = ureq_new(r);

        if (unlikely(!req))
            break;
        req->task = t;
        if (unlikely(!next_entry(r, &req->sqe))) {
            ureq_free(req);
            break;
        }
        r->active++;
        if (unlikely(!(++done % 64)))
            cond_resched();
        if (unlikely(submit_one(r, req)) && !(r->flags & IORING_SETUP_SUBMIT_ALL))
            break;
    }
    if (unlikely(r->link_head)) { /* the last one said that another would follow */
        struct ureq *head = r->link_head;

        r->link_head = NULL;
        queue(r, head);
    }
    atomic_store_release(&r->head->sq_head, r->sq_head);
    return nr && !done && !r->spare ? -EAGAIN : (int)done;
}
