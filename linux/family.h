/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * family.h: processes among each other: which there are, who is whose child, groups and sessions.
 *
 * tasks_lock guards all of it, and each process's leader. It is a spin lock that nothing waits under; sighand locks may be
 * taken below it, one at a time. A process is on the list from fork's last step until its status is taken.
 */
#ifndef LINUX_FAMILY_H
#define LINUX_FAMILY_H

#include "linux/process.h"

extern struct spinlock tasks_lock;
extern struct list processes; /* struct process.all */
extern unsigned nr_processes; /* on the list */
extern bool processes_end;    /* the first process has ended: nobody is born, nobody is waited for */

/* How many there may be at once: as much as Linux allows for the memory (a 32nd of the pages, at least 20). */
unsigned process_limit(void);
/* p, complete, becomes parent's child, made by the thread number forker (parent NULL: the first process). */
void process_link_locked(struct process *p, struct process *parent, int forker);
/* Its status has been taken, or nobody wants it: off all lists. Then process_release() outside of tasks_lock. */
void process_unlink_locked(struct process *p);
void process_release(struct process *p); /* its number is free; drops the family's reference */
/* All threads of the user's processes, for RLIMIT_NPROC. */
unsigned user_nr_threads(uint32_t uid);
/* Does a group (of the session, unless 0) have members? Locked. */
bool group_exists_locked(int pgid, int sid);
/* No member of the group has a parent in another group of the session, but for `without`. Locked. */
bool group_orphaned_locked(int pgid, const struct process *without);
bool group_stopped_locked(int pgid);
int group_signal_locked(int pgid, int sig, const siginfo_t *info);

/* exit.c: the last thread of the current process ends; returns when it is a zombie, or nobody's at all. */
void process_end(struct process *p);
/* The thread ends, others of its process go on and inherit its children. */
void process_thread_end(int tid);
/* The child p stopped or goes on: its parent learns it. No sighand lock held. */
void process_tell_parent(struct process *p, int why, int status);
/* The child has memory of its own now, or none: its parent in vfork(2) goes on. */
void vfork_done(struct process *p);

#endif
