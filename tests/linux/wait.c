/* SPDX-License-Identifier: BSD-2-Clause */
/* wait4(2), waitid(2), SIGCHLD, stopping and continuing, groups, sessions, orphans, signals between processes, pidfds. */
#include "report.h"
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <sys/un.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef __WALL
#define __WALL 0x40000000
#endif
#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

static volatile sig_atomic_t got, count;
static siginfo_t last;

static void handler(int sig, siginfo_t *si, void *u)
{
    got = sig;
    count++;
    last = *si;
}

static void catch (int sig, int flags)
{
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

    sigaction(sig, &sa, NULL);
}

static pid_t sleeper(void)
{
    pid_t p = MUST(fork());

    if (!p)
        for (;;)
            pause();
    return p;
}

static int reap(pid_t p)
{
    int st = -1;

    return waitpid(p, &st, 0) == p ? st : -1;
}

/* Waits until the caught signal has come. */
static void await(int sig)
{
    for (int i = 0; got != sig && i < 5000; i++)
        usleep(1000);
    got = 0;
}

/* ---- the calls ---- */

static void test_status(void)
{
    const int ends[] = { SIGTERM, SIGKILL, SIGUSR1, SIGRTMIN };
    struct rlimit none = { 0, 0 };
    int st;
    pid_t p;

    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; i < 4; i++) {
        p = sleeper();
        MUST(kill(p, ends[i]));
        st = reap(p);
        report(WIFSIGNALED(st) && WTERMSIG(st) == ends[i], "ended by signal %u of the list", i);
    }
    p = MUST(fork());
    if (!p)
        abort();
    st = reap(p);
    report(WIFSIGNALED(st) && WTERMSIG(st) == SIGABRT, "abort");
    p = MUST(fork());
    if (!p)
        _exit(0x1234);
    CHECK_EQ(WEXITSTATUS(reap(p)), 0x34);
    CHECK_ERR(waitpid(-1, &st, 0), ECHILD);
    CHECK_ERR(waitpid(getpid(), &st, 0), ECHILD);
    CHECK_ERR(waitpid(-1, &st, WNOHANG), ECHILD);
    CHECK_ERR(waitpid(1 << 30, &st, 0), ECHILD);
    CHECK_ERR(syscall(SYS_wait4, INT_MIN, &st, 0, NULL), ESRCH);
    CHECK_ERR(waitpid(-1, &st, 0x1000), EINVAL);
    p = sleeper();
    CHECK_EQ(waitpid(p, &st, WNOHANG), 0);
    CHECK_EQ(waitpid(-1, &st, WNOHANG), 0);
    CHECK_EQ(waitpid(0, &st, WNOHANG), 0);
    CHECK_ERR(waitpid(p, &st, WNOHANG | __WCLONE), ECHILD);
    CHECK_EQ(waitpid(p, &st, WNOHANG | __WALL), 0);
    CHECK_EQ(waitpid(p, &st, WNOHANG | __WNOTHREAD), 0);
    kill(p, SIGKILL);
    CHECK_ERR(syscall(SYS_wait4, p, (int *)8, 0, NULL), EFAULT);
    CHECK_ERR(waitpid(p, &st, 0), ECHILD); /* it is gone all the same */
}

static void show(const char *what, const siginfo_t *si, pid_t p)
{
    note("%s: signal %d code %d status %d pid %s uid %d", what, si->si_signo, si->si_code, si->si_status,
         si->si_pid == p ? "the child's"
         : si->si_pid    ? "another"
                         : "0",
         si->si_uid);
}

static void test_waitid(void)
{
    siginfo_t si;
    pid_t p = MUST(fork());

    if (!p)
        _exit(5);
    CHECK_EQ(waitid(P_PID, p, &si, WEXITED | WNOWAIT), 0);
    show("not taken", &si, p);
    memset(&si, 1, sizeof(si));
    CHECK_EQ(waitid(P_PGID, getpgrp(), &si, WEXITED | WNOWAIT | WNOHANG), 0);
    show("not taken", &si, p);
    CHECK_EQ(waitid(P_ALL, 0, &si, WEXITED), 0);
    show("taken", &si, p);
    CHECK_ERR(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
    CHECK_ERR(waitid(P_ALL, 0, &si, 0), EINVAL);
    CHECK_ERR(waitid(P_PID, 0, &si, WEXITED), EINVAL);
    CHECK_ERR(waitid(7, 0, &si, WEXITED), EINVAL);
    CHECK_ERR(waitid(P_PIDFD, 99, &si, WEXITED), EBADF);
    p = sleeper();
    memset(&si, 1, sizeof(si));
    CHECK_EQ(waitid(P_PID, p, &si, WEXITED | WNOHANG), 0);
    show("nothing yet", &si, p);
    kill(p, SIGTERM);
    CHECK_EQ(waitid(P_PID, p, &si, WEXITED), 0);
    show("killed", &si, p);
}

static void test_stop(void)
{
    siginfo_t si;
    int st;
    pid_t p = sleeper();

    MUST(kill(p, SIGSTOP));
    CHECK_EQ(waitid(P_PID, p, &si, WSTOPPED | WNOWAIT), 0);
    show("stopped", &si, p);
    CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
    CHECK_EQ(waitpid(p, &st, WUNTRACED | WNOHANG), 0); /* told once */
    MUST(kill(p, SIGTERM));
    CHECK_EQ(waitpid(p, &st, WNOHANG), 0);
    MUST(kill(p, SIGCONT));
    CHECK(reap(p) == SIGTERM);
    p = sleeper();
    MUST(kill(p, SIGSTOP));
    CHECK(waitpid(p, &st, WUNTRACED) == p);
    MUST(kill(p, SIGCONT));
    CHECK_EQ(waitid(P_PID, p, &si, WCONTINUED), 0);
    show("continued", &si, p);
    CHECK_EQ(waitpid(p, &st, WCONTINUED | WNOHANG), 0);
    MUST(kill(p, SIGSTOP));
    CHECK(waitpid(p, &st, WUNTRACED) == p);
    MUST(kill(p, SIGCONT));
    CHECK(waitpid(p, &st, WCONTINUED) == p && WIFCONTINUED(st));
    MUST(kill(p, SIGSTOP));
    CHECK(waitpid(p, &st, WUNTRACED) == p);
    MUST(kill(p, SIGKILL));
    CHECK(reap(p) == SIGKILL);
}

static void test_sigchld(void)
{
    int st;
    pid_t p;

    catch (SIGCHLD, SA_RESTART);
    got = count = 0;
    p = MUST(fork());
    if (!p)
        _exit(9);
    await(SIGCHLD);
    show("SIGCHLD", &last, p);
    CHECK(reap(p) == 9 << 8);
    p = sleeper();
    kill(p, SIGSTOP);
    await(SIGCHLD);
    show("SIGCHLD of a stop", &last, p);
    waitpid(p, &st, WUNTRACED);
    kill(p, SIGCONT);
    await(SIGCHLD);
    show("SIGCHLD of going on", &last, p);
    catch (SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
    count = 0;
    kill(p, SIGSTOP);
    waitpid(p, &st, WUNTRACED);
    kill(p, SIGCONT);
    waitpid(p, &st, WCONTINUED);
    usleep(20000);
    CHECK_EQ(count, 0);
    kill(p, SIGKILL);
    await(SIGCHLD);
    show("SIGCHLD of a kill", &last, p);
    reap(p);
    catch (SIGCHLD, SA_RESTART | SA_NOCLDWAIT);
    got = 0;
    p = MUST(fork());
    if (!p)
        _exit(1);
    CHECK_ERR(waitpid(p, &st, 0), ECHILD);
    await(SIGCHLD);
    show("SIGCHLD without a zombie", &last, p);
    signal(SIGCHLD, SIG_IGN);
    p = MUST(fork());
    if (!p)
        _exit(1);
    CHECK_ERR(wait(&st), ECHILD);
    signal(SIGCHLD, SIG_DFL);
    /* A signal ends the wait */
    catch (SIGUSR1, 0);
    p = sleeper();
    pid_t k = fork();
    if (!k) {
        usleep(30000);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    CHECK_ERR(waitpid(p, &st, 0), EINTR);
    kill(p, SIGKILL);
    reap(p);
    reap(k);
}

static long usec(const struct timeval *t)
{
    return t->tv_sec * 1000000 + t->tv_usec;
}

static void test_usage(void)
{
    struct rusage before, after, one;
    struct tms t0, t1;
    int st;
    pid_t p;

    getrusage(RUSAGE_CHILDREN, &before);
    times(&t0);
    p = MUST(fork());
    if (!p) {
        struct timespec t;
        volatile char *m = malloc(8 << 20);

        for (int i = 0; i < 8 << 20; i += 4096)
            m[i] = 1;
        do
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        while (t.tv_nsec < 60000000 && !t.tv_sec);
        _exit(0);
    }
    CHECK(wait4(p, &st, 0, &one) == p && st == 0);
    getrusage(RUSAGE_CHILDREN, &after);
    times(&t1);
    CHECK(usec(&one.ru_utime) + usec(&one.ru_stime) >= 40000);
    CHECK(one.ru_maxrss >= 8192 && one.ru_minflt >= 100);
    CHECK(usec(&after.ru_utime) + usec(&after.ru_stime) - usec(&before.ru_utime) - usec(&before.ru_stime) >=
          40000);
    CHECK(after.ru_maxrss >= 8192);
    CHECK(t1.tms_cutime + t1.tms_cstime - t0.tms_cutime - t0.tms_cstime >= 3);
}

/* ---- groups and sessions ---- */

static void test_groups(void)
{
    int st, p1[2];
    char c;
    pid_t a, b;

    MUST(pipe(p1));
    a = MUST(fork());
    if (!a) {
        close(p1[0]);
        setpgid(0, 0);
        b = fork();
        if (b) {
            write(p1[1], "x", 1);
            for (;;)
                pause();
        }
        write(p1[1], "y", 1);
        for (;;)
            pause();
    }
    close(p1[1]);
    read(p1[0], &c, 1);
    read(p1[0], &c, 1);
    CHECK_EQ(getpgid(a) == a, 1);
    CHECK(getsid(a) == getsid(0));
    CHECK_EQ(kill(-a, 0), 0);
    CHECK_EQ(waitpid(-a, &st, WNOHANG), 0);
    CHECK_ERR(waitpid(-getpgrp(), &st, WNOHANG), ECHILD);
    CHECK_EQ(getpriority(PRIO_PGRP, a), 0);
    CHECK_EQ(setpriority(PRIO_PGRP, a, 5), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, a), 5);
    CHECK_EQ(kill(-a, SIGTERM), 0);
    CHECK(waitpid(-a, &st, 0) == a && WTERMSIG(st) == SIGTERM);
    CHECK_EQ(read(p1[0], &c, 1), 0); /* the grandchild is dead as well */
    close(p1[0]);
    CHECK_ERR(kill(-(1 << 30), SIGTERM), ESRCH);
    CHECK_ERR(kill(1 << 30, SIGTERM), ESRCH);
    CHECK_ERR(kill(0, 99), EINVAL);

    a = sleeper();
    CHECK_EQ(setpgid(a, a), 0);
    CHECK_EQ(getpgid(a) == a, 1);
    CHECK_ERR(setpgid(a, 1 << 30), EPERM);
    CHECK_EQ(setpgid(a, getpgrp()), 0);
    CHECK_ERR(setpgid(a, -1), EINVAL);
    CHECK_ERR(setpgid(1 << 30, 0), ESRCH);
    kill(a, SIGKILL);
    reap(a);

    a = MUST(fork());
    if (!a) {
        int r = 0;

        r |= setsid() != getpid();
        r |= (getsid(0) != getpid() || getpgrp() != getpid()) << 1;
        r |= (setsid() != -1 || errno != EPERM) << 2;
        r |= (setpgid(0, 0) != -1 || errno != EPERM) << 3;
        r |= (setpgid(0, getppid()) != -1 || errno != EPERM) << 4;
        b = sleeper();
        r |= (getsid(b) != getpid()) << 5;
        kill(b, SIGKILL);
        wait(NULL);
        _exit(r);
    }
    CHECK_EQ(reap(a), 0);
}

/* An orphaned group with a stopped member gets SIGHUP and SIGCONT. */
static void test_orphaned_group(void)
{
    int p[2];
    char c = 0;
    pid_t a;

    MUST(pipe(p));
    a = MUST(fork());
    if (!a) {
        pid_t b = fork();

        if (!b) {
            struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

            setpgid(0, 0);
            sigaction(SIGHUP, &sa, NULL);
            raise(SIGSTOP);
            write(p[1], got == SIGHUP ? "h" : "-", 1);
            raise(SIGTSTP); /* ignored: who should continue it? */
            write(p[1], "t", 1);
            _exit(0);
        }
        waitpid(b, NULL, WUNTRACED);
        _exit(0);
    }
    close(p[1]);
    reap(a);
    CHECK(read(p[0], &c, 1) == 1 && c == 'h');
    CHECK(read(p[0], &c, 1) == 1 && c == 't');
    CHECK_EQ(read(p[0], &c, 1), 0);
    close(p[0]);
}

static void test_reaper(void)
{
    int p[2], st;
    pid_t a, b, seen;

    MUST(pipe(p));
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    a = MUST(fork());
    if (!a) {
        b = fork();
        if (!b) {
            pid_t parent = getppid();

            got = 0;
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            catch (SIGUSR1, 0);
            write(p[1], &parent, sizeof(parent));
            while (!got)
                usleep(1000);
            parent = getppid();
            write(p[1], &parent, sizeof(parent));
            _exit(7);
        }
        read(p[0], &seen, sizeof(seen));
        _exit(seen != getpid());
    }
    CHECK_EQ(reap(a), 0);
    CHECK(read(p[0], &seen, sizeof(seen)) == sizeof(seen) && seen == getpid());
    b = wait(&st);
    CHECK(b > 0 && b != a && WEXITSTATUS(st) == 7);
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 0));
    close(p[0]);
    close(p[1]);
}

/* ---- signals ---- */

static void test_permission(void)
{
    pid_t b = sleeper(), a = MUST(fork()); /* b: root's */

    if (!a) {
        int r = 0;
        pid_t same;

        if (setresuid(12345, 12345, 12345))
            _exit(99);
        r |= (kill(b, SIGTERM) != -1 || errno != EPERM) << 0;
        r |= (kill(b, 0) != -1 || errno != EPERM) << 1;
        r |= (kill(b, SIGCONT) != 0) << 2; /* of the same session */
        r |= (syscall(SYS_tgkill, b, b, SIGTERM) != -1 || errno != EPERM) << 3;
        r |= (setpriority(PRIO_PROCESS, b, 10) != -1 || errno != EPERM) << 4;
        same = sleeper();
        r |= (kill(same, SIGTERM) != 0 || reap(same) != SIGTERM) << 5;
        r |= (kill(getppid(), SIGTERM) != -1 || errno != EPERM) << 6;
        _exit(r);
    }
    CHECK_EQ(WEXITSTATUS(reap(a)), 0);
    kill(b, SIGKILL);
    CHECK_EQ(reap(b), SIGKILL);
}

static void test_queue(void)
{
    union sigval v = { .sival_int = 77 };
    sigset_t s;
    siginfo_t si;
    pid_t parent = getpid(), a;

    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &s, NULL);
    a = MUST(fork());
    if (!a) {
        for (int i = 0; i < 3; i++) {
            v.sival_int = 70 + i;
            if (sigqueue(parent, SIGRTMIN + 1, v))
                _exit(1);
        }
        _exit(0);
    }
    CHECK_EQ(reap(a), 0);
    for (int i = 0; i < 3; i++) {
        MUST(sigwaitinfo(&s, &si));
        report(si.si_value.sival_int == 70 + i && si.si_code == SI_QUEUE && si.si_pid == a,
               "signal %d queued by a child", i);
    }
    sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void test_pidfd(void)
{
    struct pollfd pf = { .events = POLLIN };
    siginfo_t si;
    int fd, got_fd, dir, p[2];
    char c = 0, name[32];
    pid_t a;

    MUST(pipe(p));
    a = sleeper();
    CHECK_ERR(syscall(SYS_pidfd_open, -1, 0), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_open, 1 << 30, 0), ESRCH);
    CHECK_ERR(syscall(SYS_pidfd_open, a, 1), EINVAL);
    pf.fd = fd = MUST(syscall(SYS_pidfd_open, a, 0));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(poll(&pf, 1, 0), 0);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0x100), EINVAL);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, p[0], 0, NULL, 0), EBADF);
    snprintf(name, sizeof(name), "/proc/%d", a);
    dir = MUST(open(name, O_RDONLY | O_DIRECTORY));
    CHECK_EQ(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0), 0);
    CHECK_ERR(syscall(SYS_pidfd_getfd, dir, p[1], 0), EBADF);
    close(dir);
    dir = MUST(open("/proc", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0), EBADF);
    close(dir);
    got_fd = MUST(syscall(SYS_pidfd_getfd, fd, p[1], 0));
    CHECK(write(got_fd, "g", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'g');
    CHECK_ERR(syscall(SYS_pidfd_getfd, fd, 999, 0), EBADF);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), 0);
    CHECK(poll(&pf, 1, -1) == 1 && pf.revents == POLLIN);
    CHECK_EQ(waitid(P_PIDFD, fd, &si, WEXITED), 0);
    show("by pidfd", &si, a);
    CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    CHECK_ERR(waitid(P_PIDFD, fd, &si, WEXITED), ECHILD);
    CHECK(poll(&pf, 1, 0) == 1);
    close(fd);
    close(got_fd);
    close(p[0]);
    close(p[1]);
}

static void test_creds(void)
{
    struct ucred c;
    socklen_t len = sizeof(c);
    int s[2], on = 1;
    char buf[100], x;
    struct iovec io = { &x, 1 };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf) };
    pid_t a;

    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    MUST(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    a = MUST(fork());
    if (!a) {
        write(s[1], "c", 1);
        _exit(0);
    }
    MUST(recvmsg(s[0], &m, 0));
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    CHECK(h && h->cmsg_type == SCM_CREDENTIALS);
    memcpy(&c, CMSG_DATA(h), sizeof(c));
    CHECK(c.pid == a && c.uid == 0);
    CHECK_EQ(reap(a), 0);
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &c, &len), 0);
    CHECK(c.pid == getpid());
    close(s[0]);
    close(s[1]);
}

static void test_clocks(void)
{
    struct timespec t;
    clockid_t id;
    pid_t a = MUST(fork());

    if (!a)
        for (;;)
            ;
    do {
        usleep(1000);
        id = (~a << 3) | 2;
        MUST(clock_gettime(id, &t));
    } while (!t.tv_sec && t.tv_nsec < 20000000);
    report(1, "the clock of a child's CPU time goes on");
    kill(a, SIGKILL);
    reap(a);
    CHECK_ERR(clock_gettime(id, &t), EINVAL);
}

/* In a session of its own, and never as the first process: orphans go to another one. */
int main(void)
{
    pid_t p = MUST(fork());

    if (p)
        return reap(p) >> 8;
    MUST(setsid());
    test_status();
    test_waitid();
    test_stop();
    test_sigchld();
    test_usage();
    test_groups();
    test_orphaned_group();
    test_reaper();
    test_permission();
    test_queue();
    test_pidfd();
    test_creds();
    test_clocks();
    return report_done();
}
