/* SPDX-License-Identifier: BSD-2-Clause */
/* net.c: the start of the network: when the first socket is made, or a device is to be configured; not before. */
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/string.h"
#include "net/config.h"
#include "net/ip_input.h"
#include "net/link.h"
#include "net/mcast.h"
#include "net/nd.h"
#include "net/neigh.h"
#include "net/netif.h"
#include "net/redirect.h"
#include "net/route.h"
#include "net/timer_softirq.h"

#define IFF_CHANGEABLE (IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_DEBUG)

static const struct inaddr loopback6 = { .b = { [15] = 1 } };

/* ---- devices ---- */

static void added(struct netdev *d)
{
    struct netif *n = kzalloc(sizeof(*n));

    if (!n) {
        log_err("%s: no memory for its configuration", d->name);
        return;
    }
    n->dev = d;
    n->carrier = d->link_up;
    n->v6 = true;
    n->accept_ra = n->autoconf = true;
    n->hop_limit = 64;
    n->reachable_ms = 30000; /* RFC 4861 §10 */
    n->retrans_ms = 1000;
    mcast_init_netif(n);
    nd_init_netif(n);
    atomic_store_release(&d->net, n);
}

uint32_t netif_flags(const struct netdev *d)
{
    uint32_t f = d->net ? READ_ONCE(netif_of(d)->flags) : 0;

    f |= d->features & NETDEV_LOOP ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST;
    if (f & IFF_UP && d->link_up)
        f |= IFF_RUNNING | IFF_LOWER_UP;
    return f;
}

static void came_up(struct netdev *d)
{
    if (d->features & NETDEV_LOOP || !d->link_up)
        return;
    rcu_read_lock();
    for (struct ifaddr *a = netif_of(d)->addrs; a; a = a->next)
        if (inaddr_is_v4(&a->addr))
            arp_announce(d, &a->addr);
    rcu_read_unlock();
    mcast_link_up(netif_of(d));
    nd_start(d);
}

int netif_set_flags(struct netdev *d, uint32_t flags, uint32_t change)
{
    struct netif *n = netif_of(d);
    uint32_t old;
    bool open;

    if (!n)
        return -ENODEV;
    change &= IFF_CHANGEABLE;
    spin_lock(&net_lock);
    old = n->flags;
    n->flags = (old & ~change) | (flags & change);
    open = n->flags & IFF_UP && !n->opened;
    n->opened |= open;
    if (old & ~n->flags & IFF_UP) {
        route_flush_locked(d, RTPROT_RA);
        n->rs_left = 0;
    }
    dst_invalidate();
    if (net_notify)
        net_notify(NET_EVENT_LINK, d, NULL);
    spin_unlock(&net_lock);
    if (old & ~n->flags & IFF_UP) {
        neigh_flush(d, false);
        link_tell_down(d);
    }
    if (open && d->ops->open)
        d->ops->open(d);
    if (n->flags & ~old & IFF_UP)
        came_up(d);
    return 0;
}

int netif_set_mtu(struct netdev *d, uint32_t mtu)
{
    if (mtu < 68 || mtu > d->max_mtu)
        return -EINVAL;
    spin_lock(&net_lock);
    d->mtu = mtu;
    dst_invalidate();
    if (net_notify)
        net_notify(NET_EVENT_LINK, d, NULL);
    spin_unlock(&net_lock);
    return 0;
}

/* Any context, also interrupts: the work is the softirq's. */
static struct net_timer link_timer;

static void link_changed(struct netdev *d)
{
    net_timer_arm(&link_timer, clock_mono_ns());
}

/* Addresses and routes stay while the link is away, as on Linux; who is on it must be asked anew. */
static void look_at_link(struct netdev *d)
{
    struct netif *n = netif_of(d);
    bool up = READ_ONCE(d->link_up);

    spin_lock(&net_lock);
    if (n->carrier == up) {
        spin_unlock(&net_lock);
        return;
    }
    n->carrier = up;
    up ? n->link_ups++ : n->link_downs++;
    if (net_notify)
        net_notify(NET_EVENT_LINK, d, NULL);
    spin_unlock(&net_lock);
    if (!up)
        neigh_flush(d, true);
    else if (netif_is_up(n))
        came_up(d);
}

static void look_at_links(struct net_timer *t)
{
    dst_invalidate();
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d))
        if (d->net)
            look_at_link(d);
}

static const struct netdev_client client = { link_receive, added, link_changed };

/* ---- start ---- */

static void start_loopback(void)
{
    struct addr_spec v4 = { .addr = inaddr_v4(be32(0x7f000001)),
                            .plen = PLEN_V4(8),
                            .scope = RT_SCOPE_HOST,
                            .valid_ns = TIME_NEVER,
                            .preferred_ns = TIME_NEVER };
    struct addr_spec v6 = { .addr = loopback6,
                            .plen = 128,
                            .scope = RT_SCOPE_HOST,
                            .valid_ns = TIME_NEVER,
                            .preferred_ns = TIME_NEVER };

    netif_set_flags(loopback_dev, IFF_UP, IFF_UP);
    addr_add(loopback_dev, &v4);
    addr_add(loopback_dev, &v6);
}

static uint32_t started; /* [a] 0: no; 1: by a thread that is at it; 2 */

static void start(void)
{
    net_timer_softirq_init();
    net_timer_init(&link_timer, look_at_links);
    ip_deliver_init();
    reass_init();
    redirect_init();
    loopback_init();
    netdev_set_client(&client);
    start_loopback();
    net_config_apply();
}

void net_begin(void)
{
    if (likely(atomic_load_acquire(&started) == 2))
        return;
    if (atomic_cmpxchg(&started, 0, 1)) {
        start();
        atomic_store_release(&started, 2);
        return;
    }
    while (atomic_load_acquire(&started) != 2) /* on another CPU: it does not sleep */
        cond_resched();
}

void net_start(void)
{
    net_begin();
    net_config_wait();
}
