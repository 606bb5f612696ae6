/* SPDX-License-Identifier: BSD-2-Clause */
/* crash.c: in DEBUG builds crash=NAME breaks the kernel on purpose, for the tests of what it then says. */
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "lib/string.h"

#if DEBUG
static volatile uint64_t forever = ~0ul, nowhere = 8;

/* Uses up the stack long before it ends. */
static __noinline uint64_t recurse(uint64_t depth)
{
    volatile uint64_t here[32] = { depth };

    return depth < forever ? recurse(depth + 1) + here[0] : 0;
}

static void waits(void *unused)
{
}

void arch_crash(void)
{
    char how[16];

    if (!boot_arg("crash", 0, how, sizeof(how)))
        return;
    if (!strcmp(how, "panic"))
        panic("asked for");
    if (!strcmp(how, "null"))
        *(volatile int *)nowhere = 1;
    if (!strcmp(how, "text")) /* write to the kernel's code */
        *(volatile char *)(uintptr_t)arch_crash = 0;
    if (!strcmp(how, "data")) { /* run data */
        static char code[] = { '\xc3' };
        ((void (*)(void))(uintptr_t)code)();
    }
    if (!strcmp(how, "spin")) { /* the watchdog must find it: a thread that lets nobody else run */
        struct thread *t = kthread_new("waits", waits, NULL);

        if (t) /* no idle CPU helps */
            sched_set_affinity(t, 1ull << this_cpu()->id);
        for (;;)
            arch_pause();
    }
    if (!strcmp(how, "ud"))
        __builtin_trap();
    if (!strcmp(how, "gp"))
        __asm__ volatile("movq (%0), %%rax" ::"r"(1ull << 63) : "rax");
    if (!strcmp(how, "stack"))
        log_info("%lu", recurse(0));
    if (!strcmp(how, "double"))
        __asm__ volatile("movq %0, %%rsp; pushq $0" ::"r"(1ull << 46));
    panic("crash=%s is not known", how);
}
#endif
