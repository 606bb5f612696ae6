/* SPDX-License-Identifier: BSD-2-Clause */
/* errno.h: Linux error numbers, from the kernel's own exported headers. */
#ifndef ABI_ERRNO_H
#define ABI_ERRNO_H

#ifdef PROA_HOST
#include <errno.h>
#else
#include <asm/errno.h>
#endif

/* Inside the kernel only: how an interrupted system call goes on after a signal (Linux's values). */
#define ERESTARTSYS           512 /* restart when SA_RESTART */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart only when no handler runs */
#define ERESTART_RESTARTBLOCK 516 /* restart through restart_syscall(2) */
#endif
