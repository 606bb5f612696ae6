/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify.h: limits of inotify(7), for /proc/sys/fs/inotify. */
#ifndef LINUX_INOTIFY_H
#define LINUX_INOTIFY_H

#include "lib/types.h"

#define INOTIFY_MAX_INSTANCES 128
#define INOTIFY_MAX_QUEUED    16384

unsigned inotify_max_user_watches(void); /* as Linux: by the size of memory */

#endif
