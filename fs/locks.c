/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locks.c: advisory locks. An inode's records hang in one list per kind; a change that lets somebody through counts
 * up `changes` and wakes all who wait there, who then try again. One lock guards it all: these calls are rare.
 */
#include "fs/locks.h"
#include "abi/fs.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

#ifndef LOCK_SH
#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
#endif
#define WHOLE_FILE INT64_MAX

int (*locks_pid)(void);

struct lock_rec {
    struct list link;
    const void *owner;  /* the table of descriptors; or the open file, for OFD locks and flock(2) */
    int64_t start, end; /* inclusive */
    int pid;            /* -1: OFD */
    short type;         /* F_RDLCK, F_WRLCK */
};

struct inode_locks {
    struct list ranges; /* POSIX and OFD, by start */
    struct list whole;  /* flock(2) */
    struct waitq wq;
    unsigned changes;
};

/* A POSIX lock that is waited for: the edges of the graph in which a cycle is a deadlock. */
struct lock_wait {
    struct list link;
    const void *owner, *blocker;
};

static struct spinlock locks_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list waits = LIST_INIT(waits);

static struct inode_locks *inode_locks(struct inode *i)
{
    struct inode_locks *l = atomic_load_acquire(&i->locks);

    if (l)
        return l;
    l = kmalloc(sizeof(*l));
    if (!l)
        return NULL;
    list_init(&l->ranges);
    list_init(&l->whole);
    waitq_init(&l->wq);
    l->changes = 0;
    if (!atomic_cmpxchg(&i->locks, NULL, l))
        kfree(l);
    return i->locks;
}

static void changed_locked(struct inode_locks *l)
{
    l->changes++;
    wake_all(&l->wq);
}

static int wait_change(struct inode_locks *l, unsigned seen)
{
    return wait_event_interruptible(&l->wq, READ_ONCE(l->changes) != seen);
}

/* ---- ranges ---- */

static struct lock_rec *find_conflict(struct list *ranges, const struct lock_rec *want)
{
    struct lock_rec *r;

    list_for_each (r, ranges, link) {
        if (r->start > want->end)
            break;
        if (r->owner != want->owner && r->end >= want->start && (r->type == F_WRLCK || want->type == F_WRLCK))
            return r;
    }
    return NULL;
}

/* Would waiting for blocker close a circle of processes that wait for each other? */
static bool deadlock(const void *owner, const void *blocker)
{
    struct lock_wait *w;
    bool found;

    for (unsigned hops = 0; hops < 64; hops++) {
        if (blocker == owner)
            return true;
        found = false;
        list_for_each (w, &waits, link) {
            if (w->owner == blocker) {
                blocker = w->blocker;
                found = true;
                break;
            }
        }
        if (!found)
            return false;
    }
    return false;
}

static void insert_sorted(struct list *ranges, struct lock_rec *n)
{
    struct lock_rec *r;

    list_for_each (r, ranges, link)
        if (r->start > n->start)
            break;
    list_append(&r->link, &n->link); /* before r, or at the end */
}

/* The owner's records within [want] make place for it: cut, split (with spare) or swallowed. Dead ones go to *dead. */
static void carve(struct list *ranges, const struct lock_rec *want, struct lock_rec **spare,
                  struct list *dead)
{
    struct lock_rec *r, *next;

    list_for_each_safe (r, next, ranges, link) {
        if (r->owner != want->owner || r->end < want->start || r->start > want->end)
            continue;
        if (r->start < want->start && r->end > want->end) {
            struct lock_rec *tail = *spare;

            *spare = NULL;
            *tail = *r;
            tail->start = want->end + 1;
            r->end = want->start - 1;
            insert_sorted(ranges, tail);
            return;
        }
        if (r->start < want->start) {
            r->end = want->start - 1;
        } else if (r->end > want->end) {
            r->start = want->end + 1;
            list_remove(&r->link);
            insert_sorted(ranges, r);
        } else {
            list_remove(&r->link);
            list_append(dead, &r->link);
        }
    }
}

/* Neighbours of the same owner and type become one. */
static void merge(struct list *ranges, struct lock_rec *n, struct list *dead)
{
    struct lock_rec *r, *next;

    list_for_each_safe (r, next, ranges, link) {
        if (r == n || r->owner != n->owner || r->type != n->type)
            continue;
        if ((n->start && r->end == n->start - 1) || (n->end != WHOLE_FILE && r->start == n->end + 1)) {
            n->start = MIN(n->start, r->start);
            n->end = MAX(n->end, r->end);
            list_remove(&r->link);
            list_append(dead, &r->link);
        }
    }
    list_remove(&n->link);
    insert_sorted(ranges, n);
}

static void free_dead(struct list *dead)
{
    struct lock_rec *r;

    while ((r = list_first(dead, struct lock_rec, link))) {
        list_remove(&r->link);
        kfree(r);
    }
}

/* One attempt: 0, or -EAGAIN with *blocker the owner in the way. */
static int set_range(struct inode_locks *l, const struct lock_rec *want, const void **blocker)
{
    struct lock_rec *n = kmalloc(sizeof(*n)), *spare = kmalloc(sizeof(*n)), *c = NULL;
    struct list dead = LIST_INIT(dead);
    int err = n && spare ? 0 : -ENOMEM;

    spin_lock(&locks_lock);
    if (!err && want->type != F_UNLCK && (c = find_conflict(&l->ranges, want))) {
        *blocker = c->owner;
        err = -EAGAIN;
    }
    if (!err) {
        carve(&l->ranges, want, &spare, &dead);
        if (want->type != F_UNLCK) {
            *n = *want;
            insert_sorted(&l->ranges, n);
            merge(&l->ranges, n, &dead);
            n = NULL;
        }
        changed_locked(l);
    }
    spin_unlock(&locks_lock);
    kfree(n);
    kfree(spare);
    free_dead(&dead);
    return err;
}

static int wait_range(struct inode_locks *l, const struct lock_rec *want, const void *blocker, unsigned seen,
                      bool posix)
{
    struct lock_wait w = { .owner = want->owner, .blocker = blocker };
    int err;

    if (!posix)
        return wait_change(l, seen);
    spin_lock(&locks_lock);
    if (deadlock(want->owner, blocker)) {
        spin_unlock(&locks_lock);
        return -EDEADLK;
    }
    list_append(&waits, &w.link);
    spin_unlock(&locks_lock);
    err = wait_change(l, seen);
    spin_lock(&locks_lock);
    list_remove(&w.link);
    spin_unlock(&locks_lock);
    return err;
}

/* ---- fcntl ---- */

static int parse(struct file *f, const struct flock *u, struct lock_rec *r)
{
    int64_t start = u->l_start, base = 0;

    switch (u->l_whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = f->pos;
        break;
    case SEEK_END:
        base = f->inode->size;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(start, base, &start))
        return -EOVERFLOW;
    r->end = WHOLE_FILE;
    if (u->l_len > 0) {
        if (__builtin_add_overflow(start, u->l_len - 1, &r->end))
            return -EOVERFLOW;
    } else if (u->l_len < 0) {
        r->end = start - 1;
        if (__builtin_add_overflow(start, u->l_len, &start))
            return -EINVAL;
    }
    if (start < 0)
        return -EINVAL;
    r->start = start;
    r->type = u->l_type;
    return r->type == F_RDLCK || r->type == F_WRLCK || r->type == F_UNLCK ? 0 : -EINVAL;
}

static void report(struct inode_locks *l, const struct lock_rec *want, struct flock *u)
{
    struct lock_rec *c;

    spin_lock(&locks_lock);
    c = l ? find_conflict(&l->ranges, want) : NULL;
    u->l_type = F_UNLCK;
    if (c) {
        u->l_type = c->type;
        u->l_whence = SEEK_SET;
        u->l_start = c->start;
        u->l_len = c->end == WHOLE_FILE ? 0 : c->end - c->start + 1;
        u->l_pid = c->pid;
    }
    spin_unlock(&locks_lock);
}

long locks_fcntl(struct file *f, unsigned cmd, void __user *arg, const void *owner)
{
    bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
    bool wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
    struct lock_rec want;
    struct inode_locks *l;
    struct flock u;
    const void *blocker = NULL;
    int err;

    if (copy_from_user(&u, arg, sizeof(u)))
        return -EFAULT;
    if (ofd && u.l_pid)
        return -EINVAL;
    err = parse(f, &u, &want);
    if (err)
        return err;
    want.owner = ofd ? (const void *)f : owner;
    want.pid = ofd ? -1 : locks_pid ? locks_pid() : 0;
    if (cmd == F_GETLK || cmd == F_OFD_GETLK) {
        if (want.type == F_UNLCK)
            return -EINVAL;
        report(f->inode->locks, &want, &u);
        return copy_to_user(arg, &u, sizeof(u));
    }
    if ((want.type == F_RDLCK && !(f->fmode & FMODE_READ)) ||
        (want.type == F_WRLCK && !(f->fmode & FMODE_WRITE)))
        return -EBADF;
    if (want.type == F_UNLCK && !f->inode->locks)
        return 0;
    l = inode_locks(f->inode);
    if (!l)
        return -ENOLCK;
    for (;;) {
        unsigned seen = READ_ONCE(l->changes);

        err = set_range(l, &want, &blocker);
        if (err != -EAGAIN || !wait)
            return err == -ENOMEM ? -ENOLCK : err;
        err = wait_range(l, &want, blocker, seen, !ofd);
        if (err)
            return err;
    }
}

void locks_release_ranges(struct inode *i, const void *owner)
{
    struct inode_locks *l = i->locks;
    struct list dead = LIST_INIT(dead);
    struct lock_rec *r, *next;

    if (!l)
        return;
    spin_lock(&locks_lock);
    list_for_each_safe (r, next, &l->ranges, link) {
        if (r->owner == owner) {
            list_remove(&r->link);
            list_append(&dead, &r->link);
        }
    }
    if (!list_empty(&dead))
        changed_locked(l);
    spin_unlock(&locks_lock);
    free_dead(&dead);
}

/* ---- flock ---- */

static struct lock_rec *whole_of(struct inode_locks *l, const struct file *f)
{
    struct lock_rec *r;

    list_for_each (r, &l->whole, link)
        if (r->owner == f)
            return r;
    return NULL;
}

static bool whole_conflict(struct inode_locks *l, const struct file *f, short type)
{
    struct lock_rec *r;

    list_for_each (r, &l->whole, link)
        if (r->owner != f && (r->type == F_WRLCK || type == F_WRLCK))
            return true;
    return false;
}

static void unflock(struct inode_locks *l, const struct file *f)
{
    struct lock_rec *r;

    spin_lock(&locks_lock);
    r = whole_of(l, f);
    if (r) {
        list_remove(&r->link);
        changed_locked(l);
    }
    spin_unlock(&locks_lock);
    kfree(r);
}

long locks_flock(struct file *f, unsigned op)
{
    unsigned kind = op & ~LOCK_NB;
    short type = kind == LOCK_SH ? F_RDLCK : F_WRLCK;
    struct inode_locks *l;
    struct lock_rec *n, *had;

    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    if (kind == LOCK_UN) {
        if (f->inode->locks)
            unflock(f->inode->locks, f);
        return 0;
    }
    l = inode_locks(f->inode);
    n = kmalloc(sizeof(*n));
    if (!l || !n) {
        kfree(n);
        return -ENOLCK;
    }
    *n = (struct lock_rec){ .owner = f, .type = type, .end = WHOLE_FILE };
    for (;;) {
        unsigned seen;
        bool busy;
        int err;

        spin_lock(&locks_lock);
        seen = l->changes;
        had = whole_of(l, f);
        if (had && had->type == type) {
            spin_unlock(&locks_lock);
            kfree(n);
            return 0;
        }
        if (had) { /* a change of kind gives the old lock up first, as on Linux */
            list_remove(&had->link);
            changed_locked(l);
            seen = l->changes;
        }
        busy = whole_conflict(l, f, type);
        if (!busy)
            list_append(&l->whole, &n->link);
        spin_unlock(&locks_lock);
        kfree(had);
        if (!busy)
            return 0;
        err = op & LOCK_NB ? -EAGAIN : wait_change(l, seen);
        if (err) {
            kfree(n);
            return err;
        }
    }
}

void locks_release_file(struct file *f)
{
    if (!f->inode->locks)
        return;
    locks_release_ranges(f->inode, f);
    unflock(f->inode->locks, f);
}
