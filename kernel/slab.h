/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.h: kernel objects. Per-CPU free lists in front of slabs of one page or more.
 * Never sleeps, any context. DEBUG poisons freed objects and checks for double frees.
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "lib/types.h"

#include "kernel/cpu.h"

/* Size-classed allocation; alignment 16, or the size when a power of two. Above 2048 bytes: whole pages. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void *krealloc(void *p, size_t old_size, size_t new_size); /* on failure NULL, and p stands */
void kfree(void *p);                                       /* NULL is fine */
char *kstrdup(const char *s);

#ifndef SLAB_CHECKS
#define SLAB_CHECKS DEBUG /* poison, and no per-CPU lists, so that each free is checked */
#endif

/* A cache of equal objects, at most half a page each. Static: declare with SLAB_CACHE(). */
struct slab_cache {
    const char *name;
    uint32_t size, align;
    struct spinlock lock;
    uint16_t id;       /* index of the per-CPU list; 0: none yet [lock] */
    uint16_t stride;   /* bytes from object to object; 0: not yet used [lock] */
    uint16_t keep;     /* objects that one CPU may keep; 0: 8 to 32, about half a page where that is more */
    uint32_t nr_pages; /* [lock] */
    struct page *partial; /* slabs with free objects, linked through link [lock] */
};
#define SLAB_CACHE(type) SLAB_CACHE_SIZED(#type, sizeof(type), _Alignof(type))
#define SLAB_CACHE_SIZED(n, s, a)                                          \
    {                                                                      \
        .name = n, .size = s, .align = a, .lock = SPINLOCK_INIT(RANK_SLAB) \
    }

void *slab_alloc_slow(struct slab_cache *c);
void slab_free_slow(struct slab_cache *c, void *p);

/* Not zeroed. */
static inline void *slab_alloc(struct slab_cache *c)
{
#if !SLAB_CHECKS
    struct cpu *cpu = this_cpu();
    struct slab_cpu *s = &cpu->slab[c->id];
    void *p = s->free;

    if (likely(p && !cpu->in_irq)) {
        s->free = *(void **)p;
        s->nr--;
        return p;
    }
#endif
    return slab_alloc_slow(c);
}

static inline void slab_free(struct slab_cache *c, void *p)
{
#if !SLAB_CHECKS
    struct cpu *cpu = this_cpu();
    struct slab_cpu *s = &cpu->slab[c->id];

    if (likely(s->nr < s->limit && !cpu->in_irq)) {
        *(void **)p = s->free;
        s->free = p;
        s->nr++;
        return;
    }
#endif
    slab_free_slow(c, p);
}

void *slab_zalloc(struct slab_cache *c);
/* One line per cache into buf, for /proc/slabinfo-like listings; returns the length. */
size_t slab_show(char *buf, size_t size);

#endif
