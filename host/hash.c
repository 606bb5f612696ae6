/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", with the 128-bit output of the reference. */
#include "host/hash.h"
#include <stdio.h>
#include <string.h>

static inline uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

static uint64_t squeeze(uint64_t v[4])
{
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void sip_state(const void *data, size_t len, uint64_t v[4])
{
    const uint64_t k0 = 0x70726f6120636163, k1 = 0x6865206b65792031; /* "proa cache key 1" */
    const unsigned char *p = data;
    uint64_t last = (uint64_t)len << 56, word;
    size_t n = len;

    v[0] = k0 ^ 0x736f6d6570736575;
    v[1] = k1 ^ 0x646f72616e646f6d ^ 0xee;
    v[2] = k0 ^ 0x6c7967656e657261;
    v[3] = k1 ^ 0x7465646279746573;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        absorb(v, word);
    }
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    absorb(v, last);
    v[2] ^= 0xee;
}

uint64_t hash64(const void *data, size_t len)
{
    uint64_t v[4];

    sip_state(data, len, v);
    return squeeze(v);
}

void hash_hex(const void *data, size_t len, char hex[HASH_HEX_LEN + 1])
{
    uint64_t v[4];

    sip_state(data, len, v);
    uint64_t a = squeeze(v);

    v[1] ^= 0xdd;
    uint64_t b = squeeze(v);

    snprintf(hex, HASH_HEX_LEN + 1, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}
