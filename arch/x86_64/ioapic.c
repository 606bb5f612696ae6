/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioapic.c: IO-APICs, where the MADT says or, without one, at the fixed place. They are looked at when the first
 * line is requested: a machine whose devices all send messages never touches them.
 */
#include "abi/errno.h"
#include "arch/io.h"
#include "arch/x86_64/apic.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/log.h"

#define MAX_IOAPICS 8
#define FIXED_BASE  0xfec00000ull

/* The two windows: an index register and a data register (82093AA §3.1). */
#define WINDOW_INDEX 0x00
#define WINDOW_DATA  0x10
#define REG_VERSION  0x01
#define REG_REDIR(n) (0x10 + 2 * (n))

#define REDIR_LEVEL (1u << 15)

static struct {
    volatile char *regs;
    unsigned first, end; /* [first, end) global interrupts; end 0: not asked yet */
} ioapics[MAX_IOAPICS];
static unsigned nr_ioapics;

static void ioapic_write(unsigned i, unsigned reg, uint32_t v)
{
    mmio_write32(ioapics[i].regs + WINDOW_INDEX, reg);
    mmio_write32(ioapics[i].regs + WINDOW_DATA, v);
}

static void ioapic_add(void *unused, paddr_t base, unsigned first_gsi)
{
    if (nr_ioapics == MAX_IOAPICS)
        return;
    ioapics[nr_ioapics].regs = arch_ioremap(base, 0x20);
    ioapics[nr_ioapics].first = first_gsi;
    if (ioapics[nr_ioapics].regs)
        nr_ioapics++;
}

static int ioapic_find(unsigned gsi)
{
    for (unsigned i = 0; i < nr_ioapics; i++) {
        if (gsi < ioapics[i].first)
            continue;
        if (!ioapics[i].end) {
            mmio_write32(ioapics[i].regs + WINDOW_INDEX, REG_VERSION);
            ioapics[i].end =
                ioapics[i].first + ((mmio_read32(ioapics[i].regs + WINDOW_DATA) >> 16) & 0xff) + 1;
        }
        if (gsi < ioapics[i].end)
            return i;
    }
    return -1;
}

int ioapic_route(unsigned gsi, bool level, uint32_t dest, unsigned vector)
{
    static bool asked;
    int i;

    if (!asked) {
        asked = true;
        if (!acpi_each_ioapic(ioapic_add, NULL))
            ioapic_add(NULL, FIXED_BASE, 0);
    }
    i = ioapic_find(gsi);
    if (i < 0) {
        log_err("interrupt %u: no IO-APIC has it", gsi);
        return -EINVAL;
    }
    unsigned reg = REG_REDIR(gsi - ioapics[i].first);

    /* The half with the mask comes last. */
    ioapic_write(i, reg + 1, dest << 24);
    ioapic_write(i, reg, vector | (level ? REDIR_LEVEL : 0));
    return 0;
}
