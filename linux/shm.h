/* SPDX-License-Identifier: BSD-2-Clause */
/* shm.h: what /proc/sys/kernel says of System V's shared memory, and sets. */
#ifndef LINUX_SHM_H
#define LINUX_SHM_H

#include "lib/types.h"

struct shm_limits {
    uint64_t max, all; /* bytes of one segment; pages of all */
    unsigned segments; /* at most SHM_MOST */
};
extern struct shm_limits shm_limits;
#define SHM_MOST 32768

#endif
