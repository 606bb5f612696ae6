/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry.S: every way into the kernel and back. What each saves:
 *
 *   system call   what the C ABI lets the body destroy; the callee-saved registers stay where they are. Only the slow
 *                 way back (thread.work) completes struct user_regs.
 *   page fault    likewise, until vm_fault() has not resolved it.
 *   interrupt     likewise; runs on this CPU's interrupt stack.
 *   exception     everything.
 *
 * Below struct user_regs lies an unused word, so that the stack is aligned wherever C is called.
 */
#include "arch/offsets.h"
#include "arch/traps.h"

#define REG(name) (8 + REGS_##name)(%rsp)
#define GS(field) %gs:CPU_##field

    .macro SMAP_CLAC
771: clac
    .pushsection .smap_sites, "a"
    .long 771b - .
    .popsection
    .endm

    /*
     * An exception that comes from user mode leaves SS empty, SYSCALL fills it. An emulator that translates code
     * (QEMU's TCG) counts that as two modes and would translate the kernel once for each.
     */
    .macro KERNEL_SS scratch
    mov $SEL_KERNEL_DATA, \scratch
    mov \scratch, %ss
    .endm

    .macro SAVE_CALLEE_SAVED
    mov %rbx, REG(RBX)
    mov %rbp, REG(RBP)
    mov %r12, REG(R12)
    mov %r13, REG(R13)
    mov %r14, REG(R14)
    mov %r15, REG(R15)
    .endm

    .section .entry.text, "ax"

/*
 * System calls. SYSRET with a non-canonical RCX would fault in the kernel on the user's stack (SDM, SYSRET): RCX is
 * what SYSCALL stored, and no program has code at the very end of the lower half (USER_MAX). Changed registers
 * leave by IRETQ.
 */
    .balign 64
    .globl syscall_entry
syscall_entry:
    swapgs
    mov %rsp, GS(USER_SP)
    mov GS(KFRAME), %rsp
    mov %rcx, REG(RIP)
    mov %r11, REG(RFLAGS)
    mov GS(USER_SP), %rcx
    mov %rdi, REG(RDI)
    mov %rsi, REG(RSI)
    mov %rdx, REG(RDX)
    mov %rcx, REG(RSP)
    mov %r10, REG(R10)
    mov %r8, REG(R8)
    mov %r9, REG(R9)
    mov %rax, REG(ORIG)
    sti
    mov %r10, %rcx
    cmp nr_syscalls(%rip), %eax
    jae 2f
    lea syscall_table(%rip), %r10
    mov %eax, %eax
    call *(%r10, %rax, 8)
1:  cli
    mov GS(CURRENT), %rcx
    cmpl $0, THREAD_WORK(%rcx)
    jne syscall_work
    mov REG(RDI), %rdi
    mov REG(RSI), %rsi
    mov REG(RDX), %rdx
    mov REG(R10), %r10
    mov REG(R8), %r8
    mov REG(R9), %r9
    mov REG(RIP), %rcx
    mov REG(RFLAGS), %r11
    mov REG(RSP), %rsp
    swapgs
    sysretq
2:  mov %rax, %rdi
    call syscall_missing
    jmp 1b

syscall_work: /* rax: the result */
    btl $WORK_ARCH_REGS_BIT, THREAD_WORK(%rcx)
    jc 1f /* sigreturn, exec: the frame is complete already and not this call's */
    SAVE_CALLEE_SAVED
    mov %rax, REG(RAX)
    mov REG(RIP), %rcx
    mov %rcx, REG(RCX)
    mov REG(RFLAGS), %rcx
    mov %rcx, REG(R11)
    movq $SEL_USER_CODE, REG(CS)
    movq $SEL_USER_DATA, REG(SS)
1:  lea 8(%rsp), %rdi
    call return_work /* comes back with interrupts off */

    /* All user registers are in the frame; interrupts are off. */
    .globl user_return
user_return:
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $8, %rsp
    swapgs
    iretq

/* The table's entry of a call that wants all of struct user_regs: one word further down than at syscall_entry. */
    .macro FULL_REGS name
    .globl arch_sys_\name
arch_sys_\name:
    mov %rbx, 8 + REG(RBX)
    mov %rbp, 8 + REG(RBP)
    mov %r12, 8 + REG(R12)
    mov %r13, 8 + REG(R13)
    mov %r14, 8 + REG(R14)
    mov %r15, 8 + REG(R15)
    jmp sys_\name
    .endm
    FULL_REGS clone
    FULL_REGS clone3
    FULL_REGS fork
    FULL_REGS vfork

/* A thread that never was in user mode: its stack pointer is where user_return wants it. */
    .globl enter_user_mode
enter_user_mode:
    mov GS(KFRAME), %rsp
    lea 8(%rsp), %rdi
    call return_work
    jmp user_return

/* ---- page faults ---- */
    .macro PUSH_SCRATCH /* below the error code or what stands for it */
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    .endm
    .macro POP_SCRATCH
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    .endm
    .macro PUSH_CALLEE_SAVED
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push $0 /* alignment */
    .endm

    .balign 64
    .globl page_fault
page_fault:
    cld
    SMAP_CLAC
    testb $3, 16(%rsp)
    jz page_fault_kernel
    swapgs
    PUSH_SCRATCH
    KERNEL_SS %eax
    mov GS(CURRENT), %rax
    mov (REGS_ORIG - REGS_R11)(%rsp), %edx
    mov %cr2, %rsi
    mov THREAD_MM(%rax), %rdi
    mov %rsi, THREAD_TRAP_ADDR(%rax)
    push $0 /* the signal's code; aligns, too */
    mov %rsp, %rcx
    sti
    cmpq $0, GS(VIEW)
    jne 4f
    call vm_fault
5:  cli
    test %eax, %eax
    jnz 1f
    mov GS(CURRENT), %rcx
    add $8, %rsp
    cmpl $0, THREAD_WORK(%rcx)
    jne 2f
    POP_SCRATCH
    add $8, %rsp
    swapgs
    iretq
1:  pop %rsi
    mov %eax, %edi
    PUSH_CALLEE_SAVED
    lea 8(%rsp), %rdx
    call fault_unresolved
    jmp 3f
    /* Work to do on the way back from an interrupt or fault: the result register is the user's own. */
2:  PUSH_CALLEE_SAVED
3:  movq $-1, REG(ORIG)
    lea 8(%rsp), %rdi
    call return_work
    jmp user_return
4:  call view_fault
    jmp 5b

page_fault_kernel:
    push $TRAP_PF
    jmp exception_common

/* ---- device interrupts ---- */
    .balign 64
irq_common: /* on the stack: vector - 128 where exceptions have an error code */
    cld
    SMAP_CLAC
    testb $3, 16(%rsp)
    PUSH_SCRATCH
    jz 1f
    swapgs
    KERNEL_SS %eax
1:  push %rbx
    mov %rsp, %rbx
    mov (8 + REGS_ORIG - REGS_R11)(%rsp), %edi
    sub $-128, %edi
    mov (8 + REGS_CS - REGS_R11)(%rsp), %esi
    and $3, %esi
    shr %esi
    incb GS(IN_IRQ)
    mov GS(IRQ_STACK), %rsp
    call irq_dispatch
    mov %rbx, %rsp
    decb GS(IN_IRQ)
    pop %rbx
    testb $3, (REGS_CS - REGS_R11)(%rsp)
    jz 3f
    mov GS(CURRENT), %rcx
    cmpl $0, THREAD_WORK(%rcx)
    jne 2b
    swapgs
3:  POP_SCRATCH
    add $8, %rsp
    iretq

/* Eight bytes each; all in one 64 KiB, so that idt_init() only counts upwards. */
    .balign 4096
    .globl irq_stubs
irq_stubs:
    .set vector, FIRST_DEVICE_VECTOR
    .rept 256 - FIRST_DEVICE_VECTOR
    .balign 8
    .byte 0x6a, vector - 128 /* push imm8 */
    jmp irq_common
    .set vector, vector + 1
    .endr

/* ---- other exceptions ---- */
    .balign 16
exception_common: /* on the stack: the vector, the error code */
    cld
    SMAP_CLAC
    xchg %rdi, (%rsp)
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    PUSH_CALLEE_SAVED
    testb $3, REG(CS)
    jz 1f
    swapgs
    KERNEL_SS %eax
    lea 8(%rsp), %rsi
    call trap /* enables interrupts itself */
    movq $-1, REG(ORIG)
    lea 8(%rsp), %rdi
    call return_work
    jmp user_return
1:  lea 8(%rsp), %rsi
    call trap
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    POP_SCRATCH
    add $8, %rsp
    iretq

/* Double fault, NMI, machine check: GS may be anyone's. The stack's last word is this CPU's structure. */
fatal_common:
    cld
    SMAP_CLAC
    xchg %rdi, (%rsp)
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    PUSH_CALLEE_SAVED
    mov %rsp, %rax
    or $(FATAL_STACK_SIZE - 1), %rax
    mov -15(%rax), %rax
    mov %rax, %rdx
    shr $32, %rdx
    mov $0xc0000101, %ecx /* MSR_GS_BASE */
    wrmsr
    lea 8(%rsp), %rsi
    call trap_fatal
    ud2

    .macro STUB vector, has_error, common
    .balign 16
    .if !\has_error
    push $0
    .endif
    push $\vector
    jmp \common
    .endm

    .balign 16
    .globl exception_stubs
exception_stubs:
    .set vector, 0
    .rept NR_EXCEPTIONS
    .if vector == TRAP_NMI || vector == TRAP_MC
    STUB vector, 0, fatal_common
    .elseif vector == TRAP_DF
    STUB vector, 1, fatal_common
    .elseif vector == TRAP_TS || vector == TRAP_NP || vector == TRAP_SS || vector == TRAP_GP || vector == TRAP_PF || \
            vector == TRAP_AC || vector == TRAP_CP
    STUB vector, 1, exception_common
    .else
    STUB vector, 0, exception_common
    .endif
    .set vector, vector + 1
    .endr

/* ---- threads ---- */
/* Where a new thread's first switch lands, rbp's place, its function and the argument on the stack (arch_thread_init). */
    .globl thread_start
thread_start:
    pop %rbp
    pop %r12
    pop %r13
    call sched_first_run
    mov %r13, %rdi
    call *%r12
    call thread_exit
    ud2

    .section .note.GNU-stack, "", @progbits
