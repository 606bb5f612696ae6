/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_softirq.h: for who starts before the first timer: net.c and vsock. */
#ifndef NET_TIMER_SOFTIRQ_H
#define NET_TIMER_SOFTIRQ_H

void net_timer_softirq_init(void); /* before the first timer; may be called again */

#endif
