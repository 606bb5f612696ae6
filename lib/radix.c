/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/radix.h"
#include "abi/errno.h"

static inline struct radix_node *root_node(const struct radix *r)
{
    uintptr_t e = (uintptr_t)atomic_load_acquire(&r->root);

    return e & 1 ? (struct radix_node *)(e - 1) : NULL;
}

static inline void set_root(struct radix *r, struct radix_node *n)
{
    atomic_store_release(&r->root, (void *)((uintptr_t)n + 1));
}

static inline unsigned slot_of(uint64_t index, unsigned shift)
{
    return index >> shift & (RADIX_SLOTS - 1);
}

/* Does a tree whose root has this shift reach index? */
static inline bool covers(unsigned shift, uint64_t index)
{
    return shift + RADIX_SHIFT >= 64 || !(index >> (shift + RADIX_SHIFT));
}

/* Adds levels on top until the tree covers index. */
static int grow(struct radix *r, uint64_t index)
{
    struct radix_node *top = root_node(r);

    if (!top) {
        top = radix_node_new();
        if (!top)
            return -ENOMEM;
        if (r->root) {
            top->slots[0] = r->root;
            top->count = 1;
        }
        set_root(r, top);
    }
    while (!covers(top->shift, index)) {
        struct radix_node *n = radix_node_new();

        if (!n)
            return -ENOMEM;
        n->shift = top->shift + RADIX_SHIFT;
        n->slots[0] = top;
        n->count = 1;
        set_root(r, n);
        top = n;
    }
    return 0;
}

int radix_set(struct radix *r, uint64_t index, void *p)
{
    struct radix_node *n = root_node(r);

    if (!n && !index) {
        atomic_store_release(&r->root, p);
        return 0;
    }
    if (!n || !covers(n->shift, index)) {
        if (grow(r, index)) {
            radix_prune(r, 0);
            return -ENOMEM;
        }
        n = root_node(r);
    }
    while (n->shift) {
        void **slot = &n->slots[slot_of(index, n->shift)];

        if (!*slot) {
            struct radix_node *child = radix_node_new();

            if (!child) {
                radix_prune(r, index);
                return -ENOMEM;
            }
            child->shift = n->shift - RADIX_SHIFT;
            atomic_store_release(slot, child);
            n->count++;
        }
        n = *slot;
    }
    void **slot = &n->slots[slot_of(index, 0)];

    if (!*slot)
        n->count++;
    atomic_store_release(slot, p);
    return 0;
}

/* Takes levels off the top that hold only slot 0; an empty root goes altogether. */
static void shrink(struct radix *r)
{
    struct radix_node *n;

    while ((n = root_node(r)) && n->count <= 1 && (!n->count || n->slots[0])) {
        if (!n->count)
            atomic_store_release(&r->root, NULL);
        else if (n->shift)
            set_root(r, n->slots[0]);
        else
            atomic_store_release(&r->root, n->slots[0]);
        radix_node_free(n);
    }
}

void radix_prune(struct radix *r, uint64_t index)
{
    struct radix_node *path[64 / RADIX_SHIFT + 1], *n = root_node(r);
    unsigned depth = 0;

    if (!n || !covers(n->shift, index))
        n = NULL;
    for (; n; n = path[depth - 1]->slots[slot_of(index, path[depth - 1]->shift)]) {
        path[depth++] = n;
        if (!n->shift)
            break;
    }
    for (; depth > 1 && !path[depth - 1]->count; depth--) {
        struct radix_node *up = path[depth - 2];

        atomic_store_release(&up->slots[slot_of(index, up->shift)], NULL);
        up->count--;
        radix_node_free(path[depth - 1]);
    }
    shrink(r);
}

static inline void *take_out(struct radix *r, uint64_t index, bool prune)
{
    struct radix_node *n = root_node(r);
    void *old;

    if (!n) {
        old = index ? NULL : r->root;
        if (old)
            atomic_store_release(&r->root, NULL);
        return old;
    }
    if (!covers(n->shift, index))
        return NULL;
    while (n && n->shift)
        n = n->slots[slot_of(index, n->shift)];
    if (!n || !(old = n->slots[slot_of(index, 0)]))
        return NULL;
    atomic_store_release(&n->slots[slot_of(index, 0)], NULL);
    if (--n->count <= 1 && prune)
        radix_prune(r, index);
    return old;
}

void *radix_remove(struct radix *r, uint64_t index)
{
    return take_out(r, index, true);
}

void *radix_clear(struct radix *r, uint64_t index)
{
    return take_out(r, index, false);
}

/* The next entry below n whose index is at least *index, which lies within n. */
static void *next_in(const struct radix_node *n, uint64_t *index)
{
    unsigned shift = n->shift;

    for (unsigned i = slot_of(*index, shift); i < RADIX_SLOTS; i++) {
        void *p = atomic_load_acquire(&n->slots[i]);
        uint64_t next = ((*index >> shift) + 1) << shift; /* the first index of the next slot */

        if (p && shift)
            p = next_in(p, index);
        if (p)
            return p;
        if (!next)
            return NULL; /* the end of all indices */
        *index = next;
    }
    return NULL;
}

void *radix_next(const struct radix *r, uint64_t *index)
{
    uintptr_t e = (uintptr_t)atomic_load_acquire(&r->root);

    if (!(e & 1))
        return *index ? NULL : (void *)e;
    const struct radix_node *n = (const struct radix_node *)(e - 1);

    return covers(n->shift, *index) ? next_in(n, index) : NULL;
}

uint64_t radix_next_hole(const struct radix *r, uint64_t index)
{
    while (radix_get(r, index)) {
        if (index == UINT64_MAX)
            break;
        index++;
    }
    return index;
}

static void destroy(struct radix_node *n)
{
    if (n->shift)
        for (unsigned i = 0; i < RADIX_SLOTS; i++)
            if (n->slots[i])
                destroy(n->slots[i]);
    radix_node_free(n);
}

void radix_destroy(struct radix *r)
{
    struct radix_node *n = root_node(r);

    r->root = NULL;
    if (n)
        destroy(n);
}
