/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, scheduling, waiting, sleeping locks: the real ones, on the shim's CPU. */
#include "test.h"

#include "kernel/clock.h"
#include "kernel/thread.h"
#include "shim.h"

static char trace[64];
static unsigned trace_len;

static void mark(char c)
{
    if (trace_len < sizeof(trace) - 1)
        trace[trace_len++] = c;
    trace[trace_len] = 0;
}

static void trace_reset(void)
{
    trace_len = 0;
    trace[0] = 0;
}

static struct waitq wq = WAITQ_INIT(wq);
static int ready;
static int result;

static void wait_ready(void *arg)
{
    mark('w');
    result = wait_event_interruptible(&wq, ready);
    mark('d');
}

static void let_others_run(void)
{
    for (int i = 0; i < 8; i++)
        sched_yield_current();
}

TEST(a_thread_waits_until_woken)
{
    trace_reset();
    ready = 0;
    kthread_new("waiter", wait_ready, NULL);
    let_others_run();
    CHECK(!strcmp(trace, "w"));
    wake_all(&wq); /* condition false: it goes on sleeping */
    let_others_run();
    CHECK(!strcmp(trace, "w"));
    ready = 1;
    wake_all(&wq);
    let_others_run();
    CHECK(!strcmp(trace, "wd"));
    CHECK(result == 0);
    CHECK(list_empty(&wq.waiters));
}

TEST(a_signal_ends_an_interruptible_wait)
{
    trace_reset();
    ready = 0;
    struct thread *t = kthread_new("waiter", wait_ready, NULL);

    thread_get(t);
    let_others_run();
    thread_kick(t, WORK_SIGNAL);
    let_others_run();
    CHECK(!strcmp(trace, "wd"));
    CHECK(result == -ERESTARTSYS);
    CHECK(t->state == T_DEAD);
    thread_put(t);
}

static void wait_stubborn(void *arg)
{
    result = wait_event(&wq, ready);
    mark('d');
}

TEST(a_signal_does_not_end_an_uninterruptible_wait)
{
    trace_reset();
    ready = 0;
    struct thread *t = kthread_new("waiter", wait_stubborn, NULL);

    let_others_run();
    thread_kick(t, WORK_SIGNAL | WORK_KILL);
    let_others_run();
    CHECK(!strcmp(trace, ""));
    ready = 1;
    wake_all(&wq);
    let_others_run();
    CHECK(!strcmp(trace, "d"));
}

TEST(a_wait_times_out)
{
    uint64_t start = clock_mono_ns();
    int never = 0;

    CHECK(wait_event_until(&wq, never, start + 5 * NSEC_PER_MS) == -ETIMEDOUT);
    CHECK(clock_mono_ns() == start + 5 * NSEC_PER_MS);
    CHECK(wait_event_until(&wq, never, start) == -ETIMEDOUT);
    CHECK(list_empty(&wq.waiters));
}

TEST(a_wake_up_before_the_sleep_is_kept)
{
    thread_wake(current);
    CHECK(wait_block(T_BLOCKED, TIME_NEVER) == 0); /* would never return */
    uint64_t start = clock_mono_ns();
    CHECK(wait_block(T_BLOCKED, start + 1000) == -ETIMEDOUT);
}

TEST(a_wake_up_before_the_sleep_leaves_the_others_their_turn)
{
    atomic_or(&current->work, WORK_RESCHED);
    thread_wake(current);
    CHECK(wait_block(T_BLOCKED, TIME_NEVER) == 0);
    CHECK(current->work & WORK_RESCHED);
    schedule();
    CHECK(!(current->work & WORK_RESCHED));
}

static void sleeper(void *arg)
{
    thread_sleep_until((uintptr_t)arg, true);
    mark('0' + (uintptr_t)arg % 10);
}

TEST(sleepers_wake_in_the_order_of_their_deadlines)
{
    uint64_t t = clock_mono_ns();

    t -= t % 10;
    trace_reset();
    kthread_new("s", sleeper, (void *)(uintptr_t)(t + 1000003));
    kthread_new("s", sleeper, (void *)(uintptr_t)(t + 1001));
    kthread_new("s", sleeper, (void *)(uintptr_t)(t + 10002));
    thread_sleep_until(t + 2000000, false);
    CHECK(!strcmp(trace, "123"));
}

static struct waitq exq = WAITQ_INIT(exq);
static int tokens;

static void take_token(void *arg)
{
    struct waiter w;

    waiter_init(&w);
    w.exclusive = true;
    for (;;) {
        wait_prepare(&exq, &w, T_BLOCKED);
        if (tokens)
            break;
        wait_block(T_BLOCKED, TIME_NEVER);
    }
    tokens--;
    wait_finish(&exq, &w);
    mark('t');
}

TEST(exclusive_waiters_are_woken_one_by_one)
{
    trace_reset();
    for (int i = 0; i < 3; i++)
        kthread_new("taker", take_token, NULL);
    let_others_run();
    uint64_t before = boot_cpu.nr_switches;

    tokens = 1;
    waitq_wake(&exq, 1, 0);
    let_others_run();
    CHECK(!strcmp(trace, "t"));
    CHECK(boot_cpu.nr_switches - before <= 4);
    tokens = 2;
    waitq_wake(&exq, 2, 0);
    let_others_run();
    CHECK(!strcmp(trace, "ttt"));
}

static struct mutex mutex;
static int inside;

static void lock_user(void *arg)
{
    for (int i = 0; i < 4; i++) {
        mutex_lock(&mutex);
        CHECK(!inside++);
        sched_yield_current();
        inside--;
        mutex_unlock(&mutex);
    }
    mark('m');
}

TEST(a_mutex_admits_one)
{
    trace_reset();
    mutex_init(&mutex, RANK_FILE);
    for (int i = 0; i < 3; i++)
        kthread_new("locker", lock_user, NULL);
    lock_user(NULL);
    for (int i = 0; i < 40; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "mmmm"));
    CHECK(!mutex.owner && list_empty(&mutex.waiters));
    CHECK(mutex_trylock(&mutex) && mutex_held(&mutex));
    CHECK(!mutex_trylock(&mutex));
    mutex_unlock(&mutex);
}

static void lock_interruptibly(void *arg)
{
    result = mutex_lock_interruptible(&mutex);
    mark('i');
}

TEST(a_signal_ends_waiting_for_a_mutex)
{
    trace_reset();
    mutex_init(&mutex, RANK_FILE);
    mutex_lock(&mutex);
    struct thread *t = kthread_new("locker", lock_interruptibly, NULL);

    let_others_run();
    CHECK(mutex.owner & 1);
    thread_kick(t, WORK_SIGNAL);
    let_others_run();
    CHECK(result == -EINTR && !strcmp(trace, "i"));
    CHECK(!(mutex.owner & 1));
    mutex_unlock(&mutex);
    CHECK(!mutex.owner);
}

static struct rwlock rw;
static int readers, writers;

static void reader(void *arg)
{
    rw_read_lock(&rw);
    readers++;
    CHECK(!writers);
    mark('r');
    let_others_run();
    readers--;
    rw_read_unlock(&rw);
}

static void writer(void *arg)
{
    rw_write_lock(&rw);
    CHECK(!readers && !writers++);
    mark('W');
    let_others_run();
    writers--;
    rw_write_unlock(&rw);
}

TEST(readers_share_and_writers_are_not_starved)
{
    trace_reset();
    rw_init(&rw, RANK_MM);
    rw_read_lock(&rw);
    kthread_new("r", reader, NULL);
    let_others_run();
    kthread_new("w", writer, NULL);
    let_others_run();
    kthread_new("r", reader, NULL); /* behind the writer */
    kthread_new("r", reader, NULL);
    let_others_run();
    CHECK(!strcmp(trace, "r"));
    CHECK(!rw_try_read_lock(&rw));
    rw_read_unlock(&rw);
    for (int i = 0; i < 200; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "rWrr"));
    CHECK(!rw.state);
    CHECK(rw_try_write_lock(&rw));
    rw_write_unlock(&rw);
}

TEST(a_downgraded_lock_is_shared_with_readers_and_kept_from_writers)
{
    trace_reset();
    rw_init(&rw, RANK_MM);
    rw_write_lock(&rw);
    rw_downgrade(&rw);
    kthread_new("r", reader, NULL);
    for (int i = 0; i < 20; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "r"));
    rw_read_unlock(&rw);
    CHECK(!rw.state);
    rw_write_lock(&rw);
    kthread_new("r", reader, NULL);
    let_others_run();
    kthread_new("w", writer, NULL);
    let_others_run();
    kthread_new("r", reader, NULL); /* behind the writer */
    for (int i = 0; i < 20; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "r"));
    rw_downgrade(&rw);
    for (int i = 0; i < 200; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "rr"));
    rw_read_unlock(&rw);
    for (int i = 0; i < 200; i++)
        sched_yield_current();
    CHECK(!strcmp(trace, "rrWr") && !rw.state);
}

static int stop_spinning;
static uint64_t spins[2];

static void spinner(void *arg)
{
    while (!stop_spinning) {
        shim_advance(100 * NSEC_PER_US);
        spins[(uintptr_t)arg]++;
        cond_resched();
    }
}

TEST(cpu_time_is_shared_by_weight)
{
    struct thread *a, *b;

    stop_spinning = 0;
    spins[0] = spins[1] = 0;
    a = kthread_new("a", spinner, (void *)0);
    b = kthread_new("b", spinner, (void *)1);
    sched_set(b, SCHED_POLICY_OTHER, 5, 0); /* 1.25^5: about a third */
    thread_get(a);
    thread_sleep_until(clock_mono_ns() + 2 * NSEC_PER_SEC, false);
    stop_spinning = 1;
    CHECK(spins[0] > 2 * spins[1] && spins[0] < 4 * spins[1]);
    uint64_t u, s;

    thread_times(a, &u, &s);
    CHECK(u + s > 1400 * NSEC_PER_MS && u + s < 1600 * NSEC_PER_MS);
    thread_sleep_until(clock_mono_ns() + NSEC_PER_SEC, false);
    thread_put(a);
}

TEST(real_time_threads_go_first)
{
    trace_reset();
    stop_spinning = 0;
    kthread_new("low", spinner, (void *)0);
    struct thread *t = kthread_new("rt", wait_ready, NULL);

    sched_set(t, SCHED_POLICY_FIFO, 0, 10);
    ready = 0;
    thread_sleep_until(clock_mono_ns() + 10 * NSEC_PER_MS, false);
    CHECK(!strcmp(trace, "w"));
    ready = 1;
    wake_all(&wq);
    CHECK(current->work & WORK_RESCHED);
    cond_resched();
    CHECK(!strcmp(trace, "wd"));
    stop_spinning = 1;
    let_others_run();
}

TEST(cpu_time_is_sampled_and_no_slice_timed_while_one_thread_has_the_cpu)
{
    uint64_t u, s, u2, s2, sets;

    shim_advance(NSEC_PER_SEC);
    sets = shim_timer_sets;
    thread_times(current, &u, &s);
    shim_advance(NSEC_PER_SEC);
    thread_times(current, &u2, &s2);
    CHECK(shim_timer_sets - sets <= 101);
    CHECK(u2 == u && s2 - s == NSEC_PER_SEC); /* the shim's interrupts interrupt no user mode */
}

static int turn;
static struct waitq ping = WAITQ_INIT(ping);

static void pong(void *arg)
{
    for (int i = 0; i < 100; i++) {
        wait_event(&ping, turn == 1);
        turn = 0;
        wake_all(&ping);
    }
}

TEST(ping_pong_switches_no_more_than_needed)
{
    turn = 0;
    kthread_new("pong", pong, NULL);
    let_others_run();
    uint64_t switches = boot_cpu.nr_switches, sets = shim_timer_sets;

    for (int i = 0; i < 100; i++) {
        turn = 1;
        wake_all(&ping);
        wait_event(&ping, turn == 0);
    }
    CHECK(boot_cpu.nr_switches - switches <= 202);
    CHECK(shim_timer_sets - sets <= 1);
}

TEST(thread_creation_survives_every_oom)
{
    struct thread *t, *with_kept_stack[8];
    unsigned kept = boot_cpu.nr_free_stacks;
    int n = 0;

    for (unsigned i = 0; i < kept; i++)
        with_kept_stack[i] = thread_new("x");
    long objects = shim_live_objects, pages = shim_live_pages;

    do {
        fail_alloc_at(n++);
        t = thread_new("x");
    } while (!t);
    fail_alloc_at(-1);
    CHECK(n > 2);
    thread_put(t); /* its stack is kept for the next */
    CHECK(boot_cpu.nr_free_stacks == 1);
    pages = shim_live_pages;
    thread_put(thread_new("x"));
    CHECK(shim_live_objects == objects && shim_live_pages == pages);
    for (unsigned i = 0; i < kept; i++)
        thread_put(with_kept_stack[i]);
}

TEST(lock_order_is_checked)
{
    struct spinlock a, b;

    spin_init(&a, RANK_MAPPING);
    spin_init(&b, RANK_PAGE);
    spin_lock(&a);
    spin_lock(&b);
    spin_unlock(&a);
    spin_unlock(&b);
    spin_lock(&b);
    CHECK_PANICS(spin_lock(&a));
    spin_init(&a, RANK_MAPPING);
    spin_lock(&a);
    CHECK_PANICS(spin_lock(&a));
    spin_init(&a, RANK_MAPPING);
    CHECK_PANICS(spin_unlock(&a));
    spin_lock(&a);
    CHECK_PANICS(mutex_lock(&mutex));
    spin_init(&a, RANK_MAPPING);
}

TEST(interrupts_may_take_lower_ranks_than_the_interrupted)
{
    struct spinlock a, b;

    spin_init(&a, RANK_MAPPING);
    spin_init(&b, RANK_PAGE);
    spin_lock(&b);
    boot_cpu.in_irq = 1;
    spin_lock(&a);
    CHECK(spin_held(&a) && spin_held(&b));
    spin_unlock(&a);
    boot_cpu.in_irq = 0;
    spin_unlock(&b);
    CHECK(!boot_cpu.locks_held);
}

static struct waitq dormitory = WAITQ_INIT(dormitory);
static int morning, risen;

static void lodger(void *unused)
{
    current->mm = (struct mm *)&dormitory; /* only threads of programs are parked */
    wait_event_interruptible(&dormitory, morning);
    current->mm = NULL;
    risen++;
}

/* Also those whose wake-up finds no memory. The last test: from 64 threads on there is a keeper. */
TEST(long_sleepers_are_parked_and_wake)
{
    struct thread *t[70];
    unsigned parked = 0, nr_cut = ARRAY_SIZE(t) * (KSTACK_SIZE / PAGE_SIZE - 1);

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        t[i] = kthread_new("lodger", lodger, NULL);
        thread_get(t[i]);
    }
    thread_sleep_until(clock_mono_ns() + 10 * NSEC_PER_MS, false);
    long pages = shim_live_pages;

    thread_sleep_until(clock_mono_ns() + 3 * NSEC_PER_SEC, false);
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        parked += t[i]->state == T_PARKED;
    CHECK(parked == ARRAY_SIZE(t));
    CHECK(pages - shim_live_pages == nr_cut);
    morning = 1;
    fail_alloc_at(5);
    wake_all(&dormitory);
    fail_alloc_at(-1);
    thread_sleep_until(clock_mono_ns() + 10 * NSEC_PER_MS, false);
    CHECK(risen == ARRAY_SIZE(t));
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        thread_put(t[i]);
}
