/* SPDX-License-Identifier: BSD-2-Clause */
/* dump.c: where the kernel is: registers and a backtrace with names, for a panic. */
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/paging.h"
#include "arch/traps.h"
#include "arch/x86_64/apic.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define MAX_FRAMES 32

struct user_regs *dump_from;

/* Made by tools/ksyms from the linked image: for each function in order the distance from the one before (two bytes,
 * the first from the start of the image), its name, a zero. */
extern const uint8_t ksyms_start[], ksyms_end[];

static const char *symbol(vaddr_t addr, unsigned long *offset)
{
    vaddr_t at = (vaddr_t)kernel_start;
    const char *name = NULL;

    for (const uint8_t *p = ksyms_start; p < ksyms_end; p += strlen((const char *)p) + 1) {
        vaddr_t next = at + (p[0] | p[1] << 8);

        if (next > addr)
            break;
        p += 2;
        at = next;
        name = (const char *)p;
    }
    *offset = addr - at;
    return name;
}

static void log_address(vaddr_t addr)
{
    unsigned long offset;
    const char *name = NULL;

    if (addr >= (vaddr_t)kernel_start && addr < (vaddr_t)text_end)
        name = symbol(addr, &offset);
    if (name)
        log_line(LOG_EMERG, "  %016lx %s+%#lx", addr, name, offset);
    else
        log_line(LOG_EMERG, "  %016lx", addr);
}

/* Where reading upwards from sp must end: nothing but stacks is read. */
static vaddr_t stack_end(struct thread *t, vaddr_t sp)
{
    if (t && t->kstack && sp - (vaddr_t)t->kstack < KSTACK_SIZE)
        return (vaddr_t)t->kstack + KSTACK_SIZE;
    if (sp - (vaddr_t)kernel_start < (vaddr_t)(kernel_end - kernel_start))
        return MIN(sp + KSTACK_SIZE, (vaddr_t)kernel_end);
    return 0;
}

#if DEBUG
/* From an interrupt's stack the chain leads on to the interrupted one. */
static void log_stack(struct thread *t, vaddr_t sp, vaddr_t fp)
{
    for (unsigned i = 0; i < MAX_FRAMES && fp && IS_ALIGNED(fp, 8) && fp + 16 <= stack_end(t, fp); i++) {
        const vaddr_t *frame = (const vaddr_t *)fp;

        if (!frame[1])
            break;
        log_address(frame[1]);
        fp = frame[0];
    }
}

/* What stack_switch() left: where to, and rbp. */
void arch_dump_thread(struct thread *t)
{
    const vaddr_t *saved = (const vaddr_t *)t->arch.sp;

    if ((vaddr_t)saved + 2 * 8 > stack_end(t, (vaddr_t)saved))
        return;
    log_address(saved[0]);
    log_stack(t, 0, saved[1]);
}
#else
/* Does a call end at addr? CALL rel32, or CALL through a register or memory (FF /2) of two to seven bytes. */
static bool after_call(vaddr_t addr)
{
    const uint8_t *p = (const uint8_t *)addr;

    if (addr < (vaddr_t)kernel_start + 8 || addr >= (vaddr_t)text_end)
        return false;
    if (p[-5] == 0xe8)
        return true;
    for (unsigned n = 2; n <= 7; n++)
        if (p[-n] == 0xff && (p[1 - n] >> 3 & 7) == 2)
            return true;
    return false;
}

/* Without frame pointers (they cost a twentieth of every path): all that may be return addresses, old ones too. */
static void log_stack(struct thread *t, vaddr_t sp, vaddr_t fp)
{
    vaddr_t end = stack_end(t, sp);
    unsigned n = 0;

    for (sp = ALIGN_UP(sp, 8); sp + 8 <= end && n < MAX_FRAMES; sp += 8)
        if (after_call(*(const vaddr_t *)sp)) {
            log_address(*(const vaddr_t *)sp);
            n++;
        }
}
#endif

static void log_registers(const struct user_regs *r)
{
    log_line(LOG_EMERG, "rip %016lx rsp %016lx rflags %08lx cr2 %016lx", r->rip, r->rsp, r->rflags,
             read_cr2());
    log_line(LOG_EMERG, "rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    log_line(LOG_EMERG, "rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    log_line(LOG_EMERG, "r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9, r->r10, r->r11, r->r12);
    log_line(LOG_EMERG, "r13 %016lx r14 %016lx r15 %016lx cs %02lx", r->r13, r->r14, r->r15, r->cs);
}

void arch_dump(void)
{
    struct user_regs *r = dump_from;
    struct thread *t = arch_current();

    log_line(LOG_EMERG, "cpu %u, thread %d (%s), kernel at %#lx above its link address", this_cpu()->id,
             t ? t->tid : 0, t ? t->name : "boot", kernel_offset);
    if (!r) {
        vaddr_t here = (vaddr_t)__builtin_frame_address(0);
        log_stack(t, here, here);
        return;
    }
    log_registers(r);
    log_address(r->rip);
    log_stack(t, r->rsp, r->rbp);
}

/* ---- stopping the other CPUs ---- */

static bool stopping, stop_dumps;
static uint64_t stopped; /* [a] */
static struct spinlock dumps = SPINLOCK_INIT(RANK_WATCHDOG);

void stop_here(struct user_regs *r)
{
    if (!atomic_load_acquire(&stopping))
        return;
    if (stop_dumps) {
        while (atomic_xchg(&dumps.v, 1))
            arch_pause();
        dump_from = r;
        arch_dump();
        atomic_store_release(&dumps.v, 0);
    }
    atomic_or(&stopped, cpu_bit(this_cpu()->id));
    for (;;)
        arch_pause();
}

#define STOP_TRIES 1000000 /* looks: about a second */

void arch_stop_cpus(bool dump)
{
    uint64_t others = atomic_load(&cpus_online) & ~cpu_bit(this_cpu()->id);

    stop_dumps = dump;
    atomic_store_release(&stopping, true);
    for (uint64_t left = others; left; left &= left - 1)
        apic_send_nmi(cpus[__builtin_ctzll(left)]->arch.apic_id);
    for (unsigned i = 0; i < STOP_TRIES && atomic_load(&stopped) != others; i++)
        arch_pause();
}
