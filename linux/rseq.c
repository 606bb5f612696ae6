/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rseq.c: restartable sequences: rseq(2), include/uapi/linux/rseq.h.
 */
#include "linux/rseq.h"
#include "kernel/arch.h"
#include "kernel/uaccess.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/rseq.h>

#define RSEQ_LEN 32 /* the original size: what the auxiliary vector announces */

static long write_cpu(struct uthread *u)
{
    struct rseq __user *r = (struct rseq __user *)u->rseq;
    uint32_t cpu = this_cpu()->id;

    return put_user(cpu, &r->cpu_id_start) || put_user(cpu, &r->cpu_id) ? -EFAULT : 0;
}

/* Inside a critical section the thread goes on at its abort handler instead. */
static long abort_section(struct uthread *u, struct user_regs *regs)
{
    struct rseq __user *r = (struct rseq __user *)u->rseq;
    vaddr_t pc = arch_user_pc(regs);
    struct rseq_cs cs;
    uint64_t ptr, none = 0;
    uint32_t sig;

    if (get_user(ptr, (uint64_t __user *)&r->rseq_cs))
        return -EFAULT;
    if (!ptr)
        return 0;
    if (copy_from_user(&cs, (const void __user *)ptr, sizeof(cs)) || cs.version ||
        cs.start_ip + cs.post_commit_offset < cs.start_ip ||
        cs.abort_ip - cs.start_ip < cs.post_commit_offset)
        return -EINVAL;
    if (put_user(none, (uint64_t __user *)&r->rseq_cs))
        return -EFAULT;
    if (pc - cs.start_ip >= cs.post_commit_offset)
        return 0;
    if (get_user(sig, (const uint32_t __user *)(cs.abort_ip - 4)) || sig != u->rseq_sig)
        return -EINVAL;
    arch_user_set_pc(regs, cs.abort_ip);
    return 0;
}

void rseq_interrupt(struct uthread *u, struct user_regs *r)
{
    if (u->rseq && abort_section(u, r))
        user_fault(SIGSEGV, SI_KERNEL, u->rseq, 0, 0);
}

void rseq_resume(struct uthread *u, struct user_regs *r)
{
    if (u->rseq && (write_cpu(u) || abort_section(u, r)))
        user_fault(SIGSEGV, SI_KERNEL, u->rseq, 0, 0);
}

SYSCALL4(rseq, struct rseq __user *, r, uint32_t, len, int, flags, uint32_t, sig)
{
    struct uthread *u = current_uthread();

    if (flags & RSEQ_FLAG_UNREGISTER) {
        if ((flags & ~RSEQ_FLAG_UNREGISTER) || u->rseq != (vaddr_t)r || !u->rseq || len != RSEQ_LEN)
            return -EINVAL;
        if (sig != u->rseq_sig)
            return -EPERM;
        u->rseq = 0;
        return 0;
    }
    if (flags)
        return -EINVAL;
    if (u->rseq) {
        if (u->rseq != (vaddr_t)r || len != RSEQ_LEN)
            return -EINVAL;
        return sig != u->rseq_sig ? -EPERM : -EBUSY;
    }
    if (!IS_ALIGNED((vaddr_t)r, RSEQ_LEN) || len != RSEQ_LEN)
        return -EINVAL;
    if (!user_ok(r, len))
        return -EFAULT;
    u->rseq = (vaddr_t)r;
    u->rseq_sig = sig;
    if (write_cpu(u)) {
        u->rseq = 0;
        return -EFAULT;
    }
    return 0;
}
