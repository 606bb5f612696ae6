/* SPDX-License-Identifier: BSD-2-Clause */
/* random.c: the CPU's entropy source. */
#include "arch/cpu.h"
#include "kernel/arch.h"

#define TRIES 10 /* SDM vol. 1 §7.3.17: a healthy source does not fail ten times in a row */

bool arch_random_seed(uint64_t *out)
{
    bool ok = false;

    for (unsigned i = 0; i < TRIES && !ok; i++) {
        if (cpu_features.l7_ebx & CPU_L7B_RDSEED)
            __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        if (!ok && (cpu_features.l1_ecx & CPU_L1C_RDRAND))
            __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        else if (!ok)
            arch_pause();
    }
    return ok;
}
