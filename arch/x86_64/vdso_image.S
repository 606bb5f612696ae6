/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso_image.S: the vDSO's file, in whole pages. */
    .section .rodata.vdso, "a", @progbits
    .balign 4096
    .globl vdso_image, vdso_image_end
    .hidden vdso_image, vdso_image_end
vdso_image:
    .incbin VDSO_FILE
    .balign 4096
vdso_image_end:

    .section .note.GNU-stack, "", @progbits
