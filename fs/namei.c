/* SPDX-License-Identifier: BSD-2-Clause */
/* namei.c: making, removing and renaming names. */
#include "fs/walk.h"
#include "kernel/slab.h"
#include "lib/string.h"

struct mutex rename_mutex = MUTEX_INIT(
    rename_mutex, RANK_FS_RENAME); /* directories move one at a time, so that no cycle can come to be */

int may_change_dir(struct inode *dir)
{
    if (dir->flags & INODE_DEAD)
        return -ENOENT;
    return inode_permission(dir, MAY_WRITE | MAY_EXEC, fs_cred());
}

int may_remove(struct inode *dir, struct inode *victim)
{
    const struct cred *c = fs_cred();

    if ((dir->mode & S_ISVTX) && c->fsuid != victim->uid && c->fsuid != dir->uid && !fs_capable(CAP_FOWNER))
        return -EPERM;
    if ((dir->flags & INODE_APPEND) || (victim->flags & (INODE_APPEND | INODE_IMMUTABLE)))
        return -EPERM;
    return 0;
}

static int last_error(const struct walk *w, int dot, int dotdot, int none)
{
    return w->type == LAST_DOT ? dot : w->type == LAST_DOTDOT ? dotdot : w->type == LAST_NONE ? none : 0;
}

/* ---- making ---- */

struct creation {
    struct walk w;
    struct dentry *d; /* negative, referenced */
    struct inode *dir;
};

/* Finds the place for a new name and locks its directory. dir_ok: slashes may follow. */
static int create_begin(struct creation *c, const struct path *base, const char *name, bool dir_ok)
{
    struct walk *w = &c->w;
    int err = walk_parent(w, base, name);

    if (err)
        return err;
    err = last_error(w, -EEXIST, -EEXIST, -EEXIST);
    if (err)
        goto end;
    c->dir = w->at.dentry->inode;
    rw_write_lock(&c->dir->rwsem);
    err = lookup_locked(w->at.dentry, w->last, w->last_len, w->last_hash, &c->d);
    if (err)
        goto unlock;
    if (c->d->inode)
        err = -EEXIST;
    else if (w->slash && !dir_ok)
        err = -ENOENT;
    else if (path_readonly(&w->at))
        err = -EROFS;
    else
        err = may_change_dir(c->dir);
    if (!err)
        return 0;
    dentry_put(c->d);
unlock:
    rw_write_unlock(&c->dir->rwsem);
end:
    walk_end(w);
    return err;
}

static void create_end(struct creation *c)
{
    rw_write_unlock(&c->dir->rwsem);
    dentry_put(c->d);
    walk_end(&c->w);
}

static mode_t apply_umask(mode_t mode)
{
    return mode & ~fs_current()->umask;
}

int vfs_mknod(const struct path *base, const char *name, mode_t mode, dev_t rdev)
{
    struct creation c;
    struct inode *i;
    int err = create_begin(&c, base, name, false);

    if (err)
        return err;
    err = -EPERM;
    if (c.dir->ops->create &&
        (!(S_ISCHR(mode) || S_ISBLK(mode)) || !rdev /* a whiteout */ || fs_capable(CAP_MKNOD)))
        err = c.dir->ops->create(c.dir, c.d->name, c.d->name_len, apply_umask(mode), rdev, &i);
    if (!err) {
        dentry_instantiate(c.d, i);
        fs_notify(c.dir, IN_CREATE, c.d->name);
    }
    create_end(&c);
    return err;
}

int vfs_mkdir(const struct path *base, const char *name, mode_t mode)
{
    struct creation c;
    struct inode *i;
    int err = create_begin(&c, base, name, true);

    if (err)
        return err;
    err = -EPERM;
    if (c.dir->ops->mkdir)
        err = c.dir->ops->mkdir(c.dir, c.d->name, c.d->name_len, apply_umask((mode & 01777) | S_IFDIR), &i);
    if (!err) {
        dentry_instantiate(c.d, i);
        fs_notify(c.dir, IN_CREATE | IN_ISDIR, c.d->name);
    }
    create_end(&c);
    return err;
}

int vfs_symlink(const char *target, const struct path *base, const char *name)
{
    struct creation c;
    struct inode *i;
    int err = target[0] ? create_begin(&c, base, name, false) : -ENOENT;

    if (err)
        return err;
    err = -EPERM;
    if (c.dir->ops->symlink)
        err = c.dir->ops->symlink(c.dir, c.d->name, c.d->name_len, target, &i);
    if (!err) {
        dentry_instantiate(c.d, i);
        fs_notify(c.dir, IN_CREATE, c.d->name);
    }
    create_end(&c);
    return err;
}

static int link_at(struct creation *c, const struct path *from)
{
    struct inode *i = from->dentry->inode;
    int err;

    if (from->mnt != c->w.at.mnt)
        return -EXDEV;
    if (i->flags & (INODE_APPEND | INODE_IMMUTABLE))
        return -EPERM;
    if (!c->dir->ops->link || S_ISDIR(i->mode))
        return -EPERM;
    rw_write_lock(&i->rwsem);
    err = i->nlink || (i->flags & INODE_LINKABLE) ? c->dir->ops->link(i, c->dir, c->d->name, c->d->name_len)
                                                  : -ENOENT;
    rw_write_unlock(&i->rwsem);
    if (err)
        return err;
    inode_get(i);
    dentry_instantiate(c->d, i);
    fs_notify(i, IN_ATTRIB, NULL);
    fs_notify(c->dir, IN_CREATE, c->d->name);
    return 0;
}

int vfs_link(const struct path *obase, const char *oname, const struct path *nbase, const char *nname,
             int at_flags)
{
    unsigned flags =
        (at_flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    struct creation c;
    struct path from;
    int err = path_lookup(obase, oname, flags, &from);

    if (err)
        return err;
    err = create_begin(&c, nbase, nname, false);
    if (!err) {
        err = link_at(&c, &from);
        create_end(&c);
    }
    path_put(&from);
    return err;
}

/* ---- removing ---- */

static int remove_locked(struct walk *w, struct dentry *d, bool want_dir)
{
    struct inode *dir = w->at.dentry->inode, *i = d->inode;
    int err;

    if (!i)
        return -ENOENT;
    if (!want_dir && w->slash)
        return S_ISDIR(i->mode) ? -EISDIR : -ENOTDIR;
    if (path_readonly(&w->at))
        return -EROFS;
    err = may_change_dir(dir);
    if (!err)
        err = may_remove(dir, i);
    if (err)
        return err;
    if (want_dir != !!S_ISDIR(i->mode))
        return want_dir ? -ENOTDIR : -EISDIR;
    if (d->flags & DENTRY_MOUNTED)
        return -EBUSY;
    rw_write_lock(&i->rwsem);
    if (want_dir)
        err = dir->ops->rmdir ? dir->ops->rmdir(dir, d->name, d->name_len, i) : -EPERM;
    else
        err = dir->ops->unlink ? dir->ops->unlink(dir, d->name, d->name_len, i) : -EPERM;
    if (!err && want_dir)
        i->flags |= INODE_DEAD;
    rw_write_unlock(&i->rwsem);
    return err;
}

static int remove_name(const struct path *base, const char *name, bool want_dir)
{
    struct walk w;
    struct inode *dir;
    struct dentry *d = NULL;
    int err = walk_parent(&w, base, name);

    if (err)
        return err;
    err = want_dir ? last_error(&w, -EINVAL, -ENOTEMPTY, -EBUSY) : last_error(&w, -EISDIR, -EISDIR, -EISDIR);
    if (err)
        goto end;
    dir = w.at.dentry->inode;
    rw_write_lock(&dir->rwsem);
    err = lookup_locked(w.at.dentry, w.last, w.last_len, w.last_hash, &d);
    if (!err) {
        err = remove_locked(&w, d, want_dir);
        if (!err)
            dcache_remove(d);
    }
    rw_write_unlock(&dir->rwsem);
    if (!err) {
        if (!want_dir)
            fs_notify(d->inode, IN_ATTRIB, NULL);
        fs_notify(dir, IN_DELETE | (want_dir ? IN_ISDIR : 0), d->name);
    }
    if (d)
        dentry_put(d);
end:
    walk_end(&w);
    return err;
}

int vfs_unlink(const struct path *base, const char *name)
{
    return remove_name(base, name, false);
}

int vfs_rmdir(const struct path *base, const char *name)
{
    return remove_name(base, name, true);
}

/* ---- renaming ---- */

struct renaming {
    struct walk from, to;
    struct dentry *od, *nd;
    struct dentry *trap; /* an ancestor of the other side: must be neither moved nor replaced */
};

/* The child of a that leads down to b, or NULL when a is no ancestor of b. */
static struct dentry *child_towards(struct dentry *a, struct dentry *b)
{
    for (; b->parent != b; b = b->parent)
        if (b->parent == a)
            return b;
    return NULL;
}

static void lock_parents(struct renaming *r)
{
    struct dentry *a = r->from.at.dentry, *b = r->to.at.dentry;

    r->trap = NULL;
    if (a == b) {
        rw_write_lock(&a->inode->rwsem);
        return;
    }
    mutex_lock(&rename_mutex);
    r->trap = child_towards(a, b);
    if (!r->trap && (r->trap = child_towards(b, a))) {
        rw_write_lock(&b->inode->rwsem);
        rw_write_lock(&a->inode->rwsem);
        return;
    }
    if (!r->trap && b < a) {
        rw_write_lock(&b->inode->rwsem);
        rw_write_lock(&a->inode->rwsem);
        return;
    }
    rw_write_lock(&a->inode->rwsem);
    rw_write_lock(&b->inode->rwsem);
}

static void unlock_parents(struct renaming *r)
{
    struct dentry *a = r->from.at.dentry, *b = r->to.at.dentry;

    rw_write_unlock(&a->inode->rwsem);
    if (a == b)
        return;
    rw_write_unlock(&b->inode->rwsem);
    mutex_unlock(&rename_mutex);
}

static void lock_two(struct inode *a, struct inode *b)
{
    if (b && b < a) {
        struct inode *t = a;

        a = b;
        b = t;
    }
    rw_write_lock(&a->rwsem);
    if (b && b != a)
        rw_write_lock(&b->rwsem);
}

static void unlock_two(struct inode *a, struct inode *b)
{
    rw_write_unlock(&a->rwsem);
    if (b && b != a)
        rw_write_unlock(&b->rwsem);
}

static int rename_allowed(struct renaming *r, unsigned flags)
{
    struct inode *odir = r->from.at.dentry->inode, *ndir = r->to.at.dentry->inode;
    struct inode *i = r->od->inode, *t = r->nd->inode;
    bool exchange = flags & RENAME_EXCHANGE;
    int err;

    if (t && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!t && exchange)
        return -ENOENT;
    if (!S_ISDIR(i->mode) && (r->from.slash || (!exchange && r->to.slash)))
        return -ENOTDIR;
    if (exchange && !S_ISDIR(t->mode) && r->to.slash)
        return -ENOTDIR;
    if (r->od == r->trap)
        return -EINVAL;
    if (r->nd == r->trap)
        return exchange ? -EINVAL : -ENOTEMPTY;
    if (path_readonly(&r->from.at))
        return -EROFS;
    if (i == t)
        return 0;
    err = may_change_dir(odir);
    if (!err)
        err = may_remove(odir, i);
    if (!err)
        err = may_change_dir(ndir);
    if (!err && t)
        err = may_remove(ndir, t);
    if (err)
        return err;
    if (t && !exchange && S_ISDIR(i->mode) != S_ISDIR(t->mode))
        return S_ISDIR(i->mode) ? -ENOTDIR : -EISDIR;
    /* a directory's ".." changes: it must be writable */
    if (odir != ndir && S_ISDIR(i->mode))
        err = inode_permission(i, MAY_WRITE, fs_cred());
    if (!err && exchange && odir != ndir && S_ISDIR(t->mode))
        err = inode_permission(t, MAY_WRITE, fs_cred());
    if (!err && ((r->od->flags | r->nd->flags) & DENTRY_MOUNTED))
        err = -EBUSY;
    return err;
}

static void notify_renamed(struct renaming *r, struct inode *odir, const char *old_name, struct inode *ndir,
                           unsigned flags)
{
    struct inode *i = r->od->inode, *t = r->nd->inode;
    uint32_t dir = S_ISDIR(i->mode) ? IN_ISDIR : 0, cookie = fs_move_cookie();

    fs_notify_move(odir, IN_MOVED_FROM | dir, old_name, cookie);
    fs_notify_move(ndir, IN_MOVED_TO | dir, r->od->name, cookie);
    if (t && !(flags & RENAME_EXCHANGE))
        fs_notify(t, IN_ATTRIB, NULL);
    fs_notify(i, IN_MOVE_SELF, NULL);
    if (flags & RENAME_EXCHANGE) {
        dir = S_ISDIR(t->mode) ? IN_ISDIR : 0;
        cookie = fs_move_cookie();
        fs_notify_move(ndir, IN_MOVED_FROM | dir, r->od->name, cookie);
        fs_notify_move(odir, IN_MOVED_TO | dir, old_name, cookie);
        fs_notify(t, IN_MOVE_SELF, NULL);
    }
}

static int rename_locked(struct renaming *r, unsigned flags)
{
    struct inode *odir = r->from.at.dentry->inode, *ndir = r->to.at.dentry->inode;
    struct inode *i, *t;
    char *nname, *oname = NULL;
    int err;

    err = lookup_locked(r->from.at.dentry, r->from.last, r->from.last_len, r->from.last_hash, &r->od);
    if (err)
        return err;
    if (!r->od->inode)
        return -ENOENT;
    err = lookup_locked(r->to.at.dentry, r->to.last, r->to.last_len, r->to.last_hash, &r->nd);
    if (err)
        return err;
    err = rename_allowed(r, flags);
    i = r->od->inode;
    t = r->nd->inode;
    if (err || i == t) /* two links of one file: nothing happens */
        return err;
    if (!odir->ops->rename)
        return -EPERM;
    nname = dentry_name_copy(r->nd);
    oname = dentry_name_copy(r->od);
    if (!nname || !oname) {
        err = -ENOMEM;
        goto free;
    }
    lock_two(i, t);
    err = odir->ops->rename(odir, r->od->name, r->od->name_len, t, ndir, r->nd->name, r->nd->name_len, i,
                            flags);
    if (!err && t && S_ISDIR(t->mode) && !(flags & RENAME_EXCHANGE))
        t->flags |= INODE_DEAD;
    unlock_two(i, t);
    if (err)
        goto free;
    if (flags & RENAME_EXCHANGE) {
        char *b_name = nname, *a_name = dentry_name_copy(r->od);

        if (!a_name) { /* forget both: they are looked up again */
            dcache_forget(r->od);
            dcache_forget(r->nd);
            goto free;
        }
        dcache_exchange(r->od, r->nd, b_name, a_name);
    } else {
        dcache_move(r->od, r->nd, nname);
    }
    nname = NULL;
    notify_renamed(r, odir, oname, ndir, flags);
free:
    dentry_name_free(nname);
    dentry_name_free(oname);
    return err;
}

int vfs_rename(const struct path *obase, const char *oname, const struct path *nbase, const char *nname,
               unsigned flags)
{
    struct renaming r = { .od = NULL, .nd = NULL };
    int err = walk_parent(&r.from, obase, oname);

    if (err)
        return err;
    err = walk_parent(&r.to, nbase, nname);
    if (err)
        goto end_from;
    if (r.from.at.mnt != r.to.at.mnt)
        err = -EXDEV;
    else if (r.from.type != LAST_NORM)
        err = -EBUSY;
    else if (r.to.type != LAST_NORM)
        err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    else if (flags & RENAME_WHITEOUT)
        err = -EINVAL;
    if (!err) {
        lock_parents(&r);
        err = rename_locked(&r, flags);
        unlock_parents(&r);
    }
    if (r.od)
        dentry_put(r.od);
    if (r.nd)
        dentry_put(r.nd);
    walk_end(&r.to);
end_from:
    walk_end(&r.from);
    return err;
}
