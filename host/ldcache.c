/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout is glibc's sysdeps/generic/dl-cache.h; ldconfig writes it, ld.so reads it. */
#include "host/ldcache.h"
#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MAGIC           "glibc-ld.so.cache1.1"
#define FLAGS_X8664_LIB 0x0303 /* FLAG_X8664_LIB64 | FLAG_ELF_LIBC6 */
#define ENDIAN_LITTLE   2
#define MAX_CACHE_FILE  (64 * 1024 * 1024)

struct cache_header {
    char magic[20];
    uint32_t nr_libs;
    uint32_t len_strings;
    uint8_t flags;
    uint8_t padding[3];
    uint32_t extension_offset;
    uint32_t unused[3];
};
static_assert(sizeof(struct cache_header) == 48, "glibc's struct cache_file_new");

struct cache_entry {
    int32_t flags;
    uint32_t key, value; /* offsets of strings from the header */
    uint32_t osversion;
    uint64_t hwcap; /* 0 for the plain library */
};
static_assert(sizeof(struct cache_entry) == 24, "glibc's struct file_entry_new");

struct ldcache {
    char *data;
    size_t len;
    const struct cache_entry *entries;
    size_t nr;
};

static char *read_file(const char *path, size_t *len)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > MAX_CACHE_FILE)
        return NULL;
    char *p = xmalloc(st.st_size + 1);
    ssize_t n = read(fd, p, st.st_size);

    if (n < 0) {
        free(p);
        return NULL;
    }
    p[n] = 0; /* so that every string in it ends */
    *len = n;
    return p;
}

struct ldcache *ldcache_open(const char *path)
{
    struct ldcache *c = xcalloc(1, sizeof(*c));
    struct cache_header h;

    c->data = read_file(path, &c->len);
    if (!c->data || c->len < sizeof(h))
        goto fail;
    memcpy(&h, c->data, sizeof(h));
    if (memcmp(h.magic, MAGIC, sizeof(h.magic)) ||
        h.nr_libs > (c->len - sizeof(h)) / sizeof(struct cache_entry))
        goto fail;
    c->entries = (const void *)(c->data + sizeof(h));
    c->nr = h.nr_libs;
    return c;
fail:
    ldcache_free(c);
    return NULL;
}

void ldcache_free(struct ldcache *c)
{
    if (!c)
        return;
    free(c->data);
    free(c);
}

static const char *string_at(const struct ldcache *c, uint32_t off)
{
    return off < c->len ? c->data + off : "";
}

void ldcache_lookup(const struct ldcache *c, const char *name, struct strv *paths)
{
    for (int hwcap = 0; hwcap < 2; hwcap++) {
        for (size_t i = 0; i < c->nr; i++) {
            const struct cache_entry *e = &c->entries[i];

            if (e->flags == FLAGS_X8664_LIB && !!e->hwcap == hwcap && !strcmp(string_at(c, e->key), name))
                strv_add(paths, string_at(c, e->value));
        }
    }
}

bool ldcache_filter(const struct ldcache *c, bool (*keep)(const char *, void *), void *arg, struct buf *out)
{
    struct cache_header h = { .flags = ENDIAN_LITTLE };
    _cleanup_buf_ struct buf entries = { 0 }, strings = { 0 };
    _cleanup_free_ size_t *kept = xcalloc(c->nr, sizeof(*kept));

    memcpy(h.magic, MAGIC, sizeof(h.magic));
    for (size_t i = 0; i < c->nr; i++) {
        const struct cache_entry *e = &c->entries[i];

        if (e->flags == FLAGS_X8664_LIB && !e->hwcap && keep(string_at(c, e->value), arg))
            kept[h.nr_libs++] = i;
    }
    size_t base = sizeof(h) + h.nr_libs * sizeof(struct cache_entry);

    for (size_t k = 0; k < h.nr_libs; k++) {
        struct cache_entry e = c->entries[kept[k]];
        const char *key = string_at(c, e.key), *value = string_at(c, e.value);

        e.key = base + strings.len;
        buf_add(&strings, key, strlen(key) + 1);
        e.value = base + strings.len;
        buf_add(&strings, value, strlen(value) + 1);
        buf_add(&entries, &e, sizeof(e));
    }
    h.len_strings = strings.len;
    buf_add(out, &h, sizeof(h));
    buf_add(out, entries.p ? entries.p : "", entries.len);
    buf_add(out, strings.p ? strings.p : "", strings.len);
    return h.nr_libs > 0;
}
