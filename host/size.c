/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/size.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool size_parse(const char *s, uint64_t *bytes)
{
    static const char units[] = "bkmgt";
    char *end;

    if (!isdigit((unsigned char)*s))
        return false;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
    unsigned shift = unit ? 10 * (unit - units) : 0;

    if (errno || !unit || (n << shift) >> shift != n)
        return false;
    if (*end && end[1] && strcasecmp(end + 1, "b") && strcasecmp(end + 1, "ib"))
        return false;
    *bytes = n << shift;
    return true;
}

const char *size_format(uint64_t bytes, char *buf)
{
    if (bytes < 1024)
        snprintf(buf, 16, "%u B", (unsigned)bytes);
    else if (bytes < 1024 * 1024)
        snprintf(buf, 16, "%.1f KB", bytes / 1024.0);
    else
        snprintf(buf, 16, "%.1f MB", bytes / 1048576.0);
    return buf;
}
