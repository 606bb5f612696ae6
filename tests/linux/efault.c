/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wild pointers in every pointer argument of every system call: NULL, unmapped, the kernel's half, not
 * canonical, read-only, and the last bytes before an unmapped page. Each must give an errno and leave both the
 * kernel and the program alive. Results are printed as they come, to be compared with Linux's.
 */
#include "report.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#define PTR 0x7e57ab1ell /* in a row: here goes the wild pointer */
#define LEN 64           /* any plausible length */

static int file, dir, pfd[2], ep, ev, tfd, ino;
static char good[8192];
static char *ro, *edge, *unmapped;

enum {
    FILE_ = -1001,
    DIR_ = -1002,
    RPIPE = -1003,
    WPIPE = -1004,
    EP = -1005,
    EV = -1006,
    TFD = -1007,
    INO = -1008
};
#define GOOD 0x600d600dll
#define NAME 0x6e616d65ll

static const struct row {
    const char *name;
    int nr;
    long a[6];
} rows[] = {
    { "read", SYS_read, { FILE_, PTR, LEN } },
    { "write", SYS_write, { FILE_, PTR, LEN } },
    { "open", SYS_open, { PTR, O_RDONLY } },
    { "openat", SYS_openat, { AT_FDCWD, PTR, O_RDONLY } },
    { "openat2 path", 437, { AT_FDCWD, PTR, GOOD, 24 } },
    { "openat2 how", 437, { AT_FDCWD, NAME, PTR, 24 } },
    { "creat", SYS_creat, { PTR, 0600 } },
    { "stat path", SYS_stat, { PTR, GOOD } },
    { "stat", SYS_stat, { NAME, PTR } },
    { "lstat", SYS_lstat, { NAME, PTR } },
    { "fstat", SYS_fstat, { FILE_, PTR } },
    { "newfstatat", SYS_newfstatat, { AT_FDCWD, NAME, PTR, 0 } },
    { "statx path", 332, { AT_FDCWD, PTR, 0, 0x7ff, GOOD } },
    { "statx", 332, { AT_FDCWD, NAME, 0, 0x7ff, PTR } },
    { "statfs path", SYS_statfs, { PTR, GOOD } },
    { "statfs", SYS_statfs, { NAME, PTR } },
    { "fstatfs", SYS_fstatfs, { FILE_, PTR } },
    { "poll", SYS_poll, { PTR, 2, 0 } },
    { "ppoll time", SYS_ppoll, { GOOD, 0, PTR, 0, 8 } },
    { "select", SYS_select, { 8, PTR, 0, 0, GOOD } },
    { "select time", SYS_select, { 0, 0, 0, 0, PTR } },
    { "pread64", SYS_pread64, { FILE_, PTR, LEN, 0 } },
    { "pwrite64", SYS_pwrite64, { FILE_, PTR, LEN, 0 } },
    { "readv", SYS_readv, { FILE_, PTR, 2 } },
    { "writev", SYS_writev, { FILE_, PTR, 2 } },
    { "preadv", SYS_preadv, { FILE_, PTR, 2, 0, 0 } },
    { "pwritev2", SYS_pwritev2, { FILE_, PTR, 2, 0, 0, 0 } },
    { "access", SYS_access, { PTR, F_OK } },
    { "faccessat2", 439, { AT_FDCWD, PTR, F_OK, 0 } },
    { "pipe", SYS_pipe, { PTR } },
    { "pipe2", SYS_pipe2, { PTR, 0 } },
    { "getdents64", SYS_getdents64, { DIR_, PTR, 1000 } },
    { "getcwd", SYS_getcwd, { PTR, 4096 } },
    { "chdir", SYS_chdir, { PTR } },
    { "rename from", SYS_rename, { PTR, NAME } },
    { "rename to", SYS_rename, { NAME, PTR } },
    { "renameat2", SYS_renameat2, { AT_FDCWD, PTR, AT_FDCWD, NAME, 0 } },
    { "mkdir", SYS_mkdir, { PTR, 0755 } },
    { "rmdir", SYS_rmdir, { PTR } },
    { "link", SYS_link, { NAME, PTR } },
    { "linkat", SYS_linkat, { AT_FDCWD, PTR, AT_FDCWD, NAME, 0 } },
    { "unlink", SYS_unlink, { PTR } },
    { "unlinkat", SYS_unlinkat, { AT_FDCWD, PTR, 0 } },
    { "symlink target", SYS_symlink, { PTR, NAME } },
    { "symlink", SYS_symlink, { NAME, PTR } },
    { "readlink path", SYS_readlink, { PTR, GOOD, 100 } },
    { "readlink", SYS_readlinkat, { AT_FDCWD, -2001, PTR, 100 } },
    { "chmod", SYS_chmod, { PTR, 0644 } },
    { "fchmodat", SYS_fchmodat, { AT_FDCWD, PTR, 0644 } },
    { "chown", SYS_chown, { PTR, 0, 0 } },
    { "fchownat", SYS_fchownat, { AT_FDCWD, PTR, 0, 0, 0 } },
    { "truncate", SYS_truncate, { PTR, 0 } },
    { "mknod", SYS_mknod, { PTR, S_IFREG | 0600, 0 } },
    { "utimensat path", SYS_utimensat, { AT_FDCWD, PTR, GOOD, 0 } },
    { "utimensat", SYS_utimensat, { AT_FDCWD, NAME, PTR, 0 } },
    { "utimes", SYS_utimes, { NAME, PTR } },
    { "utime", SYS_utime, { NAME, PTR } },
    { "setxattr path", SYS_setxattr, { PTR, NAME, GOOD, 1, 0 } },
    { "setxattr name", SYS_setxattr, { NAME, PTR, GOOD, 1, 0 } },
    { "setxattr value", SYS_setxattr, { NAME, -2002, PTR, 10, 0 } },
    { "getxattr name", SYS_getxattr, { NAME, PTR, GOOD, 10 } },
    { "listxattr path", SYS_listxattr, { PTR, GOOD, 100 } },
    { "sendfile", SYS_sendfile, { WPIPE, FILE_, PTR, 1 } },
    { "splice", SYS_splice, { FILE_, PTR, WPIPE, 0, 1, 0 } },
    { "copy_file_range", SYS_copy_file_range, { FILE_, PTR, FILE_, 0, 1, 0 } },
    { "vmsplice", SYS_vmsplice, { WPIPE, PTR, 1, 0 } },
    { "fcntl lock", SYS_fcntl, { FILE_, F_GETLK, PTR } },
    { "ioctl FIONREAD", SYS_ioctl, { RPIPE, 0x541b, PTR } },
    { "eventfd read", SYS_read, { EV, PTR, 8 } },
    { "eventfd write", SYS_write, { EV, PTR, 8 } },
    { "timerfd_settime", SYS_timerfd_settime, { TFD, 0, PTR, 0 } },
    { "timerfd_gettime", SYS_timerfd_gettime, { TFD, PTR } },
    { "signalfd4", SYS_signalfd4, { -1, PTR, 8, 0 } },
    { "memfd_create", SYS_memfd_create, { PTR, 0 } },
    { "inotify_add_watch", SYS_inotify_add_watch, { INO, PTR, IN_OPEN } },
    { "epoll_ctl", SYS_epoll_ctl, { EP, EPOLL_CTL_MOD, EV, PTR } },
    { "epoll_wait", SYS_epoll_wait, { EP, PTR, 4, 0 } },
    { "epoll_pwait mask", SYS_epoll_pwait, { EP, GOOD, 4, 0, PTR, 8 } },
    { "pipe write", SYS_write, { WPIPE, PTR, LEN } },
    { "mincore", SYS_mincore, { -2003, 4096, PTR } },
    { "rt_sigaction", SYS_rt_sigaction, { SIGUSR1, PTR, 0, 8 } },
    { "rt_sigaction old", SYS_rt_sigaction, { SIGUSR1, 0, PTR, 8 } },
    { "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_BLOCK, PTR, 0, 8 } },
    { "rt_sigprocmask old", SYS_rt_sigprocmask, { SIG_BLOCK, 0, PTR, 8 } },
    { "rt_sigpending", SYS_rt_sigpending, { PTR, 8 } },
    { "rt_sigtimedwait", SYS_rt_sigtimedwait, { PTR, 0, GOOD, 8 } },
    {
        "rt_sigtimedwait time",
        SYS_rt_sigtimedwait,
        { GOOD, 0, PTR, 8 },
    },
    { "rt_sigsuspend", SYS_rt_sigsuspend, { PTR, 4 } },
    { "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { 0x3fffffff, SIGURG, PTR } },
    { "sigaltstack", SYS_sigaltstack, { PTR, 0 } },
    { "sigaltstack old", SYS_sigaltstack, { 0, PTR } },
    { "nanosleep", SYS_nanosleep, { PTR, 0 } },
    { "clock_nanosleep", SYS_clock_nanosleep, { CLOCK_MONOTONIC, 0, PTR, 0 } },
    { "clock_gettime", SYS_clock_gettime, { CLOCK_MONOTONIC, PTR } },
    { "clock_getres", SYS_clock_getres, { CLOCK_MONOTONIC, PTR } },
    { "gettimeofday", SYS_gettimeofday, { PTR, 0 } },
    { "time", SYS_time, { PTR } },
    { "times", SYS_times, { PTR } },
    { "setitimer", SYS_setitimer, { ITIMER_REAL, PTR, 0 } },
    { "getitimer", SYS_getitimer, { ITIMER_REAL, PTR } },
    { "timer_create", SYS_timer_create, { CLOCK_MONOTONIC, PTR, GOOD } },
    { "timer_create id", SYS_timer_create, { CLOCK_MONOTONIC, 0, PTR } },
    { "getrusage", SYS_getrusage, { 0, PTR } },
    { "getrlimit", SYS_getrlimit, { 7, PTR } },
    { "setrlimit", SYS_setrlimit, { 4, PTR } },
    { "prlimit64", SYS_prlimit64, { 0, 7, 0, PTR } },
    { "uname", SYS_uname, { PTR } },
    { "sysinfo", SYS_sysinfo, { PTR } },
    { "getgroups", SYS_getgroups, { 100, PTR } },
    { "setgroups", SYS_setgroups, { 2, PTR } },
    { "getresuid", SYS_getresuid, { PTR, GOOD, GOOD } },
    { "getresgid", SYS_getresgid, { GOOD, GOOD, PTR } },
    { "getrandom", SYS_getrandom, { PTR, LEN, 0 } },
    { "getcpu", SYS_getcpu, { PTR, 0, 0 } },
    { "sched_getaffinity", SYS_sched_getaffinity, { 0, 128, PTR } },
    { "sched_setaffinity", SYS_sched_setaffinity, { 0, 8, PTR } },
    { "sched_getparam", SYS_sched_getparam, { 0, PTR } },
    { "sched_setscheduler", SYS_sched_setscheduler, { 0, 0, PTR } },
    { "sched_rr_get_interval", SYS_sched_rr_get_interval, { 0, PTR } },
    { "prctl name", SYS_prctl, { 16, PTR } },
    { "arch_prctl get fs", SYS_arch_prctl, { 0x1003, PTR } },
    { "futex wait", SYS_futex, { PTR, 0, 1, 0 } },
    { "capget", SYS_capget, { PTR, 0 } },
    { "execve", SYS_execve, { PTR, 0, 0 } },
    { "execve argv", SYS_execve, { NAME, PTR, 0 } },
    { "execve env", SYS_execve, { NAME, 0, PTR } },
    { "sethostname", SYS_sethostname, { PTR, 5 } },
};

static long value(long a, long wild)
{
    switch (a) {
    case PTR:
        return wild;
    case GOOD:
        return (long)good;
    case NAME:
        return (long)"name";
    case FILE_:
        return file;
    case DIR_:
        return lseek(dir, 0, SEEK_SET), dir;
    case RPIPE:
        return pfd[0];
    case WPIPE:
        return pfd[1];
    case EP:
        return ep;
    case EV:
        return ev;
    case TFD:
        return tfd;
    case INO:
        return ino;
    case -2001:
        return (long)"link";
    case -2002:
        return (long)"trusted.x";
    case -2003:
        return (long)ro;
    }
    return a;
}

static const char *outcome(const struct row *r, long wild)
{
    long v[6];

    memset(good, 0, sizeof(good));
    lseek(file, 0, SEEK_SET);
    for (int i = 0; i < 6; i++)
        v[i] = value(r->a[i], wild);
    errno = 0;
    long got = syscall(r->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
    if (got == -1)
        return strerrorname_np(errno);
    while (read(pfd[0], good, sizeof(good)) > 0)
        ;
    return got ? "value" : "0";
}

int main(void)
{
    size_t n = sizeof(rows) / sizeof(*rows);

    scratch();
    put_file("name", "some text in a file that is long enough for any of the calls to read from it"),
        chmod("name", 0644);
    MUST(symlink("name", "link"));
    file = MUST(open("name", O_RDWR)), dir = MUST(open(".", O_RDONLY)), ep = MUST(epoll_create1(0));
    ev = MUST(eventfd(1, EFD_NONBLOCK)), tfd = MUST(timerfd_create(CLOCK_MONOTONIC, 0)),
    ino = MUST(inotify_init1(0));
    MUST(pipe2(pfd, O_NONBLOCK));
    struct epoll_event e = { .events = EPOLLIN };
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
    signal(SIGUSR1, SIG_IGN);

    char *m = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unmapped = m + 3 * 4096, munmap(unmapped, 4096);
    ro = m, mprotect(ro, 4096, PROT_READ);
    edge = unmapped - 3;
    const struct {
        const char *name;
        long at;
    } wild[] = { { "unmapped", (long)unmapped },
                 { "low", 16 },
                 { "kernel", (long)0xffff888000000000 },
                 { "top", (long)0xfffffffffffffff0 },
                 { "non-canonical", (long)0x0000800000000000 },
                 { "read-only", (long)ro },
                 { "edge", (long)edge } };
    for (size_t i = 0; i < n; i++) {
        char line[300];
        int len = sprintf(line, "%s:", rows[i].name);
        for (size_t w = 0; w < sizeof(wild) / sizeof(*wild); w++) {
            memset(edge, 'e', 3);
            ftruncate(file, 0), pwrite(file, "some text in a file, long enough", 32, 0), ftruncate(file, 100);
            len += sprintf(line + len, " %s", outcome(&rows[i], wild[w].at));
            unlink("\x01");
            uint64_t one = 1;
            write(ev, &one, 8);
        }
        note("%s", line);
    }
    return report_done();
}
