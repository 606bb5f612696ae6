/* SPDX-License-Identifier: BSD-2-Clause */
/* send.c: frames of a program's own making. */
#include "abi/errno.h"
#include "lib/checksum.h"
#include "lib/string.h"
#include "net/dgram.h"
#include "net/link.h"
#include "net/packet/packet.h"
#include <linux/ip.h>

#define VLAN_HLEN 4

int packet_find_target(struct packet_sock *k, const struct socket_msg *m, struct packet_target *t,
                       struct sockaddr_ll *a)
{
    if (!m->name || !m->name->len) {
        t->dev = netdev_by_index(k->ifindex);
        t->protocol = k->num;
        t->addr = NULL;
    } else {
        if (m->name->len < sizeof(*a))
            return -EINVAL;
        memcpy(a, m->name->bytes, sizeof(*a));
        if (m->name->len < a->sll_halen + offsetof(struct sockaddr_ll, sll_addr))
            return -EINVAL;
        t->dev = netdev_by_index(a->sll_ifindex);
        t->protocol = be16(a->sll_protocol);
        t->addr = a->sll_addr;
    }
    if (!t->dev || !t->dev->net)
        return -ENXIO;
    return netif_is_up(netif_of(t->dev)) ? 0 : -ENETDOWN;
}

/* SOCK_DGRAM's link header; who has no address can be reached on lo only. */
static int put_header(struct pktbuf *p, const struct packet_target *t)
{
    uint8_t *h;

    if (!t->addr && !(t->dev->features & NETDEV_LOOP))
        return -EINVAL;
    h = pktbuf_push(p, ETH_HLEN);
    if (t->addr)
        memcpy(h, t->addr, ETH_ALEN);
    else
        memset(h, 0, ETH_ALEN);
    memcpy(h + ETH_ALEN, t->dev->mac, ETH_ALEN);
    put_be16(h + 2 * ETH_ALEN, t->protocol);
    return 0;
}

/* lo knows no broadcasts. */
static uint8_t type_of(const uint8_t *dst)
{
    static const uint8_t own[ETH_ALEN];

    if (dst[0] & 1)
        return PACKET_MULTICAST;
    return memcmp(dst, own, ETH_ALEN) ? PACKET_OTHERHOST : PACKET_HOST;
}

/* IP believes what comes by lo, where only its own packets are, and there is no ARP: what a program made is looked at here. As on Linux none is
 * taken that says to be from this machine. */
static bool believable(const struct pktbuf *p)
{
    const struct iphdr *h = (const struct iphdr *)p->data;
    struct inaddr src, dst;

    if (p->protocol != ETH_P_IP)
        return p->protocol != ETH_P_ARP;
    if (p->len < sizeof(*h) || h->ihl < 5 || p->len < h->ihl * 4u || checksum_add(h, h->ihl * 4, 0) != 0xffff)
        return false;
    src = inaddr_v4(h->saddr);
    dst = inaddr_v4(h->daddr);
    return ip_kind(&src, 0) == KIND_REMOTE && !inaddr_is_loopback(&dst);
}

/* lo carries packets without link headers; what is for nobody here is seen, and that is all. */
static void to_loopback(struct pktbuf *p, const struct packet_sock *from)
{
    uint16_t protocol = get_be16(p->data + 2 * ETH_ALEN);

    p->link_type = type_of(p->data);
    p->flags |= PKTBUF_ETHERNET;
    pktbuf_pull(p, ETH_HLEN);
    packet_show(p, true, from);
    p->protocol = protocol;
    if (p->link_type != PACKET_OTHERHOST && believable(p)) {
        loopback_output_frame(p);
        return;
    }
    packet_show(p, false, NULL);
    pktbuf_free(p);
}

/* A whole frame, its data at the link header. Takes p. */
static int send_frame(struct packet_sock *k, struct pktbuf *p, const struct packet_target *t)
{
    uint16_t inner = get_be16(p->data + 2 * ETH_ALEN);

    p->dev = t->dev;
    p->link = p->data - p->head;
    p->network = p->link + ETH_HLEN;
    p->protocol = t->protocol;
    if (k->s.type == SOCK_RAW && (!t->protocol || t->protocol == ETH_P_ALL))
        p->protocol = inner;
    if (t->dev->features & NETDEV_LOOP) {
        to_loopback(p, k);
        return 0;
    }
    packet_show(p, true, k);
    return link_output_frame(t->dev, p);
}

uint32_t packet_max_len(const struct packet_sock *k, const struct netdev *d)
{
    return d->mtu + VLAN_HLEN + (k->s.type == SOCK_RAW ? ETH_HLEN : 0);
}

/* The frame as the program gave it: is it one, and not too long but for a VLAN's tag? */
static int check_frame(const struct packet_sock *k, const struct pktbuf *p, const struct netdev *d)
{
    uint32_t max = d->mtu + ETH_HLEN;

    if (p->len < ETH_HLEN)
        return -EINVAL;
    if (p->total > max && get_be16(p->data + 2 * ETH_ALEN) != ETH_P_8021Q)
        return -EMSGSIZE;
    return 0;
}

int packet_output(struct packet_sock *k, struct pktbuf *p, const struct packet_target *t)
{
    int err = k->s.type == SOCK_DGRAM ? put_header(p, t) : 0;

    if (!err)
        err = check_frame(k, p, t->dev);
    if (err) {
        pktbuf_free(p);
        return err;
    }
    return send_frame(k, p, t);
}

static ssize_t send_one(struct packet_sock *k, struct socket_msg *m)
{
    size_t len = m->iov->count;
    struct packet_target t;
    struct sockaddr_ll a;
    struct pktbuf *p;
    int err = packet_find_target(k, m, &t, &a);

    if (!err && len > packet_max_len(k, t.dev))
        err = -EMSGSIZE;
    if (err)
        return err;
    p = dgram_copy_in(m->iov, len);
    if (IS_ERR(p))
        return PTR_ERR(p);
    err = packet_output(k, p, &t);
    return err ? err : (ssize_t)len;
}

ssize_t packet_sendmsg(struct socket *s, struct socket_msg *m)
{
    struct packet_sock *k = packet_of(s);
    ssize_t n;

    mutex_lock(&s->writer);
    n = k->tx_ring.pages ? ring_send(k, m) : send_one(k, m);
    mutex_unlock(&s->writer);
    return n;
}
