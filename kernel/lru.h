/* SPDX-License-Identifier: BSD-2-Clause */
/* lru.h: what the page cache and its reclaim share. A cached page is on the list unless its mapping is pinned. */
#ifndef KERNEL_LRU_H
#define KERNEL_LRU_H

#include "kernel/mapping.h"

void lru_add(struct page *p);
/* Harmless for a page that is not on the list. */
void lru_remove(struct page *p);
/* PG_LOCKED without waiting: true when taken. */
static inline bool page_trylock(struct page *p)
{
    return !(__atomic_fetch_or(&p->flags, PG_LOCKED, __ATOMIC_ACQUIRE) & PG_LOCKED);
}
/* Takes p out of its mapping, whose lock is held. The cache's reference goes to the caller. */
void mapping_detach(struct mapping *m, struct page *p);

#endif
