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

/* The frame but for the alternate stack and the FPU state. In an open window; 0 or -EFAULT. */
static int put_frame(struct sigframe *f, const struct user_regs *r, const struct ksigaction *ka,
                     const struct ksiginfo *info, uint64_t old_mask, vaddr_t fpstate)
{
    struct sigcontext *sc = &f->uc.uc_mcontext;
    const uint64_t *from = (const uint64_t *)&info->info;
    uint64_t *to = (uint64_t *)&f->info;
    int err = 0;

    window_put(ka->restorer, &f->restorer, err);
    window_put(UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
                   (cpu_features.l1_ecx & CPU_L1C_XSAVE ? UC_FP_XSTATE : 0),
               &f->uc.uc_flags, err);
    window_put(0, &f->uc.uc_link, err);
    window_put(r->r8, &sc->r8, err);
    window_put(r->r9, &sc->r9, err);
    window_put(r->r10, &sc->r10, err);
    window_put(r->r11, &sc->r11, err);
    window_put(r->r12, &sc->r12, err);
    window_put(r->r13, &sc->r13, err);
    window_put(r->r14, &sc->r14, err);
    window_put(r->r15, &sc->r15, err);
    window_put(r->rdi, &sc->rdi, err);
    window_put(r->rsi, &sc->rsi, err);
    window_put(r->rbp, &sc->rbp, err);
    window_put(r->rbx, &sc->rbx, err);
    window_put(r->rdx, &sc->rdx, err);
    window_put(r->rax, &sc->rax, err);
    window_put(r->rcx, &sc->rcx, err);
    window_put(r->rsp, &sc->rsp, err);
    window_put(r->rip, &sc->rip, err);
    window_put(r->rflags, &sc->eflags, err);
    /* cs, gs, fs, ss: 16 bits each */
    window_put(SEL_USER_CODE | (uint64_t)SEL_USER_DATA << 48, &sc->cs, err);
    window_put(info->error_code, &sc->err, err);
    window_put(info->trap_nr, &sc->trapno, err);
    window_put(old_mask, &sc->oldmask, err);
    window_put(current->arch.trap_addr, &sc->cr2, err);
    window_put(fpstate, &sc->fpstate, err);
    window_put(old_mask, &f->uc.uc_sigmask, err);
#pragma GCC unroll 16
    for (size_t i = 0; i < SIGINFO_SIZE / 8; i++)
        window_put(from[i], &to[i], err);
#pragma GCC unroll 16
    for (size_t i = SIGINFO_SIZE / 8; i < sizeof(f->info) / 8; i++)
        window_put(0, &to[i], err);
    return err;
}

/* In an open window; 0 or -EFAULT. */
static int restore_registers(struct user_regs *r, const struct sigcontext *sc)
{
    int err = 0;

    r->r8 = window_get(&sc->r8, err);
    r->r9 = window_get(&sc->r9, err);
    r->r10 = window_get(&sc->r10, err);
    r->r11 = window_get(&sc->r11, err);
    r->r12 = window_get(&sc->r12, err);
    r->r13 = window_get(&sc->r13, err);
    r->r14 = window_get(&sc->r14, err);
    r->r15 = window_get(&sc->r15, err);
    r->rdi = window_get(&sc->rdi, err);
    r->rsi = window_get(&sc->rsi, err);
    r->rbp = window_get(&sc->rbp, err);
    r->rbx = window_get(&sc->rbx, err);
    r->rdx = window_get(&sc->rdx, err);
    r->rax = window_get(&sc->rax, err);
    r->rcx = window_get(&sc->rcx, err);
    r->rsp = window_get(&sc->rsp, err);
    r->rip = window_get(&sc->rip, err);
    r->rflags = (window_get(&sc->eflags, err) & RFLAGS_USER) | RFLAGS_FIXED;
    r->cs = SEL_USER_CODE;
    r->ss = SEL_USER_DATA;
    r->orig_rax = -1;
    return err;
}

int arch_signal_frame(const struct ksigaction *ka, const struct ksiginfo *info, uint64_t old_mask,
                      vaddr_t altstack_sp, size_t altstack_size, uint32_t altstack_flags, bool on_altstack)
{
    struct user_regs *r = arch_user_regs(current);
    vaddr_t sp = on_altstack ? altstack_sp + altstack_size : r->rsp - RED_ZONE;
    bool within = sp - altstack_sp <= altstack_size;
    int err;

    /* A handler out of bounds faults here rather than in the IRETQ that would go there. */
    if (!(ka->flags & SA_RESTORER) || ka->handler >= USER_MAX)
        return -EFAULT;
    vaddr_t fp = ALIGN_DOWN(sp - fpu_frame_size(), 64);
    vaddr_t at = ALIGN_DOWN(fp - sizeof(struct sigframe), 16) - 8; /* as after a CALL */
    if (at > sp || (altstack_size && within && at < altstack_sp))
        return -EFAULT;

    if (!user_ok(at, fp + fpu_frame_size() - at) || fpu_to_user((void __user *)fp))
        return -EFAULT;
    struct sigframe *f = UA_PLAIN(at);

    user_window_open();
    err = put_frame(f, r, ka, info, old_mask, fp);
    window_put(altstack_sp, &f->uc.uc_stack.ss_sp, err);
    window_put(altstack_flags, &f->uc.uc_stack.ss_flags, err); /* and the padding behind it */
    window_put(altstack_size, &f->uc.uc_stack.ss_size, err);
    user_window_close();
    if (err)
        return err;

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
    const struct ucontext *uc = UA_PLAIN(at + offsetof(struct sigframe, uc));
    uint64_t fp, rip;
    int err = 0;

    if (!user_ok(at, sizeof(struct sigframe)))
        return -EFAULT;
    user_window_open(); /* both ends, and so all: no register is changed by a frame that is not there */
    *altstack_sp = window_get(&uc->uc_stack.ss_sp, err);
    *altstack_flags = window_get(&uc->uc_stack.ss_flags, err);
    *altstack_size = window_get(&uc->uc_stack.ss_size, err);
    rip = window_get(&uc->uc_mcontext.rip, err);
    fp = window_get(&uc->uc_mcontext.fpstate, err);
    *mask = window_get(&uc->uc_sigmask, err);
    user_window_close();
    if (err || rip >= USER_MAX || fpu_from_user((const void __user *)fp))
        return -EFAULT;
    user_window_open();
    err = restore_registers(r, &uc->uc_mcontext);
    user_window_close();
    if (err || r->rip >= USER_MAX) /* another thread changed it */
        return -EFAULT;
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
