/* SPDX-License-Identifier: BSD-2-Clause */
/* port.c: the list of ports, and waiting for those whose device is still telling us about them. */
#include "kernel/port.h"
#include "kernel/clock.h"
#include "lib/atomic.h"
#include "lib/string.h"

#define SETTLE_NS (200 * NSEC_PER_MS) /* a device that says nothing for so long has nothing to say */

static struct port *ports; /* added, never removed */
static uint32_t nr_announcing;
static struct waitq ports_changed = WAITQ_INIT(ports_changed);
static struct spinlock ports_lock = SPINLOCK_INIT(RANK_DRIVER);

void port_add(struct port *p)
{
    unsigned long flags = spin_lock_irqsave(&ports_lock);

    p->next = ports;
    atomic_store_release(&ports, p);
    spin_unlock_irqrestore(&ports_lock, flags);
    wake_all(&ports_changed);
}

void port_announcing(bool more)
{
    if (more) {
        atomic_inc(&nr_announcing);
        return;
    }
    atomic_sub(&nr_announcing, 1);
    wake_all(&ports_changed);
}

static struct port *lookup(const char *name)
{
    for (struct port *p = atomic_load_acquire(&ports); p; p = p->next)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

struct port *port_find(const char *name)
{
    struct port *p = lookup(name);

    if (p || !atomic_load(&nr_announcing))
        return p;
    (void)wait_event_state(&ports_changed, (p = lookup(name)) || !atomic_load(&nr_announcing), T_BLOCKED,
                           clock_mono_ns() + SETTLE_NS);
    return p;
}
