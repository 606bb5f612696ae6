/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier.c: membarrier(2): a memory barrier in all threads at the price of one call. The private commands want the
 * address space to have said before that it will use them.
 */
#include "kernel/smp.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/membarrier.h>

#define COMMANDS                                                                                          \
    (MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | \
     MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                       \
     MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |   \
     MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)

static long make_ready(int cmd)
{
    atomic_or(&current->mm->membarrier, (uint32_t)cmd);
    return 0;
}

/* Restartable sequences of the process that are under way start anew. */
static void restart_sequences(struct process *p)
{
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    struct uthread *u;

    list_for_each (u, &p->threads, link)
        if (u->thread != current && u->rseq)
            atomic_or(&u->thread->work, WORK_RSEQ);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

/* registered: the command that had to come first. */
static long private_barrier(int registered, bool rseq)
{
    struct mm *mm = current->mm;

    if (!(atomic_load(&mm->membarrier) & registered))
        return -EPERM;
    if (rseq)
        restart_sequences(current_process());
    smp_barrier_mm(mm);
    return 0;
}

SYSCALL3(membarrier, int, cmd, unsigned, flags, int, cpu)
{
    /* With MEMBARRIER_CMD_FLAG_CPU one CPU would do: all are no less right. */
    if (flags && (cmd != MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ || flags != MEMBARRIER_CMD_FLAG_CPU))
        return -EINVAL;
    switch (cmd) {
    case MEMBARRIER_CMD_QUERY:
        return COMMANDS;
    case MEMBARRIER_CMD_GLOBAL:
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED: /* who has not registered is not promised anything, and gets it */
        smp_barrier_mm(current->mm);
        return 0;
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
        return make_ready(cmd);
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
        return private_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, false);
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        return private_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, false);
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
        return private_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, true);
    default:
        return -EINVAL;
    }
}
