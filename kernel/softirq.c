/* SPDX-License-Identifier: BSD-2-Clause */
/* softirq.c: deferred interrupt work. */
#include "kernel/softirq.h"
#include "kernel/arch.h"
#include "kernel/thread.h"

#define MAX_PASSES 4 /* what is raised again and again lets others run in between */

static void (*functions[SOFTIRQS])(void);

void softirq_register(enum softirq nr, void (*fn)(void))
{
    functions[nr] = fn;
}

void softirq_raise(enum softirq nr)
{
    unsigned long flags = arch_irq_save();

    this_cpu()->softirqs |= 1u << nr;
    atomic_or(&current->work, WORK_SOFTIRQ);
    arch_irq_restore(flags);
}

void softirq_run(void)
{
    struct cpu *c = this_cpu();

    if (c->in_softirq) /* the function that runs here raised another: its caller sees to it */
        return;
    c->in_softirq = 1;
    for (unsigned pass = 0; pass < MAX_PASSES && softirq_pending(c); pass++) {
        unsigned long flags = arch_irq_save();
        uint32_t pending = c->softirqs;

        c->softirqs = 0;
        atomic_and(&current->work, ~WORK_SOFTIRQ);
        arch_irq_restore(flags);
        for (; pending; pending &= pending - 1)
            functions[__builtin_ctz(pending)]();
    }
    c->in_softirq = 0;
}
