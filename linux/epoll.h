/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll.h: limits of epoll(7) and inotify(7), for /proc/sys/fs. */
#ifndef LINUX_EPOLL_H
#define LINUX_EPOLL_H

#include "lib/types.h"

/* Watches that may exist at a time: as Linux, 4 % of memory. */
uint64_t epoll_max_user_watches(void);

#endif
