/* SPDX-License-Identifier: BSD-2-Clause */
/* cpu.h: the build host as an ISA: one CPU without interrupts, whose state tests may set. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "lib/types.h"

#define MAX_CPUS 4

struct cpu;
struct thread;

struct arch_cpu {
    struct thread *running;
};

extern struct cpu *shim_cpu; /* this CPU: tests may switch it */
extern bool shim_irqs_off;
void shim_halt(void); /* what an idle CPU does: tests decide */
uint64_t shim_ticks(void);

static inline struct cpu *arch_this_cpu(void)
{
    return shim_cpu;
}
static inline struct thread *arch_current(void)
{
    return ((struct arch_cpu *)shim_cpu)->running;
}
static inline void arch_set_current(struct thread *t)
{
    ((struct arch_cpu *)shim_cpu)->running = t;
}
static inline unsigned long arch_irq_save(void)
{
    unsigned long flags = shim_irqs_off;

    shim_irqs_off = true;
    return flags;
}
static inline void arch_irq_restore(unsigned long flags)
{
    shim_irqs_off = flags;
}
static inline void arch_irq_enable(void)
{
    shim_irqs_off = false;
}
static inline void arch_irq_disable(void)
{
    shim_irqs_off = true;
}
static inline bool arch_irqs_on(void)
{
    return !shim_irqs_off;
}
static inline void arch_halt(void)
{
    shim_irqs_off = false;
    shim_halt();
}
static inline void arch_pause(void)
{
}
extern bool arch_is_emulated;
static inline void arch_device_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline uint64_t arch_ticks(void)
{
    return shim_ticks();
}

#endif
