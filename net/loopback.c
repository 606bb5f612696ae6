/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loopback.c: the device lo. What is sent to this machine waits in a list of the sending CPU until its receive softirq; it is
 * neither segmented nor are its checksums computed. Copies of our own multicasts come this way too, as from their device.
 *
 * Only threads and softirqs of one CPU touch its list: no lock.
 */
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/cpu.h"
#include "lib/string.h"
#include "net/link.h"
#include <linux/if_packet.h>

#define MAX_WAITING 4096 /* packets: a sender that never lets softirqs run loses them */

struct netdev *loopback_dev;
static struct netdev lo;
static struct pktqueue waiting[MAX_CPUS];
static struct netdev_queue
    queues[MAX_CPUS]; /* what is polled: one for each CPU, not lo's for the statistics */

/* To be polled by this CPU. Takes p. */
static inline void enqueue(struct pktbuf *p, unsigned cpu)
{
    p->queue = 0;
    if (!waiting[cpu].nr)
        netdev_raise(&queues[cpu]);
    pktqueue_append(&waiting[cpu], p);
}

void loopback_output(struct pktbuf *p)
{
    unsigned cpu = this_cpu()->id;
    struct netdev_stats *s = &lo.queues[0].stats;

    if (unlikely(waiting[cpu].nr >= MAX_WAITING || !pktbuf_disown(p))) {
        s->rx_dropped++;
        pktbuf_free(p);
        return;
    }
    if (likely(!(p->flags & PKTBUF_LOOP))) {
        p->dev = &lo;
        p->link_type = PACKET_HOST;
        s->tx_packets++;
        s->tx_bytes += p->total + ETH_HLEN;
        s->rx_packets++;
        s->rx_bytes += p->total + ETH_HLEN;
        link_show(p, true);
    }
    enqueue(p, cpu);
}

void loopback_output_frame(struct pktbuf *p)
{
    unsigned cpu = this_cpu()->id;
    struct netdev_stats *s = &lo.queues[0].stats;

    if (waiting[cpu].nr >= MAX_WAITING) {
        s->rx_dropped++;
        pktbuf_free(p);
        return;
    }
    p->dev = &lo;
    s->tx_packets++;
    s->tx_bytes += p->total + ETH_HLEN;
    s->rx_packets++;
    s->rx_bytes += p->total + ETH_HLEN;
    enqueue(p, cpu);
}

static unsigned loopback_poll(struct netdev_queue *q, unsigned budget)
{
    struct pktqueue *w = &waiting[q->cpu];
    unsigned n = 0;
    struct pktbuf *p;

    while (n < budget && (p = pktqueue_take(w))) {
        link_receive(p);
        n++;
    }
    /* The sender raises for the first of a list; what came while the list was being worked off is raised by returning the
     * whole budget, or was taken above. */
    return n;
}

static int loopback_transmit(struct netdev_queue *q, struct pktbuf *p, bool more)
{
    loopback_output(p);
    return 0;
}

static const struct netdev_ops loopback_ops = { .transmit = loopback_transmit, .poll = loopback_poll };

void loopback_init(void)
{
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        pktqueue_init(&waiting[i]);
        queues[i].dev = &lo;
        queues[i].cpu = i;
    }
    memcpy(lo.name, "lo", 3);
    lo.ops = &loopback_ops;
    lo.hw_type = ARPHRD_LOOPBACK;
    lo.mtu = lo.max_mtu = 65536;
    lo.gso_max = 65536;
    lo.features =
        NETDEV_LOOP | NETDEV_TX_CSUM | NETDEV_RX_CSUM | NETDEV_TSO4 | NETDEV_TSO6 | NETDEV_USO | NETDEV_LRO;
    lo.link_up = true;
    lo.nr_queues = 1;
    loopback_dev = &lo;
    netdev_add(&lo);
}
