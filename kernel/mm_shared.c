/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_shared.c: shared anonymous memory: a mapping without a file, which its VMAs keep alive. */
#include "kernel/mapping.h"
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "lib/string.h"

struct shared_anon {
    struct mapping mapping; /* first: the object is its own vma.file */
    refcount_t refs;
    uint64_t size;   /* bytes */
    uint32_t number; /* shown as the inode */
};

static void shared_get(void *file)
{
    ref_get(&((struct shared_anon *)file)->refs);
}

static void shared_put(void *file)
{
    struct shared_anon *s = file;

    if (!ref_put(&s->refs))
        return;
    mapping_destroy(&s->mapping);
    kfree(s);
}

static uint64_t shared_size(void *file)
{
    return ((struct shared_anon *)file)->size; /* a mapping that mremap() enlarged goes beyond it */
}

static size_t shared_name(void *file, char *buf, size_t size)
{
    return str_copy(buf, "/dev/zero (deleted)", size);
}

static void shared_ident(void *file, dev_t *dev, ino_t *ino)
{
    *dev = 1; /* Linux's internal shared-memory mount */
    *ino = ((struct shared_anon *)file)->number;
}

static void shared_accessed(void *file)
{
}

const struct vma_file_ops anon_vma_ops = { shared_get,  shared_put,   shared_size,
                                           shared_name, shared_ident, shared_accessed };

struct mapping *mapping_new_anon(uint64_t size)
{
    static uint32_t last_number = 1024;
    struct shared_anon *s = kmalloc(sizeof(*s));

    if (!s)
        return NULL;
    s->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    mapping_init(&s->mapping, NULL, s);
    s->mapping.pinned = true;
    ref_init(&s->refs);
    s->size = size;
    return &s->mapping;
}
