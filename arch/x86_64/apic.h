/* SPDX-License-Identifier: BSD-2-Clause */
/* apic.h: the local APIC, the IO-APICs and the clock, for each other. */
#ifndef ARCH_APIC_H
#define ARCH_APIC_H

#include "lib/types.h"

void apic_init(void);     /* the boot CPU: finds and maps it, masks the PIC */
void apic_init_cpu(void); /* each CPU: its own registers */
uint32_t apic_id(void);   /* of this CPU */
/* Sends the vector to the CPU with that APIC id; interrupts off. */
void apic_send_ipi(uint32_t dest, unsigned vector);
void apic_send_nmi(uint32_t dest);
/* SDM vol. 3A §9.4.3: a CPU goes back to waiting, then begins in real mode at the page. */
void apic_send_init(uint32_t dest);
void apic_send_startup(uint32_t dest, unsigned page);

/* The timer counts down at the bus's frequency, or waits for a TSC value. */
enum apic_timer_mode { APIC_ONE_SHOT, APIC_PERIODIC, APIC_DEADLINE };
bool apic_timer_has_deadline(void);
void apic_timer_init_cpu(enum apic_timer_mode mode);
void apic_timer_set_count(uint32_t count); /* 0 stops it */
uint32_t apic_timer_count(void);

int ioapic_route(unsigned gsi, bool level, uint32_t dest, unsigned vector); /* 0 or -EINVAL */

void clock_start_reference(void);
void clock_init_cpu(void);
void clock_timer_interrupt(void);

#endif
