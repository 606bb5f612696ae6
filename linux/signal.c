/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.c: sending, queueing and taking signals (signal(7)). Delivery to user mode is deliver.c.
 */
#include "linux/signal.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/family.h"
#include "linux/itimer.h"
#include "linux/process.h"
#include <asm/resource.h>

struct sigqueue {
    struct list link;         /* in sigpending.queue */
    struct process *timer_of; /* whose POSIX timer sent it, or NULL */
    siginfo_t info;
};

struct waitq signalfd_wait = WAITQ_INIT(signalfd_wait);

static struct slab_cache queue_cache = SLAB_CACHE(struct sigqueue);

#define SYNCHRONOUS                                                                              \
    (sig_bit(SIGSEGV) | sig_bit(SIGBUS) | sig_bit(SIGILL) | sig_bit(SIGTRAP) | sig_bit(SIGFPE) | \
     sig_bit(SIGSYS))

struct sighand *sighand_new(void)
{
    struct sighand *s = kzalloc(sizeof(*s));

    if (!s)
        return NULL;
    ref_init(&s->refs);
    spin_init(&s->lock, RANK_SIGNAL);
    list_init(&s->shared.queue);
    return s;
}

void sigpending_init(struct sigpending *p)
{
    p->set = 0;
    list_init(&p->queue);
}

static void unqueue_locked(struct sighand *s, struct sigqueue *q)
{
    list_remove(&q->link);
    if (q->timer_of)
        posix_timer_taken(q->timer_of, &q->info);
    else
        s->nr_queued--;
}

/* Drops what is queued for the signals of set; sighand lock held. */
static void pending_flush_locked(struct sighand *s, struct sigpending *p, uint64_t set)
{
    struct sigqueue *q, *next;

    if (!(p->set & set))
        return;
    p->set &= ~set;
    list_for_each_safe (q, next, &p->queue, link) {
        if (!(sig_bit(q->info.si_signo) & set))
            continue;
        unqueue_locked(s, q);
        slab_free(&queue_cache, q);
    }
}

void sigpending_destroy(struct sighand *s, struct sigpending *p)
{
    pending_flush_locked(s, p, ~0ull);
}

bool signal_default_ignored(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

bool signal_default_dumps(int sig)
{
    return sig == SIGQUIT || sig == SIGILL || sig == SIGTRAP || sig == SIGABRT || sig == SIGBUS ||
           sig == SIGFPE || sig == SIGSEGV || sig == SIGXCPU || sig == SIGXFSZ || sig == SIGSYS;
}

bool signal_default_stops(int sig)
{
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static bool ignored_locked(struct sighand *s, int sig)
{
    vaddr_t h = s->actions[sig - 1].handler;

    return h == (vaddr_t)SIG_IGN || (h == (vaddr_t)SIG_DFL && signal_default_ignored(sig));
}

void signal_flush_ignored_locked(struct process *p, uint64_t set)
{
    struct uthread *u;

    ASSERT(spin_held(&p->sighand->lock));
    pending_flush_locked(p->sighand, &p->sighand->shared, set);
    list_for_each (u, &p->threads, link)
        pending_flush_locked(p->sighand, &u->pending, set);
}

/* Takes one queued siginfo of sig, or makes up a plain one; keeps the set bit while more are queued. */
static void collect_locked(struct sighand *s, struct sigpending *p, int sig, siginfo_t *info)
{
    struct sigqueue *q, *first = NULL;
    bool more = false;

    list_for_each (q, &p->queue, link) {
        if (q->info.si_signo != sig)
            continue;
        if (first) {
            more = true;
            break;
        }
        first = q;
    }
    if (!more)
        p->set &= ~sig_bit(sig);
    if (!first) {
        siginfo_init(info, sig, SI_USER);
        return;
    }
    unqueue_locked(s, first);
    siginfo_copy(info, &first->info);
    slab_free(&queue_cache, first);
}

int signal_dequeue_locked(struct uthread *u, uint64_t set, siginfo_t *info)
{
    struct sigpending *p = &u->pending;
    uint64_t ready = p->set & set;

    ASSERT(spin_held(&u->proc->sighand->lock));
    if (!ready) {
        p = &u->proc->sighand->shared;
        ready = p->set & set;
        if (!ready)
            return 0;
    }
    if (ready & SYNCHRONOUS)
        ready &= SYNCHRONOUS;
    int sig = __builtin_ctzll(ready) + 1;

    collect_locked(u->proc->sighand, p, sig, info);
    if (sig == SIGALRM && u->proc->itimers)
        itimer_alarm_taken(u->proc);
    return sig;
}

int signal_dequeue(struct uthread *u, uint64_t set, siginfo_t *info)
{
    struct sighand *s = u->proc->sighand;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    int sig = signal_dequeue_locked(u, set, info);

    spin_unlock_irqrestore(&s->lock, flags);
    signal_recalc(u);
    return sig;
}

bool signal_deliverable(const struct uthread *u)
{
    return (READ_ONCE(u->pending.set) | READ_ONCE(u->proc->sighand->shared.set)) & ~u->sigmask;
}

void signal_recalc(struct uthread *u)
{
    uint32_t *work = &u->thread->work;

    ASSERT(u->thread == current);
    /* Who sends changes the set first and sets the bit then: after the bit is cleared, the set is looked at. */
    if (READ_ONCE(*work) & WORK_SIGNAL)
        atomic_and(work, ~WORK_SIGNAL);
    if (signal_deliverable(u) || u->proc->stopped)
        atomic_or(work, WORK_SIGNAL);
}

/* ---- who gets it; sighand lock held ---- */

static bool wants(const struct uthread *u, int sig)
{
    return (!(u->sigmask & sig_bit(sig)) || (u->sigwait & sig_bit(sig))) && !u->exited;
}

/* The thread that takes a signal sent to the process: the first one if it may, else one that has none to take yet. */
static struct uthread *choose_locked(struct process *p, int sig)
{
    struct uthread *leader = p->leader->ulinux, *busy = NULL, *u;

    if (wants(leader, sig))
        return leader;
    list_for_each (u, &p->threads, link) {
        if (!wants(u, sig))
            continue;
        if (!(READ_ONCE(u->thread->work) & WORK_SIGNAL))
            return u;
        busy = u;
    }
    return busy;
}

/* One of those that have a CPU. */
static struct uthread *choose_running_locked(struct process *p, int sig)
{
    for (unsigned i = 0; i < nr_cpus; i++) {
        unsigned cpu =
            (this_cpu()->id + i) % nr_cpus; /* this one first: the timer that found out is mostly here */
        struct thread *t = READ_ONCE(cpus[cpu]->curr);
        struct uthread *u;

        if (cpu == this_cpu()->id) {
            if (t->proc == p && wants(t->ulinux, sig))
                return t->ulinux;
            continue;
        }
        list_for_each (u, &p->threads, link) /* t itself may end at any time */
            if (u->thread == t && wants(u, sig))
                return u;
    }
    return choose_locked(p, sig);
}

/* Nothing but the end of the process can come of it, at once and in all threads. */
static bool fatal(const struct process *p, const struct uthread *u, int sig)
{
    if (sig == SIGKILL)
        return true;
    if (p->stopped) /* it waits until the process goes on */
        return false;
    return p->sighand->actions[sig - 1].handler == (vaddr_t)SIG_DFL && !signal_default_ignored(sig) &&
           !signal_default_stops(sig) && !signal_default_dumps(sig) && !(u->sigmask & sig_bit(sig));
}

/* Makes u, which may take the signal or is NULL, notice it; and who reads it from a descriptor. */
static void notify_locked(struct process *p, struct uthread *u, int sig)
{
    if (u && wants(u, sig)) {
        if (fatal(p, u, sig))
            process_doom_locked(p, sig);
        else
            thread_kick(u->thread, WORK_SIGNAL);
    }
    wake_all(&signalfd_wait);
}

void signal_retarget_locked(struct uthread *u, uint64_t set)
{
    uint64_t left = u->proc->sighand->shared.set & set;

    ASSERT(spin_held(&u->proc->sighand->lock));
    for (; left; left &= left - 1) {
        int sig = __builtin_ctzll(left) + 1;

        notify_locked(u->proc, choose_locked(u->proc, sig), sig);
    }
}

/* ---- stopping and going on ---- */

static void continue_locked(struct process *p, bool killed)
{
    struct uthread *u;

    p->sighand->stopping = false;
    if (!p->stopped)
        return;
    p->stopped = false;
    p->stop_signal = 0;
    p->continued = p->tell_parent = !killed;
    list_for_each (u, &p->threads, link)
        thread_wake(u->thread);
}

/* Signals of the terminal stop nobody in a group that no shell looks after. */
static bool may_stop(struct process *p, int sig)
{
    bool orphaned;

    if (sig == SIGSTOP)
        return true;
    spin_lock(&tasks_lock);
    orphaned = group_orphaned_locked(p->pgid, NULL);
    spin_unlock(&tasks_lock);
    return !orphaned;
}

void signal_stop_process(struct process *p, int sig)
{
    bool may = may_stop(p, sig), stopped = false;
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    struct uthread *u;

    if (p->sighand->stopping && may && !p->exiting) {
        stopped = !p->stopped;
        p->stopped = true;
        p->continued = false;
        if (stopped)
            p->stop_signal = sig;
        list_for_each (u, &p->threads, link)
            if (u->thread != current)
                thread_kick(u->thread, WORK_SIGNAL);
    }
    p->sighand->stopping = false;
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    if (stopped)
        process_tell_parent(p, CLD_STOPPED, sig);
}

void signal_stop_ended(struct process *p)
{
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    bool tell = p->tell_parent;

    p->tell_parent = false;
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    if (tell)
        process_tell_parent(p, CLD_CONTINUED, SIGCONT);
}

#define STOP_SIGNALS (sig_bit(SIGSTOP) | sig_bit(SIGTSTP) | sig_bit(SIGTTIN) | sig_bit(SIGTTOU))

/* Even where they are blocked or ignored, stop signals and SIGCONT cancel each other. */
static void before_queueing_locked(struct process *p, int sig)
{
    if (sig == SIGCONT) {
        signal_flush_ignored_locked(p, STOP_SIGNALS);
        continue_locked(p, false);
    } else if (signal_default_stops(sig)) {
        signal_flush_ignored_locked(p, sig_bit(SIGCONT));
    } else if (sig == SIGKILL) {
        continue_locked(p, true);
    }
}

/* ---- sending ---- */

/* What is ignored is dropped, but where it is blocked: the action may change before it is not. As on Linux the first
 * thread's mask counts when the signal is the process's. */
static bool dropped_locked(const struct process *p, const struct uthread *target, int sig)
{
    const struct uthread *u = target ? target : p->leader->ulinux;

    return ignored_locked(p->sighand, sig) && !((u->sigmask | u->sigwait) & sig_bit(sig));
}

/* Is there room for its siginfo? What the kernel sends and ordinary signals of kill(2) are not limited. */
static bool over_limit_locked(const struct process *p, int sig, const siginfo_t *info)
{
    if (!info || info->si_code == SI_KERNEL || (sig < SIGRTMIN && info->si_code >= 0))
        return false;
    return p->sighand->nr_queued >= p->rlimits[RLIMIT_SIGPENDING].cur;
}

static struct sigqueue *sigqueue_new(int sig, const siginfo_t *info)
{
    struct sigqueue *q = slab_alloc(&queue_cache);

    if (!q)
        return NULL;
    if (info)
        siginfo_copy(&q->info, info);
    else
        siginfo_init(&q->info, sig, SI_KERNEL);
    q->info.si_signo = sig;
    q->timer_of = NULL;
    return q;
}

/* target NULL: the process. timer: a POSIX timer's. 0: queued; 1: ignored or pending already; -EAGAIN. */
static int queue_locked(struct process *p, struct uthread *target, int sig, const siginfo_t *info, bool timer)
{
    struct sigpending *pending = target ? &target->pending : &p->sighand->shared;
    struct sigqueue *q = NULL;

    if (unlikely(!p->nr_threads)) /* a zombie */
        return 1;
    before_queueing_locked(p, sig);
    if (dropped_locked(p, target, sig))
        return 1;
    if (sig < SIGRTMIN && (pending->set & sig_bit(sig)) && !timer)
        return 1;
    if (timer || !over_limit_locked(p, sig, info))
        q = sigqueue_new(sig, info);
    if (!q && timer)
        return 1;
    /* Without a siginfo a signal is lost only if it had been one of several: kill(2) promises no more. */
    if (!q && sig >= SIGRTMIN && info && info->si_code != SI_USER && info->si_code != SI_KERNEL)
        return -EAGAIN;
    if (q) {
        if (timer)
            q->timer_of = p;
        else
            p->sighand->nr_queued++;
        list_append(&pending->queue, &q->link);
    }
    pending->set |= sig_bit(sig);
    return 0;
}

static int send(struct process *p, struct uthread *target, int sig, const siginfo_t *info)
{
    unsigned long flags;
    int err = 0;

    if (sig == 0)
        return 0;
    flags = spin_lock_irqsave(&p->sighand->lock);
    if (!target || !target->exited) {
        err = queue_locked(p, target, sig, info, false);
        if (!err)
            notify_locked(p, target ? target : choose_locked(p, sig), sig);
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return MIN(err, 0);
}

int signal_send_process(struct process *p, int sig, const siginfo_t *info)
{
    return send(p, NULL, sig, info);
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
    struct uthread *u = t->ulinux;

    return send(u->proc, u, sig, info);
}

void signal_send_running(struct process *p, int sig)
{
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);

    if (!queue_locked(p, NULL, sig, NULL, false))
        notify_locked(p, choose_running_locked(p, sig), sig);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

bool signal_queue_timer_locked(struct process *p, int tid, const siginfo_t *info)
{
    struct uthread *u, *target = NULL;
    int sig = info->si_signo;

    ASSERT(spin_held(&p->sighand->lock));
    if (tid) {
        list_for_each (u, &p->threads, link)
            if (u->thread->tid == tid)
                target = u;
        if (!target)
            return false;
    }
    if (queue_locked(p, target, sig, info, true))
        return false;
    notify_locked(p, target ? target : choose_locked(p, sig), sig);
    return true;
}

void signal_force(struct thread *t, struct ksiginfo *info)
{
    struct uthread *u = t->ulinux;
    struct sighand *s = u->proc->sighand;
    int sig = info->info.si_signo;
    struct ksigaction *ka = &s->actions[sig - 1];
    unsigned long flags = spin_lock_irqsave(&s->lock);

    /* the program cannot go on past the instruction: blocked or ignored means the default action, death */
    if ((u->sigmask & sig_bit(sig)) || ka->handler == (vaddr_t)SIG_IGN) {
        ka->handler = (vaddr_t)SIG_DFL;
        u->sigmask &= ~sig_bit(sig);
    }
    u->fault = *info;
    pending_flush_locked(s, &u->pending, sig_bit(sig));
    queue_locked(u->proc, u, sig, &info->info, false);
    atomic_or(&t->work, WORK_SIGNAL); /* it is the current thread, and has an end of its own to report */
    spin_unlock_irqrestore(&s->lock, flags);
}

void signal_set_mask(uint64_t mask)
{
    struct uthread *u = current_uthread();

    mask &= ~(sig_bit(SIGKILL) | sig_bit(SIGSTOP));
    if (nr_cpus == 1 && u->proc->nr_threads == 1) {
        u->sigmask = mask;
    } else { /* who sends looks at the masks to choose a thread */
        unsigned long flags = spin_lock_irqsave(&u->proc->sighand->lock);
        uint64_t newly = mask & ~u->sigmask;

        u->sigmask = mask;
        signal_retarget_locked(u, newly);
        spin_unlock_irqrestore(&u->proc->sighand->lock, flags);
    }
    signal_recalc(u);
}

void signal_set_temp_mask(uint64_t mask)
{
    struct uthread *u = current_uthread();

    u->saved_mask = u->sigmask;
    u->restore_mask = true;
    atomic_or(&u->thread->work, WORK_NOTIFY);
    signal_set_mask(mask);
}

int signal_user_temp_mask(const uint64_t __user *umask, size_t size)
{
    uint64_t mask;

    if (!umask)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (get_user(mask, umask))
        return -EFAULT;
    signal_set_temp_mask(mask);
    return 0;
}

void signal_restore_mask(void)
{
    struct uthread *u = current_uthread();

    if (!u->restore_mask)
        return;
    u->restore_mask = false;
    signal_set_mask(u->saved_mask);
}

/* ---- waiting ---- */

int signal_wait_begin(uint64_t set, siginfo_t *info)
{
    struct uthread *u = current_uthread();
    struct sighand *s = u->proc->sighand;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    int sig = signal_dequeue_locked(u, set, info);

    u->sigwait = sig ? 0 : set;
    spin_unlock_irqrestore(&s->lock, flags);
    signal_recalc(u);
    return sig;
}

int signal_wait_end(uint64_t set, siginfo_t *info)
{
    struct uthread *u = current_uthread();
    struct sighand *s = u->proc->sighand;
    unsigned long flags = spin_lock_irqsave(&s->lock);
    int sig = signal_dequeue_locked(u, set, info);

    u->sigwait = 0;
    signal_retarget_locked(u, set & u->sigmask);
    spin_unlock_irqrestore(&s->lock, flags);
    signal_recalc(u);
    return sig;
}
