/* SPDX-License-Identifier: BSD-2-Clause */
/* The probe's guest as bytes of the tool. */
        .section .rodata
        .globl  probe_guest, probe_guest_end
probe_guest:
        .incbin PROBE_ELF
probe_guest_end:
        .section .note.GNU-stack, "", @progbits
