/* SPDX-License-Identifier: BSD-2-Clause */
/* process.c: the nodes of /proc/PID and /proc/PID/task/TID, and the small ones' content. */
#include "abi/fs.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/proc/proc.h"
#include <linux/resource.h>

/* ---- memory of the program as text ---- */

static int show_range(struct seq *s, struct mm *mm, vaddr_t from, vaddr_t to)
{
    char buf[256];

    while (from < to) {
        ssize_t n = mm_access(mm, from, buf, MIN(to - from, sizeof(buf)), false);

        if (n <= 0)
            break;
        seq_write(s, buf, n);
        from += n;
    }
    return 0;
}

/* A program that writes a longer name for itself over its arguments (setproctitle) runs on into the environment. */
static int show_cmdline(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);
    char last = 0;

    if (!mm)
        return 0;
    if (mm->arg_end > mm->arg_start && mm_access(mm, mm->arg_end - 1, &last, 1, false) == 1 && last) {
        char *end;

        show_range(s, mm, mm->arg_start, mm->env_end > mm->arg_end ? mm->env_end : mm->arg_end);
        end = s->len ? memchr(s->buf, 0, s->len) : NULL;
        if (end)
            s->len = end - s->buf + 1;
    } else {
        show_range(s, mm, mm->arg_start, mm->arg_end);
    }
    mm_put(mm);
    return 0;
}

static int show_environ(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);

    if (!mm)
        return 0;
    show_range(s, mm, mm->env_start, mm->env_end);
    mm_put(mm);
    return 0;
}

static int show_auxv(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);

    if (!mm)
        return 0;
    seq_write(s, mm->auxv, mm->nr_auxv * sizeof(mm->auxv[0]));
    mm_put(mm);
    return 0;
}

/* ---- names and numbers ---- */

static int show_comm(struct seq *s, struct inode *i)
{
    struct thread *t = proc_thread(i);

    if (!t)
        return -ESRCH;
    seq_printf(s, "%.15s\n", t->name);
    thread_put(t);
    return 0;
}

/* Only a thread's own process may rename it. */
static ssize_t write_comm(struct inode *i, const char *text, size_t len)
{
    struct thread *t = proc_thread(i);
    char name[16] = "";

    if (!t)
        return -ESRCH;
    if (t->proc != current_process()) {
        thread_put(t);
        return -EINVAL;
    }
    memcpy(name, text, MIN(len, sizeof(name) - 1));
    memcpy(t->name, name, sizeof(name));
    if (t == t->proc->leader)
        memcpy(t->proc->comm, name, sizeof(name));
    thread_put(t);
    return len;
}

static int show_limits(struct seq *s, struct inode *i)
{
    static const struct {
        const char *name, *unit;
    } names[RLIM_NLIMITS] = {
        [RLIMIT_CPU] = { "Max cpu time", "seconds" },
        [RLIMIT_FSIZE] = { "Max file size", "bytes" },
        [RLIMIT_DATA] = { "Max data size", "bytes" },
        [RLIMIT_STACK] = { "Max stack size", "bytes" },
        [RLIMIT_CORE] = { "Max core file size", "bytes" },
        [RLIMIT_RSS] = { "Max resident set", "bytes" },
        [RLIMIT_NPROC] = { "Max processes", "processes" },
        [RLIMIT_NOFILE] = { "Max open files", "files" },
        [RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
        [RLIMIT_AS] = { "Max address space", "bytes" },
        [RLIMIT_LOCKS] = { "Max file locks", "locks" },
        [RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
        [RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
        [RLIMIT_NICE] = { "Max nice priority", NULL },
        [RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
        [RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
    };
    struct process *p = proc_process(i);

    if (!p)
        return -ESRCH;
    seq_puts(s, "Limit                     Soft Limit           Hard Limit           Units     \n");
    for (unsigned n = 0; n < RLIM_NLIMITS; n++) {
        uint64_t v[2] = { p->rlimits[n].cur, p->rlimits[n].max };

        seq_printf(s, "%-25s ", names[n].name);
        for (unsigned k = 0; k < 2; k++) {
            if (v[k] == UINT64_MAX)
                seq_printf(s, "%-20s ", "unlimited");
            else
                seq_printf(s, "%-20llu ", (unsigned long long)v[k]);
        }
        if (names[n].unit)
            seq_printf(s, "%-10s\n", names[n].unit);
        else
            seq_puts(s, "\n");
    }
    process_put(p);
    return 0;
}

/* Linux's measure: memory in use and the adjustment, in thousandths of all memory, moved so as not to be negative. */
static int show_oom_score(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);
    struct process *p = proc_process(i);
    struct page_stats st;
    long points = 0;

    page_get_stats(&st);
    if (mm && p && p->oom_score_adj != -1000) {
        points = mm->rss_anon + mm->rss_file + mm->rss_shmem;
        points += (long)p->oom_score_adj * (long)(st.total / 1000);
        points = MAX(0l, (1000 + points * 1000 / (long)st.total) * 2 / 3);
    }
    if (mm)
        mm_put(mm);
    if (p)
        process_put(p);
    seq_printf(s, "%ld\n", points);
    return 0;
}

static int show_oom_score_adj(struct seq *s, struct inode *i)
{
    struct process *p = proc_process(i);

    if (!p)
        return -ESRCH;
    seq_printf(s, "%d\n", p->oom_score_adj);
    process_put(p);
    return 0;
}

static ssize_t write_oom_score_adj(struct inode *i, const char *text, size_t len)
{
    struct process *p;
    bool minus = text[0] == '-';
    const char *s = text + minus;
    uint64_t v;

    if (!str_u64(&s, 10, &v) || (*s && *s != '\n') || v > 1000)
        return -EINVAL;
    p = proc_process(i);
    if (!p)
        return -ESRCH;
    if ((minus ? -(int)v : (int)v) < p->oom_score_adj && !fs_capable(CAP_SYS_RESOURCE)) {
        process_put(p);
        return -EACCES;
    }
    p->oom_score_adj = minus ? -(int)v : (int)v;
    process_put(p);
    return len;
}

static int show_personality(struct seq *s, struct inode *i)
{
    struct process *p = proc_process(i);

    if (!p)
        return -ESRCH;
    seq_printf(s, "%08x\n", p->personality);
    process_put(p);
    return 0;
}

/* Whoever reads its own is running; others show the call they sleep in, its arguments, stack and program counter. */
static int show_syscall(struct seq *s, struct inode *i)
{
    struct thread *t = proc_thread(i);
    const struct user_regs *r;
    long nr;

    if (!t)
        return -ESRCH;
    r = arch_user_regs(t);
    nr = arch_syscall_nr(r);
    if (t->state == T_RUNNING)
        seq_puts(s, "running\n");
    else
        seq_printf(s, "%ld 0x%lx 0x%lx\n", nr, (unsigned long)arch_user_sp(r),
                   (unsigned long)arch_user_pc(r));
    thread_put(t);
    return 0;
}

static int show_text(struct seq *s, struct inode *i)
{
    seq_puts(s, (const char *)pseudo_i(i)->node->arg);
    return 0;
}

/* ---- mounts ---- */

static char *mounts_text(bool mountinfo, size_t *len)
{
    for (size_t size = 4096; size <= 1 << 20; size *= 2) {
        char *buf = kmalloc(size);

        if (!buf)
            return NULL;
        *len = vfs_show_mounts(buf, size, mountinfo);
        if (*len < size)
            return buf;
        kfree(buf);
    }
    return NULL;
}

static int show_mounts(struct seq *s, struct inode *i)
{
    size_t len;
    char *text = mounts_text(pseudo_i(i)->node->arg, &len);

    if (!text)
        return -ENOMEM;
    seq_write(s, text, len);
    kfree(text);
    return 0;
}

/* The first three words of a line of mounts, in a sentence. */
static int show_mountstats(struct seq *s, struct inode *i)
{
    size_t len;
    char *text = mounts_text(false, &len), *c;

    if (!text)
        return -ENOMEM;
    text[len] = 0;
    for (c = text; *c;) {
        static const char *const before[] = { "device ", " mounted on ", " with fstype " };

        for (unsigned n = 0; n < ARRAY_SIZE(before); n++) {
            char *end = strchr(c, ' ');

            seq_puts(s, before[n]);
            seq_write(s, c, end - c);
            c = end + 1;
        }
        seq_puts(s, "\n");
        c = strchr(c, '\n') + 1;
    }
    kfree(text);
    return 0;
}

/* ---- magic links ---- */

static int follow_exe(struct inode *i, struct path *out)
{
    struct mm *mm = proc_mm(i);
    int err = mm && mm->exe_file ? file_path(mm->exe_file, out) : -ENOENT;

    if (mm)
        mm_put(mm);
    return err;
}

static int follow_place(struct inode *i, struct path *out)
{
    struct process *p = proc_process(i);
    struct fs_context *fs;

    if (!p)
        return -ENOENT;
    fs = process_fs(p);
    spin_lock(&fs->lock);
    *out = pseudo_i(i)->node->arg ? fs->root : fs->cwd;
    path_get(out);
    spin_unlock(&fs->lock);
    fs_context_put(fs);
    process_put(p);
    return 0;
}

static ssize_t read_magic(struct inode *i, char *out, size_t size)
{
    struct path p;
    char *buf, *name;
    ssize_t n = pseudo_i(i)->node->follow(i, &p);

    if (n)
        return n;
    buf = kmalloc(PATH_MAX);
    name = buf ? path_name(&p, buf, PATH_MAX) : ERR_PTR(-ENOMEM);
    if (IS_ERR(name)) {
        n = PTR_ERR(name);
    } else {
        n = MIN(strlen(name), size);
        memcpy(out, name, n);
    }
    kfree(buf);
    path_put(&p);
    return n;
}

/* ---- the tables ---- */

#define FILE_(n, perm, fn)                                                 \
    {                                                                      \
        .name = n, .mode = S_IFREG | (perm), .show = fn, .attr = proc_attr \
    }
#define TEXT(n, perm, t)                                                                                 \
    {                                                                                                    \
        .name = n, .mode = S_IFREG | (perm), .show = show_text, .arg = (uintptr_t)(t), .attr = proc_attr \
    }
#define MAGIC(n, fn, a)                                                                                      \
    {                                                                                                        \
        .name = n, .mode = S_IFLNK | 0777, .readlink = read_magic, .follow = fn, .arg = a, .attr = proc_attr \
    }
#define WRITABLE(n, show_, write_)                                                           \
    {                                                                                        \
        .name = n, .mode = S_IFREG | 0644, .show = show_, .write = write_, .attr = proc_attr \
    }
#define FILE_OPS(n, perm, ops)                                               \
    {                                                                        \
        .name = n, .mode = S_IFREG | (perm), .fops = &ops, .attr = proc_attr \
    }
#define SUBDIR(n, perm, d)                                                \
    {                                                                     \
        .name = n, .mode = S_IFDIR | (perm), .dir = &d, .attr = proc_attr \
    }
#define NO_ID   "4294967295" /* no audit session, as for what no login started */
#define ALL_IDS "         0          0 4294967295\n"

/* What processes and threads have in common. */
#define COMMON                                                                                             \
    SUBDIR("fd", 0500, proc_fd_dir), SUBDIR("fdinfo", 0555, proc_fdinfo_dir),                              \
        { .name = "net", .mode = S_IFDIR | 0555, .children = proc_net_nodes },                             \
        FILE_("environ", 0400, show_environ), FILE_("auxv", 0400, show_auxv),                              \
        FILE_("status", 0444, proc_show_status), FILE_("personality", 0400, show_personality),             \
        FILE_("limits", 0444, show_limits), WRITABLE("comm", show_comm, write_comm),                       \
        FILE_("syscall", 0400, show_syscall), FILE_("cmdline", 0444, show_cmdline),                        \
        FILE_("stat", 0444, proc_show_stat), FILE_("statm", 0444, proc_show_statm),                        \
        FILE_("maps", 0444, proc_show_maps), FILE_OPS("mem", 0600, proc_mem_ops),                          \
        MAGIC("cwd", follow_place, 0), MAGIC("root", follow_place, 1), MAGIC("exe", follow_exe, 0),        \
        { .name = "mounts", .mode = S_IFREG | 0444, .show = show_mounts },                                 \
        { .name = "mountinfo", .mode = S_IFREG | 0444, .show = show_mounts, .arg = 1 },                    \
        FILE_("smaps", 0444, proc_show_smaps), FILE_("smaps_rollup", 0444, proc_show_smaps_rollup),        \
        FILE_OPS("pagemap", 0400, proc_pagemap_ops), TEXT("wchan", 0444, "0"),                             \
        TEXT("cgroup", 0444, "0::/\n"), FILE_("oom_score", 0444, show_oom_score),                          \
        WRITABLE("oom_score_adj", show_oom_score_adj, write_oom_score_adj), TEXT("loginuid", 0444, NO_ID), \
        TEXT("sessionid", 0444, NO_ID), TEXT("uid_map", 0444, ALL_IDS), TEXT("gid_map", 0444, ALL_IDS),    \
        TEXT("setgroups", 0444, "allow\n")

const struct pseudo_node proc_task_nodes[] = { COMMON, { .name = NULL } };

const struct pseudo_node proc_pid_nodes[] = {
    SUBDIR("task", 0555, proc_tasks_dir),
    COMMON,
    FILE_("mountstats", 0400, show_mountstats),
    TEXT("coredump_filter", 0444, "00000033\n"), /* Linux's default; no core is ever written */
    { .name = NULL },
};
