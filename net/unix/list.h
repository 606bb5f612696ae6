/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h: what /proc/net/unix tells of local sockets. */
#ifndef NET_UNIX_LIST_H
#define NET_UNIX_LIST_H

#include "lib/types.h"

struct unix_info {
    unsigned refs, type, name_len;
    uint64_t ino; /* 0: not accepted yet */
    bool listening, connected, has_file;
    char name[108]; /* abstract ones begin with a zero */
};
/* The n-th of them; false: there are fewer. */
bool unix_info_at(unsigned n, struct unix_info *i);

#endif
