/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * irq.c: which handler an interrupt vector runs. Each CPU has its own vectors, so that there are enough of them
 * for many queues; lines stay on the boot CPU.
 */
#include "kernel/irq.h"
#include "abi/errno.h"
#include "kernel/cpu.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/atomic.h"

#define NR_VECTORS (IRQ_VECTOR_LAST - IRQ_VECTOR_FIRST + 1)
#define MAX_LINES  64

struct irq_action {
    irq_handler fn;
    void *arg;
    struct irq_action *next; /* who else is on this line */
};

struct irq_line { /* [irq_lock] */
    uint32_t gsi;
    uint8_t vector;
    bool level;
};

static struct spinlock irq_lock = SPINLOCK_INIT(RANK_DRIVER);
static struct irq_action *boot_vectors[NR_VECTORS];
static struct irq_action **vectors[MAX_CPUS] = { boot_vectors };
static struct irq_line lines[MAX_LINES];
static unsigned nr_lines;

void irq_dispatch(unsigned vector, bool from_user)
{
    struct cpu *c = this_cpu();

    c->irq_from_user = from_user;
    c->nr_irqs++;
    c->in_irq++;
    if (vector > IRQ_VECTOR_LAST) {
        arch_irq_local(vector);
    } else {
        struct irq_action *a = vectors[c->id] ? vectors[c->id][vector - IRQ_VECTOR_FIRST] : NULL;

        for (; a; a = a->next)
            a->fn(a->arg);
        arch_irq_eoi();
    }
    c->in_irq--;
}

/* irq_lock held. A free vector of the CPU now running a, or -ENOSPC. */
static int vector_take(unsigned cpu, struct irq_action *a)
{
    for (unsigned i = 0; i < NR_VECTORS; i++)
        if (!vectors[cpu][i]) {
            atomic_store_release(&vectors[cpu][i], a);
            return IRQ_VECTOR_FIRST + i;
        }
    return -ENOSPC;
}

static struct irq_action *action_new(irq_handler fn, void *arg)
{
    struct irq_action *a = kmalloc(sizeof(*a));

    if (a)
        *a = (struct irq_action){ fn, arg, NULL };
    return a;
}

/* irq_lock held. */
static int line_request(unsigned gsi, bool level, struct irq_action *a)
{
    int vector, err;

    for (unsigned i = 0; i < nr_lines; i++) {
        struct irq_action **first = &boot_vectors[lines[i].vector - IRQ_VECTOR_FIRST];

        if (lines[i].gsi != gsi)
            continue;
        if (!level || !lines[i].level)
            return -EBUSY; /* an edge that two devices share is lost for one of them */
        a->next = *first;
        atomic_store_release(first, a);
        return 0;
    }
    if (nr_lines == MAX_LINES)
        return -ENOSPC;
    vector = vector_take(0, a);
    if (vector < 0)
        return vector;
    err = arch_irq_route(gsi, level, 0, vector);
    if (err) {
        boot_vectors[vector - IRQ_VECTOR_FIRST] = NULL;
        return err;
    }
    lines[nr_lines++] = (struct irq_line){ gsi, vector, level };
    return 0;
}

int irq_request_line(unsigned gsi, bool level, irq_handler fn, void *arg)
{
    struct irq_action *a = action_new(fn, arg);
    unsigned long flags;
    int err;

    if (!a)
        return -ENOMEM;
    flags = spin_lock_irqsave(&irq_lock);
    err = line_request(gsi, level, a);
    spin_unlock_irqrestore(&irq_lock, flags);
    if (err)
        kfree(a);
    return err;
}

int irq_request_msi(unsigned cpu, irq_handler fn, void *arg, struct msi_msg *msg)
{
    struct irq_action *a = action_new(fn, arg), **table = NULL;
    unsigned long flags;
    int vector;

    if (!a)
        return -ENOMEM;
    if (!atomic_load(&vectors[cpu])) {
        table = kzalloc(sizeof(boot_vectors));
        if (!table)
            goto nomem;
    }
    flags = spin_lock_irqsave(&irq_lock);
    if (!vectors[cpu]) {
        atomic_store_release(&vectors[cpu], table);
        table = NULL;
    }
    vector = vector_take(cpu, a);
    spin_unlock_irqrestore(&irq_lock, flags);
    kfree(table);
    if (vector < 0) {
        kfree(a);
        return vector;
    }
    arch_irq_msi(cpu, vector, msg);
    return 0;
nomem:
    kfree(a);
    return -ENOMEM;
}
