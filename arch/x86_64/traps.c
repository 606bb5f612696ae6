/* SPDX-License-Identifier: BSD-2-Clause */
/* traps.c: CPU exceptions: from user mode they become signals, in the kernel they are resolved or a panic. */
#include "arch/traps.h"
#include "arch/cpu.h"
#include "arch/offsets.h"
#include "arch/paging.h"
#include "arch/uaccess.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include <asm/siginfo.h>
#include <asm/signal.h>

/* The error code of a page fault (SDM vol. 3A §4.7) is what vm_fault() takes as access. */
static_assert(FAULT_PRESENT == 1 && FAULT_WRITE == 2 && FAULT_USER == 4 && FAULT_EXEC == 16,
              "entry.S passes it on");

static struct idt_gate {
    uint64_t low, high;
} idt[256] __attribute__((section(".bss.page_aligned"), aligned(4096)));

#define GATE_INTERRUPT (0x8eull << 40) /* present, ring 0 only, interrupts off */
#define GATE_USER      (0x60ull << 40) /* INT n allowed from ring 3 */

extern void page_fault(void);

static struct idt_gate gate(const void *entry, uint64_t type)
{
    uint64_t e = (uint64_t)entry;

    return (struct idt_gate){ (e & 0xffff) | SEL_KERNEL_CODE << 16 | type | (e >> 16 & 0xffff) << 48,
                              e >> 32 };
}

void idt_load(void)
{
    uint64_t base = (uint64_t)idt;
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed idtr;

    /* Filled in here: as a constant it would hold an address on an odd place, which self-relocation cannot mend. */
    __asm__("" : "+r"(base));
    idtr.limit = sizeof(idt) - 1;
    idtr.base = base;
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

void idt_init(void)
{
    struct idt_gate g = gate(exception_stubs, GATE_INTERRUPT);

    for (unsigned i = 0; i < NR_EXCEPTIONS; i++, g.low += 16)
        idt[i] = g;
    idt[TRAP_PF] = gate(page_fault, GATE_INTERRUPT);
    idt[TRAP_BP].low |= GATE_USER;
    idt[TRAP_OF].low |= GATE_USER;
    idt[TRAP_NMI].low |= (uint64_t)FATAL_IST << 32;
    idt[TRAP_DF].low |= (uint64_t)FATAL_IST << 32;
    idt[TRAP_MC].low |= (uint64_t)FATAL_IST << 32;
    g = gate(irq_stubs, GATE_INTERRUPT);
    for (unsigned i = FIRST_DEVICE_VECTOR; i < 256; i++, g.low += 8)
        idt[i] = g;
    idt_load();
}

static const char *const trap_names[NR_EXCEPTIONS] = {
    [TRAP_DE] = "divide error",
    [TRAP_DB] = "debug",
    [TRAP_NMI] = "non-maskable interrupt",
    [TRAP_BP] = "breakpoint",
    [TRAP_OF] = "overflow",
    [TRAP_BR] = "bound range exceeded",
    [TRAP_UD] = "invalid opcode",
    [TRAP_NM] = "device not available",
    [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid TSS",
    [TRAP_NP] = "segment not present",
    [TRAP_SS] = "stack segment fault",
    [TRAP_GP] = "general protection fault",
    [TRAP_PF] = "page fault",
    [TRAP_MF] = "x87 floating-point error",
    [TRAP_AC] = "alignment check",
    [TRAP_MC] = "machine check",
    [TRAP_XM] = "SIMD floating-point error",
    [TRAP_CP] = "control protection fault",
};

static const char *trap_name(unsigned vector)
{
    return vector < NR_EXCEPTIONS && trap_names[vector] ? trap_names[vector] : "unknown exception";
}

static void kernel_trap_panic(unsigned vector, struct user_regs *r)
{
    vaddr_t cr2 = read_cr2();

    dump_from = r;
    if (vector == TRAP_PF)
        panic("%s at %#lx (%s%s) in the kernel", trap_name(vector), cr2,
              r->orig_rax & FAULT_EXEC    ? "execute"
              : r->orig_rax & FAULT_WRITE ? "write"
                                          : "read",
              r->orig_rax & FAULT_PRESENT ? ", protection" : "");
    panic("%s, error code %#lx, in the kernel", trap_name(vector), r->orig_rax);
}

static bool on_guard_page(vaddr_t sp, vaddr_t addr)
{
    return (intptr_t)sp < 0 && addr - (sp - 2 * PAGE_SIZE) < 3 * PAGE_SIZE;
}

void trap_fatal(unsigned vector, struct user_regs *r)
{
    if (vector == TRAP_NMI)
        stop_here(r);
    dump_from = r;
    /* What cannot be pushed: the page-fault frame of an overflow itself. */
    if (vector == TRAP_DF && on_guard_page(r->rsp, read_cr2()))
        panic("kernel stack overflow (double fault; stack pointer %#lx)", r->rsp);
    panic("%s", trap_name(vector));
}

/* The handlers of the bodies that touch user memory, by instruction. Few, and faults that reach here are rare. */
static bool fixup(struct user_regs *r)
{
    for (const struct extable *e = ex_table_start; e < ex_table_end; e++) {
        if ((vaddr_t)&e->insn + e->insn != r->rip)
            continue;
        if (e->sets_rax)
            r->rax = -EFAULT;
        r->rip = (vaddr_t)&e->fixup + e->fixup;
        return true;
    }
    return false;
}

/* A fault of the kernel on a user address, from a uaccess function: as the program's own, unless it cannot be. */
static bool user_access_fault(struct user_regs *r, vaddr_t addr)
{
    struct thread *t = arch_current();
    int code;

    if (addr >= USER_MAX || !t || !t->mm || !(r->rflags & RFLAGS_IF))
        return fixup(r);
    if ((cpu_features.l7_ebx & CPU_L7B_SMAP) && !(r->rflags & RFLAGS_AC))
        return false;
    arch_irq_enable();
    bool ok = view_fault(t->mm, addr, r->orig_rax, &code) == 0;
    arch_irq_disable();
    return ok || fixup(r);
}

static void kernel_trap(unsigned vector, struct user_regs *r)
{
    if (vector == TRAP_PF && user_access_fault(r, read_cr2()))
        return;
    if (vector == TRAP_GP && fixup(r)) /* a non-canonical user address */
        return;
    kernel_trap_panic(vector, r);
}

static int fpe_code(unsigned vector)
{
    uint32_t mxcsr = 0, bits;
    uint16_t cw, sw;

    if (vector == TRAP_MF) {
        __asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(cw), "=m"(sw));
        bits = sw & ~cw;
        if (sw & 0x40 && bits & 1)
            return FPE_FLTINV; /* stack fault */
    } else {
        __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
        bits = mxcsr & ~(mxcsr >> 7);
    }
    if (bits & 0x01)
        return FPE_FLTINV;
    if (bits & 0x04)
        return FPE_FLTDIV;
    if (bits & 0x08)
        return FPE_FLTOVF;
    if (bits & 0x12)
        return FPE_FLTUND;
    if (bits & 0x20)
        return FPE_FLTRES;
    return 0;
}

/* Signals as Linux gives them (arch/x86/kernel/traps.c there is the reference for codes and addresses). */
static void user_trap(unsigned vector, struct user_regs *r)
{
    unsigned long err = r->orig_rax;

    arch_irq_enable();
    switch (vector) {
    case TRAP_DE:
        return user_fault(SIGFPE, FPE_INTDIV, r->rip, vector, err);
    case TRAP_DB:
        r->rflags &= ~RFLAGS_TF;
        return user_fault(SIGTRAP, TRAP_TRACE, r->rip, vector, err);
    case TRAP_BP:
        return user_fault(SIGTRAP, SI_KERNEL, 0, vector, err);
    case TRAP_UD:
        return user_fault(SIGILL, ILL_ILLOPN, r->rip, vector, err);
    case TRAP_MF:
    case TRAP_XM:
        return user_fault(SIGFPE, fpe_code(vector), r->rip, vector, err);
    case TRAP_AC:
        return user_fault(SIGBUS, BUS_ADRALN, 0, vector, err);
    case TRAP_NP:
    case TRAP_SS:
        return user_fault(SIGBUS, SI_KERNEL, 0, vector, err);
    default:
        return user_fault(SIGSEGV, SI_KERNEL, 0, vector, err);
    }
}

void trap(unsigned vector, struct user_regs *r)
{
    if (r->cs & 3)
        user_trap(vector, r);
    else
        kernel_trap(vector, r);
}

void fault_unresolved(int signo, int code, struct user_regs *r)
{
    arch_irq_enable();
    /* As Linux: which parts of the kernel's half are mapped is nobody's business. */
    if (arch_current()->arch.trap_addr >= USER_MAX)
        r->orig_rax |= FAULT_PRESENT;
    user_fault(signo, code, arch_current()->arch.trap_addr, TRAP_PF, r->orig_rax);
}

void return_work(struct user_regs *r)
{
    struct thread *t = arch_current();
    uint32_t work;

    for (;;) {
        arch_irq_disable();
        work = READ_ONCE(t->work) & ~WORK_ARCH_REGS;
        if (!work)
            break;
        arch_irq_enable();
        user_return_work(r);
    }
    atomic_and(&t->work, ~WORK_ARCH_REGS);
}
