/* SPDX-License-Identifier: BSD-2-Clause */
/* size.h: sizes as docker reads them: a number and b, k, m, g or t (powers of 1024), as in 256m. */
#ifndef HOST_SIZE_H
#define HOST_SIZE_H

#include <stdbool.h>
#include <stdint.h>

bool size_parse(const char *s, uint64_t *bytes);
/* "1.5 MB" into buf of at least 16 bytes; returns it. */
const char *size_format(uint64_t bytes, char *buf);

#endif
