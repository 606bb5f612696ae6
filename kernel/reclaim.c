/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.c: which cached pages go when memory runs short: clean ones, by second chance.
 *
 * One list in order of arrival. A page used since the last visit gets another round. PG_LOCKED keeps page->mapping
 * valid while a page is judged, since truncation and the end of a mapping wait for it.
 */
#include "kernel/arch.h"
#include "kernel/kstack.h"
#include "kernel/lru.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "kernel/vma.h"

#define BATCH 32

static struct spinlock lru_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list lru = LIST_INIT(lru);
static uint64_t lru_nr; /* [lru_lock] */

void lru_add(struct page *p)
{
    spin_lock(&lru_lock);
    if (list_empty(&p->link)) {
        list_append(&lru, &p->link);
        lru_nr++;
    }
    spin_unlock(&lru_lock);
}

void lru_remove(struct page *p)
{
    spin_lock(&lru_lock);
    if (!list_empty(&p->link)) {
        list_remove(&p->link);
        lru_nr--;
    }
    spin_unlock(&lru_lock);
}

/* The next page to judge, locked and off the list. NULL: the list is empty. */
static struct page *take_candidate(uint64_t *budget)
{
    struct page *p = NULL;

    spin_lock(&lru_lock);
    while (*budget && !list_empty(&lru)) {
        struct page *c = list_first(&lru, struct page, link);

        --*budget;
        list_remove(&c->link);
        if ((READ_ONCE(c->flags) & (PG_ACTIVE | PG_DIRTY)) || !page_trylock(c)) {
            __atomic_fetch_and(&c->flags, (uint16_t)~PG_ACTIVE, __ATOMIC_RELAXED);
            list_append(&lru, &c->link);
            continue;
        }
        lru_nr--;
        p = c;
        break;
    }
    spin_unlock(&lru_lock);
    return p;
}

/* Takes the locked page p out of the cache if the cache is its only user. */
static bool take_unused(struct page *p)
{
    struct mapping *m = p->mapping;
    bool taken = false;

    spin_lock(&m->lock);
    /* frozen at zero: a reader that finds it in the tree from now on looks again */
    if (!(READ_ONCE(p->flags) & PG_DIRTY) && atomic_cmpxchg(&p->refs.n, 1, 0)) {
        mapping_detach(m, p);
        taken = true;
    }
    spin_unlock(&m->lock);
    return taken;
}

static size_t reclaim_pass(size_t want, bool mapped)
{
    struct page *freed[BATCH];
    uint64_t budget = READ_ONCE(lru_nr) * 2;
    size_t n = 0;

    while (n < MIN(want, (size_t)BATCH)) {
        struct page *p = take_candidate(&budget);

        if (!p)
            break;
        if (mapped && atomic_load(&p->refs.n) > 1)
            mapping_unmap(p->mapping, p->index, 1);
        if (take_unused(p)) {
            page_unlock(p);
            freed[n++] = p;
        } else {
            lru_add(p);
            page_unlock(p);
        }
    }
    if (n)
        rcu_wait();
    for (size_t i = 0; i < n; i++)
        page_free(freed[i]);
    return n;
}

size_t mapping_reclaim(size_t want)
{
    size_t n = reclaim_pass(want, false);

    if (!n)
        n = reclaim_pass(want, true);
    return n ? n : kstack_reclaim();
}
