/* SPDX-License-Identifier: BSD-2-Clause */
/* io.h: port and memory-mapped input/output. Device memory comes from arch_ioremap(). */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#include "lib/types.h"

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}
static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port) : "memory");
}
static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port) : "memory");
}
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}
static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}
static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

/* One access of exactly this width, not merged or moved by the compiler across another. */
#define MMIO_READ(name, type, insn)                                                             \
    static inline type name(const volatile void *p)                                             \
    {                                                                                           \
        type v;                                                                                 \
        __asm__ volatile(insn " %1, %0" : "=r"(v) : "m"(*(const volatile type *)p) : "memory"); \
        return v;                                                                               \
    }
#define MMIO_WRITE(name, type, insn)                                                    \
    static inline void name(volatile void *p, type v)                                   \
    {                                                                                   \
        __asm__ volatile(insn " %0, %1" ::"r"(v), "m"(*(volatile type *)p) : "memory"); \
    }
MMIO_READ(mmio_read8, uint8_t, "movb")
MMIO_READ(mmio_read16, uint16_t, "movw")
MMIO_READ(mmio_read32, uint32_t, "movl")
MMIO_READ(mmio_read64, uint64_t, "movq")
MMIO_WRITE(mmio_write8, uint8_t, "movb")
MMIO_WRITE(mmio_write16, uint16_t, "movw")
MMIO_WRITE(mmio_write32, uint32_t, "movl")
MMIO_WRITE(mmio_write64, uint64_t, "movq")
#undef MMIO_READ
#undef MMIO_WRITE

/* Orders ordinary memory accesses as a device sees them (DMA): x86 keeps stores and loads each in order. */
#define dma_wmb() barrier()
#define dma_rmb() barrier()
#define dma_mb()  __asm__ volatile("mfence" ::: "memory")

#endif
