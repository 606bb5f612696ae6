/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h: the names of cached things. 128 bits of SipHash-2-4 under a fixed key: no secret, but no accident either. */
#ifndef HOST_HASH_H
#define HOST_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_HEX_LEN 32

uint64_t hash64(const void *data, size_t len);
/* Writes HASH_HEX_LEN digits and a NUL. */
void hash_hex(const void *data, size_t len, char hex[HASH_HEX_LEN + 1]);

#endif
