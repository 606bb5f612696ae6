/* SPDX-License-Identifier: BSD-2-Clause */
/* Signal actions, masks, flags, alternate stacks, queueing, waiting, restarting. */
#include "report.h"
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>

static volatile int count, last, depth, max_depth;
static siginfo_t info;

static void on_count(int sig)
{
    count++, last = sig;
}

static void on_info(int sig, siginfo_t *si, void *ctx)
{
    count++, last = sig, info = *si;
}

static void set(int sig, void (*fn)(int), int flags)
{
    struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

    MUST(sigaction(sig, &sa, NULL));
}

static sigset_t one(int sig)
{
    sigset_t s;

    sigemptyset(&s), sigaddset(&s, sig);
    return s;
}

static void test_actions(void)
{
    struct sigaction sa = { .sa_handler = on_count }, old;

    CHECK_EQ(sigaction(SIGUSR1, &sa, &old), 0);
    CHECK(old.sa_handler == SIG_DFL);
    raise(SIGUSR1);
    CHECK(count == 1 && last == SIGUSR1);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_handler == on_count);
    CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
    CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
    CHECK_EQ(syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8), 0);
    CHECK_ERR(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigaction, SIGUSR1, 16, NULL, 8), EFAULT);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    set(SIGUSR1, on_count, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK_EQ(count, 2);
    sigaction(SIGUSR1, NULL, &old);
    CHECK(old.sa_handler == SIG_DFL);
    raise(SIGURG), raise(SIGCHLD), raise(SIGWINCH), raise(SIGCONT); /* ignored by default */
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK_ERR(kill(getpid(), 65), EINVAL);
    CHECK_ERR(kill(999999, 0), ESRCH);
    CHECK_ERR(kill(INT_MIN, 0), ESRCH);
    CHECK_ERR(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
    CHECK_ERR(syscall(SYS_tgkill, 1 << 22, getpid(), 0), ESRCH);
    CHECK_EQ(syscall(SYS_tkill, getpid(), 0), 0);
    CHECK_ERR(wait(NULL), ECHILD);
    CHECK_ERR(waitpid(getpid(), NULL, WNOHANG), ECHILD);
}

static void test_mask(void)
{
    sigset_t s = one(SIGUSR2), old, pending;

    set(SIGUSR2, on_count, 0);
    count = 0;
    CHECK_EQ(sigprocmask(SIG_BLOCK, &s, &old), 0);
    CHECK(!sigismember(&old, SIGUSR2));
    raise(SIGUSR2), raise(SIGUSR2);
    CHECK_EQ(count, 0);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGUSR1));
    CHECK_EQ(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    CHECK_EQ(count, 1); /* ordinary signals do not queue */
    sigprocmask(SIG_BLOCK, &s, NULL);
    raise(SIGUSR2);
    signal(SIGUSR2, SIG_IGN); /* ignoring discards what is pending */
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGUSR2));
    set(SIGUSR2, on_count, 0);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    CHECK_EQ(count, 1);
    uint64_t all = ~0ull, now;
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &now, 8), 0);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &now, &all, 8), 0);
    CHECK(!(all & 1ull << (SIGKILL - 1)) && !(all & 1ull << (SIGSTOP - 1)) && all >> 63);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, 7, &all, NULL, 8), EINVAL);
    CHECK_EQ(syscall(SYS_rt_sigprocmask, 7, NULL, &now, 8), 0);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 16), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 16, NULL, 8), EFAULT);
}

static void on_nested(int sig)
{
    if (++depth > max_depth)
        max_depth = depth;
    if (count++ < 3)
        raise(sig);
    depth--;
}

static void on_usr1(int sig)
{
    count++;
    raise(SIGUSR2);
    last = SIGUSR1;
}

static void test_nesting(void)
{
    struct sigaction sa = { .sa_handler = on_usr1 };

    count = depth = max_depth = 0;
    set(SIGUSR1, on_nested, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(count == 4 && max_depth == 4);
    count = depth = max_depth = 0;
    set(SIGUSR1, on_nested, 0);
    raise(SIGUSR1);
    CHECK(count == 4 && max_depth == 1); /* blocked during its own handler, delivered after */
    set(SIGUSR2, on_count, 0);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    CHECK_EQ(last, SIGUSR1);
    sa.sa_mask = one(SIGUSR2);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    CHECK_EQ(last, SIGUSR2); /* came when the mask was back */
}

static void test_siginfo(void)
{
    struct sigaction sa = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO };
    sigset_t s = one(SIGRTMIN + 1);
    int order[3];

    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGRTMIN + 1, &sa, NULL);
    kill(getpid(), SIGUSR1);
    CHECK(info.si_signo == SIGUSR1 && info.si_code == SI_USER && info.si_errno == 0);
    CHECK(info.si_pid == getpid() && info.si_uid == getuid());
    raise(SIGUSR1);
    CHECK_EQ(info.si_code, SI_TKILL);
    CHECK_EQ(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_ptr = &s }), 0);
    CHECK(info.si_code == SI_QUEUE && info.si_value.sival_ptr == &s);
    /* real-time signals queue, in order, with their values */
    sigprocmask(SIG_BLOCK, &s, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = i }), 0);
    count = 0;
    for (int i = 0; i < 3; i++) {
        siginfo_t si;
        struct timespec ts = { 0, 0 };
        CHECK_EQ(sigtimedwait(&s, &si, &ts), SIGRTMIN + 1);
        order[i] = si.si_value.sival_int;
    }
    CHECK(order[0] == 0 && order[1] == 1 && order[2] == 2);
    siginfo_t own = { .si_signo = SIGUSR1, .si_code = SI_USER };
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &own), 0); /* to oneself anything goes */
    own.si_code = -60;
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &own), 0);
    CHECK_EQ(info.si_code, -60);
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &own), 0);
    ((char *)&own)[127] = 1; /* beyond what any known code uses */
    CHECK_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &own), 0);
    own.si_code = -61;
    CHECK_ERR(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &own), E2BIG);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    /* standard signals come before real-time ones, low numbers first */
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    raise(SIGRTMIN + 1), raise(SIGUSR2), raise(SIGUSR1);
    int sig;
    sigset_t three;
    sigemptyset(&three), sigaddset(&three, SIGUSR1), sigaddset(&three, SIGUSR2),
        sigaddset(&three, SIGRTMIN + 1);
    for (int i = 0; i < 3; i++)
        sigwait(&three, &sig), order[i] = sig;
    CHECK(order[0] == SIGUSR1 && order[1] == SIGUSR2 && order[2] == SIGRTMIN + 1);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static char alt[65536];
static int on_alt;

static void on_altstack(int sig)
{
    char here;
    stack_t now;

    on_alt = &here >= alt && &here < alt + sizeof(alt);
    sigaltstack(NULL, &now);
    last = now.ss_flags;
    stack_t other = { .ss_sp = alt, .ss_size = sizeof(alt) };
    count = sigaltstack(&other, NULL) == -1 ? errno : 0;
}

static void test_altstack(void)
{
    stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) }, old;

    CHECK_EQ(sigaltstack(NULL, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    set(SIGUSR1, on_altstack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(on_alt, 1);
    CHECK_EQ(last, SS_ONSTACK);
    CHECK_EQ(count, EPERM); /* not while in use */
    set(SIGUSR1, on_altstack, 0);
    raise(SIGUSR1);
    CHECK_EQ(on_alt, 0);
    CHECK_EQ(last, 0);
    ss.ss_flags = 1 << 31; /* SS_AUTODISARM */
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
    set(SIGUSR1, on_altstack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(on_alt, 1);
    CHECK_EQ(last, SS_DISABLE);
    CHECK_EQ(count, 0);
    sigaltstack(NULL, &old);
    CHECK(old.ss_sp == alt && old.ss_flags == 0); /* the handler's own setting stays: it ran on that stack */
    ss.ss_flags = 0, ss.ss_size = 100;
    CHECK_ERR(sigaltstack(&ss, NULL), ENOMEM);
    ss.ss_flags = 99;
    CHECK_ERR(sigaltstack(&ss, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_sigaltstack, 16, NULL), EFAULT);
    ss.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&ss, NULL), 0);
}

static void alarm_in(int ms)
{
    struct itimerval it = { .it_value = { 0, ms * 1000 } };

    setitimer(ITIMER_REAL, &it, NULL);
}

static int wake_fd;

static void on_wake(int sig)
{
    count++;
    if (count == 1)
        alarm_in(10);
    else
        MUST(write(wake_fd, "w", 1));
}

static void test_restart(void)
{
    int p[2];
    char c;

    MUST(pipe(p));
    wake_fd = p[1];
    count = 0;
    set(SIGALRM, on_wake, SA_RESTART);
    alarm_in(10);
    CHECK_EQ(read(p[0], &c, 1), 1); /* restarted twice */
    CHECK_EQ(count, 2);
    set(SIGALRM, on_count, 0);
    alarm_in(10);
    CHECK_ERR(read(p[0], &c, 1), EINTR);
    struct timespec ts = { 10, 0 }, left = { 0, 0 };
    set(SIGALRM, on_count, SA_RESTART);
    alarm_in(10);
    CHECK_ERR(nanosleep(&ts, &left), EINTR); /* never restarts after a handler; tells what is left */
    CHECK(left.tv_sec == 9);
    alarm_in(10);
    CHECK_ERR(pause(), EINTR);
    sigset_t none;
    sigemptyset(&none);
    alarm_in(10);
    CHECK_ERR(sigsuspend(&none), EINTR);
    /* a signal that is ignored wakes nobody */
    signal(SIGALRM, SIG_IGN);
    alarm_in(5);
    ts = (struct timespec){ 0, 30000000 };
    CHECK_EQ(nanosleep(&ts, NULL), 0);
    close(p[0]), close(p[1]);
}

static void test_waiting(void)
{
    sigset_t s = one(SIGUSR1), old;
    struct timespec ts = { 0, 10000000 };
    siginfo_t si;

    sigprocmask(SIG_BLOCK, &s, &old);
    CHECK_ERR(sigtimedwait(&s, &si, &ts), EAGAIN);
    raise(SIGUSR1);
    CHECK_EQ(syscall(SYS_rt_sigtimedwait, &s, &si, NULL, 8), SIGUSR1);
    CHECK_EQ(si.si_code, SI_TKILL);
    ts.tv_nsec = -1;
    CHECK_ERR(sigtimedwait(&s, &si, &ts), EINVAL);
    CHECK_ERR(syscall(SYS_rt_sigtimedwait, &s, &si, NULL, 4), EINVAL);
    set(SIGALRM, on_count, SA_RESTART);
    alarm_in(10);
    CHECK_ERR(syscall(SYS_rt_sigtimedwait, &s, &si, NULL, 8), EINTR);
    /* sigsuspend delivers with its own mask and puts the old one back */
    set(SIGUSR1, on_count, 0);
    count = 0;
    raise(SIGUSR1);
    sigset_t none, now;
    sigemptyset(&none);
    CHECK_ERR(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static sigjmp_buf env;

static void on_jump(int sig)
{
    siglongjmp(env, 7);
}

static void test_jump(void)
{
    sigset_t now;
    int r;

    set(SIGUSR1, on_jump, 0);
    r = sigsetjmp(env, 1);
    if (!r)
        raise(SIGUSR1);
    CHECK_EQ(r, 7);
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(!sigismember(&now, SIGUSR1));
}

static void test_queue_limit(void)
{
    struct rlimit old, r;
    sigset_t s = one(SIGRTMIN + 2);
    int sent = 0;

    getrlimit(RLIMIT_SIGPENDING, &old);
    r = old, r.rlim_cur = 5;
    sigprocmask(SIG_BLOCK, &s, NULL);
    MUST(setrlimit(RLIMIT_SIGPENDING, &r));
    while (sent < 100 && !sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ 0 }))
        sent++;
    CHECK(sent <= 5 && errno == EAGAIN);
    MUST(setrlimit(RLIMIT_SIGPENDING, &old));
}

int main(void)
{
    test_actions();
    test_mask();
    test_nesting();
    test_siginfo();
    test_altstack();
    test_restart();
    test_waiting();
    test_jump();
    test_queue_limit();
    return report_done();
}
