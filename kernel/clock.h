/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.h: time and timers. Times are nanoseconds in uint64_t; deadlines are on the monotonic clock.
 */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "lib/rbtree.h"
#include "lib/types.h"

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MS  1000000ull
#define NSEC_PER_US  1000ull
#define TIME_NEVER   UINT64_MAX

uint64_t arch_clock_ns(void);              /* kernel/arch.h */
static inline uint64_t clock_mono_ns(void) /* since boot */
{
    return arch_clock_ns();
}
void clock_init(void);            /* after arch_clock_init(): asks for the wall-clock time */
uint64_t clock_real_ns(void);     /* since the epoch */
void clock_set_real(uint64_t ns); /* tells the vDSO too */
uint64_t clock_real_offset_ns(
    void); /* clock_real_ns() - clock_mono_ns(), the same until somebody sets the clock */

/* One-shot timer on the CPU that armed it. fn runs in interrupt context with interrupts off; it may rearm. */
struct timer {
    struct rb_node node;
    uint64_t deadline_ns;
    void (*fn)(struct timer *);
    uint16_t cpu;
    uint8_t armed;
};
void timer_init(struct timer *t, void (*fn)(struct timer *));
void timer_arm(struct timer *t, uint64_t deadline_ns); /* re-arming moves it */
/* true: it was armed. After return fn is not running, unless the caller is fn itself. */
bool timer_cancel(struct timer *t);
/* Called by the arch timer interrupt: runs what is due, programs the next. */
void timer_interrupt(void);
/* Makes the hardware fire at the deadline at the latest; this CPU, interrupts off. */
void timer_program(uint64_t deadline_ns);

#endif
