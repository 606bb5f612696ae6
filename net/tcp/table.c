/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c: the table of connections by their two addresses and ports, and that of listeners by port.
 *
 * Both are chains that readers walk without locks (RCU: what leaves is freed later by its owner). The hash is keyed, as
 * others choose addresses and ports.
 */
#include "kernel/page.h"
#include "kernel/random.h"
#include "lib/siphash.h"
#include "net/tcp/tcp_sock.h"

#define NR_LOCKS 64 /* buckets share locks */

static struct tcp_entry **buckets;
static unsigned mask;
static uint64_t secret;
static struct spinlock locks[NR_LOCKS];
static struct tcp_sock *listeners[TCP_LISTEN_BUCKETS]; /* linked through e.next */
static struct spinlock listeners_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct mutex setup = MUTEX_INIT(setup, RANK_FS); /* connect() holds the socket's */

/* One bucket for each 64 KiB of memory: 512 in the smallest machine, 64 Ki in one of 4 GiB. */
int tcp_table_ready(void)
{
    uint64_t want = page_nr_total() / 16;
    unsigned order = 0;
    struct page *p;

    if (likely(READ_ONCE(buckets)))
        return 0;
    while (order < PAGE_MAX_ORDER && (PAGE_SIZE << order) / sizeof(*buckets) < want)
        order++;
    p = page_alloc_order(order, PAGE_WAIT | PAGE_ZERO);
    if (!p)
        return -ENOMEM;
    mutex_lock(&setup);
    if (buckets) {
        page_free(p);
    } else {
        for (unsigned i = 0; i < NR_LOCKS; i++)
            spin_init(&locks[i], RANK_NET_TABLE);
        secret = random_u64() | 1;
        mask = (PAGE_SIZE << order) / sizeof(*buckets) - 1;
        tcp_mem_pages_limit = page_nr_total() * PAGE_SIZE / 8;
        atomic_store_release(&buckets, page_virt(p));
    }
    mutex_unlock(&setup);
    return 0;
}

static __always_inline uint32_t hash_of(const struct inaddr *local, uint16_t lport,
                                        const struct inaddr *remote, uint16_t rport)
{
    uint64_t h = (remote->q[0] ^ secret) * 0x9e3779b97f4a7c15ull;

    h = (h ^ h >> 29 ^ remote->q[1]) * 0xbf58476d1ce4e5b9ull;
    h = (h ^ h >> 32 ^ local->q[0] ^ local->q[1] ^ secret >> 7) * 0x94d049bb133111ebull;
    h = (h ^ h >> 29 ^ ((uint64_t)lport << 16 | rport)) * (secret | 1);
    return h >> 32;
}

uint32_t tcp_hash(const struct inaddr *local, uint16_t lport, const struct inaddr *remote, uint16_t rport)
{
    return hash_of(local, lport, remote, rport);
}

static inline bool same(const struct tcp_entry *e, uint32_t hash, const struct inaddr *local, uint16_t lport,
                        const struct inaddr *remote, uint16_t rport)
{
    return e->hash == hash && e->lport == lport && e->rport == rport && inaddr_eq(&e->remote, remote) &&
           inaddr_eq(&e->local, local);
}

struct tcp_entry *tcp_table_find(const struct inaddr *local, uint16_t lport, const struct inaddr *remote,
                                 uint16_t rport, int dev)
{
    uint32_t hash = hash_of(local, lport, remote, rport);
    struct tcp_entry *e;

    if (unlikely(!buckets))
        return NULL;
    for (e = READ_ONCE(buckets[hash & mask]); e; e = READ_ONCE(e->next))
        if (same(e, hash, local, lport, remote, rport) && (!e->dev || e->dev == dev))
            return e;
    return NULL;
}

int tcp_table_insert(struct tcp_entry *e, struct tcp_entry *old)
{
    uint32_t hash = tcp_hash(&e->local, e->lport, &e->remote, e->rport);
    struct tcp_entry **b = &buckets[hash & mask], *o, **link;
    struct spinlock *l = &locks[hash % NR_LOCKS];
    int err = 0;

    e->hash = hash;
    spin_lock(l);
    if (old) {
        for (link = b; *link && *link != old; link = &(*link)->next)
            ;
        if (*link) { /* readers that stand on old still find what follows it */
            e->next = old->next;
            atomic_store_release(link, e);
            old->hashed = false;
            e->hashed = true;
        } else {
            err = -EADDRNOTAVAIL; /* somebody else took it away */
        }
    } else {
        for (o = *b; o; o = o->next)
            if (same(o, hash, &e->local, e->lport, &e->remote, e->rport) &&
                (!o->dev || !e->dev || o->dev == e->dev))
                break;
        if (o) {
            err = -EADDRNOTAVAIL;
        } else {
            e->next = *b;
            atomic_store_release(b, e);
            e->hashed = true;
        }
    }
    spin_unlock(l);
    return err;
}

bool tcp_table_remove(struct tcp_entry *e)
{
    struct spinlock *l = &locks[e->hash % NR_LOCKS];
    struct tcp_entry **link;
    bool was;

    spin_lock(l);
    was = e->hashed;
    if (was) {
        for (link = &buckets[e->hash & mask]; *link != e; link = &(*link)->next)
            ;
        atomic_store_release(link, e->next); /* e->next stays for those who stand on it */
        e->hashed = false;
    }
    spin_unlock(l);
    return was;
}

unsigned tcp_table_size(void)
{
    return buckets ? mask + 1 : 0;
}

struct tcp_entry *tcp_table_bucket(unsigned i)
{
    return READ_ONCE(buckets[i]);
}

/* ---- listeners ---- */

static struct tcp_sock **listen_bucket(uint16_t port)
{
    return &listeners[port % TCP_LISTEN_BUCKETS];
}

void tcp_listen_insert(struct tcp_sock *t)
{
    struct tcp_sock **b = listen_bucket(t->e.lport);

    spin_lock(&listeners_lock);
    t->e.next = *b ? &(*b)->e : NULL;
    atomic_store_release(b, t);
    t->e.hashed = true;
    spin_unlock(&listeners_lock);
}

void tcp_listen_remove(struct tcp_sock *t)
{
    struct tcp_sock **b = listen_bucket(t->e.lport);

    spin_lock(&listeners_lock);
    if (t->e.hashed) {
        t->e.hashed = false;
        if (*b == t) {
            atomic_store_release(b, t->e.next ? tcp_of_entry(t->e.next) : NULL);
        } else {
            struct tcp_entry *e = &(*b)->e;

            while (e->next != &t->e)
                e = e->next;
            atomic_store_release(&e->next, t->e.next);
        }
    }
    spin_unlock(&listeners_lock);
}

/* How well t suits a segment; 0: not at all. */
static unsigned score(const struct tcp_sock *t, const struct tcp_in *in, int dev)
{
    bool v4 = inaddr_is_v4(in->dst);
    unsigned s = 1;

    if (t->e.lport != in->dport || t->state != TCP_LISTEN)
        return 0;
    if (t->e.family == AF_INET ? !v4 : v4 && t->opts.v6only)
        return 0;
    if (!inaddr_is_any(&t->e.local)) {
        if (!inaddr_eq(&t->e.local, in->dst))
            return 0;
        s += 4;
    }
    if (t->e.dev) {
        if (t->e.dev != dev)
            return 0;
        s += 2;
    }
    if (t->e.family == AF_INET)
        s++;
    return s;
}

/* Among equals (SO_REUSEPORT) each flow has its own: rendezvous by hash, so that few change when one comes or goes. */
struct tcp_sock *tcp_listen_find(const struct tcp_in *in, int dev)
{
    struct tcp_sock *best = NULL;
    unsigned best_score = 0;
    uint64_t best_rank = 0;

    for (struct tcp_sock *t = READ_ONCE(*listen_bucket(in->dport)); t; t = tcp_listen_next(t)) {
        unsigned s = score(t, in, dev);
        uint64_t rank;

        if (!s || s < best_score)
            continue;
        if (s == best_score && !t->sock.reuseport)
            continue;
        rank = ((uint64_t)tcp_hash(in->dst, in->dport, in->src, in->sport) ^ (uintptr_t)t >> 4) *
               0x9e3779b97f4a7c15ull;
        if (s > best_score || rank > best_rank) {
            best = t;
            best_score = s;
            best_rank = rank;
        }
    }
    return best;
}

struct tcp_sock *tcp_listen_first(unsigned bucket)
{
    return READ_ONCE(listeners[bucket]);
}

struct tcp_sock *tcp_listen_next(struct tcp_sock *t)
{
    struct tcp_entry *e = READ_ONCE(t->e.next);

    return e ? tcp_of_entry(e) : NULL;
}
