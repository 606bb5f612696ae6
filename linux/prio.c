/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prio.c: nice values and I/O priorities of threads, groups and users: setpriority(2), ioprio_set(2). I/O priorities
 * are kept and told, and change nothing: the program has its disk for itself.
 */
#include "kernel/thread.h"
#include "linux/cred.h"
#include "linux/futex.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/ioprio.h>

enum { OF_PROCESS, OF_GROUP, OF_USER }; /* PRIO_*; IOPRIO_WHO_* begin at 1 */

/* Calls fn for each thread that (which, who) means; its greatest answer, -ESRCH without any, -EINVAL. Without threads of
 * other processes a group or a user is the process or nobody. */
static long for_each_target(int which, int who, long (*fn)(struct thread *t, int arg), int arg)
{
    struct process *p = current_process();
    struct uthread *u;
    unsigned long flags;
    uint32_t uid;
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
    if (which == OF_GROUP && who && who != p->pgid)
        return -ESRCH;
    uid = who ? (uint32_t)who : current_cred()->uid;
    flags = spin_lock_irqsave(&p->sighand->lock);
    list_for_each (u, &p->threads, link)
        if (which == OF_GROUP ||
            thread_cred(u->thread)->uid == uid) /* no CPU leaves a section of RCU's here */
            best = MAX(best, fn(u->thread, arg));
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return best;
}

/* ---- nice ---- */

static long read_nice(struct thread *t, int unused)
{
    return 20 - t->nice; /* errors are negative */
}

static long write_nice(struct thread *t, int nice)
{
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
