/* SPDX-License-Identifier: BSD-2-Clause */
/* mc_request.h: what the many options of multicast groups and their sources ask for (RFC 3678): parsed, and answered. */
#ifndef NET_MC_REQUEST_H
#define NET_MC_REQUEST_H

#include "net/inet.h"
#include "net/netif.h"

enum mc_what {
    MC_JOIN,
    MC_LEAVE,
    MC_JOIN_SOURCE,
    MC_LEAVE_SOURCE,
    MC_BLOCK_SOURCE,
    MC_UNBLOCK_SOURCE,
    MC_FILTER
};

struct mc_request {
    enum mc_what what;
    struct inaddr group, source;
    struct inaddr local; /* an address of the device; any: not said */
    int index;           /* of the device; 0: not said */
    struct netdev *dev;  /* the caller's */
    uint32_t max_sources;
    /* MC_FILTER */
    uint32_t mode; /* MCAST_* */
    unsigned nr;
    const uint8_t *sources; /* as the program gave them */
    bool wide;              /* struct sockaddr_storage each */
};

/* 0, -EINVAL, -ENOBUFS, -EADDRNOTAVAIL; -ENOPROTOOPT: not such an option. */
int mc_request_parse(struct mc_request *r, int level, int name, const void *val, unsigned len);
/* IP_MSFILTER and MCAST_MSFILTER as getsockopt(2) asks: whose filter, and with room for how many sources, no more than len
 * holds. */
int mc_filter_parse(struct mc_request *r, int level, int name, const void *val, unsigned len);
/* The answer, in place; its length. */
unsigned mc_filter_put(const struct mc_request *r, int level, int name, void *val, const struct mc_filter *f);
void mc_request_source(const struct mc_request *r, unsigned i, struct inaddr *a);

#endif
