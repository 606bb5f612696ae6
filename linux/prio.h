/* SPDX-License-Identifier: BSD-2-Clause */
/* prio.h: who may change how a thread is scheduled. */
#ifndef LINUX_PRIO_H
#define LINUX_PRIO_H

#include "lib/types.h"

struct thread;

/* May the current thread change how t runs? sched(7): its user's own, and all with CAP_SYS_NICE. */
bool prio_may_set(struct thread *t);

#endif
