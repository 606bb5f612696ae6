/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll.c: waiting for many files at once (epoll(7)): the ready list and its delivery. Adding and removing watches
 * is epoll_ctl.c.
 *
 * A watch hangs on its file's wait queues. When a queue is woken, item_woken() puts the watch on the ready list; it
 * stays there (queued is set) until a scan finds that its file is not ready any more. A scan polls the file after
 * it cleared queued, and a waker changes the file before it looks at queued: so no event falls in between.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/epoll_item.h"
#include "linux/fd_table.h"
#include "linux/io_uring.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"

static struct slab_cache epoll_cache = SLAB_CACHE(struct epoll);

/* ---- becoming ready ---- */

/* Puts it on the ready list unless it is on a list already. Any context. */
static __noinline void enqueue(struct epitem *it)
{
    struct epoll *ep = it->ep;
    unsigned long flags = spin_lock_irqsave(&ep->lock);

    list_append(&ep->ready, &it->ready_link);
    spin_unlock_irqrestore(&ep->lock, flags);
}

void epitem_enqueue(struct epitem *it)
{
    if (!atomic_xchg(&it->queued, 1))
        enqueue(it);
}

/* Somebody who waits for this epoll, or polls it, has something to look at. */
void epoll_wake(struct epoll *ep, uint32_t flags)
{
    atomic_fence(); /* against waitq_add(): who queues too late to be seen here sees the ready list */
    if (!list_empty(&ep->wait.waiters))
        waitq_wake(&ep->wait, 1, 0);
    if (unlikely(!list_empty(&ep->outer.waiters)))
        waitq_wake(&ep->outer, 1, EPOLLIN | EPOLLRDNORM | flags);
}

/* Of several epolls that watch one file with EPOLLEXCLUSIVE, only one whose waiter got a wanted event counts. */
static bool consumes(uint32_t events, uint32_t flags)
{
    uint32_t inout = flags & (EPOLLIN | EPOLLOUT);

    return !inout || (inout != (EPOLLIN | EPOLLOUT) && (events & inout));
}

static __noinline bool woken_waited(struct epitem *it, uint32_t flags)
{
    bool waited = !list_empty(&it->ep->wait.waiters);
    uint32_t events = READ_ONCE(it->events);

    epoll_wake(it->ep, flags);
    return !(events & EPOLLEXCLUSIVE) || (waited && consumes(events, flags));
}

static __noinline bool woken_new(struct epitem *it, uint32_t flags)
{
    enqueue(it);
    return woken_waited(it, flags);
}

bool epitem_woken(struct waiter *w, uint32_t flags)
{
    struct epitem *it = container_of(w, struct epwait, w)->item;
    struct epoll *ep = it->ep;

    if (unlikely(!(READ_ONCE(it->events) & ~EP_PRIVATE_BITS))) /* one-shot, and it was reported */
        return false;
    if (!atomic_xchg(&it->queued, 1))
        return woken_new(it, flags);
    if (list_empty(&ep->wait.waiters) && likely(list_empty(&ep->outer.waiters)))
        return !(READ_ONCE(it->events) & EPOLLEXCLUSIVE);
    return woken_waited(it, flags);
}

/* ---- delivery ---- */

static inline unsigned item_poll(struct epitem *it, uint32_t wanted)
{
    return it->file->ops->poll(it->file, NULL) & wanted;
}

/* Scans hold ep->mutex: the list changes behind their back only at its end, where wakers append. */
static struct epitem *first_ready(struct epoll *ep)
{
    return list_entry(atomic_load_acquire(&ep->ready.next), struct epitem, ready_link);
}

/* Off the ready list; what makes it ready from now on puts it there again. */
static void item_unqueue(struct epoll *ep, struct epitem *it)
{
    unsigned long flags = spin_lock_irqsave(&ep->lock);

    list_remove(&it->ready_link);
    spin_unlock_irqrestore(&ep->lock, flags);
    (void)atomic_xchg(&it->queued, 0);
}

/* It was not ready when polled: off the list, unless it became ready meanwhile. */
static __noinline void item_idle(struct epoll *ep, struct epitem *it)
{
    item_unqueue(ep, it);
    if (item_poll(it, it->events))
        epitem_enqueue(it);
}

/* Reported but still ready, as far as one knows: behind the others. */
static __noinline void item_rotate(struct epoll *ep, struct epitem *it)
{
    unsigned long flags = spin_lock_irqsave(&ep->lock);

    list_remove(&it->ready_link);
    list_append(&ep->ready, &it->ready_link);
    spin_unlock_irqrestore(&ep->lock, flags);
}

/* It could not be reported: first again. */
static void item_restore(struct epoll *ep, struct epitem *it)
{
    unsigned long flags;

    if (atomic_xchg(&it->queued, 1))
        return;
    flags = spin_lock_irqsave(&ep->lock);
    list_push(&ep->ready, &it->ready_link);
    spin_unlock_irqrestore(&ep->lock, flags);
}

static inline int put_event(struct epoll_event __user *u, uint32_t events, uint64_t data)
{
    char __user
    *p = (char __user *)u; /* the members of the packed structure are unaligned on x86 */

    return put_user(events, (uint32_t __user *)(p + offsetof(struct epoll_event, events))) ||
                   put_user(data, (uint64_t __user *)(p + offsetof(struct epoll_event, data)))
               ? -EFAULT
               : 0;
}

/* Edge-triggered or one-shot: reported once. 1, 0: not ready after all, -EFAULT. */
static __noinline int report_once(struct epoll *ep, struct epitem *it, struct epoll_event __user *u)
{
    uint32_t wanted = it->events;
    unsigned ready;

    item_unqueue(ep, it);
    ready = item_poll(it, wanted);
    if (!ready)
        return 0;
    if (unlikely(put_event(u, ready, it->data))) {
        item_restore(ep, it);
        return -EFAULT;
    }
    if (wanted & EPOLLONESHOT)
        WRITE_ONCE(it->events, wanted & EP_PRIVATE_BITS);
    return 1;
}

/* Level-triggered, and reported before: on the list again if it is ready still. As above. */
static __noinline int report_again(struct epoll *ep, struct epitem *it, struct epoll_event __user *u)
{
    unsigned ready;

    item_unqueue(ep, it);
    ready = item_poll(it, it->events);
    it->again = ready;
    if (!ready)
        return 0;
    if (unlikely(put_event(u, ready, it->data))) {
        item_restore(ep, it);
        return -EFAULT;
    }
    epitem_enqueue(it);
    return 1;
}

static inline int report(struct epoll *ep, struct epitem *it, struct epoll_event __user *u)
{
    uint32_t wanted = it->events;
    unsigned ready;

    if (unlikely(wanted & (EPOLLET | EPOLLONESHOT)))
        return report_once(ep, it, u);
    if (it->again) /* mostly it is ready no more */
        return report_again(ep, it, u);
    ready = item_poll(it, wanted);
    if (unlikely(!ready)) {
        item_idle(ep, it);
        return 0;
    }
    if (unlikely(put_event(u, ready, it->data)))
        return -EFAULT;
    it->again = true;
    if (it->ready_link.next != &ep->ready)
        item_rotate(ep, it);
    return 1;
}

/* Hands out up to max ready events; their number, or -EFAULT when not even one could be written. */
static __noinline int send_events(struct epoll *ep, struct epoll_event __user *u, int max)
{
    struct list *last;
    struct epitem *it;
    int sent = 0, n = 0;
    bool left;

    mutex_lock(&ep->mutex);
    last = READ_ONCE(ep->ready.prev); /* what comes later is for the next call */
    while (last != &ep->ready) {
        it = first_ready(ep);
        n = report(ep, it, u + sent);
        if (unlikely(n < 0))
            break;
        sent += n;
        if (&it->ready_link == last || sent == max)
            break;
    }
    left = !list_empty(&ep->ready);
    mutex_unlock(&ep->mutex);
    if (left && unlikely(!list_empty(&ep->wait.waiters)))
        waitq_wake(&ep->wait, 1, 0);
    return sent ? sent : n;
}

/* Is there an item whose file is ready indeed? */
static bool epoll_any(struct epoll *ep)
{
    bool found = false;

    if (list_empty(&ep->ready))
        return false;
    mutex_lock(&ep->mutex);
    for (struct list *last = READ_ONCE(ep->ready.prev); last != &ep->ready && !found;) {
        struct epitem *it = first_ready(ep);

        found = item_poll(it, it->events);
        if (!found)
            item_idle(ep, it);
        if (&it->ready_link == last)
            break;
    }
    mutex_unlock(&ep->mutex);
    return found;
}

/* ---- waiting ---- */

static int wait_ready(struct epoll *ep, uint64_t deadline)
{
    struct waiter w;
    int err = 0;

    waiter_init(&w);
    w.exclusive = true;
    while (!err) {
        wait_prepare(&ep->wait, &w, T_SLEEPING);
        if (!list_empty(&ep->ready))
            break;
        err = wait_block(T_SLEEPING, deadline);
    }
    wait_finish(&ep->wait, &w);
    return err;
}

/* How long to wait: milliseconds, or a deadline when ms is 0. */
struct ep_timeout {
    int ms;
    uint64_t deadline; /* 0: not at all */
};

/* Nothing was ready at first. */
static __noinline long send_later(struct epoll *ep, struct epoll_event __user *u, int max,
                                  struct ep_timeout t)
{
    uint64_t deadline = t.ms > 0 ? time_deadline(t.ms * NSEC_PER_MS) : t.ms ? TIME_NEVER : t.deadline;

    for (;;) {
        long n = list_empty(&ep->ready) ? 0 : send_events(ep, u, max);
        int err;

        if (n || !deadline)
            return n;
        err = wait_ready(ep, deadline);
        if (!err || (err == -ERESTARTSYS && uring_run_task_work())) /* no reason for EINTR */
            continue;
        n = list_empty(&ep->ready) ? 0 : send_events(ep, u, max);
        return n ? n : err == -ERESTARTSYS ? -EINTR : 0;
    }
}

/* The usual case by the shortest way: one level-triggered item, which is ready. False: nothing has been done. */
static inline bool send_one(struct epoll *ep, struct epoll_event __user *u)
{
    struct epitem *it;
    uint32_t wanted, ready;

    if (unlikely(!mutex_trylock(&ep->mutex)))
        return false;
    if (list_empty(&ep->ready))
        goto no;
    it = first_ready(ep);
    wanted = it->events;
    if (unlikely(&it->ready_link != ep->ready.prev || (wanted & (EPOLLET | EPOLLONESHOT))))
        goto no;
    ready = item_poll(it, wanted);
    if (unlikely(!ready || put_event(u, ready, it->data)))
        goto no;
    mutex_unlock(&ep->mutex);
    if (unlikely(!list_empty(&ep->wait.waiters)))
        waitq_wake(&ep->wait, 1, 0);
    return true;
no:
    mutex_unlock(&ep->mutex);
    return false;
}

static inline long ep_wait(int epfd, struct epoll_event __user *u, int max, struct ep_timeout t)
{
    struct fd_ref r;
    struct epoll *ep;
    long n = 1;

    if (unlikely((unsigned)max - 1 >= INT32_MAX / sizeof(*u)))
        return -EINVAL;
    if (unlikely(!user_ok(u, max * sizeof(*u))))
        return -EFAULT;
    r = fd_borrow(epfd);
    if (unlikely(!r.file))
        return -EBADF;
    if (unlikely(r.file->ops != &epoll_ops)) {
        n = r.file->fmode & FMODE_PATH ? -EBADF : -EINVAL;
        fd_return(r);
        return n;
    }
    ep = r.file->private;
    if (!send_one(ep, u))
        n = send_later(ep, u, max, t);
    fd_return(r);
    return n;
}

SYSCALL4(epoll_wait, int, epfd, struct epoll_event __user *, events, int, max, int, timeout)
{
    return ep_wait(epfd, events, max, (struct ep_timeout){ timeout, 0 });
}

static long ep_pwait(int epfd, struct epoll_event __user *u, int max, struct ep_timeout t,
                     const uint64_t __user *mask, size_t size)
{
    long n = signal_user_temp_mask(mask, size);

    if (n)
        return n;
    n = ep_wait(epfd, u, max, t);
    if (n != -EINTR)
        signal_restore_mask();
    return n;
}

SYSCALL6(epoll_pwait, int, epfd, struct epoll_event __user *, events, int, max, int, timeout,
         const uint64_t __user *, mask, size_t, size)
{
    return ep_pwait(epfd, events, max, (struct ep_timeout){ timeout, 0 }, mask, size);
}

SYSCALL6(epoll_pwait2, int, epfd, struct epoll_event __user *, events, int, max,
         const struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask, size_t, size)
{
    uint64_t deadline = TIME_NEVER;

    if (timeout) {
        uint64_t ns;
        int err = time_read(timeout, &ns);

        if (err)
            return err;
        deadline = ns ? time_deadline(ns) : 0;
    }
    return ep_pwait(epfd, events, max, (struct ep_timeout){ 0, deadline }, mask, size);
}

/* ---- an epoll as a file ---- */

static unsigned epoll_poll(struct file *f, struct poll_table *pt)
{
    struct epoll *ep = f->private;

    poll_wait(f, &ep->outer, pt);
    return epoll_any(ep) ? EPOLLIN | EPOLLRDNORM : 0;
}

void epoll_put(struct epoll *ep)
{
    if (ref_put(&ep->refs))
        slab_free(&epoll_cache, ep);
}

static void epoll_release(struct file *f)
{
    struct epoll *ep = f->private;

    epoll_drop_items(ep);
    epoll_put(ep);
}

static size_t epoll_fdinfo(struct file *f, char *buf, size_t size)
{
    struct epoll *ep = f->private;
    size_t n = 0;

    mutex_lock(&ep->mutex);
    for (struct rb_node *r = rb_first(&ep->items); r && n < size; r = rb_next(r)) {
        struct epitem *it = container_of(r, struct epitem, node);
        struct inode *i = it->file->inode;

        n += snprintf(buf + n, size - n, "tfd: %8d events: %8x data: %16llx  pos:%lld ino:%llx sdev:%x\n",
                      it->fd, it->events, (unsigned long long)it->data, (long long)it->file->pos,
                      (unsigned long long)i->ino, (unsigned)(i->sb ? i->sb->dev : 0));
    }
    mutex_unlock(&ep->mutex);
    return MIN(n, size);
}

const struct file_ops epoll_ops = {
    .poll = epoll_poll,
    .release = epoll_release,
    .fdinfo = epoll_fdinfo,
};

static long make(int flags)
{
    struct epoll *ep;
    struct file *f;

    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    ep = slab_zalloc(&epoll_cache);
    if (!ep)
        return -ENOMEM;
    ref_init(&ep->refs);
    mutex_init(&ep->mutex, RANK_EPOLL);
    spin_init(&ep->lock, RANK_READY);
    waitq_init_rank(&ep->wait, RANK_READY);
    waitq_init_rank(&ep->outer, RANK_WAITQ_OUTER);
    list_init(&ep->ready);
    file_unwatch = epoll_file_gone;
    f = file_new_anon("anon_inode:[eventpoll]", &epoll_ops, ep, O_RDWR, 0600);
    if (!f)
        slab_free(&epoll_cache, ep);
    else
        ep->file = f;
    return fd_install_new(f, flags);
}

SYSCALL1(epoll_create1, int, flags)
{
    return make(flags);
}

SYSCALL1(epoll_create, int, size)
{
    return size <= 0 ? -EINVAL : make(0);
}
