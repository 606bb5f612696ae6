/* SPDX-License-Identifier: BSD-2-Clause */
/* The build host behind kernel/arch.h: contexts for threads, a clock that tests move. */
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "shim.h"
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define STACK_BYTES (256 * 1024)

struct cpu *shim_cpu = &boot_cpu;
bool shim_irqs_off;
uintptr_t shim_user_limit = UINTPTR_MAX;
uint64_t shim_now_ns = NSEC_PER_SEC, shim_timer_ns = TIME_NEVER, shim_timer_sets;
bool arch_is_emulated = true;

jmp_buf shim_panic_jmp;
bool shim_panic_expected;
char shim_panic_text[256];

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(shim_panic_text, sizeof(shim_panic_text), fmt, ap);
    va_end(ap);
    if (!shim_panic_expected) {
        printf("    panic: %s\n", shim_panic_text);
        fflush(stdout);
        abort();
    }
    shim_panic_expected = false;
    shim_irqs_off = false;
    for (unsigned i = 0; i < shim_cpu->locks_held; i++) {
        shim_cpu->held[i]->v = 0;
        shim_cpu->held[i]->cpu = 0;
    }
    shim_cpu->locks_held = 0;
    longjmp(shim_panic_jmp, 1);
}

void panic_all(const char *fmt, ...)
{
    panic("%s", fmt);
}

/* test.h's; a program without that header has no failures. */
__attribute__((weak)) long test_alloc_countdown = -1;

bool shim_alloc_fails(void)
{
    return test_alloc_countdown >= 0 && test_alloc_countdown-- == 0;
}

/* ---- time ---- */

uint64_t arch_clock_ns(void)
{
    return shim_now_ns;
}

uint64_t arch_boot_epoch_ns(void)
{
    return 1700000000ull * NSEC_PER_SEC;
}

void arch_timer_set(uint64_t deadline_ns)
{
    shim_timer_ns = deadline_ns;
    shim_timer_sets++;
}

uint64_t shim_ticks(void)
{
    return shim_now_ns;
}

static void fire(void)
{
    bool off = shim_irqs_off;

    shim_irqs_off = true;
    shim_timer_ns = TIME_NEVER;
    shim_cpu->in_irq++;
    timer_interrupt();
    shim_cpu->in_irq--;
    shim_irqs_off = off;
}

void shim_advance(uint64_t ns)
{
    uint64_t end = shim_now_ns + ns;

    while (shim_timer_ns <= end) {
        shim_now_ns = MAX(shim_now_ns, shim_timer_ns);
        fire();
    }
    shim_now_ns = end;
}

/* Everybody sleeps: only a timer can help. */
void shim_halt(void)
{
    if (shim_timer_ns == TIME_NEVER)
        panic("every thread sleeps and no timer is set");
    shim_now_ns = MAX(shim_now_ns, shim_timer_ns);
    fire();
}

/* ---- threads ---- */

static struct thread main_thread;

static void first_run(void)
{
    struct thread *t = current;

    sched_first_run();
    t->arch.fn(t->arch.arg);
    thread_exit();
}

void arch_thread_init(struct thread *t, void (*fn)(void *), void *arg)
{
    ucontext_t *ctx = calloc(1, sizeof(*ctx));

    t->arch.fn = fn;
    t->arch.arg = arg;
    t->arch.context = ctx;
    t->arch.stack = malloc(STACK_BYTES);
    getcontext(ctx);
    ctx->uc_stack.ss_sp = t->arch.stack;
    ctx->uc_stack.ss_size = STACK_BYTES;
    makecontext(ctx, first_run, 0);
}

void arch_thread_free(struct thread *t)
{
    free(t->arch.context);
    free(t->arch.stack);
}

void arch_switch(struct thread *prev, struct thread *next)
{
    shim_cpu->arch.running = next;
    swapcontext(prev->arch.context, next->arch.context);
}

void *kernel_map_pages(struct page **pages, unsigned nr, unsigned guard_pages)
{
    return malloc(64); /* nobody looks into a stack but its thread, which has another, until it is free */
}

void kernel_unmap_pages(void *va, unsigned nr)
{
    free(va);
}

void kernel_clear_pages(void *va, unsigned nr)
{
}

void kernel_set_page(void *va, struct page *p)
{
}

void arch_flush_kernel_tlb(void)
{
}

vaddr_t arch_kernel_sp(const struct thread *t)
{
    return (vaddr_t)t->kstack + KSTACK_SIZE - PAGE_SIZE; /* a sleeping thread uses its top page only */
}

static void idle_main(void *unused)
{
    sched_idle();
}

/* main() becomes a thread like others; the idle thread gets a context of its own. */
__attribute__((constructor(101))) static void start(void)
{
    static ucontext_t main_context;
    static struct thread *idle;

    sched_init();
    idle = current;
    arch_thread_init(idle, idle_main, NULL);
    main_thread.arch.context = &main_context;
    main_thread.refs.n = 1;
    main_thread.weight = 1024;
    main_thread.affinity = ~0ull;
    main_thread.exec_start_ns = shim_now_ns;
    strcpy(main_thread.name, "main");
    shim_cpu->curr = &main_thread;
    arch_set_current(&main_thread);
}

/* ---- the rest ---- */

void arch_kick_cpu(unsigned cpu)
{
}

bool arch_random_seed(uint64_t *out)
{
    static uint64_t n;

    *out = ++n;
    return true;
}

void arch_vdso_update(void)
{
}

void arch_dump(void)
{
}

void arch_poweroff(int status)
{
    exit(status);
}

int arch_direct_map_extend(paddr_t start, paddr_t end)
{
    return 0;
}

void arch_zero_page(void *va)
{
    memset(va, 0, PAGE_SIZE);
}

void arch_copy_page(void *dst, const void *src)
{
    memcpy(dst, src, PAGE_SIZE);
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (copy_from_user(dst + i, src + i, 1))
            return -EFAULT;
        if (!dst[i])
            return i;
    }
    return -ENAMETOOLONG;
}

void arch_dump_thread(struct thread *t)
{
}

/* ---- one CPU ---- */

unsigned arch_cpus_find(void)
{
    return 1;
}
int arch_cpu_prepare(struct cpu *c, struct thread *idle)
{
    return -ENOMEM;
}
void arch_cpus_start(void)
{
}
void arch_cpus_start_again(void)
{
}
void arch_cpus_settle(void)
{
}
void arch_mm_share(struct mm *mm)
{
}

uint64_t arch_mm_cpus(struct mm *mm)
{
    return 1;
}
