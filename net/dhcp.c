/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp.c: DHCP client (RFC 2131): a state machine driven by answers and a timer. Its messages are in dhcp_msg.c. */
#include "abi/errno.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/string.h"
#include "net/config.h"
#include "net/dhcp_msg.h"
#include "net/nd.h"
#include "net/resolver.h"
#include "net/route.h"
#include "net/udp.h"
#include <linux/udp.h>

#define FIRST_RETRY_NS (1 * NSEC_PER_SEC) /* §4.1 says four; a virtual link answers at once or is not there */
#define MAX_RETRY_NS   (64 * NSEC_PER_SEC)
#define MIN_RENEW_NS   (60 * NSEC_PER_SEC) /* §4.4.5 */
#define MAX_REQUESTS   4
#define SETTLE_TRIES   4 /* then nobody waits for us any more */

/* RFC 5227 asks for three probes in some five seconds, for bridges that are slow to learn. Behind a virtual link, too, those
 * who have the address answer in milliseconds, and programs wait for the end of this. */
#define PROBES     2
#define PROBE_NS   (100 * NSEC_PER_MS)
#define DECLINE_NS (10 * NSEC_PER_SEC) /* RFC 2131 §3.1.5 */

enum state { SELECTING, REQUESTING, PROBING, DECLINED, BOUND, RENEWING, REBINDING };

struct dhcp {          /* [lock] */
    struct dhcp *next; /* [R] */
    struct netdev *dev;
    struct spinlock lock; /* RANK_SOCKET: addresses and routes are changed under it */
    enum state state;
    unsigned tries;
    uint32_t xid;
    char name[DHCP_NAME_MAX + 1]; /* what the server may call this machine; "" nothing */
    uint64_t begun_ns;            /* of the exchange */
    uint64_t t1_ns, t2_ns, end_ns;
    struct dhcp_lease lease; /* what was offered, or is had */
    bool configured, settled;
    struct net_timer timer;
};

static struct dhcp *clients; /* [R] */
struct waitq dhcp_wait = WAITQ_INIT(dhcp_wait);
void (*dhcp_input)(struct pktbuf *p, const struct ip_rx *r);

bool dhcp_settled(void)
{
    for (struct dhcp *c = atomic_load_acquire(&clients); c; c = c->next)
        if (!READ_ONCE(c->settled))
            return false;
    return true;
}

static void settle(struct dhcp *c)
{
    if (c->settled)
        return;
    atomic_store_release(&c->settled, true);
    wake_all(&dhcp_wait);
}

/* ---- sending ---- */

static void send(struct dhcp *c, uint8_t type)
{
    bool have = c->state == RENEWING || c->state == REBINDING;
    struct flow f = { .src = have ? c->lease.addr : inaddr_v4(0),
                      .dst = c->state == RENEWING ? c->lease.server : inaddr_v4(0xffffffff),
                      .dev = c->dev->index,
                      .protocol = IPPROTO_UDP,
                      .flags = FLOW_BCAST };
    struct dhcp_request q = { .type = type,
                              .xid = c->xid,
                              .secs = (clock_mono_ns() - c->begun_ns) / NSEC_PER_SEC,
                              .mac = c->dev->mac,
                              .name = c->name };
    struct dst dst = { 0 };
    struct pktbuf *p;
    struct udphdr *h;

    if (have) {
        q.ciaddr = c->lease.addr.w[3];
    } else if (c->state == REQUESTING || c->state == DECLINED) {
        q.requested = c->lease.addr.w[3];
        q.server = c->lease.server.w[3];
    }
    if (dst_lookup(&dst, &f))
        return;
    p = pktbuf_alloc(PKTBUF_HEADROOM, DHCP_MSG_MAX);
    if (p) {
        pktbuf_put(p, dhcp_build(p->data, &q));
        h = pktbuf_push(p, sizeof(*h));
        h->source = be16(68);
        h->dest = be16(67);
        h->len = be16(p->total);
        ip_checksum_partial(p, &dst.src, &f.dst, IPPROTO_UDP, offsetof(struct udphdr, check));
        ip_output(p, &f, &dst);
    }
    dst_release(&dst);
}

/* Twice as long each time, give or take a fifth: many machines that start together do not ask together. */
static void retry_later(struct dhcp *c)
{
    uint64_t ns = MIN(FIRST_RETRY_NS << MIN(c->tries, 7u), MAX_RETRY_NS);

    c->tries++;
    net_timer_arm(&c->timer, clock_mono_ns() + ns - ns / 5 + random_u64() % (ns * 2 / 5));
}

static void begin(struct dhcp *c)
{
    c->state = SELECTING;
    c->tries = 0;
    c->xid = random_u64();
    c->begun_ns = clock_mono_ns();
    send(c, DHCP_DISCOVER);
    retry_later(c);
}

/* ---- the configuration ---- */

static struct route route_via(struct dhcp *c, const struct dhcp_route *w)
{
    return (struct route){ .prefix = inaddr_v4(w->prefix),
                           .plen = PLEN_V4(w->plen),
                           .gateway = inaddr_v4(w->gateway),
                           .dev = c->dev,
                           .src = c->lease.addr,
                           .type = RTN_UNICAST,
                           .scope = w->gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                           .protocol = RTPROT_DHCP,
                           .table = RT_TABLE_MAIN,
                           .expires_ns = TIME_NEVER };
}

static void unconfigure(struct dhcp *c)
{
    if (!c->configured)
        return;
    c->configured = false;
    spin_lock(&net_lock);
    route_flush_locked(c->dev, RTPROT_DHCP);
    spin_unlock(&net_lock);
    addr_del(c->dev, &c->lease.addr, c->lease.plen);
    log_warn("%s: the DHCP lease ended: the network has no address", c->dev->name);
}

static void configure(struct dhcp *c)
{
    const struct dhcp_lease *l = &c->lease;
    struct addr_spec s = { .addr = l->addr,
                           .bcast = l->broadcast,
                           .plen = l->plen,
                           .scope = RT_SCOPE_UNIVERSE,
                           .valid_ns = l->lease_s == UINT32_MAX ? TIME_NEVER : l->lease_s * NSEC_PER_SEC };
    int err;

    s.preferred_ns = s.valid_ns;
    if (l->mtu && l->mtu <= c->dev->max_mtu)
        netif_set_mtu(c->dev, l->mtu);
    err = addr_add(c->dev, &s);
    if (err == -EEXIST)
        addr_renew(c->dev, &l->addr, s.valid_ns, s.preferred_ns);
    for (unsigned i = 0; i < l->nr_routes; i++) {
        struct route r = route_via(c, &l->routes[i]);

        route_add(&r, true);
    }
    for (unsigned i = 0; i < l->nr_dns; i++)
        resolver_add(&l->dns[i]);
    if (l->domain_len)
        resolver_set_domain(l->domain, l->domain_len);
    c->configured = true;
}

static void bound(struct dhcp *c)
{
    const struct dhcp_lease *l = &c->lease;
    uint64_t lease = l->lease_s, t1 = l->t1_s ? l->t1_s : lease / 2, t2 = l->t2_s ? l->t2_s : lease * 7 / 8;

    c->state = BOUND;
    c->tries = 0;
    configure(c);
    settle(c);
    if (l->lease_s == UINT32_MAX)
        return;
    t2 = MIN(t2, lease);
    t1 = MIN(t1, t2);
    c->t1_ns = c->begun_ns + t1 * NSEC_PER_SEC;
    c->t2_ns = c->begun_ns + t2 * NSEC_PER_SEC;
    c->end_ns = c->begun_ns + lease * NSEC_PER_SEC;
    net_timer_arm(&c->timer, c->t1_ns);
}

/* ---- does somebody have the address? ---- */

static void probe(struct dhcp *c)
{
    if (c->tries++ == PROBES) {
        bound(c);
        return;
    }
    arp_probe(c->dev, &c->lease.addr);
    net_timer_arm(&c->timer, clock_mono_ns() + PROBE_NS);
}

static void decline(struct dhcp *c)
{
    log_warn("%s: the address that DHCP gave is another machine's", c->dev->name);
    c->state = DECLINED;
    send(c, DHCP_DECLINE);
    net_timer_arm(&c->timer, clock_mono_ns() + DECLINE_NS);
}

/* Somebody else's ARP: he has the address, or is about to take it, too. */
static void watch(struct netdev *d, const struct inaddr *spa, const struct inaddr *tpa)
{
    struct dhcp *c = atomic_load_acquire(&clients);

    while (c && c->dev != d)
        c = c->next;
    if (!c || READ_ONCE(c->state) != PROBING)
        return;
    spin_lock(&c->lock);
    if (c->state == PROBING && inaddr_eq(inaddr_is_any(spa) ? tpa : spa, &c->lease.addr))
        decline(c);
    spin_unlock(&c->lock);
}

static void accepted(struct dhcp *c, const struct dhcp_lease *l)
{
    if (c->configured && (!inaddr_eq(&c->lease.addr, &l->addr) || c->lease.plen != l->plen))
        unconfigure(c);
    c->lease = *l;
    if (c->configured) {
        bound(c);
        return;
    }
    c->state = PROBING;
    c->tries = 0;
    probe(c);
}

/* ---- time and answers ---- */

/* Half of what is left until the next state, at least a minute (§4.4.5). */
static void ask_again(struct dhcp *c, uint64_t until)
{
    uint64_t now = clock_mono_ns(), left = until > now ? until - now : 0;

    send(c, DHCP_REQUEST);
    net_timer_arm(&c->timer, MIN(now + MAX(left / 2, MIN_RENEW_NS), MAX(until, now)));
}

static void renew(struct dhcp *c)
{
    uint64_t now = clock_mono_ns();

    if (c->state == BOUND) {
        c->state = RENEWING;
        c->xid = random_u64();
        c->begun_ns = now;
    }
    if (now >= c->end_ns) {
        unconfigure(c);
        begin(c);
    } else if (now >= c->t2_ns) {
        c->state = REBINDING;
        ask_again(c, c->end_ns);
    } else {
        ask_again(c, c->t2_ns);
    }
}

static void timer(struct net_timer *t)
{
    struct dhcp *c = container_of(t, struct dhcp, timer);

    spin_lock(&c->lock);
    if (c->state >= BOUND) {
        renew(c);
    } else if (c->state == PROBING) {
        probe(c);
    } else if (c->state == DECLINED) {
        begin(c);
    } else if (c->state == REQUESTING && c->tries >= MAX_REQUESTS) {
        begin(c);
    } else {
        if (c->tries >= SETTLE_TRIES)
            settle(c);
        send(c, c->state == SELECTING ? DHCP_DISCOVER : DHCP_REQUEST);
        retry_later(c);
    }
    spin_unlock(&c->lock);
}

/* Has it asked for an address, and not got it yet? */
static bool asked(const struct dhcp *c)
{
    return c->state == REQUESTING || c->state == RENEWING || c->state == REBINDING;
}

/* lock held */
static void answer(struct dhcp *c, const struct dhcp_lease *l)
{
    if (l->type == DHCP_OFFER && c->state == SELECTING) {
        c->lease = *l;
        c->state = REQUESTING;
        c->tries = 0;
        send(c, DHCP_REQUEST);
        retry_later(c);
    } else if (l->type == DHCP_ACK && asked(c)) {
        accepted(c, l);
    } else if (l->type == DHCP_NAK && asked(c)) {
        unconfigure(c);
        begin(c);
    }
}

static void input(struct pktbuf *p, const struct ip_rx *r)
{
    struct dhcp *c = atomic_load_acquire(&clients);
    struct dhcp_lease l;

    while (c && c->dev != r->dev)
        c = c->next;
    if (!c || !pktbuf_pull_linear(p, p->total))
        return;
    spin_lock(&c->lock);
    if (dhcp_parse(p->data + sizeof(struct udphdr), p->len - sizeof(struct udphdr), c->xid, c->dev->mac, &l))
        answer(c, &l);
    spin_unlock(&c->lock);
}

void dhcp_start(struct netdev *d, const char *name)
{
    struct dhcp *c = kzalloc(sizeof(*c));

    if (!c) {
        log_err("%s: no memory for DHCP", d->name);
        return;
    }
    c->dev = d;
    if (dhcp_name_ok(name))
        str_copy(c->name, name, sizeof(c->name));
    spin_init(&c->lock, RANK_SOCKET);
    net_timer_init(&c->timer, timer);
    c->next = clients;
    atomic_store_release(&clients, c);
    dhcp_input = input;
    arp_watch = watch;
    spin_lock(&c->lock);
    begin(c);
    spin_unlock(&c->lock);
}
