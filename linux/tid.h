/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tid.h: the numbers of threads, and so of processes (a process's is its first thread's).
 */
#ifndef LINUX_TID_H
#define LINUX_TID_H

struct thread;

#define PID_MAX 4194304 /* Linux's on 64 bits; numbers are below */

/* Gives t a number: 0, -ENOMEM, -EAGAIN when none is free. */
int tid_assign(struct thread *t);
/* t's number is free again. */
void tid_release(struct thread *t);
/* Exchanges who has which of two numbers in use. */
void tid_swap(struct thread *a, struct thread *b);
/* The thread with the number, referenced; NULL. */
struct thread *tid_find(int tid);

#endif
