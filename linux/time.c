/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time.c: clocks and sleeping: clock_gettime(2), clock_nanosleep(2), gettimeofday(2).
 */
#include "linux/time.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/uaccess.h"
#include "linux/clock_timer.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/capability.h>
#include <linux/time.h>

static int spec_ns(const struct __kernel_timespec *ts, uint64_t *ns)
{
    if (ts->tv_sec < 0 || (unsigned long long)ts->tv_nsec >= NSEC_PER_SEC)
        return -EINVAL;
    if ((uint64_t)ts->tv_sec >= INT64_MAX / NSEC_PER_SEC)
        *ns = INT64_MAX;
    else
        *ns = ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
    return 0;
}

int time_read(const struct __kernel_timespec __user *u, uint64_t *ns)
{
    struct __kernel_timespec ts;

    return copy_from_user(&ts, u, sizeof(ts)) ? -EFAULT : spec_ns(&ts, ns);
}

int time_write(struct __kernel_timespec __user *u, uint64_t ns)
{
    struct __kernel_timespec ts = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

    return copy_to_user(u, &ts, sizeof(ts));
}

int timer_value_read(const struct __kernel_itimerspec __user *u, struct timer_value *v)
{
    struct __kernel_itimerspec s;
    int err;

    if (copy_from_user(&s, u, sizeof(s)))
        return -EFAULT;
    err = spec_ns(&s.it_interval, &v->interval);
    return err ? err : spec_ns(&s.it_value, &v->value);
}

int timer_value_write(struct __kernel_itimerspec __user *u, const struct timer_value *v)
{
    struct __kernel_itimerspec s = {
        .it_interval = { v->interval / NSEC_PER_SEC, v->interval % NSEC_PER_SEC },
        .it_value = { v->value / NSEC_PER_SEC, v->value % NSEC_PER_SEC },
    };

    return copy_to_user(u, &s, sizeof(s));
}

uint64_t time_deadline(uint64_t ns)
{
    uint64_t now = clock_mono_ns();

    return ns >= (uint64_t)INT64_MAX - now ? TIME_NEVER - 1 : now + ns;
}

/* CPU-time clocks encode the process or thread in the id: (~pid << 3) | 4 for a thread | what counts. */
#define CLOCK_PID(id)    (~((id) >> 3))
#define CLOCK_KIND(id)   ((id)&3)
#define CLOCK_THREAD(id) ((id)&4)
enum { KIND_PROF, KIND_USER, KIND_EXACT, KIND_DESCRIPTOR };

/* Of threads only one's own process's can be read, of a process also under the caller's own number. */
static long cpu_clock(int id, uint64_t *ns)
{
    struct process *self = current_process(), *p;
    uint64_t ut, st;
    int pid = CLOCK_PID(id);

    if (CLOCK_KIND(id) == KIND_DESCRIPTOR)
        return -EINVAL;
    if (CLOCK_THREAD(id)) {
        struct thread *t = thread_find(self->pid, pid ? pid : current->tid);

        if (!t)
            return -EINVAL;
        thread_times(t, &ut, &st);
        thread_put(t);
    } else {
        p = process_find(pid && pid != current->tid ? pid : self->pid);
        if (!p)
            return -EINVAL;
        process_cpu_times(p, &ut, &st);
        process_put(p);
    }
    *ns = CLOCK_KIND(id) == KIND_USER ? ut : ut + st;
    return 0;
}

#define THREAD_CPU_ID  ((~0u << 3) | 4 | 2)
#define PROCESS_CPU_ID ((~0u << 3) | 2)

int time_clock_read(int id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
        *ns = clock_real_ns();
        return 0;
    case CLOCK_TAI:
        *ns = clock_real_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = clock_mono_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        return cpu_clock(PROCESS_CPU_ID, ns);
    case CLOCK_THREAD_CPUTIME_ID:
        return cpu_clock(THREAD_CPU_ID, ns);
    default:
        return id < 0 ? cpu_clock(id, ns) : -EINVAL;
    }
}

SYSCALL2(clock_gettime, int, id, struct __kernel_timespec __user *, u)
{
    uint64_t ns;
    long err = time_clock_read(id, &ns);

    return err ? err : time_write(u, ns);
}

#define TICK_NS 4000000 /* of a kernel with HZ=250 */

static uint64_t resolution(int id)
{
    if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
        return TICK_NS;
    return id < 0 && CLOCK_KIND(id) != KIND_EXACT ? TICK_NS : 1;
}

SYSCALL2(clock_getres, int, id, struct __kernel_timespec __user *, u)
{
    uint64_t ns;
    long err = time_clock_read(id, &ns);

    if (err)
        return err;
    return u ? time_write(u, resolution(id)) : 0;
}

SYSCALL2(clock_settime, int, id, const struct __kernel_timespec __user *, u)
{
    uint64_t ns, now;
    long err;

    if (id > CLOCK_REALTIME)
        return -EINVAL;
    err = time_read(u, &ns);
    if (err)
        return err;
    if (id < 0) /* of those that exist none can be set */
        return time_clock_read(id, &now) ? -EINVAL : -EPERM;
    if (!fs_capable(CAP_SYS_TIME))
        return -EPERM;
    clock_set_real(ns);
    clock_was_set();
    return 0;
}

SYSCALL2(gettimeofday, struct __kernel_old_timeval __user *, tv, int __user *, tz)
{
    uint64_t ns = clock_real_ns();
    struct __kernel_old_timeval v = { .tv_sec = ns / NSEC_PER_SEC, .tv_usec = ns % NSEC_PER_SEC / 1000 };
    int zero[2] = { 0 };

    if (tv && copy_to_user(tv, &v, sizeof(v)))
        return -EFAULT;
    return tz ? copy_to_user(tz, zero, sizeof(zero)) : 0;
}

SYSCALL2(settimeofday, const struct __kernel_old_timeval __user *, tv, const int __user *, tz)
{
    struct __kernel_old_timeval v;

    if (tv && copy_from_user(&v, tv, sizeof(v)))
        return -EFAULT;
    if (tv && (v.tv_usec < 0 || v.tv_usec >= 1000000 || v.tv_sec < 0))
        return -EINVAL;
    if (!fs_capable(CAP_SYS_TIME))
        return -EPERM;
    if (tv) {
        clock_set_real(v.tv_sec * NSEC_PER_SEC + v.tv_usec * 1000);
        clock_was_set();
    }
    return 0;
}

SYSCALL1(time, int64_t __user *, u)
{
    int64_t sec = clock_real_ns() / NSEC_PER_SEC;

    if (u && put_user(sec, u))
        return -EFAULT;
    return sec;
}

/* ---- sleeping ---- */

/* restart_arg: deadline (monotonic), where the rest goes. */
static long sleep_relative(struct uthread *u)
{
    uint64_t deadline = u->restart_arg[0], now;
    struct __kernel_timespec __user *rem = (void __user *)u->restart_arg[1];
    int err = thread_sleep_until(deadline, true);

    if (!err)
        return 0;
    now = clock_mono_ns();
    if (now >= deadline)
        return 0;
    if (rem && time_write(rem, deadline - now))
        return -EFAULT;
    u->restart_fn = sleep_relative;
    return -ERESTART_RESTARTBLOCK;
}

static long do_sleep(uint64_t ns, struct __kernel_timespec __user *rem)
{
    struct uthread *u = current_uthread();

    u->restart_arg[0] = time_deadline(ns);
    u->restart_arg[1] = (uintptr_t)rem;
    return sleep_relative(u);
}

SYSCALL2(nanosleep, const struct __kernel_timespec __user *, ts, struct __kernel_timespec __user *, rem)
{
    uint64_t ns;
    long err = time_read(ts, &ns);

    return err ? err : do_sleep(ns, rem);
}

struct real_sleep {
    struct clock_timer timer;
    struct thread *thread;
    bool over;
};

static void real_sleep_over(struct clock_timer *t)
{
    struct real_sleep *s = container_of(t, struct real_sleep, timer);
    struct thread *sleeper = s->thread;

    atomic_store(&s->over, true);
    thread_wake(sleeper);
}

/* Until the wall clock shows when, also if it is set meanwhile. */
static long sleep_real(uint64_t when)
{
    struct real_sleep s = { .thread = current };
    int err = 0;

    clock_timer_init(&s.timer, real_sleep_over);
    clock_timer_arm(&s.timer, true, when);
    while (!err && !atomic_load(&s.over))
        err = wait_block(T_SLEEPING, TIME_NEVER);
    clock_timer_cancel(&s.timer); /* and waits until its function has ended */
    return atomic_load(&s.over) ? 0 : -ERESTARTNOHAND;
}

#define CPU_LOOK_NS (NSEC_PER_MS / 10)

/* A CPU-time clock wakes nobody: it is looked at when it can have got there at the earliest. */
static long sleep_cpu(int id, uint64_t when)
{
    bool alone = id < 0 && CLOCK_THREAD(id);

    for (;;) {
        uint64_t now, left;
        long err = time_clock_read(id, &now);

        if (err || now >= when)
            return err;
        left = alone ? when - now : (when - now) / MAX(READ_ONCE(current_process()->nr_threads), 1u);
        if (thread_sleep_until(time_deadline(MAX(left, CPU_LOOK_NS)), true))
            return -ERESTARTNOHAND;
    }
}

/* restart_arg: when, where the rest goes, the clock. */
static long sleep_cpu_relative(struct uthread *u)
{
    struct __kernel_timespec __user *rem = (void __user *)u->restart_arg[1];
    uint64_t when = u->restart_arg[0], now;
    int id = u->restart_arg[2];
    long err = sleep_cpu(id, when);

    if (err != -ERESTARTNOHAND)
        return err;
    if (rem && !time_clock_read(id, &now) && time_write(rem, when > now ? when - now : 0))
        return -EFAULT;
    u->restart_fn = sleep_cpu_relative;
    return -ERESTART_RESTARTBLOCK;
}

static long nanosleep_cpu(int id, bool absolute, uint64_t ns, struct __kernel_timespec __user *rem)
{
    struct uthread *u = current_uthread();
    uint64_t now;
    long err;

    /* Who sleeps for its own CPU time sleeps for ever. */
    if (id < 0 && CLOCK_THREAD(id) && (!CLOCK_PID(id) || CLOCK_PID(id) == current->tid))
        return -EINVAL;
    err = time_clock_read(id, &now);
    if (err)
        return err;
    if (absolute)
        return sleep_cpu(id, ns);
    u->restart_arg[0] = ns >= (uint64_t)INT64_MAX - now ? (uint64_t)INT64_MAX : now + ns;
    u->restart_arg[1] = (uintptr_t)rem;
    u->restart_arg[2] = id;
    return sleep_cpu_relative(u);
}

static long sleep_absolute(uint64_t when)
{
    return thread_sleep_until(MIN(when, TIME_NEVER - 1), true) ? -ERESTARTNOHAND : 0;
}

SYSCALL4(clock_nanosleep, int, id, int, flags, const struct __kernel_timespec __user *, ts,
         struct __kernel_timespec __user *, rem)
{
    bool absolute = flags & TIMER_ABSTIME;
    uint64_t ns;
    long err;

    if (id > CLOCK_TAI || id == 10 /* once CLOCK_SGI_CYCLE */)
        return -EINVAL;
    if (id == CLOCK_MONOTONIC_RAW || id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE ||
        id == CLOCK_THREAD_CPUTIME_ID || id == CLOCK_REALTIME_ALARM || id == CLOCK_BOOTTIME_ALARM)
        return -EOPNOTSUPP; /* alarms: there is no clock that could wake the machine */
    err = time_read(ts, &ns);
    if (err)
        return err;
    if (id < 0 || id == CLOCK_PROCESS_CPUTIME_ID)
        return nanosleep_cpu(id, absolute, ns, rem);
    if (!absolute)
        return do_sleep(ns, rem);
    return id == CLOCK_REALTIME || id == CLOCK_TAI ? sleep_real(ns) : sleep_absolute(ns);
}

SYSCALL0(restart_syscall)
{
    struct uthread *u = current_uthread();
    long (*fn)(struct uthread *) = u->restart_fn;

    u->restart_fn = NULL;
    return fn ? fn(u) : -EINTR;
}
