/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials of threads: the kernel's are each thread's own, inherited by the threads it makes; changing and reading
 * them, also by /proc and by capget(2) of others, while threads come and go.
 */
#include "threads.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system call itself: the C library's functions change all threads. */
static long raw_setresuid(int r, int e, int s)
{
    return syscall(SYS_setresuid, r, e, s);
}

static long effective(void)
{
    return syscall(SYS_geteuid);
}

static long capget_of(int tid, uint64_t *caps)
{
    struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, tid };
    struct __user_cap_data_struct d[2] = { 0 };
    long r = syscall(SYS_capget, &h, d);

    *caps = d[0].effective | (uint64_t)d[1].effective << 32;
    return r;
}

/* The line of /proc/self/task/TID/status that begins with name, without it; "" when there is none. */
static void status_line(int tid, const char *name, char *line, size_t size)
{
    char path[64], buf[4096], *at;
    int fd, n;

    snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
    *line = 0;
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    buf[n > 0 ? n : 0] = 0;
    at = strstr(buf, name);
    if (at)
        snprintf(line, size, "%.*s", (int)strcspn(at + strlen(name), "\n"), at + strlen(name));
}

/* ---- each thread's own ---- */

static pthread_barrier_t barrier;
static int other_tid;
static long other_inherits, other_keeps;

static void *other(void *unused)
{
    other_tid = my_tid();
    other_inherits = effective();
    pthread_barrier_wait(&barrier); /* the first changes its own */
    pthread_barrier_wait(&barrier);
    other_keeps = effective();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void test_own(void)
{
    uint64_t mine, others;
    char line[128];
    pthread_t t;

    pthread_barrier_init(&barrier, NULL, 2);
    CHECK(!raw_setresuid(-1, 0, 0));
    CHECK(!pthread_create(&t, NULL, other, NULL));
    pthread_barrier_wait(&barrier);
    CHECK(!raw_setresuid(-1, 1234, -1));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK(other_inherits == 0);
    CHECK(other_keeps == 0);
    CHECK(effective() == 1234);
    status_line(other_tid, "\nUid:", line, sizeof(line));
    CHECK(!strcmp(line, "\t0\t0\t0\t0"));
    status_line(my_tid(), "\nUid:", line, sizeof(line));
    CHECK(!strcmp(line, "\t0\t1234\t0\t1234"));
    CHECK(!capget_of(0, &mine) && mine == 0);
    CHECK(!capget_of(my_tid(), &mine) && mine == 0);
    CHECK(!capget_of(other_tid, &others) && others & 1);
    CHECK(capget_of(999999, &mine) == -1 && errno == ESRCH);
    CHECK(!raw_setresuid(-1, 0, -1));
    CHECK(!capget_of(0, &mine) && mine == others);
    pthread_barrier_wait(&barrier);
    pthread_join(t, NULL);
}

/* ---- prctl(2) ---- */

static void test_prctl(void)
{
    CHECK(prctl(PR_GET_KEEPCAPS) == 0);
    CHECK(prctl(PR_SET_KEEPCAPS, 2) == -1 && errno == EINVAL);
    CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0);
    CHECK(prctl(PR_GET_KEEPCAPS) == 1);
    CHECK(prctl(PR_GET_SECUREBITS) == SECBIT_KEEP_CAPS);
    CHECK(prctl(PR_SET_SECUREBITS, 1 << 20) == -1 && errno == EPERM);
    CHECK(prctl(PR_SET_SECUREBITS, 0) == 0);
    CHECK(prctl(PR_GET_KEEPCAPS) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL);
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
    CHECK(prctl(PR_CAPBSET_READ, 64) == -1 && errno == EINVAL);
    CHECK(prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0) == 0);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 99, 0, 0) == -1 && errno == EINVAL);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0) == -1 && errno == EINVAL);
    CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 1, 0) == -1 && errno == EINVAL);
}

/* ---- many at once ---- */

#define CHANGES 300

static volatile int over;

static void *changes(void *arg)
{
    long id = (long)arg;

    for (int i = 0; i < CHANGES; i++) {
        gid_t groups[2] = { id, id + 1 }, got[2] = { 0 };

        CHECK_QUIET(!syscall(SYS_setgroups, 2, groups));
        CHECK_QUIET(!syscall(SYS_setresgid, id, id, id));
        CHECK_QUIET(syscall(SYS_getegid) == id);
        CHECK_QUIET(syscall(SYS_getgroups, 2, got) == 2 && got[0] == groups[0] && got[1] == groups[1]);
    }
    return NULL;
}

static void *ends(void *arg)
{
    return NULL;
}

static void *reads(void *arg)
{
    char line[128];
    unsigned a, b, c, d;
    uint64_t caps;

    for (int tid = getpid(); !over; tid = tid < getpid() + 40 ? tid + 1 : getpid()) {
        status_line(tid, "\nGid:", line, sizeof(line));
        if (*line) /* never half of a change */
            CHECK_QUIET(sscanf(line, "%u%u%u%u", &a, &b, &c, &d) == 4 && a == b && b == c && c == d);
        capget_of(tid, &caps);
        getpriority(PRIO_USER, 0);
        sched_yield();
    }
    return NULL;
}

static void test_many(void)
{
    pthread_t t[4], reader, short_lived;

    CHECK(!pthread_create(&reader, NULL, reads, NULL));
    for (long i = 0; i < 4; i++)
        CHECK(!pthread_create(&t[i], NULL, changes, (void *)(i * 10 + 100)));
    for (int i = 0; i < 100; i++) {
        CHECK(!pthread_create(&short_lived, NULL, ends, NULL));
        pthread_join(short_lived, NULL);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    over = 1;
    pthread_join(reader, NULL);
    CHECK(syscall(SYS_getegid) == 0);
}

/* The C library's own broadcast. */
static void test_broadcast(void)
{
    pthread_t t;

    CHECK(!pthread_create(&t, NULL, other, NULL));
    pthread_barrier_wait(&barrier);
    CHECK(!seteuid(77));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK(other_keeps == 77);
    CHECK(!seteuid(0));
    pthread_barrier_wait(&barrier);
    pthread_join(t, NULL);
}

int main(void)
{
    if (geteuid()) { /* only root can tell */
        puts("all checks passed");
        return 0;
    }
    test_prctl();
    test_own();
    test_many();
    test_broadcast();
    return report_done();
}
