/* SPDX-License-Identifier: BSD-2-Clause */
/* igmp.h: IGMP's line in protocols.c. */
#ifndef NET_IGMP_H
#define NET_IGMP_H

#include "net/ip.h"

extern const struct ip_protocol igmp_protocol;

#endif
