/* SPDX-License-Identifier: BSD-2-Clause */
/* dir.c: tmpfs directories: entries by name and by age, over those of a lower directory. */
#include "fs/dcache.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/slab.h"
#include "lib/string.h"

/* Positions: 0 and 1 are the dots; lower entries come next, at their own positions; then ours. */
#define OWN_BASE (1ull << 48)

static int name_cmp(const char *a, unsigned alen, const char *b, unsigned blen)
{
    int c = memcmp(a, b, MIN(alen, blen));

    return c ? c : (int)alen - (int)blen;
}

static struct tmp_entry *find(const struct tmp_dir *d, const char *name, unsigned len)
{
    struct rb_node *n = d->names.node;

    while (n) {
        struct tmp_entry *e = container_of(n, struct tmp_entry, by_name);
        int c = name_cmp(name, len, e->name, e->len);

        if (!c)
            return e;
        n = c < 0 ? n->left : n->right;
    }
    return NULL;
}

static void insert_name(struct tmp_dir *d, struct tmp_entry *e)
{
    struct rb_node **link = &d->names.node, *parent = NULL;
    bool leftmost = true;

    while (*link) {
        struct tmp_entry *o = container_of(*link, struct tmp_entry, by_name);

        parent = *link;
        if (name_cmp(e->name, e->len, o->name, o->len) < 0) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&e->by_name, parent, link);
    rb_insert(&d->names, &e->by_name, leftmost);
}

static void insert_cookie(struct tmp_dir *d, struct tmp_entry *e)
{
    struct rb_node *last = rb_last(&d->cookies);

    e->cookie = d->next_cookie++;
    rb_link(&e->by_cookie, last, last ? &last->right : &d->cookies.node);
    rb_insert(&d->cookies, &e->by_cookie, !last);
}

static struct tmp_entry *entry_new(struct tmp_dir *d, const char *name, unsigned len, bool shadows)
{
    struct tmp_entry *e = kmalloc(sizeof(*e) + len);

    if (!e)
        return NULL;
    e->inode = NULL;
    e->shadows = shadows;
    e->len = len;
    memcpy(e->name, name, len);
    insert_name(d, e);
    insert_cookie(d, e);
    return e;
}

static void entry_free(struct tmp_dir *d, struct tmp_entry *e)
{
    rb_erase(&d->names, &e->by_name);
    rb_erase(&d->cookies, &e->by_cookie);
    kfree(e);
}

/* Puts i (its reference moves in) where e says, and returns what was there. NULL: the name goes. */
static struct inode *entry_set(struct inode *dir, struct tmp_entry *e, struct inode *i)
{
    struct tmp_dir *d = &tmp_i(dir)->dir;
    struct inode *old = e->inode;

    d->nr += !!i - !!old;
    e->inode = i;
    if (i && !old) { /* a new name comes last, as elsewhere */
        rb_erase(&d->cookies, &e->by_cookie);
        insert_cookie(d, e);
    }
    if (!i && !e->shadows)
        entry_free(d, e);
    return old;
}

static void dir_changed(struct inode *dir)
{
    tmp_pin(dir);
    dir->mtime = dir->ctime = fs_now();
    if (!tmp_i(dir)->lower)
        dir->size = 40 + 20 * (uint64_t)tmp_i(dir)->dir.nr;
}

/* Entries of directories below move into the one list that is worked off: depth costs no stack. */
void tmp_dir_clear(struct tmp_dir *d)
{
    struct tmp_entry *work = NULL;

    for (;;) {
        struct rb_node *n;

        while ((n = rb_first(&d->cookies))) {
            struct tmp_entry *e = container_of(n, struct tmp_entry, by_cookie);

            rb_erase(&d->cookies, n);
            e->by_name.left = (void *)work;
            work = e;
        }
        d->names = (struct rb_root){ 0 };
        d->nr = 0;
        if (!work)
            return;
        struct tmp_entry *e = work;

        work = (void *)e->by_name.left;
        if (e->inode && S_ISDIR(e->inode->mode) && e->inode->refs.n == 1) {
            struct tmp_dir *below = &tmp_i(e->inode)->dir;

            while ((n = rb_first(&below->cookies))) {
                struct tmp_entry *b = container_of(n, struct tmp_entry, by_cookie);

                rb_erase(&below->cookies, n);
                b->by_name.left = (void *)work;
                work = b;
            }
            below->names = (struct rb_root){ 0 };
        }
        if (e->inode)
            inode_put(e->inode);
        kfree(e);
    }
}

/* ---- looking up ---- */

static int tmp_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    struct tmp_inode *t = tmp_i(dir);
    struct tmp_entry *e = find(&t->dir, name, len);
    struct inode *low;
    int err;

    if (e) {
        if (!e->inode)
            return -ENOENT;
        inode_get(e->inode);
        *out = e->inode;
        return 0;
    }
    if (!t->lower)
        return -ENOENT;
    err = t->lower->ops->lookup(t->lower, name, len, &low);
    return err ? err : tmp_wrap(dir->sb, low, out);
}

struct merge {
    struct dir_context ctx; /* first */
    struct dir_context *to;
    const struct tmp_dir *own;
    bool full, any;
};

static bool merge_actor(struct dir_context *ctx, const char *name, unsigned len, uint64_t off, ino_t ino,
                        unsigned type)
{
    struct merge *m = (struct merge *)ctx;

    if (!find(m->own, name, len)) {
        m->any = true;
        if (!m->to || !m->to->actor(m->to, name, len, off, ino, type)) {
            m->full = true;
            return false;
        }
    }
    if (m->to)
        m->to->pos = off;
    return true;
}

static int merge_lower(struct inode *dir, struct dir_context *to, uint64_t pos, struct merge *m)
{
    struct inode *low = tmp_i(dir)->lower;
    struct file f = { .inode = low };

    *m = (struct merge){ .ctx = { .actor = merge_actor, .pos = pos }, .to = to, .own = &tmp_i(dir)->dir };
    return low->fops->readdir(&f, &m->ctx);
}

static int dir_empty(struct inode *dir)
{
    struct merge m;
    int err;

    if (tmp_i(dir)->dir.nr)
        return -ENOTEMPTY;
    if (!tmp_i(dir)->lower)
        return 0;
    err = merge_lower(dir, NULL, 2, &m);
    return err ? err : m.any ? -ENOTEMPTY : 0;
}

static struct rb_node *first_from(const struct tmp_dir *d, uint64_t cookie)
{
    struct rb_node *n = d->cookies.node, *best = NULL;

    while (n) {
        if (container_of(n, struct tmp_entry, by_cookie)->cookie >= cookie) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

static int tmp_readdir(struct file *f, struct dir_context *ctx)
{
    struct inode *dir = f->inode;
    struct tmp_dir *d = &tmp_i(dir)->dir;
    struct merge m;
    int err = 0;

    if (!dir_emit_dots(f, ctx))
        return 0;
    rw_read_lock(&dir->rwsem);
    if (ctx->pos < OWN_BASE) {
        if (tmp_i(dir)->lower) {
            err = merge_lower(dir, ctx, ctx->pos, &m);
            if (err || m.full)
                goto out;
        }
        ctx->pos = OWN_BASE;
    }
    for (struct rb_node *n = first_from(d, ctx->pos - OWN_BASE); n; n = rb_next(n)) {
        struct tmp_entry *e = container_of(n, struct tmp_entry, by_cookie);

        if (e->inode &&
            !ctx->actor(ctx, e->name, e->len, OWN_BASE + e->cookie + 1, e->inode->ino, e->inode->mode >> 12))
            break;
        ctx->pos = OWN_BASE + e->cookie + 1;
    }
out:
    rw_read_unlock(&dir->rwsem);
    file_accessed(f);
    return err;
}

/* ---- changing ---- */

/* Puts a new inode, whose reference moves in, under a name that is not there. */
static int add_name(struct inode *dir, const char *name, unsigned len, struct inode *i)
{
    struct tmp_dir *d = &tmp_i(dir)->dir;
    struct tmp_entry *e = find(d, name, len);

    if (!e)
        e = entry_new(d, name, len, false);
    if (!e) {
        inode_put(i);
        return -ENOMEM;
    }
    entry_set(dir, e, i);
    dir_changed(dir);
    return 0;
}

/* The entry of a name that is there, made when only the lower directory has it. NULL: out of memory. */
static struct tmp_entry *own_entry(struct inode *dir, const char *name, unsigned len, struct inode *i)
{
    struct tmp_dir *d = &tmp_i(dir)->dir;
    struct tmp_entry *e = find(d, name, len);

    if (e)
        return e;
    e = entry_new(d, name, len, true);
    if (e) {
        inode_get(i);
        entry_set(dir, e, i);
        tmp_pin(dir);
    }
    return e;
}

static int make(struct inode *dir, const char *name, unsigned len, mode_t mode, dev_t rdev,
                const char *target, struct inode **out)
{
    struct inode *i = tmp_inode_new(dir->sb, dir, mode, rdev);
    int err;

    if (IS_ERR(i))
        return PTR_ERR(i);
    if (target) {
        i->link = kstrdup(target);
        if (!i->link) {
            inode_put(i);
            return -ENOMEM;
        }
        i->size = strlen(target);
    }
    inode_get(i);
    err = add_name(dir, name, len, i);
    if (err) {
        inode_put(i);
        return err;
    }
    if (S_ISDIR(mode))
        dir->nlink++;
    *out = i;
    return 0;
}

static int tmp_create(struct inode *dir, const char *name, unsigned len, mode_t mode, dev_t rdev,
                      struct inode **out)
{
    return make(dir, name, len, mode, rdev, NULL, out);
}

static int tmp_mkdir(struct inode *dir, const char *name, unsigned len, mode_t mode, struct inode **out)
{
    return make(dir, name, len, mode, 0, NULL, out);
}

static int tmp_symlink(struct inode *dir, const char *name, unsigned len, const char *target,
                       struct inode **out)
{
    return make(dir, name, len, S_IFLNK | 0777, 0, target, out);
}

static int tmp_tmpfile(struct inode *dir, mode_t mode, struct inode **out)
{
    struct inode *i = tmp_inode_new(dir->sb, dir, mode, 0);

    if (IS_ERR(i))
        return PTR_ERR(i);
    i->nlink = 0;
    *out = i;
    return 0;
}

static int tmp_link(struct inode *i, struct inode *dir, const char *name, unsigned len)
{
    int err;

    inode_get(i);
    err = add_name(dir, name, len, i);
    if (err)
        return err;
    i->nlink++;
    i->ctime = dir->ctime;
    tmp_pin(i);
    return 0;
}

/* One name less for i. */
static void drop_link(struct inode *i, struct timespec64 now)
{
    i->ctime = now;
    if (--i->nlink)
        tmp_pin(i);
    else
        tmp_unpin(i);
}

static int tmp_unlink(struct inode *dir, const char *name, unsigned len, struct inode *victim)
{
    struct tmp_entry *e = own_entry(dir, name, len, victim);

    if (!e)
        return -ENOMEM;
    inode_put(entry_set(dir, e, NULL)); /* the caller holds another reference */
    dir_changed(dir);
    drop_link(victim, dir->ctime);
    return 0;
}

static int tmp_rmdir(struct inode *dir, const char *name, unsigned len, struct inode *victim)
{
    int err = dir_empty(victim);

    if (!err)
        err = tmp_unlink(dir, name, len, victim);
    if (err)
        return err;
    victim->nlink = 0;
    tmp_unpin(victim);
    dir->nlink--;
    return 0;
}

static int exchange(struct inode *odir, struct tmp_entry *oe, struct inode *ndir, struct tmp_entry *ne)
{
    struct inode *a = oe->inode, *b = ne->inode;

    oe->inode = b;
    ne->inode = a;
    if (odir != ndir) {
        odir->nlink += S_ISDIR(b->mode) - S_ISDIR(a->mode);
        ndir->nlink += S_ISDIR(a->mode) - S_ISDIR(b->mode);
    }
    dir_changed(odir);
    dir_changed(ndir);
    a->ctime = b->ctime = ndir->ctime;
    tmp_pin(a);
    tmp_pin(b);
    return 0;
}

static int tmp_rename(struct inode *odir, const char *oname, unsigned olen, struct inode *victim,
                      struct inode *ndir, const char *nname, unsigned nlen, struct inode *moved,
                      unsigned flags)
{
    struct tmp_entry *oe = own_entry(odir, oname, olen, moved), *ne;
    int err = 0;

    if (!oe)
        return -ENOMEM;
    if (victim) {
        if (S_ISDIR(victim->mode) && !(flags & RENAME_EXCHANGE))
            err = dir_empty(victim);
        ne = err ? NULL : own_entry(ndir, nname, nlen, victim);
    } else {
        ne = find(&tmp_i(ndir)->dir, nname, nlen);
        if (!ne)
            ne = entry_new(&tmp_i(ndir)->dir, nname, nlen, false);
    }
    if (!ne)
        return err ? err : -ENOMEM;
    if (flags & RENAME_EXCHANGE)
        return exchange(odir, oe, ndir, ne);
    inode_get(moved);
    entry_set(ndir, ne, moved);
    inode_put(entry_set(odir, oe, NULL));
    if (S_ISDIR(moved->mode)) {
        odir->nlink--;
        ndir->nlink++;
    }
    dir_changed(odir);
    dir_changed(ndir);
    moved->ctime = ndir->ctime;
    tmp_pin(moved);
    if (victim) {
        inode_put(victim);
        drop_link(victim, ndir->ctime);
        if (S_ISDIR(victim->mode)) {
            victim->nlink = 0;
            tmp_unpin(victim);
            ndir->nlink--;
        }
    }
    return 0;
}

const struct inode_ops tmp_dir_inode_ops = {
    .lookup = tmp_lookup,
    .create = tmp_create,
    .mkdir = tmp_mkdir,
    .symlink = tmp_symlink,
    .link = tmp_link,
    .unlink = tmp_unlink,
    .rmdir = tmp_rmdir,
    .rename = tmp_rename,
    .tmpfile = tmp_tmpfile,
    .setattr = tmp_setattr,
    .getxattr = tmp_getxattr,
    .setxattr = tmp_setxattr,
    .listxattr = tmp_listxattr,
    .removexattr = tmp_removexattr,
};

const struct file_ops tmp_dir_ops = {
    .readdir = tmp_readdir,
    .seek = generic_seek,
    .fsync = fsync_nothing,
};
