/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c: wait4(2) and waitid(2): what children have to report.
 */
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/wait.h>

#define WAIT4_FLAGS  (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)
#define WAITID_FLAGS (WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

struct wanted {
    int which, id; /* P_* */
    int options;
};

struct report {
    int pid; /* 0: nothing */
    uint32_t uid;
    int why, status; /* CLD_*; what waitid(2) tells */
    int wait_status; /* what wait4(2) tells */
    struct process_usage usage;
    struct process *gone; /* its status has been taken: to be released */
};

static bool matches(const struct process *p, const struct wanted *w)
{
    if ((w->which == P_PID && p->pid != w->id) || (w->which == P_PGID && p->pgid != w->id))
        return false;
    if ((w->options & __WNOTHREAD) && p->forker != current->tid)
        return false;
    return w->options & __WALL || (p->exit_signal != SIGCHLD) == !!(w->options & __WCLONE);
}

static void identify(struct report *r, struct process *p, int why, int status, int wait_status)
{
    r->pid = p->pid;
    rcu_read_lock();
    r->uid = thread_cred(p->leader)->uid;
    rcu_read_unlock();
    r->why = why;
    r->status = status;
    r->wait_status = wait_status;
    usage_of(p, &r->usage);
}

/* A taken child's usage counts as its parent's children's. */
static void take_zombie_locked(struct process *p, const struct wanted *w, struct report *r)
{
    int status = p->exit_status, sig = status & 0x7f;

    identify(r, p, sig ? CLD_KILLED : CLD_EXITED, sig ? sig : status >> 8 & 0xff, status);
    usage_add(&r->usage, &p->children_usage);
    if (w->options & WNOWAIT)
        return;
    usage_add(&p->parent->children_usage, &r->usage);
    process_unlink_locked(p);
    r->gone = p;
}

/* Stopped, or going on again, and not reported yet. */
static bool take_job_event_locked(struct process *p, const struct wanted *w, struct report *r)
{
    struct sighand *s = p->sighand;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    bool keep = w->options & WNOWAIT;
    int stopped = 0;
    bool continued = false;

    if ((w->options & WSTOPPED) && p->stopped && p->stop_signal) {
        stopped = p->stop_signal;
        if (!keep)
            p->stop_signal = 0;
    } else if ((w->options & WCONTINUED) && p->continued) {
        continued = true;
        if (!keep)
            p->continued = false;
    }
    spin_unlock_irqrestore(&s->lock, flags);
    if (stopped)
        identify(r, p, CLD_STOPPED, stopped, stopped << 8 | 0x7f);
    else if (continued)
        identify(r, p, CLD_CONTINUED, SIGCONT, 0xffff);
    return stopped || continued;
}

/* One look at the children: 0 with r->pid 0 when none has anything to report yet; -ECHILD when none matches. */
static int look(const struct wanted *w, struct report *r)
{
    struct process *self = current_process(), *p;
    int err = -ECHILD;

    memset(r, 0, sizeof(*r));
    spin_lock(&tasks_lock);
    list_for_each (p, &self->children, sibling) {
        if (!matches(p, w))
            continue;
        err = 0;
        if (p->zombie ? w->options & WEXITED : take_job_event_locked(p, w, r)) {
            if (p->zombie)
                take_zombie_locked(p, w, r);
            break;
        }
    }
    spin_unlock(&tasks_lock);
    if (r->gone)
        process_release(r->gone);
    return err;
}

static int wait_for_child(const struct wanted *w, struct report *r)
{
    struct process *self = current_process();
    struct waiter me;
    int err = look(w, r);

    if (err || r->pid || (w->options & WNOHANG))
        return err;
    waiter_init(&me);
    for (;;) {
        wait_prepare(&self->child_wait, &me, T_SLEEPING);
        err = look(w, r);
        if (err || r->pid)
            break;
        err = wait_block(T_SLEEPING, TIME_NEVER);
        if (err) { /* what came together with the signal goes first */
            int last = look(w, r);

            if (last || r->pid)
                err = last;
            break;
        }
    }
    wait_finish(&self->child_wait, &me);
    return err;
}

SYSCALL4(wait4, int, pid, int __user *, status, int, options, void __user *, usage)
{
    struct wanted w = { .options = options | WEXITED };
    struct report r;
    int err;

    if (options & ~WAIT4_FLAGS)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    w.which = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    w.id = pid > 0 ? pid : pid ? -pid : current_process()->pgid;
    err = wait_for_child(&w, &r);
    if (err || !r.pid)
        return err;
    if ((status && put_user(r.wait_status, status)) || (usage && usage_to_user(usage, &r.usage)))
        return -EFAULT;
    return r.pid;
}

static int info_to_user(siginfo_t __user *u, const struct report *r)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    if (r->pid) {
        info.si_signo = SIGCHLD;
        info.si_code = r->why;
        info.si_pid = r->pid;
        info.si_uid = r->uid;
        info.si_status = r->status;
    }
    /* as on Linux only the fields that mean something are written */
    return put_user(info.si_signo, &u->si_signo) || put_user(info.si_errno, &u->si_errno) ||
                   put_user(info.si_code, &u->si_code) || put_user(info.si_pid, &u->si_pid) ||
                   put_user(info.si_uid, &u->si_uid) || put_user(info.si_status, &u->si_status)
               ? -EFAULT
               : 0;
}

SYSCALL5(waitid, int, which, int, id, siginfo_t __user *, info, int, options, void __user *, usage)
{
    struct wanted w = { which, id, options };
    struct report r = { 0 };
    bool nonblock = false;
    int err;

    if ((options & ~WAITID_FLAGS) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    switch (which) {
    case P_ALL:
        break;
    case P_PID:
        if (id <= 0)
            return -EINVAL;
        break;
    case P_PGID:
        if (id < 0)
            return -EINVAL;
        if (!id)
            w.id = current_process()->pgid;
        break;
    case P_PIDFD:
        if (id < 0)
            return -EINVAL;
        w.id = pidfd_pid(id, &nonblock);
        if (w.id < 0)
            return w.id;
        w.which = P_PID;
        if (nonblock)
            w.options |= WNOHANG;
        break;
    default:
        return -EINVAL;
    }
    err = wait_for_child(&w, &r);
    if (!err && !r.pid && nonblock && !(options & WNOHANG))
        err = -EAGAIN;
    if (!err && r.pid && usage && usage_to_user(usage, &r.usage))
        return -EFAULT;
    if (info && !err && info_to_user(info, &r))
        return -EFAULT;
    return err;
}
