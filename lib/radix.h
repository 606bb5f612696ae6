/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * radix.h: a sparse map from a 64-bit index to a pointer: a tree of 64-way nodes as high as the greatest index
 * needs; index 0 alone needs no node. What the page cache is indexed by.
 *
 * Changes are the caller's to serialise. radix_get() and radix_next() may run beside a change when nodes are freed
 * only after all readers left (RCU): they then see each entry before or after the change.
 * Entries are at least 2-byte aligned pointers; NULL is absence.
 */
#ifndef LIB_RADIX_H
#define LIB_RADIX_H

#include "lib/atomic.h"
#include "lib/types.h"

#define RADIX_SHIFT 6
#define RADIX_SLOTS (1u << RADIX_SHIFT)

struct radix_node {
    uint8_t shift; /* the index bits below this node's slots */
    uint8_t count; /* slots in use */
    void *slots[RADIX_SLOTS];
    void *defer[2]; /* for whoever frees it later */
};

struct radix {
    void *root; /* NULL, the entry of index 0, or a node with bit 0 set */
};

#define RADIX_INIT \
    {              \
        NULL       \
    }

/* Provided by the user of this folder: a zeroed node or NULL, and its release after all readers left. */
struct radix_node *radix_node_new(void);
void radix_node_free(struct radix_node *n);

static inline void radix_init(struct radix *r)
{
    r->root = NULL;
}

static inline bool radix_empty(const struct radix *r)
{
    return !r->root;
}

/* The entry at index, or NULL. */
static inline void *radix_get(const struct radix *r, uint64_t index)
{
    uintptr_t e = (uintptr_t)atomic_load_acquire(&r->root);

    if (!(e & 1))
        return index ? NULL : (void *)e;
    const struct radix_node *n = (const struct radix_node *)(e - 1);
    unsigned shift = n->shift;

    if (shift + RADIX_SHIFT < 64 && index >> (shift + RADIX_SHIFT))
        return NULL;
    for (;;) {
        void *p = atomic_load_acquire(&n->slots[index >> shift & (RADIX_SLOTS - 1)]);

        if (!shift || !p)
            return p;
        n = p;
        shift -= RADIX_SHIFT;
    }
}

/* The slots of index and those that follow it in its node, *nr of them; NULL when there is no such node. As
 * radix_get(), each to be loaded with atomic_load_acquire(). */
static inline void *const *radix_run(const struct radix *r, uint64_t index, unsigned *nr)
{
    uintptr_t e = (uintptr_t)atomic_load_acquire(&r->root);
    const struct radix_node *n = (const struct radix_node *)(e - 1);

    if (!(e & 1) || (n->shift + RADIX_SHIFT < 64 && index >> (n->shift + RADIX_SHIFT)))
        return NULL;
    for (unsigned shift = n->shift; shift; shift -= RADIX_SHIFT) {
        n = atomic_load_acquire(&n->slots[index >> shift & (RADIX_SLOTS - 1)]);
        if (!n)
            return NULL;
    }
    *nr = RADIX_SLOTS - (index & (RADIX_SLOTS - 1));
    return &n->slots[index & (RADIX_SLOTS - 1)];
}

/* Sets the entry at index; returns 0 or -ENOMEM. p must not be NULL. An entry there is replaced. */
int radix_set(struct radix *r, uint64_t index, void *p);
/* Removes and returns the entry at index, NULL when there was none. Never fails. */
void *radix_remove(struct radix *r, uint64_t index);
/* The same, but nodes that become empty stay, for whoever sets entries beside it soon; until radix_prune(). */
void *radix_clear(struct radix *r, uint64_t index);
/* Frees the empty nodes on the way to index. */
void radix_prune(struct radix *r, uint64_t index);
/* The first entry at or after *index; *index becomes its index. NULL when there is none. */
void *radix_next(const struct radix *r, uint64_t *index);
/* The first index at or after index without an entry. */
uint64_t radix_next_hole(const struct radix *r, uint64_t index);
/* Frees the nodes; what entries point to is the caller's. */
void radix_destroy(struct radix *r);

#define radix_for_each(p, r, index) for (index = 0; (p = radix_next(r, &index)); index++)

#endif
