/* SPDX-License-Identifier: BSD-2-Clause */
/* clone.h: what clone(2), clone3(2), fork(2) and vfork(2) ask for. */
#ifndef LINUX_CLONE_H
#define LINUX_CLONE_H

#include "linux/process.h"

struct clone_request {
    uint64_t flags;
    int exit_signal;
    vaddr_t stack; /* the first stack pointer; 0: the caller's */
    vaddr_t tls;
    vaddr_t parent_tid, child_tid; /* of an int */
    vaddr_t pidfd;                 /* of an int */
};

/* RLIMIT_NPROC: the user has as many threads as he may. */
bool clone_too_many(void);
/* What a new thread has of the current one, besides its process. */
void clone_inherit(struct thread *t);

#endif
