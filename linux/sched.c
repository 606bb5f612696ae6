/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched.c: scheduling parameters: policies, priorities, affinity (sched(7)). Nice values and I/O priorities: prio.c.
 */
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/futex.h"
#include "linux/prio.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#define RT_MAX 99

static bool policy_known(int policy)
{
    return policy == SCHED_NORMAL || policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

static bool policy_rt(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* tid 0: oneself. A reference, or NULL. */
static struct thread *target(int tid)
{
    if (tid)
        return thread_find(0, tid);
    thread_get(current);
    return current;
}

SYSCALL0(sched_yield)
{
    sched_yield_current();
    return 0;
}

SYSCALL1(sched_get_priority_max, int, policy)
{
    return !policy_known(policy) && policy != SCHED_DEADLINE ? -EINVAL : policy_rt(policy) ? RT_MAX : 0;
}

SYSCALL1(sched_get_priority_min, int, policy)
{
    return !policy_known(policy) && policy != SCHED_DEADLINE ? -EINVAL : policy_rt(policy) ? 1 : 0;
}

/* ---- policies and priorities ---- */

struct setting {
    int policy; /* < 0: the thread keeps its policy, and whether it is reset_on_fork */
    int nice;
    unsigned prio;
    bool reset_on_fork, keep_nice, keep_all;
};

/* Without CAP_SYS_NICE (sched(7), "Privileges and resource limits"): may a thread have this nice value? */
static bool nice_allowed(int nice)
{
    return 20 - nice <= (int)MIN(rlimit_cur(RLIMIT_NICE), (uint64_t)40);
}

static bool may_set(struct thread *t, const struct setting *s)
{
    uint64_t limit = rlimit_cur(RLIMIT_RTPRIO);

    if (fs_capable(CAP_SYS_NICE))
        return true;
    if (!prio_may_set(t))
        return false;
    if (policy_rt(s->policy)) {
        if (s->policy != t->policy && !limit)
            return false;
        if (s->prio > t->own_rt_prio && s->prio > limit)
            return false;
    } else if (s->nice < t->nice && !nice_allowed(s->nice)) {
        return false;
    }
    if (t->policy == SCHED_IDLE && s->policy != SCHED_IDLE && !nice_allowed(t->nice))
        return false;
    return !t->reset_on_fork || s->reset_on_fork;
}

static long apply(struct thread *t, struct setting *s)
{
    if (s->policy < 0) {
        s->policy = t->policy;
        s->reset_on_fork = t->reset_on_fork;
    }
    if (s->keep_nice || policy_rt(s->policy))
        s->nice = t->nice;
    if (!policy_known(s->policy) || s->prio > RT_MAX || policy_rt(s->policy) != (s->prio != 0))
        return -EINVAL;
    if (!may_set(t, s))
        return -EPERM;
    t->reset_on_fork = s->reset_on_fork;
    if (!s->keep_all && (s->policy != t->policy || s->nice != t->nice || s->prio != t->own_rt_prio)) {
        sched_set(t, s->policy, s->nice, s->prio);
        futex_pi_adjust(t);
    }
    return 0;
}

static long set_policy(int tid, struct setting *s)
{
    struct thread *t = target(tid);
    long err;

    if (!t)
        return -ESRCH;
    err = apply(t, s);
    thread_put(t);
    return err;
}

SYSCALL3(sched_setscheduler, int, tid, int, policy, const unsigned __user *, param)
{
    struct setting s = { .policy = policy & ~SCHED_RESET_ON_FORK,
                         .reset_on_fork = policy & SCHED_RESET_ON_FORK,
                         .keep_nice = true };

    if (policy < 0 || tid < 0 || !param)
        return -EINVAL;
    if (get_user(s.prio, param))
        return -EFAULT;
    return set_policy(tid, &s);
}

SYSCALL2(sched_setparam, int, tid, const unsigned __user *, param)
{
    struct setting s = { .policy = -1, .keep_nice = true };

    if (tid < 0 || !param)
        return -EINVAL;
    if (get_user(s.prio, param))
        return -EFAULT;
    return set_policy(tid, &s);
}

SYSCALL1(sched_getscheduler, int, tid)
{
    struct thread *t;
    long n;

    if (tid < 0)
        return -EINVAL;
    t = target(tid);
    if (!t)
        return -ESRCH;
    n = t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
    thread_put(t);
    return n;
}

SYSCALL2(sched_getparam, int, tid, int __user *, param)
{
    struct thread *t;
    int prio;

    if (tid < 0 || !param)
        return -EINVAL;
    t = target(tid);
    if (!t)
        return -ESRCH;
    prio = t->own_rt_prio;
    thread_put(t);
    return put_user(prio, param) ? -EFAULT : 0;
}

/* Who passes more than we know is told what we know. */
static long read_attr(struct sched_attr *a, struct sched_attr __user *u)
{
    uint32_t size, known = sizeof(*a);
    long err;

    if (get_user(size, &u->size))
        return -EFAULT;
    if (!size)
        size = SCHED_ATTR_SIZE_VER0;
    err = size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE ? -E2BIG : copy_struct_from_user(a, known, u, size);
    if (err == -E2BIG && put_user(known, &u->size))
        return -EFAULT;
    return err;
}

#define FLAGS_KEEP  (SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)
#define FLAGS_CLAMP (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX)

SYSCALL3(sched_setattr, int, tid, struct sched_attr __user *, u, unsigned, flags)
{
    struct sched_attr a;
    struct setting s;
    struct thread *t;
    long err;

    if (!u || tid < 0 || flags)
        return -EINVAL;
    err = read_attr(&a, u);
    if (err)
        return err;
    if ((int)a.sched_policy < 0 ||
        a.sched_flags & ~(uint64_t)(SCHED_FLAG_RESET_ON_FORK | FLAGS_KEEP | FLAGS_CLAMP))
        return -EINVAL;
    s = (struct setting){ .policy = a.sched_flags & SCHED_FLAG_KEEP_POLICY ? -1 : (int)a.sched_policy,
                          .nice = MAX(-20, MIN(19, a.sched_nice)),
                          .prio = a.sched_priority,
                          .reset_on_fork = a.sched_flags & SCHED_FLAG_RESET_ON_FORK };
    t = target(tid);
    if (!t)
        return -ESRCH;
    if (a.sched_flags & SCHED_FLAG_KEEP_PARAMS) {
        s.keep_nice = s.keep_all = true;
        s.prio = t->own_rt_prio;
    }
    /* Clamps of the CPU's frequency: as a kernel without them. */
    err = a.sched_flags & FLAGS_CLAMP ? -EOPNOTSUPP : apply(t, &s);
    thread_put(t);
    return err;
}

SYSCALL4(sched_getattr, int, tid, struct sched_attr __user *, u, unsigned, size, unsigned, flags)
{
    struct sched_attr a = { 0 };
    struct thread *t;

    if (!u || tid < 0 || flags || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
        return -EINVAL;
    t = target(tid);
    if (!t)
        return -ESRCH;
    a.size = MIN((size_t)size, sizeof(a));
    a.sched_policy = t->policy;
    a.sched_flags = t->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
    a.sched_nice = policy_rt(t->policy) ? 0 : t->nice;
    a.sched_priority = t->own_rt_prio;
    thread_put(t);
    return copy_to_user(u, &a, a.size);
}

SYSCALL2(sched_rr_get_interval, int, tid, struct __kernel_timespec __user *, u)
{
    struct thread *t;
    uint64_t ns;

    if (tid < 0)
        return -EINVAL;
    t = target(tid);
    if (!t)
        return -ESRCH;
    ns = t->policy == SCHED_FIFO ? 0 : t->policy == SCHED_RR ? 100 * NSEC_PER_MS : SCHED_SLICE_NS;
    thread_put(t);
    return time_write(u, ns);
}

/* ---- affinity ---- */

SYSCALL3(sched_setaffinity, int, tid, unsigned, len, const void __user *, u)
{
    struct thread *t;
    uint64_t mask = 0;
    long err = 0;

    if (copy_from_user(&mask, u, MIN((size_t)len, sizeof(mask))))
        return -EFAULT;
    t = target(tid);
    if (!t)
        return -ESRCH;
    mask &= cpus_all();
    if (!prio_may_set(t))
        err = -EPERM;
    else if (!mask)
        err = -EINVAL;
    else
        sched_set_affinity(t, mask);
    thread_put(t);
    return err;
}

SYSCALL3(sched_getaffinity, int, tid, unsigned, len, void __user *, u)
{
    struct thread *t;
    uint64_t mask;

    if (len * 8 < nr_cpus || len % sizeof(long))
        return -EINVAL;
    t = target(tid);
    if (!t)
        return -ESRCH;
    mask = t->affinity & cpus_all();
    thread_put(t);
    return copy_to_user(u, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

SYSCALL3(getcpu, unsigned __user *, cpu, unsigned __user *, node, void __user *, unused)
{
    unsigned id = this_cpu()->id, zero = 0;

    if ((cpu && put_user(id, cpu)) || (node && put_user(zero, node)))
        return -EFAULT;
    return 0;
}
