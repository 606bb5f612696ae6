/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * console_port.c: the data of one virtio console port.
 *
 * Writing copies into buffers of its own, so that the writer goes on while the host takes them; they are freed when
 * somebody writes next. Interrupts are asked for only while somebody waits. Receive buffers are posted at the first
 * read: a program that never reads its input costs no memory, and the host keeps what it has.
 */
#include "abi/errno.h"
#include "drivers/virtio/console.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define TX_CHUNK 4096u
#define RX_DATA  (4096 - 2 * sizeof(uint32_t))

struct con_rx {
    uint32_t off, len;
    char data[RX_DATA];
};

static struct con_port *port_of(struct virtq *vq)
{
    struct con *c = vq->dev->driver;
    unsigned id = vq->index < 2 ? 0 : vq->index / 2 - 1; /* §5.3.2: 2 and 3 are the control queues */

    return id < CON_MAX_PORTS ? c->ports[id] : NULL;
}

void con_port_rx_done(struct virtq *vq)
{
    struct con_port *p = port_of(vq);

    if (p)
        wake_all(&p->port.readable);
}

void con_port_tx_done(struct virtq *vq)
{
    struct con_port *p = port_of(vq);

    if (p)
        wake_all(&p->port.writable);
}

/* ---- host -> guest ---- */

static void rx_post(struct con_port *p, struct con_rx *b)
{
    if (virtq_open(p->rx, 1)) {
        kfree(b);
        return;
    }
    virtq_push(p->rx, virt_phys(b->data), sizeof(b->data), true);
    virtq_close(p->rx, b);
}

/* p->lock held */
static void listen_locked(struct con_port *p)
{
    if (p->listening)
        return;
    p->listening = true;
    for (unsigned i = 0; i < p->rx->num; i++) {
        struct con_rx *b = kmalloc(sizeof(*b));

        if (!b)
            break;
        rx_post(p, b);
    }
    if (!p->rx->in_flight)
        p->listening = false; /* no memory: again at the next call */
    virtq_kick(p->rx);
}

/* p->lock held. Makes p->filled the oldest data; false when there is none, and then an interrupt will tell. */
static bool rx_fill(struct con_port *p)
{
    struct con_rx *b;
    uint32_t len;

    while (!p->filled) {
        b = virtq_get(p->rx, &len);
        if (!b) {
            if (p->rx->broken || virtq_irq_on(p->rx))
                return false;
            continue;
        }
        if (!len) {
            rx_post(p, b);
            continue;
        }
        b->off = 0;
        b->len = len;
        p->filled = b;
    }
    return true;
}

/* What reading tells when there are no bytes. */
static ssize_t rx_empty(struct con_port *p)
{
    if (p->con->vd->broken)
        return -EIO;
    return p->was_open && !p->host_open ? -EPIPE : 0;
}

static ssize_t con_read(struct port *port, void *buf, size_t len)
{
    struct con_port *p = port->driver;
    unsigned long flags = spin_lock_irqsave(&p->lock);
    bool ended = p->was_open && !p->host_open; /* before the queue is looked at: what came first is in it */
    size_t n = 0;

    listen_locked(p);
    while (n < len && rx_fill(p)) {
        struct con_rx *b = p->filled;
        size_t part = MIN(len - n, (size_t)(b->len - b->off));

        memcpy((char *)buf + n, b->data + b->off, part);
        n += part;
        b->off += part;
        if (b->off == b->len) {
            p->filled = NULL;
            rx_post(p, b);
        }
    }
    virtq_kick(p->rx);
    spin_unlock_irqrestore(&p->lock, flags);
    if (p->rx->broken)
        con_fail(p->con);
    if (n || !len)
        return n;
    return ended ? -EPIPE : p->con->vd->broken ? -EIO : 0;
}

/* Interrupts are on until somebody has read. */
static void con_listen(struct port *port)
{
    struct con_port *p = port->driver;
    unsigned long flags = spin_lock_irqsave(&p->lock);

    listen_locked(p);
    spin_unlock_irqrestore(&p->lock, flags);
}

static bool con_can_read(struct port *port)
{
    struct con_port *p = port->driver;
    unsigned long flags = spin_lock_irqsave(&p->lock);
    bool ready;

    listen_locked(p);
    ready = rx_fill(p);
    spin_unlock_irqrestore(&p->lock, flags);
    return ready || rx_empty(p) < 0;
}

/* ---- guest -> host ---- */

/* p->lock held */
static void tx_reclaim(struct con_port *p)
{
    void *b;

    while ((b = virtq_get(p->tx, NULL)))
        kfree(b);
}

/* p->lock held. Copies and queues one piece; 0 when there is no room for it, -ENOMEM. */
static ssize_t tx_piece(struct con_port *p, const char *buf, size_t len)
{
    size_t n = MIN(len, (size_t)TX_CHUNK);
    int err = virtq_open(p->tx, 1);
    void *b;

    if (err)
        return err == -ENOSPC ? 0 : err;
    b = kmalloc(n);
    if (!b)
        return -ENOMEM;
    memcpy(b, buf, n);
    virtq_push(p->tx, virt_phys(b), n, false);
    virtq_close(p->tx, b);
    return n;
}

/* -EPIPE, -EIO: nobody takes it; 0: nobody has opened the port yet; 1 */
static int tx_state(struct con_port *p)
{
    if (p->con->vd->broken)
        return -EIO;
    if (p->host_open)
        return 1;
    return p->was_open ? -EPIPE : 0;
}

static ssize_t con_write(struct port *port, const void *buf, size_t len)
{
    struct con_port *p = port->driver;
    int state = tx_state(p);
    ssize_t part = 0;
    size_t n = 0;

    if (state <= 0)
        return state;
    unsigned long flags = spin_lock_irqsave(&p->lock);

    tx_reclaim(p);
    while (n < len) {
        part = tx_piece(p, (const char *)buf + n, len - n);
        if (part > 0) {
            n += part;
            continue;
        }
        virtq_kick(p->tx);
        if (part == -EIO || !p->tx->in_flight || virtq_irq_on(p->tx))
            break; /* full: an interrupt tells when no longer */
        tx_reclaim(p);
    }
    virtq_kick(p->tx);
    tx_reclaim(p); /* an emulator has taken it by now */
    spin_unlock_irqrestore(&p->lock, flags);
    if (p->tx->broken)
        con_fail(p->con);
    return n ? (ssize_t)n : part;
}

static bool con_can_write(struct port *port)
{
    struct con_port *p = port->driver;
    int state = tx_state(p);
    unsigned long flags;
    bool ready;

    if (state <= 0)
        return state < 0; /* an error is there to be had */
    flags = spin_lock_irqsave(&p->lock);
    do
        tx_reclaim(p);
    while (!(ready = p->tx->nr_free > 0 || p->tx->broken) && !virtq_irq_on(p->tx));
    spin_unlock_irqrestore(&p->lock, flags);
    return ready;
}

/*
 * All taken by the host, else an interrupt will tell. A port that the host has closed has nobody to wait for: QEMU
 * keeps the buffer it was writing when its reader went away and never completes it.
 */
static bool tx_drained(struct con_port *p)
{
    if (tx_state(p) < 0)
        return true;
    unsigned long flags = spin_lock_irqsave(&p->lock);
    bool drained;

    do
        tx_reclaim(p);
    while (!(drained = !p->tx->in_flight || p->tx->broken) && !virtq_irq_on(p->tx));
    spin_unlock_irqrestore(&p->lock, flags);
    return drained;
}

static void con_drain(struct port *port)
{
    struct con_port *p = port->driver;

    if (arch_irqs_on())
        wait_event(&port->writable, tx_drained(p));
    else
        while (!tx_drained(p))
            arch_pause();
}

static const struct port_ops con_port_ops = {
    .write = con_write,
    .read = con_read,
    .can_write = con_can_write,
    .can_read = con_can_read,
    .listen = con_listen,
    .drain = con_drain,
};

struct con_port *con_port_new(struct con *c, unsigned id)
{
    struct con_port *p = kzalloc(sizeof(*p));

    if (!p)
        return NULL;
    p->con = c;
    p->id = id;
    p->rx = c->rx[id];
    p->tx = c->tx[id];
    spin_init(&p->lock, RANK_DRIVER);
    p->port.ops = &con_port_ops;
    p->port.driver = p;
    waitq_init(&p->port.readable);
    waitq_init(&p->port.writable);
    return p;
}
