/* SPDX-License-Identifier: BSD-2-Clause */
/* mm.h: an address space as the MMU sees it: four levels of tables, user half private, kernel half shared. */
#ifndef ARCH_MM_H
#define ARCH_MM_H

#include "lib/types.h"

#define USER_MIN 0x10000ul
/* One page short of the canonical half: a SYSCALL at its very end would otherwise make SYSRET fault in the kernel. */
#define USER_MAX 0x7ffffffff000ul

struct page;
struct pt_view;

struct arch_mm {           /* [pt_lock] but the masks */
    uint64_t *pgd;         /* top-level table, in the direct map */
    uint64_t cpu_mask;     /* CPUs that have it or their view of it loaded [a] */
    uint64_t whole_mask;   /* those of them that have no view [a] */
    struct pt_view *views; /* one for each CPU; NULL while the program has one thread. pt_view.c */
    uint64_t *last_pt;     /* the last-level table used last; NULL none */
    vaddr_t last_va;       /* what it maps: va >> HUGE_SHIFT */
    vaddr_t
        empty_va; /* where a table was left although empty, | 1; 0 nowhere. With views, each has its own */
    struct page *deposit; /* tables set aside for 2 MiB pages, linked through owner */
};

#endif
