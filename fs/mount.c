/* SPDX-License-Identifier: BSD-2-Clause */
/* mount.c: the mount tree, superblocks, and what a process keeps of both: its root and current directory. */
#include "abi/fs.h"
#include "fs/dcache.h"
#include "fs/super.h"
#include "fs/walk.h"
#include "kernel/slab.h"
#include "lib/string.h"

static struct mount *mounts; /* in mounting order [mount_lock, RCU to read] */
static struct mutex mount_mutex = MUTEX_INIT(mount_mutex, RANK_FS_RENAME); /* one change at a time */
static struct spinlock mount_lock = SPINLOCK_INIT(RANK_DCACHE);
static int next_mount_id = 1;

struct mount *mount_at(const struct mount *m, const struct dentry *d)
{
    struct mount *c, *found = NULL;

    for (c = atomic_load_acquire(&mounts); c; c = atomic_load_acquire(&c->next))
        if (c->parent == m && c->at == d)
            found = c; /* the youngest hides the others */
    return found;
}

/* ---- superblocks ---- */

struct super *super_new(const struct filesystem *fs, const struct super_ops *ops, unsigned flags)
{
    static unsigned next_minor;
    struct super *sb = kzalloc(sizeof(*sb));

    if (!sb)
        return NULL;
    ref_init(&sb->refs);
    sb->fs = fs;
    sb->ops = ops;
    sb->flags = flags & MS_RDONLY;
    sb->block_size = PAGE_SIZE;
    sb->dev = PROA_MKDEV(0, __atomic_add_fetch(&next_minor, 1, __ATOMIC_RELAXED));
    return sb;
}

int super_set_root(struct super *sb, struct inode *i)
{
    sb->root = dentry_new_root(i);
    return sb->root ? 0 : -ENOMEM;
}

void super_put(struct super *sb)
{
    if (!ref_put(&sb->refs))
        return;
    if (sb->root) {
        dcache_purge(sb);
        if (sb->ops->unmount)
            sb->ops->unmount(sb);
        dentry_put(sb->root);
    } else if (sb->ops->unmount) {
        sb->ops->unmount(sb);
    }
    kfree(sb->private);
    kfree(sb);
}

/* ---- mounts ---- */

static void mount_rcu(struct rcu_head *h)
{
    kfree(container_of(h, struct mount, rcu));
}

void mount_free(struct mount *m)
{
    if (m->at) {
        dentry_put(m->at);
        mount_put(m->parent);
    }
    dentry_put(m->root);
    super_put(m->sb);
    kfree(m->source);
    rcu_defer(&m->rcu, mount_rcu);
}

static const struct filesystem *find_filesystem(const char *name)
{
    for (const struct filesystem *const *f = filesystems; *f; f++)
        if (!strcmp((*f)->name, name))
            return *f;
    return NULL;
}

/* A mount of its own superblock, not yet in the tree. */
static int mount_new(const char *type, const char *source, unsigned flags, const char *data,
                     struct mount **out)
{
    const struct filesystem *fs = find_filesystem(type);
    struct super *sb;
    struct mount *m;
    int err;

    if (!fs)
        return -ENODEV;
    m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    err = fs->mount(fs, source, flags, data ? data : "", &sb);
    if (err)
        goto free_m;
    m->sb = sb;
    m->root = sb->root;
    dentry_get(m->root);
    ref_init(&m->refs);
    m->flags =
        flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME);
    m->source = kstrdup(source && source[0] ? source : fs->name);
    if (!m->source) {
        ref_init(&m->refs);
        mount_free(m);
        return -ENOMEM;
    }
    *out = m;
    return 0;
free_m:
    kfree(m);
    return err;
}

static void publish(struct mount *m)
{
    struct mount **p;

    spin_lock(&mount_lock);
    m->id = next_mount_id++;
    for (p = &mounts; *p; p = &(*p)->next)
        ;
    atomic_store_release(p, m);
    spin_unlock(&mount_lock);
}

static void set_mounted(struct dentry *d)
{
    bool any = false;

    spin_lock(&mount_lock);
    for (struct mount *m = mounts; m; m = m->next)
        any |= m->at == d;
    spin_unlock(&mount_lock);
    spin_lock(&dcache_lock);
    d->flags = any ? d->flags | DENTRY_MOUNTED : d->flags & ~DENTRY_MOUNTED;
    spin_unlock(&dcache_lock);
}

static int remount(const struct path *at, unsigned flags)
{
    struct mount *m = at->mnt;

    if (at->dentry != m->root)
        return -EINVAL;
    m->flags =
        flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME);
    return 0;
}

int vfs_mount(const char *fs, const char *source, const struct path *at, unsigned flags, const char *data)
{
    struct mount *m;
    int err;

    if (flags & MS_REMOUNT)
        return remount(at, flags);
    err = mount_new(fs, source, flags, data, &m);
    if (err)
        return err;
    if (!S_ISDIR(at->dentry->inode->mode) != !S_ISDIR(m->root->inode->mode)) {
        mount_free(m);
        return -ENOTDIR;
    }
    path_get(at);
    m->parent = at->mnt;
    m->at = at->dentry;
    mutex_lock(&mount_mutex);
    publish(m);
    set_mounted(m->at);
    mutex_unlock(&mount_mutex);
    return 0;
}

static bool has_children(const struct mount *m)
{
    for (struct mount *c = mounts; c; c = c->next)
        if (c->parent == m)
            return true;
    return false;
}

static void unlink_mount(struct mount *m)
{
    struct mount **p;

    spin_lock(&mount_lock);
    for (p = &mounts; *p != m; p = &(*p)->next)
        ;
    atomic_store_release(p, m->next);
    spin_unlock(&mount_lock);
    set_mounted(m->at);
}

int vfs_umount(const struct path *at, unsigned flags)
{
    struct mount *m = at->mnt;
    int err = 0;

    if (at->dentry != m->root || !m->parent)
        return -EINVAL;
    mutex_lock(&mount_mutex);
    /* References: the tree's and the caller's path. */
    if (!(flags & MNT_DETACH) && (m->refs.n > 2 || has_children(m)))
        err = -EBUSY;
    else
        unlink_mount(m);
    mutex_unlock(&mount_mutex);
    if (!err)
        mount_put(m);
    return err;
}

int vfs_mount_root(const char *fs, const char *source, unsigned flags, const char *data)
{
    struct fs_context *c = fs_current();
    struct mount *m;
    int err = mount_new(fs, source, flags, data, &m);

    if (err)
        return err;
    publish(m);
    c->root = c->cwd = (struct path){ m, m->root };
    path_get(&c->root);
    path_get(&c->cwd);
    return 0;
}

void vfs_sync_all(void)
{
    struct mount *m;

    mutex_lock(&mount_mutex);
    for (m = mounts; m; m = m->next)
        if (m->sb->ops->sync)
            m->sb->ops->sync(m->sb);
    mutex_unlock(&mount_mutex);
}

void vfs_shutdown(void)
{
    vfs_sync_all();
    mutex_lock(&mount_mutex);
    while (mounts) {
        struct mount **p = &mounts, *m;

        while ((*p)->next)
            p = &(*p)->next;
        m = *p;
        atomic_store_release(p, NULL);
        mount_put(m);
    }
    mutex_unlock(&mount_mutex);
}

/* ---- /proc/mounts ---- */

static const char *mount_options(const struct mount *m, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s%s%s%s", m->flags & MS_RDONLY ? "ro" : "rw",
             m->flags & MS_NOSUID ? ",nosuid" : "", m->flags & MS_NODEV ? ",nodev" : "",
             m->flags & MS_NOEXEC ? ",noexec" : "", m->flags & MS_NOATIME ? ",noatime" : ",relatime");
    return buf;
}

/* Octal escapes for what separates fields. */
static void escape(char *dst, size_t size, const char *src)
{
    size_t n = 0;

    for (; *src && n + 5 < size; src++) {
        if (*src == ' ' || *src == '\t' || *src == '\n' || *src == '\\')
            n += snprintf(dst + n, size - n, "\\%03o", (unsigned char)*src);
        else
            dst[n++] = *src;
    }
    dst[n] = 0;
}

struct show {
    char *buf;
    size_t size, len;
    char name[PATH_MAX], where[PATH_MAX], source[256], options[96], extra[128];
};

static void show_one(struct show *s, const struct mount *m, bool mountinfo)
{
    struct path p = { (struct mount *)m, m->root };
    char *name = path_name(&p, s->name, sizeof(s->name));
    size_t left = s->size > s->len ? s->size - s->len : 0;

    if (IS_ERR(name))
        return;
    escape(s->where, sizeof(s->where), name);
    escape(s->source, sizeof(s->source), m->source);
    s->extra[0] = 0;
    if (m->sb->ops->show_options)
        m->sb->ops->show_options(m->sb, s->extra, sizeof(s->extra));
    mount_options(m, s->options, sizeof(s->options));
    if (mountinfo)
        s->len += snprintf(s->buf + MIN(s->len, s->size), left, "%d %d %u:%u / %s %s - %s %s %s%s\n", m->id,
                           m->parent ? m->parent->id : 0, DEV_MAJOR(m->sb->dev), DEV_MINOR(m->sb->dev),
                           s->where, s->options, m->sb->fs->name, s->source,
                           m->sb->flags & MS_RDONLY ? "ro" : "rw", s->extra);
    else
        s->len += snprintf(s->buf + MIN(s->len, s->size), left, "%s %s %s %s%s 0 0\n", s->source, s->where,
                           m->sb->fs->name, s->options, s->extra);
}

size_t vfs_show_mounts(char *buf, size_t size, bool mountinfo)
{
    struct show *s = kmalloc(sizeof(*s));
    size_t len;

    if (!s)
        return 0;
    s->buf = buf;
    s->size = size;
    s->len = 0;
    if (later_root)
        later_all();
    mutex_lock(&mount_mutex);
    for (struct mount *m = mounts; m; m = m->next)
        show_one(s, m, mountinfo);
    mutex_unlock(&mount_mutex);
    len = MIN(s->len, size);
    kfree(s);
    return len;
}

/* ---- a process's place ---- */

struct fs_context *fs_context_new(void)
{
    struct fs_context *c = kzalloc(sizeof(*c));

    if (!c)
        return NULL;
    ref_init(&c->refs);
    spin_init(&c->lock, RANK_FDTAB);
    c->umask = 022;
    return c;
}

struct fs_context *fs_context_copy(struct fs_context *from)
{
    struct fs_context *c = fs_context_new();

    if (!c)
        return NULL;
    spin_lock(&from->lock);
    c->root = from->root;
    c->cwd = from->cwd;
    c->umask = from->umask;
    path_get(&c->root);
    path_get(&c->cwd);
    spin_unlock(&from->lock);
    return c;
}

void fs_context_put(struct fs_context *c)
{
    if (!ref_put(&c->refs))
        return;
    path_put(&c->root);
    path_put(&c->cwd);
    kfree(c);
}

static int statfs_super(struct super *sb, unsigned flags, struct kstatfs *st)
{
    int err = sb->ops->statfs ? sb->ops->statfs(sb, st) : -ENOSYS;

    st->fsid = sb->dev;
    st->namelen = NAME_MAX;
    if (!st->frsize)
        st->frsize = st->bsize;
    /* ST_VALID, and ST_* bits that equal the MS_* ones but for relatime */
    st->flags = 0x20 | (flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME)) |
                (flags & MS_NOATIME ? 0 : 0x1000);
    return err;
}

int vfs_statfs(const struct path *p, struct kstatfs *st)
{
    memset(st, 0, sizeof(*st));
    return statfs_super(p->mnt->sb, p->mnt->flags | p->mnt->sb->flags, st);
}

int file_statfs(struct file *f, struct kstatfs *st)
{
    if (f->path.dentry)
        return vfs_statfs(&f->path, st);
    memset(st, 0, sizeof(*st));
    st->type = S_ISFIFO(f->inode->mode) ? PIPEFS_MAGIC : ANON_INODE_FS_MAGIC;
    st->bsize = st->frsize = PAGE_SIZE;
    st->namelen = NAME_MAX;
    st->flags = 0x20;
    return 0;
}

/* When memory runs short: clean pages first; then names nobody uses, whose inodes and nodes go with them. */
static size_t reclaim(size_t nr_pages)
{
    size_t n = mapping_reclaim(nr_pages);

    if (n)
        return n;
    n = vfs_shrink(256);
    if (n)
        rcu_wait();
    return n;
}

void vfs_init(void)
{
    page_set_reclaim(reclaim);
}

bool mount_option(char **opts, char **name, char **value)
{
    char *s = *opts, *end, *eq;

    while (*s == ',')
        s++;
    if (!*s)
        return false;
    end = strchr(s, ',');
    *opts = end ? end + 1 : s + strlen(s);
    if (end)
        *end = 0;
    eq = strchr(s, '=');
    *name = s;
    *value = eq ? eq + 1 : s + strlen(s);
    if (eq)
        *eq = 0;
    return true;
}
