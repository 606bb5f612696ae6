/* SPDX-License-Identifier: BSD-2-Clause */
/* mptable.h: the MultiProcessor table, for arch/x86_64/smp.c. */
#ifndef ARCH_MPTABLE_H
#define ARCH_MPTABLE_H

#include "lib/types.h"

/* Calls fn for each usable CPU with its APIC id; returns how many, 0 when there is no such table. Boot only. */
unsigned mptable_each_cpu(void (*fn)(void *arg, uint32_t apic_id), void *arg);

#endif
