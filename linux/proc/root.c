/* SPDX-License-Identifier: BSD-2-Clause */
/* root.c: the top of /proc: the system's files, and a directory for each process. Nothing exists until looked up. */
#include "abi/fs.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/filesystems.h"
#include "linux/proc/proc.h"

bool proc_number(const char *name, unsigned len, unsigned *n)
{
    uint64_t v = 0;

    if (!len || len > 10 || (name[0] == '0' && len > 1))
        return false;
    for (unsigned i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        v = v * 10 + name[i] - '0';
    }
    *n = v;
    return v <= INT32_MAX;
}

struct process *proc_process(struct inode *i)
{
    return process_find(proc_tgid(i));
}

struct thread *proc_thread(struct inode *i)
{
    int tgid = proc_tgid(i), tid = proc_tid(i);

    return thread_find(tgid, tid ? tid : tgid);
}

struct mm *proc_mm(struct inode *i)
{
    struct process *p = proc_process(i);
    struct mm *mm;

    if (!p)
        return NULL;
    mm = process_mm(p);
    process_put(p);
    return mm;
}

void proc_attr(struct inode *i)
{
    struct process *p = proc_process(i);
    const struct cred *c;

    if (!p)
        return;
    if (p->dumpable || i->mode == (S_IFDIR | 0555)) {
        spin_lock(&tasks_lock);
        rcu_read_lock();
        c = p->leader ? thread_cred(p->leader) : NULL;
        i->uid = c ? c->euid : 0;
        i->gid = c ? c->egid : 0;
        rcu_read_unlock();
        spin_unlock(&tasks_lock);
    } else {
        i->uid = i->gid = 0;
    }
    process_put(p);
}

static ssize_t read_self(struct inode *i, char *buf, size_t size)
{
    return MIN((size_t)snprintf(buf, size, "%d", current_process()->pid), size);
}

static ssize_t read_thread_self(struct inode *i, char *buf, size_t size)
{
    return MIN((size_t)snprintf(buf, size, "%d/task/%d", current_process()->pid, current->tid), size);
}

static const struct pseudo_node empty[] = { { .name = NULL } };

static const struct pseudo_node root_nodes[] = {
    { .name = "self", .mode = S_IFLNK | 0777, .readlink = read_self },
    { .name = "thread-self", .mode = S_IFLNK | 0777, .readlink = read_thread_self },
    { .name = "mounts", .mode = S_IFLNK | 0777, .target = "self/mounts" },
    { .name = "net", .mode = S_IFLNK | 0777, .target = "self/net" },
    PROC_DIR("sys", proc_sys_nodes),
    PROC_DIR("bus", empty),
    PROC_FILE("cmdline", 0444, proc_show_cmdline),
    PROC_FILE("cpuinfo", 0444, proc_show_cpuinfo),
    PROC_FILE("devices", 0444, proc_show_devices),
    PROC_DIR("driver", empty),
    PROC_FILE("filesystems", 0444, proc_show_filesystems),
    PROC_DIR("fs", empty),
    PROC_FILE("interrupts", 0444, proc_show_interrupts),
    PROC_DIR("irq", empty),
    PROC_FILE("loadavg", 0444, proc_show_loadavg),
    PROC_FILE("meminfo", 0444, proc_show_meminfo),
    PROC_FILE("partitions", 0444, proc_show_partitions),
    PROC_FILE("stat", 0444, proc_show_system_stat),
    PROC_FILE("swaps", 0444, proc_show_swaps),
    PROC_FILE("uptime", 0444, proc_show_uptime),
    PROC_FILE("version", 0444, proc_show_version),
    PROC_FILE("vmstat", 0444, proc_show_vmstat),
    PROC_FILE("zoneinfo", 0444, proc_show_zoneinfo),
    { .name = NULL },
};

/* ---- processes ---- */

static const struct pseudo_node pid_node = {
    .name = "", .mode = S_IFDIR | 0555, .children = proc_pid_nodes, .attr = proc_attr
};

struct process *proc_of_dir(struct file *f)
{
    struct process *p;

    if (pseudo_dir_node(f) != &pid_node)
        return ERR_PTR(-EBADF);
    p = proc_process(f->inode);
    return p ? p : ERR_PTR(-ESRCH);
}

static int pid_lookup(struct inode *dir, const char *name, unsigned len, struct inode **out)
{
    struct process *p;
    struct thread *t;
    uint64_t key;
    unsigned n;

    if (!proc_number(name, len, &n))
        return -ENOENT;
    p = process_find(n);
    if (p) {
        process_put(p);
        key = PROC_KEY(n, 0);
    } else { /* a thread's number: not listed, but there */
        t = thread_find(0, n);
        if (!t)
            return -ENOENT;
        key = PROC_KEY(t->proc->pid, n);
        thread_put(t);
    }
    *out = pseudo_inode_new(dir->sb, &pid_node, key, NULL, 0);
    return *out ? 0 : -ENOMEM;
}

static int pid_readdir(struct inode *dir, struct pseudo_emitter *e, uint64_t pos)
{
    struct process *p;

    for (; (p = process_next(pos)); pos++) {
        char name[12];
        bool room;

        pos = p->pid;
        snprintf(name, sizeof(name), "%d", p->pid);
        room = pseudo_emit(e, pos, name, pseudo_ino(&pid_node, PROC_KEY(pos, 0)), DT_DIR);
        process_put(p);
        if (!room)
            break;
    }
    return 0;
}

static bool pid_valid(struct inode *dir, struct inode *i)
{
    struct process *p;

    if (pseudo_i(i)->node != &pid_node)
        return true;
    p = proc_process(i);
    if (p)
        process_put(p);
    return p;
}

static const struct pseudo_dir pid_dir = { .lookup = pid_lookup, .readdir = pid_readdir, .valid = pid_valid };

static const struct pseudo_node root = {
    .name = "/", .mode = S_IFDIR | 0555, .children = root_nodes, .dir = &pid_dir
};

static int proc_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                      struct super **out)
{
    return pseudo_mount(fs, &root, PROC_SUPER_MAGIC, flags, out);
}

const struct filesystem proc_filesystem = { .name = "proc", .nodev = true, .mount = proc_mount };
