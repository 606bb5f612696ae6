/* SPDX-License-Identifier: BSD-2-Clause */
/* mcast.c: the groups a device listens to, counted by their users, and when to report them. */
#include "net/mcast.h"
#include "abi/errno.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define REPORTS   2                  /* unsolicited: the first may be lost */
#define REPORT_NS (1 * NSEC_PER_SEC) /* between them, at most */
#define MAX_BATCH 16

static const struct inaddr all_nodes6 = { .b = { 0xff, 2, [15] = 1 } };

static bool is_all_nodes(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? a->w[3] == be32(0xe0000001) : inaddr_eq(a, &all_nodes6);
}

void ethernet_multicast(const struct inaddr *a, uint8_t mac[6])
{
    if (inaddr_is_v4(a)) { /* RFC 1112 §6.4 */
        mac[0] = 1;
        mac[1] = 0;
        mac[2] = 0x5e;
        mac[3] = a->b[13] & 0x7f;
        mac[4] = a->b[14];
        mac[5] = a->b[15];
    } else { /* RFC 2464 §7 */
        mac[0] = mac[1] = 0x33;
        memcpy(mac + 2, a->b + 12, 4);
    }
}

bool group_member(const struct netdev *d, const struct inaddr *a)
{
    if (is_all_nodes(a) || d == loopback_dev)
        return true;
    if (!inaddr_is_v4(a) && (a->b[1] & 15) == 1) /* ff01::/16: this machine */
        return true;
    if (!d->net)
        return false;
    for (struct mc_group *g = atomic_load_acquire(&netif_of(d)->groups); g; g = atomic_load_acquire(&g->next))
        if (inaddr_eq(&g->addr, a))
            return true;
    return false;
}

static void report(struct netdev *d, const struct inaddr *a, bool leave)
{
    if (d->features & NETDEV_LOOP || !d->link_up)
        return;
    if (inaddr_is_v4(a))
        igmp_report(d, a, leave);
    else
        mld_report(d, a, leave);
}

/* net_lock held */
static void arm(struct netif *n)
{
    uint64_t first = TIME_NEVER;

    for (struct mc_group *g = n->groups; g; g = g->next)
        first = MIN(first, g->report_ns);
    if (first != TIME_NEVER)
        net_timer_arm(&n->group_timer, first);
}

static void group_timer(struct net_timer *t)
{
    struct netif *n = container_of(t, struct netif, group_timer);
    struct inaddr due[MAX_BATCH];
    unsigned nr = 0;
    uint64_t now = clock_mono_ns();

    spin_lock(&net_lock);
    for (struct mc_group *g = n->groups; g && nr < MAX_BATCH; g = g->next)
        if (g->report_ns <= now) {
            due[nr++] = g->addr;
            g->report_ns = TIME_NEVER;
            if (g->reports && --g->reports)
                g->report_ns = now + random_u64() % REPORT_NS;
        }
    arm(n);
    spin_unlock(&net_lock);
    for (unsigned i = 0; i < nr; i++)
        report(n->dev, &due[i], false);
}

void mcast_init_netif(struct netif *n)
{
    net_timer_init(&n->group_timer, group_timer);
}

int group_join(struct netdev *d, const struct inaddr *a)
{
    struct netif *n = netif_of(d);
    struct mc_group *fresh = kzalloc(sizeof(*fresh)), *g;

    if (!fresh)
        return -ENOMEM;
    spin_lock(&net_lock);
    for (g = n->groups; g && !inaddr_eq(&g->addr, a); g = g->next)
        ;
    if (g) {
        g->users++;
    } else {
        fresh->addr = *a;
        fresh->users = 1;
        fresh->report_ns = TIME_NEVER;
        if (!is_all_nodes(a)) {
            fresh->reports = REPORTS;
            fresh->report_ns = clock_mono_ns();
        }
        fresh->next = n->groups;
        atomic_store_release(&n->groups, fresh);
        fresh = NULL;
        if (!(d->features & NETDEV_LOOP))
            arm(n);
    }
    spin_unlock(&net_lock);
    kfree(fresh);
    return 0;
}

void mcast_link_up(struct netif *n)
{
    spin_lock(&net_lock);
    for (struct mc_group *g = n->groups; g; g = g->next)
        if (!is_all_nodes(&g->addr)) {
            g->reports = REPORTS;
            g->report_ns = clock_mono_ns();
        }
    arm(n);
    spin_unlock(&net_lock);
}

static void group_free(struct rcu_head *h)
{
    kfree(container_of(h, struct mc_group, rcu));
}

void group_leave(struct netdev *d, const struct inaddr *a)
{
    struct mc_group **link = &netif_of(d)->groups, *g;
    bool last = false;

    spin_lock(&net_lock);
    for (; (g = *link); link = &g->next)
        if (inaddr_eq(&g->addr, a)) {
            last = !--g->users;
            if (last) {
                atomic_store_release(link, g->next);
                rcu_defer(&g->rcu, group_free);
            }
            break;
        }
    spin_unlock(&net_lock);
    if (last && !is_all_nodes(a))
        report(d, a, true);
}

void mcast_query(struct netdev *d, const struct inaddr *group, bool v4, unsigned max_ms)
{
    struct netif *n = netif_of(d);
    uint64_t now = clock_mono_ns();

    spin_lock(&net_lock);
    for (struct mc_group *g = n->groups; g; g = g->next) {
        uint64_t at = now + random_u64() % (max_ms * NSEC_PER_MS + 1);

        if (inaddr_is_v4(&g->addr) != v4 || is_all_nodes(&g->addr) ||
            (!inaddr_is_any(group) && !inaddr_eq(group, &g->addr)))
            continue;
        g->report_ns = MIN(g->report_ns, at);
    }
    arm(n);
    spin_unlock(&net_lock);
}
