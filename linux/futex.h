/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex.h: what other parts of the kernel tell futexes. Their parts are in linux/futex/.
 */
#ifndef LINUX_FUTEX_H
#define LINUX_FUTEX_H

struct thread;
struct uthread;

/* A thread ends, in its own context with its memory still there. In Linux's order: its robust list is walked (owner
 * died), locks with priority inheritance go to their next waiters, its clear_child_tid word is zeroed and woken. */
void futex_exit_thread(struct uthread *u);
/* The same before exec replaces the address space; the thread goes on. */
void futex_exec_thread(struct uthread *u);
/* t's priority was changed by sched_set(): whoever holds a lock that t waits for inherits the new one. Any thread's
 * context, no lock of a greater rank than RANK_FUTEX held. */
void futex_pi_adjust(struct thread *t);

#endif
