/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neigh.h: which link address a neighbour has: the table behind ARP and Neighbour Discovery, with the states of
 * RFC 4861 §7.3 for both.
 */
#ifndef NET_NEIGH_H
#define NET_NEIGH_H

#include "net/netif.h"
#include "net/route.h"
#include <linux/neighbour.h>

struct neigh {          /* [I] immutable  [n] lock */
    struct neigh *next; /* of its bucket [R] */
    refcount_t refs;    /* the table's and those of dsts */
    struct inaddr addr; /* [I] */
    struct netdev *dev; /* [I] */
    uint64_t mac;       /* its six bytes first in memory [a] */
    uint8_t state;      /* NUD_* [n to change] */
    uint8_t probes;     /* [n] sent in this state */
    bool confirmed;     /* upper layers heard from it [a] */
    bool router;        /* [n] */
    bool dead;          /* out of the table [n] */
    struct spinlock lock;
    struct pktqueue waiting;      /* [n] for the address */
    struct net_timer timer;       /* [n] */
    uint64_t updated_ns, used_ns; /* [a] of the clock when states changed */
    struct neigh *gone;           /* of those being removed together */
    struct rcu_head rcu;
};

/* A reference to the entry, a new one if need be. NULL: no memory, or the table is full of entries in use. */
struct neigh *neigh_get(struct netdev *d, const struct inaddr *a);
struct neigh *neigh_find(struct netdev *d, const struct inaddr *a); /* NULL: there is none */
void neigh_put(struct neigh *n);
/* Sends p, its data at the network header, to the neighbour, once its address is known. Takes p. */
int neigh_output_slow(struct neigh *n, struct pktbuf *p);

/* What packets tell. mac NULL: none was given. */
#define NEIGH_SOLICITED 1  /* an answer to what we asked: reachable */
#define NEIGH_OVERRIDE  2  /* may replace a known address */
#define NEIGH_CREATE    4  /* make an entry if there is none */
#define NEIGH_ROUTER    8  /* it says whether it is a router: yes, with ... */
#define NEIGH_HOST      16 /* ... or no */
void neigh_heard(struct netdev *d, const struct inaddr *a, const uint8_t *mac, unsigned how);
/* By configuration: NUD_PERMANENT or the like; state NUD_NONE deletes. 0 or -errno. */
int neigh_set(struct netdev *d, const struct inaddr *a, const uint8_t mac[6], uint8_t state, bool create);
/* The device went down or, with keep, lost its link, which those that are configured outlive. */
void neigh_flush(struct netdev *d, bool keep);
/* Calls fn for each entry, rcu_read_lock() held by the caller. */
void neigh_each(void (*fn)(struct neigh *n, void *arg), void *arg);

/* arp.c, nd.c: ask for the address. unicast: only the neighbour itself, whose address mac was known. */
void arp_solicit(struct neigh *n, bool unicast);
void nd_solicit(struct neigh *n, bool unicast);

#endif
