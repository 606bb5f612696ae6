/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cred.h: credentials. A thread's are replaced by itself alone, whole, and never changed once they are its: it reads them
 * without a lock for as long as it stays in one system call, others read them under RCU. Threads share them until one
 * changes its own.
 */
#ifndef LINUX_CRED_H
#define LINUX_CRED_H

#include "fs/vfs.h"
#include "linux/process.h"

struct cred *cred_new_root(void); /* NULL when out of memory */
void cred_put(struct cred *c);
/* A copy of the current thread's, to be changed and installed, or else freed by kfree(). NULL when out of memory. */
struct cred *cred_begin(void);
void cred_install(struct cred *n); /* takes it */
/* The operations of prctl(2) about credentials; -EINVAL for others. */
long cred_prctl(int op, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5);

static inline const struct cred *current_cred(void)
{
    return current_uthread()->cred;
}
/* Any thread's of a program, within rcu_read_lock(). */
static inline const struct cred *thread_cred(const struct thread *t)
{
    return atomic_load_acquire(&((const struct uthread *)t->ulinux)->cred);
}

/* The same with a reference, outside too. */
struct cred *thread_cred_get(const struct thread *t);

#endif
