/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black tree (Cormen et al., Introduction to Algorithms, ch. 13) with the colour in the parent link's low bit:
 * 0 red, 1 black. A missing child counts as black.
 */
#include "lib/rbtree.h"

static inline struct rb_node *parent(const struct rb_node *n)
{
    return (struct rb_node *)(n->parent_color & ~(uintptr_t)1);
}

static inline bool is_red(const struct rb_node *n)
{
    return n && !(n->parent_color & 1);
}

static inline void set_black(struct rb_node *n)
{
    n->parent_color |= 1;
}

static inline void set_red(struct rb_node *n)
{
    n->parent_color &= ~(uintptr_t)1;
}

static inline void set_parent(struct rb_node *n, struct rb_node *p)
{
    n->parent_color = (uintptr_t)p | (n->parent_color & 1);
}

/* Puts n in the place of old below old's parent p. */
static inline void replace_child(struct rb_root *root, struct rb_node *p, struct rb_node *old,
                                 struct rb_node *n)
{
    if (!p)
        root->node = n;
    else if (p->left == old)
        p->left = n;
    else
        p->right = n;
}

static void rotate(struct rb_root *root, struct rb_node *n, bool to_left)
{
    struct rb_node *up = to_left ? n->right : n->left, *inner = to_left ? up->left : up->right;
    struct rb_node *p = parent(n);

    if (to_left) {
        n->right = inner;
        up->left = n;
    } else {
        n->left = inner;
        up->right = n;
    }
    if (inner)
        set_parent(inner, n);
    set_parent(up, p);
    replace_child(root, p, n, up);
    set_parent(n, up);
}

void rb_insert(struct rb_root *root, struct rb_node *n, bool leftmost)
{
    struct rb_node *p;

    if (leftmost)
        root->leftmost = n;
    while ((p = parent(n)) && is_red(p)) {
        struct rb_node *g = parent(p); /* exists: a root is black */
        bool left = g->left == p;
        struct rb_node *uncle = left ? g->right : g->left;

        if (is_red(uncle)) {
            set_black(p);
            set_black(uncle);
            set_red(g);
            n = g;
            continue;
        }
        if (n == (left ? p->right : p->left)) {
            rotate(root, p, left);
            p = n;
        }
        set_black(p);
        set_red(g);
        rotate(root, g, !left);
        break;
    }
    set_black(root->node);
}

/* The subtree at n (maybe missing) below p is one black short. */
static void erase_fix(struct rb_root *root, struct rb_node *n, struct rb_node *p)
{
    while (p && !is_red(n)) {
        bool left = p->left == n;
        struct rb_node *s = left ? p->right : p->left;

        if (is_red(s)) {
            set_black(s);
            set_red(p);
            rotate(root, p, left);
            s = left ? p->right : p->left;
        }
        struct rb_node *near = left ? s->left : s->right, *far = left ? s->right : s->left;

        if (!is_red(near) && !is_red(far)) {
            set_red(s);
            n = p;
            p = parent(n);
            continue;
        }
        if (!is_red(far)) {
            set_black(near);
            set_red(s);
            rotate(root, s, !left);
            far = s;
            s = near;
        }
        if (is_red(p))
            set_red(s);
        else
            set_black(s);
        set_black(p);
        set_black(far);
        rotate(root, p, left);
        return;
    }
    if (n)
        set_black(n);
}

void rb_erase(struct rb_root *root, struct rb_node *n)
{
    struct rb_node *child, *p;
    bool red;

    if (root->leftmost == n)
        root->leftmost = rb_next(n);
    if (n->left && n->right) {
        struct rb_node *s = n->right; /* the successor takes n's place */

        while (s->left)
            s = s->left;
        child = s->right;
        red = is_red(s);
        p = parent(s);
        if (p == n) {
            p = s;
        } else {
            p->left = child;
            if (child)
                set_parent(child, p);
            s->right = n->right;
            set_parent(s->right, s);
        }
        s->left = n->left;
        set_parent(s->left, s);
        s->parent_color = n->parent_color;
        replace_child(root, parent(n), n, s);
    } else {
        child = n->left ? n->left : n->right;
        red = is_red(n);
        p = parent(n);
        if (child)
            set_parent(child, p);
        replace_child(root, p, n, child);
    }
    if (!red)
        erase_fix(root, child, p);
}

struct rb_node *rb_next(const struct rb_node *n)
{
    struct rb_node *p;

    if (n->right) {
        p = n->right;
        while (p->left)
            p = p->left;
        return p;
    }
    while ((p = parent(n)) && n == p->right)
        n = p;
    return p;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
    struct rb_node *p;

    if (n->left) {
        p = n->left;
        while (p->right)
            p = p->right;
        return p;
    }
    while ((p = parent(n)) && n == p->left)
        n = p;
    return p;
}

struct rb_node *rb_last(const struct rb_root *root)
{
    struct rb_node *n = root->node;

    while (n && n->right)
        n = n->right;
    return n;
}
