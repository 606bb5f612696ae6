/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify.c: telling what happens to files (inotify(7)).
 *
 * One lock guards all of it: watches, their lists on inodes, and queues; whoever uses no inotify never takes it.
 * An inode with watches has one reference on their behalf: so it stays in memory, and so it shows that the file is
 * gone when only that reference is left of an inode without names.
 */
#include "linux/inotify.h"
#include "abi/fs.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

struct instance {
    struct waitq wait;
    struct list events; /* of struct event */
    unsigned nr_events;
    size_t bytes;           /* as read(2) will give them */
    struct rb_root watches; /* by wd */
    int next_wd;
};

struct inode_watches { /* inode.watches */
    struct list list;  /* of struct watch */
};

struct watch {
    struct rb_node node;
    struct list link; /* in inode_watches.list */
    struct instance *in;
    struct inode *inode;
    int wd;
    uint32_t mask;
};

struct event {
    struct list link;
    struct inotify_event e; /* e.len bytes of name follow */
};

#define KEPT_BITS (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK)
#define ALL_BITS                                                                             \
    (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | \
     IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)

static struct spinlock lock = SPINLOCK_INIT(RANK_OBJECT);
static struct slab_cache watch_cache = SLAB_CACHE(struct watch);
static unsigned nr_watches;   /* [lock] */
static unsigned nr_instances; /* [a] */

unsigned inotify_max_user_watches(void)
{
    struct page_stats s;
    uint64_t n;

    page_get_stats(&s);
    n = s.total * PAGE_SIZE / 100 / (sizeof(struct watch) + 2 * sizeof(struct inode));
    return MIN(MAX(n, 8192u), 1048576u);
}

/* ---- queues; lock held ---- */

static bool same_event(const struct event *a, const struct event *b)
{
    return a->e.wd == b->e.wd && a->e.mask == b->e.mask && a->e.len == b->e.len &&
           (!a->e.len || !strcmp(a->e.name, b->e.name));
}

static void append(struct instance *in, struct event *ev)
{
    struct event *last = list_last(&in->events, struct event, link);

    if (last && same_event(last, ev)) { /* inotify(7): equal neighbours are one */
        kfree(ev);
        return;
    }
    list_append(&in->events, &ev->link);
    in->nr_events++;
    in->bytes += sizeof(ev->e) + ev->e.len;
    wake_all(&in->wait);
}

static void queue(struct instance *in, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
    size_t len = name ? ALIGN_UP(strlen(name) + 1, sizeof(struct inotify_event)) : 0;
    struct event *ev;

    if (in->nr_events >= INOTIFY_MAX_QUEUED) {
        if (in->nr_events > INOTIFY_MAX_QUEUED)
            return; /* the last one says that some are lost */
        wd = -1;
        mask = IN_Q_OVERFLOW;
        cookie = len = 0;
    }
    ev = kzalloc(sizeof(*ev) + len);
    if (!ev)
        return;
    ev->e.wd = wd;
    ev->e.mask = mask & (IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW);
    ev->e.cookie = cookie;
    ev->e.len = len;
    if (len)
        memcpy(ev->e.name, name, strlen(name));
    append(in, ev);
}

/* ---- watches; lock held ---- */

static struct watch *watch_find(struct instance *in, int wd)
{
    struct rb_node *n = in->watches.node;

    while (n) {
        struct watch *w = container_of(n, struct watch, node);

        if (w->wd == wd)
            return w;
        n = wd < w->wd ? n->left : n->right;
    }
    return NULL;
}

/* Numbers grow, so the newest is the rightmost; after 2^31 of them the search begins anew. */
static void watch_link(struct instance *in, struct watch *w)
{
    struct rb_node **link = &in->watches.node, *parent = NULL;
    bool leftmost = true;

    do {
        w->wd = in->next_wd;
        in->next_wd = w->wd == INT32_MAX ? 1 : w->wd + 1;
    } while (watch_find(in, w->wd));
    while (*link) {
        parent = *link;
        if (w->wd < container_of(parent, struct watch, node)->wd) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&w->node, parent, link);
    rb_insert(&in->watches, &w->node, leftmost);
    nr_watches++;
}

/* Ends a watch. When it was its inode's last, returns the inode: the reference is the caller's to drop, unlocked. */
static struct inode *watch_end(struct watch *w)
{
    struct inode *i = w->inode;
    struct inode_watches *iw = i->watches;

    rb_erase(&w->in->watches, &w->node);
    list_remove(&w->link);
    slab_free(&watch_cache, w);
    nr_watches--;
    if (!list_empty(&iw->list))
        return NULL;
    i->watches = NULL;
    kfree(iw);
    return i;
}

static struct inode *watch_end_told(struct watch *w)
{
    queue(w->in, w->wd, IN_IGNORED, 0, NULL);
    return watch_end(w);
}

static bool wants(const struct watch *w, uint32_t mask)
{
    return (w->mask & mask & IN_ALL_EVENTS) && !(w->mask & mask & IN_EXCL_UNLINK);
}

/* ---- what the file systems tell ---- */

static void inotify_event(struct inode *i, uint32_t mask, const char *name, uint32_t cookie)
{
    struct inode *drop = NULL;
    struct watch *w, *next;

    spin_lock(&lock);
    if (i->watches) {
        list_for_each_safe (w, next, &i->watches->list, link) {
            if (!wants(w, mask))
                continue;
            queue(w->in, w->wd, mask, cookie, name);
            if (!(w->mask & IN_ONESHOT))
                continue;
            drop = watch_end_told(w);
            if (drop)
                break;
        }
    }
    spin_unlock(&lock);
    if (drop)
        inode_put(drop);
}

/* The last reference but the watches' to an inode without names: the file is gone. */
static void deleted(struct inode *i)
{
    struct watch *w, *next;

    list_for_each_safe (w, next, &i->watches->list, link) {
        if (wants(w, IN_DELETE_SELF))
            queue(w->in, w->wd, IN_DELETE_SELF, 0, NULL);
        if (watch_end_told(w))
            break;
    }
}

static bool inotify_put(struct inode *i)
{
    bool gone = false;

    spin_lock(&lock);
    if (!i->watches) {
        spin_unlock(&lock);
        return false;
    }
    (void)ref_put(&i->refs); /* not the last: that is the watches' */
    if (atomic_load(&i->refs.n) == 1 && !i->nlink) {
        deleted(i);
        gone = true;
    }
    spin_unlock(&lock);
    if (gone)
        inode_put(i);
    return true;
}

static const struct notify_ops notify_ops = { inotify_event, inotify_put };

/* ---- an instance as a file ---- */

/* The next event, if it fits into room bytes; NULL when there is none; ERR_PTR(-EINVAL). */
static struct event *take(struct instance *in, size_t room)
{
    struct event *ev;

    spin_lock(&lock);
    ev = list_first(&in->events, struct event, link);
    if (ev && sizeof(ev->e) + ev->e.len > room) {
        ev = ERR_PTR(-EINVAL);
    } else if (ev) {
        list_remove(&ev->link);
        in->nr_events--;
        in->bytes -= sizeof(ev->e) + ev->e.len;
    }
    spin_unlock(&lock);
    return ev;
}

static ssize_t inotify_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct instance *in = f->private;
    ssize_t done = 0;

    for (;;) {
        struct event *ev = take(in, v->count);
        size_t size;
        bool ok;
        int err;

        if (IS_ERR(ev))
            return done ? done : PTR_ERR(ev);
        if (ev) {
            size = sizeof(ev->e) + ev->e.len;
            ok = iov_put(v, &ev->e, size) == size;
            kfree(ev);
            if (!ok)
                return -EFAULT;
            done += size;
            continue;
        }
        if (done)
            return done;
        if ((f->flags & O_NONBLOCK) || v->nonblock)
            return -EAGAIN;
        err = wait_event_interruptible(&in->wait, !list_empty(&in->events));
        if (err)
            return err;
    }
}

static unsigned inotify_poll(struct file *f, struct poll_table *pt)
{
    struct instance *in = f->private;

    poll_wait(f, &in->wait, pt);
    return list_empty(&in->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long inotify_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    struct instance *in = f->private;

    if (cmd != FIONREAD)
        return -ENOTTY;
    return put_user((int)READ_ONCE(in->bytes), (int __user *)arg);
}

static void inotify_release(struct file *f)
{
    struct instance *in = f->private;
    struct rb_node *n;
    struct event *ev;

    for (;;) {
        struct inode *drop = NULL;

        spin_lock(&lock);
        n = rb_first(&in->watches);
        if (n)
            drop = watch_end(container_of(n, struct watch, node));
        spin_unlock(&lock);
        if (!n)
            break;
        if (drop)
            inode_put(drop);
        cond_resched();
    }
    while ((ev = take(in, SIZE_MAX)))
        kfree(ev);
    kfree(in);
    atomic_sub(&nr_instances, 1);
}

static size_t inotify_fdinfo(struct file *f, char *buf, size_t size)
{
    struct instance *in = f->private;
    size_t n = 0;

    spin_lock(&lock);
    for (struct rb_node *r = rb_first(&in->watches); r && n < size; r = rb_next(r)) {
        const struct watch *w = container_of(r, struct watch, node);

        n += snprintf(buf + n, size - n, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0\n", w->wd,
                      (unsigned long long)w->inode->ino, (unsigned)(w->inode->sb ? w->inode->sb->dev : 0),
                      w->mask);
    }
    spin_unlock(&lock);
    return MIN(n, size);
}

static const struct file_ops inotify_ops = {
    .read = inotify_read,
    .poll = inotify_poll,
    .ioctl = inotify_ioctl,
    .release = inotify_release,
    .fdinfo = inotify_fdinfo,
};

/* ---- system calls ---- */

static long make(int flags)
{
    struct instance *in;
    struct file *f;

    if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
        return -EINVAL;
    if (__atomic_add_fetch(&nr_instances, 1, __ATOMIC_RELAXED) > INOTIFY_MAX_INSTANCES) {
        atomic_sub(&nr_instances, 1);
        return -EMFILE;
    }
    in = kzalloc(sizeof(*in));
    f = in ? file_new_anon("anon_inode:inotify", &inotify_ops, in, O_RDONLY | (flags & O_NONBLOCK), 0600)
           : NULL;
    if (!f) {
        kfree(in);
        atomic_sub(&nr_instances, 1);
        return -ENOMEM;
    }
    waitq_init(&in->wait);
    list_init(&in->events);
    in->next_wd = 1;
    fs_set_notify(&notify_ops);
    return fd_install_new(f, flags & O_CLOEXEC);
}

SYSCALL1(inotify_init1, int, flags)
{
    return make(flags);
}

SYSCALL0(inotify_init)
{
    return make(0);
}

/* The instance's watch of the inode changes its mask. Lock held. */
static long update(struct watch *w, uint32_t mask)
{
    if (mask & IN_MASK_CREATE)
        return -EEXIST;
    w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | (mask & KEPT_BITS);
    return w->wd;
}

/* A new watch; w and iw are the caller's spare objects, NULL once used. Lock held. */
static long insert(struct instance *in, struct inode *i, uint32_t mask, struct watch **w,
                   struct inode_watches **iw)
{
    if (nr_watches >= inotify_max_user_watches())
        return -ENOSPC;
    if (!i->watches) {
        list_init(&(*iw)->list);
        inode_get(i);
        i->watches = *iw;
        *iw = NULL;
    }
    (*w)->in = in;
    (*w)->inode = i;
    (*w)->mask = mask & KEPT_BITS;
    watch_link(in, *w);
    list_append(&i->watches->list, &(*w)->link);
    return (*w)->wd;
}

static long add_watch(struct instance *in, struct inode *i, uint32_t mask)
{
    struct watch *new = slab_alloc(&watch_cache), *w, *found = NULL;
    struct inode_watches *iw = kmalloc(sizeof(*iw));
    long wd = -ENOMEM;

    if (new &&iw) {
        spin_lock(&lock);
        if (i->watches)
            list_for_each (w, &i->watches->list, link)
                if (w->in == in)
                    found = w;
        if (found) {
            wd = update(found, mask);
        } else {
            wd = insert(in, i, mask, &new, &iw);
            if (wd >= 0)
                new = NULL;
        }
        spin_unlock(&lock);
    }
    if (new)
        slab_free(&watch_cache, new);
    kfree(iw);
    return wd;
}

static long watch_path(struct instance *in, const char __user *uname, uint32_t mask)
{
    unsigned flags = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
    char *name = getname(uname);
    struct path p;
    long n;

    if (IS_ERR(name))
        return PTR_ERR(name);
    n = path_lookup(NULL, name, flags, &p);
    putname(name);
    if (n)
        return n;
    n = inode_permission(path_inode(&p), MAY_READ, fs_cred());
    if (!n)
        n = add_watch(in, path_inode(&p), mask);
    path_put(&p);
    return n;
}

SYSCALL3(inotify_add_watch, int, fd, const char __user *, name, uint32_t, mask)
{
    struct file *f;
    long n;

    if ((mask & ~ALL_BITS) || !(mask & ALL_BITS))
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (f->ops != &inotify_ops || ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE)))
        n = -EINVAL;
    else
        n = watch_path(f->private, name, mask);
    file_put(f);
    return n;
}

SYSCALL2(inotify_rm_watch, int, fd, int, wd)
{
    struct file *f = fd_get(fd);
    struct inode *drop = NULL;
    struct watch *w;
    long err = -EINVAL;

    if (!f)
        return -EBADF;
    if (f->ops == &inotify_ops) {
        spin_lock(&lock);
        w = watch_find(f->private, wd);
        if (w) {
            drop = watch_end_told(w);
            err = 0;
        }
        spin_unlock(&lock);
    }
    if (drop)
        inode_put(drop);
    file_put(f);
    return err;
}
