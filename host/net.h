/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net.h: a run's network: its cards, their addresses, the ports of the host that lead to it.
 *
 * net_parse() makes the plan from the options alone; net_open() takes what the host has to give (ports, taps), just before
 * the VMM starts, and net_close() gives it back. netargs.h makes the VMM's and the kernel's arguments of it.
 */
#ifndef HOST_NET_H
#define HOST_NET_H

#include "host/ports.h"

#define NET_MAX_NICS   8
#define NIC_MAX_QUEUES 16 /* what the guest's kernel takes */

enum nic_kind {
    NIC_USER,   /* QEMU's user-mode network: no rights needed, the guest is behind the host's addresses */
    NIC_TAP,    /* a tap interface that is there */
    NIC_BRIDGE, /* a tap of our own on a bridge */
    NIC_UDP, /* frames in datagrams between two ports of 127.0.0.1: another VM, or a program; no rights needed */
};

struct address4 {
    struct in_addr addr, gateway; /* 0.0.0.0: none */
    unsigned prefix;              /* 0: no address */
};

struct address6 {
    struct in6_addr addr, gateway;
    unsigned prefix;
};

struct nic {
    enum nic_kind kind;
    char *host; /* the tap's or bridge's name, UDP's LOCAL:REMOTE, or NULL */
    uint8_t mac[6];
    bool no_ip; /* ip=none: neither an address nor DHCP */
    struct address4 ip4;
    struct address6 ip6;
    unsigned nr_queues;         /* taps: 1, or one for each CPU */
    int queues[NIC_MAX_QUEUES]; /* of /dev/net/tun, once open, else -1 */
    int vhost[NIC_MAX_QUEUES];  /* of /dev/vhost-net, or -1 */
    bool use_vhost;
};

struct net {
    struct nic nics[NET_MAX_NICS];
    unsigned nr_nics;
    struct ports ports;
    struct in_addr dns[2];
    unsigned nr_dns;
    char *hostname; /* for DHCP; or NULL */
    char *pcap;     /* file, or NULL */
};

struct net_options {
    struct strv networks; /* --network user|none|tap=NAME[,KEY=VALUE...]|bridge=NAME[,...]|udp=PORT:PORT */
    struct strv ports;    /* -p */
    struct strv dns;      /* --dns, --nameserver */
    struct strv hosts;    /* --add-host NAME:ADDR */
    const char *ip, *ip6, *gateway, *mac; /* of the first card */
    const char *pcap;
};

void net_options_free(struct net_options *o);
#define _cleanup_net_options_ _cleanup_(net_options_free)

/* The options that make this plan again, all said that was chosen. pcap is the plan's own string. */
void net_options_of(const struct net *net, struct net_options *o);

/* The plan. 0, or -1 after a message. */
int net_parse(const struct net_options *o, const char *hostname, unsigned cpus, struct net *net);

/* Reserves ports, opens taps. 0, or -1 after a message; then nothing is open. */
int net_open(struct net *net, bool vhost);
void net_close(struct net *net);
void net_free(struct net *net);
#define _cleanup_net_ _cleanup_(net_free)

/* What the VMM must inherit of an open network: calls fn for each descriptor. */
void net_each_fd(const struct net *net, void (*fn)(int fd, void *arg), void *arg);

/* For --verbose: a line for each card and port. */
void net_say(const struct net *net);

/* Lines for the guest's /etc/hosts, beyond the image's own: its name and --add-host. 0, or -1 after a message. */
int net_hosts(const struct net *net, const struct net_options *o, const char *hostname, struct buf *out);

#endif
