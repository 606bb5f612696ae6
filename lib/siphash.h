/* SPDX-License-Identifier: BSD-2-Clause */
/* siphash.h: SipHash-2-4 (Aumasson, Bernstein): a keyed hash whose key cannot be found from what it gives. */
#ifndef LIB_SIPHASH_H
#define LIB_SIPHASH_H

#include "lib/types.h"

struct siphash_key {
    uint64_t k[2];
};

/* Of n 64-bit words: as of the bytes that they are on a little-endian machine. */
uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, unsigned n);

#endif
