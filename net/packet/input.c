/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c: frames to packet sockets: link_tap, filters, queues. */
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/filter.h"
#include "net/link.h"
#include "net/packet/packet.h"

#ifndef TP_STATUS_GSO_TCP
#define TP_STATUS_GSO_TCP (1 << 8)
#endif

static struct spinlock table_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct packet_sock *sockets;      /* [R], [table_lock] to change */
static struct list all = LIST_INIT(all); /* [table_lock] */

/* ---- one socket ---- */

static bool wants(const struct packet_sock *k, const struct packet_frame *f, bool outgoing)
{
    if (k->ifindex && k->ifindex != f->p->dev->index)
        return false;
    if (k->num == ETH_P_ALL)
        return !outgoing || !READ_ONCE(k->ignore_outgoing);
    return !outgoing && k->num == f->protocol;
}

/* What the filter keeps of the frame from base on. */
static uint32_t filtered(const struct packet_sock *k, const struct packet_frame *f, int32_t base)
{
    struct bpf_packet b;

    bpf_packet_of(&b, f->p, -base);
    b.link = f->link - base;
    b.network = b.link + ETH_HLEN;
    b.protocol = f->protocol;
    b.pkttype = f->pkttype;
    return filter_run(&k->s, &b);
}

static void count_drop(struct packet_sock *k)
{
    spin_lock(&k->lock);
    k->drops++;
    spin_unlock(&k->lock);
}

static void enqueue(struct packet_sock *k, struct pktbuf *c)
{
    bool room;

    spin_lock(&k->lock);
    room = k->rx_bytes < READ_ONCE(k->s.rcvbuf);
    if (room) {
        k->packets++;
        k->rx_bytes += pktbuf_memory(c);
        pktqueue_append(&k->rx, c);
    } else {
        k->drops++;
    }
    spin_unlock(&k->lock);
    if (room)
        socket_wake(&k->s, SOCKET_POLLIN);
    else
        pktbuf_free(c);
}

static void to_queue(struct packet_sock *k, const struct packet_frame *f, int32_t base, uint32_t keep)
{
    struct packet_rx *r;
    struct pktbuf *c;

    if (READ_ONCE(k->rx_bytes) >= READ_ONCE(k->s.rcvbuf) || !(c = pktbuf_clone(f->p))) {
        count_drop(k);
        return;
    }
    r = (struct packet_rx *)c->private;
    r->len = f->p->total - base;
    r->status = f->status;
    r->network = f->link + ETH_HLEN - base;
    r->protocol = f->protocol;
    r->pkttype = f->pkttype;
    memcpy(r->addr, f->p->data + f->link + ETH_ALEN, ETH_ALEN);
    if (base < 0)
        pktbuf_push(c, -base);
    else
        pktbuf_pull(c, base);
    pktbuf_trim(c, keep);
    c->time_ns = clock_real_ns();
    if (!pktbuf_disown(c)) {
        pktbuf_free(c);
        count_drop(k);
        return;
    }
    enqueue(k, c);
}

static void deliver(struct packet_sock *k, const struct packet_frame *f)
{
    int32_t base = f->link + (k->s.type == SOCK_DGRAM ? ETH_HLEN : 0);
    uint32_t keep = f->p->total - base;

    if (k->s.filter)
        keep = filtered(k, f, base);
    if (!keep)
        return;
    if (k->rx_ring.pages)
        ring_receive(k, f, base, keep);
    else
        to_queue(k, f, base, keep);
}

/* ---- all of them ---- */

/* What lo carries has no link header, but programs see one. */
static bool put_lo_header(struct pktbuf *p)
{
    uint8_t *h = p->data - ETH_HLEN;

    if (p->data - p->head < ETH_HLEN)
        return false;
    if (p->flags & PKTBUF_ETHERNET)
        return true;
    memset(h, 0, 2 * ETH_ALEN);
    put_be16(h + 2 * ETH_ALEN, p->protocol);
    return true;
}

/* Frames for other machines are for those alone who asked for them: cards are to drop them. */
static bool hidden(const struct pktbuf *p)
{
    const struct netif *n = netif_of(p->dev);

    return p->flags & PKTBUF_LOOP ||
           (p->link_type == PACKET_OTHERHOST && !READ_ONCE(n->promiscuity) &&
            !(READ_ONCE(n->flags) & IFF_PROMISC) && !(p->dev->features & NETDEV_LOOP));
}

void packet_show(struct pktbuf *p, bool outgoing, const struct packet_sock *but)
{
    struct packet_frame f = { .p = p, .protocol = p->protocol };

    if (!outgoing && hidden(p))
        return;
    if (p->dev->features & NETDEV_LOOP) {
        if (!put_lo_header(p))
            return;
        f.link = -ETH_HLEN;
    }
    if (p->len < (uint32_t)(ETH_HLEN + f.link))
        return;
    f.pkttype = outgoing ? PACKET_OUTGOING : p->link_type;
    if (f.protocol < ETH_P_802_3_MIN && !outgoing)
        f.protocol = ETH_P_802_2; /* it was a length */
    if (p->csum == CSUM_PARTIAL)
        f.status = TP_STATUS_CSUMNOTREADY;
    else if (p->csum == CSUM_VALID && !outgoing)
        f.status = TP_STATUS_CSUM_VALID;
    if (p->gso == GSO_TCPV4 || p->gso == GSO_TCPV6)
        f.status |= TP_STATUS_GSO_TCP;
    rcu_read_lock();
    for (struct packet_sock *k = atomic_load_acquire(&sockets); k; k = atomic_load_acquire(&k->next))
        if (!packet_sent_by(k, but) && wants(k, &f, outgoing)) {
            struct packet_sock *to = likely(!k->fanout) ? k : fanout_choose(k, &f);

            if (to)
                deliver(to, &f);
        }
    rcu_read_unlock();
}

static void tap(struct pktbuf *p, bool outgoing)
{
    packet_show(p, outgoing, NULL);
}

static void device_down(struct netdev *d)
{
    rcu_read_lock();
    for (struct packet_sock *k = atomic_load_acquire(&sockets); k; k = atomic_load_acquire(&k->next))
        if (k->ifindex == d->index) {
            atomic_store(&k->s.err, -ENETDOWN);
            socket_wake_all(&k->s);
        }
    rcu_read_unlock();
}

void packet_hook(struct packet_sock *k)
{
    struct packet_sock **end = &sockets;

    if (k->hooked)
        return;
    spin_lock(&table_lock);
    while (*end)
        end = &(*end)->next;
    k->next = NULL;
    atomic_store_release(end, k);
    k->hooked = true;
    atomic_store(&link_tap_down, device_down);
    atomic_store(&link_tap, tap);
    spin_unlock(&table_lock);
    if (k->fanout)
        fanout_hooked(k);
}

void packet_unhook(struct packet_sock *k)
{
    if (!k->hooked)
        return;
    spin_lock(&table_lock);
    for (struct packet_sock **link = &sockets; *link; link = &(*link)->next)
        if (*link == k) {
            atomic_store_release(link, k->next);
            break;
        }
    if (!sockets) {
        atomic_store(&link_tap, NULL);
        atomic_store(&link_tap_down, NULL);
    }
    spin_unlock(&table_lock);
    k->hooked = false;
    if (k->fanout)
        fanout_unhooked(k);
    rcu_wait();
}

void packet_list(struct packet_sock *k, bool add)
{
    spin_lock(&table_lock);
    if (add)
        list_append(&all, &k->all_link);
    else
        list_remove(&k->all_link);
    spin_unlock(&table_lock);
}

void packet_each(void (*fn)(const struct packet_sock *k, void *arg), void *arg)
{
    struct packet_sock *k;

    spin_lock(&table_lock);
    list_for_each (k, &all, all_link)
        fn(k, arg);
    spin_unlock(&table_lock);
}

void packet_name(struct sockaddr_ll *a, const struct netdev *d, const struct packet_rx *r)
{
    *a = (struct sockaddr_ll){ .sll_family = AF_PACKET,
                               .sll_protocol = be16(r->protocol),
                               .sll_ifindex = d->index,
                               .sll_hatype = d->hw_type,
                               .sll_pkttype = r->pkttype,
                               .sll_halen = ETH_ALEN };
    memcpy(a->sll_addr, r->addr, ETH_ALEN);
}
