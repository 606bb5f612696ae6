/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: making them by clone(2) and clone3(2), ending, names, /proc, usage, priorities, limits, membarrier(2),
 * unshare(2). With an argument: one way for a process with threads to end.
 */
#include "threads.h"
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static volatile int go, ready;

/* ---- clone ---- */

/* A thread without a C library's knowledge: fn(arg) on the stack, then exit(2). */
static long raw_clone(unsigned long flags, void *stack, int *ptid, int *ctid, void (*fn)(void *), void *arg)
{
    void **sp = (void **)((uintptr_t)stack & ~15ul);
    register int *r10 __asm__("r10") = ctid;
    register long r8 __asm__("r8") = 0;
    long ret;

    *--sp = arg;
    *--sp = fn;
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "xor %%ebp, %%ebp\n"
                     "pop %%rax\n"
                     "pop %%rdi\n"
                     "call *%%rax\n"
                     "mov $60, %%eax\n"
                     "xor %%edi, %%edi\n"
                     "syscall\n"
                     "1:"
                     : "=a"(ret)
                     : "a"(56), "D"(flags), "S"(sp), "d"(ptid), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return ret;
}

static int raw_tid;
static unsigned long raw_mask;

static void raw_body(void *arg)
{
    long n;

    __asm__ volatile("syscall" : "=a"(n) : "a"(186) : "rcx", "r11", "memory"); /* gettid */
    raw_tid = n;
    register long size __asm__("r10") = 8;
    __asm__ volatile("syscall"
                     : "=a"(n)
                     : "a"(14), "D"(0), "S"(0), "d"(&raw_mask), "r"(size)
                     : "rcx", "r11", "memory");
    *(volatile int *)arg = 1;
}

static void test_clone(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int ran = 0;
    int ptid = 0, ctid = -1;

    block(SIGUSR1, SIGUSR2);
    long tid = raw_clone(THREAD_FLAGS | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                         stack + 65536, &ptid, &ctid, raw_body, (void *)&ran);
    CHECK(tid > 0 && ptid == tid);
    while (__atomic_load_n(&ctid, __ATOMIC_SEQ_CST)) /* cleared and woken at the end */
        syscall(SYS_futex, &ctid, 0, -1, NULL, NULL, 0);
    CHECK(ran == 1 && raw_tid == tid);
    CHECK(raw_mask == ((1ul << (SIGUSR1 - 1)) | (1ul << (SIGUSR2 - 1))));
    unblock(SIGUSR1, SIGUSR2);
    ran = 0;
    ctid = 0;
    tid = raw_clone(THREAD_FLAGS | CLONE_CHILD_SETTID, stack + 65536, NULL, &ctid, raw_body, (void *)&ran);
    while (!ran)
        sched_yield();
    CHECK(tid > 0 && ctid == tid);
    wait_gone(tid);
    CHECK_EQ(raw_clone(THREAD_FLAGS & ~CLONE_SIGHAND, stack + 65536, NULL, NULL, raw_body, NULL), -EINVAL);
    CHECK_EQ(raw_clone(THREAD_FLAGS & ~CLONE_VM, stack + 65536, NULL, NULL, raw_body, NULL), -EINVAL);
    CHECK_EQ(raw_clone(CLONE_SIGHAND, stack + 65536, NULL, NULL, raw_body, NULL), -EINVAL);
    CHECK_EQ(raw_clone(THREAD_FLAGS | CLONE_NEWUSER, stack + 65536, NULL, NULL, raw_body, NULL), -EINVAL);
    CHECK_EQ(raw_clone(THREAD_FLAGS | CLONE_NEWNS, stack + 65536, NULL, NULL, raw_body, NULL), -EINVAL);
    munmap(stack, 65536);
}

struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup, more;
};

static void test_clone3(void)
{
    struct clone3_args a = { .flags = THREAD_FLAGS }, z = { 0 };

    CHECK_ERR(syscall(SYS_clone3, NULL, 64), EFAULT);
    CHECK_ERR(syscall(SYS_clone3, &a, 63), EINVAL);
    CHECK_ERR(syscall(SYS_clone3, &a, 4097), E2BIG);
    a.more = 1;
    CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), E2BIG);
    a.more = 0, a.stack = 4096; /* and no size */
    CHECK_ERR(syscall(SYS_clone3, &a, 88), EINVAL);
    a.stack = 0, a.stack_size = 4096;
    CHECK_ERR(syscall(SYS_clone3, &a, 88), EINVAL);
    a.stack_size = 0, a.exit_signal = SIGCHLD; /* of a thread */
    CHECK_ERR(syscall(SYS_clone3, &a, 88), EINVAL);
    a.exit_signal = 65, a.flags = 0;
    CHECK_ERR(syscall(SYS_clone3, &a, 88), EINVAL);
    z.flags = SIGCHLD; /* exit_signal has its own place */
    CHECK_ERR(syscall(SYS_clone3, &z, 88), EINVAL);
    z.flags = THREAD_FLAGS | 1ull << 40;
    CHECK_ERR(syscall(SYS_clone3, &z, 88), EINVAL);
    z.flags = CLONE_SIGHAND | CLONE_VM | 1ull << 32; /* CLONE_CLEAR_SIGHAND */
    CHECK_ERR(syscall(SYS_clone3, &z, 88), EINVAL);
    z.flags = CLONE_THREAD;
    CHECK_ERR(syscall(SYS_clone3, &z, 88), EINVAL);
}

/* ---- names and /proc ---- */

static void *named(struct worker *w)
{
    char name[16];

    CHECK_QUIET(prctl(PR_SET_NAME, "a-rather-long-name-for-it") == 0);
    CHECK_QUIET(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a-rather-long-n"));
    block(SIGUSR2, 0);
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    wait_for(&go, 1);
    return NULL;
}

/* The text after key in /proc/...'s lines */
static char *field(const char *path, const char *key)
{
    static char line[128];
    char *at = strstr(get_file(path), key);

    line[0] = 0;
    if (at)
        sscanf(at + strlen(key), " %127[^\n]", line);
    return line;
}

static int count_tasks(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;

    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_proc(void)
{
    char path[64], want[64], before[16];
    struct worker w[3];
    int tid, tgid;

    ready = go = 0;
    prctl(PR_GET_NAME, before);
    for (int i = 0; i < 3; i++)
        spawn(&w[i], named, NULL);
    wait_for(&ready, 3);
    CHECK_EQ(count_tasks(), 4);
    CHECK_EQ(atoi(field("/proc/self/status", "\nThreads:")), 4);
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", w[1].tid);
    CHECK(!strcmp(get_file(path), "a-rather-long-n\n"));
    put_file(path, "renamed");
    CHECK(!strcmp(get_file(path), "renamed\n"));
    snprintf(want, sizeof(want), "%s\n", before);
    CHECK(!strcmp(get_file("/proc/self/comm"), want)); /* the first thread's */
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", w[1].tid);
    CHECK(!strcmp(field(path, "Name:"), "renamed"));
    CHECK(atoi(field(path, "\nPid:")) == w[1].tid && atoi(field(path, "\nTgid:")) == getpid());
    CHECK_EQ(strtoul(field(path, "\nSigBlk:"), NULL, 16) & 1 << (SIGUSR2 - 1), 1 << (SIGUSR2 - 1));
    CHECK_EQ(strtoul(field("/proc/self/status", "\nSigBlk:"), NULL, 16) & 1 << (SIGUSR2 - 1), 0);
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", w[2].tid);
    CHECK(atoi(get_file(path)) == w[2].tid);
    snprintf(path, sizeof(path), "/proc/%d/status", w[0].tid); /* not listed, but there */
    tid = atoi(field(path, "\nPid:")), tgid = atoi(field(path, "\nTgid:"));
    CHECK(tid == w[0].tid && tgid == getpid());
    snprintf(path, sizeof(path), "/proc/self/task/%d/task", w[0].tid);
    CHECK(access(path, F_OK) == -1 && errno == ENOENT);
    snprintf(path, sizeof(path), "/proc/self/task/%d", 4194303);
    CHECK(access(path, F_OK) == -1 && errno == ENOENT);
    go = 1;
    for (int i = 0; i < 3; i++) {
        join(&w[i]);
        wait_gone(w[i].tid);
    }
    CHECK_EQ(count_tasks(), 1);
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", w[0].tid);
    CHECK(access(path, F_OK) == -1 && errno == ENOENT);
}

static void *see_self(struct worker *w)
{
    char link[64] = "", want[64];

    readlink("/proc/thread-self", link, sizeof(link) - 1);
    snprintf(want, sizeof(want), "%d/task/%d", getpid(), my_tid());
    CHECK_QUIET(!strcmp(link, want));
    w->result =
        atoi(get_file("/proc/thread-self/stat")) == my_tid() && atoi(get_file("/proc/self/stat")) == getpid();
    return NULL;
}

static void test_thread_self(void)
{
    struct worker w;

    spawn(&w, see_self, NULL);
    join(&w);
    CHECK_EQ(w.result, 1);
}

/* ---- usage ---- */

static void *burn(struct worker *w)
{
    struct rusage ru;
    long long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + 40000000;

    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
    MUST(getrusage(RUSAGE_THREAD, &ru));
    w->result =
        (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;
    return NULL;
}

static long long usage(int who)
{
    struct rusage ru;

    MUST(getrusage(who, &ru));
    return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000ll + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;
}

static void test_usage(void)
{
    struct worker w[2];

    for (int i = 0; i < 2; i++)
        spawn(&w[i], burn, NULL);
    for (int i = 0; i < 2; i++)
        join(&w[i]);
    CHECK(w[0].result >= 30000 && w[1].result >= 30000);
    CHECK(usage(RUSAGE_SELF) >= 60000); /* of ended threads, too */
    CHECK(usage(RUSAGE_SELF) >= usage(RUSAGE_THREAD) + 60000);
    CHECK_ERR(getrusage(2, NULL), EINVAL);
}

/* ---- priorities ---- */

static void *wait_go(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        usleep(500);
    return NULL;
}

static void test_priority(void)
{
    struct worker w;

    go = 0;
    setpriority(PRIO_PROCESS, 0, 0);
    spawn(&w, wait_go, NULL);
    CHECK_EQ(setpriority(PRIO_PROCESS, w.tid, 7), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, w.tid), 7);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, w.tid), 0);
    CHECK_EQ(syscall(SYS_ioprio_set, 1, w.tid, 2 << 13 | 6), 0);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, w.tid), 2 << 13 | 6);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, 0), 0);
    CHECK_ERR(syscall(SYS_ioprio_set, 1, 0, 1), EINVAL); /* no class, but a level */
    CHECK_ERR(syscall(SYS_ioprio_set, 1, 0, 4 << 13), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_set, 4, 0, 2 << 13), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_get, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_ioprio_get, 1, 4194303), ESRCH);
    CHECK_EQ(syscall(SYS_ioprio_set, 1, 0, 3 << 13), 0);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, 0), 3 << 13);
    CHECK_EQ(syscall(SYS_ioprio_set, 1, 0, 0), 0);
    go = 1;
    join(&w);
    wait_gone(w.tid);
    CHECK_ERR(getpriority(PRIO_PROCESS, w.tid), ESRCH);
    CHECK_ERR(setpriority(PRIO_PGRP, 4194303, 0), ESRCH);
    CHECK_ERR(setpriority(3, 0, 0), EINVAL);
}

/* ---- membarrier, unshare ---- */

static void test_membarrier(void)
{
    CHECK_EQ(syscall(SYS_membarrier, 0, 0, 0) & 511, 511);
    CHECK_ERR(syscall(SYS_membarrier, 0, 1, 0), EINVAL);
#ifdef __GLIBC__                                        /* musl registers */
    CHECK_ERR(syscall(SYS_membarrier, 8, 0, 0), EPERM); /* before registration */
#endif
    CHECK_ERR(syscall(SYS_membarrier, 32, 0, 0), EPERM);
    CHECK_ERR(syscall(SYS_membarrier, 128, 0, 0), EPERM);
    CHECK_ERR(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_membarrier, 1024, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_membarrier, -1, 0, 0), EINVAL);
    CHECK_EQ(syscall(SYS_membarrier, 1, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 2, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 4, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 64, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 32, 0, 0), 0);
#ifdef __GLIBC__
    CHECK_ERR(syscall(SYS_membarrier, 8, 0, 0), EPERM); /* the other kind was registered */
#endif
    CHECK_EQ(syscall(SYS_membarrier, 16, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 16, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 8, 0, 0), 0);
    CHECK_ERR(syscall(SYS_membarrier, 8, 1, 0), EINVAL);
    CHECK_EQ(syscall(SYS_membarrier, 256, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 128, 0, 0), 0);
    CHECK_EQ(syscall(SYS_membarrier, 128, 1, 0), 0); /* one CPU */
    CHECK_EQ(syscall(SYS_membarrier, 128, 1, 100000), 0);
    CHECK_ERR(syscall(SYS_membarrier, 128, 2, 0), EINVAL);
}

static void test_unshare(void)
{
    struct worker w;

    CHECK_EQ(unshare(0), 0);
    CHECK_EQ(unshare(CLONE_FILES), 0);
    CHECK_EQ(unshare(CLONE_FS | CLONE_SYSVSEM), 0);
    CHECK_EQ(unshare(CLONE_THREAD), 0);
    CHECK_EQ(unshare(CLONE_SIGHAND | CLONE_VM), 0);
    CHECK_ERR(unshare(CLONE_VFORK), EINVAL);
    CHECK_ERR(unshare(1), EINVAL);
    go = 0;
    spawn(&w, wait_go, NULL);
    CHECK_ERR(unshare(CLONE_THREAD), EINVAL);
    CHECK_ERR(unshare(CLONE_SIGHAND), EINVAL);
    CHECK_ERR(unshare(CLONE_VM), EINVAL);
    CHECK_EQ(unshare(0), 0);
    go = 1;
    join(&w);
}

/* ---- many, and too many ---- */

static void *count_up(struct worker *w)
{
    for (int i = 0; i < 1000; i++)
        __atomic_add_fetch((volatile int *)w->arg, 1, __ATOMIC_RELAXED);
    return w;
}

static void test_churn(void)
{
    volatile int n = 0;
    struct worker w[16];

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 16; i++)
            spawn(&w[i], count_up, (void *)&n);
        for (int i = 0; i < 16; i++)
            CHECK_QUIET(join(&w[i]) == &w[i]);
    }
    CHECK_EQ(n, 320000);
}

static void *nothing(void *arg)
{
    return NULL;
}

/* Last: gives up being root. */
static void test_nproc(void)
{
    struct rlimit r = { 1, 1 };
    pthread_t t;

    CHECK_EQ(setrlimit(RLIMIT_NPROC, &r), 0);
    CHECK_EQ(pthread_create(&t, NULL, nothing, NULL), 0); /* root is not limited */
    pthread_join(t, NULL);
    CHECK_EQ(setuid(54321), 0);
    CHECK_EQ(pthread_create(&t, NULL, nothing, NULL), EAGAIN);
    errno = 0;
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, -1), EACCES);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, 4), EACCES);
    CHECK_ERR(syscall(SYS_ioprio_set, 1, 0, 1 << 13), EPERM);
}

/* ---- ways to end ---- */

static void *exit_libc(struct worker *w)
{
    while (thread_state(getpid()) != 'Z')
        usleep(500);
    note("the first thread is gone");
    exit((int)(long)w->arg);
    return NULL;
}

static void *exit_raw(struct worker *w)
{
    while (thread_state(getpid()) != 'Z')
        usleep(500);
    syscall(SYS_exit, (int)(long)w->arg);
    return NULL;
}

static void *group_exit(struct worker *w)
{
    wait_asleep(getpid());
    syscall(SYS_exit_group, (int)(long)w->arg);
    return NULL;
}

static void *kill_all(struct worker *w)
{
    wait_asleep(getpid());
    kill(getpid(), (int)(long)w->arg);
    for (;;)
        pause();
    return NULL;
}

static void *kill_first(struct worker *w)
{
    wait_asleep(getpid());
    send_to(getpid(), (int)(long)w->arg);
    for (;;)
        ;
    return NULL;
}

static void *crash(struct worker *w)
{
    wait_asleep(getpid());
    *(volatile int *)8 = 1;
    return NULL;
}

static void *spin(struct worker *w)
{
    for (;;)
        ;
    return NULL;
}

static void *sleep_long(struct worker *w)
{
    for (;;)
        sleep(1000);
    return NULL;
}

static int end(const char *how, int value)
{
    static struct worker w[6];

    spawn(&w[0], spin, NULL);
    spawn(&w[1], sleep_long, NULL);
    if (!strcmp(how, "leader-first")) { /* exit(3) of another thread counts */
        spawn(&w[2], exit_libc, (void *)(long)value);
        pthread_exit(NULL);
    }
    if (!strcmp(how, "exit-group"))
        spawn(&w[2], group_exit, (void *)(long)value);
    if (!strcmp(how, "kill"))
        spawn(&w[2], kill_all, (void *)(long)value);
    if (!strcmp(how, "kill-first"))
        spawn(&w[2], kill_first, (void *)(long)value);
    if (!strcmp(how, "crash"))
        spawn(&w[2], crash, NULL);
    for (;;)
        sleep(1000);
}

/* All threads end by themselves: the last one's status is the process's. */
static int end_alone(int value)
{
    static struct worker w;

    spawn(&w, exit_raw, (void *)(long)value);
    syscall(SYS_exit, 99);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return strcmp(argv[1], "alone") ? end(argv[1], atoi(argv[2])) : end_alone(atoi(argv[2]));
    test_clone();
    test_clone3();
    test_proc();
    test_thread_self();
    test_usage();
    test_priority();
    test_membarrier();
    test_unshare();
    test_churn();
    test_nproc();
    return report_done();
}
