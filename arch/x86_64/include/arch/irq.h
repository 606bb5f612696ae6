/* SPDX-License-Identifier: BSD-2-Clause */
/* irq.h: how the interrupt vectors are dealt out. Higher vectors have priority in the local APIC. */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#define IRQ_VECTOR_FIRST 0x30 /* 0x20-0x2f: where a PIC's stray interrupts go, and die */
#define IRQ_VECTOR_LAST  0xef
#define VECTOR_TIMER     0xf0
#define VECTOR_IPI       0xf1 /* and the next 7 */
#define VECTOR_ERROR     0xfe
#define VECTOR_SPURIOUS  0xff

#endif
