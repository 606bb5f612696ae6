/* SPDX-License-Identifier: BSD-2-Clause */
/* net.h: what net.c lists of the other files about /proc/net. */
#ifndef LINUX_PROC_NET_H
#define LINUX_PROC_NET_H

#include "linux/proc/proc.h"

int proc_show_net_dev(struct seq *s, struct inode *i);
int proc_show_if_inet6(struct seq *s, struct inode *i);
int proc_show_route(struct seq *s, struct inode *i);
int proc_show_ipv6_route(struct seq *s, struct inode *i);
int proc_show_arp(struct seq *s, struct inode *i);
int proc_show_pnp(struct seq *s, struct inode *i);
int proc_show_tcp(struct seq *s, struct inode *i);
int proc_show_tcp6(struct seq *s, struct inode *i);
void proc_put_tcp_snmp(struct seq *s); /* its part of snmp */
int proc_show_udp(struct seq *s, struct inode *i);
int proc_show_udp6(struct seq *s, struct inode *i);
int proc_show_raw(struct seq *s, struct inode *i);
int proc_show_raw6(struct seq *s, struct inode *i);
int proc_show_igmp(struct seq *s, struct inode *i);
int proc_show_igmp6(struct seq *s, struct inode *i);
int proc_show_mcfilter(struct seq *s, struct inode *i);
int proc_show_mcfilter6(struct seq *s, struct inode *i);
int proc_show_snmp(struct seq *s, struct inode *i);
int proc_show_snmp6(struct seq *s, struct inode *i);
int proc_show_netstat(struct seq *s, struct inode *i);
int proc_show_sockstat(struct seq *s, struct inode *i);
int proc_show_sockstat6(struct seq *s, struct inode *i);

#endif
