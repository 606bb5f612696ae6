/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * itimer.c: a process's interval timers (setitimer(2), alarm(2)) and its limit of CPU time.
 *
 * CPU time is not interrupted when it reaches a value: a timer is set to the earliest moment at which it can, and
 * looks again.
 */
#include "linux/itimer.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/clock_timer.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/resource.h>
#include <linux/time.h>

#define CPU_LOOK_NS NSEC_PER_MS /* CPU time is not looked at more often */

struct countdown {
    uint64_t next; /* absolute, 0: off */
    uint64_t interval;
};

struct itimers { /* [s] */
    struct process *proc;
    struct timer real_timer;
    struct countdown real; /* monotonic */
    bool real_taken;       /* it runs; else its signal is pending */
    struct timer cpu_timer;
    struct countdown virt, prof; /* user time, all CPU time */
    uint64_t cpu_limit;          /* next SIGXCPU, 0: never */
};

static unsigned long lock(struct process *p)
{
    return spin_lock_irqsave(&p->sighand->lock);
}

static void unlock(struct process *p, unsigned long flags)
{
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

/* ---- real time ---- */

static void real_fired(struct timer *t)
{
    struct itimers *it = container_of(t, struct itimers, real_timer);
    unsigned long flags = lock(it->proc);
    bool due = it->real.next && it->real_taken;

    it->real_taken = false;
    if (due && !it->real.interval)
        it->real.next = 0;
    unlock(it->proc, flags);
    if (due)
        signal_send_process(it->proc, SIGALRM, NULL);
}

void itimer_alarm_taken(struct process *p)
{
    struct itimers *it = p->itimers;

    if (!it->real.next || it->real_taken)
        return;
    clock_forward(&it->real.next, it->real.interval, clock_mono_ns());
    it->real_taken = true;
    timer_arm(&it->real_timer, it->real.next);
}

/* ---- CPU time ---- */

/* Starts the next look, if anything is awaited. ut: user time, ct: all. */
static void cpu_arm_locked(struct itimers *it, uint64_t ut, uint64_t ct)
{
    uint64_t left = UINT64_MAX;

    if (it->virt.next)
        left = MIN(left, it->virt.next - MIN(ut, it->virt.next));
    if (it->prof.next)
        left = MIN(left, it->prof.next - MIN(ct, it->prof.next));
    if (it->cpu_limit)
        left = MIN(left, it->cpu_limit - MIN(ct, it->cpu_limit));
    if (left != UINT64_MAX)
        timer_arm(&it->cpu_timer, time_deadline(MAX(left / MAX(it->proc->nr_threads, 1u), CPU_LOOK_NS)));
}

static bool reached(struct countdown *c, uint64_t now)
{
    if (!c->next || now < c->next)
        return false;
    if (c->interval)
        clock_forward(&c->next, c->interval, now);
    else
        c->next = 0;
    return true;
}

/* SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one. */
static int limit_reached(struct itimers *it, uint64_t ct)
{
    const struct rlimit_pair *r = &it->proc->rlimits[RLIMIT_CPU];

    if (!it->cpu_limit || ct < it->cpu_limit)
        return 0;
    if (ct / NSEC_PER_SEC >= r->max)
        return SIGKILL;
    it->cpu_limit += NSEC_PER_SEC;
    return SIGXCPU;
}

static void cpu_fired(struct timer *t)
{
    struct itimers *it = container_of(t, struct itimers, cpu_timer);
    struct process *p = it->proc;
    unsigned long flags = lock(p);
    bool virt, prof;
    uint64_t ut, st;
    int limit;

    process_cpu_times_locked(p, &ut, &st);
    virt = reached(&it->virt, ut);
    prof = reached(&it->prof, ut + st);
    limit = limit_reached(it, ut + st);
    cpu_arm_locked(it, ut, ut + st);
    unlock(p, flags);
    if (virt)
        signal_send_running(p, SIGVTALRM);
    if (prof)
        signal_send_running(p, SIGPROF);
    if (limit)
        signal_send_running(p, limit);
}

/* ---- setting; p->lock held ---- */

static struct itimers *itimers_get(struct process *p)
{
    struct itimers *it = p->itimers;

    if (it)
        return it;
    it = kzalloc(sizeof(*it));
    if (!it)
        return NULL;
    it->proc = p;
    timer_init(&it->real_timer, real_fired);
    timer_init(&it->cpu_timer, cpu_fired);
    atomic_store_release(&p->itimers, it);
    return it;
}

static void real_value(const struct itimers *it, struct timer_value *v)
{
    uint64_t now = clock_mono_ns();

    v->interval = it->real.interval;
    v->value = 0;
    if (it->real.next && it->real_taken)
        v->value = it->real.next > now ? it->real.next - now : NSEC_PER_US;
}

static void set_real(struct itimers *it, const struct timer_value *new, struct timer_value *old)
{
    unsigned long flags = lock(it->proc);

    real_value(it, old);
    it->real.next = 0;
    unlock(it->proc, flags);
    timer_cancel(&it->real_timer);
    flags = lock(it->proc);
    it->real.interval = new->value ? new->interval : 0;
    it->real_taken = true;
    if (new->value) {
        it->real.next = time_deadline(new->value);
        timer_arm(&it->real_timer, it->real.next);
    }
    unlock(it->proc, flags);
}

static void cpu_value(const struct countdown *c, uint64_t now, struct timer_value *v)
{
    v->interval = c->interval;
    v->value = !c->next ? 0 : c->next > now ? c->next - now : NSEC_PER_US;
}

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    return a > (uint64_t)INT64_MAX - MIN(b, (uint64_t)INT64_MAX) ? (uint64_t)INT64_MAX : a + b;
}

static void set_cpu(struct itimers *it, bool user_only, const struct timer_value *new,
                    struct timer_value *old)
{
    struct countdown *c = user_only ? &it->virt : &it->prof;
    unsigned long flags;
    uint64_t ut, st, now;

    timer_cancel(&it->cpu_timer);
    flags = lock(it->proc);
    process_cpu_times_locked(it->proc, &ut, &st);
    now = user_only ? ut : ut + st;
    cpu_value(c, now, old);
    c->interval = new->interval;
    c->next = new->value ? saturating_add(new->value, now) : 0;
    cpu_arm_locked(it, ut, ut + st);
    unlock(it->proc, flags);
}

static int set_timer(int which, const struct timer_value *new, struct timer_value *old)
{
    struct process *p = current_process();
    struct itimers *it;

    mutex_lock(&p->lock);
    it = itimers_get(p);
    if (it && which == ITIMER_REAL)
        set_real(it, new, old);
    else if (it)
        set_cpu(it, which == ITIMER_VIRTUAL, new, old);
    mutex_unlock(&p->lock);
    return it ? 0 : -ENOMEM;
}

static void get_timer(int which, struct timer_value *v)
{
    struct process *p = current_process();
    struct itimers *it = atomic_load_acquire(&p->itimers);
    unsigned long flags;
    uint64_t ut, st;

    v->interval = v->value = 0;
    if (!it)
        return;
    flags = lock(p);
    process_cpu_times_locked(p, &ut, &st);
    if (which == ITIMER_REAL)
        real_value(it, v);
    else if (which == ITIMER_VIRTUAL)
        cpu_value(&it->virt, ut, v);
    else
        cpu_value(&it->prof, ut + st, v);
    unlock(p, flags);
}

int itimer_cpu_limit(struct process *p)
{
    uint64_t soft = p->rlimits[RLIMIT_CPU].cur, ut, st;
    struct itimers *it;
    unsigned long flags;

    if (!p->itimers && soft >= INT64_MAX / NSEC_PER_SEC)
        return 0;
    it = itimers_get(p);
    if (!it)
        return -ENOMEM;
    timer_cancel(&it->cpu_timer);
    flags = lock(p);
    it->cpu_limit = soft >= INT64_MAX / NSEC_PER_SEC ? 0 : MAX(soft, 1u) * NSEC_PER_SEC;
    process_cpu_times_locked(p, &ut, &st);
    cpu_arm_locked(it, ut, ut + st);
    unlock(p, flags);
    return 0;
}

void itimer_exit_process(struct process *p)
{
    struct itimers *it = p->itimers;

    posix_timers_drop(p);
    if (!it)
        return;
    p->itimers = NULL;
    it->real.next = it->virt.next = it->prof.next = it->cpu_limit = 0;
    timer_cancel(&it->real_timer);
    timer_cancel(&it->cpu_timer);
    kfree(it);
}

void itimer_exec(struct process *p)
{
    posix_timers_drop(p);
}

/* ---- system calls ---- */

struct itimer_user {
    struct __kernel_old_timeval interval, value;
};

static int tv_ns(const struct __kernel_old_timeval *tv, uint64_t *ns)
{
    if (tv->tv_sec < 0 || (unsigned long long)tv->tv_usec >= 1000000)
        return -EINVAL;
    *ns = (uint64_t)tv->tv_sec >= INT64_MAX / NSEC_PER_SEC
              ? INT64_MAX
              : tv->tv_sec * NSEC_PER_SEC + tv->tv_usec * NSEC_PER_US;
    return 0;
}

static int write_value(struct itimer_user __user *u, const struct timer_value *v)
{
    struct itimer_user x = {
        .interval = { v->interval / NSEC_PER_SEC, v->interval % NSEC_PER_SEC / NSEC_PER_US },
        .value = { v->value / NSEC_PER_SEC, v->value % NSEC_PER_SEC / NSEC_PER_US },
    };

    return copy_to_user(u, &x, sizeof(x));
}

SYSCALL3(setitimer, int, which, const struct itimer_user __user *, unew, struct itimer_user __user *, uold)
{
    struct itimer_user x = { 0 };
    struct timer_value new, old;
    int err;

    if (unew && copy_from_user(&x, unew, sizeof(x)))
        return -EFAULT;
    err = tv_ns(&x.value, &new.value);
    if (!err)
        err = tv_ns(&x.interval, &new.interval);
    if (!err && (unsigned)which > ITIMER_PROF)
        err = -EINVAL;
    if (!err)
        err = set_timer(which, &new, &old);
    if (err || !uold)
        return err;
    return write_value(uold, &old);
}

SYSCALL2(getitimer, int, which, struct itimer_user __user *, u)
{
    struct timer_value v;

    if ((unsigned)which > ITIMER_PROF)
        return -EINVAL;
    get_timer(which, &v);
    return write_value(u, &v);
}

SYSCALL1(alarm, unsigned, seconds)
{
    struct timer_value new = { 0, seconds * NSEC_PER_SEC }, old;
    int err = set_timer(ITIMER_REAL, &new, &old);

    if (err || !old.value)
        return err;
    /* to the nearest second, but never 0 */
    return old.value < NSEC_PER_SEC ? 1 : (old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
}
