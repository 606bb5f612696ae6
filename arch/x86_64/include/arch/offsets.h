/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * offsets.h: the numbers assembly shares with C: where fields lie, selectors, vectors. Checked by static_asserts in
 * cpu.c. No C here.
 */
#ifndef ARCH_OFFSETS_H
#define ARCH_OFFSETS_H

/* struct arch_cpu, by gs */
#define CPU_SELF      0
#define CPU_CURRENT   8
#define CPU_KFRAME    16
#define CPU_USER_SP   24
#define CPU_IRQ_STACK 32
#define CPU_VIEW      40
#define CPU_IN_IRQ    259

/* struct thread */
#define THREAD_SP         0
#define THREAD_KSTACK_TOP 8
#define THREAD_TRAP_ADDR  32
#define THREAD_WORK       48
#define THREAD_MM         56

/* struct user_regs; below it lies one empty word that keeps the stack aligned for calls */
#define REGS_R15    0
#define REGS_R14    8
#define REGS_R13    16
#define REGS_R12    24
#define REGS_RBP    32
#define REGS_RBX    40
#define REGS_R11    48
#define REGS_R10    56
#define REGS_R9     64
#define REGS_R8     72
#define REGS_RAX    80
#define REGS_RCX    88
#define REGS_RDX    96
#define REGS_RSI    104
#define REGS_RDI    112
#define REGS_ORIG   120
#define REGS_RIP    128
#define REGS_CS     136
#define REGS_RFLAGS 144
#define REGS_RSP    152
#define REGS_SS     160
#define REGS_SIZE   168

/* Selectors; Linux's, because signal frames show the user's. SYSRET wants user data, then user code, after a common
 * base (SDM vol. 2, SYSRET). */
#define SEL_KERNEL_CODE 0x10
#define SEL_KERNEL_DATA 0x18
#define SEL_SYSRET_BASE 0x20
#define SEL_USER_DATA   0x2b
#define SEL_USER_CODE   0x33
#define SEL_TSS         0x40

/* thread.work: the registers in the frame are all valid and were changed: return with every one of them */
#define WORK_ARCH_REGS_BIT 31

#define FIRST_DEVICE_VECTOR 32

#endif
