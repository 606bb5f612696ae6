/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ChaCha20 (RFC 8439 §2.3) with fast key erasure: each block's first half becomes the next key, so that a later
 * leak of the state does not give away what was handed out before. One stream per CPU, keyed from the pool.
 */
#include "kernel/random.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/lock.h"
#include "lib/string.h"

#define KEY_BYTES   32
#define BLOCK_BYTES 64

static struct spinlock pool_lock = SPINLOCK_INIT(RANK_RANDOM);
static uint32_t pool[8];         /* [pool_lock] */
static uint64_t pool_generation; /* grows with each reseeding [pool_lock to change] */
static unsigned pool_bits;       /* entropy credited, up to 256 [pool_lock] */

static inline uint32_t rotl(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

#define QUARTER(a, b, c, d)                                                                        \
    (a += b, d = rotl(d ^ a, 16), c += d, b = rotl(b ^ c, 12), a += b, d = rotl(d ^ a, 8), c += d, \
     b = rotl(b ^ c, 7))

/* The state in variables of their own: most of it stays in registers. */
static void chacha_block(const uint32_t key[8], uint64_t counter, uint64_t nonce, uint32_t out[16])
{
    uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

    memcpy(in + 4, key, KEY_BYTES);
    memcpy(in + 12, &counter, 8);
    memcpy(in + 14, &nonce, 8);
    uint32_t x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3], x4 = in[4], x5 = in[5], x6 = in[6], x7 = in[7];
    uint32_t x8 = in[8], x9 = in[9], x10 = in[10], x11 = in[11], x12 = in[12], x13 = in[13], x14 = in[14],
             x15 = in[15];

    for (int i = 0; i < 10; i++) {
        QUARTER(x0, x4, x8, x12);
        QUARTER(x1, x5, x9, x13);
        QUARTER(x2, x6, x10, x14);
        QUARTER(x3, x7, x11, x15);
        QUARTER(x0, x5, x10, x15);
        QUARTER(x1, x6, x11, x12);
        QUARTER(x2, x7, x8, x13);
        QUARTER(x3, x4, x9, x14);
    }
    uint32_t x[16] = { x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 };

    for (int i = 0; i < 16; i++)
        out[i] = x[i] + in[i];
}

/* Folds bytes into the pool: each 32 are added to the key, and a block through the cipher mixes them. */
static void mix(const uint8_t *p, size_t len)
{
    uint32_t block[16], words[8];

    while (len) {
        size_t n = MIN(len, sizeof(words));

        memset(words, 0, sizeof(words));
        memcpy(words, p, n);
        for (int i = 0; i < 8; i++)
            pool[i] ^= words[i];
        chacha_block(pool, len, arch_ticks(), block);
        memcpy(pool, block, KEY_BYTES);
        p += n;
        len -= n;
    }
}

void random_add(const void *buf, size_t len, unsigned bits)
{
    unsigned long flags = spin_lock_irqsave(&pool_lock);

    mix(buf, len);
    pool_bits = MIN(pool_bits + bits, 256u);
    pool_generation++;
    spin_unlock_irqrestore(&pool_lock, flags);
}

/* The seeds are the first pool: each key taken out of it goes through the cipher. */
void random_init(void)
{
    uint64_t seed[4];
    unsigned bits = 0;

    static_assert(sizeof(seed) == sizeof(pool), "the pool is filled");

    for (unsigned i = 0; i < ARRAY_SIZE(seed); i++) {
        if (arch_random_seed(&seed[i]))
            bits += 64;
        else
            seed[i] = arch_ticks() * 0x9e3779b97f4a7c15ull;
    }
    memcpy(pool, seed, sizeof(pool));
    pool_bits = bits;
    pool_generation++;
}

bool random_ready(void)
{
    return READ_ONCE(pool_bits) >= 256;
}

/* A key of its own for this CPU; the pool moves on so that no two are equal. */
static void rekey(struct random_cpu *r)
{
    uint32_t block[16];

    spin_lock(&pool_lock);
    chacha_block(pool, this_cpu()->id, arch_ticks(), block);
    memcpy(pool, block, KEY_BYTES);
    memcpy(r->key, block + 8, KEY_BYTES);
    r->generation = pool_generation;
    spin_unlock(&pool_lock);
    r->nr_ready = 0;
}

/* 32 bytes of output, and the key replaced. */
static void next_block(struct random_cpu *r, uint8_t out[KEY_BYTES])
{
    uint32_t block[16];

    chacha_block(r->key, 0, 0, block);
    memcpy(r->key, block, KEY_BYTES);
    memcpy(out, block + 8, KEY_BYTES);
}

/* A large request has a key of its own, thrown away after. */
static void bulk(struct random_cpu *r, uint8_t *p, size_t len)
{
    uint32_t key[8], block[16];

    next_block(r, (uint8_t *)key);
    for (uint64_t counter = 0; len; counter++) {
        size_t n = MIN(len, (size_t)BLOCK_BYTES);

        chacha_block(key, counter, 1, block);
        memcpy(p, block, n);
        p += n;
        len -= n;
    }
    memset(key, 0, sizeof(key));
    __asm__ volatile("" : : "r"(key) : "memory"); /* the compiler must not drop the erasure */
}

void random_bytes(void *buf, size_t len)
{
    unsigned long flags = arch_irq_save();
    struct random_cpu *r = &this_cpu()->random;
    uint8_t *p = buf;

    if (unlikely(r->generation != READ_ONCE(pool_generation)))
        rekey(r);
    if (len > KEY_BYTES) {
        bulk(r, p, len);
        len = 0;
    }
    while (len) {
        if (!r->nr_ready) {
            next_block(r, r->ready);
            r->nr_ready = KEY_BYTES;
        }
        size_t n = MIN(len, (size_t)r->nr_ready);
        uint8_t *from = r->ready + KEY_BYTES - r->nr_ready;

        memcpy(p, from, n);
        memset(from, 0, n);
        r->nr_ready -= n;
        p += n;
        len -= n;
    }
    arch_irq_restore(flags);
}

uint64_t random_u64(void)
{
    uint64_t v;

    random_bytes(&v, sizeof(v));
    return v;
}
