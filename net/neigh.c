/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.c: the neighbour table and its state machine (RFC 4861 §7.3.2), for IPv4 as for IPv6.
 *
 * An entry is freed by RCU after its last reference went. Its timer needs no reference: it is cancelled before, and a
 * softirq that has begun to run it ends before RCU frees.
 */
#include "net/neigh.h"
#include "abi/errno.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "net/icmp.h"
#include "net/link.h"
#include "net/redirect.h"

#define BUCKETS     64
#define MAX_ENTRIES 1024               /* unused entries are dropped before there are more */
#define MAX_WAITING 32                 /* packets for one address that is not known yet */
#define MAX_PROBES  3                  /* RFC 4861 §10: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
#define DELAY_NS    (5 * NSEC_PER_SEC) /* DELAY_FIRST_PROBE_TIME */
#define HAS_MAC     (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static struct slab_cache neigh_cache = SLAB_CACHE(struct neigh);
static struct spinlock table_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct neigh *buckets[BUCKETS]; /* [R], [table_lock] to change */
static unsigned nr_entries;            /* [table_lock] */

static void neigh_free(struct rcu_head *h)
{
    slab_free(&neigh_cache, container_of(h, struct neigh, rcu));
}

static void drop_queue(struct pktqueue *q)
{
    struct pktbuf *p;

    while ((p = pktqueue_take(q)))
        pktbuf_free(p);
}

void neigh_put(struct neigh *n)
{
    if (!ref_put(&n->refs))
        return;
    net_timer_cancel(&n->timer);
    drop_queue(&n->waiting); /* nobody else knows it any more */
    rcu_defer(&n->rcu, neigh_free);
}

static unsigned bucket_of(const struct netdev *d, const struct inaddr *a)
{
    return (inaddr_hash(a) + d->index) % BUCKETS;
}

struct neigh *neigh_find(struct netdev *d, const struct inaddr *a)
{
    struct neigh *n;

    rcu_read_lock();
    for (n = atomic_load_acquire(&buckets[bucket_of(d, a)]); n; n = atomic_load_acquire(&n->next))
        if (n->dev == d && inaddr_eq(&n->addr, a) && ref_get_unless_zero(&n->refs))
            break;
    rcu_read_unlock();
    return n;
}

/* table_lock held: takes it out of the table; the caller drops the table's reference without the lock. */
static void unlink_neigh(struct neigh **link)
{
    struct neigh *n = *link;

    atomic_store_release(link, n->next);
    WRITE_ONCE(n->dead, true);
    nr_entries--;
}

/* table_lock held: an entry that nobody uses and that is worth least, off the table; NULL: none. */
static struct neigh *evict(void)
{
    struct neigh **oldest = NULL, *n;

    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct neigh **link = &buckets[i]; (n = *link); link = &n->next) {
            if (n->state & (NUD_PERMANENT | NUD_NOARP) || atomic_load(&n->refs.n) > 1)
                continue;
            if (!oldest || n->used_ns < (*oldest)->used_ns)
                oldest = link;
        }
    n = oldest ? *oldest : NULL;
    if (n)
        unlink_neigh(oldest);
    return n;
}

static void neigh_timer(struct net_timer *t);

struct neigh *neigh_get(struct netdev *d, const struct inaddr *a)
{
    struct neigh *n = neigh_find(d, a), *other, *victim = NULL, **bucket;

    if (n)
        return n;
    n = slab_zalloc(&neigh_cache);
    if (!n)
        return NULL;
    n->refs.n = 2; /* the table's and the caller's */
    n->addr = *a;
    n->dev = d;
    n->state = d->features & NETDEV_LOOP ? NUD_NOARP : NUD_NONE;
    n->used_ns = n->updated_ns = clock_mono_ns();
    spin_init(&n->lock, RANK_NET_TABLE);
    pktqueue_init(&n->waiting);
    net_timer_init(&n->timer, neigh_timer);
    bucket = &buckets[bucket_of(d, a)];
    spin_lock(&table_lock);
    for (other = *bucket; other; other = other->next)
        if (other->dev == d && inaddr_eq(&other->addr, a) && ref_get_unless_zero(&other->refs))
            break;
    if (!other && nr_entries >= MAX_ENTRIES)
        victim = evict();
    if (!other && (nr_entries < MAX_ENTRIES)) {
        n->next = *bucket;
        atomic_store_release(bucket, n);
        nr_entries++;
    } else {
        slab_free(&neigh_cache, n); /* another CPU was first, or there are too many */
        n = other;
    }
    spin_unlock(&table_lock);
    if (victim)
        neigh_put(victim);
    return n;
}

/* ---- states ---- */

static uint64_t retrans_ns(const struct neigh *n)
{
    return netif_of(n->dev)->retrans_ms * NSEC_PER_MS;
}

/* lock held */
static void set_state(struct neigh *n, uint8_t state)
{
    uint64_t now = clock_mono_ns();

    n->updated_ns = now;
    atomic_store_release(&n->state, state);
    n->probes = 0;
    if (state == NUD_REACHABLE) {
        n->confirmed = false;
        net_timer_arm(&n->timer, now + netif_of(n->dev)->reachable_ms * NSEC_PER_MS);
    } else if (state == NUD_DELAY) {
        n->confirmed = false;
        net_timer_arm(&n->timer, now + DELAY_NS);
    } else if (state & (NUD_INCOMPLETE | NUD_PROBE)) {
        n->probes = 1;
        net_timer_arm(&n->timer, now + retrans_ns(n));
    } else {
        net_timer_cancel(&n->timer);
    }
}

static void solicit(struct neigh *n, bool unicast)
{
    if (inaddr_is_v4(&n->addr))
        arp_solicit(n, unicast);
    else
        nd_solicit(n, unicast);
}

static void send_waiting(struct neigh *n, struct pktqueue *q)
{
    struct pktbuf *p;

    while ((p = pktqueue_take(q)))
        link_output(n->dev, p, atomic_load(&n->mac), p->protocol);
}

/* The neighbour does not answer: those who wanted to send to it hear about it. */
static void fail_waiting(struct pktqueue *q)
{
    struct pktbuf *p;

    while ((p = pktqueue_take(q)))
        ip_local_error(p, EHOSTUNREACH);
}

static void take_waiting(struct neigh *n, struct pktqueue *q)
{
    pktqueue_init(q);
    if (n->waiting.first) {
        q->first = n->waiting.first;
        q->end = n->waiting.end;
        q->nr = n->waiting.nr;
        pktqueue_init(&n->waiting);
    }
}

static void neigh_timer(struct net_timer *t)
{
    struct neigh *n = container_of(t, struct neigh, timer);
    struct pktqueue failed;
    bool send = false, unicast = false, gone = false;

    pktqueue_init(&failed);
    spin_lock(&n->lock);
    if (n->dead)
        goto out;
    switch (n->state) {
    case NUD_REACHABLE:
        set_state(n, n->confirmed ? NUD_REACHABLE : NUD_STALE);
        break;
    case NUD_DELAY:
        set_state(n, n->confirmed ? NUD_REACHABLE : NUD_PROBE);
        send = unicast = n->state == NUD_PROBE;
        break;
    case NUD_PROBE:
    case NUD_INCOMPLETE:
        if (n->state == NUD_PROBE && n->confirmed) {
            set_state(n, NUD_REACHABLE);
        } else if (n->probes >= MAX_PROBES) {
            set_state(n, NUD_FAILED);
            take_waiting(n, &failed);
            gone = true;
        } else {
            n->probes++;
            send = true;
            unicast = n->state == NUD_PROBE;
            net_timer_arm(&n->timer, clock_mono_ns() + retrans_ns(n));
        }
    }
out:
    spin_unlock(&n->lock);
    if (send)
        solicit(n, unicast);
    fail_waiting(&failed);
    if (gone)
        redirect_forget(n->dev, &n->addr);
}

int neigh_output_slow(struct neigh *n, struct pktbuf *p)
{
    struct pktbuf *old = NULL;
    bool ask = false;

    spin_lock(&n->lock);
    if (n->state & HAS_MAC) {
        if (n->state == NUD_STALE) {
            set_state(n, NUD_DELAY);
            n->used_ns = n->updated_ns;
        }
        spin_unlock(&n->lock);
        return link_output(n->dev, p, atomic_load(&n->mac), p->protocol);
    }
    if (n->state != NUD_INCOMPLETE) {
        set_state(n, NUD_INCOMPLETE);
        n->used_ns = n->updated_ns;
        ask = true;
    }
    if (n->waiting.nr >= MAX_WAITING)
        old = pktqueue_take(&n->waiting);
    pktqueue_append(&n->waiting, p);
    spin_unlock(&n->lock);
    if (old)
        pktbuf_free(old);
    if (ask)
        solicit(n, false);
    return 0;
}

/* lock held: what a packet says of a neighbour. True: the address is known now. */
static bool learn(struct neigh *n, const uint8_t *mac, unsigned how)
{
    bool had = n->state & HAS_MAC;

    if (n->dead || n->state & (NUD_PERMANENT | NUD_NOARP))
        return false;
    if (how & (NEIGH_ROUTER | NEIGH_HOST))
        n->router = how & NEIGH_ROUTER;
    if (mac && had && mac_word(mac) != n->mac && !(how & NEIGH_OVERRIDE)) {
        if (n->state == NUD_REACHABLE) /* RFC 4861 §7.2.5: in doubt */
            set_state(n, NUD_STALE);
        return false;
    }
    if (!mac && !had)
        return false;
    if (mac && (!had || mac_word(mac) != n->mac)) {
        atomic_store(&n->mac, mac_word(mac));
        set_state(n, how & NEIGH_SOLICITED ? NUD_REACHABLE : NUD_STALE);
    } else if (how & NEIGH_SOLICITED) {
        set_state(n, NUD_REACHABLE);
    }
    return true;
}

void neigh_heard(struct netdev *d, const struct inaddr *a, const uint8_t *mac, unsigned how)
{
    struct neigh *n = how & NEIGH_CREATE ? neigh_get(d, a) : neigh_find(d, a);
    struct pktqueue ready;

    if (!n)
        return;
    pktqueue_init(&ready);
    spin_lock(&n->lock);
    if (learn(n, mac, how))
        take_waiting(n, &ready);
    if (ready.first && n->state == NUD_STALE)
        set_state(n, NUD_DELAY);
    spin_unlock(&n->lock);
    send_waiting(n, &ready);
    neigh_put(n);
}

/* ---- configuration ---- */

static void remove_where(bool (*fn)(struct neigh *n, const void *arg), const void *arg)
{
    struct neigh *gone = NULL, *n;

    spin_lock(&table_lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct neigh **link = &buckets[i]; (n = *link);) {
            if (!fn(n, arg)) {
                link = &n->next;
                continue;
            }
            ref_get(&n->refs); /* one to walk the list of those that go; its next serves readers still */
            unlink_neigh(link);
            n->gone = gone;
            gone = n;
        }
    spin_unlock(&table_lock);
    while ((n = gone)) {
        struct pktqueue q;

        gone = n->gone;
        spin_lock(&n->lock);
        take_waiting(n, &q);
        net_timer_cancel(&n->timer);
        atomic_store_release(&n->state, NUD_FAILED);
        spin_unlock(&n->lock);
        drop_queue(&q);
        neigh_put(n);
        neigh_put(n);
    }
    dst_invalidate();
}

static bool is_entry(struct neigh *n, const void *arg)
{
    return n == arg;
}

static bool is_of_device(struct neigh *n, const void *arg)
{
    return n->dev == arg;
}

static bool is_learnt(struct neigh *n, const void *arg)
{
    return n->dev == arg && !(n->state & (NUD_PERMANENT | NUD_NOARP));
}

void neigh_flush(struct netdev *d, bool keep)
{
    remove_where(keep ? is_learnt : is_of_device, d);
}

int neigh_set(struct netdev *d, const struct inaddr *a, const uint8_t mac[6], uint8_t state, bool create)
{
    struct neigh *n = state != NUD_NONE && create ? neigh_get(d, a) : neigh_find(d, a);
    struct pktqueue ready;

    if (!n)
        return create ? -ENOBUFS : -ENOENT;
    if (state == NUD_NONE) {
        remove_where(is_entry, n);
        neigh_put(n);
        return 0;
    }
    pktqueue_init(&ready);
    spin_lock(&n->lock);
    if (mac)
        atomic_store(&n->mac, mac_word(mac));
    set_state(n, state);
    if (state & HAS_MAC)
        take_waiting(n, &ready);
    spin_unlock(&n->lock);
    send_waiting(n, &ready);
    neigh_put(n);
    return 0;
}

void neigh_each(void (*fn)(struct neigh *n, void *arg), void *arg)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct neigh *n = atomic_load_acquire(&buckets[i]); n; n = atomic_load_acquire(&n->next))
            fn(n, arg);
}
