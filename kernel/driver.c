/* SPDX-License-Identifier: BSD-2-Clause */
/* driver.c: who drives what. */
#include "kernel/driver.h"

const struct driver *driver_find(enum bus_type bus, uint32_t id)
{
    for (const struct driver *const *d = drivers; *d; d++)
        if ((*d)->bus == bus && (*d)->id == id)
            return *d;
    return NULL;
}
