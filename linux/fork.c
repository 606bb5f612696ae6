/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c: new processes: clone(2) without CLONE_THREAD.
 *
 * The child is built whole before anybody can see it; process_link_locked() is the last step that can fail. Until then
 * all is undone by dropping its one thread.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/clone.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/pidfd.h"
#include "linux/tid.h"
#include <linux/fcntl.h>
#include <linux/sched.h>

/* Where the child begins: in its own memory it writes what was asked for there. */
static void first_steps(void *unused)
{
    struct uthread *u = current_uthread();
    int tid = current->tid;

    if (u->set_child_tid) /* as on Linux, an address that cannot be written is no error */
        put_user(tid, (int __user *)u->set_child_tid);
    arch_enter_user(NULL);
}

/* Caught signals: copied, or back to their default. */
static struct sighand *copy_actions(struct process *from, bool clear)
{
    struct sighand *s = sighand_new();
    unsigned long flags;

    if (!s)
        return NULL;
    flags = spin_lock_irqsave(&from->sighand->lock);
    memcpy(s->actions, from->sighand->actions, sizeof(s->actions));
    spin_unlock_irqrestore(&from->sighand->lock, flags);
    for (int i = 0; clear && i < NR_SIGNALS; i++)
        if (s->actions[i].handler != (vaddr_t)SIG_IGN)
            s->actions[i].handler = (vaddr_t)SIG_DFL;
    return s;
}

static void copy_settings(struct process *p, struct process *from)
{
    mutex_lock(&from->lock);
    memcpy(p->rlimits, from->rlimits, sizeof(p->rlimits));
    p->exe = from->exe;
    if (p->exe)
        file_get(p->exe);
    mutex_unlock(&from->lock);
    str_copy(p->comm, current->name, sizeof(p->comm));
    p->personality = from->personality;
    p->dumpable = from->dumpable;
    p->thp_disable = from->thp_disable;
    p->oom_score_adj = from->oom_score_adj;
}

/* Who looks a descriptor up must expect others to change the table from here on. */
static void share_files(struct process *p, struct process *from)
{
    unsigned long flags = spin_lock_irqsave(&from->sighand->lock);

    from->files_users += from->files_users == from->nr_threads;
    spin_unlock_irqrestore(&from->sighand->lock, flags);
    p->files_users = 1;
    fd_table_get(p->files = from->files);
}

/* Memory, descriptors, directory and actions: the parent's own or a copy. 0 or -ENOMEM; what is there process_put()
 * drops. */
static int copy_parts(struct process *p, struct process *from, uint64_t flags)
{
    copy_settings(p, from);
    p->sighand = copy_actions(from, flags & CLONE_CLEAR_SIGHAND);
    if (!p->sighand)
        return -ENOMEM;
    if (flags & CLONE_FS)
        fs_context_get(p->fs = from->fs);
    else
        p->fs = fs_context_copy(from->fs);
    if (flags & CLONE_FILES) {
        share_files(p, from);
    } else {
        p->files = fd_table_copy(from->files);
    }
    if (!p->fs || !p->files)
        return -ENOMEM;
    if (flags & CLONE_VM)
        mm_get(p->mm = from->mm);
    else
        p->mm = mm_fork(from->mm);
    return p->mm ? 0 : -ENOMEM;
}

static void copy_thread(struct thread *t, const struct clone_request *q)
{
    const struct uthread *from = current_uthread();
    struct uthread *u = t->ulinux;

    clone_inherit(t);
    t->mm = u->proc->mm;
    if (!(q->flags & CLONE_VM)) {
        u->rseq = from->rseq;
        u->rseq_sig = from->rseq_sig;
        if (u->rseq)
            t->work |= WORK_RSEQ;
    }
    if ((q->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
        u->altstack_sp = from->altstack_sp;
        u->altstack_size = from->altstack_size;
        u->altstack_flags = from->altstack_flags;
    }
    if (q->flags & CLONE_CHILD_SETTID)
        u->set_child_tid = q->child_tid;
    if (q->flags & CLONE_CHILD_CLEARTID)
        u->clear_child_tid = q->child_tid;
    arch_thread_init(t, first_steps, NULL);
    arch_thread_clone(t, q->stack, q->flags & CLONE_SETTLS, q->tls);
}

/* The child with its thread, its number given; ERR_PTR. */
static struct process *new_child(const struct clone_request *q)
{
    struct process *from = current_process(), *p = process_alloc();
    struct thread *t = NULL;
    int err;

    if (!p)
        return ERR_PTR(-ENOMEM);
    err = copy_parts(p, from, q->flags);
    if (err)
        goto put;
    t = thread_new(current->name);
    err = t ? uthread_new(p, t, current_uthread()->cred) : -ENOMEM;
    if (err)
        goto put;
    copy_thread(t, q);
    p->leader = t;
    return p;
put:
    if (t)
        thread_put(t);
    if (p->mm)
        mm_put(p->mm);
    p->mm = NULL;
    process_put(p);
    return ERR_PTR(err);
}

static void drop_child(struct process *p)
{
    struct thread *t = p->leader;

    mm_put(p->mm);
    p->mm = NULL;
    p->leader = NULL;
    tid_release(t);
    thread_put(t);
    process_put(p);
}

static int last_pid; /* [t] */

/* From here on everybody can see it. A signal that came meanwhile was perhaps for the group: the child must get it, too,
 * so the fork starts anew after it. */
static int publish(struct process *p, const struct clone_request *q)
{
    struct process *self = current_process(), *parent = self;
    int err = 0;

    spin_lock(&tasks_lock);
    if (q->flags & CLONE_PARENT) {
        parent = self->parent;
        p->exit_signal = self->exit_signal;
    } else {
        p->exit_signal = q->exit_signal;
    }
    if (processes_end || nr_processes >= process_limit())
        err = -EAGAIN;
    else if (p->leader->tid < last_pid && group_exists_locked(p->leader->tid, 0))
        err = -EAGAIN; /* numbers began anew, and a group still has this one's */
    else if (signal_pending())
        err = -ERESTARTNOINTR;
    else if (!parent) /* the first process has no siblings */
        err = -EINVAL;
    if (!err) {
        p->pgid = self->pgid;
        p->sid = self->sid;
        p->ctty = self->ctty;
        last_pid = p->leader->tid;
        WRITE_ONCE(p->pid, p->leader->tid);
        uthread_publish(p->leader);
        thread_get(p->leader);
        process_link_locked(p, parent, parent == self ? current->tid : self->forker);
    }
    spin_unlock(&tasks_lock);
    return err;
}

/* Until the child execs or ends; only a fatal signal ends the wait before. */
static void vfork_wait(struct process *child, struct vfork_wait *w)
{
    while (!READ_ONCE(w->done) && !(READ_ONCE(current->work) & WORK_KILL))
        wait_block(T_STOPPED, TIME_NEVER);
    spin_lock(&tasks_lock);
    child->vfork = NULL;
    spin_unlock(&tasks_lock);
}

long process_fork(const struct clone_request *q)
{
    struct vfork_wait vfork = { .thread = current };
    struct process *p;
    int pidfd = -1, pid;
    long err;

    if (signal_pending())
        return -ERESTARTNOINTR;
    if (clone_too_many() || READ_ONCE(nr_processes) >= process_limit())
        return -EAGAIN;
    p = new_child(q);
    if (IS_ERR(p))
        return PTR_ERR(p);
    pid = p->leader->tid;
    if (q->flags & CLONE_PIDFD) {
        pidfd = err = pidfd_new(p, O_CLOEXEC);
        if (err >= 0)
            err = put_user(pidfd, (int __user *)q->pidfd) ? -EFAULT : 0;
        if (err)
            goto drop;
    }
    if (q->flags & CLONE_VFORK)
        p->vfork = &vfork;
    err = publish(p, q);
    if (err)
        goto drop;
    if (q->flags & CLONE_PARENT_SETTID)
        put_user(pid, (int __user *)q->parent_tid);
    ref_get(&p->refs);
    thread_wake(p->leader);
    if (q->flags & CLONE_VFORK)
        vfork_wait(p, &vfork);
    process_put(p);
    return pid;
drop:
    if (pidfd >= 0)
        fd_close(pidfd);
    drop_child(p);
    return err;
}
