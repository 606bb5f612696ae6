/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll_ctl.c: adding, changing and removing an epoll's watches (epoll_ctl(2)).
 *
 * A watch goes when it is deleted, when its epoll's file is released, or when the watched file's last reference
 * goes. The last two may meet: the file's side marks the item as dying first, and then it alone removes it.
 */
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/calls.h"
#include "linux/epoll.h"
#include "linux/epoll_item.h"
#include "linux/files.h"
#include "linux/syscall.h"

#define MAX_NESTS    4 /* epolls below one another */
#define EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static struct slab_cache item_cache = SLAB_CACHE(struct epitem);
static struct slab_cache wait_cache = SLAB_CACHE(struct epwait);
/* one change of the graph of epolls at a time */
static struct mutex nest_mutex = MUTEX_INIT(nest_mutex, RANK_EPOLL);
static uint64_t nr_watches; /* [a] */

uint64_t epoll_max_user_watches(void)
{
    static uint64_t max; /* [a] */
    struct page_stats s;

    if (unlikely(!atomic_load(&max))) {
        page_get_stats(&s);
        atomic_store(&max, s.total * PAGE_SIZE / 25 / (sizeof(struct epitem) + sizeof(struct epwait)));
    }
    return atomic_load(&max);
}

/* ---- the list of a file's watches ---- */

static struct spinlock file_locks[16] = { [0 ... 15] = SPINLOCK_INIT(RANK_OBJECT) };

static struct spinlock *file_lock(const struct file *f)
{
    return &file_locks[((uintptr_t)f >> 6 ^ (uintptr_t)f >> 10) % ARRAY_SIZE(file_locks)];
}

/* ---- items ---- */

static int item_cmp(const struct file *f, int fd, const struct epitem *it)
{
    if (f != it->file)
        return f < it->file ? -1 : 1;
    return fd < it->fd ? -1 : fd > it->fd;
}

static struct epitem *item_find(struct epoll *ep, struct file *f, int fd)
{
    struct rb_node *n = ep->items.node;

    while (n) {
        struct epitem *it = container_of(n, struct epitem, node);
        int c = item_cmp(f, fd, it);

        if (!c)
            return it;
        n = c < 0 ? n->left : n->right;
    }
    return NULL;
}

static void item_link(struct epoll *ep, struct epitem *it)
{
    struct rb_node **link = &ep->items.node, *parent = NULL;
    bool leftmost = true;

    while (*link) {
        parent = *link;
        if (item_cmp(it->file, it->fd, container_of(parent, struct epitem, node)) < 0) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&it->node, parent, link);
    rb_insert(&ep->items, &it->node, leftmost);
}

struct item_table { /* what a file's poll operation registers with */
    struct poll_table pt;
    struct epitem *item;
};

static void item_add_queue(struct poll_table *pt, struct file *f, struct waitq *wq)
{
    struct epitem *it = container_of(pt, struct item_table, pt)->item;
    struct epwait *e = &it->first;

    if (e->wq) {
        e = slab_alloc(&wait_cache);
        if (!e) {
            it->failed = true;
            return;
        }
        e->next = it->first.next;
        it->first.next = e;
    }
    e->wq = wq;
    e->item = it;
    list_init(&e->w.link);
    e->w.thread = NULL;
    e->w.func = epitem_woken;
    e->w.key = it->events;
    e->w.exclusive = it->events & EPOLLEXCLUSIVE;
    waitq_add(wq, &e->w);
}

/* Off the wait queues: afterwards nobody wakes the item. */
static void item_detach(struct epitem *it)
{
    struct epwait *e = it->first.next, *next;

    if (it->first.wq)
        waitq_remove(it->first.wq, &it->first.w);
    it->first.wq = NULL;
    it->first.next = NULL;
    for (; e; e = next) {
        next = e->next;
        waitq_remove(e->wq, &e->w);
        slab_free(&wait_cache, e);
    }
}

/* Takes the item out of everything and frees it. False, and it stays, when its file's side is about to do that.
 * The item's reference to ep is the caller's to drop. */
static bool item_remove(struct epoll *ep, struct epitem *it, bool by_file)
{
    unsigned long flags;

    item_detach(it);
    spin_lock(file_lock(it->file));
    if (it->dying && !by_file) {
        spin_unlock(file_lock(it->file));
        return false;
    }
    list_remove(&it->file_link);
    spin_unlock(file_lock(it->file));
    rb_erase(&ep->items, &it->node);
    flags = spin_lock_irqsave(&ep->lock);
    list_remove(&it->ready_link);
    spin_unlock_irqrestore(&ep->lock, flags);
    slab_free(&item_cache, it);
    atomic_sub(&nr_watches, 1);
    return true;
}

void epoll_drop_items(struct epoll *ep)
{
    struct rb_node *n, *next;

    mutex_lock(&ep->mutex);
    for (n = rb_first(&ep->items); n; n = next) {
        next = rb_next(n);
        if (item_remove(ep, container_of(n, struct epitem, node), false))
            epoll_put(ep); /* never the last: the file's reference is still there */
        cond_resched();
    }
    mutex_unlock(&ep->mutex);
}

void epoll_file_gone(struct file *f)
{
    for (;;) {
        struct epitem *it;
        struct epoll *ep;

        spin_lock(file_lock(f));
        it = list_first(&f->epitems, struct epitem, file_link);
        if (it)
            it->dying = true;
        spin_unlock(file_lock(f));
        if (!it)
            return;
        ep = it->ep; /* stays, by the item's reference */
        mutex_lock(&ep->mutex);
        item_remove(ep, it, true);
        mutex_unlock(&ep->mutex);
        epoll_put(ep);
    }
}

/* ---- nesting; nest_mutex held ---- */

static struct epoll *epoll_of(const struct file *f)
{
    return f->ops == &epoll_ops ? f->private : NULL;
}

/* Levels of epolls below ep, more than MAX_NESTS when there are too many or target is among them. */
static int levels_below(struct epoll *ep, const struct epoll *target, int depth)
{
    int most = 0;

    if (ep == target || depth > MAX_NESTS)
        return MAX_NESTS + 1;
    mutex_lock(&ep->mutex);
    for (struct rb_node *n = rb_first(&ep->items); n && most <= MAX_NESTS; n = rb_next(n)) {
        struct epoll *inner = epoll_of(container_of(n, struct epitem, node)->file);

        if (inner)
            most = MAX(most, levels_below(inner, target, depth + 1) + 1);
    }
    mutex_unlock(&ep->mutex);
    return most;
}

/* Levels of epolls that watch f. The graph cannot grow meanwhile, but watchers may go: the list is walked under its
 * lock, one level at a time through references. */
static int levels_above(struct file *f, int depth)
{
    struct epoll *above[8];
    unsigned nr;
    int most = 0, skip = 0;

    if (depth > MAX_NESTS)
        return depth;
    do {
        struct epitem *it;
        int at = 0;

        nr = 0;
        spin_lock(file_lock(f));
        list_for_each (it, &f->epitems, file_link) {
            if (at++ < skip || !ref_get_unless_zero(&it->ep->file->refs))
                continue;
            above[nr++] = it->ep;
            if (nr == ARRAY_SIZE(above))
                break;
        }
        spin_unlock(file_lock(f));
        skip = at;
        for (unsigned i = 0; i < nr; i++) {
            most = MAX(most, levels_above(above[i]->file, depth + 1) + 1);
            file_put(above[i]->file);
        }
    } while (nr == ARRAY_SIZE(above));
    return most;
}

/* ---- the three operations; ep->mutex held ---- */

/* it->events and it->data were set: what is ready now is reported without a wake-up. */
static void item_look(struct epoll *ep, struct epitem *it, unsigned ready)
{
    if (!(ready & it->events))
        return;
    epitem_enqueue(it);
    epoll_wake(ep, 0);
}

static int item_insert(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
    struct epitem *it;
    struct item_table table = { { item_add_queue }, NULL };
    unsigned ready;

    if (atomic_load(&nr_watches) >= epoll_max_user_watches())
        return -ENOSPC;
    it = slab_zalloc(&item_cache);
    if (!it)
        return -ENOMEM;
    atomic_inc(&nr_watches);
    ref_get(&ep->refs);
    it->ep = ep;
    it->file = f;
    it->fd = fd;
    it->events = ev->events;
    it->data = ev->data;
    list_init(&it->ready_link);
    list_init(&it->file_link);
    item_link(ep, it);
    spin_lock(file_lock(f));
    list_append(&f->epitems, &it->file_link);
    spin_unlock(file_lock(f));
    table.item = it;
    ready = f->ops->poll(f, &table.pt);
    if (it->failed) {
        item_remove(ep, it, false);
        epoll_put(ep);
        return -ENOMEM;
    }
    item_look(ep, it, ready);
    return 0;
}

static int item_modify(struct epoll *ep, struct epitem *it, const struct epoll_event *ev)
{
    if (it->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    it->data = ev->data;
    (void)atomic_xchg(&it->events,
                      ev->events); /* before the file is looked at: a waker sees one or the other */
    for (struct epwait *e = &it->first; e && e->wq; e = e->next)
        waitq_set_key(e->wq, &e->w, ev->events);
    item_look(ep, it, it->file->ops->poll(it->file, NULL));
    return 0;
}

static int change(struct epoll *ep, int op, struct file *f, int fd, struct epoll_event *ev)
{
    struct epitem *it;
    int err;

    mutex_lock(&ep->mutex);
    it = item_find(ep, f, fd);
    ev->events |= EPOLLERR | EPOLLHUP;
    switch (op) {
    case EPOLL_CTL_ADD:
        err = it ? -EEXIST : item_insert(ep, f, fd, ev);
        break;
    case EPOLL_CTL_MOD:
        err = it ? item_modify(ep, it, ev) : -ENOENT;
        break;
    case EPOLL_CTL_DEL:
        err = it ? 0 : -ENOENT;
        if (it && item_remove(ep, it, false))
            epoll_put(ep);
        break;
    default:
        err = -EINVAL;
    }
    mutex_unlock(&ep->mutex);
    return err;
}

/* An epoll into an epoll: no loops, not too deep. */
static int change_nested(struct epoll *ep, struct file *f, int fd, struct epoll_event *ev)
{
    int err;

    mutex_lock(&nest_mutex);
    if (levels_below(f->private, ep, 0) + 1 + levels_above(ep->file, 0) > MAX_NESTS)
        err = -ELOOP;
    else
        err = change(ep, EPOLL_CTL_ADD, f, fd, ev);
    mutex_unlock(&nest_mutex);
    return err;
}

static int ctl(struct file *epf, int op, struct file *f, int fd, struct epoll_event *ev)
{
    if (!f->ops->poll)
        return -EPERM;
    if (f == epf || epf->ops != &epoll_ops)
        return -EINVAL;
    if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE)) {
        if (op == EPOLL_CTL_MOD)
            return -EINVAL;
        if (op == EPOLL_CTL_ADD && (epoll_of(f) || (ev->events & ~EXCLUSIVE_OK)))
            return -EINVAL;
    }
    if (op == EPOLL_CTL_ADD && epoll_of(f))
        return change_nested(epf->private, f, fd, ev);
    return change(epf->private, op, f, fd, ev);
}

long epoll_change(int epfd, int op, int fd, struct epoll_event *ev)
{
    struct file *epf = fd_get(epfd), *f;
    int err = -EBADF;

    if (!epf)
        return -EBADF;
    f = fd_get(fd);
    if (f) {
        err = ctl(epf, op, f, fd, ev);
        file_put(f);
    }
    file_put(epf);
    return err;
}

SYSCALL4(epoll_ctl, int, epfd, int, op, int, fd, const struct epoll_event __user *, uev)
{
    struct epoll_event ev = { 0 };

    if (op != EPOLL_CTL_DEL && copy_from_user(&ev, uev, sizeof(ev)))
        return -EFAULT;
    return epoll_change(epfd, op, fd, &ev);
}
