/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.h: what the system-call layer and the architecture say to each other about one signal to be
 * delivered. Layouts handed to programs are Linux's (asm/siginfo.h, asm/signal.h).
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

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

/* As delivered: the user's siginfo_t is info; the rest is for the signal frame. */
struct ksiginfo {
    siginfo_t info;
    unsigned trap_nr;
    unsigned long error_code;
    vaddr_t fault_addr;
};

#endif
