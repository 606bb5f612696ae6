/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfd.h: counting up an eventfd from inside the kernel. */
#ifndef LINUX_EVENTFD_H
#define LINUX_EVENTFD_H

struct file;

/* Adds one, at the most up to the greatest count, and wakes readers. Any context. */
void eventfd_signal(struct file *f);
/* The eventfd fd with a reference; ERR_PTR(-EBADF), or -EINVAL when it is another file. */
struct file *eventfd_get(int fd);

#endif
