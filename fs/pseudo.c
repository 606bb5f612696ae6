/* SPDX-License-Identifier: BSD-2-Clause */
/* pseudo.c: filesystems made of tables and callbacks (see pseudo.h). */
#include "fs/pseudo.h"
#include "abi/fs.h"
#include "fs/dcache.h"
#include "fs/super.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define WRITE_MAX 65536

static struct slab_cache pseudo_cache = SLAB_CACHE(struct pseudo_inode);

struct pseudo_super {
    uint32_t magic;
};

/* ---- files ---- */

/* Made at the first read, and again when reading starts over. */
static int generate(struct file *f, struct seq *s)
{
    int err;

    s->len = 0;
    s->failed = false;
    err = pseudo_i(f->inode)->node->show(s, f->inode);
    return err ? err : s->failed ? -ENOMEM : 0;
}

static ssize_t pseudo_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct seq *s = f->private;
    size_t n;
    int err;

    if (!pseudo_i(f->inode)->node->show)
        return -EINVAL;
    if (!s) {
        s = kzalloc(sizeof(*s));
        if (!s)
            return -ENOMEM;
        if (!atomic_cmpxchg(&f->private, NULL, s)) {
            kfree(s);
            s = f->private;
        }
    }
    if (!*pos || !s->buf) {
        err = generate(f, s);
        if (err)
            return err;
    }
    if (*pos >= s->len)
        return 0;
    n = MIN(s->len - *pos, v->count);
    if (n && iov_put(v, s->buf + *pos, n) != n)
        return -EFAULT;
    *pos += n;
    return n;
}

static ssize_t pseudo_write(struct file *f, struct iov *v, uint64_t *pos)
{
    ssize_t (*write)(struct inode *, const char *, size_t) = pseudo_i(f->inode)->node->write;
    size_t len = MIN(v->count, (size_t)WRITE_MAX);
    char *text;
    ssize_t n;

    if (!write)
        return -EIO;
    text = kmalloc(len + 1);
    if (!text)
        return -ENOMEM;
    if (iov_get(v, text, len) != len) {
        kfree(text);
        return -EFAULT;
    }
    text[len] = 0;
    n = write(f->inode, text, len);
    kfree(text);
    if (n > 0)
        *pos += n;
    return n;
}

static void pseudo_release(struct file *f)
{
    struct seq *s = f->private;

    if (!s)
        return;
    seq_free(s);
    kfree(s);
}

static const struct file_ops pseudo_file_ops = {
    .read = pseudo_read,
    .write = pseudo_write,
    .seek = generic_seek,
    .release = pseudo_release,
};

/* ---- inodes ---- */

ino_t pseudo_ino(const struct pseudo_node *node, uint64_t key)
{
    uint64_t h = ((uintptr_t)node >> 3) * 0x9e3779b97f4a7c15ull ^ (key + 1) * 0xc2b2ae3d27d4eb4full;

    return (h ^ h >> 32) & 0x7fffffff ?: 1;
}

static int pseudo_open(struct inode *i, struct file *f)
{
    const struct pseudo_node *n = pseudo_i(i)->node;

    f->ops = i->fops;
    return n->open ? n->open(i, f) : f->ops ? 0 : -ENXIO;
}

static int pseudo_permission(struct inode *i, int mask)
{
    struct inode_ops plain = { 0 };
    struct inode bare = { .ops = &plain, .mode = i->mode, .uid = i->uid, .gid = i->gid, .flags = i->flags };
    int (*own)(struct inode *, int) = pseudo_i(i)->node->permission;

    return own ? own(i, mask) : inode_permission(&bare, mask, fs_cred());
}

static int pseudo_setattr(struct inode *i, const struct iattr *a)
{
    const struct pseudo_node *n = pseudo_i(i)->node;

    if (n->setattr)
        return n->setattr(i, a);
    return (a->valid & ATTR_SIZE) && !a->size ? 0 : -EPERM;
}

static int pseudo_getattr(struct inode *i, struct kstat *st)
{
    const struct pseudo_node *n = pseudo_i(i)->node;

    if (n->attr)
        n->attr(i);
    inode_fill_stat(i, st);
    return 0;
}

static ssize_t pseudo_readlink(struct inode *i, char *buf, size_t size)
{
    const struct pseudo_node *n = pseudo_i(i)->node;
    size_t len;

    if (n->readlink)
        return n->readlink(i, buf, size);
    len = MIN(strlen(n->target), size);
    memcpy(buf, n->target, len);
    return len;
}

static int pseudo_follow(struct inode *i, struct path *out)
{
    return pseudo_i(i)->node->follow(i, out);
}

static int pseudo_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    const struct pseudo_node *d = pseudo_i(dir)->node;

    for (const struct pseudo_node *n = d->children; n && n->name; n++) {
        if (strlen(n->name) != len || memcmp(n->name, name, len))
            continue;
        *out = pseudo_inode_new(dir->sb, n, pseudo_key(dir), NULL, 0);
        return *out ? 0 : -ENOMEM;
    }
    return d->dir ? d->dir->lookup(dir, name, len, out) : -ENOENT;
}

static bool pseudo_revalidate(struct inode *dir, struct dentry *d)
{
    const struct pseudo_node *n = pseudo_i(dir)->node;

    if (!d->inode)
        return false;
    return !n->dir->valid || n->dir->valid(dir, d->inode);
}

#define COMMON .permission = pseudo_permission, .setattr = pseudo_setattr, .getattr = pseudo_getattr

static const struct inode_ops file_inode_ops = { COMMON, .open = pseudo_open };
static const struct inode_ops plain_inode_ops = { .setattr = pseudo_setattr,
                                                  .getattr = pseudo_getattr,
                                                  .open = pseudo_open };
static const struct inode_ops node_inode_ops = { .setattr = pseudo_setattr, .getattr = pseudo_getattr };
static const struct inode_ops link_inode_ops = { COMMON, .readlink = pseudo_readlink };
static const struct inode_ops magic_inode_ops = { COMMON, .readlink = pseudo_readlink,
                                                  .follow = pseudo_follow };
static const struct inode_ops dir_inode_ops = { .lookup = pseudo_lookup,
                                                .setattr = pseudo_setattr,
                                                .getattr = pseudo_getattr };
static const struct inode_ops checked_dir_ops = { COMMON, .lookup = pseudo_lookup };
static const struct inode_ops dynamic_dir_ops = { COMMON, .lookup = pseudo_lookup,
                                                  .revalidate = pseudo_revalidate };

static const struct file_ops pseudo_dir_ops;

static void set_ops(struct inode *i, const struct pseudo_node *n)
{
    if (S_ISDIR(n->mode)) {
        i->ops = n->dir ? &dynamic_dir_ops : n->permission ? &checked_dir_ops : &dir_inode_ops;
        i->fops = &pseudo_dir_ops;
        i->nlink = 2;
    } else if (S_ISLNK(n->mode)) {
        i->ops = n->follow ? &magic_inode_ops : &link_inode_ops;
        i->size = n->target ? strlen(n->target) : 0;
    } else if (S_ISREG(n->mode)) {
        i->ops = n->permission ? &file_inode_ops : &plain_inode_ops;
        i->fops = n->fops ? n->fops : &pseudo_file_ops;
    } else {
        i->ops = &node_inode_ops;
        i->rdev = n->rdev;
    }
}

struct inode *pseudo_inode_new(struct super *sb, const struct pseudo_node *node, uint64_t key, void *object,
                               ino_t ino)
{
    struct inode *i = inode_new(sb, node->mode);
    struct pseudo_inode *p = pseudo_i(i);

    if (!i) {
        struct pseudo_inode gone = { .node = node, .key = key, .object = object };

        if (object && node->drop)
            node->drop(&gone);
        return NULL;
    }
    p->node = node;
    p->key = key;
    p->object = object;
    i->ino = ino ? ino : pseudo_ino(node, key);
    i->flags = INODE_NOATIME;
    set_ops(i, node);
    if (node->attr)
        node->attr(i);
    return i;
}

static void pseudo_evict(struct inode *i)
{
    struct pseudo_inode *p = pseudo_i(i);

    if (p->node->drop)
        p->node->drop(p);
}

/* ---- directories: positions 0 and 1 are the dots, then the table, then what callbacks count ---- */

#define DYNAMIC_BASE (1ull << 40)

struct pseudo_emitter {
    struct dir_context *ctx;
};

bool pseudo_emit(struct pseudo_emitter *e, uint64_t pos, const char *name, ino_t ino, unsigned type)
{
    uint64_t next = DYNAMIC_BASE + pos + 1;

    if (!e->ctx->actor(e->ctx, name, strlen(name), next, ino, type))
        return false;
    e->ctx->pos = next;
    return true;
}

static int pseudo_readdir(struct file *f, struct dir_context *ctx)
{
    struct inode *dir = f->inode;
    const struct pseudo_node *d = pseudo_i(dir)->node, *n = d->children;
    struct pseudo_emitter e = { ctx };
    uint64_t at = 2;
    int err = 0;

    if (ctx->pos < 2 && !dir_emit_dots(f, ctx))
        return 0;
    rw_read_lock(&dir->rwsem);
    for (; n && n->name; n++, at++) {
        if (at < ctx->pos)
            continue;
        if (!ctx->actor(ctx, n->name, strlen(n->name), at + 1, pseudo_ino(n, pseudo_key(dir)), n->mode >> 12))
            goto out;
        ctx->pos = at + 1;
    }
    if (d->dir)
        err = d->dir->readdir(dir, &e, ctx->pos < DYNAMIC_BASE ? 0 : ctx->pos - DYNAMIC_BASE);
out:
    rw_read_unlock(&dir->rwsem);
    return err;
}

static const struct file_ops pseudo_dir_ops = {
    .readdir = pseudo_readdir,
    .seek = generic_seek,
    .fsync = fsync_nothing,
};

const struct pseudo_node *pseudo_dir_node(const struct file *f)
{
    return f->ops == &pseudo_dir_ops ? pseudo_i(f->inode)->node : NULL;
}

/* ---- superblocks ---- */

static int pseudo_statfs(struct super *sb, struct kstatfs *st)
{
    st->type = ((struct pseudo_super *)sb->private)->magic;
    st->bsize = PAGE_SIZE;
    return 0;
}

static const struct super_ops pseudo_super_ops = {
    .inode_cache = &pseudo_cache,
    .evict = pseudo_evict,
    .statfs = pseudo_statfs,
};

int pseudo_mount(const struct filesystem *fs, const struct pseudo_node *root, uint32_t magic, unsigned flags,
                 struct super **out)
{
    struct super *sb = super_new(fs, &pseudo_super_ops, flags);
    struct pseudo_super *s = kzalloc(sizeof(*s));
    struct inode *i = NULL;

    if (sb && s) {
        sb->private = s;
        s->magic = magic;
        i = pseudo_inode_new(sb, root, 0, NULL, 1);
    }
    if (!i) {
        kfree(sb);
        kfree(s);
        return -ENOMEM;
    }
    if (super_set_root(sb, i)) {
        super_put(sb);
        return -ENOMEM;
    }
    *out = sb;
    return 0;
}
