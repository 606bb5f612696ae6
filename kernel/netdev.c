/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netdev.c: the list of network devices, the softirqs that poll them, and packets on their way out.
 *
 * What is sent waits in the queue's pending list until the transmit softirq of the CPU that sent it: so the answers to a
 * batch of received packets, and what one system call sends, make one notification of the device.
 */
#include "kernel/netdev.h"
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "lib/atomic.h"
#include "lib/string.h"

#define QUEUE_BUDGET   64   /* packets of one queue before the next has its turn */
#define SOFTIRQ_BUDGET 256  /* packets before others than the network run */
#define MAX_PENDING    1024 /* a queue that is full longer than this loses packets */
#define FLUSH_AT       32   /* pending packets that do not wait for the softirq */

static struct netdev *devices; /* they never go away */
static const struct netdev_client *client;

struct netdev_cpu {
    struct netdev_queue *poll, **poll_end; /* [interrupts off] */
    struct netdev_queue *flush;            /* [its softirqs and threads] */
} __aligned(64);                           /* no two CPUs' in one cache line */
static struct netdev_cpu per_cpu[MAX_CPUS];

/* ---- receiving ---- */

void netdev_raise(struct netdev_queue *q)
{
    unsigned long flags = arch_irq_save();
    struct netdev_cpu *c = &per_cpu[this_cpu()->id];

    if (!q->scheduled) {
        q->scheduled = 1;
        q->next = NULL;
        if (!c->poll_end)
            c->poll_end = &c->poll;
        *c->poll_end = q;
        c->poll_end = &q->next;
        softirq_raise(SOFTIRQ_NET_RX);
    }
    arch_irq_restore(flags);
}

static struct netdev_queue *poll_first(struct netdev_cpu *c)
{
    unsigned long flags = arch_irq_save();
    struct netdev_queue *q = c->poll;

    if (q) {
        c->poll = q->next;
        if (!c->poll)
            c->poll_end = &c->poll;
        q->scheduled = 0; /* an interrupt from now on queues it again */
    }
    arch_irq_restore(flags);
    return q;
}

static void receive_softirq(void)
{
    struct netdev_cpu *c = &per_cpu[this_cpu()->id];
    unsigned left = SOFTIRQ_BUDGET;
    struct netdev_queue *q;

    while (READ_ONCE(c->poll) && (q = poll_first(c))) {
        unsigned n = q->dev->ops->poll(q, MIN(left, (unsigned)QUEUE_BUDGET));

        if (n >= MIN(left, (unsigned)QUEUE_BUDGET))
            netdev_raise(q);
        left -= MIN(n, left);
        if (!left)
            break;
    }
    if (READ_ONCE(c->poll))
        softirq_raise(SOFTIRQ_NET_RX);
}

void netdev_receive(struct pktbuf *p)
{
    struct netdev_queue *q = &p->dev->queues[p->queue];

    q->stats.rx_packets += p->gso_segs ? p->gso_segs : 1;
    q->stats.rx_bytes += p->total;
    if (unlikely(!client)) {
        q->stats.rx_dropped++;
        pktbuf_free(p);
        return;
    }
    client->receive(p);
}

/* ---- sending ---- */

/* lock held */
static void flush_locked(struct netdev_queue *q)
{
    struct pktbuf *p;

    while (!q->full && (p = q->pending.first)) {
        uint32_t bytes = p->total, packets = p->gso_segs ? p->gso_segs : 1;
        struct pktbuf *next = p->next;
        int err = q->dev->ops->transmit(q, p, next != NULL);

        if (err == -EBUSY) {
            p->next = next;
            q->full = 1;
            return;
        }
        q->pending.first = next;
        if (!next)
            q->pending.end = &q->pending.first;
        q->pending.nr--;
        if (unlikely(err)) {
            q->stats.tx_errors++;
            pktbuf_free(p);
        } else {
            q->stats.tx_packets += packets;
            q->stats.tx_bytes += bytes;
        }
    }
}

/* lock held: the softirq of this CPU flushes it. */
static void flush_later(struct netdev_queue *q)
{
    struct netdev_cpu *c = &per_cpu[this_cpu()->id];

    if (q->flushing)
        return;
    q->flushing = 1;
    q->flush_next = c->flush;
    c->flush = q;
    softirq_raise(SOFTIRQ_NET_TX);
}

static void transmit_softirq(void)
{
    struct netdev_cpu *c = &per_cpu[this_cpu()->id];
    struct netdev_queue *q;

    while ((q = c->flush)) {
        c->flush = q->flush_next;
        spin_lock(&q->lock);
        q->flushing = 0;
        flush_locked(q);
        spin_unlock(&q->lock);
    }
}

int netdev_transmit(struct netdev *d, struct pktbuf *p)
{
    unsigned id = this_cpu()->id;
    struct netdev_queue *q = &d->queues[id < d->nr_queues ? id : id % d->nr_queues];

    p->dev = d;
    spin_lock(&q->lock);
    if (unlikely(!d->link_up || q->pending.nr >= MAX_PENDING)) {
        q->stats.tx_dropped++;
        spin_unlock(&q->lock);
        pktbuf_free(p);
        return d->link_up ? -ENOBUFS
                          : 0; /* a cable that is out loses packets and says nothing, as on Linux */
    }
    pktqueue_append(&q->pending, p);
    if (q->pending.nr >= FLUSH_AT)
        flush_locked(q);
    else if (!q->full)
        flush_later(q);
    spin_unlock(&q->lock);
    return 0;
}

void netdev_tx_ready(struct netdev_queue *q)
{
    spin_lock(&q->lock);
    q->full = 0;
    if (q->pending.first)
        flush_later(q);
    spin_unlock(&q->lock);
}

void netdev_get_stats(const struct netdev *d, struct netdev_stats *s)
{
    *s = (struct netdev_stats){ 0 };
    for (unsigned i = 0; i < d->nr_queues; i++) {
        const struct netdev_stats *q = &d->queues[i].stats;

        s->rx_packets += q->rx_packets;
        s->rx_bytes += q->rx_bytes;
        s->rx_dropped += q->rx_dropped;
        s->rx_errors += q->rx_errors;
        s->tx_packets += q->tx_packets;
        s->tx_bytes += q->tx_bytes;
        s->tx_dropped += q->tx_dropped;
        s->tx_errors += q->tx_errors;
        s->multicast += q->multicast;
    }
}

/* ---- the list ---- */

int netdev_add(struct netdev *d)
{
    static int last_index = 1; /* lo's, which is made when the first socket is */
    static unsigned nr_eth;
    struct netdev **end = &devices;

    ASSERT(d->nr_queues && d->nr_queues <= NETDEV_MAX_QUEUES);
    d->index = d->features & NETDEV_LOOP ? 1 : ++last_index;
    if (!d->name[0])
        snprintf(d->name, sizeof(d->name), "eth%u", nr_eth++);
    for (unsigned i = 0; i < d->nr_queues; i++) {
        struct netdev_queue *q = &d->queues[i];

        q->dev = d;
        q->index = i;
        spin_init(&q->lock, RANK_NETDEV);
        pktqueue_init(&q->pending);
    }
    softirq_register(SOFTIRQ_NET_RX, receive_softirq);
    softirq_register(SOFTIRQ_NET_TX, transmit_softirq);
    while (*end && d->index > (*end)->index)
        end = &(*end)->next;
    d->next = *end;
    atomic_store_release(end, d);
    if (client)
        client->added(d);
    return 0;
}

void netdev_set_client(const struct netdev_client *c)
{
    client = c;
    for (struct netdev *d = devices; d; d = d->next)
        c->added(d);
}

void netdev_link_changed(struct netdev *d)
{
    if (client)
        client->link_changed(d);
}

struct netdev *netdev_next(struct netdev *d)
{
    return d ? d->next : devices;
}

struct netdev *netdev_by_index(int index)
{
    for (struct netdev *d = devices; d; d = d->next)
        if (d->index == index)
            return d;
    return NULL;
}

struct netdev *netdev_by_name(const char *name)
{
    for (struct netdev *d = devices; d; d = d->next)
        if (!strcmp(d->name, name))
            return d;
    return NULL;
}
