/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trampoline.S: where a CPU other than the first begins: copied to a page below 1 MiB, entered in real mode (SDM vol. 3A
 * §9.4), it goes straight to long mode. Each arrival takes the next ticket, and with it a structure and a stack.
 */
#include "arch/early.h"
#include "arch/offsets.h"

#define CR4_PAE 0x20
#define CR0_PE_MP_ET_NE_WP_PG 0x80010033
#define AT(label) (label - trampoline_start)

    .section .rodata.trampoline, "a"
    .balign 16
    .globl trampoline_start, trampoline_end, trampoline_data
trampoline_start:
    .code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    lgdtl AT(trampoline_gdtr)
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov AT(trampoline_cr3), %eax
    mov %eax, %cr3
    mov $MSR_EFER_NR, %ecx
    mov AT(trampoline_efer), %eax
    xor %edx, %edx
    wrmsr
    mov $CR0_PE_MP_ET_NE_WP_PG, %eax
    mov %eax, %cr0
    ljmpl *AT(trampoline_far)

    .code64
trampoline_long:
    xor %eax, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    inc %eax
    lock xadd %eax, trampoline_ticket(%rip)
    cmp trampoline_nr(%rip), %eax
    jae 1f
    mov trampoline_table(%rip), %rdx
    shl $4, %eax
    mov (%rdx, %rax), %rdi
    mov 8(%rdx, %rax), %rsp
    xor %ebp, %ebp
    call *trampoline_entry(%rip)
1:  cli
    hlt
    jmp 1b

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code, ring 0 */
trampoline_data: /* struct trampoline_data in smp.c */
trampoline_cr3:   .long 0
trampoline_efer:  .long 0
trampoline_gdtr:
    .word trampoline_data - trampoline_gdt - 1
    .long AT(trampoline_gdt) /* made absolute by the copier */
    .word 0
trampoline_far:
    .long AT(trampoline_long) /* likewise */
    .word SEL_KERNEL_CODE
    .word 0
trampoline_table: .quad 0
trampoline_entry: .quad 0
trampoline_nr:     .long 0
trampoline_ticket: .long 0
trampoline_end:

    .section .note.GNU-stack, "", @progbits
