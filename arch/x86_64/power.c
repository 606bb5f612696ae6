/* SPDX-License-Identifier: BSD-2-Clause */
/* power.c: ending the VM. */
#include "abi/control.h"
#include "arch/cpu.h"
#include "arch/io.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"

#define KBC_COMMAND   0x64
#define KBC_RESET     0xfe
#define PM1_SLP_EN    (1u << 13) /* ACPI 6.5 table 4.14 */
#define PM1_SLP_SHIFT 10
#define SLEEP_EN      (1u << 5) /* ACPI 6.5 §4.8.3.7, hardware-reduced */
#define SLEEP_SHIFT   2

static void write_byte(uint64_t where, bool is_port, uint8_t v)
{
    if (is_port) {
        outb(where, v);
        return;
    }
    void *p = arch_ioremap(where, 1);
    if (p)
        mmio_write8(p, v);
}

static void acpi_off(void)
{
    struct acpi_power p;

    acpi_power(&p);
    if (p.s5_known && p.pm1a_port) {
        outw(p.pm1a_port, p.slp_typa << PM1_SLP_SHIFT | PM1_SLP_EN);
        if (p.pm1b_port)
            outw(p.pm1b_port, p.slp_typb << PM1_SLP_SHIFT | PM1_SLP_EN);
    }
    if (p.s5_known && p.sleep_reg)
        write_byte(p.sleep_reg, p.sleep_is_port, p.slp_typa << SLEEP_SHIFT | SLEEP_EN);
    if (p.reset_known)
        write_byte(p.reset_reg, p.reset_is_port, p.reset_value);
}

static void triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed none = { 0, 0 };

    __asm__ volatile("lidt %0; int3" ::"m"(none));
}

/*
 * isa-debug-exit first: it is the quickest and carries the status, and where it is absent the write goes nowhere.
 * Then ACPI. A reset by the keyboard controller or a triple fault ends VMMs that were told not to reboot.
 */
void arch_poweroff(int status)
{
    arch_irq_disable();
    outb(DEBUG_EXIT_PORT, status);
    acpi_off();
    outb(KBC_COMMAND, KBC_RESET);
    triple_fault();
    for (;;)
        __asm__ volatile("hlt");
}
