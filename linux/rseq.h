/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_RSEQ_H
#define LINUX_RSEQ_H

struct uthread;
struct user_regs;

/* The thread was preempted, has moved or gets a signal: writes its CPU number and aborts a critical section under
 * way (rseq(2)). A bad area in user memory raises SIGSEGV. */
void rseq_resume(struct uthread *u, struct user_regs *r);
/* A handler is about to run instead of r: out of its critical section. The CPU it is on is known: WORK_RSEQ sees to that. */
void rseq_interrupt(struct uthread *u, struct user_regs *r);

#endif
