/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The accelerator probe's guest: enters by PVH in 32-bit mode, switches to 64-bit mode as a kernel does, spends
 * 20 million loop turns there with memory accesses and some CPUIDs (which leave to the VMM), and ends the machine
 * by isa-debug-exit. A processor takes 20 ms; something that emulates one takes seconds.
 */
#include "abi/control.h"

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* namesz, descsz, XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   start

        .text
        .code32
        .globl  start
start:
        cli
        mov     $stack_top, %esp
        /* The first 1 GiB, identity-mapped by 2 MiB pages. */
        movl    $(pdpt + 3), pml4
        movl    $(pd + 3), pdpt
        xor     %ecx, %ecx
1:      mov     %ecx, %eax
        shl     $21, %eax
        or      $0x83, %eax
        mov     %eax, pd(, %ecx, 8)
        inc     %ecx
        cmp     $512, %ecx
        jne     1b
        mov     $pml4, %eax
        mov     %eax, %cr3
        mov     %cr4, %eax
        or      $0x20, %eax             /* PAE */
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx       /* EFER.LME */
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000001, %eax       /* PG, PE */
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $long_mode

        .code64
long_mode:
        mov     $20000000, %r8d
2:      mov     %r8, counter(%rip)
        xor     counter(%rip), %r9
        dec     %r8
        jnz     2b
        mov     $100, %r8d
3:      mov     $1, %eax
        cpuid
        dec     %r8
        jnz     3b
        mov     $DEBUG_EXIT_PORT, %dx
        mov     $DEBUG_EXIT_PROBE, %al
        out     %al, %dx
4:      hlt
        jmp     4b

        .balign 8
gdt:    .quad   0, 0x00af9b000000ffff
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
pd:     .skip   4096
counter: .skip  8
        .skip   256
stack_top:
