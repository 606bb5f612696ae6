/* SPDX-License-Identifier: BSD-2-Clause */
/* option.c: options of level SOL_PACKET. */
#include "abi/errno.h"
#include "kernel/netdev.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/netif.h"
#include "net/packet/packet.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* ---- memberships ---- */

/* What a membership asks of the device. All multicasts come in whoever asks. */
static void count_wish(int ifindex, unsigned type, int by)
{
    struct netdev *d = netdev_by_index(ifindex);

    if (!d || !d->net)
        return;
    spin_lock(&net_lock);
    if (type == PACKET_MR_PROMISC)
        netif_of(d)->promiscuity += by;
    else if (type == PACKET_MR_ALLMULTI)
        netif_of(d)->allmulti += by;
    spin_unlock(&net_lock);
}

static struct packet_member **find_member(struct packet_sock *k, const struct packet_mreq *r)
{
    struct packet_member **link = &k->members;

    while (*link && ((*link)->ifindex != r->mr_ifindex || (*link)->type != r->mr_type ||
                     (*link)->alen != r->mr_alen || memcmp((*link)->addr, r->mr_address, r->mr_alen)))
        link = &(*link)->next;
    return link;
}

static int join(struct packet_sock *k, const struct packet_mreq *r)
{
    struct netdev *d = netdev_by_index(r->mr_ifindex);
    struct packet_member **link, *n;

    if (!d || !d->net)
        return -ENODEV;
    if (r->mr_alen > ETH_ALEN)
        return -EINVAL;
    link = find_member(k, r);
    if (*link) {
        (*link)->count++;
        return 0;
    }
    if ((r->mr_type == PACKET_MR_MULTICAST || r->mr_type == PACKET_MR_UNICAST) && r->mr_alen != ETH_ALEN)
        return -EINVAL;
    n = kzalloc(sizeof(*n));
    if (!n)
        return -ENOBUFS;
    n->ifindex = r->mr_ifindex;
    n->type = r->mr_type;
    n->alen = r->mr_alen;
    memcpy(n->addr, r->mr_address, r->mr_alen);
    n->count = 1;
    *link = n;
    /* Another's unicasts are filtered by the device, which has one address: it must see all. */
    count_wish(n->ifindex, n->type == PACKET_MR_UNICAST ? PACKET_MR_PROMISC : n->type, 1);
    return 0;
}

static void end_member(struct packet_member **link)
{
    struct packet_member *n = *link;

    *link = n->next;
    count_wish(n->ifindex, n->type == PACKET_MR_UNICAST ? PACKET_MR_PROMISC : n->type, -1);
    kfree(n);
}

static int leave(struct packet_sock *k, const struct packet_mreq *r)
{
    struct packet_member **link;

    if (r->mr_alen > ETH_ALEN)
        return 0;
    link = find_member(k, r);
    if (*link && !--(*link)->count)
        end_member(link);
    return 0;
}

void packet_leave_all(struct packet_sock *k)
{
    while (k->members)
        end_member(&k->members);
}

static int change_member(struct packet_sock *k, int name, const void *val, unsigned len)
{
    struct packet_mreq r;
    int err;

    if (len < sizeof(r))
        return -EINVAL;
    memcpy(&r, val, sizeof(r));
    if (len < r.mr_alen + offsetof(struct packet_mreq, mr_address))
        return -EINVAL;
    mutex_lock(&k->s.writer);
    err = name == PACKET_ADD_MEMBERSHIP ? join(k, &r) : leave(k, &r);
    mutex_unlock(&k->s.writer);
    return err;
}

/* ---- numbers ---- */

/* Options that are a flag: where it is, or NULL. */
static bool *flag_of(struct packet_sock *k, int name)
{
    switch (name) {
    case PACKET_AUXDATA:
        return &k->auxdata;
    case PACKET_ORIGDEV:
        return &k->origdev;
    case PACKET_LOSS:
        return &k->loss;
    case PACKET_TX_HAS_OFF:
        return &k->tx_has_off;
    case PACKET_QDISC_BYPASS: /* there is none */
        return &k->qdisc_bypass;
    case PACKET_IGNORE_OUTGOING:
        return &k->ignore_outgoing;
    }
    return NULL;
}

static int set_number(struct packet_sock *k, int name, int n)
{
    bool rings = k->rx_ring.pages || k->tx_ring.pages;
    bool *flag = flag_of(k, name);

    switch (name) {
    case PACKET_VERSION:
        if (n < TPACKET_V1 || n > TPACKET_V3)
            return -EINVAL;
        if (rings)
            return -EBUSY;
        k->version = n;
        return 0;
    case PACKET_RESERVE:
        if (n < 0)
            return -EINVAL;
        if (rings)
            return -EBUSY;
        k->reserve = n;
        return 0;
    case PACKET_LOSS:
        if (rings)
            return -EBUSY;
        break;
    case PACKET_TX_HAS_OFF:
        if (rings)
            return 0;
        break;
    case PACKET_TIMESTAMP:
        k->time_source = n;
        return 0;
    case PACKET_IGNORE_OUTGOING:
        if (n != 0 && n != 1)
            return -EINVAL;
    }
    if (!flag)
        return -ENOPROTOOPT;
    *flag = n;
    return 0;
}

static bool known(struct packet_sock *k, int name)
{
    return flag_of(k, name) || name == PACKET_VERSION || name == PACKET_RESERVE || name == PACKET_TIMESTAMP;
}

int packet_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len)
{
    struct packet_sock *k = packet_of(s);
    int n, err;

    if (level != SOL_PACKET)
        return -ENOPROTOOPT;
    if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
        return change_member(k, name, val, len);
    if (name == PACKET_RX_RING || name == PACKET_TX_RING) {
        mutex_lock(&s->writer);
        err = ring_set(k, name == PACKET_TX_RING, val, len);
        mutex_unlock(&s->writer);
        return err;
    }
    if (name == PACKET_FANOUT || name == PACKET_FANOUT_DATA) {
        mutex_lock(&s->writer);
        err = name == PACKET_FANOUT ? fanout_join(k, val, len) : fanout_set_data(k, val, len);
        mutex_unlock(&s->writer);
        return err;
    }
    if (!known(k, name))
        return -ENOPROTOOPT;
    if (len < sizeof(n) || (len != sizeof(n) && (name == PACKET_VERSION || name == PACKET_RESERVE)))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    mutex_lock(&s->writer);
    err = set_number(k, name, n);
    mutex_unlock(&s->writer);
    return err;
}

static int get_stats(struct packet_sock *k, void *val, unsigned *len)
{
    struct tpacket_stats_v3 st;

    spin_lock(&k->lock);
    st.tp_packets = k->packets + k->drops;
    st.tp_drops = k->drops;
    st.tp_freeze_q_cnt = k->rx_ring.freezes;
    k->packets = k->drops = k->rx_ring.freezes = 0;
    spin_unlock(&k->lock);
    *len = MIN(*len, (unsigned)(k->version == TPACKET_V3 ? sizeof(st) : sizeof(struct tpacket_stats)));
    memcpy(val, &st, *len);
    return 0;
}

/* The length of a version's header: the version is what the program puts there. */
static int get_hdrlen(void *val, unsigned *len)
{
    int n;

    if (*len < sizeof(n))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    n = ring_hdrlen(n);
    if (n < 0)
        return n;
    memcpy(val, &n, *len = sizeof(n));
    return 0;
}

int packet_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len)
{
    struct packet_sock *k = packet_of(s);
    bool *flag = flag_of(k, name);
    int n;

    if (level != SOL_PACKET)
        return -ENOPROTOOPT;
    if (name == PACKET_STATISTICS)
        return get_stats(k, val, len);
    if (name == PACKET_HDRLEN)
        return get_hdrlen(val, len);
    if (name == PACKET_ROLLOVER_STATS)
        return fanout_stats(k, val, len);
    if (!known(k, name) && name != PACKET_FANOUT)
        return -ENOPROTOOPT;
    n = flag                     ? *flag
        : name == PACKET_FANOUT  ? fanout_get(k)
        : name == PACKET_VERSION ? k->version
        : name == PACKET_RESERVE ? (int)k->reserve
                                 : (int)k->time_source;
    *len = MIN(*len, (unsigned)sizeof(n));
    memcpy(val, &n, *len);
    return 0;
}
