/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random.h: the random number generator: ChaCha20 with fast key erasure, seeded from RDRAND/RDSEED, virtio-rng,
 * boot-time jitter; per-CPU streams. Any context.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "lib/types.h"

struct random_cpu { /* one CPU's stream [interrupts off] */
    uint32_t key[8];
    uint8_t ready[32]; /* output not yet handed out: the last nr_ready bytes */
    unsigned nr_ready;
    uint64_t generation; /* of the pool when the key was derived */
};

void random_init(void);
void random_bytes(void *buf, size_t len);
uint64_t random_u64(void);
void random_add(const void *buf, size_t len, unsigned entropy_bits);
bool random_ready(void);

#endif
