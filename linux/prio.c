/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prio.c: nice values and I/O priorities of threads, groups and users: setpriority(2), ioprio_set(2). I/O priorities
 * are kept and told, and change nothing: the program has its disk for itself.
 */
#include "linux/prio.h"
#include "kernel/thread.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/futex.h"
#include "linux/syscall.h"
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/ioprio.h>

enum { OF_PROCESS, OF_GROUP, OF_USER }; /* PRIO_*; IOPRIO_WHO_* begin at 1 */

/* Those of p's threads that are the group's or the user's. tasks_lock held. */
static long of_process(struct process *p, int which, uint32_t who, long best,
                       long (*fn)(struct thread *t, int arg), int arg)
{
    unsigned long flags;
    struct uthread *u;

    if (which == OF_GROUP && p->pgid != (int)who)
        return best;
    flags = spin_lock_irqsave(&p->sighand->lock);
    list_for_each (u, &p->threads, link)
        if (which == OF_GROUP ||
            thread_cred(u->thread)->uid == who) /* no CPU leaves a section of RCU's here */
            best = MAX(best, fn(u->thread, arg));
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return best;
}

/* Calls fn for each thread that (which, who) means; its greatest answer, -ESRCH without any, -EINVAL. */
static long for_each_target(int which, int who, long (*fn)(struct thread *t, int arg), int arg)
{
    struct process *p;
    long best = -ESRCH;

    if (which < OF_PROCESS || which > OF_USER)
        return -EINVAL;
    if (which == OF_PROCESS) {
        struct thread *t = who ? thread_find(0, who) : current;

        if (!t)
            return -ESRCH;
        best = fn(t, arg);
        if (who)
            thread_put(t);
        return best;
    }
    if (!who)
        who = which == OF_GROUP ? current_process()->pgid : (int)current_cred()->uid;
    spin_lock(&tasks_lock);
    list_for_each (p, &processes, all)
        best = of_process(p, which, who, best, fn, arg);
    spin_unlock(&tasks_lock);
    return best;
}

/* ---- nice ---- */

static long read_nice(struct thread *t, int unused)
{
    return 20 - t->nice; /* errors are negative */
}

bool prio_may_set(struct thread *t)
{
    const struct cred *own = current_cred(), *c;
    bool may;

    rcu_read_lock();
    c = thread_cred(t);
    may = own->euid == c->uid || own->euid == c->euid;
    rcu_read_unlock();
    return may || fs_capable(CAP_SYS_NICE);
}

static long write_nice(struct thread *t, int nice)
{
    if (!prio_may_set(t))
        return -EPERM;
    if (nice < t->nice && !fs_capable(CAP_SYS_NICE) &&
        20 - nice > (int)MIN(rlimit_cur(RLIMIT_NICE), (uint64_t)40))
        return -EACCES;
    sched_set(t, t->policy, nice, t->own_rt_prio);
    futex_pi_adjust(t);
    return 0;
}

SYSCALL2(getpriority, int, which, int, who)
{
    return for_each_target(which, who, read_nice, 0);
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
    return for_each_target(which, who, write_nice, MAX(-20, MIN(19, nice)));
}

/* ---- I/O ---- */

static long check_ioprio(int prio)
{
    switch (IOPRIO_PRIO_CLASS(prio)) {
    case IOPRIO_CLASS_RT:
        if (!fs_capable(CAP_SYS_ADMIN) && !fs_capable(CAP_SYS_NICE))
            return -EPERM;
        return IOPRIO_PRIO_DATA(prio) >= 8 ? -EINVAL : 0;
    case IOPRIO_CLASS_BE:
        return IOPRIO_PRIO_DATA(prio) >= 8 ? -EINVAL : 0;
    case IOPRIO_CLASS_IDLE:
        return 0;
    case IOPRIO_CLASS_NONE:
        return IOPRIO_PRIO_DATA(prio) ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

static long write_ioprio(struct thread *t, int prio)
{
    if (!prio_may_set(t))
        return -EPERM;
    WRITE_ONCE(((struct uthread *)t->ulinux)->ioprio, prio);
    return 0;
}

static long read_ioprio(struct thread *t, int unused)
{
    return READ_ONCE(((struct uthread *)t->ulinux)->ioprio);
}

/* As the block layer sees it: without one of its own a thread has that of its nice value. */
static long effective_ioprio(struct thread *t, int unused)
{
    long prio = read_ioprio(t, 0);

    return 65536 - (prio ? prio : (long)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, (t->nice + 20) / 5));
}

SYSCALL3(ioprio_set, int, which, int, who, int, prio)
{
    long err = check_ioprio(prio);

    return err ? err : for_each_target(which - 1, who, write_ioprio, prio);
}

SYSCALL2(ioprio_get, int, which, int, who)
{
    long n;

    if (which - 1 == OF_PROCESS)
        return for_each_target(OF_PROCESS, who, read_ioprio, 0);
    n = for_each_target(which - 1, who, effective_ioprio,
                        0); /* of several the highest, whose number is least */
    return n < 0 ? n : 65536 - n;
}
