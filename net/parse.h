/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.h: addresses in words. The whole string must be one. */
#ifndef NET_PARSE_H
#define NET_PARSE_H

#include "net/ip.h"

bool parse_v4(const char *s, uint32_t *network_order);
bool parse_v6(const char *s, struct inaddr *a);

#endif
