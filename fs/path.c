/* SPDX-License-Identifier: BSD-2-Clause */
/* path.c: path walking (see walk.h), and the way back: the name of a path. */
#include "fs/walk.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define MAX_LINKS 40

void path_get(const struct path *p)
{
    if (!p->dentry)
        return;
    mount_get(p->mnt);
    dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
    if (!p->dentry)
        return;
    dentry_put(p->dentry);
    mount_put(p->mnt);
}

struct inode *path_inode(const struct path *p)
{
    return p->dentry->inode;
}

/* ---- where a walk stands ---- */

static void read_root(const struct walk *w, struct path *p, bool hold)
{
    struct fs_context *fs = fs_current();

    if (w->resolve & RESOLVE_IN_ROOT) {
        *p = *w->base;
        if (hold)
            path_get(p);
        return;
    }
    spin_lock(&fs->lock);
    *p = fs->root;
    if (hold)
        path_get(p);
    spin_unlock(&fs->lock);
}

static int set_start(struct walk *w)
{
    struct fs_context *fs;

    if (w->name[0] == '/') {
        if (w->resolve & RESOLVE_BENEATH)
            return -EXDEV;
        read_root(w, &w->at, w->held);
        return 0;
    }
    if (w->base) {
        w->at = *w->base;
        if (w->held)
            path_get(&w->at);
        return S_ISDIR(w->at.dentry->inode->mode) ? 0 : -ENOTDIR;
    }
    fs = fs_current();
    spin_lock(&fs->lock);
    w->at = fs->cwd;
    if (w->held)
        path_get(&w->at);
    spin_unlock(&fs->lock);
    return 0;
}

int walk_begin(struct walk *w, const struct path *base, const char *name, unsigned resolve, bool held)
{
    w->at.dentry = NULL;
    w->rest = w->name = name;
    w->held = held;
    w->links = 0;
    w->resolve = resolve;
    w->base = base;
    w->cred = fs_cred();
    w->buf = NULL;
    if (!name[0])
        return -ENOENT;
    w->seq = atomic_load_acquire(&dcache_seq);
    if (w->seq & 1)
        w->held = true;
    if (!w->held)
        rcu_read_lock();
    return set_start(w);
}

void walk_end(struct walk *w)
{
    if (w->held)
        path_put(&w->at);
    else
        rcu_read_unlock();
    if (unlikely(w->buf))
        kfree(w->buf);
}

static bool still_valid(const struct walk *w)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return atomic_load(&dcache_seq) == w->seq;
}

int walk_hold(struct walk *w)
{
    if (w->held)
        return 0;
    if (!ref_get_unless_zero(&w->at.mnt->refs))
        return -ECHILD;
    if (!ref_get_unless_zero(&w->at.dentry->refs)) {
        mount_put(w->at.mnt);
        return -ECHILD;
    }
    if (!still_valid(w)) {
        path_put(&w->at);
        return -ECHILD;
    }
    w->held = true;
    rcu_read_unlock();
    return 0;
}

int go_slow(struct walk *w)
{
    return w->resolve & RESOLVE_CACHED ? -EAGAIN : walk_hold(w);
}

/* The walk stands on (m, d) from now on; when held, the references come with them. */
static void move_to(struct walk *w, struct mount *m, struct dentry *d)
{
    if (w->held)
        path_put(&w->at);
    w->at.mnt = m;
    w->at.dentry = d;
}

/* ---- one component ---- */

static int search_permission(struct walk *w)
{
    struct inode *i = w->at.dentry->inode;
    int err;

    if (likely((i->mode & 0111) == 0111 && !i->ops->permission))
        return 0;
    if (i->ops->permission) {
        err = walk_hold(w);
        if (err)
            return err;
    }
    return inode_permission(w->at.dentry->inode, MAY_EXEC, w->cred);
}

void follow_mounts_held(struct mount **mnt, struct dentry **d)
{
    while (unlikely((*d)->flags & DENTRY_MOUNTED)) {
        struct path old = { *mnt, *d };
        struct mount *m;

        rcu_read_lock();
        m = mount_at(*mnt, *d);
        if (m && !ref_get_unless_zero(&m->refs))
            m = NULL;
        rcu_read_unlock();
        if (!m)
            return;
        dentry_get(m->root);
        *mnt = m;
        *d = m->root;
        path_put(&old);
    }
}

static int step_up(struct walk *w)
{
    struct mount *m = w->at.mnt;
    struct dentry *d = w->at.dentry;
    struct path root;

    for (;;) {
        read_root(w, &root, false);
        if (d == root.dentry && m == root.mnt)
            break;
        if (w->base && (w->resolve & RESOLVE_BENEATH) && d == w->base->dentry && m == w->base->mnt)
            return -EXDEV;
        if (d != m->root) {
            d = READ_ONCE(d->parent);
            break;
        }
        if (!m->parent)
            break;
        if (w->resolve & RESOLVE_NO_XDEV)
            return -EXDEV;
        d = m->at;
        m = m->parent;
    }
    if (w->held) {
        mount_get(m);
        rcu_read_lock();
        while (!ref_get_unless_zero(&d->refs)) /* a rename moved us away; the old parent died */
            d = READ_ONCE(w->at.dentry->parent);
        rcu_read_unlock();
        follow_mounts_held(&m, &d);
    } else {
        struct mount *on;

        while ((d->flags & DENTRY_MOUNTED) && (on = mount_at(m, d))) {
            m = on;
            d = on->root;
        }
    }
    move_to(w, m, d);
    return 0;
}

/* The cached name without references: 1 done (d, m set), 0: not so simple. */
static inline int step_fast(struct walk *w, struct mount **m, struct dentry **out)
{
    struct dentry *d = dcache_peek(w->at.dentry, w->last, w->last_len, w->last_hash);

    if (unlikely(!d || (d->flags & DENTRY_REVALIDATE)))
        return 0;
    *m = w->at.mnt;
    while (unlikely(d->flags & DENTRY_MOUNTED)) {
        struct mount *on = mount_at(*m, d);

        if (!on)
            break;
        *m = on;
        d = on->root;
    }
    *out = d;
    return 1;
}

int walk_step(struct walk *w, bool follow)
{
    struct mount *m;
    struct dentry *d;
    struct inode *i;
    int err;

    if (unlikely(w->type != LAST_NORM))
        return w->type == LAST_DOTDOT ? step_up(w) : 0;
    if (w->held || !step_fast(w, &m, &d)) {
        err = go_slow(w);
        if (!err)
            err = lookup_dentry(w->at.dentry, w->last, w->last_len, w->last_hash, &d);
        if (err)
            return err;
        m = w->at.mnt;
        mount_get(m);
        follow_mounts_held(&m, &d);
    }
    i = atomic_load_acquire(&d->inode);
    err = 0;
    if (!i)
        err = !w->held && !still_valid(w) ? -ECHILD : -ENOENT;
    else if (m != w->at.mnt && (w->resolve & RESOLVE_NO_XDEV))
        err = -EXDEV;
    else if (S_ISLNK(i->mode) && follow)
        return walk_link(w, d, m);
    if (err) {
        if (w->held) {
            dentry_put(d);
            mount_put(m);
        }
        return err;
    }
    move_to(w, m, d);
    return 0;
}

/* ---- symbolic links ---- */

/* The target and what is left of the name become the new rest. */
static int splice_target(struct walk *w, const char *target, size_t len)
{
    size_t rest = strlen(w->rest);
    char *buf = kmalloc(len + 1 + rest + 1), *p = buf;

    if (!buf)
        return -ENOMEM;
    memcpy(p, target, len);
    p += len;
    if (w->slash)
        *p++ = '/';
    memcpy(p, w->rest, rest + 1);
    kfree(w->buf);
    w->rest = w->buf = buf;
    return 0;
}

static int go_to_root(struct walk *w)
{
    struct path root;

    if (w->resolve & RESOLVE_BENEATH)
        return -EXDEV;
    read_root(w, &root, w->held);
    if ((w->resolve & RESOLVE_NO_XDEV) && root.mnt != w->at.mnt) {
        if (w->held)
            path_put(&root);
        return -EXDEV;
    }
    move_to(w, root.mnt, root.dentry);
    return 0;
}

static int follow_text(struct walk *w, const char *target, size_t len)
{
    int err;

    if (!len)
        return -ENOENT;
    err = splice_target(w, target, len);
    if (!err && w->rest[0] == '/')
        err = go_to_root(w);
    return err ? err : 1;
}

/* A link whose target must be asked for; d is referenced. */
static int follow_held(struct walk *w, struct dentry *d)
{
    struct inode *i = d->inode;
    struct path to;
    ssize_t n;
    char *buf;
    int err;

    if (i->ops->follow) {
        if (w->resolve & RESOLVE_NO_MAGICLINKS)
            return -ELOOP;
        if (w->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
            return -EXDEV;
        err = i->ops->follow(i, &to);
        if (err)
            return err;
        if ((w->resolve & RESOLVE_NO_XDEV) && to.mnt != w->at.mnt) {
            path_put(&to);
            return -EXDEV;
        }
        move_to(w, to.mnt, to.dentry);
        return 1;
    }
    buf = kmalloc(PATH_MAX);
    if (!buf)
        return -ENOMEM;
    n = i->ops->readlink ? i->ops->readlink(i, buf, PATH_MAX - 1) : -EINVAL;
    err = n < 0 ? n : follow_text(w, buf, n);
    kfree(buf);
    return err;
}

/* d and m carry references when the walk is held. */
int walk_link(struct walk *w, struct dentry *d, struct mount *m)
{
    char *text = atomic_load_acquire(&d->inode->link);
    int err = 0;

    if (++w->links > MAX_LINKS || (w->resolve & RESOLVE_NO_SYMLINKS)) {
        err = -ELOOP;
    } else if (text && !d->inode->ops->follow) {
        err = follow_text(w, text, strlen(text));
    } else if (!w->held) {
        if (!ref_get_unless_zero(&d->refs))
            return -ECHILD;
        err = go_slow(w);
        if (!err)
            err = follow_held(w, d);
        if (!w->held)
            rcu_read_unlock();
        dentry_put(d);
        if (!w->held)
            rcu_read_lock();
        return err;
    } else {
        err = follow_held(w, d);
    }
    if (w->held) {
        dentry_put(d);
        mount_put(m);
    }
    return err;
}

/* ---- whole names ---- */

/* Cuts the next component off rest. false: there is none. */
static inline bool next_component(struct walk *w)
{
    const char *s = w->rest;
    uint32_t h = NAME_HASH_START;
    char c;

    while (*s == '/')
        s++;
    w->last = s;
    for (; (c = *s) && c != '/'; s++)
        h = name_hash_step(h, c);
    w->last_len = s - w->last;
    w->last_hash = h;
    w->slash = *s == '/';
    while (*s == '/')
        s++;
    w->rest = s;
    w->type = LAST_NORM;
    if (w->last[0] == '.') {
        if (w->last_len == 1)
            w->type = LAST_DOT;
        else if (w->last_len == 2 && w->last[1] == '.')
            w->type = LAST_DOTDOT;
    }
    return w->last_len;
}

int walk_to_last(struct walk *w)
{
    int err;

    for (;;) {
        if (!next_component(w)) {
            w->type = LAST_NONE;
            return 0;
        }
        err = search_permission(w);
        if (unlikely(err))
            return err;
        if (unlikely(w->at.dentry == later_root)) {
            err = later_step(w);
            if (err)
                return err;
        }
        if (!*w->rest)
            return 0;
        err = walk_step(w, true);
        if (unlikely(err < 0))
            return err;
        if (unlikely(!S_ISDIR(w->at.dentry->inode->mode)))
            return -ENOTDIR;
    }
}

static int try_all(struct walk *w, unsigned flags)
{
    bool dir = flags & LOOKUP_DIRECTORY;
    int err;

    for (;;) {
        err = walk_to_last(w);
        if (err || w->type == LAST_NONE)
            break;
        err = walk_step(w, (flags & LOOKUP_FOLLOW) || w->slash);
        dir |= w->slash;
        if (err != 1)
            break;
        /* A magic link leaves no text behind: the walk stands on its object. */
        if (!*w->rest)
            break;
    }
    if (err > 0)
        err = 0;
    if (!err)
        err = walk_hold(w);
    if (!err && dir && !S_ISDIR(w->at.dentry->inode->mode))
        err = -ENOTDIR;
    return err;
}

int walk_all(struct walk *w, const struct path *base, const char *name, unsigned resolve, unsigned flags)
{
    int err = walk_begin(w, base, name, resolve, false);

    if (!err)
        err = try_all(w, flags);
    if (unlikely(err == -ECHILD)) {
        walk_end(w);
        err = walk_begin(w, base, name, resolve, true);
        if (!err)
            err = try_all(w, flags);
    }
    if (err)
        walk_end(w);
    return err;
}

/* Where a walk starts, without references. */
static inline void fast_start(const struct path *base, char first, struct path *at)
{
    struct fs_context *fs;

    if (base && first != '/') {
        *at = *base;
        return;
    }
    fs = fs_current();
    spin_lock(&fs->lock);
    *at = first == '/' ? fs->root : fs->cwd;
    spin_unlock(&fs->lock);
}

bool walk_fast(const struct path *base, const char *name, struct path *out)
{
    uint32_t seq = atomic_load_acquire(&dcache_seq);
    const char *s = name;
    struct path at;

    if (unlikely((seq & 1) || !*s))
        return false;
    rcu_read_lock();
    fast_start(base, *s, &at);
    while (*s == '/')
        s++;
    while (*s) {
        const char *start = s;
        uint32_t h = NAME_HASH_START;
        struct inode *i = at.dentry->inode;
        struct dentry *d;
        char c;

        if (unlikely((i->mode & (S_IFMT | 0111)) != (S_IFDIR | 0111) || i->ops->permission || *s == '.'))
            return false;
        while ((c = *s) && c != '/') {
            h = name_hash_step(h, c);
            s++;
        }
        d = dcache_peek(at.dentry, start, s - start, h);
        if (unlikely(!d || (d->flags & (DENTRY_REVALIDATE | DENTRY_MOUNTED))))
            return false;
        i = atomic_load_acquire(&d->inode);
        if (unlikely(!i || S_ISLNK(i->mode)))
            return false;
        at.dentry = d;
        if (likely(!c))
            break;
        if (*++s == 0 || *s == '/') /* slashes at the end, or double */
            return false;
    }
    if (unlikely(!ref_get_unless_zero(&at.mnt->refs)))
        return false;
    if (unlikely(!ref_get_unless_zero(&at.dentry->refs))) {
        mount_put(at.mnt);
        return false;
    }
    rcu_read_unlock();
    *out = at;
    if (likely(atomic_load_acquire(&dcache_seq) == seq))
        return true;
    path_put(&at);
    return false;
}

int walk_parent(struct walk *w, const struct path *base, const char *name)
{
    int err = walk_begin(w, base, name, 0, false);

    if (!err)
        err = walk_to_last(w);
    if (!err)
        err = walk_hold(w);
    if (unlikely(err == -ECHILD)) {
        walk_end(w);
        err = walk_begin(w, base, name, 0, true);
        if (!err)
            err = walk_to_last(w);
    }
    if (err)
        walk_end(w);
    return err;
}

int path_lookup(const struct path *base, const char *name, unsigned flags, struct path *out)
{
    struct walk w;
    int err;

    if (!name[0] && (flags & LOOKUP_EMPTY)) {
        struct fs_context *fs = fs_current();

        if (base) {
            *out = *base;
            path_get(out);
        } else {
            spin_lock(&fs->lock);
            *out = fs->cwd;
            path_get(out);
            spin_unlock(&fs->lock);
        }
        return 0;
    }
    if (likely(!(flags & (LOOKUP_DIRECTORY | LOOKUP_NEW))) && walk_fast(base, name, out))
        return 0;
    err = walk_all(&w, base, name, 0, flags);
    if (err)
        return err;
    *out = w.at;
    if (unlikely(w.buf))
        kfree(w.buf);
    return 0;
}

/* ---- names of the slow way ---- */

int lookup_locked(struct dentry *dir, const char *name, unsigned len, uint32_t hash, struct dentry **out)
{
    struct inode *i = dir->inode, *found = NULL;
    struct dentry *d = dcache_find(dir, name, len, hash);
    int err;

    if (d && unlikely(d->flags & DENTRY_REVALIDATE) && !i->ops->revalidate(i, d)) {
        dcache_forget(d);
        dentry_put(d);
        d = NULL;
    }
    if (d) {
        *out = d;
        return 0;
    }
    if (!i->ops->lookup)
        return -ENOTDIR;
    if (i->flags & INODE_DEAD)
        return -ENOENT;
    err = len > NAME_MAX ? -ENAMETOOLONG : i->ops->lookup(i, name, len, &found);
    if (err && err != -ENOENT)
        return err;
    d = dcache_add(dir, name, len, hash, err ? NULL : found);
    if (!d)
        return -ENOMEM;
    *out = d;
    return 0;
}

int lookup_dentry(struct dentry *dir, const char *name, unsigned len, uint32_t hash, struct dentry **out)
{
    struct inode *i = dir->inode;
    struct dentry *d = dcache_find(dir, name, len, hash);
    int err;

    if (d && likely(!(d->flags & DENTRY_REVALIDATE))) {
        *out = d;
        return 0;
    }
    if (d)
        dentry_put(d);
    rw_write_lock(&i->rwsem);
    err = lookup_locked(dir, name, len, hash, out);
    rw_write_unlock(&i->rwsem);
    return err;
}

/* ---- the way back ---- */

static char *prepend(char *buf, char *p, const char *s, size_t len)
{
    if (!p || (size_t)(p - buf) < len)
        return NULL;
    memcpy(p - len, s, len);
    return p - len;
}

bool path_deleted(const struct path *p)
{
    return p->dentry->flags & DENTRY_DELETED;
}

char *path_name(const struct path *path, char *buf, size_t size)
{
    const struct mount *m = path->mnt;
    const struct dentry *d = path->dentry;
    char *p = buf + size, *end;
    struct path root;

    if (!size)
        return ERR_PTR(-ENAMETOOLONG);
    read_root(&(struct walk){ 0 }, &root, false);
    *--p = 0;
    spin_lock(&dcache_lock); /* names stay while we copy */
    if (d->flags & DENTRY_DELETED)
        p = prepend(buf, p, " (deleted)", 10);
    end = p;
    while (d != root.dentry || m != root.mnt) {
        if (d == m->root) {
            if (!m->parent)
                break;
            d = m->at;
            m = m->parent;
            continue;
        }
        if (d == d->parent)
            break;
        p = prepend(buf, p, d->name, d->name_len);
        p = prepend(buf, p, "/", 1);
        d = d->parent;
    }
    if (p && p == end)
        p = prepend(buf, p, "/", 1);
    spin_unlock(&dcache_lock);
    return p ? p : ERR_PTR(-ENAMETOOLONG);
}
