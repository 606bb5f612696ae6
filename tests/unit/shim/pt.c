/* SPDX-License-Identifier: BSD-2-Clause */
/* pt.c: page tables for tests that have none: shim_mm.h has some. No program maps anything here. */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/mm.h"
#include <stdlib.h>

int arch_mm_init(struct mm *mm)
{
    return -ENOMEM;
}
void arch_mm_free(struct mm *mm)
{
}
int pt_map(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot, bool huge)
{
    abort();
}
int pt_map_new(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot)
{
    abort();
}
bool pt_lookup(struct mm *mm, vaddr_t va, paddr_t *pa, unsigned *prot, bool *huge)
{
    abort();
}
vaddr_t pt_next(struct mm *mm, vaddr_t va, vaddr_t end)
{
    abort();
}
vaddr_t pt_unmap(struct mm *mm, vaddr_t start, vaddr_t end,
                 void (*put)(void *, vaddr_t, paddr_t, unsigned, bool), void *arg)
{
    abort();
}
void pt_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, bool allow_write)
{
    abort();
}
