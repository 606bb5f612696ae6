/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exit.c: the end of a process: what it held is given back, its children get another parent, its own learns of it.
 */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "linux/control.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/itimer.h"
#include "linux/time.h"
#include "linux/tty/tty.h"

#define LAST_WAIT_NS (5 * NSEC_PER_SEC)

/* ---- telling the parent ---- */

static void child_info(siginfo_t *info, struct process *p, int why, int status)
{
    uint64_t ut, st;

    siginfo_init(info, SIGCHLD, why);
    info->si_pid = p->pid;
    rcu_read_lock();
    info->si_uid = thread_cred(p->leader)->uid;
    rcu_read_unlock();
    info->si_status = status;
    process_cpu_times(p, &ut, &st);
    info->si_utime = ut / (NSEC_PER_SEC / 100);
    info->si_stime = st / (NSEC_PER_SEC / 100);
}

/* p is a zombie: its parent gets the signal. True: the parent wants to know nothing of it. */
static bool tell_end_locked(struct process *p)
{
    struct process *parent = p->parent;
    int status = p->exit_status, sig = p->exit_signal;
    bool unwanted = processes_end;
    siginfo_t info;

    if (sig == SIGCHLD) {
        unsigned long flags = spin_lock_irqsave(&parent->sighand->lock);
        const struct ksigaction *ka = &parent->sighand->actions[SIGCHLD - 1];

        if (ka->handler == (vaddr_t)SIG_IGN)
            sig = 0;
        if (!sig || (ka->flags & SA_NOCLDWAIT))
            unwanted = true;
        spin_unlock_irqrestore(&parent->sighand->lock, flags);
    }
    if (sig > 0 && sig <= NR_SIGNALS && !processes_end) {
        if (status & 0x7f)
            child_info(&info, p, CLD_KILLED, status & 0x7f);
        else
            child_info(&info, p, CLD_EXITED, status >> 8);
        info.si_signo = sig;
        signal_send_process(parent, sig, &info);
    }
    wake_all(&parent->child_wait);
    return unwanted;
}

void process_tell_parent(struct process *p, int why, int status)
{
    struct process *parent;

    spin_lock(&tasks_lock);
    parent = p->parent;
    if (parent && p->leader) {
        unsigned long flags = spin_lock_irqsave(&parent->sighand->lock);
        const struct ksigaction *ka = &parent->sighand->actions[SIGCHLD - 1];
        bool wanted = ka->handler != (vaddr_t)SIG_IGN && !(ka->flags & SA_NOCLDSTOP);
        siginfo_t info;

        spin_unlock_irqrestore(&parent->sighand->lock, flags);
        if (wanted) {
            child_info(&info, p, why, status);
            signal_send_process(parent, SIGCHLD, &info);
        }
        wake_all(&parent->child_wait);
    }
    spin_unlock(&tasks_lock);
}

void vfork_done(struct process *p)
{
    struct vfork_wait *w;

    if (!READ_ONCE(p->vfork))
        return;
    spin_lock(&tasks_lock);
    w = p->vfork;
    p->vfork = NULL;
    if (w) { /* under the lock: the parent takes it before its stack goes */
        WRITE_ONCE(w->done, true);
        thread_wake(w->thread);
    }
    spin_unlock(&tasks_lock);
}

/* ---- children and groups left behind ---- */

/* A stopped group that nobody can continue any more is hung up. */
static void orphan_group_locked(int pgid, const struct process *without)
{
    if (!group_orphaned_locked(pgid, without) || !group_stopped_locked(pgid))
        return;
    group_signal_locked(pgid, SIGHUP, NULL);
    group_signal_locked(pgid, SIGCONT, NULL);
}

/* Its leaving may have orphaned p's own group, or a child's that it was the link of. */
static void check_orphans_locked(struct process *p, const struct process *parent,
                                 const struct process *without)
{
    if (parent && parent->pgid != p->pgid && parent->sid == p->sid)
        orphan_group_locked(p->pgid, without);
}

/* Who is responsible for p's children: the nearest forefather that asked to be, else the first process. */
static struct process *reaper_of_locked(struct process *p)
{
    for (struct process *a = p->parent; a; a = a->parent)
        if (a->child_subreaper && !a->zombie && READ_ONCE(a->nr_threads))
            return a;
    return init_process;
}

/* Children whose status nobody will take are put on *unwanted, through sibling. */
static void leave_children_locked(struct process *p, struct list *unwanted)
{
    struct process *reaper, *c, *next;

    if (list_empty(&p->children))
        return;
    reaper = reaper_of_locked(p);
    list_for_each_safe (c, next, &p->children, sibling) {
        list_remove(&c->sibling);
        list_append(&reaper->children, &c->sibling);
        c->parent = reaper;
        c->ppid = reaper->pid;
        c->forker = reaper->pid;
        if (c->pdeath_signal)
            signal_send_process(c, c->pdeath_signal, NULL);
        c->exit_signal = SIGCHLD;
        check_orphans_locked(c, p, NULL);
        if (c->zombie && tell_end_locked(c)) {
            process_unlink_locked(c);
            list_append(unwanted, &c->sibling);
        }
    }
}

void process_thread_end(int tid)
{
    struct process *p = current_process(), *c;

    if (list_empty(&p->children))
        return;
    spin_lock(&tasks_lock);
    list_for_each (c, &p->children, sibling) {
        if (c->forker != tid)
            continue;
        c->forker = p->pid;
        if (c->pdeath_signal)
            signal_send_process(c, c->pdeath_signal, NULL);
    }
    spin_unlock(&tasks_lock);
}

static void release_all(struct list *l)
{
    struct process *c, *next;

    list_for_each_safe (c, next, l, sibling) {
        list_remove(&c->sibling);
        process_release(c);
    }
}

/* ---- the last thread ---- */

static void give_back(struct process *p)
{
    struct fd_table *files;
    struct mm *mm;

    mutex_lock(&p->lock);
    spin_lock(&tasks_lock);
    mm = p->mm;
    files = p->files;
    p->mm = NULL;
    p->files = NULL;
    spin_unlock(&tasks_lock);
    mutex_unlock(&p->lock);
    p->maxrss = mm ? mm->peak_rss : 0;
    vfork_done(p);
    mm_put(mm);
    fd_table_put(files);
    tty_leader_ends(p);
}

/* From here on its parent can take its status, and it is gone. */
static void become_zombie(struct process *p)
{
    struct list unwanted = LIST_INIT(unwanted);

    spin_lock(&tasks_lock);
    leave_children_locked(p, &unwanted);
    check_orphans_locked(p, p->parent, p);
    p->zombie = true;
    if (tell_end_locked(p)) {
        process_unlink_locked(p);
        list_append(&unwanted, &p->sibling);
    }
    wake_all(&p->end_wait);
    if (processes_end)
        wake_all(&init_process->child_wait);
    spin_unlock(&tasks_lock);
    release_all(&unwanted);
}

/* ---- the end of everything ---- */

/* The first process has ended: all others are killed, so that what they have open is closed in order. */
static void end_others(struct process *init)
{
    struct list zombies = LIST_INIT(zombies);
    struct process *p, *next;

    spin_lock(&tasks_lock);
    processes_end = true;
    list_for_each_safe (p, next, &processes, all) {
        if (p == init)
            continue;
        if (p->zombie) {
            process_unlink_locked(p);
            list_append(&zombies, &p->sibling);
        } else {
            signal_send_process(p, SIGKILL, NULL);
        }
    }
    spin_unlock(&tasks_lock);
    release_all(&zombies);
    wait_event_state(&init->child_wait, READ_ONCE(nr_processes) == 1, T_BLOCKED, time_deadline(LAST_WAIT_NS));
    if (READ_ONCE(nr_processes) > 1)
        log_warn("%u processes did not end with the first one", nr_processes - 1);
}

static void __noreturn init_ended(struct process *p)
{
    int status = p->exit_status;

    if (READ_ONCE(nr_processes) > 1)
        end_others(p);
    vfs_sync_all();
    control_report_exit(status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}

void process_end(struct process *p)
{
    if (p->itimers || p->posix_timers)
        itimer_exit_process(p);
    if (p == init_process)
        init_ended(p);
    give_back(p);
    become_zombie(p);
}
