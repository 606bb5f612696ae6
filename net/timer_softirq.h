/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_softirq.h: for net.c alone. */
#ifndef NET_TIMER_SOFTIRQ_H
#define NET_TIMER_SOFTIRQ_H

void net_timer_softirq_init(void); /* once, before the first timer */

#endif
