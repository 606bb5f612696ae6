/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl.h: between the files of the classic ioctls, netdevice(7), arp(7), route(8)'s. arg is the program's. */
#ifndef NET_IOCTL_H
#define NET_IOCTL_H

#include "abi/netif.h"
#include "kernel/uaccess.h"
#include "net/netif.h"

static inline uint32_t ioctl_v4(const struct sockaddr16 *a)
{
    uint32_t v;

    __builtin_memcpy(&v, a->data + 2, 4);
    return v;
}
static inline void ioctl_put_v4(struct sockaddr16 *a, uint32_t v4)
{
    *a = (struct sockaddr16){ .family = 2 }; /* AF_INET */
    __builtin_memcpy(a->data + 2, &v4, 4);
}
/* Is it no netmask, ones and then zeros? */
static inline bool ioctl_bad_mask(uint32_t mask)
{
    uint32_t host = ~be32(mask);

    return host & (host + 1);
}

/* ioctl_addr.c: SIOC[GS]IFADDR and the like of the device d, r->name being its name or an alias. */
int ioctl_get_addr(struct netdev *d, unsigned cmd, struct ifreq *r);
int ioctl_set_addr(struct netdev *d, unsigned cmd, const struct ifreq *r);
int ioctl_alias_flags(struct netdev *d, const struct ifreq *r);
long ioctl_addr6(unsigned cmd, uintptr_t arg);
/* ioctl_route.c */
long ioctl_route4(unsigned cmd, uintptr_t arg);
long ioctl_route6(unsigned cmd, uintptr_t arg);
long ioctl_arp(unsigned cmd, uintptr_t arg);

#endif
