/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c: requests that wait for a file: POLL_ADD, and every operation that found its file not ready.
 *
 * A waiting request is not claimed. Whoever claims it first (by setting claimed) goes on with it: a waker, who puts
 * it on its thread's list, or the thread that arms or cancels it. Before the file is looked at again claimed is
 * cleared, and a waker changes the file before it claims: so no event falls in between.
 */
#include "linux/poll.h"
#include "kernel/slab.h"
#include "linux/io_uring/uring.h"

static bool poll_woken(struct waiter *w, uint32_t flags)
{
    struct ureq *req = container_of(w, struct uwait, w)->req;
    struct uring_task *t;

    if (atomic_xchg(&req->claimed, 1))
        return true;
    /* Its own completion must not wake a multishot request for ever, be it through an epoll or eventfd. */
    t = current_uring_task();
    if (unlikely(t && t->notifying))
        req->last = true;
    ureq_enqueue(req);
    return true;
}

struct arming {
    struct poll_table pt;
    struct ureq *req;
    int err;
};

static void add_queue(struct poll_table *pt, struct file *f, struct waitq *wq)
{
    struct arming *a = container_of(pt, struct arming, pt);
    struct uwait *e = &a->req->wait;

    if (e->wq) {
        struct uwait *more = kmalloc(sizeof(*more));

        if (!more) {
            a->err = -ENOMEM;
            return;
        }
        more->next = e->next;
        e->next = more;
        e = more;
    } else {
        e->next = NULL;
    }
    e->wq = wq;
    e->req = a->req;
    list_init(&e->w.link);
    e->w.thread = NULL;
    e->w.func = poll_woken;
    e->w.key = a->req->events;
    e->w.exclusive = false;
    waitq_add(wq, &e->w);
}

void ureq_disarm(struct ureq *req)
{
    struct uwait *e = req->wait.next, *next;

    if (!req->wait.wq)
        return;
    waitq_remove(req->wait.wq, &req->wait.w);
    req->wait.wq = NULL;
    for (; e; e = next) {
        next = e->next;
        waitq_remove(e->wq, &e->w);
        kfree(e);
    }
}

unsigned ureq_look(struct ureq *req)
{
    struct file *f = req->waits_on;

    return (f->ops->poll ? f->ops->poll(f, NULL) : POLL_ALWAYS) & req->events;
}

/* Queues req; what is ready already. */
static unsigned join(struct ureq *req, enum ureq_kind kind, uint32_t events, int *err)
{
    struct arming a = { { add_queue }, req, 0 };
    struct file *f = req->waits_on;
    unsigned ready;

    ureq_track(req);
    req->kind = kind;
    req->events = events | EPOLLERR | EPOLLHUP;
    req->last = false;
    (void)atomic_xchg(&req->claimed, 0);
    ready = (f->ops->poll ? f->ops->poll(f, &a.pt) : POLL_ALWAYS) & req->events;
    *err = a.err;
    return ready;
}

int ureq_arm(struct ureq *req, enum ureq_kind kind, uint32_t events)
{
    int err;
    unsigned ready = join(req, kind, events, &err);

    if (!ready && !err)
        return 0;
    if (atomic_xchg(&req->claimed, 1))
        return 0; /* a waker was faster: its thread will look */
    ureq_disarm(req);
    return err ? err : (int)ready;
}

/* ---- POLL_ADD ---- */

static uint32_t poll_events(const struct ureq *req)
{
    return req->sqe.poll32_events &
           (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLNVAL | EPOLLRDNORM | EPOLLRDBAND |
            EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP);
}

int uring_poll_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->buf_index || s->off || s->addr || (s->len & ~(IORING_POLL_ADD_MULTI | IORING_POLL_ADD_LEVEL)))
        return -EINVAL;
    if ((s->len & IORING_POLL_ADD_MULTI) && (req->flags & IOSQE_CQE_SKIP_SUCCESS))
        return -EINVAL;
    return 0;
}

/* Reports what is there and goes on waiting; the caller has req. The final result, or UREQ_PENDING. */
static int report_and_wait(struct ureq *req)
{
    unsigned ready;

    if (req->last) {
        req->last = false;
        ready = ureq_look(req);
        if (ready)
            return ready;
    }
    (void)atomic_xchg(&req->claimed, 0);
    ready = ureq_look(req);
    if (ready && !uring_post(req->ring, req->sqe.user_data, ready, IORING_CQE_F_MORE) &&
        !atomic_xchg(&req->claimed, 1))
        return -ENOMEM;
    return UREQ_PENDING;
}

static int add_multishot(struct ureq *req)
{
    int err;
    unsigned ready = join(req, UK_POLL, poll_events(req), &err);

    if ((!ready && !err) || atomic_xchg(&req->claimed, 1))
        return UREQ_PENDING;
    if (!err)
        err = report_and_wait(req);
    if (err != UREQ_PENDING)
        ureq_disarm(req);
    return err;
}

int uring_poll_add(struct ureq *req)
{
    int n;

    req->waits_on = req->file;
    if (req->sqe.len & IORING_POLL_ADD_MULTI)
        return add_multishot(req);
    n = ureq_arm(req, UK_POLL, poll_events(req));
    return n ? n : UREQ_PENDING;
}

/* A single shot: completes, or was woken in vain. */
static int look_once(struct ureq *req)
{
    unsigned ready = ureq_look(req);

    if (ready)
        return ready;
    (void)atomic_xchg(&req->claimed, 0);
    ready = ureq_look(req);
    return ready && !atomic_xchg(&req->claimed, 1) ? (int)ready : UREQ_PENDING;
}

void ureq_poll_run(struct ureq *req)
{
    int res;

    if (req->flags & UR_CANCELED)
        res = -ECANCELED;
    else if (req->sqe.len & IORING_POLL_ADD_MULTI)
        res = report_and_wait(req);
    else
        res = look_once(req);
    if (res == UREQ_PENDING)
        return;
    ureq_disarm(req);
    ureq_complete(req, res);
}

/* ---- POLL_REMOVE ---- */

#define UPDATES (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA)

int uring_poll_remove_prep(struct ureq *req)
{
    const struct io_uring_sqe *s = &req->sqe;

    if (s->buf_index || s->splice_fd_in || (s->len & ~(UPDATES | IORING_POLL_ADD_MULTI)) ||
        s->len == IORING_POLL_ADD_MULTI)
        return -EINVAL;
    if (!(s->len & IORING_POLL_UPDATE_USER_DATA) && s->off)
        return -EINVAL;
    return !(s->len & IORING_POLL_UPDATE_EVENTS) && s->poll32_events ? -EINVAL : 0;
}

/* Waits anew, for other events or under another name. The caller has old. */
static void update(struct ureq *old, const struct io_uring_sqe *s)
{
    int res;

    ureq_disarm(old);
    if (s->len & IORING_POLL_UPDATE_EVENTS) {
        old->sqe.poll32_events = s->poll32_events;
        old->sqe.len = s->len & IORING_POLL_ADD_MULTI;
    }
    if (s->len & IORING_POLL_UPDATE_USER_DATA) {
        old->sqe.user_data = s->off;
        list_remove(&old->hash_link);
        list_append(uring_bucket(old->ring, old->sqe.user_data), &old->hash_link);
    }
    res = uring_poll_add(old);
    if (res != UREQ_PENDING)
        ureq_complete(old, res);
}

int uring_poll_remove(struct ureq *req)
{
    struct ureq *old = uring_find(req->ring, req->sqe.addr, 1u << UK_POLL);

    if (!old)
        return -ENOENT;
    if (!(req->sqe.len & UPDATES))
        return ureq_cancel(old);
    if (atomic_xchg(&old->claimed, 1))
        return -EALREADY;
    update(old, &req->sqe);
    return 0;
}
