/* SPDX-License-Identifier: BSD-2-Clause */
/* Identity, limits, scheduling, names: what a single process asks about itself. */
#include "report.h"
#include <grp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void test_identity(void)
{
    uid_t r, e, s;
    gid_t groups[10];

    CHECK(getpid() > 0 && getpid() == (pid_t)syscall(SYS_gettid));
    CHECK_EQ(getuid(), 0);
    CHECK_EQ(geteuid(), 0);
    CHECK_EQ(getgid(), 0);
    CHECK_EQ(getresuid(&r, &e, &s), 0);
    CHECK(r == 0 && e == 0 && s == 0);
    CHECK(getgroups(10, groups) >= 0);
    CHECK_ERR(getgroups(-1, groups), EINVAL);
    CHECK(getpgrp() == getpgid(0));
    CHECK(getsid(0) == getsid(getpid()));
    CHECK_ERR(getpgid(999999), ESRCH);
    CHECK_ERR(setpgid(999999, 0), ESRCH);
    CHECK_ERR(setpgid(0, -1), EINVAL);
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(getgroups(10, groups), 0);
    CHECK_EQ(syscall(SYS_setresgid, 7, 8, 9), 0);
    CHECK(getgid() == 7 && getegid() == 8);
    CHECK_EQ(setfsuid(5), 0);
    CHECK_EQ(setfsuid(-1), 5);
    CHECK_EQ(syscall(SYS_setresuid, 0, 1000, 0), 0);
    CHECK_EQ(geteuid(), 1000);
    CHECK_EQ(setfsuid(-1), 1000);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK_ERR(setuid(0), EPERM);
    CHECK_ERR(syscall(SYS_setresuid, 0, 0, 0), EPERM);
    CHECK_ERR(setgroups(0, NULL), EPERM);
    CHECK_EQ(setuid(1000), 0);
}

static void test_permissions(void)
{
    /* no longer root, in a folder of root's: the mode bits count */
    CHECK_ERR(open("secret", O_RDONLY), EACCES);
    CHECK_ERR(open("new", O_CREAT | O_WRONLY, 0644), EACCES);
    CHECK_ERR(unlink("secret"), EACCES);
    CHECK_ERR(chmod("secret", 0777), EPERM);
    CHECK_ERR(chown("secret", 1000, 1000), EPERM);
    CHECK_ERR(mkdir("sub", 0755), EACCES);
    CHECK_ERR(access("secret", R_OK), EACCES);
    CHECK_EQ(close(open("open", O_RDONLY)), 0);
    CHECK_ERR(open("open", O_RDWR), EACCES);
    CHECK_ERR(open("closed/in", O_RDONLY), EACCES);
    CHECK_ERR(chdir("closed"), EACCES);
    struct timespec ts[2] = { { 1, 1 }, { 1, 1 } };
    CHECK_ERR(utimensat(AT_FDCWD, "open", ts, 0), EPERM);
    CHECK_ERR(utimensat(AT_FDCWD, "open", NULL, 0), EACCES);
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    r.rlim_max++;
    CHECK_ERR(setrlimit(RLIMIT_NOFILE, &r), EPERM);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, -5), EACCES);
    CHECK_ERR(sethostname("x", 1), EPERM);
    CHECK_ERR(syscall(SYS_chroot, "."), EPERM);
    CHECK_ERR(mknod("dev", S_IFCHR | 0600, 0x103), EACCES);
}

static void test_limits(void)
{
    struct rlimit r, old;

    CHECK_EQ(getrlimit(RLIMIT_CORE, &r), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    r = old, r.rlim_cur = 100;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &r), 0);
    CHECK_EQ(r.rlim_cur, 100);
    r.rlim_cur = r.rlim_max + 1;
    CHECK_ERR(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
    CHECK_ERR(getrlimit(99, &r), EINVAL);
    CHECK_ERR(syscall(SYS_getrlimit, RLIMIT_NOFILE, 8), EFAULT);
    CHECK_EQ(syscall(SYS_prlimit64, getpid(), RLIMIT_NOFILE, NULL, &r), 0);
    CHECK_ERR(syscall(SYS_prlimit64, 999999, RLIMIT_NOFILE, NULL, &r), ESRCH);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < 16; i++)
        if (getrlimit(i, &r))
            report(0, "getrlimit(%d)", i);
}

static void test_names(void)
{
    struct utsname u;
    struct sysinfo si;
    char name[20] = "", big[70];

    CHECK_EQ(uname(&u), 0);
    CHECK(!strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64") && u.release[0] >= '4' &&
          u.release[0] <= '9');
    CHECK_EQ(sethostname("a-host", 6), 0);
    uname(&u);
    CHECK(!strcmp(u.nodename, "a-host"));
    CHECK_EQ(gethostname(big, sizeof(big)), 0);
    CHECK(!strcmp(get_file("/proc/sys/kernel/hostname"), "a-host\n"));
    CHECK_ERR(sethostname(big, 65), EINVAL);
    CHECK_EQ(setdomainname("dom", 3), 0);
    CHECK_EQ(prctl(PR_SET_NAME, "a-name-that-is-too-long"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK(!strcmp(name, "a-name-that-is-"));
    CHECK(!strcmp(get_file("/proc/self/comm"), "a-name-that-is-\n"));
    CHECK_EQ(sysinfo(&si), 0);
    CHECK(si.totalram > 0 && si.mem_unit >= 1 && si.uptime >= 0 && si.freeram <= si.totalram && si.procs > 0);
    CHECK_ERR(uname((void *)8), EFAULT);
    CHECK_ERR(syscall(SYS_sysinfo, 8), EFAULT);
}

static void test_prctl(void)
{
    int sig = -1;
    unsigned char alive;

    CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    CHECK_ERR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
    CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
    CHECK_EQ(sig, SIGUSR1);
    CHECK_ERR(prctl(PR_SET_PDEATHSIG, 99), EINVAL);
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 0), 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 1000), 0);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1000);
    CHECK_EQ(prctl(PR_CAPBSET_READ, 0), 1);
    CHECK_ERR(prctl(PR_CAPBSET_READ, 200), EINVAL);
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &sig), 0);
    CHECK_EQ(sig, 1);
    CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    CHECK_ERR(prctl(99999), EINVAL);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    unsigned long base = 0;
    CHECK_EQ(syscall(SYS_arch_prctl, 0x1003, &base), 0); /* ARCH_GET_FS */
    CHECK(base != 0);
    CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, &base), EINVAL);
    CHECK_ERR(syscall(SYS_arch_prctl, 0x1002, 1ul << 63), EPERM);
    CHECK_EQ(syscall(SYS_arch_prctl, 0x1001, 0x12345000), 0); /* ARCH_SET_GS */
    CHECK_EQ(syscall(SYS_arch_prctl, 0x1004, &base), 0);
    CHECK_EQ(base, 0x12345000);
    (void)alive;
}

static void test_scheduling(void)
{
    struct sched_param p = { 0 };
    cpu_set_t set;
    struct timespec ts;

    CHECK_EQ(sched_yield(), 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_EQ(sched_getparam(0, &p), 0);
    CHECK_EQ(p.sched_priority, 0);
    CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
    CHECK_EQ(sched_get_priority_min(SCHED_RR), 1);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
    CHECK_ERR(sched_get_priority_max(99), EINVAL);
    CHECK_EQ(sched_rr_get_interval(0, &ts), 0);
    CHECK_ERR(sched_getscheduler(999999), ESRCH);
    CHECK_ERR(sched_getscheduler(-1), EINVAL);
    CHECK_EQ(sched_setscheduler(0, SCHED_BATCH, &p), 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &p), 0);
    p.sched_priority = 200;
    CHECK_ERR(sched_setscheduler(0, SCHED_FIFO, &p), EINVAL);
    CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    CHECK(CPU_COUNT(&set) >= 1);
    CHECK(syscall(SYS_sched_getaffinity, 0, 1024, &set) >= 8);
    CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 7, &set), EINVAL);
    CPU_ZERO(&set);
    CHECK_ERR(sched_setaffinity(0, sizeof(set), &set), EINVAL);
    CPU_SET(0, &set);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set));
    setpriority(PRIO_PROCESS, 0, 0);
    errno = 0;
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
    CHECK_ERR(getpriority(9, 0), EINVAL);
    CHECK_ERR(getpriority(PRIO_PROCESS, 999999), ESRCH);
}

static void test_rest(void)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };

    CHECK_EQ(getrandom(a, sizeof(a), 0), 64);
    CHECK_EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), 64);
    CHECK(memcmp(a, b, 64));
    CHECK_EQ(getrandom(b, 0, 0), 0);
    CHECK_ERR(getrandom(a, 1, 64), EINVAL);
    CHECK_ERR(syscall(SYS_getrandom, 8, 10, 0), EFAULT);
    CHECK_EQ(personality(0xffffffff), 0);
    CHECK_EQ(personality(ADDR_NO_RANDOMIZE), 0);
    CHECK_EQ(personality(0xffffffff), ADDR_NO_RANDOMIZE);
    CHECK_EQ(personality(0), ADDR_NO_RANDOMIZE);
    long tid = syscall(SYS_set_tid_address, NULL);
    CHECK(tid == getpid());
    int word = 5;
    struct timespec ts = { 0, 1000000 };
    CHECK_ERR(syscall(SYS_futex, &word, 0, 6, NULL), EAGAIN);
    CHECK_ERR(syscall(SYS_futex, &word, 0, 5, &ts), ETIMEDOUT);
    CHECK_EQ(syscall(SYS_futex, &word, 1, 1, NULL), 0);
    CHECK_ERR(syscall(SYS_futex, 8, 0, 0, NULL), EFAULT);
    CHECK_ERR(syscall(SYS_futex, (char *)&word + 1, 0, 0, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_futex, &word, 99, 0, NULL), ENOSYS);
    uint64_t head[3] = { (uint64_t)head, 0, 0 };
    CHECK_EQ(syscall(SYS_set_robust_list, head, 24), 0);
    CHECK_ERR(syscall(SYS_set_robust_list, head, 23), EINVAL);
    uint64_t cap[3];
    uint32_t hdr[2] = { 0x20080522, 0 };
    CHECK_EQ(syscall(SYS_capget, hdr, cap), 0);
    CHECK_EQ(syscall(324, 0, 0, 0) >= 0, 1); /* membarrier: query */
}

int main(void)
{
    scratch();
    put_file("secret", "x"), chmod("secret", 0600);
    put_file("open", "x");
    MUST(mkdir("closed", 0700));
    put_file("closed/in", "x");
    test_limits();
    test_names();
    test_prctl();
    test_scheduling();
    test_rest();
    chmod(".", 0755);
    test_identity();
    test_permissions();
    return report_done();
}
