/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock_timer.h: timers on the monotonic or the wall clock; the latter follow it when it is set.
 *
 * fn runs in interrupt context and may arm again. Anybody else cancels before arming anew.
 */
#ifndef LINUX_CLOCK_TIMER_H
#define LINUX_CLOCK_TIMER_H

#include "kernel/clock.h"
#include "kernel/lock.h"

struct clock_timer {
    struct timer timer;
    void (*fn)(struct clock_timer *);
    bool real;        /* expires is on the wall clock */
    uint64_t expires; /* ns */
    struct list link; /* armed on the wall clock [clock lock] */
};

/* Told when the wall clock is set, in any context; must not sleep. */
struct clock_watch {
    struct list link;
    void (*fn)(struct clock_watch *);
};

void clock_timer_init(struct clock_timer *t, void (*fn)(struct clock_timer *));
void clock_timer_arm(struct clock_timer *t, bool real, uint64_t expires);
/* After return fn does not run. No lock that fn takes may be held. */
void clock_timer_cancel(struct clock_timer *t);
static inline uint64_t clock_timer_now(bool real)
{
    return real ? clock_real_ns() : clock_mono_ns();
}
void clock_watch_add(struct clock_watch *w);
void clock_watch_remove(struct clock_watch *w); /* harmless when it was not added but initialised */
/* After clock_set_real(). */
void clock_was_set(void);

/* Moves *next past now by whole intervals; how many. */
static inline uint64_t clock_forward(uint64_t *next, uint64_t interval, uint64_t now)
{
    uint64_t n;

    if (now < *next || !interval)
        return 0;
    n = (now - *next) / interval + 1;
    *next += n * interval;
    return n;
}

#endif
