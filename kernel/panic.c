/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/watchdog.h"
#include "lib/string.h"

static void __noreturn vpanic(bool all, const char *fmt, va_list ap)
{
    static struct cpu *panicking;
    char text[200];

    arch_irq_disable();
    if (!atomic_cmpxchg(&panicking, NULL, this_cpu())) {
        if (panicking == this_cpu()) /* a panic's own */
            arch_poweroff(DEBUG_EXIT_PANIC);
        for (;;) /* another CPU says why, and switches off */
            arch_pause();
    }
    log_panic_begin();
    vsnprintf(text, sizeof(text), fmt, ap);
    if (!all)
        arch_stop_cpus(false);
    log_line(LOG_EMERG, "kernel panic: %s", text);
    arch_dump();
    if (all) {
        arch_stop_cpus(true);
        watchdog_dump();
    }
    arch_poweroff(DEBUG_EXIT_PANIC);
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vpanic(false, fmt, ap);
    va_end(ap);
}

void panic_all(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vpanic(true, fmt, ap);
    va_end(ap);
}
