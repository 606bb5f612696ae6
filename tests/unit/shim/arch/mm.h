/* SPDX-License-Identifier: BSD-2-Clause */
/* mm.h: address spaces of the host shim: tests of them bring page tables of their own. */
#ifndef ARCH_MM_H
#define ARCH_MM_H

#define USER_MIN 0x1000ul
#define USER_MAX 0x7ffffffff000ul

struct arch_mm {
    void *table;
};

#endif
