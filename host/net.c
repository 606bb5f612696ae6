/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/net.h"
#include "host/hash.h"
#include "host/msg.h"
#include "host/tap.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <sys/random.h>

#define USER_NET     0x0a000200u /* QEMU's: 10.0.2.0/24 */
#define USER_IP      0x0a00020fu
#define USER_GATEWAY 0x0a000202u
#define USER_IP6     "fec0::15"
#define USER_GW6     "fec0::2"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

/* ---- one card ---- */

static bool parse_mac(const char *s, uint8_t mac[6])
{
    unsigned b[6];
    char after;

    if (strlen(s) != 17 ||
        sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &after) != 6)
        return false;
    for (int i = 0; i < 6; i++)
        mac[i] = b[i];
    return !(mac[0] & 1) && memcmp(mac, "\0\0\0\0\0", 6);
}

static bool parse_prefix(const char *s, unsigned max, unsigned *prefix)
{
    char *end;

    *prefix = strtoul(s, &end, 10);
    return isdigit((unsigned char)*s) && !*end && *prefix >= 1 && *prefix <= max;
}

static bool parse_ip4(const char *s, struct address4 *a)
{
    _cleanup_free_ char *text = xstrdup(s);
    char *slash = strchr(text, '/');

    a->prefix = 24;
    if (slash) {
        *slash = 0;
        if (!parse_prefix(slash + 1, 32, &a->prefix))
            return false;
    }
    return inet_pton(AF_INET, text, &a->addr) == 1 && a->addr.s_addr;
}

static bool parse_ip6(const char *s, struct address6 *a)
{
    _cleanup_free_ char *text = xstrdup(s);
    char *slash = strchr(text, '/');

    a->prefix = 64;
    if (slash) {
        *slash = 0;
        if (!parse_prefix(slash + 1, 128, &a->prefix))
            return false;
    }
    return inet_pton(AF_INET6, text, &a->addr) == 1;
}

/* One setting, as an option of its own or as KEY=VALUE within --network. option: how messages call it. */
static int set(struct nic *nic, const char *key, const char *value, const char *option)
{
    if (!strcmp(key, "mac"))
        return parse_mac(value, nic->mac)
                   ? 0
                   : msg_error("%s %s: expected six bytes as 52:54:00:12:34:56, no group address", option,
                               value);
    if (!strcmp(key, "ip") && !strcmp(value, "none")) {
        nic->no_ip = true;
        return 0;
    }
    if (!strcmp(key, "ip") && !strcmp(value, "dhcp")) {
        nic->ip4 = (struct address4){ 0 };
        return 0;
    }
    if (!strcmp(key, "ip"))
        return parse_ip4(value, &nic->ip4)
                   ? 0
                   : msg_error("%s %s: expected ADDRESS[/PREFIX], dhcp or none", option, value);
    if (!strcmp(key, "ip6"))
        return parse_ip6(value, &nic->ip6) ? 0 : msg_error("%s %s: expected ADDRESS[/PREFIX]", option, value);
    if (!strcmp(key, "gateway")) {
        if (inet_pton(AF_INET, value, &nic->ip4.gateway) == 1 ||
            inet_pton(AF_INET6, value, &nic->ip6.gateway) == 1)
            return 0;
        return msg_error("%s %s: expected an address", option, value);
    }
    return msg_error("%s: unknown setting %s (mac, ip, ip6, gateway)", option, key);
}

static const char *const kinds[] = {
    [NIC_USER] = "user", [NIC_TAP] = "tap", [NIC_BRIDGE] = "bridge", [NIC_UDP] = "udp"
};

static bool parse_ports(const char *s)
{
    unsigned local, remote;
    char after;

    return sscanf(s, "%5u:%5u%c", &local, &remote, &after) == 2 && local && local < 65536 && remote &&
           remote < 65536 && local != remote;
}

static int parse_kind(struct nic *nic, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i]) != len || strncmp(kinds[i], word, len))
            continue;
        nic->kind = i;
        if ((i == NIC_USER) != !equals)
            break;
        if (i == NIC_UDP && !parse_ports(equals + 1))
            return msg_error("--network %s: expected udp=LOCAL:REMOTE, two ports", word);
        if (equals && (!equals[1] || strlen(equals + 1) >= IFNAMSIZ))
            return msg_error("--network %s: the name of an interface has 1 to %d characters", word,
                             IFNAMSIZ - 1);
        nic->host = equals ? xstrdup(equals + 1) : NULL;
        return 0;
    }
    return msg_error("--network %s: expected user, none, tap=NAME, bridge=NAME or udp=LOCAL:REMOTE", word);
}

static int parse_nic(struct nic *nic, const char *spec)
{
    _cleanup_strv_ struct strv words = { 0 };

    *nic = (struct nic){ .nr_queues = 1 };
    for (int i = 0; i < NIC_MAX_QUEUES; i++)
        nic->queues[i] = nic->vhost[i] = -1;
    strv_split(&words, spec, ",", 1);
    if (parse_kind(nic, words.v[0]))
        return -1;
    for (size_t i = 1; i < words.n; i++) {
        char *equals = strchr(words.v[i], '=');

        if (!equals)
            return msg_error("--network %s: expected KEY=VALUE after the comma", spec);
        *equals = 0;
        if (set(nic, words.v[i], equals + 1, "--network"))
            return -1;
    }
    return 0;
}

/* ---- defaults ---- */

/* Locally administered, QEMU's prefix; the same for the same interface and name, so that DHCP leases last. */
static void default_mac(struct nic *nic, unsigned index, const char *name)
{
    _cleanup_free_ char *seed = xasprintf("%s/%s/%u", nic->host ? nic->host : "", name ? name : "", index);
    uint64_t h = hash64(seed, strlen(seed));

    if (nic->kind == NIC_USER) /* nobody else is on its wire */
        h = 0x123456 + index;
    else if (!name && nic->kind == NIC_BRIDGE && getrandom(&h, sizeof(h), 0) < 0)
        h ^= getpid();
    memcpy(nic->mac, (uint8_t[6]){ 0x52, 0x54, 0, h >> 16, h >> 8, h }, 6);
}

static void user_defaults(struct nic *nic)
{
    struct address4 *a = &nic->ip4;
    struct address6 *b = &nic->ip6;

    if (!a->prefix)
        *a = (struct address4){ { htonl(USER_IP) }, { a->gateway.s_addr }, 24 };
    if (!a->gateway.s_addr) { /* as QEMU's: the second address */
        uint32_t net = ntohl(a->addr.s_addr) & ~(0xffffffffu >> a->prefix);

        a->gateway.s_addr = htonl(net + (USER_GATEWAY - USER_NET));
    }
    if (b->prefix)
        return;
    inet_pton(AF_INET6, USER_IP6, &b->addr);
    inet_pton(AF_INET6, USER_GW6, &b->gateway);
    b->prefix = 64;
}

static int complete(struct net *net, unsigned index, const char *hostname, unsigned cpus)
{
    struct nic *nic = &net->nics[index];

    if (!memcmp(nic->mac, "\0\0\0\0\0", 6))
        default_mac(nic, index, hostname);
    for (unsigned i = 0; i < index; i++) {
        if (net->nics[i].kind == NIC_USER && nic->kind == NIC_USER)
            return msg_error("--network user: once is enough");
        if ((nic->kind == NIC_TAP || nic->kind == NIC_UDP) && net->nics[i].kind == nic->kind &&
            !strcmp(net->nics[i].host, nic->host))
            return msg_error("--network %s=%s: named twice", kinds[nic->kind], nic->host);
        if (!memcmp(net->nics[i].mac, nic->mac, 6))
            return msg_error("--network: two cards have the same --mac");
    }
    if (nic->kind == NIC_USER && nic->no_ip)
        return msg_error("--network user,ip=none: the user-mode network needs an address");
    if (nic->kind == NIC_USER && (nic->ip4.prefix > 28 || (nic->ip6.prefix && nic->ip6.prefix != 64)))
        return msg_error(
            "--network user: its networks have room for a gateway and a name server: at most /28, IPv6 /64");
    if (nic->kind == NIC_USER)
        user_defaults(nic);
    else if (nic->kind != NIC_UDP)
        nic->nr_queues = cpus < NIC_MAX_QUEUES ? cpus : NIC_MAX_QUEUES;
    return 0;
}

/* ---- all of it ---- */

static int parse_networks(const struct net_options *o, struct net *net)
{
    bool none = false;

    for (size_t i = 0; i < o->networks.n; i++) {
        const char *spec = o->networks.v[i];

        if (!strcmp(spec, "none")) {
            none = true;
            continue;
        }
        if (net->nr_nics == NET_MAX_NICS)
            return msg_error("--network: at most %d cards", NET_MAX_NICS);
        if (parse_nic(&net->nics[net->nr_nics++], spec))
            return -1;
    }
    if (none && net->nr_nics)
        return msg_error("--network none: there are other networks, too");
    if (!none && !net->nr_nics)
        return parse_nic(&net->nics[net->nr_nics++], "user");
    return 0;
}

static int parse_first(const struct net_options *o, struct net *net)
{
    const struct {
        const char *key, *value, *option;
    } all[] = {
        { "ip", o->ip, "--ip" },
        { "ip6", o->ip6, "--ip6" },
        { "gateway", o->gateway, "--gateway" },
        { "mac", o->mac, "--mac" },
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].value && !net->nr_nics)
            return msg_error("%s: there is no network to use it with", all[i].option);
        if (all[i].value && set(&net->nics[0], all[i].key, all[i].value, all[i].option))
            return -1;
    }
    return 0;
}

static int parse_rest(const struct net_options *o, struct net *net)
{
    bool user = false;

    for (unsigned i = 0; i < net->nr_nics; i++)
        user |= net->nics[i].kind == NIC_USER;
    for (size_t i = 0; i < o->ports.n; i++) {
        if (!user)
            return msg_error("-p %s: ports are forwarded by the user-mode network (--network user); with %s",
                             o->ports.v[i],
                             net->nr_nics ? "a tap the guest has an address of its own"
                                          : "none there is none");
        if (ports_parse(&net->ports, o->ports.v[i]))
            return -1;
    }
    for (size_t i = 0; i < o->dns.n; i++) {
        if (net->nr_dns == 2)
            return msg_error("--dns %s: at most two name servers", o->dns.v[i]);
        if (inet_pton(AF_INET, o->dns.v[i], &net->dns[net->nr_dns++]) != 1)
            return msg_error("--dns %s: expected an IPv4 address", o->dns.v[i]);
    }
    if (o->pcap && !net->nr_nics)
        return msg_error("--pcap %s: there is no network to record", o->pcap);
    net->pcap = o->pcap ? xstrdup(o->pcap) : NULL;
    return 0;
}

int net_parse(const struct net_options *o, const char *hostname, unsigned cpus, struct net *net)
{
    if (parse_networks(o, net) || parse_first(o, net) || parse_rest(o, net))
        return -1;
    for (unsigned i = 0; i < net->nr_nics; i++)
        if (complete(net, i, hostname, cpus))
            return -1;
    /* It stands between colons on the kernel's command line; what is no name there is not sent to DHCP either. */
    if (hostname && !hostname[strspn(hostname, NAME_CHARS)])
        net->hostname = xstrdup(hostname);
    return 0;
}

static char *nic_text(const struct nic *n)
{
    char addr[INET6_ADDRSTRLEN];
    struct buf b = { 0 };

    buf_addf(&b, "%s%s%s,mac=%02x:%02x:%02x:%02x:%02x:%02x", kinds[n->kind], n->host ? "=" : "",
             n->host ? n->host : "", n->mac[0], n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
    if (n->no_ip)
        buf_adds(&b, ",ip=none");
    if (n->ip4.prefix)
        buf_addf(&b, ",ip=%s/%u", inet_ntop(AF_INET, &n->ip4.addr, addr, sizeof(addr)), n->ip4.prefix);
    if (n->ip4.gateway.s_addr)
        buf_addf(&b, ",gateway=%s", inet_ntop(AF_INET, &n->ip4.gateway, addr, sizeof(addr)));
    if (n->ip6.prefix)
        buf_addf(&b, ",ip6=%s/%u", inet_ntop(AF_INET6, &n->ip6.addr, addr, sizeof(addr)), n->ip6.prefix);
    if (!IN6_IS_ADDR_UNSPECIFIED(&n->ip6.gateway))
        buf_addf(&b, ",gateway=%s", inet_ntop(AF_INET6, &n->ip6.gateway, addr, sizeof(addr)));
    return b.p;
}

void net_options_of(const struct net *net, struct net_options *o)
{
    char text[INET_ADDRSTRLEN + 8];

    *o = (struct net_options){ .pcap = net->pcap };
    for (unsigned i = 0; i < net->nr_nics; i++)
        strv_take(&o->networks, nic_text(&net->nics[i]));
    if (!net->nr_nics)
        strv_add(&o->networks, "none");
    for (size_t i = 0; i < net->ports.n; i++)
        strv_addf(&o->ports, "%s:%u/%s", port_host_text(&net->ports.v[i], text), net->ports.v[i].guest,
                  net->ports.v[i].udp ? "udp" : "tcp");
    for (unsigned i = 0; i < net->nr_dns; i++)
        strv_add(&o->dns, inet_ntop(AF_INET, &net->dns[i], text, sizeof(text)));
}

void net_options_free(struct net_options *o)
{
    strv_free(&o->networks);
    strv_free(&o->ports);
    strv_free(&o->dns);
    strv_free(&o->hosts);
}

/* Found out now, since the VMM's own message would come late. */
static int check_pcap(const char *path)
{
    FILE *f = fopen(path, "ae");

    if (!f)
        return msg_error("--pcap %s: %s", path, strerror(errno));
    fclose(f);
    return 0;
}

int net_open(struct net *net, bool vhost)
{
    int err = ports_reserve(&net->ports);

    if (!err && net->pcap)
        err = check_pcap(net->pcap);
    for (unsigned i = 0; !err && i < net->nr_nics; i++)
        if (net->nics[i].kind == NIC_TAP || net->nics[i].kind == NIC_BRIDGE)
            err = tap_open(&net->nics[i], vhost && !net->pcap); /* what vhost carries no filter sees */
    if (err)
        net_close(net);
    return err;
}

void net_close(struct net *net)
{
    ports_release(&net->ports);
    for (unsigned i = 0; i < net->nr_nics; i++)
        tap_close(&net->nics[i]);
}

void net_free(struct net *net)
{
    net_close(net);
    ports_free(&net->ports);
    for (unsigned i = 0; i < net->nr_nics; i++)
        free(net->nics[i].host);
    free(net->hostname);
    free(net->pcap);
    *net = (struct net){ 0 };
}

void net_each_fd(const struct net *net, void (*fn)(int fd, void *arg), void *arg)
{
    for (unsigned i = 0; i < net->nr_nics; i++) {
        for (unsigned q = 0; q < net->nics[i].nr_queues; q++) {
            if (net->nics[i].queues[q] >= 0)
                fn(net->nics[i].queues[q], arg);
            if (net->nics[i].vhost[q] >= 0)
                fn(net->nics[i].vhost[q], arg);
        }
    }
}

void net_say(const struct net *net)
{
    char a[INET_ADDRSTRLEN], g[INET_ADDRSTRLEN];

    if (!net->nr_nics)
        msg_verbose("network: none");
    for (unsigned i = 0; i < net->nr_nics; i++) {
        const struct nic *n = &net->nics[i];

        inet_ntop(AF_INET, &n->ip4.addr, a, sizeof(a));
        inet_ntop(AF_INET, &n->ip4.gateway, g, sizeof(g));
        msg_verbose("network: eth%u: %s%s%s, %02x:%02x:%02x:%02x:%02x:%02x, %s%s%s, %u queue%s%s", i,
                    kinds[n->kind], n->host ? " " : "", n->host ? n->host : "", n->mac[0], n->mac[1],
                    n->mac[2], n->mac[3], n->mac[4], n->mac[5],
                    n->no_ip        ? "no address"
                    : n->ip4.prefix ? a
                                    : "DHCP",
                    n->ip4.gateway.s_addr ? " by " : "", n->ip4.gateway.s_addr ? g : "", n->nr_queues,
                    n->nr_queues > 1 ? "s" : "", n->use_vhost ? ", vhost" : "");
    }
    for (size_t i = 0; i < net->ports.n; i++) {
        const struct port *p = &net->ports.v[i];
        char text[24];

        msg_verbose("network: %s of the host leads to port %u/%s", port_host_text(p, text), p->guest,
                    p->udp ? "udp" : "tcp");
    }
}

static int add_host(const struct net *net, const char *spec, struct buf *out)
{
    const char *colon = strchr(spec, ':');
    struct in6_addr addr;
    char gateway[INET_ADDRSTRLEN];

    if (!colon || colon == spec || spec[strcspn(spec, " \t\n#")])
        return msg_error("--add-host %s: expected NAME:ADDRESS", spec);
    const char *where = colon + 1;

    if (!strcmp(where, "host-gateway")) { /* docker's word for the host itself */
        if (!net->nr_nics || !net->nics[0].ip4.gateway.s_addr)
            return msg_error("--add-host %s: no gateway is known", spec);
        where = inet_ntop(AF_INET, &net->nics[0].ip4.gateway, gateway, sizeof(gateway));
    } else if (inet_pton(AF_INET, where, &addr) != 1 && inet_pton(AF_INET6, where, &addr) != 1) {
        return msg_error("--add-host %s: %s is no address", spec, where);
    }
    buf_addf(out, "%s\t%.*s\n", where, (int)(colon - spec), spec);
    return 0;
}

int net_hosts(const struct net *net, const struct net_options *o, const char *hostname, struct buf *out)
{
    char addr[INET_ADDRSTRLEN] = "127.0.1.1"; /* Debian's habit where no lasting address is known */

    if (net->nr_nics && net->nics[0].ip4.prefix && !net->nics[0].no_ip)
        inet_ntop(AF_INET, &net->nics[0].ip4.addr, addr, sizeof(addr));
    if (hostname)
        buf_addf(out, "%s\t%s\n", addr, hostname);
    for (size_t i = 0; i < o->hosts.n; i++)
        if (add_host(net, o->hosts.v[i], out))
            return -1;
    return 0;
}
