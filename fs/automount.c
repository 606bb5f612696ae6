/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * automount.c: file systems that are mounted when a name first leads to them. Many programs never look at /proc,
 * fewer at /sys: their superblocks and the directories to mount them on are not made at boot but by the first
 * walk that takes such a name in the root, and all of them when somebody asks what is there: lists or examines
 * the root directory, or the mounts.
 */
#include "fs/walk.h"
#include "kernel/log.h"
#include "lib/string.h"

static struct mutex later_mutex = MUTEX_INIT(
    later_mutex, RANK_FS_MOUNT); /* one crossing at a time: whoever finds nothing to do finds it done */
static const struct mount_later *later; /* [later_mutex] as the next three */
static unsigned nr_later, nr_left;
static uint64_t done;
static struct path root;
struct dentry *later_root;

void vfs_mount_later(const struct mount_later *table, unsigned nr)
{
    root = fs_current()->root;
    later = table;
    nr_later = nr_left = nr;
    atomic_store_release(&later_root, root.dentry);
}

static unsigned component_len(const char *s)
{
    unsigned n = 0;

    while (s[n] && s[n] != '/')
        n++;
    return n;
}

/* The directory to mount on, made when the image has none. Whoever crosses first, it is root's. */
static int place_in(struct dentry *dir, const char *name, unsigned len, mode_t mode, struct dentry **out)
{
    struct inode *di = dir->inode, *i;
    int err;

    rw_write_lock(&di->rwsem);
    err = lookup_locked(dir, name, len, name_hash(name, len), out);
    if (!err && !(*out)->inode) {
        err = di->ops->mkdir ? di->ops->mkdir(di, name, len, S_IFDIR | mode, &i) : -EPERM;
        if (!err) {
            i->uid = i->gid = 0;
            dentry_instantiate(*out, i);
        } else {
            dentry_put(*out);
        }
    }
    rw_write_unlock(&di->rwsem);
    return err;
}

static int find_place(const struct mount_later *m, struct path *p)
{
    *p = root;
    path_get(p);
    for (const char *s = m->at + 1;; s++) {
        unsigned len = component_len(s);
        struct path next = { p->mnt, NULL };
        int err = place_in(p->dentry, s, len, m->mode, &next.dentry);

        if (!err) {
            mount_get(next.mnt);
            follow_mounts_held(&next.mnt, &next.dentry);
        }
        path_put(p);
        if (err)
            return err;
        *p = next;
        s += len;
        if (!*s)
            return 0;
    }
}

static void mount_one(const struct mount_later *m)
{
    struct path p;
    int err = find_place(m, &p);

    if (!err) {
        err = vfs_mount(m->fs, m->fs, &p, 0, m->data);
        if (!err) {
            follow_mounts_held(&p.mnt, &p.dentry);
            p.dentry->inode->uid = p.dentry->inode->gid = 0;
        }
        path_put(&p);
    }
    if (err)
        log_warn("%s cannot be mounted (error %d)", m->at, -err);
}

/* All that lie under the name in the root; NULL: all. */
static void cross(const char *name, unsigned len)
{
    mutex_lock(&later_mutex);
    for (unsigned i = 0; i < nr_later; i++) {
        const char *at = later[i].at + 1;

        if ((done >> i & 1) || (name && (component_len(at) != len || memcmp(at, name, len))))
            continue;
        mount_one(&later[i]);
        done |= 1ull << i;
        if (!--nr_left)
            atomic_store(&later_root, NULL);
    }
    mutex_unlock(&later_mutex);
}

int later_step(struct walk *w)
{
    int err;

    for (unsigned i = 0; i < nr_later; i++) {
        const char *at = later[i].at + 1;

        if (component_len(at) != w->last_len || memcmp(at, w->last, w->last_len))
            continue;
        err = go_slow(w);
        if (!err)
            cross(w->last, w->last_len);
        return err;
    }
    return 0;
}

void later_all(void)
{
    cross(NULL, 0);
}
