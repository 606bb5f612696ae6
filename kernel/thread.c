/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads' making and end. */
#include "kernel/thread.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/watchdog.h"
#include "lib/string.h"

#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)

static struct slab_cache thread_cache = SLAB_CACHE(struct thread);

static void free_stack_pages(struct page *p)
{
    while (p) {
        struct page *next = (struct page *)p->link.next;

        page_free(p);
        p = next;
    }
}

/* A stack that waits for the next thread: mapping another one costs more than keeping it. At its lowest address. */
struct free_stack {
    struct free_stack *next;
    struct page *pages;
};
#define FREE_STACKS_MAX 4 /* of each CPU */

static bool take_free_stack(struct thread *t)
{
    struct cpu *c = this_cpu();
    struct free_stack *s = c->free_stacks;

    if (!s)
        return false;
    c->free_stacks = s->next;
    c->nr_free_stacks--;
    t->kstack = s;
    t->stack_pages = s->pages;
    return true;
}

static bool keep_free_stack(struct thread *t)
{
    struct cpu *c = this_cpu();
    struct free_stack *s = t->kstack;

    if (c->nr_free_stacks == FREE_STACKS_MAX || c->in_irq)
        return false;
    s->pages = t->stack_pages;
    s->next = c->free_stacks;
    c->free_stacks = s;
    c->nr_free_stacks++;
    return true;
}

/* Single pages, mapped side by side with an unmapped one below: an overflow faults instead of corrupting. */
static bool alloc_stack(struct thread *t)
{
    struct page *pages[STACK_PAGES];

    if (take_free_stack(t))
        return true;
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        pages[i] = page_alloc(PAGE_WAIT);
        if (!pages[i])
            goto free_pages;
        pages[i]->link.next = (struct list *)t->stack_pages;
        t->stack_pages = pages[i];
    }
    t->kstack = kernel_map_pages(pages, STACK_PAGES, 1);
    if (t->kstack)
        return true;
free_pages:
    free_stack_pages(t->stack_pages);
    return false;
}

struct thread *thread_new(const char *name)
{
    struct thread *t = slab_zalloc(&thread_cache);

    if (!t)
        return NULL;
    if (!alloc_stack(t)) {
        slab_free(&thread_cache, t);
        return NULL;
    }
    str_copy(t->name, name, sizeof(t->name));
    ref_init(&t->refs);
    t->state = T_BLOCKED;
    t->cpu = this_cpu()->id;
    t->affinity = ~0ull;
    t->weight = 1024;
    watchdog_add(t);
    return t;
}

/* A kernel thread's first function. */
static void kthread_main(void *unused)
{
    current->fn(current->arg);
    thread_exit();
}

struct thread *kthread_new(const char *name, void (*fn)(void *), void *arg)
{
    struct thread *t = thread_new(name);

    if (!t)
        return NULL;
    t->fn = fn;
    t->arg = arg;
    arch_thread_init(t, kthread_main, NULL);
    thread_wake(t);
    return t;
}

void thread_get(struct thread *t)
{
    ref_get(&t->refs);
}

void thread_put(struct thread *t)
{
    if (!ref_put(&t->refs))
        return;
    if (t->release)
        t->release(t);
    watchdog_remove(t);
    arch_thread_free(t);
    if (!keep_free_stack(t)) {
        kernel_unmap_pages(t->kstack, STACK_PAGES);
        free_stack_pages(t->stack_pages);
    }
    slab_free(&thread_cache, t);
}
