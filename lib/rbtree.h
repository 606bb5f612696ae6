/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rbtree.h: red-black tree with embedded nodes and a cached leftmost node. No locking, never allocates.
 * The caller walks to the place of insertion itself (its own comparison), then links and rebalances.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include "lib/types.h"

struct rb_node {
    uintptr_t parent_color;
    struct rb_node *left, *right;
};

struct rb_root {
    struct rb_node *node;
    struct rb_node *leftmost;
};

/* Links n at *link below parent, then call rb_insert(). */
static inline void rb_link(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
    n->parent_color = (uintptr_t)parent;
    n->left = n->right = NULL;
    *link = n;
}

#define RB_BLACK 1 /* in parent_color */

/* n is the only node of a tree that was empty. */
static inline void rb_plant(struct rb_root *root, struct rb_node *n)
{
    n->parent_color = RB_BLACK;
    n->left = n->right = NULL;
    root->node = root->leftmost = n;
}

/* Rebalances after rb_link(); leftmost: every step of the walk went left. */
void rb_insert(struct rb_root *root, struct rb_node *n, bool leftmost);
void rb_erase(struct rb_root *root, struct rb_node *n);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
struct rb_node *rb_last(const struct rb_root *root);

static inline struct rb_node *rb_first(const struct rb_root *root)
{
    return root->leftmost;
}

#endif
