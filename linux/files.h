/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.h: descriptor tables. Lookups are lock-free (RCU); changes hold the table's lock.
 */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include "fs/vfs.h"

struct fd_table;

struct fd_table *fd_table_new(void);
struct fd_table *fd_table_copy(struct fd_table *t);
void fd_table_get(struct fd_table *t);
void fd_table_put(struct fd_table *t); /* the last reference closes everything */

/* The open file with a reference, or NULL: -EBADF. O_PATH files are not returned (fd_get_path returns them). */
struct file *fd_get(int fd);
struct file *fd_get_path(int fd);
/* Installs f (its reference moves in) at the lowest free number >= min. Returns the number or -EMFILE/-ENOMEM
 * (the reference stays with the caller). flags: O_CLOEXEC. */
int fd_install(struct file *f, int min, int flags);
/* The same for a file just made, at the lowest number: on failure the reference is dropped. f NULL: -ENOMEM. */
int fd_install_new(struct file *f, int flags);
/* F_SETOWN: a process or thread, below 0 a group, 0: nobody. 0, -ESRCH, -EINVAL. */
long file_set_owner(struct file *f, int who);
/* 0 when there is a number for one more file, else -EMFILE or -ENOMEM. */
int fd_has_room(void);
/* One above the greatest number that the current table can hold without growing. */
unsigned fd_table_size(void);
/* dup2: closes what is there. */
int fd_install_at(struct file *f, int fd, int flags);
int fd_close(int fd);
int fd_set_cloexec(int fd, bool on);
int fd_get_cloexec(int fd);
void fd_close_on_exec(void);
/* The current process, which has one thread, gets a table of its own if others use it: 0 or -ENOMEM. */
int fd_unshare(void);
/* Next open descriptor >= fd of the table, or -1: for /proc/self/fd and close_range. */
int fd_next(struct fd_table *t, int fd);
struct file *fd_table_file(struct fd_table *t, int fd); /* with a reference, or NULL */
bool fd_table_cloexec(struct fd_table *t, int fd);

/* The base path of an *at call: NULL for AT_FDCWD (current directory). Fills p (referenced: at_put when done). */
int at_base(int dirfd, const char *name, struct path *p, const struct path **base);
void at_put(const struct path *base);
/* The object that (dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) means, referenced. An empty name with
 * AT_EMPTY_PATH is dirfd itself. */
int at_lookup(int dirfd, const char __user *name, int at_flags, struct path *found);
int at_lookup_name(int dirfd, const char *name, int at_flags, struct path *found); /* name in the kernel */

/* Path names from user space: a slab buffer of PATH_MAX, or ERR_PTR. */
char *getname(const char __user *name);
void putname(char *name);

#endif
