/* SPDX-License-Identifier: BSD-2-Clause */
/* register.c: io_uring_register(2): what is set up once for many requests. */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/eventfd.h"
#include "linux/fd_table.h"
#include "linux/io_uring/uring.h"
#include "linux/syscall.h"

/* ---- eventfd ---- */

void uring_drop_eventfd(struct uring *r)
{
    struct file *f;

    spin_lock(&r->cq_lock);
    f = r->eventfd;
    r->eventfd = NULL;
    spin_unlock(&r->cq_lock);
    if (f)
        file_put(f);
}

static long register_eventfd(struct uring *r, void __user *arg, unsigned nr, bool async)
{
    struct file *f;
    int fd;

    if (nr != 1)
        return -EINVAL;
    if (r->eventfd)
        return -EBUSY;
    if (get_user(fd, (int __user *)arg))
        return -EFAULT;
    f = eventfd_get(fd);
    if (IS_ERR(f))
        return PTR_ERR(f);
    spin_lock(&r->cq_lock);
    r->eventfd = f;
    r->eventfd_async = async;
    spin_unlock(&r->cq_lock);
    return 0;
}

static long unregister_eventfd(struct uring *r, void __user *arg, unsigned nr)
{
    if (arg || nr)
        return -EINVAL;
    if (!r->eventfd)
        return -ENXIO;
    uring_drop_eventfd(r);
    return 0;
}

/* ---- what there is ---- */

static bool op_exists(unsigned op)
{
    return op < IORING_OP_LAST && uring_ops[op].issue && !(uring_ops[op].flags & UO_NETWORK);
}

static long probe_ops(void __user *arg, unsigned nr)
{
    struct io_uring_probe __user *up = arg;
    struct io_uring_probe p;
    static_assert(sizeof(p) == 16, "struct io_uring_probe");

    if (!arg || nr > 256)
        return -EINVAL;
    nr = MIN(nr, (unsigned)IORING_OP_LAST);
    for (unsigned i = 0; i < sizeof(p) + nr * sizeof(p.ops[0]); i++) {
        char c; /* the program says by zeroes that it knows no more than we */

        if (get_user(c, (char __user *)arg + i))
            return -EFAULT;
        if (c)
            return -EINVAL;
    }
    p = (struct io_uring_probe){ .last_op = IORING_OP_LAST - 1, .ops_len = nr };
    if (copy_to_user(up, &p, sizeof(p)))
        return -EFAULT;
    for (unsigned i = 0; i < nr; i++) {
        struct io_uring_probe_op op = { .op = i, .flags = op_exists(i) ? IO_URING_OP_SUPPORTED : 0 };

        if (copy_to_user((char __user *)arg + sizeof(p) + i * sizeof(op), &op, sizeof(op)))
            return -EFAULT;
    }
    return 0;
}

/* ---- restrictions ---- */

#define MAX_RESTRICTIONS (IORING_RESTRICTION_LAST + IORING_REGISTER_LAST + IORING_OP_LAST)

static int add_restriction(struct urestrict *s, const struct io_uring_restriction *q)
{
    switch (q->opcode) {
    case IORING_RESTRICTION_REGISTER_OP:
        if (q->register_op >= IORING_REGISTER_LAST)
            return -EINVAL;
        s->register_ops |= 1ull << q->register_op;
        return 0;
    case IORING_RESTRICTION_SQE_OP:
        if (q->sqe_op >= IORING_OP_LAST)
            return -EINVAL;
        s->sqe_ops |= 1ull << q->sqe_op;
        return 0;
    case IORING_RESTRICTION_SQE_FLAGS_ALLOWED:
        s->sqe_allowed = q->sqe_flags;
        return 0;
    case IORING_RESTRICTION_SQE_FLAGS_REQUIRED:
        s->sqe_required = q->sqe_flags;
        return 0;
    default:
        return -EINVAL;
    }
}

static long register_restrictions(struct uring *r, void __user *arg, unsigned nr)
{
    struct urestrict *s;
    int err = 0;

    if (!(r->flags & IORING_SETUP_R_DISABLED))
        return -EBADFD;
    if (r->restrict_to)
        return -EBUSY;
    if (!arg || nr > MAX_RESTRICTIONS)
        return -EINVAL;
    s = kzalloc(sizeof(*s));
    if (!s)
        return -ENOMEM;
    for (unsigned i = 0; i < nr && !err; i++) {
        struct io_uring_restriction q;

        err = copy_from_user(&q, (struct io_uring_restriction __user *)arg + i, sizeof(q));
        if (!err)
            err = add_restriction(s, &q);
    }
    if (err)
        kfree(s);
    else
        r->restrict_to = s;
    return err;
}

static long enable(struct uring *r, void __user *arg, unsigned nr)
{
    if (arg || nr)
        return -EINVAL;
    if (!(r->flags & IORING_SETUP_R_DISABLED))
        return -EBADFD;
    if (r->flags & IORING_SETUP_SINGLE_ISSUER)
        r->issuer = current;
    r->restricted = r->restrict_to != NULL;
    WRITE_ONCE(r->flags, r->flags & ~IORING_SETUP_R_DISABLED);
    return 0;
}

/* ---- the rest ---- */

/* There are no workers: limits are taken note of, the previous ones are what Linux begins with. */
static long max_workers(void __user *arg, unsigned nr)
{
    uint32_t v[2];

    if (!arg || nr != 2)
        return -EINVAL;
    if (copy_from_user(v, arg, sizeof(v)))
        return -EFAULT;
    if ((int32_t)v[0] < 0 || (int32_t)v[1] < 0)
        return -EINVAL;
    v[0] = v[1] = 0;
    return copy_to_user(arg, v, sizeof(v));
}

static long alloc_range(struct uring *r, void __user *arg, unsigned nr)
{
    struct io_uring_file_index_range g;

    if (!arg || nr)
        return -EINVAL;
    if (copy_from_user(&g, arg, sizeof(g)))
        return -EFAULT;
    if (g.off + g.len < g.off)
        return -EOVERFLOW;
    if (g.resv || g.off + g.len > r->files.nr)
        return -EINVAL;
    r->files.alloc_from = r->files.hint = g.off;
    r->files.alloc_to = g.off + g.len;
    return 0;
}

static long do_register(struct uring *r, unsigned op, void __user *arg, unsigned nr)
{
    switch (op) {
    case IORING_REGISTER_EVENTFD:
    case IORING_REGISTER_EVENTFD_ASYNC:
        return register_eventfd(r, arg, nr, op == IORING_REGISTER_EVENTFD_ASYNC);
    case IORING_UNREGISTER_EVENTFD:
        return unregister_eventfd(r, arg, nr);
    case IORING_REGISTER_PROBE:
        return probe_ops(arg, nr);
    case IORING_REGISTER_RESTRICTIONS:
        return register_restrictions(r, arg, nr);
    case IORING_REGISTER_ENABLE_RINGS:
        return enable(r, arg, nr);
    case IORING_REGISTER_IOWQ_AFF:
        return arg && nr ? 0 : -EINVAL;
    case IORING_UNREGISTER_IOWQ_AFF:
        return arg || nr ? -EINVAL : 0;
    case IORING_REGISTER_IOWQ_MAX_WORKERS:
        return max_workers(arg, nr);
    case IORING_REGISTER_RING_FDS:
    case IORING_UNREGISTER_RING_FDS:
        return uring_ring_fds(arg, nr, op == IORING_REGISTER_RING_FDS);
    case IORING_REGISTER_PBUF_RING:
        return arg && nr == 1 ? uring_register_pbuf(r, arg, nr) : -EINVAL;
    case IORING_UNREGISTER_PBUF_RING:
        return arg && nr == 1 ? uring_unregister_pbuf(r, arg, nr) : -EINVAL;
    case IORING_REGISTER_SYNC_CANCEL:
        return arg && nr == 1 ? uring_sync_cancel(r, arg) : -EINVAL;
    case IORING_REGISTER_FILE_ALLOC_RANGE:
        return alloc_range(r, arg, nr);
    case IORING_REGISTER_PERSONALITY: /* requests run with their thread's credentials */
    case IORING_UNREGISTER_PERSONALITY:
        return -EINVAL;
    default:
        return uring_register_resource(r, op, arg, nr);
    }
}

static long register_locked(struct uring *r, unsigned op, void __user *arg, unsigned nr)
{
    if (r->issuer && r->issuer != current)
        return -EEXIST;
    if (r->restricted && !(r->restrict_to->register_ops >> op & 1))
        return -EACCES;
    return do_register(r, op, arg, nr);
}

SYSCALL4(io_uring_register, unsigned, fd, unsigned, op, void __user *, arg, unsigned, nr)
{
    struct file *f;
    struct uring *r;
    long n;

    if (op >= IORING_REGISTER_LAST)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (f->ops != &uring_file_ops) {
        file_put(f);
        return -EOPNOTSUPP;
    }
    r = f->private;
    mutex_lock(&r->mutex);
    n = register_locked(r, op, arg, nr);
    uring_flush(r, true);
    uring_unlock(r);
    file_put(f);
    return n;
}
