/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c: a socket's packet filter: attached, locked, read, run. */
#include "net/filter.h"
#include "abi/errno.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include <asm/socket.h>

static void filter_free(struct rcu_head *h)
{
    kfree(container_of(h, struct filter, rcu));
}

void filter_replace(struct filter **slot, struct filter *f)
{
    struct filter *old = atomic_xchg(slot, f);

    if (old)
        rcu_defer(&old->rcu, filter_free);
}

struct filter *filter_read(const void *val, unsigned len)
{
    struct sock_fprog prog;
    struct filter *f;
    int err;

    if (len != sizeof(prog))
        return ERR_PTR(-EINVAL);
    memcpy(&prog, val, sizeof(prog));
    if (!prog.filter || !prog.len || prog.len > BPF_MAXINSNS)
        return ERR_PTR(-EINVAL);
    f = kmalloc(sizeof(*f) + prog.len * sizeof(f->insns[0]));
    if (!f)
        return ERR_PTR(-ENOMEM);
    f->len = prog.len;
    err = copy_from_user(f->insns, (const void __user *)prog.filter, prog.len * sizeof(f->insns[0]))
              ? -EFAULT
              : bpf_check(f->insns, f->len);
    if (!err)
        return f;
    kfree(f);
    return ERR_PTR(err);
}

static int attach(struct socket *s, const void *val, unsigned len)
{
    struct filter *f;

    if (len != sizeof(struct sock_fprog))
        return -EINVAL;
    if (s->filter_locked)
        return -EPERM;
    f = filter_read(val, len);
    if (IS_ERR(f))
        return PTR_ERR(f);
    filter_replace(&s->filter, f);
    return 0;
}

int filter_set(struct socket *s, int name, const void *val, unsigned len)
{
    int on;

    if (!s->ops->filters)
        return -ENOPROTOOPT;
    if (name == SO_ATTACH_FILTER)
        return attach(s, val, len);
    if (name == SO_LOCK_FILTER) {
        memcpy(&on, val, sizeof(on));
        if (s->filter_locked && !on)
            return -EPERM;
        s->filter_locked = on;
        return 0;
    }
    if (s->filter_locked)
        return -EPERM;
    if (!s->filter)
        return -ENOENT;
    filter_replace(&s->filter, NULL);
    return 0;
}

int filter_get(struct socket *s, void __user *buf, unsigned max)
{
    struct sock_filter *copy = NULL;
    const struct filter *f;
    unsigned len = 0;
    int err = 0;

    if (max) {
        copy = kmalloc(MIN(max, (unsigned)BPF_MAXINSNS) * sizeof(*copy));
        if (!copy)
            return -ENOMEM;
    }
    rcu_read_lock();
    f = atomic_load_acquire(&s->filter);
    if (f) {
        len = f->len;
        if (max && max < len)
            err = -EINVAL;
        else if (max)
            memcpy(copy, f->insns, len * sizeof(*copy));
    }
    rcu_read_unlock();
    if (!err && max && len && copy_to_user(buf, copy, len * sizeof(*copy)))
        err = -EFAULT;
    kfree(copy);
    return err ? err : (int)len;
}

void filter_drop(struct socket *s)
{
    filter_replace(&s->filter, NULL);
}

uint32_t filter_run(const struct socket *s, const struct bpf_packet *k)
{
    const struct filter *f;
    uint32_t n = k->len;

    rcu_read_lock();
    f = atomic_load_acquire(&s->filter);
    if (f)
        n = bpf_run(f->insns, k);
    rcu_read_unlock();
    return MIN(n, k->len);
}

bool filter_packet(const struct socket *s, struct pktbuf *p, uint32_t before)
{
    struct bpf_packet k;
    uint32_t n;

    bpf_packet_of(&k, p, before);
    k.mark = 0;
    n = filter_run(s, &k);
    if (!n)
        return false;
    pktbuf_trim(p, n > before ? n - before : 0); /* headers stay, as on Linux */
    return true;
}
