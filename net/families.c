/* SPDX-License-Identifier: BSD-2-Clause */
/* families.c: the protocol families, one line each. */
#include "net/families.h"

static const struct socket_family *const families[] = {
    &inet_family, &inet6_family, &netlink_family, &packet_family, &unix_family, &vsock_family,
};

const struct socket_family *socket_family_find(int family)
{
    for (unsigned n = 0; n < ARRAY_SIZE(families); n++)
        if (families[n]->family == family)
            return families[n];
    return NULL;
}
