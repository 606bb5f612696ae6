/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd.c: timers that are read (timerfd_create(2)).
 *
 * A periodic timer stops when it expires and starts again when it is read, counting what it missed: one that
 * nobody reads costs one interrupt.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/clock_timer.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/time.h>

#define TFD_TIMER_ABSTIME       1
#define TFD_TIMER_CANCEL_ON_SET 2

struct timerfd {
    struct mutex mutex; /* one timerfd_settime at a time */
    struct spinlock lock;
    struct waitq wait;
    struct clock_timer timer; /* [lock] */
    uint64_t ticks;           /* [lock] expirations to be read */
    uint64_t interval;        /* [lock] */
    bool armed;               /* [lock] one more expiration will come */
    bool expired;             /* [lock] periodic: starts again when read */
    bool cancelable;          /* [lock] by setting the clock */
    bool clock_set;           /* [a] since it was armed or read */
    int clock;                /* [I] */
    int settime_flags;        /* [lock] */
    struct clock_watch watch;
};

static struct slab_cache cache = SLAB_CACHE(struct timerfd);

static void timerfd_fired(struct clock_timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);

    spin_lock(&t->lock);
    t->ticks++;
    t->expired = t->interval != 0;
    t->armed = t->expired;
    spin_unlock(&t->lock);
    waitq_wake(&t->wait, 1, EPOLLIN);
}

static void timerfd_clock_set(struct clock_watch *w)
{
    struct timerfd *t = container_of(w, struct timerfd, watch);

    atomic_store(&t->clock_set, true);
    waitq_wake(&t->wait, ~0u, EPOLLIN);
}

/* Counts the intervals that went by since it expired, and starts it again. */
static void catch_up_locked(struct timerfd *t)
{
    uint64_t next = t->timer.expires;

    if (!t->expired)
        return;
    t->expired = false;
    /* the first of them is counted already */
    t->ticks += clock_forward(&next, t->interval, clock_timer_now(t->timer.real)) - 1;
    clock_timer_arm(&t->timer, t->timer.real, next);
}

/* ---- reading ---- */

static bool readable(const struct timerfd *t)
{
    return READ_ONCE(t->ticks) || (READ_ONCE(t->cancelable) && atomic_load(&t->clock_set));
}

/* The expirations since the last read; 0: none; -ECANCELED. */
static int64_t take_ticks(struct timerfd *t)
{
    unsigned long flags = spin_lock_irqsave(&t->lock);
    int64_t n;

    if (t->cancelable && atomic_xchg(&t->clock_set, false)) {
        n = -ECANCELED;
        t->expired = false;
    } else {
        if (t->ticks)
            catch_up_locked(t);
        n = t->ticks;
    }
    t->ticks = 0;
    spin_unlock_irqrestore(&t->lock, flags);
    return n;
}

static ssize_t timerfd_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct timerfd *t = f->private;
    int64_t n;

    if (v->count < sizeof(n))
        return -EINVAL;
    while (!(n = take_ticks(t))) {
        int err;

        if ((f->flags & O_NONBLOCK) || v->nonblock)
            return -EAGAIN;
        err = wait_event_interruptible(&t->wait, readable(t));
        if (err)
            return err;
    }
    if (n < 0)
        return n;
    return iov_put(v, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct poll_table *pt)
{
    struct timerfd *t = f->private;

    poll_wait(f, &t->wait, pt);
    return readable(t) ? EPOLLIN : 0;
}

static void timerfd_release(struct file *f)
{
    struct timerfd *t = f->private;

    clock_watch_remove(&t->watch);
    clock_timer_cancel(&t->timer);
    slab_free(&cache, t);
}

/* ---- setting ---- */

static void get_value_locked(struct timerfd *t, struct timer_value *v)
{
    uint64_t now;

    catch_up_locked(t);
    now = clock_timer_now(t->timer.real);
    v->interval = t->interval;
    v->value = t->armed && t->timer.expires > now ? t->timer.expires - now : 0;
}

static void get_value(struct timerfd *t, struct timer_value *v)
{
    unsigned long flags = spin_lock_irqsave(&t->lock);

    get_value_locked(t, v);
    spin_unlock_irqrestore(&t->lock, flags);
}

static size_t timerfd_fdinfo(struct file *f, char *buf, size_t size)
{
    struct timerfd *t = f->private;
    struct timer_value v;

    get_value(t, &v);
    return snprintf(
        buf, size,
        "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
        t->clock, (unsigned long long)t->ticks, t->settime_flags,
        (unsigned long long)(v.value / NSEC_PER_SEC), (unsigned long long)(v.value % NSEC_PER_SEC),
        (unsigned long long)(v.interval / NSEC_PER_SEC), (unsigned long long)(v.interval % NSEC_PER_SEC));
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .release = timerfd_release,
    .fdinfo = timerfd_fdinfo,
};

static bool on_wall_clock(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
}

/* Stops it for good: afterwards neither its interrupt nor a reader starts it again. */
static void stop(struct timerfd *t, struct timer_value *old)
{
    unsigned long flags = spin_lock_irqsave(&t->lock);

    get_value_locked(t, old);
    t->armed = t->expired = false;
    t->interval = 0;
    spin_unlock_irqrestore(&t->lock, flags);
    clock_timer_cancel(&t->timer);
}

static int start(struct timerfd *t, int how, const struct timer_value *v)
{
    bool absolute = how & TFD_TIMER_ABSTIME, real = absolute && on_wall_clock(t->clock);
    unsigned long flags;
    int err = 0;

    clock_watch_remove(&t->watch);
    flags = spin_lock_irqsave(&t->lock);
    t->cancelable = real && (how & TFD_TIMER_CANCEL_ON_SET);
    t->settime_flags = how;
    t->ticks = 0;
    t->expired = false;
    t->interval = v->interval;
    t->armed = v->value != 0;
    if (t->armed) {
        clock_timer_arm(&t->timer, real, absolute ? v->value : time_deadline(v->value));
        if (t->cancelable && atomic_xchg(&t->clock_set, false))
            err = -ECANCELED; /* nobody was told of the last change; the timer runs all the same */
    }
    spin_unlock_irqrestore(&t->lock, flags);
    if (t->cancelable)
        clock_watch_add(&t->watch);
    return err;
}

/* The open timerfd with a reference, or ERR_PTR. */
static struct file *timerfd_get(int fd)
{
    struct file *f = fd_get(fd);

    if (!f)
        return ERR_PTR(-EBADF);
    if (f->ops == &timerfd_ops)
        return f;
    file_put(f);
    return ERR_PTR(-EINVAL);
}

SYSCALL4(timerfd_settime, int, fd, int, how, const struct __kernel_itimerspec __user *, unew,
         struct __kernel_itimerspec __user *, uold)
{
    struct timer_value new, old;
    struct timerfd *t;
    struct file *f;
    int err = timer_value_read(unew, &new);

    if (!err && (how & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
        err = -EINVAL;
    if (err)
        return err;
    f = timerfd_get(fd);
    if (IS_ERR(f))
        return PTR_ERR(f);
    t = f->private;
    mutex_lock(&t->mutex);
    stop(t, &old);
    err = start(t, how, &new);
    mutex_unlock(&t->mutex);
    file_put(f);
    if (uold && timer_value_write(uold, &old))
        return -EFAULT;
    return err;
}

SYSCALL2(timerfd_gettime, int, fd, struct __kernel_itimerspec __user *, u)
{
    struct file *f = timerfd_get(fd);
    struct timer_value v;

    if (IS_ERR(f))
        return PTR_ERR(f);
    get_value(f->private, &v);
    file_put(f);
    return timer_value_write(u, &v);
}

SYSCALL2(timerfd_create, int, clock, int, flags)
{
    struct timerfd *t;
    struct file *f;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    switch (clock) {
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
        if (!fs_capable(CAP_WAKE_ALARM))
            return -EPERM;
        break;
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
        break;
    default:
        return -EINVAL;
    }
    t = slab_zalloc(&cache);
    if (!t)
        return -ENOMEM;
    mutex_init(&t->mutex, RANK_FILE);
    spin_init(&t->lock, RANK_OBJECT);
    waitq_init(&t->wait);
    clock_timer_init(&t->timer, timerfd_fired);
    list_init(&t->watch.link);
    t->watch.fn = timerfd_clock_set;
    t->clock = clock;
    f = file_new_anon("anon_inode:[timerfd]", &timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK), 0600);
    if (!f)
        slab_free(&cache, t);
    return fd_install_new(f, flags & O_CLOEXEC);
}
