/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.h: threads of the host shim: an entry function that the test's own switch may call. */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#define KSTACK_SIZE 16384

struct arch_thread {
    void (*fn)(void *);
    void *arg;
    void *context, *stack;
};

struct user_regs {
    unsigned long pc, sp;
};

#endif
