/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ident.c: who the process is: its number, groups, sessions; and its end. cred.c: on whose behalf it acts.
 */
#include "kernel/arch.h"
#include "linux/process.h"
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

static struct process *by_pid(int pid)
{
    struct process *p = pid ? process_find(pid) : current_process();

    if (p && !pid)
        ref_get(&p->refs);
    return p;
}

SYSCALL1(getpgid, int, pid)
{
    struct process *p = by_pid(pid);
    long n = p ? p->pgid : -ESRCH;

    if (p)
        process_put(p);
    return n;
}

SYSCALL0(getpgrp)
{
    return current_process()->pgid;
}

SYSCALL1(getsid, int, pid)
{
    struct process *p = by_pid(pid);
    long n = p ? p->sid : -ESRCH;

    if (p)
        process_put(p);
    return n;
}

SYSCALL2(setpgid, int, pid, int, pgid)
{
    struct process *p;
    long err;

    if (pgid < 0)
        return -EINVAL;
    p = by_pid(pid);
    if (!p)
        return -ESRCH;
    if (!pgid)
        pgid = p->pid;
    /* a session leader stays where it is; a group must be one's own or exist in the session */
    err = p->sid == p->pid || (pgid != p->pid && pgid != p->pgid) ? -EPERM : 0;
    if (!err)
        p->pgid = pgid;
    process_put(p);
    return err;
}

SYSCALL0(setsid)
{
    struct process *p = current_process();

    if (p->pgid == p->pid) /* already leads a group */
        return -EPERM;
    p->sid = p->pgid = p->pid;
    p->ctty = NULL;
    return p->sid;
}
