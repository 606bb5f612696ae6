/* SPDX-License-Identifier: BSD-2-Clause */
/* protocols.c: the protocols above IP, one line each. */
#include "net/icmp.h"
#include "net/igmp.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

const struct ip_protocol *const ip_protocols[] = {
    &icmp_protocol, &icmp6_protocol, &igmp_protocol, &tcp_protocol, &udp_protocol, NULL,
};
