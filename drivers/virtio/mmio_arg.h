/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmio_arg.h: virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID] of the command line, as QEMU (512@0xfeb00e00:12) and
 * Firecracker (4K@0xd0001000:6) spell it. Pure.
 */
#ifndef DRIVERS_VIRTIO_MMIO_ARG_H
#define DRIVERS_VIRTIO_MMIO_ARG_H

#include "lib/string.h"
#include "lib/types.h"

struct mmio_arg {
    uint64_t size, base;
    uint32_t irq;
};

#define MMIO_ARG_MIN_SIZE 0x100 /* up to the configuration space */
#define MMIO_ARG_MAX_IRQ  4096

static inline bool mmio_arg_parse(const char *s, struct mmio_arg *a)
{
    uint64_t irq, id;

    if (!str_size(&s, &a->size) || *s++ != '@')
        return false;
    if (!str_u64(&s, 0, &a->base) || *s++ != ':')
        return false;
    if (!str_u64(&s, 0, &irq) || irq > MMIO_ARG_MAX_IRQ)
        return false;
    if (*s == ':') {
        s++;
        if (!str_u64(&s, 0, &id))
            return false;
    }
    a->irq = irq;
    return !*s && a->size >= MMIO_ARG_MIN_SIZE && a->size <= 1024 * 1024 && a->base && !(a->base & 3) &&
           a->base < 1ull << 52;
}

#endif
