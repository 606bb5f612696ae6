/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads' making and end. */
#include "kernel/thread.h"
#include "kernel/arch.h"
#include "kernel/kstack.h"
#include "kernel/slab.h"
#include "kernel/watchdog.h"
#include "lib/string.h"

static struct slab_cache thread_cache = SLAB_CACHE(struct thread);

struct thread *thread_new(const char *name)
{
    struct thread *t = slab_zalloc(&thread_cache);

    if (!t)
        return NULL;
    if (!kstack_alloc(t)) {
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
    kstack_free(t);
    slab_free(&thread_cache, t);
}
