/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The empty kernel: one byte to the serial port, then off through isa-debug-exit. What QEMU and
 * its firmware cost by themselves; every boot time stands above it. Entered by PVH in 32-bit
 * protected mode; PAD bytes (default 0) make the ELF file larger to see what size costs.
 */
    .section .note, "a", @note
    .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start

    .section .text, "ax"
    .code32
    .globl _start
_start:
    mov $0x3f8, %dx
    mov $'E', %al
    out %al, %dx
    mov $0xf4, %dx                  /* QEMU exits with (al << 1) | 1 */
    xor %eax, %eax
    out %al, %dx
1:  hlt
    jmp 1b

#ifdef PAD
    .section .data, "aw"
    .fill PAD, 1, 0x55
#endif
