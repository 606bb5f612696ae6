/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd.c: signals that are read (signalfd(2)). A file holds only a set; it reads what is pending for the
 * thread that reads.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

struct signalfd_record { /* signalfd(2): struct signalfd_siginfo */
    uint32_t signo;
    int32_t err, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, value;
    uint64_t ptr, utime, stime, addr;
    uint16_t addr_lsb, pad2;
    int32_t syscall;
    uint64_t call_addr;
    uint32_t arch;
    uint8_t pad[28];
};
static_assert(sizeof(struct signalfd_record) == 128, "signalfd(2)");

struct signalfd {
    uint64_t set; /* [a] signals it reads */
};

static struct slab_cache cache = SLAB_CACHE(struct signalfd);

static bool is_fault(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
}

/* Which of siginfo's members hold depends on who sent the signal. */
static void fill(struct signalfd_record *r, const siginfo_t *i)
{
    bool from_kernel = i->si_code > SI_USER && i->si_code < SI_KERNEL;

    memset(r, 0, sizeof(*r));
    r->signo = i->si_signo;
    r->err = i->si_errno;
    r->code = i->si_code;
    if (from_kernel && is_fault(i->si_signo)) {
        r->addr = (uintptr_t)i->si_addr;
    } else if (from_kernel && i->si_signo == SIGCHLD) {
        r->pid = i->si_pid;
        r->uid = i->si_uid;
        r->status = i->si_status;
        r->utime = i->si_utime;
        r->stime = i->si_stime;
    } else if (i->si_code == SI_SIGIO || (from_kernel && i->si_signo == SIGPOLL)) {
        r->band = i->si_band;
        r->fd = i->si_fd;
    } else if (from_kernel && i->si_signo == SIGSYS) {
        r->call_addr = (uintptr_t)i->si_call_addr;
        r->syscall = i->si_syscall;
        r->arch = i->si_arch;
    } else if (i->si_code == SI_TIMER) {
        r->tid = i->si_tid;
        r->overrun = i->si_overrun;
        r->ptr = (uintptr_t)i->si_ptr;
        r->value = i->si_int;
    } else {
        r->pid = i->si_pid;
        r->uid = i->si_uid;
        if (i->si_code < 0) {
            r->ptr = (uintptr_t)i->si_ptr;
            r->value = i->si_int;
        }
    }
}

static int take(struct signalfd *s, bool block, siginfo_t *info)
{
    struct uthread *u = current_uthread();
    int sig = signal_dequeue(u, atomic_load(&s->set), info);
    int err;

    if (sig || !block)
        return sig;
    err = wait_event_interruptible(&signalfd_wait, (sig = signal_dequeue(u, atomic_load(&s->set), info)));
    return err ? err : sig;
}

static ssize_t signalfd_read(struct file *f, struct iov *v, uint64_t *pos)
{
    bool block = !(f->flags & O_NONBLOCK) && !v->nonblock;
    size_t nr = v->count / sizeof(struct signalfd_record);
    ssize_t done = 0;

    if (!nr)
        return -EINVAL;
    while (nr--) {
        struct signalfd_record r;
        siginfo_t info;
        int sig = take(f->private, block && !done, &info);

        if (sig <= 0)
            return done ? done : sig ? sig : -EAGAIN;
        fill(&r, &info);
        if (iov_put(v, &r, sizeof(r)) != sizeof(r))
            return done ? done : -EFAULT;
        done += sizeof(r);
    }
    return done;
}

static unsigned signalfd_poll(struct file *f, struct poll_table *pt)
{
    struct signalfd *s = f->private;
    struct uthread *u = current_uthread();

    poll_wait(f, &signalfd_wait, pt);
    return (READ_ONCE(u->pending.set) | READ_ONCE(u->proc->sighand->shared.set)) & atomic_load(&s->set)
               ? EPOLLIN
               : 0;
}

static void signalfd_release(struct file *f)
{
    slab_free(&cache, f->private);
}

static size_t signalfd_fdinfo(struct file *f, char *buf, size_t size)
{
    struct signalfd *s = f->private;

    return snprintf(buf, size, "sigmask:\t%016llx\n", (unsigned long long)atomic_load(&s->set));
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .release = signalfd_release,
    .fdinfo = signalfd_fdinfo,
};

static long change_set(int fd, uint64_t set)
{
    struct file *f = fd_get(fd);
    long n = fd;

    if (!f)
        return -EBADF;
    if (f->ops == &signalfd_ops) {
        struct signalfd *s = f->private;

        atomic_store(&s->set, set);
        wake_all(&signalfd_wait);
    } else {
        n = -EINVAL;
    }
    file_put(f);
    return n;
}

static long make(int fd, const uint64_t __user *uset, size_t size, int flags)
{
    struct signalfd *s;
    struct file *f;
    uint64_t set;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    if (size != sizeof(set))
        return -EINVAL;
    if (get_user(set, uset))
        return -EFAULT;
    set &= ~(sig_bit(SIGKILL) | sig_bit(SIGSTOP));
    if (fd != -1)
        return change_set(fd, set);
    s = slab_alloc(&cache);
    if (!s)
        return -ENOMEM;
    s->set = set;
    f = file_new_anon("anon_inode:[signalfd]", &signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK), 0600);
    if (!f)
        slab_free(&cache, s);
    return fd_install_new(f, flags & O_CLOEXEC);
}

SYSCALL4(signalfd4, int, fd, const uint64_t __user *, set, size_t, size, int, flags)
{
    return make(fd, set, size, flags);
}

SYSCALL3(signalfd, int, fd, const uint64_t __user *, set, size_t, size)
{
    return make(fd, set, size, 0);
}
