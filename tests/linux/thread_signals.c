/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals with several threads: who gets them, masks, waiting, descriptors, stacks, faults, order, limits. */
#include "threads.h"
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int count, taker, go;
static volatile siginfo_t got;

static void on_count(int sig)
{
    taker = my_tid();
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static void on_info(int sig, siginfo_t *si, void *ctx)
{
    got = *si;
    on_count(sig);
}

static void reset(void)
{
    count = taker = go = 0;
}

/* Waits for the end, taking signals; counts its turns. */
static void *loiter(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST)) {
        __atomic_add_fetch(&w->result, 1, __ATOMIC_SEQ_CST);
        usleep(500);
    }
    return NULL;
}

/* Until it has left its handler: on the way out it would take what waits for the process. */
static void wait_for_turns(struct worker *w)
{
    long seen = __atomic_load_n(&w->result, __ATOMIC_SEQ_CST);

    while (__atomic_load_n(&w->result, __ATOMIC_SEQ_CST) < seen + 2)
        usleep(200);
}

static void *loiter_open(struct worker *w)
{
    unblock(SIGUSR1, 0);
    w->result = 1;
    return loiter(w);
}

/* ---- who gets it ---- */

static void test_targets(void)
{
    struct worker a, b;

    handle_info(SIGUSR1, on_info, SA_RESTART);
    reset();
    spawn(&a, loiter, NULL);
    spawn(&b, loiter, NULL);
    CHECK_EQ(send_to(b.tid, SIGUSR1), 0);
    wait_for(&count, 1);
    CHECK(taker == b.tid);
    CHECK(got.si_code == SI_TKILL && got.si_pid == getpid() && got.si_uid == getuid());
    CHECK_EQ(pthread_kill(a.thread, SIGUSR1), 0);
    wait_for(&count, 2);
    CHECK(taker == a.tid);
    wait_for_turns(&a);
    wait_for_turns(&b);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK(count == 3 && taker == my_tid()); /* the first thread, if it may, before kill(2) returns */
    CHECK(got.si_code == SI_USER);
    go = 1;
    join(&a), join(&b);

    reset();
    block(SIGUSR1, 0);
    spawn(&a, loiter, NULL);
    spawn(&b, loiter_open, NULL);
    while (!*(volatile long *)&b.result)
        usleep(200);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    wait_for(&count, 1);
    CHECK(taker == b.tid); /* the only one that lets it through */
    CHECK_EQ(send_to(a.tid, SIGUSR1), 0);
    CHECK_EQ(send_to(a.tid, SIGUSR1), 0);
    CHECK_EQ(count, 1);
    go = 1;
    join(&a), join(&b);
    CHECK_EQ(count, 1); /* what a thread did not take is gone with it */
    reset();
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(count, 0);
    spawn(&b, loiter_open, NULL); /* takes what waits for the process */
    wait_for(&count, 1);
    CHECK(taker == b.tid);
    go = 1;
    join(&b);
    unblock(SIGUSR1, 0);
}

static void *show_pending(struct worker *w)
{
    sigset_t s;
    sigpending(&s);
    w->result = sigismember(&s, SIGUSR1) * 1 + sigismember(&s, SIGUSR2) * 2;
    wait_for(&go, 1);
    sigpending(&s);
    w->result += sigismember(&s, SIGUSR1) * 4 + sigismember(&s, SIGUSR2) * 8;
    return NULL;
}

static void test_pending(void)
{
    struct worker w;
    sigset_t s;

    reset();
    block(SIGUSR1, SIGUSR2);
    kill(getpid(), SIGUSR1);
    send_to(getpid(), SIGUSR2);
    sigpending(&s);
    CHECK(sigismember(&s, SIGUSR1) && sigismember(&s, SIGUSR2));
    spawn(&w, show_pending, NULL); /* does not inherit what is pending for its maker */
    send_to(w.tid, SIGUSR2);
    go = 1;
    join(&w);
    CHECK_EQ(w.result & ~2, 1 + 4 + 8);
    signal(SIGUSR1, SIG_IGN), signal(SIGUSR2, SIG_IGN);
    sigpending(&s);
    CHECK(!sigismember(&s, SIGUSR1) && !sigismember(&s, SIGUSR2));
    unblock(SIGUSR1, SIGUSR2);
}

/* ---- to threads that are gone, and wrong ones ---- */

static void *do_nothing(struct worker *w)
{
    return NULL;
}

static void test_gone(void)
{
    struct worker w;
    siginfo_t si = { .si_code = SI_QUEUE };

    spawn(&w, do_nothing, NULL);
    join(&w);
    wait_gone(w.tid);
    CHECK_ERR(send_to(w.tid, SIGUSR1), ESRCH);
    CHECK_ERR(send_to(w.tid, 0), ESRCH);
    CHECK_ERR(syscall(SYS_tkill, w.tid, SIGUSR1), ESRCH);
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), w.tid, SIGUSR1, &si), ESRCH);
    CHECK_ERR(kill(w.tid, SIGUSR1), ESRCH);
    CHECK_ERR(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL);
    CHECK_ERR(syscall(SYS_tgkill, getpid(), w.tid, 65), ESRCH);
    CHECK_ERR(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
    CHECK_ERR(syscall(SYS_tkill, 0, 0), EINVAL);
    CHECK_ERR(kill(w.tid, 65), ESRCH);
    reset();
    spawn(&w, loiter, NULL);
    CHECK_ERR(syscall(SYS_tgkill, w.tid, w.tid, 0), ESRCH); /* a thread is no process */
    CHECK_ERR(syscall(SYS_tgkill, w.tid, getpid(), 0), ESRCH);
    CHECK_ERR(kill(-w.tid, 0), ESRCH);
    si.si_code = SI_TKILL;
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), w.tid, 0, &si), EPERM);
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), my_tid(), 0, &si), 0);
    si.si_code = 1;
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), w.tid, 0, &si), EPERM);
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, 0, &si), EINVAL);
    si.si_code = -77;
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), w.tid, 0, &si), 0);
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), w.tid, 65, &si), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &si), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, 999999, 65, &si), ESRCH);
    go = 1;
    join(&w);
}

static void *claim(struct worker *w)
{
    siginfo_t si = { .si_code = SI_USER };

    errno = 0;
    w->result = syscall(SYS_rt_sigqueueinfo, getpid(), 0, &si);
    w->error = errno;
    return NULL;
}

static void test_claim(void)
{
    struct worker w;
    siginfo_t si = { .si_code = SI_USER };

    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &si), 0);
    spawn(&w, claim, NULL); /* only the thread whose number is the process's may */
    join(&w);
    CHECK(w.result == -1 && w.error == EPERM);
}

/* ---- waiting ---- */

#define WAITERS 4
#define SENT    400

static volatile long taken, taken_sum;

static void *wait_signals(struct worker *w)
{
    sigset_t s = set_of(SIGRTMIN + 1, SIGRTMIN + 2);
    siginfo_t si;

    for (;;) {
        int sig = sigwaitinfo(&s, &si);

        if (sig < 0 && errno == EINTR)
            continue;
        CHECK_QUIET(sig == si.si_signo);
        if (sig != SIGRTMIN + 1)
            return NULL;
        CHECK_QUIET(si.si_code == SI_QUEUE && si.si_pid == getpid());
        w->result++;
        __atomic_add_fetch(&taken_sum, si.si_value.sival_int, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
    }
}

static void test_sigwait(void)
{
    struct worker w[WAITERS];
    union sigval v;
    long sum = 0;

    block(SIGRTMIN + 1, SIGRTMIN + 2);
    for (int i = 0; i < WAITERS; i++)
        spawn(&w[i], wait_signals, NULL);
    for (int i = 0; i < SENT; i++) {
        v.sival_int = i;
        sum += i;
        CHECK_QUIET(sigqueue(getpid(), SIGRTMIN + 1, v) == 0);
    }
    while (taken < SENT)
        usleep(500);
    CHECK_EQ(taken, SENT);
    CHECK(taken_sum == sum);
    for (int i = 0; i < WAITERS; i++) /* one each */
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 2, v), 0);
    for (int i = 0; i < WAITERS; i++)
        join(&w[i]);
    unblock(SIGRTMIN + 1, SIGRTMIN + 2);
    report(1, "each signal was taken by one of the threads that waited");
}

static void *wait_winch(struct worker *w)
{
    sigset_t s = set_of(SIGWINCH, SIGUSR1);
    siginfo_t si;
    struct timespec long_ago = { 1000, 0 };

    w->result = sigtimedwait(&s, &si, &long_ago);
    w->error = si.si_code;
    return NULL;
}

/* Of a signal that is ignored by default, the first thread's mask decides whether it is kept. */
static void test_wait_ignored(void)
{
    struct worker w;
    sigset_t s;

    block(SIGWINCH, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    spawn(&w, wait_winch, NULL);
    wait_asleep(w.tid);
    CHECK_EQ(kill(getpid(), SIGWINCH), 0);
    join(&w);
    CHECK(w.result == SIGWINCH && w.error <= 0);
    spawn(&w, wait_winch, NULL);
    wait_asleep(w.tid);
    unblock(SIGWINCH, 0);
    CHECK_EQ(kill(getpid(), SIGWINCH), 0); /* lost */
    sigpending(&s);
    CHECK(!sigismember(&s, SIGWINCH));
    CHECK_EQ(send_to(w.tid, SIGWINCH), 0); /* the thread's own mask counts */
    join(&w);
    CHECK(w.result == SIGWINCH);
    unblock(SIGUSR1, 0);
}

/* ---- descriptors ---- */

static void *read_signal(struct worker *w)
{
    struct signalfd_siginfo si;
    int fd = *(int *)w->arg;

    w->result = read(fd, &si, sizeof(si)) == sizeof(si) ? (int)si.ssi_signo : -errno;
    return NULL;
}

static void test_signalfd(void)
{
    sigset_t s = set_of(SIGUSR1, SIGUSR2);
    struct signalfd_siginfo si;
    struct worker a, b;
    int fd;

    signal(SIGUSR1, SIG_DFL), signal(SIGUSR2, SIG_DFL);
    block(SIGUSR1, SIGUSR2);
    fd = MUST(signalfd(-1, &s, SFD_NONBLOCK));
    struct pollfd p = { fd, POLLIN, 0 };
    reset();
    spawn(&a, loiter, NULL);
    send_to(a.tid, SIGUSR1); /* another thread's: not to be read here */
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_ERR(read(fd, &si, sizeof(si)), EAGAIN);
    send_to(my_tid(), SIGUSR2);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
    CHECK(si.ssi_signo == SIGUSR2 && si.ssi_code == SI_TKILL && si.ssi_pid == getpid());
    go = 1;
    join(&a);
    fcntl(fd, F_SETFL, 0);
    spawn(&a, read_signal, &fd);
    spawn(&b, read_signal, &fd);
    wait_asleep(a.tid), wait_asleep(b.tid);
    kill(getpid(), SIGUSR1); /* of two readers one gets it */
    while (!a.result && !b.result)
        usleep(200);
    CHECK(a.result + b.result == SIGUSR1);
    send_to(a.result ? b.tid : a.tid, SIGUSR2); /* meant for the other */
    join(&a), join(&b);
    CHECK(a.result + b.result == SIGUSR1 + SIGUSR2);
    close(fd);
    unblock(SIGUSR1, SIGUSR2);
}

/* ---- stacks ---- */

static __thread char *alt_low;
static __thread size_t alt_size;
static __thread volatile int on_alt, inner_error, seen_flags, armed_inside, alt_flags;

static void on_altstack(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    char here;
    stack_t now, set = { .ss_sp = alt_low, .ss_size = alt_size, .ss_flags = alt_flags };

    on_alt = &here >= alt_low && &here < alt_low + alt_size;
    sigaltstack(NULL, &now);
    seen_flags = now.ss_flags;
    armed_inside = now.ss_size != 0;
    CHECK_QUIET(uc->uc_stack.ss_sp == alt_low && uc->uc_stack.ss_size == alt_size);
    inner_error = sigaltstack(&set, NULL) ? errno : 0;
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static void *use_altstack(struct worker *w)
{
    stack_t now, st = { .ss_size = 65536, .ss_flags = (long)w->arg };

    sigaltstack(NULL, &now);
    CHECK_QUIET(now.ss_flags == SS_DISABLE); /* a new thread has none */
    alt_size = st.ss_size;
    alt_flags = st.ss_flags;
    alt_low = st.ss_sp = malloc(st.ss_size);
    CHECK_QUIET(sigaltstack(&st, NULL) == 0);
    for (int i = 0; i < 50; i++) {
        on_alt = 0, inner_error = -1;
        raise(SIGUSR1);
        CHECK_QUIET(on_alt);
        if (w->arg) {
            CHECK_QUIET(inner_error == 0 && !armed_inside && seen_flags == SS_DISABLE);
        } else {
            CHECK_QUIET(inner_error == EPERM && armed_inside && seen_flags == SS_ONSTACK);
        }
        sigaltstack(NULL, &now);
        CHECK_QUIET(now.ss_sp == alt_low && now.ss_flags == (w->arg ? (int)SS_AUTODISARM : 0));
    }
    st.ss_flags = SS_DISABLE;
    sigaltstack(&st, NULL);
    free(alt_low);
    return NULL;
}

static void test_altstacks(void)
{
    struct worker w[6];
    stack_t st = { .ss_sp = malloc(65536), .ss_size = 65536 }, now;

    handle_info(SIGUSR1, on_altstack, SA_ONSTACK);
    CHECK_EQ(sigaltstack(&st, NULL), 0);
    reset();
    for (int i = 0; i < 6; i++)
        spawn(&w[i], use_altstack, i % 2 ? (void *)(long)(int)SS_AUTODISARM : NULL);
    for (int i = 0; i < 6; i++)
        join(&w[i]);
    CHECK_EQ(count, 300);
    sigaltstack(NULL, &now);
    CHECK(now.ss_sp == st.ss_sp && now.ss_flags == 0);
    st.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&st, NULL), 0);
    st.ss_flags = 1 << 10;
    CHECK_ERR(sigaltstack(&st, NULL), EINVAL);
    st.ss_flags = 0, st.ss_size = 100;
    CHECK_ERR(sigaltstack(&st, NULL), ENOMEM);
    free(st.ss_sp);
}

/* ---- faults: safepoints as virtual machines have them ---- */

static char *poll_page;
static volatile int stopped_at_safepoint, epoch;

static void on_safepoint(int sig, siginfo_t *si, void *ctx)
{
    int e = epoch;

    CHECK_QUIET(si->si_addr == poll_page && si->si_code == SEGV_ACCERR);
    __atomic_add_fetch(&stopped_at_safepoint, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&epoch, __ATOMIC_SEQ_CST) == e)
        sched_yield();
    count++;
}

static void *poll_safepoints(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST)) {
        w->result++;
        (void)*(volatile char *)poll_page;
    }
    return NULL;
}

#define SAFEPOINTS 100

static void test_safepoints(void)
{
    struct worker w[3];

    poll_page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle_info(SIGSEGV, on_safepoint, SA_NODEFER);
    reset();
    for (int i = 0; i < 3; i++)
        spawn(&w[i], poll_safepoints, NULL);
    for (int i = 0; i < SAFEPOINTS; i++) {
        stopped_at_safepoint = 0;
        CHECK_QUIET(mprotect(poll_page, 4096, PROT_NONE) == 0);
        wait_for(&stopped_at_safepoint, 3);
        long before = w[0].result + w[1].result + w[2].result;

        sched_yield();
        CHECK_QUIET(before == w[0].result + w[1].result + w[2].result);
        CHECK_QUIET(mprotect(poll_page, 4096, PROT_READ) == 0);
        __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
    }
    go = 1;
    for (int i = 0; i < 3; i++)
        join(&w[i]);
    report(1, "%d safepoints stopped three threads", SAFEPOINTS);
    signal(SIGSEGV, SIG_DFL);
    munmap(poll_page, 4096);
}

/* ---- preemption by signals while a thread computes ---- */

static double compute(long n)
{
    double x = 1, sum = 0;

    for (long i = 0; i < n; i++) {
        x = x * 1.0000001 + 1e-9;
        sum += x * i;
    }
    return sum;
}

static void on_preempt(int sig, siginfo_t *si, void *ctx)
{
    volatile double d = compute(3); /* handlers use the FPU, too */

    (void)d;
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static void *compute_long(struct worker *w)
{
    stack_t st = { .ss_sp = malloc(65536), .ss_size = 65536 };

    sigaltstack(&st, NULL);
    do {
        double d = compute(20000);

        CHECK_QUIET(d == *(double *)w->arg);
    } while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST));
    return NULL;
}

#define PREEMPTIONS 2000

static void test_preemption(void)
{
    struct worker w;
    double right = compute(20000);

    handle_info(SIGURG, on_preempt, SA_ONSTACK | SA_RESTART);
    reset();
    spawn(&w, compute_long, &right);
    for (int i = 0; i < PREEMPTIONS; i++) {
        int before = count;

        CHECK_QUIET(send_to(w.tid, SIGURG) == 0);
        if (i % 4 == 0) /* else they pile up, and that must do no harm */
            wait_for(&count, before + 1);
    }
    go = 1;
    join(&w);
    CHECK(count >= PREEMPTIONS / 4 && count <= PREEMPTIONS);
    signal(SIGURG, SIG_DFL);
}

/* ---- order ---- */

static char order[256];

static void on_order(int sig, siginfo_t *si, void *ctx)
{
    snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s%d%c%d", *order ? " " : "",
             sig >= SIGRTMIN ? sig - SIGRTMIN : -sig, si->si_code == SI_QUEUE ? 'q' : 't',
             si->si_value.sival_int);
}

static void *order_in_thread(struct worker *w)
{
    union sigval v;
    siginfo_t si = { .si_code = SI_QUEUE };

    for (int i = 1; i <= 3; i++) {
        v.sival_int = i;
        sigqueue(getpid(), SIGRTMIN + 5, v);
        sigqueue(getpid(), SIGRTMIN + 4, v);
        si.si_value.sival_int = 10 + i;
        syscall(SYS_rt_tgsigqueueinfo, getpid(), my_tid(), SIGRTMIN + 5, &si);
        syscall(SYS_rt_tgsigqueueinfo, getpid(), my_tid(), SIGUSR2, &si);
    }
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    return NULL;
}

static void test_order(void)
{
    struct worker w;
    struct sigaction sa = { .sa_sigaction = on_order, .sa_flags = SA_SIGINFO };
    sigset_t all, old;

    sigfillset(&sa.sa_mask);
    sigaction(SIGUSR2, &sa, NULL);
    sigaction(SIGRTMIN + 4, &sa, NULL);
    sigaction(SIGRTMIN + 5, &sa, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    spawn(&w, order_in_thread, NULL);
    join(&w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    report(1, "order: %s", order);
    signal(SIGUSR2, SIG_DFL), signal(SIGRTMIN + 4, SIG_DFL), signal(SIGRTMIN + 5, SIG_DFL);
}

/* ---- limits ---- */

static void test_limit(void)
{
    struct rlimit old, none;
    siginfo_t si = { .si_code = SI_QUEUE };
    sigset_t s = set_of(SIGRTMIN + 1, SIGUSR1);
    union sigval v = { 5 };
    timer_t t;

    block(SIGRTMIN + 1, SIGUSR1);
    handle(SIGUSR1, on_count, 0);
    getrlimit(RLIMIT_SIGPENDING, &old);
    none = old;
    none.rlim_cur = 0;
    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &none), 0);
    CHECK_ERR(sigqueue(getpid(), SIGRTMIN + 1, v), EAGAIN);
    CHECK_ERR(send_to(getpid(), SIGRTMIN + 1), EAGAIN);
    CHECK_ERR(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN + 1, &si), EAGAIN);
    CHECK_EQ(kill(getpid(), SIGRTMIN + 1), 0); /* comes, but says nothing */
    si.si_pid = 1;
    CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN + 1);
    CHECK(si.si_code == SI_USER && si.si_pid == 0 && si.si_uid == 0);
    CHECK_EQ(sigqueue(getpid(), SIGUSR1, v), 0); /* an ordinary one is not refused */
    CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
    CHECK(si.si_code == SI_USER && si.si_pid == 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0); /* kill(2) of an ordinary one is not limited */
    CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
    CHECK(si.si_code == SI_USER && si.si_pid == getpid());
    CHECK_ERR(timer_create(CLOCK_MONOTONIC, NULL, &t), EAGAIN);
    CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &old), 0);
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, v), 0);
    CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN + 1);
    CHECK(si.si_code == SI_QUEUE && si.si_value.sival_int == 5);
    unblock(SIGRTMIN + 1, SIGUSR1);
}

/* ---- cancellation ---- */

static volatile int cleaned;

static void on_cleanup(void *arg)
{
    cleaned += *(int *)arg;
}

static void *block_in(struct worker *w)
{
    int one = 1, fds[2];
    char c;
    sem_t sem;

    MUST(pipe(fds));
    sem_init(&sem, 0, 0);
    pthread_cleanup_push(on_cleanup, &one);
    switch ((long)w->arg) {
    case 0:
        read(fds[0], &c, 1);
        break;
    case 1:
        sem_wait(&sem);
        break;
    case 2:
        pause();
        break;
    case 3:
        sleep(1000);
        break;
    case 4:
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
        w->result = 1;
        for (;;)
            (void)*(volatile int *)&one;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void test_cancel(void)
{
    struct worker w;

    for (long i = 0; i < 5; i++) {
        cleaned = 0;
        spawn(&w, block_in, (void *)i);
        if (i < 4) {
            wait_asleep(w.tid);
        } else {
            while (!*(volatile long *)&w.result)
                usleep(200);
        }
        CHECK_EQ(pthread_cancel(w.thread), 0);
        CHECK(join(&w) == PTHREAD_CANCELED && cleaned == 1);
    }
}

/* ---- many at once ---- */

#define CROWD 8
#define SHOTS 500

static struct worker crowd[CROWD];
static volatile int crowd_hits;

static void on_crowd(int sig, siginfo_t *si, void *ctx)
{
    volatile char scratchpad[300];

    memset((char *)scratchpad, sig, sizeof(scratchpad));
    __atomic_add_fetch(&crowd_hits, 1, __ATOMIC_SEQ_CST);
    CHECK_QUIET(scratchpad[17] == sig);
}

static void *shoot(struct worker *w)
{
    unsigned me = w - crowd, x = me + 1;
    volatile double d = me;

    wait_for(&go, 1);
    for (int i = 0; i < SHOTS; i++) {
        unsigned to = (x = x * 1103515245 + 12345) >> 16;
        siginfo_t si = { .si_code = SI_QUEUE };

        if (syscall(SYS_rt_tgsigqueueinfo, getpid(), crowd[to % CROWD].tid, SIGRTMIN + to / CROWD % 3, &si) ==
            0)
            w->result++;
        else
            CHECK_QUIET(errno == EAGAIN || errno == ESRCH);
        CHECK_QUIET(d == me);
    }
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    wait_for(&count, CROWD); /* nobody ends before all have shot */
    for (int i = 0; i < 10; i++)
        sched_yield();
    return NULL;
}

static void test_crowd(void)
{
    long sent = 0;

    for (int i = 0; i < 3; i++)
        handle_info(SIGRTMIN + i, on_crowd, SA_RESTART);
    reset();
    for (int i = 0; i < CROWD; i++)
        spawn(&crowd[i], shoot, NULL);
    go = 1;
    for (int i = 0; i < CROWD; i++) {
        join(&crowd[i]);
        sent += crowd[i].result;
    }
    CHECK(sent == CROWD * SHOTS);
    CHECK(crowd_hits == sent);
    for (int i = 0; i < 3; i++)
        signal(SIGRTMIN + i, SIG_DFL);
}

int main(void)
{
    test_targets();
    test_pending();
    test_gone();
    test_claim();
    test_sigwait();
    test_wait_ignored();
    test_signalfd();
    test_altstacks();
    test_safepoints();
    test_preemption();
    test_order();
    test_limit();
    test_cancel();
    test_crowd();
    return report_done();
}
