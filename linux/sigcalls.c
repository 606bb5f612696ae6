/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sigcalls.c: the signal system calls.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/io_uring.h"
#include "linux/process.h"
#include "linux/signal.h"
#include "linux/syscall.h"
#include <asm/signal.h>
#include <linux/time_types.h>

#define SIGSET_SIZE 8
#define UNBLOCKABLE (sig_bit(SIGKILL) | sig_bit(SIGSTOP))

/* The program's struct sigaction as rt_sigaction(2) takes it (arch: x86-64 and generic alike). */
struct user_sigaction {
    vaddr_t handler;
    uint64_t flags;
    vaddr_t restorer;
    uint64_t mask;
};

#define SA_KNOWN                                                                                           \
    (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_ONSTACK | SA_RESTART | SA_NODEFER | \
     SA_RESETHAND | SA_RESTORER)

SYSCALL4(rt_sigaction, int, sig, const struct user_sigaction __user *, act, struct user_sigaction __user *,
         old, size_t, size)
{
    struct process *p = current_process();
    struct user_sigaction n, o;
    struct ksigaction *ka;
    unsigned long flags;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (act && copy_from_user(&n, act, sizeof(n)))
        return -EFAULT;
    if (sig < 1 || sig > NR_SIGNALS || (act && (sig_bit(sig) & UNBLOCKABLE)))
        return -EINVAL;
    flags = spin_lock_irqsave(&p->sighand->lock);
    ka = &p->sighand->actions[sig - 1];
    o = (struct user_sigaction){ ka->handler, ka->flags, ka->restorer, ka->mask };
    if (act) {
        ka->handler = n.handler;
        ka->flags = n.flags & SA_KNOWN;
        ka->restorer = n.restorer;
        ka->mask = n.mask & ~UNBLOCKABLE;
        if (n.handler == (vaddr_t)SIG_IGN || (n.handler == (vaddr_t)SIG_DFL && signal_default_ignored(sig)))
            signal_flush_ignored_locked(p, sig_bit(sig));
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return old ? copy_to_user(old, &o, sizeof(o)) : 0;
}

SYSCALL4(rt_sigprocmask, int, how, const uint64_t __user *, uset, uint64_t __user *, old, size_t, size)
{
    struct uthread *u = current_uthread();
    uint64_t before = u->sigmask, set;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (uset) {
        if (get_user(set, uset))
            return -EFAULT;
        set &= ~UNBLOCKABLE;
        switch (how) {
        case SIG_BLOCK:
            set = before | set;
            break;
        case SIG_UNBLOCK:
            set = before & ~set;
            break;
        case SIG_SETMASK:
            break;
        default:
            return -EINVAL;
        }
        signal_set_mask(set);
    }
    return old ? put_user(before, old) : 0;
}

SYSCALL2(rt_sigpending, uint64_t __user *, uset, size_t, size)
{
    struct uthread *u = current_uthread();

    if (size > SIGSET_SIZE)
        return -EINVAL;
    uint64_t set = (u->pending.set | u->proc->sighand->shared.set) & u->sigmask;

    return copy_to_user(uset, &set, size);
}

SYSCALL2(rt_sigsuspend, const uint64_t __user *, uset, size_t, size)
{
    uint64_t set;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (get_user(set, uset))
        return -EFAULT;
    signal_set_temp_mask(set);
    while (!signal_pending())
        wait_block(T_SLEEPING, TIME_NEVER);
    return -ERESTARTNOHAND;
}

SYSCALL0(pause)
{
    while (!signal_pending())
        wait_block(T_SLEEPING, TIME_NEVER);
    return -ERESTARTNOHAND;
}

SYSCALL0(rt_sigreturn)
{
    struct uthread *u = current_uthread();
    bool on_altstack = signal_on_altstack(u, arch_user_sp(arch_user_regs(current)));
    uint64_t mask;
    vaddr_t sp;
    size_t size;
    uint32_t flags;

    if (arch_signal_return(&mask, &sp, &size, &flags)) {
        user_fault(SIGSEGV, SI_KERNEL, 0, 0, 0);
        return 0;
    }
    if (!on_altstack) { /* what is in use stays, as if sigaltstack(2) had been refused */
        u->altstack_sp = sp;
        u->altstack_size = flags & SS_DISABLE ? 0 : size;
        u->altstack_flags = flags & SS_AUTODISARM;
    }
    signal_set_mask(mask);
    return arch_syscall_result(arch_user_regs(current));
}

SYSCALL2(sigaltstack, const stack_t __user *, uss, stack_t __user *, uold)
{
    struct uthread *u = current_uthread();
    vaddr_t sp = arch_user_sp(arch_user_regs(current));
    bool on = signal_on_altstack(u, sp);
    stack_t old = { 0 }, n;

    old.ss_sp = (void *)u->altstack_sp;
    old.ss_size = u->altstack_size;
    old.ss_flags =
        (u->altstack_size ? on ? SS_ONSTACK : 0 : SS_DISABLE) | (u->altstack_flags & SS_AUTODISARM);
    if (uss) {
        if (copy_from_user(&n, uss, sizeof(n)))
            return -EFAULT;
        if (on)
            return -EPERM;
        int mode = n.ss_flags & ~SS_AUTODISARM;

        if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
            return -EINVAL;
        if (mode == SS_DISABLE) {
            n.ss_size = 0;
            n.ss_sp = NULL;
        } else if (n.ss_size < arch_minsigstksz()) {
            return -ENOMEM;
        }
        u->altstack_sp = (vaddr_t)n.ss_sp;
        u->altstack_size = n.ss_size;
        u->altstack_flags = n.ss_flags & SS_AUTODISARM;
    }
    return uold ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

/* ---- waiting ---- */

/* Is there more to do than to take a signal of set? */
static bool signal_interrupts(const struct uthread *u, uint64_t set)
{
    uint64_t pending = READ_ONCE(u->pending.set) | READ_ONCE(u->proc->sighand->shared.set);

    return (pending & ~u->sigmask & ~set) || u->proc->stopped || READ_ONCE(current->work) & WORK_KILL;
}

SYSCALL4(rt_sigtimedwait, const uint64_t __user *, uset, siginfo_t __user *, uinfo,
         const struct __kernel_timespec __user *, uts, size_t, size)
{
    struct uthread *u = current_uthread();
    uint64_t set, deadline = TIME_NEVER;
    struct __kernel_timespec ts;
    siginfo_t info;
    int sig, err = 0;

    if (size != SIGSET_SIZE)
        return -EINVAL;
    if (get_user(set, uset) || (uts && copy_from_user(&ts, uts, sizeof(ts))))
        return -EFAULT;
    if (uts) {
        if (ts.tv_sec < 0 || (unsigned long long)ts.tv_nsec >= NSEC_PER_SEC)
            return -EINVAL;
        deadline = (uint64_t)ts.tv_sec > INT64_MAX / NSEC_PER_SEC - clock_mono_ns() / NSEC_PER_SEC - 1
                       ? TIME_NEVER
                       : clock_mono_ns() + ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
    }
    set &= ~UNBLOCKABLE;
    while (!(sig = signal_wait_begin(set, &info)) && !err) {
        err = wait_block(T_SLEEPING, deadline);
        if (err == -ERESTARTSYS)
            uring_run_task_work();
        if (err == -ERESTARTSYS && !signal_interrupts(u, set))
            err = 0; /* woken for one of ours, or for one that somebody else took */
    }
    if (!sig)
        sig = signal_wait_end(set, &info);
    if (!sig)
        return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
    if (uinfo && (copy_to_user(uinfo, &info, SIGINFO_SIZE) ||
                  clear_user((char __user *)uinfo + SIGINFO_SIZE, sizeof(info) - SIGINFO_SIZE)))
        return -EFAULT;
    return sig;
}

/* ---- sending ---- */

static void user_info(siginfo_t *info, int sig, int code)
{
    siginfo_init(info, sig, code);
    info->si_pid = current_process()->pid;
    info->si_uid = current_cred()->uid;
}

SYSCALL2(kill, int, pid, int, sig)
{
    siginfo_t info;

    user_info(&info, sig, SI_USER);
    return process_signal_pid(pid, sig, &info);
}

static long send_tid(int tgid, int tid, int sig, const siginfo_t *info)
{
    struct thread *t;
    long err;

    if (tid <= 0)
        return -EINVAL;
    t = thread_find(tgid, tid);
    if (!t)
        return -ESRCH;
    err = process_signal_thread(t, sig, info);
    thread_put(t);
    return err;
}

SYSCALL2(tkill, int, tid, int, sig)
{
    siginfo_t info;

    user_info(&info, sig, SI_TKILL);
    return send_tid(0, tid, sig, &info);
}

SYSCALL3(tgkill, int, tgid, int, tid, int, sig)
{
    siginfo_t info;

    if (tgid <= 0)
        return -EINVAL;
    user_info(&info, sig, SI_TKILL);
    return send_tid(tgid, tid, sig, &info);
}

/* Of codes whose layout nobody knows, all that is there must be in what is kept. */
static bool fits(const siginfo_t *info)
{
    const uint64_t *words = (const uint64_t *)info;

    if (info->si_code >= SI_DETHREAD || info->si_code == SI_ASYNCNL)
        return true;
    for (size_t i = SIGINFO_SIZE / 8; i < sizeof(*info) / 8; i++)
        if (words[i])
            return false;
    return true;
}

/* Only to itself may a thread claim to be the kernel or another sender: id is its own number. */
static long queued_info(siginfo_t *info, const siginfo_t __user *u, int sig, int id)
{
    if (copy_from_user(info, u, sizeof(*info)))
        return -EFAULT;
    if (!fits(info))
        return -E2BIG;
    info->si_signo = sig;
    if ((info->si_code >= 0 || info->si_code == SI_TKILL) && id != current->tid)
        return -EPERM;
    return 0;
}

SYSCALL3(rt_sigqueueinfo, int, pid, int, sig, const siginfo_t __user *, u)
{
    siginfo_t info;
    long err = queued_info(&info, u, sig, pid);

    if (err)
        return err;
    return pid > 0 ? process_signal_pid(pid, sig, &info) : -ESRCH;
}

SYSCALL4(rt_tgsigqueueinfo, int, tgid, int, tid, int, sig, const siginfo_t __user *, u)
{
    siginfo_t info;
    long err;

    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    err = queued_info(&info, u, sig, tid);
    return err ? err : send_tid(tgid, tid, sig, &info);
}
