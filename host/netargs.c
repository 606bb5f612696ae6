/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/netargs.h"
#include "abi/control.h"
#include <arpa/inet.h>

/* QEMU's option lists end a value at a comma; a doubled one stands for itself. */
static void add_escaped(struct buf *b, const char *s)
{
    for (; *s; s++)
        buf_add(b, *s == ',' ? ",," : s, *s == ',' ? 2 : 1);
}

static const char *text4(struct in_addr a, char *buf)
{
    return inet_ntop(AF_INET, &a, buf, INET_ADDRSTRLEN);
}

static void take(struct strv *args, const char *option, struct buf *value)
{
    strv_add(args, option);
    strv_take(args, value->p);
}

static void user_backend(const struct net *net, const struct nic *nic, struct buf *b)
{
    uint32_t mask = 0xffffffffu << (32 - nic->ip4.prefix);
    struct in_addr subnet = { nic->ip4.addr.s_addr & htonl(mask) };
    struct in_addr dns = { htonl(ntohl(subnet.s_addr) + 3) };
    struct in6_addr subnet6 = nic->ip6.addr;
    char a[INET_ADDRSTRLEN], host[INET_ADDRSTRLEN], d[INET_ADDRSTRLEN], a6[INET6_ADDRSTRLEN];

    memset(&subnet6.s6_addr[8], 0, 8);
    buf_addf(b, "user,id=n%u,net=%s/%u,host=%s,dns=%s,dhcpstart=", (unsigned)(nic - net->nics),
             text4(subnet, a), nic->ip4.prefix, text4(nic->ip4.gateway, host), text4(dns, d));
    buf_adds(b, text4(nic->ip4.addr, a));
    buf_addf(b, ",ipv6-net=%s/64", inet_ntop(AF_INET6, &subnet6, a6, sizeof(a6)));
    for (size_t i = 0; i < net->ports.n; i++) {
        const struct port *p = &net->ports.v[i];

        buf_addf(b, ",hostfwd=%s:%s:%u-%s:%u", p->udp ? "udp" : "tcp", text4(p->addr, host), p->host, a,
                 p->guest);
    }
}

static void add_fds(struct buf *b, const char *key, const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_addf(b, "%s%d", i ? ":" : key, fds[i]);
}

static void tap_backend(const struct net *net, const struct nic *nic, bool standalone, struct buf *b)
{
    bool bridge = nic->kind == NIC_BRIDGE;

    buf_addf(b, "%s,id=n%u", standalone && bridge ? "bridge" : "tap", (unsigned)(nic - net->nics));
    if (standalone) {
        buf_adds(b, bridge ? ",br=" : ",ifname=");
        add_escaped(b, nic->host);
        buf_adds(b, bridge ? "" : ",script=no,downscript=no");
        if (nic->nr_queues > 1 && !bridge)
            buf_addf(b, ",queues=%u", nic->nr_queues);
        return;
    }
    add_fds(b, nic->nr_queues > 1 ? ",fds=" : ",fd=", nic->queues, nic->nr_queues);
    if (nic->use_vhost) {
        buf_adds(b, ",vhost=on");
        add_fds(b, nic->nr_queues > 1 ? ",vhostfds=" : ",vhostfd=", nic->vhost, nic->nr_queues);
    }
}

static void udp_backend(const struct net *net, const struct nic *nic, struct buf *b)
{
    const char *remote = strchr(nic->host, ':') + 1;

    buf_addf(b, "dgram,id=n%u,local.type=inet,local.host=127.0.0.1,local.port=%d",
             (unsigned)(nic - net->nics), atoi(nic->host));
    buf_addf(b, ",remote.type=inet,remote.host=127.0.0.1,remote.port=%s", remote);
}

static void device(const struct net *net, const struct nic *nic, bool pci, bool standalone, struct buf *b)
{
    const uint8_t *m = nic->mac;
    unsigned queues = standalone && nic->kind == NIC_BRIDGE ? 1 : nic->nr_queues;

    buf_addf(b, "virtio-net-%s,netdev=n%u,mac=%02x:%02x:%02x:%02x:%02x:%02x", pci ? "pci" : "device",
             (unsigned)(nic - net->nics), m[0], m[1], m[2], m[3], m[4], m[5]);
    if (queues > 1)
        buf_adds(b, ",mq=on");
    if (pci) /* no option ROM: the firmware would run it */
        buf_addf(b, ",disable-legacy=on,romfile=,vectors=%u", 2 * queues + 2);
}

static void record(const struct net *net, unsigned i, struct strv *args)
{
    struct buf b = { 0 };

    buf_addf(&b, "filter-dump,id=d%u,netdev=n%u,file=", i, i);
    add_escaped(&b, net->pcap);
    if (i) /* a file for each card */
        buf_addf(&b, ".eth%u", i);
    take(args, "-object", &b);
}

void netargs_vmm(const struct net *net, bool pci, bool standalone, struct strv *args)
{
    for (unsigned i = 0; i < net->nr_nics; i++) {
        const struct nic *nic = &net->nics[i];
        struct buf backend = { 0 }, front = { 0 };

        if (nic->kind == NIC_USER)
            user_backend(net, nic, &backend);
        else if (nic->kind == NIC_UDP)
            udp_backend(net, nic, &backend);
        else
            tap_backend(net, nic, standalone, &backend);
        take(args, "-netdev", &backend);
        device(net, nic, pci, standalone, &front);
        take(args, "-device", &front);
        if (net->pcap)
            record(net, i, args);
    }
}

static void kernel_ip4(const struct net *net, unsigned i, struct strv *args)
{
    const struct nic *nic = &net->nics[i];
    const struct address4 *a = &nic->ip4;
    bool fixed = a->prefix && !nic->no_ip;
    struct in_addr mask = { htonl(0xffffffffu << (32 - a->prefix)) }, user_dns = { 0 };
    const struct in_addr *dns = net->dns;
    unsigned nr_dns = i ? 0 : net->nr_dns; /* name servers are the machine's, not a card's */
    struct buf b = { 0 };
    char text[INET_ADDRSTRLEN];

    if (!nr_dns && nic->kind == NIC_USER) {
        user_dns.s_addr = htonl((ntohl(a->addr.s_addr) & ntohl(mask.s_addr)) + 3);
        dns = &user_dns;
        nr_dns = 1;
    }
    buf_addf(&b, ARG_IP "%s::", fixed ? text4(a->addr, text) : "");
    buf_adds(&b, fixed && a->gateway.s_addr ? text4(a->gateway, text) : "");
    buf_addf(&b, ":%s:%s", fixed ? text4(mask, text) : "", net->hostname ? net->hostname : "");
    buf_addf(&b, ":eth%u:%s", i, nic->no_ip ? "none" : fixed ? "off" : "dhcp");
    for (unsigned d = 0; d < nr_dns; d++)
        buf_addf(&b, ":%s", text4(dns[d], text));
    strv_take(args, b.p);
}

static void kernel_ip6(const struct net *net, unsigned i, struct strv *args)
{
    const struct address6 *a = &net->nics[i].ip6;
    char addr[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN];

    if (!a->prefix)
        return;
    inet_ntop(AF_INET6, &a->addr, addr, sizeof(addr));
    inet_ntop(AF_INET6, &a->gateway, gateway, sizeof(gateway));
    strv_addf(args, ARG_IP6 "%s/%u,%s,eth%u", addr, a->prefix,
              IN6_IS_ADDR_UNSPECIFIED(&a->gateway) ? "" : gateway, i);
}

void netargs_kernel(const struct net *net, struct strv *args)
{
    for (unsigned i = 0; i < net->nr_nics; i++) {
        kernel_ip4(net, i, args);
        kernel_ip6(net, i, args);
    }
}
