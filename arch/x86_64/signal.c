/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.c: the frame of a signal handler on the user's stack, in Linux's layout: from the top the FPU state, then
 * siginfo, ucontext and the return address to the restorer (asm/ucontext.h, asm/sigcontext.h).
 */
#include "kernel/signal.h"
#include "abi/errno.h"
#include "arch/cpu.h"
#include "arch/fpu.h"
#include "arch/traps.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#define RED_ZONE     128 /* System V ABI, AMD64 §3.2.2: below the stack pointer, the program's */
/* What a program may set: CF PF AF ZF SF TF DF OF RF AC */
#define RFLAGS_USER  0x50dd5ul
#define RFLAGS_FIXED (RFLAGS_IF | 2)
#define RFLAGS_DF    (1ul << 10)
#define RFLAGS_RF    (1ul << 16)

struct sigframe {
    uint64_t restorer;
    struct ucontext uc;
    siginfo_t info;
};

static void save_registers(struct sigcontext *sc, const struct user_regs *r, const struct ksiginfo *info)
{
    sc->r8 = r->r8;
    sc->r9 = r->r9;
    sc->r10 = r->r10;
    sc->r11 = r->r11;
    sc->r12 = r->r12;
    sc->r13 = r->r13;
    sc->r14 = r->r14;
    sc->r15 = r->r15;
    sc->rdi = r->rdi;
    sc->rsi = r->rsi;
    sc->rbp = r->rbp;
    sc->rbx = r->rbx;
    sc->rdx = r->rdx;
    sc->rax = r->rax;
    sc->rcx = r->rcx;
    sc->rsp = r->rsp;
    sc->rip = r->rip;
    sc->eflags = r->rflags;
    sc->cs = SEL_USER_CODE;
    sc->ss = SEL_USER_DATA;
    sc->err = info->error_code;
    sc->trapno = info->trap_nr;
    sc->cr2 = current->arch.trap_addr;
}

static void restore_registers(struct user_regs *r, const struct sigcontext *sc)
{
    r->r8 = sc->r8;
    r->r9 = sc->r9;
    r->r10 = sc->r10;
    r->r11 = sc->r11;
    r->r12 = sc->r12;
    r->r13 = sc->r13;
    r->r14 = sc->r14;
    r->r15 = sc->r15;
    r->rdi = sc->rdi;
    r->rsi = sc->rsi;
    r->rbp = sc->rbp;
    r->rbx = sc->rbx;
    r->rdx = sc->rdx;
    r->rax = sc->rax;
    r->rcx = sc->rcx;
    r->rsp = sc->rsp;
    r->rip = sc->rip;
    r->rflags = (sc->eflags & RFLAGS_USER) | RFLAGS_FIXED;
    r->cs = SEL_USER_CODE;
    r->ss = SEL_USER_DATA;
    r->orig_rax = -1;
}

int arch_signal_frame(const struct ksigaction *ka, const struct ksiginfo *info, uint64_t old_mask,
                      vaddr_t altstack_sp, size_t altstack_size, uint32_t altstack_flags, bool on_altstack)
{
    struct user_regs *r = arch_user_regs(current);
    vaddr_t sp = on_altstack ? altstack_sp + altstack_size : r->rsp - RED_ZONE;
    bool within = sp - altstack_sp <= altstack_size;
    struct sigframe f = { .restorer = ka->restorer };

    /* A handler out of bounds faults here rather than in the IRETQ that would go there. */
    if (!(ka->flags & SA_RESTORER) || ka->handler >= USER_MAX)
        return -EFAULT;
    vaddr_t fp = ALIGN_DOWN(sp - fpu_frame_size(), 64);
    vaddr_t at = ALIGN_DOWN(fp - sizeof(f), 16) - 8; /* as after a CALL */
    if (at > sp || (altstack_size && within && at < altstack_sp))
        return -EFAULT;

    f.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    if (cpu_features.l1_ecx & CPU_L1C_XSAVE)
        f.uc.uc_flags |= UC_FP_XSTATE;
    f.uc.uc_stack.ss_sp = (void *)altstack_sp;
    f.uc.uc_stack.ss_size = altstack_size;
    f.uc.uc_stack.ss_flags = altstack_flags;
    save_registers(&f.uc.uc_mcontext, r, info);
    f.uc.uc_mcontext.oldmask = old_mask;
    f.uc.uc_mcontext.fpstate = (void *)fp;
    memcpy(&f.uc.uc_sigmask, &old_mask, sizeof(old_mask));
    f.info = info->info;
    if (!user_ok(fp, fpu_frame_size()) || fpu_to_user((void __user *)fp) ||
        copy_to_user((void __user *)at, &f, sizeof(f)))
        return -EFAULT;

    r->rdi = info->info.si_signo;
    r->rsi = at + offsetof(struct sigframe, info);
    r->rdx = at + offsetof(struct sigframe, uc);
    r->rax = 0;
    r->rsp = at;
    r->rip = ka->handler;
    r->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    r->orig_rax = -1;
    return 0;
}

int arch_signal_return(uint64_t *mask, vaddr_t *altstack_sp, size_t *altstack_size, uint32_t *altstack_flags)
{
    struct thread *t = current;
    struct user_regs *r = arch_user_regs(t);
    vaddr_t at = r->rsp - 8; /* the handler's RET took the restorer's address */
    struct ucontext uc;

    if (copy_from_user(&uc, (const char __user *)at + offsetof(struct sigframe, uc), sizeof(uc)))
        return -EFAULT;
    if (uc.uc_mcontext.rip >= USER_MAX || fpu_from_user((const void __user *)uc.uc_mcontext.fpstate))
        return -EFAULT;
    restore_registers(r, &uc.uc_mcontext);
    memcpy(mask, &uc.uc_sigmask, sizeof(*mask));
    *altstack_sp = (vaddr_t)uc.uc_stack.ss_sp;
    *altstack_size = uc.uc_stack.ss_size;
    *altstack_flags = uc.uc_stack.ss_flags;
    atomic_or(&t->work, WORK_ARCH_REGS);
    return 0;
}

size_t arch_minsigstksz(void)
{
    return ALIGN_UP(sizeof(struct sigframe) + RED_ZONE + fpu_frame_size() + 64 + 16, 16);
}

void arch_log_user_regs(const struct user_regs *r)
{
    log_warn("rip %016lx rsp %016lx rflags %08lx trap address %016lx", r->rip, r->rsp, r->rflags,
             current->arch.trap_addr);
    log_warn("rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    log_warn("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    log_warn("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9, r->r10, r->r11, r->r12);
    log_warn("r13 %016lx r14 %016lx r15 %016lx", r->r13, r->r14, r->r15);
}
