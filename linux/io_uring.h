/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring.h: what the rest of linux/ calls of io_uring(7). */
#ifndef LINUX_IO_URING_H_
#define LINUX_IO_URING_H_

#include "lib/types.h"

struct uthread;

/* Runs what waits for the current thread (WORK_TASK): completions that need its address space. No lock may be held.
 * true: there was something. */
bool uring_run_task_work(void);
/* The current thread ends, or its program is replaced: its requests are cancelled. */
void uring_task_exit(struct uthread *u);

#endif
