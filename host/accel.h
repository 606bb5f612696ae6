/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accel.h: KVM or TCG.
 *
 * /dev/kvm may exist and yet not run an ordinary guest, or only in an emulator slower than QEMU's own. So a guest
 * is booted under KVM once per machine (and its boot), with a time limit; what came out is kept in the cache.
 */
#ifndef HOST_ACCEL_H
#define HOST_ACCEL_H

#include <stdbool.h>

/*
 * "kvm" or "tcg". `option` (--accel) and PROA_ACCEL decide without a probe; NULL or "auto" leaves it to the probe. They
 * may add QEMU's properties of the accelerator: "tcg,thread=single".
 * may_probe false: TCG when nothing is known yet. NULL after a message.
 */
const char *accel_choose(const char *option, const char *qemu, bool may_probe);
/* Is it the accelerator of that name, with properties or without? */
bool accel_is(const char *accel, const char *name);

#endif
