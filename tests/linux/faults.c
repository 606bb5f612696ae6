/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Synchronous faults: signal, code, address, and that the program goes on after them. (SSE floating-point
 * exceptions are left out: QEMU's TCG does not raise them.)
 */
#include "report.h"
#include <setjmp.h>
#include <sys/resource.h>
#include <ucontext.h>

#define P  4096ul
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf out;
static volatile int f_sig, f_code, f_err, f_trap;
static void *volatile f_addr;
static volatile long f_cr2, f_ip;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;

    f_sig = sig, f_code = si->si_code, f_addr = si->si_addr;
    f_err = uc->uc_mcontext.gregs[REG_ERR], f_trap = uc->uc_mcontext.gregs[REG_TRAPNO];
    f_cr2 = uc->uc_mcontext.gregs[REG_CR2], f_ip = uc->uc_mcontext.gregs[REG_RIP];
    siglongjmp(out, 1);
}

/* Where the error code is the machine's own affair (kernel addresses: is something mapped there?), `shown` is 0. */
#define FAULT(what, ...) FAULT_(1, what, __VA_ARGS__)
#define FAULT_(shown, what, ...)                                                                        \
    do {                                                                                                \
        f_sig = f_code = 0, f_addr = NULL;                                                              \
        if (!sigsetjmp(out, 1)) {                                                                       \
            __VA_ARGS__;                                                                                \
        }                                                                                               \
        note("%s: signal %d code %d trap %d error %d", what, f_sig, f_code, f_trap, shown ? f_err : 0); \
    } while (0)

static int deep(volatile char *p)
{
    volatile char frame[2000];

    frame[0] = *p;
    return deep(frame) + frame[0];
}

int main(void)
{
    stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    int sigs[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    volatile char *m = mmap(NULL, 4 * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *none, c;
    volatile int zero = 0, r = 0;

    sigaltstack(&ss, NULL);
    for (int i = 0; i < 5; i++)
        sigaction(sigs[i], &sa, NULL);

    FAULT("read of address 0", c = *(volatile char *)0);
    CHECK(f_addr == NULL);
    FAULT("write to address 8", *(volatile char *)8 = 1);
    CHECK(f_addr == (void *)8 && f_cr2 == 8);
    FAULT("read of an unmapped page", c = *(volatile char *)0x123456789000);
    CHECK(f_addr == (void *)0x123456789000);
    FAULT_(0, "read of the kernel's half", c = *(volatile char *)0xffff888000000000);
    FAULT_(0, "write to the kernel's half", *(volatile char *)0xffffffff81000000 = 1);
    FAULT("read of a non-canonical address", c = *(volatile char *)0x8000000000000000);
    CHECK(f_addr == NULL);
    mprotect((void *)m, P, PROT_READ);
    FAULT("write to a read-only page", m[5] = 1);
    CHECK(f_addr == m + 5);
    (void)m[0];
    FAULT("write to a read-only page that is present", m[6] = 1);
    CHECK(f_addr == m + 6);
    mprotect((void *)(m + P), P, PROT_NONE);
    FAULT("read of a PROT_NONE page", c = m[P]);
    CHECK(f_addr == m + P);
    m[2 * P] = 0xc3;
    FAULT("execution of a page without PROT_EXEC", ((void (*)(void))(m + 2 * P))());
    CHECK(f_addr == m + 2 * P && f_ip == (long)(m + 2 * P));
    FAULT("jump to address 0", ((void (*)(void))0)());
    CHECK(f_ip == 0);
    none = mmap(NULL, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((void *)none, P);
    FAULT("read after munmap", c = *none);
    mprotect((void *)(m + 3 * P), P, PROT_WRITE);
    FAULT("write-only memory reads too", m[3 * P] = 5; c = m[3 * P]);
    FAULT("division by zero", asm volatile("idivl %0" ::"r"(zero), "a"(1), "d"(0) : "cc"));
    FAULT("the smallest number by -1",
          asm volatile("movl $0x80000000, %%eax; cltd; movl $-1, %%ecx; idivl %%ecx" ::
                           : "eax", "ecx", "edx"));
    FAULT("undefined instruction", asm volatile("ud2"));
    FAULT("privileged instruction", asm volatile("hlt"));
    FAULT("interrupts off", asm volatile("cli"));
    FAULT("port input", asm volatile("inb $0x80, %%al" ::: "eax"));
    FAULT("read of cr0", asm volatile("mov %%cr0, %%rax" ::: "rax"));
    FAULT("breakpoint", asm volatile("int3"));
    FAULT("int 3 in two bytes", asm volatile(".byte 0xcd, 3"));
    FAULT_(0, "software interrupt without a gate", asm volatile("int $0x42"));
    FAULT("single step", asm volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::: "memory", "cc"));
    FAULT("x87 invalid operation", {
        unsigned short cw = 0x37e;
        asm volatile("fldcw %0; fldz; fldz; fdivp; fwait" ::"m"(cw));
    });
    asm volatile("fninit");
    FAULT("aligned SSE access at an odd address", asm volatile("movaps (%0), %%xmm0" ::"r"(m + 2 * P + 1)
                                                               : "xmm0"));
    struct rlimit rl = { 1 << 20, RLIM_INFINITY };
    setrlimit(RLIMIT_STACK, &rl);
    FAULT("endless recursion", r += deep(&c));
    CHECK(f_addr != NULL);
    FAULT("again endless recursion", r += deep(&c));
    report(1, "the program goes on (%d)", (int)(r * 0));
    return report_done();
}
