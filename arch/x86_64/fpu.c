/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fpu.c: the FPU's state of user mode. Saved in the standard XSAVE layout (SDM vol. 1 §13.4), which is also the signal
 * frame's. A new thread's state is the initial one without anything having been written.
 */
#include "arch/fpu.h"
#include "abi/errno.h"
#include "arch/copy.h"
#include "arch/cpu.h"
#include "kernel/arch.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include <asm/sigcontext.h>

#define LEGACY_SIZE 512 /* what FXSAVE writes */
#define HEADER_SIZE 64
#define XF_FP_SSE   3ull
#define XF_AVX      4ull
#define XF_AVX512   0xe0ull
#define MXCSR_INIT  0x1f80

struct fpu_area {
    uint16_t fcw, fsw, ftw, fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[432];
    struct _fpx_sw_bytes sw; /* software's: the signal frame says here what follows */
    uint64_t xstate_bv, xcomp_bv, reserved[6];
    uint8_t extended[];
} __aligned(64);
static_assert(offsetof(struct fpu_area, sw) == 464, "SDM vol. 1 table 10-2");
static_assert(offsetof(struct fpu_area, xstate_bv) == LEGACY_SIZE, "SDM vol. 1 §13.4.2");

static uint64_t features; /* XCR0; 0: FXSAVE only */
static enum { FXSAVE, XSAVE, XSAVEOPT } how;
static size_t state_size = LEGACY_SIZE;
static const struct fpu_area initial = { .fcw = 0x37f, .mxcsr = MXCSR_INIT };

void fpu_init_cpu(void)
{
    if (features)
        __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)features), "d"(0));
}

void fpu_init(void)
{
    if (!(cpu_features.l1_ecx & CPU_L1C_XSAVE))
        return;
    struct cpuid r = cpuid(0xd, 0);
    uint64_t has = r.eax | (uint64_t)r.edx << 32;

    features = XF_FP_SSE | (has & XF_AVX);
    if ((features & XF_AVX) && (has & XF_AVX512) == XF_AVX512)
        features |= XF_AVX512;
    fpu_init_cpu();
    state_size = cpuid(0xd, 0).ebx;
    how = cpuid(0xd, 1).eax & 1 ? XSAVEOPT : XSAVE;
    if (arch_is_emulated)
        copy_mode = features & XF_AVX ? COPY_AVX : COPY_SSE;
}

size_t fpu_area_size(void)
{
    return ALIGN_UP(state_size, 64);
}

static struct fpu_area *fpu_area(struct thread *t)
{
    return (struct fpu_area *)t->arch.kstack_top;
}

static void save(struct fpu_area *a, bool whole)
{
    if (likely(how == XSAVEOPT && !whole))
        __asm__ volatile("xsaveopt64 %0" : "+m"(*a) : "a"((uint32_t)features), "d"(0) : "memory");
    else if (how != FXSAVE)
        __asm__ volatile("xsave64 %0" : "+m"(*a) : "a"((uint32_t)features), "d"(0) : "memory");
    else
        __asm__ volatile("fxsave64 %0" : "=m"(*a)::"memory");
}

static void load(const struct fpu_area *a)
{
    if (!features)
        __asm__ volatile("fxrstor64 %0" ::"m"(*a) : "memory");
    else
        __asm__ volatile("xrstor64 %0" ::"m"(*a), "a"((uint32_t)features), "d"(0) : "memory");
}

/* What XSAVE leaves alone must be zero the first time: the header, and software's bytes that programs get to see. */
static struct fpu_area *ready_area(struct thread *t)
{
    struct fpu_area *a = fpu_area(t);

    if (unlikely(!t->arch.fpu_valid)) {
        if (features)
            memset(&a->sw, 0, sizeof(a->sw) + HEADER_SIZE);
        else
            memset(&a->sw, 0, sizeof(a->sw));
        t->arch.fpu_valid = true;
    }
    return a;
}

void fpu_save(struct thread *t)
{
    /* XSAVEOPT leaves out what is in its initial state: the first time, all has to be written. */
    bool whole = !t->arch.fpu_valid;

    save(ready_area(t), whole);
}

void fpu_load(struct thread *t)
{
    load(t->arch.fpu_valid ? fpu_area(t) : &initial);
}

static __noinline void switch_slowly(struct thread *from, struct thread *to)
{
    fpu_save(from);
    fpu_load(to);
}

void fpu_switch(struct thread *from, struct thread *to)
{
    struct fpu_area *a = fpu_area(from), *b = fpu_area(to);
    uint32_t low = (uint32_t)features;

    if (unlikely(how != XSAVEOPT || !from->arch.fpu_valid || !to->arch.fpu_valid)) {
        switch_slowly(from, to);
        return;
    }
    __asm__ volatile("xsaveopt64 %0\n\t"
                     "xrstor64 %1"
                     : "+m"(*a)
                     : "m"(*b), "a"(low), "d"(0)
                     : "memory");
}

void fpu_clone(struct thread *child)
{
    save(ready_area(child), true);
}

/* ---- signal frames ---- */

size_t fpu_frame_size(void)
{
    return state_size + (features ? FP_XSTATE_MAGIC2_SIZE : 0);
}

/* From the registers to the frame at once, with the magic number behind it. 0 or -EFAULT. */
static int xsave_to_user(struct fpu_area *a)
{
    const struct _fpx_sw_bytes sw = { .magic1 = FP_XSTATE_MAGIC1,
                                      .extended_size = fpu_frame_size(),
                                      .xfeatures = features,
                                      .xstate_size = state_size };
    uint64_t *words = (uint64_t *)&a->sw;
    int err = 0, saved;

    user_window_open();
    window_put(sw.magic1 | (uint64_t)sw.extended_size << 32, &words[0], err);
    window_put(sw.xfeatures, &words[1], err);
    window_put(sw.xstate_size, &words[2], err);
    window_put32(FP_XSTATE_MAGIC2, (char *)a + state_size, err);
    /* software's bytes end and the header begins: XSAVE changes bits of it only */
#pragma GCC unroll 16
    for (unsigned i = 3; i < (sizeof(sw) + HEADER_SIZE) / 8; i++)
        window_put(0, &words[i], err);
    __asm__ volatile("1: xsave64 %0\n xor %%eax, %%eax\n2:" UA_ENTRY("1b", "2b", "1")
                     : "+m"(*a), "=a"(saved)
                     : "a"((uint32_t)features), "d"(0)
                     : "memory");
    user_window_close();
    return err | saved;
}

int fpu_to_user(void __user *frame)
{
    if (!features) {
        struct fpu_area *a = ready_area(current);

        save(a, true);
        return copy_to_user(frame, a, LEGACY_SIZE);
    }
    return xsave_to_user(UA_PLAIN(frame)) ? -EFAULT : 0;
}

/* The frame is as fpu_to_user() left it, as far as the CPU can tell: loaded at once. False: by hand. */
static bool xrstor_from_user(const struct fpu_area *a)
{
    const uint64_t *words = (const uint64_t *)&a->sw;
    uint64_t magic, mask, size, magic2 = 0;
    int err = 0;

    if (!features || !user_ok(a, fpu_frame_size()))
        return false;
    user_window_open();
    magic = window_get(&words[0], err);
    mask = window_get(&words[1], err);
    size = window_get(&words[2], err);
    if (!err && (uint32_t)magic == FP_XSTATE_MAGIC1 && mask == features && (uint32_t)size == state_size)
        magic2 = window_get((const char *)a + state_size - 4, err) >> 32;
    if (magic2 == FP_XSTATE_MAGIC2)
        __asm__ volatile("1: xrstor64 %1\n xor %%eax, %%eax\n2:" UA_ENTRY("1b", "2b", "1")
                         : "=a"(err)
                         : "m"(*a), "a"((uint32_t)features), "d"(0)
                         : "memory");
    user_window_close();
    return !err && magic2 == FP_XSTATE_MAGIC2;
}

/* How much of the frame is state: the magic numbers tell whether the program kept what lies beyond FXSAVE's part. */
static size_t frame_state_size(const struct fpu_area *legacy, const void __user *frame)
{
    const struct _fpx_sw_bytes *sw = &legacy->sw;
    uint32_t magic2;

    if (!features || sw->magic1 != FP_XSTATE_MAGIC1 || sw->xstate_size < LEGACY_SIZE + HEADER_SIZE ||
        sw->xstate_size > state_size)
        return LEGACY_SIZE;
    if (get_user(magic2, (const uint32_t __user *)((const char __user *)frame + sw->xstate_size)) ||
        magic2 != FP_XSTATE_MAGIC2)
        return LEGACY_SIZE;
    return sw->xstate_size;
}

int fpu_from_user(const void __user *frame)
{
    struct fpu_area *a;
    int err = 0;

    if (!frame) {
        load(&initial);
        return 0;
    }
    if (likely(xrstor_from_user(UA_PLAIN(frame))))
        return 0;
    a = ready_area(current);
    save(a, true);
    uint32_t mask = a->mxcsr_mask ? a->mxcsr_mask : 0xffbf;
    err = copy_from_user(a, frame, LEGACY_SIZE);
    size_t size = err ? 0 : frame_state_size(a, frame);
    if (size > LEGACY_SIZE)
        err = copy_from_user(&a->xstate_bv, (const char __user *)frame + LEGACY_SIZE, size - LEGACY_SIZE);
    if (err) {
        load(&initial); /* the area is half overwritten; the program dies of it */
        return err;
    }
    /* Nothing the CPU would refuse to load. */
    a->mxcsr &= mask;
    if (features) {
        a->xstate_bv = size > LEGACY_SIZE ? a->xstate_bv & a->sw.xfeatures & features : XF_FP_SSE;
        a->xcomp_bv = 0;
        memset(a->reserved, 0, sizeof(a->reserved));
    }
    load(a);
    return 0;
}
