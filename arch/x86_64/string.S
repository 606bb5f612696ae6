/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * string.S: bulk copying and clearing, for the kernel and across its border.
 *
 * A processor has fast string instructions; an emulator runs them one element at a time, and there the widest vector
 * move is the cheapest by far. copy_mode (cpu.c) says which it is. The vector registers hold the program's values, so
 * each use saves those it needs; a page fault in between may switch threads, which saves and restores the registers as
 * they are, to the same end.
 *
 * Copies run forward and read each piece before they write it: memmove() relies on it.
 */
#include "arch/copy.h"

/* One instruction; when user is 1, a fault in it goes on at fix. */
    .macro T user, fix, insn:vararg
772:
    \insn
    .if \user
    .pushsection .ex_table, "a"
    .long 772b - .
    .long \fix - .
    .long 0
    .popsection
    .endif
    .endm
    .macro SMAP insn
771: \insn
    .pushsection .smap_sites, "a"
    .long 771b - .
    .popsection
    .endm

/* Four vector registers' worth at offset. */
    .macro MOVE4 user, fix, mov, reg, width, offset
    T \user, \fix, \mov (\offset)(%rsi), %\reg\()0
    T \user, \fix, \mov (\offset + \width)(%rsi), %\reg\()1
    T \user, \fix, \mov (\offset + 2 * \width)(%rsi), %\reg\()2
    T \user, \fix, \mov (\offset + 3 * \width)(%rsi), %\reg\()3
    T \user, \fix, \mov %\reg\()0, (\offset)(%rdi)
    T \user, \fix, \mov %\reg\()1, (\offset + \width)(%rdi)
    T \user, \fix, \mov %\reg\()2, (\offset + 2 * \width)(%rdi)
    T \user, \fix, \mov %\reg\()3, (\offset + 3 * \width)(%rdi)
    .endm
    .macro SAVE4 mov, reg, width
    sub $(4 * \width), %rsp
    \mov %\reg\()0, (%rsp)
    \mov %\reg\()1, \width(%rsp)
    \mov %\reg\()2, 2 * \width(%rsp)
    \mov %\reg\()3, 3 * \width(%rsp)
    .endm
    .macro RESTORE4 mov, reg, width
    \mov (%rsp), %\reg\()0
    \mov \width(%rsp), %\reg\()1
    \mov 2 * \width(%rsp), %\reg\()2
    \mov 3 * \width(%rsp), %\reg\()3
    add $(4 * \width), %rsp
    .endm
    .macro MOVE_VECTORS user, mov, reg, width, then
    SAVE4 \mov, \reg, \width
91: MOVE4 \user, 92f, \mov, \reg, \width, 0
    MOVE4 \user, 92f, \mov, \reg, \width, (4*\width)
    add $(8 * \width), %rdi
    add $(8 * \width), %rsi
    sub $(8 * \width), %rdx
    cmp $(8 * \width), %rdx
    jae 91b
    RESTORE4 \mov, \reg, \width
    jmp \then
    .if \user
92: RESTORE4 \mov, \reg, \width
    jmp 80f
    .endif
    .endm

/* rdi: to, rsi: from, rdx: bytes. rdx counts down; a user copy returns what is left of it. */
    .macro COPY name, user
    .balign 16
    .globl \name
\name:
    .if \user
    SMAP stac
    .else
    mov %rdi, %rax
    .endif
    cmp $32, %rdx
    jb 21f
    cmp $COPY_BIG, %rdx
    jae 50f
10: sub $32, %rdx
    jb 20f
11: T \user, 81f, mov (%rsi), %rcx
    T \user, 81f, mov 8(%rsi), %r8
    T \user, 81f, mov 16(%rsi), %r9
    T \user, 81f, mov 24(%rsi), %r10
    T \user, 81f, mov %rcx, (%rdi)
    T \user, 81f, mov %r8, 8(%rdi)
    T \user, 81f, mov %r9, 16(%rdi)
    T \user, 81f, mov %r10, 24(%rdi)
    add $32, %rsi
    add $32, %rdi
    sub $32, %rdx
    jae 11b
20: add $32, %rdx
21: cmp $8, %edx
    jb 30f
    cmp $16, %edx
    jbe 22f
    T \user, 80f, mov (%rsi), %rcx
    T \user, 80f, mov 8(%rsi), %r8
    T \user, 80f, mov %rcx, (%rdi)
    T \user, 80f, mov %r8, 8(%rdi)
    add $16, %rsi
    add $16, %rdi
    sub $16, %edx
    cmp $8, %edx
    jb 30f
22: T \user, 80f, mov (%rsi), %rcx
    T \user, 80f, mov -8(%rsi, %rdx), %r8
    T \user, 80f, mov %rcx, (%rdi)
    T \user, 80f, mov %r8, -8(%rdi, %rdx)
    jmp 39f
30: cmp $4, %edx
    jb 31f
    T \user, 80f, mov (%rsi), %ecx
    T \user, 80f, mov -4(%rsi, %rdx), %r8d
    T \user, 80f, mov %ecx, (%rdi)
    T \user, 80f, mov %r8d, -4(%rdi, %rdx)
    jmp 39f
31: cmp $2, %edx
    jb 32f
    T \user, 80f, mov (%rsi), %cx
    T \user, 80f, mov -2(%rsi, %rdx), %r8w
    T \user, 80f, mov %cx, (%rdi)
    T \user, 80f, mov %r8w, -2(%rdi, %rdx)
    jmp 39f
32: test %edx, %edx
    jz 40f
    T \user, 80f, mov (%rsi), %cl
    T \user, 80f, mov %cl, (%rdi)
39: xor %edx, %edx
40:
    .if \user
    SMAP clac
    mov %rdx, %rax
    .endif
    ret

50: mov copy_mode(%rip), %r8b
    cmp $COPY_AVX, %r8b
    je 60f
    cmp $COPY_SSE, %r8b
    je 70f
    mov %rdx, %rcx
    cmp $COPY_BYTES, %r8b
    je 51f
    shr $3, %rcx
    and $7, %edx
    T \user, 83f, rep movsq
    mov %edx, %ecx
51: xor %edx, %edx
    T \user, 82f, rep movsb
    jmp 40b
60: MOVE_VECTORS \user, vmovdqu, ymm, 32, 10b
70: MOVE_VECTORS \user, movdqu, xmm, 16, 10b
    .if \user
83: lea (%rdx, %rcx, 8), %rdx
    jmp 80f
82: mov %rcx, %rdx
    jmp 40b
81: add $32, %rdx
    /* Byte by byte up to the one that faults. */
80: test %rdx, %rdx
    jz 40b
    T \user, 40b, mov (%rsi), %cl
    T \user, 40b, mov %cl, (%rdi)
    inc %rsi
    inc %rdi
    dec %rdx
    jmp 80b
    .endif
    .endm

    .text
    COPY memcpy, 0
    COPY arch_copy_user, 1

/* arch_copy_page(void *dst, const void *src) */
    .globl arch_copy_page
arch_copy_page:
    mov $PAGE_BYTES, %edx
    jmp memcpy

/* arch_zero_page(void *va) */
    .balign 16
    .globl arch_zero_page
arch_zero_page:
    cmpb $COPY_SSE, copy_mode(%rip)
    jb 2f
    lea PAGE_BYTES(%rdi), %rax
    jne 3f
    sub $24, %rsp
    movdqu %xmm0, (%rsp)
    pxor %xmm0, %xmm0
1:
    .set i, 0
    .rept 16
    movdqa %xmm0, i(%rdi)
    .set i, i + 16
    .endr
    add $256, %rdi
    cmp %rdi, %rax
    jne 1b
    movdqu (%rsp), %xmm0
    add $24, %rsp
    ret
2:  xor %eax, %eax
    mov $(PAGE_BYTES / 8), %ecx
    rep stosq
    ret
3:  sub $40, %rsp
    vmovdqu %ymm0, (%rsp)
    vpxor %xmm0, %xmm0, %xmm0
4:
    .set i, 0
    .rept 32
    vmovdqa %ymm0, i(%rdi)
    .set i, i + 32
    .endr
    add $1024, %rdi
    cmp %rdi, %rax
    jne 4b
    vmovdqu (%rsp), %ymm0
    add $40, %rsp
    ret

/* arch_clear_user(void *dst, size_t len): what was not cleared */
    .balign 16
    .globl arch_clear_user
arch_clear_user:
    SMAP stac
    xor %eax, %eax
    sub $64, %rsi
    jb 2f
1:
    .set i, 0
    .rept 8
    T 1, 9f, mov %rax, i(%rdi)
    .set i, i + 8
    .endr
    add $64, %rdi
    sub $64, %rsi
    jae 1b
2:  add $64, %rsi
3:  sub $8, %rsi
    jb 4f
    T 1, 8f, mov %rax, (%rdi)
    add $8, %rdi
    jmp 3b
4:  add $8, %rsi
    jz 6f
5:  T 1, 6f, movb %al, (%rdi)
    inc %rdi
    dec %rsi
    jnz 5b
6:  SMAP clac
    mov %rsi, %rax
    ret
9:  add $64, %rsi
    jmp 5b
8:  add $8, %rsi
    jmp 5b

    .section .note.GNU-stack, "", @progbits
