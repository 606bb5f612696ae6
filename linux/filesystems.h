/* SPDX-License-Identifier: BSD-2-Clause */
/* filesystems.h: the filesystems that show what linux/ keeps, for the list. */
#ifndef LINUX_FILESYSTEMS_H
#define LINUX_FILESYSTEMS_H

#include "fs/vfs.h"

extern const struct filesystem devpts_filesystem, proc_filesystem;

#endif
