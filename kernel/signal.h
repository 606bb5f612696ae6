/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.h: what the system-call layer and the architecture say to each other about one signal to be
 * delivered. Layouts handed to programs are Linux's (asm/siginfo.h, asm/signal.h).
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "lib/string.h"
#include "lib/types.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/signal.h>

struct ksigaction {
    vaddr_t handler; /* SIG_DFL 0, SIG_IGN 1 */
    uint64_t flags;  /* SA_* */
    vaddr_t restorer;
    uint64_t mask;
};

/* What counts of a siginfo_t: no layout reaches further (asm-generic/siginfo.h). In the kernel the rest is undefined;
 * programs are shown zeros. */
#define SIGINFO_SIZE 48

static inline void siginfo_copy(siginfo_t *to, const siginfo_t *from)
{
    struct words {
        uint64_t words[SIGINFO_SIZE / 8];
    };
    *(struct words *)to = *(const struct words *)from;
}
static inline void siginfo_init(siginfo_t *i, int sig, int code)
{
    memset(i, 0, SIGINFO_SIZE);
    i->si_signo = sig;
    i->si_code = code;
}

/* As delivered: the user's siginfo_t is info; the rest is for the signal frame. */
struct ksiginfo {
    siginfo_t info;
    unsigned trap_nr;
    unsigned long error_code;
    vaddr_t fault_addr;
};

#endif
