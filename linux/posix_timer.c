/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * posix_timer.c: POSIX timers (timer_create(2)).
 *
 * When one expires, its signal is queued; a periodic one starts again when the signal is taken, and counts then
 * what it missed (timer_getoverrun(2)). One whose signal is ignored starts again at once, but not more often than
 * a thousand times a second.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/clock_timer.h"
#include "linux/itimer.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/resource.h>
#include <linux/time.h>

#define MIN_DELAY_NS NSEC_PER_MS

enum base { BASE_MONO, BASE_REAL, BASE_CPU };

struct posix_timer {     /* [I] unless said; [s] sighand lock */
    struct rb_node node; /* in posix_timers.tree [m and s] */
    int id;
    struct process *proc;
    int clock;
    struct thread *cpu_thread; /* referenced: CPU time of this thread; NULL: of the process */
    int notify, signo, tid;    /* SIGEV_*; tid: of SIGEV_THREAD_ID, else 0 */
    union sigval value;
    struct clock_timer timer; /* [s] */
    enum base base;           /* [s] what next counts */
    uint64_t next, interval;  /* [s] the first expiration not counted yet */
    bool armed;               /* [s] next will come */
    bool waiting;             /* [s] starts again when the signal is taken */
    bool queued;              /* [s] the signal */
    uint64_t missed;          /* [s] expirations since it was queued */
    int overrun;              /* [s] of the last signal taken */
};

struct posix_timers {
    struct mutex mutex;  /* [m] system calls, one at a time */
    struct rb_root tree; /* [m and s] by id */
    int next_id;
};

static struct slab_cache cache = SLAB_CACHE(struct posix_timer);

static unsigned long lock(struct process *p)
{
    return spin_lock_irqsave(&p->sighand->lock);
}

static void unlock(struct process *p, unsigned long flags)
{
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

static struct posix_timer *find(struct posix_timers *all, int id)
{
    struct rb_node *n = all ? all->tree.node : NULL;

    while (n) {
        struct posix_timer *t = container_of(n, struct posix_timer, node);

        if (t->id == id)
            return t;
        n = id < t->id ? n->left : n->right;
    }
    return NULL;
}

/* ---- running; sighand lock held ---- */

static uint64_t cpu_now(const struct posix_timer *t)
{
    uint64_t ut, st;

    if (t->cpu_thread)
        thread_times(t->cpu_thread, &ut, &st);
    else
        process_cpu_times_locked(t->proc, &ut, &st);
    return (t->clock & 3) == 1 ? ut : ut + st; /* CPUCLOCK_VIRT counts user time only */
}

static uint64_t now_of(const struct posix_timer *t)
{
    return t->base == BASE_CPU ? cpu_now(t) : clock_timer_now(t->base == BASE_REAL);
}

/* Starts the hardware's part. delay: at the earliest so far from now. */
static void start(struct posix_timer *t, uint64_t delay)
{
    uint64_t now;

    if (t->notify == SIGEV_NONE)
        return;
    if (t->base == BASE_CPU) { /* the soonest that so much CPU time can be used */
        now = cpu_now(t);
        delay = MAX(delay, t->next > now ? t->next - now : 0);
        if (!t->cpu_thread)
            delay /= MAX(t->proc->nr_threads, 1u);
        clock_timer_arm(&t->timer, false, time_deadline(MAX(delay, MIN_DELAY_NS)));
        return;
    }
    clock_timer_arm(&t->timer, t->base == BASE_REAL, delay ? MAX(t->next, now_of(t) + delay) : t->next);
}

static void send(struct posix_timer *t)
{
    siginfo_t info;

    t->missed = 0;
    siginfo_init(&info, t->signo, SI_TIMER);
    info.si_tid = t->id;
    info.si_value = t->value;
    t->queued = signal_queue_timer_locked(t->proc, t->tid, &info);
}

static void expire(struct posix_timer *t)
{
    if (t->base == BASE_CPU && cpu_now(t) < t->next) {
        start(t, 0);
        return;
    }
    if (t->interval)
        t->next += t->interval;
    else
        t->armed = false;
    if (t->queued)
        t->missed++;
    else
        send(t);
    if (!t->armed)
        return;
    t->waiting = t->queued;
    if (!t->waiting) {
        clock_forward(&t->next, t->interval, now_of(t));
        start(t, MIN_DELAY_NS);
    }
}

static void fired(struct clock_timer *timer)
{
    struct posix_timer *t = container_of(timer, struct posix_timer, timer);
    unsigned long flags = lock(t->proc);

    if (t->armed && !t->waiting)
        expire(t);
    unlock(t->proc, flags);
}

void posix_timer_taken(struct process *p, siginfo_t *info)
{
    struct posix_timer *t = find(p->posix_timers, info->si_tid);

    if (!t || !t->queued)
        return;
    t->queued = false;
    if (t->waiting) {
        t->waiting = false;
        t->missed += clock_forward(&t->next, t->interval, now_of(t));
        start(t, 0);
    }
    t->overrun = MIN(t->missed, (uint64_t)INT32_MAX);
    t->missed = 0;
    info->si_overrun = t->overrun;
}

static void get_value(struct posix_timer *t, struct timer_value *v)
{
    uint64_t now;

    v->interval = t->interval;
    v->value = 0;
    if (!t->armed)
        return;
    now = now_of(t);
    if (t->interval && (t->waiting || t->notify == SIGEV_NONE))
        t->missed += clock_forward(&t->next, t->interval, now);
    if (t->next > now)
        v->value = t->next - now;
    else if (t->notify != SIGEV_NONE)
        v->value = 1; /* its signal is about to come */
}

/* ---- making ---- */

static struct posix_timers *timers_get(struct process *p)
{
    struct posix_timers *all = atomic_load_acquire(&p->posix_timers);

    if (all)
        return all;
    mutex_lock(&p->lock);
    all = p->posix_timers;
    if (!all) {
        all = kzalloc(sizeof(*all));
        if (all) {
            mutex_init(&all->mutex, RANK_FILE);
            atomic_store_release(&p->posix_timers, all);
        }
    }
    mutex_unlock(&p->lock);
    return all;
}

/* CPU-time clocks: (~pid << 3) | 4 for a thread | kind; pid 0: the caller. */
static int set_cpu_clock(struct posix_timer *t, int clock)
{
    int pid = ~(clock >> 3);

    t->base = BASE_CPU;
    t->clock = clock;
    if ((clock & 3) == 3)
        return -EINVAL;
    if (clock & 4) {
        t->cpu_thread = thread_find(t->proc->pid, pid ? pid : current->tid);
        return t->cpu_thread ? 0 : -EINVAL;
    }
    return !pid || pid == t->proc->pid ? 0 : -EINVAL;
}

static int set_clock(struct posix_timer *t, int clock)
{
    t->clock = clock;
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_TAI:
        t->base = BASE_REAL;
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
        t->base = BASE_MONO;
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        return set_cpu_clock(t, ~0u << 3 | 2);
    case CLOCK_THREAD_CPUTIME_ID:
        return set_cpu_clock(t, ~0u << 3 | 4 | 2);
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_ALARM: /* there is no clock that could wake the machine */
    case CLOCK_BOOTTIME_ALARM:
        return -EOPNOTSUPP;
    default:
        return clock < 0 ? set_cpu_clock(t, clock) : -EINVAL;
    }
}

static int set_event(struct posix_timer *t, const struct sigevent *ev)
{
    struct thread *target;

    t->notify = ev->sigev_notify;
    t->signo = ev->sigev_signo;
    t->value = ev->sigev_value;
    switch (ev->sigev_notify) {
    case SIGEV_NONE:
        return 0;
    case SIGEV_SIGNAL | SIGEV_THREAD_ID:
        target = thread_find(t->proc->pid, ev->_sigev_un._tid);
        if (!target)
            return -EINVAL;
        thread_put(target);
        t->tid = ev->_sigev_un._tid;
        break;
    case SIGEV_SIGNAL:
    case SIGEV_THREAD:
        break;
    default:
        return -EINVAL;
    }
    return t->signo > 0 && t->signo <= NR_SIGNALS ? 0 : -EINVAL;
}

static void timer_free(struct posix_timer *t)
{
    if (t->cpu_thread)
        thread_put(t->cpu_thread);
    slab_free(&cache, t);
}

/* Numbers are not used again soon: the next one after the last, as on Linux. */
static int new_id(struct posix_timers *all)
{
    int id;

    do {
        id = all->next_id;
        all->next_id = id == INT32_MAX ? 0 : id + 1;
    } while (find(all, id));
    return id;
}

static void link_timer(struct posix_timers *all, struct posix_timer *t)
{
    struct rb_node **link = &all->tree.node, *parent = NULL;
    bool leftmost = true;
    unsigned long flags = lock(t->proc);

    while (*link) {
        parent = *link;
        if (t->id < container_of(parent, struct posix_timer, node)->id) {
            link = &parent->left;
        } else {
            link = &parent->right;
            leftmost = false;
        }
    }
    rb_link(&t->node, parent, link);
    rb_insert(&all->tree, &t->node, leftmost);
    t->proc->sighand->nr_queued++; /* of its signal there is one at most */
    unlock(t->proc, flags);
}

static int create(struct posix_timers *all, int clock, const struct sigevent *ev, int __user *uid)
{
    static const struct sigevent by_default = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    struct posix_timer *t;
    int err;

    if (READ_ONCE(current_process()->sighand->nr_queued) >= rlimit_cur(RLIMIT_SIGPENDING))
        return -EAGAIN;
    t = slab_zalloc(&cache);
    if (!t)
        return -EAGAIN;
    t->proc = current_process();
    clock_timer_init(&t->timer, fired);
    err = set_clock(t, clock);
    if (!err)
        err = set_event(t, ev ? ev : &by_default);
    if (!err) {
        t->id = new_id(all);
        if (!ev)
            t->value.sival_int = t->id;
        err = put_user(t->id, uid);
    }
    if (err) {
        timer_free(t);
        return err;
    }
    link_timer(all, t);
    return 0;
}

/* Nobody starts it any more. */
static void stop(struct posix_timer *t, struct timer_value *old)
{
    unsigned long flags = lock(t->proc);

    if (old)
        get_value(t, old);
    t->armed = t->waiting = false;
    unlock(t->proc, flags);
    clock_timer_cancel(&t->timer);
}

static void delete (struct posix_timers *all, struct posix_timer *t)
{
    unsigned long flags = lock(t->proc);

    rb_erase(&all->tree, &t->node);
    t->proc->sighand->nr_queued--;
    unlock(t->proc, flags);
    stop(t, NULL);
    timer_free(t);
}

void posix_timers_drop(struct process *p)
{
    struct posix_timers *all = p->posix_timers;
    struct rb_node *n;
    unsigned long flags;

    if (!all)
        return;
    mutex_lock(&all->mutex);
    while ((n = rb_first(&all->tree)))
        delete (all, container_of(n, struct posix_timer, node));
    mutex_unlock(&all->mutex);
    flags = lock(p);
    p->posix_timers = NULL;
    unlock(p, flags);
    kfree(all);
}

static void set(struct posix_timer *t, bool absolute, const struct timer_value *v)
{
    bool wall = t->clock == CLOCK_REALTIME || t->clock == CLOCK_TAI;
    unsigned long flags = lock(t->proc);
    uint64_t now;

    if (wall) /* a time span does not change when the clock is set */
        t->base = absolute ? BASE_REAL : BASE_MONO;
    t->interval = v->value ? v->interval : 0;
    t->missed = 0;
    t->overrun = 0;
    t->armed = v->value != 0;
    if (t->armed) {
        now = absolute ? 0 : now_of(t);
        t->next = v->value > (uint64_t)INT64_MAX - now ? (uint64_t)INT64_MAX : now + v->value;
        start(t, 0);
    }
    unlock(t->proc, flags);
}

/* ---- system calls ---- */

SYSCALL3(timer_create, int, clock, const struct sigevent __user *, uev, int __user *, uid)
{
    struct posix_timers *all = timers_get(current_process());
    struct sigevent ev;
    int err;

    if (uev && copy_from_user(&ev, uev, sizeof(ev)))
        return -EFAULT;
    if (!all)
        return -EAGAIN;
    mutex_lock(&all->mutex);
    err = create(all, clock, uev ? &ev : NULL, uid);
    mutex_unlock(&all->mutex);
    return err;
}

/* The caller's timer with the mutex held, or NULL. */
static struct posix_timer *timer_get(int id)
{
    struct posix_timers *all = atomic_load_acquire(&current_process()->posix_timers);
    struct posix_timer *t;

    if (!all)
        return NULL;
    mutex_lock(&all->mutex);
    t = find(all, id);
    if (!t)
        mutex_unlock(&all->mutex);
    return t;
}

static void timer_put(struct posix_timer *t)
{
    mutex_unlock(&t->proc->posix_timers->mutex);
}

SYSCALL4(timer_settime, int, id, int, flags, const struct __kernel_itimerspec __user *, unew,
         struct __kernel_itimerspec __user *, uold)
{
    struct timer_value new, old;
    struct posix_timer *t;
    int err = unew ? timer_value_read(unew, &new) : -EINVAL;

    if (err)
        return err;
    t = timer_get(id);
    if (!t)
        return -EINVAL;
    stop(t, &old);
    set(t, flags & TIMER_ABSTIME, &new);
    timer_put(t);
    return uold ? timer_value_write(uold, &old) : 0;
}

SYSCALL2(timer_gettime, int, id, struct __kernel_itimerspec __user *, u)
{
    struct posix_timer *t = timer_get(id);
    struct timer_value v;
    unsigned long flags;

    if (!t)
        return -EINVAL;
    flags = lock(t->proc);
    get_value(t, &v);
    unlock(t->proc, flags);
    timer_put(t);
    return timer_value_write(u, &v);
}

SYSCALL1(timer_getoverrun, int, id)
{
    struct posix_timer *t = timer_get(id);
    int n;

    if (!t)
        return -EINVAL;
    n = READ_ONCE(t->overrun);
    timer_put(t);
    return n;
}

SYSCALL1(timer_delete, int, id)
{
    struct posix_timer *t = timer_get(id);
    struct mutex *m;

    if (!t)
        return -EINVAL;
    m = &t->proc->posix_timers->mutex;
    delete (t->proc->posix_timers, t);
    mutex_unlock(m);
    return 0;
}
