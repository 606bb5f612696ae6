/* SPDX-License-Identifier: BSD-2-Clause */
/* enter.c: io_uring_enter(2): submitting and waiting. */
#include "kernel/uaccess.h"
#include "linux/fd_table.h"
#include "linux/io_uring/uring.h"
#include "linux/signal.h"
#include "linux/syscall.h"
#include "linux/time.h"

#define ENTER_FLAGS                                                                                  \
    (IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG | \
     IORING_ENTER_REGISTERED_RING)

struct wait_args {
    const uint64_t __user
    *mask;
    size_t mask_size;
    uint64_t deadline;
};

static __noinline int ext_arg(struct wait_args *w, const void __user *arg, size_t size)
{
    struct io_uring_getevents_arg a;
    uint64_t ns;
    int err;

    if (size != sizeof(a))
        return -EINVAL;
    if (copy_from_user(&a, arg, sizeof(a)))
        return -EFAULT;
    if (a.pad)
        return -EINVAL;
    w->mask = (const uint64_t __user *)a.sigmask;
    w->mask_size = a.sigmask_sz;
    if (!a.ts)
        return 0;
    err = time_read((const struct __kernel_timespec __user *)a.ts, &ns);
    if (!err)
        w->deadline = time_deadline(ns);
    return err;
}

static int wait_masked(struct uring *r, unsigned min, const struct wait_args *w)
{
    int n = signal_user_temp_mask(w->mask, w->mask_size);

    if (n)
        return n;
    n = uring_wait(r, min, w->deadline);
    if (n != -EINTR)
        signal_restore_mask();
    return n;
}

static inline int wait(struct uring *r, unsigned min, unsigned flags, const void __user *arg, size_t size)
{
    struct wait_args w = { arg, size, TIME_NEVER };
    int err;

    if (flags & IORING_ENTER_EXT_ARG) {
        w.mask = NULL;
        err = ext_arg(&w, arg, size);
        if (err)
            return err;
    }
    return unlikely(w.mask != NULL) ? wait_masked(r, min, &w) : uring_wait(r, min, w.deadline);
}

static inline int submit(struct uring *r, unsigned nr)
{
    int n;

    mutex_lock(&r->mutex);
    n = uring_submit(r, nr);
    uring_run_ready(r);
    uring_flush(r, false);
    uring_unlock(r);
    return n;
}

static __always_inline long enter(struct file *f, unsigned nr, unsigned min, unsigned flags,
                                  const void __user *arg, size_t size)
{
    struct uring *r = f->private;
    int n = 0, err;

    if (unlikely(f->ops != &uring_file_ops))
        return f->fmode & FMODE_PATH ? -EBADF : -EOPNOTSUPP;
    if (unlikely(r->flags & IORING_SETUP_R_DISABLED))
        return -EBADFD;
    if (unlikely((r->flags & IORING_SETUP_SINGLE_ISSUER) && r->issuer != current) &&
        (nr || (r->flags & IORING_SETUP_DEFER_TASKRUN)))
        return -EEXIST;
    if (nr) {
        n = submit(r, nr);
        if (unlikely(n != (int)nr))
            return n;
    }
    if (!(flags & IORING_ENTER_GETEVENTS))
        return n;
    err = wait(r, min, flags, arg, size);
    return n ? n : err;
}

/* A ring by its number among those of this thread: not owned, since only this thread can drop it. */
static __noinline struct fd_ref registered_ring(unsigned fd)
{
    struct uring_task *t = current_uring_task();
    struct file *f = t && fd < URING_REGISTERED ? t->rings[fd] : ERR_PTR(-EINVAL);

    return (struct fd_ref){ f ? f : ERR_PTR(-EBADF), false };
}

SYSCALL6(io_uring_enter, unsigned, fd, unsigned, nr, unsigned, min, unsigned, flags, const void __user *, arg,
         size_t, size)
{
    struct fd_ref f;
    long n;

    if (unlikely(flags & ~ENTER_FLAGS))
        return -EINVAL;
    if (unlikely(flags & IORING_ENTER_REGISTERED_RING)) {
        f = registered_ring(fd);
        if (IS_ERR(f.file))
            return PTR_ERR(f.file);
    } else {
        f = fd_borrow(fd);
        if (unlikely(!f.file))
            return -EBADF;
    }
    n = enter(f.file, nr, min, flags, arg, size);
    fd_return(f);
    return n;
}
