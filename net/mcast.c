/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mcast.c: the groups a device listens to, from which sources, by their users; and when routers are told.
 *
 * Each change is reported as often as the link's robustness says, each time as things stand then (RFC 9776 §5.1). A group
 * whose last user left stays listed without users until its end has been reported.
 */
#include "net/mcast.h"
#include "abi/errno.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define ROBUSTNESS 2
#define CHANGE_NS  (1 * NSEC_PER_SEC)   /* between reports of a change, at most */
#define OLDER_NS   (260 * NSEC_PER_SEC) /* an older router counts for so long: 2 * 125 s + 10 s */
#define MAX_BATCH  16
#define MAX_ASKED  256 /* sources listed because a router asks about them */

static const struct inaddr all_nodes6 = { .b = { 0xff, 2, [15] = 1 } };
const struct mc_filter mc_any = { .exclude = true };

static bool is_all_nodes(const struct inaddr *a)
{
    return inaddr_is_v4(a) ? a->w[3] == be32(0xe0000001) : inaddr_eq(a, &all_nodes6);
}

/* Nobody is told of those that everybody listens to, nor of what stays in this machine. */
static bool is_reported(const struct inaddr *a)
{
    return !is_all_nodes(a) && (inaddr_is_v4(a) || (a->b[1] & 15) > 1);
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

/* ---- who listens ---- */

static struct mc_source *find_source(struct mc_sources *list, const struct inaddr *a)
{
    for (unsigned i = 0; list && i < list->nr; i++)
        if (inaddr_eq(&list->s[i].addr, a))
            return &list->s[i];
    return NULL;
}

static struct mc_group *find_group(const struct netdev *d, const struct inaddr *a)
{
    struct mc_group *g = atomic_load_acquire(&netif_of(d)->groups);

    while (g && !inaddr_eq(&g->addr, a))
        g = atomic_load_acquire(&g->next);
    return g;
}

static bool always(const struct netdev *d, const struct inaddr *a)
{
    return is_all_nodes(a) || d == loopback_dev ||
           (!inaddr_is_v4(a) && (a->b[1] & 15) == 1); /* ff01::/16: this machine */
}

bool group_member(const struct netdev *d, const struct inaddr *a)
{
    struct mc_group *g;

    if (always(d, a))
        return true;
    g = d->net ? find_group(d, a) : NULL;
    return g && READ_ONCE(g->users);
}

bool group_accepts(const struct netdev *d, const struct inaddr *a, const struct inaddr *src)
{
    struct mc_group *g = d->net ? find_group(d, a) : NULL;

    if (!g || !READ_ONCE(g->users))
        return always(d, a);
    return mc_allowed(g, find_source(atomic_load_acquire(&g->sources), src));
}

/* ---- telling routers ---- */

/* net_lock held */
static void arm(struct netif *n)
{
    uint64_t first = MIN(n->routers[0].answer_ns, n->routers[1].answer_ns);

    for (struct mc_group *g = n->groups; g; g = g->next)
        first = MIN(first, MIN(g->report_ns, g->change_ns));
    if (first != TIME_NEVER)
        net_timer_arm(&n->group_timer, first);
}

static void group_free(struct rcu_head *h)
{
    struct mc_group *g = container_of(h, struct mc_group, rcu);

    kfree(g->sources);
    kfree(g);
}

/* Those without users whose end was told of; net_lock held. */
static void sweep(struct netif *n)
{
    struct mc_group **link = &n->groups, *g;

    while ((g = *link))
        if (!g->users && g->change_ns == TIME_NEVER) {
            atomic_store_release(link, g->next);
            rcu_defer(&g->rcu, group_free);
        } else {
            link = &g->next;
        }
}

static bool older_router(const struct mc_routers *r, uint64_t now)
{
    return r->v1_until > now || r->v2_until > now;
}

/* What a change left to say; the next time is set. */
static void add_change(struct mc_report *r, struct mc_group *g, uint64_t now)
{
    bool more = false;

    if (g->left) {
        mc_report_add(r, g->ex ? MC_TO_EX : MC_TO_IN, g, false);
        more = --g->left;
    } else {
        mc_report_add(r, MC_ALLOW, g, false);
        mc_report_add(r, MC_BLOCK, g, false);
    }
    for (unsigned i = 0; g->sources && i < g->sources->nr; i++) {
        struct mc_source *s = &g->sources->s[i];

        if (s->left)
            more |= --s->left > 0;
    }
    g->change_ns = more ? now + random_u64() % CHANGE_NS : TIME_NEVER;
}

static void add_state(struct mc_report *r, struct mc_group *g, bool asked)
{
    if (g->users)
        mc_report_add(r, g->ex && !asked ? MC_IS_EX : MC_IS_IN, g, asked);
}

static void answered(struct mc_group *g)
{
    g->report_ns = TIME_NEVER;
    g->asked = false;
    for (unsigned i = 0; g->sources && i < g->sources->nr; i++)
        g->sources->s[i].asked = false;
}

struct old_report {
    struct inaddr group;
    bool leave, v1;
};

/* One group, to a router of an older version. False: it is not due. */
static bool old_words(struct mc_group *g, struct old_report *o, bool v1, uint64_t now)
{
    if (g->report_ns > now && g->change_ns > now)
        return false;
    if (g->change_ns <= now) {
        g->left = MIN(g->left, (uint8_t)ROBUSTNESS);
        if (g->left)
            g->left--;
        g->change_ns = g->left && g->users ? now + random_u64() % CHANGE_NS : TIME_NEVER;
    }
    answered(g);
    *o = (struct old_report){ g->addr, !g->users, v1 };
    return true;
}

static void group_timer(struct net_timer *t)
{
    struct netif *n = container_of(t, struct netif, group_timer);
    struct old_report old[MAX_BATCH];
    struct mc_report r[2];
    uint64_t now = clock_mono_ns();
    unsigned nr = 0;

    mc_report_init(&r[0], n->dev, false);
    mc_report_init(&r[1], n->dev, true);
    spin_lock(&net_lock);
    for (struct mc_group *g = n->groups; g; g = g->next) {
        bool v6 = !inaddr_is_v4(&g->addr);
        struct mc_routers *m = &n->routers[v6];

        if (!is_reported(&g->addr)) {
            g->change_ns = TIME_NEVER;
            answered(g);
        } else if (older_router(m, now)) {
            if (nr < MAX_BATCH) /* else it stays due */
                nr += old_words(g, &old[nr], m->v1_until > now, now);
        } else {
            if (m->answer_ns <= now)
                add_state(&r[v6], g, false);
            else if (g->report_ns <= now)
                add_state(&r[v6], g, !g->asked);
            if (m->answer_ns <= now || g->report_ns <= now)
                answered(g);
            if (g->change_ns <= now)
                add_change(&r[v6], g, now);
        }
    }
    for (unsigned i = 0; i < 2; i++)
        if (n->routers[i].answer_ns <= now)
            n->routers[i].answer_ns = TIME_NEVER;
    sweep(n);
    arm(n);
    spin_unlock(&net_lock);
    for (unsigned i = 0; i < nr && n->dev->link_up; i++)
        if (inaddr_is_v4(&old[i].group))
            igmp_report(n->dev, &old[i].group, old[i].v1, old[i].leave);
        else
            mld_report(n->dev, &old[i].group, old[i].leave);
    mc_report_send(&r[0]);
    mc_report_send(&r[1]);
}

void mcast_init_netif(struct netif *n)
{
    net_timer_init(&n->group_timer, group_timer);
    for (unsigned i = 0; i < 2; i++)
        n->routers[i] = (struct mc_routers){ .answer_ns = TIME_NEVER, .robustness = ROBUSTNESS };
}

void mcast_link_up(struct netif *n)
{
    spin_lock(&net_lock);
    for (struct mc_group *g = n->groups; g; g = g->next)
        if (is_reported(&g->addr)) {
            g->left = n->routers[!inaddr_is_v4(&g->addr)].robustness;
            g->change_ns = clock_mono_ns();
        }
    arm(n);
    spin_unlock(&net_lock);
}

/* ---- changes ---- */

static void sources_free(struct rcu_head *h)
{
    kfree(container_of(h, struct mc_sources, rcu));
}

/* Lists those of the sources that are not listed yet. 0 or -ENOMEM. */
static int add_sources(struct mc_group *g, const struct inaddr *src, unsigned count)
{
    struct mc_sources *old = g->sources, *list;
    unsigned nr = 0;

    for (unsigned i = 0; i < count; i++)
        nr += !find_source(old, &src[i]);
    if (!nr)
        return 0;
    list = kmalloc(sizeof(*list) + (nr + (old ? old->nr : 0)) * sizeof(list->s[0]));
    if (!list)
        return -ENOMEM;
    list->nr = 0;
    for (unsigned i = 0; old && i < old->nr; i++) /* but for those that mean nothing any more */
        if (old->s[i].in || old->s[i].ex || old->s[i].left || old->s[i].asked)
            list->s[list->nr++] = old->s[i];
    for (unsigned i = 0; i < count; i++)
        if (!find_source(list, &src[i]))
            list->s[list->nr++] = (struct mc_source){ .addr = src[i] };
    atomic_store_release(&g->sources, list);
    if (old)
        rcu_defer(&old->rcu, sources_free);
    return 0;
}

static void count_filter(struct mc_group *g, const struct mc_filter *f, int by)
{
    if (!f)
        return;
    WRITE_ONCE(g->users, g->users + by);
    if (f->exclude)
        WRITE_ONCE(g->ex, g->ex + by);
    for (unsigned i = 0; i < f->nr; i++) {
        struct mc_source *s = find_source(g->sources, &f->src[i]);

        if (f->exclude)
            WRITE_ONCE(s->ex, s->ex + by);
        else
            WRITE_ONCE(s->in, s->in + by);
    }
}

/* The users' filters change: what is now otherwise than before is to be reported. net_lock held. */
static void change(struct netif *n, struct mc_group *g, const struct mc_filter *from,
                   const struct mc_filter *to)
{
    uint8_t times = n->routers[!inaddr_is_v4(&g->addr)].robustness;
    struct mc_sources *list = g->sources;
    uint64_t now = clock_mono_ns();
    bool was_ex = g->ex, changed;

    for (unsigned i = 0; list && i < list->nr; i++)
        list->s[i].was = mc_allowed(g, &list->s[i]);
    count_filter(g, to, 1);
    count_filter(g, from, -1);
    changed = was_ex != !!g->ex;
    if (changed)
        g->left = times;
    for (unsigned i = 0; list && i < list->nr; i++) {
        if (changed)
            list->s[i].left = 0; /* the report of the mode names them all */
        else if (list->s[i].was != mc_allowed(g, &list->s[i]))
            list->s[i].left = times;
        else
            continue;
        g->change_ns = now;
    }
    if (changed)
        g->change_ns = now;
    if (n->dev->features & NETDEV_LOOP || !is_reported(&g->addr))
        g->change_ns = TIME_NEVER;
    sweep(n);
    arm(n);
}

int group_change(struct netdev *d, const struct inaddr *a, const struct mc_filter *from,
                 const struct mc_filter *to)
{
    struct netif *n = netif_of(d);
    struct mc_group *fresh = from ? NULL : kzalloc(sizeof(*fresh)), *g;
    int err = 0;

    if (!from && !fresh)
        return -ENOMEM;
    spin_lock(&net_lock);
    g = find_group(d, a);
    if (!g && fresh) {
        g = fresh;
        g->addr = *a;
        g->report_ns = g->change_ns = TIME_NEVER;
        g->next = n->groups;
        atomic_store_release(&n->groups, g);
        fresh = NULL;
    }
    if (g && to)
        err = add_sources(g, to->src, to->nr);
    if (g && !err)
        change(n, g, from, to);
    else if (g)
        sweep(n);
    spin_unlock(&net_lock);
    kfree(fresh);
    return err;
}

int group_join(struct netdev *d, const struct inaddr *a)
{
    return group_change(d, a, NULL, &mc_any);
}

void group_leave(struct netdev *d, const struct inaddr *a)
{
    group_change(d, a, &mc_any, NULL);
}

void group_leave_locked(struct netdev *d, const struct inaddr *a)
{
    struct mc_group *g = find_group(d, a);

    if (g)
        change(netif_of(d), g, &mc_any, NULL);
}

/* ---- queries ---- */

uint32_t mcast_float(uint32_t code, uint32_t top, unsigned bits)
{
    return code < top ? code : ((code & ((1u << bits) - 1)) | 1u << bits) << ((code >> bits & 7) + 3);
}

/* Which of the group's sources are meant: all of them, also when some cannot be remembered. */
static void note_sources(struct mc_group *g, const struct mc_query *q, bool v6)
{
    if (!q->nr)
        g->asked = true;
    for (unsigned i = 0; i < q->nr && !g->asked; i++) {
        struct inaddr a = inaddr_v4(0);
        struct mc_source *s;

        memcpy(a.b + (v6 ? 0 : 12), q->src + i * (v6 ? 16 : 4), v6 ? 16 : 4);
        s = find_source(g->sources, &a);
        if (!s && g->ex) { /* let through without being named */
            g->asked = (g->sources && g->sources->nr >= MAX_ASKED) || add_sources(g, &a, 1);
            s = find_source(g->sources, &a);
        }
        if (s)
            s->asked = true;
    }
}

void mcast_query(struct netdev *d, bool v6, const struct mc_query *q)
{
    struct netif *n = netif_of(d);
    struct mc_routers *m = &n->routers[v6];
    uint64_t now = clock_mono_ns(), at;

    spin_lock(&net_lock);
    if (q->version == 1)
        m->v1_until = now + OLDER_NS;
    else if (q->version == 2)
        *(v6 ? &m->v1_until : &m->v2_until) = now + OLDER_NS;
    if (q->robustness)
        m->robustness = q->robustness;
    at = now + random_u64() % (q->max_ns + 1);
    if (inaddr_is_any(&q->group) && !older_router(m, now)) {
        m->answer_ns = MIN(m->answer_ns, at);
    } else {
        for (struct mc_group *g = n->groups; g; g = g->next) {
            if (inaddr_is_v4(&g->addr) == v6 || !g->users || !is_reported(&g->addr) ||
                (!inaddr_is_any(&q->group) && !inaddr_eq(&q->group, &g->addr)))
                continue;
            note_sources(g, q, v6);
            g->report_ns = MIN(g->report_ns, now + random_u64() % (q->max_ns + 1));
        }
    }
    arm(n);
    spin_unlock(&net_lock);
}
