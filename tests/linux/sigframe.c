/* SPDX-License-Identifier: BSD-2-Clause */
/* The signal frame: every register survives, the context can be read and changed, SSE and AVX state too. */
#include "report.h"
#include <cpuid.h>
#include <ucontext.h>

/* Filled by the assembly below: what went in, what came out of `int3` and its handler */
uint64_t regs_in[16], regs_out[16], carry_out;
uint64_t xmm_in[32] __attribute__((aligned(32))), xmm_out[32] __attribute__((aligned(32)));
double st_in = 2.5, st_out;
unsigned mxcsr_in = 0x1f80 | 0x6000, mxcsr_out;

/* Order: rax rbx rcx rdx rsi rdi rbp r8 ... r15 */
void trip(void);
asm(".text\n.globl trip\ntrip:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "fldl st_in(%rip); ldmxcsr mxcsr_in(%rip)\n"
    "lea xmm_in(%rip), %rax\n"
    "movdqa (%rax), %xmm0; movdqa 16(%rax), %xmm1; movdqa 32(%rax), %xmm7; movdqa 48(%rax), %xmm8\n"
    "movdqa 64(%rax), %xmm15\n"
    "lea regs_in(%rip), %rax\n"
    "mov 8(%rax), %rbx; mov 16(%rax), %rcx; mov 24(%rax), %rdx; mov 32(%rax), %rsi; mov 40(%rax), %rdi\n"
    "mov 48(%rax), %rbp; mov 56(%rax), %r8; mov 64(%rax), %r9; mov 72(%rax), %r10; mov 80(%rax), %r11\n"
    "mov 88(%rax), %r12; mov 96(%rax), %r13; mov 104(%rax), %r14; mov 112(%rax), %r15; mov (%rax), %rax\n"
    "stc; std\n"
    "int3\n"
    "cld; push %rax; setc carry_out(%rip); lea regs_out(%rip), %rax\n"
    "mov %rbx, 8(%rax); mov %rcx, 16(%rax); mov %rdx, 24(%rax); mov %rsi, 32(%rax); mov %rdi, 40(%rax)\n"
    "mov %rbp, 48(%rax); mov %r8, 56(%rax); mov %r9, 64(%rax); mov %r10, 72(%rax); mov %r11, 80(%rax)\n"
    "mov %r12, 88(%rax); mov %r13, 96(%rax); mov %r14, 104(%rax); mov %r15, 112(%rax); pop (%rax)\n"
    "lea xmm_out(%rip), %rax\n"
    "movdqa %xmm0, (%rax); movdqa %xmm1, 16(%rax); movdqa %xmm7, 32(%rax); movdqa %xmm8, 48(%rax)\n"
    "movdqa %xmm15, 64(%rax)\n"
    "fstpl st_out(%rip); stmxcsr mxcsr_out(%rip); ldmxcsr default_mxcsr(%rip)\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
    ".data\ndefault_mxcsr: .long 0x1f80\n.text\n");

static volatile int handled, aligned, df_clear;
static ucontext_t seen;
static unsigned fp_magic, fp_size;

static void on_trap(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    unsigned long flags;

    handled++;
    seen = *uc;
    asm volatile("pushf; pop %0" : "=r"(flags));
    df_clear = !(flags & 0x400);
    aligned = (unsigned long)__builtin_frame_address(0) % 16 == 0;
    unsigned *sw = (unsigned *)((char *)uc->uc_mcontext.fpregs + 464);
    fp_magic = sw[0], fp_size = sw[1];
    asm volatile("fninit; pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm7, %%xmm7; pxor %%xmm8, %%xmm8;"
                 "pxor %%xmm15, %%xmm15" ::
                     : "xmm0", "xmm1", "xmm7", "xmm8", "xmm15");
}

static void test_preserved(void)
{
    struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
    static const int order[15] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_R8,
                                   REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    int in_context = 1;

    for (int i = 0; i < 15; i++)
        regs_in[i] = 0x1111111111111111ull * (i + 1) ^ 0x0123456789abcdefull;
    for (int i = 0; i < 32; i++)
        xmm_in[i] = 0xfedcba9876543210ull * (i + 1);
    sigaction(SIGTRAP, &sa, NULL);
    trip();
    CHECK_EQ(handled, 1);
    CHECK(!memcmp(regs_in, regs_out, 15 * 8));
    CHECK_EQ(carry_out, 1);
    CHECK(!memcmp(xmm_in, xmm_out, 80));
    CHECK(st_out == 2.5);
    CHECK_EQ(mxcsr_out & 0xffc0, mxcsr_in);
    for (int i = 0; i < 15; i++)
        in_context &= (uint64_t)seen.uc_mcontext.gregs[order[i]] == regs_in[i];
    report(in_context, "the context shows every register");
    CHECK((seen.uc_mcontext.gregs[REG_EFL] & 0x401) == 0x401);
    CHECK_EQ(seen.uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
    CHECK_EQ((uint64_t)seen.uc_mcontext.gregs[REG_CSGSFS] >> 48, 0x2b);
    CHECK_EQ(df_clear, 1);
    CHECK_EQ(aligned, 1);
    CHECK_EQ(seen.uc_link, 0);
    CHECK_EQ(seen.uc_flags & 6, 6); /* UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS */
    unsigned a, b, c, d;
    __cpuid_count(1, 0, a, b, c, d);
    report(!(c & 1 << 27) || (fp_magic == 0x46505853 && fp_size >= 512 + 64),
           "the extended state is announced");
}

__attribute__((target("avx"))) static void test_avx(void)
{
    unsigned a, b, c, d;

    __cpuid_count(1, 0, a, b, c, d);
    if (!(c & 1 << 28) || !(c & 1 << 27)) {
        note("ok upper halves of ymm survive");
        return;
    }
    asm volatile(
        "vmovdqa (%0), %%ymm3; vmovdqa 32(%0), %%ymm12; int3; vmovdqa %%ymm3, (%1); vmovdqa %%ymm12, 32(%1)" ::
            "r"(xmm_in),
        "r"(xmm_out)
        : "memory", "xmm3", "xmm12");
    report(!memcmp(xmm_in, xmm_out, 64), "upper halves of ymm survive");
}

static void on_change(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;

    uc->uc_mcontext.gregs[REG_RAX] = 4242;
    uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
    sigaddset(&uc->uc_sigmask, SIGUSR2);
    uc->uc_mcontext.fpregs->_xmm[5].element[0] = 77;
}

static void test_changed(void)
{
    struct sigaction sa = { .sa_sigaction = on_change, .sa_flags = SA_SIGINFO };
    long rax;
    unsigned x;
    sigset_t now;

    sigaction(SIGILL, &sa, NULL);
    asm volatile("pxor %%xmm5, %%xmm5; xor %%eax, %%eax; ud2; movd %%xmm5, %1"
                 : "=a"(rax), "=r"(x)::"xmm5", "memory");
    CHECK_EQ(rax, 4242);
    CHECK_EQ(x, 77);
    sigprocmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR2));
}

/* Asynchronous signals while registers are busy: a long computation must come out right. */
static volatile int ticks;

static void on_tick(int sig)
{
    ticks++;
    volatile double x = ticks;
    x = x * 3.7 / 1.1;
}

static void test_async(void)
{
    struct itimerval it = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
    double sum = 0;
    uint64_t h = 1;

    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &it, NULL);
    for (long i = 1; ticks < 20; i++) {
        if (i % 1000001 == 0)
            sum = 0, h = 1, i = 1;
        sum += 1.0 / i, h = h * 6364136223846793005ull + i;
    }
    ticks = 0;
    sum = 0, h = 1;
    for (long i = 1; i <= 1000000; i++)
        sum += 1.0 / i, h = h * 6364136223846793005ull + i;
    setitimer(ITIMER_REAL, &off, NULL);
    note("sum %.12f hash %lx", sum, h);
}

int main(void)
{
    test_preserved();
    test_avx();
    test_changed();
    test_async();
    return report_done();
}
