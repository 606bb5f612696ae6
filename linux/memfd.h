/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_MEMFD_H
#define LINUX_MEMFD_H

#include "fs/vfs.h"

/* F_ADD_SEALS and F_GET_SEALS; -EINVAL when f cannot be sealed. */
long memfd_fcntl(struct file *f, unsigned cmd, unsigned long arg);

#endif
