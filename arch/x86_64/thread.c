/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c: threads as the CPU sees them: kernel stacks, the switch between them, user registers.
 *
 * The FPU, FS and GS of user mode stay loaded while kernel threads run: the owner's are saved when another thread of a
 * program comes, or at once when there are other CPUs it may go on. They are still good when the owner comes back to the
 * CPU without having been on another. Kernel code leaves the FPU as it found it.
 */
#include "kernel/thread.h"
#include "abi/errno.h"
#include "arch/cpu.h"
#include "arch/fpu.h"
#include "arch/paging.h"
#include "arch/traps.h"
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include <asm/prctl.h>

extern void enter_user_mode(void) __noreturn;

#define RFLAGS_FIXED 2

struct user_regs *arch_user_regs(struct thread *t)
{
    return (struct user_regs *)t->arch.kstack_top - 1;
}

/* ---- segment bases of user mode ---- */

static bool have_fsgsbase(void)
{
    return cpu_features.l7_ebx & CPU_L7B_FSGSBASE;
}

static uint64_t read_fs_base(void)
{
    uint64_t v;

    if (!have_fsgsbase())
        return rdmsr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}

static void write_fs_base(uint64_t v)
{
    if (have_fsgsbase())
        __asm__ volatile("wrfsbase %0" ::"r"(v));
    else
        wrmsr(MSR_FS_BASE, v);
}

/* The program may have changed both without a system call. Interrupts are off: GS is the program's for a moment. */
static void read_bases(struct arch_cpu *c, struct thread *t)
{
    uint64_t fs, gs;

    if (likely(have_fsgsbase())) {
        __asm__ volatile("rdfsbase %0; swapgs; rdgsbase %1; swapgs" : "=&r"(fs), "=&r"(gs));
    } else {
        fs = rdmsr(MSR_FS_BASE);
        gs = rdmsr(MSR_KERNEL_GS_BASE);
    }
    t->arch.fs_base = fs;
    c->user_gs = t->arch.gs_base = gs;
}

/* Few programs use GS: writing it is left out when nothing changes. Without an owner, what is loaded is not known. */
static void write_bases(struct arch_cpu *c, struct thread *t)
{
    write_fs_base(t->arch.fs_base);
    if (unlikely(c->user_gs != t->arch.gs_base || !c->user_owner))
        wrmsr(MSR_KERNEL_GS_BASE, t->arch.gs_base);
    c->user_gs = t->arch.gs_base;
}

static __noinline void user_state_save(struct arch_cpu *c, struct thread *t)
{
    read_bases(c, t);
    fpu_save(t);
}

/* read_bases() of old and write_bases() of t. */
static __always_inline void exchange_bases(struct arch_cpu *c, struct thread *old, struct thread *t)
{
    uint64_t fs, gs, new_gs = t->arch.gs_base;

    if (unlikely(!have_fsgsbase())) {
        read_bases(c, old);
        write_bases(c, t);
        return;
    }
    __asm__ volatile("rdfsbase %0; swapgs; rdgsbase %1; swapgs; wrfsbase %2"
                     : "=&r"(fs), "=&r"(gs)
                     : "r"(t->arch.fs_base));
    old->arch.fs_base = fs;
    old->arch.gs_base = gs;
    if (unlikely(gs != new_gs))
        wrmsr(MSR_KERNEL_GS_BASE, new_gs);
    c->user_gs = new_gs;
}

/* The thread's user state is the one in this CPU's registers. With one CPU the owner's is saved only now. */
static __always_inline void own_user_state(struct cpu *cpu, struct thread *t, bool alone)
{
    struct arch_cpu *c = &cpu->arch;
    struct thread *old = c->user_owner;

    if (old == t && t->arch.user_cpu == cpu->id)
        return;
    if (alone && old) {
        exchange_bases(c, old, t);
        fpu_switch(old, t);
    } else {
        write_bases(c, t);
        fpu_load(t);
    }
    c->user_owner = t;
    t->arch.user_cpu = cpu->id;
}

static __always_inline void enter_thread(struct cpu *cpu, struct thread *t, bool alone)
{
    vaddr_t top = t->arch.kstack_top;

    own_user_state(cpu, t, alone);
    cpu->arch.tss.rsp[0] = top;
    cpu->arch.kframe = top - sizeof(struct user_regs) - 8;
}

/* ---- switching ---- */

/* The compiler keeps what it needs; what is left on the old stack is rbp and the way back. */
static __always_inline void stack_switch(vaddr_t *save_sp, vaddr_t new_sp)
{
    __asm__ volatile("push %%rbp\n"
                     "lea 1f(%%rip), %%rax\n"
                     "push %%rax\n"
                     "mov %%rsp, (%0)\n"
                     "mov %1, %%rsp\n"
                     "pop %%rax\n"
                     "jmp *%%rax\n"
                     "1: pop %%rbp"
                     : "+D"(save_sp), "+S"(new_sp)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                       "memory");
}

static __noinline void switch_among_many(struct cpu *c, struct thread *prev, struct thread *next)
{
    if (c->arch.user_owner == prev && prev->arch.user_cpu == c->id)
        user_state_save(&c->arch, prev);
    if (likely(next->mm)) {
        arch_mm_load(next->mm);
        enter_thread(c, next, false);
    } else {
        arch_mm_leave();
    }
}

void arch_switch(struct thread *prev, struct thread *next)
{
    struct cpu *c = this_cpu();

    ASSERT(next->state == T_RUNNING); /* its stack is whole */
    if (unlikely(nr_cpus > 1)) {
        switch_among_many(c, prev, next);
    } else if (likely(next->mm)) {
        if (unlikely(c->mm != next->mm))
            arch_mm_load(next->mm);
        enter_thread(c, next, true);
    }
    arch_set_current(next);
    stack_switch(&prev->arch.sp, next->arch.sp);
}

void arch_thread_init(struct thread *t, void (*fn)(void *), void *arg)
{
    vaddr_t top = (vaddr_t)t->kstack + KSTACK_SIZE - fpu_area_size();

    t->arch = (struct arch_thread){ .kstack_top = top, .user_cpu = NO_CPU };
    uint64_t *sp = (uint64_t *)(top - sizeof(struct user_regs) - 8);
    *--sp = (uint64_t)arg;
    *--sp = (uint64_t)fn;
    *--sp = 0; /* where others keep rbp: backtraces end here */
    *--sp = (uint64_t)thread_start;
    t->arch.sp = (vaddr_t)sp;
}

vaddr_t arch_kernel_sp(const struct thread *t)
{
    return t->arch.sp;
}

void arch_thread_free(struct thread *t)
{
    struct arch_cpu *c = &this_cpu()->arch;

    if (c->user_owner == t)
        c->user_owner = NULL;
}

/* ---- user mode ---- */

static void user_regs_init(struct user_regs *r)
{
    *r = (struct user_regs){
        .cs = SEL_USER_CODE, .ss = SEL_USER_DATA, .rflags = RFLAGS_IF | RFLAGS_FIXED, .orig_rax = -1
    };
}

void arch_thread_clone(struct thread *child, vaddr_t sp, bool set_tls, vaddr_t tls)
{
    struct user_regs *r = arch_user_regs(child);

    *r = *arch_user_regs(current);
    r->rax = 0;
    r->orig_rax = -1;
    r->rcx = r->rip; /* as SYSCALL leaves them */
    r->r11 = r->rflags;
    r->cs = SEL_USER_CODE;
    r->ss = SEL_USER_DATA;
    if (sp)
        r->rsp = sp;
    child->arch.fs_base = set_tls ? tls : read_fs_base();
    child->arch.gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    fpu_clone(child);
}

/* The thread may have begun without an address space, and then owns no user state yet. */
static void claim_user_state(void)
{
    unsigned long flags = arch_irq_save();

    enter_thread(this_cpu(), current, nr_cpus == 1);
    arch_irq_restore(flags);
}

void arch_enter_user(void *unused)
{
    claim_user_state();
    enter_user_mode();
}

void arch_exec_start(vaddr_t pc, vaddr_t sp)
{
    struct thread *t = current;
    struct user_regs *r = arch_user_regs(t);
    struct arch_cpu *c = &this_cpu()->arch;

    user_regs_init(r);
    r->rip = pc;
    r->rsp = sp;
    if (c->user_owner == t)
        c->user_owner = NULL; /* the state there is the old program's */
    t->arch.fs_base = t->arch.gs_base = 0;
    t->arch.fpu_valid = false;
    claim_user_state();
    atomic_or(&t->work, WORK_ARCH_REGS);
}

long arch_prctl(int code, vaddr_t addr)
{
    switch (code) {
    case ARCH_SET_FS:
        if (addr >= USER_MAX)
            return -EPERM;
        write_fs_base(addr);
        return 0;
    case ARCH_SET_GS:
        if (addr >= USER_MAX)
            return -EPERM;
        wrmsr(MSR_KERNEL_GS_BASE, addr);
        return 0;
    case ARCH_GET_FS:
        return put_user(read_fs_base(), (uint64_t __user *)addr);
    case ARCH_GET_GS:
        return put_user(rdmsr(MSR_KERNEL_GS_BASE), (uint64_t __user *)addr);
    default:
        return -EINVAL;
    }
}

/* ---- system calls ---- */

#define NR_RESTART_SYSCALL 219

long arch_syscall_nr(const struct user_regs *r)
{
    return (int)r->orig_rax;
}
long arch_syscall_result(const struct user_regs *r)
{
    return r->rax;
}
void arch_syscall_set_result(struct user_regs *r, long v)
{
    r->rax = v;
}

void arch_syscall_restart(struct user_regs *r, bool as_restart_syscall)
{
    r->rax = as_restart_syscall ? NR_RESTART_SYSCALL : r->orig_rax;
    r->rip -= 2; /* SYSCALL is two bytes */
    r->orig_rax = -1;
}

vaddr_t arch_user_pc(const struct user_regs *r)
{
    return r->rip;
}
void arch_user_set_pc(struct user_regs *r, vaddr_t pc)
{
    r->rip = pc;
}
vaddr_t arch_user_sp(const struct user_regs *r)
{
    return r->rsp;
}

/* ---- programs ---- */

const uint16_t arch_elf_machine = ELF_MACHINE_X86_64;
const char arch_platform[] = "x86_64";

uint64_t arch_hwcap(void)
{
    return cpu_features.l1_edx;
}
uint64_t arch_hwcap2(void)
{
    return have_fsgsbase() ? 1 << 1 : 0; /* HWCAP2_FSGSBASE */
}
