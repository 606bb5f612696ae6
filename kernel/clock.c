/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/clock.h"
#include "kernel/arch.h"
#include "lib/atomic.h"

static uint64_t real_offset_ns; /* [a] */

void clock_init(void)
{
    atomic_store(&real_offset_ns, arch_boot_epoch_ns());
    arch_vdso_update();
}

uint64_t clock_real_ns(void)
{
    return clock_mono_ns() + atomic_load(&real_offset_ns);
}

uint64_t clock_real_offset_ns(void)
{
    return atomic_load(&real_offset_ns);
}

void clock_set_real(uint64_t ns)
{
    atomic_store(&real_offset_ns, ns - clock_mono_ns());
    arch_vdso_update();
}
