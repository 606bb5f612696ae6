/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll.c: poll(2), ppoll(2), and the waiting that select.c shares.
 */
#include "linux/poll.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/select.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/resource.h>

/* ---- the poller ---- */

/* Stays on its queue: the thread takes itself off when it returns. */
static bool entry_woken(struct waiter *w, uint32_t flags)
{
    thread_wake(w->thread);
    return true;
}

static struct poll_entry *entry_new(struct poller *p)
{
    struct poll_chunk *c = p->chunks;

    if (p->nr < POLLER_INLINE)
        return &p->entries[p->nr++];
    if (!c || c->nr == POLLER_CHUNK) {
        c = kmalloc(sizeof(*c));
        if (!c)
            return NULL;
        c->nr = 0;
        c->next = p->chunks;
        p->chunks = c;
    }
    return &c->entries[c->nr++];
}

static void poller_add(struct poll_table *pt, struct file *f, struct waitq *wq)
{
    struct poller *p = container_of(pt, struct poller, pt);
    struct poll_entry *e = entry_new(p);

    if (!e) {
        p->err = -ENOMEM;
        return;
    }
    file_get(f);
    e->file = f;
    e->wq = wq;
    waiter_init(&e->w);
    e->w.key = p->key;
    e->w.func = entry_woken;
    waitq_add(wq, &e->w);
}

void poller_begin(struct poller *p)
{
    p->pt.add = poller_add;
    p->registered = false;
    p->err = 0;
    p->nr = 0;
    p->chunks = NULL;
}

static void entries_drop(struct poll_entry *e, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        waitq_remove(e[i].wq, &e[i].w);
        file_put(e[i].file);
    }
}

void poller_end(struct poller *p)
{
    entries_drop(p->entries, p->nr);
    while (p->chunks) {
        struct poll_chunk *c = p->chunks;

        entries_drop(c->entries, c->nr);
        p->chunks = c->next;
        kfree(c);
    }
}

int poller_block(struct poller *p, uint64_t deadline)
{
    p->registered = true;
    if (p->err)
        return p->err;
    if (signal_pending())
        return -ERESTARTSYS;
    if (!deadline)
        return -ETIMEDOUT;
    return wait_block(T_SLEEPING, deadline);
}

/* ---- poll ---- */

#define FAST_FDS  16
#define CHUNK_FDS 500

struct fd_chunk {
    struct fd_chunk *next;
    unsigned nr;
    struct pollfd fds[];
};

static inline unsigned look_one(struct poller *p, struct pollfd *pf)
{
    uint32_t wanted = (uint16_t)pf->events | EPOLLERR | EPOLLHUP;
    struct file *f;
    unsigned ready = POLL_ALWAYS;

    pf->revents = 0;
    if (pf->fd < 0)
        return 0;
    f = fd_get(pf->fd);
    if (!f) {
        pf->revents = POLLNVAL;
        return 1;
    }
    if (f->ops->poll)
        ready = poller_look(p, f, wanted);
    file_put(f);
    pf->revents = ready & wanted;
    if (pf->revents)
        p->registered = true; /* the answer is known: the others need not be waited for */
    return pf->revents != 0;
}

static long wait_fds(struct fd_chunk *head, uint64_t deadline)
{
    struct poller p;
    long found, err = 0;

    poller_begin(&p);
    if (!deadline)
        p.registered = true;
    for (;;) {
        found = 0;
        for (struct fd_chunk *c = head; c; c = c->next)
            for (unsigned i = 0; i < c->nr; i++)
                found += look_one(&p, &c->fds[i]);
        if (found || err)
            break;
        err = poller_block(&p, deadline);
        if (err && err != -ETIMEDOUT)
            break;
        if (!deadline)
            break;
    }
    poller_end(&p);
    return found ? found : err == -ETIMEDOUT ? 0 : err;
}

static int fds_read(struct fd_chunk *c, struct pollfd __user *u, unsigned nr, unsigned room)
{
    for (;;) {
        c->nr = MIN(nr, room);
        c->next = NULL;
        if (copy_from_user(c->fds, u, c->nr * sizeof(*u)))
            return -EFAULT;
        u += c->nr;
        nr -= c->nr;
        if (!nr)
            return 0;
        room = CHUNK_FDS;
        c->next = kmalloc(sizeof(*c) + MIN(nr, room) * sizeof(struct pollfd));
        c = c->next;
        if (!c)
            return -ENOMEM;
    }
}

static int fds_write(const struct fd_chunk *c, struct pollfd __user *u)
{
    for (; c; c = c->next)
        for (unsigned i = 0; i < c->nr; i++, u++)
            if (put_user(c->fds[i].revents, &u->revents))
                return -EFAULT;
    return 0;
}

/* Number of ready descriptors, or -ERESTARTSYS when a signal came first. */
static long poll_fds(struct pollfd __user *u, unsigned nr, uint64_t deadline)
{
    struct {
        struct fd_chunk c;
        struct pollfd room[FAST_FDS];
    } fast;
    struct fd_chunk *head = &fast.c, *c, *next;
    long n;

    if (nr > rlimit_cur(RLIMIT_NOFILE))
        return -EINVAL;
    n = fds_read(head, u, nr, FAST_FDS);
    if (!n) {
        n = wait_fds(head, deadline);
        if (n >= 0 && fds_write(head, u))
            n = -EFAULT;
    }
    for (c = head->next; c; c = next) {
        next = c->next;
        kfree(c);
    }
    return n;
}

/* restart_arg: array, number, deadline */
static long poll_restart(struct uthread *u)
{
    long n = poll_fds((struct pollfd __user *)u->restart_arg[0], u->restart_arg[1], u->restart_arg[2]);

    if (n != -ERESTARTSYS)
        return n;
    u->restart_fn = poll_restart;
    return -ERESTART_RESTARTBLOCK;
}

SYSCALL3(poll, struct pollfd __user *, fds, unsigned, nr, int, timeout)
{
    struct uthread *u = current_uthread();
    uint64_t deadline = timeout < 0 ? TIME_NEVER : timeout ? time_deadline(timeout * NSEC_PER_MS) : 0;
    long n = poll_fds(fds, nr, deadline);

    if (n != -ERESTARTSYS)
        return n;
    u->restart_arg[0] = (uintptr_t)fds;
    u->restart_arg[1] = nr;
    u->restart_arg[2] = deadline;
    u->restart_fn = poll_restart;
    return -ERESTART_RESTARTBLOCK;
}

SYSCALL5(ppoll, struct pollfd __user *, fds, unsigned, nr, struct __kernel_timespec __user *, uts,
         const uint64_t __user *, mask, size_t, size)
{
    uint64_t deadline;
    long n = timeout_read(uts, &deadline);

    if (!n)
        n = signal_user_temp_mask(mask, size);
    if (n)
        return n;
    n = poll_fds(fds, nr, deadline);
    if (n == -ERESTARTSYS)
        n = -ERESTARTNOHAND;
    else
        signal_restore_mask();
    return timeout_write(uts, deadline, n);
}
