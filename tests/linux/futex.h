/* SPDX-License-Identifier: BSD-2-Clause */
/* futex.h: futex(2) by number, threads, and waiting until others wait. */
#pragma once
#include "report.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

/* linux/futex.h, which musl's compiler does not find */
enum {
    FUTEX_WAIT,
    FUTEX_WAKE,
    FUTEX_FD,
    FUTEX_REQUEUE,
    FUTEX_CMP_REQUEUE,
    FUTEX_WAKE_OP,
    FUTEX_LOCK_PI,
    FUTEX_UNLOCK_PI,
    FUTEX_TRYLOCK_PI,
    FUTEX_WAIT_BITSET,
    FUTEX_WAKE_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI2,
    FUTEX_PRIVATE_FLAG = 128,
    FUTEX_CLOCK_REALTIME = 256,
};
enum { FUTEX_OP_SET, FUTEX_OP_ADD, FUTEX_OP_OR, FUTEX_OP_ANDN, FUTEX_OP_XOR, FUTEX_OP_OPARG_SHIFT = 8 };
enum { FUTEX_OP_CMP_EQ, FUTEX_OP_CMP_NE, FUTEX_OP_CMP_LT, FUTEX_OP_CMP_LE, FUTEX_OP_CMP_GT, FUTEX_OP_CMP_GE };
#define FUTEX_OP(op, oparg, cmp, cmparg) \
    ((uint32_t)(op) << 28 | (uint32_t)(cmp) << 24 | ((oparg)&0xfff) << 12 | ((cmparg)&0xfff))
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu
#undef SYS_futex_waitv
#define SYS_futex_waitv 449
#define FUTEX_32        2
#define FUTEX_WAITV_MAX 128
struct futex_waitv {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
};
struct robust_list {
    struct robust_list *next;
};
struct robust_list_head {
    struct robust_list list;
    long futex_offset;
    struct robust_list *list_op_pending;
};
#define PRIV FUTEX_PRIVATE_FLAG
#define REAL FUTEX_CLOCK_REALTIME

static UNUSED long futex(volatile void *addr, int op, uint32_t val, const void *time_or_val2,
                         volatile void *addr2, uint32_t val3)
{
    return syscall(SYS_futex, addr, op, val, time_or_val2, addr2, val3);
}

static UNUSED struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    ts.tv_nsec += ms % 1000 * 1000000;
    ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    if (ts.tv_nsec < 0) {
        ts.tv_nsec += 1000000000;
        ts.tv_sec--;
    }
    return ts;
}

static UNUSED int my_tid(void)
{
    return syscall(SYS_gettid);
}

/* How many wait on addr: moves them away and back. */
static UNUSED long nr_waiters(volatile void *addr, int flags)
{
    static _Alignas(64) uint32_t elsewhere;
    long n = futex(addr, FUTEX_REQUEUE | flags, 0, (void *)INT_MAX, &elsewhere, 0);

    futex(&elsewhere, FUTEX_REQUEUE | flags, 0, (void *)INT_MAX, addr, 0);
    return n;
}

static UNUSED void await_waiters(volatile void *addr, int flags, long n)
{
    while (nr_waiters(addr, flags) != n)
        usleep(1000);
}

/* Until another thread sleeps in the kernel */
static UNUSED void await_sleep(int tid)
{
    char path[64], buf[512], state;

    for (;;) {
        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

        if (fd >= 0)
            close(fd);
        if (n <= 0)
            return;
        buf[n] = 0;
        state = strrchr(buf, ')')[2];
        if (state == 'S')
            return;
        usleep(1000);
    }
}

/* A field of /proc/self/task/TID/stat: 18 is the priority in effect. */
static UNUSED long task_stat(int tid, int field)
{
    char path[64], *p;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    p = strrchr(get_file(path), ')');
    for (int i = 2; p && i < field; i++)
        p = strchr(p + 1, ' ');
    return p ? strtol(p, NULL, 10) : -1000;
}
