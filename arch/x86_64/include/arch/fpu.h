/* SPDX-License-Identifier: BSD-2-Clause */
/* fpu.h: x87, SSE, AVX ... state of user mode, among the files of arch/x86_64. */
#ifndef ARCH_FPU_H
#define ARCH_FPU_H

#include "lib/types.h"

struct thread;

void fpu_init(void);             /* the boot CPU: finds out what there is */
void fpu_init_cpu(void);         /* each other one: allows the same */
size_t fpu_area_size(void);      /* at the top of each kernel stack: a multiple of 64 */
void fpu_save(struct thread *t); /* registers -> area */
void fpu_load(struct thread *t); /* area, or the initial state when it is not valid -> registers */
void fpu_switch(struct thread *from, struct thread *to); /* both */
void fpu_clone(struct thread *child);                    /* the current thread's, as it is now */

/* The signal frame. size: bytes of the state there, without Linux's trailing magic. */
size_t fpu_frame_size(void);
int fpu_to_user(void __user *frame);         /* 64-byte aligned, and user_ok(); 0 or -EFAULT */
int fpu_from_user(const void __user *frame); /* NULL: the initial state */

#endif
