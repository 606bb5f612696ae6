/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.c: /proc/PID/{fd,fdinfo,task}: directories of what comes and goes. */
#include "abi/fs.h"
#include "fs/dcache.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/proc/proc.h"

/* The key of a descriptor's node has its number below. */
static int fd_of(struct inode *i)
{
    return proc_tid(i);
}

/* The process's descriptors with a reference, or NULL. */
static struct fd_table *table_of(struct inode *i)
{
    struct process *p = proc_process(i);
    struct fd_table *t = p ? process_files(p) : NULL;

    if (p)
        process_put(p);
    return t;
}

/* The open file with a reference, or NULL. */
static struct file *file_of(struct inode *dir, int fd)
{
    struct fd_table *t = table_of(dir);
    struct file *f = t ? fd_table_file(t, fd) : NULL;

    if (t)
        fd_table_put(t);
    return f;
}

/* ---- fd ---- */

static ssize_t fd_readlink(struct inode *i, char *out, size_t size)
{
    struct file *f = file_of(i, fd_of(i));
    char *buf, *name;
    ssize_t n;

    if (!f)
        return -ENOENT;
    buf = kmalloc(PATH_MAX);
    name = buf ? file_name(f, buf, PATH_MAX) : ERR_PTR(-ENOMEM);
    if (IS_ERR(name)) {
        n = PTR_ERR(name);
    } else {
        n = MIN(strlen(name), size);
        memcpy(out, name, n);
    }
    kfree(buf);
    file_put(f);
    return n;
}

static int fd_follow(struct inode *i, struct path *out)
{
    struct file *f = file_of(i, fd_of(i));
    int err;

    if (!f)
        return -ENOENT;
    err = file_path(f, out);
    file_put(f);
    return err;
}

/* The link's permissions say how the file is open. */
static void fd_attr(struct inode *i)
{
    struct file *f = file_of(i, fd_of(i));

    proc_attr(i);
    if (!f)
        return;
    i->mode = S_IFLNK | (f->fmode & FMODE_READ ? 0500 : 0) | (f->fmode & FMODE_WRITE ? 0300 : 0);
    i->size = 64; /* as on Linux: the length is not known before the link is read */
    file_put(f);
}

static const struct pseudo_node fd_node = {
    .name = "", .mode = S_IFLNK | 0700, .readlink = fd_readlink, .follow = fd_follow, .attr = fd_attr
};

/* ---- fdinfo ---- */

static int show_fdinfo(struct seq *s, struct inode *i)
{
    int fd = fd_of(i);
    struct fd_table *t = table_of(i);
    struct file *f;
    char *extra;
    bool cloexec;

    if (!t)
        return -ESRCH;
    f = fd_table_file(t, fd);
    cloexec = f && fd_table_cloexec(t, fd);
    fd_table_put(t);
    if (!f)
        return -ENOENT;
    seq_printf(s, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", (long long)f->pos,
               f->flags | (cloexec ? O_CLOEXEC : 0), f->path.mnt ? f->path.mnt->id : 0,
               (unsigned long)f->inode->ino);
    extra = f->ops->fdinfo ? kmalloc(PAGE_SIZE) : NULL;
    if (extra)
        seq_write(s, extra, MIN(f->ops->fdinfo(f, extra, PAGE_SIZE), (size_t)PAGE_SIZE));
    kfree(extra);
    file_put(f);
    return 0;
}

static const struct pseudo_node fdinfo_node = {
    .name = "", .mode = S_IFREG | 0400, .show = show_fdinfo, .attr = proc_attr
};

/* ---- both directories ---- */

static int fd_lookup(struct inode *dir, const char *name, unsigned len, const struct pseudo_node *node,
                     struct inode **out)
{
    struct file *f;
    unsigned fd;

    if (!proc_number(name, len, &fd))
        return -ENOENT;
    f = file_of(dir, fd);
    if (!f)
        return -ENOENT;
    file_put(f);
    *out = pseudo_inode_new(dir->sb, node, PROC_KEY(proc_tgid(dir), fd), NULL, 0);
    return *out ? 0 : -ENOMEM;
}

static int fd_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos,
                      const struct pseudo_node *node)
{
    struct fd_table *t = table_of(dir);
    int fd;

    if (!t)
        return -ENOENT;
    while (pos <= INT32_MAX && (fd = fd_next(t, pos)) >= 0) {
        char name[12];

        snprintf(name, sizeof(name), "%d", fd);
        if (!pseudo_emit(e, fd, name, pseudo_ino(node, PROC_KEY(proc_tgid(dir), fd)), node->mode >> 12))
            break;
        pos = fd + 1;
    }
    fd_table_put(t);
    return 0;
}

static bool fd_valid(struct inode *dir, struct inode *i)
{
    struct file *f = file_of(dir, fd_of(i));

    if (!f)
        return false;
    file_put(f);
    if (pseudo_i(i)->node->attr)
        pseudo_i(i)->node->attr(i);
    return true;
}

static int link_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    return fd_lookup(dir, name, len, &fd_node, out);
}
static int link_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    return fd_readdir(dir, e, pos, &fd_node);
}
static int info_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    return fd_lookup(dir, name, len, &fdinfo_node, out);
}
static int info_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    return fd_readdir(dir, e, pos, &fdinfo_node);
}

const struct pseudo_dir proc_fd_dir = { .lookup = link_lookup, .readdir = link_readdir, .valid = fd_valid };
const struct pseudo_dir proc_fdinfo_dir = { .lookup = info_lookup,
                                            .readdir = info_readdir,
                                            .valid = fd_valid };

/* ---- task ---- */

static const struct pseudo_node task_node = {
    .name = "", .mode = S_IFDIR | 0555, .children = proc_task_nodes, .attr = proc_attr
};

static int task_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    struct thread *t;
    unsigned tid;

    if (!proc_number(name, len, &tid))
        return -ENOENT;
    t = thread_find(proc_tgid(dir), tid);
    if (!t)
        return -ENOENT;
    thread_put(t);
    *out = pseudo_inode_new(dir->sb, &task_node, PROC_KEY(proc_tgid(dir), tid), NULL, 0);
    return *out ? 0 : -ENOMEM;
}

/* The lowest thread number from pos on, or 0. */
static int next_tid(struct process *p, uint64_t pos)
{
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    struct uthread *u;
    int found = 0;

    list_for_each (u, &p->threads, link)
        if ((uint64_t)u->thread->tid >= pos && (!found || u->thread->tid < found))
            found = u->thread->tid;
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return found;
}

static int task_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    struct process *p = proc_process(dir);
    int tid;

    if (!p)
        return -ENOENT;
    for (; (tid = next_tid(p, pos)); pos = tid + 1) {
        char name[12];

        snprintf(name, sizeof(name), "%d", tid);
        if (!pseudo_emit(e, tid, name, pseudo_ino(&task_node, PROC_KEY(proc_tgid(dir), tid)), DT_DIR))
            break;
    }
    process_put(p);
    return 0;
}

static bool task_valid(struct inode *dir, struct inode *i)
{
    struct thread *t = proc_thread(i);

    if (t)
        thread_put(t);
    return t;
}

const struct pseudo_dir proc_tasks_dir = { .lookup = task_lookup,
                                           .readdir = task_readdir,
                                           .valid = task_valid };
