/* SPDX-License-Identifier: BSD-2-Clause */
/* inode.c: inodes: their life, the table of those that must be one per object, permissions, the current caller. */
#include "abi/fs.h"
#include "fs/dcache.h"
#include "kernel/clock.h"
#include "kernel/slab.h"
#include "lib/string.h"

static struct slab_cache plain_cache = SLAB_CACHE(struct inode);

struct timespec64 fs_now(void)
{
    uint64_t ns = clock_real_ns();

    return (struct timespec64){ .sec = ns / NSEC_PER_SEC, .nsec = ns % NSEC_PER_SEC };
}

struct inode *inode_new(struct super *sb, mode_t mode)
{
    struct inode *i = slab_zalloc(sb && sb->ops->inode_cache ? sb->ops->inode_cache : &plain_cache);

    if (!i)
        return NULL;
    ref_init(&i->refs);
    i->sb = sb;
    i->mode = mode;
    i->nlink = 1;
    rw_init(&i->rwsem, RANK_INODE);
    i->btime = i->ctime = i->mtime = i->atime = fs_now();
    return i;
}

void inode_init_owner(struct inode *i, const struct inode *dir, mode_t mode)
{
    const struct cred *c = fs_cred();

    i->uid = c->fsuid;
    i->gid = c->fsgid;
    if (dir && (dir->mode & S_ISGID)) {
        i->gid = dir->gid;
        if (S_ISDIR(mode))
            mode |= S_ISGID;
    }
    i->mode = mode;
}

/* ---- one inode per (super, number) ---- */

#define INODE_BUCKETS 256
static struct inode *inode_table[INODE_BUCKETS];
static struct spinlock inode_table_lock = SPINLOCK_INIT(RANK_DCACHE);

static struct inode **inode_bucket(const struct super *sb, ino_t ino)
{
    return &inode_table[(ino ^ ino >> 8 ^ (uintptr_t)sb >> 6) % INODE_BUCKETS];
}

static struct inode *find_locked(struct super *sb, ino_t ino)
{
    struct inode *i = *inode_bucket(sb, ino);

    while (i && (i->sb != sb || i->ino != ino || !ref_get_unless_zero(&i->refs)))
        i = i->hash_next;
    return i;
}

struct inode *inode_find(struct super *sb, ino_t ino)
{
    struct inode *i;

    spin_lock(&inode_table_lock);
    i = find_locked(sb, ino);
    spin_unlock(&inode_table_lock);
    return i;
}

struct inode *inode_hash(struct inode *i)
{
    struct inode **b = inode_bucket(i->sb, i->ino), *other;

    spin_lock(&inode_table_lock);
    other = find_locked(i->sb, i->ino);
    if (!other) {
        i->flags |= INODE_HASHED;
        i->hash_next = *b;
        *b = i;
    }
    spin_unlock(&inode_table_lock);
    if (!other)
        return i;
    inode_put(i);
    return other;
}

void inode_hash_each(struct super *sb, void (*fn)(struct inode *))
{
    spin_lock(&inode_table_lock);
    for (unsigned n = 0; n < INODE_BUCKETS; n++)
        for (struct inode *i = inode_table[n]; i; i = i->hash_next)
            if (i->sb == sb)
                fn(i);
    spin_unlock(&inode_table_lock);
}

static void inode_unhash(struct inode *i)
{
    struct inode **b = inode_bucket(i->sb, i->ino);

    spin_lock(&inode_table_lock);
    while (*b != i)
        b = &(*b)->hash_next;
    *b = i->hash_next;
    spin_unlock(&inode_table_lock);
}

void inode_get(struct inode *i)
{
    ref_get(&i->refs);
}

bool fs_watched;
static const struct notify_ops *notify; /* set before the first watch */

static void inode_free(struct inode *i, struct slab_cache *c)
{
    if (S_ISLNK(i->mode))
        kfree(i->link);
    slab_free(c, i);
}

static void plain_rcu(struct rcu_head *h)
{
    inode_free(container_of(h, struct inode, rcu), &plain_cache);
}

static void cached_rcu(struct rcu_head *h)
{
    struct inode *i = container_of(h, struct inode, rcu);

    inode_free(i, i->private);
}

void inode_put(struct inode *i)
{
    const struct super_ops *ops;

    if (unlikely(i->watches) && notify->put(i))
        return;
    if (!ref_put(&i->refs))
        return;
    if (i->flags & INODE_HASHED)
        inode_unhash(i);
    ops = i->sb ? i->sb->ops : NULL;
    if (ops && ops->evict)
        ops->evict(i);
    kfree(i->locks);
    /* Path walking looks at modes without a reference. */
    i->private = ops ? ops->inode_cache : NULL;
    rcu_defer(&i->rcu, i->private ? cached_rcu : plain_rcu);
}

void inode_fill_stat(struct inode *i, struct kstat *st)
{
    st->mode = i->mode;
    st->nlink = i->nlink;
    st->uid = i->uid;
    st->gid = i->gid;
    st->blksize = i->sb && i->sb->block_size ? i->sb->block_size : PAGE_SIZE;
    st->ino = i->ino;
    st->size = i->size;
    st->blocks = i->blocks;
    st->dev = i->sb ? i->sb->dev : 0;
    st->rdev = S_ISCHR(i->mode) || S_ISBLK(i->mode) ? i->rdev : 0;
    st->atime = i->atime;
    st->mtime = i->mtime;
    st->ctime = i->ctime;
    st->btime = i->btime;
    st->attributes = 0;
    st->has_btime = 1;
}

/* ---- who asks ---- */

static struct fs_context *(*current_context)(void);
static const struct cred *(*current_cred)(void);

void fs_set_current(struct fs_context *(*context)(void), const struct cred *(*cred)(void))
{
    current_context = context;
    current_cred = cred;
}

struct fs_context *fs_current(void)
{
    return current_context();
}

const struct cred *fs_cred(void)
{
    return current_cred();
}

bool fs_capable(int cap)
{
    return fs_cred()->cap_effective >> cap & 1;
}

static bool cred_in_group(const struct cred *c, uint32_t gid)
{
    if (c->fsgid == gid)
        return true;
    for (unsigned n = 0; n < c->nr_groups; n++)
        if (c->groups[n] == gid)
            return true;
    return false;
}

bool fs_in_group(uint32_t gid)
{
    return cred_in_group(fs_cred(), gid);
}

int inode_permission(struct inode *i, int mask, const struct cred *c)
{
    uint32_t mode = i->mode;

    if (mask & MAY_WRITE) {
        if (i->sb && (i->sb->flags & MS_RDONLY) && (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
            return -EROFS;
        if (i->flags & INODE_IMMUTABLE)
            return -EPERM;
    }
    if (i->ops->permission)
        return i->ops->permission(i, mask);
    if (c->fsuid == i->uid)
        mode >>= 6;
    else if ((mode >> 3 & 7) != (mode & 7) && cred_in_group(c, i->gid))
        mode >>= 3;
    if (!(mask & ~mode & 7))
        return 0;
    if (S_ISDIR(i->mode)) {
        if (c->cap_effective >> CAP_DAC_OVERRIDE & 1)
            return 0;
        return !(mask & MAY_WRITE) && (c->cap_effective >> CAP_DAC_READ_SEARCH & 1) ? 0 : -EACCES;
    }
    if (mask == MAY_READ && (c->cap_effective >> CAP_DAC_READ_SEARCH & 1))
        return 0;
    if ((!(mask & MAY_EXEC) || (i->mode & 0111)) && (c->cap_effective >> CAP_DAC_OVERRIDE & 1))
        return 0;
    return -EACCES;
}

/* ---- inotify's ear ---- */

void fs_set_notify(const struct notify_ops *ops)
{
    notify = ops;
    fs_watched = true;
}

void fs_notify_move(struct inode *i, uint32_t mask, const char *name, uint32_t cookie)
{
    if (unlikely(i->watches))
        notify->event(i, mask, name, cookie);
}

void fs_notify(struct inode *i, uint32_t mask, const char *name)
{
    fs_notify_move(i, mask, name, 0);
}

uint32_t fs_move_cookie(void)
{
    static uint32_t last;
    uint32_t cookie;

    do
        cookie = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
    while (!cookie);
    return cookie;
}

static void dentry_notify(struct dentry *d, uint32_t mask)
{
    struct inode *i = d->inode, *dir = d->parent->inode;

    if (likely(!i->watches && !dir->watches))
        return;
    if (S_ISDIR(i->mode))
        mask |= IN_ISDIR;
    if (d->parent != d)
        fs_notify(dir, mask | (d->flags & DENTRY_DELETED ? IN_EXCL_UNLINK : 0), d->name);
    fs_notify(i, mask, NULL);
}

void path_notify(const struct path *p, uint32_t mask)
{
    dentry_notify(p->dentry, mask);
}

void file_notify(struct file *f, uint32_t mask)
{
    if (f->path.dentry)
        dentry_notify(f->path.dentry, mask);
}
