/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h: the packet filter of a socket (SO_ATTACH_FILTER). Families whose operations say `filters` run it on what comes
 * in; the others have none. Read under rcu_read_lock().
 */
#ifndef NET_FILTER_H
#define NET_FILTER_H

#include "net/bpf.h"
#include "net/socket.h"

struct filter {
    struct rcu_head rcu;
    uint32_t len;
    struct sock_filter insns[];
};

/* A program that val, a struct sock_fprog, names: checked, from kmalloc(). ERR_PTR. */
struct filter *filter_read(const void *val, unsigned len);
/* f (NULL: none) takes the place of slot's filter, which is freed when nobody can run it any more. */
void filter_replace(struct filter **slot, struct filter *f);
/* SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER. 0 or -errno. */
int filter_set(struct socket *s, int name, const void *val, unsigned len);
/* SO_GET_FILTER: the program to a buffer with room for max instructions (0: none wanted); how many there are, or -errno. */
int filter_get(struct socket *s, void __user *buf, unsigned max);
/* The socket goes: so does its filter. */
void filter_drop(struct socket *s);
/* What the filter keeps of the packet, at most its length; 0: it is dropped. */
uint32_t filter_run(const struct socket *s, const struct bpf_packet *k);
/* The same for a packet whose first before bytes were pulled off already: cuts it. False: it is to be dropped. */
bool filter_packet(const struct socket *s, struct pktbuf *p, uint32_t before);

#endif
