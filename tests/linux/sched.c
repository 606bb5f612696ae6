/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling parameters of threads: policies, priorities, reset-on-fork, what an unprivileged thread may. */
#include "threads.h"
#include <sched.h>
#include <sys/resource.h>

#define RESET_ON_FORK 0x40000000

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t min, max;
    uint64_t more;
};

static volatile int go;

static int setattr(int tid, struct attr *a)
{
    return syscall(SYS_sched_setattr, tid, a, 0);
}

static struct attr getattr(int tid)
{
    struct attr a;

    memset(&a, 0x55, sizeof(a));
    MUST(syscall(SYS_sched_getattr, tid, &a, 48, 0));
    return a;
}

static int setscheduler(int tid, int policy, int prio)
{
    return syscall(SYS_sched_setscheduler, tid, policy, &prio);
}

static int setparam(int tid, int prio)
{
    return syscall(SYS_sched_setparam, tid, &prio);
}

static int getparam(int tid)
{
    int prio;

    return syscall(SYS_sched_getparam, tid, &prio) ? -1 : prio;
}

static int getscheduler(int tid)
{
    return syscall(SYS_sched_getscheduler, tid);
}

static void *wait_go(struct worker *w)
{
    while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
        usleep(500);
    return NULL;
}

static void test_per_thread(void)
{
    struct worker w;
    struct timespec ts;

    go = 0;
    spawn(&w, wait_go, NULL);
    CHECK_EQ(setscheduler(w.tid, SCHED_RR, 7), 0);
    CHECK_EQ(getscheduler(w.tid), SCHED_RR);
    CHECK_EQ(getparam(w.tid), 7);
    CHECK_EQ(getscheduler(0), SCHED_OTHER);
    CHECK_EQ(getscheduler(getpid()), SCHED_OTHER);
    CHECK_EQ(setparam(w.tid, 99), 0);
    CHECK_EQ(getparam(w.tid), 99);
    CHECK_ERR(setparam(w.tid, 0), EINVAL);
    CHECK_ERR(setparam(w.tid, 100), EINVAL);
    CHECK_ERR(setparam(w.tid, -1), EINVAL);
    CHECK_ERR(setparam(0, 1), EINVAL);
    CHECK_EQ(sched_rr_get_interval(w.tid, &ts), 0);
    CHECK(ts.tv_sec == 0 && ts.tv_nsec == 100000000);
    CHECK_EQ(setscheduler(w.tid, SCHED_FIFO, 1), 0);
    CHECK_EQ(sched_rr_get_interval(w.tid, &ts), 0);
    CHECK(ts.tv_sec == 0 && ts.tv_nsec == 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, w.tid, 3), 0); /* for when it is no real-time thread any more */
    CHECK_EQ(getattr(w.tid).nice, 0);
    CHECK_EQ(setscheduler(w.tid, SCHED_BATCH, 0), 0);
    CHECK_EQ(getattr(w.tid).nice, 3);
    CHECK_EQ(setscheduler(w.tid, SCHED_IDLE, 0), 0);
    CHECK_EQ(getscheduler(w.tid), SCHED_IDLE);
    CHECK_EQ(getpriority(PRIO_PROCESS, w.tid), 3);
    CHECK_EQ(setscheduler(w.tid, SCHED_OTHER, 0), 0);
    CHECK_ERR(setscheduler(w.tid, SCHED_OTHER, 1), EINVAL);
    CHECK_ERR(setscheduler(w.tid, 4, 0), EINVAL);
    CHECK_ERR(setscheduler(w.tid, 77, 0), EINVAL);
    CHECK_ERR(setscheduler(w.tid, -1, 0), EINVAL);
    CHECK_ERR(setscheduler(-1, 0, 0), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 0, NULL), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setscheduler, 0, 0, 8), EFAULT);
    CHECK_ERR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    go = 1;
    join(&w);
    wait_gone(w.tid);
    CHECK_ERR(getscheduler(w.tid), ESRCH);
    CHECK_ERR(getparam(w.tid), ESRCH);
    CHECK_ERR(setscheduler(w.tid, 0, 0), ESRCH);
    CHECK_ERR(sched_rr_get_interval(w.tid, &ts), ESRCH);
}

static void test_attr(void)
{
    struct attr a = { .size = 48, .nice = 5 }, b;

    CHECK_EQ(setattr(0, &a), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    b = getattr(0);
    CHECK(b.size == 48 && b.policy == SCHED_OTHER && b.flags == 0 && b.nice == 5 && b.priority == 0);
    a.nice = 100; /* as far as possible */
    CHECK_EQ(setattr(0, &a), 0);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
    a.nice = 0;
    CHECK_EQ(setattr(0, &a), 0);
    a.priority = 1;
    CHECK_ERR(setattr(0, &a), EINVAL);
    a.policy = SCHED_RR, a.priority = 5;
    CHECK_EQ(setattr(0, &a), 0);
    b = getattr(0);
    CHECK(b.policy == SCHED_RR && b.priority == 5 && b.nice == 0);
    a.policy = 77, a.priority = 9, a.flags = 0x8; /* SCHED_FLAG_KEEP_POLICY */
    CHECK_EQ(setattr(0, &a), 0);
    b = getattr(0);
    CHECK(b.policy == SCHED_RR && b.priority == 9);
    a.flags = 0x10, a.policy = SCHED_FIFO, a.priority = 0; /* SCHED_FLAG_KEEP_PARAMS */
    CHECK_EQ(setattr(0, &a), 0);
    b = getattr(0);
    CHECK(b.policy == SCHED_RR && b.priority == 9); /* nothing at all changes */
    a = (struct attr){ .size = 48 };
    CHECK_EQ(setattr(0, &a), 0);
    a.size = 0; /* the first version's */
    CHECK_EQ(setattr(0, &a), 0);
    a.size = 47;
    CHECK_ERR(setattr(0, &a), E2BIG);
    CHECK(a.size == 56);
    a.size = 5000;
    CHECK_ERR(setattr(0, &a), E2BIG);
    a.size = sizeof(a), a.more = 1;
    CHECK_ERR(setattr(0, &a), E2BIG);
    a.more = 0, a.size = sizeof(a);
    CHECK_EQ(setattr(0, &a), 0);
    a.flags = 1ull << 20;
    CHECK_ERR(setattr(0, &a), EINVAL);
    a.flags = 0, a.policy = -1;
    CHECK_ERR(setattr(0, &a), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
    CHECK_ERR(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
    CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
    CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 48, 1), EINVAL);
    CHECK_ERR(syscall(SYS_sched_getattr, 4194303, &a, 48, 0), ESRCH);
}

static void *see_own(struct worker *w)
{
    struct attr a = getattr(0);

    w->result = getscheduler(0) * 1000 + (int)a.priority * 100 + a.nice;
    return NULL;
}

static long child_of(int policy, int prio, int nice)
{
    struct worker w;

    CHECK_QUIET(setpriority(PRIO_PROCESS, 0, nice) == 0);
    CHECK_QUIET(setscheduler(0, policy, prio) == 0);
    spawn(&w, see_own, NULL);
    join(&w);
    return w.result;
}

static void test_inheritance(void)
{
    CHECK_EQ(child_of(SCHED_OTHER, 0, 6), 6);
    CHECK_EQ(child_of(SCHED_OTHER, 0, -6), -6);
    CHECK_EQ(child_of(SCHED_BATCH, 0, 2), SCHED_BATCH * 1000 + 2);
    CHECK_EQ(child_of(SCHED_RR, 3, 0), SCHED_RR * 1000 + 300);
    CHECK_EQ(child_of(SCHED_RR | RESET_ON_FORK, 3, 0), 0);
    CHECK_EQ(getscheduler(0), SCHED_RR | RESET_ON_FORK);
    CHECK_EQ(getattr(0).flags, 1);
    CHECK_EQ(setparam(0, 4), 0); /* keeps the flag */
    CHECK_EQ(getscheduler(0), SCHED_RR | RESET_ON_FORK);
    CHECK_EQ(child_of(SCHED_FIFO | RESET_ON_FORK, 3, 4), 0);
    CHECK_EQ(child_of(SCHED_OTHER | RESET_ON_FORK, 0, 5), 5);
    CHECK_EQ(child_of(SCHED_OTHER | RESET_ON_FORK, 0, -5), 0);
    CHECK_EQ(child_of(SCHED_BATCH | RESET_ON_FORK, 0, -5), SCHED_BATCH * 1000);
    struct attr a = { .size = 48, .flags = 1, .nice = -3 };
    CHECK_EQ(setattr(0, &a), 0);
    CHECK_EQ(getscheduler(0), RESET_ON_FORK);
    CHECK_EQ(setscheduler(0, SCHED_OTHER, 0), 0);
    CHECK_EQ(getscheduler(0), SCHED_OTHER);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
}

static void limit(int which, int value)
{
    struct rlimit r = { value, value };

    MUST(setrlimit(which, &r));
}

/* Last: gives up being root. */
static void test_unprivileged(void)
{
    limit(RLIMIT_RTPRIO, 0);
    limit(RLIMIT_NICE, 0);
    MUST(setscheduler(0, SCHED_RR, 3));
    MUST(setuid(54321));
    CHECK_EQ(setparam(0, 2), 0); /* downwards always */
    CHECK_ERR(setparam(0, 3), EPERM);
    CHECK_ERR(setscheduler(0, SCHED_FIFO, 1), EPERM);
    CHECK_EQ(setscheduler(0, SCHED_OTHER, 0), 0);
    CHECK_ERR(setscheduler(0, SCHED_FIFO, 1), EPERM);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 3), 0);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, 2), EACCES);
    struct attr a = { .size = 48, .nice = 2 };
    CHECK_ERR(setattr(0, &a), EPERM);
    a.nice = 3;
    CHECK_EQ(setattr(0, &a), 0);
    CHECK_EQ(setscheduler(0, SCHED_IDLE, 0), 0);
    CHECK_ERR(setscheduler(0, SCHED_OTHER, 0), EPERM); /* not without the right to its nice value */
    CHECK_EQ(setscheduler(0, SCHED_IDLE | RESET_ON_FORK, 0), 0);
    CHECK_ERR(setscheduler(0, SCHED_IDLE, 0), EPERM); /* the flag stays */
}

/* The same with limits that allow something: not every machine's root may raise them. */
static void test_limits(void)
{
    limit(RLIMIT_RTPRIO, 10);
    limit(RLIMIT_NICE, 22); /* nice -2 */
    MUST(setuid(54321));
    CHECK_EQ(setscheduler(0, SCHED_FIFO, 10), 0);
    CHECK_ERR(setscheduler(0, SCHED_FIFO, 11), EPERM);
    CHECK_EQ(setscheduler(0, SCHED_RR, 3), 0);
    limit(RLIMIT_RTPRIO, 0);
    CHECK_EQ(setparam(0, 2), 0); /* downwards always */
    CHECK_ERR(setparam(0, 3), EPERM);
    CHECK_ERR(setscheduler(0, SCHED_FIFO, 1), EPERM);
    CHECK_EQ(setscheduler(0, SCHED_OTHER, 0), 0);
    CHECK_ERR(setscheduler(0, SCHED_FIFO, 1), EPERM);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, -2), 0);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, -3), EACCES);
    struct attr a = { .size = 48, .nice = -3 };
    CHECK_ERR(setattr(0, &a), EPERM);
    a.nice = 3;
    CHECK_EQ(setattr(0, &a), 0);
    limit(RLIMIT_NICE, 0);
    CHECK_ERR(setpriority(PRIO_PROCESS, 0, 2), EACCES);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        test_limits();
        return report_done();
    }
    test_per_thread();
    test_attr();
    test_inheritance();
    test_unprivileged();
    return report_done();
}
