/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c: descriptor tables (see files.h).
 *
 * Lookups read the array and take a reference without the table's lock; growing publishes a new array and frees
 * the old one after a grace period. While the process has one thread nobody can close under a lookup.
 */
#include "linux/files.h"
#include "fs/locks.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/family.h"
#include "linux/fd_table.h"
#include "linux/process.h"
#include <linux/fcntl.h>
#include <linux/resource.h>

#define FIRST_FDS 64

static struct slab_cache table_cache = SLAB_CACHE(struct fd_table);

static size_t array_bytes(unsigned max)
{
    return sizeof(struct fd_array) + max * sizeof(struct file *) + 2 * max / 8;
}

static struct fd_array *array_new(unsigned max)
{
    struct fd_array *a = kzalloc(array_bytes(max));

    if (!a)
        return NULL;
    a->max = max;
    a->open = (uint64_t *)(a->files + max);
    a->cloexec = a->open + max / 64;
    return a;
}

static void array_free(struct rcu_head *h)
{
    kfree(container_of(h, struct fd_array, rcu));
}

static bool bit_test(const uint64_t *map, unsigned n)
{
    return map[n / 64] >> (n % 64) & 1;
}
static void bit_set(uint64_t *map, unsigned n, bool on)
{
    if (on)
        map[n / 64] |= 1ull << (n % 64);
    else
        map[n / 64] &= ~(1ull << (n % 64));
}

struct fd_table *fd_table_new(void)
{
    struct fd_table *t = slab_zalloc(&table_cache);

    if (!t)
        return NULL;
    t->array = array_new(FIRST_FDS);
    if (!t->array) {
        slab_free(&table_cache, t);
        return NULL;
    }
    ref_init(&t->refs);
    spin_init(&t->lock, RANK_FDTAB);
    return t;
}

struct fd_table *fd_table_copy(struct fd_table *from)
{
    struct fd_table *t = slab_zalloc(&table_cache);
    struct fd_array *a = NULL;
    unsigned max;

    if (!t)
        return NULL;
    ref_init(&t->refs);
    spin_init(&t->lock, RANK_FDTAB);
    for (;;) { /* allocate outside the lock, check inside */
        max = READ_ONCE(from->array)->max;
        a = array_new(max);
        if (!a) {
            slab_free(&table_cache, t);
            return NULL;
        }
        spin_lock(&from->lock);
        if (from->array->max == max)
            break;
        spin_unlock(&from->lock);
        kfree(a);
    }
    for (unsigned i = 0; i < max; i++) {
        if (!from->array->files[i])
            continue;
        a->files[i] = from->array->files[i];
        file_get(a->files[i]);
        bit_set(a->open, i, true);
        bit_set(a->cloexec, i, bit_test(from->array->cloexec, i));
    }
    t->next = from->next;
    spin_unlock(&from->lock);
    t->array = a;
    return t;
}

void fd_table_get(struct fd_table *t)
{
    ref_get(&t->refs);
}

static void close_file(struct fd_table *t, struct file *f)
{
    if (f->ops->flush)
        f->ops->flush(f);
    locks_release_posix(f, t);
    file_put(f);
}

void fd_table_put(struct fd_table *t)
{
    struct fd_array *a = t->array;

    if (!ref_put(&t->refs))
        return;
    for (unsigned i = 0; i < a->max; i++)
        if (a->files[i])
            close_file(t, a->files[i]);
    kfree(a);
    slab_free(&table_cache, t);
}

int fd_unshare(void)
{
    struct process *p = current_process();
    struct fd_table *own, *old = p->files;
    unsigned long flags;

    if (ref_is_one(&old->refs))
        return 0;
    own = fd_table_copy(old);
    if (!own)
        return -ENOMEM;
    spin_lock(&tasks_lock);
    p->files = own;
    spin_unlock(&tasks_lock);
    flags = spin_lock_irqsave(&p->sighand->lock);
    p->files_users = p->nr_threads;
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    fd_table_put(old);
    return 0;
}

static struct fd_table *current_table(void)
{
    return current_process()->files;
}

/* Only for tables that other threads may be changing. */
struct file *fd_get_shared(struct fd_table *t, unsigned fd)
{
    struct file *f;

    rcu_read_lock();
    for (;;) {
        struct fd_array *a = atomic_load_acquire(&t->array);

        f = fd < a->max ? READ_ONCE(a->files[fd]) : NULL;
        if (!f || (ref_get_unless_zero(&f->refs) && READ_ONCE(a->files[fd]) == f))
            break;
    }
    rcu_read_unlock();
    return f;
}

struct file *fd_get_path(int fd)
{
    struct process *p = current_process();
    struct fd_array *a = p->files->array;
    struct file *f;

    if (unlikely(p->files_users > 1))
        return fd_get_shared(p->files, fd);
    if (unlikely((unsigned)fd >= a->max))
        return NULL;
    f = a->files[fd];
    if (likely(f))
        file_get(f);
    return f;
}

struct file *fd_get(int fd)
{
    struct file *f = fd_get_path(fd);

    if (unlikely(f && (f->fmode & FMODE_PATH))) {
        file_put(f);
        return NULL;
    }
    return f;
}

/* Lowest free number >= min, growing as the limit allows; the lock is held and may be dropped meanwhile. */
static int find_free_locked(struct fd_table *t, unsigned min)
{
    uint64_t limit = rlimit_cur(RLIMIT_NOFILE);
    unsigned fd;

again:
    fd = MAX(min, t->next);
    while (fd < t->array->max) {
        uint64_t free = ~t->array->open[fd / 64] >> (fd % 64);

        if (free) {
            fd += __builtin_ctzll(free);
            break;
        }
        fd = (fd / 64 + 1) * 64;
    }
    if (fd >= limit)
        return -EMFILE;
    if (fd < t->array->max)
        return fd;

    struct fd_array *old = t->array, *a;
    unsigned max = old->max;

    while (max <= fd)
        max *= 2;
    spin_unlock(&t->lock);
    a = array_new(max);
    spin_lock(&t->lock);
    if (!a)
        return -ENOMEM;
    if (t->array != old) {
        kfree(a);
        goto again;
    }
    memcpy(a->files, old->files, old->max * sizeof(old->files[0]));
    memcpy(a->open, old->open, old->max / 8);
    memcpy(a->cloexec, old->cloexec, old->max / 8);
    atomic_store_release(&t->array, a);
    rcu_defer(&old->rcu, array_free);
    return fd;
}

static void install_locked(struct fd_table *t, int fd, struct file *f, int flags)
{
    bit_set(t->array->open, fd, true);
    bit_set(t->array->cloexec, fd, flags & O_CLOEXEC);
    atomic_store_release(&t->array->files[fd], f);
}

int fd_install(struct file *f, int min, int flags)
{
    struct fd_table *t = current_table();
    int fd;

    spin_lock(&t->lock);
    fd = find_free_locked(t, min);
    if (fd >= 0) {
        install_locked(t, fd, f, flags);
        if ((unsigned)min <= t->next)
            t->next = fd + 1;
    }
    spin_unlock(&t->lock);
    return fd;
}

int fd_install_new(struct file *f, int flags)
{
    int fd;

    if (!f)
        return -ENOMEM;
    fd = fd_install(f, 0, flags);
    if (fd < 0)
        file_put(f);
    return fd;
}

int fd_has_room(void)
{
    struct fd_table *t = current_table();
    int fd;

    spin_lock(&t->lock);
    fd = find_free_locked(t, 0);
    spin_unlock(&t->lock);
    return MIN(fd, 0);
}

unsigned fd_table_size(void)
{
    return READ_ONCE(current_table()->array)->max;
}

/* Takes fd out of the table; the caller closes the returned file. */
static struct file *take_locked(struct fd_table *t, unsigned fd)
{
    struct file *f = fd < t->array->max ? t->array->files[fd] : NULL;

    if (!f)
        return NULL;
    t->array->files[fd] = NULL;
    bit_set(t->array->open, fd, false);
    bit_set(t->array->cloexec, fd, false);
    if (fd < t->next)
        t->next = fd;
    return f;
}

int fd_install_at(struct file *f, int fd, int flags)
{
    struct fd_table *t = current_table();
    struct file *old;
    int err;

    if ((unsigned)fd >= rlimit_cur(RLIMIT_NOFILE))
        return -EBADF;
    spin_lock(&t->lock);
    if ((unsigned)fd >= t->array->max) {
        err = find_free_locked(t, fd); /* grows the array to hold fd */
        if (err < 0) {
            spin_unlock(&t->lock);
            return err;
        }
    }
    old = take_locked(t, fd);
    install_locked(t, fd, f, flags);
    spin_unlock(&t->lock);
    if (old)
        close_file(t, old);
    return fd;
}

int fd_close(int fd)
{
    struct fd_table *t = current_table();
    struct file *f;

    spin_lock(&t->lock);
    f = take_locked(t, fd);
    spin_unlock(&t->lock);
    if (!f)
        return -EBADF;
    close_file(t, f);
    return 0;
}

int fd_set_cloexec(int fd, bool on)
{
    struct fd_table *t = current_table();
    int err = -EBADF;

    spin_lock(&t->lock);
    if ((unsigned)fd < t->array->max && t->array->files[fd]) {
        bit_set(t->array->cloexec, fd, on);
        err = 0;
    }
    spin_unlock(&t->lock);
    return err;
}

int fd_get_cloexec(int fd)
{
    struct fd_table *t = current_table();
    int on = -EBADF;

    spin_lock(&t->lock);
    if ((unsigned)fd < t->array->max && t->array->files[fd])
        on = bit_test(t->array->cloexec, fd);
    spin_unlock(&t->lock);
    return on;
}

void fd_close_on_exec(void)
{
    struct fd_table *t = current_table();

    for (unsigned i = 0; i < t->array->max; i++)
        if (bit_test(t->array->cloexec, i))
            fd_close(i);
}

int fd_next(struct fd_table *t, int fd)
{
    int found = -1;

    spin_lock(&t->lock);
    for (unsigned i = fd; i < t->array->max; i++) {
        if (t->array->files[i]) {
            found = i;
            break;
        }
    }
    spin_unlock(&t->lock);
    return found;
}

struct file *fd_table_file(struct fd_table *t, int fd)
{
    return fd_get_shared(t, fd);
}

bool fd_table_cloexec(struct fd_table *t, int fd)
{
    bool on;

    spin_lock(&t->lock);
    on = (unsigned)fd < t->array->max && bit_test(t->array->cloexec, fd);
    spin_unlock(&t->lock);
    return on;
}

/* ---- path arguments ---- */

static struct slab_cache name_cache = { .name = "name", .size = PATH_MAX, .align = 16 };

char *getname(const char __user *name)
{
    char *buf = slab_alloc(&name_cache);
    ssize_t n;

    if (!buf)
        return ERR_PTR(-ENOMEM);
    n = strncpy_from_user(buf, name, PATH_MAX);
    if (n < 0) {
        slab_free(&name_cache, buf);
        return ERR_PTR(n);
    }
    return buf;
}

void putname(char *name)
{
    slab_free(&name_cache, name);
}

int at_base(int dirfd, const char *name, struct path *p, const struct path **base)
{
    struct file *f;

    *base = NULL;
    if (name[0] == '/' || dirfd == AT_FDCWD)
        return 0;
    f = fd_get_path(dirfd);
    if (!f)
        return -EBADF;
    if (!f->path.dentry) { /* a pipe, a socket: has no place in the tree */
        file_put(f);
        return name[0] ? -ENOTDIR : -EINVAL;
    }
    *p = f->path;
    path_get(p);
    file_put(f);
    *base = p;
    return 0;
}

void at_put(const struct path *base)
{
    if (base)
        path_put(base);
}

int at_lookup_name(int dirfd, const char *name, int at_flags, struct path *found)
{
    const struct path *base;
    struct path p;
    int err = at_base(dirfd, name, &p, &base);

    if (err)
        return err;
    err = path_lookup(base, name,
                      (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
                          (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
                      found);
    at_put(base);
    return err;
}

int at_lookup(int dirfd, const char __user *uname, int at_flags, struct path *found)
{
    char *name = getname(uname);
    int err;

    if (IS_ERR(name))
        return PTR_ERR(name);
    err = at_lookup_name(dirfd, name, at_flags, found);
    putname(name);
    return err;
}
