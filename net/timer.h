/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.h: timers whose functions run as softirqs (SOFTIRQ_NET_TIMER), on the CPU that armed them.
 *
 * Arming and cancelling: threads and softirqs, under any lock before RANK_TIMER. A function that has been taken to run is
 * not stopped by net_timer_cancel(): it looks, under its object's lock, whether it is still wanted.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "kernel/clock.h"

struct net_timer {
    struct timer timer;
    void (*fn)(struct net_timer *t); /* may arm it again */
    struct net_timer *next;
    bool expired; /* on the list of those to run */
};

void net_timer_init(struct net_timer *t, void (*fn)(struct net_timer *t));
void net_timer_arm(struct net_timer *t, uint64_t deadline_ns);
/* True: it was armed, and its function will not run. */
bool net_timer_cancel(struct net_timer *t);
/* The same, and also waits out a function that runs on another CPU; not from the function itself, nor under a lock that it
 * takes. Before freeing what the timer is in. */
void net_timer_stop(struct net_timer *t);

#endif
