/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c: the monotonic clock, from the TSC, and the one-shot timer.
 *
 * When nobody tells the TSC's frequency but the APIC timer's is known (emulators: 1 GHz), no time is spent on
 * calibration: the APIC timer counts while the boot goes on, arch_clock_init() takes a first rough rate,
 * arch_clock_settle() a good one from the whole boot, and the timer's own use later gives the exact one. Until
 * then the timer runs in periodic mode, so that its count tells the time even after it expired. Each change of
 * rate continues from the time at the change: the clock never jumps.
 */
#include "arch/x86_64/clock.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/vdso/data.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "lib/atomic.h"

#define REF_COUNT_MAX   0xffffffffu
#define PAIR_GOOD       4000 /* ticks: a reading this quick was not disturbed */
#define PAIR_TRIES      8
#define FIRST_TRIES     100000
#define FIRST_WINDOW_NS (100 * NSEC_PER_US)
#define WINDOW_MIN_NS   (5 * NSEC_PER_MS) /* shorter windows say too little */
#define REFINE_ONCE_NS  (100 * NSEC_PER_MS)
#define REFINE_LAST_NS  (2 * NSEC_PER_SEC)
#define TIMER_MAX_NS    (1ull << 41) /* longest single wait; the interrupt handler waits on */

static struct vdso_data *const vd = &vdso_page.data;
static bool deadline_mode;
static uint64_t apic_mult;                /* timer counts per ns, << 32 */
static uint64_t timer_deadline[MAX_CPUS]; /* what each CPU's timer waits for */

/* The frequency still being measured on the boot CPU. */
static struct {
    bool on, ticking;
    uint64_t start_tsc; /* at this moment ... */
    uint32_t start,
        reload; /* ... the counter was here, on its way from reload to 0 and round; 0: not running */
    uint64_t sum_tsc, sum_ns, goal_ns;
    struct timer timer;
} refine;

/* This CPU is the one whose timer measures. */
static bool refining(void)
{
    return refine.on && this_cpu()->id == 0;
}

/* A periodic counter that runs out faster than its interrupt is handled would never let the CPU, or an emulator's
 * main loop, do anything else. */
#define PERIOD_MIN 50000ul
#define COUNT_MIN  500ul

static uint64_t rate_mult(uint64_t tsc, uint64_t ns)
{
    return ((unsigned __int128)ns << 32) / tsc;
}

/* The rate from tsc_base on, when it was ns_base. */
static void rate_set(uint64_t tsc_base, uint64_t mult, uint64_t ns_base)
{
    static unsigned slot;
    struct vdso_rate *r = &vd->rates[slot++ % VDSO_SLOTS];

    *r = (struct vdso_rate){ mult, ns_base - vdso_scale(tsc_base, mult) };
    atomic_store_release(&vd->rate, (uint32_t)((char *)r - (char *)vd));
}

/* A new rate from now on. */
static void rate_change(uint64_t mult)
{
    const struct vdso_rate *r = (void *)((char *)vd + vd->rate);
    uint64_t tsc = arch_ticks();

    rate_set(tsc, mult, r->ns_base + vdso_scale(tsc, r->mult));
}

uint64_t arch_clock_ns(void)
{
    return vdso_mono_ns(vd);
}

uint64_t arch_ticks_ns(uint64_t ticks)
{
    const struct vdso_rate *r = (void *)((char *)vd + vd->rate);

    return vdso_scale(ticks, r->mult);
}

/* ---- measuring against the APIC timer ---- */

/* The counter and the TSC at the same moment, as near as can be. */
static uint32_t ref_read(uint64_t *tsc)
{
    uint64_t best = UINT64_MAX;
    uint32_t count = 0;

    for (int i = 0; i < PAIR_TRIES && best > PAIR_GOOD; i++) {
        uint64_t t0 = arch_ticks();
        uint32_t c = apic_timer_count();
        uint64_t gap = arch_ticks() - t0;

        if (gap >= best)
            continue;
        best = gap;
        count = c;
        *tsc = t0 + gap / 2;
    }
    return count;
}

static void ref_start(uint32_t count)
{
    apic_timer_set_count(count);
    refine.reload = count;
    /* Not the moment of the write, which may take long: an emulator translates this code when it first runs. */
    refine.start = ref_read(&refine.start_tsc);
}

/* Nanoseconds since ref_start() by the counter (1 GHz); how often it wrapped is guessed by the rate known so far. */
static bool ref_elapsed(uint64_t *tsc, uint64_t *ns)
{
    uint64_t now = 0, wraps = 0;
    int64_t passed;
    uint32_t count;

    if (!refine.reload)
        return false;
    count = ref_read(&now);
    if (now <= refine.start_tsc || count > refine.reload || refine.start > refine.reload)
        return false;
    passed = (int64_t)refine.start - count;
    if (vd->rate) {
        const struct vdso_rate *r = (void *)((char *)vd + vd->rate);
        int64_t guess = ((unsigned __int128)(now - refine.start_tsc) * r->mult) >> 32;

        if (guess > passed)
            wraps = (guess - passed + refine.reload / 2) / refine.reload;
    }
    if (wraps > 4)
        return false;
    passed += wraps * refine.reload;
    *tsc = now - refine.start_tsc;
    *ns = passed;
    return passed > 0;
}

/* The boot CPU's timer is about to be set anew, or fired: what its last run tells. */
static void refine_sample(void)
{
    uint64_t tsc, ns;

    if (!ref_elapsed(&tsc, &ns) || ns < WINDOW_MIN_NS)
        return;
    refine.sum_tsc += tsc;
    refine.sum_ns += ns;
    if (refine.sum_ns < refine.goal_ns)
        return;
    rate_change(rate_mult(refine.sum_tsc, refine.sum_ns));
    if (refine.goal_ns == REFINE_ONCE_NS) {
        refine.goal_ns = REFINE_LAST_NS;
        return;
    }
    refine.on = false;
    apic_timer_init_cpu(APIC_ONE_SHOT);
}

/* Makes sure that there are windows to measure by. */
static void refine_tick(struct timer *t)
{
    if (refine.on)
        timer_arm(t, arch_clock_ns() + refine.goal_ns + WINDOW_MIN_NS);
}

/* The first interrupt of the timer, be it that somebody used it or that the counter went round (after 4 seconds):
 * from now on there are windows. A program that ends sooner does without. */
static void refine_begin(void)
{
    refine.ticking = true;
    timer_init(&refine.timer, refine_tick);
    refine_tick(&refine.timer);
}

void arch_clock_settle(void)
{
    uint64_t tsc, ns;

    if (!refine.on)
        return;
    if (ref_elapsed(&tsc, &ns))
        rate_change(rate_mult(tsc, ns));
    refine.goal_ns = REFINE_ONCE_NS;
}

/* ---- start ---- */

void clock_init_cpu(void)
{
    if (vd->has_rdtscp)
        wrmsr(MSR_TSC_AUX, this_cpu()->id);
    timer_deadline[this_cpu()->id] = TIME_NEVER;
    apic_timer_init_cpu(deadline_mode ? APIC_DEADLINE : refining() ? APIC_PERIODIC : APIC_ONE_SHOT);
}

static void start_reference(void)
{
    refine.on = true;
    apic_timer_init_cpu(APIC_PERIODIC);
    ref_start(REF_COUNT_MAX);
}

/* Called as early as the APIC can be reached: the longer the counter has run, the better. Where the timer can wait
 * for a TSC value, somebody mostly tells the TSC's frequency too. */
void clock_start_reference(void)
{
    if (!apic_timer_has_deadline())
        start_reference();
}

void arch_clock_init(void)
{
    uint64_t apic_khz = 0, khz = clock_known_khz(&apic_khz), tsc, ns;

    deadline_mode = khz && apic_timer_has_deadline();
    vd->has_rdtscp = !!(cpu_features.x1_edx & CPU_X1D_RDTSCP);
    if ((!khz && apic_khz != 1000000) || (!apic_khz && !deadline_mode))
        if (!clock_measure(khz ? &tsc : &khz, &apic_khz))
            panic("no clock: neither CPUID nor a timer of known frequency tells the TSC's; give tsc_khz=");
    if (!khz && !refine.on) { /* a hypervisor that keeps it to itself */
        start_reference();
        for (unsigned i = 0; i < FIRST_TRIES && !(ref_elapsed(&tsc, &ns) && ns >= FIRST_WINDOW_NS); i++)
            arch_pause();
    }
    if (khz) {
        refine.on = false;
        rate_set(boot_info.entry_ticks, rate_mult(khz, 1000000), 0);
    } else if (ref_elapsed(&tsc, &ns)) {
        rate_set(boot_info.entry_ticks, rate_mult(tsc, ns), 0);
    } else {
        panic("no clock: the APIC timer does not count");
    }
    apic_mult = (apic_khz << 32) / 1000000;
    if (!refine.on)
        apic_timer_set_count(0);
    clock_init_cpu();
}

/* ---- the timer ---- */

static void program(uint64_t deadline_ns, uint64_t now)
{
    uint64_t delta = deadline_ns > now ? MIN(deadline_ns - now, TIMER_MAX_NS) : 1;

    if (deadline_mode) {
        const struct vdso_rate *r = (void *)((char *)vd + vd->rate);
        uint64_t ticks, rest;

        /* delta << 32 over mult; the quotient fits, since delta < 2^41 and mult > 2^18 below 16 THz */
        __asm__("divq %4" : "=a"(ticks), "=d"(rest) : "a"(delta << 32), "d"(delta >> 32), "r"(r->mult));
        wrmsr(MSR_TSC_DEADLINE, arch_ticks() + ticks + 1);
        return;
    }
    uint64_t count = MIN((uint64_t)(((unsigned __int128)delta * apic_mult) >> 32) + 1, REF_COUNT_MAX);

    if (refining())
        ref_start(MAX(count, PERIOD_MIN));
    else
        apic_timer_set_count(MAX(count, COUNT_MIN));
}

void arch_timer_set(uint64_t deadline_ns)
{
    unsigned cpu = this_cpu()->id;

    if (refining())
        refine_sample();
    timer_deadline[cpu] = deadline_ns;
    if (deadline_ns != TIME_NEVER) {
        program(deadline_ns, arch_clock_ns());
    } else if (deadline_mode) {
        wrmsr(MSR_TSC_DEADLINE, 0);
    } else {
        if (cpu == 0)
            refine.reload = 0;
        apic_timer_set_count(0);
    }
}

void clock_timer_interrupt(void)
{
    unsigned cpu = this_cpu()->id;
    uint64_t now = arch_clock_ns(), deadline = timer_deadline[cpu];

    if (deadline == TIME_NEVER) {
        arch_timer_set(TIME_NEVER); /* periodic mode: stop it */
        if (refining() && !refine.ticking)
            refine_begin();
        return;
    }
    if (now < deadline) { /* a long wait goes in steps */
        arch_timer_set(deadline);
        return;
    }
    if (refining())
        refine_sample();
    timer_deadline[cpu] = TIME_NEVER;
    timer_interrupt();
    if (refining() && !refine.ticking)
        refine_begin();
    if (refining() && timer_deadline[cpu] == TIME_NEVER)
        arch_timer_set(TIME_NEVER);
}
