/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone.c: clone(2), clone3(2), fork(2), vfork(2): what they ask for, and new threads. New processes are fork.c's. Threads
 * with descriptors or a working directory of their own are not made: ENOSYS.
 */
#include "linux/clone.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/tid.h"
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/sched.h>

#define SHARED_BY_THREADS (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES | CLONE_FS)
#define NAMESPACES                                                                                \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET | CLONE_NEWTIME)

/* As a kernel without them. */
static long no_namespaces(uint64_t flags)
{
    return fs_capable(CAP_SYS_ADMIN) || flags & CLONE_NEWUSER ? -EINVAL : -EPERM;
}

/* What Linux refuses (copy_process), then what is missing here. */
static long check_flags(uint64_t flags)
{
    static bool said;

    if ((flags & (CLONE_THREAD | CLONE_SIGHAND)) == CLONE_THREAD ||
        (flags & (CLONE_SIGHAND | CLONE_VM)) == CLONE_SIGHAND ||
        (flags & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS) ||
        (flags & (CLONE_NEWUSER | CLONE_FS)) == (CLONE_NEWUSER | CLONE_FS))
        return -EINVAL;
    if (flags & CLONE_THREAD && flags & (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME | CLONE_PIDFD))
        return -EINVAL;
    if (flags & NAMESPACES)
        return no_namespaces(flags);
    if (flags & CLONE_THREAD ? (flags & SHARED_BY_THREADS) == SHARED_BY_THREADS && !(flags & CLONE_VFORK)
                             : !(flags & CLONE_SIGHAND))
        return 0;
    if (!atomic_xchg(&said, true))
        log_warn("clone with flags %#lx is not implemented: %s gets ENOSYS", flags, current->name);
    return -ENOSYS;
}

bool clone_too_many(void)
{
    uint64_t limit = rlimit_cur(RLIMIT_NPROC);
    uint32_t uid = current_cred()->uid;

    return limit != UINT64_MAX && uid && !fs_capable(CAP_SYS_RESOURCE) && !fs_capable(CAP_SYS_ADMIN) &&
           user_nr_threads(uid) >= limit;
}

void clone_inherit(struct thread *t)
{
    const struct uthread *from = current_uthread();
    struct uthread *u = t->ulinux;

    t->mm = current->mm;
    u->sigmask = from->restore_mask ? from->saved_mask : from->sigmask;
    u->timer_slack_ns = u->timer_slack_default_ns = from->timer_slack_ns;
    u->ioprio = from->ioprio;
    sched_inherit(t);
}

static long clone_thread(const struct clone_request *q)
{
    struct process *p = current_process();
    struct thread *t;
    int tid;
    long err;

    if (clone_too_many())
        return -EAGAIN;
    t = thread_new(current->name);
    if (!t)
        return -ENOMEM;
    err = uthread_new(p, t, current_uthread()->cred);
    if (err)
        goto put;
    mm_share(current->mm);
    clone_inherit(t);
    arch_thread_init(t, arch_enter_user, NULL);
    arch_thread_clone(t, q->stack, q->flags & CLONE_SETTLS, q->tls);
    if (q->flags & CLONE_CHILD_CLEARTID)
        ((struct uthread *)t->ulinux)->clear_child_tid = q->child_tid;
    tid = t->tid; /* the thread may be over before the call is */
    /* As on Linux, an address that cannot be written is no error. */
    if (q->flags & CLONE_PARENT_SETTID)
        put_user(tid, (int __user *)q->parent_tid);
    if (q->flags & CLONE_CHILD_SETTID)
        put_user(tid, (int __user *)q->child_tid);
    err = uthread_publish(t);
    if (err)
        goto release;
    thread_wake(t);
    return tid;
release:
    tid_release(t);
put:
    thread_put(t);
    return err;
}

static long do_clone(const struct clone_request *q)
{
    long err = check_flags(q->flags);

    if (err)
        return err;
    return q->flags & CLONE_THREAD ? clone_thread(q) : process_fork(q);
}

SYSCALL5(clone, unsigned long, flags, vaddr_t, stack, vaddr_t, parent_tid, vaddr_t, child_tid, vaddr_t, tls)
{
    struct clone_request q = {
        (uint32_t)flags & ~CSIGNAL, flags & CSIGNAL, stack, tls, parent_tid, child_tid, parent_tid
    };

    /* One argument cannot take two numbers. */
    if ((q.flags & CLONE_PIDFD) && (q.flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
        return -EINVAL;
    return do_clone(&q);
}

SYSCALL0(fork)
{
    return do_clone(&(struct clone_request){ .exit_signal = SIGCHLD });
}

SYSCALL0(vfork)
{
    return do_clone(&(struct clone_request){ .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD });
}

#define FLAGS_KNOWN (0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

static long check_args(const struct clone_args *a)
{
    if (a->flags & ~FLAGS_KNOWN || a->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
        return -EINVAL;
    if ((a->flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) == (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND) ||
        (a->flags & (CLONE_THREAD | CLONE_PARENT) && a->exit_signal) || a->exit_signal > NR_SIGNALS)
        return -EINVAL;
    if (!a->stack != !a->stack_size || (a->stack && !user_ok((void __user *)a->stack, a->stack_size)))
        return -EINVAL;
    return a->set_tid || a->set_tid_size || a->flags & CLONE_INTO_CGROUP ? -EINVAL : 0;
}

static long read_args(struct clone_args *a, const struct clone_args __user *u, size_t size)
{
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    return copy_struct_from_user(a, sizeof(*a), u, size);
}

SYSCALL2(clone3, const struct clone_args __user *, uargs, size_t, size)
{
    struct clone_args a = { 0 };
    long err = read_args(&a, uargs, size);

    if (!err)
        err = check_args(&a);
    if (err)
        return err;
    struct clone_request q = { a.flags, a.exit_signal, a.stack ? a.stack + a.stack_size : 0,
                               a.tls,   a.parent_tid,  a.child_tid,
                               a.pidfd };

    return do_clone(&q);
}

/* ---- unshare ---- */

#define OF_THREADS (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

static long unshare_directory(void)
{
    struct process *p = current_process();
    struct fs_context *own, *old = p->fs;

    if (ref_is_one(&old->refs))
        return 0;
    own = fs_context_copy(old);
    if (!own)
        return -ENOMEM;
    spin_lock(&tasks_lock);
    p->fs = own;
    spin_unlock(&tasks_lock);
    fs_context_put(old);
    return 0;
}

static long unshare_alone(unsigned long flags)
{
    long err = flags & CLONE_FS ? unshare_directory() : 0;

    return !err && flags & CLONE_FILES ? fd_unshare() : err;
}

/* A process's only thread can part with what other processes share; threads cannot yet. */
SYSCALL1(unshare, unsigned long, flags)
{
    static bool said;

    if (flags & ~(uint64_t)(OF_THREADS | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | NAMESPACES))
        return -EINVAL;
    if (flags & (OF_THREADS | CLONE_NEWUSER) && READ_ONCE(current_process()->nr_threads) > 1)
        return -EINVAL;
    if (flags & NAMESPACES)
        return no_namespaces(flags);
    if (READ_ONCE(current_process()->nr_threads) == 1)
        return unshare_alone(flags);
    if (!(flags & (CLONE_FS | CLONE_FILES)))
        return 0;
    if (!atomic_xchg(&said, true))
        log_warn(
            "unshare: a thread's own descriptors or working directory are not implemented: %s gets ENOSYS",
            current->name);
    return -ENOSYS;
}
