/* SPDX-License-Identifier: BSD-2-Clause */
/* The stack grows on demand up to its limit; MAP_GROWSDOWN; the guard gap below. */
#include "report.h"
#include <setjmp.h>
#include <sys/resource.h>

#define P  4096ul
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf out;

static void on_segv(int sig)
{
    siglongjmp(out, 1);
}

static int faults(volatile char *p)
{
    if (sigsetjmp(out, 1))
        return 1;
    *p = 1;
    return 0;
}

static long use_stack(int kb)
{
    volatile char frame[1024];

    frame[0] = kb, frame[1023] = kb;
    return kb ? use_stack(kb - 1) + frame[0] - (char)kb : 0;
}

int main(void)
{
    stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction sa = { .sa_handler = on_segv, .sa_flags = SA_ONSTACK };
    struct rlimit r;
    volatile char here = 0;
    volatile char *sp = &here;

    sigaltstack(&ss, NULL);
    sigaction(SIGSEGV, &sa, NULL), sigaction(SIGBUS, &sa, NULL);
    getrlimit(RLIMIT_STACK, &r);
    CHECK_EQ(r.rlim_cur, 8 << 20);
    CHECK_EQ(use_stack(6000), 0);
    CHECK_EQ(faults(sp - (3 << 20)), 0); /* far below the stack pointer, within the limit */
    CHECK_EQ(faults(sp - (9 << 20)), 1); /* beyond the limit */
    r.rlim_cur = 12 << 20;
    CHECK_EQ(setrlimit(RLIMIT_STACK, &r), 0);
    CHECK_EQ(faults(sp - (9 << 20)), 0);

    /* a mapping that grows downwards, with room below it */
    char *area = mmap(NULL, 600 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area, 600 * P);
    char *top = mmap(area + 599 * P, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CHECK(top == area + 599 * P);
    CHECK_EQ(faults(top - 1), 0);
    CHECK_EQ(faults(top - 10 * P), 0);
    CHECK_EQ(faults(top - 5 * P), 0);
    munmap(area, 600 * P);
    /* a neighbour below stops the growth 256 pages before it */
    char *low = mmap(area, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    top = mmap(area + 400 * P, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CHECK(low == area && top == area + 400 * P);
    CHECK_EQ(faults(area + 300 * P), 0);
    CHECK_EQ(faults(area + 256 * P), 1);
    CHECK_EQ(faults(area + 258 * P), 0);
    CHECK_EQ(faults(area + 100 * P), 1);
    CHECK_EQ(faults(low), 0);
    return report_done();
}
