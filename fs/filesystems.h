/* SPDX-License-Identifier: BSD-2-Clause */
/* filesystems.h: each filesystem's entry for the list. */
#ifndef FS_FILESYSTEMS_H
#define FS_FILESYSTEMS_H

#include "fs/vfs.h"

extern const struct filesystem tmpfs_filesystem, overlay_filesystem, erofs_filesystem, devfs_filesystem,
    sysfs_filesystem;

#endif
