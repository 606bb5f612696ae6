/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c: ip= and ip6= of the kernel's command line. */
#include "net/config.h"
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "lib/string.h"
#include "net/parse.h"
#include "net/resolver.h"
#include "net/route.h"

#define ARG_MAX_LEN  256
#define DHCP_WAIT_NS (8 * NSEC_PER_SEC)

enum { F_CLIENT, F_SERVER, F_GATEWAY, F_NETMASK, F_HOST, F_DEVICE, F_AUTOCONF, F_DNS0, F_DNS1, F_FIELDS };

struct ip_arg {
    char text[ARG_MAX_LEN];
    const char *field[F_FIELDS]; /* each a string, perhaps empty */
};

/* The nth ip=; false: there is none. */
static bool read_arg(unsigned nth, struct ip_arg *a)
{
    char *p = a->text;
    unsigned n = 0;

    if (!boot_arg("ip", nth, a->text, sizeof(a->text)))
        return false;
    for (unsigned i = 0; i < F_FIELDS; i++)
        a->field[i] = "";
    if (!strchr(p, ':')) { /* ip=dhcp, ip=off */
        uint32_t v4;

        a->field[parse_v4(p, &v4) ? F_CLIENT : F_AUTOCONF] = p;
        return true;
    }
    for (; n < F_FIELDS; n++) {
        char *end = strchr(p, ':');

        a->field[n] = p;
        if (!end)
            break;
        *end = 0;
        p = end + 1;
    }
    return true;
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(s, *words))
            return true;
    return false;
}

static bool wants_dhcp(const struct ip_arg *a)
{
    static const char *const on[] = { "dhcp", "on", "any", "both", "bootp", NULL };
    static const char *const maybe[] = { "", NULL };

    return one_of(a->field[F_AUTOCONF], on) || (one_of(a->field[F_AUTOCONF], maybe) && !*a->field[F_CLIENT]);
}

/* By name; without one the first that is no loopback. */
static struct netdev *device(const char *name)
{
    struct netdev *d = netdev_next(NULL);

    if (*name)
        return netdev_by_name(name);
    while (d && d->features & NETDEV_LOOP)
        d = netdev_next(d);
    return d;
}

static void add_default_route(struct netdev *d, const struct inaddr *gateway)
{
    bool v4 = inaddr_is_v4(gateway);
    struct route r = { .prefix = v4 ? inaddr_v4(0) : INADDR_ANY6,
                       .plen = v4 ? PLEN_V4(0) : 0,
                       .gateway = *gateway,
                       .dev = d,
                       .metric = v4 ? 0 : 1024,
                       .type = RTN_UNICAST,
                       .protocol = RTPROT_BOOT,
                       .table = RT_TABLE_MAIN,
                       .expires_ns = TIME_NEVER };
    int err = route_add(&r, false);

    if (err)
        log_err("%s: the gateway cannot be used: it is on no link (error %d)", d->name, -err);
}

static void add_dns(const char *s)
{
    uint32_t v4;
    struct inaddr a;

    if (!parse_v4(s, &v4))
        return;
    a = inaddr_v4(v4);
    resolver_add(&a);
}

/* Bits of a netmask; without one those of the address's class. */
static unsigned prefix_of(uint32_t addr, const char *mask)
{
    uint32_t m, a = be32(addr);

    if (parse_v4(mask, &m) && m)
        return __builtin_popcount(m);
    return a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24;
}

static void apply_fixed(struct netdev *d, const struct ip_arg *a)
{
    struct addr_spec s = { .scope = RT_SCOPE_UNIVERSE, .valid_ns = TIME_NEVER, .preferred_ns = TIME_NEVER };
    uint32_t client, gateway, host;
    unsigned plen;

    if (!*a->field[F_CLIENT])
        return;
    if (!parse_v4(a->field[F_CLIENT], &client)) {
        log_err("ip=: %s is no address", a->field[F_CLIENT]);
        return;
    }
    plen = prefix_of(client, a->field[F_NETMASK]);
    s.addr = inaddr_v4(client);
    s.plen = PLEN_V4(plen);
    if (plen < 31) {
        host = be32(0xffffffffu >> plen);
        s.bcast = inaddr_v4(client | host);
    }
    if (addr_add(d, &s))
        log_err("%s: the address %s cannot be set", d->name, a->field[F_CLIENT]);
    if (parse_v4(a->field[F_GATEWAY], &gateway) && gateway) {
        struct inaddr g = inaddr_v4(gateway);

        add_default_route(d, &g);
    }
}

static void apply_arg(const struct ip_arg *a)
{
    static const char *const off[] = { "none", NULL };
    struct netdev *d;

    if (!*a->field[F_CLIENT] && (one_of(a->field[F_AUTOCONF], off) || !strcmp(a->field[F_AUTOCONF], "off")))
        return;
    d = device(a->field[F_DEVICE]);
    if (!d) {
        log_err("ip=: there is no network device %s", *a->field[F_DEVICE] ? a->field[F_DEVICE] : "at all");
        return;
    }
    if (!d->net)
        return;
    netif_set_flags(d, IFF_UP, IFF_UP);
    if (wants_dhcp(a))
        dhcp_start(d, a->field[F_HOST]);
    else
        apply_fixed(d, a);
    add_dns(a->field[F_DNS0]);
    add_dns(a->field[F_DNS1]);
}

/* ADDRESS/PREFIX,GATEWAY,DEVICE */
static void apply_ip6(char *s)
{
    /* Others on the link see at once whether the address is theirs; until they say so it is used (RFC 4429). */
    struct addr_spec spec = { .scope = RT_SCOPE_UNIVERSE,
                              .flags = IFA_F_OPTIMISTIC,
                              .valid_ns = TIME_NEVER,
                              .preferred_ns = TIME_NEVER };
    char *slash = strchr(s, '/'), *comma = strchr(s, ','), *dev = comma ? strchr(comma + 1, ',') : NULL;
    struct inaddr gateway;
    const char *end = slash + 1;
    struct netdev *d;
    uint64_t plen;

    if (!slash || !comma || !dev || slash > comma || !str_u64(&end, 10, &plen) || plen > 128 || *end != ',') {
        log_err("ip6=%s: not ADDRESS/PREFIX,GATEWAY,DEVICE", s);
        return;
    }
    *slash = *comma = *dev = 0;
    d = device(dev + 1);
    if (!parse_v6(s, &spec.addr) || !d || !d->net) {
        log_err("ip6=: no address %s, or no device %s", s, dev + 1);
        return;
    }
    spec.plen = plen;
    netif_set_flags(d, IFF_UP, IFF_UP);
    if (addr_add(d, &spec))
        log_err("%s: the address %s cannot be set", d->name, s);
    if (comma[1] && parse_v6(comma + 1, &gateway))
        add_default_route(d, &gateway);
}

void net_config_apply(void)
{
    struct ip_arg a;

    for (unsigned n = 0; read_arg(n, &a); n++)
        apply_arg(&a);
    for (unsigned n = 0; boot_arg("ip6", n, a.text, sizeof(a.text)); n++)
        apply_ip6(a.text);
}

void net_boot(void)
{
    struct ip_arg a;

    if (!netdev_next(NULL))
        return;
    for (unsigned n = 0; read_arg(n, &a); n++)
        if (wants_dhcp(&a)) {
            net_begin();
            return;
        }
}

void net_config_wait(void)
{
    static uint64_t until; /* [a] of all who wait: the second is not held up as long again */
    static bool told;

    if (likely(dhcp_settled()))
        return;
    atomic_cmpxchg(&until, 0, clock_mono_ns() + DHCP_WAIT_NS);
    wait_event_until(&dhcp_wait, dhcp_settled(), atomic_load(&until));
    if (!dhcp_settled() && !told) {
        told = true;
        log_warn("no DHCP server answers: the network has no address yet");
    }
}
