/* SPDX-License-Identifier: BSD-2-Clause */
/* The generator: its cipher against the standard's example, streams that never repeat. */
#include "test.h"

#include "kernel/random.c"
#include "shim.h"

TEST(chacha_is_chacha) /* RFC 8439 §2.3.2 */
{
    static const uint32_t expected[16] = { 0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                           0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                           0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                           0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2 };
    uint32_t key[8], out[16];

    for (unsigned i = 0; i < sizeof(key); i++)
        ((uint8_t *)key)[i] = i;
    chacha_block(key, 1 | 0x09000000ull << 32, 0x4a000000, out);
    CHECK(!memcmp(out, expected, sizeof(out)));
}

TEST(output_never_repeats)
{
    uint64_t seen[64], big[512];

    random_init();
    for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
        seen[i] = random_u64();
        for (unsigned j = 0; j < i; j++)
            CHECK(seen[i] != seen[j]);
    }
    random_bytes(big, sizeof(big));
    for (unsigned i = 1; i < ARRAY_SIZE(big); i++)
        CHECK(big[i] != big[i - 1]);
}
