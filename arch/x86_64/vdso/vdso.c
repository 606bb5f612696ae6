/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso.c: the system calls that need no kernel: time and the CPU's number, from the data page. Runs in user mode. */
#include "arch/x86_64/vdso/data.h"

#define EXPORT      __attribute__((visibility("default")))
#define ALIAS(name) __attribute__((weak, visibility("default"), alias(name)))

#define NSEC_PER_SEC      1000000000ull
#define SYS_clock_gettime 228
#define SYS_clock_getres  229
#define SYS_getcpu        309

struct timespec {
    int64_t tv_sec, tv_nsec;
};
struct timeval {
    int64_t tv_sec, tv_usec;
};
struct timezone {
    int tz_minuteswest, tz_dsttime;
};

#define CLOCK_REALTIME  0
#define CLOCK_MONOTONIC 1

/* Which clock ids are what (Linux's numbers). */
#define ON_REAL (1u << 0 | 1u << 5 | 1u << 11) /* REALTIME, REALTIME_COARSE, TAI (no leap seconds known) */
#define ON_MONO \
    (1u << 1 | 1u << 4 | 1u << 6 | 1u << 7) /* MONOTONIC, RAW, COARSE, BOOTTIME: never suspended */
#define NR_IDS 12

extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int id, struct timespec *ts);
int __vdso_clock_getres(int id, struct timespec *ts);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
int64_t __vdso_time(int64_t *t);
int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static long syscall2(long nr, long a, void *b)
{
    long r;

    __asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return r;
}

static __always_inline uint64_t real_ns(void)
{
    return vdso_mono_ns(&vdso_data) + __atomic_load_n(&vdso_data.real_offset, __ATOMIC_RELAXED);
}

static __always_inline void put(struct timespec *ts, uint64_t ns)
{
    /* Divided by 10^9: times 2^90 / 10^9, rounded up; exact below 2^63, which saves the compiler's general shifts. */
    uint64_t sec = (uint64_t)(((unsigned __int128)ns * 0x112e0be826d694b3) >> 64) >> 26;

    ts->tv_sec = sec;
    ts->tv_nsec = ns - sec * NSEC_PER_SEC;
}

static bool in_set(int id, unsigned set)
{
    return (unsigned)id < NR_IDS && (set >> id & 1);
}

EXPORT int __vdso_clock_gettime(int id, struct timespec *ts)
{
    if (likely(id == CLOCK_MONOTONIC))
        put(ts, vdso_mono_ns(&vdso_data));
    else if (likely(id == CLOCK_REALTIME))
        put(ts, real_ns());
    else if (in_set(id, ON_MONO))
        put(ts, vdso_mono_ns(&vdso_data));
    else if (in_set(id, ON_REAL))
        put(ts, real_ns());
    else
        return syscall2(SYS_clock_gettime, id, ts);
    return 0;
}

EXPORT int __vdso_clock_getres(int id, struct timespec *ts)
{
    if (!in_set(id, ON_MONO | ON_REAL))
        return syscall2(SYS_clock_getres, id, ts);
    if (ts) {
        ts->tv_sec = 0;
        ts->tv_nsec = 1;
    }
    return 0;
}

EXPORT int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
    if (tv) {
        uint64_t ns = real_ns(), sec = ns / NSEC_PER_SEC;

        tv->tv_sec = sec;
        tv->tv_usec = (ns - sec * NSEC_PER_SEC) / 1000;
    }
    if (tz)
        tz->tz_minuteswest = tz->tz_dsttime = 0;
    return 0;
}

EXPORT int64_t __vdso_time(int64_t *t)
{
    int64_t sec = real_ns() / NSEC_PER_SEC;

    if (t)
        *t = sec;
    return sec;
}

EXPORT int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    uint32_t lo, hi, aux;

    if (!vdso_data.has_rdtscp)
        return syscall2(SYS_getcpu, (long)cpu, node);
    __asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
    if (cpu)
        *cpu = aux;
    if (node)
        *node = 0;
    return 0;
}

int clock_gettime(int id, struct timespec *ts) ALIAS("__vdso_clock_gettime");
int clock_getres(int id, struct timespec *ts) ALIAS("__vdso_clock_getres");
int gettimeofday(struct timeval *tv, struct timezone *tz) ALIAS("__vdso_gettimeofday");
int64_t time(int64_t *t) ALIAS("__vdso_time");
int getcpu(unsigned *cpu, unsigned *node, void *unused) ALIAS("__vdso_getcpu");
