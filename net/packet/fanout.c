/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fanout.c: PACKET_FANOUT: sockets bound alike form a group, and each frame is for one of them.
 *
 * The members stay in the list of all sockets; when a frame comes to the first of a group, the group chooses. Softirqs read
 * the members under rcu_read_lock(): none but sockets that are hooked, and who unhooks waits them out.
 */
#include "abi/errno.h"
#include "kernel/cpu.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/byteorder.h"
#include "lib/string.h"
#include "net/filter.h"
#include "net/packet/packet.h"
#include <linux/if_ether.h>
#include <linux/in.h>

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

#define MEMBERS     256 /* when nothing is said */
#define MEMBERS_MAX 65536

struct packet_fanout {
    struct packet_fanout *next;
    uint16_t id, flags; /* PACKET_FANOUT_FLAG_* */
    uint8_t type;
    uint16_t num; /* what all are bound to */
    int ifindex;
    uint32_t max, users;                /* sockets that joined [fanout_mutex] */
    uint32_t nr;                        /* of them those that are hooked [fanout_mutex to change, a] */
    uint32_t turn;                      /* of PACKET_FANOUT_LB [a] */
    struct filter *filter;              /* of PACKET_FANOUT_CBPF; NULL: the first member [R] */
    uint64_t rolled_all, rolled_failed; /* [a] */
    struct rcu_head rcu;
    struct packet_sock *member[]; /* they [R] */
};

static struct mutex fanout_mutex = MUTEX_INIT(fanout_mutex, RANK_FS);
static struct packet_fanout *groups; /* [fanout_mutex] */

/* ---- choosing ---- */

static uint32_t mix(uint32_t h, uint32_t v)
{
    return (h ^ v) * 0x9e3779b1u;
}

static uint32_t hash_bytes(const struct pktbuf *p, uint32_t off, uint32_t len)
{
    uint32_t h = 0, v;

    for (; len >= 4 && pktbuf_copy_out(p, off, &v, 4); off += 4, len -= 4)
        h += mix(0x811c9dc5u, v); /* a sum: both directions of a flow are one */
    return h;
}

/* Addresses and, unless it is fragmented, ports. */
static uint32_t flow_hash(const struct packet_frame *f)
{
    const struct pktbuf *p = f->p;
    uint32_t net = f->link + ETH_HLEN, h;
    uint8_t b[40];

    if (f->protocol == ETH_P_IP && pktbuf_copy_out(p, net, b, 20)) {
        h = hash_bytes(p, net + 12, 8);
        if (!(get_be16(b + 6) & 0x3fff) && (b[9] == IPPROTO_TCP || b[9] == IPPROTO_UDP)) {
            uint8_t ports[4];

            if (pktbuf_copy_out(p, net + (b[0] & 15) * 4, ports, 4))
                h += mix(1, get_be16(ports)) + mix(1, get_be16(ports + 2));
        }
    } else if (f->protocol == ETH_P_IPV6 && pktbuf_copy_out(p, net, b, 40)) {
        uint8_t ports[4];

        h = hash_bytes(p, net + 8, 32);
        if ((b[6] == IPPROTO_TCP || b[6] == IPPROTO_UDP) && pktbuf_copy_out(p, net + 40, ports, 4))
            h += mix(1, get_be16(ports)) + mix(1, get_be16(ports + 2));
    } else {
        h = f->protocol;
    }
    return mix(h, h >> 16);
}

static uint32_t filter_says(const struct packet_fanout *g, const struct packet_frame *f)
{
    const struct filter *prog = atomic_load_acquire(&g->filter);
    int32_t base = f->link + ETH_HLEN;
    struct bpf_packet b;

    if (!prog)
        return 0;
    bpf_packet_of(&b, f->p, -base); /* from the network header on, as Linux */
    b.link = -ETH_HLEN;
    b.network = 0;
    b.protocol = f->protocol;
    b.pkttype = f->pkttype;
    return bpf_run(prog->insns, &b);
}

static bool has_room(struct packet_sock *k)
{
    return k->rx_ring.pages ? ring_has_room(k) : READ_ONCE(k->rx_bytes) < READ_ONCE(k->s.rcvbuf);
}

/* The next member with room behind the one at i, if that has none; the one at i when nobody has. */
static struct packet_sock *roll_over(struct packet_fanout *g, uint32_t i, uint32_t nr)
{
    struct packet_sock *k = atomic_load_acquire(&g->member[i]);

    if (has_room(k))
        return k;
    atomic_inc(&g->rolled_all);
    for (uint32_t n = 1; n < nr; n++) {
        struct packet_sock *other = atomic_load_acquire(&g->member[(i + n) % nr]);

        if (has_room(other))
            return other;
    }
    atomic_inc(&g->rolled_failed);
    return k;
}

struct packet_sock *fanout_choose(struct packet_sock *k, const struct packet_frame *f)
{
    struct packet_fanout *g = k->fanout;
    uint32_t nr = READ_ONCE(g->nr), i = 0;

    if (!nr || atomic_load_acquire(&g->member[0]) != k)
        return NULL;
    if (f->pkttype == PACKET_OUTGOING && g->flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING)
        return NULL;
    switch (g->type) {
    case PACKET_FANOUT_HASH:
        i = (uint64_t)flow_hash(f) * nr >> 32;
        break;
    case PACKET_FANOUT_LB:
        i = __atomic_add_fetch(&g->turn, 1, __ATOMIC_RELAXED) % nr;
        break;
    case PACKET_FANOUT_CPU:
        i = this_cpu()->id % nr;
        break;
    case PACKET_FANOUT_RND:
        i = random_u64() % nr;
        break;
    case PACKET_FANOUT_QM:
        i = f->p->queue % nr;
        break;
    case PACKET_FANOUT_CBPF:
        i = filter_says(g, f) % nr;
        break;
    }
    if (g->type == PACKET_FANOUT_ROLLOVER || g->flags & PACKET_FANOUT_FLAG_ROLLOVER)
        return roll_over(g, i, nr);
    return atomic_load_acquire(&g->member[i]);
}

/* ---- joining and leaving ---- */

static struct packet_fanout *find_group(uint16_t id)
{
    struct packet_fanout *g = groups;

    while (g && g->id != id)
        g = g->next;
    return g;
}

static bool free_id(uint16_t *id)
{
    for (uint32_t i = 0; i < 65536; i++)
        if (!find_group(i)) {
            *id = i;
            return true;
        }
    return false;
}

static struct packet_fanout *group_new(const struct packet_sock *k, uint16_t id, uint8_t type, uint16_t flags,
                                       uint32_t max)
{
    struct packet_fanout *g = kzalloc(sizeof(*g) + max * sizeof(g->member[0]));

    if (!g)
        return NULL;
    g->id = id;
    g->type = type;
    g->flags = flags;
    g->num = k->num;
    g->ifindex = k->ifindex;
    g->max = max;
    g->next = groups;
    groups = g;
    return g;
}

static void link_member(struct packet_fanout *g, struct packet_sock *k)
{
    atomic_store(&g->member[g->nr], k);
    atomic_store_release(&g->nr, g->nr + 1);
}

void fanout_hooked(struct packet_sock *k)
{
    mutex_lock(&fanout_mutex);
    link_member(k->fanout, k);
    mutex_unlock(&fanout_mutex);
}

void fanout_unhooked(struct packet_sock *k)
{
    struct packet_fanout *g = k->fanout;
    uint32_t i = 0;

    mutex_lock(&fanout_mutex);
    while (g->member[i] != k)
        i++;
    atomic_store_release(&g->member[i], g->member[g->nr - 1]);
    atomic_store_release(&g->nr, g->nr - 1);
    mutex_unlock(&fanout_mutex);
}

static int join(struct packet_sock *k, uint16_t id, uint8_t type, uint16_t flags, uint32_t max)
{
    struct packet_fanout *g;

    if (k->fanout)
        return -EALREADY;
    if (flags & PACKET_FANOUT_FLAG_UNIQUEID) {
        if (id)
            return -EINVAL;
        if (!free_id(&id))
            return -ENOMEM;
        flags &= ~PACKET_FANOUT_FLAG_UNIQUEID;
    }
    g = find_group(id);
    if (g ? g->flags != flags || (max && max != g->max) : max > MEMBERS_MAX)
        return -EINVAL;
    if (!k->num || (g && (g->type != type || g->num != k->num || g->ifindex != k->ifindex)))
        return -EINVAL;
    if (g && g->users >= g->max)
        return -ENOSPC;
    if (!g)
        g = group_new(k, id, type, flags, max ? max : MEMBERS);
    if (!g)
        return -ENOMEM;
    g->users++;
    atomic_store_release(&k->fanout, g);
    if (k->hooked)
        link_member(g, k);
    return 0;
}

int fanout_join(struct packet_sock *k, const void *val, unsigned len)
{
    struct fanout_args a = { .max_num_members = 0 };
    uint8_t type;
    uint16_t flags;
    int err;

    if (len != 4 && len != sizeof(a))
        return -EINVAL;
    memcpy(&a, val, len);
    type = a.type_flags & 0xff;
    flags = a.type_flags & 0xff00;
    if (type > PACKET_FANOUT_EBPF || (type == PACKET_FANOUT_ROLLOVER && flags & PACKET_FANOUT_FLAG_ROLLOVER))
        return -EINVAL;
    mutex_lock(&fanout_mutex);
    err = join(k, a.id, type, flags, a.max_num_members);
    mutex_unlock(&fanout_mutex);
    return err;
}

static void group_free(struct rcu_head *h)
{
    struct packet_fanout *g = container_of(h, struct packet_fanout, rcu);

    kfree(g->filter);
    kfree(g);
}

void fanout_leave(struct packet_sock *k)
{
    struct packet_fanout *g = k->fanout, **link = &groups;

    if (likely(!g))
        return;
    mutex_lock(&fanout_mutex);
    if (!--g->users) {
        while (*link != g)
            link = &(*link)->next;
        *link = g->next;
        rcu_defer(&g->rcu, group_free);
    }
    mutex_unlock(&fanout_mutex);
}

/* ---- options ---- */

int fanout_set_data(struct packet_sock *k, const void *val, unsigned len)
{
    struct packet_fanout *g = k->fanout;
    struct filter *f;

    if (!g || g->type != PACKET_FANOUT_CBPF)
        return -EINVAL;
    if (k->s.filter_locked)
        return -EPERM;
    f = filter_read(val, len);
    if (IS_ERR(f))
        return PTR_ERR(f);
    filter_replace(&g->filter, f);
    return 0;
}

int fanout_get(const struct packet_sock *k)
{
    const struct packet_fanout *g = k->fanout;

    return g ? g->id | g->type << 16 | (int)((uint32_t)g->flags << 16) : 0;
}

int fanout_stats(struct packet_sock *k, void *val, unsigned *len)
{
    struct packet_fanout *g = k->fanout;
    struct tpacket_rollover_stats st;

    if (!g || !(g->type == PACKET_FANOUT_ROLLOVER || g->flags & PACKET_FANOUT_FLAG_ROLLOVER))
        return -EINVAL;
    st.tp_all = READ_ONCE(g->rolled_all);
    st.tp_huge = 0; /* no flow is told from the others by its size */
    st.tp_failed = READ_ONCE(g->rolled_failed);
    *len = MIN(*len, (unsigned)sizeof(st));
    memcpy(val, &st, *len);
    return 0;
}
