/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.h: pipes and FIFOs.
 */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "fs/vfs.h"

/* Two open ends of a new pipe; flags: O_NONBLOCK, O_DIRECT (packets), O_CLOEXEC is the caller's. */
int pipe_new(struct file **reader, struct file **writer, int flags);
/* F_SETPIPE_SZ and F_GETPIPE_SZ; -EBADF when f is no pipe. */
long pipe_fcntl(struct file *f, unsigned cmd, unsigned long arg);
/* linux/ installs what sends SIGPIPE to the current thread. */
extern void (*pipe_broken)(void);

#endif
