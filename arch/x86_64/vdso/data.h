/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * data.h: the page that the kernel writes and the vDSO reads in user mode. The kernel's own clock reads it too.
 *
 * A reader takes no lock and never retries: a change of rate fills a fresh slot and then publishes its place with
 * one store; slots are reused only after VDSO_SLOTS changes, of which there are a few in a machine's life. The
 * wall clock's offset is one word.
 */
#ifndef ARCH_VDSO_DATA_H
#define ARCH_VDSO_DATA_H

#include "lib/types.h"

#define VDSO_SLOTS 100

/* monotonic ns = ns_base + (tsc * mult >> 32), modulo 2^64 */
struct vdso_rate {
    uint64_t mult, ns_base;
};

struct vdso_data {
    uint32_t rate;        /* byte offset of the slot in use [a] */
    uint32_t has_rdtscp;  /* TSC_AUX holds the CPU's number */
    uint64_t real_offset; /* wall clock - monotonic, ns [a] */
    struct vdso_rate rates[VDSO_SLOTS];
};

_Static_assert(sizeof(struct vdso_data) <= 4096, "one page");

static inline uint64_t vdso_scale(uint64_t ticks, uint64_t mult)
{
    return ((unsigned __int128)ticks * mult) >> 32;
}

static inline uint64_t vdso_mono_ns(const struct vdso_data *d)
{
    const struct vdso_rate *r = (const void *)((const char *)d + __atomic_load_n(&d->rate, __ATOMIC_ACQUIRE));
    uint64_t lo, hi;

    /* SDM vol. 2, RDTSC: the fence keeps it from being read early, so that time never runs backwards */
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return r->ns_base + vdso_scale(hi << 32 | lo, r->mult);
}

#endif
