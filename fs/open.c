/* SPDX-License-Identifier: BSD-2-Clause */
/* open.c: open(2): from a name to an open file. */
#include "fs/file.h"
#include "fs/walk.h"
#include "kernel/slab.h"

static const struct file_ops path_file_ops; /* O_PATH: no operation works */

int no_open(struct inode *i, struct file *f)
{
    return -ENXIO;
}

static int node_open(struct inode *i, struct file *f)
{
    if (i->ops->open)
        return i->ops->open(i, f);
    if (likely(i->fops))
        return 0;
    if (S_ISCHR(i->mode))
        return chrdev_open(i, f);
    if (S_ISFIFO(i->mode))
        return fifo_open(i, f);
    return -ENXIO;
}

static int may_open(const struct path *p, int flags, bool created)
{
    struct inode *i = p->dentry->inode;
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    int mask, err;

    if (S_ISLNK(i->mode))
        return -ELOOP;
    if (S_ISDIR(i->mode) && writes)
        return -EISDIR;
    if ((S_ISCHR(i->mode) || S_ISBLK(i->mode)) && (p->mnt->flags & MS_NODEV))
        return -EACCES;
    if (created)
        return 0;
    mask = (flags & O_ACCMODE) == O_RDONLY   ? MAY_READ
           : (flags & O_ACCMODE) == O_WRONLY ? MAY_WRITE
                                             : MAY_READ | MAY_WRITE;
    if (flags & O_TRUNC)
        mask |= MAY_WRITE;
    err = inode_permission(i, mask, fs_cred());
    if (err)
        return err;
    if (writes && path_readonly(p) && S_ISREG(i->mode))
        return -EROFS;
    if (unlikely(i->flags & INODE_APPEND) && writes && (!(flags & O_APPEND) || (flags & O_TRUNC)))
        return -EPERM;
    if ((flags & O_NOATIME) && fs_cred()->fsuid != i->uid && !fs_capable(CAP_FOWNER))
        return -EPERM;
    return 0;
}

int open_inode(const struct path *p, int flags, bool created, struct file **out)
{
    struct inode *i = p->dentry->inode;
    struct file *f;
    int err;

    if (unlikely(flags & O_PATH)) {
        f = file_alloc(flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!f)
            return -ENOMEM;
        f->fmode = FMODE_PATH;
        f->ops = &path_file_ops;
        f->inode = i;
        f->path = *p;
        *out = f;
        return 0;
    }
    if (unlikely(p->dentry == later_root))
        later_all();
    err = may_open(p, flags, created);
    if (unlikely(err))
        return err;
    if (unlikely((flags & O_TRUNC) && !S_ISREG(i->mode)))
        flags &= ~O_TRUNC;
    f = file_alloc(flags & ~(O_CREAT | O_EXCL | O_TRUNC)); /* O_NOCTTY: terminals look at it */
    if (unlikely(!f))
        return -ENOMEM;
    f->inode = i;
    f->ops = i->fops;
    f->path = *p;
    if (S_ISREG(i->mode) && (f->fmode & FMODE_WRITE)) {
        err = inode_get_write(i);
        if (unlikely(err))
            goto free_file;
    }
    err = node_open(i, f);
    if (!err && (flags & O_TRUNC) && !created) {
        err = vfs_truncate(i, 0);
        if (err && f->ops->release)
            f->ops->release(f);
        if (!err)
            file_notify(f, IN_MODIFY);
    }
    if (unlikely(err))
        goto put_write;
    f->flags &= ~O_NOCTTY;
    *out = f;
    if (unlikely(fs_watched))
        file_notify(f, IN_OPEN);
    return 0;
put_write:
    if (S_ISREG(i->mode) && (f->fmode & FMODE_WRITE))
        inode_put_write(i);
free_file:
    file_dealloc(f);
    return err;
}

int file_open_path(const struct path *p, int flags, struct file **out)
{
    int err;

    path_get(p);
    err = open_inode(p, flags, false, out);
    if (err)
        path_put(p);
    return err;
}

/* ---- O_CREAT ---- */

/* The last component is not there, or is: makes it when it must. *d: referenced; *created: by us. */
static int find_or_create(struct walk *w, const struct open_how_k *how, struct dentry **out, bool *created)
{
    struct dentry *dir = w->at.dentry, *d;
    struct inode *di = dir->inode, *i;
    int err;

    *created = false;
    d = dcache_find(dir, w->last, w->last_len, w->last_hash);
    if (d && d->inode && !(d->flags & DENTRY_REVALIDATE)) {
        *out = d;
        return 0;
    }
    if (d)
        dentry_put(d);
    rw_write_lock(&di->rwsem);
    err = lookup_locked(dir, w->last, w->last_len, w->last_hash, &d);
    if (err || d->inode)
        goto unlock;
    err = path_readonly(&w->at) ? -EROFS : may_change_dir(di);
    if (!err)
        err = di->ops->create ? di->ops->create(di, d->name, d->name_len,
                                                S_IFREG | (how->mode & 07777 & ~fs_current()->umask), 0, &i)
                              : -EACCES;
    if (!err) {
        dentry_instantiate(d, i);
        *created = true;
        fs_notify(di, IN_CREATE, d->name);
    } else {
        dentry_put(d);
    }
unlock:
    rw_write_unlock(&di->rwsem);
    *out = d;
    return err;
}

/* protected_regular is off, as in a kernel without sysctl settings. */
static int check_existing(const struct open_how_k *how, const struct dentry *d)
{
    if (how->flags & O_EXCL)
        return -EEXIST;
    if (S_ISDIR(d->inode->mode))
        return -EISDIR;
    return 0;
}

/* The walk stands on the directory: 1: a link was followed, walk on. 0: *created tells; at is the object. */
static int create_last(struct walk *w, const struct open_how_k *how, bool *created)
{
    struct mount *m;
    struct dentry *d;
    int err;

    if (w->type != LAST_NORM || w->slash)
        return w->type == LAST_NORM || !(how->flags & O_EXCL) ? -EISDIR : -EEXIST;
    if (w->resolve & RESOLVE_CACHED)
        return -EAGAIN;
    err = walk_hold(w);
    if (!err)
        err = find_or_create(w, how, &d, created);
    if (err)
        return err;
    m = w->at.mnt;
    mount_get(m);
    if (!*created) {
        follow_mounts_held(&m, &d);
        err = check_existing(how, d);
        if (!err && m != w->at.mnt && (w->resolve & RESOLVE_NO_XDEV))
            err = -EXDEV;
        if (!err && S_ISLNK(d->inode->mode)) {
            if (!(how->flags & O_NOFOLLOW))
                return walk_link(w, d, m);
            err = -ELOOP;
        }
        if (err) {
            dentry_put(d);
            mount_put(m);
            return err;
        }
    }
    path_put(&w->at);
    w->at = (struct path){ m, d };
    return 0;
}

static int try_create(struct walk *w, const struct open_how_k *how, bool *created)
{
    int err;

    for (;;) {
        err = walk_to_last(w);
        if (!err)
            err = create_last(w, how, created);
        if (err <= 0)
            return err;
        if (!*w->rest) { /* a magic link: its object is there */
            *created = false;
            return check_existing(how, w->at.dentry);
        }
    }
}

static int open_create(const struct path *base, const char *name, const struct open_how_k *how,
                       struct walk *w, bool *created)
{
    int err = walk_begin(w, base, name, how->resolve, false);

    if (!err)
        err = try_create(w, how, created);
    if (err == -ECHILD) {
        walk_end(w);
        err = walk_begin(w, base, name, how->resolve, true);
        if (!err)
            err = try_create(w, how, created);
    }
    if (err)
        walk_end(w);
    return err;
}

/* O_TMPFILE: an inode of the directory without a name. */
static int open_tmpfile(const struct path *dir, const struct open_how_k *how, struct file **out)
{
    struct inode *di = dir->dentry->inode, *i;
    struct path p = { dir->mnt, NULL };
    int err;

    if (path_readonly(dir))
        return -EROFS;
    err = inode_permission(di, MAY_WRITE | MAY_EXEC, fs_cred());
    if (err)
        return err;
    if (!di->ops->tmpfile)
        return -EOPNOTSUPP;
    err = di->ops->tmpfile(di, S_IFREG | (how->mode & 07777 & ~fs_current()->umask), &i);
    if (err)
        return err;
    if (!(how->flags & O_EXCL))
        i->flags |= INODE_LINKABLE;
    p.dentry = dentry_new_nameless(dir->dentry, i);
    if (!p.dentry)
        return -ENOMEM;
    mount_get(p.mnt);
    err = open_inode(&p, how->flags & ~O_DIRECTORY, true, out);
    if (err)
        path_put(&p);
    else
        (*out)->flags |= how->flags & O_TMPFILE;
    return err;
}

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

static int do_open(const struct path *base, const char *name, const struct open_how_k *how, struct file **out)
{
    unsigned lookup = how->flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
    int flags = how->flags, err;
    bool created = false;
    struct walk w;

    if (flags & O_DIRECTORY)
        lookup |= LOOKUP_DIRECTORY;
    if (unlikely((flags & TMPFILE_BIT) && !(flags & O_PATH))) {
        if ((flags & (O_CREAT | O_DIRECTORY)) != O_DIRECTORY || (flags & O_ACCMODE) == O_RDONLY)
            return -EINVAL;
        err = walk_all(&w, base, name, how->resolve, lookup);
        if (err)
            return err;
        err = open_tmpfile(&w.at, how, out);
        walk_end(&w);
        return err;
    }
    if (unlikely((flags & (O_CREAT | O_PATH)) == O_CREAT)) {
        err = open_create(base, name, how, &w, &created);
        if (!err && (flags & O_DIRECTORY) && !S_ISDIR(w.at.dentry->inode->mode)) {
            walk_end(&w);
            err = -ENOTDIR;
        }
    } else {
        err = walk_all(&w, base, name, how->resolve, lookup);
    }
    if (unlikely(err))
        return err;
    err = open_inode(&w.at, flags, created, out);
    if (unlikely(err))
        path_put(&w.at);
    if (unlikely(w.buf))
        kfree(w.buf);
    return err;
}

/* What needs more than the object that the name means now. */
#define SLOW_FLAGS (O_CREAT | O_DIRECTORY | O_PATH)

int vfs_open(const struct path *base, const char *name, const struct open_how_k *how, struct file **out)
{
    struct path here;
    int err;

    if (likely(!(how->flags & SLOW_FLAGS) && !how->resolve) && walk_fast(base, name, &here)) {
        err = open_inode(&here, how->flags, false, out);
        if (unlikely(err))
            path_put(&here);
        return err;
    }
    if (likely(base || !(how->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))))
        return do_open(base, name, how, out);
    err = path_lookup(NULL, "", LOOKUP_EMPTY, &here); /* what they confine to must stay the same */
    if (err)
        return err;
    err = do_open(&here, name, how, out);
    path_put(&here);
    return err;
}
