/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syscall.h: one row in syscalls.def, one typed body somewhere in linux/.
 *
 *     SYSCALL3(read, int, fd, char __user *, buf, size_t, len) { ... }
 *
 * defines sys_read() with the raw register signature the dispatch table wants, around a typed inline body.
 * Bodies run with interrupts on, in the calling thread, and return a value or -errno.
 */
#ifndef LINUX_SYSCALL_H
#define LINUX_SYSCALL_H

#include "abi/errno.h"
#include "lib/types.h"

#define SYS_ARGS                long a0, long a1, long a2, long a3, long a4, long a5
#define SYSCALL_HEAD(name, ...) static inline __attribute__((always_inline)) long body_##name(__VA_ARGS__);

/* The rows declare the bodies: a body without a row is a missing prototype. */
#define SYS(name, level, gap) long sys_##name(SYS_ARGS);
#define MISSING(name, gap)
#include "linux/syscalls.def"
#undef SYS
#undef MISSING

#define SYSCALL0(name)        \
    SYSCALL_HEAD(name, void)  \
    long sys_##name(SYS_ARGS) \
    {                         \
        return body_##name(); \
    }                         \
    static inline long body_##name(void)
#define SYSCALL1(name, t0, v0)      \
    SYSCALL_HEAD(name, t0 v0)       \
    long sys_##name(SYS_ARGS)       \
    {                               \
        return body_##name((t0)a0); \
    }                               \
    static inline long body_##name(t0 v0)
#define SYSCALL2(name, t0, v0, t1, v1)      \
    SYSCALL_HEAD(name, t0 v0, t1 v1)        \
    long sys_##name(SYS_ARGS)               \
    {                                       \
        return body_##name((t0)a0, (t1)a1); \
    }                                       \
    static inline long body_##name(t0 v0, t1 v1)
#define SYSCALL3(name, t0, v0, t1, v1, t2, v2)      \
    SYSCALL_HEAD(name, t0 v0, t1 v1, t2 v2)         \
    long sys_##name(SYS_ARGS)                       \
    {                                               \
        return body_##name((t0)a0, (t1)a1, (t2)a2); \
    }                                               \
    static inline long body_##name(t0 v0, t1 v1, t2 v2)
#define SYSCALL4(name, t0, v0, t1, v1, t2, v2, t3, v3)      \
    SYSCALL_HEAD(name, t0 v0, t1 v1, t2 v2, t3 v3)          \
    long sys_##name(SYS_ARGS)                               \
    {                                                       \
        return body_##name((t0)a0, (t1)a1, (t2)a2, (t3)a3); \
    }                                                       \
    static inline long body_##name(t0 v0, t1 v1, t2 v2, t3 v3)
#define SYSCALL5(name, t0, v0, t1, v1, t2, v2, t3, v3, t4, v4)      \
    SYSCALL_HEAD(name, t0 v0, t1 v1, t2 v2, t3 v3, t4 v4)           \
    long sys_##name(SYS_ARGS)                                       \
    {                                                               \
        return body_##name((t0)a0, (t1)a1, (t2)a2, (t3)a3, (t4)a4); \
    }                                                               \
    static inline long body_##name(t0 v0, t1 v1, t2 v2, t3 v3, t4 v4)
#define SYSCALL6(name, t0, v0, t1, v1, t2, v2, t3, v3, t4, v4, t5, v5)      \
    SYSCALL_HEAD(name, t0 v0, t1 v1, t2 v2, t3 v3, t4 v4, t5 v5)            \
    long sys_##name(SYS_ARGS)                                               \
    {                                                                       \
        return body_##name((t0)a0, (t1)a1, (t2)a2, (t3)a3, (t4)a4, (t5)a5); \
    }                                                                       \
    static inline long body_##name(t0 v0, t1 v1, t2 v2, t3 v3, t4 v4, t5 v5)

#endif
