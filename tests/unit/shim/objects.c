/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel objects over malloc(), for tests of what uses them: ASan sees each one. */
#include "kernel/slab.h"
#include "lib/string.h"
#include "shim.h"
#include <stdlib.h>

long shim_live_objects;

void *kmalloc(size_t size)
{
    void *p = shim_alloc_fails() ? NULL : aligned_alloc(16, ALIGN_UP(size ? size : 1, 16));

    if (p) {
        shim_live_objects++;
        memset(p, 0xa5, size);
    }
    return p;
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);

    return p ? memset(p, 0, size) : NULL;
}

void kfree(void *p)
{
    if (p)
        shim_live_objects--;
    free(p);
}

void *krealloc(void *p, size_t old_size, size_t new_size)
{
    void *n = kmalloc(new_size);

    if (!n)
        return NULL;
    if (p)
        memcpy(n, p, MIN(old_size, new_size));
    kfree(p);
    return n;
}

char *kstrdup(const char *s)
{
    char *d = kmalloc(strlen(s) + 1);

    return d ? strcpy(d, s) : NULL;
}

void *slab_alloc_slow(struct slab_cache *c)
{
    return kmalloc(c->size);
}

void slab_free_slow(struct slab_cache *c, void *p)
{
    kfree(p);
}

void *slab_zalloc(struct slab_cache *c)
{
    return kzalloc(c->size);
}

size_t slab_show(char *buf, size_t size)
{
    return 0;
}
