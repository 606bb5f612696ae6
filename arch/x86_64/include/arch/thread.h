/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h: what the CPU keeps of a thread. The kernel stack holds, from its top downwards: the FPU save area, the
 * registers brought from user mode, the kernel's frames. Its lowest page borders on a guard page.
 */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include "lib/types.h"

#if DEBUG || UBSAN
#define KSTACK_SIZE 32768ul
#else
#define KSTACK_SIZE 16384ul
#endif

#define NO_CPU 0xffffffffu

struct arch_thread {
    vaddr_t sp; /* while switched out */
    vaddr_t
        kstack_top; /* end of the user registers; the FPU save area starts here. 0: kernel thread's boot stack */
    uint64_t fs_base, gs_base; /* the user's, while switched out */
    uint64_t trap_addr;        /* of the last fault, for the signal frame (sigcontext.cr2) */
    uint32_t fpu_valid;        /* the save area has been written; 0: the state is the initial one */
    uint32_t user_cpu;         /* whose registers its user state was loaded into last; NO_CPU: none's */
};

/* In the order of Linux's struct pt_regs. */
struct user_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t
        orig_rax; /* system call number; of an exception the error code, with the type in cs's upper half */
    uint64_t rip, cs, rflags, rsp, ss;
};

#endif
