/* SPDX-License-Identifier: BSD-2-Clause */
/* traps.h: entry points and exception handling, among the files of arch/x86_64. */
#ifndef ARCH_TRAPS_H
#define ARCH_TRAPS_H

#define FATAL_IST        1
#define FATAL_STACK_SIZE 8192
#define IRQ_STACK_SIZE   8192
#define NR_EXCEPTIONS    32

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_BR  5
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_DF  8
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19
#define TRAP_CP  21

#ifndef __ASSEMBLER__
#include "arch/thread.h"

void idt_init(void); /* the boot CPU: fills the table and loads it */
void idt_load(void);
struct cpu;
/* The stacks of interrupts and of what cannot go on (aligned to its size), before cpu_load() on the CPU itself. */
void cpu_set_stacks(struct cpu *c, char *fatal, char *irq);
void cpu_load(
    struct cpu *c); /* this CPU's descriptor tables and control registers; c is this_cpu() from here on */
/* entry.S */
extern char exception_stubs[], irq_stubs[];
void syscall_entry(void);
void user_return(void)
    __attribute__((noreturn)); /* the stack pointer is at the user registers' alignment word */
void thread_start(void);
/* called from entry.S */
void trap(unsigned vector, struct user_regs *r);
void trap_fatal(unsigned vector, struct user_regs *r);
void fault_unresolved(int signo, int code, struct user_regs *r);
void return_work(struct user_regs *r);
/* An NMI: if arch_stop_cpus() sent it, it does not return. */
void stop_here(struct user_regs *r);
/* What arch_dump() reports: an exception's registers; NULL: its caller's. */
extern struct user_regs *dump_from;

#define RFLAGS_TF      (1ul << 8)
#define RFLAGS_AC      (1ul << 18)
#define WORK_ARCH_REGS (1u << WORK_ARCH_REGS_BIT)
#endif

#endif
