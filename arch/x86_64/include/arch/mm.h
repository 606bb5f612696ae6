/* SPDX-License-Identifier: BSD-2-Clause */
/* mm.h: an address space as the MMU sees it: four levels of tables, user half private, kernel half shared. */
#ifndef ARCH_MM_H
#define ARCH_MM_H

#include "lib/types.h"

#define USER_MIN 0x10000ul
/* One page short of the canonical half: a SYSCALL at its very end would otherwise make SYSRET fault in the kernel. */
#define USER_MAX 0x7ffffffff000ul

struct page;

struct arch_mm {          /* [pt_lock] but cpu_mask */
    uint64_t *pgd;        /* top-level table, in the direct map */
    uint64_t cpu_mask;    /* CPUs that have it loaded [a] */
    uint64_t *last_pt;    /* the last-level table used last; NULL none */
    vaddr_t last_va;      /* what it maps: va >> HUGE_SHIFT */
    vaddr_t empty_va;     /* where a table was left although empty, | 1; 0 nowhere */
    struct page *deposit; /* tables set aside for 2 MiB pages, linked through owner */
};

#endif
