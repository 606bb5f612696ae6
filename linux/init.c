/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * init.c: how pid 1 comes to be: root file system, configuration, standard streams, exec.
 */
#include "linux/init.h"
#include "abi/control.h"
#include "abi/image.h"
#include "fs/locks.h"
#include "fs/pipe.h"
#include "kernel/arch.h"
#include "kernel/blkdev.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/config.h"
#include "linux/control.h"
#include "linux/cred.h"
#include "linux/files.h"
#include "linux/itimer.h"
#include "linux/oom.h"
#include "linux/process.h"
#include "linux/socket/socket.h"
#include "linux/stdio.h"
#include "linux/tty/tty.h"
#include "linux/uts.h"
#include "net/config.h"
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

/* The program cannot start: say why and end as docker does. */
static void __noreturn fail(int status, const char *what, int err)
{
    log_err("%s: %s", what, errno_name(err));
    control_report_exit(status);
}

/* ---- file systems ---- */

static const struct mount_later mounts[] = {
    { "proc", "/proc", NULL, 0555 },
    { "sysfs", "/sys", NULL, 0555 },
    { "devtmpfs", "/dev", NULL, 0755 },
    { "devpts", "/dev/pts", NULL, 0755 },
    { "tmpfs", "/dev/shm", "mode=1777", 01777 },
};

static void mount_all(void)
{
    struct blkdev *d = blkdev_next(NULL);
    int err = vfs_mount_root(d ? "overlay" : "tmpfs", d ? d->name : "tmpfs", 0, NULL);

    if (err)
        fail(EXIT_FAILED, "the root file system cannot be mounted", err);
    vfs_mount_later(mounts, ARRAY_SIZE(mounts));
    boot_step("root");
}

static void make_root_readonly(void)
{
    struct path p;

    if (path_lookup(NULL, "/", 0, &p))
        return;
    vfs_mount(NULL, NULL, &p, MS_REMOUNT | MS_RDONLY, NULL);
    path_put(&p);
}

/* ---- configuration ---- */

static int parse_file(struct config *c, const char *name)
{
    struct file *f;
    char *text;
    ssize_t n;
    int err = vfs_open(NULL, name, &(struct open_how_k){ .flags = O_RDONLY }, &f);

    if (err)
        return err;
    if (f->inode->size > IMAGE_CONFIG_MAX) {
        file_put(f);
        return -EFBIG;
    }
    text = kmalloc(f->inode->size + 1);
    n = text ? file_read_kernel(f, text, f->inode->size, 0) : -ENOMEM;
    file_put(f);
    err = n < 0 ? n : config_parse(c, text, n);
    kfree(text);
    return err;
}

/* The run's own configuration comes as the initial ramdisk; else the image's holds. */
static void load_config(struct config *c)
{
    size_t len = boot_info.initrd_end - boot_info.initrd_start;
    int err;

    if (len > IMAGE_CONFIG_MAX)
        fail(EXIT_FAILED, "the run-time configuration is too large", -EFBIG);
    if (len)
        err = config_parse(c, phys_virt(boot_info.initrd_start), len);
    else
        err = parse_file(c, IMAGE_CONFIG);
    if (err)
        fail(EXIT_FAILED, len ? "the run-time configuration cannot be used" : IMAGE_CONFIG, err);
}

static void apply_config(const struct config *c)
{
    struct process *p = current_process();
    struct cred *cred = current_uthread()->cred; /* nobody else's yet */

    for (unsigned i = 0; i < c->nr_rlimits; i++)
        p->rlimits[c->rlimits[i].which] = (struct rlimit_pair){ c->rlimits[i].soft, c->rlimits[i].hard };
    if (c->nr_rlimits) {
        mutex_lock(&p->lock);
        if (itimer_cpu_limit(p))
            fail(EXIT_FAILED, "the limit of CPU time", -ENOMEM);
        mutex_unlock(&p->lock);
    }
    if (c->hostname)
        uts_set_hostname(c->hostname, strlen(c->hostname));
    if (c->readonly_root)
        make_root_readonly();
    cred->uid = cred->euid = cred->suid = cred->fsuid = c->uid;
    cred->gid = cred->egid = cred->sgid = cred->fsgid = c->gid;
    memcpy(cred->groups, c->groups, c->nr_groups * sizeof(c->groups[0]));
    cred->nr_groups = c->nr_groups;
    if (c->uid)
        cred->cap_effective = cred->cap_permitted = 0;
}

/* Names that hold for this run alone follow those of the image. */
static void add_hosts(const char *lines)
{
    struct open_how_k how = { .flags = O_WRONLY | O_CREAT, .mode = 0644 };
    struct file *f;
    ssize_t n = vfs_open(NULL, "/etc/hosts", &how, &f);

    if (!n) {
        n = file_write_kernel(f, lines, strlen(lines), f->inode->size);
        file_put(f);
    }
    if (n < 0)
        log_warn("/etc/hosts cannot be written: error %zd", -n);
}

static void enter_cwd(const char *cwd)
{
    struct fs_context *fs = fs_current();
    struct path p, old;
    int err;

    if (!cwd || !strcmp(cwd, "/"))
        return;
    err = path_lookup(NULL, cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
    if (err == -ENOENT) {
        vfs_mkdir(NULL, cwd, 0755);
        err = path_lookup(NULL, cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
    }
    if (err)
        fail(EXIT_NOT_EXECUTABLE, cwd, err);
    old = fs->cwd;
    fs->cwd = p;
    path_put(&old);
}

/* ---- the program ---- */

static const char *env_get(const struct strings *env, const char *name)
{
    size_t n = strlen(name);

    for (const char *s = env->buf; s < env->buf + env->len; s += strlen(s) + 1)
        if (!strncmp(s, name, n) && s[n] == '=')
            return s + n + 1;
    return NULL;
}

static int try_exec(const struct config *c, const char *path)
{
    struct exec_args a = { .path = path, .argc = c->args.count, .envc = c->env.count };
    int err;

    a.len_bytes = c->args.len + c->env.len;
    a.strings = kmalloc(a.len_bytes + 1);
    if (!a.strings)
        return -ENOMEM;
    memcpy(a.strings, c->args.buf, c->args.len);
    memcpy(a.strings + c->args.len, c->env.buf, c->env.len);
    err = process_exec(&a);
    kfree(a.strings);
    return err;
}

/* As execvp(3): each directory of PATH, remembering a permission problem. */
static int search_exec(const struct config *c, const char *name)
{
    const char *path = env_get(&c->env, "PATH");
    char buf[PATH_MAX / 8];
    int err = -ENOENT;

    for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin"; *p;) {
        const char *end = strchr(p, ':');
        size_t n = end ? (size_t)(end - p) : strlen(p);

        if ((size_t)snprintf(buf, sizeof(buf), "%.*s/%s", (int)n, p, name) < sizeof(buf)) {
            int e = try_exec(c, buf);

            if (!e)
                return 0;
            if (e != -ENOENT && e != -ENOTDIR)
                err = e;
        }
        p += n + (end ? 1 : 0);
    }
    return err;
}

static void init_thread(void *unused)
{
    struct config c;
    const char *name;
    int err;

    mount_all();
    control_init();
    load_config(&c);
    if (c.hosts)
        add_hosts(c.hosts);
    apply_config(&c);
    net_boot();
    err = stdio_open(c.tty, c.rows, c.cols);
    if (err)
        fail(EXIT_FAILED, "standard streams", err);
    boot_step("streams");
    enter_cwd(c.cwd);
    name = c.exec ? c.exec : c.args.buf;
    err = strchr(name, '/') ? try_exec(&c, name) : search_exec(&c, name);
    if (err)
        fail(err == -ENOENT || err == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, name, err);
    config_free(&c);
    boot_step("exec");
    arch_enter_user(NULL);
}

static void send_sigpipe(void)
{
    signal_send_thread(current, SIGPIPE, NULL);
}

static struct fs_context *context_of_current(void)
{
    return current_process()->fs;
}

static const struct cred *cred_of_current(void)
{
    return current_cred();
}

static int own_pid(void)
{
    return current_process()->pid;
}

void linux_start(void)
{
    struct process *p;

    fs_set_current(context_of_current, cred_of_current);
    tty_init();
    pipe_broken = send_sigpipe;
    locks_pid = own_pid;
    mm_set_oom(oom_kill);
    socket_host_init();
    vsock_dev_init();
    p = process_new();
    if (IS_ERR(p))
        panic("out of memory for the first process");
    init_process = p;
    arch_thread_init(p->leader, init_thread, NULL);
    thread_wake(p->leader);
}
