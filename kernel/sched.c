/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling. Each CPU runs the runnable thread of least virtual runtime: CPU time weighted by nice, a factor of
 * 1.25 a step. Real-time threads go first. A time slice is timed only while somebody else waits for the CPU.
 *
 * A thread's state changes under the lock of its CPU's run queue, which is held across arch_switch(): the next
 * thread releases what the previous one took.
 *
 * A thread moves to another CPU when it wakes (an idle CPU is preferred), when an idle CPU takes it from a queue, and
 * at the end of a time slice when another CPU has less to do. On its way it is runnable but on no queue, t->cpu being
 * its goal. Virtual runtimes of different CPUs have nothing to do with each other: on the way it is relative to
 * min_vruntime.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/idle.h"
#include "kernel/kstack.h"
#include "kernel/log.h"
#include "kernel/runq.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define WAKE_GRANULARITY_NS (NSEC_PER_MS)        /* a waking thread preempts when it is behind by more */
#define WAKE_CREDIT_NS      (SCHED_SLICE_NS / 2) /* how far behind a sleeper may come back */
#define BALANCE_NS          (2 * SCHED_SLICE_NS) /* a CPU gives a thread away no more often */

static struct thread boot_thread;
struct cpu boot_cpu = { .timer_next_ns = TIME_NEVER, .slice_end_ns = TIME_NEVER, .sample_ns = TIME_NEVER };
struct cpu *cpus[MAX_CPUS] = { &boot_cpu };
unsigned nr_cpus = 1;
uint64_t idle_cpus;

/* 1024 / 1.25^nice for nice -20..19 */
static const uint32_t nice_weight[40] = { 88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626,
                                          14901, 11921, 9537,  7629,  6104,  4883,  3906,  3125,
                                          2500,  2000,  1600,  1280,  1024,  819,   655,   524,
                                          419,   336,   268,   215,   172,   137,   110,   88,
                                          70,    56,    45,    36,    29,    23,    18,    15 };

static void resched(struct cpu *c)
{
    atomic_or(&c->curr->work, WORK_RESCHED);
    if (c != this_cpu())
        arch_kick_cpu(c->id);
}

/* Others wait: the running thread's slice is timed from now on. The hardware is left armed when nobody waits any
 * more, since switching back and forth would set it at each wake-up; an idle interrupt a slice is the price. */
static void time_slice(struct cpu *c, uint64_t now)
{
    if (c->slice_end_ns != TIME_NEVER || c != this_cpu())
        return;
    c->slice_end_ns = now + SCHED_SLICE_NS;
    timer_program(c->slice_end_ns);
}

/* ran_ns: what curr has not been charged for yet */
static bool should_preempt(const struct thread *curr, const struct thread *t, uint64_t ran_ns)
{
    if (unlikely(t->rt_prio | curr->rt_prio))
        return t->rt_prio > curr->rt_prio;
    if (t->policy != SCHED_POLICY_OTHER)
        return curr->policy == SCHED_POLICY_IDLE && t->policy != SCHED_POLICY_IDLE;
    return (int64_t)(curr->vruntime_ns + ran_ns - t->vruntime_ns) > (int64_t)WAKE_GRANULARITY_NS;
}

/* t has become runnable on c. */
static inline void activate(struct cpu *c, struct thread *t)
{
    bool here = c == this_cpu();

    enqueue(&c->rq, t, false);
    if (c->curr == c->idle) {
        /* It looks at the queue before it halts, after having said that it will. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!here && READ_ONCE(c->idling))
            arch_kick_cpu(c->id);
        return;
    }
    uint64_t now = arch_clock_ns();

    if (should_preempt(c->curr, t, now - c->curr->exec_start_ns))
        resched(c);
    else if (here)
        time_slice(c, now);
    else if (c->slice_end_ns == TIME_NEVER)
        arch_kick_cpu(c->id); /* to time its running thread: sched_kicked() */
}

void sched_kicked(struct cpu *c)
{
    if (!READ_ONCE(c->rq.nr) || c->slice_end_ns != TIME_NEVER)
        return;
    spin_lock(&c->rq.lock);
    if (c->rq.nr && c->curr != c->idle)
        time_slice(c, arch_clock_ns());
    spin_unlock(&c->rq.lock);
}

void sched_interrupt_cpu(struct cpu *c)
{
    unsigned long flags = spin_lock_irqsave(&c->rq.lock);

    resched(c);
    spin_unlock_irqrestore(&c->rq.lock, flags);
}

/* ---- moving ---- */

/* t, on no queue any more, is about to leave c for d: whoever looks for it from now on waits at d. c's lock is held. */
static void depart(struct cpu *c, struct thread *t, struct cpu *d)
{
    t->vruntime_ns -= c->rq.min_vruntime_ns;
    t->cpu = d->id;
    if (t->mm)
        atomic_or(&t->work, WORK_RSEQ);
}

static struct cpu *allowed_cpu(const struct thread *t);

/* The end of t's way. Interrupts off, no queue locked. */
static void arrive(struct thread *t)
{
    for (;;) {
        struct cpu *d = cpus[t->cpu];

        spin_lock(&d->rq.lock);
        if (likely(t->affinity & cpu_bit(d->id))) {
            t->vruntime_ns += d->rq.min_vruntime_ns;
            activate(d, t);
            spin_unlock(&d->rq.lock);
            return;
        }
        t->cpu = allowed_cpu(t)->id; /* forbidden meanwhile */
        spin_unlock(&d->rq.lock);
    }
}

/* Threads that want to run on the CPU; a hint without its lock. */
static unsigned load_of(struct cpu *c)
{
    return READ_ONCE(c->rq.nr) + (READ_ONCE(c->curr) != c->idle);
}

static struct cpu *least_loaded(uint64_t mask)
{
    struct cpu *best = NULL;
    unsigned least = 0;

    for (; mask; mask &= mask - 1) {
        struct cpu *c = cpus[__builtin_ctzll(mask)];
        unsigned load = load_of(c);

        if (!best || load < least) {
            best = c;
            least = load;
        }
    }
    return best;
}

static struct cpu *allowed_cpu(const struct thread *t)
{
    struct cpu *c = least_loaded(t->affinity & atomic_load(&cpus_online));

    return c ? c : this_cpu();
}

/* Where t, which last ran on c, goes when it wakes: where it was if there is nothing to do there, else where there is
 * nothing to do, else where it was. */
static struct cpu *choose_cpu(struct cpu *c, const struct thread *t)
{
    uint64_t allowed = t->affinity & atomic_load(&cpus_online), idle = atomic_load(&idle_cpus) & allowed;
    unsigned cpu = c->id;

    if (unlikely(!(allowed & cpu_bit(cpu))))
        return allowed_cpu(t);
    if (c->curr == c->idle && !c->rq.nr)
        return c;
    if (!idle)
        return c;
    if (!(idle & cpu_bit(cpu)))
        cpu =
            idle & ~(cpu_bit(cpu) - 1) ? __builtin_ctzll(idle & ~(cpu_bit(cpu) - 1)) : __builtin_ctzll(idle);
    atomic_and(&idle_cpus, ~cpu_bit(cpu)); /* the next to wake looks elsewhere */
    return cpus[cpu];
}

/* Where a thread that lost c at the end of its slice goes: NULL, it stays. */
static struct cpu *relief(struct cpu *c, const struct thread *t, uint64_t now)
{
    struct cpu *d;

    if (unlikely(!(t->affinity & cpu_bit(c->id))))
        return allowed_cpu(t);
    if (now - c->given_away_ns < BALANCE_NS)
        return NULL;
    d = least_loaded(t->affinity & atomic_load(&cpus_online) & ~cpu_bit(c->id));
    if (!d || load_of(d) > c->rq.nr)
        return NULL;
    c->given_away_ns = now;
    return d;
}

/* A thread that waits on v and may run on c; v's lock is held. */
static struct thread *find_movable(struct cpu *v, struct cpu *c)
{
    struct thread *t = list_empty(&v->rq.rt) ? NULL : of_node((struct rb_node *)v->rq.rt.next);

    for (; t; t = next_of(&v->rq, t))
        if (t->affinity & cpu_bit(c->id))
            return t;
    for (t = v->rq.fair.leftmost ? of_node(v->rq.fair.leftmost) : NULL; t; t = next_of(&v->rq, t))
        if (t->affinity & cpu_bit(c->id))
            return t;
    return NULL;
}

bool sched_steal(struct cpu *c)
{
    for (unsigned i = 1; i < nr_cpus; i++) {
        struct cpu *v = cpus[(c->id + i) % nr_cpus];

        if (!READ_ONCE(v->rq.nr) || !v->online)
            continue;
        unsigned long flags = spin_lock_irqsave(&v->rq.lock);
        struct thread *t = find_movable(v, c);

        if (t) {
            dequeue(&v->rq, t);
            depart(v, t, c);
        }
        spin_unlock(&v->rq.lock);
        if (t)
            arrive(t);
        arch_irq_restore(flags);
        if (t)
            return true;
    }
    return false;
}

void sched_tick(struct cpu *c, uint64_t now)
{
    spin_lock(&c->rq.lock);
    if (now >= c->slice_end_ns) {
        uint64_t end = c->curr_since_ns + SCHED_SLICE_NS;

        c->slice_end_ns = TIME_NEVER;
        if (c->rq.nr && c->curr != c->idle) {
            if (now >= end)
                resched(c);
            else
                c->slice_end_ns = end; /* somebody else has got the CPU since */
        }
    }
    spin_unlock(&c->rq.lock);
}

/* ---- switching ---- */

static __noinline void see_off(struct cpu *c)
{
    struct thread *t = c->left;

    c->left = NULL;
    if (t->state == T_DEAD)
        thread_put(t);
    else
        arrive(t);
}

/* First thing on a new stack, interrupts being off: the previous thread's lock, and what becomes of it. */
static inline void finish_switch(void)
{
    struct cpu *c = this_cpu();

    spin_unlock(&c->rq.lock);
    if (unlikely(c->left))
        see_off(c);
}

void sched_first_run(void)
{
    finish_switch();
    arch_irq_enable();
}

/* Releases the run queue's lock. */
static void switch_to(struct cpu *c, struct thread *prev, struct thread *next, uint64_t now)
{
    c->curr = next;
    c->curr_since_ns = now;
    next->exec_start_ns = now;
    if (c->rq.nr && next != c->idle)
        time_slice(c, now);
    if (next == prev) {
        spin_unlock(&c->rq.lock);
        return;
    }
    c->nr_switches++;
    if (unlikely(softirq_pending(c))) /* raised since switch_away() looked */
        atomic_or(&next->work, WORK_SOFTIRQ);
    arch_switch(prev, next);
    finish_switch();
}

/* How a thread that stays runnable leaves its CPU. */
#define BEHIND_EQUALS 1 /* others of its priority go first */
#define IN_CALL       2 /* in a system call of its own, which restartable sequences cannot contain */

/* Would prev, which is on no queue, be the first of all? */
static inline bool comes_first(const struct thread *prev, const struct thread *t, unsigned how)
{
    if (unlikely(prev->rt_prio | t->rt_prio))
        return prev->rt_prio > t->rt_prio || (prev->rt_prio == t->rt_prio && !(how & BEHIND_EQUALS));
    return (int64_t)(prev->vruntime_ns - t->vruntime_ns) < 0;
}

/* prev stays runnable: who runs next. It is queued after the other has been taken off: mostly both are alone there. */
static struct thread *pick_other(struct cpu *c, struct thread *prev, unsigned how, uint64_t now)
{
    struct cpu *d = unlikely(nr_cpus > 1) && prev != c->idle ? relief(c, prev, now) : NULL;
    struct thread *next;

    prev->nivcsw++;
    if (d) {
        depart(c, prev, d);
        c->left = prev;
    }
    if (d || prev == c->idle)
        return runq_pick(c);
    next = runq_first(c);
    if (comes_first(prev, next, how))
        return prev;
    runq_take(c, next);
    enqueue(&c->rq, prev, !(how & BEHIND_EQUALS));
    return next;
}

static void set_aside(struct cpu *c, struct thread *prev, enum thread_state state, unsigned how, uint64_t now)
{
    prev->state = state;
    /* As restartable sequences see it: others run between two of its instructions. A T_BLOCKED one may be in a fault. */
    if (prev->mm && (state == T_BLOCKED || (state == T_RUNNING && !(how & IN_CALL))))
        atomic_or(&prev->work, WORK_RSEQ);
    if (state == T_RUNNING)
        return;
    prev->nvcsw++;
#if DEBUG
    prev->waits_since_ns = now;
#endif
    if (state == T_DEAD)
        c->left = prev;
}

/* Leaves the CPU in the given state; T_RUNNING: to the others, if there are any. */
static void switch_away(enum thread_state state, unsigned how)
{
    struct cpu *c = this_cpu();
    struct thread *prev = current;

    ASSERT(arch_irqs_on());
    if (unlikely(softirq_pending(c)))
        softirq_run();
    arch_irq_disable();
    if (unlikely(c->rcu.quiet_epoch != atomic_load(&rcu_epoch)))
        rcu_quiescent(c);
    spin_lock(&c->rq.lock);
    if (prev->woken && (state == T_SLEEPING || state == T_BLOCKED || state == T_STOPPED)) {
        prev->woken = 0; /* WORK_RESCHED stays: nothing else times the slice */
        spin_unlock(&c->rq.lock);
        arch_irq_enable();
        return;
    }
    if (prev->work & WORK_RESCHED)
        atomic_and(&prev->work, ~WORK_RESCHED);
    if (state == T_RUNNING && !c->rq.nr && likely(prev->affinity & cpu_bit(c->id))) {
        spin_unlock(&c->rq.lock);
    } else {
        uint64_t now = arch_clock_ns();

        charge(c, now);
        set_aside(c, prev, state, how, now);
        switch_to(c, prev, state == T_RUNNING ? pick_other(c, prev, how, now) : runq_pick(c), now);
    }
    arch_irq_enable();
}

void schedule(void)
{
    /* A real-time round-robin thread whose slice ended goes behind its equals. */
    switch_away(T_RUNNING, current->policy == SCHED_POLICY_RR ? BEHIND_EQUALS : 0);
}

void sched_catch_up(void)
{
    if (softirq_pending(this_cpu()))
        softirq_run();
    if (READ_ONCE(current->work) & WORK_RESCHED)
        switch_away(T_RUNNING, IN_CALL);
}

void sched_yield_current(void)
{
    struct cpu *c = this_cpu();
    struct thread *t = current;
    unsigned long flags = spin_lock_irqsave(&c->rq.lock);

    if (!is_rt(t) && c->rq.fair.leftmost) {
        uint64_t first = of_node(c->rq.fair.leftmost)->vruntime_ns;

        charge(c, arch_clock_ns());
        if ((int64_t)(first - t->vruntime_ns) >= 0)
            t->vruntime_ns = first + 1;
    }
    spin_unlock_irqrestore(&c->rq.lock, flags);
    switch_away(T_RUNNING, BEHIND_EQUALS | IN_CALL);
}

struct sleep_timer {
    struct timer timer;
    struct thread *thread;
};

static void sleep_over(struct timer *t)
{
    thread_wake(container_of(t, struct sleep_timer, timer)->thread);
}

static __noinline int block_until(enum thread_state s, uint64_t deadline)
{
    struct sleep_timer st = { .thread = current };

    if (deadline <= clock_mono_ns())
        return -ETIMEDOUT;
    timer_init(&st.timer, sleep_over);
    timer_arm(&st.timer, deadline);
    switch_away(s, 0);
    return timer_cancel(&st.timer) || clock_mono_ns() < deadline ? 0 : -ETIMEDOUT;
}

int wait_block(enum thread_state s, uint64_t deadline)
{
    check_may_sleep();
    if (s == T_SLEEPING && signal_pending())
        return -ERESTARTSYS;
    if (deadline != TIME_NEVER)
        return block_until(s, deadline);
    switch_away(s, 0);
    return 0;
}

void thread_exit(void)
{
    switch_away(T_DEAD, 0);
    panic("a dead thread ran");
}

/* ---- waking ---- */

/* A sleeper may come back only so far behind the others. */
static inline void catch_up(const struct cpu *c, struct thread *t)
{
    uint64_t least = c->rq.min_vruntime_ns - WAKE_CREDIT_NS;

    if ((int64_t)(t->vruntime_ns - least) < 0)
        t->vruntime_ns = least;
}

enum woken { JUST_SLEEPS = -1, WAS_AWAKE, WAS_ASLEEP };

/* t does not just sleep: it runs or has ended; or it is parked, its stack not all there. JUST_SLEEPS: now it does. Else
 * c's lock has been released. */
static __noinline enum woken wake_other(struct cpu *c, struct thread *t)
{
    bool parked = t->state == T_PARKED, asleep = parked || t->state == T_PARKING;

    if (parked && kstack_fill(t, NULL))
        return JUST_SLEEPS;
    if (asleep) {
        t->state = T_RUNNING;
        catch_up(c, t);
        depart(c, t, c);
    } else {
        t->woken = 1;
    }
    spin_unlock(&c->rq.lock);
    if (parked)
        kstack_want(t);
    return asleep ? WAS_ASLEEP : WAS_AWAKE;
}

/* Releases c's lock, which is that of t's queue. */
static inline bool wake_unlock(struct cpu *c, struct thread *t)
{
    if (unlikely(t->state - T_SLEEPING > T_STOPPED - T_SLEEPING)) {
        enum woken other = wake_other(c, t);

        if (other != JUST_SLEEPS)
            return other == WAS_ASLEEP;
    }
    t->state = T_RUNNING;
    catch_up(c, t);
    if (unlikely(nr_cpus > 1)) {
        struct cpu *d = choose_cpu(c, t);

        if (d != c) {
            depart(c, t, d);
            spin_unlock(&c->rq.lock);
            arrive(t);
            return true;
        }
    }
    activate(c, t);
    spin_unlock(&c->rq.lock);
    return true;
}

bool thread_wake_irqs_off(struct thread *t)
{
    return wake_unlock(lock_runq(t), t);
}

bool thread_wake(struct thread *t)
{
    unsigned long flags = arch_irq_save();
    bool woke = thread_wake_irqs_off(t);

    arch_irq_restore(flags);
    return woke;
}

void thread_kick(struct thread *t, uint32_t work)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = this_cpu();

    atomic_or(&t->work, work);
    /* The current thread is not about to sleep: wait_block() looks at the bits before it does. */
    if (t != current || c->in_irq || c->in_softirq) {
        c = lock_runq(t);
        if (t == c->curr && c != this_cpu())
            arch_kick_cpu(c->id);
        if (t->state != T_BLOCKED && (t->state != T_STOPPED || (work & WORK_KILL)))
            wake_unlock(c, t);
        else
            spin_unlock(&c->rq.lock);
    }
    arch_irq_restore(flags);
}

/* ---- parking: kernel/kstack.c ---- */

bool sched_park(struct thread *t, uint64_t asleep_before)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);
    bool sleeps = t->state == T_SLEEPING && t->exec_start_ns <= asleep_before;

    if (sleeps)
        t->state = T_PARKING;
    spin_unlock_irqrestore(&c->rq.lock, flags);
    return sleeps;
}

bool sched_parked(struct thread *t)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);
    bool asleep = t->state == T_PARKING;

    if (asleep)
        t->state = T_PARKED;
    spin_unlock_irqrestore(&c->rq.lock, flags);
    return asleep;
}

void sched_unpark(struct thread *t)
{
    unsigned long flags = arch_irq_save();

    arrive(t);
    arch_irq_restore(flags);
}

int thread_sleep_until(uint64_t deadline, bool interruptible)
{
    for (;;) {
        int err = wait_block(interruptible ? T_SLEEPING : T_BLOCKED, deadline);

        if (err)
            return err == -ETIMEDOUT ? 0 : err;
    }
}

/* ---- settings and figures ---- */

static uint32_t own_weight(const struct thread *t)
{
    return t->policy == SCHED_POLICY_IDLE ? 3 : nice_weight[t->nice + 20];
}

/* t's own or lent priority changed; c is its CPU, locked. */
static void apply_priority(struct cpu *c, struct thread *t)
{
    bool queued = t->on_rq;

    if (c->curr == t)
        charge(c, arch_clock_ns());
    if (queued)
        dequeue(&c->rq, t);
    t->weight = MAX(own_weight(t), t->lent_weight);
    t->rt_prio = MAX(t->own_rt_prio, t->lent_rt_prio);
    if ((int64_t)(t->vruntime_ns - c->rq.min_vruntime_ns) < 0)
        t->vruntime_ns = c->rq.min_vruntime_ns; /* real-time threads' stood still */
    if (queued)
        enqueue(&c->rq, t, false);
    if (c->rq.nr && c->curr != c->idle)
        resched(c);
}

void sched_set(struct thread *t, unsigned policy, int nice, unsigned rt_prio)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);

    t->policy = policy;
    t->nice = nice;
    t->own_rt_prio = rt_prio;
    apply_priority(c, t);
    spin_unlock_irqrestore(&c->rq.lock, flags);
}

void sched_set_affinity(struct thread *t, uint64_t mask)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);
    bool moves = !(mask & cpu_bit(c->id)), queued = moves && t->on_rq;

    t->affinity = mask;
    if (queued) {
        dequeue(&c->rq, t);
        depart(c, t, allowed_cpu(t));
    } else if (moves && c->curr == t) {
        resched(c);
    }
    spin_unlock(&c->rq.lock);
    if (queued)
        arrive(t);
    arch_irq_restore(flags);
    if (t == current)
        cond_resched();
}

bool sched_boost(struct thread *t, unsigned rt_prio, uint32_t weight)
{
    unsigned long flags = arch_irq_save();
    struct cpu *c = lock_runq(t);
    bool change;

    t->lent_rt_prio = rt_prio;
    t->lent_weight = weight;
    change = t->rt_prio != MAX(t->own_rt_prio, t->lent_rt_prio) || t->weight != MAX(own_weight(t), weight);
    if (change)
        apply_priority(c, t);
    spin_unlock_irqrestore(&c->rq.lock, flags);
    return change;
}

void sched_inherit(struct thread *t)
{
    struct thread *from = current;

    t->policy = from->policy;
    t->nice = from->nice;
    t->weight = own_weight(from);
    t->rt_prio = t->own_rt_prio = from->own_rt_prio;
    if (from->reset_on_fork && (is_rt(t) || t->nice < 0)) {
        t->policy = is_rt(t) ? SCHED_POLICY_OTHER : t->policy;
        t->nice = t->rt_prio = t->own_rt_prio = 0;
        t->weight = NICE_0_WEIGHT;
    }
    t->affinity = from->affinity;
    t->vruntime_ns = from->vruntime_ns;
}

unsigned sched_nr_running(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < nr_cpus; i++)
        n += READ_ONCE(cpus[i]->rq.nr) + (READ_ONCE(cpus[i]->curr) != cpus[i]->idle);
    return n;
}

/* ---- start ---- */

void sched_init_cpu(struct cpu *c, struct thread *t)
{
    t->weight = NICE_0_WEIGHT;
    t->affinity = cpu_bit(c->id);
    t->state = T_RUNNING;
    spin_init(&c->rq.lock, RANK_RUNQ);
    spin_init(&c->timer_lock, RANK_TIMER);
    list_init(&c->rq.rt);
    c->timer_next_ns = c->slice_end_ns = c->sample_ns = TIME_NEVER;
    c->idle = c->curr = t;
}

void sched_init(void)
{
    struct cpu *c = this_cpu();
    struct thread *t = &boot_thread;

    str_copy(t->name, "idle", sizeof(t->name));
    ref_init(&t->refs);
    sched_init_cpu(c, t);
    c->online = 1;
    arch_set_current(t);
}
