/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fd_table.h: the inside of descriptor tables (files.c), for the system calls that are over before a function call
 * would pay.
 */
#ifndef LINUX_FD_TABLE_H
#define LINUX_FD_TABLE_H

#include "linux/files.h"
#include "linux/process.h"

struct fd_array {
    unsigned max; /* a multiple of 64 */
    struct rcu_head rcu;
    uint64_t *open, *cloexec; /* bitmaps, behind the files */
    struct file *files[];
};

struct fd_table {
    refcount_t refs;
    struct spinlock lock; /* all changes */
    struct fd_array *array;
    unsigned next; /* no free number below */
};

/* For the length of one system call: as fd_get_path(), but without a reference while nobody else could close the file.
 * Give it back by fd_return(). */
struct fd_ref {
    struct file *file; /* NULL: -EBADF */
    bool owned;
};

struct file *fd_get_shared(struct fd_table *t,
                           unsigned fd); /* while others may change the table; NULL: none */

static __always_inline struct fd_ref fd_borrow(int fd)
{
    struct process *p = current_process();
    struct fd_array *a = p->files->array;

    if (unlikely(p->files_users > 1)) {
        struct file *f = fd_get_shared(p->files, fd);

        return (struct fd_ref){ f, f != NULL };
    }
    if (unlikely((unsigned)fd >= a->max))
        return (struct fd_ref){ NULL, false };
    return (struct fd_ref){ a->files[fd], false };
}

static inline void fd_return(struct fd_ref r)
{
    if (unlikely(r.owned))
        file_put(r.file);
}

#endif
