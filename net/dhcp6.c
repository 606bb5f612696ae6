/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhcp6.c: stateless DHCPv6 (RFC 8415 §18.2.6): asks for name servers once a router says that there is such (its O flag, or M:
 * addresses are had from prefixes alone), and again when the answer has aged.
 */
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/config.h"
#include "net/dhcp6_msg.h"
#include "net/resolver.h"
#include "net/route.h"
#include "net/udp.h"
#include <linux/udp.h>

#define MAX_DELAY_NS (1 * NSEC_PER_SEC)    /* INF_MAX_DELAY */
#define TIMEOUT_NS   (1 * NSEC_PER_SEC)    /* INF_TIMEOUT */
#define MAX_RT_NS    (3600 * NSEC_PER_SEC) /* INF_MAX_RT */
#define CLIENT_PORT  546
#define SERVER_PORT  547

struct dhcp6 {          /* [lock] */
    struct dhcp6 *next; /* [R] */
    struct netdev *dev;
    struct spinlock lock; /* RANK_SOCKET */
    bool asking;
    uint32_t xid;
    uint64_t begun_ns, retry_ns, max_retry_ns;
    struct net_timer timer;
};

static struct dhcp6 *clients; /* [R], added to under net_lock */
static const struct inaddr servers = { .b = { 0xff, 2, [13] = 1, 0,
                                              2 } }; /* All_DHCP_Relay_Agents_and_Servers */
void (*dhcp6_input)(struct pktbuf *p, const struct ip_rx *r);

static void send(struct dhcp6 *c)
{
    struct flow f = { .dst = servers, .dev = c->dev->index, .protocol = IPPROTO_UDP, .flags = FLOW_NOLOOP };
    uint64_t elapsed = (clock_mono_ns() - c->begun_ns) / (10 * NSEC_PER_MS);
    struct dst dst = { 0 };
    struct pktbuf *p;
    struct udphdr *h;

    if (dst_lookup(&dst, &f))
        return;
    if (inaddr_is_linklocal6(&dst.src) && (p = pktbuf_alloc(PKTBUF_HEADROOM, DHCP6_MSG_MAX))) {
        pktbuf_put(p, dhcp6_build(p->data, c->xid, c->dev->mac, MIN(elapsed, 0xffffull)));
        h = pktbuf_push(p, sizeof(*h));
        h->source = be16(CLIENT_PORT);
        h->dest = be16(SERVER_PORT);
        h->len = be16(p->total);
        ip_checksum_partial(p, &dst.src, &f.dst, IPPROTO_UDP, offsetof(struct udphdr, check));
        ip_output(p, &f, &dst);
    }
    dst_release(&dst);
}

/* §15: twice as long each time, give or take a tenth. */
static void ask(struct dhcp6 *c)
{
    uint64_t now = clock_mono_ns();

    if (!c->asking) {
        c->asking = true;
        c->xid = random_u64() & 0xffffff;
        c->begun_ns = now;
        c->retry_ns = TIMEOUT_NS;
    }
    send(c);
    net_timer_arm(&c->timer, now + c->retry_ns - c->retry_ns / 10 + random_u64() % (c->retry_ns / 5));
    c->retry_ns = MIN(2 * c->retry_ns, c->max_retry_ns);
}

static void timer(struct net_timer *t)
{
    struct dhcp6 *c = container_of(t, struct dhcp6, timer);

    spin_lock(&c->lock);
    ask(c);
    spin_unlock(&c->lock);
}

/* lock held */
static void answered(struct dhcp6 *c, const struct dhcp6_answer *a)
{
    c->asking = false;
    if (a->max_retry_s)
        c->max_retry_ns = a->max_retry_s * NSEC_PER_SEC;
    for (unsigned i = 0; i < a->nr_dns; i++)
        if (!inaddr_is_v4(&a->dns[i]) && !inaddr_is_multicast(&a->dns[i]))
            resolver_add(&a->dns[i]);
    if (a->domain_len)
        resolver_set_domain(a->domain, a->domain_len);
    if (a->refresh_s != UINT32_MAX)
        net_timer_arm(&c->timer, clock_mono_ns() + a->refresh_s * NSEC_PER_SEC);
    else
        net_timer_cancel(&c->timer);
}

static struct dhcp6 *client_of(const struct netdev *d)
{
    struct dhcp6 *c = atomic_load_acquire(&clients);

    while (c && c->dev != d)
        c = c->next;
    return c;
}

static void input(struct pktbuf *p, const struct ip_rx *r)
{
    struct dhcp6 *c = client_of(r->dev);
    struct dhcp6_answer a;

    if (!c || inaddr_is_v4(&r->dst) || r->kind != KIND_LOCAL || !pktbuf_pull_linear(p, p->total))
        return;
    spin_lock(&c->lock);
    if (c->asking &&
        dhcp6_parse(p->data + sizeof(struct udphdr), p->len - sizeof(struct udphdr), c->xid, c->dev->mac, &a))
        answered(c, &a);
    spin_unlock(&c->lock);
}

void dhcp6_start(struct netdev *d)
{
    struct dhcp6 *c = client_of(d), *fresh;

    if (c)
        return;
    fresh = kzalloc(sizeof(*fresh));
    if (!fresh)
        return; /* the next advertisement tries again */
    fresh->dev = d;
    fresh->max_retry_ns = MAX_RT_NS;
    spin_init(&fresh->lock, RANK_SOCKET);
    net_timer_init(&fresh->timer, timer);
    spin_lock(&net_lock);
    c = client_of(d);
    if (!c) {
        fresh->next = clients;
        atomic_store_release(&clients, fresh);
        dhcp6_input = input;
        /* not all at once that hear the same advertisement */
        net_timer_arm(&fresh->timer, clock_mono_ns() + random_u64() % MAX_DELAY_NS);
    }
    spin_unlock(&net_lock);
    if (c)
        kfree(fresh);
}
