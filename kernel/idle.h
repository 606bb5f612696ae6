/* SPDX-License-Identifier: BSD-2-Clause */
/* idle.h: what the scheduler and idle CPUs know of each other. */
#ifndef KERNEL_IDLE_H
#define KERNEL_IDLE_H

#include "kernel/cpu.h"

extern uint64_t idle_cpus; /* those with nothing to do; with one CPU not kept [a] */
/* c, which has nothing to do, takes over a thread that waits elsewhere; false: there is none. Threads only. */
bool sched_steal(struct cpu *c);

#endif
