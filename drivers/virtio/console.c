/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * console.c: virtio console device (virtio 1.2 §5.3): bring-up and control messages; with multiport, ports by name.
 *
 * The handshake (device ready -> ports added -> ready -> names, open) is never waited for. A VMM that handles
 * notifications at once has finished it by the time the probe returns; others go on by interrupts while the boot
 * goes on, and port_find() sleeps if it comes too early. The announcement has ended when the device has taken all
 * control messages and left none: what it says in answer comes before it gives the buffer back.
 */
#include "drivers/virtio/console.h"
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/atomic.h"
#include "lib/string.h"

#define CTL_RX_INDEX 2
#define CTL_TX_INDEX 3

static unsigned rx_index(unsigned id)
{
    return id ? 2 + 2 * id : 0;
}

void con_fail(struct con *c)
{
    if (atomic_xchg(&c->failed, true))
        return;
    virtio_fail(c->vd);
    for (unsigned i = 0; i < c->nr_ports; i++)
        if (c->ports[i]) {
            wake_all(&c->ports[i]->port.readable);
            wake_all(&c->ports[i]->port.writable);
        }
}

/* ---- control messages ---- */

static void ctl_send(struct con *c, unsigned id, enum virtio_console_event event, unsigned value)
{
    unsigned long flags = spin_lock_irqsave(&c->lock);
    struct virtio_console_control *m;

    while (virtq_get(c->ctl_tx, NULL))
        ;
    if (!virtq_open(c->ctl_tx, 1)) {
        m = &c->ctl_out[c->ctl_tx->head];
        *m = (struct virtio_console_control){ id, event, value };
        virtq_push(c->ctl_tx, virt_phys(m), sizeof(*m), false);
        virtq_close(c->ctl_tx, m);
    }
    spin_unlock_irqrestore(&c->lock, flags);
}

/* c->lock held */
static void ctl_post(struct con *c)
{
    void *b;

    if (virtq_open(c->ctl_rx, 1))
        return;
    b = c->ctl_in[c->ctl_rx->head];
    virtq_push(c->ctl_rx, virt_phys(b), CON_CTL_SIZE, true);
    virtq_close(c->ctl_rx, b);
}

/* Copies the next message, which the device cannot change any more then; 0 when there is none. */
static uint32_t ctl_next(struct con *c, void *msg)
{
    unsigned long flags = spin_lock_irqsave(&c->lock);
    uint32_t len = 0;
    void *b = virtq_get(c->ctl_rx, &len);

    if (b) {
        memcpy(msg, b, CON_CTL_SIZE);
        ctl_post(c); /* the buffer of the head just freed: the one just copied */
    }
    spin_unlock_irqrestore(&c->lock, flags);
    return b ? MAX(len, 1u) : 0;
}

/* Enters the port under its name; the host learns that we have it open. */
static void con_publish(struct con *c, struct con_port *p, const char *name, size_t len)
{
    if (p->named)
        return;
    p->named = true;
    len = MIN(len, sizeof(p->port.name) - 1);
    memcpy(p->port.name, name, len);
    if (!len)
        snprintf(p->port.name, sizeof(p->port.name), p->console ? "hvc%u" : "vport%u", (unsigned)p->id);
    ctl_send(c, p->id, VIRTIO_CONSOLE_PORT_OPEN, 1);
    port_add(&p->port);
}

static void con_set_open(struct con_port *p, bool open)
{
    p->port.eof = !open;
    WRITE_ONCE(p->host_open, open);
    if (open)
        WRITE_ONCE(p->was_open, true);
    wake_all(&p->port.readable);
    wake_all(&p->port.writable);
}

static void con_port_added(struct con *c, unsigned id)
{
    if (c->ports[id])
        return;
    struct con_port *p = con_port_new(c, id);

    if (p)
        atomic_store_release(&c->ports[id], p);
    ctl_send(c, id, VIRTIO_CONSOLE_PORT_READY, !!p);
}

static void ctl_handle(struct con *c, const uint8_t *msg, uint32_t len)
{
    struct virtio_console_control m;

    if (len < sizeof(m))
        return;
    memcpy(&m, msg, sizeof(m));
    if (m.id >= c->nr_ports) {
        if (m.event == VIRTIO_CONSOLE_PORT_ADD)
            log_warn("virtio-console: port %u is beyond the %u in use", (unsigned)m.id, c->nr_ports);
        return;
    }
    struct con_port *p = c->ports[m.id];

    if (m.event == VIRTIO_CONSOLE_PORT_ADD)
        con_port_added(c, m.id);
    if (!p)
        return;
    switch (m.event) {
    case VIRTIO_CONSOLE_CONSOLE_PORT:
        p->console = true;
        break;
    case VIRTIO_CONSOLE_PORT_NAME:
        con_publish(c, p, (const char *)msg + sizeof(m), len - sizeof(m));
        break;
    case VIRTIO_CONSOLE_PORT_OPEN:
        con_publish(c, p, "", 0); /* a name would have come before */
        con_set_open(p, m.value);
        break;
    case VIRTIO_CONSOLE_PORT_REMOVE:
        p->was_open = true;
        con_set_open(p, false);
        break;
    default: /* a resize comes with the size on the control port */
        break;
    }
}

/* Has the device said all it had to say? */
static void con_check_announced(struct con *c)
{
    unsigned long flags;
    bool done = false;

    if (!c->announcing)
        return;
    flags = spin_lock_irqsave(&c->lock);
    do
        while (virtq_get(c->ctl_tx, NULL))
            ;
    while (!(done = !c->ctl_tx->in_flight && !virtq_pending(c->ctl_rx)) && !virtq_irq_on(c->ctl_tx));
    if (done)
        virtq_irq_off(c->ctl_tx);
    spin_unlock_irqrestore(&c->lock, flags);
    if (!done && !c->vd->broken)
        return;
    c->announcing = false;
    for (unsigned i = 0; i < c->nr_ports; i++)
        if (c->ports[i])
            con_publish(c, c->ports[i], "", 0);
    port_announcing(false);
}

static void ctl_kick(struct con *c)
{
    unsigned long flags = spin_lock_irqsave(&c->lock);

    virtq_kick(c->ctl_rx); /* room for the answers first */
    virtq_kick(c->ctl_tx);
    spin_unlock_irqrestore(&c->lock, flags);
}

/* Interrupts off. Handles messages until the device has no more, then asks for an interrupt. */
static void ctl_run(struct con *c)
{
    uint8_t msg[CON_CTL_SIZE];
    uint32_t len;

    do {
        while ((len = ctl_next(c, msg)))
            ctl_handle(c, msg, len);
        ctl_kick(c);
    } while (!c->ctl_rx->broken && !virtq_irq_on(c->ctl_rx));
    con_check_announced(c);
    ctl_kick(c);
    if (c->vd->broken)
        con_fail(c);
}

static void ctl_interrupt(struct virtq *vq)
{
    ctl_run(vq->dev->driver);
}

/* ---- bring-up ---- */

static int con_queues(struct con *c, unsigned id)
{
    c->rx[id] = virtq_new(c->vd, rx_index(id), CON_RX_QUEUE, con_port_rx_done);
    c->tx[id] = virtq_new(c->vd, rx_index(id) + 1, CON_TX_QUEUE, con_port_tx_done);
    if (!c->rx[id] || !c->tx[id])
        return -ENOMEM;
    virtq_irq_off(c->tx[id]);
    return 0;
}

static int con_ctl_queues(struct con *c)
{
    unsigned num = 8;

    /* A device throws away messages for which there is no buffer. */
    while (num < 3 * c->nr_ports && num < CON_CTL_QUEUE)
        num *= 2;
    c->ctl_in = kmalloc(num * CON_CTL_SIZE);
    c->ctl_rx = virtq_new(c->vd, CTL_RX_INDEX, num, ctl_interrupt);
    c->ctl_tx = virtq_new(c->vd, CTL_TX_INDEX, num, ctl_interrupt);
    if (!c->ctl_in || !c->ctl_rx || !c->ctl_tx)
        return -ENOMEM;
    virtq_irq_off(c->ctl_tx);
    for (unsigned i = 0; i < c->ctl_rx->num; i++)
        ctl_post(c);
    return 0;
}

/* Without multiport there is one port, always open. */
static int con_single(struct con *c)
{
    struct con_port *p = con_port_new(c, 0);
    int err = p ? virtio_ready(c->vd) : -ENOMEM;

    if (err)
        return err;
    c->ports[0] = p;
    p->host_open = p->was_open = p->named = true;
    snprintf(p->port.name, sizeof(p->port.name), "hvc0");
    port_add(&p->port);
    return 0;
}

static int con_multi(struct con *c)
{
    int err = con_ctl_queues(c);
    unsigned long flags;

    if (!err)
        err = virtio_ready(c->vd);
    if (err)
        return err;
    c->announcing = true;
    port_announcing(true);
    flags = arch_irq_save();
    ctl_send(c, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
    ctl_kick(c);
    ctl_run(c);
    arch_irq_restore(flags);
    return 0;
}

static int con_probe(void *dev)
{
    struct virtio_device *vd = dev;
    int err = virtio_begin(vd, VIRTIO_CONSOLE_F_MULTIPORT);
    struct con *c;
    bool multi = virtio_has(vd, VIRTIO_CONSOLE_F_MULTIPORT);

    if (err)
        return err;
    c = kzalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->vd = vd;
    vd->driver = c;
    spin_init(&c->lock, RANK_DRIVER);
    c->nr_ports = 1;
    if (multi) {
        c->nr_ports = virtio_config32(vd, VIRTIO_CONSOLE_CFG_MAX_PORTS);
        c->nr_ports = MAX(1u, MIN(c->nr_ports, (unsigned)CON_MAX_PORTS));
    }
    for (unsigned i = 0; i < c->nr_ports && !err; i++)
        err = con_queues(c, i);
    if (!err)
        err = multi ? con_multi(c) : con_single(c);
    if (err)
        virtio_fail(vd); /* the device may know queues: they stay, dead */
    return err;
}

const struct driver virtio_console_driver = { "virtio-console", BUS_VIRTIO, VIRTIO_ID_CONSOLE, con_probe };
