/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits.c: resource limits and usage: prlimit64(2), getrusage(2), times(2), sysinfo(2).
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/exec.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/itimer.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/times.h>

/* ---- limits ---- */

#define NOFILE_MAX 1048576 /* fs.nr_open */

static long set_limit(struct process *p, unsigned which, const struct rlimit_pair *n)
{
    struct rlimit_pair *l = &p->rlimits[which];

    if (n->cur > n->max)
        return -EINVAL;
    if (which == RLIMIT_NOFILE && n->max > NOFILE_MAX)
        return -EPERM;
    if (n->max > l->max && !fs_capable(CAP_SYS_RESOURCE))
        return -EPERM;
    *l = *n;
    if (p->mm)
        process_update_limits(p);
    return which == RLIMIT_CPU ? itimer_cpu_limit(p) : 0;
}

SYSCALL4(prlimit64, int, pid, unsigned, which, const struct rlimit_pair __user *, n,
         struct rlimit_pair __user *, o)
{
    struct process *p;
    struct rlimit_pair new, old;
    long err = 0;

    if (which >= RLIM_NLIMITS)
        return -EINVAL;
    if (n && copy_from_user(&new, n, sizeof(new)))
        return -EFAULT;
    p = process_find(pid ? pid : current_process()->pid);
    if (!p)
        return -ESRCH;
    mutex_lock(&p->lock);
    old = p->rlimits[which];
    if (n)
        err = set_limit(p, which, &new);
    mutex_unlock(&p->lock);
    process_put(p);
    if (!err && o && copy_to_user(o, &old, sizeof(old)))
        err = -EFAULT;
    return err;
}

SYSCALL2(getrlimit, unsigned, which, struct rlimit_pair __user *, o)
{
    if (which >= RLIM_NLIMITS)
        return -EINVAL;
    return copy_to_user(o, &current_process()->rlimits[which], sizeof(*o));
}

SYSCALL2(setrlimit, unsigned, which, const struct rlimit_pair __user *, n)
{
    struct process *p = current_process();
    struct rlimit_pair new;
    long err;

    if (copy_from_user(&new, n, sizeof(new)))
        return -EFAULT;
    if (which >= RLIM_NLIMITS)
        return -EINVAL;
    mutex_lock(&p->lock);
    err = set_limit(p, which, &new);
    mutex_unlock(&p->lock);
    return err;
}

/* ---- usage ---- */

void process_cpu_times_locked(struct process *p, uint64_t *user_ns, uint64_t *sys_ns)
{
    struct uthread *u;

    *user_ns = p->utime_dead_ns;
    *sys_ns = p->stime_dead_ns;
    list_for_each (u, &p->threads, link) {
        uint64_t ut, st;

        thread_times(u->thread, &ut, &st);
        *user_ns += ut;
        *sys_ns += st;
    }
}

void process_cpu_times(struct process *p, uint64_t *user_ns, uint64_t *sys_ns)
{
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);

    process_cpu_times_locked(p, user_ns, sys_ns);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

static struct __kernel_old_timeval ns_timeval(uint64_t ns)
{
    return (struct __kernel_old_timeval){ .tv_sec = ns / NSEC_PER_SEC, .tv_usec = ns % NSEC_PER_SEC / 1000 };
}

void usage_of(struct process *p, struct process_usage *n)
{
    unsigned long flags;
    struct uthread *u;
    struct mm *mm;

    *n = (struct process_usage){ .maxrss = p->maxrss };
    flags = spin_lock_irqsave(&p->sighand->lock);
    process_cpu_times_locked(p, &n->utime_ns, &n->stime_ns);
    n->min_flt = p->min_flt_dead;
    n->maj_flt = p->maj_flt_dead;
    n->nvcsw = p->nvcsw_dead;
    n->nivcsw = p->nivcsw_dead;
    list_for_each (u, &p->threads, link) {
        n->min_flt += u->thread->min_flt;
        n->maj_flt += u->thread->maj_flt;
        n->nvcsw += u->thread->nvcsw;
        n->nivcsw += u->thread->nivcsw;
        mm = u->thread->mm; /* those of the list have it still */
        if (mm)
            n->maxrss = MAX(n->maxrss, mm->peak_rss);
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

void usage_add(struct process_usage *to, const struct process_usage *u)
{
    to->utime_ns += u->utime_ns;
    to->stime_ns += u->stime_ns;
    to->min_flt += u->min_flt;
    to->maj_flt += u->maj_flt;
    to->nvcsw += u->nvcsw;
    to->nivcsw += u->nivcsw;
    to->maxrss = MAX(to->maxrss, u->maxrss);
}

int usage_to_user(void __user *to, const struct process_usage *u)
{
    struct {
        struct __kernel_old_timeval utime, stime;
        int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
            nsignals, nvcsw, nivcsw;
    } r = {
        .utime = ns_timeval(u->utime_ns),
        .stime = ns_timeval(u->stime_ns),
        .maxrss = u->maxrss * (PAGE_SIZE / 1024),
        .minflt = u->min_flt,
        .majflt = u->maj_flt,
        .nvcsw = u->nvcsw,
        .nivcsw = u->nivcsw,
    };

    return copy_to_user(to, &r, sizeof(r));
}

static void children_usage(struct process *p, struct process_usage *u)
{
    spin_lock(&tasks_lock);
    *u = p->children_usage;
    spin_unlock(&tasks_lock);
}

SYSCALL2(getrusage, int, who, void __user *, to)
{
    struct process *p = current_process();
    struct process_usage u = { 0 };

    switch (who) {
    case 0: /* RUSAGE_SELF */
        usage_of(p, &u);
        break;
    case 1: /* RUSAGE_THREAD */
        thread_times(current, &u.utime_ns, &u.stime_ns);
        u.min_flt = current->min_flt;
        u.maj_flt = current->maj_flt;
        u.nvcsw = current->nvcsw;
        u.nivcsw = current->nivcsw;
        u.maxrss = current->mm->peak_rss;
        break;
    case -1: /* RUSAGE_CHILDREN */
        children_usage(p, &u);
        break;
    default:
        return -EINVAL;
    }
    return usage_to_user(to, &u);
}

SYSCALL1(times, struct tms __user *, u)
{
    struct tms t = { 0 };
    uint64_t ut, st;

    if (u) {
        struct process_usage c;

        process_cpu_times(current_process(), &ut, &st);
        children_usage(current_process(), &c);
        t.tms_utime = ut / (NSEC_PER_SEC / 100);
        t.tms_stime = st / (NSEC_PER_SEC / 100);
        t.tms_cutime = c.utime_ns / (NSEC_PER_SEC / 100);
        t.tms_cstime = c.stime_ns / (NSEC_PER_SEC / 100);
        if (copy_to_user(u, &t, sizeof(t)))
            return -EFAULT;
    }
    return clock_mono_ns() / (NSEC_PER_SEC / 100);
}

SYSCALL1(sysinfo, struct sysinfo __user *, u)
{
    struct sysinfo s;
    struct page_stats p;

    page_get_stats(&p);
    memset(&s, 0, sizeof(s));
    s.uptime = clock_mono_ns() / NSEC_PER_SEC;
    s.totalram = p.total << PAGE_SHIFT;
    s.freeram = p.free << PAGE_SHIFT;
    s.bufferram = 0;
    s.procs = current_process()->nr_threads;
    s.mem_unit = 1;
    return copy_to_user(u, &s, sizeof(s));
}
