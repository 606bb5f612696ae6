/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pidfd.c: processes as descriptors: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2). Readable once it has ended.
 */
#include "linux/pidfd.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/poll.h"
#include "linux/proc/proc.h"
#include "linux/syscall.h"
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

static unsigned pidfd_poll(struct file *f, struct poll_table *pt)
{
    struct process *p = f->private;

    poll_wait(f, &p->end_wait, pt);
    return READ_ONCE(p->zombie) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
    process_put(f->private);
}

static size_t pidfd_info(struct file *f, char *buf, size_t size)
{
    struct process *p = f->private;
    int pid = READ_ONCE(p->leader) ? p->pid : -1;

    return snprintf(buf, size, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = { .poll = pidfd_poll,
                                           .release = pidfd_release,
                                           .fdinfo = pidfd_info };

int pidfd_new(struct process *p, int flags)
{
    struct file *f = file_new_anon("anon_inode:[pidfd]", &pidfd_ops, p, O_RDWR | (flags & O_NONBLOCK), 0600);

    if (f)
        ref_get(&p->refs);
    return fd_install_new(f, flags & O_CLOEXEC);
}

/* The process that fd stands for with a reference, or ERR_PTR. */
static struct process *pidfd_get(int fd, bool *nonblock)
{
    struct file *f = fd_get(fd);
    struct process *p = ERR_PTR(-EBADF);

    if (!f)
        return p;
    if (f->ops == &pidfd_ops) {
        p = f->private;
        ref_get(&p->refs);
        if (nonblock)
            *nonblock = f->flags & O_NONBLOCK;
    }
    file_put(f);
    return p;
}

/* pidfd_send_signal(2) also takes a directory of /proc, which is what there was before pidfd_open(2). */
static struct process *pidfd_or_dir_get(int fd)
{
    struct process *p = pidfd_get(fd, NULL);
    struct file *f;

    if (p != ERR_PTR(-EBADF))
        return p;
    f = fd_get(fd);
    if (f) {
        p = proc_of_dir(f);
        file_put(f);
    }
    return p;
}

int pidfd_pid(int fd, bool *nonblock)
{
    struct process *p = pidfd_get(fd, nonblock);
    int pid;

    if (IS_ERR(p))
        return PTR_ERR(p);
    /* Once reaped its number may be another's. */
    pid = READ_ONCE(p->leader) ? p->pid : INT32_MAX;
    process_put(p);
    return pid;
}

SYSCALL2(pidfd_open, int, pid, unsigned, flags)
{
    struct thread *t;
    struct process *p;
    long fd;

    if (flags & ~(unsigned)O_NONBLOCK || pid <= 0)
        return -EINVAL;
    p = process_find(pid);
    if (!p) {
        t = thread_find(0, pid);
        if (!t)
            return -ESRCH;
        thread_put(t);
        return -EINVAL; /* a thread's number */
    }
    fd = pidfd_new(p, O_CLOEXEC | flags);
    process_put(p);
    return fd;
}

static long check_info(const siginfo_t *info, int sig, const struct process *p)
{
    if (sig != info->si_signo)
        return -EINVAL;
    /* Only to itself may a process claim to be the kernel or another sender. */
    return p != current_process() && (info->si_code >= 0 || info->si_code == SI_TKILL) ? -EPERM : 0;
}

SYSCALL4(pidfd_send_signal, int, fd, int, sig, const siginfo_t __user *, uinfo, unsigned, flags)
{
    struct process *p;
    siginfo_t info;
    long err = 0;

    if (flags)
        return -EINVAL;
    p = pidfd_or_dir_get(fd);
    if (IS_ERR(p))
        return PTR_ERR(p);
    if (uinfo) {
        err = copy_from_user(&info, uinfo, sizeof(info)) ? -EFAULT : check_info(&info, sig, p);
    } else {
        siginfo_init(&info, sig, SI_USER);
        info.si_pid = current_process()->pid;
        info.si_uid = current_cred()->uid;
    }
    if (!err)
        err = process_signal(p, sig, &info);
    process_put(p);
    return err;
}

SYSCALL3(pidfd_getfd, int, pidfd, int, fd, unsigned, flags)
{
    struct fd_table *t;
    struct process *p;
    struct file *f = NULL;
    long err;

    if (flags)
        return -EINVAL;
    p = pidfd_get(pidfd, NULL);
    if (IS_ERR(p))
        return PTR_ERR(p);
    err = process_may_access(p);
    t = err ? NULL : process_files(p);
    if (!err && !t)
        err = -ESRCH;
    if (t) {
        f = fd_table_file(t, fd);
        fd_table_put(t);
        err = f ? fd_install_new(f, O_CLOEXEC) : -EBADF;
    }
    process_put(p);
    return err;
}
