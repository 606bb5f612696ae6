/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * irq.h: interrupt lines and message-signalled interrupts. Handlers run with interrupts off, on this CPU's
 * interrupt stack; they may wake threads and arm timers, never sleep.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "arch/irq.h" /* IRQ_VECTOR_FIRST, IRQ_VECTOR_LAST: what irq.c hands out */
#include "lib/types.h"

typedef void (*irq_handler)(void *arg);

/* Global system interrupt (IO-APIC pin, GIC SPI). level: level-triggered, shared handlers are chained. */
int irq_request_line(unsigned gsi, bool level, irq_handler fn, void *arg); /* 0, -EINVAL, -EBUSY, -ENOMEM */
/* A free vector for MSI/MSI-X on the given CPU: fills the message the device must write. */
struct msi_msg {
    uint64_t addr;
    uint32_t data;
};
int irq_request_msi(unsigned cpu, irq_handler fn, void *arg, struct msi_msg *msg); /* 0, -ENOSPC, -ENOMEM */

/* Runs what the vector stands for; called by the entry code with interrupts off. */
void irq_dispatch(unsigned vector, bool from_user);

/* ---- what arch/ provides ---- */
void arch_irq_eoi(void);
void arch_irq_local(
    unsigned vector); /* above IRQ_VECTOR_LAST: this CPU's timer, IPIs, spurious; ends them too */
int arch_irq_route(unsigned gsi, bool level, unsigned cpu, unsigned vector); /* unmasks; 0 or -EINVAL */
void arch_irq_msi(unsigned cpu, unsigned vector, struct msi_msg *msg);

#endif
