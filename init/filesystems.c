/* SPDX-License-Identifier: BSD-2-Clause */
/* filesystems.c: the filesystem types the kernel knows, in the order of /proc/filesystems. */
#include "fs/filesystems.h"
#include "linux/filesystems.h"

const struct filesystem *const filesystems[] = {
    &proc_filesystem,  &tmpfs_filesystem, &overlay_filesystem, &erofs_filesystem,
    &devfs_filesystem, &sysfs_filesystem, &devpts_filesystem,  NULL,
};
