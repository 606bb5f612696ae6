/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zerocopy.h: MSG_ZEROCOPY: what a program sends stays in its pages, and it is told when they are its own again.
 *
 * One struct zerocopy is one send; packets and segments that carry its pages hold references to it (kernel/pktbuf.h). When
 * the last one goes, its number is on the socket's list, where recvmsg(MSG_ERRQUEUE) finds it. The list outlives the socket.
 */
#ifndef NET_ZEROCOPY_H
#define NET_ZEROCOPY_H

#include "kernel/pktbuf.h"
#include "net/socket.h"

struct netdev;
struct zerocopy_queue;

struct zerocopy {
    struct pktbuf_owner owner;
    struct zerocopy_queue *queue;
    struct zerocopy *next; /* of the list */
    uint32_t lo, hi;       /* the sends it stands for */
    uint32_t nr_pages;     /* counted for RLIMIT_MEMLOCK */
};

/* A send of len bytes begins. May sleep, takes socket.writer. ERR_PTR(-ENOBUFS): too much is under way. */
struct zerocopy *zerocopy_begin(struct socket *s, size_t len);
/* It is over with the result n: below 0 it did not take place, and uses no number. The caller's reference goes. */
void zerocopy_end(struct zerocopy *z, ssize_t n);
/* Does the device send pages that the program may write to meanwhile? Where the kernel makes the checksum, or is the
 * receiver, the bytes are copied. */
bool zerocopy_possible(const struct netdev *d);
/* Pieces of v's pages, at most max of them and len bytes, into frags, each with a reference; how many. What they hold is
 * taken off v and is in *got. May sleep. */
unsigned zerocopy_pin(struct iov *v, uint32_t len, struct pktfrag *frags, unsigned max, uint32_t *got);

/* Is there something to tell? */
bool zerocopy_told(const struct socket *s);
static inline bool zerocopy_pending(const struct socket *s)
{
    return unlikely(READ_ONCE(s->zc) != NULL) && zerocopy_told(s);
}
/* recvmsg(MSG_ERRQUEUE): 0, or -EAGAIN: there is nothing. */
int zerocopy_receive(struct socket *s, struct socket_msg *m);
/* The program's side of the socket goes. */
void zerocopy_release(struct socket *s);

#endif
