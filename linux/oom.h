/* SPDX-License-Identifier: BSD-2-Clause */
/* oom.h: which process dies when memory has ended. */
#ifndef LINUX_OOM_H
#define LINUX_OOM_H

#include "kernel/mm.h"

/* For mm_set_oom(). */
enum oom_choice oom_kill(struct mm *mm);

#endif
