/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uring.h: a submission and completion ring (io_uring(7)) and its requests; inside linux/io_uring/ only.
 * docs/io_uring.md tells how the parts work together.
 *
 * Requests run in the thread that submitted them: at once when they are submitted, or later as that thread's task
 * work. Whoever wakes a request (an interrupt, another thread) only claims it and puts it on its thread's list.
 *
 * Guards: [I] immutable [m] uring.mutex [c] uring.cq_lock [t] uring_task.lock [a] atomic
 */
#ifndef LINUX_IO_URING_URING_H
#define LINUX_IO_URING_URING_H

#include "fs/vfs.h"
#include "linux/clock_timer.h"
#include "linux/io_uring.h"
#include "linux/process.h"
#include <linux/eventpoll.h>
#include <linux/io_uring.h>

struct uring;
struct ureq;

/* ---- memory that the program maps ---- */

/* The head of the rings: what the kernel writes in one cache line, what the program writes in another. */
struct uring_head {
    uint32_t sq_head, sq_flags, sq_dropped;
    uint32_t cq_tail, cq_overflow;
    uint32_t sq_mask, cq_mask, sq_entries, cq_entries;
    uint32_t pad[7];
    uint32_t sq_tail, cq_head, cq_flags;
    uint32_t pad2[13];
};
static_assert(sizeof(struct uring_head) == 128, "the ring's head is two cache lines");

/* Pages of the ring file from one index on, seen by the kernel as one piece. */
struct uring_area {
    struct page **pages; /* referenced */
    unsigned nr;
    char *virt;
};

/* ---- registered files and buffers ---- */

/* One slot's content. Requests that outlive their submission hold it too; the last one closes the file and posts
 * the tag. */
struct unode {
    unsigned refs; /* [m] */
    uint64_t tag;
    struct file *file;  /* a file, referenced; NULL: a buffer */
    uint64_t addr, len; /* a buffer of the program */
};

struct unode_table { /* [m] */
    struct unode **slots;
    unsigned nr;
    unsigned alloc_from, alloc_to, hint; /* where slots are chosen for files */
};

/* ---- provided buffers ---- */

struct ubuf {
    struct list link;
    uint64_t addr;
    uint32_t len;
    uint16_t bid;
};

struct ugroup { /* [m] */
    struct list link;
    struct list bufs; /* of struct ubuf; empty for a ring */
    uint16_t bgid, head, mask;
    bool is_ring;
    uint64_t ring; /* user address of the struct io_uring_buf_ring */
};

/* ---- the ring ---- */

#define URING_REGISTERED 16 /* ring descriptors that one thread may register */

struct uring {
    struct mutex mutex;
    refcount_t refs; /* the file's, and one for each tracked request */
    uint32_t flags;  /* IORING_SETUP_* [R_DISABLED: m, the others I] */
    /* submission [m] */
    struct uring_head *head;
    uint32_t *sq_array;
    struct io_uring_sqe *sqes;
    uint32_t sq_entries, sq_head;
    uint8_t sqe_shift, cqe_shift;
    bool dying;                         /* the file is closed: nothing starts any more */
    bool torn_down;                     /* and all is cancelled */
    bool drain_next;                    /* the request after the current chain drains too */
    bool no_drain;                      /* CQE_SKIP_SUCCESS was used: the two exclude each other */
    struct ureq *spare;                 /* one request kept for the next submission */
    struct ureq *link_head, *link_last; /* the chain being assembled */
    struct list ready;                  /* links that may start now */
    struct list deferred;               /* draining requests, and who came behind them */
    unsigned active;                    /* submitted and not completed */
    unsigned nr_deferred;               /* of them: in deferred, with their links */
    unsigned armed_mask;
    struct list *armed;    /* tracked requests by hash of user_data */
    struct list timeouts;  /* that wait for a number of completions */
    uint32_t batch_events; /* uring_events() when this submission began */
    struct thread *issuer; /* IORING_SETUP_SINGLE_ISSUER: only compared */
    struct unode_table files, bufs;
    struct list groups;
    struct mm *bufs_mm; /* whose memory bufs are: only compared */
    /* completion */
    struct spinlock cq_lock;
    char *cqes;
    uint32_t cq_entries;
    uint32_t cq_tail;              /* [c] */
    struct list overflow;          /* [c] of struct ucqe */
    unsigned nr_overflow;          /* [c] */
    uint32_t cq_timeouts;          /* [m] of the completions: of timeouts */
    bool dropped;                  /* one was lost: nobody was told yet */
    bool posted;                   /* [a] since the last uring_notify() */
    struct waitq wait;             /* io_uring_enter(2), and who polls the ring */
    struct file *eventfd;          /* [c] referenced */
    bool eventfd_async;            /* [c] */
    struct urestrict *restrict_to; /* [m] NULL: none */
    bool restricted;               /* [m] in force since the ring was enabled */
    struct mapping mapping;
    struct file *file;         /* while on that list: to be closed */
    struct list unmapped_link; /* setup.c */
    struct uring_area rings, sqe_area;
};

struct urestrict {
    uint64_t register_ops, sqe_ops; /* bits */
    uint8_t sqe_allowed, sqe_required;
};

/* ---- requests ---- */

/* ureq.flags: IOSQE_* below */
#define UR_FAIL       (1u << 8)  /* breaks its chain */
#define UR_TRACKED    (1u << 9)  /* in uring.armed and its thread's list; owns its file */
#define UR_FILE_OWNED (1u << 10) /* has a reference to file */
#define UR_NODES      (1u << 11) /* has file_node or buf_node */
#define UR_ARM_LINKED (1u << 12) /* next is a LINK_TIMEOUT not yet started */
#define UR_CANCELED   (1u << 13) /* its thread is to complete it with -ECANCELED */
#define UR_SKIP_LINKS (1u << 14) /* it failed in silence's place: its links complete silently */
#define UR_PREPARED   (1u << 15) /* the union holds what cleanup must free */
#define UR_SELECTED   (1u << 16) /* a provided buffer was taken */
#define UR_NOWAIT     (1u << 17) /* -EAGAIN is its result */

#define UR_LIMITS (1u << 18) /* a LINK_TIMEOUT that was started */
/* What there is to give back at the end */
#define UR_HOLDS  (UR_PREPARED | UR_TRACKED | UR_FILE_OWNED | UR_NODES)

#define UR_LINKS (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

/* What task work does with a request, and how it is cancelled. */
enum ureq_kind { UK_START, UK_RETRY, UK_POLL, UK_TIMEOUT, UK_LINK_TIMEOUT };

/* One wait queue that a request hangs on. */
struct uwait {
    struct waiter w;
    struct waitq *wq; /* NULL: not in use */
    struct ureq *req;
    struct uwait *next;
};

struct ureq {
    struct io_uring_sqe sqe; /* a copy: the program's may change */
    struct uring *ring;
    struct uring_task *task; /* of the thread it runs in */
    struct file *file;
    struct file *waits_on; /* the file whose queues it hangs on */
    struct ureq *next;     /* of its chain */
    uint32_t flags;
    uint32_t cqe_flags;
    int res;      /* of one that failed before its turn */
    uint8_t kind; /* enum ureq_kind, of a tracked one */
    bool last;    /* its own completion woke it: a multishot request ends */
    struct unode *file_node, *buf_node;
    struct ureq *linked;   /* its LINK_TIMEOUT, started; for that one: whom it limits */
    uint32_t claimed;      /* [a] somebody has it: a waker for its thread, its thread, or who cancels it */
    struct list hash_link; /* in uring.armed */
    struct list task_link; /* in uring_task.tracked [t] */
    struct list work_link; /* in uring_task.work [t]; uring.ready or uring.deferred [m] */
    struct uwait wait;     /* the first queue it hangs on */
    uint32_t events;       /* it waits for */
    union {                /* valid with UR_PREPARED */
        struct {
            char *name[2]; /* from getname() */
            void *value;   /* from kmalloc() */
            struct open_how_k how;
        } fs;
        struct {
            struct iov_seg *segs; /* from kmalloc() */
            unsigned nr_segs;
            size_t count;
            struct ubuf *buf; /* selected, but for rings */
            struct ugroup *group;
            void *copy;       /* of a message's header or an address; from kmalloc() */
            bool in_progress; /* CONNECT: begun */
        } rw;
        struct {
            struct clock_timer timer;
            uint64_t ns;
            uint32_t target;      /* of uring_events() */
            struct list link;     /* in uring.timeouts */
            bool counts, started; /* started: the timer runs */
        } timeout;
        struct epoll_event event;
        struct file *splice_in; /* referenced */
    };
};

struct uring_task {        /* one thread's part; uthread.uring */
    struct thread *thread; /* [I] */
    struct spinlock lock;  /* taken by wakers: interrupts off */
    struct list work;      /* [t] claimed requests to run */
    struct list tracked;   /* [t] requests that outlived their submission */
    bool exiting;          /* own thread */
    bool notifying;        /* own thread: it tells of completions; what that wakes must not go on for ever */
    struct file *rings[URING_REGISTERED]; /* own thread; referenced */
};

/* ---- operations ---- */

#define UREQ_PENDING INT32_MIN /* issue: it will complete later */

#define UO_FILE    1  /* sqe.fd is a file */
#define UO_SELECT  2  /* may take a provided buffer */
#define UO_IOPRIO  4  /* sqe.ioprio may be set */
#define UO_POLLIN  8  /* -EAGAIN: wait until the file is readable */
#define UO_POLLOUT 16 /* ... writable */
#define UO_NETWORK 32 /* refused so far: not to be reported by a probe */

struct uring_op {
    /* Checks the SQE, and copies what the program may reuse after submission: 0 or -errno. NULL: nothing. */
    int (*prep)(struct ureq *);
    /* Runs: the result, UREQ_PENDING, or -EAGAIN when the file is to be waited for. */
    int (*issue)(struct ureq *);
    void (*cleanup)(struct ureq *); /* of what prep left, when UR_PREPARED is set */
    /* Before it is put aside: copies what issue would read from the program. */
    int (*stabilize)(struct ureq *);
    /* What is to be waited for after -EAGAIN, with req->waits_on; 0: nothing. NULL: its file, as the flags say. */
    uint32_t (*waits)(struct ureq *);
    uint8_t flags;
};
extern const struct uring_op uring_ops[IORING_OP_LAST];
static inline const struct uring_op *ureq_op(const struct ureq *req)
{
    return &uring_ops[req->sqe.opcode];
}

/* ---- request.c: their life; uring.mutex held ---- */

struct ureq *ureq_alloc(struct uring *r);
/* Without a file, flags and so on; the SQE and task are to be filled in. NULL when out of memory. */
static __always_inline struct ureq *ureq_new(struct uring *r)
{
    struct ureq *req = r->spare;

    if (unlikely(!req)) {
        req = ureq_alloc(r);
        if (!req)
            return NULL;
    }
    r->spare = NULL;
    req->flags = 0;
    req->file = NULL;
    req->cqe_flags = 0;
    return req;
}
void ureq_free(struct ureq *req);
void uring_free_spare(struct uring *r);
/* Finds its file and runs it, or cancels it when its ring or thread is going. */
void ureq_start(struct ureq *req);
/* Posts the completion (a negative res breaks the chain), lets the rest of the chain follow, and frees req. */
void ureq_complete(struct ureq *req, int res);
void ureq_finish(struct ureq *req, int res); /* the same, without breaking the chain by itself */
static inline void ureq_fail(struct ureq *req)
{
    req->flags |= UR_FAIL;
    if (req->flags & IOSQE_CQE_SKIP_SUCCESS)
        req->flags = (req->flags & ~IOSQE_CQE_SKIP_SUCCESS) | UR_SKIP_LINKS;
}
/* Before it outlives the submission: its file and ring are held, cancellation finds it. */
void ureq_track(struct ureq *req);
/* A claimed request, to its thread. Any context. */
void ureq_enqueue(struct ureq *req);
/* Starts what may start now: links whose predecessor completed, drained requests. */
void uring_start_ready(struct uring *r);
static __always_inline void uring_run_ready(struct uring *r)
{
    if (unlikely(!list_empty(&r->ready)))
        uring_start_ready(r);
}
/* The file at sqe.fd, for as long as the request runs (ureq_track() makes it longer): 0 or -EBADF. */
int ureq_get_file(struct ureq *req);
/* The same for any descriptor or slot, with a reference of the caller's; NULL: -EBADF. */
struct file *uring_file(struct uring *r, int fd, bool fixed);

/* ---- submit.c ---- */

/* Takes up to nr entries of the submission queue; how many, or -errno. mutex held. */
int uring_submit(struct uring *r, unsigned nr);

/* ---- cq.c ---- */

void uring_count_timeouts(struct uring *r); /* timeout.c: those that wait for completions */
static __always_inline void uring_put_cqe(struct uring *r, uint64_t user_data, int res, uint32_t flags)
{
    struct io_uring_cqe *c =
        (struct io_uring_cqe *)(r->cqes + ((size_t)(r->cq_tail & (r->cq_entries - 1)) << r->cqe_shift));

    c->user_data = user_data;
    c->res = res;
    c->flags = flags;
    if (unlikely(r->flags & IORING_SETUP_CQE32))
        c->big_cqe[0] = c->big_cqe[1] = 0;
    atomic_store_release(&r->head->cq_tail, ++r->cq_tail);
}
static __always_inline bool uring_has_room(const struct uring *r)
{
    return r->cq_tail - READ_ONCE(r->head->cq_head) < r->cq_entries;
}
bool uring_post_aside(struct uring *r, uint64_t user_data, int res, uint32_t flags); /* into the backlog */
/* Posts a completion: false when neither the ring nor memory had room. Thread context. */
bool uring_post(struct uring *r, uint64_t user_data, int res, uint32_t flags);
static __always_inline bool uring_post_inline(struct uring *r, uint64_t user_data, int res, uint32_t flags)
{
    bool ok = true;

    spin_lock(&r->cq_lock);
    if (likely(uring_has_room(r) && list_empty(&r->overflow)))
        uring_put_cqe(r, user_data, res, flags);
    else
        ok = uring_post_aside(r, user_data, res, flags);
    r->posted = true;
    spin_unlock(&r->cq_lock);
    return ok;
}
/* Moves completions that found the ring full into it. */
void uring_move_overflow(struct uring *r);
static __always_inline void uring_flush_overflow(struct uring *r)
{
    if (unlikely(!list_empty(&r->overflow)))
        uring_move_overflow(r);
}
void uring_free_overflow(struct uring *r);
void uring_tell(struct uring *r, bool async);
/* Wakes those who wait for completions. async: not from within the submission. */
static __always_inline void uring_notify(struct uring *r, bool async)
{
    /* Clears it before it looks for waiters, who look at the queue after they said that they wait. */
    (void)atomic_xchg(&r->posted, false);
    if (unlikely(!list_empty(&r->wait.waiters) || r->eventfd))
        uring_tell(r, async);
}
/* After a batch of completions; mutex held. */
static __always_inline void uring_flush(struct uring *r, bool async)
{
    if (!r->posted)
        return;
    if (unlikely(!list_empty(&r->timeouts)))
        uring_count_timeouts(r);
    uring_notify(r, async);
}
/* Completions so far that count for timeouts. */
static inline uint32_t uring_events(const struct uring *r)
{
    return r->cq_tail + r->nr_overflow - r->cq_timeouts;
}
static inline bool uring_cq_empty(const struct uring *r)
{
    return READ_ONCE(r->head->cq_tail) == READ_ONCE(r->head->cq_head);
}
/* Waits for min completions: 0, -EINTR, -ETIME, -EBADR. */
int uring_wait_slow(struct uring *r, unsigned min, uint64_t deadline);
static __always_inline int uring_wait(struct uring *r, unsigned min, uint64_t deadline)
{
    if (likely(READ_ONCE(r->head->cq_tail) - READ_ONCE(r->head->cq_head) >= min && list_empty(&r->overflow) &&
               !(READ_ONCE(current->work) & WORK_TASK)))
        return 0;
    return uring_wait_slow(r, min, deadline);
}

/* ---- poll.c ---- */

/* Hangs req on its file's queues for events (kind says what is done then). 0: it waits, or is queued already;
 * above 0: its file is ready and the caller has it; -ENOMEM. */
int ureq_arm(struct ureq *req, enum ureq_kind kind, uint32_t events);
void ureq_disarm(struct ureq *req);   /* off the queues */
void ureq_poll_run(struct ureq *req); /* task work of UK_POLL */
unsigned ureq_look(struct ureq *req); /* what of its events is there */

int uring_poll_prep(struct ureq *req);
int uring_poll_add(struct ureq *req);
int uring_poll_remove_prep(struct ureq *req);
int uring_poll_remove(struct ureq *req);

/* ---- timeout.c ---- */

int uring_timeout_prep(struct ureq *req);
int uring_timeout(struct ureq *req);
int uring_link_timeout_prep(struct ureq *req);
int uring_timeout_remove_prep(struct ureq *req);
int uring_timeout_remove(struct ureq *req);
void ureq_timeout_run(struct ureq *req); /* task work */
/* Takes a timeout out of time: false when it has gone off. */
bool ureq_timeout_stop(struct ureq *req);
void uring_start_linked(struct ureq *req); /* req waits: its LINK_TIMEOUT begins */
void uring_stop_linked(struct ureq *req);  /* req completed: its LINK_TIMEOUT, if any, too */

/* ---- cancel.c ---- */

struct ucancel {
    uint64_t user_data;
    struct file *file; /* IORING_ASYNC_CANCEL_FD */
    unsigned flags;    /* IORING_ASYNC_CANCEL_* */
};
/* Cancels the first match (all with ALL or ANY): 0 or how many; -ENOENT. */
int uring_cancel(struct uring *r, const struct ucancel *c);
int ureq_cancel(struct ureq *req); /* 0; -ENOENT: too late */
/* The tracked request with this user_data and one of kinds (bits), or NULL. */
struct ureq *uring_find(struct uring *r, uint64_t user_data, unsigned kinds);
static inline struct list *uring_bucket(struct uring *r, uint64_t user_data)
{
    return &r->armed[(user_data ^ user_data >> 4 ^ user_data >> 16) & r->armed_mask];
}
/* Every request, or those of one thread, put aside or waiting. */
void uring_cancel_all(struct uring *r, struct uring_task *only);
int uring_async_cancel_prep(struct ureq *req);
int uring_async_cancel(struct ureq *req);
long uring_sync_cancel(struct uring *r, void __user *arg);

/* ---- resource.c, buffers.c, register.c ---- */

void unode_put(struct uring *r, struct unode *n);
void uring_free_tables(struct uring *r);
void uring_drop_eventfd(struct uring *r);
/* Puts f (its reference moves in on success) into slot - 1, or with IORING_FILE_INDEX_ALLOC into a free one, whose
 * number is the result. */
int uring_install_file(struct uring *r, struct file *f, uint32_t slot);
int uring_remove_file(struct uring *r, uint32_t slot);
long uring_register_resource(struct uring *r, unsigned op, void __user *arg, unsigned nr);

/* A provided buffer for req: its place and (at most len) size. 0, -ENOBUFS, -EFAULT. */
int ureq_select(struct ureq *req, uint64_t *addr, size_t *len);
void ureq_unselect(struct ureq *req);       /* not used after all */
void ureq_selection_used(struct ureq *req); /* consumed, and reported in the completion */
int uring_provide_prep(struct ureq *req);
int uring_provide(struct ureq *req);
int uring_remove_bufs_prep(struct ureq *req);
int uring_remove_bufs(struct ureq *req);
long uring_register_pbuf(struct uring *r, void __user *arg, unsigned nr);
long uring_unregister_pbuf(struct uring *r, void __user *arg, unsigned nr);
void uring_free_groups(struct uring *r);

/* ---- setup.c, task.c ---- */

extern const struct file_ops uring_file_ops;
void uring_put(struct uring *r);
void uring_close_unmapped(
    void); /* rings that lost their last mapping, after all descriptors; no lock is held */
/* Gives the mutex back, by whoever may have run requests. The caller has a reference. */
void uring_unlock_end(struct uring *r);
static __always_inline void uring_unlock(struct uring *r)
{
    if (unlikely(r->dying))
        uring_unlock_end(r);
    else
        mutex_unlock(&r->mutex);
}
/* The current thread's part, made when need be; NULL when out of memory. */
struct uring_task *uring_task_new(void);
static __always_inline struct uring_task *uring_task_get(void)
{
    struct uring_task *t = current_uthread()->uring;

    return likely(t) ? t : uring_task_new();
}
static inline struct uring_task *current_uring_task(void) /* NULL: none yet, or a kernel thread */
{
    struct uthread *u = current->ulinux;

    return u ? u->uring : NULL;
}
long uring_ring_fds(void __user *arg, unsigned nr, bool add);

/* ---- rw.c, fileops.c, names.c, net.c, connect.c: operations ---- */

int uring_rw_prep(struct ureq *req);
int uring_rw_fixed_prep(struct ureq *req);
int uring_rw_stabilize(struct ureq *req);
int uring_read(struct ureq *req);
int uring_write(struct ureq *req);
void uring_rw_cleanup(struct ureq *req);

#define URING_OP(name)                 \
    int name##_prep(struct ureq *req); \
    int name(struct ureq *req)
URING_OP(uring_fsync);
URING_OP(uring_sync_range);
URING_OP(uring_fallocate);
URING_OP(uring_fadvise);
URING_OP(uring_madvise);
URING_OP(uring_splice);
URING_OP(uring_tee);
URING_OP(uring_files_op);
URING_OP(uring_epoll);
URING_OP(uring_msg);
URING_OP(uring_openat);
URING_OP(uring_close);
URING_OP(uring_statx);
URING_OP(uring_rename);
URING_OP(uring_unlink);
URING_OP(uring_mkdir);
URING_OP(uring_symlink);
URING_OP(uring_link);
URING_OP(uring_fsetxattr);
URING_OP(uring_setxattr);
URING_OP(uring_fgetxattr);
URING_OP(uring_getxattr);
URING_OP(uring_send);
URING_OP(uring_receive);
URING_OP(uring_sendmsg);
int uring_recvmsg(struct ureq *req); /* prepared as uring_sendmsg */
int uring_msg_stabilize(struct ureq *req);
void uring_msg_cleanup(struct ureq *req);
int uring_no_socket_op(struct ureq *req);
URING_OP(uring_socket);
URING_OP(uring_accept);
URING_OP(uring_connect);
int uring_connect_stabilize(struct ureq *req);
void uring_connect_cleanup(struct ureq *req);
URING_OP(uring_shutdown);
int uring_openat2_prep(struct ureq *req);
void uring_names_cleanup(struct ureq *req);
void uring_splice_cleanup(struct ureq *req);
uint32_t uring_splice_waits(struct ureq *req);

#endif
