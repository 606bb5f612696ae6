/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * family.c: which processes there are; finding them, their groups, and who may signal whom.
 */
#include "linux/family.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "linux/cred.h"
#include "linux/tid.h"
#include <linux/capability.h>

struct spinlock tasks_lock = SPINLOCK_INIT(RANK_TASKS);
struct list processes = LIST_INIT(processes);
unsigned nr_processes;
bool processes_end;

unsigned process_limit(void)
{
    return MAX(page_nr_total() / 32, (uint64_t)20);
}

void process_link_locked(struct process *p, struct process *parent, int forker)
{
    ASSERT(spin_held(&tasks_lock));
    p->parent = parent;
    p->ppid = parent ? parent->pid : 0;
    p->forker = forker;
    if (parent)
        list_append(&parent->children, &p->sibling);
    list_append(&processes, &p->all);
    nr_processes++;
}

void process_unlink_locked(struct process *p)
{
    ASSERT(spin_held(&tasks_lock));
    list_remove(&p->sibling);
    list_remove(&p->all);
    nr_processes--;
}

void process_release(struct process *p)
{
    struct thread *t = p->leader;
    unsigned long flags;

    spin_lock(&tasks_lock);
    flags = spin_lock_irqsave(&p->sighand->lock);
    p->leader = NULL;
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    spin_unlock(&tasks_lock);
    tid_release(t);
    thread_put(t);
    process_put(p);
}

/* ---- finding ---- */

struct process *process_find(int pid)
{
    struct thread *t = tid_find(pid);
    struct process *p = NULL;

    if (!t)
        return NULL;
    if (t->proc && READ_ONCE(t->proc->pid) == pid) {
        p = t->proc;
        ref_get(&p->refs);
    }
    thread_put(t);
    return p;
}

struct process *process_next(int pid)
{
    struct process *p, *best = NULL;

    spin_lock(&tasks_lock);
    list_for_each (p, &processes, all)
        if (p->pid >= pid && (!best || p->pid < best->pid))
            best = p;
    if (best)
        ref_get(&best->refs);
    spin_unlock(&tasks_lock);
    return best;
}

struct thread *thread_find(int tgid, int tid)
{
    struct thread *t = tid_find(tid);

    if (t && tgid && t->proc->pid != tgid) {
        thread_put(t);
        t = NULL;
    }
    return t;
}

unsigned user_nr_threads(uint32_t uid)
{
    struct process *p;
    unsigned n = 0;

    spin_lock(&tasks_lock);
    rcu_read_lock();
    list_for_each (p, &processes, all)
        if (thread_cred(p->leader)->uid == uid)
            n += MAX(p->nr_threads, 1u); /* a zombie counts, too */
    rcu_read_unlock();
    spin_unlock(&tasks_lock);
    return n;
}

/* ---- groups ---- */

bool group_exists_locked(int pgid, int sid)
{
    struct process *p;

    list_for_each (p, &processes, all)
        if (p->pgid == pgid && (!sid || p->sid == sid))
            return true;
    return false;
}

/* The first process's parent is the host's shell, so to speak: its own group is never orphaned. */
bool group_orphaned_locked(int pgid, const struct process *without)
{
    struct process *p;

    list_for_each (p, &processes, all) {
        if (p->pgid != pgid || p == without || p->zombie)
            continue;
        if (!p->parent || (p->parent->pgid != pgid && p->parent->sid == p->sid))
            return false;
    }
    return true;
}

bool group_stopped_locked(int pgid)
{
    struct process *p;

    list_for_each (p, &processes, all)
        if (p->pgid == pgid && READ_ONCE(p->stopped))
            return true;
    return false;
}

/* ---- signals ---- */

/* kill(2): to oneself, to those of the same user, to all with CAP_KILL; SIGCONT to all of the session. */
static bool may_signal(const struct process *p, int sig)
{
    const struct process *self = current_process();
    const struct cred *own, *c;
    bool may;

    if (p == self)
        return true;
    own = current_cred();
    rcu_read_lock();
    c = thread_cred(p->leader);
    may = own->euid == c->suid || own->euid == c->uid || own->uid == c->suid || own->uid == c->uid;
    rcu_read_unlock();
    return may || fs_capable(CAP_KILL) || (sig == SIGCONT && p->sid == self->sid);
}

int process_may_access(const struct process *p)
{
    const struct cred *own = current_cred(), *c;
    int err = -ESRCH;

    if (p == current_process())
        return 0;
    spin_lock(&tasks_lock);
    rcu_read_lock();
    c = p->leader ? thread_cred(p->leader) : NULL;
    if (c)
        err = own->uid == c->euid && own->uid == c->suid && own->uid == c->uid && own->gid == c->egid &&
                      own->gid == c->sgid && own->gid == c->gid && p->dumpable
                  ? 0
                  : -EPERM;
    rcu_read_unlock();
    spin_unlock(&tasks_lock);
    return err == -EPERM && fs_capable(CAP_SYS_PTRACE) ? 0 : err;
}

/* What a program sends is checked, what the kernel sends is not. */
static int send_locked(struct process *p, int sig, const siginfo_t *info)
{
    if (sig < 0 || sig > NR_SIGNALS)
        return -EINVAL;
    if (info && info->si_code <= 0 && !may_signal(p, sig))
        return -EPERM;
    return signal_send_process(p, sig, info);
}

int process_signal(struct process *p, int sig, const siginfo_t *info)
{
    int err = -ESRCH;

    spin_lock(&tasks_lock);
    if (p->leader) /* else it was reaped */
        err = send_locked(p, sig, info);
    spin_unlock(&tasks_lock);
    return err;
}

int process_signal_thread(struct thread *t, int sig, const siginfo_t *info)
{
    struct process *p = t->proc;
    int err = 0;

    if (sig < 0 || sig > NR_SIGNALS)
        return -EINVAL;
    if (p != current_process()) {
        spin_lock(&tasks_lock);
        if (p->leader && !may_signal(p, sig))
            err = -EPERM;
        spin_unlock(&tasks_lock);
    }
    return err ? err : signal_send_thread(t, sig, info);
}

int group_signal_locked(int pgid, int sig, const siginfo_t *info)
{
    struct process *p;
    bool done = false;
    int err = -ESRCH;

    list_for_each (p, &processes, all) {
        if (p->pgid != pgid)
            continue;
        err = send_locked(p, sig, info);
        done |= !err;
    }
    return done ? 0 : err;
}

int process_signal_group(int pgid, int sig, const siginfo_t *info)
{
    int err;

    spin_lock(&tasks_lock);
    err = group_signal_locked(pgid, sig, info);
    spin_unlock(&tasks_lock);
    return err;
}

/* Everybody but the first process and oneself. */
static int signal_all(int sig, const siginfo_t *info)
{
    struct process *p;
    unsigned nr = 0;
    int err = 0;

    spin_lock(&tasks_lock);
    list_for_each (p, &processes, all) {
        int e;

        if (p == init_process || p == current_process())
            continue;
        nr++;
        e = send_locked(p, sig, info);
        if (e != -EPERM)
            err = e;
    }
    spin_unlock(&tasks_lock);
    return nr ? err : -ESRCH;
}

int process_signal_pid(int pid, int sig, const siginfo_t *info)
{
    struct process *p;
    int err;

    if (pid == -1)
        return signal_all(sig, info);
    if (pid == INT32_MIN)
        return -ESRCH;
    if (pid <= 0)
        return process_signal_group(pid ? -pid : current_process()->pgid, sig, info);
    p = process_find(pid);
    if (!p)
        return -ESRCH;
    err = process_signal(p, sig, info);
    process_put(p);
    return err;
}
