/* SPDX-License-Identifier: BSD-2-Clause */
/* udp_table.c: UDP sockets by their local ports, and which of them a packet is for. */
#include "abi/errno.h"
#include "kernel/random.h"
#include "net/udp.h"

#define BUCKETS    256
#define PORT_FIRST 32768 /* net.ipv4.ip_local_port_range */
#define PORT_LAST  60999

static struct spinlock table_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct dgram *buckets[BUCKETS]; /* [R], [table_lock] to change */

static struct dgram **bucket_of(uint16_t port)
{
    return &buckets[be16(port) % BUCKETS];
}

void udp_each(void (*fn)(struct dgram *d, unsigned bucket, void *arg), void *arg)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct dgram *d = atomic_load_acquire(&buckets[i]); d; d = atomic_load_acquire(&d->next))
            fn(d, i, arg);
}

/* ---- binding ---- */

/* Does the socket take packets for both families? */
static bool dual(const struct dgram *d, const struct inaddr *local)
{
    return d->s.family == AF_INET6 && !d->o.v6only && inaddr_is_any(local) && !inaddr_is_v4(local);
}

static bool addresses_meet(const struct dgram *a, const struct inaddr *la, const struct dgram *b)
{
    const struct inaddr *lb = &b->bound_addr;

    if (dual(a, la) || dual(b, lb))
        return (dual(a, la) && dual(b, lb)) || inaddr_is_any(la) || inaddr_is_any(lb);
    if (inaddr_is_v4(la) != inaddr_is_v4(lb))
        return false;
    return inaddr_is_any(la) || inaddr_is_any(lb) || inaddr_eq(la, lb);
}

/* table_lock held */
static bool conflicts(const struct dgram *d, const struct inaddr *addr, uint16_t port)
{
    for (struct dgram *o = *bucket_of(port); o; o = o->next) {
        if (o->lport != port || o == d)
            continue;
        if (o->s.bound_dev && d->s.bound_dev && o->s.bound_dev != d->s.bound_dev)
            continue;
        if (o->s.reuseaddr && d->s.reuseaddr)
            continue;
        if (o->s.reuseport && d->s.reuseport && o->s.uid == d->s.uid)
            continue;
        if (addresses_meet(d, addr, o))
            return true;
    }
    return false;
}

/* table_lock held: a port that nobody uses; 0: none. */
static uint16_t free_port(const struct dgram *d, const struct inaddr *addr)
{
    unsigned n = PORT_LAST - PORT_FIRST + 1, at = random_u64() % n;

    for (unsigned i = 0; i < n; i++) {
        uint16_t port = be16(PORT_FIRST + (at + i) % n);
        bool used = false;

        for (struct dgram *o = *bucket_of(port); o && !used; o = o->next)
            used = o->lport == port && addresses_meet(d, addr, o);
        if (!used)
            return port;
    }
    return 0;
}

int udp_bind_port(struct dgram *d, const struct inaddr *addr, uint16_t port)
{
    int err = 0;

    spin_lock(&table_lock);
    if (!port) {
        port = free_port(d, addr);
        err = port ? 0 : -EADDRINUSE;
    } else if (conflicts(d, addr, port)) {
        err = -EADDRINUSE;
    }
    if (!err) {
        d->bound_addr = *addr;
        d->local = *addr;
        d->lport = port;
        dgram_link(bucket_of(port), d);
    }
    spin_unlock(&table_lock);
    return err;
}

void udp_unbind(struct dgram *d)
{
    if (!d->lport)
        return;
    spin_lock(&table_lock);
    dgram_unlink(bucket_of(d->lport), d);
    spin_unlock(&table_lock);
}

/* ---- finding ---- */

/* Whether a packet may be for the socket, and how well it fits; -1: no. As Linux's compute_score: each part that the socket
 * names and the packet has counts. */
static inline int score(const struct dgram *d, const struct inaddr *src, uint16_t sport,
                        const struct inaddr *dst, uint16_t dport, int dev)
{
    int n = 1;

    if (d->lport != dport)
        return -1;
    if (d->s.family == AF_INET6) {
        if (inaddr_is_v4(dst) && d->o.v6only)
            return -1;
    } else {
        if (!inaddr_is_v4(dst))
            return -1;
        n++;
    }
    if (!inaddr_is_any(&d->local)) {
        if (!inaddr_eq(&d->local, dst))
            return -1;
        n += 4;
    } else if (inaddr_is_v4(&d->local) && !inaddr_is_v4(dst)) {
        return -1; /* an IPv6 socket bound to ::ffff:0.0.0.0 */
    }
    if (d->connected) {
        if (!inaddr_eq(&d->remote, src) || d->rport != sport)
            return -1;
        n += 8;
    }
    if (d->s.bound_dev) {
        if (d->s.bound_dev != dev)
            return -1;
        n += 4;
    }
    return n;
}

struct dgram *udp_find(const struct inaddr *src, uint16_t sport, const struct inaddr *dst, uint16_t dport,
                       int dev, uint32_t hash)
{
    struct dgram *best = NULL, *d;
    int best_score = 0;
    unsigned sharing = 0;

    for (d = atomic_load_acquire(bucket_of(dport)); d; d = atomic_load_acquire(&d->next)) {
        int n = score(d, src, sport, dst, dport, dev);

        if (n < best_score || n <= 0)
            continue;
        if (n > best_score) {
            best = d;
            best_score = n;
            sharing = d->s.reuseport;
        } else if (d->s.reuseport && best->s.reuseport && !d->connected) {
            /* Equal ones share by flow: each of n is last to be chosen with the probability of 1 in n. */
            sharing++;
            hash = hash * 0x9e3779b1u + 1;
            if ((uint64_t)hash * sharing >> 32 == 0)
                best = d;
        }
    }
    return best;
}

struct dgram *udp_next_of_many(struct dgram *prev, const struct ip_rx *r, uint16_t sport, uint16_t dport)
{
    struct dgram *d = prev ? atomic_load_acquire(&prev->next) : atomic_load_acquire(bucket_of(dport));

    for (; d; d = atomic_load_acquire(&d->next)) {
        if (score(d, &r->src, sport, &r->dst, dport, r->dev->index) < 0)
            continue;
        if (r->kind == KIND_MULTICAST && !inet_group_wants(&d->o, r))
            continue;
        return d;
    }
    return NULL;
}
