/* SPDX-License-Identifier: BSD-2-Clause */
/* addr.c: this machine's addresses: found by hash for each packet that comes in, listed by device for everything else. */
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/nd.h"
#include "net/neigh.h"
#include "net/route.h"

struct spinlock net_lock = SPINLOCK_INIT(RANK_NET_CONFIG);
void (*net_notify)(enum net_event e, struct netdev *d, const void *what);

#define HASH_SIZE 32
static struct ifaddr *local_addrs[HASH_SIZE]; /* [R] */

static unsigned hash_of(const struct inaddr *a)
{
    return inaddr_hash(a) % HASH_SIZE;
}

struct ifaddr *addr_find(const struct inaddr *a, int dev)
{
    for (struct ifaddr *i = atomic_load_acquire(&local_addrs[hash_of(a)]); i;
         i = atomic_load_acquire(&i->hash_next))
        if (inaddr_eq(&i->addr, a) && (!dev || i->netif->dev->index == dev))
            return i;
    return NULL;
}

/* The last address of some subnet of ours. */
static bool is_subnet_broadcast(const struct inaddr *a, int dev)
{
    for (struct netdev *d = netdev_next(NULL); d; d = netdev_next(d)) {
        if ((dev && d->index != dev) || !d->net || d->features & NETDEV_LOOP)
            continue;
        for (struct ifaddr *i = atomic_load_acquire(&netif_of(d)->addrs); i;
             i = atomic_load_acquire(&i->next)) {
            uint32_t host;

            if (!inaddr_is_v4(&i->addr))
                continue;
            host = i->plen < PLEN_V4(31) ? be32(0xffffffff >> (i->plen - 96)) : 0;
            if (host && a->w[3] == ((i->addr.w[3] & ~host) | host))
                return true;
            if (inaddr_eq(&i->bcast, a))
                return true;
        }
    }
    return false;
}

enum inaddr_kind ip_kind(const struct inaddr *a, int dev)
{
    struct ifaddr *i;

    if (inaddr_is_v4(a) && a->b[12] == 127) /* the whole of 127.0.0.0/8 */
        return !dev || dev == 1 ? KIND_LOCAL : KIND_REMOTE;
    i = addr_find(a, dev);
    if (i)
        return addr_usable(i) ? KIND_LOCAL : KIND_REMOTE;
    if (inaddr_is_multicast(a))
        return KIND_MULTICAST;
    if (inaddr_is_any(a))
        return KIND_ANY;
    if (!inaddr_is_v4(a))
        return KIND_REMOTE;
    return inaddr_is_broadcast4(a) || is_subnet_broadcast(a, dev) ? KIND_BROADCAST : KIND_REMOTE;
}

/* How much of their beginnings two addresses share, in bits. */
static unsigned common_bits(const struct inaddr *a, const struct inaddr *b)
{
    for (unsigned i = 0; i < 4; i++)
        if (a->w[i] != b->w[i])
            return i * 32 + __builtin_clz(be32(a->w[i] ^ b->w[i]));
    return 128;
}

static unsigned scope6(const struct inaddr *a)
{
    if (inaddr_is_multicast(a))
        return a->b[1] & 15;
    if (inaddr_is_linklocal6(a) || inaddr_is_loopback(a))
        return 2;
    return 14;
}

/* RFC 6724 §5, rules 2, 3 and 8: is a better than b as a source for dst? */
static bool better6(const struct ifaddr *a, const struct ifaddr *b, const struct inaddr *dst)
{
    unsigned sa = scope6(&a->addr), sb = scope6(&b->addr), sd = scope6(dst);

    if (sa != sb)
        return sa < sb ? sa >= sd : sb < sd;
    if ((a->flags ^ b->flags) & IFA_F_DEPRECATED)
        return !(a->flags & IFA_F_DEPRECATED);
    return common_bits(&a->addr, dst) > common_bits(&b->addr, dst);
}

struct ifaddr *addr_source(struct netdev *d, const struct inaddr *dst)
{
    bool v4 = inaddr_is_v4(dst);
    struct ifaddr *best = NULL;

    if (!d->net)
        return NULL;
    for (struct ifaddr *i = atomic_load_acquire(&netif_of(d)->addrs); i; i = atomic_load_acquire(&i->next)) {
        if (inaddr_is_v4(&i->addr) != v4 || !addr_usable(i))
            continue;
        if (v4 && inaddr_in_prefix(dst, &i->peer, i->plen)) /* on the same subnet */
            return i;
        if (!best || (!v4 && better6(i, best, dst)))
            best = i;
    }
    return best;
}

struct inaddr addr_eui64(const struct netdev *d, const struct inaddr *prefix)
{
    struct inaddr a = *prefix;

    a.b[8] = d->mac[0] ^ 2; /* RFC 4291, appendix A */
    a.b[9] = d->mac[1];
    a.b[10] = d->mac[2];
    a.b[11] = 0xff;
    a.b[12] = 0xfe;
    memcpy(a.b + 13, d->mac + 3, 3);
    return a;
}

/* ---- changes ---- */

static void addr_free(struct rcu_head *h)
{
    kfree(container_of(h, struct ifaddr, rcu));
}

static void notify(enum net_event e, struct ifaddr *a)
{
    if (net_notify)
        net_notify(e, a->netif->dev, a);
}

static struct route prefix_route(const struct ifaddr *a)
{
    return (struct route){
        .prefix = inaddr_mask(&a->peer, a->plen),
        .plen = a->plen,
        .dev = a->netif->dev,
        .src = inaddr_is_v4(&a->addr) ? a->addr : INADDR_ANY6,
        .metric = inaddr_is_v4(&a->addr) ? 0 : 256,
        .type = RTN_UNICAST,
        .scope = inaddr_is_v4(&a->addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
        .protocol = RTPROT_KERNEL,
        .table = RT_TABLE_MAIN,
        .expires_ns = TIME_NEVER,
    };
}

static bool has_prefix_route(const struct ifaddr *a)
{
    return !(a->flags & IFA_F_NOPREFIXROUTE) && a->plen < 128 && !(a->netif->dev->features & NETDEV_LOOP);
}

static void unlink_locked(struct ifaddr *a)
{
    struct ifaddr **link = &a->netif->addrs;

    while (*link != a)
        link = &(*link)->next;
    atomic_store_release(link, a->next);
    link = &local_addrs[hash_of(&a->addr)];
    while (*link != a)
        link = &(*link)->hash_next;
    atomic_store_release(link, a->hash_next);
}

static void del_locked(struct ifaddr *a)
{
    struct netdev *d = a->netif->dev;
    bool shared = false;

    unlink_locked(a);
    a->dead = true;
    for (struct ifaddr *i = a->netif->addrs; i; i = i->next)
        shared |= i->plen == a->plen && inaddr_in_prefix(&i->peer, &a->peer, a->plen);
    if (has_prefix_route(a) && !shared) {
        struct route r = prefix_route(a);

        route_del_locked(&r);
    }
    net_timer_cancel(&a->timer);
    dst_invalidate();
    notify(NET_EVENT_ADDR_DEL, a);
    if (!inaddr_is_v4(&a->addr) && !(d->features & NETDEV_LOOP))
        nd_address_gone(d, &a->addr);
    rcu_defer(&a->rcu, addr_free);
}

/* The address may come to the end of its preferred or valid time; net_lock held. */
static void lifetimes_locked(struct ifaddr *a, uint64_t now)
{
    uint64_t next = MIN(a->valid_until_ns, a->preferred_until_ns);

    if (a->valid_until_ns <= now) {
        del_locked(a);
        return;
    }
    if (a->preferred_until_ns <= now) {
        a->flags |= IFA_F_DEPRECATED;
        next = a->valid_until_ns;
    } else {
        a->flags &= ~IFA_F_DEPRECATED;
    }
    if (next != TIME_NEVER)
        net_timer_arm(&a->timer, next);
}

static void addr_timer(struct net_timer *t)
{
    struct ifaddr *a = container_of(t, struct ifaddr, timer);
    struct inaddr probe = a->addr;
    struct netdev *d = a->netif->dev;
    bool send = false;

    spin_lock(&net_lock);
    if (a->dead) {
        spin_unlock(&net_lock);
        return;
    }
    if (a->flags & IFA_F_TENTATIVE && a->dad_left) {
        a->dad_left--;
        send = true;
        net_timer_arm(t, clock_mono_ns() + a->netif->retrans_ms * NSEC_PER_MS);
    } else {
        if (a->flags & IFA_F_TENTATIVE) { /* nobody objected */
            a->flags &= ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
            dst_invalidate();
            notify(NET_EVENT_ADDR_NEW, a);
        }
        lifetimes_locked(a, clock_mono_ns());
    }
    spin_unlock(&net_lock);
    if (send)
        nd_probe_address(d, &probe);
}

void addr_duplicate(struct netdev *d, const struct inaddr *addr)
{
    struct ifaddr *a;

    spin_lock(&net_lock);
    a = addr_find(addr, d->index);
    if (a && a->flags & IFA_F_TENTATIVE) {
        log_warn("%s: an IPv6 address is in use by another machine", d->name);
        a->flags = (a->flags & ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) | IFA_F_DADFAILED;
        net_timer_cancel(&a->timer);
        dst_invalidate();
        notify(NET_EVENT_ADDR_NEW, a);
    }
    spin_unlock(&net_lock);
}

static uint64_t from_now(uint64_t now, uint64_t ns)
{
    return ns == TIME_NEVER || now + ns < now ? TIME_NEVER : now + ns;
}

/* Lists it; net_lock held. 0 or -EEXIST. */
static int add_locked(struct ifaddr *a)
{
    struct ifaddr **end = &a->netif->addrs, **bucket = &local_addrs[hash_of(&a->addr)];
    struct ifaddr *i = addr_find(&a->addr, a->netif->dev->index);

    if (i && (i->plen == a->plen || !inaddr_is_v4(&a->addr)))
        return -EEXIST;
    while (*end) {
        if (inaddr_is_v4(&a->addr) && inaddr_is_v4(&(*end)->addr) && (*end)->plen == a->plen &&
            inaddr_in_prefix(&a->addr, &(*end)->addr, a->plen))
            a->flags |= IFA_F_SECONDARY;
        end = &(*end)->next;
    }
    a->hash_next = *bucket;
    atomic_store_release(bucket, a);
    atomic_store_release(end, a);
    if (has_prefix_route(a) && !(a->flags & IFA_F_SECONDARY)) {
        struct route r = prefix_route(a);

        route_add_locked(&r, true); /* without it there is still the address */
    }
    if (a->flags & IFA_F_TENTATIVE)
        net_timer_arm(&a->timer, clock_mono_ns());
    else
        lifetimes_locked(a, clock_mono_ns());
    dst_invalidate();
    notify(NET_EVENT_ADDR_NEW, a);
    return 0;
}

int addr_add(struct netdev *d, const struct addr_spec *s)
{
    bool v6 = !inaddr_is_v4(&s->addr);
    uint64_t now = clock_mono_ns();
    struct ifaddr *a;
    int err;

    if (s->plen > 128 || (!v6 && s->plen < 96) || inaddr_is_multicast(&s->addr) || inaddr_is_any(&s->addr) ||
        !d->net)
        return -EINVAL;
    a = kzalloc(sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->netif = netif_of(d);
    a->addr = s->addr;
    a->peer = inaddr_is_any(&s->peer) ? s->addr : s->peer;
    a->bcast = s->bcast;
    a->plen = s->plen;
    a->scope = s->scope;
    str_copy(a->label, s->label[0] ? s->label : d->name, sizeof(a->label));
    a->flags = s->flags;
    a->created_ns = now;
    a->valid_until_ns = from_now(now, s->valid_ns);
    a->preferred_until_ns = from_now(now, s->preferred_ns);
    if (a->valid_until_ns == TIME_NEVER)
        a->flags |= IFA_F_PERMANENT;
    net_timer_init(&a->timer, addr_timer);
    if (v6 && !(d->features & NETDEV_LOOP)) {
        err = nd_address_new(d, &s->addr);
        if (err)
            goto free_a;
        if (!(s->flags & IFA_F_NODAD)) {
            a->flags |= IFA_F_TENTATIVE;
            a->dad_left = 1;
        }
    }
    spin_lock(&net_lock);
    err = add_locked(a);
    if (err && v6 && !(d->features & NETDEV_LOOP))
        nd_address_gone(d, &s->addr);
    spin_unlock(&net_lock);
    if (!err) {
        if (!v6)
            arp_announce(d, &s->addr);
        return 0;
    }
free_a:
    kfree(a);
    return err;
}

int addr_del(struct netdev *d, const struct inaddr *addr, uint8_t plen)
{
    int err = -EADDRNOTAVAIL;

    spin_lock(&net_lock);
    for (struct ifaddr *a = d->net ? netif_of(d)->addrs : NULL; a; a = a->next)
        if (a->plen == plen && inaddr_eq(&a->addr, addr)) {
            del_locked(a);
            err = 0;
            break;
        }
    spin_unlock(&net_lock);
    return err;
}

int addr_renew(struct netdev *d, const struct inaddr *addr, uint64_t valid_ns, uint64_t preferred_ns)
{
    uint64_t now = clock_mono_ns();
    struct ifaddr *a;

    spin_lock(&net_lock);
    a = addr_find(addr, d->index);
    if (a) {
        a->valid_until_ns = from_now(now, valid_ns);
        a->preferred_until_ns = from_now(now, preferred_ns);
        if (!(a->flags & IFA_F_TENTATIVE))
            lifetimes_locked(a, now);
    }
    spin_unlock(&net_lock);
    return a ? 0 : -EADDRNOTAVAIL;
}
