/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * head.S: the first instructions, by either boot protocol, up to C code at its final address.
 *
 * PVH (Xen's x86/HVM direct boot ABI): 32-bit protected mode, paging off, EBX = struct hvm_start_info.
 * Linux 64-bit boot protocol: long mode, the image identity-mapped, RSI = struct boot_params.
 * Both end in early_boot(), which runs identity-mapped and unrelocated, then boot_main() in the upper half.
 */
#include "arch/early.h"
#include "arch/offsets.h"

#define CR4_PAE  0x20
#define EFER_LME 0x100
#define EFER_NXE_BIT 11
#define CPUID_NX_BIT 20 /* in EDX of leaf 0x80000001 */
#define CPUID_NX     (1 << CPUID_NX_BIT)
#define CR0_PE_MP_ET_NE_WP_PG 0x80010033

    .section .head.text, "ax"
    .code32
head:
    .globl pvh_entry
pvh_entry:
    cld
    cli
    mov $KERNEL_PHYS, %ebp  /* where PVH loads us: all else is relative to it */
    lea (boot_stack_end - head)(%ebp), %esp
    rdtsc
    push %edx
    push %eax
    mov %ebx, %esi
    mov $0x80000001, %eax
    cpuid
    bt $29, %edx
    jnc no_long_mode
    mov %edx, %ebx

    /* Identity: the first 4 MiB. early_boot() makes the real tables. */
    lea (early_pd - head)(%ebp), %edi
    movl $(PTE_P | PTE_W | PTE_PS), (%edi)
    movl $(PTE_P | PTE_W | PTE_PS | 0x200000), 8(%edi)
    lea PTE_P | PTE_W(%edi), %eax
    lea (early_pdpt - head)(%ebp), %edi
    mov %eax, (%edi)
    lea PTE_P | PTE_W(%edi), %eax
    lea (kernel_pml4 - head)(%ebp), %edi
    mov %eax, (%edi)

    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov %edi, %cr3
    mov $MSR_EFER_NR, %ecx
    xor %edx, %edx
    mov %ebx, %eax
    and $CPUID_NX, %eax
    shr $(CPUID_NX_BIT - EFER_NXE_BIT), %eax
    or $EFER_LME, %eax
    wrmsr
    mov $CR0_PE_MP_ET_NE_WP_PG, %eax
    mov %eax, %cr0
    lea (boot_gdt - head)(%ebp), %eax
    pushl $0
    push %eax
    pushl $((boot_gdt_end - boot_gdt - 1) << 16)
    lgdt 2(%esp)
    add $12, %esp
    lea (1f - head)(%ebp), %eax
    pushl $SEL_KERNEL_CODE
    push %eax
    lretl
    .code64
1:  mov %esi, %edi
    mov $BOOT_PVH, %esi
    pop %rdx
    jmp common

    .code32
no_long_mode:
    lea (no_long_mode_text - head)(%ebp), %esi
    mov $0x3f8, %edx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  hlt
    jmp 2b
no_long_mode_text:
    .asciz "proa: this CPU has no 64-bit mode\r\n"

    .code64
    .globl linux64_entry
linux64_entry:
    cld
    cli
    lea boot_stack_end(%rip), %rsp
    rdtsc
    shl $32, %rdx
    or %rax, %rdx
    mov %rdx, %r8
    lea early_pd(%rip), %rdi
    movq $(PTE_P | PTE_W | PTE_PS), (%rdi)
    movq $(PTE_P | PTE_W | PTE_PS | 0x200000), 8(%rdi)
    lea PTE_P | PTE_W(%rdi), %rax
    lea early_pdpt(%rip), %rdi
    mov %rax, (%rdi)
    lea PTE_P | PTE_W(%rdi), %rax
    lea kernel_pml4(%rip), %rdi
    mov %rax, (%rdi)
    mov $0x80000001, %eax
    cpuid
    mov %edx, %ebx
    and $CPUID_NX, %ebx
    shr $(CPUID_NX_BIT - EFER_NXE_BIT), %ebx
    mov $MSR_EFER_NR, %ecx
    rdmsr
    or %ebx, %eax
    wrmsr
    mov $CR0_PE_MP_ET_NE_WP_PG, %eax
    mov %rax, %cr0
    mov $CR4_PAE, %eax
    mov %rax, %cr4
    mov %rdi, %cr3
    mov %rsi, %rdi
    mov $BOOT_LINUX64, %esi
    mov %r8, %rdx

common: /* rdi: parameters, esi: which protocol, rdx: TSC at entry */
    xor %eax, %eax
    mov %eax, %ss
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %rdi, %rbx
    mov %esi, %r12d
    xor %ebp, %ebp
    lea boot_stack_end(%rip), %rsp
    call early_boot /* returns what to add to an address to find it in the upper half */
    add %rax, %rsp
    lea 1f(%rip), %rdx
    add %rax, %rdx
    jmp *%rdx
1:  mov %rbx, %rdi
    mov %r12d, %esi
    call boot_main
    ud2

    .balign 8
boot_gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code, ring 0 */
boot_gdt_end:

    .section .bss.stack, "aw", @nobits
    .balign 4096
    .globl boot_stack, boot_stack_end
boot_stack:
    .skip BOOT_STACK_SIZE
boot_stack_end:

    .section .bss.page_aligned, "aw", @nobits
    .balign 4096
    .globl kernel_pml4, kernel_pdpt, kernel_pd, kernel_pt, direct_pdpt, early_pdpt, early_pd
kernel_pml4: .skip 4096
kernel_pdpt: .skip 4096             /* the top 512 GiB: the image and the dynamic area */
kernel_pd:   .skip 4096             /* the GiB of the image */
kernel_pt:   .skip 4096 * KERNEL_PTS /* the image */
direct_pdpt: .skip 4096             /* the direct map */
early_pdpt:  .skip 4096             /* identity while booting, then a table of the dynamic area */
early_pd:    .skip 4096             /* likewise, then a table of the direct map */
