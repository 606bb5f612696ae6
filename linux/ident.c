/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ident.c: who the process is: its number, groups, sessions; and its end. cred.c: on whose behalf it acts.
 */
#include "kernel/arch.h"
#include "linux/family.h"
#include "linux/syscall.h"

SYSCALL1(exit, int, code)
{
    uthread_exit((code & 0xff) << 8);
}

SYSCALL1(exit_group, int, code)
{
    process_exit((code & 0xff) << 8);
}

SYSCALL0(getpid)
{
    return current_process()->pid;
}

SYSCALL0(gettid)
{
    return current->tid;
}

SYSCALL0(getppid)
{
    return current_process()->ppid;
}

SYSCALL1(set_tid_address, vaddr_t, addr)
{
    current_uthread()->clear_child_tid = addr;
    return current->tid;
}

/* ---- groups and sessions ---- */

/* A number of pid's, or of the caller's (0): -ESRCH. */
static long number_of(int pid, long (*number)(const struct process *p))
{
    struct process *p = pid ? process_find(pid) : current_process();
    long n = -ESRCH;

    if (!p)
        return n;
    if (!pid)
        return number(p);
    if (READ_ONCE(p->leader))
        n = number(p);
    process_put(p);
    return n;
}

static long group_of(const struct process *p)
{
    return READ_ONCE(p->pgid);
}
static long session_of(const struct process *p)
{
    return READ_ONCE(p->sid);
}

SYSCALL1(getpgid, int, pid)
{
    return number_of(pid, group_of);
}

SYSCALL0(getpgrp)
{
    return group_of(current_process());
}

SYSCALL1(getsid, int, pid)
{
    return number_of(pid, session_of);
}

/* setpgid(2): oneself, or a child that has not changed its program yet; within one session. */
static long set_group_locked(struct process *p, int pgid)
{
    const struct process *self = current_process();

    if (!p->leader || (p != self && p->parent != self))
        return -ESRCH;
    if (p->sid != self->sid)
        return -EPERM;
    if (p != self && p->execed)
        return -EACCES;
    if (p->sid == p->pid || (pgid != p->pid && !group_exists_locked(pgid, self->sid)))
        return -EPERM;
    p->pgid = pgid;
    return 0;
}

SYSCALL2(setpgid, int, pid, int, pgid)
{
    struct process *p;
    long err;

    if (pgid < 0)
        return -EINVAL;
    p = process_find(pid ? pid : current_process()->pid);
    if (!p)
        return -ESRCH;
    spin_lock(&tasks_lock);
    err = set_group_locked(p, pgid ? pgid : p->pid);
    spin_unlock(&tasks_lock);
    process_put(p);
    return err;
}

SYSCALL0(setsid)
{
    struct process *p = current_process();
    long sid = -EPERM;

    spin_lock(&tasks_lock);
    if (!group_exists_locked(p->pid, 0)) {
        sid = p->sid = p->pgid = p->pid;
        p->ctty = NULL;
    }
    spin_unlock(&tasks_lock);
    return sid;
}
