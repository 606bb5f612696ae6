/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h: where the clock's frequency and the wall time may come from. Boot only. */
#ifndef ARCH_CLOCK_H
#define ARCH_CLOCK_H

#include "arch/x86_64/vdso/data.h"
#include "lib/types.h"

/* A page of its own, since every program sees all of it. */
union vdso_page {
    struct vdso_data data;
    char bytes[PAGE_SIZE];
};
extern union vdso_page vdso_page; /* vdso.c */

/* Of the TSC in kHz; 0 when nobody says. apic_khz: of the APIC timer, 0 when unknown. */
uint64_t clock_known_khz(uint64_t *apic_khz);
/* Counts both against a timer of known frequency (ACPI PM timer, PIT) for 10 ms; false: none there. */
bool clock_measure(uint64_t *tsc_khz, uint64_t *apic_khz);
/* Wall clock from KVM at the given TSC value; 0 when not under KVM. */
uint64_t kvmclock_epoch_ns(uint64_t tsc);
/* Seconds since the epoch as the CMOS clock has it; 0 when there is none. */
uint64_t rtc_seconds(void);

#endif
