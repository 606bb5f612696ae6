/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deliver.c: what happens on the way back to user mode when something is pending: handlers get their frame,
 * interrupted system calls restart or fail, default actions stop or end the process.
 */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "linux/io_uring.h"
#include "linux/process.h"
#include "linux/rseq.h"
#include "linux/signal.h"
#include <asm/signal.h>
#include <asm/unistd.h>

static const char *const names[] = {
    [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
    [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
    [SIGKILL] = "SIGKILL", [SIGSEGV] = "SIGSEGV", [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
    [SIGSYS] = "SIGSYS",
};

/* The file and offset that an address belongs to: what a core dump would tell. */
static void log_place(const char *what, vaddr_t addr)
{
    struct mm *mm = current->mm;
    char name[128];
    struct vma *v;

    rw_read_lock(&mm->lock);
    v = vma_find(mm, addr);
    if (!v || addr < v->start) {
        log_warn("  %s %#lx: not mapped", what, addr);
    } else if (v->file) {
        size_t n = v->fops->name(v->file, name, sizeof(name) - 1);

        name[MIN(n, sizeof(name) - 1)] = '\0';
        log_warn("  %s %#lx: %s+%#lx", what, addr, name, addr - v->start + (v->pgoff << PAGE_SHIFT));
    } else {
        log_warn("  %s %#lx: %s+%#lx", what, addr, v->name ? v->name : "[anonymous]", addr - v->start);
    }
    rw_read_unlock(&mm->lock);
}

static void report_fatal(struct user_regs *r, int sig, const siginfo_t *info)
{
    const char *name = (unsigned)sig < ARRAY_SIZE(names) && names[sig] ? names[sig] : "signal";

    log_warn("%s (pid %d) killed by %s (%d), code %d, address %p", current->name, current_process()->pid,
             name, sig, info->si_code, info->si_code > 0 ? info->si_addr : NULL);
    log_place("pc", arch_user_pc(r));
    if (sig == SIGSEGV || sig == SIGBUS)
        log_place("address", (vaddr_t)info->si_addr);
    arch_log_user_regs(r);
}

/* Stops the process until SIGCONT or SIGKILL. */
static void stop(struct process *p)
{
    while (READ_ONCE(p->stopped) && !(READ_ONCE(current->work) & WORK_KILL))
        wait_block(T_STOPPED, TIME_NEVER);
    signal_stop_ended(p);
}

static void default_action(struct user_regs *r, int sig, const siginfo_t *info)
{
    struct process *p = current_process();

    if (signal_default_ignored(sig))
        return;
    if (signal_default_stops(sig)) {
        signal_stop_process(p, sig);
        stop(p);
        return;
    }
    if (signal_default_dumps(sig) && sig != SIGQUIT && sig != SIGXCPU && sig != SIGXFSZ)
        report_fatal(r, sig, info);
    process_exit(sig); /* without WCOREFLAG: no core is ever written */
}

/* A handler is about to run (ka) or not (NULL): how the interrupted system call goes on. */
static void restart_syscall(struct user_regs *r, const struct ksigaction *ka)
{
    if (arch_syscall_nr(r) < 0)
        return;
    switch (-arch_syscall_result(r)) {
    case ERESTARTNOINTR:
        arch_syscall_restart(r, false);
        return;
    case ERESTARTSYS:
        if (!ka || (ka->flags & SA_RESTART))
            arch_syscall_restart(r, false);
        else
            arch_syscall_set_result(r, -EINTR);
        return;
    case ERESTARTNOHAND:
        if (!ka)
            arch_syscall_restart(r, false);
        else
            arch_syscall_set_result(r, -EINTR);
        return;
    case ERESTART_RESTARTBLOCK:
        if (!ka)
            arch_syscall_restart(r, true);
        else
            arch_syscall_set_result(r, -EINTR);
        return;
    }
}

bool signal_on_altstack(const struct uthread *u, vaddr_t sp)
{
    return u->altstack_size && !(u->altstack_flags & SS_AUTODISARM) && sp > u->altstack_sp &&
           sp - u->altstack_sp <= u->altstack_size;
}

static void reset_action(struct sighand *s, int sig)
{
    unsigned long flags = spin_lock_irqsave(&s->lock);

    s->actions[sig - 1].handler = (vaddr_t)SIG_DFL;
    spin_unlock_irqrestore(&s->lock, flags);
}

static void run_handler(struct user_regs *r, const struct ksigaction *ka, struct ksiginfo *ki)
{
    struct uthread *u = current_uthread();
    uint64_t old = u->restore_mask ? u->saved_mask : u->sigmask;
    int sig = ki->info.si_signo;
    bool nested = signal_on_altstack(u, arch_user_sp(r)), use_alt;
    uint32_t flags = u->altstack_size ? u->altstack_flags : SS_DISABLE;

    restart_syscall(r, ka);
    rseq_interrupt(u, r);
    use_alt = (ka->flags & SA_ONSTACK) && u->altstack_size && !nested;
    u->restore_mask = false;
    if (arch_signal_frame(ka, ki, old, u->altstack_sp, u->altstack_size, flags, use_alt)) {
        /* no room for the frame: as Linux, a SIGSEGV that cannot be caught by the same trick */
        struct ksiginfo bad = { .info = { .si_signo = SIGSEGV, .si_code = SI_KERNEL } };

        if (sig == SIGSEGV)
            reset_action(u->proc->sighand, SIGSEGV);
        signal_force(current, &bad);
        return;
    }
    if (u->altstack_flags & SS_AUTODISARM)
        u->altstack_sp = u->altstack_size = u->altstack_flags = 0;
    signal_set_mask(u->sigmask | ka->mask | (ka->flags & SA_NODEFER ? 0 : sig_bit(sig)));
}

/* Takes the next deliverable signal and its action; 0 when none is left. */
static int take(struct uthread *u, struct ksiginfo *ki, struct ksigaction *ka)
{
    struct sighand *s = u->proc->sighand;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    int sig = signal_dequeue_locked(u, ~u->sigmask, &ki->info);

    ki->trap_nr = ki->error_code = ki->fault_addr = 0;
    if (sig) {
        *ka = s->actions[sig - 1];
        if (ka->handler == (vaddr_t)SIG_DFL && signal_default_stops(sig))
            s->stopping = true;
        if (ka->handler > (vaddr_t)SIG_IGN && (ka->flags & SA_RESETHAND))
            s->actions[sig - 1].handler = (vaddr_t)SIG_DFL;
        if (u->fault.info.si_signo == sig) {
            *ki = u->fault;
            u->fault.info.si_signo = 0;
        }
    }
    spin_unlock_irqrestore(&s->lock, flags);
    return sig;
}

void signal_deliver(struct user_regs *r)
{
    struct uthread *u = current_uthread();
    struct ksigaction ka;
    struct ksiginfo ki;
    bool handled = false;
    int sig;

    if (u->proc->stopped)
        stop(u->proc);
    while ((sig = take(u, &ki, &ka))) {
        if (ka.handler == (vaddr_t)SIG_IGN)
            continue;
        if (ka.handler == (vaddr_t)SIG_DFL) {
            default_action(r, sig, &ki.info);
            continue;
        }
        run_handler(r, &ka, &ki);
        handled = true;
        if (!signal_deliverable(u))
            break;
    }
    if (!handled)
        restart_syscall(r, NULL);
    if (u->restore_mask) {
        u->restore_mask = false;
        signal_set_mask(u->saved_mask);
    } else if (!handled) {
        signal_recalc(u); /* else run_handler() changed the mask, and so did that */
    }
}

void user_return_work(struct user_regs *r)
{
    uint32_t work = READ_ONCE(current->work);

    if (work & WORK_KILL) {
        if (current->mm->oom_killed)
            process_exit(SIGKILL);
        uthread_exit(0);
    }
    if (work & (WORK_RESCHED | WORK_SOFTIRQ))
        cond_resched();
    if (READ_ONCE(current->work) & WORK_RSEQ) {
        atomic_and(&current->work, ~WORK_RSEQ);
        rseq_resume(current_uthread(), r);
    }
    if (work & WORK_TASK)
        uring_run_task_work(); /* an interrupted system call restarts: signal_deliver() sees to that */
    if (work & (WORK_SIGNAL | WORK_NOTIFY | WORK_TASK)) {
        atomic_and(&current->work, ~WORK_NOTIFY);
        signal_deliver(r);
    }
}

void user_fault(int signo, int code, vaddr_t addr, unsigned trap_nr, unsigned long error_code)
{
    struct ksiginfo ki;

    memset(&ki, 0, sizeof(ki));
    ki.info.si_signo = signo;
    ki.info.si_code = code;
    ki.info.si_addr = (void *)addr;
    ki.trap_nr = trap_nr;
    ki.error_code = error_code;
    ki.fault_addr = addr;
    if (signo == SIGKILL) /* out of memory, and said so: nothing to handle */
        process_exit(SIGKILL);
    signal_force(current, &ki);
}
