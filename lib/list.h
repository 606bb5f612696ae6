/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h: circular doubly linked list, links embedded in the objects. No locking.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(l) \
    {                \
        &(l), &(l)   \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_link(struct list *n, struct list *prev, struct list *next)
{
    n->next = next;
    n->prev = prev;
    prev->next = n;
    next->prev = n;
}

/* First in the list. */
static inline void list_push(struct list *head, struct list *n)
{
    list_link(n, head, head->next);
}

/* Last in the list. */
static inline void list_append(struct list *head, struct list *n)
{
    list_link(n, head->prev, head);
}

/* Unlinks n and leaves it an empty list, so that a second removal is harmless. */
static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/* Moves all of from to the end of to. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(l, type, member) container_of(l, type, member)
#define list_first(head, type, member) \
    (list_empty(head) ? (type *)NULL : list_entry((head)->next, type, member))
#define list_last(head, type, member) \
    (list_empty(head) ? (type *)NULL : list_entry((head)->prev, type, member))
#define list_for_each(p, head, member)                                               \
    for (p = list_entry((head)->next, __typeof__(*p), member); &p->member != (head); \
         p = list_entry(p->member.next, __typeof__(*p), member))
/* p may be removed (and freed) in the body */
#define list_for_each_safe(p, n, head, member)                  \
    for (p = list_entry((head)->next, __typeof__(*p), member),  \
        n = list_entry(p->member.next, __typeof__(*p), member); \
         &p->member != (head); p = n, n = list_entry(n->member.next, __typeof__(*n), member))

#endif
