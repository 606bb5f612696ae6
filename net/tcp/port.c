/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.c: who uses which local port: bind(2)'s rules, and ports for connections that name none.
 *
 * A port in use is a struct tcp_port with the list of its users: sockets, requests' children, and what is left of
 * connections in TIME_WAIT.
 */
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/siphash.h"
#include "net/tcp/tcp_sock.h"

#define BUCKETS    128
#define FIRST_PORT 32768 /* Linux's ip_local_port_range */
#define LAST_PORT  60999
#define RESERVED   1024

struct tcp_port {
    struct tcp_port *next;
    struct list users; /* of tcp_entry.port_link */
    uint16_t port;
};

static struct tcp_port *ports[BUCKETS];
static struct spinlock locks[BUCKETS] = { [0 ... BUCKETS - 1] = SPINLOCK_INIT(RANK_NET_TABLE) };
static struct slab_cache port_cache = SLAB_CACHE(struct tcp_port);

static struct tcp_port *find(uint16_t port)
{
    struct tcp_port *p = ports[port % BUCKETS];

    while (p && p->port != port)
        p = p->next;
    return p;
}

static struct spinlock *lock_of(uint16_t port)
{
    return &locks[port % BUCKETS];
}

/* Two users' addresses overlap when one of them means any address that the other can have. */
static bool overlap(const struct tcp_entry *a, const struct tcp_entry *b, bool a_v6only, bool b_v6only)
{
    bool a_any = inaddr_is_any(&a->local), b_any = inaddr_is_any(&b->local);
    bool a_v4 = a->family == AF_INET || inaddr_is_v4(&a->local);
    bool b_v4 = b->family == AF_INET || inaddr_is_v4(&b->local);

    if (a->dev && b->dev && a->dev != b->dev)
        return false;
    if (!a_any && !b_any)
        return inaddr_eq(&a->local, &b->local);
    if (a_v4 == b_v4)
        return true;
    /* IPv4 here, IPv6 there: only [::] without IPV6_V6ONLY means both */
    return a_v4 ? b_any && !b_v6only : a_any && !a_v6only;
}

static bool conflicts(struct tcp_port *p, struct tcp_sock *t)
{
    struct tcp_entry *e;

    list_for_each (e, &p->users, port_link) {
        struct tcp_sock *o = e->kind == TCP_KIND_SOCK ? tcp_of_entry(e) : NULL;
        bool reuse = t->sock.reuseaddr && (o ? o->sock.reuseaddr && o->state != TCP_LISTEN : e->was_reuse);
        bool share =
            t->sock.reuseport && (o ? o->sock.reuseport && o->sock.uid == t->sock.uid : e->was_share);

        if (e == &t->e || reuse || share)
            continue;
        if (overlap(&t->e, e, t->opts.v6only, o && o->opts.v6only))
            return true;
    }
    return false;
}

/* Under the port's lock. */
static int add_user(struct tcp_entry *e, uint16_t port)
{
    struct tcp_port *p = find(port);

    if (!p) {
        p = slab_alloc(&port_cache);
        if (!p)
            return -ENOMEM;
        p->port = port;
        list_init(&p->users);
        p->next = ports[port % BUCKETS];
        ports[port % BUCKETS] = p;
    }
    e->lport = port;
    e->port = p;
    list_append(&p->users, &e->port_link);
    return 0;
}

static int try_bind(struct tcp_sock *t, uint16_t port)
{
    struct spinlock *l = lock_of(port);
    struct tcp_port *p;
    int err;

    spin_lock(l);
    p = find(port);
    err = p && conflicts(p, t) ? -EADDRINUSE : add_user(&t->e, port);
    spin_unlock(l);
    if (!err)
        t->e.explicit_port = true;
    return err;
}

int tcp_port_bind(struct tcp_sock *t, uint16_t port)
{
    unsigned nr = LAST_PORT - FIRST_PORT + 1, start = random_u64() % nr;

    if (port)
        return try_bind(t, port);
    /* Odd ones first, even ones are for connections: as Linux shares them out. */
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < nr; i++) {
            uint16_t c = FIRST_PORT + (start + i) % nr;
            int err;

            if ((c & 1) == pass)
                continue;
            err = try_bind(t, c);
            if (err != -EADDRINUSE)
                return err;
        }
    return -EADDRINUSE;
}

int tcp_port_recheck(struct tcp_sock *t)
{
    struct spinlock *l = lock_of(t->e.lport);
    bool bad;

    spin_lock(l);
    bad = t->e.port && conflicts(t->e.port, t);
    spin_unlock(l);
    return bad ? -EADDRINUSE : 0;
}

static void remove_user(struct tcp_entry *e)
{
    struct tcp_port *p = e->port, **link;

    list_remove(&e->port_link);
    e->port = NULL;
    if (!list_empty(&p->users))
        return;
    for (link = &ports[p->port % BUCKETS]; *link != p; link = &(*link)->next)
        ;
    *link = p->next;
    slab_free(&port_cache, p);
}

void tcp_port_release(struct tcp_entry *e)
{
    struct spinlock *l = lock_of(e->lport);

    spin_lock(l);
    if (e->port)
        remove_user(e);
    spin_unlock(l);
}

void tcp_port_inherit(struct tcp_entry *e, struct tcp_entry *from)
{
    struct spinlock *l = lock_of(from->lport);

    spin_lock(l);
    if (from->port) {
        e->port = from->port;
        list_append(&e->port->users, &e->port_link);
    }
    spin_unlock(l);
}

/* A port that only connections use may serve another to another place. */
static int try_connect(struct tcp_sock *t, uint16_t port)
{
    struct spinlock *l = lock_of(port);
    struct tcp_port *p;
    struct tcp_entry *e, *old;
    int err = 0;

    spin_lock(l);
    p = find(port);
    if (p) {
        list_for_each (e, &p->users, port_link)
            if (e->explicit_port)
                err = -EADDRINUSE;
    }
    if (!err)
        err = add_user(&t->e, port);
    spin_unlock(l);
    if (err)
        return err;
    err = tcp_table_insert(&t->e, NULL);
    if (err == -EADDRNOTAVAIL) {
        old = tcp_table_find(&t->e.local, port, &t->e.remote, t->e.rport, t->e.dev);
        if (old && old->kind == TCP_KIND_TIMEWAIT && tcp_timewait_reusable(old)) {
            t->write_seq = tcp_timewait_reuse(old, t);
            tcp_timewait_kill(old);
            err = tcp_table_insert(&t->e, NULL);
        }
    }
    if (err)
        tcp_port_release(&t->e);
    return err;
}

/* RFC 6056, algorithm 3: where the search begins depends on where it leads, by a secret. */
static uint32_t first_choice(const struct tcp_sock *t)
{
    static struct siphash_key key;
    static uint32_t moved;
    uint64_t words[5] = { t->e.local.q[0], t->e.local.q[1], t->e.remote.q[0], t->e.remote.q[1], t->e.rport };

    if (!key.k[0])
        random_bytes(&key, sizeof(key));
    return siphash_words(&key, words, 5) + 2 * __atomic_fetch_add(&moved, 1, __ATOMIC_RELAXED);
}

int tcp_port_connect(struct tcp_sock *t)
{
    unsigned nr = LAST_PORT - FIRST_PORT + 1;
    uint32_t start;
    struct tcp_entry *old;
    int err;

    if (t->e.port) { /* bound */
        err = tcp_table_insert(&t->e, NULL);
        if (!err)
            return 0;
        old = tcp_table_find(&t->e.local, t->e.lport, &t->e.remote, t->e.rport, t->e.dev);
        if (!old || old->kind != TCP_KIND_TIMEWAIT || !tcp_timewait_reusable(old))
            return err;
        t->write_seq = tcp_timewait_reuse(old, t);
        tcp_timewait_kill(old);
        return tcp_table_insert(&t->e, NULL);
    }
    start = first_choice(t) & ~1u;
    for (unsigned odd = 0; odd < 2; odd++)
        for (unsigned i = 0; i < nr; i += 2) {
            err = try_connect(t, FIRST_PORT + (start + i) % nr + odd);
            if (err != -EADDRINUSE && err != -EADDRNOTAVAIL)
                return err;
        }
    return -EADDRNOTAVAIL;
}
