/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h: what /proc/net/unix and the netlink socket monitor tell of local sockets. */
#ifndef NET_UNIX_LIST_H
#define NET_UNIX_LIST_H

#include "lib/types.h"

struct unix_info {
    unsigned refs, type, name_len;
    uint64_t ino; /* 0: not accepted yet */
    bool listening, connected, has_file, has_peer;
    uint8_t shutdown;             /* 1: nothing more is received, 2: nothing more is sent */
    uint64_t peer_ino;            /* with has_peer */
    uint32_t uid, rqueue, wqueue; /* bytes; of a listener connections, and how many it takes */
    uint32_t rcvbuf, sndbuf;
    char name[108]; /* abstract ones begin with a zero */
};
/* The n-th of them; false: there are fewer. */
bool unix_info_at(unsigned n, struct unix_info *i);
/* Who waits to be accepted by the listener of this inode number: the numbers of at most max, in icons; how many. */
unsigned unix_icons(uint64_t ino, uint32_t *icons, unsigned max);

#endif
