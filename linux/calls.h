/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h: system calls whose arguments are in the kernel already: what io_uring's operations are made of. Each is
 * the call of its name: same checks, same errors. Names are kernel strings and stay the caller's; dirfd may be
 * AT_FDCWD. All may sleep.
 */
#ifndef LINUX_CALLS_H
#define LINUX_CALLS_H

#include "fs/vfs.h"

struct epoll_event;
struct statx;

/* namei.c */
long name_mkdir(int dirfd, const char *name, mode_t mode);
long name_symlink(const char *target, int dirfd, const char *name);
long name_link(int odirfd, const char *oname, int ndirfd, const char *nname, int flags);
long name_unlink(int dirfd, const char *name, bool dir);
long name_rename(int odirfd, const char *oname, int ndirfd, const char *nname, unsigned flags);

/* open.c: flags as open(2) understands them; struct open_how from user space, checked: 0, -EINVAL, -EFAULT, -E2BIG */
struct open_how_k open_how_legacy(int flags, mode_t mode);
long open_how_read(const void __user *uhow, size_t size, struct open_how_k *how);
/* The open file with a reference; or ERR_PTR. */
struct file *name_open(int dirfd, const char *name, const struct open_how_k *how);

/* stat.c */
long name_stat(int dirfd, const char *name, unsigned flags, struct kstat *k);
long statx_check(unsigned flags, unsigned mask);
long statx_write(struct statx __user *u, const struct kstat *k);

/* attr.c, on open files */
long file_fallocate(struct file *f, int mode, int64_t off, int64_t len);
long file_sync(struct file *f, bool data_only);
long file_sync_range(struct file *f, int64_t off, int64_t len, unsigned flags);
long file_advise(struct file *f, int64_t len, int advice);
#define XATTR_NAME_BUF 256
/* The name of an attribute into buf (XATTR_NAME_BUF bytes): 0, -ERANGE, -EFAULT. */
long xattr_name(char *buf, const char __user *uname);
long xattr_read(struct inode *i, const char *name, void __user *value, size_t size);

/* epoll_ctl.c: ev is ignored by EPOLL_CTL_DEL */
long epoll_change(int epfd, int op, int fd, struct epoll_event *ev);

#endif
