/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c: the boot, as a list of calls. */
#include "drivers/drivers.h"
#include "fs/vfs.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/driver.h"
#include "kernel/log.h"
#include "kernel/mm.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "kernel/watchdog.h"
#include "lib/string.h"
#include "linux/init.h"

/* Linux's console= and loglevel=: messages below that level reach the serial line. */
static void console_init(void)
{
    char name[16];

    log_set_level(boot_arg_u64("loglevel", LOG_WARN + 1) - 1);
    if (boot_arg("console", 0, name, sizeof(name)) && !strcmp(name, "ttyS0"))
        uart8250_console_init();
}

void kernel_main(void)
{
    arch_early_init();
    console_init();
    boot_step("cpu");
    page_init();
    arch_direct_map_extend(boot_info.initrd_start, boot_info.initrd_end);
    sched_init();
    boot_step("memory");
    random_init();
    arch_irq_init();
    arch_clock_init();
    clock_init();
    arch_irq_enable();
    boot_step("clock");
    smp_init();
    watchdog_init();
    mm_init();
    drivers_init();
    boot_step("devices");
    vfs_init();
#if DEBUG
    arch_crash();
#endif
    arch_clock_settle();
    linux_start(); /* goes on in the first process's thread */
    sched_idle();
}
