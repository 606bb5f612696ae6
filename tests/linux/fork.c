/* SPDX-License-Identifier: BSD-2-Clause */
/* fork(2), vfork(2), clone(2), clone3(2) of processes: what the child has of its parent, and what not. */
#include "report.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

extern char **environ;
static int pages = 64;

static void *map(size_t len, int flags)
{
    void *m = mmap(NULL, len, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    if (m == MAP_FAILED)
        exit(1);
    return m;
}

/* Runs fn in a child: its exit code, or -signal. */
static int child(int (*fn)(void *), void *arg)
{
    pid_t p = MUST(fork());
    int st;

    if (!p)
        _exit(fn(arg));
    MUST(waitpid(p, &st, 0));
    return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

/* ---- memory ---- */

static int *private_word, *shared_word;

static int change_both(void *unused)
{
    *private_word = 2;
    *shared_word = 2;
    return *private_word == 2 && *shared_word == 2 ? 7 : 8;
}

static int check_fill(void *mem)
{
    unsigned char *m = mem;

    for (int i = 0; i < pages; i++)
        if (m[i * 4096] != (unsigned char)i)
            return 1;
    for (int i = 0; i < pages; i++)
        m[i * 4096] = 255;
    return 0;
}

static int first_byte(void *mem)
{
    return *(unsigned char *)mem;
}

static int is_mapped(void *mem)
{
    unsigned char v;

    return mincore(mem, 4096, &v) == 0;
}

static int write_none(void *mem)
{
    *(volatile char *)mem = 1;
    return 0;
}

static void test_memory(void)
{
    unsigned char *m = map(pages * 4096, MAP_PRIVATE), *f;
    int fd, ok = 1;

    private_word = map(4096, MAP_PRIVATE);
    shared_word = map(4096, MAP_SHARED);
    *private_word = *shared_word = 1;
    CHECK_EQ(child(change_both, NULL), 7);
    CHECK_EQ(*private_word, 1);
    CHECK_EQ(*shared_word, 2);
    for (int i = 0; i < pages; i++)
        m[i * 4096] = i;
    CHECK_EQ(child(check_fill, m), 0);
    for (int i = 0; i < pages; i++)
        ok &= m[i * 4096] == i;
    report(ok, "the parent's pages are as before");
    for (int i = 0; i < pages; i++)
        m[i * 4096]++;
    m[0] = 42;
    CHECK_EQ(child(first_byte, m), 42);

    CHECK_EQ(madvise(m, 4096, MADV_WIPEONFORK), 0);
    CHECK_EQ(child(first_byte, m), 0);
    CHECK_EQ(m[0], 42);
    CHECK_EQ(madvise(m, 4096, MADV_KEEPONFORK), 0);
    CHECK_EQ(child(first_byte, m), 42);
    CHECK_EQ(madvise(m, 4096, MADV_DONTFORK), 0);
    CHECK_EQ(child(is_mapped, m), 0);
    CHECK_EQ(child(is_mapped, m + 4096), 1);
    CHECK_EQ(madvise(m, 4096, MADV_DOFORK), 0);
    CHECK_EQ(child(is_mapped, m), 1);
    CHECK_EQ(mprotect(m, 4096, PROT_NONE), 0);
    CHECK_EQ(child(write_none, m), -SIGSEGV);
    CHECK_EQ(mprotect(m, 4096, PROT_READ), 0);
    CHECK_EQ(child(first_byte, m), 42);
    CHECK_EQ(child(write_none, m), -SIGSEGV);

    fd = MUST(open("file", O_RDWR | O_CREAT, 0600));
    MUST(ftruncate(fd, 8192));
    f = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    f[0] = 5;
    CHECK_EQ(child(first_byte, f), 5);
    CHECK_EQ(child(first_byte, f + 4096), 0);
    MUST(pwrite(fd, "x", 1, 4096));
    CHECK_EQ(child(first_byte, f + 4096), 'x');
    close(fd);
}

static int grow_heap(void *unused)
{
    char *b = (char *)syscall(SYS_brk, 0), *page = (char *)(((uintptr_t)b + 4095) & -4096l);

    if ((char *)syscall(SYS_brk, page + 8192) != page + 8192)
        return 1;
    page[0] = 1;
    return (char *)syscall(SYS_brk, 0) != page + 8192;
}

static int large(void *mem)
{
    char *m = mem;
    int ok = 1;

    for (size_t i = 0; i < 8 << 20; i += 4096)
        ok &= m[i] == (char)(i >> 12);
    memset(m, 1, 3 << 20);
    return !ok;
}

static void test_heap_and_huge(void)
{
    char *b = (char *)syscall(SYS_brk, 0), *m;
    int ok = 1;

    CHECK_EQ(child(grow_heap, NULL), 0);
    CHECK((char *)syscall(SYS_brk, 0) == b);
    m = map(8 << 20, MAP_PRIVATE);
    madvise(m, 8 << 20, MADV_HUGEPAGE);
    for (size_t i = 0; i < 8 << 20; i += 4096)
        m[i] = i >> 12;
    CHECK_EQ(child(large, m), 0);
    CHECK_EQ(child(large, m), 0);
    for (size_t i = 0; i < 8 << 20; i += 4096)
        ok &= m[i] == (char)(i >> 12);
    report(ok, "2 MiB pages are as before");
    munmap(m, 8 << 20);
}

static int locked_kb(void *unused)
{
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    int kb = -1;

    while (fgets(line, sizeof(line), f))
        sscanf(line, "VmLck: %d", &kb);
    fclose(f);
    return kb;
}

static void test_mlock(void)
{
    char *m = map(16384, MAP_PRIVATE);

    CHECK_EQ(mlock(m, 16384), 0);
    CHECK_EQ(locked_kb(NULL), 16);
    CHECK_EQ(child(locked_kb, NULL), 0);
    munmap(m, 16384);
}

/* ---- descriptors, directory ---- */

static int move_on(void *arg)
{
    int fd = *(int *)arg;

    lseek(fd, 7, SEEK_SET);
    close(fd);
    umask(0);
    return chdir("/") || fcntl(fd, F_GETFD) != -1;
}

static void test_descriptors(void)
{
    int fd = MUST(open("file", O_RDWR)), p[2];
    char c, a[PATH_MAX], b[PATH_MAX];

    MUST(pipe(p));
    CHECK(getcwd(a, sizeof(a)));
    umask(022);
    CHECK_EQ(child(move_on, &fd), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 7);
    CHECK_EQ(umask(022), 022);
    CHECK(getcwd(b, sizeof(b)) && !strcmp(a, b));
    if (!MUST(fork())) {
        close(p[0]);
        _exit(write(p[1], "z", 1) != 1);
    }
    close(p[1]);
    CHECK(read(p[0], &c, 1) == 1 && c == 'z');
    CHECK_EQ(read(p[0], &c, 1), 0);
    MUST(wait(NULL));
    close(p[0]);
    close(fd);
}

static int try_lock(void *arg)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = *(int *)arg, r;

    r = fcntl(fd, F_SETLK, &l) == -1 && errno == EAGAIN;
    l.l_type = F_WRLCK;
    fcntl(fd, F_GETLK, &l);
    r |= (l.l_type == F_WRLCK && l.l_pid == getppid()) << 1;
    close(fd); /* must not release the parent's */
    return r;
}

static int keep_lock(void *arg)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(*(int *)arg, F_SETLK, &l);
}

static void test_locks(void)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = MUST(open("file", O_RDWR));

    CHECK_EQ(fcntl(fd, F_SETLK, &l), 0);
    CHECK_EQ(child(try_lock, &fd), 3);
    CHECK_EQ(child(try_lock, &fd), 3);
    l.l_type = F_UNLCK;
    CHECK_EQ(fcntl(fd, F_SETLK, &l), 0);
    CHECK_EQ(child(keep_lock, &fd), 0);
    l.l_type = F_WRLCK;
    CHECK_EQ(fcntl(fd, F_GETLK, &l), 0);
    CHECK_EQ(l.l_type, F_UNLCK);
    close(fd);
}

/* ---- attributes ---- */

static volatile sig_atomic_t got;

static void handler(int sig)
{
    got = sig;
}

static int inherits(void *unused)
{
    sigset_t s;
    struct itimerval it;
    struct rlimit r;
    char name[16];
    int bad = 0, d = -1;

    sigprocmask(SIG_SETMASK, NULL, &s);
    bad |= !sigismember(&s, SIGUSR2) << 0;
    sigpending(&s);
    bad |= sigismember(&s, SIGUSR2) << 1;
    raise(SIGUSR1);
    bad |= (got != SIGUSR1) << 2;
    getitimer(ITIMER_REAL, &it);
    bad |= (it.it_value.tv_sec || it.it_value.tv_usec) << 3;
    getrlimit(RLIMIT_CORE, &r);
    bad |= (r.rlim_cur != 4096) << 7;
    prctl(PR_GET_NAME, name);
    bad |= !!strcmp(name, "fork-test") << 4;
    bad |= (getpriority(PRIO_PROCESS, 0) != 3) << 5;
    prctl(PR_GET_PDEATHSIG, &d);
    bad |= (d != 0) << 6;
    return bad;
}

static void test_attributes(void)
{
    struct itimerval it = { .it_value.tv_sec = 1000 }, none = { 0 };
    struct rlimit r = { 4096, 4096 };
    sigset_t s;

    signal(SIGUSR1, handler);
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    sigprocmask(SIG_BLOCK, &s, NULL);
    raise(SIGUSR2);
    setitimer(ITIMER_REAL, &it, NULL);
    MUST(setrlimit(RLIMIT_CORE, &r));
    prctl(PR_SET_NAME, "fork-test");
    setpriority(PRIO_PROCESS, 0, 3);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    CHECK_EQ(child(inherits, NULL), 0);
    prctl(PR_SET_PDEATHSIG, 0);
    setitimer(ITIMER_REAL, &none, NULL);
    signal(SIGUSR2, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    signal(SIGUSR2, SIG_DFL);
    CHECK(getpid() != (pid_t)syscall(SYS_getppid));
}

/* ---- clone ---- */

static char stack[65536] __attribute__((aligned(16)));
static volatile int cell;

static int set_cell(void *arg)
{
    cell = (long)arg;
    return 3;
}

static int use_shared(void *arg)
{
    int *fds = arg;

    fds[0] = dup(1);
    umask(077);
    return fds[0] < 0;
}

static long raw_clone(unsigned long flags, void *ptid, void *ctid)
{
    return syscall(SYS_clone, flags, 0, ptid, ctid, 0);
}

static void test_clone(void)
{
    static int ptid, ctid, *shared_tid;
    int st, fds[1];
    pid_t p;

    shared_tid = (int *)shared_word;
    cell = 1;
    p = MUST(clone(set_cell, stack + sizeof(stack), SIGCHLD, (void *)5L));
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 3);
    CHECK_EQ(cell, 1);
    p = MUST(clone(set_cell, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)5L));
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 3);
    CHECK_EQ(cell, 5);
    p = MUST(clone(set_cell, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)6L));
    CHECK_EQ(cell, 6);
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 3);
    p = MUST(clone(use_shared, stack + sizeof(stack), CLONE_FILES | CLONE_FS | CLONE_VM | SIGCHLD, fds));
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 0);
    CHECK_EQ(close(fds[0]), 0);
    CHECK_EQ(umask(022), 077);
    *shared_tid = -1;
    p = MUST(raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, &ptid, shared_tid));
    if (!p)
        _exit(ctid != 0 || *shared_tid != getpid());
    CHECK(ptid == p && waitpid(p, &st, 0) == p && st == 0 && *shared_tid == p);
    /* Another signal, or none, on exit */
    signal(SIGUSR1, handler);
    got = 0;
    p = MUST(raw_clone(SIGUSR1, NULL, NULL));
    if (!p)
        _exit(0);
    while (!got)
        usleep(1000);
    CHECK_EQ(got, SIGUSR1);
    CHECK_ERR(waitpid(p, &st, WNOHANG), ECHILD);
    CHECK_EQ(waitpid(p, &st, __WCLONE) == p, 1);
    p = MUST(raw_clone(0, NULL, NULL));
    if (!p)
        _exit(4);
    CHECK(waitpid(p, &st, __WALL) == p && WEXITSTATUS(st) == 4);
    CHECK_ERR(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL), EINVAL);
    CHECK_ERR(raw_clone(CLONE_THREAD | SIGCHLD, NULL, NULL), EINVAL);
    CHECK_ERR(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, &ptid, NULL), EINVAL);
    CHECK_ERR(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL), EINVAL);
}

static int siblings(void *unused)
{
    int st;
    pid_t p = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL);

    if (!p)
        _exit(9);
    if (p < 0)
        return 1;
    return waitpid(p, &st, 0) == -1 && errno == ECHILD ? 0 : 2;
}

static void test_clone3(void)
{
    int pidfd = -1, st, n9 = 0, n0 = 0;
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } a = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
    pid_t p;

    signal(SIGUSR1, handler);
    p = MUST(syscall(SYS_clone3, &a, sizeof(a)));
    if (!p) {
        struct sigaction sa;

        sigaction(SIGUSR1, NULL, &sa);
        _exit(sa.sa_handler != SIG_DFL);
    }
    struct pollfd pf = { pidfd, POLLIN, 0 };
    CHECK(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
    CHECK(poll(&pf, 1, -1) == 1 && pf.revents == POLLIN);
    CHECK(waitpid(p, &st, 0) == p && st == 0);
    close(pidfd);
    a.exit_signal = 65;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EINVAL);

    p = MUST(fork());
    if (!p)
        _exit(siblings(NULL));
    for (int i = 0; i < 2; i++) {
        MUST(wait(&st));
        n9 += WEXITSTATUS(st) == 9;
        n0 += WEXITSTATUS(st) == 0;
    }
    CHECK(n9 == 1 && n0 == 1);
    CHECK_ERR(wait(NULL), ECHILD);
}

/* ---- vfork, posix_spawn, exec ---- */

static void test_exec(char *self)
{
    char *argv[] = { self, "child", NULL }, *none[] = { "/nowhere", NULL };
    int st, fd = MUST(open("file", O_RDONLY | O_CLOEXEC));
    pid_t p;

    cell = 0;
    p = vfork();
    if (!p) {
        cell = 11;
        execv(self, argv);
        _exit(1);
    }
    CHECK_EQ(cell, 11);
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 33);
    CHECK_EQ(posix_spawn(&p, self, NULL, NULL, argv, environ), 0);
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 33);
    CHECK_EQ(posix_spawn(&p, "/nowhere", NULL, NULL, none, environ), ENOENT);
    CHECK_ERR(wait(NULL), ECHILD);
    p = MUST(fork());
    if (!p) {
        execv("/nowhere", none);
        _exit(errno == ENOENT ? 44 : 45);
    }
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 44);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

/* ---- threads ---- */

static volatile int stop;

static void *spin(void *arg)
{
    unsigned char *m = arg;

    while (!stop)
        for (int i = 0; i < pages; i++)
            m[i * 4096 + 1]++;
    return NULL;
}

static int one_thread(void *mem)
{
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    int n = 0;

    while (fgets(line, sizeof(line), f))
        sscanf(line, "Threads: %d", &n);
    fclose(f);
    memset(mem, 0, pages * 4096);
    return n;
}

static void test_threads(void)
{
    unsigned char *m = map(pages * 4096, MAP_PRIVATE);
    pthread_t t[2];
    int ok = 1;

    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, spin, m);
    for (int i = 0; i < 20; i++) {
        m[i] = i + 1;
        ok &= child(one_thread, m) == 1;
        ok &= m[i] == i + 1 || i == 1;
    }
    report(ok, "the child of a threaded process has one thread");
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
}

/* ---- many ---- */

static void test_many(void)
{
    int ok = 1, st, fd;

    for (int i = 0; i < 200; i++) {
        pid_t p = fork();

        if (!p)
            _exit(i & 63);
        ok &= p > 0 && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == (i & 63);
    }
    report(ok, "200 children one after the other");
    for (int i = 0; i < 40; i++)
        if (!MUST(fork()))
            _exit(0);
    for (int i = 0; i < 40; i++)
        ok &= wait(NULL) > 0;
    report(ok && wait(NULL) == -1, "40 children at once");
    fd = MUST(open("/dev/null", O_RDONLY));
    report(fd < 10, "no descriptor is left");
    close(fd);
}

static void test_limit(void)
{
    struct rlimit r = { 3, 3 };
    pid_t p = MUST(fork());
    int st;

    if (!p) {
        int n = 0;

        MUST(setrlimit(RLIMIT_NPROC, &r));
        if (setresuid(54321, 54321, 54321))
            _exit(100);
        while ((p = fork()) > 0)
            n++;
        if (!p) {
            pause();
            _exit(0);
        }
        p = errno;
        signal(SIGTERM, SIG_IGN);
        kill(-1, SIGTERM); /* all of this user's: but oneself */
        while (wait(NULL) > 0)
            ;
        _exit(p == EAGAIN ? n : 101);
    }
    CHECK(waitpid(p, &st, 0) == p);
    CHECK_EQ(WEXITSTATUS(st), 2);
}

int main(int argc, char **argv)
{
    char self[PATH_MAX];

    if (argc > 1)
        return fcntl(9, F_GETFD) == -1 ? 33 : 34;
    self[readlink("/proc/self/exe", self, sizeof(self) - 1)] = 0;
    scratch();
    test_memory();
    test_heap_and_huge();
    test_mlock();
    test_descriptors();
    test_locks();
    test_attributes();
    test_clone();
    test_clone3();
    test_exec(self);
    test_threads();
    test_many();
    test_limit();
    return report_done();
}
